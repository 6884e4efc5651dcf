"""A linear layer by oneDNN: the same numbers as ``nn.Linear``, on some processors in half the time.

PyTorch brings two libraries for float32 products on a CPU. ``nn.Linear`` uses MKL, which treats processors that are not
Intel's as if they were ten years older: on an AMD EPYC with AVX-512 it reaches half of what oneDNN does. Everywhere
else (GPU, other dtypes, autocast, ``torch.compile``, which chooses for itself) :class:`Linear` is ``nn.Linear``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Linear(nn.Linear):
    """``nn.Linear`` with its three products, one forward and two backward, by oneDNN where that is possible."""

    def forward(self, x: Tensor) -> Tensor:
        """``(*, in_features)`` → ``(*, out_features)``."""
        if not suits_onednn(x, self.weight):
            return super().forward(x)
        return OneDNNLinear.apply(x, self.weight, self.bias)


class OneDNNLinear(torch.autograd.Function):
    """y = x Wᵀ + b, for ``x (*, i)``, ``weight (o, i)`` and ``bias (o,)`` or None."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return product(x.reshape(-1, x.shape[-1]), weight, bias).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx, d_y):
        x, weight = ctx.saved_tensors
        need_x, need_weight, need_bias = ctx.needs_input_grad
        d_y, flat = d_y.reshape(-1, d_y.shape[-1]), x.reshape(-1, x.shape[-1])  # (n, o), (n, i)
        d_x = product(d_y, weight.mT).view(x.shape) if need_x else None
        d_weight = product(d_y.mT, flat.mT) if need_weight else None
        return d_x, d_weight, d_y.sum(0) if need_bias else None


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b: ``(n, i)`` and ``(o, i)`` → ``(n, o)``."""
    if torch.is_grad_enabled():  # in a backward pass that is to be differentiated again
        return functional.linear(x, weight, bias)
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def suits_onednn(x: Tensor, weight: Tensor) -> bool:
    """Plain float32 tensors on a CPU, in a PyTorch that has oneDNN, and nobody else who would rather choose himself."""
    return (
        not torch.compiler.is_compiling()  # asked first: a compiler may not look into the rest
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == weight.device.type == "cpu"
        and x.numel() > 0
        and not torch.is_autocast_enabled("cpu")
        and torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
    )


def by_onednn(module: nn.Module) -> nn.Module:
    """Turn each ``nn.Linear`` within the module into a :class:`Linear`, in place; parameters stay what they are."""
    for layer in module.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = Linear
    return module
