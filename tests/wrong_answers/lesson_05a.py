"""Lesson 05: the distance term, one point after the other."""

import math

import torch

from ipa_tutorial import attention

from .answer import Exercise


def weight(P, gamma):
    """γ w_C, ready for (*, H, L, L)."""
    return gamma[:, None, None] * math.sqrt(2 / (9 * P))


def squares(q, k):
    """Squared distances of one point: (*, H, L, 3) twice → (*, H, L, L)."""
    return (q[..., :, None, :] - k[..., None, :, :]).square().sum(-1)


def total(q_points, k_points):
    """Squared distances of all points, added one point at a time."""
    return sum(squares(q_points[..., p, :], k_points[..., p, :]) for p in range(q_points.shape[-2]))


# --- 05.1 -----------------------------------------------------------------------------------------------------------
loop = Exercise("05.1", "check_point_logits")

loop.wrong(
    "the ½ forgotten",
    "w_C was computed for half the square: without the ½ the term is twice as loud.",
    lambda q, k, gamma: -weight(q.shape[-2], gamma) * total(q, k),
)
loop.wrong(
    "a plus",
    "Far away would attract: the sign is missing.",
    lambda q, k, gamma: 0.5 * weight(q.shape[-2], gamma) * total(q, k),
)
loop.wrong(
    "a mean over the points",
    "w_C takes care of their number already; a mean counts P twice.",
    lambda q, k, gamma: -0.5 * weight(q.shape[-2], gamma) * total(q, k) / q.shape[-2],
)
loop.wrong(
    "γ along the keys",
    "(H,) lines up with the last axis, which is the keys'; give it two axes of size one behind.",
    lambda q, k, gamma: -0.5 * gamma * math.sqrt(2 / (9 * q.shape[-2])) * total(q, k),
)
loop.wrong(
    "γ along the queries",
    "gamma[:, None] lines up with queries; one more axis of size one is needed.",
    lambda q, k, gamma: -0.5 * gamma[:, None] * math.sqrt(2 / (9 * q.shape[-2])) * total(q, k),
)
loop.wrong(
    "rows and columns exchanged",
    "The queries belong into the rows: this is the table of key i and query j.",
    lambda q, k, gamma: -0.5 * weight(q.shape[-2], gamma) * total(k, q),
)
loop.wrong(
    "w_C without its root",
    "A weight acts on a variance with its square, so w_C is the root of 2/(9P).",
    lambda q, k, gamma: -0.5 * gamma[:, None, None] * 2 / (9 * q.shape[-2]) * total(q, k),
)
loop.wrong(
    "w_C without P",
    "The number of points belongs under the root.",
    lambda q, k, gamma: -0.5 * weight(1, gamma) * total(q, k),
)
loop.wrong(
    "1/√(6P)",
    "Six counts ½‖q‖² as well, which is the same for all keys: 9/2 is what the softmax hears.",
    lambda q, k, gamma: -0.5 * gamma[:, None, None] * (6 * q.shape[-2]) ** -0.5 * total(q, k),
)
loop.wrong(
    "P from the axis of residues",
    "shape[-3] is L; the points are the last axis but one.",
    lambda q, k, gamma: -0.5 * weight(q.shape[-3], gamma) * total(q, k),
)
loop.wrong(
    "P is always 4",
    "AlphaFold has four points, but this function is to work for any number.",
    lambda q, k, gamma: -0.5 * weight(4, gamma) * total(q, k),
)
loop.wrong(
    "distances that are not squared",
    "The term wants the squared length, and this adds up lengths.",
    lambda q, k, gamma: (
        -0.5 * weight(q.shape[-2], gamma) * sum(squares(q[..., p, :], k[..., p, :]).sqrt() for p in range(q.shape[-2]))
    ),
)
loop.wrong(
    "the first point alone",
    "All points have a say, and only number 0 is asked.",
    lambda q, k, gamma: -0.5 * weight(q.shape[-2], gamma) * squares(q[..., 0, :], k[..., 0, :]),
)
loop.wrong(
    "the square of the sum",
    "Square each point's difference first and add afterwards; here differences cancel each other.",
    lambda q, k, gamma: -0.5 * weight(q.shape[-2], gamma) * squares(q.sum(-2), k.sum(-2)),
)
loop.wrong(
    "softplus once more",
    "gamma is positive already; softplus is for the raw parameter.",
    lambda q, k, gamma: -0.5 * weight(q.shape[-2], torch.nn.functional.softplus(gamma)) * total(q, k),
)
loop.wrong(
    "in ångström",
    "Lengths are nm here, and a factor of ten becomes a hundred when squared.",
    lambda q, k, gamma: -0.5 * weight(q.shape[-2], gamma) * total(10 * q, 10 * k),
)
loop.wrong(
    "multiplied out",
    "‖q‖² + ‖k‖² − 2q·k cancels far from the origin, where float32 has no digits left.",
    lambda q, k, gamma: (
        -0.5
        * weight(q.shape[-2], gamma)
        * sum(
            a.square().sum(-1)[..., :, None] + b.square().sum(-1)[..., None, :] - 2 * a @ b.mT
            for a, b in zip(q.unbind(-2), k.unbind(-2), strict=True)
        )
    ),
)
loop.wrong(
    "cdist by matrix product",
    "In this mode cdist multiplies the square out, and far from the origin nothing is left.",
    lambda q, k, gamma: (
        -0.5
        * weight(q.shape[-2], gamma)
        * sum(
            torch.cdist(a, b, compute_mode="use_mm_for_euclid_dist").square()
            for a, b in zip(q.unbind(-2), k.unbind(-2), strict=True)
        )
    ),
)
loop.wrong(
    "through half precision",
    "bfloat16 has three digits, too few for coordinates.",
    lambda q, k, gamma: (-0.5 * weight(q.shape[-2], gamma) * total(q.bfloat16(), k.bfloat16())).to(q.dtype),
)
loop.wrong(
    "all points at once",
    "The numbers are right; the statement forbids the big tensor (*, H, L, L, P, 3).",
    lambda q, k, gamma: (
        -0.5 * weight(q.shape[-2], gamma) * (q[..., :, None, :, :] - k[..., None, :, :, :]).square().sum((-1, -2))
    ),
)
loop.wrong(
    "the package's function",
    "It was to be written, not called; and the package's forms the big tensor.",
    lambda q, k, gamma: attention.point_logits(q, k, gamma),
)
loop.wrong(
    "cut off from the gradient",
    "Nothing learns through detached points.",
    lambda q, k, gamma: -0.5 * weight(q.shape[-2], gamma) * total(q.detach(), k.detach()),
)


