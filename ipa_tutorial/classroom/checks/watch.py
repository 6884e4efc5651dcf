"""What a learner's function does on its way: which functions it calls, and how large the tensors are that it makes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ...attention import InvariantPointAttention
from ...inputs import check_inputs
from ...rigid import Rigid
from .tree import flat

BUILT = {"InvariantPointAttention": InvariantPointAttention.__init__, "a finished module": check_inputs}
OF_FRAMES = {
    f"Rigid.{name.strip('_')}": getattr(Rigid, name) for name in ("apply", "invert_apply", "inverse", "__matmul__")
}


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


class FirstNaN(TorchFunctionMode):
    """Remembers the function of PyTorch out of which the first NaN, or infinity, came."""

    def __init__(self, broken: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.broken, self.name = broken, ""

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = function(*args, **(kwargs or {}))
        fine = not any(self.is_broken(x) for x in flat((*args, *(kwargs or {}).values())))
        if not self.name and fine and any(self.is_broken(x) for x in flat(result)):
            self.name = getattr(function, "__name__", "").strip("_")
        return result

    def is_broken(self, x: Tensor) -> bool:
        return x.is_floating_point() and bool(self.broken(x).any())


REASONS = {
    "sqrt": "a root of a negative number",
    "log": "a logarithm of zero or of a negative number",
    "truediv": "a division by zero",
    "div": "a division by zero",
    "softmax": "a softmax of a row that is −∞ everywhere",
    "exp": "e to the power of a number that is too large",
    "sub": "infinity minus infinity",
    "mul": "infinity times zero",
    "acos": "an arc cosine of a number above 1",
    "pow": "a root of a negative number, or a power of zero",
}


def first_nan(function: Callable, arguments: tuple, broken: Callable[[Tensor], Tensor] = torch.isnan) -> str:
    """Out of which function the first NaN comes; empty if that cannot be seen."""
    with FirstNaN(broken) as seen:
        try:
            function(*arguments)
        except Exception:
            return ""
    if not seen.name:
        return ""
    reason = next((reason for name, reason in REASONS.items() if name == seen.name.removeprefix("r").strip("_")), "")
    return f"the first comes out of {seen.name}{': ' if reason else ''}{reason}"


def largest_tensor(function: Callable, arguments: tuple) -> int:
    with Sizes() as sizes:
        function(*arguments)
    return sizes.largest


def calls(function: Callable, arguments: tuple, others: dict[str, Callable]) -> set[str]:
    """The names of all functions of PyTorch that are called, of methods of frames, and of these ``others``."""
    code = {getattr(other, "__code__", None): name for name, other in (OF_FRAMES | BUILT | others).items()}
    found: set[str] = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code in code:
            found.add(code[frame.f_code])

    before = sys.getprofile()
    with Calls() as seen:
        sys.setprofile(note)
        try:
            function(*arguments)
        finally:
            sys.setprofile(before)
    return found | (seen.names if not found & OF_FRAMES.keys() else set())  # what a method calls is not the learner's
