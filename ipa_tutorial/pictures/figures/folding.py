"""Figures of lessons 12 and 13: how a chain is judged, and what a network that has folded it looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...rigid import Rigid
from ..camera import Camera
from ..drawing import GREY, INK, PAIR, PAPER, POINT, SCALAR, draw_frames, draw_links, draw_points, draw_protein
from ..style import styled

# --- lesson 12 --------------------------------------------------------------------------------------------------------


@styled
def seen_by(protein, truth: Rigid, seen: Mapping[int, Tensor]) -> Figure:
    """A chain as two residues see it: ``{residue counted from 0: its Cα (L, 3)}``, Å, over the true one, in grey.

    ``truth``: the true frames ``(L,)``, nm.
    """
    camera = Camera.facing(protein)
    fig, axes = plt.subplots(1, 2, figsize=(8.8, 4.1))
    there = camera.project(protein.ca.numpy())
    for ax, (i, placed) in zip(axes, seen.items(), strict=True):
        draw_protein(protein, ax, camera, "#C4C9CE", termini=False)
        here = camera.project(placed.numpy())
        ax.plot(here[:, 0], here[:, 1], "-", color=POINT, lw=2, zorder=5)
        for a, b in zip(here[::3], there[::3], strict=True):
            ax.plot(*np.stack([a, b])[:, :2].T, ":", color=INK, lw=1, zorder=4)
        draw_frames(truth[[i]], ax, length=7.0)
        judge = (placed - protein.ca).norm(dim=-1).mean()
        ax.set_title(f"as residue {i + 1} sees it: {judge:.1f} Å on average")
    return fig


@styled
def round_bottom(eps: float) -> Figure:
    """‖x‖ and √(‖x‖² + ε) near zero, Å."""
    r = torch.linspace(-0.06, 0.06, 401)
    fig, ax = plt.subplots(figsize=(6.5, 3.6))
    ax.plot(r, r.abs(), "--", color=GREY, lw=2)
    ax.plot(r, (r.square() + eps).sqrt(), "-", color=POINT, lw=2.5)
    beside = {"textcoords": "offset points"}
    ax.annotate("‖x‖: a kink", (0.02, 0.02), (14, -16), color=GREY, **beside)
    words, line = f"√(‖x‖² + ε): a round bottom\nat {eps**0.5:.2f} Å", {"arrowstyle": "-", "color": POINT}
    ax.annotate(words, (0, eps**0.5), (0, 0.058), color=POINT, ha="center", va="center", arrowprops=line)
    ax.set(xlabel="error (Å)", ylabel="d (Å)", ylim=(0, 0.066))
    return fig


@styled
def bending(degrees: Tensor, curves: Mapping[str, Sequence[float]]) -> Figure:
    """Four scores of a chain with a hinge."""
    fig, ax = plt.subplots(figsize=(8, 3.9))
    looks = (POINT, "-"), (POINT, "--"), (INK, "-."), (GREY, ":")
    for (name, values), (colour, style) in zip(curves.items(), looks, strict=True):
        ax.plot(degrees, values, style, color=colour, lw=2.5)
        ax.annotate(name, (180, values[-1]), (6, 0), textcoords="offset points", color=colour, va="center")
    ax.set(xlabel="hinge angle (degrees)", ylabel="score", xlim=(0, 180), xticks=range(0, 181, 30))
    return fig


@styled
def groups_and_atoms(errors: Tensor, judges: Tensor, known: Tensor, sequence: str) -> Figure:
    """Errors ``(8 L, 14 L)``, Å, as every rigid group sees every atom; which of them exist; of the L first residues."""
    L = len(sequence)
    rows, columns = judges[: 8 * L].nonzero()[:, 0], known[: 14 * L].nonzero()[:, 0]
    fig, ax = plt.subplots(figsize=(8.8, 5.2))
    shown = ax.imshow(errors[rows][:, columns].clamp(max=10.0), aspect="auto")
    for which, each, draw, ticks in ((rows, 8, ax.axhline, ax.set_yticks), (columns, 14, ax.axvline, ax.set_xticks)):
        starts = [int((which // each < i).sum()) for i in range(L + 1)]
        for start in starts[1:-1]:
            draw(start - 0.5, color="white", lw=0.8, ls="-")
        middles = [(starts[i] + starts[i + 1] - 1) / 2 for i in range(L)]
        ticks(middles, [f"{letter}{i}" for i, letter in enumerate(sequence, 1)])
    ax.set(xlabel="atoms, residue by residue", ylabel="rigid groups, residue by residue")
    fig.colorbar(shown, ax=ax, label="error (Å), clamped at 10")
    return fig


# --- lesson 13 --------------------------------------------------------------------------------------------------------


@styled
def looks_at(protein, camera: Camera, residue: int, row: Tensor, title: str) -> Figure:
    """Whom a residue (counted from 0) attends to: weights ``(L,)``, the small ones set to zero, as widths of lines."""
    fig, ax = plt.subplots(figsize=(7, 4.6))
    draw_protein(protein, ax, camera, "#E6E9EC", termini=False)
    draw_links(protein.ca[residue], protein.ca, row, ax, width=9)
    draw_points(protein.ca[residue], ax, size=160)
    centre = camera.project(protein.ca[residue].numpy())[:2]
    for j in row.nonzero()[:, 0].tolist():
        place = camera.project(protein.ca[j].numpy())[:2]
        away = 17 * (place - centre) / max(np.linalg.norm(place - centre), 1e-9)  # points, outwards
        box = {"fc": PAPER, "ec": "none", "pad": 1, "alpha": 0.75}
        words = {"weight": "bold", "ha": "center", "va": "center", "bbox": box, "zorder": 9}
        ax.annotate(f"{protein.sequence[j]}{j + 1}", place, away, textcoords="offset points", **words)
    ax.set_title(title)
    return fig


@styled
def loudness(gamma: Tensor, spread: Mapping[str, Tensor], at_start: Sequence[float]) -> Figure:
    """γ of each head ``(H,)``, and how much each term of its logits varies ``{term: (H,)}``, now and before."""
    heads = np.arange(len(gamma))
    fig, (above, below) = plt.subplots(2, 1, figsize=(8, 6))
    above.vlines(heads, 1, gamma, color=POINT, lw=3)
    above.plot(heads, gamma, "o", color=POINT, ms=10)
    above.axhline(1, color=INK, lw=1, ls="-")
    above.text(-0.55, 0.997, "at the start", va="top")
    low, high = min(gamma.min().item(), 1.0), max(gamma.max().item(), 1.0)
    above.set(ylabel="γ", xlim=(-0.6, len(heads) - 0.4), ylim=(low - 0.02, high + 0.02))
    above.set_title("the weight of distance in each head")
    for k, ((name, values), colour) in enumerate(zip(spread.items(), (SCALAR, PAIR, POINT), strict=True)):
        below.bar(heads + 0.27 * (k - 1), values, width=0.25, color=colour, label=name)
        below.axhline(at_start[k], color=colour, ls="--", lw=1.2)
    below.set(ylabel="standard deviation\nof the logits", xlim=(-0.6, len(heads) - 0.4))
    below.set_title("how loud each term is; dashed: untrained")
    fig.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    for ax in (above, below):
        ax.set(xlabel="head", xticks=heads)
    return fig
