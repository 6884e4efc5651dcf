"""How a check speaks."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...rigid import Rigid
from ..bugs import Bug
from ..bugs.seen import INVITED

BATCHES = ("no batch", "one batch axis", "two batch axes")


def right(title: str, cases: int) -> str:
    return f"✓ ok: {title}. Right on {cases} inputs, from the smallest to the strangest."


def not_yet(title: str, why: str) -> str:
    return f"… not yet: {title}. {sentence(why)}"


def wrong(title: str, *lines: str) -> str:
    return "\n".join([f"✗ wrong: {title}.", *(f"  {sentence(line)}" for line in lines)])


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "…", "?")) else ".")


def of_bug(bug: Bug) -> list[str]:
    lines = [f"this looks like '{bug.name}': {bug.wrong}", f"what one sees: {bug.symptom}"]
    lines += [f"harmless all the same: {bug.harmless}"] if bug.harmless else []
    return lines if bug.seen == INVITED else [*lines, f"you are in good company: {bug.seen}"]


def dtype(of: torch.dtype) -> str:
    return str(of).removeprefix("torch.")


def kind(value: Any) -> str:
    """What something is, in a few words."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    if isinstance(value, str | int | float | bool):
        return repr(value)
    return f"a {type(value).__name__}"


def of_argument(name: str, value: Any) -> str:
    label = f"{name} = " if name else ""
    if isinstance(value, Rigid):
        return f"{label}frames {tuple(value.shape)}"
    if isinstance(value, Tensor):
        return f"{label}{number_list(value)}" if value.numel() <= 4 else f"{label}tensor {tuple(value.shape)}"
    if isinstance(value, nn.Module):
        return f"{label}{type(value).__name__}"
    if callable(value):
        return f"{label}{getattr(value, '__name__', 'a function')}"
    return f"{label}{value!r}"


def number_list(values: Tensor) -> str:
    numbers = values.tolist()
    show = lambda x: [show(y) for y in x] if isinstance(x, list) else round(x, 4) if isinstance(x, float) else x  # noqa: E731
    return str(show(numbers))


def of_error(error: BaseException, function: Callable) -> str:
    """The message, and the line of the learner's own code that it came from."""
    code = getattr(function, "__code__", None)
    own = [line for f, line in traceback.walk_tb(error.__traceback__) if code and f.f_code is code]
    message = str(error).splitlines()[0].rstrip(".") if str(error) else "no message"
    return f"{message} (line {own[-1] - code.co_firstlineno + 1} of your function)" if own else message


def of_shapes(got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    text = f"shape {expected} is expected, got {got}"
    if got != expected and sorted(got) == sorted(expected):
        return f"{text}: the same axes in another order"
    if len(got) == len(expected) + 1:
        return f"{text}: one axis too many; is a sum missing?"
    if len(got) == len(expected) - 1:
        return f"{text}: one axis too few"
    return text


def of_values(got: Tensor, expected: Tensor, same: Tensor) -> str:
    """Where it is most wrong, and whether there is a system in it."""
    gap = torch.where(same, 0.0, (got - expected).abs().nan_to_num(torch.inf))
    where = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    place = f" at index {where}" if where else ""
    text = f"expected {expected[where]:.6g}{place}, got {got[where]:.6g}"
    share = "" if not same.any() else f"; {int((~same).sum())} of {same.numel()} numbers are off"
    return text + share + system(got, expected)


def system(got: Tensor, expected: Tensor) -> str:
    """A pattern in what is wrong: a factor, a sign, one constant, two axes exchanged."""
    if got.numel() > 1 and (got == got.flatten()[0]).all():
        return ": yours is the same number everywhere"
    ratio = got / expected
    factor = ratio.flatten()[0].item()
    if ratio.numel() > 1 and ratio.isfinite().all() and (ratio - factor).abs().max() < 1e-4:
        return ": the sign is wrong everywhere" if abs(factor + 1) < 1e-4 else f": {factor:.4g} times everywhere"
    for axis in range(got.ndim - 1):
        if got.shape[axis] == got.shape[axis + 1] > 1 and torch.allclose(got, expected.transpose(axis, axis + 1)):
            return f": axes {axis - got.ndim} and {axis + 1 - got.ndim} are exchanged"
    return ""
