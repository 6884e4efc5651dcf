"""How far is a structure from the truth? FAPE (Algorithm 28), Kabsch RMSD and lDDT. Everything in ångström.

Each is computed, and returned, in at least float32, also under autocast: half precision cannot count 256 × 256 pairs.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from .inputs import check_mask, full_precision, require_tensor, to_double
from .rigid import Rigid

ROUNDING = 8  # a moved copy differs from its original by up to so many units in the last place of its coordinates


def fape(
    predicted_rigids: Rigid,
    true_rigids: Rigid,
    predicted_points: Tensor,
    true_points: Tensor,
    frames_mask: Tensor | None = None,
    points_mask: Tensor | None = None,
    clamp: float | None = None,
    length_scale: float = 10.0,
    eps: float = 1e-4,
) -> Tensor:
    """Frame-aligned point error, Algorithm 28: every frame judges every point.

    Each frame i looks at each point j from where it stands, once in the prediction and once in the truth, and the mean
    distance between the two sights is the loss. No superposition is needed, and a mirror image scores badly.

    Args:
        predicted_rigids, true_rigids: frames ``(*, F)``, translations in Å.
        predicted_points, true_points: ``(*, P, 3)``, Å.
        frames_mask, points_mask: boolean ``(*, F)`` and ``(*, P)``; None: all count. What is masked may hold anything.
        clamp: largest distance that counts, Å (AlphaFold: 10). None: no clamp. 0 means no clamp too, as in AlphaFold's
            code, where a clamp to zero would be a silent loss of zero.
        length_scale: Z of line 4, Å: the unit in which the error is counted.
        eps: in Å², under the root of the distance: a perfect prediction scores √ε / Z = 0.001 and has a finite
            gradient. As in AlphaFold's code it is also added to the number of pairs, so that no pairs at all give 0.

    Returns:
        ``(*)``, one number for each batch element.
    """
    for name, rigids in (("predicted_rigids", predicted_rigids), ("true_rigids", true_rigids)):
        if not isinstance(rigids, Rigid):
            raise TypeError(f"{name} must be a Rigid, got {type(rigids).__name__}")
    F, P = _frames_and_points(predicted_rigids, true_rigids, predicted_points, true_points)
    frames_mask = predicted_points.new_ones(F, dtype=torch.bool) if frames_mask is None else frames_mask
    points_mask = predicted_points.new_ones(P, dtype=torch.bool) if points_mask is None else points_mask
    check_mask(frames_mask, F, "frames_mask")
    check_mask(points_mask, P, "points_mask")
    if clamp is not None and not clamp >= 0:
        raise ValueError(f"clamp must be a distance in Å or None, got {clamp}")
    if not length_scale > 0:
        raise ValueError(f"length_scale must be a positive number of Å, got {length_scale}")
    if not eps >= 0:
        raise ValueError(f"eps must be a number of Å² of at least 0, got {eps}")

    wide = at_least_float32(predicted_rigids, true_rigids, predicted_points, true_points)
    predicted_rigids, true_rigids = predicted_rigids.to(wide), true_rigids.to(wide)
    predicted_points, true_points = predicted_points.to(wide), true_points.to(wide)
    here = sights(predicted_rigids, predicted_points)  # (*, F, P, 3)                    line 1
    there = sights(true_rigids, true_points)  # (*, F, P, 3)                             line 2
    counts = frames_mask[..., :, None] & points_mask[..., None, :]  # (*, F, P)
    gap = torch.where(counts[..., None], here - there, 0)
    distance = clamp_distance(smooth_length(gap, eps), clamp)  # (*, F, P)               lines 3–4
    total = torch.where(counts, distance / length_scale, 0).sum((-1, -2))
    pairs = counts.sum((-1, -2)).to(distance.dtype)
    return total / (pairs + eps)  # line 4


def kabsch_rmsd(a: Tensor, b: Tensor, mask: Tensor | None = None) -> Tensor:
    """Root-mean-square distance after the best superposition by a proper rotation and a translation.

    Args:
        a, b: ``(*, L, 3)``, same unit in and out.
        mask: boolean ``(*, L)``, which points count.

    Returns:
        ``(*)``. A mirror image does not superpose. Differentiable. A moved copy gives 0, with gradient zero: what is
        left of it after superposition is rounding. No points at all give 0, and a structure with NaN or infinity gives
        NaN, without harm to the others of its batch.
    """
    mask = _check_point_pair(a, b, mask)
    with full_precision(a.device):
        wide = at_least_float32(a, b)
        a, b = (torch.where(mask[..., None], x.to(wide), 0) for x in (a, b))
        count = mask.sum(-1).clamp(min=1).to(wide)  # (*)
        rounding = ROUNDING * torch.finfo(wide).eps * (_norm(a) + _norm(b)).detach()  # (*)
        a, b = (torch.where(mask[..., None], x - x.sum(-2, keepdim=True) / count[..., None, None], 0) for x in (a, b))
        with torch.no_grad():  # at the best rotation the error is flat in it: nothing is lost for the gradient
            R = best_rotation(b.mT @ a).to(wide)
        gap = _norm(a @ R.mT - b)
        return torch.where(gap.isfinite() & (gap <= rounding), 0, gap) / count.sqrt()


def best_rotation(covariance: Tensor) -> Tensor:
    """bᵀa ``(*, 3, 3)`` → the proper rotation, ``(*, 3, 3)``, such that the rows of a @ Rᵀ lie on those of b.

    NaN where the covariance is not finite: a decomposition of the whole batch would fail for it.
    """
    finite = covariance.isfinite().all(-1).all(-1)[..., None, None]  # (*, 1, 1)
    U, _, Vh = torch.linalg.svd(to_double(torch.where(finite, covariance, 0)))  # bᵀa = U S Vᵀ
    sign = torch.linalg.det(U @ Vh).sign()  # −1 where the best fit would be a reflection
    flip = torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], dim=-1)
    R = ((U * flip[..., None, :]) @ Vh).to(covariance.dtype).to(covariance.device)
    return torch.where(finite, R, torch.nan)


def lddt(
    predicted: Tensor,
    true: Tensor,
    mask: Tensor | None = None,
    cutoff: float = 15.0,
    per_residue: bool = False,
) -> Tensor:
    """Local distance difference test: how many of the true short distances does the prediction keep?

    For all pairs closer than ``cutoff`` in the truth, the share kept within 0.5, 1, 2 and 4 Å, averaged. 1 is perfect.
    Distances alone: a mirror image scores 1. Source: AlphaFold's ``lddt.py``, which scores a residue without any
    neighbour 1.

    Args:
        predicted, true: ``(*, L, 3)``, Å, usually Cα.
        mask: boolean ``(*, L)``.

    Returns:
        ``(*)``, or ``(*, L)`` with ``per_residue``.
    """
    mask = _check_point_pair(predicted, true, mask)
    wide = at_least_float32(predicted, true)
    predicted, true = (torch.where(mask[..., None], x.to(wide), 0) for x in (predicted, true))
    true_distance, distance = _distances(true), _distances(predicted)  # (*, L, L)
    others = ~torch.eye(true.shape[-2], dtype=torch.bool, device=true.device)
    scored = ((true_distance < cutoff) & mask[..., :, None] & mask[..., None, :] & others).to(true.dtype)  # (*, L, L)
    error = (true_distance - distance).abs()
    kept = sum((error < tolerance).to(true.dtype) for tolerance in (0.5, 1.0, 2.0, 4.0)) / 4
    axes = (-1,) if per_residue else (-1, -2)
    return (1e-10 + (kept * scored).sum(axes)) / (1e-10 + scored.sum(axes))


def sights(rigids: Rigid, points: Tensor) -> Tensor:
    """Every point as every frame sees it: T_i⁻¹ ∘ x_j. ``(*, F)`` and ``(*, P, 3)`` → ``(*, F, P, 3)``."""
    return rigids[..., None].invert_apply(points[..., None, :, :])


def smooth_length(gap: Tensor, eps: float) -> Tensor:
    """√(‖gap‖² + ε), ``(*, 3)`` → ``(*)``: the ε under the root keeps the gradient of a perfect prediction finite."""
    return (gap.square().sum(-1) + eps).sqrt()


def clamp_distance(distance: Tensor, clamp: float | None) -> Tensor:
    """No distance counts for more than ``clamp``. None and 0 both mean: no clamp."""
    return distance.clamp(max=clamp) if clamp else distance


def at_least_float32(*inputs: Tensor | Rigid) -> torch.dtype:
    """The dtype in which a loss of these is computed."""
    return reduce(torch.promote_types, (x.dtype for x in inputs), torch.float32)


def _norm(x: Tensor) -> Tensor:
    """Over points and coordinates, ``(*, L, 3)`` → ``(*)``; its gradient at zero is zero."""
    return torch.linalg.vector_norm(x, dim=(-2, -1))


def _distances(x: Tensor) -> Tensor:
    return (1e-10 + (x[..., :, None, :] - x[..., None, :, :]).square().sum(-1)).sqrt()


def _frames_and_points(predicted_rigids, true_rigids, predicted_points, true_points) -> tuple[torch.Size, torch.Size]:
    for name, points in (("predicted_points", predicted_points), ("true_points", true_points)):
        require_tensor(name, points)
        if points.ndim < 2 or points.shape[-1] != 3:
            raise ValueError(f"{name} must have shape (*, P, 3), got {tuple(points.shape)}")
    F, P = predicted_rigids.shape, predicted_points.shape[:-1]
    if true_rigids.shape != F:
        raise ValueError(
            f"true_rigids must have the shape of predicted_rigids, {tuple(F)}, got {tuple(true_rigids.shape)}"
        )
    if true_points.shape[:-1] != P:
        raise ValueError(f"true_points must have shape {(*P, 3)}, got {tuple(true_points.shape)}")
    if len(F) == 0 or F[:-1] != P[:-1]:
        raise ValueError(
            f"frames (*, F) and points (*, P, 3) must share their batch axes, got {tuple(F)} and {(*P, 3)}"
        )
    return F, P


def _check_point_pair(a: Tensor, b: Tensor, mask: Tensor | None) -> Tensor:
    for number, x in (("first", a), ("second", b)):
        require_tensor(f"the {number} set of points", x)
        if x.ndim < 2 or x.shape[-1] != 3 or x.shape != a.shape:
            raise ValueError(
                f"both sets of points must have one shape (*, L, 3), got {tuple(a.shape)} and {tuple(b.shape)}"
            )
    if mask is None:
        return a.new_ones(a.shape[:-1], dtype=torch.bool)
    check_mask(mask, a.shape[:-1])
    return mask
