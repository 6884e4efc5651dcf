"""Is a wrong answer the right one times a number, or times a size?"""

from __future__ import annotations

import itertools
import math

from torch import Tensor

from ....rigid import Rigid
from .evidence import Evidence, alike, common_factor, spelled

UNITS = {10.0, 100.0, 0.1, 0.01}


def constant_factor(e: Evidence) -> str | None:
    """A factor that can be spelled; any other may be the size of something, and is told if nothing else is found."""
    f = common_factor(e.wrong)
    return of_factor(f) if f is not None and not {".", "⁴"} & {*spelled(f)} else None


def any_factor(e: Evidence) -> str | None:
    f = common_factor(e.wrong)
    return of_factor(f) if f is not None else None


def of_factor(f: float) -> str:
    if abs(f + 1) < 1e-6:
        return "the sign is wrong everywhere"
    unit = ": are nm and Å mixed up?" if any(math.isclose(abs(f), unit, rel_tol=1e-6) for unit in UNITS) else ""
    squared = f" (squared, {spelled(f * f)})" if spelled(f).startswith(("√", "−√")) else ""
    return f"yours is {spelled(f)} times the right answer, everywhere{squared}{unit}"


def factor_that_is_a_size(evidence: list[Evidence]) -> str | None:
    """A factor that differs from input to input, as the size of an axis does, or those of two."""
    factors = [common_factor(e.wrong) for e in evidence]
    if len(evidence) < 2 or None in factors or min(factors) <= 0:
        return None
    known = {name: sizes for name, sizes in sizes_of(evidence).items() if len(set(sizes)) > 1}
    for (name, sizes), (power, text) in itertools.product(known.items(), POWERS.items()):
        rest = without(factors, sizes, power)
        if max(rest) - min(rest) < 1e-6 * max(rest):
            plain = math.isclose(rest[0], 1)
            times = text if plain else f"{spelled(rest[0])} · {text}"
            return f"yours is {times} times the right answer, with n = {name}{MEANT.get(power, '') if plain else ''}"
    for name, sizes in known.items():
        if by_one := one_less(factors, sizes):
            counted = "is one too many counted, or one too few?"
            return f"yours is {by_one} times the right answer, with n = {name}: {counted}"
        by_power = power_of(factors, sizes)
        if by_power:
            return f"yours is n to the power of {by_power} times the right answer, with n = {name}"
    for (m, ms), (n, ns), power in itertools.product(known.items(), known.items(), (1.0, 0.5)):
        rest = without(without(factors, ms, power), ns, -power)
        if max(rest) - min(rest) < 1e-6 * max(rest):
            root = "the root of " if power == 0.5 else ""
            return f"it is divided by {root}{n}, where {root}{m} belongs"
    return None


def power_of(factors: list[float], sizes: list[int]) -> str | None:
    powers = [math.log(f) / math.log(n) for f, n in zip(factors, sizes, strict=True) if n > 1]
    return spelled(powers[0]) if len(powers) > 1 and max(powers) - min(powers) < 1e-6 else None


def factor_is_an_argument(e: Evidence) -> str | None:
    """A factor for each place that is a power of an argument, such as the γ of a head."""
    part = e.wrong
    ratio = (part.got / part.expected).nan_to_num(1.0)
    if part.expected.numel() < 3 or not (ratio > 0).all() or alike(ratio, ratio.mean().expand_as(ratio)):
        return None
    for name, x in zip(e.names, e.arguments, strict=False):
        if not isinstance(x, Tensor) or not x.is_floating_point() or not (x > 0).all():
            continue
        for k in range(ratio.ndim - x.ndim + 1):
            view = x.double()[(..., *[None] * k)]
            for power, text in {
                1: "",
                -1: "1/",
                0.5: "√",
                -0.5: "1/√",
                2: "the square of ",
                0.25: "the fourth root of ",
            }.items():
                try:
                    rest = ratio / (view**power).expand_as(ratio)
                except RuntimeError:
                    continue
                if alike(rest, rest.mean().expand_as(rest)):
                    number = spelled(rest.mean().item())
                    return (
                        f"yours is {'' if number == '1' else number + ' · '}{text}{name} times the right answer: how \
often does {name} come in, and under which root?"
                    )
    return None


def without(factors: list[float], sizes: list[int], power: float) -> list[float]:
    return [f / n**power for f, n in zip(factors, sizes, strict=True)]


def one_less(factors: list[float], sizes: list[int]) -> str | None:
    """A mean over one more, or one fewer, than it should be."""
    for text, (above, below) in {
        "(n − 1)/n": (-1, 0),
        "n/(n − 1)": (0, -1),
        "n/(n + 1)": (0, 1),
        "(n + 1)/n": (1, 0),
    }.items():
        if min(sizes) + min(above, below) > 0:
            wanted = [(n + above) / (n + below) for n in sizes]
            for root, name in ((1, text), (2, f"the root of {text}")):
                if all(math.isclose(f**root, w, rel_tol=1e-6) for f, w in zip(factors, wanted, strict=True)):
                    return name
    return None


POWERS = {
    0.25: "the fourth root of n",
    -0.25: "1 over the fourth root of n",
    1.0: "n",
    -1.0: "1/n",
    0.5: "√n",
    -0.5: "1/√n",
    2.0: "n²",
    -2.0: "1/n²",
}
MEANT = {
    1.0: ": is a sum taken, or a division left out, where the formula divides by it?",
    -1.0: ": is a mean taken where a sum belongs, or divided once too often?",
    0.5: ": is a division by its root missing?",
    -0.5: ": is it divided by the root once too often?",
}


def sizes_of(evidence: list[Evidence]) -> dict[str, list[int]]:
    """The whole numbers among the arguments, and the sizes of the tensors' axes: {what it is: its size in each}."""
    found = {}
    for number, name in enumerate(evidence[0].names[: len(evidence[0].arguments)]):
        values = [e.arguments[number] for e in evidence]
        if all(type(value) in (int, float) and value > 0 for value in values):
            found[name] = values
        values = [value.translations if isinstance(value, Rigid) else value for value in values]
        if all(isinstance(value, Tensor) for value in values):
            for axis in range(-min(value.ndim for value in values), 0):
                found[f"the size of axis {axis} of {name}"] = [value.shape[axis] for value in values]
    return found
