"""Figures of lesson 17: a cloud of frames that becomes a chain, its residues coloured in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ...rigid import Rigid
from ..camera import Camera
from ..chain import Chain
from ..drawing import INK, PALE, POINT, draw_frames, draw_links, draw_points, draw_protein
from ..style import styled

REACH = 22.0  # Å to either side


def draw_moment(T: Rigid, ax: Axes, camera: Camera, atoms: Tensor | Chain | None = None) -> Axes:
    """Frames ``(L,)``, nm, from dark (first residue) to light: dots with axes, or a ribbon through ``atoms``, Å."""
    x = 10 * T.translations.double()  # (L, 3), Å
    if atoms is not None:
        draw_protein(atoms, ax, camera, torch.arange(len(T)), termini=False)
    else:
        draw_links(x[:-1], x[1:], None, ax, camera, colour=PALE, width=1.5)
        draw_frames(T, ax, camera, length=2.6)
        for place, colour in zip(x, plt.get_cmap("cividis")(np.linspace(0, 1, len(T))), strict=True):
            draw_points(place, ax, camera, colour=colour, size=40)
    ax.set(xlim=(-REACH, REACH), ylim=(-0.9 * REACH, 0.9 * REACH))
    return ax


@styled
def noise_to_fold(moments: Mapping[str, Rigid], atoms: Tensor) -> Figure:
    """Frames ``(L,)`` at four moments, ``{title: frames}``; the last with its ``atoms`` ``(L, 4, 3)``, Å."""
    camera, last = Camera.facing(atoms), len(moments) - 1
    fig, axes = plt.subplots(2, 2, figsize=(8.8, 8))
    for k, (ax, (title, T)) in enumerate(zip(axes.flat, moments.items(), strict=True)):
        draw_moment(T, ax, camera, atoms if k == last else None).set_title(title)
    return fig


@styled
def beside_real_chains(dreams: Sequence, real: Sequence) -> Figure:
    """Records of chains with ``length``, ``radius`` (Å), ``helix`` and ``strand``: how compact, and of what made."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 4))
    looks = (dreams, "o", POINT, "dreams"), (real, "x", INK, "test chains")
    for chains, marker, colour, label in looks:
        style = {"ls": "none", "color": colour, "marker": marker, "ms": 5, "label": label, "alpha": 0.7}
        left.plot([chain.length for chain in chains], [chain.radius for chain in chains], **style)
        right.plot([chain.helix for chain in chains], [chain.strand for chain in chains], **style)
    left.set(xlabel="residues", ylabel="radius of gyration (Å)", title="as compact as real ones")
    right.set(xlabel="fraction in helices", ylabel="fraction in strands", title="helices come, strands hardly")
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig
