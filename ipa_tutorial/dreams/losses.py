"""What the network is taught by: where the flow leads, and what a finished backbone must look like.

The first is flow matching's own loss. The others speak of the protein at the end of the way and count only when it is
near: FAPE and the peptide bonds are AlphaFold's, the distances of near atoms FrameDiff's (Yim et al. 2023,
arXiv 2302.02277).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..losses import fape
from ..proteins.ideal import backbone_atoms, backbone_of
from ..rigid import NM_TO_ANGSTROM, Rigid
from .rotations import rotation_log

LATEST = 0.9  # the speed's error grows like 1 / (1 − t)² up to here
CLAMP = 10.0  # Å, FAPE's
NEAR = 6.0  # Å between two atoms whose distance is taught
PEPTIDE = ((1.329, 0.014), (2.425, 0.03), (2.435, 0.03), (3.80, 0.04))  # Å, see peptide_distances: mean and deviation
# Å that two atoms of residues at least two apart leave each other: of 900 real chains, one pair in some chain is nearer
ROOM = (
    (3.80, 3.80, 2.95, 2.65),  # N  to N, CA, C, O
    (3.80, 3.90, 3.90, 3.05),  # CA
    (2.95, 3.90, 4.00, 3.20),  # C
    (2.65, 3.05, 3.20, 3.00),  # O
)


def all_losses(predicted: Rigid, truth: Rigid, now: Rigid, t: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Everything that the network is taught by, weighted, each ``(*)``: their sum is what training makes small.

    What speaks of a finished protein comes in between t = 0.25 and t = 0.75; crowded atoms between 0.5 and 1, because
    before that the best guess is a mean of many proteins, which is crowded.
    """
    push, turn = flow_loss(predicted, truth, now, t, mask)
    finished, real = predicted.scale_translations(NM_TO_ANGSTROM), truth.scale_translations(NM_TO_ANGSTROM)
    late = ((t - 0.25) / 0.5).clamp(0, 1)  # (*)
    last = ((t - 0.5) / 0.5).clamp(0, 1)  # (*)
    off, crowded = atom_losses(predicted, truth, mask)
    return dict(
        translations=2 * push,
        rotations=turn,
        fape=2 * late * fape(finished, real, finished.translations, real.translations, mask, mask, clamp=CLAMP),
        peptide=0.2 * late * peptide_loss(predicted, mask),
        distances=2 * late * off,
        crowding=last * crowded,
    )


def flow_loss(predicted: Rigid, truth: Rigid, now: Rigid, t: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """How wrong the predicted speed is, squared, averaged over residues: of translations (nm) and rotations (radians).

    From where it is ``now``, a residue must cover the way to its goal in the time 1 − t that is left. So a goal that is
    off by d makes a speed that is off by d / (1 − t); that factor stops growing at t = 0.9. Frames ``(*, L)``, ``t``
    of shape ``(*)``; two losses ``(*)``.
    """
    hurry = 1 / (1 - t.clamp(max=LATEST)).square()  # (*)
    pushed = (predicted.translations - truth.translations).square().sum(-1)  # (*, L)
    to_predicted = rotation_log(now.rotations.mT @ predicted.rotations)  # (*, L, 3)
    to_truth = rotation_log(now.rotations.mT @ truth.rotations)
    turned = (to_predicted - to_truth).square().sum(-1)  # (*, L)
    return hurry * mean(pushed, mask), hurry * mean(turned, mask)


def peptide_loss(frames: Rigid, mask: Tensor) -> Tensor:
    """How far the bonds between chain neighbours are from ideal, ``(*)``: AlphaFold's violation loss in small.

    Four distances fix a peptide bond. Each is measured in units of twice its deviation in good crystal structures, and
    counts squared up to 1, linearly from there.
    """
    ideal, deviation = frames.translations.new_tensor(PEPTIDE).unbind(-1)  # (4,), (4,)
    off = (peptide_distances(frames) - ideal).abs() / (2 * deviation)  # (*, L−1, 4)
    loss = torch.where(off < 1, off.square() / 2, off - 0.5).sum(-1)  # (*, L−1)
    return mean(loss, mask[..., 1:] & mask[..., :-1])


def peptide_distances(frames: Rigid) -> Tensor:
    """From residue i to i + 1, Å: C to N, CA to N, C to CA, CA to CA. Frames ``(*, L)`` in nm → ``(*, L−1, 4)``."""
    n, ca, c = backbone_of(frames)
    n, ca_before, ca, c_before = n[..., 1:, :], ca[..., :-1, :], ca[..., 1:, :], c[..., :-1, :]
    pairs = [(c_before, n), (ca_before, n), (c_before, ca), (ca_before, ca)]
    return torch.stack([(a - b).norm(dim=-1) for a, b in pairs], dim=-1)


def atom_losses(predicted: Rigid, truth: Rigid, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Two losses on the distances between all N, CA, C, O of different residues, each ``(*)``, for frames ``(*, L)``.

    The first: how far distances are off where the true one is below 6 Å, Å, the mean of these pairs. Peptide planes,
    torsions and hydrogen bonds hang on them. The second: how deep atoms of residues that are at least two apart sink
    into each other, Å a residue.
    """
    L = mask.shape[-1]
    distances = atom_distances(predicted, mask)  # (*, 4L, 4L)
    true = atom_distances(truth, mask).detach()
    real = mask.repeat_interleave(4, -1)  # (*, 4L), atom by atom
    real = real[..., :, None] & real[..., None, :]
    residue = torch.arange(L, device=mask.device).repeat_interleave(4)
    ahead = residue - residue[:, None]  # (4L, 4L): how far along the chain
    near = real & (ahead > 0) & (true < NEAR)
    off = torch.where(near, (distances - true).abs(), 0).sum((-2, -1))
    room = distances.new_tensor(ROOM).repeat(L, L)  # (4L, 4L)
    depth = torch.where(real & (ahead > 1), (room - distances).relu(), 0).sum((-2, -1))
    return off / near.sum((-2, -1)).clamp(min=1), depth / mask.sum(-1).clamp(min=1)


def atom_distances(frames: Rigid, mask: Tensor) -> Tensor:
    """Between all N, CA, C, O, residue by residue, Å: frames ``(*, L)`` → ``(*, 4L, 4L)``.

    The gradient is finite even where two atoms coincide; and nothing is subtracted that is nearly the same, as a faster
    way would.
    """
    atoms = backbone_atoms(frames, mask).flatten(-3, -2)  # (*, 4L, 3)
    return torch.cdist(atoms, atoms, compute_mode="donot_use_mm_for_euclid_dist")


def mean(values: Tensor, mask: Tensor) -> Tensor:
    """Over the last axis, where the mask is True: ``(*, L)`` → ``(*)``."""
    return torch.where(mask, values, 0).sum(-1) / mask.sum(-1).clamp(min=1)
