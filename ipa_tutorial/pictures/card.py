"""The Algorithm 22 card: the twelve lines, typeset anew, those of one lesson lit."""

from __future__ import annotations

from collections.abc import Collection

from matplotlib.figure import Figure

from .typeset import Sheet

WIDTH, ROW, TALL_ROW = 860, 32, 58  # points: the card, a line, line 7
NUMBER, FORMULA, WORDS = 100, 112, 838  # where a number ends, a formula begins and the words end

# Formula and what it does. [scalar …], [pair …] and [point …] take that term's colour; [tall …] is a large bracket.
LINES = (
    (
        r"[scalar \mathbf{q}_i^h,\ \mathbf{k}_i^h,\ \mathbf{v}_i^h]\,=\,\mathrm{LinearNoBias}(\mathbf{s}_i)"
        r"[grey \quad\in\mathbb{R}^c]",
        "scalar queries, keys and values",
    ),
    (
        r"[point \vec{\mathbf{q}}_i^{\,hp},\ \vec{\mathbf{k}}_i^{\,hp}]\,=\,\mathrm{LinearNoBias}(\mathbf{s}_i)"
        r"[grey \quad\in\mathbb{R}^3,\quad p\leq N_\mathrm{query\ points}]",
        "query and key points, in the residue’s own frame",
    ),
    (
        r"[point \vec{\mathbf{v}}_i^{\,hp}]\,=\,\mathrm{LinearNoBias}(\mathbf{s}_i)"
        r"[grey \quad\in\mathbb{R}^3,\quad p\leq N_\mathrm{point\ values}]",
        "value points, in the same frame",
    ),
    (r"[pair b_{ij}^h]\,=\,\mathrm{LinearNoBias}(\,[pair \mathbf{z}_{ij}]\,)", "what the pair says, for each head"),
    (r"w_C\,=\,\sqrt{2\,/\,(9\,N_\mathrm{query\ points})}", "lets the point term vary as much as the others"),
    (r"w_L\,=\,\sqrt{1\,/\,3}", "keeps the sum of three terms at variance one"),
    (
        r"a_{ij}^h\,=\,\mathrm{softmax}_j[tall (]\,w_L[tall (]"
        r"[scalar \dfrac{1}{\sqrt{c}}\,\mathbf{q}_i^{h\top}\mathbf{k}_j^h]\,+\,[pair b_{ij}^h]\,-\,"
        r"[point \dfrac{\gamma^h w_C}{2}{\sum}_p\,\Vert\,T_i\circ\vec{\mathbf{q}}_i^{\,hp}-\,"
        r"T_j\circ\vec{\mathbf{k}}_j^{\,hp}\,\Vert^2][tall )][tall )]",
        "weights: [scalar alike] + [pair related] + [point near]",
    ),
    (r"[pair \tilde{\mathbf{o}}_i^h]\,=\,{\sum}_j\,a_{ij}^h\,[pair \mathbf{z}_{ij}]", "collects what the pairs know"),
    (r"[scalar \mathbf{o}_i^h]\,=\,{\sum}_j\,a_{ij}^h\,[scalar \mathbf{v}_j^h]", "collects the scalar values"),
    (
        r"[point \vec{\mathbf{o}}_i^{\,hp}]\,=\,T_i^{-1}\circ\,{\sum}_j\,a_{ij}^h\,"
        r"(\,T_j\circ[point \vec{\mathbf{v}}_j^{\,hp}]\,)",
        "collects points in the world, brings them home",
    ),
    (
        r"\tilde{\mathbf{s}}_i\,=\,\mathrm{Linear}\,(\,\mathrm{concat}_{h,p}\,(\,[pair \tilde{\mathbf{o}}_i^h],\ "
        r"[scalar \mathbf{o}_i^h],\ [point \vec{\mathbf{o}}_i^{\,hp},\ \Vert\vec{\mathbf{o}}_i^{\,hp}\Vert]\,)\,)",
        "mixes all of it, lengths included",
    ),
    (r"\mathbf{return}\ \{\,\tilde{\mathbf{s}}_i\,\}", "one vector for each residue"),
)
SIGNATURE = (
    r"\mathrm{InvariantPointAttention}(\,\{\mathbf{s}_i\},\,[pair \{\mathbf{z}_{ij}\}],\,\{T_i\}"
    r"[grey ,\ N_\mathrm{head}=12,\ c=16,\ N_\mathrm{query\ points}=4,\ N_\mathrm{point\ values}=8]\,)"
)
STAGES = {1: "propose", 5: "weigh", 8: "collect", 11: "mix"}  # each from this line on


def algorithm_card(lines: Collection[int] = (), dark: bool = False) -> Figure:
    """Algorithm 22 as a figure, 860 by 498 points.

    Args:
        lines: the numbers of those to light, 1 to 12: in colour, on a band, with a ▶; the others are grey. None of them
            or all of them: the plain card, everything in colour.
        dark: for a dark page.
    """
    lit = set(lines)
    if not lit <= set(range(1, len(LINES) + 1)):
        raise ValueError(f"lines must be among 1 to {len(LINES)}, got {sorted(lines)}")
    plain = len(lit) in (0, len(LINES))
    sheet = Sheet(WIDTH, 88 + 11 * ROW + TALL_ROW, dark)
    sheet.box(1, 1, WIDTH - 2, sheet.height - 2, "paper", "rule", radius=10, lw=1, zorder=0)
    sheet.write(22, 34, "Algorithm 22", size=16, weight="bold")
    sheet.write(150, 34, "Invariant point attention", "grey", 16)
    sheet.set_line(22, 62, SIGNATURE, 13.5)
    top = 78.0
    for number, (formula, words) in enumerate(LINES, 1):
        tall = TALL_ROW if number == 7 else ROW
        _row(sheet, number, top, tall, formula, words, plain or number in lit, not plain and number in lit)
        top += tall
    return sheet.figure


def _row(sheet: Sheet, number: int, top: float, tall: float, formula: str, words: str, bright: bool, lit: bool) -> None:
    base = top + tall / 2 + 5.5
    if number in STAGES:
        sheet.ax.plot([22, WORDS], [top, top], color=sheet.colours["rule"], ls="-", lw=0.8, marker="", zorder=1)
        sheet.write(22, base, STAGES[number], "grey", 11, style="italic")
    if lit:
        sheet.box(12, top + 1.5, WIDTH - 24, tall - 3, "band", radius=5, zorder=1)
        sheet.write(71, base, "▶", "mark", 11)
    weight = "bold" if lit else "normal"
    sheet.write(NUMBER, base, str(number), "ink" if bright else "grey", 12, ha="right", weight=weight)
    sheet.set_line(FORMULA, base, formula, 16, only=None if bright else "grey")
    sheet.set_words(WORDS, base, words, 12, only=None if bright else "grey")
