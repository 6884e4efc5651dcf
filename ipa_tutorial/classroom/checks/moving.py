"""Frames seen from frames, and frames hung on frames."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from ...rigid import Rigid
from ...torsion import _turn_about_x
from .compare import gradients_of, is_finite
from .diagnosis.carried import CARRIERS, GROUPS, made_of
from .diagnosis.evidence import Evidence, alike, common_factor
from .diagnosis.terms import Terms, in_terms
from .draw import Draw
from .engine import Case, Check

# --- T_i⁻¹ ∘ T_j, and a step of everybody ----------------------------------------------------------------------------


def as_four_by_four(T: Rigid) -> Tensor:
    """Homogeneous matrices ``(*, 4, 4)``, which compose by multiplication."""
    top = torch.cat([T.rotations, T.translations[..., None]], dim=-1)
    last = top.new_tensor([0.0, 0, 0, 1]).expand(*top.shape[:-2], 1, 4)
    return torch.cat([top, last], dim=-2)


def from_four_by_four(M: Tensor) -> Rigid:
    return Rigid(M[..., :3, :3], M[..., :3, 3])


def table_by_linear_algebra(seen: Rigid, steps: Rigid) -> Rigid:
    M, U = as_four_by_four(seen), as_four_by_four(steps)
    return from_four_by_four(torch.linalg.solve(U[..., :, None, :, :], M @ U[..., None, :, :, :]))


def table_by_the_package(seen: Rigid, steps: Rigid) -> Rigid:
    return steps[..., :, None].inverse() @ seen @ steps[..., None, :]


def what_each_sees(d: Draw) -> Rigid:
    T = d.frames(d.L)
    return T[..., :, None].inverse() @ T[..., None, :]


def in_which_order(e: Evidence) -> str | None:
    """Which of the steps stand on which side of the table, inverted or not?"""
    seen, steps = e.arguments
    i, j, shape = steps[..., :, None], steps[..., None, :], seen.shape
    ways = {
        "U_i": {"": None, "U_i": i, "U_i⁻¹": i.inverse()},
        "T_ij": {"T_ij": seen, "T_ij⁻¹": seen.inverse()},
        "U_j": {"": None, "U_j": j, "U_j⁻¹": j.inverse()},
    }
    for names in itertools.product(*ways.values()):
        factors = [way[name] for way, name in zip(ways.values(), names, strict=True)]
        for order in itertools.permutations(range(3)):
            said = [names[k] for k in order if names[k]]
            made = Rigid.identity(shape, dtype=seen.dtype)
            for k in order:
                made = made @ factors[k] if names[k] else made
            if all(alike(part.got, getattr(made, part.name).double(), part.close) for part in e.parts):
                return f"yours is {' ∘ '.join(said)}, where it should be U_i⁻¹ ∘ T_ij ∘ U_j"
    return None


def arrows_after_a_step(seen: Rigid, steps: Rigid) -> dict[str, Terms]:
    back = lambda x: torch.einsum("...iyx,...ijy->...ijx", steps.rotations, x)  # noqa: E731
    there = lambda x: (seen.rotations @ x[..., None])[..., 0]  # noqa: E731
    t, u = seen.translations, steps.translations
    i, j = u[..., :, None, :].expand_as(t), u[..., None, :, :].expand_as(t)
    terms = {"Uᵀ R_ij u_j": back(there(j)), "Uᵀ t_ij": back(t), "Uᵀ u_i": back(i)}
    return {"translations": terms | {"t_ij": t, "u_j": j, "u_i": i, "R_ij u_j": there(j), "Uᵀ u_j": back(j)}}


def in_arrows(e: Evidence) -> str | None:
    return None if common_factor(e.wrong) else in_terms(arrows_after_a_step)(e)


def lets_gradients_through(function: Callable, cases: list[Case]) -> str | None:
    """The table says everything many times over, so which of its entries a gradient reaches is the learner's choice."""
    through = all(map(is_finite, gradients_of(function, cases[1].arguments)))
    return None if through else "no gradient comes through: is there a .detach(), .item(), .numpy() or torch.no_grad()?"


check_after_a_step = Check(
    "what each residue sees of each other after a step: U_i⁻¹ ∘ T_ij ∘ U_j",
    "rigid.Rigid.inverse",
    lambda d: (what_each_sees(d), d.frames(d.L)),
    table_by_linear_algebra,
    suspects=("rigid.Rigid.__matmul__",),
    names=("seen", "steps"),
    own=(in_which_order, in_arrows),
    by_hand=False,
    sound=table_by_the_package,
    adapt=lambda function: function,
    manner=lets_gradients_through,
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
