"""Lesson 03 from the other side: two projections in one row, a head that asks for somebody, and one voice less."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ... import attention
from . import words
from .diagnosis.evidence import Evidence
from .diagnosis.labels import labelled_row, where_labels_arrive
from .diagnosis.terms import in_terms
from .engine import Case, Check

# --- keys and values in one row --------------------------------------------------------------------------------------


def cut_key_by_key(x: Tensor, heads: int, key_dim: int) -> tuple[Tensor, Tensor]:
    of_head = x.shape[-1] // heads
    starts = range(0, x.shape[-1], of_head)
    keys = [x[..., start : start + key_dim] for start in starts]
    values = [x[..., start + key_dim : start + of_head] for start in starts]
    return torch.stack(keys, dim=-3), torch.stack(values, dim=-3)


def cut_by_the_package(x: Tensor, heads: int, key_dim: int) -> tuple[Tensor, Tensor]:
    of_head = attention.split_scalars(x, heads)
    return of_head[..., :key_dim], of_head[..., key_dim:]


check_keys_and_values = Check(
    "keys and values out of one projection",
    "attention.split_scalars",
    lambda d: (d.normal(d.L, d.H * (d.c + d.c_v)), d.H, d.c),
    cut_key_by_key,
    names=("x", "heads", "c"),
    results=("keys", "values"),
    own=(
        where_labels_arrive(
            (labelled_row(10), 2, 2), "a row whose number n of residue i is 100 i + n (10 numbers, 2 heads, c = 2)"
        ),
    ),
    sound=cut_by_the_package,
    by_hand=False,
)

# --- a head that asks for the residue so many steps further on -------------------------------------------------------


def weights_of(function: Callable) -> Callable:
    """What plain attention makes of the queries and keys: the weights, in float64."""

    def weights(L: int, step: int, share: float) -> Tensor:
        pair = function(L, step, share)
        if pair is None or pair is Ellipsis:
            return pair  # nothing has been written yet
        if not isinstance(pair, tuple) or len(pair) != 2 or not all(isinstance(x, Tensor) for x in pair):
            raise TypeError(f"a pair is expected, queries and keys, got {words.kind(pair)}")
        q, k = (x.double() for x in pair)
        if q.ndim != 2 or q.shape != k.shape or len(q) != L:
            raise ValueError(
                f"queries and keys should both be (L, c) with L = {L}, got {tuple(q.shape)} and {tuple(k.shape)}"
            )
        return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)

    return weights


def shares(L: int, step: int, share: float) -> Tensor:
    weights = torch.full((L, L), (1 - share) / (L - 1), dtype=torch.float64)
    weights[torch.arange(L), (torch.arange(L) + step) % L] = share
    return weights


def one_loud_key(L: int, step: int, share: float) -> tuple[Tensor, Tensor]:
    loud = math.sqrt(L) * math.log(share * (L - 1) / (1 - share))
    return loud * torch.eye(L, dtype=torch.float64).roll(step, dims=1), torch.eye(L, dtype=torch.float64)


def who_is_asked(e: Evidence) -> str | None:
    """To whom does each row's largest weight go, and how far is its logit above that of the others?"""
    (L, step, share), weights = e.arguments, e.wrong.got
    rows, asked = torch.arange(L), (torch.arange(L) + step) % L
    target = weights[rows, asked]
    rest = weights[torch.arange(L) != asked[:, None]].view(L, L - 1)
    if (weights.amax(-1) - weights.amin(-1)).max() < 1e-6:
        return "all weights are equal: no query prefers a key"
    if (nobody := (weights.amax(-1) - weights.amin(-1) < 1e-6).nonzero()).numel():
        i = int(nobody[0])
        return f"residue {i} prefers nobody. The chain is a ring: step {step} leads it to residue {int(asked[i])}, \
i + step modulo L = {L}"
    if (target < rest.amin(-1)).all():
        return "the residue that is asked for gets less than all others: its logit is below theirs, and should be above"
    if (other := (weights.argmax(-1) != asked).nonzero()).numel():
        i = int(other[0])
        return f"residue {i} looks at residue {int(weights[i].argmax())}, where it should look at {int(asked[i])} \
(step {step}, L = {L}): the query of i has to agree with the key of i + step"
    if (rest.amax(-1) > 1.01 * rest.amin(-1)).any():
        return "the right residue is asked, but the others do not share the rest in equal parts: give them equal logits"
    gap, wanted = math.log(target[0] / rest[0, 0]), math.log(share * (L - 1) / (1 - share))
    text = f"the right residue is asked and gets {target[0]:.3g} where {share:.3g} was ordered: its logit is {gap:.3g} \
above the others', where {wanted:.3g} is needed"
    return "; ".join([text, *(reason for size, reason in gaps(L, share) if math.isclose(gap, size, rel_tol=1e-5))])


