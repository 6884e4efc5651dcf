"""Is a wrong answer the right one for another input? Then the difference of the inputs is the mistake.

Whoever multiplies by R where Rᵀ belongs answers rightly for frames with Rᵀ; who never looks at a mask, for a mask of
ones; who sums over the wrong index of a table, for the table transposed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor

from ....rigid import Rigid
from .evidence import Evidence, alike, spelled

Change = tuple[str, object]  # what was done to an argument, and the argument after it


def right_for_another_input(e: Evidence) -> str | None:
    ways = ((text, arguments) for text, arguments, factor in fitting(e) if factor == 1)
    return next((text for text, arguments in ways if confirmed(e, arguments)), None)


def right_for_another_input_but_for_a_factor(e: Evidence) -> str | None:
    """Two mistakes, which is rarer."""
    for text, _, factor in fitting(e):
        if factor == -1:
            return f"{text}; and the sign is wrong everywhere"
        if factor != 1:
            return f"{text}; and all is {spelled(factor)} times too large"
    return None


@lru_cache(maxsize=8)
def fitting(e: Evidence) -> list[tuple[str, tuple, float]]:
    """The other inputs for which the answer is right, or right but for a factor; up to the first without one."""
    found = []
    for text, arguments in other_inputs(e):
        if factor := e.agrees_for(arguments):
            found.append((text, arguments, factor))
            if factor == 1 and confirmed(e, arguments):
                break
    return found


def confirmed(e: Evidence, arguments: tuple) -> bool:
    """If a whole number is off by one here, is it off by one elsewhere, too?"""
    for n, (before, after) in enumerate(zip(e.arguments, arguments, strict=True)):
        if type(before) is int and before != after:
            try:
                mine, right = (
                    answer(exchanged(e.arguments, {n: x + 3})) for answer, x in ((e.mine, before), (e.right, after))
                )
            except Exception:
                return True
            return all(x.shape == y.shape and alike(x, y, 1e-4) for x, y in zip(mine, right, strict=False))
    return True


def other_inputs(e: Evidence) -> Iterator[tuple[str, tuple]]:
    arguments, pairs = e.arguments, pairs_alike(e.arguments)
    for n, (name, value) in enumerate(zip(e.names, arguments, strict=False)):
        for text, other in changes_of(name, value):
            yield text, exchanged(arguments, {n: other})
    for i, j in pairs:
        first, second = e.names[i], e.names[j]
        text = f"your answer is the right one with {first} and {second} exchanged"
        yield text, exchanged(arguments, {i: arguments[j], j: arguments[i]})
        yield f"{second} is not used: {first} stands in its place, too", exchanged(arguments, {j: arguments[i]})
        yield f"{first} is not used: {second} stands in its place, too", exchanged(arguments, {i: arguments[j]})
        both = f"{first} and {second}, both of them,"
        for (text, mine), (_, theirs) in zip(*(changes_of(both, arguments[n]) for n in (i, j)), strict=True):
            yield text, exchanged(arguments, {i: mine, j: theirs})


def exchanged(arguments: tuple, others: dict[int, object]) -> tuple:
    return tuple(others.get(n, value) for n, value in enumerate(arguments))


def pairs_alike(arguments: tuple) -> list[tuple[int, int]]:
    """Arguments of one kind and shape."""
    seen = [(type(x), tuple(x.shape), x.dtype) if isinstance(x, Tensor | Rigid) else None for x in arguments]
    return [(i, j) for j in range(len(seen)) for i in range(j) if seen[i] is not None and seen[i] == seen[j]]


def changes_of(name: str, value: object) -> Iterator[Change]:
    if isinstance(value, Rigid):
        yield from changes_of_frames(name, value)
    elif isinstance(value, Tensor) and value.dtype == torch.bool:
        yield f"{name} is read upside down: False is taken for True", ~value
        yield f"{name} is never used: all count", torch.ones_like(value)
        yield f"by your answer nobody is real: as if {name} were False everywhere", torch.zeros_like(value)
    elif isinstance(value, Tensor):
        yield from changes_of_a_tensor(name, value)
    elif isinstance(value, float):
        yield f"{name} is not used: as if it were 0", 0.0
        yield f"{name} is not used: as if it were 1", 1.0
        yield f"{name} comes in twice, squared", value**2
        yield f"{name} comes in by its root", abs(value) ** 0.5
        if value:
            yield f"{name} is divided by, where it should be multiplied with, or the other way round", 1 / value
        yield f"{name} comes in three times, once for each coordinate", 3 * value
        yield f"as if {name} were None", None
    elif type(value) is int:
        for step in (1, -1):
            yield f"your answer is the right one for {name} {'+' if step > 0 else '−'} 1: off by one", value + step


def changes_of_frames(name: str, T: Rigid) -> Iterator[Change]:
    R, t = T.rotations, T.translations
    turned, back = ((M * t[..., None, :]).sum(-1) for M in (R, R.mT))
    one = torch.eye(3, dtype=R.dtype).expand_as(R).contiguous()
    yield (
        f"{name} turns the wrong way: R stands where Rᵀ belongs, or the other way round (rows for columns)",
        Rigid(R.mT, t),
    )
    yield f"the translations of {name} are not used", Rigid(R, torch.zeros_like(t))
    yield f"the rotations of {name} are not used", Rigid(one, t)
    yield f"neither rotations nor translations of {name} are used", Rigid(one, torch.zeros_like(t))
    yield f"the translations of {name} have the wrong sign", Rigid(R, -t)
    yield (
        f"the translations of {name} are turned as well (R t stands for t): first turned or first moved?",
        Rigid(R, turned),
    )
    yield f"the translations of {name} are turned backwards (Rᵀ t stands for t): first turned or moved?", Rigid(R, back)
    yield f"{name} is inverted, or not inverted where it should be: it goes the opposite way", Rigid(R.mT, -back)
    yield f"rotations of {name} are transposed and its translations turned: in which order?", Rigid(R.mT, turned)
    yield f"rotations of {name} are transposed and its translations turned back: in which order?", Rigid(R.mT, back)
    yield (
        f"only the diagonal of the rotations of {name} counts: a product entry by entry sums nothing",
        Rigid(R * one, t),
    )
    for factor, unit in ((10.0, "times ten"), (0.1, "divided by ten")):
        yield f"lengths of {name} are {unit}: are nm and Å mixed up?", Rigid(R, t * factor)
    if T.shape and T.shape[-1] > 1:
        first = [x[..., :1, :].expand_as(x) if x is t else x[..., :1, :, :].expand_as(x) for x in (R, t)]
        yield f"the first frame of {name} is used for every residue", Rigid(*first)
        yield f"the rotation of the first of {name} is used for every residue", Rigid(first[0], t)
        yield f"the translation of the first of {name} is used for every residue", Rigid(R, first[1])
        mean = t.mean(-2, keepdim=True).expand_as(t)
        yield f"the mean of the translations of {name} stands for all of them", Rigid(R, mean)
        yield f"the mean of the translations of {name} is taken off first", Rigid(R, t - mean)
        for step in (1, -1):
            yield f"the frames of {name} are off by one", Rigid(R.roll(step, -3), t.roll(step, -2))
        yield f"the frames of {name} are in reverse order", Rigid(R.flip(-3), t.flip(-2))
    if len(T.shape) > 1 and T.shape[0] > 1:
        yield f"the first entry of the batch in {name} is used for all", Rigid(R[:1].expand_as(R), t[:1].expand_as(t))


def changes_of_a_tensor(name: str, x: Tensor) -> Iterator[Change]:
    if not x.is_floating_point():
        yield f"the sign of {name} is wrong", -x
        yield f"as if {name} counted 0, 1, 2, …: its numbers are not read", torch.arange(x.shape[-1]).expand_as(x)
        return
    yield f"{name} is not used: as if it were zero", torch.zeros_like(x)
    yield f"{name} is not used: as if it were one", torch.ones_like(x)
    yield f"{name} comes in with the wrong sign", -x
    for axes in ((-1, -2), (-2, -3), (-1, -3), (-3, -4)):
        if x.ndim >= -min(axes) and x.shape[axes[0]] == x.shape[axes[1]] > 1:
            yield f"{name} is read with axes {axes[1]} and {axes[0]} exchanged (transposed)", x.transpose(*axes)
    for factor, unit in ((10.0, "times ten"), (0.1, "divided by ten")):
        yield f"{name} is {unit}: are nm and Å mixed up?", factor * x
    yield f"{name} is squared first", x.square()
    yield f"{name} comes in without its softplus", x.clamp(max=50).expm1().log()
    if x.ndim > 3 and x.shape[-1] == 3:
        yield (
            f"from {name} a mean of its own is taken off, which moves it against the others",
            x - x.mean((-4, -3, -2), keepdim=True),
        )
    yield f"the softplus of {name} is taken", torch.nn.functional.softplus(x)
    yield f"the exponential of {name} is taken", x.exp()
    yield f"the sign of {name} is lost", x.abs()
    if x.ndim and x.shape[-1] == 4 and name.startswith("q"):
        yield (
            f"as if x, y, z of {name} had the wrong sign: it turns the other way, its matrix is transposed",
            x * x.new_tensor([1.0, -1, -1, -1]),
        )
    if x.ndim and 2 < x.shape[-1] < 5:
        for k in range(x.shape[-1]):
            alone = torch.nn.functional.one_hot(torch.tensor(k), x.shape[-1]).to(x.dtype)
            yield f"coordinate {k} of {name} is not used", x * (1 - alone)
            yield f"coordinate {k} of {name} has the wrong sign", x * (1 - 2 * alone)
        for i, j in itertools.combinations(range(x.shape[-1]), 2):
            order = [j if k == i else i if k == j else k for k in range(x.shape[-1])]
            yield f"coordinates {i} and {j} of {name} are exchanged", x[..., order]
    for axis in range(-x.ndim, 0):
        if x.shape[axis] == 1:
            continue
        first, last = x.narrow(axis, 0, 1).expand_as(x), x.narrow(axis, x.shape[axis] - 1, 1).expand_as(x)
        where = f"along axis {axis} of {name}"
        only = torch.zeros_like(x).narrow(axis, 0, 1).fill_(1)
        first_alone = torch.cat([only, torch.zeros_like(x).narrow(axis, 1, x.shape[axis] - 1)], dim=axis)
        yield f"{where} only the first counts", x * first_alone
        yield f"{where} all but the first count", x * (1 - first_alone)
        yield f"{where} the first stands for all", first
        yield f"{where} the last stands for all", last
        yield f"{where} the mean is used for all", x.mean(axis, keepdim=True).expand_as(x)
        yield f"{where} the mean is taken off first", x - x.mean(axis, keepdim=True)
        yield f"{where} all are brought to length one", x / x.norm(dim=axis, keepdim=True)
        yield f"{where} all are divided by their sum", x / x.sum(axis, keepdim=True)
        yield f"a softmax is taken {where}", x.softmax(axis)
        yield f"the order {where} is reversed", x.flip(axis)
        for step in (1, -1):
            yield f"all is off by one {where}", x.roll(step, axis)
