"""Figures of lesson 04: points that residues propose, where they lie in the world, and who noticed a mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from ...proteins.dssp import secondary_structure
from ...rigid import Rigid
from ..camera import Camera
from ..drawing import GREY, INK, POINT, draw_frames, draw_links, draw_points, draw_protein, draw_scale_bar
from ..maps import attention_map, structure_strip
from ..style import styled

SHADES = {"o": "#F4B183", "s": "#FBE3D2"}  # the two heads: marker, colour
RIBBON = "#E3E6E8"


@styled
def layouts(places: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Figure:
    """What each of 24 numbers means in three layouts, and the points that they make.

    Args:
        places: ``{layout: (H, P, 3)}``, which number becomes which coordinate of which point.
        points: ``{layout: (H, P, 3)}``, nm.
    """
    fig = plt.figure(figsize=(8.4, 3.1 * len(places)))
    reach = max(float(cloud.abs().max()) for cloud in points.values()) + 0.4  # nm
    for part, name in zip(fig.subfigures(len(places), 1), places, strict=True):
        strip, cloud = part.subplots(1, 2, width_ratios=[1.5, 1])
        place = places[name]
        names = np.empty(place.numel(), dtype=object)
        head_of = np.empty(place.numel())
        for h, p, axis in np.ndindex(*place.shape):
            head_of[place[h, p, axis]], names[place[h, p, axis]] = h, f"{'xyz'[axis]}{p}"
        strip.imshow(head_of.reshape(3, 8), cmap=ListedColormap(list(SHADES.values())))  # read like a page
        for k, text in enumerate(names):
            strip.text(k % 8, k // 8, text, ha="center", va="center")
        strip.set(title=name, xticks=[], yticks=[0, 2], yticklabels=["first", "last"])
        strip.tick_params(length=0)
        for (marker, colour), head in zip(SHADES.items(), points[name], strict=True):
            cloud.scatter(*head[:, :2].T, s=200, color=colour, marker=marker, edgecolor=POINT, lw=1.5)
            for p, (x, y) in enumerate(head[:, :2].tolist()):
                cloud.text(x, y, p, ha="center", va="center", fontsize=10)
        cloud.set(xlabel="x (nm)", ylabel="y (nm)", xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    return fig


@styled
def proposals(protein, T: Rigid, world: Tensor, residues: Mapping[str, Sequence[int]]) -> Figure:
    """Frames and query points ``(H, L, P, 3)``, nm, of some residues, a panel for each of ``{title: residues}``."""
    fig, axes = plt.subplots(1, len(residues), figsize=(8.8, 4.3))
    camera = Camera.facing(protein, azimuth=150)
    for ax, (title, chosen) in zip(axes, residues.items(), strict=True):
        draw_protein(protein, ax, camera, colours=RIBBON, termini=False)
        for head, marker in zip(world, SHADES, strict=True):
            points = 10 * head[chosen]  # (N, P, 3), nm → Å
            draw_links(10 * T.translations[chosen, None], points, None, ax, camera, colour=POINT, width=0.8)
            draw_points(points, ax, camera, marker=marker, size=45)
        draw_frames(T[chosen], ax, camera, length=5.0)
        ax.set_title(title)
    for ax in axes[:-1]:
        ax.set(xlim=axes[-1].get_xlim(), ylim=axes[-1].get_ylim())  # one scale for all
    draw_scale_bar(axes[0])
    axes[0].set(xlim=axes[-1].get_xlim(), ylim=axes[-1].get_ylim())
    return fig


@styled
def side_chains(protein, ca: Tensor, cb: Tensor) -> Figure:
    """A stick from each Cα to where the same local point lies in the world, ``(L, 3)``, nm."""
    fig, ax = plt.subplots(figsize=(7.6, 4.6))
    camera = Camera.facing(protein, azimuth=150)
    draw_protein(protein, ax, camera, colours=RIBBON)
    draw_links(10 * ca, 10 * cb, None, ax, camera, colour=POINT, width=2.0)
    draw_points(10 * cb, ax, camera, size=28)
    draw_scale_bar(ax)
    ax.set_title("The same local point, proposed by all 76 residues")
    return fig


def quarter_turn_on_paper(protein, ca: Tensor) -> Rigid:
    """A motion that reads well: a quarter turn in the plane of the picture, about the protein, then 5.5 nm aside."""
    C = torch.tensor(Camera.facing(protein, azimuth=150).rotation)  # rows: right, up, towards the viewer
    turn = C.mT @ torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=C.dtype) @ C
    return Rigid(turn, ca.mean(0) + 5.5 * C[0] - turn @ ca.mean(0))


@styled
def before_and_after(protein, residue: int, poses: Sequence[tuple[Rigid, Tensor, Tensor]]) -> Figure:
    """One residue's points, before and after a motion, in the world and as the residue sees them.

    ``poses``: frames ``(L,)`` nm, atoms ``(L, 4, 3)`` Å, and the residue's world points ``(…, 3)`` nm, twice.
    """
    fig, (world, local) = plt.subplots(1, 2, figsize=(9, 4.1), width_ratios=[1.7, 1])
    camera = Camera.facing(protein, azimuth=150)
    looks = (
        {"s": 160, "facecolor": "none", "edgecolor": SHADES["o"], "lw": 3, "label": "before"},
        {"s": 40, "color": POINT, "marker": "x", "label": "after"},
    )
    for (frames, atoms, points), shade, look in zip(poses, (SHADES["o"], POINT), looks, strict=True):
        draw_protein(atoms, world, camera, colours=RIBBON, termini=False)
        draw_points(10 * points, world, camera, colour=shade, size=45)
        draw_frames(frames[[residue]], world, camera, length=6.0)
        seen = frames[residue].invert_apply(points).reshape(-1, 3)
        local.scatter(*seen[:, :2].T, **look)
    world.annotate("", (36, 0), (19, 0), arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.5})
    world.text(27, 2, "G", ha="center", fontsize=13)
    world.set_title("In the world: before and after G")
    local.set(xlabel="local x (nm)", ylabel="local y (nm)", title=f"Seen from residue {residue + 1}", aspect="equal")
    local.set(xlim=(-2.8, 2.8), ylim=(-2.8, 2.8))
    local.legend(loc="lower left")
    return fig


@styled
def two_units(protein, clouds: Mapping[str, Tensor]) -> Figure:
    """A cloud of points ``(N, 3)``, nm, around one residue, over the protein, for each of ``{title: points}``."""
    fig, axes = plt.subplots(1, len(clouds), figsize=(8.8, 4.3))
    camera = Camera.facing(protein, azimuth=150)
    for ax, (title, points) in zip(axes, clouds.items(), strict=True):
        draw_protein(protein, ax, camera, colours=RIBBON, termini=False)
        draw_scale_bar(ax)
        draw_points(protein.ca, ax, camera, colour=INK, size=8)
        draw_points(10 * points, ax, camera, size=12)
        ax.set(title=title, xlim=(-32, 32), ylim=(-25, 21))  # the same scale in both
    return fig


@styled
def partners(protein, bonds: tuple[Tensor, Tensor], clouds: Mapping[str, Tensor]) -> Figure:
    """Hydrogen bonds in a protein (both ends ``(N, 3)``, nm), and where partners lie, ``{title: (N, 3)}``."""
    fig = plt.figure(figsize=(8.4, 8))
    axes = fig.subplot_mosaic([["whole", "whole"], list(clouds)], height_ratios=[1.1, 1])
    draw_protein(protein, axes["whole"], colours=RIBBON)
    draw_links(10 * bonds[0], 10 * bonds[1], None, axes["whole"], colour=POINT, width=1.8)
    axes["whole"].set_title("Hydrogen bonds from O of i to N of i + 4")
    for title, arrows in clouds.items():
        ax, (x, y) = axes[title], 10 * arrows[:, :2].T.numpy()
        ax.plot([0 * x, x], [0 * y, y], "-", color=GREY, lw=0.3)
        ax.scatter(x, y, s=18, color=POINT, zorder=3)
        ax.scatter(0, 0, s=40, color=INK, zorder=4)
        ax.annotate("Cα of i", (0, 0), (-12, 8), textcoords="offset points", ha="right")
        ax.set(title=title, xlabel="x (Å)", ylabel="y (Å)", xlim=(-6, 6), ylim=(-6, 6), aspect="equal")
    return fig


@styled
def query_to_key(protein, gaps: Tensor) -> Figure:
    """Distances from the query point of i to the key point of j ``(L, L)``, Å: all, and those to i + 4."""
    fig, (above, below) = plt.subplots(2, 1, figsize=(7, 9), height_ratios=[1.9, 1])
    title, label = "From my query point to your key point", "minus the distance (Å)"  # larger = nearer, as in line 7
    attention_map(-gaps, above, protein, title, label, limits=(-6, 0))
    L, to_fourth = len(gaps), gaps.diagonal(4)
    below.plot(range(L - 4), to_fourth, color=POINT, marker=".", lw=1)
    below.set(xlabel="residue i", ylabel="distance (Å)", xlim=(-0.5, L - 0.5), ylim=(0, None))
    below.set_xticks(range(19, L, 20), range(20, L + 1, 20))
    below.set_title("… and to the one four residues on", pad=20)
    structure_strip(below.inset_axes([0, 1.01, 1, 0.08]), secondary_structure(protein))
    return fig
