"""Lesson 04: further answers, written without a look at the checks."""

import torch
from torch.nn.functional import normalize

from .answer import Exercise

Exercise.all["04.2"].wrong(
    "steps along y, z, x",
    "x is the first column.",
    lambda T, p: T.translations + sum(p[..., [k]] * T.rotations[..., (k + 1) % 3] for k in range(3)),
)

Exercise.all["04.2"].wrong(
    "t scaled by the steps",
    "t is added once.",
    lambda T, p: 3 * T.translations + sum(p[..., [k]] * T.rotations[..., k] for k in range(3)),
)

Exercise.all["04.3"].wrong(
    "seen from the middle of all frames",
    "Each frame sees from its own place.",
    lambda T, x: torch.einsum(
        "...iwa,...ijw->...ija",
        T.rotations,
        (x[..., None, :, :] - T.translations.mean(-2, keepdim=True)[..., :, None, :]).expand(*T.shape, *x.shape[-2:]),
    ),
)

Exercise.all["04.3"].wrong(
    "unit arrows",
    "How far it is counts, too.",
    lambda T, x: torch.einsum(
        "...iwa,...ijw->...ija", T.rotations, normalize(x[..., None, :, :] - T.translations[..., :, None, :], dim=-1)
    ),
)

Exercise.all["04.3"].wrong(
    "home of the first frame's axes",
    "Each frame has its own axes.",
    lambda T, x: torch.einsum(
        "...wa,...ijw->...ija", T.rotations[..., 0, :, :], x[..., None, :, :] - T.translations[..., :, None, :]
    ),
)

Exercise.all["04.1"].wrong(
    "x, y, z of each point side by side",
    "The row holds x, y, z of each point side by side in place of three chunks.",
    lambda points: points.movedim(-4, -3).flatten(-3),
)

Exercise.all["04.1"].wrong(
    "point by point, then head by head",
    "Within each chunk the points run slower than the heads: heads and points have changed places.",
    lambda points: torch.cat([x.movedim(-3, -1).flatten(-2) for x in points.unbind(-1)], dim=-1),
)

Exercise.all["04.1"].right(
    "one einsum that renames the axes", lambda points: torch.einsum("...hlpx->...lxhp", points).flatten(-3)
)


def walk_rows(T, points):
    return T.translations + (points[..., :, None] * T.rotations).sum(-2)


Exercise.all["04.2"].wrong(
    "scaled rows added up",
    "The rows of R are scaled and added in place of the columns, which turns backwards.",
    walk_rows,
)


def walk_home_three_times(T, points):
    place = torch.zeros_like(points)
    for k in range(3):
        place = place + T.translations + points[..., k, None] * T.rotations[..., k]
    return place


Exercise.all["04.2"].wrong(
    "translation inside the loop",
    "The origin is added with each of the three steps, so that the translation counts three times.",
    walk_home_three_times,
)


def sights_turn_then_push(frames, points):
    turned = torch.einsum("...iwa,...jw->...ija", frames.rotations, points)
    return turned - frames.translations[..., :, None, :]


Exercise.all["04.3"].wrong(
    "translation taken off after the turn",
    "The point is turned before the translation, which is in world axes, is taken away: Rᵀx − t.",
    sights_turn_then_push,
)


def sights_directions(frames, points):
    arrows = points[..., None, :, :] - frames.translations[..., :, None, :]
    arrows = arrows / (arrows.square().sum(-1, keepdim=True) + 1e-12).sqrt()
    return torch.einsum("...iwa,...ijw->...ija", frames.rotations, arrows)


Exercise.all["04.3"].wrong(
    "unit arrows, so only directions",
    "The arrows are brought to length one, so that the answers are cosines and not nanometres.",
    sights_directions,
)


def sights_three_dots(frames, points):
    x, y, z = (
        (frames.rotations[..., :, None, :, a] * points[..., None, :, :]).sum(-1)
        - (frames.rotations[..., a] * frames.translations).sum(-1)[..., None]
        for a in range(3)
    )
    return torch.stack((x, y, z), dim=-1)


Exercise.all["04.3"].right("dots with point minus dots with origin", sights_three_dots)
