"""Figures of lesson 05: what the distance term prefers, how wide it looks, and where its digits go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ..camera import Camera
from ..curves import error_against_offset
from ..drawing import GREY, INK, PAPER, POINT, draw_links, draw_points, draw_protein, draw_scale_bar
from ..maps import attention_map
from ..style import styled

Logit = Callable[[Tensor, Tensor], Tensor]  # query (2,), keys (…, 2) → (…)


@styled
def landscapes(query: Tensor, keys: Tensor, panels: Mapping[str, tuple[Logit, Tensor]]) -> Figure:
    """The logit that a key would get at each place of the plane, nm, and the weights of four keys.

    ``panels``: ``{title: (logit, origin)}``, three of them.
    """
    fig = plt.figure(figsize=(8.4, 7.4))
    axes = fig.subplot_mosaic("aabb;.cc.").values()
    for ax, (title, (logit, origin)) in zip(axes, panels.items(), strict=True):
        _landscape(ax, query, keys, logit, origin)
        ax.set(title=title, xlabel="x (nm)", ylabel="y (nm)", aspect="equal")
    return fig


def _landscape(ax: Axes, query: Tensor, keys: Tensor, logit: Logit, origin: Tensor) -> None:
    x, y = torch.meshgrid(torch.linspace(-1.6, 3.6, 105), torch.linspace(-1.6, 2.8, 89), indexing="xy")
    places = torch.stack([x, y], dim=-1).to(keys.dtype)  # (89, 105, 2)
    ax.contourf(x, y, logit(query - origin, places - origin), levels=14, cmap="cividis", alpha=0.75)
    box = {"boxstyle": "round,pad=0.2", "fc": PAPER, "ec": "none", "alpha": 0.85}
    beside = {"textcoords": "offset points", "bbox": box}
    ax.plot(*query, marker="*", ms=19, color=PAPER, mec=INK)
    ax.annotate("query", query, (11, -14), weight="bold", **beside)
    weights = logit(query - origin, keys - origin).softmax(-1)  # (4,)
    for name, place, weight in zip("ABCD", keys, weights, strict=True):
        ax.plot(*place, marker="o", ms=7, color=POINT, mec=PAPER)
        ax.annotate(f"{name} {weight:.0%}", place, (0, 10), ha="center", **beside)
    ax.plot(*origin, marker="+", ms=13, mew=2.5, color=INK)
    nearest = keys[(keys - origin).norm(dim=-1).argmin()]
    away = ((-10, 6), "right") if nearest[0] > origin[0] else ((10, -16), "left")  # from the label of the nearest key
    ax.annotate("origin", origin, away[0], ha=away[1], **beside)


@styled
def who_wins(far: Tensor, near_weight: Mapping[str, Tensor]) -> Figure:
    """The weight of a key at 3 Å against the distance (Å) of its rival, for four forms of the term."""
    fig, ax = plt.subplots(figsize=(8.4, 4.6))
    styles = ({"color": POINT, "lw": 3}, *({"color": INK, "ls": dashes} for dashes in ("--", "-.", ":")))
    places = (9.6, 1.04), (12.8, 0.09), (12.2, 0.842), (13.2, 0.62)
    for (name, weights), style, place in zip(near_weight.items(), styles, places, strict=True):
        ax.plot(far, weights, **style)
        ax.text(*place, name, color=style["color"], va="center", fontsize=10.5)
    ax.axvline(3, color=GREY, lw=0.8, ls="-")
    ax.text(3.3, -0.03, "both keys at 3 Å", color=GREY, va="center")
    ax.set(xlim=(0, 30), ylim=(-0.08, 1.1), xlabel="distance of the far key (Å)", ylabel="weight of the near key")
    ax.set_title("Four query points, two keys: who wins?")
    return fig


@styled
def three_parts(number: Sequence[int], dots: Tensor, penalties: Tensor, constant: float, residue: int) -> Figure:
    """q·k, −½‖k‖² and −½‖q‖² of one query and all keys, nm², and their sum. ``residue``: its number."""
    fig, axes = plt.subplots(1, 2, figsize=(8.8, 3.9), sharex=True)
    axes[0].plot(number, dots, color=INK, ls="-")
    axes[0].plot(number, penalties, color=INK, ls="--")
    axes[0].axhline(constant, color=INK, ls=":")
    axes[0].text(63, 0.62, "q·k", ha="right", weight="bold")
    axes[0].text(69, -1.9, "−½‖k‖²", ha="right", weight="bold")
    line = {"arrowstyle": "-", "color": INK}
    axes[0].annotate("−½‖q‖², the same\nfor all keys", (38, constant), (8, -2.2), arrowprops=line)
    axes[0].set_title("The three parts …")
    axes[1].plot(number, dots + penalties + constant, color=POINT)
    axes[1].plot(residue, 0, "o", color=POINT)
    axes[1].text(residue, 0.12, f"residue {residue} itself", color=POINT, ha="center")
    axes[1].set(title="… and their sum, −½‖q − k‖²", ylim=(-2.4, 0.5))
    for ax in axes:
        ax.axhline(0, color=GREY, lw=0.8, ls="-")
        ax.set(xlabel="key: residue j", ylabel="nm²")
    return fig


@styled
def bells(
    distance: Tensor, curves: Mapping[int, tuple[float, Tensor, float]], gammas: Tensor, looked_at: Tensor
) -> Figure:
    """Weights against distance for three γ, and the effective number of keys against γ.

    ``curves``: ``{γ: (σ in Å, weights (L,) relative to the residue's own, effective number of keys)}``; ``distance``
    ``(L,)`` in Å.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 4.2))
    r = torch.linspace(0, 40, 200)
    places = {1: (17, 0.62), 10: (8.2, 0.30), 100: (2.9, 0.12)}
    for (gamma, (sigma, weights, _)), marker, style in zip(curves.items(), "o^s", ("-", "--", ":"), strict=True):
        left.plot(r, torch.exp(-r.square() / (2 * sigma**2)), color=INK, ls=style, lw=1, zorder=1)
        left.scatter(distance, weights, s=26, marker=marker, color=POINT, ec=PAPER, lw=0.4, zorder=2)
        words = f"γ = {gamma}\nσ = {sigma:.1f} Å"
        left.text(*places[gamma], words, fontsize=10, bbox={"fc": PAPER, "ec": "none", "pad": 1, "alpha": 0.8})
    left.set(xlim=(0, 26), xlabel="distance from residue 43 (Å)", ylabel="weight, relative to its own")
    left.set_title("Each residue on a bell")
    right.semilogx(gammas, looked_at, color=POINT)
    for (gamma, (_, _, count)), marker in zip(curves.items(), "o^s", strict=True):
        right.plot(gamma, count, marker=marker, color=POINT, mec=PAPER, ms=9)
        right.annotate(f"{count:.0f}", (gamma, count), (9, 3), textcoords="offset points")
    right.text(0.012, 69, "everybody\nalike", va="top", fontsize=10)
    right.text(1e4, 10, "only the nearest", ha="right")
    right.set(xlabel="γ", ylabel="effective number of keys", ylim=(0, 82), title="γ is the magnifying glass")
    return fig


