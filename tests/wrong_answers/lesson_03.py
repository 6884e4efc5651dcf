"""Lesson 03: scalar attention in four functions."""

import math

import torch
from torch.nn.functional import scaled_dot_product_attention, softmax

from .answer import Exercise

# --- 03.1 -----------------------------------------------------------------------------------------------------------
deal = Exercise("03.1", "check_split_scalars")

deal.wrong(
    "one reshape",
    "reshape moves no axis: the first head gets the first residues whole.",
    lambda x, heads: x.reshape(*x.shape[:-2], heads, x.shape[-2], -1),
)
deal.wrong(
    "interleaved",
    "The first c channels belong to the first head; here each head gets every H-th.",
    lambda x, heads: x.unflatten(-1, (-1, heads)).movedim(-1, -3),
)
deal.wrong(
    "slices with a step",
    "x[..., h::H] deals like cards; head-major means blocks.",
    lambda x, heads: torch.stack([x[..., h::heads] for h in range(heads)], dim=-3),
)
deal.wrong(
    "heads behind residues",
    "Right blocks, and the heads still stand behind the residues.",
    lambda x, heads: x.unflatten(-1, (heads, -1)),
)
deal.wrong(
    "stacked in front of the batch",
    "Heads belong before residues and not before the batch.",
    lambda x, heads: torch.stack(x.chunk(heads, dim=-1)),
)
deal.wrong(
    "stacked along axis one",
    "Counted from the front, axis 1 is the right one for one batch axis only.",
    lambda x, heads: torch.stack(x.chunk(heads, dim=-1), dim=1),
)
deal.wrong(
    "transposed in the end",
    "Residues and channels have changed places.",
    lambda x, heads: torch.stack(x.chunk(heads, dim=-1), dim=-3).mT,
)
deal.wrong(
    "blocks of `heads` channels",
    "split takes the size of a block, not their number.",
    lambda x, heads: torch.stack(x.split(heads, dim=-1), dim=-3),
)
deal.wrong(
    "residues cut instead of channels",
    "chunk along -2 deals out residues.",
    lambda x, heads: x.unflatten(-1, (heads, -1)).transpose(-2, -1),
)
deal.wrong(
    "the heads backwards",
    "The first block has become the last head.",
    lambda x, heads: torch.stack(x.chunk(heads, dim=-1)[::-1], dim=-3),
)
deal.wrong("a tuple", "One tensor was asked for.", lambda x, heads: x.chunk(heads, dim=-1))
deal.wrong(
    "no batch axes",
    "permute(1, 0, 2) needs exactly three.",
    lambda x, heads: x.unflatten(-1, (heads, -1)).permute(1, 0, 2),
)
deal.wrong(
    "two heads for all",
    "The number of heads is an argument.",
    lambda x, heads: torch.stack(x.chunk(2, dim=-1), dim=-3),
)
deal.wrong(
    "a new leaf",
    "The numbers are right; the gradient has lost its way.",
    lambda x, heads: torch.stack(x.detach().chunk(heads, dim=-1), dim=-3),
)
deal.right("two indices, one moved", lambda x, heads: x.unflatten(-1, (heads, -1)).movedim(-2, -3))
deal.right(
    "view and transpose", lambda x, heads: x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).transpose(-2, -3)
)


@deal.right("head by head into a new tensor")
def _(x, heads):
    c = x.shape[-1] // heads
    out = x.new_zeros(*x.shape[:-2], heads, x.shape[-2], c)
    for h in range(heads):
        out[..., h, :, :] = x[..., h * c : (h + 1) * c]
    return out


# --- 03.2 -----------------------------------------------------------------------------------------------------------
alike = Exercise("03.2", "check_scalar_logits")

