"""Lesson 07: a length that can be trained, and all outputs side by side."""

import torch

from ipa_tutorial import attention

from .answer import Exercise

# --- 07.3 -----------------------------------------------------------------------------------------------------------
length = Exercise("07.3", "check_point_norms")

length.wrong(
    "ε outside", "It changes the value and leaves the infinite slope.", lambda points, eps: points.norm(dim=-1) + eps
)
length.wrong("no ε", "At the origin the gradient is NaN.", lambda points, eps: points.norm(dim=-1))
length.wrong("vector_norm", "It knows nothing of ε.", lambda points, eps: torch.linalg.vector_norm(points, dim=-1))
length.wrong(
    "ε for each coordinate", "It comes three times then.", lambda points, eps: (points.square() + eps).sum(-1).sqrt()
)
length.wrong(
    "ε added to the points", "A point is moved before it is measured.", lambda x, eps: (x + eps).square().sum(-1).sqrt()
)
length.wrong("ε squared", "eps is in nm² already.", lambda points, eps: (points.square().sum(-1) + eps**2).sqrt())
length.wrong(
    "its root under the root",
    "√ε is a length; ε belongs under the root.",
    lambda x, eps: (x.square().sum(-1) + eps**0.5).sqrt(),
)
length.wrong(
    "an ε of one's own", "The argument eps is never looked at.", lambda x, eps: (x.square().sum(-1) + 1e-8).sqrt()
)
length.wrong("no root", "The squared length has other units.", lambda points, eps: points.square().sum(-1) + eps)
length.wrong("a mean of squares", "x² + y² + z² is a sum.", lambda points, eps: (points.square().mean(-1) + eps).sqrt())
length.wrong("sum of absolute values", "That is another norm.", lambda points, eps: points.abs().sum(-1) + eps)
length.wrong(
    "over the points",
    "The axis of x, y and z is the last one.",
    lambda points, eps: (points.square().sum(-2) + eps).sqrt(),
)
length.wrong(
    "an axis kept", "The last axis was to disappear.", lambda x, eps: (x.square().sum(-1, keepdim=True) + eps).sqrt()
)
length.wrong(
    "clamped",
    "At the origin the slope is cut to zero, and elsewhere ε is missing.",
    lambda x, eps: x.square().sum(-1).clamp(min=eps).sqrt(),
)
length.wrong("two coordinates", "z has been left out.", lambda x, eps: (x[..., :2].square().sum(-1) + eps).sqrt())
length.wrong(
    "the sum squared", "Square each coordinate before you add.", lambda x, eps: (x.sum(-1).square() + eps).sqrt()
)
length.wrong(
    "NaN made zero", "The value was never NaN; its gradient is.", lambda x, eps: x.norm(dim=-1).nan_to_num() + 0 * eps
)
length.wrong(
    "ε subtracted again", "The length of zero must be √ε.", lambda x, eps: (x.square().sum(-1) + eps).sqrt() - eps**0.5
)
length.right("a dot product with itself", lambda x, eps: torch.sqrt(torch.einsum("...x,...x->...", x, x) + eps))
length.right("coordinates apart", lambda x, eps: (x[..., 0] ** 2 + x[..., 1] ** 2 + x[..., 2] ** 2 + eps) ** 0.5)
length.right(
    "a fourth coordinate √ε",
    lambda x, eps: torch.linalg.vector_norm(torch.cat([x, torch.full_like(x[..., :1], eps**0.5)], dim=-1), dim=-1),
)

# --- 07.4 -----------------------------------------------------------------------------------------------------------
apart = Exercise("07.4", "check_take_apart")


def pieces(features, heads, sizes):
    return features.split([heads * n for n in sizes], dim=-1)


def by_heads(piece, heads):
    return piece.unflatten(-1, (heads, -1)).movedim(-2, -3)


