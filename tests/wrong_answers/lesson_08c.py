"""Lesson 08: further answers, written without a look at the checks."""

import math

import torch
from torch.nn.functional import softplus

from ipa_tutorial.attention import (
    attend_pairs,
    attend_points,
    attend_scalars,
    concatenate_heads,
    hide_padding,
    point_norms,
    scalar_logits,
    split_pair_bias,
    split_points,
    split_scalars,
    weighted_sum,
)

from .answer import Exercise

Exercise.all["08.1"].wrong(
    "real keys are hidden",
    "Padding and other proteins are hidden.",
    lambda x, p: torch.where(((p > 0)[..., :, None] & (p > 0)[..., None, :])[..., None, :, :], -math.inf, x),
)

Exercise.all["08.1"].wrong(
    "a penalty of one",
    "−∞ and not −1.",
    lambda x, p: x - (p[..., :, None] != p[..., None, :])[..., None, :, :].to(x.dtype),
)


@Exercise.all["08.2"].wrong("columns not cut", "The pairs lose their rows only, and then the first columns are taken.")
def _(layers, s, z, T, mask=None):
    if mask is None or not mask.any():
        return layers(s, z, rotations=T.rotations, translations=T.translations)
    out = torch.zeros_like(s)
    n = int(mask.sum())
    t = T[mask]
    out[mask] = layers(s[mask], z[mask][:, :n], rotations=t.rotations, translations=t.translations)
    return out


def whole(point=True, bias=1.0, home=True, norms=True, soft=-1, order=0, values="v"):
    def f(layers, s, z, T, mask=None):
        H, T = layers.heads, T[..., None, :]
        q, k, v = (to(s).unflatten(-1, (H, -1)).movedim(-2, -3) for to in (layers.to_q, layers.to_k, layers.to_v))
        qw, kw, vw = (
            T.apply(to(s).unflatten(-1, (H, -1, 3)).movedim(-3, -4))
            for to in (layers.to_q_points, layers.to_k_points, layers.to_v_points)
        )
        b = layers.to_pair_bias(z).movedim(-1, -3)
        far = (
            layers.gamma[:, None, None]
            * math.sqrt(2 / (9 * qw.shape[-2]))
            / 2
            * (qw[..., :, None, :, :] - kw[..., None, :, :, :]).square().sum((-1, -2))
        )
        logits = math.sqrt(1 / 3) * (q @ k.mT / math.sqrt(q.shape[-1]) + bias * b - point * far)
        if mask is not None:
            logits = logits.masked_fill((mask[..., :, None] & ~mask[..., None, :])[..., None, :, :], -math.inf)
        a = logits.softmax(soft)
        p = torch.einsum("...hij,...ijc->...hic", a, z)
        m = torch.einsum("...hij,...hjpx->...hipx", a, vw)
        p3 = T.invert_apply(m) if home else m - T.translations[..., None, :]
        n = ((p3 if norms else m).square().sum(-1) + layers.eps).sqrt()
        o = (p, a @ v, p3.flatten(-2), n)
        return layers.to_out(torch.cat([x.movedim(-3, -2).flatten(-2) for x in o], -1))

    return f


Exercise.all["08.3"].wrong("the bias subtracted", "It is added.", whole(bias=-1.0))

Exercise.all["08.3"].wrong("home without turning", "R^T is missing.", whole(home=False))


def cut_put_back_in_front(layers, s, z, T, mask=None):
    if mask is None or not mask.any():
        return layers(s, z, rotations=T.rotations, translations=T.translations)
    t = T[mask]
    short = layers(s[mask], z[mask][:, mask], rotations=t.rotations, translations=t.translations)
    out = torch.zeros_like(s)
    out[: len(short)] = short
    return out


Exercise.all["08.2"].wrong(
    "results put back in front",
    "The results are written into the first rows in place of the rows they belong to.",
    cut_put_back_in_front,
)


def cut_only_the_result(layers, s, z, T, mask=None):
    out = layers(s, z, rotations=T.rotations, translations=T.translations)
    return out if mask is None else out * mask[..., None]


Exercise.all["08.2"].wrong(
    "computed on all, rows zeroed afterwards",
    "Nothing is cut out: padding takes part in the attention and only its rows of the result are set to zero.",
    cut_only_the_result,
)


