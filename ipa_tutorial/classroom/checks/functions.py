"""Is a wrong answer some function of the right one, or of what came in?"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .evidence import Evidence, Part, alike, as_tensor, spelled

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "the square of": torch.square,
    "the root of": lambda x: x.abs().sqrt(),
    "the absolute value of": torch.abs,
    "the exponential of": torch.exp,
    "the logarithm of": lambda x: torch.where(x > 0, x, 1).log(),
    "one divided by": lambda x: 1 / x,
    "the sign of": torch.sign,
    "the softplus of": torch.nn.functional.softplus,
    "the positive part of": lambda x: x.clamp(min=0),
    "e to the power, minus one, of": torch.expm1,
    "one minus": lambda x: 1 - x,
}
ALONG: dict[str, Callable[[Tensor, int], Tensor]] = {
    "the softmax of": torch.softmax,
    "the logarithm of the softmax of": torch.log_softmax,
    "the running sum of": torch.cumsum,
    "the sorted numbers of": lambda x, axis: x.sort(axis).values,
    "what is left if the mean is taken off": lambda x, axis: x - x.mean(axis, keepdim=True),
    "what is left if each is divided by the sum of": lambda x, axis: x / x.sum(axis, keepdim=True),
    "the arrows of length one of": lambda x, axis: x / x.norm(dim=axis, keepdim=True),
}


def functions_of(x: Tensor) -> Iterator[tuple[str, Tensor]]:
    for text, function in FUNCTIONS.items():
        yield text, function(x)
    for axis in range(-x.ndim, 0):
        for text, function in ALONG.items():
            if x.shape[axis] > 1:
                yield f"(along axis {axis}) {text}", function(x, axis)


def function_of_the_answer(part: Part) -> str | None:
    for text, other in functions_of(part.expected):
        if other.isfinite().all() and not alike(other, part.expected) and alike(part.got, other, part.close):
            return f"yours is {text} the right answer"
    return None


def function_of_an_argument(e: Evidence) -> str | None:
    part = e.wrong
    for name, x in zip(e.names, e.arguments, strict=False):
        x = as_tensor(x)
        if x is None or x.shape != part.got.shape:
            continue
        if alike(part.got, x, part.close):
            return f"yours is {name}, just as it came"
        for text, other in functions_of(x):
            if other.isfinite().all() and alike(part.got, other, part.close):
                return f"yours is {text} {name}"
    return None


def sum_of_arguments(e: Evidence) -> str | None:
    """Which multiples of the arguments are added."""
    part = e.wrong
    terms = {n: as_tensor(x) for n, x in zip(e.names, e.arguments, strict=False)}
    terms = {n: x for n, x in terms.items() if x is not None and x.shape == part.got.shape and x.numel() > 4}
    if len(terms) < 2 or len(terms) > part.got.numel() // 2:
        return None
    table = torch.stack([x.flatten() for x in terms.values()], dim=-1)
    found = [torch.linalg.lstsq(table, x.reshape(-1, 1)).solution[:, 0] for x in (part.got, part.expected)]
    if not all(alike((table @ c).view_as(x), x, 1e-6) for c, x in zip(found, (part.got, part.expected), strict=True)):
        return None
    mine, right = (" + ".join(f"{spelled(c)} · {n}" for c, n in zip(x.tolist(), terms, strict=True)) for x in found)
    return f"yours is {mine}, where it should be {right}"


def nothing_is_left(e: Evidence) -> str | None:
    part = e.wrong
    if part.got.numel() == 1 and part.got.item() == 0 != part.expected.item():
        return "yours is 0: does // divide whole numbers, and round down?"
    return None


TWO: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "the product of {} and {}, entry by entry": torch.mul,
    "the sum of {} and {}": torch.add,
    "the difference of {} and {}": torch.sub,
    "the larger of {} and {}": torch.maximum,
}


def of_two_arguments(e: Evidence) -> str | None:
    part = e.wrong
    numbers = [(n, x) for n, value in zip(e.names, e.arguments, strict=False) if (x := as_tensor(value)) is not None]
    for (m, x), (n, y) in itertools.permutations([pair for pair in numbers if pair[1].shape == part.got.shape], 2):
        for text, function in TWO.items():
            if alike(part.got, function(x, y), part.close):
                return f"yours is {text.format(m, n)}"
    return None
