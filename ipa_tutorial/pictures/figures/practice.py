"""Figures of lessons 15 and 16: what a pass costs, and two mistakes that can be seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ..drawing import GREY, INK, PAIR, POINT, SCALAR
from ..style import styled

# --- lesson 15 --------------------------------------------------------------------------------------------------------


@styled
def memory_against_length(
    lengths: Sequence[int], memory: Mapping[tuple[str, bool], Sequence[float]], of_z: Sequence[float]
) -> Figure:
    """MiB of ``{(module, with backward pass): one for each length}``, and of the pair representation itself."""
    fig, ax = plt.subplots(figsize=(8.5, 4.4))
    for (name, backward), values in memory.items():
        colour = POINT if name == "textbook" else SCALAR
        ax.loglog(lengths, values, color=colour, ls="-" if backward else "--", lw=2.5, marker="o")
        words = f"{name}, {'forward + backward' if backward else 'forward'}"
        ax.annotate(words, (lengths[-1], values[-1]), (8, 0), textcoords="offset points", color=colour, va="center")
    ax.loglog(lengths, of_z, ":", color=INK, lw=1.5)
    ax.annotate("z itself", (lengths[-1], of_z[-1]), (8, -6), textcoords="offset points", va="center")
    ax.set(xlabel="residues", ylabel="MiB beyond the inputs")
    ax.set_xticks(lengths, lengths)
    ax.minorticks_off()
    return fig


@styled
def the_floor(parts: Mapping[str, float], measured: float, words: str) -> Figure:
    """Milliseconds that the arithmetic must take, by kind of work, and that were measured."""
    fig, ax = plt.subplots(figsize=(8.8, 3.6))
    left = 0.0
    for (name, width), colour in zip(parts.items(), (PAIR, POINT, SCALAR, "#BBBBBB", GREY), strict=True):
        ax.barh(1, width, left=left, color=colour, label=name)
        left += width
    ax.barh(0, measured, color=INK)
    ax.text(left + 0.01 * measured, 1, "the floor", va="center")
    ax.text(1.01 * measured, 0, "measured", va="center")
    ax.set(yticks=[], xlabel=words, xlim=(0, 1.15 * measured))
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return fig


# --- lesson 16 --------------------------------------------------------------------------------------------------------


@styled
def places_to_start() -> Figure:
    """The softplus, and the γ that three starting values of the raw parameter give."""
    x = torch.linspace(-2, 2, 200)
    fig, ax = plt.subplots(figsize=(7, 3.6))
    ax.plot(x, torch.nn.functional.softplus(x), "-", color=INK, lw=2.5)
    starts = {"log(e − 1)": (math.log(math.e - 1), INK), "0": (0.0, GREY)}
    starts["log(e + 1)"] = (math.log(math.e + 1), "#E69F00")
    for name, (start, colour) in starts.items():
        value = math.log(1 + math.exp(start))
        ax.plot([start, start, -2], [0, value, value], ":", color=colour, lw=1.5)
        ax.plot(start, value, "o", color=colour, ms=9)
        beside = {"textcoords": "offset points", "ha": "right"}
        ax.annotate(f"{name}: γ = {value:.2f}", (start, value), (-10, 6), color=colour, **beside)
    ax.set(xlabel="raw parameter", ylabel="γ = softplus", xlim=(-2, 2), ylim=(0, 2.2))
    return fig


@styled
def sizes_of_logits(logits: Mapping[str, Tensor]) -> Figure:
    """How large the point term's logits are, which are never positive, in two units."""
    fig, ax = plt.subplots(figsize=(8, 3.6))
    for (name, values), colour, style in zip(logits.items(), (INK, "#E69F00"), ("-", "--"), strict=True):
        label = f"{name}: standard deviation {values.std():.1f}"
        edges = np.geomspace(0.1, 1000, 60)
        ax.hist(-values.flatten().numpy(), edges, histtype="step", color=colour, ls=style, lw=2.5, label=label)
    ax.set(xscale="log", xlabel="size of the point logit, −logit", ylabel="pairs", xlim=(0.1, 1000))
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return fig
