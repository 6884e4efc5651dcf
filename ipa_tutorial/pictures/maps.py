"""Maps of residues against residues: attention, logits, the FAPE matrix; sequence and structure along the axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray
from torch import Tensor

from ..attention import Parts
from ..proteins.dssp import secondary_structure
from .chain import as_numpy
from .drawing import GREY, INK, STRUCTURE_COLOURS
from .style import styled, term_colour

LEGIBLE = 6.0  # points: letters of the sequence are written where each has at least this much room


@styled
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
        protein: adds residue numbers, its helices and strands along both axes and, where there is room, its sequence.
        label: of the colour bar. ``limits`` are its ends; None: the smallest and the largest number.
    """
    matrix = as_numpy(weights)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"weights must have shape (L, L), got {matrix.shape}; choose a batch element and a head")
    if not (matrix < np.inf).all():
        raise ValueError("weights must not be NaN or +∞")
    check_protein(protein, "weights", matrix.shape)
    image = draw_map(matrix, ax, protein, title, label, limits or (None, None))
    name_axes(image.axes, "query i", "key j", protein)
    return image.axes


@styled
def attention_maps(maps: Mapping[str, Tensor], protein=None, labels: Sequence[str] | None = None) -> Figure:
    """Several maps ``{title: (L, L)}`` in rows of two, each with its own colour bar.

    A last row that is not full is centred. ``labels`` are those of the colour bars, one for
    each map.
    """
    if not maps:
        raise ValueError("maps must hold at least one matrix")
    labels = ["attention weight"] * len(maps) if labels is None else labels
    if len(labels) != len(maps):
        raise ValueError(f"labels must be one for each of {len(maps)} maps, got {len(labels)}")
    columns = min(len(maps), 2)
    rows = -(-len(maps) // columns)
    figure = plt.figure(figsize=(4.4 * columns, 3.7 * rows))
    grid = figure.add_gridspec(rows, 2 * columns)  # half columns, to centre the last row
    for k, ((title, matrix), label) in enumerate(zip(maps.items(), labels, strict=True)):
        row, column = divmod(k, columns)
        left = 2 * column + columns - min(columns, len(maps) - row * columns)
        attention_map(matrix, figure.add_subplot(grid[row, left : left + 2]), protein, title, label)
    return figure


def logit_maps(parts: Parts, head: int = 0, protein=None) -> Figure:
    """Line 7 in pictures: the terms inside the bracket, w_L times their sum, and the weights that softmax makes of it.

    ``parts`` are those of a single protein: ``weights`` ``(H, L, L)``. Hidden keys are white in the sum, and weigh 0.
    """
    if parts.weights.ndim != 3:
        raise ValueError(f"parts must be of one protein, weights (H, L, L), got {tuple(parts.weights.shape)}")
    if not -len(parts.weights) <= head < len(parts.weights):
        raise ValueError(f"head must be one of {len(parts.weights)}, got {head}")
    terms = {"scalar term": parts.scalar_logits, "pair term": parts.pair_logits, "point term": parts.point_logits}
    maps = {title: term[head] for title, term in terms.items() if term is not None}
    maps["their sum, times $w_L$"] = parts.logits[head]
    maps["weights, softmax of the sum"] = parts.weights[head]
    return attention_maps(maps, protein, ["logit"] * (len(maps) - 1) + ["attention weight"])


@styled
def fape_matrix(
    errors: Tensor,
    ax: Axes | None = None,
    protein=None,
    clamp: float | None = 10.0,
    frames_mask: Tensor | None = None,
    points_mask: Tensor | None = None,
    title: str = "",
) -> Axes:
    """What FAPE (Algorithm 28, line 3) averages: frame i, downwards, judges where atom j, to the right, lies.

    Args:
        errors: ``(F, P)`` in Å, before the clamp: the distance between the places of atom j in frame i, predicted and
            true. A row is one frame's verdict on all atoms.
        protein: adds residue numbers, sequence and structure along both axes; F and P must be its length.
        clamp: Å. Larger errors are hatched: they count as ``clamp`` and pull on nothing. None (or 0): no clamp.
        frames_mask, points_mask: boolean ``(F,)`` and ``(P,)``, True = counts. What does not is left white, and may
            hold anything.

    The colours end at the clamp, or at the largest error that counts. The line below says how many are clamped.
    """
    matrix = as_numpy(errors)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"errors must have shape (F, P), frames by atoms, got {matrix.shape}")
    if clamp is not None and not 0 <= clamp < np.inf:
        raise ValueError(f"clamp must be a distance in Å or None, got {clamp}")
    counts = np.outer(
        _mask("frames_mask", frames_mask, matrix.shape[0]), _mask("points_mask", points_mask, matrix.shape[1])
    )
    if not counts.any():
        raise ValueError("frames_mask and points_mask leave no pair to draw")
    if not (matrix[counts] >= 0).all() or not np.isfinite(matrix[counts]).all():
        raise ValueError("errors must be finite and not negative, Å")
    check_protein(protein, "errors", matrix.shape)
    end = clamp or max(matrix[counts].max(), 1e-9)
    label = f"error (Å), clamped at {clamp:g} Å" if clamp else "error (Å)"
    image = draw_map(np.where(counts, matrix, -np.inf), ax, protein, title, label, (0, end))
    name_axes(image.axes, "frame i", "atom j", protein)
    if clamp:
        _hatch(image, counts & (matrix > clamp))
        share = (matrix[counts] > clamp).mean()
        words = f"hatched: clamped, {100 * share:.2g} % of the pairs" if share else "no pair is clamped"
        image.axes.set_xlabel(f"{image.axes.get_xlabel()}\n{words}")
    return image.axes


