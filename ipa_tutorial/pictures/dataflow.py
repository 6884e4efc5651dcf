"""The data flow of Algorithm 22 on one page: what goes in, three terms, one softmax, four answers, what comes out.

Three lanes, in the colours of the course: pair green, scalar blue, point vermillion. In a lane, what is compared runs
to the logits; what is collected runs past the softmax, to where the weights await it.
"""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Circle

from .typeset import Sheet

WIDTH, HEIGHT = 1120, 636  # points
LANES = {"pair": ("related?", 52, 158), "scalar": ("alike?", 220, 158), "point": ("near?", 388, 206)}  # top, height
PROPOSE, WORLD, COMPARE, SUM, WEIGH, TRUNK, COLLECT, CONCAT = 176, 338, 424, 584, 614, 726, 750, 984  # left edges
COMPARED = {"pair": 174, "scalar": 284, "point": 444}  # y of what goes to the logits
COLLECTED = {"pair": 102, "scalar": 338, "point": 522}  # y of what goes past them
FRAMES = 570  # y of the frames
IN_WORDS = (
    "From left to right. Into Algorithm 22 go the single representation s, the pair representation z and the frames T. "
    "Three lanes propose and compare: pair, z through line 4 to a bias b; scalar, s through line 1 to queries, keys "
    "and values, compared by a dot product; point, s through lines 2 and 3 to points, which T carries into the world "
    "and whose distances are compared, weighted by line 5. The three are added, multiplied by line 6's w_L and go "
    "through the softmax of line 7. Its weights a collect z (line 8), v (line 9) and the value points (line 10), which "
    "the inverse of T brings home. These, and the lengths of the points, are concatenated and go through the linear "
    "layer of line 11, which gives the new single representation of line 12."
)


def data_flow_map(dark: bool = False) -> Figure:
    """Algorithm 22 as a picture of its data flow, 1120 by 636 points. Numbers in discs are lines of the algorithm."""
    sheet = Sheet(WIDTH, HEIGHT, dark)
    _lanes(sheet)
    _pair_lane(sheet)
    _scalar_lane(sheet)
    _point_lane(sheet)
    _weights(sheet)
    _output(sheet)
    return sheet.figure


def _lanes(sheet: Sheet) -> None:
    for lane, (words, top, height) in LANES.items():
        sheet.box(100, top, 870, height, f"{lane} band", radius=12, lw=0, zorder=0)
        sheet.write(114, top + 23, lane, lane, 14, weight="bold")
        sheet.write(170, top + 23, words, lane, 12, style="italic")
    for x, words in ((47, "in"), (213, "propose"), (484, "compare"), (655, "weigh"), (803, "collect"), (1040, "mix")):
        sheet.write(x, 34, words, "grey", 14, ha="center", style="italic")
    words = "Discs: lines of Algorithm 22.   H heads, L residues, P query points, $P_v$ value points, c channels."
    sheet.write(100, 622, words, "grey", 12)


def _pair_lane(sheet: Sheet) -> None:
    compared, collected = COMPARED["pair"], COLLECTED["pair"]
    sheet.arrow([(74, 138), (130, 138), (130, collected), (COLLECT, collected)], "pair")
    sheet.arrow([(74, 138), (130, 138), (130, compared), (PROPOSE, compared)], "pair")
    _token(sheet, 138, r"[pair \mathbf{z}_{ij}]", r"L\times L\times c_z", "pair")
    _step(sheet, PROPOSE, compared, 74, 36, r"\mathrm{Linear}", "pair", 4)
    sheet.arrow([(PROPOSE + 74, compared), (SUM, compared), (SUM, COMPARED["scalar"] - 14)], "pair")
    _label(sheet, 484, compared, r"[pair b_{ij}]", r"H\times L\times L")
    _label(sheet, 484, collected, r"[pair \mathbf{z}_{ij}]", r"L\times L\times c_z")
    _collect(sheet, 112, 48, r"{\sum}_j\,a_{ij}\,[pair \mathbf{z}_{ij}]", "pair", 8)
    sheet.arrow([(COLLECT + 106, 112), (CONCAT, 112)], "pair")
    _label(sheet, 915, 112, r"[pair \tilde{\mathbf{o}}_i]", r"H\times L\times c_z")


