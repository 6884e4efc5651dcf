"""Frames seen through the eyes of one, and frames hung on frames."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ....rigid import Rigid
from .registry import slip

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


@slip(ARM, "each link hangs on the frame before the last: the frame before is frames[-1]")
def two_back(first: Rigid, links: Rigid) -> Rigid:
    frames = [first]
    for k in range(links.shape[-1]):
        frames.append(frames[max(len(frames) - 2, 0)] @ links[..., k])
    return stacked(frames)


@slip(ARM, "the links are set beside each other: nothing hangs on anything")
def links_by_themselves(first: Rigid, links: Rigid) -> Rigid:
    return stacked([first, *(links[..., k] for k in range(links.shape[-1]))])


@slip(ARM, "the links are composed backwards, U₂ ∘ U₁ for U₁ ∘ U₂")
def links_composed_backwards(first: Rigid, links: Rigid) -> Rigid:
    frames, sofar = [first], None
    for k in range(links.shape[-1]):
        sofar = links[..., k] if sofar is None else links[..., k] @ sofar
        frames.append(first @ sofar)
    return stacked(frames)


ATOMS = "Algorithm 24, line 11: each atom placed by the frame of its group"


@slip(ATOMS, "atom number a rides on frame number a: which group it belongs to is not read")
def atom_a_on_frame_a(frames: Rigid, ideal: Tensor, group: Tensor) -> Tensor:
    order = torch.arange(len(group)).clamp(max=frames.shape[-1] - 1)
    return frames[..., order].apply(ideal)


@slip(ATOMS, "the ideal places are gathered by group as well: they are in the order of the atoms already")
def atoms_gathered_too(frames: Rigid, ideal: Tensor, group: Tensor) -> Tensor:
    return frames[..., group].apply(ideal[group])


@slip(ATOMS, "all atoms ride on the first frame")
def all_on_the_first_group(frames: Rigid, ideal: Tensor, group: Tensor) -> Tensor:
    return frames[..., torch.zeros_like(group)].apply(ideal)


@slip(ATOMS, "seen from the frame and not placed by it: T⁻¹ where T belongs")
def brought_home(frames: Rigid, ideal: Tensor, group: Tensor) -> Tensor:
    return frames[..., group].invert_apply(ideal)


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


@slip(GROUPS, "groups are attached on the left: a step in the axes of the carrier stands on the right")
def attached_on_the_left(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    groups: list[Rigid] = []
    for g in range(default.shape[-1]):
        groups.append(default[..., g] @ turns[..., g] @ (groups[g - 1] if g > 4 else backbone))
    return stacked(groups)


@slip(GROUPS, "all hang on group 0: its own ideal frame and turn then come twice, and the backbone as given carries")
def all_on_group_zero(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    return groups_by(lambda g: g - 1 if g > 4 else 0 if g else None, backbone, default, turns)


@slip(GROUPS, "the backbone itself is the first group: its ideal frame and turn are treated like any other")
def backbone_as_the_first_group(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    groups = groups_by(lambda g: g - 1 if g > 4 else None, backbone, default, turns)
    return stacked([backbone, *(groups[..., g] for g in range(1, 8))])


@slip(GROUPS, "χ4 hangs on χ2, where χ3 carries it")
def chi_four_on_chi_two(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    return groups_by(lambda g: {5: 4, 6: 5, 7: 5}.get(g), backbone, default, turns)


@slip(GROUPS, "χ1 to χ4 are taken to be the first groups, where backbone, pre-ω, φ and ψ come first")
def chi_first(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    return groups_by(lambda g: g - 1 if 0 < g < 4 else None, backbone, default, turns)


@slip(GROUPS, "the turns are left out: every torsion angle stays as in the ideal residue")
def turns_left_out(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    one = Rigid.identity(turns.shape, dtype=turns.dtype)
    return groups_by(lambda g: g - 1 if g > 4 else None, backbone, default, one)


ROT_X = "makeRotX: a turn about the x axis from (sin, cos)"


def about(angles: Tensor, order: str) -> Rigid:
    """A rotation by rows: s, c for sine and cosine, S for −sine, 0 and 1."""
    sin, cos = angles.unbind(-1)
    entries = {"s": sin, "c": cos, "S": -sin, "0": torch.zeros_like(sin), "1": torch.ones_like(sin)}
    rotations = torch.stack([entries[x] for x in order], dim=-1).unflatten(-1, (3, 3))
    return Rigid(rotations, torch.zeros_like(rotations[..., 0]))


@slip(ROT_X, "a turn about y, where the group's x axis is the bond")
def turn_about_y(angles: Tensor) -> Rigid:
    return about(angles, "c0s010S0c")


@slip(ROT_X, "both sines have the same sign: that is no rotation")
def sines_of_one_sign(angles: Tensor) -> Rigid:
    return about(angles, "1000cs0sc")


@slip(ROT_X, "the angle of the first for all")
def first_angle_for_all(angles: Tensor) -> Rigid:
    return about(angles[..., :1, :].expand_as(angles), "1000cS0sc")


@slip(ROT_X, "half the angle: half angles belong to quaternions")
def half_the_angle(angles: Tensor) -> Rigid:
    half = torch.atan2(angles[..., 0], angles[..., 1]) / 2
    return about(torch.stack([half.sin(), half.cos()], dim=-1), "1000cS0sc")


@slip(ROT_X, "sine and cosine are taken of what are sine and cosine already")
def sine_of_the_sine(angles: Tensor) -> Rigid:
    return about(torch.stack([angles[..., 0].sin(), angles[..., 0].cos()], dim=-1), "1000cS0sc")


@slip(ROT_X, "the sine is made from the cosine: a root is never negative, and the sense of the turn is lost")
def sine_from_the_cosine(angles: Tensor) -> Rigid:
    sin = (1 - angles[..., 1].square()).clamp(min=0).sqrt()
    return about(torch.stack([sin, angles[..., 1]], dim=-1), "1000cS0sc")


@slip(ROT_X, "a turn about z, where the group's x axis is the bond")
def turn_about_z(angles: Tensor) -> Rigid:
    sin, cos = angles.unbind(-1)
    zero, one = torch.zeros_like(sin), torch.ones_like(sin)
    rows = [cos, -sin, zero, sin, cos, zero, zero, zero, one]
    rotations = torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
    return Rigid(rotations, torch.zeros_like(rotations[..., 0]))
