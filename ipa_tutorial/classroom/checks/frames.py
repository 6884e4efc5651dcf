"""Frames, quaternions and the backbone update: Algorithms 21 and 23."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ...blocks import BackboneUpdate
from ...rigid import Rigid
from .diagnosis.evidence import Evidence, alike
from .diagnosis.terms import Terms, contractions, in_terms, sum_of
from .draw import Draw
from .engine import Case, Check


def moved(T: Rigid, points: Tensor) -> Tensor:
    return torch.einsum("...xy,...y->...x", T.rotations, points) + T.translations


def homogeneous(T: Rigid) -> Tensor:
    """The 4 × 4 matrix with R, t and a last row 0 0 0 1."""
    top = torch.cat([T.rotations, T.translations[..., None]], dim=-1)
    bottom = torch.tensor([0.0, 0, 0, 1], dtype=T.dtype).expand(*top.shape[:-2], 1, 4)
    return torch.cat([top, bottom], dim=-2)


def from_homogeneous(M: Tensor) -> Rigid:
    return Rigid(M[..., :3, :3].contiguous(), M[..., :3, 3].contiguous())


PRODUCTS = ("matmul", "bmm", "mm", "mv", "baddbmm", "tensordot")
INVERSES = ("inverse", "linalg_inv", "linalg_solve", "linalg_pinv", "linalg_lstsq", "Rigid.inverse")


def carried_or_brought(T: Rigid, points: Tensor) -> dict[str, Terms]:
    R, t = T.rotations, T.translations
    turn = lambda M, x: torch.einsum("...xy,...y->...x", M, x)  # noqa: E731
    terms = {"R x": turn(R, points), "t": t, "Rᵀ x": turn(R.mT, points), "Rᵀ t": turn(R.mT, t), "x": points}
    terms |= contractions("R", "x", R, points) | contractions("R", "t", R, t)
    return {"": terms | {"R t": turn(R, t), "R R x": turn(R @ R, points), "Rᵀ Rᵀ x": turn(R.mT @ R.mT, points)}}


check_apply = Check(
    "a frame acting on points, R x + t",
    "rigid.Rigid.apply",
    lambda d: (d.frames(d.L), d.normal(d.L, 3)),
    moved,
    names=("T", "points"),
    own=(in_terms(carried_or_brought),),
)

check_walk = replace(check_apply, title="steps along a frame's own axes", without=(*PRODUCTS, "einsum", "Rigid.apply"))

check_invert_apply = Check(
    "points seen from a frame, Rᵀ (x − t)",
    "rigid.Rigid.invert_apply",
    lambda d: (d.frames(d.L), d.normal(d.L, 3)),
    lambda T, points: torch.linalg.solve(T.rotations, (points - T.translations)[..., None])[..., 0],
    names=("T", "points"),
    own=(in_terms(carried_or_brought),),
    without=INVERSES,
)

check_shadows = replace(
    check_invert_apply,
    title="points seen from a frame, as shadows on its axes",
    without=(
        *INVERSES,
        *PRODUCTS,
        "mT",
        "T",
        "mH",
        "transpose",
        "adjoint",
        "swapaxes",
        "permute",
        "Rigid.invert_apply",
    ),
)


def composed(T: Rigid, U: Rigid) -> dict[str, Terms]:
    turn = lambda M, x: torch.einsum("...xy,...y->...x", M, x)  # noqa: E731
    (A, a), (B, b) = ((X.rotations, X.translations) for X in (T, U))
    rotations = {"R_T R_U": A @ B, "R_U R_T": B @ A, "R_T R_Uᵀ": A @ B.mT, "R_Tᵀ R_U": A.mT @ B, "R_T": A, "R_U": B}
    translations = {"R_T t_U": turn(A, b), "t_T": a, "t_U": b, "R_T t_T": turn(A, a), "R_U t_T": turn(B, a)}
    return {
        "rotations": rotations,
        "translations": translations
        | {"R_U t_U": turn(B, b), "R_Tᵀ t_U": turn(A.mT, b), "R_T R_U t_U": turn(A @ B, b)},
    }


check_compose = Check(
    "two frames composed, T ∘ U",
    "rigid.Rigid.__matmul__",
    lambda d: (d.frames(d.L), d.frames(d.L)),
    lambda T, U: from_homogeneous(homogeneous(T) @ homogeneous(U)),
    names=("T", "U"),
    own=(in_terms(composed),),
    without=("Rigid.matmul",),
)


def frames_by_powers(steps: Rigid) -> Rigid:
    """One four-by-four matrix after the other, on the right."""
    M = homogeneous(steps)
    reached = [M[..., 0, :, :]]
    for k in range(1, M.shape[-3]):
        reached.append(reached[-1] @ M[..., k, :, :])
    return from_homogeneous(torch.stack(reached, dim=-3))


def followed_by_the_package(steps: Rigid) -> Rigid:
    reached = [steps[..., 0]]
    for k in range(1, steps.shape[-1]):
        reached.append(reached[-1] @ steps[..., k])
    R, t = (
        torch.stack(x, dim)
        for x, dim in (([T.rotations for T in reached], -3), ([T.translations for T in reached], -2))
    )
    return Rigid(R, t)


def where_it_goes_astray(e: Evidence) -> str | None:
    """The first frame that is wrong, as a sum of what the frame before it and the step offer."""
    (steps,) = e.arguments
    if len(e.parts) < 2:
        return None
    right = Rigid(*(part.expected for part in e.parts))
    axis = -3 if e.wrong.name == "rotations" else -2
    pairs = [(e.wrong.got.select(axis, k), e.wrong.expected.select(axis, k)) for k in range(steps.shape[-1])]
    k = next(k for k, pair in enumerate(pairs) if not alike(*pair, e.wrong.close))
    if k == 0:
        first = "the first frame is wrong already: nobody stands before it, so it is the first step as it came"
        return first if len(steps.shape) == 1 else None
    astray, step = f"frame {k + 1} is the first that goes astray", steps[..., k]
    terms = composed(right[..., k - 1], step)[e.wrong.name]
    mine, wanted = (sum_of(terms, x) for x in pairs[k])
    if mine and wanted:
        return (
            f"{astray}. With T for the frame before it and U for its step, its {e.wrong.name} should be {wanted}, and \
yours are {mine}"
        )
    for name, other in {"the first frame": right[..., 0], "the step before it": steps[..., k - 1]}.items():
        if alike(pairs[k][0], getattr(other @ step, e.wrong.name), e.wrong.close):
            return f"{astray}: its step was taken from {name}, and not from the frame that has been reached, frame {k}"
    return f"{astray}: it should be frame {k}, composed with its step on the right"


check_follow = Check(
    "a chain of frames from its steps",
    "rigid.Rigid.__matmul__",
    lambda d: (d.frames(d.L),),
    frames_by_powers,
    names=("steps",),
    own=(where_it_goes_astray,),
    sound=followed_by_the_package,
    without=("Rigid.matmul", "Rigid.apply"),
)


def inverted(T: Rigid) -> dict[str, Terms]:
    R, t = T.rotations, T.translations
    turn = lambda M, x: torch.einsum("...xy,...y->...x", M, x)  # noqa: E731
    return {"rotations": {"Rᵀ": R.mT, "R": R}, "translations": {"Rᵀ t": turn(R.mT, t), "R t": turn(R, t), "t": t}}


check_inverse = Check(
    "the inverse of a frame",
    "rigid.Rigid.inverse",
    lambda d: (d.frames(d.L),),
    lambda T: from_homogeneous(torch.linalg.inv(homogeneous(T))),
    names=("T",),
    own=(in_terms(inverted),),
    without=tuple(name for name in INVERSES if name != "Rigid.inverse"),
)

# --- Algorithm 21 ----------------------------------------------------------------------------------------------------


def frames_by_triple_product(n: Tensor, ca: Tensor, c: Tensor) -> Rigid:
    """z is normal to the plane of the three atoms, and y to x and z: Gram–Schmidt the other way about."""
    x = torch.nn.functional.normalize(c - ca, dim=-1)
    z = torch.nn.functional.normalize(torch.linalg.cross(x, n - ca), dim=-1)
    return Rigid(torch.stack([x, torch.linalg.cross(z, x), z], dim=-1), ca)


def backbone(d: Draw, *shape: int) -> tuple[Tensor, Tensor, Tensor]:
    """Atoms N, Cα, C in Å with the bond lengths of a protein and angles far from 0° and 180°."""
    ideal = torch.tensor([[-0.5, 1.4, 0.0], [0.0, 0.0, 0.0], [1.5, 0.0, 0.0]], dtype=d.dtype)
    T = d.frames(*shape)
    return tuple(T.apply(atom) + 0.1 * d.normal(*shape, 3) for atom in ideal)


def three_atoms_in_one_place(d: Draw) -> Case:
    return Case((d.alone(1, 3),) * 3, "three atoms in one place, where any finite frame will do", only_finite=True)


def three_atoms_in_a_line(d: Draw) -> Case:
    ca, step = d.alone(1, 3), torch.tensor([1.5, 0, 0], dtype=d.dtype)
    return Case((ca - step, ca, ca + step), "three atoms in a line, where any finite frame will do", only_finite=True)


check_rigid_from_3_points = Check(
    "Algorithm 21, a frame from N, Cα and C",
    "rigid.rigid_from_3_points",
    lambda d: backbone(d, d.L),
    frames_by_triple_product,
    special=(three_atoms_in_one_place, three_atoms_in_a_line),
    tolerance=1e-6,  # with the ε of AlphaFold's code or without
)

# --- quaternions -----------------------------------------------------------------------------------------------------


def product_of_scalar_and_vector_parts(a: Tensor, b: Tensor) -> Tensor:
    (s, u), (t, v) = ((q[..., :1], q[..., 1:]) for q in (a, b))
    u, v = torch.broadcast_tensors(u, v)
    return torch.cat([s * t - (u * v).sum(-1, keepdim=True), s * v + t * u + torch.linalg.cross(u, v)], dim=-1)


def turned_axes(q: Tensor) -> Tensor:
    """Rodrigues' formula on each axis of the world, which become the columns of R."""
    q = q / q.square().sum(-1, keepdim=True).sqrt()
    w, v = q[..., :1], q[..., 1:]
    columns = []
    for axis in torch.eye(3, dtype=q.dtype):
        once = torch.linalg.cross(v, axis.expand_as(v))
        columns.append(axis + 2 * w * once + 2 * torch.linalg.cross(v, once))
    return torch.stack(columns, dim=-1)