def _scalar_lane(sheet: Sheet) -> None:
    compared, collected = COMPARED["scalar"], COLLECTED["scalar"]
    _token(sheet, 383, r"\mathbf{s}_i", r"L\times c_s", "ink")
    sheet.arrow([(74, 383), (88, 383), (88, 311), (PROPOSE, 311)], "ink")
    _step(sheet, PROPOSE, 311, 74, 90, r"\mathrm{Linear}", "scalar", 1)
    sheet.arrow([(PROPOSE + 74, compared), (COMPARE, compared)], "scalar")
    sheet.arrow([(PROPOSE + 74, collected), (COLLECT, collected)], "scalar")
    _label(sheet, 337, compared, r"[scalar \mathbf{q}_i,\ \mathbf{k}_j]", r"H\times L\times c")
    _label(sheet, 337, collected, r"[scalar \mathbf{v}_j]", r"H\times L\times c")
    _step(sheet, COMPARE, compared, 138, 48, r"[scalar \mathbf{q}_i^{\top}\mathbf{k}_j\,/\,\sqrt{c}]", "scalar")
    sheet.arrow([(COMPARE + 138, compared), (SUM - 14, compared)], "scalar")
    _collect(sheet, 324, 60, r"{\sum}_j\,a_{ij}\,[scalar \mathbf{v}_j]", "scalar", 9)
    sheet.arrow([(COLLECT + 106, 324), (CONCAT, 324)], "scalar")
    _label(sheet, 915, 324, r"[scalar \mathbf{o}_i]", r"H\times L\times c")


def _point_lane(sheet: Sheet) -> None:
    compared, collected = COMPARED["point"], COLLECTED["point"]
    for y, line in ((compared, 2), (collected, 3)):
        sheet.arrow([(74, 383), (88, 383), (88, y), (PROPOSE, y)], "ink")
        _step(sheet, PROPOSE, y, 74, 36, r"\mathrm{Linear}", "point", line)
        sheet.arrow([(PROPOSE + 74, y), (WORLD, y)], "point")
    _label(sheet, 291, compared, r"[point \vec{\mathbf{q}}_i,\ \vec{\mathbf{k}}_j]", r"H\times L\times P\times 3", 11)
    _label(sheet, 291, collected, r"[point \vec{\mathbf{v}}_j]", r"H\times L\times P_v\times 3", 11)
    _token(sheet, FRAMES, r"T_i", r"L\ \mathrm{frames}", "ink")
    sheet.arrow([(74, FRAMES), (WORLD + 23, FRAMES), (WORLD + 23, 545)], "ink")
    sheet.arrow([(74, FRAMES), (COLLECT + 145, FRAMES), (COLLECT + 145, 539)], "ink")
    _step(sheet, WORLD, 483, 46, 124, r"T\,\circ", "ink")
    sheet.arrow([(WORLD + 46, compared), (COMPARE, compared)], "point")
    sheet.arrow([(WORLD + 46, collected), (COLLECT, collected)], "point")
    sheet.set_line(567, collected - 8, r"[point T_j\circ\vec{\mathbf{v}}_j]", 17, ha="center")
    sheet.write(567, collected + 17, "in the world", "grey", 12, ha="center", style="italic")
    _step(sheet, COMPARE, compared, 138, 60, "", "point", 5)
    sheet.set_line(COMPARE + 69, compared - 6, r"[point -\frac{1}{2}\,\gamma\,w_C\,{\sum}_p]", 16, ha="center")
    distance = r"[point \Vert\,T_i\circ\vec{\mathbf{q}}_i-\,T_j\circ\vec{\mathbf{k}}_j\,\Vert^2]"
    sheet.set_line(COMPARE + 69, compared + 19, distance, 16, ha="center")
    sheet.gap(SUM, COLLECTED["scalar"], "scalar band")
    sheet.arrow([(COMPARE + 138, compared), (SUM, compared), (SUM, COMPARED["scalar"] + 14)], "point")
    _collect(sheet, 508, 60, r"{\sum}_j\,a_{ij}\,(T_j\circ[point \vec{\mathbf{v}}_j])", "point", 10)
    sheet.arrow([(COLLECT + 106, 508), (COLLECT + 122, 508)], "point")
    _step(sheet, COLLECT + 122, 508, 46, 60, r"T_i^{-1}\circ", "ink", size=15)
    sheet.arrow([(COLLECT + 168, 508), (CONCAT, 508)], "point")
    sheet.arrow([(COLLECT + 168, 508), (962, 508), (962, 566), (CONCAT, 566)], "point")
    _label(sheet, 941, 508, r"[point \vec{\mathbf{o}}_i]", "")


