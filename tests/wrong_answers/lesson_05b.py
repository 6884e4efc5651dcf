"""Lesson 05: the distance term as a matrix product, and as one product of long rows."""

import math

import torch

from ipa_tutorial import attention

from .answer import Exercise
from .lesson_05a import weight

# --- 05.2 -----------------------------------------------------------------------------------------------------------
pull = Exercise("05.2", "check_pull_on_queries")


def factor(q, gamma):
    """γ w_C, ready for (*, H, L, P, 3)."""
    return weight(q.shape[-2], gamma)[..., None]


def of_keys(slopes, k):
    """Σ_j g_ij k_j: (*, H, L, P, 3)."""
    return (slopes @ k.flatten(-2)).unflatten(-1, k.shape[-2:])


def of_rows(slopes, q):
    """q_i Σ_j g_ij."""
    return slopes.sum(-1)[..., None, None] * q


def slope(q, k, gamma, slopes):
    return factor(q, gamma) * (of_keys(slopes, k) - of_rows(slopes, q))


pull.wrong(
    "away from the keys",
    "Near is large: a larger logit means a shorter way.",
    lambda q, k, gamma, g: -slope(q, k, gamma, g),
)
pull.wrong(
    "the ½ kept", "The square has given a 2 that cancels it.", lambda q, k, gamma, g: 0.5 * slope(q, k, gamma, g)
)
pull.wrong(
    "twice as much",
    "The ½ was forgotten before the square was derived.",
    lambda q, k, gamma, g: 2 * slope(q, k, gamma, g),
)
pull.wrong("γ forgotten", "Each head has its γ.", lambda q, k, gamma, g: slope(q, k, torch.ones_like(gamma), g))
pull.wrong(
    "w_C forgotten",
    "√(2/9P) is a factor of the term.",
    lambda q, k, gamma, g: slope(q, k, gamma, g) / (2 / (9 * q.shape[-2])) ** 0.5,
)
pull.wrong(
    "towards the keys only",
    "The query's own place counts: q Σ g is missing.",
    lambda q, k, gamma, g: factor(q, gamma) * of_keys(g, k),
)
pull.wrong("the keys forgotten", "And where do the keys lie?", lambda q, k, gamma, g: -factor(q, gamma) * of_rows(g, q))
pull.wrong(
    "as if rows of g added up to one",
    "g are slopes, not weights: the sum of a row may be anything.",
    lambda q, k, gamma, g: factor(q, gamma) * (of_keys(g, k) - q),
)
pull.wrong(
    "g transposed",
    "g_ij belongs to query i and key j.",
    lambda q, k, gamma, g: slope(q, k, gamma, g.mT),
)
pull.wrong(
    "the pull on the keys",
    "This is the slope with respect to k.",
    lambda q, k, gamma, g: slope(k, q, gamma, g.mT),
)
pull.wrong(
    "columns summed",
    "The query's own term has the sum of its row.",
    lambda q, k, gamma, g: factor(q, gamma) * (of_keys(g, k) - g.sum(-2)[..., None, None] * q),
)
pull.wrong(
    "the mean over keys",
    "A sum, and no mean.",
    lambda q, k, gamma, g: slope(q, k, gamma, g) / g.shape[-1],
)
pull.wrong(
    "the mean over points",
    "Each point has a slope of its own.",
    lambda q, k, gamma, g: slope(q, k, gamma, g) / q.shape[-2],
)
pull.wrong(
    "one slope for all points",
    "Each point has a slope of its own, not their sum.",
    lambda q, k, gamma, g: slope(q, k, gamma, g).sum(-2, keepdim=True).expand_as(q),
)
pull.wrong(
    "without the slopes",
    "The chain rule multiplies by the slope of what comes behind.",
    lambda q, k, gamma, g: slope(q, k, gamma, torch.ones_like(g)),
)