def gaps(L: int, share: float) -> list[tuple[float, str]]:
    """Logits that people take, and why they are not the right ones. One-hot keys have c = L."""
    others, root = share * (L - 1) / (1 - share), math.sqrt(L)
    return [
        (math.log(others) / root, f"that is too little by √c = √{L}, by which the dot products are divided afterwards"),
        (math.log(others) * root, f"that is too much by √c = √{L}"),
        (math.log(others) / L, f"that is too little by c = {L}: the dot products are divided by √c, so multiply by it"),
        (math.log(others) ** 2 * root, "the factor counts twice, in the query and in the key"),
        (math.log(others) ** 2, "it counts twice, in the query and in the key"),
        (math.log(share / (1 - share)), f"that would do against a single other key; there are {L - 1}"),
        (math.log(share * L / (1 - share)), f"that would do against {L} others; itself it is not, so {L - 1}"),
        (others, "that is e to the power which is needed: take the logarithm"),
        (
            share,
            "that is the share itself: a logit stands in the exponent, e to that power is compared with the others'",
        ),
    ]


check_ask = Check(
    "a head that asks for the residue so many steps further on",
    "attention.scalar_logits",
    lambda d: (d.L + 3, 1 + d.P % 3, 0.5 + 0.05 * d.H),
    shares,
    batches=((),),
    special=(
        lambda d: Case((76, 1, 0.9), "ubiquitin's length, the next residue, nine parts in ten"),
        lambda d: Case((10, -3, 0.99), "three residues back"),
    ),
    adapt=weights_of,
    tolerance=1e-5,  # queries in float32 are good enough
    single_precision=False,
    names=("L", "step", "share"),
    own=(who_is_asked,),
    sound=one_loud_key,
    by_hand=False,
)

# --- the answer without one residue ----------------------------------------------------------------------------------


def hidden_before_the_softmax(weights: Tensor, v: Tensor, m: int) -> Tensor:
    left = weights.log().clone()
    left[..., m] = -math.inf
    return torch.einsum("...ij,...jd->...id", left.softmax(-1), v)


def without_by_the_package(weights: Tensor, v: Tensor, m: int) -> Tensor:
    others = torch.where(torch.arange(weights.shape[-1]) == m, 0, weights)
    return attention.attend_scalars(others / others.sum(-1, keepdim=True), v)


def parts_of_what_is_left(weights: Tensor, v: Tensor, m: int) -> dict[str, dict[str, Tensor]]:
    o, a, theirs = weights @ v, weights[..., m, None], v[..., m, None, :]
    b = weights[..., m, :, None]  # the row of m, by mistake
    return {
        "": {
            "o/(1 − a)": o / (1 - a),
            "a v_m/(1 − a)": a * theirs / (1 - a),
            "o": o,
            "a v_m": a * theirs,
            "v_m": theirs.expand_as(o),
            "(1 − a) o": (1 - a) * o,
            "(1 − a) a v_m": (1 - a) * a * theirs,
            "o/a": o / a,
            "a o_m/(1 − a)": a * o[..., m, None, :] / (1 - a),
            "a_mi v_m/(1 − a_mi)": b * theirs / (1 - b),
            "o/(1 − a_mi)": o / (1 - b),
        }
    }


def weights_that_are_used(e: Evidence) -> str | None:
    """Values 1 and 0 make the answer show them: of the identity every weight comes back."""
    L, m = 5, 3
    weights = torch.randn(1, L, L, generator=torch.Generator().manual_seed(0)).double().softmax(-1)
    try:
        used = e.answer(weights.clone(), torch.eye(L, dtype=torch.float64)[None], m)[0].detach()  # (L, L)
    except Exception:
        return None
    shown = "with the identity for v the answer shows the weights that you use"
    if used.shape != (L, L):
        return None
    if used[:, m].abs().max() > 1e-9:
        silent = [j for j in range(L) if used[:, j].abs().max() < 1e-9]
        if silent:
            return f"{shown}: residue m = {m} is still heard, and residue {silent[0]} is not"
        row = used[m].abs().max() < 1e-9
        return f"{shown}: residue m = {m} is still heard; it is its row that is zero" if row else None
    if not torch.allclose(used.sum(-1), torch.ones(L).double()):
        before = f"before it had {weights[0, 0, m]:.3f} for m and {1 - weights[0, 0, m]:.3f} for the others"
        return f"{shown}: nobody hears m any more, but row 0 adds up to {used[0].sum():.3f} and not to 1 ({before})"
    others = torch.arange(L) != m
    ways = {
        "they are a softmax of the weights, which have been through one already": weights[0]
        .where(others, -math.inf)
        .softmax(-1),
        "what m had is dealt out in equal parts, and not in proportion": others
        * (weights[0] + weights[0, :, m, None] / (L - 1)),
    }
    for how, made in ways.items():
        if torch.allclose(used, made):
            return f"{shown}: nobody hears m any more and rows add up to 1, but {how}"
    return f"{shown}: nobody hears m any more and rows add up to 1, but what m had is not dealt out in proportion: \
all other weights of a row should grow by one and the same factor"


def still_heard(e: Evidence) -> str:
    return "residue m is still heard. (A zero before a softmax does not silence it: e⁰ is 1)"


check_without_one = Check(
    "what everybody would have learnt without residue m",
    "attention.attend_scalars",
    lambda d: (d.normal(d.H, d.L + 1, d.L + 1).softmax(-1), d.normal(d.H, d.L + 1, d.c_v), (2 * d.L) // 3),
    hidden_before_the_softmax,
    names=("weights", "v", "m"),
    own=(weights_that_are_used, in_terms(parts_of_what_is_left), still_heard),
    sound=without_by_the_package,
    by_hand=False,
)