def composed_as_matrices(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    turned = product_of_scalar_and_vector_parts(q, q_update)
    return turned / turned.norm(dim=-1, keepdim=True), (turned_axes(q) @ t_update[..., None])[..., 0] + t


def parts_of_a_product(a: Tensor, b: Tensor) -> dict[str, Terms]:
    """Number and arrow apart: a term of one has zeros in the place of the other."""
    (s, u), (t, v) = ((q[..., :1], q[..., 1:]) for q in torch.broadcast_tensors(a, b))
    number = lambda x: torch.cat([x, torch.zeros_like(u)], dim=-1)  # noqa: E731
    arrow = lambda x: torch.cat([torch.zeros_like(s), x], dim=-1)  # noqa: E731
    terms = {"w₁w₂": number(s * t), "v₁·v₂": number((u * v).sum(-1, keepdim=True))}
    terms |= {"w₁v₂": arrow(s * v), "w₂v₁": arrow(t * u), "v₁×v₂": arrow(torch.linalg.cross(u, v))}
    terms |= {"v₁v₂, entry by entry": arrow(u * v), "v₁": arrow(u), "v₂": arrow(v)}
    return {"": terms | {"w₁v₁": arrow(s * u), "w₂v₂": arrow(t * v)}}


def parts_of_a_turn(q: Tensor) -> dict[str, Terms]:
    """p, w (v × p), v × (v × p) and v × p for the three axes p of the world, as columns."""
    q = q / q.square().sum(-1, keepdim=True).sqrt()
    one, v = torch.eye(3, dtype=q.dtype).expand(*q.shape[:-1], 3, 3), q[..., 1:, None].expand(*q.shape[:-1], 3, 3)
    K = torch.linalg.cross(v, one, dim=-2)
    w = q[..., :1, None]
    return {
        "": {"p": one, "w (v × p)": w * K, "v × (v × p)": K @ K, "v × p": K, "w p": w * one, "w v × (v × p)": w * K @ K}
    }


def parts_of_an_update(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> dict[str, Terms]:
    turn = lambda q, x: torch.einsum("...xy,...y->...x", turned_axes(q), x)  # noqa: E731
    new = product_of_scalar_and_vector_parts(q, q_update)
    terms = {"t": t, "R t_U": turn(q, t_update), "t_U": t_update, "R_new t_U": turn(new, t_update)}
    return {"translation": terms | {"R t": turn(q, t), "R_U t": turn(q_update, t), "R_U t_U": turn(q_update, t_update)}}


check_quaternion_multiply = Check(
    "the product of two quaternions",
    "quaternion.quaternion_multiply",
    lambda d: (d.normal(d.L, 4), d.normal(d.L, 4)),  # of any length
    product_of_scalar_and_vector_parts,
    own=(in_terms(parts_of_a_product),),
)

check_quaternion_to_rotation = Check(
    "from a quaternion to its rotation",
    "quaternion.quaternion_to_rotation",
    lambda d: (d.normal(d.L, 4),),
    turned_axes,
    suspects=("quaternion.normalise_quaternion",),
    special=(lambda d: Case((torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, -2.0]], dtype=d.dtype),), "no turn, and a half"),),
    own=(in_terms(parts_of_a_turn),),
)

