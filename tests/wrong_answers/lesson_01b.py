"""Lesson 01: further answers, written without a look at the checks."""

import torch
from torch.nn.functional import normalize

from ipa_tutorial import Rigid

from .answer import Exercise


def turn(R, x):
    return (R @ x[..., None])[..., 0]


Exercise.all["01.1"].wrong(
    "t taken off in place of added",
    "The translation is added on the way out.",
    lambda T, x: turn(T.rotations, x) - T.translations,
)

Exercise.all["01.1"].wrong(
    "rotated twice", "R is applied once.", lambda T, x: turn(T.rotations @ T.rotations, x) + T.translations
)

Exercise.all["01.1"].wrong(
    "coordinates reversed", "x y z in this order.", lambda T, x: turn(T.rotations, x.flip(-1)) + T.translations
)


def back(R, x):
    return (R.mT @ x[..., None])[..., 0]


Exercise.all["01.2"].wrong(
    "the negative arrow",
    "From the frame to the point, and not back.",
    lambda T, x: back(T.rotations, T.translations - x),
)

Exercise.all["01.2"].wrong(
    "only the direction",
    "How far it is counts, too.",
    lambda T, x: normalize(back(T.rotations, x - T.translations), dim=-1),
)


def unit(v):
    return v / (v.square().sum(-1, keepdim=True) + 1e-8).sqrt()


def frame(e1s=1, swap=False, org="ca", last=-1):
    def f(n, ca, c):
        e1 = unit(e1s * (c - ca))
        e3 = unit(torch.linalg.cross(e1, n - ca))
        e2 = torch.linalg.cross(e3, e1)
        return Rigid(torch.stack([e1, e3, e2] if swap else [e1, e2, e3], last), ca if org == "ca" else (n + ca + c) / 3)

    return f


Exercise.all["01.3"].wrong("y and z exchanged", "e2 is the second column.", frame(swap=True))

Exercise.all["01.3"].wrong("x towards N's side", "The x axis goes from Cα to C.", frame(e1s=-1))


@Exercise.all["01.3"].wrong("e2 towards N, not made perpendicular", "e2 must be perpendicular to e1.")
def _(n, ca, c):
    e1, e2 = unit(c - ca), unit(n - ca)
    return Rigid(torch.stack([e1, e2, unit(torch.linalg.cross(e1, e2))], -1), ca)


def apply_as_rows(T, points):
    turned = points.unsqueeze(-2) @ T.rotations
    return turned.squeeze(-2) + T.translations


Exercise.all["01.1"].wrong(
    "row vector times R",
    "The point is a row on the left of R, which turns it by the transpose, backwards.",
    apply_as_rows,
)


def apply_scaling_rows(T, points):
    return (T.rotations * points[..., None]).sum(-1) + T.translations


Exercise.all["01.1"].wrong(
    "coordinates scale the rows of R",
    (
        "The coordinates meet the first index of R and the sum runs over the second, so each row of R is only scaled "
        "by one coordinate and added up."
    ),
    apply_scaling_rows,
)


def apply_homogeneous(T, points):
    top = torch.cat([T.rotations, T.translations[..., None]], dim=-1)  # (*, L, 3, 4)
    four = torch.cat([points, torch.ones_like(points[..., :1])], dim=-1)  # (*, L, 4)
    return (top * four[..., None, :]).sum(-1)


Exercise.all["01.1"].right("three by four matrices, a one appended", apply_homogeneous)


def home_arrow_reversed(T, points):
    return (T.rotations.mT @ (T.translations - points)[..., None])[..., 0]


Exercise.all["01.2"].wrong(
    "arrow from the point to the residue",
    "The difference is taken the wrong way round, t − x, so every answer has the opposite sign.",
    home_arrow_reversed,
)


def home_by_solving(T, points):
    return torch.linalg.solve(T.rotations, (points - T.translations)[..., None])[..., 0]


Exercise.all["01.2"].wrong(
    "linear system solved, no transpose",
    "A linear system is solved with R, which is inverting a matrix; the statement forbids it.",
    home_by_solving,
)


def _unit(v):
    return v / (v.square().sum(-1, keepdim=True) + 1e-8).sqrt()


def frames_left_handed(n, ca, c):
    e1 = _unit(c - ca)
    e3 = _unit(torch.linalg.cross(e1, n - ca))
    e2 = torch.linalg.cross(e1, e3)
    return Rigid(torch.stack([e1, e2, e3], dim=-1), ca)


Exercise.all["01.3"].wrong(
    "second axis by e1 times e3",
    "e2 is e1 × e3 in place of e3 × e1: it points the other way, N has y < 0 and the frame is left-handed.",
    frames_left_handed,
)


def frames_normal_too_short(n, ca, c):
    e1 = _unit(c - ca)
    e3 = torch.linalg.cross(e1, _unit(n - ca))  # two unit vectors
    e2 = torch.linalg.cross(e3, e1)
    return Rigid(torch.stack([e1, e2, e3], dim=-1), ca)


Exercise.all["01.3"].wrong(
    "normal of unit arrows not normalised",
    (
        "The cross product of two unit vectors that are not perpendicular is shorter than one; e3, and e2 with it, are "
        "not of length one."
    ),
    frames_normal_too_short,
)


def frames_from_the_normal_first(n, ca, c):
    x, to_n = c - ca, n - ca
    normal = _unit(torch.linalg.cross(x, to_n))
    x = _unit(x)
    y = torch.linalg.cross(normal, x)
    R = torch.cat([x[..., None], y[..., None], normal[..., None]], dim=-1)
    return Rigid(R, ca.clone())


Exercise.all["01.3"].right("normal of the raw arrows, then columns", frames_from_the_normal_first)
