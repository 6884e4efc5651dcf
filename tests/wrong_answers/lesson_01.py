"""Lesson 01: into the world, back home, and the frame of three atoms."""

import numpy as np
import torch
from torch.linalg import cross

from ipa_tutorial import Rigid

from .answer import Exercise


def turn(R, x):
    """R x, a matrix and an arrow for each residue."""
    return (R @ x[..., None])[..., 0]


# --- 01.1 -----------------------------------------------------------------------------------------------------------
out = Exercise("01.1", "check_apply")

out.wrong(
    "turned backwards",
    "The sum runs over the first index of R, which is Rᵀ x.",
    lambda T, points: torch.einsum("...xy,...x->...y", T.rotations, points) + T.translations,
)
out.wrong(
    "pushed before it is turned",
    "R(x + t) turns the translation as well; it comes last.",
    lambda T, points: turn(T.rotations, points + T.translations),
)
out.wrong("not pushed", "The translation is missing.", lambda T, points: turn(T.rotations, points))
out.wrong("not turned", "The rotation is missing.", lambda T, points: points + T.translations)
out.wrong(
    "pushed the other way", "t is added on the way out.", lambda T, points: turn(T.rotations, points) - T.translations
)
out.wrong(
    "the way home",
    "That is Rᵀ(x − t), the way from the world into the frame.",
    lambda T, points: turn(T.rotations.mT, points - T.translations),
)
out.wrong(
    "every point with every rotation",
    "points @ R.mT is for many points and one frame.",
    lambda T, points: points @ T.rotations.mT + T.translations,
)
out.wrong(
    "the diagonal of all pairs, by number",
    "diagonal and permute are written for one axis of residues.",
    lambda T, points: (points @ T.rotations.mT).diagonal(dim1=0, dim2=1).mT + T.translations,
)
out.wrong(
    "entry by entry",
    "The star stretches rows and sums nothing: this keeps the diagonal of R alone.",
    lambda T, points: T.rotations.diagonal(dim1=-2, dim2=-1) * points + T.translations,
)
out.wrong(
    "the frame of the first residue",
    "Each point has a frame of its own.",
    lambda T, points: turn(T.rotations[..., :1, :, :], points) + T.translations[..., :1, :],
)
out.wrong(
    "no batch axes",
    "The letters leave no room for a batch.",
    lambda T, points: torch.einsum("lxy,ly->lx", T.rotations, points) + T.translations,
)
out.wrong(
    "an axis too many",
    "After the product the column has to become an arrow again.",
    lambda T, points: T.rotations @ points[..., None] + T.translations[..., None],
)
out.wrong("in ångström", "Everything is nm, the answer too.", lambda T, x: 10 * (turn(T.rotations, x) + T.translations))
out.wrong(
    "NumPy",
    "An array has lost the gradient.",
    lambda T, points: (turn(T.rotations, points) + T.translations).detach().numpy(),
)
out.wrong(
    "cut off from the gradient",
    "Nothing learns through detached frames.",
    lambda T, points: turn(T.rotations, points).detach() + T.translations.detach(),
)


@out.wrong("written into the points", "The caller's points have moved.")
def _(T, points):
    points[...] = turn(T.rotations, points)
    points += T.translations
    return points


out.right(
    "a sum of scaled columns",
    lambda T, x: (T.rotations * x[..., None, :]).sum(-1) + T.translations,
)
out.right(
    "rows times transposed matrices",
    lambda T, x: (x.unsqueeze(-2) @ T.rotations.mT).squeeze(-2) + T.translations,
)


@out.right("three dot products in a loop")
def _(T, points):
    return torch.stack([(T.rotations[..., k, :] * points).sum(-1) + T.translations[..., k] for k in range(3)], dim=-1)


# --- 01.2 -----------------------------------------------------------------------------------------------------------
home = Exercise("01.2", "check_invert_apply")

