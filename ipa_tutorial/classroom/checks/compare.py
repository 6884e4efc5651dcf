"""Is this answer that answer? And if not, in what way not. And does a gradient come through, and is it a number?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...rigid import Rigid
from . import words
from .tree import flat, with_gradients


@dataclass(frozen=True)
class Problem:
    """What is the matter with an answer."""

    text: str
    structural: bool = False  # type, number, shape or NaN: nothing to compare
    error: type | None = None  # the exception in place of an answer
    broken: str = ""  # "nan" or "inf", where that is the problem


class InputChanged(Exception):
    """Stands for an answer that came at the price of the input."""


class Unfinished(str):
    """Nothing has been written yet, and by what one can tell."""


def answered(outcome: Any) -> bool:
    """Whether a function came to an answer, right or wrong."""
    return not isinstance(outcome, Problem | Unfinished)


def compare(
    got: Any, expected: Any, tolerance: float | None, finite: bool = True, names: tuple[str, ...] = ()
) -> Problem | None:
    """None if ``got`` is ``expected``, up to ``tolerance`` times the largest number in it.

    ``tolerance=None`` compares types and shapes, and looks for NaN. ``finite=False`` lets NaN be equal to NaN.
    ``names`` are those of the parts, where it is a tuple.
    """
    if isinstance(expected, tuple):
        if not isinstance(got, tuple):
            what = f"a tuple of {len(expected)} is expected, got {words.kind(got)}"
            return Problem(what, structural=True)
        if len(got) != len(expected):
            return Problem(f"{len(expected)} results are expected, got {len(got)}", structural=True)
        named = names or tuple(f"result {number} of {len(expected)}" for number in range(1, len(expected) + 1))
        for name, mine, theirs in zip(named, got, expected, strict=True):
            if problem := compare(mine, theirs, tolerance, finite):
                return replace(problem, text=f"{name}: {problem.text}")
        return None
    if isinstance(expected, Rigid):
        if not isinstance(got, Rigid):
            return Problem(f"a Rigid is expected, Rigid(rotations, translations), got {words.kind(got)}", True)
        for name in ("rotations", "translations"):
            if problem := compare(getattr(got, name), getattr(expected, name), tolerance, finite):
                return replace(problem, text=f"{name}: {problem.text}")
        return None
    if isinstance(expected, Tensor):
        return _compare_tensors(got, expected, tolerance, finite)
    if isinstance(expected, float):
        scalar = isinstance(got, float | int) or (isinstance(got, Tensor) and got.numel() == 1)
        if not scalar:
            return Problem(f"one number is expected, got {words.kind(got)}", structural=True)
        pair = (torch.as_tensor(float(x), dtype=torch.float64) for x in (got, expected))
        return _compare_tensors(*pair, tolerance, finite)
    if type(expected) is int and type(got) is not int:
        return Problem(f"a whole number is expected, {expected}, got {words.kind(got)}", structural=True)
    same = got is expected or got == expected
    return None if same else Problem(f"expected: {expected}; got: {got if isinstance(got, str) else words.kind(got)}")


def _compare_tensors(got: Any, expected: Tensor, tolerance: float | None, finite: bool) -> Problem | None:
    if not isinstance(got, Tensor):
        return Problem(f"a torch.Tensor is expected, got {words.kind(got)}", structural=True)
    if got.shape != expected.shape:
        return Problem(words.of_shapes(tuple(got.shape), tuple(expected.shape)), structural=True)
    if got.dtype != expected.dtype:
        return Problem(
            f"dtype {words.dtype(expected.dtype)} is expected, that of the input, got {words.dtype(got.dtype)}",
            structural=True,
        )
    if torch.equal(got, expected):
        return None
    if not got.is_floating_point():
        return Problem(words.of_whole_numbers(got, expected))
    got, expected = got.detach().double(), expected.detach().double()
    if finite and (got.isnan() & ~expected.isnan()).any():
        what = f"it returns NaN, at {int(got.isnan().sum())} of {got.numel()} places"
        return Problem(what, structural=True, broken="nan")
    if finite and (got.isinf() & expected.isfinite()).any():
        return Problem(f"it returns infinity, at {int(got.isinf().sum())} of {got.numel()} places", broken="inf")
    if tolerance is None or not got.numel():
        return None
    largest = expected[expected.isfinite()].abs().max().item() if expected.isfinite().any() else 0.0
    same = torch.isclose(got, expected, rtol=0, atol=tolerance * max(1.0, largest), equal_nan=not finite)
    return None if same.all() else Problem(words.of_values(got, expected, same))


def gradient_problem(function: Callable, reference: Callable, arguments: tuple) -> Problem | None:
    """None if a finite gradient reaches every argument that the reference's own finite gradient reaches."""
    expected = gradients_of(reference, arguments)
    if not any(is_finite(gradient) for gradient in expected):
        return None
    try:
        got = gradients_of(function, arguments)
    except Exception as error:
        return Problem(f"with inputs that want a gradient it raises: {str(error).splitlines()[0]}")
    places = {id(T.translations) for T in arguments if isinstance(T, Rigid)}
    free = [
        id(x) in places for x in flat(arguments) if x.is_floating_point()
    ]  # not tied to others, as the nine numbers of a rotation are
    for mine, theirs, is_free in zip(got, expected, free, strict=True):
        if not is_finite(theirs) or (mine is None and not theirs.any()):
            continue
        if mine is None:
            return Problem("no gradient comes through: is there a .detach(), .item(), .numpy() or torch.no_grad()?")
        if not is_finite(mine):
            return Problem("the gradient is NaN or infinite: is a root or a norm taken at zero, or a division by it?")
        if is_free and (mine - theirs).abs().max() > 1e-3 * theirs.abs().max() + 1e-6:
            what = "the numbers are right, but their gradient is not: is a part of the way cut off"
            return Problem(f"{what} (.detach(), .item(), torch.no_grad())?")
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
