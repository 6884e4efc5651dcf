"""Figures of lesson 02: what a motion changes, what it does not, and who notices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ...rigid import Rigid
from ..camera import Camera
from ..drawing import GREY, INK, PALE, POINT, SCALAR, draw_frames, draw_links, draw_protein
from ..maps import attention_map
from ..style import styled

FRONT = Camera(np.eye(3), np.zeros(3), 20.0)  # x to the right, y up; the origin of the world in the middle


def draw_trace(frames: Rigid, ax: Axes, colour: str, width: float = 3.0) -> None:
    """The chain as a line from Cα to Cα, however far apart they are. Frames in nm."""
    x = 10 * frames.translations  # (L, 3), Å
    draw_links(x[:-1], x[1:], None, ax, FRONT, colour, width)


@styled
def one_motion(protein, atoms: Tensor, G: Rigid, before: Tensor, after: Tensor, distances: Tensor) -> Figure:
    """A protein (atoms ``(L, 4, 3)``, nm) before and after G; its distance map; its coordinates ``(L, 3)``, nm."""
    fig = plt.figure(figsize=(8.8, 8))
    axes = fig.subplot_mosaic("PD;xx;yy;zz", height_ratios=[4.2, 1, 1, 1], width_ratios=[1.35, 1])
    draw_protein(10 * atoms, axes["P"], FRONT, termini=False)
    draw_protein(10 * G.apply(atoms), axes["P"], FRONT, termini=False)
    axes["P"].plot(0, 0, "+", ms=16, mew=2, color=INK, zorder=9)
    axes["P"].annotate("", (30, 21), (10, 21), arrowprops={"arrowstyle": "-|>", "lw": 2, "color": INK})
    axes["P"].text(20, 23, "G", ha="center", fontsize=13)
    axes["P"].set(title="turned and pushed (cross: origin)", ylim=(-20, 27))
    attention_map(distances, axes["D"], protein, "distances: as before", "nm")
    axes["D"].set(xlabel="residue", ylabel="residue")
    for k, name in enumerate("xyz"):
        ax = axes[name]
        ax.plot(before[:, k], color=GREY, ls="-", lw=1.5, label="before")
        ax.plot(after[:, k], color=POINT, ls="--", lw=1.5, label="after")
        ax.set(ylabel=f"{name} (nm)", xticks=range(0, 80, 20), xlim=(0, len(before)))
        ax.tick_params(labelbottom=name == "z")
    axes["x"].legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 0.95))
    axes["x"].set_title("coordinates: others", loc="left")
    axes["z"].set(xlabel="residue")
    return fig


@styled
def two_sides(T: Rigid, left: Rigid, right: Rigid) -> Figure:
    """The first strand (pale) after the same U from the left and from the right, with the way of each residue."""
    piece = range(8)
    fig, axes = plt.subplots(1, 2, figsize=(8.8, 4.9))
    titles = ("U @ T: one motion of the world", "T @ U: a step and a turn for each")
    for ax, frames, title in zip(axes, (left, right), titles, strict=True):
        draw_frames(Rigid.identity(1), ax, FRONT, length=3.0, names=["world"])
        draw_trace(T[piece], ax, PALE, 6.0)
        draw_links(10 * T[piece].translations, 10 * frames[piece].translations, None, ax, FRONT, GREY, 1.2)
        draw_trace(frames[piece], ax, POINT, 2.5)
        draw_frames(frames[piece[::-1]], ax, FRONT, length=2.2)  # lettered: the last, far from the world's
        ax.set(title=title, xlim=(-17, 6), ylim=(-8, 14))
    return fig


@styled
def recipes_for_rotations(recipes: Mapping[str, Tensor], verdicts: Mapping[str, tuple]) -> Figure:
    """For each recipe (rotations ``(N, 3, 3)``) where the x axis ends, on the ball and along x.

    ``verdicts``: (orthogonal, share of mirrors, uniform) of each.
    """
    fig, axes = plt.subplots(len(recipes), 2, figsize=(7.6, 2.05 * len(recipes)), width_ratios=[1, 2.4])
    for (name, R), (ball, bars) in zip(recipes.items(), axes, strict=True):
        tips = R[:700, :, 0]  # (700, 3): where the x axis ends, seen from above (z towards us)
        mirror = R[:700].det() < 0
        ball.add_patch(plt.Circle((0, 0), 1, fill=False, color=GREY))
        ball.scatter(*tips[~mirror, :2].T, s=5, color=SCALAR, lw=0)
        ball.scatter(*tips[mirror, :2].T, s=14, color=POINT, marker="x", lw=0.8)
        ball.set(aspect="equal", xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), xticks=[], yticks=[])
        ball.spines[:].set_visible(False)
        orthogonal, mirrors, uniform = verdicts[name]
        words = f"{'' if orthogonal else 'not '}orthogonal, {mirrors:.0%} mirrors, {'' if uniform else 'not '}uniform"
        bars.set_title(f"{name}: {words}", loc="left", fontsize=11)
        bars.hist(R[:, 0, 0], bins=np.linspace(-1.6, 1.6, 33), color=SCALAR, alpha=0.7)
        flat = len(R) / 20  # in each bin, if the ends are uniform on the sphere
        bars.plot([-1, -1, 1, 1], [0, flat, flat, 0], color=INK, lw=1.2, ls="--")
        bars.set(yticks=[], ylim=(0, 3.1 * flat))
        bars.tick_params(labelbottom=name == list(recipes)[-1])
    bars.set_xlabel(f"x of the x axis, {len(R)} rotations")
    return fig


def draw_pose(axes: Sequence[Axes], moved: Rigid, maps: Sequence[Tensor], changes: Sequence[float], title: str) -> None:
    """A moved protein, and beside it the maps of naive attention and of attention by distance, in one picture."""
    protein, both = axes
    draw_protein(moved, protein, FRONT, colours=torch.arange(len(moved)), termini=False)
    protein.plot(0, 0, "+", ms=14, mew=2, color=INK, zorder=9)  # the origin
    protein.set(xlim=(-20, 64), ylim=(-20, 20), title=title)
    L = len(moved)
    for k, (weights, change) in enumerate(zip(maps, changes, strict=True)):
        left = k * 1.12 * L
        both.imshow(weights, vmin=0, vmax=0.15, extent=(left, left + L, L, 0))
        words = "as it was" if change == 0 else "only rounding" if change < 1e-12 else f"largest change {change:.1f}"
        both.text(left + L / 2, 1.04 * L, words, ha="center", va="top")
    both.set(xlim=(0, 2.12 * L), ylim=(1.2 * L, 0))
    both.set_axis_off()


@styled
def poses(rows: Sequence[tuple[Rigid, Sequence[Tensor], Sequence[float], str]]) -> Figure:
    """One row for each pose: the moved frames, two maps, how much each has changed, and a title."""
    fig, axes = plt.subplots(len(rows), 2, figsize=(8.8, 2.75 * len(rows)), width_ratios=[1.1, 1], squeeze=False)
    for row, content in zip(axes, rows, strict=True):
        draw_pose(row, *content)
    axes[0, 1].set_title("naive attention        by distance")
    return fig


@styled
def how_far_off(noise: Mapping[str, Tensor], bugs: Mapping[str, Tensor]) -> Figure:
    """Deviations of sound models (dots) and of broken ones (crosses), on a logarithmic axis with both tolerances."""
    fig, ax = plt.subplots(figsize=(8.8, 3.9))
    everybody, dice = {**noise, **bugs}, np.random.default_rng(0)
    for row, (name, values) in enumerate(everybody.items()):
        colour, marker = (SCALAR, "o") if name in noise else (POINT, "x")
        height = row + 0.35 * (dice.random(len(values)) - 0.5)
        ax.scatter(values, height, s=14, color=colour, marker=marker, alpha=0.6)
    for tolerance, dtype in ((1e-10, "float64"), (1e-4, "float32")):
        ax.axvline(tolerance, color=INK, lw=1.2, ls="--")
        ax.text(tolerance, -0.75, f"tolerance, {dtype}", ha="center")
    ax.set(xscale="log", xlim=(1e-17, 1e2), ylim=(len(everybody) - 0.4, -0.6))
    ax.set_xlabel("largest relative deviation under a motion")
    ax.set_xticks([10.0**k for k in range(-16, 3, 4)])
    ax.set_yticks(range(len(everybody)), everybody)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return fig


@styled
def both_ways_round(poses: Mapping[str, Rigid]) -> Figure:
    """T, f(T), G ∘ T and f(G ∘ T) in this order, at the corners of a square; pale: where it came from."""
    fig = plt.figure(figsize=(8.4, 7))
    grid = {"width_ratios": [1, 0.25, 1], "height_ratios": [1, 0.16, 1]}
    axes = fig.subplots(3, 3, gridspec_kw=grid)
    start, _, moved, _ = poses.values()
    for ax, (name, frames), before in zip(axes[::2, ::2].flat, poses.items(), (None, start, None, moved), strict=True):
        if before is not None:
            draw_trace(before, ax, PALE, 4.0)
            draw_links(10 * before.translations, 10 * frames.translations, None, ax, FRONT, colour=GREY, width=1.2)
        draw_trace(frames, ax, "#8FA9BD" if before is None else POINT, 4.0)
        draw_frames(frames, ax, FRONT, length=3.5)
        ax.set(xlim=(-17, 17), ylim=(-16, 16))
        ax.set_title(name, fontsize=14)
    style = {"arrowstyle": "-|>", "lw": 2.5, "color": INK, "mutation_scale": 22}
    for ax in axes[::2, 1]:
        ax.annotate("", (1, 0.5), (0, 0.5), arrowprops=style)
        ax.text(0.5, 0.56, "update f", ha="center")
    for ax in axes[1, ::2]:
        ax.annotate("", (0.5, 0), (0.5, 1), arrowprops=style)
        ax.text(0.6, 0.4, "move by G", ha="left")
    for ax in axes.flat:
        ax.set_axis_off()
    return fig
