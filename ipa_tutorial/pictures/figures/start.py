"""Figures of lesson 00: what a protein, a frame and a map look like."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from ...rigid import Rigid
from ..camera import Camera
from ..drawing import INK, PALE, PAPER, draw_frames, draw_links, draw_protein
from ..maps import attention_map
from ..style import styled

# What a reader should know by name: residue, and where its word stands, Å from it to the right and up.
PLACES = {
    "helix": (28, (-14, 11)),
    "strand": (3, (3, 8)),
    "loop": (60, (3, -9)),
    "N terminus": (1, (8, 6)),
    "C terminus": (76, (1, -7)),
}


@styled
def atoms_and_frames(protein, T: Rigid) -> Figure:
    """Three residues as atoms, the same as frames, and the whole protein with every eighth frame."""
    three = slice(3, 6)
    atoms = protein.coordinates[three, :3].reshape(-1, 3)  # (9, 3), Å: N, Cα, C, N, Cα, C, …
    fig = plt.figure(figsize=(8.4, 6.6))
    axes = fig.subplot_mosaic([["atoms", "frames"], ["whole", "whole"]], height_ratios=(1, 1.7))
    camera = Camera.facing(atoms)
    for name in ("atoms", "frames"):
        draw_links(atoms[:-1], atoms[1:], ax=axes[name], camera=camera, colour=PALE, width=7)
    for place, name in zip(camera.project(atoms.numpy()), ["N", "Cα", "C"] * 3, strict=True):
        bubble = {"boxstyle": "circle", "fc": PAPER, "ec": INK}
        axes["atoms"].text(*place[:2], name, ha="center", va="center", bbox=bubble)
    draw_frames(T[three], axes["frames"], camera, length=1.6)
    whole = Camera.facing(protein, azimuth=150)
    draw_protein(protein, axes["whole"], whole, colours="#E3E6E8", termini=False)
    draw_frames(T[::8], axes["whole"], whole, length=5)
    axes["atoms"].set(title="three residues of the backbone …", adjustable="datalim")
    axes["frames"].set(title="… and their frames", adjustable="datalim")
    axes["whole"].set_title("the whole protein, every eighth frame")
    return fig


@styled
def ribbon_and_contacts(protein, near: Tensor) -> Figure:
    """Ubiquitin with the names of its parts, above its contact map, boolean ``(76, 76)``."""
    camera = Camera.facing(protein, azimuth=150)
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.9), width_ratios=(1, 1.05))
    draw_protein(protein, left, camera, termini=False)
    for words, (number, (dx, dy)) in PLACES.items():
        x, y, _ = camera.project(protein.ca[number - 1].numpy())
        line = {"arrowstyle": "-", "color": INK}
        left.annotate(words, (x, y), (x + dx, y + dy), ha="center", weight="bold", arrowprops=line, zorder=9)
    left.margins(0.14)
    left.set_title("A ribbon: ubiquitin")
    attention_map(near, right, protein, "A map: who touches whom", "1 = contact", (0, 1))
    right.set(xlabel="residue j", ylabel="residue i")
    return fig