def draw_key_scene(ax: Axes, places: Tensor, weights: Tensor, sigma: float, title: str) -> None:
    """A query at the origin and four keys ``(4, 2)``, Å: weights as widths of lines and in per cent, σ as a circle."""
    for name, place, weight, marker in zip("abcd", places, weights, "Dooo", strict=True):
        ax.plot([0, place[0]], [0, place[1]], "-", color=POINT, lw=0.3 + 12 * weight, alpha=0.45)
        ax.plot(*place, marker=marker, ms=9, color=POINT, mec=PAPER)
        outwards = {"xytext": (0, 9 if place[1] > 0 else -19), "textcoords": "offset points"}
        ax.annotate(f"{name} {weight:.0%}", place, **outwards, ha="center", weight="bold", zorder=5)
    ax.add_patch(plt.Circle((0, 0), sigma, fill=False, ls="--", color=GREY))
    ax.plot(0, 0, marker="*", ms=18, color=INK, mec=PAPER, zorder=4)
    ax.set(xlim=(-26, 26), ylim=(-24, 24), aspect="equal", xlabel="x (Å)", ylabel="y (Å)", title=title)


@styled
def key_scenes(scenes: Sequence[tuple[Tensor, Tensor, float, str]]) -> Figure:
    """Up to four scenes, each as in :func:`draw_key_scene`, two in a row."""
    rows = -(-len(scenes) // 2)
    fig = plt.figure(figsize=(8.2, 4.4 * rows) if len(scenes) > 1 else (5.2, 4.8))
    grid = fig.add_gridspec(rows, 4)
    for k, scene in enumerate(scenes):
        left = 2 * (k % 2) + (len(scenes) % 2 and k == len(scenes) - 1)  # a last one alone stands in the middle
        draw_key_scene(fig.add_subplot(grid[k // 2, left : left + 2]), *scene)
    return fig


@styled
def across_the_sheet(seen: Tensor, side: Tensor) -> Figure:
    """Neighbours ``(N, 3)``, Å, as residues see them, on one ``side`` (boolean ``(N,)``) and on the other."""
    fig, ax = plt.subplots(figsize=(6.6, 5.4))
    clouds = (side, "o", "one side", (4.6, -5.2)), (~side, "s", "the other side", (2.2, 3.0))
    for chosen, marker, name, place in clouds:
        ax.scatter(*seen[chosen][:, 1:].T, marker=marker, s=30, color=POINT, alpha=0.55, lw=0)
        ax.plot(*seen[chosen].mean(0)[1:], marker="X", ms=12, color=INK, mec=PAPER)
        ax.text(*place, name, weight="bold", ha="center")
    ax.plot(0, 0, marker="*", ms=15, color=INK)
    ax.annotate("Cα of i", (0, 0), (9, -4), textcoords="offset points")
    ax.set(xlabel="y in the frame of i (Å)", ylabel="z in the frame of i (Å)", aspect="equal")
    ax.set(xlim=(-7, 7), ylim=(-6.5, 6.5), title="Neighbours in the sheet, as residues see them")
    return fig


@styled
def left_and_right(protein, pairs: Sequence[tuple[int, int]], weights: Tensor, gamma: float) -> Figure:
    """Whom the residues of a strand look at, ``(i, partner)``, and the head's map ``(L, L)``."""
    camera = Camera.facing(protein, azimuth=-12, elevation=-60)
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.9), width_ratios=[1.25, 1])
    draw_protein(protein, left, camera)
    for i, j in pairs:
        draw_links(protein.ca[i], protein.ca[j], None, left, camera, colour=POINT, width=2.5)
        draw_points(protein.ca[i], left, camera, size=42)
        x, y = camera.project(protein.ca[i].numpy())[:2]
        away = 6 if camera.project(protein.ca[j].numpy())[1] < y else -17  # on the side where the line is not
        left.annotate(str(i + 1), (x, y), (0, away), textcoords="offset points", ha="center", weight="bold", zorder=9)
    draw_scale_bar(left)
    left.set_title("Where residues 2 to 8 look")
    attention_map(weights, right, protein, f"The head’s map, γ = {gamma:g}", limits=(0, 0.5))
    return fig


@styled
def far_from_home(offsets: Tensor, errors: Mapping[str, Tensor]) -> Figure:
    """Largest error of a logit in float32 against the distance from the origin (nm)."""
    ax = error_against_offset(offsets, errors, ylabel="largest error of a logit")
    ax.figure.set_size_inches(8.4, 5.2)
    u = 2.0**-24  # half of what float32 can tell from one
    for power, text in ((2, "u · offset²"), (1, "u · offset")):
        ax.plot(offsets, u * offsets**power, color=GREY, lw=1, ls="--", zorder=1)
        ax.text(1.5e4, 0.25 * u * 1.5e4**power, text, color=GREY, va="top")
    ax.axhline(1, color=POINT, lw=1, ls="-")
    ax.text(1, 1.4, "error of 1: weights wrong by a factor of e", color=POINT)
    ax.legend(loc="upper left", bbox_to_anchor=(0, 0.99))
    ax.set_title("float32: the expanded form loses digits with the offset squared")
    return ax.figure
