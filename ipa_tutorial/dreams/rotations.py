"""Rotations as arrows: the exponential and the logarithm of SO(3), and the straight lines between rotations.

A **rotation vector** points along the axis and is as long as the angle, in radians. ``exp`` turns the arrow into the
rotation, ``log`` finds the shortest arrow of a rotation (at most π long). Both go through the quaternion
``(cos θ/2, sin θ/2 · axis)``, which is exact near no turn at all and near half a turn, where formulas with
``arccos(trace)`` lose half their digits and their gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..inputs import require_tensor
from ..quaternion import quaternion_to_rotation, rotation_to_quaternion

SMALL = 1e-4  # radians; below, two terms of a series are exact to the last digit of a double


def rotation_exp(vectors: Tensor) -> Tensor:
    """Rotation vectors ``(*, 3)``, radians → rotation matrices ``(*, 3, 3)``.

    Any length is allowed; lengths that differ by 2π along one axis give the same rotation. Gradients are finite
    everywhere, at zero too.
    """
    _require_vectors("vectors", vectors)
    square = vectors.square().sum(-1, keepdim=True)  # (*, 1)
    small = square < SMALL**2
    angle = torch.where(small, 1.0, square).sqrt()  # (*, 1), never zero: the root of zero has no gradient
    w = torch.where(small, 1 - square / 8, (angle / 2).cos())
    over_angle = torch.where(small, 0.5 - square / 48, (angle / 2).sin() / angle)
    return quaternion_to_rotation(torch.cat([w, over_angle * vectors], dim=-1))


def rotation_log(R: Tensor) -> Tensor:
    """Rotation matrices ``(*, 3, 3)`` → their shortest rotation vectors ``(*, 3)``, radians, of length 0 … π.

    The inverse of :func:`rotation_exp`. At exactly half a turn two arrows, ±v, are right, and one of them is chosen;
    value and gradient are finite there and at the identity.
    """
    q = rotation_to_quaternion(R)  # (*, 4), w ≥ 0
    w, xyz = q[..., :1], q[..., 1:]
    square = xyz.square().sum(-1, keepdim=True)  # (*, 1), sin² θ/2
    small = square < SMALL**2
    sine = torch.where(small, 1.0, square).sqrt()
    angle_over_sine = torch.where(small, 2 + square / 3, 2 * torch.atan2(sine, w) / sine)
    return angle_over_sine * xyz


def geodesic(start: Tensor, end: Tensor, t: Tensor | float) -> Tensor:
    """The rotation a fraction ``t`` of the way from ``start`` to ``end``, by the shortest turn at constant speed.

    ``R_t = R_0 exp(t log(R_0ᵀ R_1))`` for rotations ``(*, 3, 3)``; ``t`` is a number or broadcasts to ``(*)``.
    """
    way = rotation_log(start.mT @ end)  # (*, 3), in the axes of the start
    t = torch.as_tensor(t, dtype=way.dtype, device=way.device)
    return start @ rotation_exp(t[..., None] * way)


def _require_vectors(name: str, vectors: Tensor) -> None:
    require_tensor(name, vectors)
    if vectors.ndim < 1 or vectors.shape[-1] != 3:
        raise ValueError(f"{name} must have shape (*, 3), got {tuple(vectors.shape)}")
