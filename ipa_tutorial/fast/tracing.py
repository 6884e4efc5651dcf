"""Where a fast form has to step aside, because something else looks through the operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.autograd import forward_ad


def is_traced(*tensors: Tensor) -> bool:
    """Whether operations are recorded or transformed, so that an operation of our own would not be understood.

    By ``torch.export``, ``torch.jit.trace``, ``torch.func`` (grad, vmap, jvp, …) or forward-mode differentiation; or
    the tensors are meta or fake, and have no numbers.
    """
    if torch.compiler.is_dynamo_compiling():
        return getattr(torch.compiler, "is_exporting", bool)()
    return (
        torch.compiler.is_compiling()  # without Dynamo: an export
        or torch.jit.is_tracing()
        or torch._C._are_functorch_transforms_active()
        or getattr(forward_ad, "_current_level", -1) >= 0
        or any(x.is_meta or isinstance(x, FakeTensor) for x in tensors)
    )


def not_compiled(reason: str) -> Callable[[Callable], Callable]:
    """``torch.compile`` leaves the function alone, and where it must not (``fullgraph=True``) it says the reason.

    As ``torch.compiler.disable``, but that loads the whole compiler at once, as long as it takes to load the rest of
    PyTorch; here only who compiles waits for it.
    """

    def decorate(function: Callable) -> Callable:
        @wraps(function)
        def called(*args, **kwargs):
            if not torch.compiler.is_dynamo_compiling():
                return function(*args, **kwargs)
            return torch.compiler.disable(function)(*args, **kwargs)

        called._torchdynamo_disable, called._torchdynamo_disable_msg = True, reason  # for who compiles the caller
        return called

    return decorate
