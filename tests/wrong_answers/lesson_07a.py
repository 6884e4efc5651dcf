"""Lesson 07: the answers from pairs and from points."""

import torch

from ipa_tutorial import Rigid, attention

from .answer import Exercise

# --- 07.1 -----------------------------------------------------------------------------------------------------------
pairs = Exercise("07.1", "check_attend_pairs")

pairs.wrong(
    "einsum",
    "Right numbers, and the statement wants @ and no einsum.",
    lambda a, z: torch.einsum("...hij,...ijc->...hic", a, z),
)
pairs.wrong("the package's function", "It was to be written.", lambda a, z: attention.attend_pairs(a, z))
pairs.wrong(
    "a plain product",
    "Right numbers, but H L² c_z of them are held at once.",
    lambda a, z: (a[..., None] * z[..., None, :, :, :]).sum(-2),
)
pairs.wrong(
    "heads left where they are",
    "The first axis of z became a batch of heads: loud, or silent where H = L.",
    lambda a, z: a @ z,
)
pairs.wrong(
    "z_ji",
    "That is what the others think of i.",
    lambda a, z: (a.transpose(-3, -2) @ z.transpose(-3, -2)).transpose(-3, -2),
)
pairs.wrong(
    "weights of j",
    "The weights were transposed: i gives instead of receiving.",
    lambda a, z: (a.mT.transpose(-3, -2) @ z).transpose(-3, -2),
)
pairs.wrong("not put in order again", "Heads belong in front of queries.", lambda a, z: a.transpose(-3, -2) @ z)
pairs.wrong(
    "the row of the first query for all",
    "Each query has a table of its own.",
    lambda a, z: a @ z[..., None, 0, :, :],
)
pairs.wrong(
    "the table averaged over queries",
    "z_ij belongs to i as well as to j.",
    lambda a, z: a @ z.mean(-3)[..., None, :, :],
)
pairs.wrong("a mean over keys", "The weights are not used.", lambda a, z: z.mean(-2)[..., None, :, :] + 0 * a[..., :1])
pairs.wrong(
    "divided by L",
    "The weights add up to one already.",
    lambda a, z: (a.transpose(-3, -2) @ z).transpose(-3, -2) / a.shape[-1],
)
pairs.wrong(
    "axes by number",
    "transpose(0, 1) means heads and queries only without a batch.",
    lambda a, z: (a.transpose(0, 1) @ z).transpose(0, 1),
)
pairs.wrong(
    "one batch axis, always",
    "transpose(1, 2) counts from the front.",
    lambda a, z: (a.transpose(1, 2) @ z).transpose(1, 2),
)
pairs.wrong(
    "reshaped instead of moved",
    "reshape cuts the row of numbers anew.",
    lambda a, z: (a.reshape(*a.shape[:-3], a.shape[-2], a.shape[-3], a.shape[-1]) @ z).transpose(-3, -2),
)
pairs.wrong(
    "summed over queries",
    "The sum runs over keys.",
    lambda a, z: (a.permute(*range(a.ndim - 3), -1, -3, -2) @ z.transpose(-2, -3)).transpose(-3, -2),
)
pairs.wrong(
    "in half precision",
    "bfloat16 keeps three digits.",
    lambda a, z: (a.bfloat16().transpose(-3, -2) @ z.bfloat16()).transpose(-3, -2).to(z.dtype),
)
pairs.right("transpose", lambda a, z: torch.matmul(a.transpose(-2, -3), z).transpose(-2, -3))
pairs.right(
    "query by query",
    lambda a, z: torch.stack([a[..., i, :] @ z[..., i, :, :] for i in range(z.shape[-3])], dim=-2),
)
pairs.right(
    "head by head",
    lambda a, z: torch.stack([(a[..., h, :, None, :] @ z)[..., 0, :] for h in range(a.shape[-3])], dim=-3),
)

# --- 07.2 -----------------------------------------------------------------------------------------------------------
points = Exercise("07.2", "check_attend_points")


def per_pair(weights, v_points, out, home):
    """Every point carried out by ``out``, brought home for each pair by ``home``, then the mean."""
    world = out(v_points)  # (*, H, L, P, 3)
    seen = home(world[..., None, :, :, :])  # (*, H, L, L, P, 3)
    return (weights[..., None, None] * seen).sum(-3)


