"""How a check speaks."""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...rigid import Rigid
from ..bugs import Bug
from ..bugs.seen import INVITED
from .diagnosis.evidence import two_numbers
from .slips import Slip

BATCHES = ("no batch", "one batch axis", "two batch axes")


def right(title: str, cases: int) -> str:
    return f"✓ ok: {title}. Right on {cases} inputs, from the smallest to the strangest."


def not_yet(title: str, why: str) -> str:
    return f"… not yet: {title}. {sentence(why)}"


def wrong(title: str, *lines: str) -> str:
    return "\n".join([f"✗ wrong: {title}.", *(f"  {sentence(line)}" for line in lines)])


def sentence(text: str) -> str:
    """With a capital, unless it begins with a symbol such as w_L or a name such as to_out.weight, and a stop."""
    symbol = re.match(r"[^\Wa](?:_|\b)|\w+[_.]\w", text)
    return (text if symbol else text[:1].upper() + text[1:]) + ("" if text.endswith((".", "…", "?")) else ".")


def of_bug(bug: Bug) -> list[str]:
    lines = [f"this looks like '{bug.name}': {bug.wrong}", f"what one sees: {bug.symptom}"]
    lines += [f"harmless all the same: {bug.harmless}"] if bug.harmless else []
    return lines if bug.seen == INVITED else [*lines, f"you are in good company: {bug.seen}"]


def of_slip(slip: Slip) -> list[str]:
    return [f"this looks like '{slip.name}': {slip.wrong}"]


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
    message += ", a logarithm of zero or less, or a root of a negative number" if message == "math domain error" else ""
    return f"{message} (line {own[-1] - code.co_firstlineno + 1} of your function)" if own else message


def of_assertion(error: AssertionError, test: Callable) -> str:
    """The line of the learner's own test that complained, and what it said."""
    code = getattr(test, "__code__", None)
    own = [
        (f, line)
        for f, line in traceback.walk_tb(error.__traceback__)
        if code and f.f_code.co_filename == code.co_filename
    ]
    if not own:
        return ""
    frame, line = own[-1]
    source = linecache.getline(frame.f_code.co_filename, line).strip()
    number = line - code.co_firstlineno + 1
    place = f"line {number} of your test" if frame.f_code is code else f"{frame.f_code.co_name}, which your test calls"
    return f"{place}{': ' if source else ''}{shortened(source)}"


def shortened(source: str, most: int = 90) -> str:
    return source if len(source) <= most else f"{source[:most].rstrip()} …"


def of_shapes(got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    text = f"shape {expected} is expected, got {got}"
    if got != expected and sorted(got) == sorted(expected):
        return f"{text}: the same axes in another order"
    if len(got) == len(expected) + 1:
        for axis, size in enumerate(got):
            if got[:axis] + got[axis + 1 :] == expected:
                if size == 1:
                    return f"{text}: an axis of size one is left over"
                if got.count(size) > expected.count(size) and size in expected:
                    return f"{text}: all {size} meet all {size}, where the first belongs to the first and so on"
                return f"{text}: one axis too many, of size {size}"
        return f"{text}: one axis too many"
    if len(got) == len(expected) - 1:
        return f"{text}: one axis too few"
    return text


def of_values(got: Tensor, expected: Tensor, same: Tensor) -> str:
    """Where it is most wrong, in two numbers that can be told apart."""
    gap = torch.where(same, 0.0, (got - expected).abs().nan_to_num(torch.inf))
    where = tuple((gap == gap.max()).nonzero()[0].tolist())
    place = f" at index {where}" if where else ""
    wanted, mine = two_numbers(expected[where].item(), got[where].item())
    share = "" if not same.any() else f"; {int((~same).sum())} of {same.numel()} numbers are off"
    return f"expected {wanted}{place}, got {mine}{share}"


def of_whole_numbers(got: Tensor, expected: Tensor) -> str:
    """The first place with another number, or another truth."""
    off = got != expected
    where = tuple(off.nonzero()[0].tolist())
    place = f" at index {where}" if where else ""
    share = f"; {int(off.sum())} of {off.numel()} are off" if off.numel() > 1 else ""
    return f"expected {expected[where].item()}{place}, got {got[where].item()}{share}"


def whereabouts(told: list[tuple[Any, Any, bool]]) -> str:
    """What all the cases have in common that went wrong, where it is telling."""
    plain = [(case, right) for case, _, right in told if case.residues]
    groups = {
        "right without batch axes and wrong with them: count axes from the end, and keep proteins apart": (
            lambda case: case.batch > 0
        ),
        "right with one batch axis and wrong with two: '…' in an index stands for any number of them": (
            lambda case: case.batch > 1
        ),
        "right in float64 and wrong in float32": lambda case: case.narrow,
        "right for one alone and wrong as soon as there are several, in a chain or in a batch: is a sum, a mean or a \
length taken over all axes, for want of a dim?": lambda case: (case.residues, case.batch) != (1, 0),
        "right for a single residue and wrong for several": lambda case: case.residues > 1 and not case.narrow,
    }
    for text, among in groups.items():
        if {fine for case, fine in plain if among(case)} == {False} and all(f for case, f in plain if not among(case)):
            return text
    return ""
