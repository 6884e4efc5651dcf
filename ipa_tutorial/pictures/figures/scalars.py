"""Figures of lesson 03: what plain attention does with a sequence, and what it cannot see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from torch import Tensor

from ..camera import Camera
from ..drawing import GREY, INK, PAPER, POINT, SCALAR, draw_points, draw_protein
from ..style import styled


@styled
def one_hot(s: Tensor, sequence: str, alphabet: str) -> Figure:
    """The single representation ``(L, 20)``, a residue in each column."""
    fig, ax = plt.subplots(figsize=(9, 3.4))
    ax.imshow(s.mT, cmap=ListedColormap(["#ECEBE7", SCALAR]), aspect="auto")
    ax.set_xticks(range(len(sequence)), sequence, fontsize=7.5, family="monospace")
    ax.set_yticks(range(len(alphabet)), alphabet, fontsize=8, family="monospace")
    ax.tick_params(length=0)
    ax.set(xlabel="residue, in the order of the chain", ylabel="amino acid")
    ax.set_title("One-hot: 76 rows (drawn upright), 20 channels")
    return fig


@styled
def attention_of_one(weights: Tensor, sequence: str, letter: str, title: str) -> Figure:
    """The weights ``(L,)`` of one query over all keys, those of one amino acid in blue."""
    L = len(sequence)
    fig, ax = plt.subplots(figsize=(9, 3))
    ax.bar(range(L), weights, color=[SCALAR if other == letter else "#B9C4CC" for other in sequence])
    ax.axhline(1 / L, color=INK, lw=0.8, ls=":")
    ax.text(0, 1.15 / L, f"all equal: 1/{L}", bbox={"fc": PAPER, "ec": "none", "pad": 1, "alpha": 0.8})
    ax.set_xticks(range(L), sequence, fontsize=7.5, family="monospace")
    ax.tick_params(axis="x", length=0)
    ax.set(xlim=(-1, L), xlabel="key: residue j", ylabel="attention weight", title=title)
    return fig


@styled
def channels_of_heads(heads: Mapping[str, Tensor]) -> Figure:
    """``{title: (L, channels)}``: for each residue and channel the head, 0 to 2, in which it arrives."""
    fig, axes = plt.subplots(len(heads), 1, figsize=(7, 2.35 * len(heads)))
    for ax, (title, head) in zip(axes, heads.items(), strict=True):
        ax.imshow(head, cmap=ListedColormap([SCALAR, "#8FC1E3", "#DCE7EF"]), aspect="auto")
        for i, row in enumerate(head.tolist()):
            for channel, h in enumerate(row):
                ax.text(channel, i, "ABC"[h], ha="center", va="center", color=PAPER if h == 0 else INK)
        ax.set(title=title, ylabel="residue", xticks=range(head.shape[1]), yticks=range(len(head)))
        ax.tick_params(length=0)
    ax.set_xlabel("channel of the projection")
    return fig


@styled
def why_the_root(
    sizes: Sequence[int], variance: Sequence[Sequence[float]], keys: Sequence[Sequence[float]], most: int
) -> Figure:
    """Variance of a logit, and how many keys share the attention, of ``most``: each without and with √c."""
    fig, axes = plt.subplots(1, 2, figsize=(8.8, 3.8))
    for ax, (plain, scaled) in zip(axes, (variance, keys), strict=True):
        ax.plot(sizes, plain, "o-", color=POINT)
        ax.plot(sizes, scaled, "s-", color=SCALAR)
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, sizes)
        ax.set_xlabel("channels c")
    left, right = axes
    left.set_yscale("log", base=2)
    left.plot(sizes, sizes, ":", color=INK)
    left.text(40, 100, "q·k", color=POINT, ha="right")
    left.text(60, 1.4, "q·k / √c", color=SCALAR, ha="right")
    left.text(8, 4, "dotted: variance = c")
    left.set(title="Variance of a logit", ylabel="variance")
    left.set_yticks(sizes, sizes)
    right.text(9, 17, "softmax of q·k", color=POINT)
    right.text(14, 52, "softmax of q·k / √c", color=SCALAR)
    right.axhline(most, color=INK, lw=0.8, ls=":")
    right.text(256, most - 5, "all keys equally", ha="right")
    right.set(title=f"How many of {most} keys share", ylabel="effective number of keys", ylim=(0, most + 4))
    return fig


@styled
def sorted_by_letter(logits: Tensor, order: Tensor, sequence: str) -> Figure:
    """Logits ``(L, L)`` in the order of the chain, and in another: with all residues of one kind together."""
    L, letters = len(sequence), "".join(sequence[i] for i in order)
    # The first of two letters that stand closer than they are wide is left out.
    centres = {letters.index(a) + (letters.count(a) - 1) / 2: a for a in sorted(set(letters))}
    crowded = [a for a, b in pairwise(centres) if b - a < 2.5]
    centres = {place: "" if place in crowded else a for place, a in centres.items()}
    bound = logits.abs().max()
    fig, axes = plt.subplots(1, 2, figsize=(9, 4.6))
    maps = {"in the order of the chain": logits, "sorted by amino acid": logits[order][:, order]}
    for ax, (title, matrix) in zip(axes, maps.items(), strict=True):
        image = ax.imshow(matrix, vmin=-bound, vmax=bound)
        ax.set(title=title, xlabel="key j", ylabel="query i")
        ax.tick_params(length=0)
    counted = range(9, L, 10), range(10, L + 1, 10)  # residues are counted from 1
    axes[0].set_xticks(*counted)
    axes[0].set_yticks(*counted)
    for axis in (axes[1].xaxis, axes[1].yaxis):
        axis.set_ticks(list(centres), centres.values(), fontsize=8)
    fig.colorbar(image, ax=axes, label="logit, q·k / √c", shrink=0.7)
    return fig


@styled
def all_alike(protein, residues: Sequence[int], rows: Tensor, heads: int) -> Figure:
    """Residues of one kind in the protein, and what each of them learns: outputs ``(N, H·c)``."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.0), width_ratios=[1.1, 1])
    camera = Camera.facing(protein, azimuth=150)
    names = [f"{protein.sequence[i]}{i + 1}" for i in residues]
    draw_protein(protein, left, camera)
    draw_points(protein.ca[list(residues)], left, camera, colour=SCALAR, size=60)
    for name, i in zip(names, residues, strict=True):
        place = camera.project(protein.ca[i].numpy())[:2]
        style = {"textcoords": "offset points", "weight": "bold", "color": SCALAR, "zorder": 9}
        left.annotate(name, place, (7, 6), **style).set_path_effects([withStroke(linewidth=3, foreground=PAPER)])
    left.set_title("Seven lysines at seven places")

    bound, channels = rows.abs().max(), rows.shape[1] // heads
    image = right.imshow(rows, vmin=-bound, vmax=bound, aspect="auto")
    fig.colorbar(image, ax=right, label="output", pad=0.02)
    right.set_yticks(range(len(names)), names)
    right.set_xticks(range(rows.shape[1]), np.arange(rows.shape[1]) % channels, fontsize=8)
    for h in range(heads):
        right.axvline(h * channels - 0.5, color=PAPER, lw=3)
        right.text((h + 0.5) * channels - 0.5, -0.65, f"head {h}", ha="center")
    right.tick_params(length=0)
    right.set_xlabel("channel within the head")
    right.set_title("What each of them learns", pad=24)
    return fig


