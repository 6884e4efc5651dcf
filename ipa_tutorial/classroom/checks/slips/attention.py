"""From the mask to the concatenation: lines 7 to 11."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ....rigid import Rigid
from .registry import slip


@slip("attention.hide_padding", "rows of padded queries are emptied and the columns of padding stay open")
def padded_queries_hidden(logits: Tensor, mask: Tensor) -> Tensor:
    return logits.masked_fill(~mask[..., None, :, None], -math.inf)


@slip(
    "attention.hide_padding", "real and padding are hidden from each other in both directions, where one is asked for"
)
def hidden_unless_alike(logits: Tensor, mask: Tensor) -> Tensor:
    return logits.masked_fill((mask[..., :, None] != mask[..., None, :])[..., None, :, :], -math.inf)


@slip("attention.hide_padding", "logits at padding become 0, and e⁰ = 1 is no small weight: −∞ is")
def hidden_by_zeros(logits: Tensor, mask: Tensor) -> Tensor:
    return torch.where((mask[..., :, None] & mask[..., None, :])[..., None, :, :], logits, 0.0)


@slip("attention.hide_padding", "padding is hidden from padding alone")
def padding_hidden_from_padding(logits: Tensor, mask: Tensor) -> Tensor:
    return logits.masked_fill((~mask[..., :, None] & ~mask[..., None, :])[..., None, :, :], -math.inf)


# --- lines 8 to 10 ----------------------------------------------------------------------------------------------------


@slip("attention.attend_pairs", "the sum runs over the queries i, where it should run over the keys j")
def pairs_summed_over_queries(weights: Tensor, pairwise_repr: Tensor) -> Tensor:
    return torch.einsum("...hij,...ijc->...hjc", weights, pairwise_repr)


@slip("attention.attend_pairs", "heads and queries are exchanged by a reshape, which moves no axis")
def heads_reshaped(weights: Tensor, pairwise_repr: Tensor) -> Tensor:
    *batch, H, L, _ = weights.shape
    return (weights.reshape(*batch, L, H, L) @ pairwise_repr).reshape(*batch, H, L, -1)


@slip("attention.attend_pairs", "heads and queries are exchanged on the way in by a reshape, which moves no axis")
def heads_reshaped_on_the_way_in(weights: Tensor, pairwise_repr: Tensor) -> Tensor:
    *batch, H, L, _ = weights.shape
    return (weights.reshape(*batch, L, H, L) @ pairwise_repr).movedim(-2, -3)


@slip("attention.attend_pairs", "heads and queries are exchanged on the way out by a reshape, which moves no axis")
def heads_reshaped_on_the_way_out(weights: Tensor, pairwise_repr: Tensor) -> Tensor:
    *batch, H, L, _ = weights.shape
    return (weights.movedim(-3, -2) @ pairwise_repr).reshape(*batch, H, L, -1)


@slip("attention.attend_pairs", "all heads read with the mean of their weights")
def one_mean_weight_for_all_heads(weights: Tensor, pairwise_repr: Tensor) -> Tensor:
    mean = weights.mean(-3, keepdim=True).expand_as(weights)
    return torch.einsum("...hij,...ijc->...hic", mean, pairwise_repr)


@slip(
    "attention.attend_pairs", "each query reads in the row of z that belongs to the key: z is summed over j without i"
)
def pairs_of_anybody(weights: Tensor, pairwise_repr: Tensor) -> Tensor:
    return torch.einsum("...hij,...jkc->...hic", weights, pairwise_repr)


@slip(
    "attention.attend_scalars", "the sum runs over the queries i: a residue gives by its attention and does not receive"
)
def summed_over_queries(weights: Tensor, v: Tensor) -> Tensor:
    return weights.mT @ v


@slip("attention.attend_scalars", "the weights go through a softmax once more")
def weights_softmaxed_again(weights: Tensor, v: Tensor) -> Tensor:
    return weights.softmax(-1) @ v


@slip("attention.attend_scalars", "the values of all heads are mixed: each head has its own")
def values_of_all_heads(weights: Tensor, v: Tensor) -> Tensor:
    return torch.einsum("...hij,...gjd->...hid", weights, v)


def world(v_points: Tensor, frames: Rigid) -> Tensor:
    return frames.apply(v_points)  # (*, H, L, P, 3)


def mean(weights: Tensor, points: Tensor) -> Tensor:
    return torch.einsum("...hij,...hjpx->...hipx", weights, points)


def turned(R: Tensor, points: Tensor) -> Tensor:
    return torch.einsum("...iab,...ipb->...ipa", R, points)  # R (*, 1, L, 3, 3), points (*, H, L, P, 3)


@slip("attention.attend_points", "Rᵀ x − t for Rᵀ (x − t): t is taken away after the turn, in the world's axes")
def t_after_the_turn(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    home = turned(frames.rotations.mT, mean(weights, world(v_points, frames)))
    return home - frames.translations[..., None, :]


@slip(
    "attention.attend_points", "the points never leave their own frames: T_j is missing, and T_i⁻¹ meets local points"
)
def never_carried_out(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    return frames.invert_apply(mean(weights, v_points))


@slip("attention.attend_points", "the mean is moved out once more: T_i where T_i⁻¹ belongs")
def out_once_more(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    return frames.apply(mean(weights, world(v_points, frames)))


@slip("attention.attend_points", "the sum runs over the queries i, where it should run over the keys j")
def points_summed_over_queries(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    return frames.invert_apply(mean(weights.mT, world(v_points, frames)))


@slip("attention.attend_points", "each point comes home to the query, and then the sum runs over the queries")
def home_and_summed_over_queries(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    home = frames[..., :, None].invert_apply(world(v_points, frames)[..., None, :, :, :])  # (*, H, L, L, P, 3)
    return (weights[..., None, None] * home).sum(-4)


@slip("attention.attend_points", "only turned home, in the world's place: x − t without Rᵀ")
def home_without_turning(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    return mean(weights, world(v_points, frames)) - frames.translations[..., None, :]


# --- line 11 ----------------------------------------------------------------------------------------------------------


@slip("attention.point_norms", "|x| + |y| + |z|: that is another norm")
def sum_of_absolute_values(points: Tensor, eps: float) -> Tensor:
    return points.abs().sum(-1) + eps


@slip("attention.point_norms", "coordinates are added before they are squared, and cancel each other")
def coordinates_added_first(points: Tensor, eps: float) -> Tensor:
    return (points.sum(-1).square() + eps).sqrt()


@slip("attention.point_norms", "√(‖o⃗‖²) + ε: outside the root ε protects nothing")
def eps_behind_the_root(points: Tensor, eps: float) -> Tensor:
    return points.square().sum(-1).sqrt() + eps


@slip("attention.point_norms", "√(‖o⃗‖²) + √ε: two roots added are not the root of a sum")
def root_of_eps_behind_the_root(points: Tensor, eps: float) -> Tensor:
    return points.square().sum(-1).sqrt() + eps**0.5


@slip("attention.point_norms", "ε is added to each coordinate before it is squared")
def eps_inside_the_square(points: Tensor, eps: float) -> Tensor:
    return (points + eps).square().sum(-1).sqrt()


@slip("attention.point_norms", "max(‖o⃗‖, ε): a floor has no slope where it holds")
def floor_of_eps(points: Tensor, eps: float) -> Tensor:
    return points.square().sum(-1).sqrt().clamp(min=eps)


@slip("attention.point_norms", "max(‖o⃗‖², ε) under the root: a floor has no slope where it holds")
def floor_under_the_root(points: Tensor, eps: float) -> Tensor:
    return points.square().sum(-1).clamp(min=eps).sqrt()
