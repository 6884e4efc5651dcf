"""Lesson 04: a row of numbers read as points, steps along axes, and everybody's view of everything."""

import numpy as np
import torch

from ipa_tutorial import Rigid
from ipa_tutorial.losses import sights

from .answer import Exercise

# --- 04.1 -----------------------------------------------------------------------------------------------------------
back = Exercise("04.1", "check_into_a_row")


def row(points, order):
    """Axes named h, l, p, x, put in this order behind the batch, the last three made one."""
    letters = dict(zip("hlpx", range(-4, 0), strict=True))
    lead = points.ndim - 4
    axes = [*range(lead), *(lead + 4 + letters[letter] for letter in order)]
    return points.permute(axes).flatten(-3)


back.wrong(
    "x y z side by side", "That is this course's own layout; all x come first.", lambda points: row(points, "lhpx")
)
back.wrong(
    "blocks inside each head",
    "Chunks inside each head are AlphaFold-Multimer's layout.",
    lambda points: row(points, "lhxp"),
)
back.wrong("points before heads", "Head by head, and point by point in it.", lambda points: row(points, "lxph"))
back.wrong("points, heads, coordinates", "All x come first.", lambda points: row(points, "lphx"))
back.wrong("a coordinate in the middle of points", "All x come first.", lambda points: row(points, "lpxh"))
back.wrong(
    "one reshape",
    "reshape moves no axis: residues are filled with each other's points.",
    lambda points: points.reshape(*points.shape[:-4], points.shape[-3], -1),
)
back.wrong("flattened where it stands", "The residues are an axis of their own.", lambda points: points.flatten(-4))
back.wrong("heads not dealt with", "(*, H, L, …): the heads are to go into the row.", lambda points: points.flatten(-2))
back.wrong(
    "three rows",
    "The three chunks stand behind each other in one row.",
    lambda points: points.movedim(-1, -4).movedim(-3, -2).flatten(-2),
)
back.wrong("z first", "x, y and z in this order.", lambda points: row(points.flip(-1), "lxhp"))
back.wrong(
    "the lesson's reader",
    "This reads a row; here one is written.",
    lambda points: points.reshape(3, *points.shape[-4:-3], -1).movedim(0, -1),
)
back.wrong(
    "no batch axes", "permute(1, 3, 0, 2) needs exactly four.", lambda points: points.permute(1, 3, 0, 2).flatten(1)
)
back.wrong(
    "one batch axis, always",
    "movedim(1, 2) counts from the front.",
    lambda points: points.movedim(2, 1).movedim(-1, 2).flatten(2),
)
back.wrong(
    "joined along the residues",
    "The chunks belong side by side, not below each other.",
    lambda points: torch.cat([points[..., x].movedim(-3, -2).flatten(-2) for x in range(3)], dim=-2),
)
back.wrong(
    "x only",
    "y and z are to come, too.",
    lambda points: torch.cat([points[..., 0].movedim(-3, -2).flatten(-2)] * 3, -1),
)
back.wrong("cut off from the gradient", "Nobody behind it can learn.", lambda points: row(points.detach(), "lxhp"))
back.right(
    "three slices joined",
    lambda points: torch.cat([points[..., x].movedim(-3, -2).flatten(-2) for x in range(3)], dim=-1),
)
back.right("einsum and a reshape", lambda points: torch.einsum("...hlpx->...lxhp", points).flatten(-3))
back.right(
    "two transpositions",
    lambda points: points.movedim(-4, -3).movedim(-1, -3).reshape(*points.shape[:-4], points.shape[-3], -1),
)


# --- 04.2 -----------------------------------------------------------------------------------------------------------
walk = Exercise("04.2", "check_walk")


def along(R, steps, column=True):
    """Steps along the columns (or rows) of R."""
    arrows = R.unbind(-1 if column else -2)
    return sum(steps[..., k : k + 1] * arrows[k] for k in range(3))


