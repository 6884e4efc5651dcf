"""Lesson 07: further answers, written without a look at the checks."""

import torch

from .answer import Exercise

Exercise.all["07.1"].wrong(
    "the first residue's table for all", "Each query has its own table.", lambda a, z: a @ z[..., None, 0, :, :]
)

Exercise.all["07.1"].wrong("the mean over queries' tables", "z_ij.", lambda a, z: a @ z.mean(-3)[..., None, :, :])

Exercise.all["07.2"].wrong(
    "not divided between i and j: t of j",
    "The origin is i's.",
    lambda a, v, T: (
        lambda world: (
            a[..., None, None]
            * torch.einsum(
                "...iwa,...ijpw->...ijpa",
                T.rotations,
                world[..., None, :, :, :] - T.translations[..., None, :, None, :],
            )
        ).sum(-3)
    )(T.apply(v)),
)

Exercise.all["07.2"].wrong(
    "the mean at home without weights",
    "Weights.",
    lambda a, v, T: (
        lambda world: torch.einsum(
            "...iwa,...ijpw->...ijpa", T.rotations, world[..., None, :, :, :] - T.translations[..., :, None, None, :]
        ).mean(-3)
    )(T.apply(v)),
)

Exercise.all["07.3"].wrong("the largest coordinate", "A length.", lambda x, e: x.abs().amax(-1) + 0 * e)

Exercise.all["07.3"].wrong("the square of the length", "Root.", lambda x, e: x.square().sum(-1) + e)

Exercise.all["07.4"].wrong(
    "axes of residues and heads exchanged at the end",
    "(*, H, L, n).",
    lambda f, h, *n: tuple(
        p.unflatten(-1, (h, -1)).movedim(-2, -3).transpose(-1, -2).reshape(*p.shape[:-2], h, p.shape[-2], -1)
        for p in f.split([h * k for k in n], -1)
    ),
)


def pairs_plain_product(weights, pairwise_repr):
    return (weights[..., None] * pairwise_repr[..., None, :, :, :]).sum(dim=-2)


Exercise.all["07.1"].wrong(
    "plain product with axes of one",
    "No matrix product: the plain product holds H L² c_z numbers, which the statement wanted to avoid.",
    pairs_plain_product,
)


def pairs_reshaped_back(weights, pairwise_repr):
    out = weights.transpose(-3, -2) @ pairwise_repr
    return out.reshape(*weights.shape[:-1], pairwise_repr.shape[-1])


Exercise.all["07.1"].wrong(
    "reshape on the way out",
    "The result (L, H, c) is reshaped to (H, L, c), which moves no axis and mixes heads with queries.",
    pairs_reshaped_back,
)


def pairs_query_by_query(weights, pairwise_repr):
    rows = [weights[..., i, :] @ pairwise_repr[..., i, :, :] for i in range(weights.shape[-1])]
    return torch.stack(rows, dim=-2)


Exercise.all["07.1"].right("one matrix product for each query", pairs_query_by_query)


def home_summed_over_queries(weights, v_points, frames):
    world = frames.apply(v_points)
    home = frames[..., :, None].invert_apply(world[..., None, :, :, :])
    return (weights[..., None, None] * home).sum(-4)


Exercise.all["07.2"].wrong(
    "summed over i, not j", "The sum runs over the queries (axis −4) in place of the keys.", home_summed_over_queries
)


def home_axes_of_j(weights, v_points, frames):
    world = frames.apply(v_points)
    arrows = world[..., None, :, :, :] - frames.translations[..., :, None, None, :]
    home = torch.einsum("...jwa,...ijpw->...ijpa", frames.rotations, arrows)
    return (weights[..., None, None] * home).sum(-3)


Exercise.all["07.2"].wrong(
    "origin of i, axes of j",
    "The arrows begin at residue i and are then read in the axes of residue j.",
    home_axes_of_j,
)


def home_by_relative_frames(weights, v_points, frames):
    seen = frames[..., :, None].inverse() @ frames[..., None, :]  # (*, 1, L, L)
    return (weights[..., None, None] * seen.apply(v_points[..., None, :, :, :])).sum(-3)


Exercise.all["07.2"].right("relative frames carry the points", home_by_relative_frames)

Exercise.all["07.3"].wrong(
    "epsilon squared under the root",
    "ε is squared, as if it were a length; it is in nm² already.",
    lambda points, eps: (points.square().sum(-1) + eps**2).sqrt(),
)

Exercise.all["07.3"].wrong(
    "square clamped from below at epsilon",
    "The squared length is clamped at ε in place of having ε added: longer points lack it.",
    lambda points, eps: points.square().sum(-1).clamp(min=eps).sqrt(),
)


def apart_equal_chunks(features, heads, *sizes):
    return tuple(part.unflatten(-1, (heads, -1)).movedim(-2, -3) for part in features.chunk(len(sizes), dim=-1))


Exercise.all["07.4"].wrong(
    "row cut into equal parts",
    "The row is cut into equally long parts, as if all outputs had one size.",
    apart_equal_chunks,
)


def apart_heads_fastest(features, heads, *sizes):
    parts = features.split([heads * n for n in sizes], dim=-1)
    return tuple(part.unflatten(-1, (n, heads)).movedim(-1, -3) for part, n in zip(parts, sizes, strict=True))


Exercise.all["07.4"].wrong(
    "within an output, heads interleaved",
    "Within an output the head is read as the fastest index: every H-th number in place of neighbouring blocks.",
    apart_heads_fastest,
)


def apart_by_columns(features, heads, *sizes):
    found, start = [], 0
    for n in sizes:
        columns = start + n * torch.arange(heads)[:, None] + torch.arange(n)
        found.append(features[..., columns].transpose(-2, -3))
        start += heads * n
    return tuple(found)


Exercise.all["07.4"].right("columns counted out by hand", apart_by_columns)
