"""Invariant point attention on one sheet of A4, to print: lines, shapes, constants, conventions, mistakes."""

from __future__ import annotations

from matplotlib.figure import Figure

from .card import LINES, STAGES
from .typeset import Sheet

WIDTH, HEIGHT = 595, 842  # points: A4
LEFT, RIGHT = 34, 561
SHAPES = (
    r"H\times L\times c",
    r"H\times L\times P\times 3",
    r"H\times L\times P_v\times 3",
    r"H\times L\times L",
    "",
    "",
    r"H\times L\times L",
    r"H\times L\times c_z",
    r"H\times L\times c",
    r"H\times L\times P_v\times 3",
    r"L\times \mathrm{dim}",
    r"L\times \mathrm{dim}",
)
CONSTANTS = (
    (r"[scalar 1\,/\,\sqrt{c}]", "a product of c pairs of", "numbers has variance c"),
    (r"[point w_C=\sqrt{2\,/\,9P}]", "half squared distances, P of", "them: 9/2 each to a softmax"),
    (r"w_L=\sqrt{1\,/\,3}", "three terms are added", "(without pairs two: √½)"),
    (r"[point \gamma^h=\mathrm{softplus}(\rho^h)]", "always positive, learnt for", "each head, 1 at the start"),
)
CONVENTIONS = (
    (r"T\circ\vec{\mathbf{x}}=R\,\vec{\mathbf{x}}+\vec{\mathbf{t}}", "points are columns; as rows: x @ R.mT + t"),
    (r"T^{-1}\circ\vec{\mathbf{x}}=R^\top(\vec{\mathbf{x}}-\vec{\mathbf{t}})", "pushed back first, then turned back"),
    (r"G\circ T_i", "a motion of the world, from the left"),
    (r"T_i\circ U_i", "a residue’s own step, from the right"),
    (r"\mathrm{N,\ C}\alpha\mathrm{,\ C}", "origin Cα, x axis to C, N at y > 0"),
    (r"\mathrm{nm}", "in every model; Å in files and pictures"),
    (r"\mathrm{mask}", "True: a real residue"),
)
FACTS = (
    (
        r"\Vert G\circ\vec{\mathbf{x}}-G\circ\vec{\mathbf{y}}\Vert=\Vert\vec{\mathbf{x}}-\vec{\mathbf{y}}\Vert",
        "so the weights stay",
    ),
    (r"(G\,T_i)^{-1}(G\,T_j)=T_i^{-1}\,T_j", "so what comes home stays"),
)
MISTAKES = (
    (
        "The way home is wrong.",
        "R for Rᵀ, or t not subtracted: only a motion with a turn and a push shows both.",
    ),
    (
        "Rows for columns.",
        "x @ R on points, while frames compose as columns: each part looks right, together they are not.",
    ),
    (
        "A constant is forgotten.",
        "√⅓, or 6 for 9/2, or P: nothing fails, one voice is too loud. Compare with known numbers.",
    ),
    (
        "Ångström for nanometres.",
        "Squared distances are 100 times too large: each residue hears almost only itself, gradients vanish.",
    ),
)
SIZES = (
    r"P is $N_\mathrm{query\ points}$. AlphaFold has H = 12 heads, c = 16 channels, P = 4 query and "
    r"$P_v$ = 8 value points, dim = 384, $c_z$ = 128."
)
IN_WORDS = (
    "One page. The twelve lines of Algorithm 22 with the shape of each result. Four constants: one over root c; w C, "
    "root of 2 over 9 P; w L, root of one third; gamma, a softplus. Conventions: columns, motions of the world from "
    "the left, steps of a residue from the right, nanometres. Two facts that make the output invariant. Four mistakes: "
    "a wrong way home, rows for columns, a forgotten constant, ångström for nanometres."
)


def summary(dark: bool = False) -> Figure:
    """The sheet as a figure, 595 by 842 points."""
    sheet = Sheet(WIDTH, HEIGHT, dark)
    sheet.write(LEFT, 52, "Invariant Point Attention", size=21, weight="bold")
    sheet.write(RIGHT, 52, "Algorithm 22 on one page", "grey", 12, ha="right")
    bottom = _lines(sheet, 74)
    bottom = _constants(sheet, bottom + 24)
    _conventions(sheet, bottom + 26)
    bottom = _facts(sheet, bottom + 26)
    _mistakes(sheet, bottom + 26)
    sheet.write(LEFT, HEIGHT - 22, SIZES, "grey", 8.5)
    return sheet.figure


def _lines(sheet: Sheet, top: float) -> float:
    """The twelve lines, each with the shape of what it makes."""
    sheet.set_line(RIGHT - 62, top - 2, r"[grey \mathrm{shape}]", 9)
    for number, ((formula, _), shape) in enumerate(zip(LINES, SHAPES, strict=True), 1):
        height = 40 if number == 7 else 22.5
        base = top + height / 2 + 4
        if number in STAGES:
            if number > 1:
                _rule(sheet, top)
            sheet.write(LEFT, base, STAGES[number], "grey", 9, style="italic")
        sheet.write(88, base, str(number), size=9, ha="right", weight="bold")
        sheet.set_line(97, base, formula, 11)
        sheet.set_line(RIGHT - 62, base, f"[grey {shape}]", 9.5) if shape else None
        top += height
    return top


def _constants(sheet: Sheet, top: float) -> float:
    _title(sheet, top, "Constants")
    width = (RIGHT - LEFT) / 4
    for k, (formula, *words) in enumerate(CONSTANTS):
        x = LEFT + k * width
        sheet.set_line(x, top + 24, formula, 14)
        for n, line in enumerate(words):
            sheet.write(x, top + 40 + 11.5 * n, line, "ink", 8)
    return top + 54


def _conventions(sheet: Sheet, top: float) -> None:
    _title(sheet, top, "Conventions", end=LEFT + 308)
    for k, (formula, words) in enumerate(CONVENTIONS):
        base = top + 23 + 19 * k
        sheet.set_line(LEFT, base, formula, 11.5)
        sheet.write(LEFT + 122, base, words, size=8.5)


def _facts(sheet: Sheet, top: float) -> float:
    left = LEFT + 330
    _title(sheet, top, "Why the output cannot turn", start=left)
    for k, (formula, words) in enumerate(FACTS):
        sheet.set_line(left, top + 26 + 46 * k, formula, 12.5)
        sheet.write(left, top + 43 + 46 * k, words, "grey", 9, style="italic")
    sheet.write(left, top + 118, "The weights of a query add up to one, so", size=8.5)
    sheet.write(left, top + 130, "the way home may go inside the sum.", size=8.5)
    return top + 142


def _mistakes(sheet: Sheet, top: float) -> None:
    _title(sheet, top, "Four classic mistakes; none of them raises an error")
    for k, (name, words) in enumerate(MISTAKES):
        base = top + 26 + 33 * k
        sheet.badge(LEFT + 8, base - 1, k + 1, "point")
        sheet.write(LEFT + 26, base - 3, name, size=9.5, weight="bold")
        sheet.write(LEFT + 26, base + 9, words, size=8.5)


def _title(sheet: Sheet, top: float, words: str, start: float = LEFT, end: float = RIGHT) -> None:
    _rule(sheet, top + 6, start, end)
    sheet.write(start, top, words, "scalar", 11.5, weight="bold")


def _rule(sheet: Sheet, y: float, start: float = LEFT, end: float = RIGHT) -> None:
    sheet.ax.plot([start, end], [y, y], color=sheet.colours["rule"], ls="-", lw=0.8, marker="", zorder=1)