home.wrong(
    "turned on", "R turns further away; Rᵀ turns back.", lambda T, points: turn(T.rotations, points - T.translations)
)
home.wrong(
    "turned back, then pushed back",
    "The last step of the way out is the first of the way home: subtract t before turning.",
    lambda T, points: turn(T.rotations.mT, points) - T.translations,
)
home.wrong("not pushed", "Right for a residue at the origin only.", lambda T, points: turn(T.rotations.mT, points))
home.wrong("not turned", "The arrow is still in the world's axes.", lambda T, points: points - T.translations)
home.wrong("pushed on", "t was added, not taken away.", lambda T, points: turn(T.rotations.mT, points + T.translations))
home.wrong(
    "looking the other way",
    "This is the arrow from the place to the residue.",
    lambda T, points: turn(T.rotations.mT, T.translations - points),
)
home.wrong("the way out", "That is T ∘ x.", lambda T, points: turn(T.rotations, points) + T.translations)
home.wrong(
    "a matrix inverse",
    "The statement asks to compute none: the transpose turns back.",
    lambda T, points: turn(torch.linalg.inv(T.rotations), points - T.translations),
)
home.wrong(
    "all residues in one",
    ".T turns the whole stack around; .mT is the transpose of each.",
    lambda T, points: turn(T.rotations.T, points - T.translations),
)
home.wrong(
    "every point with every rotation",
    "(x − t) @ R is for many points and one frame.",
    lambda T, points: (points - T.translations) @ T.rotations,
)
home.wrong(
    "no batch axes",
    "The letters leave no room for a batch.",
    lambda T, points: torch.einsum("lyx,ly->lx", T.rotations, points - T.translations),
)
home.wrong("in ångström", "nm in, nm out.", lambda T, x: 10 * turn(T.rotations.mT, x - T.translations))
home.wrong(
    "cut off from the gradient",
    "Nothing learns through detached frames.",
    lambda T, points: turn(T.rotations.mT, points - T.translations).detach(),
)


@home.wrong("subtracted in place", "-= moves the caller's points.")
def _(T, points):
    points -= T.translations
    return turn(T.rotations.mT, points)


home.right(
    "rows times matrices",
    lambda T, points: ((points - T.translations).unsqueeze(-2) @ T.rotations).squeeze(-2),
)
home.right(
    "pushes turned one by one",
    lambda T, points: turn(T.rotations.mT, points) - turn(T.rotations.mT, T.translations),
)
home.right(
    "shadows on the axes",
    lambda T, points: (T.rotations * (points - T.translations)[..., :, None]).sum(-2),
)

# --- 01.3 -----------------------------------------------------------------------------------------------------------
atoms = Exercise("01.3", "check_rigid_from_3_points")


def unit(v, eps=1e-8):
    return v / (v.square().sum(-1, keepdim=True) + eps).sqrt()


def frame(e1, e2, e3, ca, dim=-1):
    return Rigid(torch.stack([e1, e2, e3], dim=dim), ca)


def axes(n, ca, c, unit=unit):
    e1 = unit(c - ca)
    e3 = unit(cross(e1, n - ca))
    return e1, cross(e3, e1), e3


atoms.wrong(
    "axes as rows",
    "The columns of R are the axes; as rows it is the inverse rotation.",
    lambda n, ca, c: frame(*axes(n, ca, c), ca, dim=-2),
)
atoms.wrong("N and C exchanged", "C gives the x axis, N the plane.", lambda n, ca, c: frame(*axes(c, ca, n), ca))
atoms.wrong("the origin at N", "Cα is the origin.", lambda n, ca, c: frame(*axes(n, ca, c), n))
atoms.wrong("the origin at C", "Cα is the origin.", lambda n, ca, c: frame(*axes(n, ca, c), c))
atoms.wrong("no origin", "The frame has a place: Cα.", lambda n, ca, c: frame(*axes(n, ca, c), torch.zeros_like(ca)))
atoms.wrong(
    "no ε",
    "Three atoms in one place make 0/0, which is NaN.",
    lambda n, ca, c: frame(*axes(n, ca, c, lambda v: v / v.norm(dim=-1, keepdim=True)), ca),
)
atoms.wrong(
    "ε outside the root",
    "‖v‖ + ε is finite, and its gradient at zero is not what was asked for.",
    lambda n, ca, c: frame(*axes(n, ca, c, lambda v: v / (v.square().sum(-1, keepdim=True).sqrt() + 1e-4)), ca),
)
atoms.wrong(
    "a large ε",
    "0.01 Å² makes the axes shorter than one.",
    lambda n, ca, c: frame(*axes(n, ca, c, lambda v: unit(v, 0.01)), ca),
)
atoms.wrong(
    "one length for all residues",
    "The norm runs over all axes; it belongs to each arrow.",
    lambda n, ca, c: frame(*axes(n, ca, c, lambda v: v / (v.square().sum() + 1e-8).sqrt()), ca),
)
atoms.wrong("into nm", "Units in are units out.", lambda n, ca, c: frame(*axes(n, ca, c), ca / 10))
atoms.wrong(
    "a pair of tensors",
    "One Rigid was asked for.",
    lambda n, ca, c: (torch.stack(axes(n, ca, c), dim=-1), ca),
)


