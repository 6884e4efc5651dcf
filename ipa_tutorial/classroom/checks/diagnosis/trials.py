"""What if the input were simpler? The learner's function and the reference are both asked about other arguments.

That tells which ingredient a mistake is about, even where nothing is known of the mistake: an answer that is right as
long as nobody is turned has something to do with the rotations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ....rigid import Rigid
from ..tree import copy_of
from .changed import exchanged
from .evidence import Evidence, Part, alike, common_factor, spelled

Trial = tuple[str, object]  # under which condition; and the argument that meets it


def right_when_simpler(e: Evidence) -> str | None:
    """The least that has to be simpler for the answer to be right."""
    for n, (name, value) in enumerate(zip(e.names, e.arguments, strict=False)):
        for text, other in simpler(name, value):
            pair = e.both_for(exchanged(copy_of(e.arguments), {n: other}))
            if pair and is_right(pair, e) and not all(is_constant(x) for x in pair[1]):  # zeros are right too easily
                return text
    return None


def is_right(pair: tuple[list[Tensor], list[Tensor]], e: Evidence) -> bool:
    return all(alike(mine, right, part.close) for mine, right, part in zip(*pair, e.parts, strict=True))


def is_constant(x: Tensor) -> bool:
    return bool((x == x.flatten()[0]).all())


def right_for_unit_quaternions(e: Evidence) -> str | None:
    for n, (name, x) in enumerate(zip(e.names, e.arguments, strict=False)):
        if isinstance(x, Tensor) and x.shape[-1:] == (4,) and name.startswith("q"):
            pair = e.both_for(exchanged(copy_of(e.arguments), {n: x / x.norm(dim=-1, keepdim=True)}))
            if pair and is_right(pair, e):
                return f"if {name} has length one yours is right: bring it to length one first"
    return None


def simpler(name: str, value: object) -> Iterator[Trial]:
    """From the mildest to the strongest."""
    if isinstance(value, Rigid):
        yield from simpler_frames(name, value)
    elif isinstance(value, Tensor) and value.dtype == torch.bool:
        text = f"as long as {name} is True everywhere yours is right: what are those to do where it is False?"
        yield text, torch.ones_like(value)
    elif isinstance(value, Tensor) and value.is_floating_point():
        yield from simpler_numbers(name, value)
    elif isinstance(value, float) and value != 1:
        yield f"with {name} = 1 yours is right: look at the place where {name} comes in", 1.0


def simpler_frames(name: str, T: Rigid) -> Iterator[Trial]:
    R, t = T.rotations, T.translations
    several = bool(T.shape) and T.shape[-1] > 1
    if several:
        yield (
            f"with one and the same rotation for all {name} yours is right: does it take the \
rotation of another one somewhere?",
            Rigid(R[..., :1, :, :].expand_as(R).contiguous(), t),
        )
        yield (
            f"with one and the same translation for all {name} yours is right: does it take \
the translation of another one somewhere?",
            Rigid(R, t[..., :1, :].expand_as(t).contiguous()),
        )
    axis = R[..., 0]
    one = torch.eye(3, dtype=R.dtype)
    yield (
        f"if all rotations of {name} are half turns, which are their own transposes, yours is right: does R stand \
where Rᵀ belongs?",
        Rigid(2 * axis[..., :, None] * axis[..., None, :] - one, t),
    )
    yield (
        f"if all {name} stand at the origin yours is right: where are the translations added or taken off, and are \
they turned?",
        Rigid(R, torch.zeros_like(t)),
    )
    yield (
        f"if nobody in {name} is turned yours is right: what happens with the rotations (whose, on which side, R or \
Rᵀ)?",
        Rigid(one.expand_as(R).contiguous(), t),
    )


def simpler_numbers(name: str, x: Tensor) -> Iterator[Trial]:
    if (x < 0).any():
        yield f"if no number of {name} is negative yours is right: look at what you do with signs", x.abs()
    if (x.abs() > 10).any():
        yield f"if the numbers of {name} are small yours is right, and not if they are large", x.clamp(-1, 1)
    for a in range(-x.ndim, -1):
        if x.shape[a] == x.shape[-1] > 1:
            symmetric = (x + x.transpose(a, -1)) / 2
            text = f"if {name} is symmetric in axes {a} and -1 yours is right: are rows read for columns?"
            yield text, symmetric
    for a in range(-x.ndim, 0):
        if x.shape[a] > 1:
            yield (
                f"if {name} is the same all along axis {a} yours is right: what happens along this axis of {name}?",
                x.narrow(a, 0, 1).expand_as(x).contiguous(),
            )
    yield f"if all numbers of {name} are 1 yours is right: look at the place where {name} comes in", torch.ones_like(x)


def grows_otherwise(e: Evidence) -> str | None:
    """One argument becomes four times as large: by which factor does the answer change, and by which should it?"""
    for n, (name, value) in enumerate(zip(e.names, e.arguments, strict=False)):
        if not (type(value) in (int, float) or (isinstance(value, Tensor) and value.is_floating_point())):
            continue
        pair = e.both_for(exchanged(copy_of(e.arguments), {n: 4 * value}))
        if pair is None:
            continue
        mine = times(pair[0], [part.got for part in e.parts])
        right = times(pair[1], [part.expected for part in e.parts])
        if mine and right and not math.isclose(mine, right, rel_tol=1e-6):
            return f"make {name} four times as large: the right answer becomes {spelled(right)} times as large, and \
yours {spelled(mine)} times: how often does {name} come in, and under which root?"
    return None


def times(new: list[Tensor], before: list[Tensor]) -> float | None:
    """By which factor all of it has changed, if it is one and the same."""
    return common_factor(
        Part("", torch.cat([x.flatten() for x in new]), torch.cat([x.flatten() for x in before]), 1e-6)
    )


# --- what an answer looks at -----------------------------------------------------------------------------------------


def not_looked_at(e: Evidence) -> str | None:
    """Arguments that may be anything without a change of the answer, though the right one changes."""
    for n, (name, value) in enumerate(zip(e.names, e.arguments, strict=False)):
        for text, other in others(name, value):
            pair = e.both_for(exchanged(copy_of(e.arguments), {n: other}))
            if pair is None:
                continue
            mine, right = pair
            if still(mine, e) and not all(alike(x, part.expected) for x, part in zip(right, e.parts, strict=True)):
                return f"{text} may be anything, and your answer stays as it is: does it look at them?"
    return None


def number_not_looked_at(e: Evidence) -> str | None:
    """A whole number, such as a count, for which the answer has taken another one, always."""
    for n, (name, value) in enumerate(zip(e.names, e.arguments, strict=False)):
        if type(value) is not int:
            continue
        given = lambda number, n=n: e.both_for(exchanged(copy_of(e.arguments), {n: number}))  # noqa: E731
        pairs = [given(value + step) for step in (1, 2)]
        if None in pairs or not all(still(mine, e) for mine, _ in pairs):
            continue
        for constant in range(1, 13):
            pair = given(constant)
            if constant != value and pair and is_right(pair, e):
                return f"{name} is not looked at: yours is right for {name} = {constant}, always"
        return f"{name} is not looked at: with another number your answer stays as it is"
    return None


def still(mine: list[Tensor], e: Evidence) -> bool:
    return all(torch.equal(x, part.got) for x, part in zip(mine, e.parts, strict=True))


def others(name: str, value: object) -> Iterator[Trial]:
    if isinstance(value, Rigid):
        R, t = value.rotations, value.translations
        quarter = R.new_tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
        turn = R.new_tensor([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]]) @ quarter
        yield f"the rotations of {name}", Rigid(R @ turn, t)
        yield f"the translations of {name}", Rigid(R, t.flip(-1) + 0.3)
    elif isinstance(value, Tensor) and value.dtype == torch.bool:
        yield f"the values of {name}", value.logical_not()
    elif isinstance(value, Tensor) and value.is_floating_point():
        yield f"the numbers of {name}", 0.7 * value.flip(-1) + 0.3


def felt_elsewhere(e: Evidence) -> str | None:
    """One slice of an argument is changed: where does the answer change, and where should it?"""
    for n, (name, value) in enumerate(zip(e.names, e.arguments, strict=False)):
        if not isinstance(value, Tensor) or not value.is_floating_point():
            continue
        for axis in range(-value.ndim, 0):
            if value.shape[axis] < 2:
                continue
            for k in {1, value.shape[axis] - 1, value.shape[axis] // 2}:
                other = value.clone()
                other.select(axis, k).mul_(0.7).add_(0.3)
                pair = e.both_for(exchanged(copy_of(e.arguments), {n: other}))
                if pair and (text := difference(pair, e, f"change {name} at {k} of axis {axis}")):
                    return text
    return None


def difference(pair: tuple[list[Tensor], list[Tensor]], e: Evidence, what: str) -> str | None:
    for mine, right, part in zip(*pair, e.parts, strict=True):
        moves, should = (mine - part.got).abs() > 1e-9, (right - part.expected).abs() > 1e-9
        if moves.any() != should.any():
            return f"{what}: the right answer {'changes' if should.any() else 'stays'}, and yours \
{'changes' if moves.any() else 'stays'}"
        for axis in range(-right.ndim, 0):
            along = [k for k in range(right.ndim) if k - right.ndim != axis]
            here, there = (x.any(dim=along) if along else x for x in (moves, should))
            if right.shape[axis] > 1 and not torch.equal(here, there):
                text = f"{what}: along axis {axis} the right answer changes {places(there)}, and yours {places(here)}"
                return text + (MORE if not (there & ~here).any() else FEWER if not (here & ~there).any() else "")
    return None


MORE = " (is something summed, or a largest number sought, over an axis that should be kept apart?)"
FEWER = " (is an axis left out of a sum, or only one place of it looked at?)"


def places(hit: Tensor) -> str:
    if hit.all():
        return "everywhere"
    return f"at {', '.join(str(int(k)) for k in hit.nonzero().flatten())}" if hit.any() else "nowhere"
