"""PyTorch in words that ONNX has, and ONNX Runtime in every precision.

The course's code is traced as it is. Some of the functions that it calls have no counterpart, or none in float64; while
:class:`Plain` is switched on, each call of one of them does the same with what there is.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

SWEEPS = 5  # of Jacobi's method, which doubles the number of right digits in each


def svd(A: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and Vᵀ of matrices ``(*, 3, 3)`` without a zero among S: turn pairs of columns until all stand upright on
    each other (one-sided Jacobi)."""
    columns, turned = list(A.unbind(-1)), list(torch.eye(3, dtype=A.dtype, device=A.device).expand(A.shape).unbind(-1))
    for _ in range(SWEEPS):
        for i, j in ((0, 1), (0, 2), (1, 2)):
            longer = (columns[j].square() - columns[i].square()).sum(-1, keepdim=True)  # (*, 1)
            leaning = 2 * (columns[i] * columns[j]).sum(-1, keepdim=True)
            root = (longer.square() + leaning.square()).sqrt()
            tangent = torch.where(longer < 0, -leaning, leaning) / (longer.abs() + root).clamp(min=1e-300)
            cosine = 1 / (1 + tangent.square()).sqrt()
            for x in (columns, turned):
                x[i], x[j] = cosine * (x[i] - tangent * x[j]), cosine * (tangent * x[i] + x[j])
    us, v = torch.stack(columns, -1), torch.stack(turned, -1)
    s, order = us.square().sum(-2).sqrt().topk(3, dim=-1)
    us, v = (take_along_dim(x, order[..., None, :], -1) for x in (us, v))
    return us / s[..., None, :], s, v.mT


def det(A: Tensor) -> Tensor:
    """Of matrices ``(*, 3, 3)``: the volume of the box that their columns span."""
    a, b, c = A.unbind(-1)
    return (torch.linalg.cross(a, b) * c).sum(-1)


def atan2(y: Tensor, x: Tensor) -> Tensor:
    """The angle in the precision of float32, and then what is left of it: so small an angle is its own tangent."""
    angle = torch.atan2(y.float(), x.float()).to(y.dtype)
    return angle + (y * angle.cos() - x * angle.sin()) / (x * angle.cos() + y * angle.sin()).clamp(min=1e-300)


def arccos(cosine: Tensor) -> Tensor:
    return atan2((1 - cosine.square()).sqrt(), cosine)


def take_along_dim(x: Tensor, index: Tensor, dim: int) -> Tensor:
    """``index`` is as large as ``x`` or has a size of 1, except along ``dim``."""
    shape = list(x.shape)
    shape[dim] = index.shape[dim]
    return x.gather(dim, index.expand(shape))


class Plain(TorchFunctionMode):
    """Within it, PyTorch says what ONNX cannot in other words."""

    words = {  # noqa: RUF012
        torch.linalg.svd: svd,
        torch.linalg.det: det,
        torch.atan2: atan2,
        torch.Tensor.arccos: arccos,
        torch.Tensor.take_along_dim: take_along_dim,
    }

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return self.words.get(func, func)(*args, **(kwargs or {}))
