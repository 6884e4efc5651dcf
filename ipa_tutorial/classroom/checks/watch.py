"""What a learner's function does on its way: which functions it calls, and how large the tensors are that it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ...rigid import Rigid

METHODS = ("apply", "invert_apply", "inverse", "__matmul__")  # of Rigid, seen as "Rigid.apply"


class Calls(TorchFunctionMode):
    """Collects the names of PyTorch's functions and properties: "softmax", "matmul", "mT"."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        name = getattr(function, "__name__", "")
        owner = getattr(function, "__self__", None)
        self.names.add(getattr(owner, "__name__", name) if name == "__get__" else name.strip("_"))
        return function(*args, **(kwargs or {}))


class Sizes(TorchDispatchMode):
    """Keeps the largest number of elements that stand in memory for one tensor (a broadcast view needs no memory)."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for x in result if isinstance(result, tuple | list) else (result,):
            if isinstance(x, Tensor):
                stored = x.untyped_storage().nbytes() // x.element_size()
                self.largest = max(self.largest, min(stored, x.numel()))
        return result


def largest_tensor(function: Callable, arguments: tuple) -> int:
    with Sizes() as sizes:
        function(*arguments)
    return sizes.largest


def calls(function: Callable, arguments: tuple) -> set[str]:
    """The names of all functions of PyTorch and methods of frames that are called."""
    with Calls() as seen, frames_watched(seen.names):
        function(*arguments)
    return seen.names


@contextmanager
def frames_watched(names: set[str]) -> Iterator[None]:
    """Write down which methods of :class:`Rigid` are called; what these call in their turn is not the learner's."""
    sound = {name: getattr(Rigid, name) for name in METHODS}

    def watched(name: str) -> Callable:
        def method(*arguments: Any) -> Any:
            names.add(f"Rigid.{name.strip('_')}")
            with torch._C.DisableTorchFunction():
                return sound[name](*arguments)

        return method

    try:
        for name in METHODS:
            setattr(Rigid, name, watched(name))
        yield
    finally:
        for name, method in sound.items():
            setattr(Rigid, name, method)
