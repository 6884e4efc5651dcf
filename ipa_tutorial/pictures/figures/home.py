"""Figures of lesson 07: what leaves the attention, the way home, and what it costs to forget half of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...proteins.dssp import secondary_structure
from ...rigid import Rigid
from ..camera import Camera
from ..drawing import (
    GREY,
    INK,
    PAIR,
    POINT,
    SCALAR,
    draw_frames,
    draw_links,
    draw_points,
    draw_protein,
    draw_scale_bar,
)
from ..maps import structure_strip
from ..style import styled

RIBBON, NORMS = "#E3E6E8", "#F4B183"
OILY, WATERY = "#E69F00", "#56B4E9"


@styled
def heard_along_the_chain(protein, heard: Tensor) -> Figure:
    """What residue i hears by line 8 when each pair says how far j is along the chain: ``heard`` ``(L, 2L − 1)``."""
    L = len(protein)
    from_others = heard.clone()
    from_others[:, L - 1] = 0  # leave out what each residue keeps for itself
    fig, ax = plt.subplots(figsize=(8.8, 4))
    extent = (0.5, L + 0.5, -L + 0.5, L - 0.5)
    image = ax.imshow(from_others.mT.sqrt(), origin="lower", aspect="auto", extent=extent)
    ax.set(xlabel="residue i", ylabel="separation j − i along the chain", ylim=(-66, 66))
    fig.colorbar(image, ax=ax, label="√ of the share heard", pad=0.02)
    structure_strip(ax.inset_axes([0, 1.01, 1, 0.06]), secondary_structure(protein))
    ax.set_title("What the short-sighted head of ubiquitin hears through line 8", pad=24)
    white = {"color": "white", "arrowprops": {"arrowstyle": "->", "color": "white"}}
    ax.annotate("helix: 3 and 4 steps away", (29, 4), (33, 14), **white)
    ax.annotate("the strand beside me", (5, 8), (9, 30), **white)
    return fig


@styled
def where_features_come_from(features: Mapping[str, int]) -> Figure:
    """A bar of the features of one residue, ``{name: how many}``: pairs, scalars, points, norms."""
    fig, ax = plt.subplots(figsize=(8.8, 3.2))
    looks = (PAIR, "white"), (SCALAR, "white"), (POINT, "white"), (NORMS, "black")
    left = 0
    for (name, size), (colour, ink) in zip(features.items(), looks, strict=True):
        ax.barh(0, size, left=left, color=colour, edgecolor="white")
        label = name.replace(", ", "\n") + f"\n{size}"
        upright = 90 if size < 0.05 * sum(features.values()) else 0  # a narrow block
        ax.text(left + size / 2, 0, label, ha="center", va="center", color=ink, rotation=upright)
        left += size
    ax.set(xlim=(0, left), yticks=[], xlabel="features of one residue, input of the last layer")
    ax.set_title("Nearly three quarters of what leaves the attention comes from the pairs")
    ax.spines[:].set_visible(False)
    return fig


@styled
def world_and_home(protein, camera: Camera, frames: Rigid, points: Tensor, row: Tensor, i: int) -> Figure:
    """Points of all residues, world ``(L, 3)``, nm, their mean by the weights ``row`` ``(L,)``, and how i sees them.

    ``i`` counts from 0.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 4.1), width_ratios=[1.25, 1])
    heard, mean = row > 0.01, row @ points
    draw_protein(protein, left, camera, colours=RIBBON, termini=False)
    draw_frames(frames[[i]], left, length=5)
    draw_points(10 * points[heard], left, size=25)
    draw_links(10 * frames.translations[i], 10 * mean, None, left, width=2.5)
    draw_points(10 * mean, left, colour=INK, marker="*", size=320)
    draw_scale_bar(left)
    left.set_title("In the world, and their mean (star)")
    x, y, _ = 10 * frames[i].invert_apply(points[heard]).mT
    star = 10 * frames[i].invert_apply(mean)[:2]
    right.scatter(x, y, s=3000 * row[heard], color=POINT, edgecolor="white")
    right.annotate("", star, (0, 0), arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 2})
    right.scatter(*star, marker="*", s=320, color=INK, edgecolor="white", zorder=4)
    right.scatter(0, 0, s=40, color=INK, zorder=4)
    right.annotate("my Cα", (0, 0), (4, 9), textcoords="offset points")
    right.set(xlabel="my x (Å)", ylabel="my y (Å)", aspect="equal", title=f"At home, as residue {i + 1} sees it")
    return fig


WAYS_HOME = {
    "right": (INK, "-"),
    "no way home": (POINT, "-"),
    "t not subtracted": ("#CC79A7", "--"),
    "R instead of Rᵀ": ("#B8860B", "-."),
    "t after the turn": ("#2B8CBE", ":"),
}


