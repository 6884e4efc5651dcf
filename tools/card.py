"""The Algorithm 22 card: the twelve lines, those of one notebook lit. One template for all notebooks.

A notebook asks for it by a comment, ``<!-- algorithm-22-card: 2 3 -->`` (or ``all``, or ``none``); build.py puts the
card below it, up to the closing comment. The card is a picture (asset/card, drawn by pictures/card.py) and, folded
below it, the same lines as a table: to copy, for a screen reader, and for Colab, which opens a notebook without the
files beside it.
"""

import re

SIGNATURE = (
    r"$\mathrm{InvariantPointAttention}(\lbrace\mathbf{s}_i\rbrace, \lbrace\mathbf{z}_{ij}\rbrace, \lbrace T_i\rbrace, "
    r"N_\mathrm{head}=12, c=16, N_\mathrm{query~points}=4, N_\mathrm{point~values}=8)$"
)

# (formula, what it does). No "|" inside a formula, it would end the table's cell; and no backslash before a sign
# (\\, \\{ ), which some Markdown readers take for an escape.
LINES = (
    (
        r"$\mathbf{q}_i^h, \mathbf{k}_i^h, \mathbf{v}_i^h = \mathrm{LinearNoBias}(\mathbf{s}_i)$, "
        r"each in $\mathbb{R}^c$",
        "scalar queries, keys and values, as in any attention",
    ),
    (
        r"$\vec{\mathbf{q}}_i^{hp}, \vec{\mathbf{k}}_i^{hp} = \mathrm{LinearNoBias}(\mathbf{s}_i)$, "
        r"in $\mathbb{R}^3$, $p \leq N_\mathrm{query~points}$, nm",
        "query and key points, each in its residue's own frame",
    ),
    (
        r"$\vec{\mathbf{v}}_i^{hp} = \mathrm{LinearNoBias}(\mathbf{s}_i)$, "
        r"in $\mathbb{R}^3$, $p \leq N_\mathrm{point~values}$, nm",
        "value points, in the same frame",
    ),
    (r"$b_{ij}^h = \mathrm{LinearNoBias}(\mathbf{z}_{ij})$", "what the pair says: one number for each head"),
    (
        r"$w_C = \sqrt{\frac{2}{9 N_\mathrm{query~points}}}$",
        "makes the point term vary as much as the others",
    ),
    (r"$w_L = \sqrt{\frac{1}{3}}$", "three terms are added: this keeps their sum at variance one"),
    (
        r"$a_{ij}^h = \mathrm{softmax}_j\left( w_L \left( \frac{1}{\sqrt{c}} \mathbf{q}_i^{h\top} \mathbf{k}_j^h "
        r"+ b_{ij}^h - \frac{\gamma^h w_C}{2} \sum_p \left\lVert T_i \circ \vec{\mathbf{q}}_i^{hp} "
        r"- T_j \circ \vec{\mathbf{k}}_j^{hp} \right\rVert^2 \right) \right)$",
        "the attention weights: alike, related, near",
    ),
    (
        r"$\tilde{\mathbf{o}}_i^h = \sum_j a_{ij}^h \mathbf{z}_{ij}$",
        "collects what the pairs know",
    ),
    (r"$\mathbf{o}_i^h = \sum_j a_{ij}^h \mathbf{v}_j^h$", "collects the scalar values"),
    (
        r"$\vec{\mathbf{o}}_i^{hp} = T_i^{-1} \circ \sum_j a_{ij}^h \left( T_j \circ \vec{\mathbf{v}}_j^{hp} \right)$",
        "collects the value points in the world and brings them home to frame $i$",
    ),
    (
        r"$\tilde{\mathbf{s}}_i = \mathrm{Linear}\left( \mathrm{concat}_{h,p}\left( \tilde{\mathbf{o}}_i^h, "
        r"\mathbf{o}_i^h, \vec{\mathbf{o}}_i^{hp}, \lVert \vec{\mathbf{o}}_i^{hp} \rVert \right) \right)$",
        "mixes all of it, lengths included, into the new single representation",
    ),
    (r"$\mathbf{return}~\lbrace\tilde{\mathbf{s}}_i\rbrace$", "hands it back, one vector for each residue"),
)

CLOSING = "<!-- /algorithm-22-card -->"
CARD = re.compile(rf"<!-- algorithm-22-card:([^>]*?)-->(?:(?:(?!<!-- algorithm-22-card:).)*?{CLOSING})?", re.S)


def lit_lines(request: str) -> list[int]:
    """``"2 3"`` → [2, 3], ``"all"`` → 1…12, ``"none"`` → []."""
    words = request.split()
    if words in (["all"], ["none"]):
        return list(range(1, len(LINES) + 1)) if words == ["all"] else []
    if not words or not all(word.isdecimal() and 1 <= int(word) <= len(LINES) for word in words):
        raise ValueError(f"algorithm-22-card: expected line numbers 1 to 12, 'all' or 'none', got {request!r}")
    return sorted({int(word) for word in words})


def render(request: str) -> str:
    """The whole card, opening and closing comment included, for a request such as ``"2 3"``."""
    lit = lit_lines(request)
    rows = [
        f"| ▶ | **{number}** | {formula} | **{words}** |" if number in lit else f"| | {number} | {formula} | {words} |"
        for number, (formula, words) in enumerate(LINES, 1)
    ]
    return "\n".join(
        [
            f"<!-- algorithm-22-card: {' '.join(request.split())} -->",
            "",
            f"![{in_words(lit)}](../asset/card/{picture_name(lit)}.svg)",
            "",
            f"*Algorithm 22 of the supplement of Jumper et al. (2021), typeset anew. {caption(lit)}*",
            "",
            "<details><summary>The twelve lines as text</summary>",
            "",
            f"**Algorithm 22.** {SIGNATURE}",
            "",
            "| | line | formula | what it does |",
            "|:-:|:-:|:--|:--|",
            *rows,
            "",
            "</details>",
            CLOSING,
        ]
    )


def picture_name(lit: list[int]) -> str:
    """``[2, 3]`` → ``"lines-2-3"``; all or none → ``"plain"``."""
    return f"lines-{'-'.join(map(str, lit))}" if 0 < len(lit) < len(LINES) else "plain"


def in_words(lit: list[int]) -> str:
    """The alt text of the picture."""
    words = "Algorithm 22 on a card: twelve lines, each a formula and what it does"
    if not 0 < len(lit) < len(LINES):
        return f"{words}. The same lines as text are folded below."
    does = "; ".join(f"line {number}, {re.sub(r'[$]', '', LINES[number - 1][1])}" for number in lit)
    return f"{words}. Lit: {does}. The same lines as text are folded below."


def caption(lit: list[int]) -> str:
    if not lit:
        return "This notebook is about what stands around these lines, and builds none of them."
    if len(lit) == len(LINES):
        return "This notebook is about all twelve lines."
    if len(lit) == 1:
        return f"This notebook builds line {lit[0]} (lit, ▶)."
    return f"This notebook builds lines {', '.join(map(str, lit[:-1]))} and {lit[-1]} (lit, ▶)."


def with_cards(markdown: str) -> str:
    """The text with every card that it asks for written, or written again."""
    return CARD.sub(lambda match: render(match[1]), markdown)
