"""Frames seen from frames, frames hung on frames, and the learner's own test of equivariance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...rigid import Rigid
from ...torsion import _turn_about_x
from .carried import CARRIERS, GROUPS, made_of
from .draw import Draw
from .engine import Case, Check
from .evidence import Evidence, alike
from .terms import Terms, in_terms
from .testing import FAILS, PASSES, PRINTS, on, place_of, verdict_of, what_slips_through

# --- T_i⁻¹ ∘ T_j ---------------------------------------------------------------------------------------------------


def as_four_by_four(T: Rigid) -> Tensor:
    """Homogeneous matrices ``(*, 4, 4)``, which compose by multiplication."""
    top = torch.cat([T.rotations, T.translations[..., None]], dim=-1)
    last = top.new_tensor([0.0, 0, 0, 1]).expand(*top.shape[:-2], 1, 4)
    return torch.cat([top, last], dim=-2)


def from_four_by_four(M: Tensor) -> Rigid:
    return Rigid(M[..., :3, :3], M[..., :3, 3])


def pairs_by_linear_algebra(T: Rigid) -> Rigid:
    M = as_four_by_four(T)
    return from_four_by_four(torch.linalg.solve(M[..., :, None, :, :], M[..., None, :, :, :]))


def seen_by_each(T: Rigid) -> dict[str, Terms]:
    R, t = T.rotations, T.translations
    (A, a), (B, b) = (R[..., :, None, :, :], t[..., :, None, :]), (R[..., None, :, :, :], t[..., None, :, :])
    turn = lambda M, x: torch.einsum("...xy,...y->...x", M, x)  # noqa: E731
    rotations = {
        "R_iᵀ R_j": A.mT @ B,
        "R_i R_j": A @ B,
        "R_j R_iᵀ": B @ A.mT,
        "R_i R_jᵀ": A @ B.mT,
        "R_jᵀ R_i": B.mT @ A,
    }
    translations = {"R_iᵀ t_j": turn(A.mT, b), "R_iᵀ t_i": turn(A.mT, a), "t_j": b, "t_i": a, "R_i t_j": turn(A, b)}
    translations |= {"R_i t_i": turn(A, a), "R_jᵀ t_j": turn(B.mT, b), "R_jᵀ t_i": turn(B.mT, a)}
    return {"rotations": rotations | {"R_j": B}, "translations": translations}


check_relative_frames = Check(
    "what each residue sees of each other: T_i⁻¹ ∘ T_j",
    "rigid.Rigid.inverse",
    lambda d: (d.frames(d.L),),
    pairs_by_linear_algebra,
    suspects=("rigid.Rigid.__matmul__",),
    names=("T",),
    own=(in_terms(seen_by_each),),
    by_hand=False,
    sound=lambda T: T[..., :, None].inverse() @ T[..., None, :],
)

# --- any function made equivariant -----------------------------------------------------------------------------------


def pushed_along_the_world(T: Rigid) -> Rigid:
    return Rigid(T.rotations, T.translations + T.translations.new_tensor([1.0, 2.0, 3.0]))


def reflected_in_the_origin(T: Rigid) -> Rigid:
    return Rigid(T.rotations, -T.translations)


def turned_in_the_world(T: Rigid) -> Rigid:
    turn = T.rotations.new_tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    return Rigid(turn @ T.rotations, T.translations)


def through_the_eyes_of_the_first(f: Callable[[Rigid], Rigid], T: Rigid) -> Rigid:
    first = as_four_by_four(T)[..., :1, :, :]
    answer = f(from_four_by_four(torch.linalg.solve(first, as_four_by_four(T))))
    return from_four_by_four(first @ as_four_by_four(answer))


def through_the_first_frame(f: Callable[[Rigid], Rigid], T: Rigid) -> Rigid:
    return T[..., :1] @ f(T[..., :1].inverse() @ T)


def of_the_first(e: Evidence) -> str | None:
    """In which order, and inverted or not, does the first frame stand around f?"""
    f, T = e.arguments
    first = T[..., :1]
    inside = {"f(T)": f(T), "f(T₁⁻¹ ∘ T)": f(first.inverse() @ T), "f(T₁ ∘ T)": f(first @ T)}
    inside |= {"f(T ∘ T₁⁻¹)": f(T @ first.inverse()), "T": T, "T₁⁻¹ ∘ T": first.inverse() @ T}
    for name, answer in inside.items():
        ways = {name: answer, f"T₁ ∘ {name}": first @ answer, f"T₁⁻¹ ∘ {name}": first.inverse() @ answer}
        ways |= {f"{name} ∘ T₁": answer @ first, f"{name} ∘ T₁⁻¹": answer @ first.inverse()}
        for way, other in ways.items():
            if all(alike(part.got, getattr(other, part.name), part.close) for part in e.parts):
                return f"yours is {way}, where it should be T₁ ∘ f(T₁⁻¹ ∘ T)"
    return None


check_made_equivariant = Check(
    "any function made equivariant: T₁ ∘ f(T₁⁻¹ ∘ T)",
    "rigid.Rigid.__matmul__",
    lambda d: (turned_in_the_world, d.frames(d.L)),
    through_the_eyes_of_the_first,
    suspects=("rigid.Rigid.inverse",),
    special=(
        lambda d: Case((pushed_along_the_world, d.frames(5)), "a function that pushes along the world's axes"),
        lambda d: Case((reflected_in_the_origin, d.frames(5)), "a function that reflects all places in the origin"),
    ),
    names=("f", "T"),
    by_hand=False,
    sound=through_the_first_frame,
    own=(of_the_first,),
)

# --- a chain of frames -----------------------------------------------------------------------------------------------


def product_of_matrices(first: Rigid, links: Rigid) -> Rigid:
    carried = [as_four_by_four(first)]
    for k in range(links.shape[-1]):
        carried.append(carried[-1] @ as_four_by_four(links[..., k]))
    return from_four_by_four(torch.stack(carried, dim=-3))


def link_by_link(first: Rigid, links: Rigid) -> Rigid:
    carried = [first]
    for k in range(links.shape[-1]):
        carried.append(carried[-1] @ links[..., k])
    rotations = torch.stack([T.rotations for T in carried], dim=-3)
    return Rigid(rotations, torch.stack([T.translations for T in carried], dim=-2))


check_hang_frames = Check(
    "frames that hang on frames: T, T ∘ U₁, T ∘ U₁ ∘ U₂, …",
    "rigid.Rigid.__matmul__",
    lambda d: (d.frames(), d.frames(d.L)),
    product_of_matrices,
    names=("first", "links"),
    by_hand=False,
    sound=link_by_link,
)

# --- Algorithm 24 ----------------------------------------------------------------------------------------------------


def turned_by_the_exponential(angles: Tensor) -> Rigid:
    angle = torch.atan2(angles[..., 0], angles[..., 1])  # (*)
    generator = angles.new_tensor([[0.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # x ×
    rotations = torch.linalg.matrix_exp(angle[..., None, None] * generator)
    return Rigid(rotations, torch.zeros_like(rotations[..., 0]))


def unit_angles(d: Draw, *shape: int) -> tuple[Tensor]:
    pairs = d.normal(*shape, 2)
    return (pairs / pairs.norm(dim=-1, keepdim=True),)


def turns_by_quarters(d: Draw) -> Case:
    quarters = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0]], dtype=d.dtype)
    return Case((quarters,), "no turn, a quarter, a half, three quarters")


check_turn_about_x = Check(
    "makeRotX: a turn about the x axis from (sin, cos)",
    "torsion._turn_about_x",
    lambda d: unit_angles(d, d.L),
    turned_by_the_exponential,
    special=(turns_by_quarters,),
    names=("angles",),
    sound=lambda angles: _turn_about_x(angles),
)


CARRIER = (None, None, None, None, None, 4, 5, 6)  # of each of the eight groups; None is the backbone


def carried_by_matrices(backbone: Rigid, default: Rigid, turns: Rigid) -> Rigid:
    root, ideal, turn = as_four_by_four(backbone), as_four_by_four(default), as_four_by_four(turns)
    groups = []
    for g, carrier in enumerate(CARRIER):
        base = root if carrier is None else groups[carrier]
        groups.append(base @ ideal[..., g, :, :] @ turn[..., g, :, :])
    return from_four_by_four(torch.stack(groups, dim=-3))


def order_of_groups(e: Evidence) -> str | None:
    """Where each group has gone, if all are there."""
    got, right = e.wrong.got, e.wrong.expected
    axis = -3 if e.wrong.name == "rotations" else -2
    found = []
    for g in range(8):
        here = [k for k in range(8) if alike(got.select(axis, g), right.select(axis, k), e.wrong.close)]
        found.append(here[0] if here else None)
    if None not in found and found != list(range(8)):
        return f"every group is right, and stands in another place: where groups 0 to 7 belong, yours has {found}"
    if None in found and found[: found.index(None)] == list(range(found.index(None))):
        g = found.index(None)
        made = made_of(e, g, carried_by_matrices(*e.arguments))
        return f"group {g} ({GROUPS[g]}) is the first that is wrong: {made}" if made else None
    return None


def first_wrong_group(e: Evidence) -> str:
    axis = -3 if e.wrong.name == "rotations" else -2
    right = [alike(e.wrong.got.select(axis, g), e.wrong.expected.select(axis, g), e.wrong.close) for g in range(8)]
    g = right.index(False)
    return (
        f"group {g} ({GROUPS[g]}) is the first that is wrong: it is carried by {CARRIERS[g]}, and its turn stands on \
the far right"
    )


check_compose_groups = Check(
    "Algorithm 24, lines 2 to 10: the eight groups of a residue",
    "torsion.compose_groups",
    lambda d: (d.frames(d.L), d.frames(d.L, 8), turned_by_the_exponential(*unit_angles(d, d.L, 8))),
    carried_by_matrices,
    own=(order_of_groups,),
    examples=(first_wrong_group,),
)


def atom_by_atom(frames: Rigid, ideal: Tensor, group: Tensor) -> Tensor:
    M = as_four_by_four(frames)  # (*, G, 4, 4)
    ones = torch.cat([ideal, torch.ones_like(ideal[:, :1])], dim=-1)  # (A, 4)
    return torch.stack([(M[..., g, :, :] @ ones[a])[..., :3] for a, g in enumerate(group.tolist())], dim=-2)


def groups_and_atoms(d: Draw) -> tuple[Rigid, Tensor, Tensor]:
    atoms = d.L + 2
    group = torch.randint(d.L, (atoms,), generator=d.generator)
    group[0] = d.L - 1
    return d.frames(d.L), d.alone(atoms, 3), group


def who_carries_whom(e: Evidence) -> str | None:
    """The frame on which an atom rides, if it is another one's."""
    frames, ideal, group = e.arguments
    if len(frames.shape) != 1 or e.wrong.got.shape != ideal.shape:
        return None
    on_each = frames[:, None].apply(ideal.expand(frames.shape[0], *ideal.shape))  # (G, A, 3)
    for a, g in enumerate(group.tolist()):
        rides = [k for k in range(len(on_each)) if alike(e.wrong.got[a], on_each[k, a].double(), e.wrong.close)]
        if rides and rides[0] != g:
            return f"atom {a} rides on frame {rides[0]}, and group[{a}] says {g}"
    return None


