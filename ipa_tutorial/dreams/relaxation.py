"""The last touch to a dreamt backbone: bent bonds are straightened, and residues that sit in each other part.

A network comes near to a protein, but not to the hundredth of an ångström that a bond is known by. AlphaFold, too, ends
with a relaxation, by a force field (supplement 1.8.6). This one has three terms: the peptide bonds and the clashes of
``flow.py``, and the electrostatic energy of hydrogen bonds. The frames themselves are the unknowns, each
free to turn and to shift in its own axes, and follow the gradient downhill. Nothing is learnt here and nothing is known
of folds: a chain that is nearly finished keeps its fold and moves by less than an ångström; noise stays noise.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad
from tqdm.auto import tqdm

from ..inputs import check_mask
from ..proteins.dssp import bond_energies
from ..rigid import NM_TO_ANGSTROM, Rigid
from .flow import clash_loss, peptide_loss
from .measures import backbone_atoms
from .rotations import rotation_exp

STEPS = 300
PACE = 0.05  # radians and Å, of a first step; later ones are shorter
PARTING = 40.0  # weight of the clashes, when that of the peptide bonds is 1
BONDING = 2.5  # weight of the hydrogen bonds
FELT, ENOUGH = -0.1, -2.5  # kcal/mol: from here on two residues draw each other, and here a bond is a good one


def relaxed(frames: Rigid, mask: Tensor, steps: int = STEPS, progress: bool = True) -> Rigid:
    """The chains, with ideal peptide bonds and without clashes as far as that goes.

    Args:
        frames: ``(*, L)``, nm, chains that are finished or nearly; padding finite, as
            :func:`~ipa_tutorial.dreams.flow.dream` leaves it.
        mask: boolean ``(*, L)``, True = a real residue. Padding does not move.
        steps: of Adam, each shorter than the one before.
        progress: show a bar.

    Returns:
        Frames ``(*, L)``, nm, without a gradient. When the chain is moved as a whole, so is the result, up to rounding.

    Raises:
        TypeError, ValueError: a mask that does not fit, no steps, or frames that are not finite.
    """
    check_mask(mask, tuple(frames.shape))
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if not (frames.rotations.isfinite().all() and frames.translations.isfinite().all()):
        raise ValueError("frames must be finite, got NaN or infinity")
    with torch.inference_mode(False), torch.enable_grad():
        frames = Rigid(frames.rotations.detach().clone(), frames.translations.detach().clone())
        turn, shift = torch.zeros(2, *frames.shape, 3, dtype=frames.dtype, device=frames.device).unbind()
        adam = torch.optim.Adam([turn.requires_grad_(), shift.requires_grad_()], PACE)
        for k in tqdm(range(steps), desc="relaxing", disable=not progress):
            adam.param_groups[0]["lr"] = PACE * (1 - k / steps)
            adam.zero_grad()
            trial = frames @ update(turn, shift)
            strain = peptide_loss(trial, mask) + PARTING * clash_loss(trial, mask)  # (*)
            (strain + BONDING * bonding_energy(trial, mask)).sum().backward()
            adam.step()
    turn, shift = (torch.where(mask[..., None], x.detach(), 0) for x in (turn, shift))
    return frames @ update(turn, shift)


def bonding_energy(frames: Rigid, mask: Tensor) -> Tensor:
    """Of the hydrogen bonds that there nearly are, kcal/mol a residue: frames ``(*, L)``, nm → ``(*)``.

    A bond gains nothing once it is a good one, so that it does not bend the chain; what is not drawn already is left
    alone.
    """
    energy = bond_energies(backbone_atoms(frames))  # (*, L, L), N–H of i to C=O of j
    donor = mask & pad(mask[..., :-1], (1, 0))  # (*, L): a hydrogen is placed by the residue before
    acceptor = mask & pad(mask[..., 1:], (0, 1))  # and an oxygen by the one after
    apart = torch.ones_like(energy, dtype=torch.bool)
    apart = apart.triu(2) | apart.tril(-2)
    felt = donor[..., :, None] & acceptor[..., None, :] & apart & (energy < FELT)
    return torch.where(felt, energy.clamp(min=ENOUGH), 0).sum((-2, -1)) / mask.sum(-1).clamp(min=1)


def update(turn: Tensor, shift: Tensor) -> Rigid:
    """Rotation vectors and shifts ``(*, L, 3)``, radians and Å, as rigid updates ``(*, L)`` in nm."""
    return Rigid(rotation_exp(turn), shift / NM_TO_ANGSTROM)
