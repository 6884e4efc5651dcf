"""Lesson 03: scalar attention in four functions."""

import math

import torch
from torch.nn.functional import softmax

from .answer import Exercise

# --- 03.1 -----------------------------------------------------------------------------------------------------------
deal = Exercise("03.1", "check_keys_and_values")


def by_heads(x, heads):
    """(*, L, H·n) → (*, H, L, n), head-major."""
    return x.unflatten(-1, (heads, -1)).movedim(-2, -3)


def cut(x, at):
    return x[..., :at], x[..., at:]


deal.wrong(
    "all keys first, then all values",
    "In this row each head has its key and its value side by side; here the keys of all heads came first.",
    lambda x, heads, c: tuple(by_heads(part, heads) for part in cut(x, heads * c)),
)
deal.wrong(
    "value first",
    "The key comes first, then the value.",
    lambda x, heads, c: cut(by_heads(x, heads), x.shape[-1] // heads - c)[::-1],
)
deal.wrong(
    "the other way about", "Keys and values have changed places.", lambda x, heads, c: cut(by_heads(x, heads), c)[::-1]
)
deal.wrong(
    "halves",
    "A key has c numbers and not half of what a head has.",
    lambda x, heads, c: by_heads(x, heads).chunk(2, dim=-1),
)
deal.wrong(
    "key and value as long as a key",
    "A value has a size of its own; the numbers behind it are lost.",
    lambda x, heads, c: (by_heads(x, heads)[..., :c], by_heads(x, heads)[..., c : 2 * c]),
)
deal.wrong(
    "interleaved",
    "The row is read channel by channel; the first block belongs to the first head.",
    lambda x, heads, c: cut(x.unflatten(-1, (-1, heads)).movedim(-1, -3), c),
)
deal.wrong(
    "one reshape",
    "reshape moves no axis: the first head gets the first residues whole.",
    lambda x, heads, c: cut(x.reshape(*x.shape[:-2], heads, x.shape[-2], -1), c),
)
deal.wrong(
    "heads behind residues",
    "Right blocks, and the heads still stand behind the residues.",
    lambda x, heads, c: cut(x.unflatten(-1, (heads, -1)), c),
)
deal.wrong("not split", "One tensor for two.", lambda x, heads, c: by_heads(x, heads))
deal.wrong(
    "cut before the heads",
    "The first c numbers are those of the first head alone.",
    lambda x, heads, c: (x[..., None, :, :c].expand(*x.shape[:-2], heads, -1, -1), by_heads(x, heads)[..., c:]),
)
deal.wrong(
    "the heads backwards",
    "The first block has become the last head.",
    lambda x, heads, c: cut(by_heads(x, heads).flip(-3), c),
)
deal.wrong("always sixteen", "The size of a key is an argument.", lambda x, heads, c: cut(by_heads(x, heads), 16))
deal.wrong(
    "a step in the slices",
    "Every other number is neither key nor value.",
    lambda x, heads, c: (by_heads(x, heads)[..., ::2], by_heads(x, heads)[..., 1::2]),
)
deal.wrong(
    "no batch axes",
    "permute(1, 0, 2) needs exactly three.",
    lambda x, heads, c: cut(x.unflatten(-1, (heads, -1)).permute(1, 0, 2), c),
)
deal.wrong(
    "a new leaf",
    "The numbers are right; the gradient has lost its way.",
    lambda x, heads, c: cut(by_heads(x.detach(), heads), c),
)
deal.right("two indices, one moved, one cut", lambda x, heads, c: cut(by_heads(x, heads), c))
deal.right(
    "chunk and stack",
    lambda x, heads, c: (
        torch.stack([block[..., :c] for block in x.chunk(heads, dim=-1)], dim=-3),
        torch.stack([block[..., c:] for block in x.chunk(heads, dim=-1)], dim=-3),
    ),
)
deal.right(
    "split in two sizes",
    lambda x, heads, c: by_heads(x, heads).split([c, x.shape[-1] // heads - c], dim=-1),
)


# --- 03.2 -----------------------------------------------------------------------------------------------------------
ask = Exercise("03.2", "check_ask")


def asking(gap, width=lambda L: L, shift=1, scale=lambda c: c**0.5):
    """One-hot keys, and queries that point at the key ``step`` further on: ``gap(L, share)`` above the others."""

    def answer(L, step, share):
        c = width(L)
        k = torch.eye(L, c, dtype=torch.float64)
        q = gap(L, share) * scale(c) * k[(torch.arange(L) + shift * step) % L]
        return q, k

    return answer


def needed(L, share):
    return math.log(share * (L - 1) / (1 - share))


ask.wrong(
    "√c forgotten",
    "The logits are divided by √c afterwards: ask √c times as loudly.",
    asking(needed, scale=lambda c: 1),
)
ask.wrong("divided by √c", "Line 7 divides once already; multiply.", asking(needed, scale=lambda c: c**-0.5))
ask.wrong("times c", "The root of c was meant.", asking(needed, scale=lambda c: c))
ask.wrong(
    "the others forgotten", "There are L − 1 others, and each has e⁰ = 1.", asking(lambda L, s: math.log(s / (1 - s)))
)
ask.wrong(
    "L others",
    "Itself is not among the others: L − 1.",
    asking(lambda L, s: math.log(s * L / (1 - s))),
)
ask.wrong("no logarithm", "The logit is what stands in the exponent.", asking(lambda L, s: s * (L - 1) / (1 - s)))
ask.wrong("the share as logit", "A weight of 0.9 is no logit of 0.9.", asking(lambda L, s: s))
ask.wrong("log of the share", "The other keys have weights too: compare with them.", asking(lambda L, s: math.log(s)))
ask.wrong("very loudly", "So nearly all goes to one; the share was given.", asking(lambda L, s: 50.0))
ask.wrong("the other direction", "i + step, and not i − step.", asking(needed, shift=-1))
ask.wrong("oneself", "Everybody asks for itself.", asking(needed, shift=0))
ask.wrong(
    "keys and queries exchanged",
    "Now the key says what it wants, and the query who it is.",
    lambda L, step, share: asking(needed)(L, step, share)[::-1],
)
ask.wrong(
    "roll the wrong way",
    "roll by step moves rows down: row i then holds the key of i − step.",
    lambda L, step, share: (needed(L, share) * L**0.5 * torch.eye(L).roll(step, 0), torch.eye(L)),
)
ask.wrong("the weights", "Queries and keys were asked for.", lambda L, step, share: torch.eye(L).roll(step, 1))
ask.wrong(
    "loud on both sides",
    "The factor counts twice: once in the query, once in the key.",
    lambda L, step, share: tuple(needed(L, share) * L**0.5 * x for x in (torch.eye(L).roll(step, 1), torch.eye(L))),
)


@ask.wrong("the last ones ask for nobody", "The chain is a ring: i + step modulo L.")
def _(L, step, share):
    k = torch.eye(L)
    q = torch.zeros(L, L)
    for i in range(L):
        if 0 <= i + step < L:
            q[i, i + step] = needed(L, share) * L**0.5
    return q, k


ask.wrong(
    "random keys",
    "Random vectors are only nearly perpendicular: the others do not get equal shares.",
    lambda L, step, share: (
        lambda k: (needed(L, share) * 64**0.5 * k.roll(-step, 0) / k.square().sum(-1, keepdim=True).roll(-step, 0), k)
    )(torch.randn(L, 64, generator=torch.Generator().manual_seed(0))),
)
ask.right("one-hot and a roll", asking(needed))
ask.right("wider than needed", asking(needed, width=lambda L: L + 7))
ask.right(
    "the loudness in the keys",
    lambda L, step, share: (
        torch.eye(L).roll(step, 1),
        needed(L, share) * L**0.5 * torch.eye(L),
    ),
)
ask.right(
    "quieter for all others",
    lambda L, step, share: (
        needed(L, share) * L**0.5 * (torch.eye(L).roll(step, 1) - 1.0),
        torch.eye(L),
    ),
)


# --- 03.3 -----------------------------------------------------------------------------------------------------------
survive = Exercise("03.3", "check_attention_weights")

survive.wrong(
    "as it is written", "e⁸⁰⁰ is infinite, and ∞/∞ is NaN.", lambda x: x.exp() / x.exp().sum(dim=-1, keepdim=True)
)
survive.wrong("softmax", "It was to be done without PyTorch's.", lambda x: x.softmax(dim=-1))
survive.wrong(
    "softmax from another shelf", "torch.nn.functional.softmax is PyTorch's too.", lambda x: softmax(x, dim=-1)
)
survive.wrong("log_softmax", "That is softmax by its logarithm.", lambda x: x.log_softmax(dim=-1).exp())


def shifted(title, mistake, shift, divide):
    def attention_weights(logits):
        grown = (logits - shift(logits)).exp()
        return grown / divide(grown)

    survive.wrong(title, mistake, attention_weights)


def row(x):
    return x.amax(dim=-1, keepdim=True)


def row_sum(x):
    return x.sum(dim=-1, keepdim=True)


shifted("one maximum for all", "A row that lies 800 below becomes 0/0.", lambda x: x.max(), row_sum)
shifted(
    "a maximum for each head",
    "A row far below its head's largest becomes 0/0.",
    lambda x: x.amax((-1, -2), True),
    row_sum,
)
shifted(
    "over queries",
    "The keys are the last axis; here columns sum to one.",
    lambda x: x.amax(-2, True),
    lambda x: x.sum(-2, keepdim=True),
)
shifted("over heads", "Heads do not compete.", lambda x: x.amax(-3, True), lambda x: x.sum(-3, keepdim=True))
shifted("the maximum of keys, the sum of queries", "Two different axes.", row, lambda x: x.sum(-2, keepdim=True))
shifted("the sum of everything", "Each row has to add up to one, not the whole table.", row, lambda x: x.sum())
shifted(
    "the mean instead of the largest",
    "What lies 800 above the mean still overflows.",
    lambda x: x.mean(-1, True),
    row_sum,
)
shifted("the smallest", "The largest has to be taken away, not the smallest.", lambda x: x.amin(-1, True), row_sum)
shifted(
    "the sum of squares",
    "Weights add up to one, not their squares.",
    row,
    lambda x: x.square().sum(-1, keepdim=True).sqrt(),
)
shifted("not divided", "The largest weight is one now, and the row adds up to more.", row, lambda x: 1.0)
shifted("divided by the number of keys", "The denominator is the sum, not the count.", row, lambda x: x.shape[-1])
shifted(
    "an ε below",
    "1e-3 in the denominator is not needed, and rows no longer add up to one.",
    row,
    lambda x: row_sum(x) + 1e-3,
)
shifted("dimensions not kept", "(*, H, L) lines up with the keys.", lambda x: x.amax(dim=-1), lambda x: x.sum(-1))
survive.wrong(
    "clamped", "Logits above 50 are all made alike.", lambda x: x.clamp(-50, 50).exp() / row_sum(x.clamp(-50, 50).exp())
)


@survive.wrong("subtracted in place", "-= changes the caller's logits.")
def _(logits):
    logits -= row(logits)
    return logits.exp() / row_sum(logits.exp())


survive.right("logsumexp", lambda x: (x - torch.logsumexp(x, dim=-1, keepdim=True)).exp())


@survive.right("the logarithm of the sum, key by key")
def _(logits):
    total = logits[..., 0]
    for j in range(1, logits.shape[-1]):
        total = torch.logaddexp(total, logits[..., j])
    return torch.exp(logits - total[..., None])


@survive.right("row by row")
def _(logits):
    rows = []
    for r in logits.reshape(-1, logits.shape[-1]):
        e = torch.exp(r - r.max())
        rows.append(e / e.sum())
    return torch.stack(rows).reshape(logits.shape)


# --- 03.4 -----------------------------------------------------------------------------------------------------------
without = Exercise("03.4", "check_without_one")


def others(weights, m):
    """The weights without column m, as they are."""
    keep = torch.arange(weights.shape[-1]) != m
    return weights[..., keep], keep


def dropped(weights, m):
    w = weights.clone()
    w[..., m] = 0
    return w


without.wrong(
    "not made one again", "The weights that are left no longer add up to one.", lambda w, v, m: dropped(w, m) @ v
)
without.wrong("nothing done", "Residue m is still heard.", lambda w, v, m: w @ v)
without.wrong(
    "the row instead of the column",
    "Row m is what m hears; column m is how m is heard.",
    lambda w, v, m: torch.where((torch.arange(w.shape[-1]) == m)[:, None], 0, w) @ v,
)
without.wrong(
    "a value of zero",
    "Silent, and still counted: whoever listened to m hears less.",
    lambda w, v, m: w @ torch.where((torch.arange(v.shape[-2]) == m)[:, None], 0, v),
)
without.wrong(
    "a softmax of the weights",
    "These are weights already: divide by their sum.",
    lambda w, v, m: dropped(w, m).softmax(-1) @ v,
)
without.wrong(
    "divided along the queries",
    "Rows add up to one: the sum runs over the keys.",
    lambda w, v, m: (dropped(w, m) / dropped(w, m).sum(-2, keepdim=True).clamp(min=1e-9)) @ v,
)
without.wrong(
    "taken out of the answer, too",
    "Residue m still listens; only nobody hears it.",
    lambda w, v, m: (lambda rest, keep: (rest / rest.sum(-1, keepdim=True) @ v[..., keep, :])[..., keep, :])(
        *others(w, m)
    ),
)
without.wrong(
    "its share to everybody alike",
    "What m had is dealt out in equal parts; the softmax gives it in proportion.",
    lambda w, v, m: (lambda rest, keep: (rest + w[..., m, None] / rest.shape[-1]) @ v[..., keep, :])(*others(w, m)),
)
without.wrong(
    "subtracted only", "o − a v is right up to a factor.", lambda w, v, m: w @ v - w[..., m, None] * v[..., m, None, :]
)
without.wrong(
    "divided by the weight itself",
    "What is left has the sum 1 − a, and not a.",
    lambda w, v, m: (w @ v - w[..., m, None] * v[..., m, None, :]) / w[..., m, None],
)
without.wrong(
    "multiplied by what is left",
    "Divide by 1 − a: the sum is to be one again.",
    lambda w, v, m: (w @ v - w[..., m, None] * v[..., m, None, :]) * (1 - w[..., m, None]),
)
without.wrong(
    "the answer of m as its value",
    "o_m is what m has heard, v_m what it says.",
    lambda w, v, m: (lambda o: (o - w[..., m, None] * o[..., m, None, :]) / (1 - w[..., m, None]))(w @ v),
)
without.wrong(
    "weights transposed",
    "a_im is how much i listens to m.",
    lambda w, v, m: (lambda o, a: (o - a * v[..., m, None, :]) / (1 - a))(w @ v, w[..., m, :, None]),
)
without.wrong(
    "the first one", "m is an argument.", lambda w, v, m: dropped(w, 0) / dropped(w, 0).sum(-1, keepdim=True) @ v
)
without.wrong(
    "the next one",
    "Residues are counted from 0.",
    lambda w, v, m: dropped(w, m - 1) / dropped(w, m - 1).sum(-1, keepdim=True) @ v,
)


@without.wrong("zeros written into the weights", "The weights belong to the caller.")
def _(w, v, m):
    w[..., m] = 0
    return w / w.sum(-1, keepdim=True) @ v


without.wrong(
    "no way back for the gradient",
    "detach cuts the weights off.",
    lambda w, v, m: dropped(w.detach(), m) / dropped(w.detach(), m).sum(-1, keepdim=True) @ v,
)
without.right("zeroed and divided", lambda w, v, m: dropped(w, m) / dropped(w, m).sum(-1, keepdim=True) @ v)
without.right(
    "taken off and divided",
    lambda w, v, m: (w @ v - w[..., m, None] * v[..., m, None, :]) / (1 - w[..., m, None]),
)
without.right(
    "the others alone",
    lambda w, v, m: (
        lambda rest, keep: torch.einsum("...ij,...jd->...id", rest / rest.sum(-1, keepdim=True), v[..., keep, :])
    )(*others(w, m)),
)
without.right(
    "logarithms and minus infinity",
    lambda w, v, m: torch.where(torch.arange(w.shape[-1]) == m, -math.inf, w.log()).softmax(-1) @ v,
)
