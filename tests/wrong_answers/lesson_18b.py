"""Lesson 18: further answers, written without a look at the checks."""

import torch

from ipa_tutorial import Rigid
from ipa_tutorial.attention import point_weight, term_weight
from ipa_tutorial.quaternion import quaternion_multiply, quaternion_to_rotation

from .answer import Exercise


def names_norms_forgotten(state, prefix):

    def get(name):
        return state[prefix + name]

    ours = {f"to_{x}.weight": get(f"to_scalar_{x}.weight") for x in "qkv"}
    ours |= {f"to_{x}_points.weight": get(f"to_point_{x}.weight") for x in "qkv"}
    ours["to_pair_bias.weight"] = get("to_pairwise_attn_bias.0.weight")
    ours["raw_gamma"] = get("point_weights")
    w = get("to_out.weight")
    cut = ours["to_v.weight"].shape[0] + ours["to_v_points.weight"].shape[0]
    ours["to_out.weight"] = torch.cat([w[:, cut:], w[:, :cut]], dim=1)
    ours["to_out.bias"] = get("to_out.bias")
    return ours


Exercise.all["18.1"].wrong(
    "norms left out of the count",
    (
        "The columns before the pairs are counted without the norms, so the cut comes too early and norms are read as "
        "pairs."
    ),
    names_norms_forgotten,
)

TABLE = {
    "to_pairwise_attn_bias.0.weight": "to_pair_bias.weight",
    "point_weights": "raw_gamma",
    "to_out.bias": "to_out.bias",
}

TABLE |= {f"to_scalar_{x}.weight": f"to_{x}.weight" for x in "qkv"}

TABLE |= {f"to_point_{x}.weight": f"to_{x}_points.weight" for x in "qkv"}


def names_any_prefix(state, prefix):
    ours = {}
    for name, tensor in state.items():
        for theirs, mine in TABLE.items():
            if name.endswith("." + theirs):
                ours[mine] = tensor
        if name.endswith(".to_out.weight"):
            out = tensor
    H, dim = ours["to_pair_bias.weight"].shape
    ours["to_out.weight"] = torch.cat([out[:, -H * dim :], out[:, : -H * dim]], dim=-1)
    return ours


Exercise.all["18.1"].wrong(
    "prefix ignored, endings matched",
    "The prefix is never used: tensors of other modules with the same endings overwrite those asked for.",
    names_any_prefix,
)


def names_split_from_the_right(state, prefix):
    ours = {mine: state[prefix + theirs].clone() for theirs, mine in TABLE.items()}
    H, pair_dim = ours["to_pair_bias.weight"].shape
    ours["to_out.weight"] = state[prefix + "to_out.weight"].roll(H * pair_dim, dims=1)
    return ours


Exercise.all["18.1"].right("columns rolled round to the front", names_split_from_the_right)


def _matrices(q, bcd):
    return quaternion_to_rotation(q), quaternion_to_rotation(torch.cat([torch.ones_like(bcd[..., :1]), bcd], -1))


def pose_push_as_column(q, t, bcd, push):
    M, M_U = _matrices(q, bcd)
    return Rigid((M @ M_U).mT, t + (M @ push[..., None])[..., 0])


Exercise.all["18.2"].wrong(
    "push turned as a column", "The push is multiplied as a column, M u, in place of a row, uᵀ M.", pose_push_as_column
)


def pose_order_kept(q, t, bcd, push):
    M, M_U = _matrices(q, bcd)
    return Rigid(M.mT @ M_U.mT, t + (push[..., None, :] @ M)[..., 0, :])


Exercise.all["18.2"].wrong(
    "factors transposed, order kept",
    "Each matrix is transposed and their order is kept; the transpose of a product turns the order around.",
    pose_order_kept,
)


def pose_by_conjugates(q, t, bcd, push):
    u = torch.cat([torch.ones_like(bcd[..., :1]), bcd], -1)
    sign = torch.tensor([1.0, -1, -1, -1], dtype=q.dtype)
    back = quaternion_multiply(u * sign, q * sign)  # the conjugate of q u
    return Rigid(quaternion_to_rotation(back), Rigid(quaternion_to_rotation(q), t * 0).invert_apply(push) + t)


Exercise.all["18.2"].right("conjugate quaternions multiplied backwards", pose_by_conjugates)


def neighbours_divmod_by_blocks(logits):
    a = logits.softmax(-1)
    share = (a.diagonal(1, -2, -1).sum(-1) + a.diagonal(-1, -2, -1).sum(-1)) / a.shape[-1]
    block, head = divmod(share.argmax().item(), share.shape[0])
    return block, head, share.max().item()


Exercise.all["18.3"].wrong(
    "divided by blocks, not heads",
    "The number of the maximum is divided by the number of blocks in place of heads, so block and head are wrong.",
    neighbours_divmod_by_blocks,
)


def neighbours_mean_of_diagonals(logits):
    a = logits.softmax(-1)
    share = a.diagonal(1, dim1=-2, dim2=-1).mean(-1) + a.diagonal(-1, dim1=-2, dim2=-1).mean(-1)
    block, head = divmod(share.argmax().item(), share.shape[1])
    return block, head, share.max().item()


Exercise.all["18.3"].wrong(
    "diagonals averaged over L−1",
    "Each diagonal is averaged over its L − 1 entries in place of being divided by L: the share is too large.",
    neighbours_mean_of_diagonals,
)


def neighbours_by_a_mask(logits):
    L = logits.shape[-1]
    steps = torch.arange(L)[:, None] - torch.arange(L)
    table = (logits.softmax(-1) * (steps.abs() == 1)).sum(-1).mean(-1)
    block, head = torch.unravel_index(table.argmax(), table.shape)
    return int(block), int(head), float(table[block, head])


Exercise.all["18.3"].right("mask of steps of one", neighbours_by_a_mask)

Exercise.all["18.4"].wrong(
    "always three terms",
    "w_L is that of three terms whatever the argument says.",
    lambda gamma, points, terms: (term_weight(3) * gamma * point_weight(points) / 2 * points).rsqrt(),
)

Exercise.all["18.4"].wrong(
    "standard deviation of the bell",
    "The σ of the bell, e^(−d²/2σ²), is returned, which is shorter by √2 than the distance at which it is 1/e.",
    lambda gamma, points, terms: (term_weight(terms) * gamma * point_weight(points) * points).rsqrt(),
)
