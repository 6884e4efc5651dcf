"""Lesson 05: the distance term as a matrix product, and as one product of long rows."""

import math

import torch

from ipa_tutorial import attention

from .answer import Exercise
from .lesson_05a import weight

# --- 05.2 -----------------------------------------------------------------------------------------------------------
expanded = Exercise("05.2", "check_expanded_logits")


def centred(q, k):
    """Both without the mean of the protein's keys, points in one row."""
    middle = k.mean((-4, -3, -2), keepdim=True)
    return (q - middle).flatten(-2), (k - middle).flatten(-2)


def half(x):
    return 0.5 * x.square().sum(-1)


def product(q, k, q_penalty, k_penalty):
    return q @ k.mT - q_penalty[..., :, None] - k_penalty[..., None, :]


def variant(title, mistake, centre=centred, q_penalty=half, k_penalty=half, factor=weight, kind="wrong"):
    """The solution with one of its parts exchanged."""

    def expanded_logits(q_points, k_points, gamma):
        q, k = centre(q_points, k_points)
        return factor(q_points.shape[-2], gamma) * product(q, k, q_penalty(q), k_penalty(k))

    if kind == "right":
        expanded.right(title, expanded_logits)
    else:
        expanded.wrong(title, mistake, expanded_logits)


def flat(q, k):
    return q.flatten(-2), k.flatten(-2)


def zero(x):
    return torch.zeros_like(x[..., 0])


variant(
    "not centred",
    "The algebra is right, but at 1000 nm all seven digits of float32 cancel.",
    centre=flat,
)
variant(
    "each by its own mean",
    "Queries and keys are moved against each other, and every distance changes.",
    centre=lambda q, k: flat(q - q.mean((-4, -3, -2), keepdim=True), k - k.mean((-4, -3, -2), keepdim=True)),
)
variant(
    "one number for a centre",
    "The mean over x, y and z together is no point; the protein stays far away.",
    centre=lambda q, k: flat(q - k.mean((-4, -3, -2, -1), keepdim=True), k - k.mean((-4, -3, -2, -1), keepdim=True)),
)
variant(
    "only the keys centred",
    "Queries and keys must lose the same point.",
    centre=lambda q, k: flat(q, k - k.mean((-4, -3, -2), keepdim=True)),
)
variant(
    "each residue centred on itself",
    "The points of each residue lose their own mean, and with it the place of the residue.",
    centre=lambda q, k: flat(q - k.mean(-2, keepdim=True), k - k.mean(-2, keepdim=True)),
)
variant(
    "one centre for the whole batch",
    "Two proteins that lie far from each other have a centre in the void between them.",
    centre=lambda q, k: flat(q - k.flatten(0, -2).mean(0), k - k.flatten(0, -2).mean(0)),
)
variant(
    "‖q‖² left out",
    "The softmax would forgive it, but the statement wants the logits themselves.",
    q_penalty=zero,
)
variant("‖k‖² left out", "Without the key's penalty long keys win over near ones.", k_penalty=zero)
variant(
    "penalties without the ½",
    "Multiplied out, ½ stands in front of both squares.",
    q_penalty=lambda q: q.square().sum(-1),
    k_penalty=lambda k: k.square().sum(-1),
)
variant(
    "lengths as penalties",
    "The penalty is half the squared length, not half the length.",
    q_penalty=lambda q: 0.5 * q.norm(dim=-1),
    k_penalty=lambda k: 0.5 * k.norm(dim=-1),
)
variant(
    "one ½ too many",
    "The ½ of the term has become the 1 in front of q·k; it must not come twice.",
    factor=lambda P, gamma: 0.5 * weight(P, gamma),
)
variant("the sign lost", "Near is large: q·k comes with a plus.", factor=lambda P, gamma: -weight(P, gamma))
variant("P forgotten", "The number of points belongs into w_C.", factor=lambda P, gamma: weight(1, gamma))
variant(
    "γ along the keys",
    "(H,) lines up with the keys; it belongs to the heads.",
    factor=lambda P, gamma: gamma * math.sqrt(2 / (9 * P)),
)


@expanded.wrong("penalties exchanged", "The query's penalty belongs to rows, the key's to columns.")
def _(q_points, k_points, gamma):
    q, k = centred(q_points, k_points)
    return weight(q_points.shape[-2], gamma) * product(q, k, half(k), half(q))


@expanded.wrong("factor on the product alone", "γ and w_C belong to all three terms.")
def _(q_points, k_points, gamma):
    q, k = centred(q_points, k_points)
    return product(weight(q_points.shape[-2], gamma) * q, k, half(q), half(k))


@expanded.wrong("centred in place", "-= moves the caller's points.")
def _(q_points, k_points, gamma):
    centre = k_points.mean((-4, -3, -2), keepdim=True)
    q_points -= centre
    k_points -= centre
    q, k = flat(q_points, k_points)
    return weight(q_points.shape[-2], gamma) * product(q, k, half(q), half(k))


@expanded.wrong("differences", "Right numbers, but the statement allows nothing larger than (*, H, L, L).")
def _(q_points, k_points, gamma):
    q, k = flat(q_points, k_points)
    return -0.5 * weight(q_points.shape[-2], gamma) * (q[..., :, None, :] - k[..., None, :, :]).square().sum(-1)


variant(
    "the first key as the origin",
    "",
    centre=lambda q, k: flat(q - k[..., :1, :1, :1, :], k - k[..., :1, :1, :1, :]),
    kind="right",
)
variant(
    "a centre for each head",
    "",
    centre=lambda q, k: flat(q - k.mean((-3, -2), keepdim=True), k - k.mean((-3, -2), keepdim=True)),
    kind="right",
)


@expanded.right("in double precision")
def _(q_points, k_points, gamma):
    q, k = (x.double().flatten(-2) for x in (q_points, k_points))
    twice = 2 * torch.einsum("...hic,...hjc->...hij", q, k)
    far = q.pow(2).sum(-1).unsqueeze(-1) + k.pow(2).sum(-1).unsqueeze(-2) - twice
    return (-0.5 * weight(q_points.shape[-2], gamma) * far).to(q_points.dtype)


# --- 05.3 -----------------------------------------------------------------------------------------------------------
single = Exercise("05.3", "check_one_product")


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
    flat,
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
