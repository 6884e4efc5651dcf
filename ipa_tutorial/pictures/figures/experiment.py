"""Figures of lesson 14: chains that are shaken and found back, and how well each network does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ...losses import kabsch_rmsd
from ...rigid import Rigid
from ..camera import Camera
from ..chain import as_chain
from ..drawing import GREY, INK, PAIR, POINT, SCALAR, draw_protein
from ..style import styled

# colour, line and marker of the networks that meet in every figure, in their order
LOOKS = (INK, "-", "o"), ("#56B4E9", "--", "s"), ("#CC79A7", "-.", "^")
TERMS = {"scalars": SCALAR, "pair bias": PAIR, "distances": POINT, "point outputs": POINT}


@styled
def directions_and_lengths(axes: Tensor, lengths: Sequence[int]) -> Figure:
    """Unit vectors ``(N, 3)`` on a map of equal areas, and how long N chains are."""
    fig, (globe, below) = plt.subplots(2, 1, figsize=(7, 6), height_ratios=(1.3, 1))
    globe.plot(torch.atan2(axes[:, 1], axes[:, 0]).rad2deg(), axes[:, 2], ".", color=INK, ms=3)
    globe.set(xlabel="longitude (degrees)", ylabel="sine of the latitude", xlim=(-180, 180), ylim=(-1, 1))
    globe.set(title="longest axes of the training chains", xticks=range(-180, 181, 60))
    below.hist(lengths, bins=22, color=GREY)
    below.set(xlabel="residues", ylabel="training chains", title="their lengths")
    return fig


def draw_tube(frames: Rigid, ax: Axes, camera: Camera) -> None:
    """A chain in one piece however far apart its residues are: frames ``(L,)``, nm, from dark (N) to light (C)."""
    whole = replace(as_chain(frames), joined=np.ones(len(frames) - 1, dtype=bool))
    draw_protein(whole, ax, camera, torch.arange(float(len(frames))), termini=False)


def _draw_truth(chain, ax: Axes, camera: Camera, title: str) -> None:
    draw_protein(chain, ax, camera, torch.arange(float(len(chain))), termini=False)
    ax.set(title=title, xlim=(-25, 25), ylim=(-20, 20))


@styled
def shaken(chain, noisy: Mapping[float, Rigid]) -> Figure:
    """A chain, and its frames shaken by three levels, ``{Å: frames (L,)}``, nm."""
    camera = Camera.facing(chain)
    fig, axes = plt.subplots(2, 2, figsize=(7, 5.8))
    _draw_truth(chain, axes[0, 0], camera, f"{chain.name}, as it is")
    for ax, (level, frames) in zip(axes.flat[1:], noisy.items(), strict=True):
        draw_tube(frames, ax, camera)
        ax.set(title=f"shaken by {level:.0f} Å", xlim=(-25, 25), ylim=(-20, 20))
    return fig


@styled
def denoised(chain, answers: Mapping[str, Rigid]) -> Figure:
    """Three attempts at a chain, ``{title: frames (L,)}``, nm, with their RMSD; and the chain."""
    camera = Camera.facing(chain)
    fig, axes = plt.subplots(2, 2, figsize=(7, 6.4))
    for ax, (title, frames) in zip(axes.flat, answers.items(), strict=False):
        rmsd = kabsch_rmsd(10 * frames.translations, chain.ca)
        draw_tube(frames, ax, camera)
        ax.set(title=f"{title}\nCα RMSD {rmsd:.1f} Å", xlim=(-25, 25), ylim=(-20, 20))
    _draw_truth(chain, axes[1, 1], camera, "the truth\n")
    return fig


@styled
def race(smooth: Mapping[str, ArrayLike], window: int) -> Figure:
    """Losses, Å, means of ``window`` steps."""
    fig, ax = plt.subplots(figsize=(7, 3.8))
    for (name, curve), (colour, dashes, _) in zip(smooth.items(), LOOKS, strict=False):
        steps = np.arange(len(curve)) + window
        ax.plot(steps, curve, color=colour, ls=dashes, lw=2.5)
        ax.annotate(name, (steps[-1], curve[-1]), (6, 0), textcoords="offset points", va="center", color=colour)
    ax.set(xlabel="step", ylabel=f"loss, mean of {window} steps (Å)", xlim=(window, steps[-1]), ylim=(0, None))
    return fig


def _draw_errors(ax: Axes, x: ArrayLike, errors: Mapping[str, NDArray], apart: float = 1.0) -> None:
    """Mean and standard deviation over the seeds, ``{network: (len(x), seeds)}``, side by side by a factor."""
    for k, ((name, values), (colour, dashes, marker)) in enumerate(zip(errors.items(), LOOKS, strict=True)):
        look = {"color": colour, "ls": dashes, "marker": marker, "capsize": 3, "label": name}
        ax.errorbar(np.asarray(x) * apart ** (k - 1), values.mean(1), values.std(1, ddof=1), **look)


@styled
def against_size(sizes: Sequence[int], errors: Mapping[float, Mapping[str, NDArray]], before: Mapping) -> Figure:
    """Errors, Å, against the number of training chains, ``{level: {network: (sizes, seeds)}}``; before any network."""
    fig, axes = plt.subplots(2, 2, figsize=(7, 6.6))
    for ax, (level, of_networks) in zip(axes.flat, errors.items(), strict=False):
        _draw_errors(ax, sizes, of_networks, apart=1.1)
        ax.axhline(before[level], color=GREY, lw=1, ls="-", label="left as shaken")
        ax.set(xscale="log", xticks=sizes, xticklabels=sizes, xlabel="training chains", xlim=(2.8, 1290))
        ax.set(ylim=(0, None), title=f"shaken by {level:.0f} Å")
        ax.minorticks_off()
    for ax in axes[:, 0]:
        ax.set_ylabel("error on test chains (Å)")
    axes[1, 1].legend(*axes[0, 0].get_legend_handles_labels(), loc="center")
    axes[1, 1].axis("off")
    return fig


@styled
def given_and_rotated(sizes: Sequence[int], errors: Mapping[str, NDArray]) -> Figure:
    """Errors on training chains, Å: ``{network: (sizes, 2)}``, as given and rotated."""
    fig, ax = plt.subplots(figsize=(7, 4.2))
    for k, ((name, values), (colour, dashes, _)) in enumerate(zip(errors.items(), LOOKS, strict=True)):
        for j, (given, rotated) in enumerate(values):
            x, label = j + 0.22 * (k - 1), name if j == 0 else None
            ax.plot([x, x], [given, rotated], color=colour, lw=3, ls=dashes, label=label)
            ax.plot(x, given, "o", color=colour, ms=6)
            ax.plot(x, rotated, "D", mfc="none", mec=colour, mew=1.5, ms=11)  # a dot inside: both alike
    ax.plot([], [], "o", color=GREY, ms=6, label="full: as given")
    ax.plot([], [], "D", mfc="none", mec=GREY, mew=1.5, ms=11, label="empty: rotated")
    ax.set(xticks=range(len(sizes)), xticklabels=[f"{n} training chains" for n in sizes], ylim=(0, None))
    ax.set(ylabel="error on training chains (Å)")
    ax.legend()
    return fig


@styled
def networks(errors: Mapping[str, NDArray], before: float, title: str) -> Figure:
    """Errors, Å, of networks, one for each seed, as bars from the worst, below, to the best."""
    fig, ax = plt.subplots(figsize=(7, 4.8))
    for place, (name, values) in enumerate(errors.items()):
        colour = TERMS.get(name.removeprefix("IPA without "), GREY)
        ax.barh(place, values.mean(), color=colour, alpha=0.3, height=0.7)
        ax.plot(values, [place] * len(values), "o", color=INK, ms=4)
    ax.axvline(before, color=INK, lw=1, ls=":")
    ax.text(before - 0.1, len(errors) - 2, "left as\nshaken", ha="right", va="center")
    notes = [f"{name}: {values.mean():.2f} ± {values.std(ddof=1):.2f}" for name, values in errors.items()]
    ax.set(yticks=range(len(errors)), yticklabels=notes, ylim=(-0.6, len(errors) - 0.4))
    ax.set(xlabel="error on test chains (Å)", title=title)
    return fig


@styled
def placements(places: Sequence[str], errors: Mapping[str, NDArray], before: float) -> Figure:
    """Errors, Å, wherever the chains are put: ``{network: (places, seeds)}``."""
    fig, ax = plt.subplots(figsize=(7, 4.6))
    _draw_errors(ax, range(len(places)), errors)
    ax.axhline(before, color=GREY, lw=1, ls="-", label="left as shaken")
    ax.set_xticks(range(len(places)), [place.replace("moved ", "moved\n") for place in places])
    ax.set(ylim=(0, None), ylabel="error on test chains (Å)")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return fig
