"""Formulas and boxes on a sheet of paper, light or dark: what the algorithm card and the data-flow map are set with.

No TeX: matplotlib's own mathtext with the STIX fonts that come with it. Saved as SVG every letter is a path, so that a
sheet looks the same everywhere.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path
from matplotlib.textpath import text_to_path

from .drawing import GREY, INK, PALE, PAPER, SCALAR

FONT = {"family": "DejaVu Sans", "math_fontfamily": "stix"}  # both come with matplotlib
LIGHT = {
    "paper": PAPER, "ink": INK, "grey": GREY, "rule": PALE, "band": "#FCEBB9", "mark": "#B8860B",
    "scalar": SCALAR, "pair": "#007D5B", "point": "#C45300",
    "scalar band": "#E1EDF6", "pair band": "#DFF0E9", "point band": "#FBE8DB",
}  # fmt: skip
DARK = {
    "paper": "#16191D", "ink": "#ECECEC", "grey": "#9AA0A6", "rule": "#3C4147", "band": "#38321C", "mark": "#E6B94A",
    "scalar": "#6CBEF0", "pair": "#4CC9A0", "point": "#FF9A5C",
    "scalar band": "#182836", "pair band": "#17302A", "point band": "#38261B",
}  # fmt: skip


@dataclass
class Sheet:
    """A figure measured in points, from the top left corner. One point is one pixel of the SVG."""

    width: float
    height: float
    dark: bool = False
    colours: dict[str, str] = field(init=False)
    ax: Axes = field(init=False)

    def __post_init__(self) -> None:
        self.colours = DARK if self.dark else LIGHT
        size, paper, rule = (self.width / 72, self.height / 72), self.colours["paper"], self.colours["rule"]
        figure = plt.figure(figsize=size, dpi=72, facecolor=paper, edgecolor=rule)
        figure.set_layout_engine("none")
        self.ax = figure.add_axes((0, 0, 1, 1))
        self.ax.set(xlim=(0, self.width), ylim=(self.height, 0))
        self.ax.set_axis_off()

    @property
    def figure(self) -> Figure:
        return self.ax.figure

    def write(self, x: float, y: float, text: str, colour: str = "ink", size: float = 12, **style) -> None:
        """Words or a formula with its baseline at y."""
        style = FONT | {"va": "baseline", "ha": "left"} | style
        self.ax.text(x, y, text, color=self.colours[colour], fontsize=size, **style)

    def set_line(
        self, x: float, y: float, formula: str, size: float, only: str | None = None, ha: str = "left"
    ) -> None:
        """A formula (mathtext without its dollars), its baseline at y, ``[scalar …]`` in that colour.

        ``only``: everything in one colour. ``[tall (]`` and ``[tall )]`` are brackets around fractions.
        """
        runs = []
        for tag, part in pieces(formula):
            scale = 1.9 * size if tag == "tall" else size
            runs.append((f"${part}$", "ink" if tag == "tall" else tag, scale))
        widths = [width_of(text, scale) for text, _, scale in runs]
        x -= {"left": 0.0, "center": 0.5}[ha] * sum(widths)
        for (text, colour, scale), width in zip(runs, widths, strict=True):
            drop = 0.0 if scale == size else 0.2 * size
            self.write(x, y + drop, text, only or colour, scale, zorder=6)
            x += width

    def set_words(self, x: float, y: float, words: str, size: float, only: str | None = None, **style) -> None:
        """Words that end at x, ``[scalar …]`` in that colour."""
        for tag, part in reversed(pieces(words)):
            self.write(x, y, part, only or tag, size, ha="right", **style)
            x -= width_of(part.replace(" ", "\u00a0"), size, style.get("weight", "normal"))

    def box(self, x: float, y: float, w: float, h: float, face: str, edge: str | None = None, **style) -> None:
        """A rectangle with round corners, its top left corner at (x, y)."""
        style = {"radius": 6, "lw": 1.2, "zorder": 2} | style
        shape = f"round,pad=0,rounding_size={style.pop('radius')}"
        edge = self.colours[edge] if edge else "none"
        self.ax.add_patch(FancyBboxPatch((x, y), w, h, shape, facecolor=self.colours[face], edgecolor=edge, **style))

    def gap(self, x: float, y: float, colour: str) -> None:
        """A gap in a level line, where another, drawn later, passes over it."""
        self.ax.plot([x - 6, x + 6], [y, y], color=self.colours[colour], ls="-", lw=5, marker="", zorder=3)

    def badge(self, x: float, y: float, number: int | str, colour: str = "ink") -> None:
        """The number of a line of the algorithm, in a disc."""
        self.ax.add_patch(Circle((x, y), 9, facecolor=self.colours[colour], edgecolor="none", zorder=5))
        style = {"ha": "center", "va": "center_baseline", "weight": "bold", "zorder": 6}
        self.write(x, y + 0.3, str(number), "paper", 10, **style)

    def arrow(self, corners: Sequence[tuple[float, float]], colour: str = "ink", head: bool = True, **style) -> None:
        """A line along horizontal and vertical stretches with round corners, an arrow head at its end."""
        style = {"lw": 1.8, "zorder": 3} | style
        paint = self.colours[colour]
        (x0, y0), (x1, y1) = corners[-2:]
        long = max(abs(x1 - x0), abs(y1 - y0))
        ux, uy = (x1 - x0) / long, (y1 - y0) / long
        end = (x1 - 6 * ux, y1 - 6 * uy) if head else (x1, y1)
        path = rounded([*corners[:-1], end], radius=10)
        self.ax.add_patch(PathPatch(path, facecolor="none", edgecolor=paint, capstyle="butt", **style))
        if head:
            wings = [(x1 - 9 * ux + s * 4.5 * uy, y1 - 9 * uy + s * 4.5 * ux) for s in (1, -1)]
            self.ax.add_patch(Polygon([(x1, y1), *wings], facecolor=paint, edgecolor="none", zorder=style["zorder"]))


def pieces(text: str) -> list[tuple[str, str]]:
    """``"a [pair b] c"`` → ink ``"a "``, pair ``"b"``, ink ``" c"``."""
    parts = re.split(r"\[(\w+) ([^\]]*)\]", text)  # plain, tag, tagged, plain, …
    tagged = zip(parts[1::3], parts[2::3], strict=True)
    found = [("ink", parts[0])]
    for (tag, inside), plain in zip(tagged, parts[3::3], strict=True):
        found += [(tag, inside), ("ink", plain)]
    return [(tag, part) for tag, part in found if part]


def width_of(text: str, size: float, weight: str = "normal") -> float:
    """Points from the beginning of a text to its end."""
    font = FontProperties(size=size, weight=weight, **FONT)
    return text_to_path.get_text_width_height_descent(text, font, ismath="$" in text)[0]


def rounded(corners: Sequence[tuple[float, float]], radius: float) -> Path:
    """A path through corners, each cut short by a curve."""
    points, codes = [corners[0]], [Path.MOVETO]
    for before, (x, y), after in zip(corners, corners[1:], corners[2:], strict=False):
        for index, (a, b) in enumerate((before, after)):
            long = max(abs(a - x), abs(b - y), 1e-9)
            part = min(radius, long / 2) / long
            points += [(x + part * (a - x), y + part * (b - y))] if index == 0 else []
            codes += [Path.LINETO] if index == 0 else []
            if index == 1:
                points += [(x, y), (x + part * (a - x), y + part * (b - y))]
                codes += [Path.CURVE3, Path.CURVE3]
    return Path([*points, corners[-1]], [*codes, Path.LINETO])


def svg(figure: Figure, title: str, description: str) -> str:
    """The figure as an SVG that says what it shows, each letter stored once; the same at every run.

    It lies on a panel with round corners, of the figure's own colours: what is below a page shows around it.
    """
    file = io.StringIO()
    with plt.rc_context({"svg.fonttype": "path", "svg.hashsalt": "ipa"}):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", facecolor="none", metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', text, count=2)
    text = re.sub(r"\d*\.\d{2,}", lambda number: f"{float(number[0]):.4g}", text)
    text = re.sub(r' clip-path="[^"]*"', "", text)  # nothing reaches beyond the sheet
    text = re.sub(r'(<use [^>]*)transform="translate\((\S+) (\S+)\)"', r'\1x="\2" y="\3"', text)
    text = re.sub(r"\s*\n\s*", "\n", text.replace(' y="0"/>', "/>"))
    text = re.sub(r"(?<=\d) ?\n(?=[MLQCz])", "", re.sub(r"(?<=[MLQC]) (?=[\d-])", "", text))
    glyphs = dict.fromkeys(re.findall(r'<path id="([^"]+)"', text))
    short = {name: f"g{number}" for number, name in enumerate(glyphs)}
    text = re.sub(r'(<path id="|href="#)([^"]+)"', lambda hit: f'{hit[1]}{short.get(hit[2], hit[2])}"', text)
    head = f'<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(description)}</desc>\n{panel(figure)}'
    return re.sub(r"<svg ([^>]*)>", rf'<svg \1 role="img" aria-labelledby="title desc">\n{head}', text, count=1)


def panel(figure: Figure) -> str:
    """The sheet of paper under a figure, as SVG."""
    width, height = 72 * figure.get_size_inches()
    fill, edge = to_hex(figure.get_facecolor()), to_hex(figure.get_edgecolor())
    size = f'x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="12"'
    return f'<rect {size} fill="{fill}" stroke="{edge}"/>'