@styled
def memory_of_a_map(lengths: Tensor, one_term: Tensor, differences: Tensor) -> Figure:
    """Megabytes against residues for one term of line 7 and for all differences of points."""
    fig, ax = plt.subplots(figsize=(8.4, 4.4))
    ax.loglog(lengths, one_term, color=SCALAR, lw=2)
    ax.loglog(lengths, differences, color=POINT, lw=2, ls="--")
    ax.text(1700, 8, "one term of line 7\n(12 heads)", color=SCALAR)
    ax.text(500, 1500, "differences of query\nand key points", color=POINT, ha="right")
    for name, length in {"ubiquitin": 76, "haemoglobin": 574, "SARS-CoV-2 spike": 3 * 1273}.items():
        ax.axvline(length, color=GREY, lw=0.8, ls=":")
        ax.text(length, 1.6e5, f"{name}\n{length} residues", ha="center", va="bottom", fontsize=10, color=GREY)
    ax.axhline(16_000, color=INK, lw=0.8, ls="-")
    ax.text(42, 2.1e4, "a laptop with 16 GB")
    ax.set(xlim=(40, 10_000), ylim=(0.05, 1.4e5), xlabel="residues L", ylabel="megabytes")
    ax.set_title("Memory grows with the square of the length", pad=42)
    return fig