@pull.wrong("autograd", "By hand, without autograd.")
def _(q, k, gamma, g):
    with torch.enable_grad():
        own = q.detach().clone().requires_grad_()
        logits = (
            -0.5 * weight(q.shape[-2], gamma) * (own[..., :, None, :, :] - k[..., None, :, :, :]).square().sum((-1, -2))
        )
        return torch.autograd.grad((logits * g).sum(), own)[0]


@pull.wrong("backward", "By hand, without autograd.")
def _(q, k, gamma, g):
    with torch.enable_grad():
        own = q.detach().clone().requires_grad_()
        logits = attention.point_logits(own, k, gamma)
        logits.backward(g)
    return own.grad


@pull.wrong("all differences at once", "Nothing as large as the differences of all pairs is needed.")
def _(q, k, gamma, g):
    differences = q[..., :, None, :, :] - k[..., None, :, :, :]  # (*, H, L, L, P, 3)
    return -factor(q, gamma) * (g[..., None, None] * differences).sum(-3)


pull.right("a product and the sum of rows", slope)
pull.right(
    "einsum",
    lambda q, k, gamma, g: (
        gamma[:, None, None, None]
        * math.sqrt(2 / (9 * q.shape[-2]))
        * (torch.einsum("...ij,...jpx->...ipx", g, k) - torch.einsum("...ij,...ipx->...ipx", g, q))
    ),
)


@pull.right("one point at a time")
def _(q, k, gamma, g):
    found = [g @ k[..., p, :] - g.sum(-1, keepdim=True) * q[..., p, :] for p in range(q.shape[-2])]
    return factor(q, gamma) * torch.stack(found, dim=-2)


# --- 05.3 -----------------------------------------------------------------------------------------------------------
single = Exercise("05.3", "check_one_product")


def centred(q, k):
    """Both without the mean of the protein's keys, points in one row."""
    middle = k.mean((-4, -3, -2), keepdim=True)
    return (q - middle).flatten(-2), (k - middle).flatten(-2)


def half(x):
    return 0.5 * x.square().sum(-1)


def long_rows(q_points, k_points, centre=centred):
    """Rows, penalties and ones of queries and keys."""
    q, k = centre(q_points, k_points)
    return q, k, -half(q)[..., None], -half(k)[..., None], torch.ones_like(q[..., :1])


def joined(title, mistake, q_row, k_row, centre=centred):
    """Queries and keys of the given coordinates; q_row and k_row get (q, k, −½‖q‖², −½‖k‖², 1, γ w_C)."""

    def one_product(q_points, k_points, gamma):
        parts = (*long_rows(q_points, k_points, centre), weight(q_points.shape[-2], gamma))
        return torch.cat(q_row(*parts), dim=-1), torch.cat(k_row(*parts), dim=-1)

    (single.wrong(title, mistake, one_product) if mistake else single.right(title, one_product))


