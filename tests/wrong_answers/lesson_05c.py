"""Lesson 05: further answers, written without a look at the checks."""

import math

import torch

from ipa_tutorial.attention import point_weight

from .answer import Exercise


def sq(q, k):
    return sum((q[..., :, None, p, :] - k[..., None, :, p, :]).square().sum(-1) for p in range(q.shape[-2]))


Exercise.all["05.1"].wrong(
    "γ under the root with w_C",
    "Only w_C is a root.",
    lambda q, k, g: -0.5 * (g[:, None, None] * 2 / (9 * q.shape[-2])).sqrt() * sq(q, k),
)


def wc(q, g):
    return g[:, None, None] * math.sqrt(2 / (9 * q.shape[-2]))


Exercise.all["05.1"].wrong(
    "distances of the mean points",
    "The sum over points of squares, not the square of their mean.",
    lambda q, k, g: (
        -0.5 * wc(q, g) * q.shape[-2] * (q.mean(-2)[..., :, None, :] - k.mean(-2)[..., None, :, :]).square().sum(-1)
    ),
)

Exercise.all["05.1"].wrong(
    "all points with all points",
    "Point p meets point p.",
    lambda q, k, g: (
        -0.5
        * wc(q, g)
        * sum(
            (q[..., :, None, a, :] - k[..., None, :, b, :]).square().sum(-1)
            for a in range(q.shape[-2])
            for b in range(q.shape[-2])
        )
    ),
)


def long(fq, fk, c=True):
    def f(q, k, g):
        m = k.mean((-4, -3, -2), keepdim=True) if c else 0
        q_, k_ = (q - m).flatten(-2), (k - m).flatten(-2)
        s = wc(q, g)
        a, b = (-0.5 * x.square().sum(-1, keepdim=True) for x in (q_, k_))
        o = torch.ones_like(a)
        return fq(q_, a, o, s), fk(k_, b, o, s)

    return f


Exercise.all["05.3"].wrong(
    "the penalties positive",
    "Far is small: a minus.",
    long(lambda q, a, o, s: s * torch.cat([q, -a, o], -1), lambda k, b, o, s: torch.cat([k, o, -b], -1)),
)

Exercise.all["05.3"].wrong(
    "the root of the factor in each",
    "That is right as well unless γ is forgotten in one.",
    long(lambda q, a, o, s: s.sqrt() * torch.cat([q, a, o], -1), lambda k, b, o, s: torch.cat([k, o, b], -1)),
)


def points_precedence(q_points, k_points, gamma):
    P = q_points.shape[-2]
    squares = 0
    for p in range(P):
        d = q_points[..., p, :][..., :, None, :] - k_points[..., p, :][..., None, :, :]
        squares = squares + d.square().sum(-1)
    return -gamma[:, None, None] * math.sqrt(2 / 9 * P) / 2 * squares


Exercise.all["05.1"].wrong(
    "two ninths times P under root",
    "P multiplies under the root of w_C where it should divide: 2 / 9 * P is not 2 / (9 P).",
    points_precedence,
)


def points_all_at_once(q_points, k_points, gamma):
    P = q_points.shape[-2]
    d = q_points[..., :, None, :, :] - k_points[..., None, :, :, :]
    return -0.5 * gamma[:, None, None] * math.sqrt(2 / (9 * P)) * d.square().sum((-1, -2))


Exercise.all["05.1"].wrong(
    "all points in one big tensor",
    "All points are subtracted at once: the tensor of differences is P times as large as was allowed.",
    points_all_at_once,
)


def points_by_cdist(q_points, k_points, gamma):
    P = q_points.shape[-2]
    d = torch.cdist(q_points.flatten(-2), k_points.flatten(-2), compute_mode="donot_use_mm_for_euclid_dist")
    return -(gamma / (3 * math.sqrt(2 * P)))[:, None, None] * d**2


Exercise.all["05.1"].right("cdist in three P dimensions", points_by_cdist)


def pull_half_kept(q_points, k_points, gamma, slopes):
    P = q_points.shape[-2]
    factor = 0.5 * gamma * math.sqrt(2 / (9 * P))
    from_keys = torch.einsum("...ij,...jpx->...ipx", slopes, k_points)
    own = slopes.sum(-1)[..., None, None] * q_points
    return factor[:, None, None, None] * (from_keys - own)


Exercise.all["05.2"].wrong(
    "one half is still there",
    "The 2 of the derivative of the square is forgotten, so the ½ stays and the gradient is half as large.",
    pull_half_kept,
)


def pull_columns_added(q_points, k_points, gamma, slopes):
    P = q_points.shape[-2]
    from_keys = torch.einsum("...ij,...jpx->...ipx", slopes, k_points)
    own = slopes.sum(-2)[..., None, None] * q_points
    return gamma[:, None, None, None] * point_weight(P) * (from_keys - own)


Exercise.all["05.2"].wrong(
    "slopes added over the queries",
    "The query's own place is multiplied by the sum of the column (over i) and not of the row of the slopes.",
    pull_columns_added,
)


def product_two_middles(q_points, k_points, gamma):
    w = gamma[:, None, None] * math.sqrt(2 / (9 * q_points.shape[-2]))
    q = (q_points - q_points.mean((-4, -3, -2), keepdim=True)).flatten(-2)
    k = (k_points - k_points.mean((-4, -3, -2), keepdim=True)).flatten(-2)
    qq, kk = -0.5 * q.square().sum(-1, keepdim=True), -0.5 * k.square().sum(-1, keepdim=True)
    one = torch.ones_like(qq)
    return w * torch.cat([q, qq, one], -1), torch.cat([k, one, kk], -1)


Exercise.all["05.3"].wrong(
    "queries and keys centred apart",
    (
        "Queries and keys are each centred by a mean of their own, so different points are taken off and the distances "
        "change."
    ),
    product_two_middles,
)


def product_factor_on_points_only(q_points, k_points, gamma):
    w = gamma[:, None, None] * math.sqrt(2 / (9 * q_points.shape[-2]))
    middle = k_points.mean((-4, -3, -2), keepdim=True)
    q, k = (q_points - middle).flatten(-2), (k_points - middle).flatten(-2)
    qq, kk = -0.5 * q.square().sum(-1, keepdim=True), -0.5 * k.square().sum(-1, keepdim=True)
    one = torch.ones_like(qq)
    return torch.cat([w * q, qq, one], -1), torch.cat([k, one, kk], -1)


Exercise.all["05.3"].wrong(
    "factor misses the two penalties",
    "γ w_C multiplies only the 3P coordinates, and the two penalties go without it.",
    product_factor_on_points_only,
)


def product_root_in_both(q_points, k_points, gamma):
    root = (gamma * math.sqrt(2 / (9 * q_points.shape[-2]))).sqrt()[:, None, None]
    origin = q_points[..., :1, :1, :1, :]  # somebody's first point
    q, k = (root * (x - origin).flatten(-2) for x in (q_points, k_points))
    long_q = torch.cat([-0.5 * (q * q).sum(-1, keepdim=True), q, torch.ones_like(q[..., :1])], -1)
    long_k = torch.cat([torch.ones_like(k[..., :1]), k, -0.5 * (k * k).sum(-1, keepdim=True)], -1)
    return long_q, long_k


Exercise.all["05.3"].right("root of the factor in both", product_root_in_both)
