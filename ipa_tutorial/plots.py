"""Figures of the course: one style, attention maps, and a few curves.

Everything that draws takes optional axes and returns what it drew on; nothing calls ``plt.show()``. The drawings of
proteins, frames and points (:mod:`ipa_tutorial.drawing`) and :func:`~ipa_tutorial.picture.show`, which puts a figure
into the notebook, can be imported from here as well.

Colours are Okabe and Ito's, which all eyes can tell apart, and mean the same everywhere: scalar blue, pair green, point
vermillion. Whatever a colour says, a label, a line style or a marker says too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from .attention import Parts
from .chain import as_numpy
from .drawing import (
    GREY,
    INK,
    PAIR,
    PALE,
    POINT,
    SCALAR,
    STRUCTURE_COLOURS,
    Camera,
    draw_frames,
    draw_links,
    draw_points,
    draw_protein,
    draw_scale_bar,
)
from .picture import show
from .secondary_structure import secondary_structure

__all__ = [
    "GREY",
    "INK",
    "PAIR",
    "PALE",
    "POINT",
    "SCALAR",
    "Camera",
    "attention_map",
    "attention_maps",
    "draw_frames",
    "draw_links",
    "draw_points",
    "draw_protein",
    "draw_scale_bar",
    "error_against_offset",
    "logit_histogram",
    "logit_maps",
    "secondary_structure",
    "show",
    "structure_strip",
    "use_style",
]

TERM_COLOURS = {"scalar": SCALAR, "pair": PAIR, "point": POINT}
# Lines that no term owns: black, orange, sky blue, purple, yellow, each with its own dashes and marker.
LINES = cycler(color=[INK, "#E69F00", "#56B4E9", "#CC79A7", "#B8A500"]) + cycler(
    linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]
)
SERIES = LINES + cycler(marker=["o", "s", "^", "D", "v"])
STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
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


def _styled(draw: Callable) -> Callable:
    @functools.wraps(draw)
    def wrapper(*args, **kwargs):
        with plt.rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


# --- attention maps ---------------------------------------------------------------------------------------------------


@_styled
def attention_map(
    weights: Tensor,
    ax: Axes | None = None,
    protein=None,
    title: str = "",
    label: str = "attention weight",
    limits: tuple[float, float] | None = None,
) -> Axes:
    """A matrix ``(L, L)`` of weights, logits or distances as a map: query i downwards, key j to the right.

    Args:
        weights: any finite numbers, dark = small, light = large. −∞ (a masked key) is left white.
        protein: adds residue numbers, and its helices and strands along both axes.
        label: of the colour bar. ``limits`` are its ends; None: the smallest and the largest number.
    """
    matrix = as_numpy(weights)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"weights must have shape (L, L), got {matrix.shape}; choose a batch element and a head")
    if not (matrix < np.inf).all():
        raise ValueError("weights must not be NaN or +∞")
    if protein is not None and len(protein.sequence) != len(matrix):
        raise ValueError(f"protein has {len(protein.sequence)} residues, weights are for {len(matrix)}")
    ax = plt.subplots(figsize=(5.4, 4.6))[1] if ax is None else ax
    low, high = limits or (None, None)
    image = ax.imshow(matrix, cmap="cividis", vmin=low, vmax=high, interpolation="nearest")
    ax.set(xlabel="key j", ylabel="query i")
    ax.set_title(title, color=_term_colour(title), pad=16 if protein is not None else 6)
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.85, pad=0.03).outline.set_visible(False)
    if protein is not None:
        numbers = np.asarray(protein.residue_index)
        places = np.flatnonzero(numbers % _round_step(len(numbers)) == 0)
        ax.set_xticks(places, numbers[places])
        ax.set_yticks(places, numbers[places])
        ax.tick_params(axis="y", pad=14, length=0)  # the strip is in the place of the ticks
        ax.set(xlabel="key j (residue)", ylabel="query i (residue)")
        structure = secondary_structure(protein)
        structure_strip(ax.inset_axes([0, 1.01, 1, 0.045]), structure)
        structure_strip(ax.inset_axes([-0.055, 0, 0.045, 1]), structure, vertical=True)
    return ax


@_styled
def attention_maps(maps: Mapping[str, Tensor], protein=None, labels: Sequence[str] | None = None) -> Figure:
    """Several maps ``{title: (L, L)}`` in rows of at most three (four: two and two), each with its own colour bar.

    ``labels`` are those of the colour bars, one for each map.
    """
    if not maps:
        raise ValueError("maps must hold at least one matrix")
    labels = ["attention weight"] * len(maps) if labels is None else labels
    columns = 2 if len(maps) == 4 else min(len(maps), 3)
    rows = -(-len(maps) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.4 * columns, 3.7 * rows), squeeze=False)
    for ax, (title, matrix), label in zip(axes.flat, maps.items(), labels, strict=False):
        attention_map(matrix, ax, protein, title, label)
    for ax in axes.flat[len(maps) :]:
        ax.set_axis_off()
    return figure


def logit_maps(parts: Parts, head: int = 0, protein=None) -> Figure:
    """Line 7 in pictures: the terms inside the bracket, then the weights that the softmax makes of w_L times their sum.

    ``parts`` are those of a single protein: ``weights`` ``(H, L, L)``.
    """
    if parts.weights.ndim != 3:
        raise ValueError(f"parts must be of one protein, weights (H, L, L), got {tuple(parts.weights.shape)}")
    terms = {"scalar term": parts.scalar_logits, "pair term": parts.pair_logits, "point term": parts.point_logits}
    maps = {title: term[head] for title, term in terms.items() if term is not None}
    maps["weights, softmax of all"] = parts.weights[head]
    return attention_maps(maps, protein, ["logit"] * (len(maps) - 1) + ["attention weight"])


@_styled
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


def _round_step(count: int) -> int:
    """5, 10, 20, 50 …, so that an axis of ``count`` residues gets four to eight numbers."""
    return next(step for step in (5, 10, 20, 50, 100, 200, 500, 1000, count) if count / step <= 8)


def _term_colour(title: str) -> str:
    return TERM_COLOURS.get(title.split(" ")[0].lower(), INK)


# --- curves -----------------------------------------------------------------------------------------------------------


@_styled
def logit_histogram(values: Mapping[str, Tensor], ax: Axes | None = None, xlabel: str = "logit") -> Axes:
    """Outlined histograms on common bins, ``{name: tensor of any shape}``; the legend adds each standard deviation.

    A name that begins with scalar, pair or point takes the colour of that term. The values must be finite: choose the
    real residues first.
    """
    if not values:
        raise ValueError("values must hold at least one tensor")
    data = {name: as_numpy(x).ravel() for name, x in values.items()}
    for name, x in data.items():
        if not len(x) or not np.isfinite(x).all():
            raise ValueError(f"{name} must be finite and not empty; leave masked pairs out")
    ax = plt.subplots(figsize=(6.4, 3.8))[1] if ax is None else ax
    together = np.concatenate(list(data.values()))
    bins = np.linspace(together.min(), max(together.max(), together.min() + 1e-6), 61)
    spare = iter(LINES * 10)
    for (name, x), dashes in zip(data.items(), LINES * 10, strict=False):
        colour = TERM_COLOURS.get(name.split(" ")[0].lower()) or next(spare)["color"]
        style = {"color": colour, "linestyle": dashes["linestyle"], "linewidth": 2}
        share = np.histogram(x, bins)[0] / len(x)
        ax.stairs(share, bins, fill=True, alpha=0.12, color=colour)
        ax.stairs(share, bins, label=f"{name}: standard deviation {x.std():.2f}", **style)
    ax.set(xlabel=xlabel, ylabel="share of the pairs")
    ax.legend(loc="best", fontsize=9)
    return ax


@_styled
def error_against_offset(
    offsets: Sequence[float] | Tensor,
    errors: Mapping[str, Sequence[float] | Tensor],
    ax: Axes | None = None,
    xlabel: str = "distance from the origin (nm)",
    ylabel: str = "largest relative error",
) -> Axes:
    """Errors against offsets, both logarithmic: ``offsets`` ``(N,)`` positive, ``{name: errors (N,)}`` not negative.

    An error of exactly zero, which a logarithm cannot show, is drawn as a hollow marker at the lower edge.
    """
    x = as_numpy(offsets)
    data = {name: as_numpy(y) for name, y in errors.items()}
    if x.ndim != 1 or not data or not (x > 0).all():
        raise ValueError(f"offsets must be (N,) and positive and errors not empty, got {x.shape}, {len(data)} errors")
    for name, y in data.items():
        if y.shape != x.shape or not (y >= 0).all():
            raise ValueError(f"{name} must have shape {x.shape} and no negative or NaN error, got shape {y.shape}")
    ax = plt.subplots(figsize=(6.4, 4.0))[1] if ax is None else ax
    positive = np.concatenate([y[y > 0] for y in data.values()])
    floor = 0.2 * positive.min() if len(positive) else 1e-17
    for (name, y), style in zip(data.items(), SERIES * 10, strict=False):
        ax.plot(x, np.maximum(y, floor), label=name, **style)
        hollow = {"color": style["color"], "marker": style["marker"], "linestyle": "none"}
        ax.plot(x[y == 0], np.full((y == 0).sum(), floor), markerfacecolor="white", zorder=3, **hollow)
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    ax.grid(True, which="major")
    ax.legend(loc="upper left")
    return ax
