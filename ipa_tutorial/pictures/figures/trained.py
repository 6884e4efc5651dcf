"""Figures of lesson 18: a trained network's errors, and what its heads do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ..camera import Camera
from ..drawing import GREY, INK, PAIR, POINT, SCALAR, draw_protein
from ..style import styled


def draw_both_errors(ax: Axes, true: Tensor, predicted: Tensor) -> None:
    """The true error of each Cα and the predicted one ``(L,)``, Å."""
    ax.plot(true, color=INK, lw=2, ls="-", label="true error")
    ax.plot(predicted, color=POINT, lw=2, ls="--", label="predicted error")
    ax.set(xlabel="residue, counted from 0", ylabel="error of Cα (Å)", xlim=(-1, len(true)), ylim=(0, None))


@styled
def along_the_chain(true: Tensor, predicted: Tensor, loops: Mapping[str, tuple[int, int]]) -> Figure:
    """Both errors ``(L,)``, Å, and named stretches: first residue and the one behind the last."""
    fig, ax = plt.subplots(figsize=(8.8, 3.6))
    draw_both_errors(ax, true, predicted)
    top = 1.16 * max(true.max().item(), predicted.max().item())
    for name, (start, end) in loops.items():
        ax.axvspan(start - 0.5, end - 0.5, color="#E4E2DC", zorder=0)
        ax.text((start + end - 1) / 2, 0.98 * top, name, ha="center", va="top")
    ax.set_ylim(0, top)
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return fig


@styled
def four_habits(trained: Mapping[str, NDArray], untrained: Mapping[str, NDArray]) -> Figure:
    """What each head does, ``{habit: (3 blocks, 8 heads)}``, trained and not."""
    fig, axes = plt.subplots(2, 2, figsize=(8.8, 7))
    for ax, (name, values) in zip(axes.flat, trained.items(), strict=True):
        heads = np.arange(values.shape[1])
        looks = zip("osD", (SCALAR, PAIR, POINT), values, untrained[name], strict=True)
        for number, (marker, colour, of_heads, fresh) in enumerate(looks, 1):
            ax.plot(heads, of_heads, marker, color=colour, ms=8, label=f"block {number}")
            ax.plot(heads, fresh, marker, mfc="none", color=GREY, ms=6)
        ax.set(title=name, xlabel="head", xticks=heads, ylim=(0, None))
    axes[0, 0].plot([], [], "o", mfc="none", color=GREY, label="untrained")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig


@styled
def worth_of_heads(lost: NDArray, names: Sequence[str]) -> Figure:
    """RMSD gained with one head off, ``(3 blocks, 8 heads, domains)``, Å."""
    fig, axes = plt.subplots(3, 1, figsize=(8, 8.4), sharey=True)
    heads = np.arange(lost.shape[1])
    for number, (ax, of_block) in enumerate(zip(axes, lost, strict=True), 1):
        for k, (name, colour) in enumerate(zip(names, (INK, "#56B4E9", "#CC79A7"), strict=True)):
            ax.bar(heads + 0.27 * (k - 1), of_block[:, k], 0.25, color=colour, label=name)
        ax.axhline(0, color=INK, lw=1, ls="-")
        ax.set(xticks=heads, title=f"block {number}")
    axes[1].set_ylabel("Cα RMSD gained (Å)")
    axes[2].set_xlabel("head that is off")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


@styled
def in_doubt(crystal: Tensor, folded: Tensor, true: Tensor, predicted: Tensor, title: str) -> Figure:
    """A domain ``(L, 4, 3)``, Å, its fold, the lighter the less sure, and both errors ``(L,)``."""
    camera = Camera.facing(crystal[:, 1])
    fig = plt.figure(figsize=(8.4, 6.4))
    left, right, below = fig.subplot_mosaic("ab;cc", height_ratios=(1.2, 1)).values()
    draw_protein(crystal, left, camera, "#BBBBBB", termini=False)
    left.set_title("the crystal")
    draw_protein(folded, right, camera, predicted.clamp(max=5), termini=False)
    right.set_title(title)
    draw_both_errors(below, true, predicted)
    below.legend()
    return fig
