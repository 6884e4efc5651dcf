"""Which way a logit pulls its query points: the gradient of the distance term, by hand."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .constants import one_over_the_root_of_the_variance
from .diagnosis.terms import Terms, in_terms
from .draw import Draw
from .engine import Case, Check
from .tree import copy_of
from .watch import calls

AUTOGRAD = {"torch.autograd": torch.autograd.grad, "backward": torch.Tensor.backward, "func": torch.func.grad}


def summed_key_by_key(q_points: Tensor, k_points: Tensor, gamma: Tensor, slopes: Tensor) -> Tensor:
    scale = gamma[:, None, None, None] * one_over_the_root_of_the_variance(q_points.shape[-2])
    total = torch.zeros_like(q_points)
    for j in range(k_points.shape[-3]):
        total = total + slopes[..., j, None, None] * (k_points[..., j, None, :, :] - q_points)
    return scale * total


def query_points_and_slopes(d: Draw) -> tuple[Tensor, ...]:
    q, k = d.normal(d.H, d.L, d.P, 3), d.normal(d.H, d.L, d.P, 3)
    return q, k, d.alone(d.H).exp(), d.normal(d.H, d.L, d.L)


def of_a_softmax(d: Draw) -> Case:
    """The slopes of a cross entropy: rows add up to zero."""
    q, k, gamma, logits = query_points_and_slopes(d)
    return Case((q, k, gamma, logits.softmax(-1) - torch.eye(d.L)), "slopes whose rows add up to zero")


def sums_over_keys(q_points: Tensor, k_points: Tensor, gamma: Tensor, slopes: Tensor) -> dict[str, Terms]:
    w_C = one_over_the_root_of_the_variance(q_points.shape[-2])
    scale = w_C * gamma[:, None, None, None]
    of = lambda g, x: torch.einsum("...ij,...jpx->...ipx", g, x)  # noqa: E731
    row, column = slopes.sum(-1)[..., None, None], slopes.sum(-2)[..., None, None]
    terms = {"γ w_C Σ g_ij k_j": of(slopes, k_points), "γ w_C (Σ g_ij) q_i": row * q_points}
    terms |= {"γ w_C Σ g_ji k_j": of(slopes.mT, k_points), "γ w_C (Σ g_ji) q_i": column * q_points}
    terms |= {"γ w_C q_i": q_points, "γ w_C Σ k_j": of(torch.ones_like(slopes), k_points)}
    terms |= {"γ w_C Σ g_ij q_j": of(slopes, q_points), "γ w_C Σ g_ji q_j": of(slopes.mT, q_points)}
    terms |= {"γ w_C (Σ g_ij) k_i": row * k_points, "γ w_C (Σ g_ji) k_i": column * k_points}
    scaled = {name: scale * x for name, x in terms.items()}
    bare = {name.removeprefix("γ "): w_C * x for name, x in list(terms.items())[:2]}
    return {"": scaled | bare}


def by_hand(function: Callable, cases: list[Case]) -> str | None:
    case = next(case for case in cases if case.residues != 1)
    if calls(function, copy_of(case.arguments), AUTOGRAD) & AUTOGRAD.keys():
        return "the numbers are right, but autograd has found them: to derive them by hand is the exercise"
    return None


def of_queries_or_slopes(q_points: Tensor, k_points: Tensor, gamma: Tensor, slopes: Tensor) -> int:
    return max(q_points.numel(), slopes.numel())


def one_short_of_them(d: Draw) -> Case:
    """So many residues that the differences of one point for all pairs are larger than anything that is needed."""
    q, k = d.alone(2, 12, 3, 3), d.alone(2, 12, 3, 3)
    return Case((q, k, torch.ones(2, dtype=q.dtype), d.alone(2, 12, 12)), "twelve residues")


check_pull_on_queries = Check(
    "which way the distance term pulls its query points",
    "attention.point_logits",
    query_points_and_slopes,
    summed_key_by_key,
    special=(of_a_softmax, one_short_of_them),
    names=("q_points", "k_points", "gamma", "slopes"),
    own=(in_terms(sums_over_keys),),
    sound=summed_key_by_key,
    room=of_queries_or_slopes,
    by_hand=False,
    manner=by_hand,
)
