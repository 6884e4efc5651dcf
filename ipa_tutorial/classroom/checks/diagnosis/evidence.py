"""What a diagnosis may look at: an answer, the right one, and the way from the input to the right one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from ....rigid import Rigid


@dataclass(frozen=True)
class Part:
    """One tensor of an answer, beside what it should be; both in double precision."""

    name: str  # "the translations"; "" where there is only one
    got: Tensor
    expected: Tensor
    close: float  # how near is equal, relative to the largest number

    @property
    def right(self) -> bool:
        return alike(self.got, self.expected, self.close)


@dataclass(frozen=True, eq=False)
class Evidence:
    """One wrong answer.

    ``right(arguments)`` is the right answer for other arguments, as parts that can be compared with ``parts``;
    ``mine(arguments)`` that of the learner's function, likewise; ``answer(*arguments)`` is the function itself.
    """

    arguments: tuple
    names: tuple[str, ...]
    parts: tuple[Part, ...]
    single: bool  # float32
    right: Callable[[tuple], list[Tensor]]
    answer: Callable
    mine: Callable[[tuple], list[Tensor]] = lambda arguments: []

    @property
    def wrong(self) -> Part:
        """The first part that is not right."""
        return next(part for part in self.parts if not part.right)

    def alone(self, name: str) -> Evidence:
        """Of one part, as if it were all that had been asked for."""
        k = [part.name for part in self.parts].index(name)
        one = lambda answer: lambda arguments: answer(arguments)[k : k + 1]  # noqa: E731
        return replace(self, parts=self.parts[k : k + 1], right=one(self.right), mine=one(self.mine))

    def both_for(self, arguments: tuple) -> tuple[list[Tensor], list[Tensor]] | None:
        """The learner's answer and the right one for other arguments, if they come to any."""
        try:
            mine, right = self.mine(arguments), self.right(arguments)
        except Exception:
            return None
        fits = (
            bool(mine)
            and len(mine) == len(right)
            and all(x is not None and y is not None and x.shape == y.shape for x, y in zip(mine, right, strict=True))
        )
        return (mine, right) if fits else None

    def agrees_for(self, arguments: tuple) -> float:
        """The f for which what is wrong in the learner's answer is f times right for these other arguments; or 0."""
        try:
            other = self.right(arguments)
        except Exception:  # another input may be none that the reference takes
            return 0.0
        pairs = [(part, tensor) for part, tensor in zip(self.parts, other, strict=True) if not part.right]
        if not all(part.got.shape == x.shape and x.isfinite().any() and x.any() for part, x in pairs):
            return 0.0
        if all(alike(part.got, x, part.close) for part, x in pairs):
            return 1.0
        factor = common_factor(replace(pairs[0][0], expected=pairs[0][1])) if len(pairs) == 1 else None
        return factor if factor and pairs[0][1].numel() > 4 else 0.0


def alike(a: Tensor, b: Tensor, close: float = 1e-6) -> bool:
    """Equal up to rounding, infinities and NaN at the same places included."""
    finite = b[b.isfinite()].abs()
    largest = finite.max().item() if finite.numel() else 0.0
    return bool(torch.isclose(a, b, rtol=0, atol=close * max(largest, 1e-30), equal_nan=True).all())


def common_factor(part: Part) -> float | None:
    """f with got = f · expected everywhere."""
    large = part.expected.abs() > 1e-3 * part.expected[part.expected.isfinite()].abs().max()
    large = large & part.expected.isfinite()
    if not large.any():
        return None
    f = (part.got[large] / part.expected[large]).median().item()
    same = alike(part.got, f * part.expected, part.close) if math.isfinite(f) and abs(f) > 1e-9 else False
    return f if same else None


def labelled(tree: Any, names: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    """The tensors and numbers of an answer with what they are called in it."""
    if isinstance(tree, Rigid):
        return [("rotations", tree.rotations), ("translations", tree.translations)]
    if isinstance(tree, tuple):
        own = names or tuple(f"result {n}" for n in range(1, len(tree) + 1))
        found = [(name, label, leaf) for name, x in zip(own, tree, strict=True) for label, leaf in labelled(x)]
        return [(f"{label} of {name}" if label else name, leaf) for name, label, leaf in found]
    return [("", tree)]


def as_tensor(value: Any) -> Tensor | None:
    """In double precision; None where it is no number."""
    if isinstance(value, Tensor):
        return value.detach().double()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return torch.tensor(float(value), dtype=torch.float64)
    return None


# --- numbers in words -------------------------------------------------------------------------------------------------


KNOWN = {"ln 2": math.log(2), "1/ln 2": 1 / math.log(2), "ln 10": math.log(10), "1/ln 10": 1 / math.log(10)}
KNOWN |= {"π": math.pi, "2π": 2 * math.pi, "1/π": 1 / math.pi, "√π": math.pi**0.5, "e": math.e, "1/e": 1 / math.e}


def spelled(x: float) -> str:
    """A number as a person would write it: 3, 1/2, √2, 2/√3, and otherwise its digits."""
    for text, number in KNOWN.items():
        if math.isclose(abs(x), number, rel_tol=1e-7):
            return f"−{text}" if x < 0 else text
    for power, shape in ((1, "{}"), (2, "√({})"), (4, "⁴√({})")):
        share = Fraction(abs(x) ** power).limit_denominator(100)
        if share and share.numerator <= 1000 and math.isclose(share, abs(x) ** power, rel_tol=1e-7):
            text = str(share)
            text = shape.format(text).replace(f"({text})", text) if share.denominator == 1 else shape.format(text)
            return f"−{text}" if x < 0 else text
    return f"{x:.6g}".replace("-", "−")


def two_numbers(a: float, b: float) -> tuple[str, str]:
    """Both with as many digits as it takes to tell them apart."""
    for digits in range(6, 18):
        texts = f"{a:.{digits}g}", f"{b:.{digits}g}"
        if texts[0] != texts[1]:
            return texts
    return texts
