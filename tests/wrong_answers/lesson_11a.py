"""Lesson 11: a turn about a bond, and frames that hang on frames."""

import math

import torch

from ipa_tutorial import Rigid
from ipa_tutorial.quaternion import quaternion_to_rotation

from .answer import Exercise

# --- 11.1 -----------------------------------------------------------------------------------------------------------
bond = Exercise("11.1", "check_turn_about_x")


def rows(*nine):
    """Nine entries, row by row, as matrices (*, 3, 3)."""
    return torch.stack(torch.broadcast_tensors(*nine), dim=-1).unflatten(-1, (3, 3))


def still(R):
    return Rigid(R, torch.zeros(*R.shape[:-1], dtype=R.dtype))


def about(title, mistake, matrix, read=lambda angles: angles.unbind(-1)):
    """A frame whose rotation is ``matrix(sin, cos, 0, 1)``, row by row."""

    def turn_about_x(angles):
        sin, cos = read(angles)
        zero = torch.zeros_like(sin)
        return still(rows(*matrix(sin, cos, zero, zero + 1)))

    (bond.wrong(title, mistake, turn_about_x) if mistake else bond.right(title, turn_about_x))


def sound(s, c, o, i):
    return i, o, o, o, c, -s, o, s, c


about(
    "the cosine first",
    "An angle of zero turns by 90 degrees: the sine comes first.",
    sound,
    lambda a: a.flip(-1).unbind(-1),
)
about(
    "the minus at the other sine",
    "It turns backwards: the side chain becomes its mirror image about the bond.",
    lambda s, c, o, i: (i, o, o, o, c, s, o, -s, c),
)
about(
    "no minus", "That is no rotation: its determinant is cos² − sin².", lambda s, c, o, i: (i, o, o, o, c, s, o, s, c)
)
about("a turn about z", "The bond lies along x.", lambda s, c, o, i: (c, -s, o, s, c, o, o, o, i))
about("a turn about y", "The bond lies along x.", lambda s, c, o, i: (c, o, s, o, i, o, -s, o, c))
about("a zero in the corner", "x stays x: the first entry is 1.", lambda s, c, o, i: (o, o, o, o, c, -s, o, s, c))
about("a mirror along x", "The first entry is +1.", lambda s, c, o, i: (-i, o, o, o, c, -s, o, s, c))
about(
    "sine and cosine of the sine",
    "The numbers are sine and cosine already.",
    sound,
    lambda a: (a[..., 0].sin(), a[..., 0].cos()),
)
about(
    "half the angle",
    "Half angles belong to quaternions.",
    sound,
    lambda a: ((torch.atan2(a[..., 0], a[..., 1]) / 2).sin(), (torch.atan2(a[..., 0], a[..., 1]) / 2).cos()),
)
about(
    "the angle in degrees",
    "atan2 gives radians, and so sin and cos take them.",
    sound,
    lambda a: (
        (torch.atan2(a[..., 0], a[..., 1]) * 180 / math.pi).sin(),
        (torch.atan2(a[..., 0], a[..., 1]) * 180 / math.pi).cos(),
    ),
)
about(
    "the cosine from the sine",
    "The root is never negative: angles beyond 90 degrees are lost.",
    sound,
    lambda a: (a[..., 0], (1 - a[..., 0] ** 2).clamp(min=0).sqrt()),
)
about(
    "the sine from the cosine",
    "The root is never negative: the sense of the turn is lost.",
    sound,
    lambda a: ((1 - a[..., 1] ** 2).clamp(min=0).sqrt(), a[..., 1]),
)
about(
    "the first angle for all",
    "Each frame turns by an angle of its own.",
    sound,
    lambda a: [x.flatten()[0].expand(a.shape[:-1]) for x in a.unbind(-1)],
)
about(
    "arcsine",
    "The arcsine knows angles up to 90 degrees only.",
    sound,
    lambda a: (a[..., 0].asin().sin(), a[..., 0].asin().cos()),
)
about("cut off from the gradient", "The angles cannot be learnt.", sound, lambda a: a.detach().unbind(-1))
bond.wrong(
    "a matrix", "A Rigid was asked for.", lambda a: rows(*sound(a[..., 0], a[..., 1], 0 * a[..., 0], 1 + 0 * a[..., 0]))
)
bond.wrong(
    "translated by the angle",
    "The translations are zero.",
    lambda a: (lambda R: Rigid(R, R[..., 0]))(rows(*sound(a[..., 0], a[..., 1], 0 * a[..., 0], 1 + 0 * a[..., 0]))),
)
bond.wrong(
    "in single precision",
    "The dtype of the angles was lost.",
    lambda a: still(
        rows(*sound(a[..., 0].float(), a[..., 1].float(), torch.zeros(a.shape[:-1]), torch.ones(a.shape[:-1])))
    ),
)


@bond.wrong("one angle", "float() takes a single number: no batch of angles.")
def _(angles):
    s, c = float(angles[..., 0]), float(angles[..., 1])
    return still(torch.tensor([[1, 0, 0], [0, c, -s], [0, s, c]], dtype=angles.dtype))


about("stacked entries", "", sound)


@bond.right("columns of the plane")
def _(angles):
    sin, cos = angles[..., 0], angles[..., 1]
    R = torch.eye(3, dtype=angles.dtype).repeat(*sin.shape, 1, 1)
    R[..., 1:, 1] = torch.stack([cos, sin], dim=-1)
    R[..., 1:, 2] = torch.stack([-sin, cos], dim=-1)
    return Rigid(R, torch.zeros_like(R[..., 0]))


