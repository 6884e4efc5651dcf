"""Weights that others trained: their names, their rows and columns, and what their heads do."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ... import igfold
from ...attention import InvariantPointAttention, attention_weights, point_weight, term_weight
from ...quaternion import quaternion_to_rotation
from ...rigid import Rigid
from .draw import Draw
from .engine import Case, Check
from .frames import turned_axes

# --- the table of names ----------------------------------------------------------------------------------------------

PREFIX = "structure_ipa.layers.1.0.attn."
HEADS, DIM, C, C_V, P, P_V = 3, 10, 4, 5, 2, 3  # as unequal as they come
LAYOUT = {  # IgFold's names and shapes, in this size
    "point_weights": (HEADS,),
    "to_out.bias": (DIM,),
    "to_out.weight": (DIM, HEADS * (C_V + 4 * P_V + DIM)),
    "to_pairwise_attn_bias.0.bias": (HEADS,),
    "to_pairwise_attn_bias.0.weight": (HEADS, DIM),
    "to_point_k.weight": (HEADS * P * 3, DIM),
    "to_point_q.weight": (HEADS * P * 3, DIM),
    "to_point_v.weight": (HEADS * P_V * 3, DIM),
    "to_scalar_k.weight": (HEADS * C, DIM),
    "to_scalar_q.weight": (HEADS * C, DIM),
    "to_scalar_v.weight": (HEADS * C_V, DIM),
}


def inputs_and_numbers(d: Draw) -> tuple:
    """s, z, frames, then the tensors of the state, in the order of LAYOUT."""
    return (d.normal(d.L, DIM), d.normal(d.L, d.L, DIM), d.frames(d.L), *(d.alone(*x) for x in LAYOUT.values()))


def surrounded(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As in IgFold's file: other blocks before and after, with tensors of the same names and other numbers."""
    before, after = (
        {name.replace("layers.1", layer): x.flip(0) for name, x in state.items()} for layer in ("layers.0", "layers.2")
    )
    return before | state | after | {"something.else": torch.zeros(2)}


def run_with(load: Callable[[InvariantPointAttention, dict], None]) -> Callable:
    """What a module that ``load`` has filled makes of the inputs."""

    def output(s: Tensor, z: Tensor, T: Rigid, *numbers: Tensor) -> Tensor:
        state = surrounded({PREFIX + name: tensor for name, tensor in zip(LAYOUT, numbers, strict=True)})
        attention = InvariantPointAttention(DIM, HEADS, C, C_V, P, P_V).to(s.dtype)
        load(attention, state)
        with torch.no_grad():
            return attention(s, z, rotations=T.rotations, translations=T.translations)

    return output


def by_renaming(rename: Callable) -> Callable:
    """A learner's function, tensors by IgFold's names and a prefix → tensors by ours, as something that computes."""
    return run_with(lambda attention, state: attention.load_state_dict(rename(state, PREFIX)))


def as_igfold_reads_them(s: Tensor, z: Tensor, T: Rigid, *numbers: Tensor) -> Tensor:
    """The features in IgFold's own order, and its output layer as it is."""
    n = dict(zip(LAYOUT, numbers, strict=True))

    def heads(name: str, *shape: int) -> Tensor:
        return (s @ n[f"{name}.weight"].mT).unflatten(-1, (HEADS, *shape)).movedim(-1 - len(shape), 0)  # (H, *, L, …)

    q, k, v = heads("to_scalar_q", C), heads("to_scalar_k", C), heads("to_scalar_v", C_V)
    local = (heads(f"to_point_{letter}", number, 3) for letter, number in (("q", P), ("k", P), ("v", P_V)))
    q_points, k_points, v_points = (x @ T.rotations.mT + T.translations[..., None, :] for x in local)
    squares = (q_points[..., :, None, :, :] - k_points[..., None, :, :, :]).square().sum((-1, -2))  # (H, *, L, L)
    gamma = n["point_weights"].exp().log1p()[(..., *[None] * (squares.ndim - 1))]
    pair = (z @ n["to_pairwise_attn_bias.0.weight"].mT).movedim(-1, 0)
    logits = (q @ k.mT / math.sqrt(C) + pair - gamma * squares / math.sqrt(18 * P)) / math.sqrt(3)
    a = logits.softmax(-1)
    mean = (a @ v_points.flatten(-2)).unflatten(-1, (P_V, 3)) - T.translations[..., None, :]
    home = mean @ T.rotations  # rows: Rᵀ x
    pairs = torch.einsum("h...ij,...ijc->h...ic", a, z)
    outputs = a @ v, home.flatten(-2), (home.square().sum(-1) + 1e-8).sqrt(), pairs
    features = torch.cat([x.movedim(0, -2).flatten(-2) for x in outputs], dim=-1)
    return features @ n["to_out.weight"].mT + n["to_out.bias"]


