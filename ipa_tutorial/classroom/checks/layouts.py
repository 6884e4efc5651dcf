"""Heads and points put into one row, and a row taken apart: the ways back from lines 1 to 3 and line 11."""

from __future__ import annotations

import torch
from torch import Tensor

from .diagnosis.labels import labelled_row, where_labels_arrive
from .draw import Draw
from .engine import Case, Check

# --- points into a row, in three chunks ------------------------------------------------------------------------------


def chunks_of_coordinates(points: Tensor) -> Tensor:
    H, P = points.shape[-4], points.shape[-2]
    numbers = [points[..., h, :, p, x] for x in range(3) for h in range(H) for p in range(P)]
    return torch.stack(numbers, dim=-1)


# residue i, head h, point p, coordinate x
POINTS = torch.arange(24.0).double().view(2, 1, 4, 3) + 100 * torch.arange(3)[:, None, None]

check_into_a_row = Check(
    "points into a row: all x, all y, all z",
    "attention.split_points",
    lambda d: (d.normal(d.H, d.L, d.P, 3),),
    chunks_of_coordinates,
    special=(lambda d: Case((d.normal(2, 4, 1, 3),), "one point a head"),),
    names=("points",),
    own=(
        where_labels_arrive(
            (POINTS,),
            "2 heads with 4 points whose coordinate x of point p of head h of residue i is 100 i + 12 h + 3 p + x",
        ),
    ),
    sound=chunks_of_coordinates,
    by_hand=False,
)

# --- the row of line 11 taken apart ----------------------------------------------------------------------------------


def cut_head_by_head(features: Tensor, heads: int, *sizes: int) -> tuple[Tensor, ...]:
    found, start = [], 0
    for n in sizes:
        of_head = [features[..., start + h * n : start + (h + 1) * n] for h in range(heads)]
        found.append(torch.stack(of_head, dim=-3))
        start += heads * n
    return tuple(found)


def a_row_of_outputs(d: Draw) -> tuple:
    sizes = (d.c_z, d.c, d.P)[: {1: 2}.get(d.L, 3)]
    return (d.normal(d.L, d.H * sum(sizes)), d.H, *sizes)


check_take_apart = Check(
    "the row of line 11, taken apart",
    "attention.concatenate_heads",
    a_row_of_outputs,
    cut_head_by_head,
    special=(lambda d: Case((d.normal(4, 12), 3, 4), "a single output"),),
    names=("features", "heads", "the first size", "the second size", "the third size"),
    own=(
        where_labels_arrive(
            (labelled_row(10), 2, 2, 3),
            "a row whose number n of residue i is 100 i + n (2 heads, outputs of 2 and of 3)",
        ),
    ),
    sound=cut_head_by_head,
    by_hand=False,
)
