"""Rotations that are none, or that are turned by something; and products of matrices that somebody may have meant."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor

from ....quaternion import quaternion_to_rotation
from ....rigid import Rigid
from .evidence import Evidence, Part, alike, common_factor, spelled
from .terms import Terms, contractions, sum_of


def no_rotation(e: Evidence) -> str | None:
    part = e.wrong
    if part.expected.shape[-2:] != (3, 3) or not part.got.isfinite().all():
        return None
    one = torch.eye(3, dtype=torch.float64)
    if not alike(part.expected @ part.expected.mT, one.expand_as(part.expected)):
        return None
    between = {"own axes": part.expected.mT @ part.got, "world's axes": part.got @ part.expected.mT}
    for text, turn in between.items():
        turns = turn.flatten(0, -3) if turn.ndim > 2 else turn[None]
        if len(turns) > 1 and alike(turns, turns[:1].expand_as(turns)):
            if is_a_relabelling(turns[0]):
                left = "; that is a left hand, det R = −1" if torch.linalg.det(turns[0]) < 0 else ""
                return f"each rotation is the right one with other axes or other signs: {columns(turns[0])}{left}"
            if alike(turns[0] @ turns[0].mT, one):
                return f"each rotation is turned by the same turn, in its {text}"
    square = part.got.mT @ part.got
    if not alike(square, one.expand_as(square), 1e-4):
        if alike(square, square[..., :1, :1] * one, 1e-4):
            return "these are no rotations: they stretch all three axes alike; is a length not divided out?"
        return f"these are no rotations: {lengths(part.got)}"
    if (torch.linalg.det(part.got) < 0).all():
        return "these are no rotations but reflections: det R = −1, a left hand"
    return None


def is_a_relabelling(turn: Tensor) -> bool:
    return alike(turn.abs(), turn.abs().round()) and not alike(turn, torch.eye(3, dtype=turn.dtype))


def columns(turn: Tensor) -> str:
    """Which of the right axes each column is."""
    names = []
    for k in range(3):
        right = int(turn[:, k].abs().argmax())
        names.append(f"{'−' if turn[right, k] < 0 else ''}{'xyz'[right]}")
    return f"where x, y, z belong stand {', '.join(names)}"


def lengths(R: Tensor) -> str:
    """Which of the axes are not as long as they should be."""
    off = [not alike(R[..., k].norm(dim=-1), torch.ones(R.shape[:-2], dtype=R.dtype), 1e-4) for k in range(3)]
    products = {(a, b): (R[..., a] * R[..., b]).sum(-1) for a, b in itertools.combinations(range(3), 2)}
    skew = [f"the {'xyz'[a]} axis and the {'xyz'[b]} axis" for (a, b), x in products.items() if x.abs().max() > 1e-4]
    if skew and not all(off):
        return f"{skew[0]} are not at right angles, their dot product is not zero"
    if all(off):
        return "Rᵀ R is not 1, the axes do not have length one"
    which = " and ".join(f"the {name} axis" for name, wrong in zip("xyz", off, strict=True) if wrong)
    return f"{which} should have length one (column {' and '.join(str(k) for k in range(3) if off[k])} of R)"


def axes_one_by_one(e: Evidence) -> str | None:
    """Which columns of a rotation are right, and which point the other way."""
    part = e.wrong
    if not is_rotation(part.expected) or part.got.shape != part.expected.shape:
        return None
    said = {"right": [], "the other way about": [], "wrong": []}
    for k, name in enumerate("xyz"):
        mine, theirs = part.got[..., k], part.expected[..., k]
        same, turned = (alike(mine, sign * theirs, part.close) for sign in (1, -1))
        said["right" if same else "the other way about" if turned else "wrong"].append(f"the {name} axis")
    if len(said["wrong"]) == 3:
        return None
    return ", ".join(f"{' and '.join(names)} {how}" for how, names in said.items() if names) + " (columns of R)"


def of_a_unit_quaternion(e: Evidence) -> str | None:
    """Its length, the axis of its turn, and the angle."""
    part = e.wrong
    if part.expected.shape[-1:] != (4,) or not part.got.isfinite().all() or not has_length_one(part.expected):
        return None
    if not has_length_one(part.got):
        return "it should have length one, w² + x² + y² + z² = 1"
    arrows = [x[..., 1:] / x[..., 1:].norm(dim=-1, keepdim=True).clamp(min=1e-30) for x in both(e)]
    if alike(*arrows, 1e-6):
        mine, right = (x[..., 1:].norm(dim=-1) / x[..., 0] for x in both(e))
        factor = common_factor(Part("", mine, right, 1e-6))
        how = f" is {spelled(factor)} times what it should be" if factor else " is another one"
        return f"the axis of the turn is right, and its angle is not: the tangent of half of it, ‖(x, y, z)‖/w,{how}"
    if alike(part.got[..., 0], part.expected[..., 0], part.close):
        return "w is right, and x, y, z are not"
    return None


def has_length_one(q: Tensor) -> bool:
    return alike(q.square().sum(-1), torch.ones(q.shape[:-1], dtype=q.dtype))


def is_rotation(R: Tensor) -> bool:
    one = torch.eye(3, dtype=torch.float64)
    return R.shape[-2:] == (3, 3) and alike(R @ R.mT, one.expand_as(R))


# --- products of what came in ----------------------------------------------------------------------------------------


def matrices_of(e: Evidence) -> Terms:
    """The rotations among the arguments, those of quaternions too."""
    found = {}
    for name, x in zip(e.names, e.arguments, strict=False):
        if isinstance(x, Rigid):
            found["R" + of_frames(e, name)] = x.rotations.double()
        elif isinstance(x, Tensor) and x.is_floating_point() and x.shape[-1:] == (4,) and name.startswith("q"):
            found[f"R({name})"] = quaternion_to_rotation(x.double())
    return found


def of_frames(e: Evidence, name: str) -> str:
    """An index that says whose, where there is more than one."""
    return f"_{name}" if sum(isinstance(x, Rigid) for x in e.arguments) > 1 else ""


def vectors_of(e: Evidence) -> Terms:
    found = {}
    for name, x in zip(e.names, e.arguments, strict=False):
        if isinstance(x, Rigid):
            found["t" + of_frames(e, name)] = x.translations.double()
        elif isinstance(x, Tensor) and x.is_floating_point() and x.shape[-1:] == (3,):
            found[name] = x.double()
    return found


def a_product_of_rotations(e: Evidence) -> str | None:
    part = e.wrong
    if part.expected.shape[-2:] != (3, 3):
        return None
    spoken = [next((text for text, x in products(matrices_of(e)) if fits(x, y, part.close)), "") for y in both(e)]
    return of_the_two(*spoken)


def both(e: Evidence) -> tuple[Tensor, Tensor]:
    return e.wrong.got, e.wrong.expected


def of_the_two(mine: str, right: str) -> str | None:
    if not mine:
        return None
    return f"yours is {mine}, where it should be {right}" if right else f"yours is {mine}"


def fits(x: Tensor, answer: Tensor, close: float) -> bool:
    return x.shape == answer.shape and alike(answer, x, close)


def products(matrices: Terms) -> Iterator[tuple[str, Tensor]]:
    either = {f"{name}{mark}": M for name, x in matrices.items() for mark, M in (("", x), ("ᵀ", x.mT))}
    yield from either.items()
    for (m, M), (n, N) in itertools.permutations(either.items(), 2):
        if m.rstrip("ᵀ") != n.rstrip("ᵀ") and M.shape == N.shape:
            yield f"{m} {n}", M @ N


def a_sum_of_turned_arrows(e: Evidence) -> str | None:
    """As "R_T x + t_T", with any index of a rotation summed, and turned twice or not at all."""
    part = e.wrong
    if part.expected.shape[-1:] != (3,) or not part.got.isfinite().all():
        return None
    vectors, turned = vectors_of(e), {}
    for (R, matrix), (x, vector) in itertools.product(matrices_of(e).items(), vectors.items()):
        if matrix.shape[:-2] == vector.shape[:-1]:
            turned |= contractions(R, x, matrix, vector)
    terms = {name: x for name, x in (vectors | turned).items() if x.shape == part.got.shape}
    if not turned or len(terms) > 40:
        return None
    return of_the_two(*(sum_of(terms, x) or "" for x in both(e)))
