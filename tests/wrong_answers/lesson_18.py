"""Lesson 18: names, rows and columns, the neighbour head, and how far a head can see."""

import math

import torch

from ipa_tutorial import Rigid
from ipa_tutorial.attention import point_weight, term_weight
from ipa_tutorial.quaternion import quaternion_to_rotation

from .answer import Exercise

# --- 18.1 -----------------------------------------------------------------------------------------------------------
names = Exercise("18.1", "check_rename")


def copied(theirs):
    """The nine that are plain copies."""
    found = {"raw_gamma": theirs["point_weights"], "to_out.bias": theirs["to_out.bias"]}
    found["to_pair_bias.weight"] = theirs["to_pairwise_attn_bias.0.weight"]
    for letter in "qkv":
        found[f"to_{letter}.weight"] = theirs[f"to_scalar_{letter}.weight"]
        found[f"to_{letter}_points.weight"] = theirs[f"to_point_{letter}.weight"]
    return found


def in_our_order(theirs):
    scalars, coordinates = len(theirs["to_scalar_v.weight"]), len(theirs["to_point_v.weight"])
    cut = scalars + coordinates + coordinates // 3
    return torch.cat([theirs["to_out.weight"][:, cut:], theirs["to_out.weight"][:, :cut]], dim=-1)


def answer(out=in_our_order, change=lambda found, theirs: found):
    def our_names(state, prefix):
        theirs = {name.removeprefix(prefix): x for name, x in state.items() if name.startswith(prefix)}
        return change(copied(theirs) | {"to_out.weight": out(theirs)}, theirs)

    return our_names