def _mask(name: str, mask: Tensor | None, length: int) -> NDArray:
    if mask is None:
        return np.ones(length, dtype=bool)
    mask = torch.as_tensor(mask)
    if mask.dtype != torch.bool or mask.shape != (length,):
        raise ValueError(f"{name} must be boolean ({length},), got {mask.dtype} {tuple(mask.shape)}")
    return mask.cpu().numpy()


def _hatch(image: AxesImage, where: NDArray) -> None:
    """Hatching over the cells that ``where`` picks, which a print in grey shows as well."""
    if not where.any():
        return
    fine = np.kron(where, np.ones((4, 4)))  # the outline runs between cells, not through them
    rows, columns = (0.25 * np.arange(n) - 0.375 for n in fine.shape)
    with plt.rc_context({"hatch.color": INK, "hatch.linewidth": 0.6}):
        image.axes.contourf(columns, rows, fine, levels=[0.5, 1.5], colors="none", hatches=["////"])


# --- what all maps share ----------------------------------------------------------------------------------------------


def check_protein(protein, name: str, shape: tuple[int, int]) -> None:
    if protein is not None and set(shape) != {len(protein.sequence)}:
        sizes = " by ".join(map(str, dict.fromkeys(shape)))
        raise ValueError(f"protein has {len(protein.sequence)} residues, {name} are for {sizes}")


def draw_map(matrix: NDArray, ax: Axes | None, protein, title: str, label: str, limits: tuple) -> AxesImage:
    """The picture and its colour bar; −∞ is left white."""
    ax = plt.subplots(figsize=(5.4, 4.6))[1] if ax is None else ax
    low, high = limits
    image = ax.imshow(np.ma.masked_equal(matrix, -np.inf), cmap="cividis", vmin=low, vmax=high, interpolation="nearest")
    # Above the strip, which is an axes of its own: left to itself the title would be pushed out of a low figure.
    ax.set_title(title, color=term_colour(title), y=1.0 if protein is None else 1.055, pad=4)
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.85, pad=0.03).outline.set_visible(False)
    return image


def name_axes(ax: Axes, down: str, right: str, protein) -> None:
    """Label the axes of a map; with a protein, number its residues and lay its structure along both of them."""
    ax.set(xlabel=right, ylabel=down)
    if protein is None:
        return
    numbers = np.asarray(protein.residue_index)
    places = np.flatnonzero(numbers % _round_step(len(numbers)) == 0)
    ax.set_xticks(places, numbers[places])
    ax.set_yticks(places, numbers[places])
    _write_sequence(ax, protein.sequence)
    ax.set(xlabel=f"{right} (residue)", ylabel=f"{down} (residue)")
    structure = secondary_structure(protein)
    structure_strip(ax.inset_axes([0, 1.01, 1, 0.045]), structure)
    structure_strip(ax.inset_axes([-0.055, 0, 0.045, 1]), structure, vertical=True)


def _write_sequence(ax: Axes, sequence: str) -> None:
    """One letter a residue, between map and numbers, if the letters can be read."""
    inches = ax.get_position().bounds[2:] * ax.figure.get_size_inches()
    side = 0.95 * 72 * min(inches)  # of the map, in points, or nearly: the layout is made later
    beyond_strip = 0.06 * side + 3
    room = side / len(sequence)
    ax.tick_params(axis="y", length=0, pad=beyond_strip)  # the strip is in the place of the ticks
    if room >= LEGIBLE:
        size = min(0.9 * room, 9)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_ticks(range(len(sequence)), sequence, minor=True)
            axis.remove_overlapping_locs = False  # numbered residues have their letter too
        ax.tick_params(which="minor", length=0, labelsize=size, labelfontfamily="monospace")
        ax.tick_params(axis="y", which="minor", pad=beyond_strip)
        ax.tick_params(axis="y", which="major", pad=beyond_strip + size + 2)
        ax.tick_params(axis="x", which="major", length=0, pad=size + 7)


def _round_step(count: int) -> int:
    """5, 10, 20, 50 …, so that an axis of ``count`` residues gets four to eight numbers."""
    return next(step for step in (5, 10, 20, 50, 100, 200, 500, 1000, count) if count / step <= 8)


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