def _weights(sheet: Sheet) -> None:
    y = COMPARED["scalar"]
    sheet.gap(TRUNK, COLLECTED["scalar"], "scalar band")
    for end in (122, 310, 494):
        sheet.arrow([(WEIGH + 84, y), (TRUNK, y), (TRUNK, end), (COLLECT, end)], "ink", lw=2.6)
    sheet.ax.add_patch(Circle((SUM, y), 13, facecolor=sheet.colours["ink"], edgecolor="none", zorder=5))
    sheet.write(SUM, y + 0.5, "+", "paper", 17, ha="center", va="center_baseline", weight="bold", zorder=6)
    sheet.arrow([(SUM + 13, y), (WEIGH, y)], "ink", lw=2.6)
    _step(sheet, WEIGH, y, 84, 48, r"\mathrm{softmax}_j", "ink", 7)
    sheet.set_line(WEIGH + 54, y - 40, r"\times\,w_L", 17, ha="center")
    sheet.badge(WEIGH + 22, y - 45, 6)
    _label(sheet, TRUNK + 48, y - 44, r"a_{ij}", r"H\times L\times L")


def _output(sheet: Sheet) -> None:
    segments = (
        (84, 116, r"\tilde{\mathbf{o}}", "pair"),
        (204, 188, r"\mathbf{o}", "scalar"),
        (396, 140, r"\vec{\mathbf{o}}", "point"),
        (540, 52, r"\Vert\vec{\mathbf{o}}\Vert", "point"),
    )
    for top, height, formula, lane in segments:
        sheet.box(CONCAT, top, 38, height, f"{lane} band", lane, radius=4)
        sheet.set_line(CONCAT + 19, top + height / 2 + 6, f"[{lane} {formula}]", 17, ha="center")
    sheet.write(CONCAT + 19, 72, "concat", "grey", 12, ha="center")
    sheet.arrow([(CONCAT + 38, 298), (1040, 298)], "ink")
    _step(sheet, 1040, 298, 66, 48, r"\mathrm{Linear}", "ink", 11)
    sheet.arrow([(1073, 322), (1073, 356)], "ink")
    _token(sheet, 383, r"\tilde{\mathbf{s}}_i", r"L\times c_s", "ink", 1046)
    sheet.badge(1046, 359, 12)


def _token(sheet: Sheet, y: float, formula: str, shape: str, colour: str, x: float = 20) -> None:
    """Something that goes in or comes out, its shape below."""
    sheet.box(x, y - 27, 54, 54, "paper", colour, lw=2, radius=12)
    sheet.set_line(x + 27, y + 7, formula, 22, ha="center")
    sheet.set_line(x + 27, y + 45, f"[grey {shape}]", 13, ha="center")


def _step(
    sheet: Sheet, x: float, y: float, w: float, h: float, formula: str, colour: str, line: int | None = None, size=16.5
) -> None:
    """A computation, its left edge at x and its middle at y, with the number of its line."""
    sheet.box(x, y - h / 2, w, h, "paper", colour)
    sheet.set_line(x + w / 2, y + 5, formula, size, ha="center")
    if line:
        sheet.badge(x, y - h / 2, line, colour)


def _collect(sheet: Sheet, y: float, h: float, formula: str, colour: str, line: int) -> None:
    _step(sheet, COLLECT, y, 106, h, formula, colour, line)


def _label(sheet: Sheet, x: float, y: float, formula: str, shape: str, size: float = 13) -> None:
    """What an arrow carries: its name above, its shape below."""
    sheet.set_line(x, y - 8, formula, 17, ha="center")
    sheet.set_line(x, y + 17, f"[grey {shape}]", size, ha="center")
