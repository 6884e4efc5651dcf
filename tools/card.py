"""The algorithms' cards: Algorithm 22, those lines lit that a notebook builds, and the smaller ones around it.

A notebook asks for a card by a comment, ``<!-- algorithm-22-card: 2 3 -->`` (or ``all``), or ``<!-- algorithm-23-card
-->``; build.py puts the card below it, up to the closing comment. A card is a picture (asset/card, drawn by
pictures/card.py, where the lines are written) and, folded below it, the same lines as a table: to copy, for a screen
reader, and for Colab, which opens a notebook without the files beside it.
"""

import re

from ipa_tutorial.pictures.card import LINES, OTHERS, SIGNATURE
from ipa_tutorial.pictures.typeset import pieces

CARD = re.compile(
    r"<!-- algorithm-(\d+)-card(?::([^>]*?))?\s*-->"
    r"(?:(?:(?!<!-- algorithm-\d+-card).)*?<!-- /algorithm-\1-card -->)?",
    re.S,
)


# A sign of the picture's formulas, and how Markdown readers take it: they would end a table's cell at "|", and take a
# backslash before a sign (\\{ ) for an escape.
SIGNS = {r"\,": " ", r"\ ": "~", r"\{": r"\lbrace ", r"\}": r"\rbrace ", r"\mathrm{\AA}": r"\text{Å}"}


def in_markdown(formula: str) -> str:
    """A formula of the picture without its colours and fine spaces, its tall brackets written as such."""
    tall = {"(": r"\left(", ")": r"\right)"}
    text = "".join(tall[part] if tag == "tall" else part for tag, part in pieces(formula))
    for sign, other in SIGNS.items():
        text = text.replace(sign, other)
    text = re.sub(r"(?<=[{(]) +| +(?=[,})])", "", text)
    return f"${re.sub(' +', ' ', text).strip()}$"


def plain(words: str) -> str:
    """Words of the picture without their colours."""
    return "".join(part for _, part in pieces(words))


def lit_lines(request: str) -> list[int]:
    """``"2 3"`` → [2, 3], ``"all"`` → 1…12."""
    words = request.split()
    if words == ["all"]:
        return list(range(1, len(LINES) + 1))
    if not words or not all(word.isdecimal() and 1 <= int(word) <= len(LINES) for word in words):
        raise ValueError(f"algorithm-22-card: expected line numbers 1 to 12 or 'all', got {request!r}")
    return sorted({int(word) for word in words})


def render(number: int, request: str | None = None) -> str:
    """The whole card, opening and closing comment included: of Algorithm 22 for a request such as ``"2 3"``."""
    if number == 22:
        return _card(22, f": {' '.join((request or '').split())}", *algorithm_22(lit_lines(request or "")))
    if number not in OTHERS or request is not None:
        raise ValueError(
            f"algorithm-{number}-card: there are cards of 22, with lines, and of {sorted(OTHERS)}, without"
        )
    _, signature, lines = OTHERS[number]
    rows = [f"| {label} | {in_markdown(formula)} | {plain(words)} |" for label, formula, words in lines]
    cut = " Lines that only compute a loss are left out." if number == 20 else ""
    source = f"Algorithm {number} of the supplement of Jumper et al. (2021), typeset anew.{cut}"
    head = ["| line | formula | what it does |", "|:-:|:--|:--|"]
    return _card(number, "", f"algorithm-{number}", alt_text(number), source, in_markdown(signature), [*head, *rows])


def algorithm_22(lit: list[int]) -> tuple[str, str, str, str, list[str]]:
    """Picture, alt text, caption, signature and table."""
    rows = [
        f"| ▶ | **{number}** | {formula} | **{words}** |" if number in lit else f"| | {number} | {formula} | {words} |"
        for number, (formula, words) in enumerate(((in_markdown(line), plain(words)) for line, words in LINES), 1)
    ]
    source = f"Algorithm 22 of the supplement of Jumper et al. (2021), typeset anew. {caption(lit)}"
    head = ["| | line | formula | what it does |", "|:-:|:-:|:--|:--|"]
    return picture_name(lit), in_words(lit), source, in_markdown(SIGNATURE), [*head, *rows]


def _card(number: int, request: str, picture: str, alt: str, source: str, signature: str, table: list[str]) -> str:
    return "\n".join(
        [
            f"<!-- algorithm-{number}-card{request} -->",
            "",
            f"![{alt}](../asset/card/{picture}.svg)",
            "",
            f"*{source}*",
            "",
            f"<details><summary>The {'twelve ' if number == 22 else ''}lines as text</summary>",
            "",
            f"**Algorithm {number}.** {signature}",
            "",
            *table,
            "",
            "</details>",
            f"<!-- /algorithm-{number}-card -->",
        ]
    )


def alt_text(number: int) -> str:
    """What the picture of another algorithm shows."""
    title, _, lines = OTHERS[number]
    does = "; ".join(f"{label}, {plain(words)}" for label, _, words in lines)
    name = title[0].lower() + title[1:]
    return f"Algorithm {number} on a card, {name}. Lines {does}. The same lines as text are folded below."


def picture_name(lit: list[int]) -> str:
    """``[2, 3]`` → ``"lines-2-3"``; all or none → ``"plain"``."""
    return f"lines-{'-'.join(map(str, lit))}" if 0 < len(lit) < len(LINES) else "plain"


def in_words(lit: list[int]) -> str:
    """The alt text of the picture."""
    words = "Algorithm 22 on a card: twelve lines, each a formula and what it does"
    if not 0 < len(lit) < len(LINES):
        return f"{words}. The same lines as text are folded below."
    does = "; ".join(f"line {number}, {plain(LINES[number - 1][1])}" for number in lit)
    return f"{words}. Lit: {does}. The same lines as text are folded below."


def caption(lit: list[int]) -> str:
    if len(lit) == len(LINES):
        return "This notebook is about all twelve lines."
    if len(lit) == 1:
        return f"This notebook builds line {lit[0]} (lit, ▶)."
    return f"This notebook builds lines {', '.join(map(str, lit[:-1]))} and {lit[-1]} (lit, ▶)."


def with_cards(markdown: str) -> str:
    """The text with every card that it asks for written, or written again."""
    return CARD.sub(lambda match: render(int(match[1]), match[2]), markdown)
