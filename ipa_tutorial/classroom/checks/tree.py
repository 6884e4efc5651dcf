"""Arguments and results as trees of tuples, with tensors and frames as leaves."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from ...rigid import Rigid


def each(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same tree with every tensor changed, those of frames too, and a copy of every module; the rest as it is."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, Rigid):
        return Rigid(change(tree.rotations), change(tree.translations))
    if isinstance(tree, tuple):
        return tuple(each(branch, change) for branch in tree)
    return deepcopy(tree) if isinstance(tree, nn.Module) else tree


def copy_of(tree: Any) -> Any:
    return each(tree, torch.clone)


def convert(tree: Any, dtype: torch.dtype) -> Any:
    """Every floating tensor in another dtype."""
    return each(tree, lambda x: x.to(dtype) if x.is_floating_point() else x)


def with_gradients(tree: Any) -> Any:
    """A copy whose floating tensors want a gradient."""
    return each(tree, lambda x: x.detach().clone().requires_grad_(x.is_floating_point()))


def flat(tree: Any) -> list[Tensor]:
    """All tensors, from left to right; a module's parameters are not among them."""
    if isinstance(tree, Rigid):
        return [tree.rotations, tree.translations]
    if isinstance(tree, tuple):
        return [tensor for branch in tree for tensor in flat(branch)]
    return [tree] if isinstance(tree, Tensor) else []
