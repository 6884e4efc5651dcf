"""Figures of lesson 08: the reader's module beside DeepMind's numbers, with one wrong line, and on new proteins."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from ..drawing import GREY, INK, PALE, POINT, SCALAR
from ..style import styled


@styled
def beside_deepmind(truth: Tensor, out: Tensor, mask: Tensor, deviations: Mapping[str, Tensor]) -> Figure:
    """Outputs ``(L, dim)`` against DeepMind's, and for each residue the largest deviation of three runs.

    ``deviations``: ``{run: (L,)}``, absolute, of DeepMind's float32 and of ours in float32 and float64.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.8), width_ratios=[1, 1.7])
    left.plot([-2.5, 2.5], [-2.5, 2.5], color=GREY, lw=1, ls=":")
    left.scatter(truth[mask], out[mask], s=14, color=INK, lw=0)
    left.set(xlabel="DeepMind's output", ylabel="your output", aspect="equal", title=f"{truth[mask].numel()} numbers")
    for residue in (~mask).nonzero()[:, 0].tolist():
        right.axvspan(residue - 0.5, residue + 0.5, color="#EEEEEE", zorder=0, lw=0)
    looks = ("s", "#CC79A7"), ("^", "#E69F00"), ("o", INK)
    for (name, largest), (marker, colour) in zip(deviations.items(), looks, strict=True):
        right.plot(largest.clamp(min=1e-17), ls="", marker=marker, color=colour, label=name)
    right.set(yscale="log", xlabel="residue (grey: masked)", ylabel="largest deviation from DeepMind's float64")
    right.set(xticks=range(0, len(mask), 2), ylim=(1e-17, 1e-1), title="The same, residue by residue")
    right.legend(loc="center", bbox_to_anchor=(0.57, 0.47))
    return fig


@styled
def one_wrong_line(off: Mapping[str, float], ports: Collection[str], unseen: Collection[str], noise: float) -> Figure:
    """How far each wrong version is off, relative; ``noise``: of DeepMind's own float32.

    ``ports``: the names of those that carry parameters over wrongly. ``unseen``: those below the noise.
    """
    names = sorted(off, key=off.get)
    fig, ax = plt.subplots(figsize=(8.8, 5.2))
    for y, name in enumerate(names):
        colour = INK if name == "nothing" else POINT if name in unseen else SCALAR
        look = {"marker": "D", "mfc": "white"} if name in unseen else {"marker": "o", "mfc": colour}
        ax.plot(off[name], y, ms=8, mec=colour, mew=2, **look)
        ax.text(20, y, f"{off[name]:.0e}" if off[name] < 1e-3 else f"{off[name]:.2f}", va="center")
    ax.set_yticks(range(len(names)), [f"{name}  (port)" if name in ports else name for name in names])
    lines = (1e-9, "what we demand \nin float64 ", "right"), (noise, " DeepMind's own\n float32 noise", "left")
    for x, words, side in lines:
        ax.axvline(x, color=INK, lw=1.2, ls="--")
        ax.text(x, len(names) - 0.1, words, ha=side, fontsize=9)
    ax.set(xscale="log", xlim=(1e-16, 10), ylim=(-0.8, len(names) - 0.3))
    ax.set_xlabel("largest deviation from DeepMind's numbers, relative")
    ax.grid(axis="y", color=PALE)
    ax.set_title("One wrong line at a time (open: smaller than the noise of float32)", pad=28)
    return fig


@styled
def burial_of_new_proteins(
    counted: Tensor, answers: Mapping[str, tuple[Tensor, float]], proteins: Mapping[str, Tensor]
) -> Figure:
    """Neighbours that a module answers against those that were counted, ``(2, L)``.

    Args:
        answers: ``{which mask: ((2, L), R²)}``, two.
        proteins: ``{name: (L,)}``, which residues of a row are real.
    """
    fig, axes = plt.subplots(1, 2, figsize=(8.8, 3.8), sharex=True, sharey=True)
    for ax, (title, (answer, explained)) in zip(axes, answers.items(), strict=True):
        looks = ("o", "#E69F00"), ("s", "#56B4E9")
        for n, ((name, real), (marker, colour)) in enumerate(zip(proteins.items(), looks, strict=True)):
            style = {"s": 22, "marker": marker, "color": colour, "alpha": 0.7, "label": name}
            ax.scatter(counted[n][real], answer[n][real], **style)
        ax.plot([2, 34], [2, 34], color=GREY, lw=1, ls=":")
        ax.set(xlabel="residues within 10 Å, counted", xlim=(2, 34), ylim=(2, 34), aspect="equal")
        ax.set_title(f"Two new proteins, {title}: R² = {explained:.2f}")
    axes[0].set_ylabel("residues within 10 Å, answered")
    axes[0].legend(loc="upper left")
    return fig