alike.wrong("not divided", "A sum of c products is √c times too loud.", lambda q, k: q @ k.mT)
alike.wrong("divided by c", "The root of c was meant.", lambda q, k: q @ k.mT / q.shape[-1])
alike.wrong(
    "multiplied by the root", "The root makes it quieter, not louder.", lambda q, k: q @ k.mT * math.sqrt(q.shape[-1])
)
alike.wrong(
    "the root of L",
    "c is the last axis of q, and this is the number of residues.",
    lambda q, k: q @ k.mT / math.sqrt(q.shape[-2]),
)
alike.wrong("the root of H", "This is the number of heads.", lambda q, k: q @ k.mT / math.sqrt(q.shape[-3]))
alike.wrong(
    "H times c under the root",
    "c is the number of channels of one head.",
    lambda q, k: q @ k.mT / math.sqrt(q.shape[-1] * q.shape[-3]),
)
alike.wrong("always sixteen", "AlphaFold's c is 16; here it is the last axis of q.", lambda q, k: q @ k.mT / 4)
alike.wrong("keys in the rows", "Query i belongs into the rows.", lambda q, k: k @ q.mT / math.sqrt(q.shape[-1]))
alike.wrong(
    "heads with heads",
    "This compares the heads of one residue.",
    lambda q, k: torch.einsum("...hid,...gid->...hg", q, k) / math.sqrt(q.shape[-1]),
)
alike.wrong(
    "q transposed",
    "Channels with channels: (c, c) is no table of residues.",
    lambda q, k: q.mT @ k / math.sqrt(q.shape[-1]),
)
alike.wrong(
    "entry by entry",
    "Each query was compared with the key of its own residue only.",
    lambda q, k: (q * k).sum(-1, keepdim=True).expand(*q.shape[:-1], q.shape[-2]) / math.sqrt(q.shape[-1]),
)
alike.wrong(
    "cosines",
    "A dot product is not normalised: long queries insist more.",
    lambda q, k: (q / q.norm(dim=-1, keepdim=True)) @ (k / k.norm(dim=-1, keepdim=True)).mT,
)
alike.wrong("softmaxed already", "Logits were asked for.", lambda q, k: (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1))
alike.wrong("queries with queries", "The keys are never looked at.", lambda q, k: q @ q.mT / math.sqrt(q.shape[-1]))
alike.wrong(
    "no batch axes",
    "The letters leave no room for a batch.",
    lambda q, k: torch.einsum("hid,hjd->hij", q, k) / math.sqrt(q.shape[-1]),
)
alike.wrong(
    "in half precision",
    "bfloat16 has three digits.",
    lambda q, k: (q.bfloat16() @ k.bfloat16().mT).to(q.dtype) / math.sqrt(q.shape[-1]),
)


@alike.wrong("queries scaled in place", "/= changes the caller's queries.")
def _(q, k):
    q /= math.sqrt(q.shape[-1])
    return q @ k.mT


alike.right("queries scaled first", lambda q, k: (q * q.size(-1) ** -0.5).matmul(k.transpose(-2, -1)))
alike.right("all products, then a sum", lambda q, k: (q.unsqueeze(-2) * k.unsqueeze(-3)).sum(-1) / k.shape[-1] ** 0.5)
alike.right(
    "key by key",
    lambda q, k: torch.stack([(q * k[..., j : j + 1, :]).sum(-1) for j in range(k.shape[-2])], -1) / q.shape[-1] ** 0.5,
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
collect = Exercise("03.4", "check_attend_scalars")

collect.wrong("weights transposed", "A residue gives instead of receiving.", lambda weights, v: weights.mT @ v)
collect.wrong(
    "transposed, by letters",
    "The sum runs over the first axis of the weights.",
    lambda weights, v: torch.einsum("...ji,...jd->...id", weights, v),
)
collect.wrong(
    "values of oneself", "The value of i was taken in place of those of j.", lambda w, v: w.sum(-1, keepdim=True) * v
)
collect.wrong("a plain mean", "The weights are not used.", lambda w, v: v.mean(-2, keepdim=True).expand_as(v))
collect.wrong(
    "the largest weight only", "All keys have a say.", lambda w, v: v.take_along_dim(w.argmax(-1)[..., None], -2)
)
collect.wrong("divided by L", "The weights add up to one already.", lambda weights, v: weights @ v / weights.shape[-1])
collect.wrong("softmaxed again", "They are weights already.", lambda weights, v: weights.softmax(-1) @ v)
collect.wrong(
    "heads mixed", "Each head has values of its own.", lambda w, v: torch.einsum("...hij,...gjd->...hid", w, v)
)
collect.wrong("heads averaged", "The output of each head was asked for.", lambda w, v: (w @ v).mean(-3))
collect.wrong("result transposed", "(c_v, L) instead of (L, c_v).", lambda weights, v: (weights @ v).mT)
collect.wrong("renormalised over queries", "The rows were right.", lambda w, v: (w / w.sum(-2, keepdim=True)) @ v)
collect.wrong("no batch axes", "The letters leave no room.", lambda w, v: torch.einsum("hij,hjd->hid", w, v))
collect.wrong("weights detached", "Attention cannot learn.", lambda weights, v: weights.detach() @ v)
collect.wrong(
    "through an attention of PyTorch",
    "It takes a softmax of what has had its softmax.",
    lambda w, v: scaled_dot_product_attention(w, torch.eye(w.shape[-1], dtype=w.dtype).expand_as(w), v),
)
collect.wrong("in half precision", "Three digits are left.", lambda w, v: (w.bfloat16() @ v.bfloat16()).to(v.dtype))
collect.right("a matrix product", lambda weights, v: torch.matmul(weights, v))
collect.right("stretched values, added", lambda w, v: (w[..., None] * v[..., None, :, :]).sum(-2))


@collect.right("key by key")
def _(weights, v):
    out = torch.zeros_like(v)
    for j in range(v.shape[-2]):
        out = out + weights[..., :, [j]] * v[..., [j], :]
    return out