def renamed_by_the_package(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    attention = InvariantPointAttention(DIM, HEADS, C, C_V, P, P_V).to(state[f"{prefix}point_weights"].dtype)
    igfold.load_ipa(attention, state, prefix)
    return attention.state_dict()


check_rename = Check(
    "the table of names",
    "igfold.load_ipa",
    inputs_and_numbers,
    as_igfold_reads_them,
    adapt=by_renaming,
    tolerance=1e-7,
    names=("single", "pair", "frames", *LAYOUT),
    sound=renamed_by_the_package,
)


# --- rows and columns ------------------------------------------------------------------------------------------------


def one_step(d: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A quaternion of any length, a place, and the six numbers of an update."""
    return 2 * d.normal(d.L, 4), 3 * d.normal(d.L, 3), d.normal(d.L, 3), d.normal(d.L, 3)


def in_rows(q: Tensor, t: Tensor, bcd: Tensor, push: Tensor) -> Rigid:
    """IgFold's step in its own rows; only then transposed."""
    M, M_U = turned_axes(q), turned_axes(torch.cat([torch.ones_like(bcd[..., :1]), bcd], dim=-1))
    return Rigid((M @ M_U).mT, t + (push[..., None, :] @ M)[..., 0, :])


def step_of_the_package(q: Tensor, t: Tensor, bcd: Tensor, push: Tensor) -> Rigid:
    T = Rigid(quaternion_to_rotation(q).mT, t)
    update = torch.cat([torch.ones_like(bcd[..., :1]), bcd], dim=-1)
    return igfold.update_as_igfold(T, Rigid(quaternion_to_rotation(update), push))


check_step_in_rows = Check(
    "a step in rows, read in columns",
    "quaternion.quaternion_to_rotation",
    one_step,
    in_rows,
    tolerance=1e-7,
    names=("q", "t", "bcd", "push"),
    sound=step_of_the_package,
    by_hand=False,  # the package's functions are at hand here
)

# --- the neighbour head ----------------------------------------------------------------------------------------------


def logits_of_blocks(d: Draw) -> tuple[Tensor]:
    return (3 * d.normal(d.P, d.H, d.L + 1, d.L + 1),)


def one_side_only(d: Draw) -> Case:
    """Block 0, head 1 looks at the one before, block 1, head 0 at both sides and elsewhere."""
    logits = torch.zeros(2, 2, 6, 6, dtype=d.dtype)
    logits[0, 1] += 9 * torch.eye(6).roll(-1, dims=1)
    logits[1, 0] += 2 * (torch.eye(6).roll(-1, dims=1) + torch.eye(6).roll(1, dims=1))
    return Case((logits,), "one head looks at the residue before, one a little at both sides")


def by_counting(logits: Tensor) -> tuple[int, int, float]:
    blocks, heads, L, _ = logits.shape
    shares = {}
    for block in range(blocks):
        for head in range(heads):
            rows = [[math.exp(x) for x in row] for row in logits[block, head].tolist()]
            near = [sum(x for j, x in enumerate(row) if abs(i - j) == 1) / sum(row) for i, row in enumerate(rows)]
            shares[block, head] = sum(near) / L
    best = max(shares, key=shares.__getitem__)
    return *best, shares[best]


def neighbours_by_the_package(logits: Tensor) -> tuple[int, int, float]:
    weights = torch.stack([attention_weights(block) for block in logits])  # (N, H, L, L)
    shares = (weights.diagonal(1, -2, -1).sum(-1) + weights.diagonal(-1, -2, -1).sum(-1)) / weights.shape[-1]
    block, head = divmod(int(shares.argmax()), shares.shape[-1])
    return block, head, shares.max().item()


check_neighbour_head = Check(
    "the neighbour head",
    "attention.attention_weights",
    logits_of_blocks,
    by_counting,
    special=(one_side_only,),
    batches=((),),
    tolerance=1e-7,
    names=("logits",),
    sound=neighbours_by_the_package,
)

# --- how far a head can see ------------------------------------------------------------------------------------------


def gammas(d: Draw) -> tuple[Tensor, int, int]:
    return 0.05 + d.normal(d.H).abs(), d.P, 2 + d.L % 2


def by_the_formula(gamma: Tensor, points: int, terms: int) -> Tensor:
    w_C, w_L = (2 / (9 * points)) ** 0.5, terms**-0.5
    return (2 / (w_L * gamma * w_C * points)).sqrt()


def by_the_packages_constants(gamma: Tensor, points: int, terms: int) -> Tensor:
    return (2 / (term_weight(terms) * gamma * point_weight(points) * points)).sqrt()


check_reach = Check(
    "how far a head can see",
    "attention.point_weight",
    gammas,
    by_the_formula,
    names=("gamma", "points", "terms"),
    sound=by_the_packages_constants,
    by_hand=False,
)
