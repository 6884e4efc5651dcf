"""What a score counts, and what a network is told about the order of the chain."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ...losses import lddt
from ...training import FARTHEST, relative_positions
from . import seen
from .registry import bug

# --- lDDT -------------------------------------------------------------------------------------------------------------


def kept_share(error: Tensor, scored: Tensor, mask: Tensor | None, per_residue: bool) -> Tensor:
    """The share of the scored pairs ``(*, L, L)`` whose error stays below 0.5, 1, 2 and 4 Å."""
    if mask is not None:
        scored = scored & mask[..., :, None] & mask[..., None, :]
    kept = torch.stack([error < tolerance for tolerance in (0.5, 1.0, 2.0, 4.0)]).to(error.dtype).mean(0)
    axes = (-1,) if per_residue else (-1, -2)
    return (1e-10 + (kept * scored).sum(axes)) / (1e-10 + scored.sum(axes))


def off_diagonal(distance: Tensor) -> Tensor:
    return ~torch.eye(distance.shape[-1], dtype=torch.bool, device=distance.device)


@bug(
    "losses.lddt",
    wrong="each residue is its own neighbour: the distance of i to i is zero in any prediction and always kept",
    symptom="scores are too good, the more so the fewer neighbours a residue has",
    seen=seen.INVITED,
)
def neighbour_of_oneself(
    predicted: Tensor, true: Tensor, mask: Tensor | None = None, cutoff: float = 15.0, per_residue: bool = False
) -> Tensor:
    distance, there = torch.cdist(predicted, predicted), torch.cdist(true, true)
    return kept_share((distance - there).abs(), there < cutoff, mask, per_residue)


@bug(
    "losses.lddt",
    wrong="neighbours are looked for in the prediction: a chain that falls apart has none left to lose",
    symptom="an exploded prediction is not punished for the contacts that it lost",
    seen=seen.INVITED,
)
def neighbours_of_the_prediction(
    predicted: Tensor, true: Tensor, mask: Tensor | None = None, cutoff: float = 15.0, per_residue: bool = False
) -> Tensor:
    distance, there = torch.cdist(predicted, predicted), torch.cdist(true, true)
    return kept_share((distance - there).abs(), (distance < cutoff) & off_diagonal(there), mask, per_residue)


@bug(
    "losses.lddt",
    wrong="d − d_true for |d − d_true|: a distance that is too short counts as kept",
    symptom="all atoms in one point score 1",
    seen=seen.INVITED,
)
def only_stretching_counts(
    predicted: Tensor, true: Tensor, mask: Tensor | None = None, cutoff: float = 15.0, per_residue: bool = False
) -> Tensor:
    distance, there = torch.cdist(predicted, predicted), torch.cdist(true, true)
    return kept_share(distance - there, (there < cutoff) & off_diagonal(there), mask, per_residue)


@bug(
    "losses.lddt",
    wrong="the mask is accepted and never used: padding is everybody's neighbour",
    symptom="the score of a protein depends on the length of the longest in its batch",
    seen=seen.INVITED,
)
def neighbours_among_the_padding(
    predicted: Tensor, true: Tensor, mask: Tensor | None = None, cutoff: float = 15.0, per_residue: bool = False
) -> Tensor:
    return lddt(predicted, true, None, cutoff, per_residue)


@bug(
    "losses.lddt",
    wrong="all pairs are scored, near or far: the l of lDDT, local, is lost",
    symptom="a hinge between two perfect halves costs much of the score",
    seen=seen.INVITED,
)
def everybody_is_a_neighbour(
    predicted: Tensor, true: Tensor, mask: Tensor | None = None, cutoff: float = 15.0, per_residue: bool = False
) -> Tensor:
    return lddt(predicted, true, mask, float("inf"), per_residue)


# --- relative positions -----------------------------------------------------------------------------------------------


@bug(
    "training.relative_positions",
    wrong="i − j for j − i: the one before me becomes the one after me",
    symptom="nothing, until weights are taken from elsewhere: then chains run backwards",
    seen=seen.PORTING,
)
def offsets_backwards(residue_index: Tensor) -> Tensor:
    return relative_positions(-residue_index)


@bug(
    "training.relative_positions",
    wrong="|j − i| for j − i: before and after are the same",
    symptom="the network cannot tell which end of the chain is which",
    seen=seen.INVITED,
)
def offsets_without_sign(residue_index: Tensor) -> Tensor:
    offset = (residue_index[..., None, :] - residue_index[..., :, None]).abs()
    return one_hot(offset.clamp(max=FARTHEST) + FARTHEST, 2 * FARTHEST + 1)


@bug(
    "training.relative_positions",
    wrong="rows are counted where residue numbers should be read: a gap in the chain disappears",
    symptom="residues on both sides of a missing loop are taken for neighbours",
    seen=seen.INVITED,
)
def gaps_in_the_chain_closed(residue_index: Tensor) -> Tensor:
    return relative_positions(torch.arange(residue_index.shape[-1]).expand(residue_index.shape))


@bug(
    "training.relative_positions",
    wrong="32 is added before the clip to ±32: everything ahead becomes one class",
    symptom="the residues ahead, near or far, cannot be told from each other, and half of the classes are never used",
    seen=seen.INVITED,
)
def clipped_after_the_shift(residue_index: Tensor) -> Tensor:
    offset = residue_index[..., None, :] - residue_index[..., :, None]
    return one_hot((offset + FARTHEST).clamp(-FARTHEST, FARTHEST).clamp(min=0), 2 * FARTHEST + 1)
