"""Films for the lessons, drawn by the course's own renderer; draw.py writes them.

    folding     lesson 13: ubiquitin in the course of its training, over the crystal
    dreaming    lesson 17: from noise to a backbone

Of each there is a still for readers who prefer no motion: the last picture.
"""

from dataclasses import replace
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from ipa_tutorial import Rigid, kabsch_rmsd, load_protein
from ipa_tutorial.dreams import aligned, backbone_atoms, centred, dream, load_flow_model, noise
from ipa_tutorial.pictures import POINT, Camera, as_chain, draw_protein
from ipa_tutorial.pictures.chain import Chain
from ipa_tutorial.pictures.figures.dreams import draw_moment
from ipa_tutorial.pictures.picture import png
from ipa_tutorial.training import fold_protein

REST = 12  # pictures for which the last one stays
BONDED = 4.2  # Å: a dream whose neighbours are on average no further apart is drawn as a chain


def folding(steps: int = 220) -> list[Image.Image]:
    """The chain of lesson 13 during its training, superposed on the crystal, which stands behind it in grey."""
    protein = load_protein("ubiquitin")
    truth, everybody = protein.rigids(), torch.ones(len(protein), dtype=torch.bool)
    middle = protein.ca.mean(0)
    result = fold_protein(protein, steps=steps, seed=0, learning_rate=2e-3, depth=2, progress=False)
    camera, order = Camera.facing(protein, azimuth=150), torch.arange(float(len(protein)))
    corners = camera.project(protein.ca.numpy())[:, :2]
    (left, low), (right, high) = corners.min(0) - 3, corners.max(0) + 3
    every = steps // 60
    images = []
    for k, T in enumerate(result.trajectory):
        chain = aligned(centred(T, everybody), centred(truth, everybody))
        atoms = backbone_atoms(chain) + middle
        rmsd = kabsch_rmsd(atoms[:, 1], protein.ca).item()
        fig, ax = plt.subplots(figsize=(5.6, 4.4))
        draw_protein(protein, ax, camera, "#E3E1DC", termini=False)
        draw_protein(in_one_piece(atoms), ax, camera, order, termini=False)
        if k == 0:  # all in one point
            ax.plot(*camera.project(atoms[0, 1].numpy())[:2], "o", color=POINT, ms=11, zorder=9)
        ax.set(xlim=(left, right), ylim=(low, high))
        ax.set_title(f"step {min(k * every, steps - 1):3d}     {rmsd:4.1f} Å from the crystal", family="monospace")
        images.append(picture(fig))
    return images + images[-1:] * REST


def dreaming(steps: int = 50) -> list[Image.Image]:
    """A cloud of frames that becomes a backbone of 64 residues, dark at its N end."""
    one = torch.ones(1, 64, dtype=torch.bool)
    with torch.no_grad():
        path = dream(load_flow_model(), noise(one, torch.Generator().manual_seed(0)), one, steps=steps, progress=False)
    camera = Camera.facing(backbone_atoms(path[-1][0]))
    images = []
    for k, T in enumerate(path):
        fig, ax = plt.subplots(figsize=(5.6, 4.8))
        draw_moment(T[0], ax, camera, in_one_piece(backbone_atoms(T[0])) if is_chain(T[0]) else None)
        ax.set_title(f"step {k:2d} of {steps}", family="monospace")
        images.append(picture(fig))
    return images + images[-1:] * REST


def in_one_piece(atoms: torch.Tensor) -> Chain:
    """A chain to draw, its neighbours joined however far apart they are."""
    return replace(as_chain(atoms), joined=np.ones(len(atoms) - 1, dtype=bool))


def is_chain(T: Rigid) -> bool:
    steps = 10 * (T.translations[1:] - T.translations[:-1]).norm(dim=-1)  # Å
    return steps.mean().item() < BONDED


def picture(fig: Figure) -> Image.Image:
    image = Image.open(BytesIO(png(fig, sharpness=1.0))).convert("RGBA")
    plt.close(fig)
    return image
