"""A linear layer by oneDNN: the same numbers as ``nn.Linear``, on some processors in half the time.

PyTorch's builds for x86 bring two libraries for float32 products on a CPU. ``nn.Linear`` uses MKL, which treats
processors that are not Intel's as if they were ten years older: on an AMD EPYC with AVX-512 it reaches half of what
oneDNN does. Everywhere else (GPU, other dtypes, autocast, ``torch.compile``, which chooses for itself) :class:`Linear`
is ``nn.Linear``.

oneDNN compiles a product anew for each size, which costs some milliseconds, and remembers about a thousand of them. A
training on proteins of many lengths would do little else; so the rows are filled up with zeros to one of eight sizes
between a power of two and the next.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .tracing import is_traced


class Linear(nn.Linear):
    """``nn.Linear`` with its three products, one forward and two backward, by oneDNN where that is possible."""

    def forward(self, x: Tensor) -> Tensor:
        """``(*, in_features)`` → ``(*, out_features)``."""
        if not suits_onednn(x, self):
            return super().forward(x)
        rows = x.reshape(-1, x.shape[-1])  # (n, i)
        missing = filled(len(rows)) - len(rows)
        full = functional.pad(rows, (0, 0, 0, missing)) if missing else rows
        y = OneDNNLinear.apply(full, self.weight, self.bias)
        return y[: len(rows)].reshape(*x.shape[:-1], -1)


def filled(n: int) -> int:
    """The next larger of the sizes 16, 32, … 128, 144, … 256, 288, …: eight to each power of two."""
    step = max(16, 2 ** (n - 1).bit_length() // 16)
    return -(-n // step) * step


class OneDNNLinear(torch.autograd.Function):
    """y = x Wᵀ + b, for ``x (n, i)``, ``weight (o, i)`` and ``bias (o,)`` or None."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    def backward(ctx, d_y):
        x, weight = ctx.saved_tensors
        need_x, need_weight, need_bias = ctx.needs_input_grad
        d_x = product(d_y, weight.mT) if need_x else None
        d_weight = product(d_y.mT, x.mT) if need_weight else None
        return d_x, d_weight, d_y.sum(0) if need_bias else None


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b: ``(n, i)`` and ``(o, i)`` → ``(n, o)``."""
    if torch.is_grad_enabled():  # in a backward pass that is to be differentiated again
        return functional.linear(x, weight, bias)
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def suits_onednn(x: Tensor, layer: nn.Linear) -> bool:
    """Plain float32 tensors on a CPU that fit each other, in a PyTorch that has oneDNN and is not compiling."""
    return (
        not torch.compiler.is_compiling()  # asked first: a compiler may not look into the rest
        and not is_traced(x, *layer.parameters())
        and all(
            t.dtype == torch.float32 and t.device.type == "cpu" and t.layout == torch.strided and t.numel() > 0
            for t in (x, *layer.parameters())
        )
        and x.ndim > 0
        and x.shape[-1] == layer.in_features
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


def only_multiplies(layer: nn.Module) -> bool:
    """A linear layer of which the weight is all there is: not replaced by an adapter, and nobody listens to it."""
    hooks = (layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks, layer._backward_pre_hooks)
    return type(layer) in (nn.Linear, Linear) and "forward" not in vars(layer) and not any(hooks)
