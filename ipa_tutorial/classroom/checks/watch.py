"""What a learner's function does on its way: which functions it calls, and how large the tensors are that it makes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ...attention import InvariantPointAttention
from ...inputs import check_inputs
from ...rigid import Rigid

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
