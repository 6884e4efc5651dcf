"""Lines 8 to 11 of Algorithm 22: what the weights collect, and how it is joined."""

from __future__ import annotations

import torch
from torch import Tensor

from ...rigid import Rigid
from .diagnosis.evidence import Evidence
from .diagnosis.examples import worked_out
from .diagnosis.terms import sum_of
from .engine import Case, Check


def pairs_summed(weights: Tensor, pairwise_repr: Tensor) -> Tensor:
    return (weights[..., None] * pairwise_repr[..., None, :, :, :]).sum(-2)


def values_summed(weights: Tensor, v: Tensor) -> Tensor:
    return (weights[..., None] * v[..., None, :, :]).sum(-2)


def relative_frames_summed(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    """Each point by the way from frame j to frame i, R_iᵀ (R_j v + t_j − t_i), and then the mean."""
    R, t = frames.rotations, frames.translations  # (*, 1, L, 3, 3), (*, 1, L, 3)
    turn = torch.einsum("...iyx,...jyz->...ijxz", R, R)
    shift = torch.einsum("...iyx,...ijy->...ijx", R, t[..., None, :, :] - t[..., :, None, :])
    seen = torch.einsum("...ijxz,...jpz->...ijpx", turn, v_points) + shift[..., None, :]
    return (weights[..., None, None] * seen).sum(-3)


def features_joined(*outputs: Tensor) -> Tensor:
    heads = outputs[0].shape[-3]
    return torch.cat([o[..., h, :, :] for o in outputs for h in range(heads)], dim=-1)


check_attend_pairs = Check(
    "line 8, the sum over pairs",
    "attention.attend_pairs",
    lambda d: (d.normal(d.H, d.L, d.L).softmax(-1), d.normal(d.L, d.L, d.c_z)),
    pairs_summed,
    without=("einsum",),
    room=lambda weights, z: max(weights.numel(), z.numel(), weights.shape[-3] * z[..., 0, :].numel()),
)

check_attend_scalars = Check(
    "line 9, the sum over values",
    "attention.attend_scalars",
    lambda d: (d.normal(d.H, d.L, d.L).softmax(-1), d.normal(d.H, d.L, d.c_v)),
    values_summed,
)

check_attend_points = Check(
    "line 10, the points brought home",
    "attention.attend_points",
    lambda d: (d.normal(d.H, d.L, d.L).softmax(-1), d.normal(d.H, d.L, d.P, 3), d.frames(1, d.L)),
    relative_frames_summed,
    suspects=("rigid.Rigid.apply",),
    names=("weights", "v_points", "frames"),
)


def under_the_root(e: Evidence) -> str | None:
    """The square of the answer as a sum of ‖o⃗‖², ε and their like, for several ε."""
    points = torch.randn(1, 7, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    some = (0.1, 0.5, 2.0, 3.0)
    try:
        norms = torch.cat([e.answer(points.clone(), eps).double().flatten() for eps in some])
    except Exception:
        return None
    square = points.square().sum(-1).flatten()
    if norms.shape != (len(some) * len(square),):
        return None
    S, eps = square.repeat(len(some)), torch.tensor(some).double().repeat_interleave(len(square))
    terms = {"‖o⃗‖²": S, "ε": eps, "ε²": eps**2, "‖o⃗‖": S.sqrt(), "√ε": eps.sqrt(), "1": torch.ones_like(S)}
    terms |= {"‖o⃗‖ ε": S.sqrt() * eps, "‖o⃗‖ √ε": S.sqrt() * eps.sqrt(), "‖o⃗‖⁴": S**2, "‖o⃗‖² ε": S * eps}
    for name, made in {"yours": norms, "the square of yours": norms**2}.items():
        if (found := sum_of(terms, made)) and (name, found) != ("the square of yours", "‖o⃗‖² + ε"):
            return f"{name} is {found}, where the square should be ‖o⃗‖² + ε"
    return None


check_point_norms = Check(
    "line 11, the norms",
    "attention.point_norms",
    lambda d: (d.normal(d.H, d.L, d.P, 3), 1e-4),
    lambda points, eps: torch.linalg.vector_norm(torch.nn.functional.pad(points, (0, 1), value=eps**0.5), dim=-1),
    special=(lambda d: Case((torch.zeros(2, 3, 4, 3, dtype=torch.float64), 1e-4), "points at the origin"),),
    own=(under_the_root,),
    examples=(
        worked_out(
            ("a single point at (3, 4, 0), ε = 0", (torch.tensor([[[[3.0, 4.0, 0.0]]]]).double(), 0.0), [[[5.0]]]),
            ("a single point at (0, −5, 0), ε = 0", (torch.tensor([[[[0.0, -5.0, 0.0]]]]).double(), 0.0), [[[5.0]]]),
            ("a single point at (3, 4, 0), ε = 11", (torch.tensor([[[[3.0, 4.0, 0.0]]]]).double(), 11.0), [[[6.0]]]),
        ),
    ),
)

check_concatenate_heads = Check(
    "line 11, the concatenation",
    "attention.concatenate_heads",
    lambda d: (d.normal(d.H, d.L, d.c), d.normal(d.H, d.L, d.P)),
    features_joined,
    without=("reshape", "view", "flatten", "movedim", "moveaxis", "unflatten"),
    names=("first", "second"),
)
