"""From backbone frames and torsion angles to all heavy atoms, Algorithm 24, and back; AlphaFold's ideal geometry.

A residue is up to eight rigid groups of atoms: the backbone, the (pre-)omega, phi and psi groups, and one for each side
chain torsion χ1 … χ4. Inside a group nothing bends; a torsion angle turns a group about the bond that carries it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import torch
from torch import Tensor

from .inputs import check_mask, require_tensor
from .rigid import Rigid

RESIDUE_TYPES = "ARNDCQEGHILKMFPSTWYVX"  # AlphaFold's order; X is unknown
GROUPS = ("backbone", "pre-omega", "phi", "psi", "chi1", "chi2", "chi3", "chi4")
SIDE_CHAINS = dict(
    A="CB", R="CB CG CD NE CZ NH1 NH2", N="CB CG OD1 ND2", D="CB CG OD1 OD2", C="CB SG", Q="CB CG CD OE1 NE2",
    E="CB CG CD OE1 OE2", G="", H="CB CG ND1 CD2 CE1 NE2", I="CB CG1 CG2 CD1", L="CB CG CD1 CD2", K="CB CG CD CE NZ",
    M="CB CG SD CE", F="CB CG CD1 CD2 CE1 CE2 CZ", P="CB CG CD", S="CB OG", T="CB OG1 CG2",
    W="CB CG CD1 CD2 NE1 CE2 CE3 CZ2 CZ3 CH2", Y="CB CG CD1 CD2 CE1 CE2 CZ OH", V="CB CG1 CG2", X="",
)  # fmt: skip


def atom14_names(letter: str) -> list[str]:
    """The heavy atoms of a residue type in the order of its 14 places, by their names in the Protein Data Bank."""
    return ["N", "CA", "C", "O", *SIDE_CHAINS[letter].split()]


@cache
def _tables() -> dict[str, Tensor]:
    """Ideal geometry for each of the 21 residue types, Å; see data/rigid_groups/README.md."""
    with (files("ipa_tutorial") / "data/rigid_groups/rigid_groups.pt").open("rb") as file:
        return torch.load(file, weights_only=True)


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
    no_turn = angles.new_tensor([0.0, 1.0]).expand_as(angles[..., :1, :])  # sin 0, cos 1: the backbone group
    turns = _turn_about_x(torch.cat([no_turn, angles], dim=-2))  # (*, L, 8)
    return compose_groups(backbone, _default_frames(residue_types, angles.dtype), turns)


def compose_groups(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    """Algorithm 24, lines 2–10: each group turned about its own bond and set upon the frame that carries it.

    Args:
        backbone: ``(*, L)``.
        default: ``(*, L, 8)``, each group's frame in the frame that carries it, at angle zero.
        turns: ``(*, L, 8)``, rotations about x.

    Returns:
        ``(*, L, 8)``, in the order of ``GROUPS``. The backbone carries the first five, χ1 carries χ2, and so on.
    """
    turned = default @ turns  # (*, L, 8)
    groups = [turned[..., g] for g in range(len(GROUPS))]
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


def atoms_to_torsion(
    backbone: Rigid, atom14: Tensor, atom_mask: Tensor, residue_types: Tensor
) -> tuple[Tensor, Tensor]:
    """Algorithm 24 backwards: the torsion angles that bring the atoms as close as ideal geometry allows.

    Group by group, from the backbone outwards: seen from the group's frame at angle zero, the atoms ought to be their
    ideal places turned about x, and the turn that comes nearest (least squares) has a closed form.

    Args:
        backbone: ``(*, L)``, Å, such as those of Algorithm 21.
        atom14: ``(*, L, 14, 3)``, Å. What is masked may hold anything.
        atom_mask: boolean ``(*, L, 14)``, which atoms are known.
        residue_types: integers ``(*, L)``, 0 … 20.

    Returns:
        Unit vectors (sin, cos) ``(*, L, 7, 2)`` and a boolean mask ``(*, L, 7)``. An angle that moves no known atom
        is zero and masked: always pre-omega, which moves none, and phi, which moves a hydrogen only.
    """
    _check_atoms(backbone, atom14, atom_mask, residue_types)
    default = _default_frames(residue_types, atom14.dtype)  # (*, L, 8)
    ideal = _look_up("atom14_positions", residue_types).to(atom14.dtype)  # (*, L, 14, 3)
    group = _look_up("atom14_group", residue_types)  # (*, L, 14)
    known = atom_mask & atom14_mask(residue_types)  # (*, L, 14)
    atoms = torch.where(known[..., None], atom14, 0)

    angles, masks, carrier = [], [], backbone
    for g in range(1, len(GROUPS)):
        still = carrier @ default[..., g]  # (*, L): the group's frame at angle zero
        moved = known & (group == g)  # (*, L, 14): the atoms of this group
        angles.append(_nearest_turn(still[..., None].invert_apply(atoms), ideal, moved))  # (*, L, 2)
        masks.append(moved.any(-1))
        if g >= GROUPS.index("chi1"):  # χ2 sits on what χ1 has turned, and so on
            carrier = still @ _turn_about_x(angles[-1])
    return torch.stack(angles, dim=-2), torch.stack(masks, dim=-1)


def _nearest_turn(seen: Tensor, ideal: Tensor, moved: Tensor) -> Tensor:
    """The turn about x that brings ``ideal`` closest to ``seen``, ``(*, A, 3)`` each, as unit (sin, cos) ``(*, 2)``."""
    (y, z), (ideal_y, ideal_z) = seen[..., 1:].unbind(-1), ideal[..., 1:].unbind(-1)  # (*, A) each
    sine = (ideal_y * z - ideal_z * y).where(moved, 0).sum(-1)
    cosine = (ideal_y * y + ideal_z * z).where(moved, 0).sum(-1)
    squared = sine.square() + cosine.square()
    turned = squared > 1e-12  # else there is no atom, or all of them lie on the axis: nothing to turn
    length = squared.where(turned, 1).sqrt()
    return torch.stack([(sine / length).where(turned, 0), (cosine / length).where(turned, 1)], dim=-1)


def _turn_about_x(angles: Tensor) -> Rigid:
    """makeRotX: unit (sin, cos) ``(*, 2)`` → ``(*)``."""
    sin, cos = angles.unbind(-1)
    zero, one = torch.zeros_like(sin), torch.ones_like(sin)
    rows = [[one, zero, zero], [zero, cos, -sin], [zero, sin, cos]]
    rotations = torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)  # (*, 3, 3)
    return Rigid(rotations, rotations.new_zeros(rotations.shape[:-1]))


def _default_frames(residue_types: Tensor, dtype: torch.dtype) -> Rigid:
    """Each group's frame in the frame that carries it, at angle zero: ``(*, L)`` → ``(*, L, 8)``, Å."""
    default = _look_up("default_frames", residue_types).to(dtype)  # (*, L, 8, 4, 4)
    return Rigid(default[..., :3, :3], default[..., :3, 3])


def _check_atoms(backbone: Rigid, atom14: Tensor, atom_mask: Tensor, residue_types: Tensor) -> None:
    require_tensor("atom14", atom14)
    shape = tuple(backbone.shape)
    check_mask(atom_mask, (*shape, 14), "atom_mask")
    for name, x, expected in (("atom14", atom14, (*shape, 14, 3)), ("residue_types", residue_types, shape)):
        if tuple(x.shape) != expected:
            raise ValueError(f"{name} must have shape {expected} to go with backbone {shape}, got {tuple(x.shape)}")


def _look_up(table: str, residue_types: Tensor) -> Tensor:
    return _tables()[table].to(residue_types.device)[residue_types]
