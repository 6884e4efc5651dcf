"""The algorithms' cards: Algorithm 22, those lines lit that a notebook builds, and the smaller ones around it.

A notebook asks for a card by a comment, ``<!-- algorithm-22-card: 2 3 -->`` (or ``all``), or ``<!-- algorithm-23-card
-->``; build.py puts the card below it, up to the closing comment. A card is a picture (asset/card, drawn by
pictures/card.py) and, folded below it, the same lines as a table: to copy, for a screen reader, and for Colab, which
opens a notebook without the files beside it.
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

# {number: (title, signature, [(lines, formula, what it does)])} of the other algorithms. What only computes a loss is
# left out of Algorithm 20, and lines that do the same in turn are one.
OTHERS = {
    20: (
        "Structure module",
        r"$\mathrm{StructureModule}(\lbrace\mathbf s_i^\mathrm{initial}\rbrace, \lbrace\mathbf z_{ij}\rbrace)$",
        (
            (
                "1–2",
                r"$\mathbf s_i^\mathrm{initial}, \mathbf z_{ij} \leftarrow \mathrm{LayerNorm}$",
                "tidies what it is given",
            ),
            ("3", r"$\mathbf s_i = \mathrm{Linear}(\mathbf s_i^\mathrm{initial})$", "the state to work on"),
            ("4", r"$T_i = (I, \vec{0})$", "every residue at the origin, the black hole"),
            ("5", r"$\mathbf{for~all}~l \in [1, \ldots, 8]$", "with the same weights each time"),
            (
                "6–9",
                r"$\mathbf s_i \leftarrow \mathrm{block}(\mathbf s_i, \mathbf z_{ij}, T_i)$",
                "Algorithm 22, then a small network",
            ),
            (
                "10",
                r"$T_i \leftarrow T_i \circ \mathrm{BackboneUpdate}(\mathbf s_i)$",
                "a step in the residue's own frame",
            ),
            (
                "11–14",
                r"$\alpha_i^f = \mathrm{ResNet}(\mathbf s_i, \mathbf s_i^\mathrm{initial})$",
                "seven torsion angles for each residue",
            ),
            (
                "20",
                r"$T_i \leftarrow (\mathrm{stopgrad}(R_i), \vec{\mathbf t}_i)$",
                "no gradient through the rotations of earlier steps",
            ),
            (
                "24",
                r"$\vec{\mathbf x}_i^a = \mathrm{computeAllAtomCoordinates}(T_i, \alpha_i^f)$",
                "every atom",
            ),
        ),
    ),
    21: (
        "A frame from three atoms",
        r"$\mathrm{rigidFrom3Points}(\vec{\mathbf x}_1, \vec{\mathbf x}_2, \vec{\mathbf x}_3)$: N, Cα, C",
        (
            ("1", r"$\vec{\mathbf v}_1 = \vec{\mathbf x}_3 - \vec{\mathbf x}_2$", "from Cα to C"),
            ("2", r"$\vec{\mathbf v}_2 = \vec{\mathbf x}_1 - \vec{\mathbf x}_2$", "from Cα to N"),
            (
                "3",
                r"$\vec{\mathbf e}_1 = \vec{\mathbf v}_1 / \lVert \vec{\mathbf v}_1 \rVert$",
                "the x axis, of length one",
            ),
            (
                "4",
                r"$\vec{\mathbf u}_2 = \vec{\mathbf v}_2 - "
                r"\vec{\mathbf e}_1 (\vec{\mathbf e}_1^\top \vec{\mathbf v}_2)$",
                "takes the part along x away",
            ),
            (
                "5",
                r"$\vec{\mathbf e}_2 = \vec{\mathbf u}_2 / \lVert \vec{\mathbf u}_2 \rVert$",
                "the y axis: N lies on its side",
            ),
            (
                "6",
                r"$\vec{\mathbf e}_3 = \vec{\mathbf e}_1 \times \vec{\mathbf e}_2$",
                "the z axis completes a right hand",
            ),
            (
                "7",
                r"$R = (\vec{\mathbf e}_1, \vec{\mathbf e}_2, \vec{\mathbf e}_3)$",
                "the axes side by side: columns",
            ),
            ("8", r"$\vec{\mathbf t} = \vec{\mathbf x}_2$", "the origin is Cα"),
            ("9", r"$\mathbf{return}~(R, \vec{\mathbf t})$", "the frame"),
        ),
    ),
    23: (
        "Backbone update",
        r"$\mathrm{BackboneUpdate}(\mathbf s_i)$",
        (
            (
                "1",
                r"$b_i, c_i, d_i, \vec{\mathbf t}_i = \mathrm{Linear}(\mathbf s_i)$",
                "six numbers for each residue",
            ),
            (
                "2",
                r"$(a_i, b_i, c_i, d_i) \leftarrow (1, b_i, c_i, d_i) / \sqrt{1 + b_i^2 + c_i^2 + d_i^2}$",
                "three of them become a unit quaternion",
            ),
            ("3", r"$R_i = \mathrm{rotation}(a_i, b_i, c_i, d_i)$", "which is a rotation"),
            (
                "4",
                r"$\mathbf{return}~T_i = (R_i, \vec{\mathbf t}_i)$",
                "and with the other three a small motion",
            ),
        ),
    ),
    24: (
        "All atoms",
        r"$\mathrm{computeAllAtomCoordinates}(T_i, \alpha_i^f, r_i)$",
        (
            ("1", r"$\hat\alpha_i^f = \alpha_i^f / \lVert \alpha_i^f \rVert$", "each angle a point on the circle"),
            (
                "2–10",
                r"$T_i^f = T_i^{\mathrm{carrier}(f)} \circ "
                r"T_{r_i f}^\mathrm{ideal} \circ \mathrm{rotX}(\hat\alpha_i^f)$",
                "each group turns about its own bond, on the one before it",
            ),
            (
                "11",
                r"$\vec{\mathbf x}_i^a = T_i^{f(a)} \circ \vec{\mathbf x}_{r_i a}^\mathrm{ideal}$",
                "each atom at its place in its group",
            ),
        ),
    ),
    28: (
        "Frame-aligned point error",
        r"$\mathrm{computeFAPE}(\lbrace T_i \rbrace, \lbrace \vec{\mathbf x}_j \rbrace, "
        r"\lbrace T_i^\mathrm{true} \rbrace, "
        r"\lbrace \vec{\mathbf x}_j^\mathrm{true} \rbrace)$",
        (
            ("1", r"$\vec{\mathbf x}_{ij} = T_i^{-1} \circ \vec{\mathbf x}_j$", "point $j$ as frame $i$ sees it"),
            (
                "2",
                r"$\vec{\mathbf x}_{ij}^\mathrm{true} = (T_i^\mathrm{true})^{-1} "
                r"\circ \vec{\mathbf x}_j^\mathrm{true}$",
                "the same in the true structure",
            ),
            (
                "3",
                r"$d_{ij} = \sqrt{\lVert \vec{\mathbf x}_{ij} - "
                r"\vec{\mathbf x}_{ij}^\mathrm{true} \rVert^2 + \epsilon}$",
                "how far apart the two sights are",
            ),
            (
                "4",
                r"$\mathcal{L} = \frac{1}{Z}~\mathrm{mean}_{i,j}~\min(d_\mathrm{clamp}, d_{ij})$",
                "their mean, far ones cut off, in units of $Z = 10$ Å",
            ),
        ),
    ),
}

CARD = re.compile(
    r"<!-- algorithm-(\d+)-card(?::([^>]*?))?\s*-->"
    r"(?:(?:(?!<!-- algorithm-\d+-card).)*?<!-- /algorithm-\1-card -->)?",
    re.S,
)


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
    rows = [f"| {label} | {formula} | {words} |" for label, formula, words in lines]
    cut = " Lines that only compute a loss are left out." if number == 20 else ""
    source = f"Algorithm {number} of the supplement of Jumper et al. (2021), typeset anew.{cut}"
    head = ["| line | formula | what it does |", "|:-:|:--|:--|"]
    return _card(number, "", f"algorithm-{number}", alt_text(number), source, signature, [*head, *rows])


def algorithm_22(lit: list[int]) -> tuple[str, str, str, str, list[str]]:
    """Picture, alt text, caption, signature and table."""
    rows = [
        f"| ▶ | **{number}** | {formula} | **{words}** |" if number in lit else f"| | {number} | {formula} | {words} |"
        for number, (formula, words) in enumerate(LINES, 1)
    ]
    source = f"Algorithm 22 of the supplement of Jumper et al. (2021), typeset anew. {caption(lit)}"
    head = ["| | line | formula | what it does |", "|:-:|:-:|:--|:--|"]
    return picture_name(lit), in_words(lit), source, SIGNATURE, [*head, *rows]


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
    does = "; ".join(f"{label}, {re.sub(r'[$]', '', words)}" for label, _, words in lines)
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
    does = "; ".join(f"line {number}, {re.sub(r'[$]', '', LINES[number - 1][1])}" for number in lit)
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
