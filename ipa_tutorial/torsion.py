"""From backbone frames and torsion angles to all heavy atoms: Algorithm 24 and AlphaFold's ideal geometry.

A residue is up to eight rigid groups of atoms: the backbone, the (pre-)omega, phi and psi groups, and one for each side
chain torsion χ1 … χ4. Inside a group nothing bends; a torsion angle turns a group about the bond that carries it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor

from .rigid import Rigid

RESIDUE_TYPES = "ARNDCQEGHILKMFPSTWYVX"  # AlphaFold's order; X is unknown
GROUPS = ("backbone", "pre-omega", "phi", "psi", "chi1", "chi2", "chi3", "chi4")


@cache
def _tables() -> dict[str, np.ndarray]:
    """Ideal geometry for each of the 21 residue types, Å; see data/rigid_groups/README.md."""
    with (files("ipa_tutorial") / "data/rigid_groups/rigid_groups.npz").open("rb") as file:
        return dict(np.load(file))


def sequence_to_types(sequence: str) -> Tensor:
    """One-letter codes → integer residue types ``(L,)`` in AlphaFold's order; letters it does not know become X."""
    unknown = RESIDUE_TYPES.index("X")
    return torch.tensor([RESIDUE_TYPES.find(letter) if letter in RESIDUE_TYPES else unknown for letter in sequence])


def atom14_mask(residue_types: Tensor) -> Tensor:
    """Which of the 14 atom places a residue type fills: ``(*, L)`` → boolean ``(*, L, 14)``."""
    return _look_up("atom14_mask", residue_types).bool()


def torsion_to_frames(backbone: Rigid, angles: Tensor, residue_types: Tensor) -> Rigid:
    """Algorithm 24, lines 1–10: the eight group frames of each residue.

    Args:
        backbone: ``(*, L)``, Å.
        angles: ``(*, L, 7, 2)``, unit vectors (sin, cos): pre-omega, phi, psi, χ1 … χ4.
        residue_types: integers ``(*, L)``, 0 … 20.

    Returns:
        A :class:`Rigid` ``(*, L, 8)``, Å, in the order of ``GROUPS``. Groups that a residue does not have carry zero
        rotations, as in AlphaFold.
    """
    default = _look_up("default_frames", residue_types).to(angles.dtype)  # (*, L, 8, 4, 4)
    default = Rigid(default[..., :3, :3], default[..., :3, 3])
    turned = default @ _turn_about_x(angles)  # (*, L, 8)
    groups = [turned[..., g] for g in range(8)]
    for g in range(GROUPS.index("chi2"), len(GROUPS)):  # χ2 sits on what χ1 has turned, and so on
        groups[g] = groups[g - 1] @ groups[g]
    rotations = torch.stack([group.rotations for group in groups], dim=-3)  # (*, L, 8, 3, 3)
    translations = torch.stack([group.translations for group in groups], dim=-2)  # (*, L, 8, 3)
    return backbone[..., None] @ Rigid(rotations, translations)


def frames_to_atom14(frames: Rigid, residue_types: Tensor) -> Tensor:
    """Algorithm 24, line 11: each atom placed by its group. Frames ``(*, L, 8)`` → ``(*, L, 14, 3)``, Å.

    Places that a residue type leaves empty are zero.
    """
    group = _look_up("atom14_group", residue_types).long()  # (*, L, 14)
    ideal = _look_up("atom14_positions", residue_types).to(frames.dtype)  # (*, L, 14, 3)
    R = frames.rotations.take_along_dim(group[..., None, None], dim=-3)  # (*, L, 14, 3, 3)
    t = frames.translations.take_along_dim(group[..., None], dim=-2)  # (*, L, 14, 3)
    return Rigid(R, t).apply(ideal) * atom14_mask(residue_types)[..., None]


def _turn_about_x(angles: Tensor) -> Rigid:
    """makeRotX for the seven angles, and no turn for the backbone group: ``(*, L, 7, 2)`` → ``(*, L, 8)``."""
    still = torch.zeros_like(angles[..., :1, :])
    still[..., 1] = 1  # sin 0, cos 1
    sin, cos = torch.cat([still, angles], dim=-2).unbind(-1)  # (*, L, 8)
    zero, one = torch.zeros_like(sin), torch.ones_like(sin)
    rows = [[one, zero, zero], [zero, cos, -sin], [zero, sin, cos]]
    rotations = torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)  # (*, L, 8, 3, 3)
    return Rigid(rotations, rotations.new_zeros(rotations.shape[:-1]))


def _look_up(table: str, residue_types: Tensor) -> Tensor:
    values = torch.from_numpy(_tables()[table]).to(residue_types.device)
    return values[residue_types]
