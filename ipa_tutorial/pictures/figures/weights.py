"""Figures of lesson 06: what each term contributes to the logits, and what a unit does to the attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import softplus

from ..drawing import GREY, INK, PAIR, POINT, SCALAR
from ..style import styled


@styled
def counted_variance(counts: Tensor, estimates: Tensor, spread: Tensor) -> Figure:
    """How far the variance of ``counts`` ``(N,)`` pairs of points, ``estimates`` ``(runs, N)``, is from 9/2, 6 and 1.

    ``spread``: the standard deviation of one pair's contribution.
    """
    fig, ax = plt.subplots(figsize=(8, 3.9))
    ax.loglog(counts, (estimates - 4.5).abs().mT, ".", ls="none", color=POINT)
    ax.loglog(counts, spread / counts.sqrt(), color=POINT, ls="--", lw=1.5)
    ax.text(1.5e6, 0.006, "if it is 9/2:\nfalls with 1/√n", color=POINT, va="center")
    for wrong, style in ((6, ":"), (1, "-.")):
        ax.loglog(counts, (estimates - wrong).abs().mean(0), color=GREY, ls=style)
        ax.text(1.2e6, abs(4.5 - wrong), f"if it were {wrong}", color=GREY, va="center")
    ax.set(xlabel="pairs of points counted, n", ylabel="|counted variance − claim|", xlim=(8, 2e7), ylim=(2e-4, 20))
    return fig


@styled
def variance_of_queries(queries: Tensor, logits: Tensor) -> Figure:
    """The logits −½‖q − k‖² ``(N, K)`` of three queries as histograms; and of all queries ``(N, 3)``, nm, the variance.

    The curve is what the algebra says: ‖q‖² + 3/2.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.3))
    distance, over_keys = queries.norm(dim=-1), logits.var(-1)  # (N,) each
    nth = [round(share * len(queries)) for share in (0.1, 0.5, 0.9)]
    for row, style in zip(distance.argsort()[nth], ("-", "--", ":"), strict=True):
        steps = {"bins": 80, "histtype": "step", "density": True, "color": POINT, "ls": style, "lw": 2}
        left.hist(logits[row], label=f"‖q‖ = {distance[row]:.1f} nm", **steps)
    left.set(title="logits of one query, over its keys", xlabel="−½‖q − k‖²", ylabel="share")
    left.set(yticks=[], xlim=(-16, 0.5))
    left.legend(loc="upper left")
    right.scatter(distance, over_keys, s=8, color=POINT, alpha=0.4, lw=0)
    r = torch.linspace(0, 4, 100)
    right.plot(r, r.square() + 1.5, color=INK, lw=1.5)
    right.text(2.55, 10.2, "‖q‖² + 3/2", ha="right")
    right.axhline(over_keys.mean(), color=INK, ls="--")
    words = f"mean {over_keys.mean():.1f}, expected 9/2"
    right.text(3.95, 4.2, words, weight="bold", ha="right", va="top")
    right.set(title="variance over the keys, for each query", xlabel="‖q‖ (nm)", ylabel="variance")
    right.set(xlim=(0, 4), ylim=(0, 16))
    return fig


@styled
def three_starts(starts: Mapping[str, float]) -> Figure:
    """γ = softplus(ρ), and where three ``{name: ρ}`` begin on it."""
    rho = torch.linspace(-3, 3, 200)
    fig, ax = plt.subplots(figsize=(6.5, 3.6))
    ax.plot(rho, softplus(rho), color=INK, lw=2.5)
    ax.plot(rho, rho.clamp(min=0), color=GREY, ls=":")
    for (name, begin), marker in zip(starts.items(), "oXs", strict=True):
        gamma = softplus(torch.tensor(begin)).item()
        ax.plot(begin, gamma, marker=marker, ms=10, color=POINT, mec="white", zorder=3)
        beside = {"xytext": (-12, 8), "textcoords": "offset points", "ha": "right"}
        ax.annotate(f"ρ = {name}: γ = {gamma:.2f}", (begin, gamma), **beside)
    ax.axhline(1, color=GREY, ls="--", lw=1)
    ax.set(xlabel="ρ, what is learned", ylabel="γ = softplus(ρ)", title="always positive, with a slope everywhere")
    return fig


@styled
def how_loud(spread: Mapping[str, Mapping[str, float]]) -> Figure:
    """The standard deviation of each term, ``{unit: {term: over the keys}}``, scalar, pair and point."""
    fig, axes = plt.subplots(1, 2, figsize=(8.8, 3.2), sharex=True)
    for ax, (unit, terms) in zip(axes, spread.items(), strict=True):
        for (term, value), colour, marker in zip(terms.items(), (SCALAR, PAIR, POINT), "so^", strict=True):
            ax.plot([value], [term], marker=marker, ms=11, color=colour, ls="none")
            ax.annotate(f"{value:.1f}", (value, term), (10, 0), textcoords="offset points", va="center")
        ax.axvline(1, color=GREY, ls="--", lw=1, zorder=0)
        ax.margins(y=0.25)
        ax.invert_yaxis()
        ax.set(xscale="log", xlim=(0.3, 300), title=f"frames in {unit}", xlabel="standard deviation over keys")
    return fig


@styled
def from_all_to_one(
    scales: Tensor, keys_left: Sequence[float], gradient: Sequence[float], in_angstrom: float
) -> Figure:
    """Keys that share the attention, and the gradient of a typical one, against the spread of the logits.

    ``in_angstrom``: the spread for a protein that is given in Å.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.4), sharex=True)
    left.loglog(scales, keys_left, color=INK, lw=2.5)
    left.set(ylabel="keys that share the attention", title="from everybody to a single one", ylim=(0.9, 100))
    right.loglog(scales, gradient, color=INK, lw=2.5)
    right.set(ylabel="gradient at the logit of a typical key", title="and the others are not heard of again")
    right.set_ylim(1e-24, 10)
    for ax in (left, right):
        ax.axvline(1, color=GREY, ls="--", lw=1.5)
        ax.axvline(in_angstrom, color=POINT, ls=":", lw=2.5)
        ax.set_xlabel("standard deviation of the logits")
    left.text(0.85, 2.0, "variance one", color=GREY, weight="bold", ha="right")
    left.text(in_angstrom / 1.15, 40, "ubiquitin in Å", color=POINT, weight="bold", ha="right")
    return fig


@styled
def learning(runs: Mapping[str, tuple[Sequence[float], Tensor]]) -> Figure:
    """Two runs, ``{unit: (loss of each step, gradient of each residue in the first step)}``."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.4), width_ratios=[3, 2])
    for (unit, (losses, first)), colour, style in zip(runs.items(), (INK, POINT), ("-", "--"), strict=True):
        left.plot(losses, color=colour, ls=style)
        left.text(305, losses[-1], f"frames in {unit}", color=colour, va="center", weight="bold")
        right.semilogy(first.sort(descending=True).values.clamp(min=1e-30), color=colour, ls=style)
    left.set(title="learning to look four residues on", xlabel="training step", ylabel="loss")
    left.set(xlim=(0, 395), ylim=(0, 2))
    right.set(title="gradient, first step", xlabel="residues, sorted", ylim=(1e-24, 10))
    right.text(40, 0.4, "nm", color=INK, weight="bold")
    right.text(40, 1e-12, "Å", color=POINT, weight="bold")
    return fig