def cut_by_numbers(layers, s, z, T, mask=None):
    if mask is None:
        mask = s.new_ones(s.shape[-2], dtype=torch.bool)
    rows = mask.nonzero()[:, 0] if mask.any() else torch.arange(len(mask))
    part = layers(
        s.index_select(-2, rows),
        z.index_select(-2, rows).index_select(-3, rows),
        rotations=T.rotations.index_select(-3, rows),
        translations=T.translations.index_select(-2, rows),
    )
    return torch.zeros_like(s).index_add(-2, rows, part)


Exercise.all["08.2"].right("rows by number, added to zeros", cut_by_numbers)


def _whole(layers, s, z, T, mask, gamma=lambda g: g, points_for_weight=None):
    H, T = layers.heads, T[..., None, :]
    q, k, v = (split_scalars(to(s), H) for to in (layers.to_q, layers.to_k, layers.to_v))
    qp, kp, vp = (split_points(to(s), H) for to in (layers.to_q_points, layers.to_k_points, layers.to_v_points))
    d2 = (T.apply(qp)[..., :, None, :, :] - T.apply(kp)[..., None, :, :, :]).square().sum((-1, -2))
    P = vp.shape[-2] if points_for_weight == "values" else qp.shape[-2]
    far = -gamma(layers.gamma)[:, None, None] * math.sqrt(2 / (9 * P)) / 2 * d2
    logits = weighted_sum(math.sqrt(1 / 3), scalar_logits(q, k), split_pair_bias(layers.to_pair_bias(z)), far)
    if mask is not None:
        logits = hide_padding(logits, mask)
    a = logits.softmax(-1)
    home = attend_points(a, vp, T)
    return layers.to_out(
        concatenate_heads(attend_pairs(a, z), attend_scalars(a, v), home.flatten(-2), point_norms(home, layers.eps))
    )


def whole_softplus_twice(layers, s, z, T, mask=None):
    return _whole(layers, s, z, T, mask, gamma=softplus)


Exercise.all["08.3"].wrong(
    "softplus of gamma once more",
    "Softplus is applied to layers.gamma, which is positive already: γ has been through it twice.",
    whole_softplus_twice,
)


def whole_value_points_counted(layers, s, z, T, mask=None):
    return _whole(layers, s, z, T, mask, points_for_weight="values")


Exercise.all["08.3"].wrong(
    "value points counted for the weight",
    "The P of w_C is the number of value points in place of query points.",
    whole_value_points_counted,
)


def whole_head_by_head(layers, s, z, T, mask=None):
    H, c = layers.heads, layers.to_q.out_features // layers.heads
    R, t = T.rotations, T.translations

    def cut(to):
        return to(s).chunk(H, dim=-1)

    def place(x):
        return torch.einsum("...lwa,...lpa->...lpw", R, x.unflatten(-1, (-1, 3))) + t[..., None, :]

    bias, pairs, scalars, points, norms = layers.to_pair_bias(z), [], [], [], []
    projections = [cut(to) for to in (layers.to_q, layers.to_k, layers.to_v)]
    clouds = [[place(x) for x in cut(to)] for to in (layers.to_q_points, layers.to_k_points, layers.to_v_points)]
    for h in range(H):
        q, k, v = (x[h] for x in projections)
        qp, kp, vp = (x[h] for x in clouds)
        P = qp.shape[-2]
        squares = sum((qp[..., :, None, p, :] - kp[..., None, :, p, :]).pow(2).sum(-1) for p in range(P))
        logits = q @ k.mT / c**0.5 + bias[..., h] - layers.gamma[h] / (3 * (2 * P) ** 0.5) * squares
        logits = logits / 3**0.5
        if mask is not None:
            logits = torch.where(mask[..., :, None] & ~mask[..., None, :], -math.inf, logits)
        a = logits.softmax(-1)
        mean = (a @ vp.flatten(-2)).unflatten(-1, (-1, 3)) - t[..., None, :]
        home = torch.einsum("...lwa,...lpw->...lpa", R, mean)
        pairs.append((a[..., None, :] @ z)[..., 0, :])
        scalars.append(a @ v)
        points.append(home.flatten(-2))
        norms.append((home.pow(2).sum(-1) + layers.eps).sqrt())
    return layers.to_out(torch.cat([*pairs, *scalars, *points, *norms], -1))


Exercise.all["08.3"].right("a loop over the heads", whole_head_by_head)
