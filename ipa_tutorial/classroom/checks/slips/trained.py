"""Weights that others trained: the columns of the last layer, the neighbour head, and how far a head can see."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ....attention import point_weight, term_weight
from .registry import slip

State = dict[str, Tensor]


# --- the table of names ----------------------------------------------------------------------------------------------


def renamed(state: State, prefix: str, last: Callable[[Tensor, int, int], Tensor]) -> State:
    """All names right; the last layer's weight is what ``last`` makes of it and of the widths of scalars and points."""
    theirs = {name.removeprefix(prefix): x for name, x in state.items() if name.startswith(prefix)}
    found = {"raw_gamma": theirs["point_weights"], "to_out.bias": theirs["to_out.bias"]}
    found["to_pair_bias.weight"] = theirs["to_pairwise_attn_bias.0.weight"]
    for letter in "qkv":
        found[f"to_{letter}.weight"] = theirs[f"to_scalar_{letter}.weight"]
        found[f"to_{letter}_points.weight"] = theirs[f"to_point_{letter}.weight"]
    widths = len(theirs["to_scalar_v.weight"]), len(theirs["to_point_v.weight"])
    return found | {"to_out.weight": last(theirs["to_out.weight"], *widths)}


def turned_round(W: Tensor, cut: int) -> Tensor:
    return torch.cat([W[:, cut:], W[:, :cut]], dim=-1)


@slip(
    "the table of names",
    "the columns of to_out.weight stay as IgFold has them: it reads the pairs last, ours first (a cut at a fixed"
    " number, behind the last column of a smaller layer, moves nothing either)",
)
def pairs_left_last(state: State, prefix: str) -> State:
    return renamed(state, prefix, lambda W, scalars, points: W)


@slip(
    "the table of names",
    "the columns of to_out.weight are cut too early: before the pairs stand scalars, coordinates, and a norm for each"
    " point; the norms are forgotten",
)
def norms_forgotten(state: State, prefix: str) -> State:
    return renamed(state, prefix, lambda W, scalars, points: turned_round(W, scalars + points))


@slip(
    "the table of names",
    "the columns of to_out.weight are cut too early: before the pairs stand scalars, coordinates and norms; the"
    " coordinates of the points are forgotten",
)
def coordinates_forgotten(state: State, prefix: str) -> State:
    return renamed(state, prefix, lambda W, scalars, points: turned_round(W, scalars + points // 3))


@slip(
    "the table of names",
    "the columns of to_out.weight are cut too early, behind the scalars: the points and their norms stand before the"
    " pairs, too",
)
def cut_behind_the_scalars(state: State, prefix: str) -> State:
    return renamed(state, prefix, lambda W, scalars, points: turned_round(W, scalars))


@slip(
    "the table of names",
    "the columns of to_out.weight are cut too late: a point has three coordinates and only one norm",
)
def a_norm_for_each_coordinate(state: State, prefix: str) -> State:
    return renamed(state, prefix, lambda W, scalars, points: turned_round(W, scalars + 2 * points))


@slip(
    "the table of names",
    "the columns of to_out.weight are in reverse: only the pairs go in front, and each output keeps its own order",
)
def columns_in_reverse(state: State, prefix: str) -> State:
    return renamed(state, prefix, lambda W, scalars, points: W.flip(-1))


@slip(
    "the table of names",
    "the rows of to_out.weight are moved: rows are what comes out, and the features that it reads are its columns",
)
def rows_for_columns(state: State, prefix: str) -> State:
    return renamed(state, prefix, lambda W, scalars, points: W.roll(1, 0))


# --- the neighbour head ----------------------------------------------------------------------------------------------


def best_of(a: Tensor, offset: int = 1) -> tuple[int, int, float]:
    shares = (a.diagonal(offset, -2, -1).sum(-1) + a.diagonal(-offset, -2, -1).sum(-1)) / a.shape[-1]
    block, head = divmod(int(shares.argmax()), shares.shape[-1])
    return block, head, shares.max().item()


@slip("the neighbour head", "the logits are added where the weights should be: a softmax over the keys is missing")
def logits_for_weights(logits: Tensor) -> tuple[int, int, float]:
    return best_of(logits)


@slip("the neighbour head", "it looks two residues away: the neighbours of i are i − 1 and i + 1")
def two_steps_away(logits: Tensor) -> tuple[int, int, float]:
    return best_of(logits.softmax(-1), offset=2)


# --- how far a head can see ------------------------------------------------------------------------------------------


def reach(gamma: Tensor, w_C: float, points: int, terms: int) -> Tensor:
    return (2 / (term_weight(terms) * gamma * w_C * points)).sqrt()


@slip("how far a head can see", "w_C = √(2/9P) is missing in front of the sum of squares")
def point_weight_forgotten(gamma: Tensor, points: int, terms: int) -> Tensor:
    return reach(gamma, 1.0, points, terms)


@slip("how far a head can see", "w_C = √(2/9P) is in it twice")
def point_weight_squared(gamma: Tensor, points: int, terms: int) -> Tensor:
    return reach(gamma, point_weight(points) ** 2, points, terms)


@slip("how far a head can see", "it counts on four points, whatever the argument points says")
def four_points_always(gamma: Tensor, points: int, terms: int) -> Tensor:
    return reach(gamma, point_weight(4), 4, terms)
