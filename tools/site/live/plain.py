"""PyTorch in words that ONNX has, and ONNX Runtime in every precision.

The course's code is traced as it is. Some of the functions that it calls have no counterpart, or none in float64; while
:class:`Plain` is switched on, each call of one of them does the same with what there is.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

SWEEPS = 6  # of Jacobi's method; three or four are enough for ten digits, and it converges quadratically


def svd(A: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and Vᵀ of matrices ``(*, 3, 3)`` without a zero among S, by Jacobi's method: turn the columns until they
    stand at right angles."""
    columns, turned = list(A.unbind(-1)), list(torch.eye(3, dtype=A.dtype, device=A.device).expand(A.shape).unbind(-1))
    for _ in range(SWEEPS):
        for i, j in ((0, 1), (0, 2), (1, 2)):
            a, b, c = ((columns[k] * columns[m]).sum(-1, keepdim=True) for k, m in ((i, i), (j, j), (i, j)))
            angle = atan2(2 * c, a - b) / 2
            for x in (columns, turned):
                x[i], x[j] = angle.cos() * x[i] + angle.sin() * x[j], angle.cos() * x[j] - angle.sin() * x[i]
    us, v = torch.stack(columns, -1), torch.stack(turned, -1)
    s, order = us.square().sum(-2).sqrt().topk(3, dim=-1)
    us, v = (take_along_dim(x, order[..., None, :].expand(x.shape), -1) for x in (us, v))
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
    """``index`` with a size of 1 wherever it is the same for all."""
    shape = [-1 if axis == dim % x.ndim else size for axis, size in enumerate(x.shape)]
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
