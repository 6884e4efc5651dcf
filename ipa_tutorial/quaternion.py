"""Quaternions ``(w, x, y, z)``: four numbers, unit norm, one rotation of column vectors.

``q`` and ``−q`` mean the same rotation, and ``quaternion_multiply(a, b)`` means "first b, then a", exactly as the
product of the two rotation matrices does.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .inputs import require_tensor


def quaternion_multiply(a: Tensor, b: Tensor) -> Tensor:
    """The Hamilton product of ``(*, 4)`` and ``(*, 4)``, leading shapes broadcast.

    ``quaternion_to_rotation(quaternion_multiply(a, b)) = quaternion_to_rotation(a) @ quaternion_to_rotation(b)``.
    """
    _require_quaternions("a", a)
    _require_quaternions("b", b)
    w1, x1, y1, z1 = a.unbind(-1)
    w2, x2, y2, z2 = b.unbind(-1)
    return torch.stack(
        [
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
        ],
        dim=-1,
    )


def normalise_quaternion(q: Tensor) -> Tensor:
    """``q / ‖q‖`` for ``(*, 4)``. The zero quaternion, which is no rotation, becomes (1, 0, 0, 0), the identity."""
    _require_quaternions("q", q)
    identity = torch.zeros_like(q)
    identity[..., 0] = 1
    q = torch.where((q == 0).all(-1, keepdim=True), identity, q)
    return q / q.square().sum(-1, keepdim=True).sqrt()


def quaternion_to_rotation(q: Tensor) -> Tensor:
    """Quaternions ``(*, 4)`` of any length but zero → rotation matrices ``(*, 3, 3)`` for column vectors.

    Line 3 of Algorithm 23. ``q`` is normalised first, so that the result is always a proper rotation.
    """
    w, x, y, z = normalise_quaternion(q).unbind(-1)
    rows = [
        [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)  # (*, 3, 3)


def rotation_to_quaternion(R: Tensor) -> Tensor:
    """Proper rotation matrices ``(*, 3, 3)`` → unit quaternions ``(*, 4)`` with ``w ≥ 0``.

    The matrix gives every product of two components of the quaternion, ``4 q qᵀ``. Each row of that table is the
    quaternion times one of its components; the row with the largest component is the one without cancellation.
    """
    require_tensor("R", R)
    if R.ndim < 2 or R.shape[-2:] != (3, 3):
        raise ValueError(f"R must have shape (*, 3, 3), got {tuple(R.shape)}")
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (row.unbind(-1) for row in R.unbind(-2))
    products = [
        [1 + xx + yy + zz, zy - yz, xz - zx, yx - xy],
        [zy - yz, 1 + xx - yy - zz, xy + yx, xz + zx],
        [xz - zx, xy + yx, 1 - xx + yy - zz, yz + zy],
        [yx - xy, xz + zx, yz + zy, 1 - xx - yy + zz],
    ]
    table = torch.stack([torch.stack(row, dim=-1) for row in products], dim=-2)  # (*, 4, 4) = 4 q qᵀ
    largest = table.diagonal(dim1=-2, dim2=-1).argmax(-1)  # (*)
    row = table.take_along_dim(largest[..., None, None], dim=-2)[..., 0, :]  # (*, 4)
    row = torch.where(row[..., :1] < 0, -row, row)
    return row / row.square().sum(-1, keepdim=True).sqrt()


def _require_quaternions(name: str, q: Tensor) -> None:
    require_tensor(name, q)
    if q.ndim < 1 or q.shape[-1] != 4:
        raise ValueError(f"{name} must have shape (*, 4), got {tuple(q.shape)}")
