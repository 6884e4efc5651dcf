"""A last touch to a dreamt backbone, and the same done wrongly.

A network comes near to a protein, but not to the hundredth of an ångström that a bond is known by. AlphaFold, too, ends
with a relaxation, by a force field (supplement 1.8.6). Here the frames themselves are the unknowns, each free to turn
and to shift in its own axes, and follow the gradient of a **strain** downhill. Everything hangs on what is in it.

:func:`relaxed` straightens peptide bonds, flattens their planes and parts crowded atoms, while each distance between
near atoms pulls back to what it was: torsions hang on those, so that they stay. :func:`relaxed_for_the_score` was our
first version. It makes a score small (bonds, Cα clashes, hydrogen bonds) that says nothing of torsions or oxygens.
Lesson 17 shows what comes of that, on real chains.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad
from tqdm.auto import tqdm

from ..inputs import check_mask
from ..proteins.dssp import bond_energies
from ..proteins.ideal import backbone_atoms, backbone_of
from ..rigid import NM_TO_ANGSTROM, Rigid
from .losses import atom_losses, mean, peptide_loss
from .rotations import rotation_exp

STEPS = 100
PACE = 0.02  # radians and Å, of a first step; later ones are shorter
# Weights of twisted planes, crowded atoms and kept distances, when that of the peptide bonds is 1.
FLATTENING, PARTING, KEEPING = 20.0, 20.0, 20.0


def relaxed(frames: Rigid, mask: Tensor, steps: int = STEPS, progress: bool = True) -> Rigid:
    """The chains with straighter, flatter peptide bonds and less crowded atoms, all else as it was as far as that goes.

    Args:
        frames: ``(*, L)``, nm, chains that are finished or nearly; padding finite, as
            :func:`~ipa_tutorial.dreams.flow.dream` leaves it.
        mask: boolean ``(*, L)``, True = a real residue, with the padding behind the chain. Padding does not move.
        steps: of Adam, each shorter than the one before.
        progress: show a bar.

    Returns:
        Frames ``(*, L)``, nm, without a gradient. When the chain is moved as a whole, so is the result, up to rounding.

    Raises:
        TypeError, ValueError: a mask that does not fit, no steps, or frames that are not finite.
    """
    before = Rigid(frames.rotations.detach(), frames.translations.detach())

    def strain(trial: Rigid) -> Tensor:
        off, crowded = atom_losses(trial, before, mask)
        return peptide_loss(trial, mask) + FLATTENING * twist(trial, mask) + PARTING * crowded + KEEPING * off

    return downhill(strain, before, mask, steps, PACE, progress)


def twist(frames: Rigid, mask: Tensor) -> Tensor:
    """sin² ω, the mean over the peptide bonds, ``(*)``: 0 where all are planar, be they trans or cis."""
    n, ca, c = backbone_of(frames)  # (*, L, 3) each
    n = n[..., 1:, :]
    bond, back, forth = n - c[..., :-1, :], c[..., :-1, :] - ca[..., :-1, :], ca[..., 1:, :] - n
    normals = torch.linalg.cross(back, bond), torch.linalg.cross(bond, forth)  # of the planes before and after
    cosine = torch.cosine_similarity(*normals, dim=-1)
    return mean(1 - cosine.square(), mask[..., 1:] & mask[..., :-1])


def downhill(
    strain: Callable[[Rigid], Tensor], frames: Rigid, mask: Tensor, steps: int, pace: float, progress: bool = True
) -> Rigid:
    """The frames ``(*, L)`` after so many steps of Adam against a strain ``(*)``; the first steps are ``pace`` long."""
    check_mask(mask, tuple(frames.shape))
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if not (frames.rotations.isfinite().all() and frames.translations.isfinite().all()):
        raise ValueError("frames must be finite, got NaN or infinity")
    with torch.inference_mode(False), torch.enable_grad():
        frames = Rigid(frames.rotations.detach().clone(), frames.translations.detach().clone())
        turn, shift = torch.zeros(2, *frames.shape, 3, dtype=frames.dtype, device=frames.device).unbind()
        adam = torch.optim.Adam([turn.requires_grad_(), shift.requires_grad_()], pace)
        for k in tqdm(range(steps), desc="relaxing", disable=not progress):
            adam.param_groups[0]["lr"] = pace * (1 - k / steps)
            adam.zero_grad()
            strain(frames @ update(turn, shift)).sum().backward()
            adam.step()
    turn, shift = (torch.where(mask[..., None], x.detach(), 0) for x in (turn, shift))
    return frames @ update(turn, shift)


def update(turn: Tensor, shift: Tensor) -> Rigid:
    """Rotation vectors and shifts ``(*, L, 3)``, radians and Å, as rigid updates ``(*, L)`` in nm."""
    return Rigid(rotation_exp(turn), shift / NM_TO_ANGSTROM)


# ---------------------------------------------------------------------------------------- how a score is fooled


SCORE_STEPS, SCORE_PACE = 300, 0.05
NEAREST = 4.0  # Å between Cα atoms that are no chain neighbours
FELT, ENOUGH = -0.1, -2.5  # kcal/mol: from here on two residues draw each other, and here a bond is a good one


def relaxed_for_the_score(frames: Rigid, mask: Tensor, progress: bool = True) -> Rigid:
    """The chains ``(*, L)``, nm, with a better score and worse in everything that the score leaves out: a warning."""

    def strain(trial: Rigid) -> Tensor:
        return peptide_loss(trial, mask) + 40 * clash_loss(trial, mask) + 2.5 * bonding_energy(trial, mask)

    return downhill(strain, frames, mask, SCORE_STEPS, SCORE_PACE, progress)


def clash_loss(frames: Rigid, mask: Tensor) -> Tensor:
    """How deep Cα atoms that are no chain neighbours sink into each other, Å a residue: ``(*)``."""
    ca = frames.translations * NM_TO_ANGSTROM  # (*, L, 3)
    gap = ((ca[..., :, None, :] - ca[..., None, :, :]).square().sum(-1) + 1e-4).sqrt()  # (*, L, L)
    apart = torch.ones_like(gap, dtype=torch.bool).triu(2)
    pairs = apart & mask[..., :, None] & mask[..., None, :]
    depth = torch.where(pairs, (NEAREST - gap).relu(), 0).sum((-2, -1))  # (*)
    return depth / mask.sum(-1).clamp(min=1)


def bonding_energy(frames: Rigid, mask: Tensor) -> Tensor:
    """Of the hydrogen bonds that there nearly are, kcal/mol a residue: frames ``(*, L)``, nm → ``(*)``.

    A bond gains nothing once it is a good one; what is not drawn already is left alone.
    """
    energy = bond_energies(backbone_atoms(frames))  # (*, L, L), N–H of i to C=O of j
    donor = mask & pad(mask[..., :-1], (1, 0))  # (*, L): a hydrogen is placed by the residue before
    acceptor = mask & pad(mask[..., 1:], (0, 1))  # and an oxygen by the one after
    apart = torch.ones_like(energy, dtype=torch.bool)
    apart = apart.triu(2) | apart.tril(-2)
    felt = donor[..., :, None] & acceptor[..., None, :] & apart & (energy < FELT)
    return torch.where(felt, energy.clamp(min=ENOUGH), 0).sum((-2, -1)) / mask.sum(-1).clamp(min=1)
