"""Frames, and points that are carried by them."""

from __future__ import annotations

import torch
from torch import Tensor

from ....quaternion import quaternion_multiply, quaternion_to_rotation
from ....rigid import Rigid, rigid_from_3_points
from .registry import slip


def turned(R: Tensor, x: Tensor) -> Tensor:
    return (R @ x[..., None])[..., 0]


@slip("rigid.Rigid.apply", "R (x + t) for R x + t: the address of the frame is turned as well")
def shifted_first(T: Rigid, points: Tensor) -> Tensor:
    return turned(T.rotations, points + T.translations)


@slip("rigid.Rigid.apply", "x + t for R x + t: the point is not turned")
def not_turned(T: Rigid, points: Tensor) -> Tensor:
    return points + T.translations


@slip("rigid.Rigid.invert_apply", "Rᵀ x for Rᵀ (x − t): where the residue stands is not subtracted")
def not_subtracted(T: Rigid, points: Tensor) -> Tensor:
    return turned(T.rotations.mT, points)


@slip("rigid.Rigid.invert_apply", "x − t for Rᵀ (x − t): seen from the residue, but along the axes of the world")
def along_the_axes_of_the_world(T: Rigid, points: Tensor) -> Tensor:
    return points - T.translations


@slip("rigid.Rigid.__matmul__", "translations simply added: t_U is spoken in T's axes and must be turned by R_T")
def translations_added(T: Rigid, U: Rigid) -> Rigid:
    return Rigid(T.rotations @ U.rotations, T.translations + U.translations)


@slip("rigid.Rigid.__matmul__", "R_T (t_T + t_U): t_T is turned as well")
def both_translations_turned(T: Rigid, U: Rigid) -> Rigid:
    return Rigid(T.rotations @ U.rotations, turned(T.rotations, T.translations + U.translations))


@slip("rigid.Rigid.__matmul__", "R_U t_T + t_U for R_T t_U + t_T: t_T is turned instead of t_U")
def the_wrong_translation_turned(T: Rigid, U: Rigid) -> Rigid:
    return Rigid(T.rotations @ U.rotations, turned(U.rotations, T.translations) + U.translations)


@slip("rigid.Rigid.__matmul__", "the rotations are multiplied in the other order: R_U R_T for R_T R_U")
def rotations_the_other_way_round(T: Rigid, U: Rigid) -> Rigid:
    return Rigid(U.rotations @ T.rotations, turned(T.rotations, U.translations) + T.translations)


@slip("rigid.Rigid.inverse", "(Rᵀ, −R t) for (Rᵀ, −Rᵀ t): the translation is turned on and not back")
def inverse_turned_on(T: Rigid) -> Rigid:
    return Rigid(T.rotations.mT, -turned(T.rotations, T.translations))


@slip(
    "rigid.rigid_from_3_points",
    "the helper's frame: the first atom on the negative x axis, as OpenFold's argument says",
)
def first_atom_on_minus_x(n: Tensor, ca: Tensor, c: Tensor) -> Rigid:
    return rigid_from_3_points(c, ca, 2 * ca - n)


# --- the backbone update ----------------------------------------------------------------------------------------------

UPDATE = "blocks.compose_update"


def unit(q: Tensor) -> Tensor:
    return q / q.norm(dim=-1, keepdim=True)


@slip("quaternion.quaternion_multiply", "the product is normalised: lengths multiply, and are part of the product")
def product_of_length_one(a: Tensor, b: Tensor) -> Tensor:
    return unit(quaternion_multiply(a, b))


@slip("quaternion.quaternion_multiply", "v₂ × v₁ for v₁ × v₂: the product of the factors in the other order")
def cross_product_reversed(a: Tensor, b: Tensor) -> Tensor:
    return quaternion_multiply(b, a)


@slip("quaternion.quaternion_multiply", "the cross product is missing: factors then commute, and turns do not")
def without_the_cross_product(a: Tensor, b: Tensor) -> Tensor:
    w = a[..., :1] * b[..., :1] - (a[..., 1:] * b[..., 1:]).sum(-1, keepdim=True)
    return torch.cat([w, a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:]], dim=-1)