def for_query(T):
    return T[..., :, None]


points.wrong(
    "frames of j",
    "Each point is back where it began: invariant and blind.",
    lambda a, v, T: per_pair(a, v, T.apply, lambda x: T[..., None, :].invert_apply(x)),
)
points.wrong(
    "left in the world",
    "T_i⁻¹ is missing.",
    lambda a, v, T: torch.einsum("...hij,...hjpx->...hipx", a, T.apply(v)),
)
points.wrong(
    "never carried out",
    "Coordinates of j were taken for coordinates of the world.",
    lambda a, v, T: per_pair(a, v, lambda x: x, for_query(T).invert_apply),
)
points.wrong(
    "out instead of home",
    "T_i was applied, not its inverse.",
    lambda a, v, T: per_pair(a, v, T.apply, for_query(T).apply),
)
points.wrong(
    "home with R",
    "R turns on; Rᵀ turns back.",
    lambda a, v, T: per_pair(a, v, T.apply, for_query(Rigid(T.rotations.mT, T.translations)).invert_apply),
)
points.wrong(
    "home without the translation",
    "The result depends on where the origin of the world is.",
    lambda a, v, T: per_pair(a, v, T.apply, for_query(Rigid(T.rotations, 0 * T.translations)).invert_apply),
)
points.wrong(
    "out without the translation",
    "Only turned: all residues stand at the origin.",
    lambda a, v, T: per_pair(a, v, Rigid(T.rotations, 0 * T.translations).apply, for_query(T).invert_apply),
)
points.wrong(
    "weights transposed",
    "The sum runs over keys, the last axis of the weights.",
    lambda a, v, T: per_pair(a.mT, v, T.apply, for_query(T).invert_apply),
)
points.wrong(
    "a plain mean",
    "The weights are not used.",
    lambda a, v, T: per_pair(torch.full_like(a, 1 / a.shape[-1]), v, T.apply, for_query(T).invert_apply),
)
points.wrong(
    "divided by L",
    "The weights add up to one already.",
    lambda a, v, T: per_pair(a, v, T.apply, for_query(T).invert_apply) / a.shape[-1],
)
points.wrong("in ångström", "nm in, nm out.", lambda a, v, T: 10 * per_pair(a, v, T.apply, for_query(T).invert_apply))
points.wrong(
    "the mean over points, too",
    "Each of the P points has an answer of its own.",
    lambda a, v, T: per_pair(a, v, T.apply, for_query(T).invert_apply).mean(-2, keepdim=True).expand_as(v),
)
points.wrong(
    "summed over queries",
    "After bringing home, the axis −4 is i and −3 is j; this sums over i.",
    lambda a, v, T: (a[..., None, None] * for_query(T).invert_apply(T.apply(v)[..., None, :, :, :])).sum(-4),
)
points.wrong(
    "local means",
    "Values of different frames cannot be averaged as they are.",
    lambda a, v, T: torch.einsum("...hij,...hjpx->...hipx", a, v),
)
points.wrong(
    "frames detached",
    "The gradient with respect to places and orientations is gone.",
    lambda a, v, T: attention.attend_points(a, v, T.detach()),
)


@points.wrong("shifted after the turn", "Rᵀx − t mixes two coordinate systems.")
def _(weights, v_points, frames):
    world = frames.apply(v_points)[..., None, :, :, :]
    turned = torch.einsum("...iwa,...ijpw->...ijpa", frames.rotations, world.expand(*weights.shape, -1, -1))
    return (weights[..., None, None] * (turned - frames.translations[..., :, None, None, :])).sum(-3)


points.right(
    "relative frames",
    lambda a, v, T: (
        a[..., None, None] * (T[..., :, None].inverse() @ T[..., None, :]).apply(v[..., None, :, :, :])
    ).sum(-3),
)


@points.right("query by query")
def _(weights, v_points, frames):
    world, out = frames.apply(v_points), []
    for i in range(weights.shape[-2]):
        home = (world - frames.translations[..., i, None, None, :]) @ frames.rotations[..., i, None, :, :]
        out.append(torch.einsum("...hj,...hjpx->...hpx", weights[..., i, :], home))
    return torch.stack(out, dim=-3)
