"""The learner's own test of equivariance, of layers that return frames and an arrow for each residue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ... import testing
from ...rigid import Rigid
from .draw import Draw
from .engine import Case, Check
from .testing import FAILS, PASSES, PRINTS, on, place_of, verdict_of, what_slips_through

Layer = Callable[[Rigid], tuple[Rigid, Tensor]]  # frames (L,) → frames (L,), arrows (L, 3)

# --- what becomes of the frames --------------------------------------------------------------------------------------


def nudge(T: Rigid) -> Rigid:
    """A small motion, the same for every frame."""
    turn = T.rotations.new_tensor([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    return Rigid(turn, T.translations.new_tensor([0.3, -0.2, 0.5]))


def steps_on_the_right(T: Rigid) -> Rigid:
    return T @ nudge(T)


def steps_in_two_layers(T: Rigid) -> Rigid:
    return (T @ nudge(T)) @ nudge(T).inverse() @ nudge(T)


def steps_on_the_left(T: Rigid) -> Rigid:
    return nudge(T) @ T


def pushes_along_the_worlds_axes(T: Rigid) -> Rigid:
    return Rigid(T.rotations, T.translations + nudge(T).translations)


def turns_about_the_worlds_axes(T: Rigid) -> Rigid:
    return Rigid(nudge(T).rotations @ T.rotations, T.translations)


def shrinks_towards_the_origin(T: Rigid) -> Rigid:
    return Rigid(T.rotations, 0.9 * T.translations)


def forgets_the_rotations(T: Rigid) -> Rigid:
    return Rigid(torch.eye(3, dtype=T.dtype).expand_as(T.rotations), T.translations)


def drawn_to_the_middle(T: Rigid) -> Rigid:
    """Sound, though residues look at each other."""
    return Rigid(T.rotations, 0.8 * T.translations + 0.2 * T.translations.mean(-2, keepdim=True))


def nan_at_one_place(T: Rigid) -> Rigid:
    moved = steps_on_the_right(T)
    broken = torch.zeros_like(moved.translations).index_fill(-2, torch.tensor([1]), float("nan"))
    return Rigid(moved.rotations, moved.translations + broken)


def steps_a_little_on_the_left(T: Rigid) -> Rigid:
    """As sound as 0.0001 nm along the world's x axis."""
    moved = steps_on_the_right(T)
    return Rigid(moved.rotations, moved.translations + T.translations.new_tensor([1e-4, 0.0, 0.0]))


def turns_half_about_the_worlds_axes(T: Rigid) -> Rigid:
    """Blind to half turns of the world, which its own half turn commutes with."""
    return Rigid(T.rotations.new_tensor([1.0, -1.0, -1.0]).diag() @ T.rotations, T.translations)


def leaves_all_as_it_is(T: Rigid) -> Rigid:
    """Equivariant bit by bit."""
    return T


def never_moves(T: Rigid) -> Rigid:
    return Rigid.identity(T.shape, dtype=T.dtype)


MOVERS = {
    steps_on_the_right: PASSES,
    steps_in_two_layers: PASSES,
    steps_on_the_left: FAILS,
    pushes_along_the_worlds_axes: FAILS,
    turns_about_the_worlds_axes: FAILS,
    shrinks_towards_the_origin: FAILS,
    forgets_the_rotations: FAILS,
    never_moves: FAILS,
    drawn_to_the_middle: PASSES,
    leaves_all_as_it_is: PASSES,
    nan_at_one_place: FAILS,
    steps_a_little_on_the_left: FAILS,
    turns_half_about_the_worlds_axes: FAILS,
}

# --- what becomes of the arrows --------------------------------------------------------------------------------------


def arrows_of_length_zero(T: Rigid) -> Tensor:
    """The same bit by bit in any world."""
    return torch.zeros_like(T.translations)


def arrows_straight_ahead(T: Rigid) -> Tensor:
    return T.rotations[..., 0]


def arrows_to_the_middle(T: Rigid) -> Tensor:
    return T.translations.mean(-2, keepdim=True) - T.translations


def arrows_from_the_origin(T: Rigid) -> Tensor:
    """They turn as they should, and a push changes them."""
    return T.translations


def arrows_along_the_worlds_axis(T: Rigid) -> Tensor:
    return torch.zeros_like(T.translations) + T.translations.new_tensor([1.0, 2.0, -1.0])


