"""Lesson 03: further answers, written without a look at the checks."""

import math

import torch

from .answer import Exercise

Exercise.all["03.3"].wrong(
    "divided by the largest",
    "The sum and not the largest.",
    lambda x: (lambda g: g / g.amax(-1, keepdim=True))((x - x.amax(-1, keepdim=True)).exp()),
)

Exercise.all["03.3"].wrong(
    "the smallest taken away",
    "Large ones are still large.",
    lambda x: (lambda g: g / g.sum(-1, keepdim=True))((x - x.amin(-1, keepdim=True)).exp()),
)

Exercise.all["03.3"].wrong(
    "powers of two",
    "e, and not 2.",
    lambda x: (lambda g: g / g.sum(-1, keepdim=True))(torch.exp2(x - x.amax(-1, keepdim=True))),
)

Exercise.all["03.1"].wrong(
    "value cut from the front",
    "The key comes first.",
    lambda x, h, c: (lambda y: (y[..., -c:], y[..., :-c]))(x.unflatten(-1, (h, -1)).movedim(-2, -3)),
)

Exercise.all["03.4"].wrong(
    "columns made one",
    "Rows add up to one.",
    lambda a, v, m: (lambda b: (b / b.sum(-2, keepdim=True).clamp(min=1e-12)) @ v)(
        torch.where(torch.arange(a.shape[-1]) == m, 0, a)
    ),
)


def kv_last_c(x, heads, c):
    of_head = x.unflatten(-1, (heads, -1)).movedim(-2, -3)
    return of_head[..., :c], of_head[..., -c:]


Exercise.all["03.1"].wrong(
    "value is the last c numbers",
    "The value is taken to be the last c numbers of a head, as if it had the size of a key.",
    kv_last_c,
)


def kv_heads_fastest(x, heads, c):
    of_head = x.unflatten(-1, (-1, heads)).movedim(-1, -3)
    return of_head[..., :c], of_head[..., c:]


Exercise.all["03.1"].wrong(
    "heads take turns in the row",
    "The row is read with the head as the fastest index, number by number and not head by head.",
    kv_heads_fastest,
)


def kv_by_numbers(x, heads, c):
    width = x.shape[-1] // heads
    start = torch.arange(heads)[:, None] * width
    keys = x[..., start + torch.arange(c)]  # (*, L, heads, c)
    values = x[..., start + torch.arange(c, width)]
    return keys.transpose(-2, -3), values.transpose(-2, -3)


Exercise.all["03.1"].right("column numbers looked up", kv_by_numbers)


def ask_everybody_counts(L, step, share):
    k = torch.eye(L)
    loud = math.log(share * L / (1 - share))
    return math.sqrt(L) * loud * torch.roll(k, -step, dims=0), k


Exercise.all["03.2"].wrong(
    "rest shared among L and not L−1",
    "The rest is divided by L in place of the L − 1 others, so the share comes out too large.",
    ask_everybody_counts,
)


def ask_no_ring(L, step, share):
    k = torch.eye(L)
    loud = math.log(share * (L - 1) / (1 - share))
    q = torch.diag(torch.ones(max(L - abs(step), 0)), step)[:L, :L]
    return math.sqrt(L) * loud * q, k


Exercise.all["03.2"].wrong(
    "chain that ends at its ends",
    "The chain is not closed to a ring: the residues at the end, whose partner lies beyond it, ask nobody.",
    ask_no_ring,
)


def ask_in_strange_axes(L, step, share):
    c = L + 3
    basis = torch.linalg.qr(torch.randn(c, c, dtype=torch.float64))[0][:L]  # L perpendicular unit rows
    k = basis
    gap = math.log(share) - math.log1p(-share) + math.log(L - 1)
    wanted = torch.tensor([(i + step) % L for i in range(L)])
    return (gap * c**0.5 * k[wanted]).float(), k.float()


Exercise.all["03.2"].right("keys in random perpendicular axes", ask_in_strange_axes)


def without_twice_softmaxed(weights, v, m):
    w = weights.clone()
    w[..., m] = -math.inf
    return w.softmax(-1) @ v


Exercise.all["03.4"].wrong(
    "softmax of the weights once more",
    "The weights are treated as if they were logits: a second softmax is taken over them.",
    without_twice_softmaxed,
)


def without_overwriting(weights, v, m):
    weights[..., m] = 0
    weights /= weights.sum(-1, keepdim=True)
    return weights @ v


Exercise.all["03.4"].wrong(
    "caller's weights set to zero",
    "The weights that were handed in are overwritten: the input is changed.",
    without_overwriting,
)


def without_by_leaving_out(weights, v, m):
    keep = torch.tensor([j for j in range(v.shape[-2]) if j != m])
    left = weights.index_select(-1, keep)
    return (left / left.sum(-1, keepdim=True)) @ v.index_select(-2, keep)


Exercise.all["03.4"].right("column and row cut out", without_by_leaving_out)
