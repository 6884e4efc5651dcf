"""What the live pages show where they cannot run: pictures of the same modules, drawn by the course's own functions."""

from __future__ import annotations

import matplotlib.pyplot as plt
import torch
from graphs import Turn

from ipa_tutorial import Rigid, load_protein
from ipa_tutorial.dreams import backbone_atoms, dream, load_flow_model, noise
from ipa_tutorial.pictures import Camera, draw_frames, draw_protein, png, use_style


def turn_still() -> bytes:
    """Ubiquitin in three orientations, and below each what the two attentions make of it. A PNG."""
    use_style()
    protein, model = load_protein("ubiquitin"), Turn().float().eval()
    atoms = protein.coordinates - protein.ca.mean(0)  # (L, 4, 3), Å
    cross = torch.linalg.cross(torch.tensor([2.0, 3.0, 6.0]).expand(3, 3) / 7, torch.eye(3)).mT  # K x = axis × x
    camera, first = Camera.facing(atoms), None
    fig, axes = plt.subplots(3, 3, figsize=(9, 8.4), layout="constrained", height_ratios=(0.8, 1, 1))
    for column, degrees in enumerate((0.0, 120.0, 240.0)):
        R = torch.linalg.matrix_exp(torch.deg2rad(torch.tensor(degrees)) * cross)
        moved = Rigid(R, torch.zeros(3)).apply(atoms)
        with torch.no_grad():
            weights, mean, naive = model(moved[:, :3], torch.tensor(0.1), torch.ones(3), torch.tensor(1.0))
        first = first or (weights, naive)
        draw_protein(moved, axes[0, column], camera)
        axes[0, column].set(
            xlim=(-26, 26), ylim=(-20, 20), title=f"turned by {degrees:.0f}°" if degrees else "a protein"
        )
        for row, picture, change in ((1, mean, weights - first[0]), (2, naive, naive - first[1])):
            ax = axes[row, column]
            ax.imshow(picture, cmap="cividis", vmin=0, vmax=0.045)
            ax.set(xticks=[], yticks=[], xlabel=f"largest change {change.abs().max():.0e}" if degrees else " ")
    axes[1, 0].set_ylabel("IPA", fontsize=12)
    axes[2, 0].set_ylabel("naive attention", fontsize=12)
    return closed(fig)


def dream_still() -> bytes:
    """A dream of 64 residues at four of its fifty steps, as in lesson 17. A PNG."""
    use_style()
    mask = torch.ones(1, 64, dtype=torch.bool)
    start = noise(mask, torch.Generator().manual_seed(0))
    path = dream(load_flow_model(), start, mask, steps=50, progress=False)
    fig, axes = plt.subplots(1, 4, figsize=(14, 4.4), layout="constrained")
    camera = Camera.facing(backbone_atoms(path[-1][0]))
    for ax, k in zip(axes, (0, 25, 40, 50), strict=True):
        if k == 50:
            draw_protein(backbone_atoms(path[k][0]), ax, camera, termini=False)
        else:
            draw_frames(path[k][0], ax, camera, length=3.5)
        ax.set(title=f"step {k}", xlim=(-22, 22), ylim=(-22, 22))
    return closed(fig)


def closed(figure: plt.Figure) -> bytes:
    data = png(figure)
    plt.close(figure)
    return data
