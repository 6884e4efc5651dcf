"""Helices and strands along the edge of a map."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from .drawing import GREY, INK, STRUCTURE_COLOURS
from .style import styled


@styled
def structure_strip(ax: Axes, structure: str, vertical: bool = False) -> Axes:
    """Secondary structure along an axis: slanted bands for a helix, an arrow for a strand, a line for the rest."""
    L = len(structure)
    place = (lambda x, y: (y, x)) if vertical else (lambda x, y: (x, y))
    ax.plot(*place([-0.5, L - 0.5], [0, 0]), color=GREY, lw=1, ls="-", marker="", zorder=1)
    start = 0
    for end in range(1, L + 1):
        if end < L and structure[end] == structure[start]:
            continue
        a, b, letter = start - 0.5, end - 0.5, structure[start]
        for outline in {"H": _helix_bands, "E": _strand_arrow}.get(letter, lambda a, b: [])(a, b):
            ax.fill(*place(*outline.T), facecolor=STRUCTURE_COLOURS[letter], edgecolor=INK, lw=0.5, ls="-", zorder=2)
        start = end
    limits = {"xlim": (-0.5, L - 0.5), "ylim": (-1.1, 1.1)}
    if vertical:
        limits = {"xlim": (-1.1, 1.1), "ylim": (L - 0.5, -0.5)}
    ax.set(**limits)
    ax.set_axis_off()
    return ax


def _helix_bands(a: float, b: float) -> list[NDArray]:
    """Parallelograms, one for each turn of 3.6 residues or part of it."""
    turns = max(round((b - a) / 3.6), 1)
    edges = np.linspace(a, b, turns + 1)
    lean = 0.3 * (edges[1] - edges[0])
    return [np.array([(x, -1), (y - lean, -1), (y, 1), (x + lean, 1)]) for x, y in pairwise(edges)]


def _strand_arrow(a: float, b: float) -> list[NDArray]:
    neck = max(a, b - 2.0)
    return [np.array([(a, -0.5), (neck, -0.5), (neck, -1), (b, 0), (neck, 1), (neck, 0.5), (a, 0.5)])]
