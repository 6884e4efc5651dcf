"""Masks: who may be looked at. True means a real residue."""

from __future__ import annotations

import math

from torch import Tensor

from ...rigid import Rigid
from . import seen
from .registry import bug


@bug(
    "attention.hide_padding",
    wrong="real keys are hidden and padding is shown: the mask is read upside down",
    symptom="an all-true mask gives exactly uniform attention; with a real one residues attend to padding only",
    seen=seen.KERAS,
)
def mask_inverted(logits: Tensor, mask: Tensor) -> Tensor:
    return logits.masked_fill(mask[..., None, None, :], -1e5)


@bug(
    "attention.hide_padding",
    wrong="the mask is accepted and never used",
    symptom="padding changes the answer, and so does the length of the longest chain in the batch",
    seen=f"the IPATransformer of {seen.LUCIDRAINS} and of {seen.KERAS}",
)
def mask_never_used(logits: Tensor, mask: Tensor) -> Tensor:
    return logits


@bug(
    "attention.hide_padding",
    wrong="−∞ for every padded key, also in the rows of padding: a row with nobody left is 0/0",
    symptom="NaN as soon as one chain of a batch is all padding",
    seen=seen.JULIA,
)
def mask_of_keys_alone(logits: Tensor, mask: Tensor) -> Tensor:
    return logits.masked_fill(~mask[..., None, None, :], -math.inf)


@bug(
    "attention.hide_padding",
    wrong="queries are hidden where keys should be: i and j exchanged, or real and padding",
    symptom="padding changes the answer",
    seen=seen.INVITED,
)
def mask_of_queries(logits: Tensor, mask: Tensor) -> Tensor:
    hidden = ~mask[..., :, None] & mask[..., None, :]
    return logits.masked_fill(hidden[..., None, :, :], -math.inf)


@bug(
    "attention.hide_padding",
    wrong="a mask of zeros and ones is added to the logits: padding counts less by a factor of e, not by infinity",
    symptom="padding leaks; in the wild in training only, since evaluation took another path",
    seen="se3_diffusion",
)
def mask_added(logits: Tensor, mask: Tensor) -> Tensor:
    return logits + mask[..., None, None, :].to(logits.dtype)


@bug(
    "attention.hide_padding",
    wrong="−10⁵ is added wherever query or key is padding, and so to whole rows of padded queries",
    symptom="padded rows carry float32 noise of 0.01, which nobody should read",
    seen=seen.ALPHAFOLD,
    harmless="for a real query e^(−100 000) is exactly zero, and a constant on a whole row cancels in the softmax",
)
def mask_of_minus_1e5(logits: Tensor, mask: Tensor) -> Tensor:
    real = mask[..., :, None] & mask[..., None, :]
    return logits + 1e5 * (real[..., None, :, :].to(logits.dtype) - 1)


@bug(
    "inputs.silence_padding",
    wrong="padding is trusted to be finite: a weight of zero is no protection, because 0 · NaN = NaN",
    symptom="one uninitialised row of padding turns the whole output into NaN",
    seen=seen.INVITED,
)
def padding_not_silenced(
    single_repr: Tensor, pairwise_repr: Tensor | None, frames: Rigid, mask: Tensor
) -> tuple[Tensor, Tensor | None, Rigid]:
    return single_repr, pairwise_repr, frames
