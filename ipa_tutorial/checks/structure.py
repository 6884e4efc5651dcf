"""From a sequence to atoms: relative positions, and Algorithm 24 in pieces."""

from __future__ import annotations

import torch
from torch import Tensor

from ..rigid import Rigid
from .draw import Draw
from .engine import Case, Check
from .frames import from_homogeneous, homogeneous, moved


def whole_numbers(d: Draw, high: int, *shape: int) -> Tensor:
    """Integers 0 … ``high`` − 1, the batch axes in front."""
    return torch.randint(high, (*d.batch, *shape), generator=d.generator)


# --- the order of the chain -------------------------------------------------------------------------------------------


def classes_written_one_by_one(residue_index: Tensor) -> Tensor:
    out = torch.zeros(*residue_index.shape, residue_index.shape[-1], 65, dtype=torch.int64)
    flat, rows = out.flatten(0, -4) if out.ndim > 3 else out[None], residue_index.reshape(-1, residue_index.shape[-1])
    for table, numbers in zip(flat, rows.tolist(), strict=True):
        for i, here in enumerate(numbers):
            for j, there in enumerate(numbers):
                table[i, j, min(max(there - here, -32), 32) + 32] = 1
    return out


check_relative_positions = Check(
    "relative positions along the chain",
    "training.relative_positions",
    lambda d: (1 + whole_numbers(d, 12, d.L).add(1).cumsum(-1),),
    classes_written_one_by_one,
    special=(
        lambda d: Case((torch.tensor([7, 8, 9, 60, 61, 200]),), "a chain with two gaps"),
        lambda d: Case((torch.tensor([1, 33, 34]),), "32 and 33 apart"),
    ),
    single_precision=False,
)

# --- Algorithm 24 -----------------------------------------------------------------------------------------------------


def unit_pairs(d: Draw, *shape: int) -> Tensor:
    pairs = d.normal(*shape, 2)
    return pairs / pairs.norm(dim=-1, keepdim=True)


def axes_turned_one_by_one(angles: Tensor) -> Rigid:
    """x stays, y → cos y + sin z, z → −sin y + cos z: these are the columns."""
    sin, cos = angles[..., 0], angles[..., 1]
    R = torch.zeros(*angles.shape[:-1], 3, 3, dtype=angles.dtype)
    R[..., 0, 0] = 1
    R[..., 1, 1], R[..., 2, 1] = cos, sin
    R[..., 1, 2], R[..., 2, 2] = -sin, cos
    return Rigid(R, torch.zeros(*angles.shape[:-1], 3, dtype=angles.dtype))


check_turn_about_x = Check(
    "Algorithm 25, a turn about x",
    "torsion.turn_about_x",
    lambda d: (unit_pairs(d, d.L, 7),),
    axes_turned_one_by_one,
    special=(
        lambda d: Case((torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0]], dtype=d.dtype),), "0°, 90° and 180°"),
    ),
)

CARRIER = (None, None, None, None, None, 4, 5, 6)  # of each group: None is the backbone


def carried_by_matrices(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    root, ideal, turn = homogeneous(backbone), homogeneous(default), homogeneous(turns)
    groups = []
    for g, carrier in enumerate(CARRIER):
        base = root if carrier is None else groups[carrier]
        groups.append(base @ ideal[..., g, :, :] @ turn[..., g, :, :])
    return from_homogeneous(torch.stack(groups, dim=-3))


def groups(d: Draw) -> tuple[Rigid, Rigid, Rigid]:
    turns = axes_turned_one_by_one(unit_pairs(d, d.L, 8))
    return d.frames(d.L), d.frames(d.L, 8), turns


check_compose_groups = Check(
    "Algorithm 24, lines 2 to 10: the eight groups of a residue",
    "torsion.compose_groups",
    groups,
    carried_by_matrices,
)


def placed_by_sum(frames: Rigid, group: Tensor, ideal: Tensor) -> Tensor:
    """Every group places every atom, and only the right one counts."""
    everywhere = moved(frames[..., :, None], ideal[..., None, :, :])  # (*, L, 8, 14, 3)
    right = group[..., None, :] == torch.arange(frames.shape[-1])[:, None]  # (*, L, 8, 14)
    return torch.where(right[..., None], everywhere, 0).sum(-3)


check_place_atoms = Check(
    "Algorithm 24, line 11: every atom placed by its group",
    "torsion.place_atoms",
    lambda d: (d.frames(d.L, 8), whole_numbers(d, 8, d.L, 14), d.normal(d.L, 14, 3)),
    placed_by_sum,
)
