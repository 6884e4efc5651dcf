"""Figures of lessons 10 and 11: chains that move, side chains that turn, and how far off a rebuilt atom is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ...losses import kabsch_rmsd
from ...rigid import Rigid
from ..camera import Camera
from ..drawing import GREY, INK, PALE, PAPER, POINT, SCALAR
from ..style import styled

# One run is a pale band, the other dots: both are seen where they meet.
BAND = {"color": "#A8CBE3", "ls": "-", "lw": 5}
DOTS = {"color": POINT, "ls": "", "marker": "o", "ms": 3}
SKY = "#56B4E9"

# --- lesson 10 --------------------------------------------------------------------------------------------------------


def draw_trace(T: Rigid, ax: Axes, middle: Tensor, label: str, **style) -> None:
    """The chain of Cα atoms from above, Å. ``middle`` ``(3,)``, nm, goes to the origin."""
    x = 10 * (T.translations - middle)
    ax.plot(x[:, 0], x[:, 1], label=label, **style)


@styled
def nudged(frames: Rigid, plain: Mapping[str, Rigid], turned: Mapping[str, Rigid]) -> Figure:
    """A chain nudged as it is, and turned first and back afterwards: ``{side: frames (L,)}``, nm."""
    fig, axes = plt.subplots(1, 2, figsize=(8.8, 4.6), sharex=True, sharey=True)
    middle = frames.translations.mean(0)
    for ax, side in zip(axes, plain, strict=True):
        draw_trace(frames, ax, middle, "crambin", color="#C4C9CE", ls="-", lw=1.5)
        draw_trace(plain[side], ax, middle, "nudged", **BAND)
        draw_trace(turned[side], ax, middle, "turned, nudged, turned back", **DOTS)
        ax.set(title=side, xlabel="x (Å)", aspect="equal")
    axes[0].set_ylabel("y (Å)")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


@styled
def through_layers(first: Sequence[Rigid], second: Sequence[Rigid], numbers: Sequence[int] = (0, 2, 5, 8)) -> Figure:
    """Two runs through a stack, frames ``(L,)`` after each layer, nm; the second one turned back."""
    fig, axes = plt.subplots(2, 2, figsize=(8.4, 7), sharex=True, sharey=True)
    start = first[0].translations
    for ax, number in zip(axes.flat, numbers, strict=True):
        draw_trace(first[number], ax, start.mean(0), "from crambin", **BAND)
        draw_trace(second[number], ax, start.mean(0), "from crambin turned, turned back", **DOTS)
        away = kabsch_rmsd(10 * first[number].translations, 10 * start)
        ax.set(title=f"after layer {number}: {away:.1f} Å" if number else "crambin", aspect="equal")
    for ax in axes[1]:
        ax.set_xlabel("x (Å)")
    for ax in axes[:, 0]:
        ax.set_ylabel("y (Å)")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return fig


@styled
def rounding(drifts: Mapping[str, Sequence[float]]) -> Figure:
    """How far three kinds of rotation are from being one, after each of a number of updates."""
    fig, ax = plt.subplots(figsize=(7.5, 4.2))
    looks = (INK, "-", 4), (SKY, "--", 0.12), ("#CC79A7", ":", 1e-3)  # colour, line, how far above it its name is
    for (name, values), (colour, style, above) in zip(drifts.items(), looks, strict=True):
        updates = range(1, len(values) + 1)
        ax.semilogy(updates, values, color=colour, ls=style, lw=2.5)
        ax.text(98, above * values[-3], name, ha="right", va="center", bbox={"fc": PAPER, "ec": "none", "pad": 1})
    ax.set(xlabel="updates", ylabel="largest entry of RᵀR − 1,\nmean of 20 residues", xlim=(0, len(values)))
    ax.set_ylim(1e-9, None)
    return fig


# --- lesson 11 --------------------------------------------------------------------------------------------------------


@styled
def from_one_point(sequence: str, without_order: Tensor, with_order: Tensor) -> Figure:
    """Where residues are after a few steps, ``(L, 3)`` in nm, without and with their order in the pair representation.

    Without it, each amino acid has one place, and is named there.
    """
    camera, L = Camera.facing(with_order), len(sequence)
    kinds = sorted(set(sequence), key=lambda letter: camera.project(without_order[sequence.index(letter)].numpy())[0])
    chains = {
        "line 4: all in one point": 0 * with_order,
        f"order unknown: {len(kinds)} places": without_order,
        f"order in z: {L} places": with_order,
    }
    fig = plt.figure(figsize=(8.8, 6.6))
    axes = list(fig.subplot_mosaic("aabb;.cc.").values())
    for ax, (title, x) in zip(axes, chains.items(), strict=True):
        x = camera.project((10 * (x - x.mean(0))).numpy()) - camera.project(np.zeros(3))  # (L, 3), Å
        dots = ax.scatter(x[:, 0], x[:, 1], c=range(1, L + 1), s=70, ec="white", lw=0.7, alpha=0.85)
        ax.set(title=title, xlabel="Å", xlim=(-5.5, 5.5), ylim=(-3, 3))
        if "unknown" in title:
            _name_places(ax, kinds, [x[sequence.index(letter), :2] for letter in kinds])
    axes[0].annotate(f"{L} residues", (0, 0), (0, 12), textcoords="offset points", ha="center")
    axes[0].set_ylabel("Å")
    fig.colorbar(dots, ax=axes, label="number of the residue", shrink=0.8)
    return fig


def _name_places(ax: Axes, letters: Sequence[str], places: Sequence[NDArray]) -> None:
    """Letters in a row above, each with a line to its place."""
    for x, letter, place in zip(np.linspace(-5, 5, len(letters)), letters, places, strict=True):
        ax.plot([x, place[0]], [2.5, place[1]], "-", color=GREY, lw=0.7, zorder=0)
        ax.text(x, 2.6, letter, ha="center")


@styled
def four_angles(lysine: Callable[[Sequence[float]], Tensor], names: Sequence[str]) -> Figure:
    """Each χ of a lysine turned by ±120° in its place. ``lysine``: χ1 … χ4 in radians → nine named atoms (9, 3), Å."""
    third, side_chain = 2 * math.pi / 3, [1, 4, 5, 6, 7, 8]  # Cα, Cβ, Cγ, Cδ, Cε, Nζ
    turns = {"as it was": (0, INK, "-"), "+120°": (third, "#E69F00", "-"), "−120°": (-third, SKY, "--")}
    camera = Camera.facing(lysine([math.pi] * 4))
    fig, axes = plt.subplots(2, 2, figsize=(8.8, 7), sharex=True, sharey=True)
    for k, ax in enumerate(axes.flat):
        for label, (turn, colour, style) in turns.items():
            x = camera.project(lysine([math.pi + turn * (n == k) for n in range(4)]).numpy())
            moved = side_chain[k + 1 if turn else 0 :]
            ax.plot(*x[moved, :2].T, color=colour, ls=style, marker="o", lw=3, mec="white", label=label)
            if not turn:
                ax.plot(*x[:4, :2].T, "-o", color=GREY, lw=2, ms=5, zorder=0)
                _name_atoms(ax, names if k == 0 else (), x)
        ax.set(title=f"χ{k + 1}", aspect="equal", xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


def _name_atoms(ax: Axes, names: Sequence[str], x: NDArray) -> None:
    shifts = (-9, 4), (-12, -4), (-10, 0), (-10, 0), (-2, 9), (0, -15), (0, 9), (0, -15), (8, 7)
    for name, place, shift in zip(names, x, shifts, strict=False):
        ax.annotate(name, place[:2], shift, ha="center", va="center", size=10, textcoords="offset points")


@styled
def torsion_angles(degrees: Tensor, there: Tensor) -> Figure:
    """How often each angle occurs: ``degrees`` ``(L, 7)``, where they are ``there`` (boolean), ψ and χ1 to χ4."""
    fig = plt.figure(figsize=(7.2, 10), layout="constrained")
    titles = {2: "ψ (from O)", 3: "χ1", 4: "χ2", 5: "χ3", 6: "χ4"}
    for n, (f, title) in enumerate(titles.items(), 1):
        ax = fig.add_subplot(3, 2, n, projection="polar")
        values = np.radians(degrees[there[:, f], f].numpy())
        ax.hist(values, np.radians(np.arange(-180, 181, 15)), color=GREY if f == 2 else SKY, ec="white")
        ax.set(title=f"{title}: {len(values)} residues", theta_zero_location="N", theta_direction=-1)
        ax.set_xticks(np.radians([0, 60, 120, 180, 240, 300]), ["0°", "60°", "", "180°", "", "−60°"])
        ax.set_yticks([])
    return fig


@styled
def off_by_group(distances: Tensor, groups: Tensor) -> Figure:
    """How far each atom ``(N,)`` is from the crystal, Å, by the rigid group that places it."""
    parts = {"backbone, Cβ": 0, "O": 3, "χ1": 4, "χ2": 5, "χ3": 6, "χ4": 7}
    fig, ax = plt.subplots(figsize=(8.8, 3.9))
    for n, group in enumerate(parts.values()):
        values = distances[groups == group].numpy()
        ax.scatter(n + np.linspace(-0.28, 0.28, len(values)), values, s=14, color=INK, alpha=0.45, lw=0)
        ax.plot([n - 0.32, n + 0.32], [np.median(values)] * 2, "-", color=POINT, lw=3)
    ax.text(-0.32, 0.62, "vermillion: the median of a group", color=POINT, va="center")
    ax.axhline(0.1, color=GREY, ls=":")
    ax.text(5.95, 0.11, "0.1 Å", color=GREY, ha="right")
    ax.set_xticks(range(len(parts)), parts)
    ax.set(ylabel="distance from the crystal (Å)", xlabel="the group that places the atom", xlim=(-0.5, 6))
    return fig


@styled
def rebuilt(rebuilds: Mapping[str, Tensor], crystal: Tensor, known: Tensor, residue: int) -> Figure:
    """A residue and its neighbours, rebuilt in two ways, over the crystal: atoms ``(L, 14, 3)``, Å; which are known."""
    near = slice(residue - 1, residue + 2)
    camera = Camera.facing(crystal[near][known[near]])
    bonds = _bonds(crystal[near][known[near]])
    fig, axes = plt.subplots(1, 2, figsize=(8.8, 4), sharex=True, sharey=True)
    for ax, (title, atoms) in zip(axes, rebuilds.items(), strict=True):
        for x, colour, width, label in ((crystal, "#C4C9CE", 7.0, "crystal"), (atoms, POINT, 2.0, "rebuilt")):
            lines = camera.project(x[near][known[near]].numpy()[bonds])[..., :2]  # (B, 2, 2)
            ax.add_collection(LineCollection(lines, colors=colour, linewidths=width, capstyle="round"))
            ax.plot([], [], "-", color=colour, lw=width, label=label)
        off = (atoms - crystal)[residue][known[residue]].norm(dim=-1)
        ax.set(title=f"{title}: lysine {residue + 1} is off by up to {off.max():.2f} Å")
        ax.set(aspect="equal", xticks=[], yticks=[])
        ax.autoscale_view()
        ax.spines[:].set_visible(False)
    axes[0].legend(loc="lower left")
    return fig


def _bonds(x: Tensor) -> NDArray:
    """Pairs of atoms closer than 1.95 Å: (N, 3) → (B, 2)."""
    return (x[:, None] - x).norm(dim=-1).lt(1.95).triu(1).nonzero().numpy()


@styled
def deviations(names: Sequence[str], with_stop: Sequence[float], without: Sequence[float]) -> Figure:
    """Relative deviations of gradients from DeepMind's, with the stop-gradient and without."""
    fig, ax = plt.subplots(figsize=(8.8, 3.2))
    for n, (good, bad) in enumerate(zip(with_stop, without, strict=True)):
        ax.plot([good, bad], [n, n], "-", color=PALE, lw=3, zorder=1)
        ax.plot(good, n, "o", color=SCALAR, ms=10)
        ax.plot(bad, n, "s", color=POINT, ms=10)
        ax.text(bad * 3, n, f"{bad:.0%} off", va="center", color=POINT)
    top = len(names) - 0.65
    ax.text(with_stop[-1], top, "with the stop-gradient", color=SCALAR, ha="center")
    ax.text(without[-1], top, "without", color=POINT, ha="center")
    ax.set_yticks(range(len(names)), names)
    ax.set(
        xscale="log", xlim=(1e-17, 1e3), ylim=(-0.5, top + 0.45), xlabel="relative deviation from DeepMind's gradient"
    )
    return fig