check_compose_update = Check(
    "the backbone update, T ∘ U on quaternions and translations",
    "blocks.compose_update",
    lambda d: (d.normal(d.L, 4), d.normal(d.L, 3), d.normal(d.L, 4), d.normal(d.L, 3)),
    composed_as_matrices,
    suspects=("quaternion.quaternion_multiply", "quaternion.quaternion_to_rotation"),
    view=lambda out, *_: (out[0][..., :, None] * out[0][..., None, :], out[1]),
    results=("quaternion (looked at as q qᵀ, since q and −q are one turn)", "translation"),
    names=("q", "t", "q_update", "t_update"),
    own=(in_terms(parts_of_an_update),),
)


def one_beside_three_numbers(numbers: Tensor) -> tuple[Tensor, Tensor]:
    bcd, push = numbers.split(3, dim=-1)
    length = (1 + bcd.square().sum(-1, keepdim=True)).sqrt()
    return torch.cat([1 / length, bcd / length], dim=-1), push


def numbers_and_arrows(numbers: Tensor) -> dict[str, Terms]:
    """(w, x, y, z) of the update, the number and the arrow apart: of the other there are zeros."""
    bcd, push = numbers.split(3, dim=-1)
    square = bcd.square().sum(-1, keepdim=True)
    length, zero = (1 + square).sqrt(), torch.zeros_like(square)
    sizes = {
        "1/√(1 + b² + c² + d²)": 1 / length,
        "1": zero + 1,
        "√(1 − b² − c² − d²)": (1 - square).clamp(min=0).sqrt(),
    }
    sizes |= {"1/(1 + b² + c² + d²)": 1 / length**2, "‖bcd‖": square.sqrt()}
    arrows = {"bcd/√(1 + b² + c² + d²)": bcd / length, "bcd": bcd, "bcd/‖bcd‖": bcd / square.sqrt(), "push": push}
    arrows |= {
        "bcd/(1 + b² + c² + d²)": bcd / length**2,
        "push/√(1 + push²)": push / (1 + push.square().sum(-1, True)).sqrt(),
    }
    terms = {f"({name}, 0, 0, 0)": torch.cat([x, 0 * bcd], dim=-1) for name, x in sizes.items()}
    terms |= {f"(0, {name})": torch.cat([zero, x], dim=-1) for name, x in arrows.items()}
    R = turned_axes(torch.cat([torch.ones_like(square), bcd], dim=-1))
    pushes = {"push": push, "bcd": bcd, "push/‖push‖": push / push.norm(dim=-1, keepdim=True).clamp(min=1e-30)}
    pushes |= contractions("R", "push", R, push)
    return {"quaternion": terms, "push": pushes}


def by_a_layer_that_passes_on(numbers: Tensor) -> tuple[Tensor, Tensor]:
    update = BackboneUpdate(6).to(numbers.dtype)
    update.to_update.weight.data.copy_(torch.eye(6))
    return update.quaternion_and_translation(numbers)


check_update_quaternion = Check(
    "Algorithm 23, line 2: from six numbers to a unit quaternion and a push",
    "blocks.BackboneUpdate.quaternion_and_translation",
    lambda d: (d.normal(d.L, 6),),
    one_beside_three_numbers,
    suspects=("quaternion.normalise_quaternion",),
    special=(lambda d: Case((torch.zeros(2, 6, dtype=d.dtype),), "zeros, which mean: stay as you are"),),
    names=("numbers",),
    results=("quaternion", "push"),
    own=(in_terms(numbers_and_arrows),),
    sound=by_a_layer_that_passes_on,
)