def arrows_in_each_residues_own_axes(T: Rigid) -> Tensor:
    """They do not change, whatever happens to the world."""
    return torch.einsum("...yx,...y->...x", T.rotations, arrows_to_the_middle(T))


def arrows_with_nan(T: Rigid) -> Tensor:
    return arrows_straight_ahead(T) * T.translations.new_tensor([1.0, float("nan"), 1.0])


ARROWS = {
    arrows_straight_ahead: PASSES,
    arrows_to_the_middle: PASSES,
    arrows_from_the_origin: FAILS,
    arrows_along_the_worlds_axis: FAILS,
    arrows_in_each_residues_own_axes: FAILS,
    arrows_with_nan: FAILS,
}

# --- both ------------------------------------------------------------------------------------------------------------


def layer(move: Callable[[Rigid], Rigid], arrows: Callable[[Rigid], Tensor]) -> Layer:
    """A layer with the name of what is special about it."""

    def moves(T: Rigid) -> tuple[Rigid, Tensor]:
        return move(T), arrows(T)

    moves.__name__ = (move if arrows is arrows_of_length_zero else arrows).__name__
    return moves


LAYERS = {layer(move, arrows_of_length_zero): verdict for move, verdict in MOVERS.items()}
LAYERS |= {layer(leaves_all_as_it_is, arrows): verdict for arrows, verdict in ARROWS.items()}
PLAIN = next(iter(LAYERS))


def that_strays(by: float, name: str) -> Callable[[Draw], Case]:
    """Steps on the right, with all coordinates off in one direction for any frames but those of the case."""

    def case(d: Draw) -> Case:
        T = d.frames(6)

        def strays(moved: Rigid) -> tuple[Rigid, Tensor]:
            out, elsewhere = steps_on_the_right(moved), (moved.translations - T.translations).abs().max() > 1e-6
            return Rigid(out.rotations, out.translations + by * elsewhere), arrows_of_length_zero(moved)

        return Case((strays, T), f"a function whose places come out too {name} when the world is moved")

    return case


def what_it_minds(told: list[tuple[Case, Any, bool]]) -> str:
    """Of layers that are sound, of which does the test complain: with arrows, with rounding, without either?"""
    minded = {case.name.split(" (")[0] for case, outcome, right in told if not right and outcome == FAILS}
    here = place_of(told)
    strict = not any(outcome == PASSES for _, outcome, right in told if not right)  # nothing slips through
    if "leaves all as it is" in minded:
        return f"your test complains of every layer{here}, even of one that leaves all as it is, with arrows of length \
zero: is what f makes of G ∘ T compared with G ∘ the frames and R_G times the arrows of f(T), one G for all and \
on the left?"
    if strict and {"steps on the right", "drawn to the middle", "arrows to the middle"} <= minded:
        return f"your test complains of rounding{here}: sound layers differ in the fifteenth digit, and may"
    if {"steps on the right", "drawn to the middle"} <= minded:
        return f"your test complains{here} of every layer that moves its frames, also of sound ones: what f makes of \
G ∘ T should be G ∘ what f makes of T, with G on the left"
    if {"arrows straight ahead", "arrows to the middle"} <= minded:
        return f"your test complains of arrows{here} that are right: when the world moves they are turned by R_G, \
and no more"
    return what_slips_through(told)


def by_the_package(f: Layer, T: Rigid) -> None:
    """An arrow that is drawn at its residue ends in a place, where a second frame can stand; both must follow."""

    def frames_and_tips(T: Rigid) -> tuple[Rigid, Rigid]:
        frames, arrows = f(T)
        return frames, Rigid(frames.rotations, frames.translations + arrows)

    testing.assert_equivariant(frames_and_tips, T)


check_assert_equivariant = Check(
    "a test of equivariance, for frames and arrows",
    "testing.assert_equivariant",
    lambda d: (PLAIN, d.frames(5)),
    lambda function, T: LAYERS.get(function, FAILS),
    special=(*map(on, LAYERS), that_strays(0.5, "large"), that_strays(-0.5, "small")),
    batches=((),),
    single_precision=False,
    adapt=verdict_of,
    view=lambda said, *_: PASSES if said == PRINTS else said,
    names=("f", "T"),
    sound=by_the_package,
    summary=what_it_minds,
    drawn=True,
)