joined(
    "the factor in both",
    "γ w_C stands in queries and in keys, so it comes out squared.",
    lambda q, k, a, b, one, w: [w * q, w * a, w * one],
    lambda q, k, a, b, one, w: [w * k, w * one, w * b],
)
joined(
    "1 meets 1",
    "The two new coordinates stand in the same order on both sides.",
    lambda q, k, a, b, one, w: [w * q, w * a, w * one],
    lambda q, k, a, b, one, w: [k, b, one],
)
joined(
    "not centred",
    "Right at home, noise at 1000 nm.",
    lambda q, k, a, b, one, w: [w * q, w * a, w * one],
    lambda q, k, a, b, one, w: [k, one, b],
    lambda q, k: (q.flatten(-2), k.flatten(-2)),
)
joined(
    "one coordinate more",
    "With the key's penalty alone −½‖q‖² is missing; the logits themselves were asked for.",
    lambda q, k, a, b, one, w: [w * q, w * one],
    lambda q, k, a, b, one, w: [k, b],
)
joined(
    "only the query's penalty",
    "The key's penalty is the one that even a softmax hears.",
    lambda q, k, a, b, one, w: [w * q, w * a],
    lambda q, k, a, b, one, w: [k, one],
)
joined(
    "penalties without the ½",
    "Half the square is the penalty.",
    lambda q, k, a, b, one, w: [w * q, 2 * w * a, w * one],
    lambda q, k, a, b, one, w: [k, one, 2 * b],
)
joined(
    "penalties with a plus",
    "A penalty is taken away.",
    lambda q, k, a, b, one, w: [w * q, -w * a, w * one],
    lambda q, k, a, b, one, w: [k, one, -b],
)
joined(
    "the factor on the coordinates alone",
    "The penalties need γ w_C as well.",
    lambda q, k, a, b, one, w: [w * q, a, one],
    lambda q, k, a, b, one, w: [k, one, b],
)
joined(
    "its root on one side",
    "√(γ w_C) on the queries alone: the keys need the other root.",
    lambda q, k, a, b, one, w: [w.sqrt() * q, w.sqrt() * a, w.sqrt() * one],
    lambda q, k, a, b, one, w: [k, one, b],
)
joined(
    "without γ",
    "The argument gamma is never looked at.",
    lambda q, k, a, b, one, w: [x * math.sqrt(2 / (9 * (q.shape[-1] // 3))) for x in (q, a, one)],
    lambda q, k, a, b, one, w: [k, one, b],
)
joined(
    "3P in the place of P",
    "w_C counts points, and the rows count coordinates.",
    lambda q, k, a, b, one, w: [x * w / math.sqrt(3) for x in (q, a, one)],
    lambda q, k, a, b, one, w: [k, one, b],
)
joined(
    "each by its own mean",
    "Queries and keys lose different points, and all distances change.",
    lambda q, k, a, b, one, w: [w * q, w * a, w * one],
    lambda q, k, a, b, one, w: [k, one, b],
    lambda q, k: (centred(q, q)[0], centred(k, k)[1]),
)


@single.wrong("keys times queries", "The answer is transposed: queries belong into rows.")
def _(q_points, k_points, gamma):
    q, k, a, b, one = long_rows(q_points, k_points)
    w = weight(q_points.shape[-2], gamma)
    return torch.cat([k, one, b], -1), w * torch.cat([q, a, one], -1)


@single.wrong("γ without its axes", "gamma lines up with the coordinates or with nothing; it belongs to the heads.")
def _(q_points, k_points, gamma):
    q, k, a, b, one = long_rows(q_points, k_points)
    w = gamma * math.sqrt(2 / (9 * q_points.shape[-2]))
    return torch.cat([q, a, one], -1) * w, torch.cat([k, one, b], -1)


single.wrong(
    "multiplied already",
    "Long queries and long keys were asked for, and not their product.",
    lambda q_points, k_points, gamma: attention.point_logits(q_points, k_points, gamma),
)
joined(
    "a root of the factor in each",
    "",
    lambda q, k, a, b, one, w: [w.sqrt() * q, w.sqrt() * a, w.sqrt() * one],
    lambda q, k, a, b, one, w: [w.sqrt() * k, w.sqrt() * one, w.sqrt() * b],
)
joined(
    "new coordinates in front, factor in the keys",
    "",
    lambda q, k, a, b, one, w: [one, 2 * a, q],
    lambda q, k, a, b, one, w: [w * b, w * 0.5 * one, w * k],
)


@single.right("written into zeros")
def _(q_points, k_points, gamma):
    H, P = len(gamma), q_points.shape[-2]
    middle = k_points[..., :1, :1, :1, :]
    long_q, long_k = (torch.ones(*q_points.shape[:-2], 3 * P + 2, dtype=q_points.dtype) for _ in "qk")
    long_q[..., : 3 * P] = (q_points - middle).reshape(*q_points.shape[:-2], 3 * P)
    long_k[..., : 3 * P] = (k_points - middle).reshape(*q_points.shape[:-2], 3 * P)
    long_q[..., -2] = -(q_points - middle).pow(2).sum((-1, -2)) / 2
    long_k[..., -1] = -(k_points - middle).pow(2).sum((-1, -2)) / 2
    factor = (gamma * math.sqrt(2) / (3 * math.sqrt(P))).view(H, 1, 1)
    return long_q * factor, long_k
