"""What is the matter with an answer that is none of the named mistakes?

Each hypothesis looks at one wrong answer and returns a sentence, or None. A sentence is told only if all the answers
that are asked say it alike. What is asked: what the answer looks like beside the right one (here, :mod:`.factors`,
:mod:`.functions`), whether it is made of turned arrows (:mod:`.turns`), whether it is the right one for another input
(:mod:`.changed`), and, if nothing is found, under which simpler input it would be right (:mod:`.trials`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ....rigid import Rigid
from .changed import right_for_another_input, right_for_another_input_but_for_a_factor
from .evidence import Evidence, Part, alike, spelled, two_numbers
from .factors import any_factor, constant_factor, factor_is_an_argument, factor_that_is_a_size
from .functions import (
    function_of_a_number,
    function_of_an_argument,
    function_of_the_answer,
    nothing_is_left,
    of_two_arguments,
    something_added,
    sum_of_arguments,
)
from .trials import (
    felt_elsewhere,
    grows_otherwise,
    not_looked_at,
    number_not_looked_at,
    right_for_unit_quaternions,
    right_when_simpler,
)
from .turns import a_product_of_rotations, a_sum_of_turned_arrows, axes_one_by_one, no_rotation, of_a_unit_quaternion

Hypothesis = Callable[[Evidence], str | None]


def diagnose(
    evidence: list[Evidence],
    own: tuple[Hypothesis, ...] = (),
    elsewhere: bool = True,
    examples: tuple[Hypothesis, ...] = (),
    trials: bool = True,
) -> str:
    """One sentence, or none.

    Args:
        evidence: wrong answers, the most telling first.
        own: hypotheses that only this exercise knows; they come first, and are asked about the first answer alone.
        elsewhere: whether to try other inputs, which takes as long as the reference takes.
        examples: further ones of this exercise, if nothing else tells more.
        trials: whether to try simpler inputs, if nothing is found.
    """
    first = evidence[0]
    for look in own:
        if text := look(first):
            return text
    if found := of_all(evidence, elsewhere):
        text, of_one_part = found
        return with_its_part(first, text, of_one_part)
    for look in examples:
        if text := look(first):
            return text
    if sum(not part.right for part in first.parts) > 1:
        return "; ".join(part_by_part(evidence, own, elsewhere, trials))
    last = [look(first) for look in PLACES]
    if elsewhere and trials and not last[0]:
        last.append(next((text for look in TRIALS if (text := look(first))), None))
    return with_its_part(first, "; ".join(text for text in last if text), True)


def of_all(evidence: list[Evidence], elsewhere: bool) -> tuple[str, bool] | None:
    """A sentence on which all the answers agree, and whether it is about one part of them."""
    for look in GENERAL:
        if elsewhere or look not in OF_OTHER_INPUTS:
            text = look(evidence[0])
            if text and all(look(e) == text for e in evidence[1:]):
                return text, look not in OF_OTHER_INPUTS
    by_size = factor_that_is_a_size(evidence)
    return (by_size, True) if by_size else None


def part_by_part(evidence: list[Evidence], own: tuple[Hypothesis, ...], elsewhere: bool, trials: bool) -> Iterator[str]:
    """Several parts are wrong, each in its own way: as if each were all that had been asked for."""
    for part in evidence[0].parts:
        if part.right:
            continue
        alone = [e.alone(part.name) for e in evidence if not next(p for p in e.parts if p.name == part.name).right]
        whole = is_a_number(part) and part.expected == part.expected.round()  # a label, of which nothing is a half
        text = "" if whole else diagnose(alone, own, elsewhere, trials=trials)
        right = f"should be {two_numbers(part.expected.item(), part.got.item())[0]}" if is_a_number(part) else ""
        value = f"is {two_numbers(part.expected.item(), part.got.item())[1]}, and {right}" if right else ""
        plural = "are" if part.name[-1:] == "s" else "is"
        if text or value:
            yield f"the {part.name} {value or f'{plural} wrong'}" + (f": {text}" if text else "")


def is_a_number(part: Part) -> bool:
    return part.expected.numel() == 1


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


def should_be_constant(e: Evidence) -> str | None:
    part = e.wrong
    if part.expected.numel() > 1 and is_constant(part.expected):
        return f"all of it should be {spelled(part.expected.flatten()[0].item())}"
    return None


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
off, or drawn at random; or an ε too large?"
            if size > 1e-4
            else "the answer is nearly right: is an ε missing, too large, or in another place?"
        )
    return "the first digits are right and the rest are lost: is a float32 tensor made on the way (torch.zeros(…) \
and torch.tensor(…) make one unless told a dtype, .float() does)?"


# --- a constant, a frame, a factor of each ---------------------------------------------------------------------------


def constant_added(part: Part) -> str | None:
    gap = part.got - part.expected
    if not gap.isfinite().all():
        return None
    if gap.numel() > 1 and (gap - gap.mean()).abs().max() < part.close * gap.abs().max():
        return f"yours is the right answer and {spelled(gap.mean().item())} more, everywhere"
    return None


def same_along_an_axis(part: Part) -> str | None:
    gap = part.got - part.expected
    if not gap.isfinite().all():
        return None
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


def out_of_proportion(part: Part) -> str | None:
    """Shares of one that had, before they were made to add up, a factor too much that belongs to another axis."""
    one = lambda x, axis: alike(x.sum(axis), torch.ones_like(x.sum(axis)))  # noqa: E731
    if not ((part.got > 0).all() and (part.expected > 0).all()):
        return None
    for axis in range(-part.expected.ndim, 0):
        if part.expected.shape[axis] < 2 or not (one(part.expected, axis) and one(part.got, axis)):
            continue
        gap = (part.got / part.expected).log()
        gap = gap - gap.mean(axis, keepdim=True)
        for other in range(-gap.ndim, 0):
            if other != axis and gap.shape[other] > 1 and alike(gap, gap.mean(other, keepdim=True).expand_as(gap)):
                return f"yours add up to one along axis {axis}, as they should, but before that each had a factor too \
much, the same all along axis {other}: was something taken off, or divided by, that runs along axis {other} where axis \
{axis} is meant?"
    return None


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
    out_of_proportion,
    factor_of_each,
    blind_to_an_axis,
    right_numbers_elsewhere,
    limited,
)
LOOKS = tuple(map(of_the_wrong_part, BY_PART_LOOKS))
OF_OTHER_INPUTS = {
    right_for_unit_quaternions,
    number_not_looked_at,
    right_for_another_input,
    right_for_another_input_but_for_a_factor,
}
GENERAL: tuple[Hypothesis, ...] = (
    digits_lost,
    right_for_unit_quaternions,
    number_not_looked_at,
    constant_factor,
    LOOKS[1],
    right_for_another_input,
    function_of_an_argument,
    of_two_arguments,
    a_frame_itself,
    nothing_is_left,
    no_rotation,
    right_for_another_input_but_for_a_factor,
    any_factor,
    function_of_a_number,
    factor_is_an_argument,
    a_product_of_rotations,
    a_sum_of_turned_arrows,
    something_added,
    *LOOKS,
    should_be_constant,
    axes_one_by_one,
    of_a_unit_quaternion,
)
PLACES: tuple[Hypothesis, ...] = (sum_of_arguments, of_the_wrong_part(wrong_in_a_corner))
TRIALS: tuple[Hypothesis, ...] = (
    not_looked_at,
    grows_otherwise,
    right_when_simpler,
    of_the_wrong_part(same_along_an_axis),
    felt_elsewhere,
)
