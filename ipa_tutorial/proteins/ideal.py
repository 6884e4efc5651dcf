"""The atoms that a frame carries: an ideal N, CA, C, and the oxygen of the peptide plane. Frames in nm, atoms in Å."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..rigid import NM_TO_ANGSTROM, Rigid

BACKBONE = ((-0.525, 1.363, 0.0), (0.0, 0.0, 0.0), (1.526, 0.0, 0.0))  # Å, N, CA, C in the residue's own frame
LAST_OXYGEN = (2.153, -1.062, 0.0)  # Å, in the frame of the last residue, which has no peptide plane: away from its N
CARBONYL = 1.231  # Å, from C to O


def backbone_of(frames: Rigid) -> tuple[Tensor, Tensor, Tensor]:
    """Where N, CA and C are, Å: frames ``(*, L)`` in nm → three times ``(*, L, 3)``."""
    ideal = frames.translations.new_tensor(BACKBONE)  # (3, 3)
    atoms = frames.scale_translations(NM_TO_ANGSTROM)[..., None].apply(ideal)  # (*, L, 3, 3)
    return atoms.unbind(-2)


def backbone_atoms(frames: Rigid, mask: Tensor | None = None) -> Tensor:
    """The atoms N, CA, C, O of chains of frames: ``(*, L)``, nm → ``(*, L, 4, 3)``, Å.

    Each frame carries an ideal N, CA and C (bond lengths and angle of AlphaFold's ideal alanine). The oxygen lies in
    the peptide plane, so that it needs the next residue; the last one of a chain has none, and its oxygen is put
    opposite to its N.

    Args:
        frames: ``(*, L)``, nm, such as :func:`~ipa_tutorial.dreams.flow.dream` returns.
        mask: boolean ``(*, L)``, True = a real residue, with the padding behind the chain; then the last real residue
            counts as the last. None: all are real. Atoms of padding mean nothing.

    Returns:
        ``(*, L, 4, 3)`` in Å, dtype and device of the frames; differentiable. It moves as the frames move.
    """
    n, ca, c = backbone_of(frames)  # three times (*, L, 3)
    alone = frames.scale_translations(NM_TO_ANGSTROM).apply(ca.new_tensor(LAST_OXYGEN))  # (*, L, 3)
    outwards = normalize((c - ca)[..., :-1, :], dim=-1) + normalize(c[..., :-1, :] - n[..., 1:, :], dim=-1)
    o = c[..., :-1, :] + CARBONYL * normalize(outwards, dim=-1)  # (*, L−1, 3)
    if mask is not None:
        o = torch.where(mask[..., 1:, None], o, alone[..., :-1, :])
    return torch.stack([n, ca, c, torch.cat([o, alone[..., -1:, :]], dim=-2)], dim=-2)


def atoms_of(frames: Rigid, mask: Tensor) -> list[Tensor]:
    """Each of the chains ``(B, L)``, nm, without its padding, as atoms N, CA, C, O ``(L, 4, 3)``, Å."""
    return [backbone_atoms(chain[:n]) for chain, n in zip(frames, mask.sum(-1).tolist(), strict=True)]