walk.wrong(
    "rows for columns",
    "The rows of R are the columns of Rᵀ: this turns backwards.",
    lambda T, points: T.translations + along(T.rotations, points, column=False),
)
walk.wrong(
    "the address turned as well",
    "Begin at t and walk; adding t to the steps turns it.",
    lambda T, points: along(T.rotations, points + T.translations),
)
walk.wrong("no beginning", "The walk begins at the residue: add t.", lambda T, points: along(T.rotations, points))
walk.wrong(
    "two steps of three",
    "The z axis has been left out.",
    lambda T, x: T.translations + x[..., :1] * T.rotations[..., 0] + x[..., 1:2] * T.rotations[..., 1],
)
walk.wrong(
    "axes exchanged",
    "The step in y goes along the z axis and the other way round.",
    lambda T, x: T.translations + along(T.rotations, x[..., [0, 2, 1]]),
)
walk.wrong(
    "steps that cannot stretch",
    "points[..., 0] is (*, L) and lines up with x, y, z instead of the residues.",
    lambda T, x: T.translations + sum(x[..., k] * T.rotations[..., k] for k in range(3)),
)
walk.wrong("apply", "It was forbidden.", lambda T, points: T.apply(points))
walk.wrong("@", "It was forbidden.", lambda T, x: (T.rotations @ x[..., None])[..., 0] + T.translations)
walk.wrong(
    "einsum",
    "It was forbidden.",
    lambda T, x: torch.einsum("...xy,...y->...x", T.rotations, x) + T.translations,
)
walk.wrong(
    "einsum, and backwards",
    "It was forbidden, and it sums over the first index.",
    lambda T, x: torch.einsum("...yx,...y->...x", T.rotations, x) + T.translations,
)
walk.wrong("walking backwards", "Every step has a minus.", lambda T, x: T.translations - along(T.rotations, x))
walk.wrong(
    "home instead of out",
    "This is how the frame sees a place of the world.",
    lambda T, x: along(T.rotations, x - T.translations, column=False),
)
walk.wrong(
    "the axes of the first residue",
    "Each residue has axes of its own.",
    lambda T, x: T.translations + along(T.rotations[..., :1, :, :], x),
)
walk.wrong(
    "the world's axes",
    "The steps were added as they are, along x, y and z of the world.",
    lambda T, x: T.translations + x,
)
walk.wrong(
    "no batch axes",
    "T.rotations[:, :, 0] is a column only without a batch.",
    lambda T, x: T.translations + sum(x[:, k : k + 1] * T.rotations[:, :, k] for k in range(3)),
)
walk.wrong(
    "unit steps",
    "The direction was normalised, so every point lies 1 nm away.",
    lambda T, x: T.translations + torch.nn.functional.normalize(along(T.rotations, x), dim=-1),
)


@walk.wrong("added to t in place", "+= moves the residues of the caller.")
def _(T, points):
    place = T.translations
    for k in range(3):
        place += points[..., k : k + 1] * T.rotations[..., k]
    return place


walk.right("rows of R times the point, summed", lambda T, x: (T.rotations * x[..., None, :]).sum(-1) + T.translations)


@walk.right("three steps, one by one")
def _(T, points):
    x, y, z = points.unbind(-1)
    R = T.rotations
    place = T.translations + x.unsqueeze(-1) * R.select(-1, 0)
    place = place + y.unsqueeze(-1) * R.select(-1, 1)
    return place + z.unsqueeze(-1) * R.select(-1, 2)


# --- 04.3 -----------------------------------------------------------------------------------------------------------
view = Exercise("04.3", "check_sights")


def arrows(frames, points):
    """From every frame to every point: (*, F, P, 3)."""
    return points[..., None, :, :] - frames.translations[..., :, None, :]