@styled
def ways_home(
    angles: Tensor, turning: Mapping[str, Sequence[float]], lengths: Tensor, pushing: Mapping[str, Sequence[float]]
) -> Figure:
    """How far the output of each of ``WAYS_HOME`` moves, nm, against a turn (radians) and against a push (nm)."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.6), sharey=True)
    lines = {}
    for name, (colour, dashes) in WAYS_HOME.items():
        (lines[name],) = left.plot(angles.rad2deg(), turning[name], color=colour, ls=dashes, lw=2.5)
        right.plot(lengths, pushing[name], color=colour, ls=dashes, lw=2.5)
    found = "t after the turn", "no way home", "R instead of Rᵀ"  # by a rotation, from top to bottom
    left.legend([lines[name] for name in found], found, loc="upper center")
    left.text(180, 0.06, "zero: right, t not subtracted", ha="center")
    right.text(1.45, 1.55, "t after the turn", color="#2B8CBE", ha="right")
    right.text(1.85, 0.7, "no way home, and\nt not subtracted", color=POINT)
    right.text(1.5, 0.06, "zero: right, R instead of Rᵀ", ha="center")
    left.set(xlabel="the protein is turned by (degrees)", ylabel="the output moves by (nm, rms)")
    left.set(xticks=range(0, 361, 90), title="What a rotation notices")
    right.set(xlabel="the protein is pushed by (nm)", title="What a translation notices")
    return fig


@styled
def towards_the_crowd(
    protein, camera: Camera, frames: Rigid, middle: Tensor, inwards: Mapping[str, Tensor], oily: str
) -> Figure:
    """Lines from each Cα to the ``middle`` of its crowd, local ``(L, 3)``, nm; and how far side chains point inwards.

    ``inwards``: the cosine for every residue of an amino acid, ``{letter: (n,)}``. ``oily``: letters.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 4.1), width_ratios=[1.1, 1])
    draw_protein(protein, left, camera, colours=RIBBON, termini=False)
    ca, inside = 10 * frames.translations, 10 * frames.apply(middle)
    draw_links(ca, inside, None, left, colour=POINT, width=1.6)
    draw_points(ca, left, size=16)
    draw_scale_bar(left)
    left.set_title("From each Cα (dot) to the middle of its crowd")
    order = sorted(inwards, key=lambda letter: inwards[letter].mean())
    for y, letter in enumerate(order):
        cosines = inwards[letter]
        apart = y + torch.linspace(-0.22, 0.22, len(cosines))
        right.scatter(cosines, apart, s=9, color=OILY if letter in oily else WATERY, alpha=0.5, lw=0)
        right.scatter(cosines.mean(), y, marker="|", s=300, color=INK, zorder=3)
    names = [f"{letter}  {'oily' if letter in oily else 'watery'}" for letter in order]
    right.set_yticks(range(len(order)), names)
    right.set(xlabel="side chain points outwards (−1) … inwards (+1)", xlim=(-1, 1))
    right.set_title("Nine proteins, by amino acid (bar: mean)")
    return fig


@styled
def what_epsilon_does(lengths: Tensor, floored: Tensor, slope: Tensor) -> Figure:
    """The norm with ε and its slope, against the true length, nm; dotted, those without ε."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.2), sharex=True)
    left.loglog(lengths, floored, color=POINT)
    left.loglog(lengths, lengths, color=GREY, ls=":")
    left.axvspan(0.15, 1, color="#EEEEEE", zorder=0)
    left.text(0.39, 2e-7, "bonds and\ncontacts", ha="center", color=GREY)
    left.text(1e-7, 6e-4, "never below 10⁻⁴ nm", color=POINT)
    left.text(2e-6, 4e-7, "√x²", color=GREY)
    left.set(xlabel="true length x (nm)", ylabel="norm (nm)", title="The value: a floor of 0.001 Å")
    right.semilogx(lengths, slope, color=POINT)
    right.semilogx(lengths, torch.ones_like(lengths), color=GREY, ls=":")
    right.text(1e-7, 1.04, "without ε: 1, NaN at 0", color=GREY)
    right.text(1.2e-4, 0.5, "with ε: fades to 0", color=POINT)
    right.set(xlabel="true length x (nm)", ylabel="slope", ylim=(-0.05, 1.15), title="The gradient: finite everywhere")
    return fig


@styled
def two_orders(sizes: Sequence[int], order: Tensor) -> Figure:
    """Lines from each feature's place in our order to its place in AlphaFold's.

    Args:
        sizes: of our blocks: pairs, scalars, coordinates (x, y, z of one point side by side), norms.
        order: ``(N,)``, for each place of theirs, ours.
    """
    colours = [colour for colour, size in zip((PAIR, SCALAR, POINT, NORMS), sizes, strict=True) for _ in range(size)]
    points = range(sizes[0] + sizes[1], sum(sizes[:3]))
    dashes = {feature: ("-", "--", ":")[k % 3] for k, feature in enumerate(points)}  # x, y, z of each point
    theirs = order.tolist()
    fig, ax = plt.subplots(figsize=(8.8, 3.3))
    for place, feature in enumerate(theirs):
        style = {"color": colours[feature], "lw": 1.3, "ls": dashes.get(feature, "-")}
        ax.plot([feature, place], [1, 0], **style)
    for height, row in ((1, range(len(theirs))), (0, theirs)):
        ax.scatter(range(len(theirs)), [height] * len(theirs), c=[colours[k] for k in row], marker="s", s=38, zorder=3)
    above = {5.5: "õ", 14.5: "o", 38.5: "o⃗: x y z, x y z, …", 66.5: "‖o⃗‖"}
    below = {2.5: "o", 12.5: "all x", 26.5: "all y", 40.5: "all z", 54.5: "‖o⃗‖", 67.5: "õ"}
    for height, names in ((1.09, above), (-0.18, below)):
        for place, name in names.items():
            ax.text(place, height, name, ha="center", fontsize=12)
    ax.text(-1.5, 1, "paper, and ours", ha="right", va="center")
    ax.text(-1.5, 0, "AlphaFold's code", ha="right", va="center")
    ax.set(xlim=(-13, len(theirs)), ylim=(-0.25, 1.2))
    ax.set_axis_off()
    return fig
