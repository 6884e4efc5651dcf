"""One look for all figures of the course: fonts, lines, colours. And the decorator that keeps it inside a function."""

from __future__ import annotations

import functools
from collections.abc import Callable

import matplotlib.pyplot as plt
from cycler import cycler

from .drawing import GREY, INK, PAIR, PALE, PAPER, POINT, SCALAR

TERM_COLOURS = {"scalar": SCALAR, "pair": PAIR, "point": POINT}
# Lines that no term owns: black, orange, sky blue, purple, yellow, each with its own dashes and marker.
LINES = cycler(color=[INK, "#E69F00", "#56B4E9", "#CC79A7", "#B8A500"]) + cycler(
    linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]
)
SERIES = LINES + cycler(marker=["o", "s", "^", "D", "v"])
STYLE = {
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 11.5,  # of a figure some 8 inches wide: it can be read on a telephone, at 358 pixels
    "axes.titlesize": 12.5,
    "axes.labelsize": 11.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.prop_cycle": LINES,
    "grid.color": PALE,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "image.cmap": "cividis",
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "legend.loc": "upper right",  # "best" is slow beside a protein
    "lines.linewidth": 2,
    "lines.markersize": 6,
}


def use_style() -> None:
    """Give every figure of this session the look of the course. (The functions here have it anyway.)"""
    plt.rcParams.update(STYLE)


def styled(draw: Callable) -> Callable:
    @functools.wraps(draw)
    def wrapper(*args, **kwargs):
        with plt.rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


def term_colour(name: str) -> str:
    """The colour of the logit term that a title or label begins with, else ink."""
    return TERM_COLOURS.get(name.split(" ")[0].lower(), INK)
