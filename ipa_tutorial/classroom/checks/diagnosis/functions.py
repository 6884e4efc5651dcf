"""Is a wrong answer some function of the right one, or of what came in?"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ....rigid import Rigid
from .evidence import Evidence, Part, alike, as_tensor, common_factor, spelled

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
    mine, right = (in_words(dict(zip(terms, x.tolist(), strict=True))) for x in found)
    return f"yours is {mine}, where it should be {right}"


def in_words(factors: dict[str, float]) -> str:
    text = " + ".join(f"{spelled(c)} · {name}" for name, c in factors.items() if abs(c) > 1e-9)
    return text.replace("+ −", "− ") or "0"


def function_of_a_number(e: Evidence) -> str | None:
    """For answers that are a single number; 0 and 1 are functions of too many things."""
    part = e.wrong
    if part.expected.numel() != 1 or part.expected.item() in (0, 1):
        return None
    return function_of_the_answer(part)


def something_added(e: Evidence) -> str | None:
    """What is wrong is one of the arguments, or a multiple of it, added everywhere."""
    gap = replace(e.wrong, got=e.wrong.got - e.wrong.expected)
    if not gap.got.isfinite().all() or gap.got.numel() < 5:
        return None
    for name, x in ingredients(e):
        for k in range(min(x.ndim, 2), -1, -1):
            view = x.unflatten(-1, (*[1] * k, -1)) if k else x  # axes of one in front of the last
            try:
                other = replace(gap, expected=view.expand_as(gap.got))
            except RuntimeError:
                continue
            factor = common_factor(other) if other.expected.any() else None
            if factor and "." not in spelled(factor):
                what, much = ("too little", -factor) if factor < 0 else ("too much", factor)
                times = "" if much == 1 else f"{spelled(much)} · "
                return f"yours is right but for {times}{name}, which is {what}"
    return None


def ingredients(e: Evidence) -> Iterator[tuple[str, Tensor]]:
    for name, value in zip(e.names, e.arguments, strict=False):
        if isinstance(value, Rigid):
            R, t = value.rotations.double(), value.translations.double()
            yield f"the translations of {name}", t
            yield f"the translations of {name}, turned by R", (R @ t[..., None])[..., 0]
            yield f"the translations of {name}, turned by Rᵀ", (R.mT @ t[..., None])[..., 0]
        elif isinstance(value, Tensor) and value.is_floating_point() and value.ndim:
            yield name, value.double()


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