view.wrong(
    "R instead of Rᵀ",
    "The sum runs over the second index, which is the way out.",
    lambda frames, points: torch.einsum("...iaw,...ijw->...ija", frames.rotations, arrows(frames, points)),
)
view.wrong("arrows not turned", "They are in the world's axes still.", lambda frames, points: arrows(frames, points))
view.wrong(
    "arrows from the point to the frame",
    "The sign is wrong: x − t.",
    lambda frames, points: torch.einsum("...iwa,...ijw->...ija", frames.rotations, -arrows(frames, points)),
)
view.wrong(
    "no origin",
    "The frame's place has not been taken away.",
    lambda frames, points: torch.einsum("...iwa,...jw->...ija", frames.rotations, points),
)
view.wrong(
    "turned, then pushed back",
    "Rᵀx − t mixes two coordinate systems.",
    lambda frames, points: (
        torch.einsum("...iwa,...jw->...ija", frames.rotations, points) - frames.translations[..., :, None, :]
    ),
)
view.wrong(
    "points in the rows",
    "Entry [i, j] is point j seen by frame i; this is the table of [j, i].",
    lambda frames, points: torch.einsum("...iwa,...ijw->...jia", frames.rotations, arrows(frames, points)),
)
view.wrong(
    "the axes of j",
    "The axes belong to the one who looks.",
    lambda frames, points: torch.einsum("...jwa,...ijw->...ija", frames.rotations, arrows(frames, points)),
)
view.wrong(
    "each frame its own point",
    "Everybody was to look at everything.",
    lambda frames, points: frames.invert_apply(points)[..., None, :].expand(*points.shape[:-1], points.shape[-2], 3),
)
view.wrong(
    "out instead of home",
    "T ∘ x is where a local point lies in the world.",
    lambda frames, points: frames[..., None].apply(points[..., None, :, :]),
)
view.wrong(
    "no batch axes",
    "The letters leave no room for a batch.",
    lambda frames, points: torch.einsum("iwa,ijw->ija", frames.rotations, arrows(frames, points)),
)
view.wrong(
    "pairs made at the front",
    "points[None] and t[:, None] put the new axes in front of the batch.",
    lambda frames, points: torch.einsum(
        "...iwa,...ijw->...ija", frames.rotations, points[None] - frames.translations[:, None]
    ),
)
view.wrong(
    "in ångström",
    "nm in, nm out.",
    lambda frames, points: torch.einsum("...iwa,...ijw->...ija", frames.rotations, 10 * arrows(frames, points)),
)
view.wrong(
    "only distances",
    "Three numbers were asked for: how far along x, y and z.",
    lambda frames, points: arrows(frames, points).norm(dim=-1),
)
view.wrong(
    "directions only",
    "The length of the arrow is part of the view.",
    lambda frames, points: torch.nn.functional.normalize(sights(frames, points), dim=-1),
)
view.wrong(
    "cut off from the gradient",
    "FAPE learns through this table.",
    lambda frames, points: sights(frames.detach(), points.detach()),
)
view.wrong(
    "NumPy",
    "An array has lost its gradient.",
    lambda frames, points: np.einsum(
        "...iwa,...ijw->...ija", frames.rotations.detach().numpy(), arrows(frames, points).detach().numpy()
    ),
)

view.right(
    "frames with an axis for the points",
    lambda frames, points: frames[..., :, None].invert_apply(points[..., None, :, :]),
)
view.right("arrows as rows, one product", lambda frames, points: arrows(frames, points) @ frames.rotations)
view.right(
    "frames undone, then applied",
    lambda frames, points: Rigid(
        frames.inverse().rotations[..., :, None, :, :], frames.inverse().translations[..., :, None, :]
    ).apply(points[..., None, :, :]),
)


@view.right("frame by frame")
def _(frames, points):
    rows = []
    for i in range(frames.shape[-1]):
        R, t = frames.rotations[..., i, :, :], frames.translations[..., i, None, :]
        rows.append(torch.stack([((points - t) * R[..., None, :, a]).sum(-1) for a in range(3)], dim=-1))
    return torch.stack(rows, dim=-3)
