"""Lines 1 to 7: projections, γ, the constants, the three terms and the softmax."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ...attention import InvariantPointAttention, point_logits, point_weight, scalar_logits
from . import seen
from .registry import bug

# --- γ ----------------------------------------------------------------------------------------------------------------


@bug(
    "attention.inverse_softplus",
    wrong="log(eʸ + 1) for log(eʸ − 1): that is softplus once more, not its inverse",
    symptom="γ starts at 1.55 and not at 1",
    seen=seen.ABELLEGESE,
)
def gamma_from_log_e_plus_one(y: float) -> float:
    return math.log(math.exp(y) + 1)


@bug(
    "attention.inverse_softplus",
    wrong="the raw parameter starts at 0: softplus(0) = log 2 = 0.69, and not 1",
    symptom="the point term starts 31 % weak",
    seen=seen.DECODED,
)
def gamma_from_zero(y: float) -> float:
    return 0.0


@bug(
    "attention.InvariantPointAttention.gamma",
    wrong="γ is computed outside of what the framework tracks: no gradient reaches the raw parameter",
    symptom="γ never trains",
    seen=f"{seen.KERAS} under Keras 3",
)
def gamma_never_trains(self: InvariantPointAttention) -> Tensor:
    return softplus(self.raw_gamma).detach()


# --- reading the projections ------------------------------------------------------------------------------------------


@bug(
    "attention.split_scalars",
    wrong="channels before heads, (c, H) for (H, c): each head takes every H-th number",
    symptom="a network of its own trains well, somebody else's weights give silent nonsense",
    seen=seen.PORTING,
)
def scalars_interleaved(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (-1, heads)).movedim(-1, -3)


@bug(
    "attention.split_points",
    wrong="H·P numbers for H·P points, the ×3 forgotten: a third of the points is left, or the reshape fails",
    symptom="an error about shapes; or, where the sizes happen to fit, points made of three other points",
    seen=seen.ABELLEGESE,
)
def points_without_times_three(x: Tensor, heads: int) -> Tensor:
    return x[..., : x.shape[-1] // 3].unflatten(-1, (heads, -1, 3)).movedim(-3, -4)


@bug(
    "attention.split_points",
    wrong="all x, then all y, then all z: AlphaFold's layout, where here x y z stand side by side",
    symptom="a network of its own trains well, somebody else's weights give silent nonsense",
    seen=seen.PORTING,
)
def points_in_three_chunks(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (3, heads, -1)).movedim((-3, -2), (-1, -4))


@bug(
    "attention.split_points",
    wrong="inside each head all x, then all y, then all z: AlphaFold-Multimer's layout, not AlphaFold's and not ours",
    symptom="a network of its own trains well, somebody else's weights give silent nonsense",
    seen=seen.PORTING,
)
def points_in_chunks_of_a_head(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, 3, -1)).transpose(-1, -2).movedim(-3, -4)


@bug(
    "attention.split_pair_bias",
    wrong="b_ji for b_ij: residue i is told what j thinks of the pair",
    symptom="learns slowly where the pair representation has a direction, as j − i has",
    seen=seen.INVITED,
)
def pair_bias_transposed(b: Tensor) -> Tensor:
    return b.movedim(-1, -3).mT


@bug(
    "attention.split_pair_bias",
    wrong="a bias in the projection of the pair representation, which AlphaFold's code has and the paper has not",
    symptom="none, and a parameter whose gradient is zero",
    seen=seen.ALPHAFOLD,
    harmless="it adds one constant to all logits of a head, and softmax over j forgets a constant",
)
def pair_projection_bias(b: Tensor) -> Tensor:
    return (b + torch.arange(1, b.shape[-1] + 1, device=b.device)).movedim(-1, -3)


# --- the scalar term --------------------------------------------------------------------------------------------------


@bug(
    "attention.scalar_logits",
    wrong="q·k without 1/√c: a sum of c products has variance c",
    symptom="attention saturates as c grows",
    seen=seen.INVITED,
)
def scalar_term_unscaled(q: Tensor, k: Tensor) -> Tensor:
    return q @ k.mT


@bug(
    "attention.scalar_logits",
    wrong="a bias in the projection of the scalar keys, which AlphaFold's code has and the paper has not",
    symptom="none, and a parameter whose gradient is zero",
    seen=seen.ALPHAFOLD,
    harmless="it adds q_i·bias to every logit of query i, and softmax over j forgets what is the same for all j",
)
def scalar_key_bias(q: Tensor, k: Tensor) -> Tensor:
    return scalar_logits(q, k + torch.arange(1, k.shape[-1] + 1, device=k.device))


# --- line 5, w_C ------------------------------------------------------------------------------------------------------


@bug(
    "attention.point_weight",
    wrong="w_C = √(2/9): the sum over P points has P times the variance of one, so P belongs under the root",
    symptom="attention saturates as points are added",
    seen=seen.INVITED,
)
def point_weight_without_count(point_key_dim: int) -> float:
    return math.sqrt(2 / 9)


@bug(
    "attention.point_weight",
    wrong="w_C = √(1/P): the variance of one pair of points, 9/2, is left out",
    symptom="the point term is twice as strong as the other two",
    seen=seen.INVITED,
)
def point_weight_of_one(point_key_dim: int) -> float:
    return math.sqrt(1 / point_key_dim)


@bug(
    "attention.point_weight",
    wrong="w_C = √(1/(6 P)): softmax over j forgets ½‖q‖², so only 9/2 counts",
    symptom="the point term is 13 % weak, which no loss curve shows",
    seen=f"a question asked of {seen.LUCIDRAINS.split()[0]} (issue 1)",
)
def point_weight_of_six(point_key_dim: int) -> float:
    return math.sqrt(1 / (6 * point_key_dim))


# --- line 6, w_L ------------------------------------------------------------------------------------------------------


@bug(
    "attention.term_weight",
    wrong="√(1/3) also where there are only two terms: without a pair representation the sum has variance 2",
    symptom="logits 18 % too small in the model without pairs",
    seen=seen.INVITED,
)
def three_terms_always(terms: int) -> float:
    return math.sqrt(1 / 3)


@bug(
    "attention.weighted_sum",
    wrong="w_L is left off the pair bias: that term then has three times the variance of the other two",
    symptom="the pair bias drowns scalars and points; the output differs from AlphaFold's with its own weights",
    seen=f"the fused path of {seen.FLASH}",
)
def pair_bias_unscaled(w_L: float, *terms: Tensor) -> Tensor:
    qk, *pair, distance = terms
    return w_L * (qk + distance) + sum(pair)


# --- the point term ---------------------------------------------------------------------------------------------------


@bug(
    "attention.point_logits",
    wrong="+ for −: the logit grows with the distance",
    symptom="residues attend to whoever is farthest",
    seen=seen.INVITED,
)
def distance_attracts(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    return -point_logits(q_points, k_points, gamma)


@bug(
    "attention.point_logits",
    wrong="the ½ of line 7 is forgotten: w_C was computed for ½‖q − k‖²",
    symptom="the point term is twice too strong",
    seen=seen.INVITED,
)
def half_forgotten(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    return 2 * point_logits(q_points, k_points, gamma)


@bug(
    "attention.point_logits",
    wrong="‖q − k‖ for ‖q − k‖²: no longer a Gaussian of the distance, and no longer of variance one",
    symptom="far residues count too much",
    seen=seen.INVITED,
)
def distance_not_squared(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    distance = (q_points[..., :, None, :, :] - k_points[..., None, :, :, :]).norm(dim=-1).sum(-1)
    return -0.5 * gamma[:, None, None] * point_weight(q_points.shape[-2]) * distance


@bug(
    "attention.point_logits",
    wrong="the mean over points for their sum: w_C has already divided by √P",
    symptom="the point term fades as points are added",
    seen=seen.INVITED,
)
def mean_over_points(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    return point_logits(q_points, k_points, gamma) / q_points.shape[-2]


def expanded(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    """‖q‖² − 2 q·k + ‖k‖²: the same in mathematics; in numbers a small difference of large ones."""
    q, k = q_points.flatten(-2), k_points.flatten(-2)
    squares = q.square().sum(-1)[..., :, None] + k.square().sum(-1)[..., None, :]
    return -0.5 * gamma[:, None, None] * point_weight(q_points.shape[-2]) * (squares - 2 * q @ k.mT)


@bug(
    "attention.point_logits",
    wrong="‖q‖² − 2 q·k + ‖k‖² on uncentred coordinates: far from the origin, small differences of large numbers",
    symptom="in float32 invariance is lost with the square of the distance from the origin",
    seen=f"{seen.FLASH}, {seen.JULIA}",
)
def square_expanded_far_away(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    return expanded(q_points, k_points, gamma)


@bug(
    "attention.point_logits",
    wrong="the expanded square in bfloat16: eight bits of precision for a small difference of large numbers",
    symptom="at a shift of 100 (in units of 10 Å) the logits are 150 % off; in float16, 31 %",
    seen=f"{seen.FLASH}, {seen.JULIA}",
)
def square_expanded_in_half_precision(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    half = (x.to(torch.bfloat16) for x in (q_points, k_points, gamma))
    return expanded(*half).to(q_points.dtype)


# --- the softmax ------------------------------------------------------------------------------------------------------


@bug(
    "attention.attention_weights",
    wrong="softmax over the queries i: what is given to a key adds up to one, not what a query receives",
    symptom="rows do not add up to one",
    seen=seen.INVITED,
)
def softmax_over_queries(logits: Tensor) -> Tensor:
    return logits.softmax(dim=-2)


@bug(
    "attention.attention_weights",
    wrong="softmax over the heads: one axis too far to the left",
    symptom="rows do not add up to one; a single head gives everybody a weight of one",
    seen=seen.INVITED,
)
def softmax_over_heads(logits: Tensor) -> Tensor:
    return logits.softmax(dim=-3)
