"""Lines 1 to 6 and the terms of line 7."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .registry import slip


@slip(
    "attention.split_scalars",
    "one reshape to the final shape: no axis is moved, and the first head gets whole residues",
)
def split_without_moving(x: Tensor, heads: int) -> Tensor:
    return x.reshape(*x.shape[:-2], heads, x.shape[-2], -1)


@slip(
    "attention.split_points", "one reshape to the final shape: no axis is moved, and residues get each other's points"
)
def points_without_moving(x: Tensor, heads: int) -> Tensor:
    return x.reshape(*x.shape[:-2], heads, x.shape[-2], -1, 3)


@slip("attention.split_points", "points before heads, (P, H) for (H, P): the points of a head stand side by side")
def points_before_heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (-1, heads, 3)).movedim(-2, -4)


@slip(
    "attention.split_pair_bias", "one transpose exchanges heads and queries: (i, j, h) becomes (h, j, i), that is b_ji"
)
def one_transpose(b: Tensor) -> Tensor:
    return b.transpose(-1, -3)


@slip("attention.split_pair_bias", "a reshape moves no axis: it cuts the row of numbers anew")
def bias_without_moving(b: Tensor) -> Tensor:
    return b.reshape(*b.shape[:-3], b.shape[-1], b.shape[-2], b.shape[-2])


@slip(
    "attention.scalar_logits", "queries and keys of length one: cosines in place of dot products; only 1/√c is wanted"
)
def cosines(q: Tensor, k: Tensor) -> Tensor:
    return torch.nn.functional.normalize(q, dim=-1) @ torch.nn.functional.normalize(k, dim=-1).mT


@slip("attention.point_logits", "½‖q‖² is missing: a softmax would forgive it, but the logits themselves are asked for")
def half_square_of_q_forgotten(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    q, k = q_points.flatten(-2), k_points.flatten(-2)
    scale = gamma[:, None, None] * math.sqrt(2 / (9 * q_points.shape[-2]))
    return scale * (q @ k.mT - 0.5 * k.square().sum(-1)[..., None, :])


@slip("attention.point_logits", "the penalty −½‖k‖² is missing: far away keys on the same side win")
def half_square_of_k_forgotten(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    q, k = q_points.flatten(-2), k_points.flatten(-2)
    scale = gamma[:, None, None] * math.sqrt(2 / (9 * q_points.shape[-2]))
    return scale * (q @ k.mT - 0.5 * q.square().sum(-1)[..., :, None])


def logits_of(squares: Tensor, q_points: Tensor, gamma: Tensor) -> Tensor:
    return -0.5 * gamma[:, None, None] * math.sqrt(2 / (9 * q_points.shape[-2])) * squares


def difference(q_points: Tensor, k_points: Tensor) -> Tensor:
    return q_points[..., :, None, :, :] - k_points[..., None, :, :, :]  # (*, H, L, L, P, 3)


@slip(
    "attention.point_logits", "differences of several points are added before they are squared, and cancel each other"
)
def square_of_the_sum(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    return logits_of(difference(q_points, k_points).sum(-2).square().sum(-1), q_points, gamma)


@slip("attention.point_logits", "lengths as penalties, ½‖q‖ and ½‖k‖, where half their squares belong")
def lengths_as_penalties(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    middle = k_points.mean((-4, -3, -2), keepdim=True)
    q, k = ((x - middle).flatten(-2) for x in (q_points, k_points))
    product = q @ k.mT - 0.5 * q.norm(dim=-1)[..., :, None] - 0.5 * k.norm(dim=-1)[..., None, :]
    return logits_of(-2 * product, q_points, gamma)


@slip(
    "attention.point_logits", "γ meets the keys and not the heads: (H,) lines up with the last axis, here where H = L"
)
def gamma_of_the_keys(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    return (
        -0.5 * gamma * math.sqrt(2 / (9 * q_points.shape[-2])) * difference(q_points, k_points).square().sum((-1, -2))
    )


@slip(
    "attention.point_logits", "queries and keys are each centred by their own mean, which moves them against each other"
)
def each_by_its_own_mean(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    q, k = (x - x.mean((-4, -3, -2), keepdim=True) for x in (q_points, k_points))
    return logits_of(difference(q, k).square().sum((-1, -2)), q_points, gamma)


@slip("attention.point_logits", "only the keys are centred: queries and keys must lose one and the same point")
def only_the_keys_centred(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    k = k_points - k_points.mean((-4, -3, -2), keepdim=True)
    return logits_of(difference(q_points, k).square().sum((-1, -2)), q_points, gamma)


@slip("line 7, the point term as a pair of long queries and long keys", "1 meets 1, and penalty meets penalty")
def one_meets_one(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    scale = gamma[:, None, None] * math.sqrt(2 / (9 * q_points.shape[-2]))
    middle = k_points.mean((-4, -3, -2), keepdim=True)
    q, k = ((x - middle).flatten(-2) for x in (q_points, k_points))
    q, k = (torch.cat([x, -0.5 * x.square().sum(-1, keepdim=True), torch.ones_like(x[..., :1])], -1) for x in (q, k))
    return scale * q, k


# --- constants --------------------------------------------------------------------------------------------------------


@slip("attention.term_weight", "√(1/3) whatever the number of terms")
def root_of_a_third_always(terms: int) -> float:
    return math.sqrt(1 / 3)


@slip("attention.term_weight", "√(1/2) whatever the number of terms")
def root_of_a_half_always(terms: int) -> float:
    return math.sqrt(1 / 2)


@slip("attention.weighted_sum", "the terms are multiplied with each other and not added")
def product_of_terms(w_L: float, *terms: Tensor) -> Tensor:
    return w_L * torch.stack(terms).prod(0)


@slip("attention.weighted_sum", "the mean of the terms: their number is in w_L already")
def mean_of_terms(w_L: float, *terms: Tensor) -> Tensor:
    return w_L * torch.stack(terms).mean(0)


@slip(
    "attention.weighted_sum",
    "w_L is computed anew from the number of terms, where the one that was given is to be used",
)
def w_l_of_its_own(w_L: float, *terms: Tensor) -> Tensor:
    return len(terms) ** -0.5 * torch.stack(terms).sum(0)


@slip("attention.weighted_sum", "√(1/3), whatever w_L is given")
def w_l_of_three(w_L: float, *terms: Tensor) -> Tensor:
    return math.sqrt(1 / 3) * torch.stack(terms).sum(0)


@slip("attention.inverse_softplus", "log(γ − 1): the exponential is missing, 1 + e^ρ = e^γ")
def one_taken_off_first(gamma: float) -> float:
    return math.log(gamma - 1)


@slip("attention.inverse_softplus", "γ − log 2 is right for γ = log 2 alone: softplus is no shift")
def shifted_by_log_two(gamma: float) -> float:
    return gamma - math.log(2)


@slip("attention.inverse_softplus", "one divided by softplus: the inverse function is not the reciprocal")
def reciprocal(gamma: float) -> float:
    return 1 / math.log(1 + math.exp(gamma))


@slip(
    "attention.inverse_softplus",
    "log(1 − e^−γ) for log(e^γ − 1): a sign inside is turned, or e^γ was taken out of the bracket and γ not added",
)
def sign_inside_turned(gamma: float) -> float:
    return math.log(abs(1 - math.exp(-gamma)))