@atoms.wrong("arrows towards Cα", "Ca − C points the wrong way: C must lie on +x.")
def _(n, ca, c):
    e1 = unit(ca - c)
    e3 = unit(cross(e1, ca - n))
    return frame(e1, cross(e3, e1), e3, ca)


@atoms.wrong("the product in the wrong order", "(N − Cα) × e₁ points down, and N ends at negative y.")
def _(n, ca, c):
    e1 = unit(c - ca)
    e3 = unit(cross(n - ca, e1))
    return frame(e1, cross(e3, e1), e3, ca)


@atoms.wrong("a left hand", "e₁ × e₃ is −e₂: the frame has become a mirror image.")
def _(n, ca, c):
    e1, _, e3 = axes(n, ca, c)
    return frame(e1, cross(e1, e3), e3, ca)


@atoms.wrong("e₂ and e₃ exchanged", "The normal of the plane is z, and y lies in it.")
def _(n, ca, c):
    e1, e2, e3 = axes(n, ca, c)
    return frame(e1, e3, e2, ca)


@atoms.wrong("N on the y axis", "The arrow to N is not perpendicular to x; the axes are crooked.")
def _(n, ca, c):
    e1, e2 = unit(c - ca), unit(n - ca)
    return frame(e1, e2, unit(cross(e1, e2)), ca)


@atoms.wrong("the normal not normalised", "e₁ × (N − Cα) is as long as N is far off.")
def _(n, ca, c):
    e1 = unit(c - ca)
    e3 = cross(e1, n - ca)
    return frame(e1, cross(e3, e1), e3, ca)


@atoms.wrong("positions instead of arrows", "C and N have to be seen from Cα.")
def _(n, ca, c):
    e1 = unit(c)
    e3 = unit(cross(e1, n))
    return frame(e1, cross(e3, e1), e3, ca)


@atoms.wrong("NaN made zero", "The values are mended; the gradient is NaN still.")
def _(n, ca, c):
    e1, e2, e3 = axes(n, ca, c, lambda v: (v / v.norm(dim=-1, keepdim=True)).nan_to_num())
    return frame(e1, e2, e3, ca)


@atoms.wrong("by NumPy", "The gradient has been lost on the way.")
def _(n, ca, c):
    e1, e2, e3 = (torch.from_numpy(np.array(e.detach())) for e in axes(n, ca, c))
    return frame(e1, e2, e3, ca)


@atoms.right("Gram–Schmidt")
def _(n, ca, c):
    e1, v = unit(c - ca), n - ca
    e2 = unit(v - (v * e1).sum(-1, keepdim=True) * e1)
    return frame(e1, e2, cross(e1, e2), ca)


@atoms.right("the normal first, from the raw arrows")
def _(n, ca, c):
    normal = cross(c - ca, n - ca)
    e3 = normal * (normal.pow(2).sum(-1, keepdim=True) + 1e-8).rsqrt()
    e1 = (c - ca) * ((c - ca).pow(2).sum(-1, keepdim=True) + 1e-8).rsqrt()
    rotations = torch.empty(*ca.shape, 3, dtype=ca.dtype)
    rotations[..., 0], rotations[..., 1], rotations[..., 2] = e1, cross(e3, e1), e3
    return Rigid(rotations, ca)