apart.wrong(
    "heads outside",
    "The row begins with all heads of the first output, not with all outputs of the first head.",
    lambda f, heads, *sizes: tuple(
        torch.stack([h.split(sizes, -1)[k] for h in f.chunk(heads, -1)], -3) for k in range(len(sizes))
    ),
)
apart.wrong(
    "channels outside",
    "The channels of one head stand side by side, not the heads of one channel.",
    lambda f, heads, *sizes: tuple(p.unflatten(-1, (-1, heads)).movedim(-1, -3) for p in pieces(f, heads, sizes)),
)
apart.wrong(
    "one reshape",
    "reshape moves no axis: the first head gets whole residues.",
    lambda f, heads, *sizes: tuple(p.reshape(*p.shape[:-2], heads, p.shape[-2], -1) for p in pieces(f, heads, sizes)),
)
apart.wrong(
    "not dealt to heads",
    "Each output is to have its heads on an axis of their own.",
    lambda f, heads, *sizes: tuple(pieces(f, heads, sizes)),
)
apart.wrong(
    "heads behind residues",
    "Heads stand in front of the residues.",
    lambda f, heads, *sizes: tuple(p.unflatten(-1, (heads, -1)) for p in pieces(f, heads, sizes)),
)
apart.wrong(
    "sizes of one head",
    "An output of n channels takes H·n places of the row.",
    lambda f, heads, *sizes: tuple(
        f[..., sum(sizes[:k]) : sum(sizes[: k + 1])].unsqueeze(-3).expand(*f.shape[:-2], heads, -1, -1)
        for k in range(len(sizes))
    ),
)
apart.wrong(
    "outputs of equal size",
    "Each output has a size of its own.",
    lambda f, heads, *sizes: tuple(by_heads(p, heads) for p in f.chunk(len(sizes), -1)),
)
apart.wrong(
    "outputs backwards",
    "The first output comes first.",
    lambda f, heads, *sizes: tuple(by_heads(p, heads) for p in pieces(f, heads, sizes[::-1])),
)
apart.wrong(
    "handed back in the other order",
    "The first size belongs to the first result.",
    lambda f, heads, *sizes: tuple(by_heads(p, heads) for p in pieces(f, heads, sizes))[::-1],
)
apart.wrong(
    "heads backwards",
    "The first block of an output is the first head.",
    lambda f, heads, *sizes: tuple(by_heads(p, heads).flip(-3) for p in pieces(f, heads, sizes)),
)
apart.wrong(
    "a list",
    "A tuple was asked for.",
    lambda f, heads, *sizes: [by_heads(p, heads) for p in pieces(f, heads, sizes)],
)
apart.wrong(
    "only the first",
    "All outputs were asked for.",
    lambda f, heads, *sizes: by_heads(pieces(f, heads, sizes)[0], heads),
)
apart.wrong(
    "every output begins at zero",
    "Each begins where the one before it ends.",
    lambda f, heads, *sizes: tuple(by_heads(f[..., : heads * n], heads) for n in sizes),
)
apart.wrong(
    "off by one",
    "The end of a slice is not part of it.",
    lambda f, heads, *sizes: tuple(by_heads(p.roll(1, -1), heads) for p in pieces(f, heads, sizes)),
)
apart.wrong(
    "no batch axes",
    "permute(1, 0, 2) needs exactly three.",
    lambda f, heads, *sizes: tuple(p.unflatten(-1, (heads, -1)).permute(1, 0, 2) for p in pieces(f, heads, sizes)),
)
apart.wrong(
    "four outputs, always",
    "Any number of outputs may come.",
    lambda f, heads, a, b, c, d: tuple(by_heads(p, heads) for p in pieces(f, heads, (a, b, c, d))),
)
apart.wrong(
    "put together",
    "This is line 11 itself, in the other direction.",
    lambda f, heads, *sizes: attention.concatenate_heads(f[..., None, :, :]),
)
apart.wrong(
    "cut off from the gradient",
    "Whoever asks what a head has contributed gets no answer.",
    lambda f, heads, *sizes: tuple(by_heads(p.detach(), heads) for p in pieces(f, heads, sizes)),
)
apart.right("split and unflatten", lambda f, heads, *sizes: tuple(by_heads(p, heads) for p in pieces(f, heads, sizes)))


@apart.right("slices by number")
def _(f, heads, *sizes):
    found, start = [], 0
    for n in sizes:
        of_head = [f[..., start + h * n : start + (h + 1) * n] for h in range(heads)]
        found.append(torch.stack(of_head, dim=-3))
        start += heads * n
    return tuple(found)


apart.right(
    "chunks, stacked",
    lambda f, heads, *sizes: tuple(torch.stack(p.chunk(heads, -1), -3) for p in pieces(f, heads, sizes)),
)