@slip("quaternion.quaternion_multiply", "+ for − in front of the dot product")
def plus_the_dot_product(a: Tensor, b: Tensor) -> Tensor:
    plus = 2 * (a[..., 1:] * b[..., 1:]).sum(-1, keepdim=True)
    return quaternion_multiply(a, b) + torch.cat([plus, torch.zeros_like(a[..., 1:])], dim=-1)


@slip("quaternion.quaternion_multiply", "(x, y, z, w) for (w, x, y, z): here the real part comes first")
def product_with_the_real_part_last(a: Tensor, b: Tensor) -> Tensor:
    return quaternion_multiply(a.roll(1, -1), b.roll(1, -1)).roll(-1, -1)


@slip(UPDATE, "the new quaternion is not normalised: rounding adds up in a long stack")
def update_not_normalised(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    return quaternion_multiply(q, q_update), t + turned(quaternion_to_rotation(q), t_update)


@slip(UPDATE, "q_U q for q q_U: the turn is made about the axes of the world")
def turned_about_the_worlds_axes(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    return unit(quaternion_multiply(q_update, q)), t + turned(quaternion_to_rotation(q), t_update)


@slip(UPDATE, "the push is turned by Rᵀ, where R takes it from the residue's axes to the world's")
def pushed_by_the_transpose(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    return unit(quaternion_multiply(q, q_update)), t + turned(quaternion_to_rotation(q).mT, t_update)


@slip(UPDATE, "the push is turned by the update's own rotation, R(q_U), where the old R(q) belongs")
def pushed_by_the_update(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    return unit(quaternion_multiply(q, q_update)), t + turned(quaternion_to_rotation(q_update), t_update)


@slip(UPDATE, "the turn is left out: the quaternion stays as it was")
def turn_left_out(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    return unit(q), t + turned(quaternion_to_rotation(q), t_update)


@slip(UPDATE, "the turn is left out: the quaternion stays as it came")
def turn_left_out_as_it_came(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    return q, t + turned(quaternion_to_rotation(q), t_update)


@slip(UPDATE, "quaternions multiplied entry by entry: the star is no product of quaternions")
def quaternions_entry_by_entry(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    return unit(q * q_update), t + turned(quaternion_to_rotation(q), t_update)


NUMBERS = "blocks.BackboneUpdate.quaternion_and_translation"


@slip(NUMBERS, "(1, b, c, d) is not normalised")
def one_and_three_not_normalised(numbers: Tensor) -> tuple[Tensor, Tensor]:
    bcd, push = numbers.split(3, dim=-1)
    return torch.cat([torch.ones_like(bcd[..., :1]), bcd], dim=-1), push


@slip(NUMBERS, "the 1 stands at the end, (b, c, d, 1): here the real part comes first")
def the_one_at_the_end(numbers: Tensor) -> tuple[Tensor, Tensor]:
    bcd, push = numbers.split(3, dim=-1)
    return unit(torch.cat([bcd, torch.ones_like(bcd[..., :1])], dim=-1)), push


@slip(NUMBERS, "b, c, d are normalised before the 1 is put in front: every update is then a quarter turn")
def arrow_normalised_first(numbers: Tensor) -> tuple[Tensor, Tensor]:
    bcd, push = numbers.split(3, dim=-1)
    return unit(torch.cat([torch.ones_like(bcd[..., :1]), unit(bcd)], dim=-1)), push


@slip(NUMBERS, "push and turn are read the wrong way round: the first three numbers turn")
def push_comes_first(numbers: Tensor) -> tuple[Tensor, Tensor]:
    push, bcd = numbers.split(3, dim=-1)
    return unit(torch.cat([torch.ones_like(bcd[..., :1]), bcd], dim=-1)), push


@slip(NUMBERS, "every other number turns, where the first three do")
def every_other_number(numbers: Tensor) -> tuple[Tensor, Tensor]:
    bcd, push = numbers[..., ::2], numbers[..., 1::2]
    return unit(torch.cat([torch.ones_like(bcd[..., :1]), bcd], dim=-1)), push
