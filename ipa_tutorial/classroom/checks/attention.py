"""Lines 1 to 7 of Algorithm 22, one check for each function."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ... import attention
from . import words
from .constants import one_over_the_root_of_the_variance
from .diagnosis.evidence import Evidence, common_factor
from .diagnosis.examples import worked_out
from .diagnosis.square import multiplied_out
from .diagnosis.terms import Terms, in_terms
from .draw import Draw
from .engine import Case, Check

# --- lines 1 to 4: reading projections -------------------------------------------------------------------------------


def scalars_cut_by_hand(x: Tensor, heads: int) -> Tensor:
    c = x.shape[-1] // heads
    return torch.stack([x[..., h * c : (h + 1) * c] for h in range(heads)], dim=-3)


def points_cut_by_hand(x: Tensor, heads: int) -> Tensor:
    P = x.shape[-1] // (3 * heads)
    rows = [[x[..., 3 * (h * P + p) : 3 * (h * P + p) + 3] for p in range(P)] for h in range(heads)]
    return torch.stack([torch.stack(row, dim=-2) for row in rows], dim=-4)


def pair_bias_cut_by_hand(b: Tensor) -> Tensor:
    return torch.stack([b[..., h] for h in range(b.shape[-1])], dim=-3)


check_split_scalars = Check(
    "line 1, a projection cut into heads",
    "attention.split_scalars",
    lambda d: (d.normal(d.L, d.H * d.c), d.H),
    scalars_cut_by_hand,
    special=(lambda d: Case((d.normal(4, 3), 3), "one channel a head"),),
)

check_split_points = Check(
    "lines 2 and 3, a projection read as points",
    "attention.split_points",
    lambda d: (d.normal(d.L, d.H * d.P * 3), d.H),
    points_cut_by_hand,
    special=(
        lambda d: Case((d.normal(4, 6), 2), "one point a head"),
        lambda d: Case((d.normal(4, 54), 2), "nine points a head"),
    ),
)

check_split_pair_bias = Check(
    "line 4, the pair bias with heads in front",
    "attention.split_pair_bias",
    lambda d: (d.normal(d.L, d.L, d.H),),
    pair_bias_cut_by_hand,
    without=("movedim", "moveaxis"),
)

# --- line 7: logits, mask and softmax --------------------------------------------------------------------------------


def scaled_products(q: Tensor, k: Tensor) -> Tensor:
    return (q[..., :, None, :] * k[..., None, :, :]).sum(-1) * q.shape[-1] ** -0.5


def distances_point_by_point(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    P = q_points.shape[-2]
    total = 0
    for p in range(P):
        for x in range(3):
            total = total + (q_points[..., :, None, p, x] - k_points[..., None, :, p, x]) ** 2
    return -gamma.reshape(-1, 1, 1) / 2 * one_over_the_root_of_the_variance(P) * total


def several_in_a_row(d: Draw, length: int) -> Tensor:
    """Which protein each residue belongs to, 0: padding. Those of one protein need not stand side by side."""
    return d.mask(length) * torch.randint(1, 3, (*d.batch, length), generator=d.generator)


def strangers_one_by_one(logits: Tensor, protein: Tensor) -> Tensor:
    out = logits.clone()
    for i in range(protein.shape[-1]):
        for j in range(protein.shape[-1]):
            strange = (protein[..., i] > 0) & (protein[..., j] != protein[..., i])  # (*)
            out[..., i, j] = torch.where(strange[..., None], -math.inf, out[..., i, j])
    return out


def hidden_one_by_one(logits: Tensor, mask: Tensor) -> Tensor:
    """The lesson's mask: a single protein."""
    return strangers_one_by_one(logits, mask.long())


def strangers_by_the_package(logits: Tensor, protein: Tensor) -> Tensor:
    real = protein > 0
    strange = (protein[..., :, None] != protein[..., None, :]) & real[..., :, None] & real[..., None, :]
    return attention.hide_padding(logits, real).masked_fill(strange[..., None, :, :], -math.inf)