@bond.right("a quaternion of half the angle")
def _(angles):
    half = torch.atan2(angles[..., 0], angles[..., 1]) / 2
    zero = torch.zeros_like(half)
    return still(quaternion_to_rotation(torch.stack([half.cos(), half.sin(), zero, zero], dim=-1)))


# --- 11.2 -----------------------------------------------------------------------------------------------------------
arm = Exercise("11.2", "check_hang_frames")


def joined(frames):
    """A list of frames (*) as one Rigid (*, K + 1)."""
    return Rigid(
        torch.stack([T.rotations for T in frames], dim=-3), torch.stack([T.translations for T in frames], dim=-2)
    )


def chain(title, mistake, following, start=lambda first, links: [first], end=lambda frames: joined(frames)):
    """A loop over the links; ``following(frames, link)`` is the next frame."""

    def hang(first, links):
        frames = start(first, links)
        for k in range(links.shape[-1]):
            frames.append(following(frames, links[..., k]))
        return end(frames)

    (arm.wrong(title, mistake, hang) if mistake else arm.right(title, hang))


def onwards(frames, link):
    return frames[-1] @ link


chain("links on the left", "Each link would move the whole world; it belongs on the right.", lambda f, U: U @ f[-1])
chain("all on the first frame", "Each link hangs on the frame before it, not on the first.", lambda f, U: f[0] @ U)
chain("links undone", "The link is a step, not its inverse.", lambda f, U: f[-1] @ U.inverse())
chain(
    "places added",
    "The link's push is in the axes of the frame before it.",
    lambda f, U: Rigid(f[-1].rotations @ U.rotations, f[-1].translations + U.translations),
)
chain("rotations only", "The link pushes, too.", lambda f, U: Rigid(f[-1].rotations @ U.rotations, f[-1].translations))
chain("pushes only", "The link turns, too.", lambda f, U: Rigid(f[-1].rotations, (f[-1] @ U).translations))
chain(
    "pushed after the turn",
    "The push comes along the axes before the link's turn.",
    lambda f, U: Rigid(
        f[-1].rotations @ U.rotations,
        f[-1].translations + (f[-1].rotations @ U.rotations @ U.translations[..., None])[..., 0],
    ),
)
chain("without the first frame", "All K + 1 frames were asked for.", onwards, end=lambda frames: joined(frames[1:]))
chain("without the last frame", "All K + 1 frames were asked for.", onwards, end=lambda frames: joined(frames[:-1]))
chain("only the last frame", "All K + 1 frames were asked for.", onwards, end=lambda frames: frames[-1])
chain("a list", "One Rigid was asked for.", onwards, end=lambda frames: frames)
chain("backwards", "The first frame stands first.", onwards, end=lambda frames: joined(frames[::-1]))
chain(
    "stacked in front",
    "The new axis is the last of the shape, not the first.",
    onwards,
    end=lambda frames: Rigid(torch.stack([T.rotations for T in frames]), torch.stack([T.translations for T in frames])),
)
chain(
    "begun at the identity",
    "The arm begins at the frame that was given.",
    onwards,
    lambda first, links: [Rigid.identity(first.shape, first.dtype)],
)
chain("two back", "The frame before is frames[-1].", lambda f, U: f[-2 if len(f) > 1 else -1] @ U)
chain("cut off from the gradient", "Angles upstream cannot be learnt.", lambda f, U: f[-1].detach() @ U)
arm.wrong(
    "links by themselves",
    "Nothing hangs on anything.",
    lambda first, links: joined([first, *(links[..., k] for k in range(links.shape[-1]))]),
)
arm.wrong(
    "four links",
    "An arm may have any number.",
    lambda first, links: joined(
        [
            first,
            first @ links[..., 0],
            first @ links[..., 0] @ links[..., 1],
            first @ links[..., 0] @ links[..., 1] @ links[..., 2],
            first @ links[..., 0] @ links[..., 1] @ links[..., 2] @ links[..., 3],
        ]
    ),
)
arm.wrong(
    "in the wrong order",
    "U₂ ∘ U₁ was composed where U₁ ∘ U₂ belongs.",
    lambda first, links: joined([first, *(first @ x for x in partial(links, left=True))]),
)
arm.wrong(
    "the links of the first arm",
    "links[k] is an arm of the batch; links[..., k] is a link.",
    lambda first, links: joined([first, *(first @ links[k] for k in range(len(links)))]),
)


def partial(links, left=False):
    """U₁, U₁ ∘ U₂, … or, on the left, U₁, U₂ ∘ U₁, …"""
    out = [links[..., 0]] if links.shape[-1] else []
    for k in range(1, links.shape[-1]):
        out.append(links[..., k] @ out[-1] if left else out[-1] @ links[..., k])
    return out


arm.right(
    "the links among themselves first", lambda first, links: joined([first, *(first @ U for U in partial(links))])
)


@arm.right("tensors filled in")
def _(first, links):
    K = links.shape[-1]
    R, t = first.rotations, first.translations
    all_R, all_t = [R], [t]
    for k in range(K):
        t = t + torch.einsum("...xy,...y->...x", R, links.translations[..., k, :])
        R = R @ links.rotations[..., k, :, :]
        all_R.append(R)
        all_t.append(t)
    return Rigid(torch.stack(all_R, -3), torch.stack(all_t, -2))
