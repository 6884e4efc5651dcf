"""Numbers against numbers: logits, errors, distances and weights, the course of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from torch import Tensor

from .chain import as_numpy
from .drawing import GREY, INK, PAPER, POINT
from .style import LINES, SERIES, TERM_COLOURS, styled

SMALLEST_WEIGHT = 1e-6  # the lower end of a logarithmic axis of weights


@styled
def logit_histogram(values: Mapping[str, Tensor], ax: Axes | None = None, xlabel: str = "logit") -> Axes:
    """Outlined histograms on common bins, ``{name: tensor of any shape}``; the legend adds each standard deviation.

    A name that begins with scalar, pair or point takes the colour of that term. The values must be finite: choose the
    real residues first.
    """
    if not values:
        raise ValueError("values must hold at least one tensor")
    data = {name: as_numpy(x).ravel() for name, x in values.items()}
    for name, x in data.items():
        if not len(x) or not np.isfinite(x).all():
            raise ValueError(f"{name} must be finite and not empty; leave masked pairs out")
    ax = plt.subplots(figsize=(6.4, 3.8))[1] if ax is None else ax
    together = np.concatenate(list(data.values()))
    bins = np.linspace(together.min(), max(together.max(), together.min() + 1e-6), 61)
    spare = iter(LINES * 10)
    for (name, x), dashes in zip(data.items(), LINES * 10, strict=False):
        colour = TERM_COLOURS.get(name.split(" ")[0].lower()) or next(spare)["color"]
        style = {"color": colour, "linestyle": dashes["linestyle"], "linewidth": 2}
        share = np.histogram(x, bins)[0] / len(x)
        ax.stairs(share, bins, fill=True, alpha=0.12, color=colour)
        ax.stairs(share, bins, label=f"{name}: standard deviation {x.std():.2f}", **style)
    ax.set(xlabel=xlabel, ylabel="share of the pairs")
    ax.legend(loc="best", fontsize=9)
    return ax


@styled
def error_against_offset(
    offsets: Sequence[float] | Tensor,
    errors: Mapping[str, Sequence[float] | Tensor],
    ax: Axes | None = None,
    xlabel: str = "distance from the origin (nm)",
    ylabel: str = "largest relative error",
) -> Axes:
    """Errors against offsets, both logarithmic: ``offsets`` ``(N,)`` positive, ``{name: errors (N,)}`` not negative.

    An error of exactly zero, which a logarithm cannot show, is drawn as a hollow marker at the lower edge.
    """
    x = as_numpy(offsets)
    data = {name: as_numpy(y) for name, y in errors.items()}
    if x.ndim != 1 or not data or not (x > 0).all():
        raise ValueError(f"offsets must be (N,) and positive and errors not empty, got {x.shape}, {len(data)} errors")
    for name, y in data.items():
        if y.shape != x.shape or not (y >= 0).all():
            raise ValueError(f"{name} must have shape {x.shape} and no negative or NaN error, got shape {y.shape}")
    ax = plt.subplots(figsize=(6.4, 4.0))[1] if ax is None else ax
    positive = np.concatenate([y[y > 0] for y in data.values()])
    floor = 0.2 * positive.min() if len(positive) else 1e-17
    for (name, y), style in zip(data.items(), SERIES * 10, strict=False):
        ax.plot(x, np.maximum(y, floor), label=name, **style)
        hollow = {"color": style["color"], "marker": style["marker"], "linestyle": "none"}
        ax.plot(x[y == 0], np.full((y == 0).sum(), floor), markerfacecolor=PAPER, zorder=3, **hollow)
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    ax.grid(True, which="major")
    ax.legend(loc="upper left")
    return ax


@styled
def distance_against_weight(
    distances: Tensor,
    weights: Tensor,
    ax: Axes | None = None,
    log: bool = False,
    title: str = "",
    xlabel: str = "distance of the Cα atoms (Å)",
) -> Axes:
    """How far do residues look? Pairs counted by distance and weight, and the mean weight at each distance.

    Args:
        distances: ``(L, L)`` in Å, or of any shape, such as the entries that a mask picks.
        weights: attention weights between 0 and 1, of the same shape: one head. Leave out what is masked.
        log: the axis of the weights is logarithmic; weights of less than a millionth are counted in its lowest row.

    The light line is the mean, the dashed one what a query pays to each key if it does not look at all (1/L; drawn for
    square matrices only).
    """
    x, y = as_numpy(distances), as_numpy(weights)
    if x.shape != y.shape or not x.size:
        raise ValueError(f"distances and weights must have one shape and an entry at least, got {x.shape}, {y.shape}")
    if not (np.isfinite(x) & (x >= 0)).all():
        raise ValueError("distances must be finite and not negative, Å")
    if not ((y >= 0) & (y <= 1 + 1e-6)).all():
        raise ValueError("weights must lie between 0 and 1: take them after the softmax")
    ax = plt.subplots(figsize=(6.4, 4.0))[1] if ax is None else ax
    count = min(60, 4 + int(x.size**0.5))
    across = np.linspace(0, max(x.max(), 1.0), count + 1)
    low, high = (SMALLEST_WEIGHT, 1.0) if log else (0.0, max(y.max(), 1e-9))
    up = np.geomspace(low, high, count + 1) if log else np.linspace(low, high, count + 1)
    style = {"cmin": 1, "norm": LogNorm(), "cmap": "cividis"}
    pairs = ax.hist2d(x.ravel(), y.ravel().clip(low, high), bins=(across, up), **style)[3]
    ax.figure.colorbar(pairs, ax=ax, label="pairs", pad=0.03).outline.set_visible(False)
    middle, mean = _mean_in_bins(x.ravel(), y.ravel(), across[::3])
    halo = [withStroke(linewidth=4.5, foreground=PAPER)]
    ax.plot(middle, mean.clip(low), color=POINT, ls="-", marker="o", ms=4, label="mean weight", path_effects=halo)
    if x.ndim == 2 and x.shape[0] == x.shape[1]:
        ax.axhline(1 / len(x), color=INK, lw=1.2, ls="--", marker="", label=f"evenly spread, 1/{len(x)}")
    ax.set(xlabel=xlabel, ylabel="attention weight", title=title, xlim=(0, across[-1]), ylim=(low, high))
    ax.set_yscale("log" if log else "linear")
    ax.legend(loc="upper right", frameon=True, framealpha=0.85, edgecolor="none", fontsize=9)
    return ax


def _mean_in_bins(x: NDArray, y: NDArray, edges: NDArray) -> tuple[NDArray, NDArray]:
    """Middles of the bins that hold something, and the mean of y in each."""
    edges = np.append(edges[:-1], np.inf)
    count = np.histogram(x, edges)[0]
    total = np.histogram(x, edges, weights=y)[0]
    width = edges[1] - edges[0] if len(edges) > 2 else 0.0
    full = count > 0
    return (edges[:-1] + width / 2)[full], total[full] / count[full]


@styled
def training_curves(runs: Mapping[str, object], log: bool = False, target: float | None = None) -> Figure:
    """Loss and Cα RMSD over the steps of one or several trainings, side by side.

    Args:
        runs: ``{name: result}`` or, for several seeds of one recipe, ``{name: [result, …]}``: each seed a thin line,
            their median a thick one. A result has ``losses`` and ``rmsds`` (Å), one number a step, like
            :class:`~ipa_tutorial.training.FoldResult`; if none has RMSDs, the loss is drawn alone.
        log: both vertical axes logarithmic.
        target: an RMSD in Å to mark with a dashed line.
    """
    recipes = {name: list(run) if isinstance(run, Sequence) else [run] for name, run in runs.items()}
    if not recipes or not all(recipes.values()):
        raise ValueError("runs must hold at least one result, and no empty list of seeds")
    panels = {"losses": "loss", "rmsds": "Cα RMSD (Å)"}
    if not any(len(seed.rmsds) for seeds in recipes.values() for seed in seeds):
        panels = {"losses": "loss"}
    figure, axes = plt.subplots(1, len(panels), figsize=(4.8 * len(panels), 3.7), squeeze=False)
    for ax, (attribute, ylabel) in zip(axes[0], panels.items(), strict=True):
        for (name, seeds), style in zip(recipes.items(), LINES * 10, strict=False):
            _seeds(ax, name, [_curve(name, attribute, getattr(seed, attribute), log) for seed in seeds], style)
        ax.set(xlabel="step", ylabel=ylabel, yscale="log" if log else "linear")
        if not log:
            ax.set_ylim(bottom=0)
        ax.margins(x=0.01)
        ax.grid(True, axis="y")
    if target is not None and len(panels) == 2:
        axes[0, 1].axhline(target, color=INK, lw=1.2, ls=(0, (4, 2)), marker="", zorder=1)
        axes[0, 1].annotate(
            f"{target:g} Å", (1, target), xycoords=("axes fraction", "data"), xytext=(-2, 3),
            textcoords="offset points", ha="right", va="bottom", fontsize=9,
        )  # fmt: skip
    axes[0, 0].legend(loc="upper right", fontsize=9)
    return figure


def _curve(name: str, attribute: str, values: Sequence[float], log: bool) -> NDArray:
    y = as_numpy(values)
    if y.ndim != 1 or not len(y) or not (np.isfinite(y) & (y >= 0)).all():
        raise ValueError(f"{attribute} of {name!r} must be finite, not negative, one number a step, got {y.shape}")
    if log and not (y > 0).all():
        raise ValueError(f"{attribute} of {name!r} must be positive for a logarithmic axis")
    return y


def _seeds(ax: Axes, name: str, curves: list[NDArray], style: dict) -> None:
    """Each seed thin; the median, as far as the shortest of them goes, thick."""
    if len(curves) > 1:
        for y in curves:
            ax.plot(np.arange(1, len(y) + 1), y, color=style["color"], ls="-", lw=0.8, alpha=0.45, marker="")
        name = f"{name}: median of {len(curves)}"
    shortest = min(map(len, curves))
    median = np.median([y[:shortest] for y in curves], axis=0)
    ax.plot(np.arange(1, shortest + 1), median, label=name, **style)


@styled
def benchmark_curves(rows: Sequence, title: str = "") -> Figure:
    """Time and memory against the length, with and without pair representation, dashed forward, solid both passes.

    ``rows`` are those of ``ipa_tutorial.fast.benchmark``.
    """
    if not rows:
        raise ValueError("rows must hold at least one measurement")
    kinds = sorted({row.pair for row in rows}, reverse=True)
    names = list(dict.fromkeys(row.candidate for row in rows))
    figure, axes = plt.subplots(2, len(kinds), figsize=(5.6 * len(kinds), 7.2), squeeze=False, sharex=True)
    for column, pair in zip(axes.T, kinds, strict=True):
        for ax, measure, label in zip(column, ("milliseconds", "megabytes"), ("ms", "MiB"), strict=True):
            for name, style in zip(names, SERIES * 10, strict=False):
                for backward, dashes in ((True, "-"), (False, ":")):
                    of_name = [r for r in rows if (r.candidate, r.pair, r.backward) == (name, pair, backward)]
                    words = f"{name}, {'forward + backward' if backward else 'forward'}"
                    look = style | {"linestyle": dashes}
                    ax.plot([r.L for r in of_name], [getattr(r, measure) for r in of_name], label=words, **look)
            lengths = sorted({row.L for row in rows})
            ax.set(xscale="log", yscale="log", ylabel=label)
            ax.set_xticks(lengths, lengths)
            ax.minorticks_off()
            ax.grid(True, axis="y")
        column[0].set_title(f"{'with' if pair else 'without'} pair representation")
        column[1].set_xlabel("residues")
    axes[0, 0].legend(loc="upper left", fontsize=8)
    figure.suptitle(title, fontsize=8, color=GREY)
    return figure