def weights_of_real_queries(out: Tensor, logits: Tensor, protein: Tensor) -> Tensor:
    """What the softmax makes of it: the rows of real queries; of the others, only whether they are finite.

    −10⁵ stands for −∞, so that whoever hides the wrong keys is told so, and not of the NaN that comes of it.
    """
    finite = out.softmax(dim=-1).isfinite().all(-1, keepdim=True)
    return torch.where((protein > 0)[..., None, :, None], out.clamp(min=-1e5).softmax(dim=-1), finite.to(out.dtype))


def softmax_by_hand(logits: Tensor) -> Tensor:
    grown = (logits - logits.amax(-1, keepdim=True)).exp()
    return grown / grown.sum(-1, keepdim=True)


check_scalar_logits = Check(
    "line 7, the scalar term",
    "attention.scalar_logits",
    lambda d: (d.normal(d.H, d.L, d.c), d.normal(d.H, d.L, d.c)),
    scaled_products,
)


def of_each_pair(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> dict[str, Terms]:
    """What may be summed in place of squares, or over fewer points."""
    P = q_points.shape[-2]
    d = q_points[..., :, None, :, :] - k_points[..., None, :, :, :]
    square = d.square().sum(-1)
    sums = {"Σ ‖q − k‖²": square.sum(-1), "Σ ‖q − k‖": square.sqrt().sum(-1), "√Σ ‖q − k‖²": square.sum(-1).sqrt()}
    sums |= {"Σ |x_q − x_k| over all coordinates": d.abs().sum((-1, -2)), "Σ (q − k), added up": d.sum((-1, -2))}
    sums |= {"‖q − k‖² of the first point": square[..., 0], "‖q − k‖² of the last point": square[..., -1]}
    sums |= {"‖Σ (q − k)‖²": d.sum(-2).square().sum(-1), "Σ ‖q − k‖⁴": square.square().sum(-1)}
    mixed = q_points[..., :, None, :, None, :] - k_points[..., None, :, None, :, :]
    sums["Σ ‖q_p − k_r‖² of every p with every r"] = mixed.square().sum((-1, -2, -3))
    scale = gamma[:, None, None] * one_over_the_root_of_the_variance(P)
    return {"": {f"γ w_C {name}": scale * x for name, x in sums.items()}}


AWAY = torch.tensor([360.0, -480.0, 800.0])  # nm, 1000 from the origin
FAR = "right near the origin, wrong 1000 nm away: digits are lost where large numbers are subtracted from each other; \
take one and the same point away from all queries and keys of a protein, before anything is squared"


def unless_a_factor(look: Callable[[Evidence], str | None]) -> Callable[[Evidence], str | None]:
    """Others can tell more of a factor of the whole."""
    return lambda e: None if common_factor(e.wrong) else look(e)


def far_away(d: Draw) -> Case:
    q, k = (AWAY + d.alone(2, 5, 4, 3).float() for _ in range(2))
    return Case((q, k, torch.ones(2)), "1000 nm from the origin, float32", rounding=True, moral=FAR)


def many_far_away(d: Draw) -> Case:
    """Beyond 25 residues torch.cdist multiplies out by itself."""
    q, k = (AWAY + d.alone(2, 30, 2, 3).float() for _ in range(2))
    return Case((q, k, torch.ones(2)), "30 residues, 1000 nm from the origin, float32", rounding=True, moral=FAR)


def two_far_apart(d: Draw) -> Case:
    q, k = (d.alone(2, 2, 5, 4, 3).float() for _ in range(2))
    apart = torch.stack([AWAY, -AWAY])[:, None, None, None]
    moral = "right for one protein, wrong for two of a batch that lie 2000 nm apart: each needs a centre of its own"
    return Case((q + apart, k + apart, torch.ones(2)), "two proteins 2000 nm apart", rounding=True, moral=moral)


def of_one_point(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> int:
    """How many numbers the differences of one point have."""
    *lead, L, _, _ = q_points.shape
    return math.prod(lead) * L * L * 3


def of_the_logits(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> int:
    """As many as the logits, or as the long queries where there are more of them."""
    *lead, L, P, _ = q_points.shape
    return math.prod(lead) * L * max(L, 3 * P + 2)


BOTH_ENDS = torch.tensor([[[[0.0, 0, 0], [3, 0, 0]]]], dtype=torch.float64)  # one residue with two points
BETWEEN_POINTS = (
    (
        "two points at 0 and 3 nm, of a query and of a key, γ = 1",
        (BOTH_ENDS, BOTH_ENDS, torch.ones(1).double()),
        [[[0.0]]],
    ),
    (
        "the query's points 0 and 3 nm away from those of the key, γ = 6",
        (BOTH_ENDS, 0 * BOTH_ENDS, 6 * torch.ones(1).double()),
        [[[-9.0]]],
    ),
)

check_point_logits = Check(
    "line 7, the point term",
    "attention.point_logits",
    lambda d: (d.normal(d.H, d.L, d.P, 3), d.normal(d.H, d.L, d.P, 3), d.alone(d.H).exp()),
    distances_point_by_point,
    suspects=("attention.point_weight",),
    special=(far_away, many_far_away, two_far_apart),
    names=("q_points", "k_points", "gamma"),
    own=(multiplied_out, unless_a_factor(in_terms(of_each_pair))),
    examples=(worked_out(*BETWEEN_POINTS),),
    room=of_one_point,
)

check_expanded_logits = replace(
    check_point_logits, title="line 7, the point term as one matrix product", room=of_the_logits
)


def product_of_the_pair(function: Callable) -> Callable:
    """Long queries and long keys, multiplied."""

    def product(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
        pair = function(q_points, k_points, gamma)
        if pair is None or pair is Ellipsis:
            return pair  # nothing has been written yet
        if not isinstance(pair, tuple) or len(pair) != 2 or not all(isinstance(x, Tensor) for x in pair):
            raise TypeError(f"a pair is expected, long queries and long keys, got {words.kind(pair)}")
        long = (*q_points.shape[:-2], 3 * q_points.shape[-2] + 2)
        for name, x in zip(("queries", "keys"), pair, strict=True):
            if x.shape != long:
                raise ValueError(f"the long {name} should have shape {tuple(long)}, got {tuple(x.shape)}")
        return pair[0] @ pair[1].mT

    return product


def one_long_pair(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    scale = gamma[:, None, None] * one_over_the_root_of_the_variance(q_points.shape[-2])
    middle = k_points.mean((-4, -3, -2), keepdim=True)
    q, k = (q_points - middle).flatten(-2), (k_points - middle).flatten(-2)
    for_q, for_k = (-0.5 * x.square().sum(-1, keepdim=True) for x in (q, k))
    one = torch.ones_like(for_q)
    return scale * torch.cat([q, for_q, one], dim=-1), torch.cat([k, one, for_k], dim=-1)


check_one_product = replace(
    check_point_logits,
    title="line 7, the point term as a pair of long queries and long keys",
    adapt=product_of_the_pair,
    room=of_the_logits,
    sound=one_long_pair,
)

check_weighted_sum = Check(
    "line 7, the sum of the terms",
    "attention.weighted_sum",
    lambda d: (0.2 + 0.1 * d.H, *(d.normal(d.H, d.L, d.L) for _ in range({8: 2, 6: 4}.get(d.L, 3)))),
    lambda w_L, *terms: w_L * torch.stack(terms).sum(0),
    names=("w_L", "the first term", "the second term", "the third term", "the fourth term"),
)


def how_much_it_is_lowered(e: Evidence) -> str | None:
    """Padding that is lowered by a number is still heard."""
    logits = torch.zeros(1, 3, 3, dtype=torch.float64)
    try:
        got, first = (e.answer(logits.clone(), torch.tensor(protein))[0, 0] for protein in ([1, 1, 0], [0, 1, 1]))
    except Exception:
        return None
    if got[0].abs().max() < 1e-9 and (first < -1e4).all():
        return "the row of a query that is padding is −∞ everywhere: it has nobody left to look at, and the softmax \
gives NaN"
    if not got[:2].abs().max() < 1e-9 or not -50 < got[2] < 0:
        return None
    return f"padding is lowered by {-got[2]:.3g}: its weight is smaller by a factor of e to that power, and not zero"


def who_is_heard(e: Evidence) -> str | None:
    """Of five residues, two of protein 1, two of protein 2 and one of padding: whom does a real one hear?"""
    protein = torch.tensor([1, 2, 1, 2, 0])
    try:
        out = e.answer(torch.zeros(1, 5, 5, dtype=torch.float64), protein)[0]
    except Exception:
        return None
    told = f"where residues belong to the proteins {protein.tolist()}, 0 for padding, "
    heard, own = out.clamp(min=-1e5).softmax(-1) > 1e-9, protein[:, None] == protein
    if torch.allclose(out.sum(-1), torch.ones(5, dtype=out.dtype)):
        return "every row adds up to one: weights are returned, and logits are asked for"
    if out[4].softmax(-1).isnan().any():
        return f"{told}the row of padding is empty: it may look at nobody, and the softmax makes 0/0 of it, NaN"
    for wrong, words_for_it in ((own & ~heard, "does not hear"), (heard & ~own, "hears")):
        if wrong[:4].any():
            i, j = wrong[:4].nonzero()[0].tolist()
            whose = "of its own protein" if own[i, j] else "of another protein" if protein[j] else "which is padding"
            return f"{told}residue {i} {words_for_it} residue {j}, {whose}"
    return None


check_hide_strangers = Check(
    "several proteins in one row",
    "attention.hide_padding",
    lambda d: (d.normal(d.H, d.L, d.L), several_in_a_row(d, d.L)),
    strangers_one_by_one,
    names=("logits", "protein"),
    view=weights_of_real_queries,
    own=(how_much_it_is_lowered, who_is_heard),
    sound=strangers_by_the_package,
    view_title="after a softmax (in the row of a padded query: 1 if all is finite): ",
    special=(
        lambda d: Case((d.normal(2, 5, 5), torch.ones(5, dtype=torch.long)), "one protein, and no padding"),
        lambda d: Case((d.normal(2, 5, 5), torch.tensor([1, 1, 0, 1, 0])), "one protein and padding"),
        lambda d: Case((d.normal(2, 6, 6), torch.tensor([3, 7, 3, 12, 7, 0])), "proteins 3, 7 and 12"),
        lambda d: Case((d.normal(2, 5, 5).bfloat16(), several_in_a_row(d, 5)), "logits in bfloat16"),
        lambda d: Case((d.normal(2, 5, 5), torch.zeros(5, dtype=torch.long)), "all is padding"),
    ),
)

LARGE = "only where logits are large is it wrong: take the largest logit of each row away from that row first"


def of_other_logits(e: Evidence) -> str | None:
    """Are they the softmax of the logits times a number, as with another base than e?"""
    logits, got = e.arguments[0].double(), e.wrong.got
    if got.shape != logits.shape or not (got > 0).all() or got.shape[-1] < 2:
        return None
    mine, theirs = (x - x.mean(-1, keepdim=True) for x in (got.log(), logits))
    factor = ((mine * theirs).sum() / theirs.square().sum()).item()
    if not torch.allclose(mine, factor * theirs, atol=1e-6) or math.isclose(factor, 1):
        return None
    base = f": {math.exp(factor):.4g} to the power of a logit, where e = 2.718 belongs" if factor > 0 else ""
    return f"the weights of a row are in proportion as if all logits had been multiplied by {factor:.4g}{base}"


check_attention_weights = Check(
    "line 7, the softmax",
    "attention.attention_weights",
    lambda d: (d.normal(d.H, d.L, d.L),),
    softmax_by_hand,
    special=(lambda d: Case((800 * d.normal(2, 5, 5),), "very large logits", forwards=True, moral=LARGE),),
    without=("softmax", "log_softmax", "softmin"),
    own=(of_other_logits,),
)
