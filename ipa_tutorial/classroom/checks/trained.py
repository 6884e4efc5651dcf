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
from .diagnosis.evidence import Evidence, Part
from .diagnosis.functions import function_of_the_answer
from .diagnosis.terms import Terms, in_terms
from .draw import Draw
from .engine import Case, Check
from .frames import turned_axes

# --- the table of names ----------------------------------------------------------------------------------------------

PREFIX = "structure_ipa.layers.1.0.attn."
HEADS, DIM, C, C_V, P, P_V = 3, 10, 4, 5, 2, 3  # as unequal as they come
COLUMNS = HEADS * (C_V + 4 * P_V + DIM)  # of the output layer
LAYOUT = {  # IgFold's names and shapes, in this size
    "point_weights": (HEADS,),
    "to_out.bias": (DIM,),
    "to_out.weight": (DIM, COLUMNS),
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
    output = run_with(lambda attention, state: attention.load_state_dict(rename(state, PREFIX)))
    output.rename = rename  # for whoever wants to look at the tensors themselves
    return output


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


def which_tensor(e: Evidence) -> str | None:
    """The first tensor of the renamed state that is missing, too much, or has other numbers."""
    rename = getattr(e.answer, "rename", None)
    state = {PREFIX + name: tensor for name, tensor in zip(LAYOUT, e.arguments[3:], strict=True)}
    state[f"{PREFIX}to_out.weight"] = (1000 * torch.arange(DIM)[:, None] + torch.arange(COLUMNS)).double()  # labels
    try:
        mine, right = rename(surrounded(dict(state)), PREFIX), renamed_by_the_package(dict(state), PREFIX)
    except Exception:
        return None
    for name, x in right.items():
        if name not in mine or mine[name].shape != x.shape:
            return None  # load_state_dict has said so
        if torch.equal(mine[name].double(), x.double()):
            continue
        others = {key: y for key, y in surrounded(state).items() if y.shape == x.shape and torch.equal(y, mine[name])}
        if stranger := next((key for key in others if not key.startswith(PREFIX)), None):
            return f"{name} is that of another module: it was taken from {stranger}, and asked for was {PREFIX}…"
        if f"{PREFIX}{name}" in others:
            return f"{name} is just as it came: its columns have to be put into another order"
        if others:
            return f"{name} was taken from {next(iter(others))}"
        if name == "to_out.weight" and sorted(mine[name][0].tolist()) == sorted(x[0].tolist()):
            k = int((mine[name][0] != x[0]).nonzero()[0])
            return f"{name} has all its columns, but column {k} should be column {int(x[0, k])} of theirs, and yours \
is {int(mine[name][0, k])}: they have scalars, points, norms, pairs, and we have pairs first"
        how = function_of_the_answer(Part(name, mine[name].double(), x.double(), 1e-6))
        return f"{name} has other numbers than it should{': ' if how else ''}{how or ''}"
    return None


check_rename = Check(
    "the table of names",
    "igfold.load_ipa",
    inputs_and_numbers,
    as_igfold_reads_them,
    adapt=by_renaming,
    tolerance=1e-7,
    names=("single", "pair", "frames", *LAYOUT),
    own=(which_tensor,),
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


def products_of_rows(q: Tensor, t: Tensor, bcd: Tensor, push: Tensor) -> dict[str, Terms]:
    M, M_U = turned_axes(q), turned_axes(torch.cat([torch.ones_like(bcd[..., :1]), bcd], dim=-1))
    row = lambda x, M: (x[..., None, :] @ M)[..., 0, :]  # noqa: E731
    rotations = {"(M M_U)ᵀ": (M @ M_U).mT, "M M_U": M @ M_U, "Mᵀ M_Uᵀ": M.mT @ M_U.mT, "M_U M": M_U @ M, "M": M}
    rotations |= {"Mᵀ M_U": M.mT @ M_U, "M M_Uᵀ": M @ M_U.mT, "M_Uᵀ M": M_U.mT @ M, "M_U Mᵀ": M_U @ M.mT, "Mᵀ": M.mT}
    translations = {"t": t, "uᵀ M": row(push, M), "M u": row(push, M.mT), "u": push, "tᵀ M": row(t, M)}
    translations |= {"M t": row(t, M.mT), "uᵀ M_U": row(push, M_U), "M_U u": row(push, M_U.mT)}
    translations |= {"uᵀ M_U M": row(push, M_U @ M), "uᵀ M M_U": row(push, M @ M_U)}
    return {"rotations": rotations, "translations": translations}


check_step_in_rows = Check(
    "a step in rows, read in columns",
    "quaternion.quaternion_to_rotation",
    one_step,
    in_rows,
    tolerance=1e-7,
    names=("q", "t", "bcd", "push"),
    own=(in_terms(products_of_rows),),
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


def which_head(e: Evidence) -> str | None:
    """The number of the best head, divided by something else than the heads; or another head."""
    if len(e.parts) < 3:
        return None
    blocks, heads, L, _ = e.arguments[0].shape
    block, head = (int(part.got) for part in e.parts[:2])
    b, h = (int(part.expected) for part in e.parts[:2])
    number = b * heads + h
    if (block, head) == (b, h):
        return None
    for by, name in ((blocks, "blocks"), (L, "residues")):
        if (block, head) == divmod(number, by):
            return f"the best head is number {number} of all, and you divide that by the number of {name}, {by}: there \
are {heads} heads in a block"
    if (block, head) in ((h, b), (number, number), (0, number)):
        return f"the best head is number {number} of all: divided by {heads} heads that is block {b}, and head {h} is \
left over"
    if (block, head) in ((b + 1, h + 1), (b, h + 1), (b + 1, h)):
        return "blocks and heads are counted from 0"
    return of_another_share(e)


def of_another_share(e: Evidence) -> str | None:
    """The head that was found is the best in another sense: its share says in which."""
    logits, (block, head, share) = e.arguments[0].double(), (part.got.item() for part in e.parts)
    near = lambda a, k: a.diagonal(k, -2, -1).sum(-1) / a.shape[-1]  # noqa: E731
    a = logits.softmax(-1)
    both = near(a, 1) + near(a, -1)
    tables = {
        "most at the residue after": near(a, 1),
        "most at the residue before": near(a, -1),
        "most at itself": near(a, 0),
        "most at itself and both neighbours": both + near(a, 0),
        "most at those two steps away": near(a, 2) + near(a, -2),
        "most at the better one of its neighbours": torch.maximum(near(a, 1), near(a, -1)),
        "least at both neighbours": -both,
        "most at both neighbours, in logits and not in weights": near(logits, 1) + near(logits, -1),
        "most at both neighbours among the heads of the first block": both[:1],
    }
    for name, table in tables.items():
        found = divmod(int(table.argmax()), table.shape[-1])
        if found == (block, head) and math.isclose(abs(table.max().item()), abs(share), rel_tol=1e-6):
            return (
                f"the head that you found is the one that looks {name}; asked for is the one that looks most at both \
neighbours, one before and one after, of all blocks"
            )
    return None


check_neighbour_head = Check(
    "the neighbour head",
    "attention.attention_weights",
    logits_of_blocks,
    by_counting,
    special=(one_side_only,),
    batches=((),),
    tolerance=1e-7,
    names=("logits",),
    results=("block", "head", "share"),
    own=(which_head,),
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
