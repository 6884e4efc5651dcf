"""Does a gradient come through, and is it a number?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .compare import Problem
from .tree import flat, with_gradients


def gradient_problem(function: Callable, reference: Callable, arguments: tuple) -> Problem | None:
    """None if a finite gradient reaches every argument that the reference's own finite gradient reaches."""
    expected = gradients_of(reference, arguments)
    if not any(is_finite(gradient) for gradient in expected):
        return None
    try:
        got = gradients_of(function, arguments)
    except Exception as error:
        return Problem(f"with inputs that want a gradient it raises: {str(error).splitlines()[0]}")
    for mine, theirs in zip(got, expected, strict=True):
        if not is_finite(theirs):
            continue
        if mine is None:
            return Problem("no gradient comes through: is there a .detach(), .item(), .numpy() or torch.no_grad()?")
        if not is_finite(mine):
            return Problem("the gradient is NaN or infinite: is a root or a norm taken at zero, or a division by it?")
    return None


def gradients_of(function: Callable, arguments: tuple) -> list[Tensor | None]:
    arguments = with_gradients(arguments)
    results = [x for x in flat(function(*arguments)) if x.requires_grad]
    leaves = [x for x in flat(arguments) if x.requires_grad]
    if not results or not leaves:
        return [None] * len(leaves)
    weights = [1 + torch.arange(x.numel(), dtype=x.dtype).reshape(x.shape) for x in results]
    total = sum((x * weight)[x.isfinite()].sum() for x, weight in zip(results, weights, strict=True))
    return list(torch.autograd.grad(total, leaves, allow_unused=True))


def is_finite(gradient: Any) -> bool:
    return gradient is not None and bool(gradient.isfinite().all())
