"""Frames seen from frames, and frames hung on frames."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ....rigid import Rigid
from .registry import slip

TABLE = "what each residue sees of each other: T_i⁻¹ ∘ T_j"


@slip(TABLE, "nobody is inverted, T_i ∘ T_j: that depends on where the world is")
def nobody_inverted(T: Rigid) -> Rigid:
    return T[..., :, None] @ T[..., None, :]


@slip(TABLE, "both are inverted, where only the one who looks should be")
def both_inverted(T: Rigid) -> Rigid:
    return T[..., :, None].inverse() @ T[..., None, :].inverse()


@slip(TABLE, "T_j ∘ T_i⁻¹ for T_i⁻¹ ∘ T_j: the one who looks stands on the left, or G does not cancel")
def the_one_who_looks_on_the_right(T: Rigid) -> Rigid:
    return T[..., None, :] @ T[..., :, None].inverse()


@slip(TABLE, "T_i ∘ T_j⁻¹ for T_i⁻¹ ∘ T_j: the one who is seen has been inverted")
def the_one_who_is_seen_inverted(T: Rigid) -> Rigid:
    return T[..., :, None] @ T[..., None, :].inverse()


@slip(TABLE, "t_j − t_i along the axes of the world: the arrow is not turned into the frame of i")
def arrow_along_the_world(T: Rigid) -> Rigid:
    seen = T[..., :, None].inverse() @ T[..., None, :]
    return Rigid(seen.rotations, T.translations[..., None, :, :] - T.translations[..., :, None, :])


EYES = "any function made equivariant: T₁ ∘ f(T₁⁻¹ ∘ T)"


@slip(EYES, "f still sees the world: T₁⁻¹ is missing")
def not_gone_there(f: Callable, T: Rigid) -> Rigid:
    return T[..., :1] @ f(T)


@slip(EYES, "the answer is left in the world of the first residue: T₁ is missing")
def not_come_back(f: Callable, T: Rigid) -> Rigid:
    return f(T[..., :1].inverse() @ T)


@slip(EYES, "f as it is: nothing was done")
def f_as_it_is(f: Callable, T: Rigid) -> Rigid:
    return f(T)


@slip(EYES, "T₁ on the right, where a motion of the whole world stands on the left")
def first_on_the_right(f: Callable, T: Rigid) -> Rigid:
    return f(T @ T[..., :1].inverse()) @ T[..., :1]


@slip(EYES, "T₁ comes back on the right, where it should stand on the left")
def back_on_the_right(f: Callable, T: Rigid) -> Rigid:
    return f(T[..., :1].inverse() @ T) @ T[..., :1]


@slip(EYES, "T₁ and T₁⁻¹ are exchanged: out where it should go in")
def there_and_back_exchanged(f: Callable, T: Rigid) -> Rigid:
    return T[..., :1].inverse() @ f(T[..., :1] @ T)


@slip(EYES, "each residue looks through its own eyes: T_i⁻¹ ∘ T_i is nothing at all")
def each_through_its_own_eyes(f: Callable, T: Rigid) -> Rigid:
    return T @ f(T.inverse() @ T)


@slip(EYES, "through the eyes of the last residue, where the first is asked for")
def eyes_of_the_last(f: Callable, T: Rigid) -> Rigid:
    return T[..., -1:] @ f(T[..., -1:].inverse() @ T)


ARM = "frames that hang on frames: T, T ∘ U₁, T ∘ U₁ ∘ U₂, …"


def stacked(frames: list[Rigid]) -> Rigid:
    rotations = torch.stack([T.rotations for T in frames], dim=-3)
    return Rigid(rotations, torch.stack([T.translations for T in frames], dim=-2))


@slip(ARM, "links on the left, U ∘ T: each is a motion of the whole world")
def links_on_the_left(first: Rigid, links: Rigid) -> Rigid:
    frames = [first]
    for k in range(links.shape[-1]):
        frames.append(links[..., k] @ frames[-1])
    return stacked(frames)


@slip(ARM, "each link hangs on the first frame, where it should hang on the one before")
def all_on_the_first(first: Rigid, links: Rigid) -> Rigid:
    return stacked([first, *(first @ links[..., k] for k in range(links.shape[-1]))])


@slip(ARM, "the links are taken in reverse order")
def links_in_reverse(first: Rigid, links: Rigid) -> Rigid:
    frames = [first]
    for k in reversed(range(links.shape[-1])):
        frames.append(frames[-1] @ links[..., k])
    return stacked(frames)


@slip(ARM, "the links are composed with each other, and the first frame is left out")
def without_the_first(first: Rigid, links: Rigid) -> Rigid:
    frames = [Rigid.identity(first.shape, dtype=first.dtype)]
    for k in range(links.shape[-1]):
        frames.append(frames[-1] @ links[..., k])
    return stacked(frames)


@slip(ARM, "translations are added up without being turned by the frame before")
def arm_without_turning(first: Rigid, links: Rigid) -> Rigid:
    frames = [first]
    for k in range(links.shape[-1]):
        last, link = frames[-1], links[..., k]
        frames.append(Rigid(last.rotations @ link.rotations, last.translations + link.translations))
    return stacked(frames)


GROUPS = "torsion.compose_groups"


def groups_by(carrier_of: Callable[[int], int | None], backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    """The eight groups with somebody else as the carrier of each."""
    groups: list[Rigid] = []
    for g in range(default.shape[-1]):
        carrier = carrier_of(g)
        groups.append((backbone if carrier is None else groups[carrier]) @ default[..., g] @ turns[..., g])
    return stacked(groups)


@slip(GROUPS, "one group too late: χ2 still hangs on the backbone, and only χ3 and χ4 on the χ before")
def chain_begins_too_late(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    return groups_by(lambda g: g - 1 if g > 5 else None, backbone, default, turns)


@slip(GROUPS, "one group too early: χ1 hangs on ψ, where the backbone carries it")
def chain_begins_too_early(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    return groups_by(lambda g: g - 1 if g > 3 else None, backbone, default, turns)


@slip(GROUPS, "χ2, χ3 and χ4 all hang on χ1, where each hangs on the one before")
def all_on_chi_one(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    return groups_by(lambda g: 4 if g > 4 else None, backbone, default, turns)


@slip(GROUPS, "the turns are left out: every torsion angle stays as in the ideal residue")
def turns_left_out(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    one = Rigid.identity(turns.shape, dtype=turns.dtype)
    return groups_by(lambda g: g - 1 if g > 4 else None, backbone, default, one)


@slip("makeRotX: a turn about the x axis from (sin, cos)", "a turn about z, where the group's x axis is the bond")
def turn_about_z(angles: Tensor) -> Rigid:
    sin, cos = angles.unbind(-1)
    zero, one = torch.zeros_like(sin), torch.ones_like(sin)
    rows = [cos, -sin, zero, sin, cos, zero, zero, zero, one]
    rotations = torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
    return Rigid(rotations, torch.zeros_like(rotations[..., 0]))