check_place_atoms = Check(
    "Algorithm 24, line 11: each atom placed by the frame of its group",
    "rigid.Rigid.apply",
    groups_and_atoms,
    atom_by_atom,
    names=("frames", "ideal", "group"),
    by_hand=False,
    sound=lambda frames, ideal, group: frames[..., group].apply(ideal),
    own=(who_carries_whom,),
)

# --- a test of equivariance ------------------------------------------------------------------------------------------


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
    """Sound: residues look at each other, and one and the same G moves them all."""
    return Rigid(T.rotations, 0.8 * T.translations + 0.2 * T.translations.mean(-2, keepdim=True))


def nan_at_one_place(T: Rigid) -> Rigid:
    """Every comparison with NaN is false, and max(a, b) may drop it: say what must hold."""
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


def what_it_minds(told: list[tuple[Case, Any, bool]]) -> str:
    """Of two layers that are sound, one without rounding: which does the test complain of?"""
    minded = {case.name.split(" (")[0] for case, outcome, right in told if not right and outcome == FAILS}
    if "leaves all as it is" not in minded and {"steps on the right", "drawn to the middle"} <= minded:
        return f"your test complains of rounding{place_of(told)}: sound layers differ in the fifteenth digit, and may"
    if "leaves all as it is" in minded:
        return f"your test complains of every layer{place_of(told)}, even of one that leaves all as it is: is \
f(G ∘ T) compared with G ∘ f(T), one G for all and on the left?"
    return what_slips_through(told)


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


def that_strays(by: float, name: str) -> Callable[[Draw], Case]:
    """Steps on the right, with all coordinates off in one direction for any frames but those of the case."""

    def case(d: Draw) -> Case:
        T = d.frames(6)

        def strays(moved: Rigid) -> Rigid:
            out, elsewhere = steps_on_the_right(moved), (moved.translations - T.translations).abs().max() > 1e-6
            return Rigid(out.rotations, out.translations + by * elsewhere)

        return Case((strays, T), f"a function whose places come out too {name} when the world is moved")

    return case


check_assert_equivariant = Check(
    "a test of equivariance, assert_equivariant(f, T)",
    "testing.assert_equivariant",
    lambda d: (steps_on_the_right, d.frames(5)),
    lambda function, T: MOVERS.get(function, FAILS),
    special=(*map(on, MOVERS), that_strays(0.5, "large"), that_strays(-0.5, "small")),
    batches=((),),
    single_precision=False,
    adapt=verdict_of,
    view=lambda said, *_: PASSES if said == PRINTS else said,
    names=("f", "T"),
    summary=what_it_minds,
    drawn=True,
)
