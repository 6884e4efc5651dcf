"""Figures of lesson 09: a protein that is moved, mirrored and pushed far away, and what attention makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ..camera import Camera
from ..drawing import GREY, INK, draw_protein
from ..style import styled

ORANGE, SKY, PURPLE = "#E69F00", "#56B4E9", "#CC79A7"  # for whatever is not a term of the logits


@styled
def turning(poses: Mapping[int, Tensor], angles: Sequence[int], change: Mapping[str, Sequence[float]]) -> Figure:
    """A protein at four angles, ``{degrees: (L, 4, 3)}``, Å; below, how each model's weights change at ``angles``."""
    fig = plt.figure(figsize=(8.8, 6.4))
    grid = fig.add_gridspec(2, 4, height_ratios=(1, 1.9))
    camera = Camera.facing(poses[0])
    for column, (degrees, atoms) in enumerate(poses.items()):
        ax = draw_protein(atoms, fig.add_subplot(grid[0, column]), camera)
        ax.set(title=f"{degrees}°", xlim=(-24, 24), ylim=(-19, 19))
    ax = fig.add_subplot(grid[1, :])
    for (name, values), colour in zip(change.items(), (INK, ORANGE, SKY), strict=True):
        ax.semilogy(angles, values, "o-", color=colour, ms=4)
        ax.text(365, values[-1], name, color=INK, va="center")
    ax.set_xlabel("turn (degrees), with a push of 1 nm along each axis")
    ax.set_ylabel("largest change of\nan attention weight")
    ax.set(xlim=(0, 430), xticks=range(0, 361, 90), ylim=(1e-17, 10))
    return fig


@styled
def moved_protein(atoms: Tensor, camera: Camera, weights: Tensor, out: Tensor, changes: tuple[float, float]) -> Figure:
    """A moved protein ``(L, 4, 3)``, Å, its map ``(L, L)``, its output ``(L, dim)``; and how far these two changed."""
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8.8, 3.2), width_ratios=(1.4, 1, 1))
    draw_protein(atoms, left, camera)
    left.set(xlim=(-50, 50), ylim=(-36, 36), title="the protein")
    middle.imshow(weights, cmap="cividis", vmax=0.06)
    middle.set(title=f"attention, changed by {changes[0]:.0e}", xlabel="key", ylabel="query")
    right.imshow(out.T, cmap="PuOr", vmin=-2, vmax=2, aspect="auto")
    right.set(title=f"output, changed by {changes[1]:.0e}", xlabel="residue", ylabel="channel")
    return fig


@styled
def far_away(offsets: Sequence[float], whole: Mapping[str, Sequence[float]], logits: Mapping[str, Sequence[float]]):
    """Largest errors against the distance from the origin, nm: of the module's output, and of the logits in float32."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.6))
    for ax, curves, colours in (left, whole, (ORANGE, PURPLE, SKY, INK)), (right, logits, (ORANGE, PURPLE)):
        for k, ((name, errors), colour) in enumerate(zip(curves.items(), colours, strict=True)):
            ax.loglog(offsets, errors, "o-", color=colour)
            beside = {"xytext": (8, 0), "textcoords": "offset points", "annotation_clip": False}
            beside["va"] = ("bottom", "top")[k] if k < 2 < len(curves) else "center"  # the first two end side by side
            ax.annotate(name.removeprefix("float32, "), (offsets[-1], errors[-1]), color=INK, **beside)
        ax.set(xlabel="distance from the origin (nm)", ylabel="largest error")
    _slope(left, offsets[2:], 1, 1e-11)
    _slope(right, offsets[2:], 1, 2e-9)
    _slope(right, offsets[2:], 2, 1e-5)
    left.set_title("the output of the whole module")
    right.set_title("the logits of the point term, in float32")
    return fig


def _slope(ax: Axes, x: Sequence[float], slope: int, height: float) -> None:
    """A dotted guide: height · x^slope."""
    ax.loglog(x, [height * place**slope for place in x], ":", color=GREY)
    ax.text(x[1], 1.6 * height * x[1] ** slope, f"slope {slope}", color=GREY, ha="right")


@styled
def mirrored(atoms: Tensor, flip: Tensor, change: Tensor) -> Figure:
    """A protein ``(L, 4, 3)``, Å, its mirror image, atoms times ``flip`` ``(3,)``, and how its map changes ``(L, L)``.

    The image is drawn as a looking glass shows it: from the mirrored side.
    """
    fig = plt.figure(figsize=(8.4, 8))
    axes = fig.subplot_mosaic([["here", "there"], ["map", "map"]], height_ratios=(1, 1.7))
    camera = Camera.facing(atoms[:, 1])
    glass = Camera(np.diag([-1, 1, 1]) @ camera.rotation * flip.numpy(), camera.centre, camera.reach)
    draw_protein(atoms, axes["here"], camera).set_title("ubiquitin")
    draw_protein(flip * atoms, axes["there"], glass).set_title("its mirror image")
    largest = change.abs().quantile(0.995).item()
    image = axes["map"].imshow(change, cmap="PuOr", vmin=-largest, vmax=largest)
    axes["map"].set(title="no distance changes, the attention does", xlabel="key j", ylabel="query i")
    counted = range(9, len(atoms), 10), range(10, len(atoms) + 1, 10)  # residues count from 1
    axes["map"].set_xticks(*counted)
    axes["map"].set_yticks(*counted)
    fig.colorbar(image, ax=axes["map"], label="change of the weight", extend="both")
    return fig
