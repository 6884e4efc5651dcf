"""Examples that can be worked out in the head: the first one that an answer gets wrong says what it does."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..tree import copy_of
from .evidence import Evidence, as_tensor
from .unnamed import Hypothesis

Example = tuple[str, tuple, Any]  # what is given, as arguments too, and what must come out


def worked_out(*examples: Example, close: float = 2e-3) -> Hypothesis:
    """A hypothesis: the first of these examples that comes out wrong. ``close`` is absolute."""

    def hypothesis(e: Evidence) -> str | None:
        for text, arguments, expected in examples:
            try:
                got = as_tensor(e.answer(*copy_of(arguments)))
            except Exception:
                return None
            right = torch.as_tensor(expected, dtype=torch.float64)
            if got is None or got.shape != right.shape:
                return None
            if not torch.isclose(got, right, rtol=0, atol=close).all():
                return f"an example: {text}. {in_words(right)} should come out, and yours is {in_words(got)}"
        return None

    return hypothesis


def in_words(numbers: Tensor) -> str:
    return ", ".join(f"{x:.4g}" for x in numbers.flatten().tolist())


def on_a_line(*x: float) -> Tensor:
    """Points on the x axis, ``(L, 3)``."""
    return torch.tensor([[place, 0.0, 0.0] for place in x], dtype=torch.float64)
