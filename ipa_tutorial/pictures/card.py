"""The algorithms' cards, typeset anew: Algorithm 22, the lines of one lesson lit, and those around it."""

from __future__ import annotations

from collections.abc import Collection

from matplotlib.figure import Figure

from .typeset import Sheet

WIDTH, NARROW, ROW, TALL_ROW = 860, 680, 32, 58  # points: the card, a smaller one, a line, line 7
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


# {number: (title, signature, [(lines, formula, what it does, indented)])}
OTHERS = {
    20: (
        "Structure module",
        r"\mathrm{StructureModule}(\,\{\mathbf{s}_i^\mathrm{initial}\},\,[pair \{\mathbf{z}_{ij}\}]\,)",
        (
            (
                "1–2",
                r"\mathbf{s}_i^\mathrm{initial},\ [pair \mathbf{z}_{ij}]\,\leftarrow\,\mathrm{LayerNorm}",
                "tidies what it is given",
            ),
            ("3", r"\mathbf{s}_i\,=\,\mathrm{Linear}(\mathbf{s}_i^\mathrm{initial})", "the state to work on"),
            ("4", r"T_i\,=\,(I,\ \vec{0})", "every residue at the origin, the black hole"),
            ("5", r"\mathbf{for\ all}\ \,l\in[grey \{1,\,\ldots,\,8\}]", "with the same weights each time"),
            (
                "6–9",
                r"\mathbf{s}_i\,\leftarrow\,\mathrm{block}(\mathbf{s}_i,\,[pair \mathbf{z}_{ij}],\,T_i)",
                "Algorithm 22, then a small network",
            ),
            (
                "10",
                r"T_i\,\leftarrow\,T_i\circ\mathrm{BackboneUpdate}(\mathbf{s}_i)",
                "a step in the residue’s own frame",
            ),
            (
                "11–14",
                r"\alpha_i^f\,=\,\mathrm{ResNet}(\mathbf{s}_i,\,\mathbf{s}_i^\mathrm{initial})",
                "seven torsion angles for each residue",
            ),
            (
                "20",
                r"T_i\,\leftarrow\,(\,\mathrm{stopgrad}(R_i),\,\vec{\mathbf{t}}_i\,)",
                "no gradient through earlier rotations",
            ),
            (
                "24",
                r"[point \vec{\mathbf{x}}_i^{\,a}]\,=\,\mathrm{computeAllAtomCoordinates}(T_i,\,\alpha_i^f)",
                "every atom",
            ),
        ),
    ),
    21: (
        "A frame from three atoms",
        r"\mathrm{rigidFrom3Points}([point \vec{\mathbf{x}}_1,\,\vec{\mathbf{x}}_2,\,\vec{\mathbf{x}}_3])"
        r"[grey \quad\mathrm{N,\ C}\alpha\mathrm{,\ C}]",
        (
            ("1", r"\vec{\mathbf{v}}_1\,=\,[point \vec{\mathbf{x}}_3-\vec{\mathbf{x}}_2]", "from Cα to C"),
            ("2", r"\vec{\mathbf{v}}_2\,=\,[point \vec{\mathbf{x}}_1-\vec{\mathbf{x}}_2]", "from Cα to N"),
            (
                "3",
                r"\vec{\mathbf{e}}_1\,=\,\vec{\mathbf{v}}_1\,/\,\Vert\vec{\mathbf{v}}_1\Vert",
                "the x axis, of length one",
            ),
            (
                "4",
                r"\vec{\mathbf{u}}_2\,=\,\vec{\mathbf{v}}_2-\,\vec{\mathbf{e}}_1\,(\vec{\mathbf{e}}_1^{\top}\vec{\mathbf{v}}_2)",
                "takes the part along x away",
            ),
            (
                "5",
                r"\vec{\mathbf{e}}_2\,=\,\vec{\mathbf{u}}_2\,/\,\Vert\vec{\mathbf{u}}_2\Vert",
                "the y axis: N lies on its side",
            ),
            (
                "6",
                r"\vec{\mathbf{e}}_3\,=\,\vec{\mathbf{e}}_1\times\vec{\mathbf{e}}_2",
                "the z axis completes a right hand",
            ),
            (
                "7",
                r"R\,=\,(\,\vec{\mathbf{e}}_1,\ \vec{\mathbf{e}}_2,\ \vec{\mathbf{e}}_3\,)",
                "the axes side by side: columns",
            ),
            ("8", r"\vec{\mathbf{t}}\,=\,[point \vec{\mathbf{x}}_2]", "the origin is Cα"),
            ("9", r"\mathbf{return}\ (R,\,\vec{\mathbf{t}})", "the frame"),
        ),
    ),
    23: (
        "Backbone update",
        r"\mathrm{BackboneUpdate}(\mathbf{s}_i)",
        (
            (
                "1",
                r"b_i,\ c_i,\ d_i,\ \vec{\mathbf{t}}_i\,=\,\mathrm{Linear}(\mathbf{s}_i)",
                "six numbers for each residue",
            ),
            (
                "2",
                r"(a_i,\,b_i,\,c_i,\,d_i)\,\leftarrow\,(1,\,b_i,\,c_i,\,d_i)\,/\,\sqrt{1+b_i^2+c_i^2+d_i^2}",
                "three become a unit quaternion",
            ),
            ("3", r"R_i\,=\,\mathrm{rotation}(a_i,\,b_i,\,c_i,\,d_i)", "which is a rotation"),
            (
                "4",
                r"\mathbf{return}\ T_i\,=\,(R_i,\,\vec{\mathbf{t}}_i)",
                "and with the other three a small motion",
            ),
        ),
    ),
    24: (
        "All atoms",
        r"\mathrm{computeAllAtomCoordinates}(T_i,\,\alpha_i^f,\,r_i)",
        (
            (
                "1",
                r"\hat{\alpha}_i^f\,=\,\alpha_i^f\,/\,\Vert\alpha_i^f\Vert",
                "each angle a point on the circle",
            ),
            (
                "2–10",
                r"T_i^f\,=\,T_i^{\,\mathrm{carrier}(f)}\circ "
                r"T_{r_i f}^{\,\mathrm{ideal}}\circ\mathrm{rotX}(\hat{\alpha}_i^f)",
                "each group turns about its own bond",
            ),
            (
                "11",
                r"[point \vec{\mathbf{x}}_i^{\,a}]\,=\,T_i^{\,f(a)}\circ"
                r"[point \vec{\mathbf{x}}_{r_i a}^{\,\mathrm{ideal}}]",
                "each atom at its place in its group",
            ),
        ),
    ),
    28: (
        "Frame-aligned point error",
        r"\mathrm{computeFAPE}(\,\{T_i\},\,[point \{\vec{\mathbf{x}}_j\}],\,\{T_i^\mathrm{true}\},\,"
        r"[point \{\vec{\mathbf{x}}_j^\mathrm{true}\}]\,)"
        r"[grey \quad Z=10\ \mathrm{\AA},\ d_\mathrm{clamp}=10\ \mathrm{\AA}]",
        (
            (
                "1",
                r"[point \vec{\mathbf{x}}_{ij}]\,=\,T_i^{-1}\circ[point \vec{\mathbf{x}}_j]",
                "point j as frame i sees it",
            ),
            (
                "2",
                r"[point \vec{\mathbf{x}}_{ij}^\mathrm{\,true}]\,=\,(T_i^\mathrm{\,true})^{-1}\circ"
                r"[point \vec{\mathbf{x}}_j^\mathrm{\,true}]",
                "the same in the true structure",
            ),
            (
                "3",
                r"d_{ij}\,=\,\sqrt{\Vert\,\vec{\mathbf{x}}_{ij}-\,\vec{\mathbf{x}}_{ij}^\mathrm{\,true}\,\Vert^2+\epsilon}",
                "how far apart the two sights are",
            ),
            (
                "4",
                r"\mathcal{L}\,=\,(1/Z)\ \mathrm{mean}_{i,j}\ \min(d_\mathrm{clamp},\,d_{ij})",
                "their mean, far ones cut off",
            ),
        ),
    ),
}
LOOP = ("6–9", "10", "11–14", "20")  # of Algorithm 20: lines inside the loop


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
    sheet.write(22, 34, "Algorithm 22", size=16, weight="bold")
    sheet.write(150, 34, "Invariant point attention", "grey", 16)
    sheet.set_line(22, 62, SIGNATURE, 13.5)
    top = 78.0
    for number, (formula, words) in enumerate(LINES, 1):
        tall = TALL_ROW if number == 7 else ROW
        _row(sheet, number, top, tall, formula, words, plain or number in lit, not plain and number in lit)
        top += tall
    return sheet.figure


def smaller_card(number: int, dark: bool = False) -> Figure:
    """Algorithm 20, 21, 23, 24 or 28 as a figure in the style of :func:`algorithm_card`, 680 points wide."""
    if number not in OTHERS:
        raise ValueError(f"number must be one of {sorted(OTHERS)}, got {number}")
    title, signature, lines = OTHERS[number]
    sheet = Sheet(NARROW, 92 + len(lines) * (ROW + 2), dark)
    sheet.write(22, 34, f"Algorithm {number}", size=16, weight="bold")
    sheet.write(150, 34, title, "grey", 16)
    sheet.set_line(22, 62, signature, 13.5)
    sheet.ax.plot([22, NARROW - 22], [78, 78], color=sheet.colours["rule"], ls="-", lw=0.8, marker="", zorder=1)
    for k, (label, formula, words) in enumerate(lines):
        base = 78 + (k + 0.5) * (ROW + 2) + 6
        inside = 24 if number == 20 and label in LOOP else 0
        sheet.write(72, base, label, size=12, ha="right")
        sheet.set_line(92 + inside, base, formula, 16)
        sheet.set_words(NARROW - 22, base, words, 12)
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