def before_pairs(scalars, points, norms):
    """Columns as if so many shares of them stood before the pairs."""

    def out(theirs):
        n, c = len(theirs["to_scalar_v.weight"]), len(theirs["to_point_v.weight"])
        cut = scalars * n + points * c + norms * (c // 3)
        return torch.cat([theirs["to_out.weight"][:, cut:], theirs["to_out.weight"][:, :cut]], dim=-1)

    return out


names.wrong(
    "all copied",
    "Their last layer reads the pairs last, ours reads them first.",
    answer(lambda n: n["to_out.weight"]),
)
names.wrong("norms forgotten", "A norm for each point stands before the pairs, too.", answer(before_pairs(1, 1, 0)))
names.wrong("points forgotten", "Their coordinates stand before the pairs, too.", answer(before_pairs(1, 0, 1)))
names.wrong(
    "as many norms as coordinates",
    "A point has three coordinates and one norm.",
    answer(before_pairs(1, 1, 3)),
)
names.wrong(
    "rows for columns",
    "The features are the columns of the last layer; its rows are what comes out.",
    answer(lambda n: n["to_out.weight"].roll(1, 0)),
)
names.wrong(
    "backwards",
    "Scalars, points and norms stay in their order.",
    answer(lambda n: n["to_out.weight"].flip(-1)),
)
names.wrong(
    "IgFold's sizes",
    "The sizes are not given: the shapes tell them.",
    answer(lambda n: torch.cat([n["to_out.weight"][:, 384:], n["to_out.weight"][:, :384]], dim=-1)),
)
names.wrong(
    "queries and keys exchanged",
    "q is q, and k is k.",
    answer(change=lambda f, n: f | {"to_q.weight": n["to_scalar_k.weight"], "to_k.weight": n["to_scalar_q.weight"]}),
)
names.wrong(
    "points of q for k",
    "Each layer has its own.",
    answer(change=lambda f, n: f | {"to_k_points.weight": n["to_point_q.weight"]}),
)
names.wrong(
    "one missing",
    "load_state_dict wants all ten.",
    answer(change=lambda f, n: {name: x for name, x in f.items() if name != "to_out.bias"}),
)
names.wrong(
    "the bias of the pairs kept",
    "Our layer has none: the softmax would divide it out.",
    answer(change=lambda f, n: f | {"to_pair_bias.bias": n["to_pairwise_attn_bias.0.bias"]}),
)
names.wrong(
    "γ through a softplus",
    "Both modules take the softplus by themselves.",
    answer(change=lambda f, n: f | {"raw_gamma": torch.nn.functional.softplus(n["point_weights"])}),
)
names.wrong(
    "their names",
    "Ours were asked for.",
    lambda state, prefix: {k.removeprefix(prefix): v for k, v in state.items()},
)
names.wrong(
    "the prefix kept",
    "Our names have none.",
    answer(change=lambda f, n: {"attn." + k: v for k, v in f.items()}),
)
names.wrong("transposed", "PyTorch's layers all have (out, in).", answer(lambda n: in_our_order(n).mT))
names.right("two slices", answer())


@names.right("split in two")
def _(state, prefix):
    theirs = {name.removeprefix(prefix): x for name, x in state.items() if name.startswith(prefix)}
    out = theirs["to_out.weight"]
    pairs = len(theirs["point_weights"]) * len(theirs["to_out.bias"])
    rest, of_pairs = out.split([out.shape[1] - pairs, pairs], dim=-1)
    return copied(theirs) | {"to_out.weight": torch.cat([of_pairs, rest], dim=-1)}


# --- 18.2 -----------------------------------------------------------------------------------------------------------
step = Exercise("18.2", "check_step_in_rows")


def pose(rotation, push=lambda M, new, u: torch.einsum("...x,...xy->...y", u, M)):
    """The rotation of M and M_U; the push of M, of M_new, and of u."""

    def answer(q, t, bcd, u):
        M, M_U = (quaternion_to_rotation(x) for x in (q, torch.cat([torch.ones_like(bcd[..., :1]), bcd], dim=-1)))
        return Rigid(rotation(M, M_U), t + push(M, M @ M_U, u))

    return answer


step.wrong("never transposed", "apply turns with R.mT, so R is the transposed M_new.", pose(lambda M, U: M @ U))
step.wrong(
    "the factors exchanged",
    "Transposing turns the order around once, not twice.",
    pose(lambda M, U: M.mT @ U.mT),
)
step.wrong("as columns", "U on the other side, and transposed.", pose(lambda M, U: (U @ M).mT))
step.wrong("only M transposed", "All of M_new is transposed.", pose(lambda M, U: M.mT @ U))
step.wrong("only M_U transposed", "All of M_new is transposed.", pose(lambda M, U: M @ U.mT))
step.wrong("no turn", "The step turns, too.", pose(lambda M, U: M.mT))
step.wrong(
    "the push as a column",
    "A row times M is Mᵀ u.",
    pose(lambda M, U: (M @ U).mT, lambda M, new, u: (M @ u[..., None])[..., 0]),
)
step.wrong(
    "pushed by the new matrix",
    "The push uses the matrix from before the step.",
    pose(lambda M, U: (M @ U).mT, lambda M, new, u: torch.einsum("...x,...xy->...y", u, new)),
)
step.wrong(
    "the push not turned",
    "It is spoken in the axes of the residue.",
    pose(lambda M, U: (M @ U).mT, lambda M, new, u: u),
)
step.wrong("no push", "t + uᵀ M.", pose(lambda M, U: (M @ U).mT, lambda M, new, u: 0 * u))
step.wrong(
    "the 1 behind",
    "w stands in front.",
    lambda q, t, bcd, u: Rigid(
        (quaternion_to_rotation(q) @ quaternion_to_rotation(torch.cat([bcd, torch.ones_like(bcd[..., :1])], -1))).mT,
        t + torch.einsum("...x,...xy->...y", u, quaternion_to_rotation(q)),
    ),
)
step.wrong(
    "the update alone",
    "M belongs to the new matrix, too.",
    pose(lambda M, U: U.mT),
)
step.wrong("a pair", "A Rigid was asked for.", lambda q, t, bcd, u: (quaternion_to_rotation(q), t))
step.wrong("backwards", "M_U is inverted.", pose(lambda M, U: U @ M.mT))
step.right("in rows, then transposed", pose(lambda M, U: (M @ U).mT))
step.right(
    "each transposed, in the other order",
    pose(lambda M, U: U.mT @ M.mT, lambda M, new, u: (u[..., None, :] @ M)[..., 0, :]),
)

# --- 18.3 -----------------------------------------------------------------------------------------------------------
head = Exercise("18.3", "check_neighbour_head")


def best(shares):
    block, number = divmod(int(shares.argmax()), shares.shape[1])
    return block, number, shares.max().item()


def near(a, offset):
    return a.diagonal(offset, dim1=-2, dim2=-1).sum(-1)


def share(a):
    return (near(a, 1) + near(a, -1)) / a.shape[-1]


head.wrong("logits for weights", "A softmax over the keys is missing.", lambda x: best(share(x)))
head.wrong("over the queries", "A query shares out its attention among the keys.", lambda x: best(share(x.softmax(-2))))
head.wrong("only the next", "There are two neighbours.", lambda x: best(near(x.softmax(-1), 1) / x.shape[-1]))
head.wrong("only the one before", "There are two neighbours.", lambda x: best(near(x.softmax(-1), -1) / x.shape[-1]))
head.wrong(
    "itself counted",
    "i itself is no neighbour.",
    lambda x: best(share(x.softmax(-1)) + near(x.softmax(-1), 0) / x.shape[-1]),
)
head.wrong(
    "divided by L − 1",
    "The mean runs over all L queries.",
    lambda x: best(share(x.softmax(-1)) * x.shape[-1] / (x.shape[-1] - 1)),
)
head.wrong("a sum", "Divide by L.", lambda x: best(share(x.softmax(-1)) * x.shape[-1]))
head.wrong("halved", "The sum of both was asked for.", lambda x: best(share(x.softmax(-1)) / 2))
head.wrong("head before block", "Block first.", lambda x: (lambda b, h, s: (h, b, s))(*best(share(x.softmax(-1)))))
head.wrong(
    "counted through",
    "One number for block and head together.",
    lambda x: (int(share(x.softmax(-1)).argmax()), 0, share(x.softmax(-1)).max().item()),
)
head.wrong(
    "divided by the blocks",
    "Rows of the table are blocks: divide by the heads.",
    lambda x: (lambda s: (*divmod(int(s.argmax()), s.shape[0]), s.max().item()))(share(x.softmax(-1))),
)
head.wrong(
    "counted from one",
    "Blocks and heads are counted from 0.",
    lambda x: (lambda b, h, s: (b + 1, h + 1, s))(*best(share(x.softmax(-1)))),
)
head.wrong("the smallest", "The largest share.", lambda x: best(-share(x.softmax(-1))))
head.wrong("the first block only", "All blocks are searched.", lambda x: best(share(x[:1].softmax(-1))))
head.wrong(
    "two steps away",
    "j = i ± 1.",
    lambda x: best((near(x.softmax(-1), 2) + near(x.softmax(-1), -2)) / x.shape[-1]),
)
head.right("diagonals", lambda x: best(share(x.softmax(-1))))


@head.right("a mask of neighbours")
def _(logits):
    L = logits.shape[-1]
    steps = (torch.arange(L)[:, None] - torch.arange(L)).abs()
    shares = (logits.softmax(-1) * (steps == 1)).sum((-1, -2)) / L
    block = int(shares.amax(1).argmax())
    return block, int(shares[block].argmax()), float(shares.max())


# --- 18.4 -----------------------------------------------------------------------------------------------------------
far = Exercise("18.4", "check_reach")


def falls(gamma, points, terms):
    """What stands in front of d²."""
    return term_weight(terms) * gamma * point_weight(points) / 2 * points


far.wrong("the ½ forgotten", "Line 7 has a ½.", lambda g, P, n: (2 * falls(g, P, n)).rsqrt())
far.wrong("P forgotten", "There are P pairs to be added.", lambda g, P, n: (falls(g, P, n) / P).rsqrt())
far.wrong(
    "w_L forgotten",
    "w_L stands in front of the bracket.",
    lambda g, P, n: (falls(g, P, n) / term_weight(n)).rsqrt(),
)
far.wrong("w_C forgotten", "w_C = √(2/9P).", lambda g, P, n: (falls(g, P, n) / point_weight(P)).rsqrt())
far.wrong("γ forgotten", "Each head has its γ.", lambda g, P, n: falls(torch.ones_like(g), P, n).rsqrt())
far.wrong("no root", "d² is 1 over it; d is its root.", lambda g, P, n: 1 / falls(g, P, n))
far.wrong("the inverse", "One over the root.", lambda g, P, n: falls(g, P, n).sqrt())
far.wrong("to one half", "1/e and not 1/2.", lambda g, P, n: (math.log(2) / falls(g, P, n)).sqrt())
far.wrong("three terms, always", "terms is an argument.", lambda g, P, n: falls(g, P, 3).rsqrt())
far.wrong("four points, always", "points is an argument.", lambda g, P, n: falls(g, 4, n).rsqrt())
far.wrong("to zero point one", "1/e and not 1/10.", lambda g, P, n: (math.log(10) / falls(g, P, n)).sqrt())
far.wrong(
    "softplus again",
    "γ is positive already.",
    lambda g, P, n: falls(torch.nn.functional.softplus(g), P, n).rsqrt(),
)
far.wrong("in ångström", "The unit of the points was asked for.", lambda g, P, n: 10 * falls(g, P, n).rsqrt())
far.wrong("w_C squared", "w_C stands there once.", lambda g, P, n: (falls(g, P, n) * point_weight(P)).rsqrt())
far.right("one over the root", lambda g, P, n: falls(g, P, n).rsqrt())
far.right("solved for d", lambda g, P, n: (2 / (n**-0.5 * g * math.sqrt(2 / (9 * P)) * P)) ** 0.5)