@loop.wrong("no batch axes", "q_points[:, :, p] are the points only if no batch axis stands in front.")
def _(q_points, k_points, gamma):
    H, L, P, _ = q_points.shape
    out = q_points.new_zeros(H, L, L)
    for p in range(P):
        out += squares(q_points[:, :, p], k_points[:, :, p])
    return -0.5 * weight(P, gamma) * out


@loop.wrong("γ changed in place", "*= writes into the parameter of the caller; the second call is wrong.")
def _(q_points, k_points, gamma):
    gamma *= -0.5 * math.sqrt(2 / (9 * q_points.shape[-2]))
    return gamma[:, None, None] * total(q_points, k_points)


@loop.right("coordinates one by one")
def _(q_points, k_points, gamma):
    out = 0
    for a, b in zip(q_points.flatten(-2).unbind(-1), k_points.flatten(-2).unbind(-1), strict=True):
        out = out + (a.unsqueeze(-1) - b.unsqueeze(-2)) ** 2
    return -out * gamma.reshape(-1, 1, 1) / (18 * q_points.shape[-2]) ** 0.5


@loop.right("one query at a time")
def _(q_points, k_points, gamma):
    rows = [(k_points - q_points[..., [i], :, :]).pow(2).sum((-1, -2)) for i in range(q_points.shape[-3])]
    return torch.einsum("h,...hij->...hij", -gamma / 2 * (9 / 2 * q_points.shape[-2]) ** -0.5, torch.stack(rows, -2))


@loop.right("einsum of differences")
def _(q_points, k_points, gamma):
    logits = torch.zeros((), dtype=q_points.dtype)
    for p in range(q_points.shape[-2]):
        d = q_points[..., p, :].unsqueeze(-2) - k_points[..., p, :].unsqueeze(-3)
        logits = logits - torch.einsum("...hijx,...hijx,h->...hij", d, d, gamma)
    return logits * math.sqrt(2 / (9 * q_points.shape[-2])) / 2
