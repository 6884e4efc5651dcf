"""The order of the chain: relative positions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ..training import FARTHEST, relative_positions
from . import seen
from .registry import bug


@bug(
    "training.relative_positions",
    wrong="i − j for j − i: the classes are numbered from the other end",
    symptom="nothing, if trained from the start; nonsense with weights that learnt the other order",
    seen=f"{seen.PORTING}: AlphaFold's code has i − j",
)
def offsets_the_other_way_round(residue_index: Tensor) -> Tensor:
    return relative_positions(residue_index).transpose(-2, -3)


@bug(
    "training.relative_positions",
    wrong="|j − i| for j − i: how far, but not in which direction",
    symptom="the chain has no beginning and no end: it may as well be built backwards",
    seen=seen.INVITED,
)
def offsets_without_direction(residue_index: Tensor) -> Tensor:
    classes = relative_positions(residue_index).argmax(-1)  # (*, L, L)
    return one_hot((classes - FARTHEST).abs() + FARTHEST, 2 * FARTHEST + 1)


@bug(
    "training.relative_positions",
    wrong="residues are counted by their place in the list: a gap in the chain is not seen",
    symptom="the ends of a missing loop are treated as bonded neighbours, and chains are glued to each other",
    seen=seen.INVITED,
)
def offsets_counted_by_place(residue_index: Tensor) -> Tensor:
    places = torch.arange(residue_index.shape[-1], device=residue_index.device)
    return relative_positions(places.expand_as(residue_index))


@bug(
    "training.relative_positions",
    wrong="offsets wrap around at ±32 where they should be cut off",
    symptom="a residue 40 places further on is taken for one 25 places back",
    seen=seen.INVITED,
)
def offsets_wrapped_around(residue_index: Tensor) -> Tensor:
    offset = residue_index[..., None, :] - residue_index[..., :, None]
    return one_hot((offset + FARTHEST) % (2 * FARTHEST + 1), 2 * FARTHEST + 1)
