"""Torsion angles and the groups that they turn (Algorithms 24 and 25)."""

from __future__ import annotations

import torch
from torch import Tensor

from ...rigid import Rigid
from ...torsion import _turn_about_x, compose_groups
from . import seen
from .registry import bug


@bug(
    "torsion._turn_about_x",
    wrong="(cos, sin) for (sin, cos): AlphaFold's angles carry the sine first",
    symptom="an angle of zero turns by 90 degrees: every side chain points elsewhere",
    seen=seen.INVITED,
)
def cosine_first(angles: Tensor) -> Rigid:
    return _turn_about_x(angles.flip(-1))


@bug(
    "torsion._turn_about_x",
    wrong="the minus sign stands at the other sine: the turn goes backwards",
    symptom="side chains are mirrored about their bonds, and lengths and angles are all right",
    seen=seen.INVITED,
)
def turned_backwards(angles: Tensor) -> Rigid:
    return _turn_about_x(angles * angles.new_tensor([-1.0, 1.0]))


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
