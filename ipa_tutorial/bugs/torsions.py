"""All atoms from frames and torsion angles (Algorithm 24)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..rigid import Rigid
from ..torsion import compose_groups, place_atoms, turn_about_x
from . import seen
from .registry import bug


@bug(
    "torsion.turn_about_x",
    wrong="the sign of the sine is exchanged: a turn by −α, which is the matrix for row vectors",
    symptom="side chains point the wrong way; an angle of 180° comes out right, and hides it",
    seen=seen.INVITED,
)
def turned_the_other_way(angles: Tensor) -> Rigid:
    return turn_about_x(angles * angles.new_tensor([-1.0, 1.0]))


@bug(
    "torsion.turn_about_x",
    wrong="(cos, sin) is read where (sin, cos) is written: a turn by 90° − α",
    symptom="no turn becomes a quarter turn: the frame of the backbone itself is turned",
    seen=f"{seen.PORTING}: both orders are in use, and AlphaFold's is (sin, cos)",
)
def cosine_read_first(angles: Tensor) -> Rigid:
    return turn_about_x(angles.flip(-1))


@bug(
    "torsion.compose_groups",
    wrong="every χ is set upon the backbone, where χ2 sits on what χ1 has turned, and so on",
    symptom="long side chains come apart; alanine and valine look fine",
    seen=seen.INVITED,
)
def every_chi_on_the_backbone(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    return backbone[..., None] @ default @ turns


@bug(
    "torsion.compose_groups",
    wrong="first turned, then set in place, rot ∘ ideal: a turn about the carrier's x axis, which is not the bond",
    symptom="a torsion angle bends the molecule; bond lengths survive, bond angles do not",
    seen=seen.INVITED,
)
def turned_before_set_in_place(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    return compose_groups(backbone, turns @ default, Rigid.identity(turns.shape, dtype=turns.dtype))


@bug(
    "torsion.compose_groups",
    wrong="each group is set upon the one before, ψ upon φ and χ1 upon ψ too: only χ2 to χ4 are carried by a χ",
    symptom="side chains swing when ψ turns",
    seen=seen.INVITED,
)
def one_long_chain_of_groups(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    carrier, frames = backbone, []
    for g in range(default.shape[-1]):
        carrier = carrier @ default[..., g] @ turns[..., g]
        frames.append(carrier)
    rotations = torch.stack([T.rotations for T in frames], dim=-3)  # (*, L, 8, 3, 3)
    return Rigid(rotations, torch.stack([T.translations for T in frames], dim=-2))


@bug(
    "torsion.place_atoms",
    wrong="every atom is placed by the frame of the backbone, whatever group it belongs to",
    symptom="side chains do not move when their torsion angles do, and lie on top of the backbone",
    seen=seen.INVITED,
)
def every_atom_on_the_backbone(frames: Rigid, group: Tensor, ideal: Tensor) -> Tensor:
    return place_atoms(frames, torch.zeros_like(group), ideal)
