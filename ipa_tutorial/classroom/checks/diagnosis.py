"""What is the matter with an answer that is none of the named mistakes?

Each hypothesis looks at one wrong answer and returns a sentence, or None. A sentence is told only if all the answers
that are asked say it alike. Two rooms: what the answer looks like beside the right one (here), and whether it is the
right one for another input (:mod:`.changed`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from ...rigid import Rigid
from .changed import right_for_another_input
from .evidence import Evidence, Part, alike, common_factor, spelled
from .functions import (
    function_of_an_argument,
    function_of_the_answer,
    nothing_is_left,
    of_two_arguments,
    sum_of_arguments,
)

Hypothesis = Callable[[Evidence], str | None]
UNITS = {10.0, 100.0, 0.1, 0.01}


def diagnose(evidence: list[Evidence], own: tuple[Hypothesis, ...] = (), elsewhere: bool = True) -> str:
    """One sentence, or none.

    Args:
        evidence: wrong answers, the most telling first.
        own: hypotheses that only this exercise knows; they come first, and are asked about the first answer alone.
        elsewhere: whether to try other inputs, which takes as long as the reference takes.
    """
    for hypothesis in own:
        if text := hypothesis(evidence[0]):
            return text
    for hypothesis in GENERAL if elsewhere else (h for h in GENERAL if h is not right_for_another_input):
        text = hypothesis(evidence[0])
        if text and all(hypothesis(e) == text for e in evidence[1:]):
            return with_its_part(evidence[0], text, hypothesis in BY_PART)
    by_size = factor_that_is_a_size(evidence)
    if by_size:
        return with_its_part(evidence[0], by_size, True)
    last = next((text for text in (hypothesis(evidence[0]) for hypothesis in PLACES) if text), "")
    return with_its_part(evidence[0], last, True)


def with_its_part(e: Evidence, text: str, of_one_part: bool) -> str:
    """In front of a sentence: which part of the answer is at fault."""
    wrong, right = ([p.name for p in e.parts if p.right is fine] for fine in (False, True))
    if len(e.parts) == 1 or not (right or (text and of_one_part)):
        return text
    where = f"the {' and the '.join(wrong)} {'is' if len(wrong) == 1 and wrong[0][-1] != 's' else 'are'} wrong"
    where += f", the {' and the '.join(right)} right" if right else ""
    return f"{where}: {text}" if text else where


def of_the_wrong_part(look: Callable[[Part], str | None]) -> Hypothesis:
    def hypothesis(e: Evidence) -> str | None:
        part = e.wrong
        return look(part) if part.expected.numel() > 1 and not is_constant(part.expected) else None

    return hypothesis


def is_constant(x: Tensor) -> bool:
    return bool((x == x.flatten()[0]).all())


# --- rounding, and an ε ------------------------------------------------------------------------------------------


def digits_lost(e: Evidence) -> str | None:
    part = e.wrong
    if e.single or not part.expected.isfinite().all() or not part.got.isfinite().all():
        return None
    gap, largest = part.got - part.expected, part.expected.abs().max().clamp(min=1e-30)
    size = (gap.abs().max() / largest).item()
    if not 0 < size < 2e-2:
        return None
    one_sided = gap.numel() > 4 and bool((gap > 0).all() or (gap < 0).all())
    if one_sided and size < 1e-3:
        which = "large" if (gap > 0).all() else "small"
        return f"the answer is always a little too {which}: is an ε missing, too large, or in another place?"
    if size > 1e-6:
        return (
            "only the first two or three digits are right: is something rounded on the way (half precision), cut \
off, or drawn at random?"
            if size > 1e-4
            else "the answer is nearly right: is an ε missing, too large, or in another place?"
        )
    return "the first digits are right and the rest are lost: is a float32 tensor made on the way (torch.zeros(…) \
and torch.tensor(…) make one unless told a dtype, .float() does)?"


# --- a factor, a constant ----------------------------------------------------------------------------------------


def constant_factor(e: Evidence) -> str | None:
    f = common_factor(e.wrong)
    if f is None:
        return None
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


def without(factors: list[float], sizes: list[int], power: float) -> list[float]:
    return [f / n**power for f, n in zip(factors, sizes, strict=True)]


POWERS = {1.0: "n", -1.0: "1/n", 0.5: "√n", -0.5: "1/√n", 2.0: "n²", -2.0: "1/n²"}
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
        if all(type(value) is int for value in values):
            found[name] = values
        values = [value.translations if isinstance(value, Rigid) else value for value in values]
        if all(isinstance(value, Tensor) for value in values):
            for axis in range(-min(value.ndim for value in values), 0):
                found[f"the size of axis {axis} of {name}"] = [value.shape[axis] for value in values]
    return found


def constant_added(part: Part) -> str | None:
    gap = part.got - part.expected
    if not gap.isfinite().all():
        return None
    if gap.numel() > 1 and (gap - gap.mean()).abs().max() < part.close * gap.abs().max():
        return f"yours is the right answer and {spelled(gap.mean().item())} more, everywhere"
    for axis in range(-gap.ndim, 0):
        if gap.shape[axis] > 1 and gap.std(axis).max() < part.close * gap.abs().max():
            return f"what is wrong with it is the same all along axis {axis}: something that does not depend on this \
axis is missing, or too much"
    return None


def a_frame_itself(e: Evidence) -> str | None:
    part = e.wrong
    for name, T in zip(e.names, e.arguments, strict=False):
        if isinstance(T, Rigid):
            for text, x in (("rotations", T.rotations), ("translations", T.translations)):
                if x.shape == part.got.shape and alike(part.got, x.double(), part.close):
                    return f"yours are the {text} of {name}, just as they came"
    return None


def factor_of_each(part: Part) -> str | None:
    """A factor that is the same along some axes: a length, a sum, a number of each head."""
    large = part.expected.abs() > 1e-9 * part.expected.abs().max()
    ratio = part.got / torch.where(large, part.expected, torch.nan)
    if not ratio.isfinite().all():
        return None
    same = [
        axis
        for axis in range(-ratio.ndim, 0)
        if ratio.shape[axis] > 1 and alike(ratio, ratio.narrow(axis, 0, 1).expand_as(ratio))
    ]
    if not same or len(same) == sum(size > 1 for size in ratio.shape):
        return None
    length = part.expected.square().sum(-1).sqrt()
    if same == [-1] and alike(length, torch.ones_like(length)):
        return "each has the right direction and the wrong length, which should be one"
    axes = " and ".join(map(str, same))
    return f"each is right but for a factor that is the same all along axis {axes}, and differs elsewhere"


# --- the right numbers in the wrong place ------------------------------------------------------------------------


def axes_permuted(part: Part) -> str | None:
    if part.expected.ndim > 5:
        return None
    for order in itertools.permutations(range(part.expected.ndim)):
        moved = [n for n, axis in enumerate(order) if n != axis]
        if moved and [part.expected.shape[axis] for axis in order] == list(part.expected.shape):
            for sign, also in ((1, ""), (-1, ", and the sign is wrong")):
                if alike(part.got, sign * part.expected.permute(order), part.close):
                    axes = " and ".join(str(n - part.expected.ndim) for n in moved)
                    return f"axes {axes} are exchanged (transposed){also}"
    return None


def shifted_or_reversed(part: Part) -> str | None:
    for axis in range(-part.expected.ndim, 0):
        if part.expected.shape[axis] == 1:
            continue
        if alike(part.got, part.expected.flip(axis), part.close):
            return f"everything is there, in reverse order along axis {axis}"
        for step in (1, -1):
            if alike(part.got, part.expected.roll(step, axis), part.close):
                return f"everything is off by one along axis {axis}"
    return None


def right_numbers_elsewhere(part: Part) -> str | None:
    got, expected = (x.flatten().sort().values for x in (part.got, part.expected))
    if (
        part.expected.shape[-2:] == (3, 3)
        or not expected.isfinite().all()
        or expected.unique().numel() < 4
        or not alike(got, expected, part.close)
    ):
        return None
    for axis in range(-part.expected.ndim, 0):
        ordered = (x.sort(axis).values for x in (part.got, part.expected))
        if alike(*ordered, part.close):
            return f"all the right numbers are there, in another order along axis {axis}"
    return "all the right numbers are there, but in other places: a reshape (or view) cuts the row of numbers anew and \
moves no axis"


def limited(part: Part) -> str | None:
    """The largest or the smallest numbers are cut off."""
    off = (part.got - part.expected).abs() > part.close * part.expected.abs().max()
    if not 0 < off.sum() < off.numel() or not part.got[off].isfinite().all() or off.sum() < 2:
        return None
    if is_constant(part.got[off]):
        return f"where it is wrong it is {spelled(part.got[off][0].item())}, always, and elsewhere it is right"
    return None


# --- axes: summed, forgotten, normalised -------------------------------------------------------------------------


def adds_up_elsewhere(part: Part) -> str | None:
    one = lambda x, axis: alike(x.sum(axis), torch.ones_like(x.sum(axis)))  # noqa: E731
    axes = [axis for axis in range(-part.expected.ndim, 0) if part.expected.shape[axis] > 1]
    wanted = [axis for axis in axes if one(part.expected, axis)]
    if not wanted or any(one(part.got, axis) for axis in wanted):
        return None
    mine = [axis for axis in axes if one(part.got, axis)]
    if mine:
        return f"yours add up to one along axis {mine[0]}, where it should be axis {wanted[0]}"
    if alike(part.got / part.got.sum(wanted[0], keepdim=True), part.expected, part.close):
        return f"yours do not add up to one along axis {wanted[0]}; divided by their sum they would be right"
    return f"yours do not add up to one along axis {wanted[0]}"


def blind_to_an_axis(part: Part) -> str | None:
    if is_constant(part.got):
        return "yours is the same number everywhere"
    for axis in range(-part.expected.ndim, 0):
        if part.expected.shape[axis] > 1 and alike(part.got, part.got.mean(axis, keepdim=True).expand_as(part.got)):
            for text, reduce in (("the mean", torch.mean), ("the sum", torch.sum)):
                if alike(part.got, reduce(part.expected, axis, keepdim=True).expand_as(part.got), part.close):
                    return f"yours is {text} of the right answer over axis {axis}, which should stay"
            return f"yours is the same all along axis {axis}: what happens on this axis is summed or not looked at"
    return None


# --- rotations ---------------------------------------------------------------------------------------------------


def no_rotation(e: Evidence) -> str | None:
    part = e.wrong
    if part.expected.shape[-2:] != (3, 3) or not part.got.isfinite().all():
        return None
    one = torch.eye(3, dtype=torch.float64)
    if not alike(part.expected @ part.expected.mT, one.expand_as(part.expected)):
        return None
    between = {"own axes": part.expected.mT @ part.got, "world's axes": part.got @ part.expected.mT}
    for text, turn in between.items():
        turns = turn.flatten(0, -3) if turn.ndim > 2 else turn[None]
        if len(turns) > 1 and alike(turns, turns[:1].expand_as(turns)):
            if is_a_relabelling(turns[0]):
                left = "; that is a left hand, det R = −1" if torch.linalg.det(turns[0]) < 0 else ""
                return f"each rotation is the right one with other axes or other signs: {columns(turns[0])}{left}"
            if alike(turns[0] @ turns[0].mT, one):
                return f"each rotation is turned by the same turn, in its {text}"
    square = part.got.mT @ part.got
    if not alike(square, one.expand_as(square), 1e-4):
        if alike(square.diagonal(dim1=-2, dim2=-1), torch.ones(square.shape[:-1], dtype=torch.float64), 1e-4):
            return "these are no rotations: the axes have length one, but are not at right angles to each other"
        if alike(square, square[..., :1, :1] * one, 1e-4):
            return "these are no rotations: they stretch all three axes alike; is a length not divided out?"
        return "these are no rotations: Rᵀ R is not 1, the axes do not have length one"
    if (torch.linalg.det(part.got) < 0).all():
        return "these are no rotations but reflections: det R = −1, a left hand"
    return None


def is_a_relabelling(turn: Tensor) -> bool:
    return alike(turn.abs(), turn.abs().round()) and not alike(turn, torch.eye(3, dtype=turn.dtype))


def columns(turn: Tensor) -> str:
    """Which of the right axes each column is."""
    names = []
    for k in range(3):
        right = int(turn[:, k].abs().argmax())
        names.append(f"{'−' if turn[right, k] < 0 else ''}{'xyz'[right]}")
    return f"where x, y, z belong stand {', '.join(names)}"


# --- where it is wrong, if nothing is known of how ---------------------------------------------------------------


def wrong_in_a_corner(part: Part) -> str | None:
    """Right but for the diagonal, one half, or a few places along one axis."""
    off = (part.got - part.expected).abs().nan_to_num(torch.inf) > part.close * part.expected[
        part.expected.isfinite()
    ].abs().max()
    for a, b in itertools.combinations(range(off.ndim), 2):
        if off.shape[a] == off.shape[b] > 2:
            table, axes = off.movedim((a, b), (-2, -1)), f"axes {a - off.ndim} and {b - off.ndim}"
            on = torch.eye(off.shape[a], dtype=torch.bool)
            if not (table & ~on).any():
                return f"only the diagonal of {axes} is wrong"
            if not (table & on).any() and (table | on).all():
                return f"the diagonal of {axes} is right, and all beside it is wrong"
            if not table.triu(1).any() or not table.tril(-1).any():
                side = "below" if not table.triu(1).any() else "above"
                return f"only {side} the diagonal of {axes} is it wrong"
    for axis in range(off.ndim):
        others = [k for k in range(off.ndim) if k != axis]
        hit = off.any(dim=others) if others else off
        if 0 < hit.sum() <= off.shape[axis] / 2:
            places = ", ".join(str(int(k)) for k in hit.nonzero().flatten())
            return f"only at {places} of axis {axis - off.ndim} is it wrong, everywhere else it is right"
        if hit.sum() == off.shape[axis] - 1 > 1:
            return f"only at {int((~hit).nonzero()[0])} of axis {axis - off.ndim} is it right"
    return None


BY_PART_LOOKS = (
    constant_added,
    axes_permuted,
    shifted_or_reversed,
    function_of_the_answer,
    adds_up_elsewhere,
    factor_of_each,
    blind_to_an_axis,
    right_numbers_elsewhere,
    limited,
)
LOOKS = tuple(map(of_the_wrong_part, BY_PART_LOOKS))
GENERAL: tuple[Hypothesis, ...] = (
    digits_lost,
    constant_factor,
    LOOKS[1],
    right_for_another_input,
    function_of_an_argument,
    of_two_arguments,
    a_frame_itself,
    nothing_is_left,
    no_rotation,
    *LOOKS,
)
BY_PART = {*GENERAL} - {right_for_another_input}
PLACES: tuple[Hypothesis, ...] = (sum_of_arguments, of_the_wrong_part(wrong_in_a_corner))
