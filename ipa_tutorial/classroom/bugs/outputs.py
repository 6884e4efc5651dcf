"""Lines 8 to 11: sums over keys, the way back into the query's frame, norms, concatenation."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from ...attention import InvariantPointAttention, Parts, attend_pairs, concatenate_heads, point_norms
from ...rigid import Rigid
from . import seen
from .registry import bug

sound_forward = InvariantPointAttention.forward


def mean_in_world(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    """Σ_j a_ij (T_j ∘ v⃗_j): the half of line 10 that nobody gets wrong. ``(*, H, L, P, 3)``."""
    return torch.einsum("...hij,...hjpx->...hipx", weights, frames.apply(v_points))


@bug(
    "attention.attend_pairs",
    wrong="z_ji for z_ij: the pair representation read from the other side",
    symptom="õ tells residue i how the others see it",
    seen=seen.INVITED,
)
def pair_read_backwards(weights: Tensor, pairwise_repr: Tensor) -> Tensor:
    return attend_pairs(weights, pairwise_repr.transpose(-2, -3))


@bug(
    "attention.attend_points",
    wrong="the mean stays in the world: T_i⁻¹ is left out",
    symptom="the output changes with the pose of the whole protein",
    seen=seen.INVITED,
)
def never_brought_home(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    return mean_in_world(weights, v_points, frames)


@bug(
    "attention.attend_points",
    wrong="Rᵀ x for Rᵀ (x − t): turned home, but not moved home",
    symptom="passes a test with rotations, fails one with translations",
    seen=seen.INVITED,
)
def home_without_translation(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    origin = torch.zeros_like(frames.translations)
    return Rigid(frames.rotations, origin).invert_apply(mean_in_world(weights, v_points, frames))


@bug(
    "attention.attend_points",
    wrong="R (x − t) for Rᵀ (x − t): turned once more in place of back",
    symptom="right for identity frames and for half turns, wrong for every other rotation",
    seen=seen.INVITED,
)
def home_with_R_for_its_transpose(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    return Rigid(frames.rotations.mT, frames.translations).invert_apply(mean_in_world(weights, v_points, frames))


@bug(
    "attention.attend_points",
    wrong="each point goes home to the frame of the key that sent it: T_j⁻¹ T_j is nothing at all",
    symptom="perfectly invariant, and blind: where the others are makes no difference to o⃗",
    seen=seen.INVITED,
)
def home_to_the_key(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    return torch.einsum("...hij,...hjpx->...hipx", weights, v_points)


@bug(
    "attention.point_norms",
    wrong="√(x² + y² + z²) without ε: the slope of the root at zero is infinite",
    symptom="NaN gradient when a point comes home to its own origin",
    seen=seen.DECODED,
)
def norm_without_eps(points: Tensor, eps: float) -> Tensor:
    return points.square().sum(-1).sqrt()


@bug(
    "attention.concatenate_heads",
    wrong="heads beside residues: reshaped without moving the head axis back behind them",
    symptom="the features of one residue hold pieces of others",
    seen=seen.INVITED,
)
def heads_not_moved_back(*outputs: Tensor) -> Tensor:
    return torch.cat([o.reshape(*o.shape[:-3], o.shape[-2], -1) for o in outputs], dim=-1)


@bug(
    "attention.concatenate_heads",
    wrong="all outputs of head 1, then all of head 2: line 11 puts all heads of one output side by side",
    symptom="a network of its own trains well, somebody else's weights give silent nonsense",
    seen=seen.PORTING,
)
def outputs_inside_heads(*outputs: Tensor) -> Tensor:
    return concatenate_heads(torch.cat(outputs, dim=-1))


@bug(
    "attention.InvariantPointAttention.forward",
    wrong="‖o⃗‖ is taken of the points in the world: their distance from the world's origin, not from the residue",
    symptom="passes a test with rotations, fails one with translations",
    seen=seen.INVITED,
)
def norm_in_the_world(
    self: InvariantPointAttention,
    single_repr: Tensor,
    pairwise_repr: Tensor | None = None,
    *,
    rotations: Tensor,
    translations: Tensor,
    mask: Tensor | None = None,
    return_parts: bool = False,
) -> Tensor | tuple[Tensor, Parts]:
    geometry = dict(rotations=rotations, translations=translations, mask=mask)
    _, parts = sound_forward(self, single_repr, pairwise_repr, **geometry, return_parts=True)
    frames = Rigid(rotations, translations)[..., None, :].to(parts.point_out.dtype)
    norms = point_norms(frames.apply(parts.point_out), self.eps)
    outputs = [parts.pair_out, parts.scalar_out, parts.point_out.flatten(-2), norms]
    features = concatenate_heads(*(output for output in outputs if output is not None))
    out = self.to_out(features.to(single_repr.dtype))
    return (out, replace(parts, point_norms=norms, features=features)) if return_parts else out


@bug(
    "attention.InvariantPointAttention.forward",
    wrong="a projection is drawn anew at each call: weights belong in __init__",
    symptom="two calls disagree; an invariance test fails by any amount, which is easily explained away",
    seen=seen.CODECS,
)
def weights_drawn_in_forward(
    self: InvariantPointAttention,
    single_repr: Tensor,
    pairwise_repr: Tensor | None = None,
    *,
    rotations: Tensor,
    translations: Tensor,
    mask: Tensor | None = None,
    return_parts: bool = False,
) -> Tensor | tuple[Tensor, Parts]:
    nn.init.normal_(self.to_out.weight, std=self.to_out.in_features**-0.5)
    geometry = dict(rotations=rotations, translations=translations, mask=mask)
    return sound_forward(self, single_repr, pairwise_repr, **geometry, return_parts=return_parts)
