"""Tests as exercises: the learner's test must keep silent on what is right, and raise on each of a list of mistakes.

A case of such a check is not an input but a *suspect*: the right function, another right one, or one with a named bug.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..attention import point_logits
from ..bugs import BUGS, planted
from ..rigid import Rigid
from .attention import distances_point_by_point
from .draw import Draw
from .engine import Case, Check
from .module import by_the_package, layers
from .testing import FAILS, PASSES, silent, verdict_of


class Suspect:
    """A function under test, and whether a test must raise on it."""

    def __init__(self, function: Callable, name: str, guilty: bool) -> None:
        self.function, self.__name__, self.guilty = function, name, guilty

    def __call__(self, *arguments):
        return self.function(*arguments)


def with_bug(name: str, function: Callable) -> Suspect:
    """The package's own function, run with a named bug planted."""

    def wrong(*arguments):
        with planted(name):
            return function(*arguments)

    return Suspect(wrong, f"one with '{name}'", guilty=not BUGS[name].harmless)


def described(name: str) -> str:
    bug = BUGS[name]
    return f"it is harmless: {bug.harmless}" if bug.harmless else bug.wrong


def check_of_a_test(
    title: str, inputs: Callable, example: Callable, special: tuple, names: tuple[str, ...], **options
) -> Check:
    """A check of a learner's test, whose first argument is a :class:`Suspect`. ``example`` is a test that is right."""
    return Check(
        title,
        "",
        inputs,
        lambda suspect, *_: FAILS if suspect.guilty else PASSES,
        special=special,
        single_precision=False,
        adapt=verdict_of,
        view=silent,
        names=names,
        sound=example,
        **options,
    )


# --- padding ----------------------------------------------------------------------------------------------------------

MASK_BUGS = (
    "mask-never-used",
    "mask-inverted",
    "mask-of-queries",
    "mask-added",
    "mask-of-keys-alone",
    "mask-of-minus-1e5",
)


def padded_batch(d: Draw, bug: str | None = None) -> tuple:
    """An attention with its layers inside, and a batch of two proteins: some padding, and nothing but padding."""
    module = layers(d)

    def attend(s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> Tensor:
        return by_the_package(module, s, z, T, mask)

    L, two = max(d.L, 3), Draw(d.dtype, (2,), (d.L, d.H, d.c, d.c_v, d.P, d.c_z), 7)
    mask = two.mask(L)
    mask[1] = False
    suspect = Suspect(attend, "the right one", guilty=False) if bug is None else with_bug(bug, attend)
    return suspect, two.normal(L, 7), two.normal(L, L, d.c_z), two.frames(L), mask


def padding_has_no_say(attend: Callable, s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> None:
    before = attend(s, z, T, mask)
    after = attend(torch.where(mask[..., None], s, torch.randn_like(s)), z, T, mask)
    assert before.isfinite().all()
    assert torch.allclose(after[mask], before[mask], rtol=0, atol=1e-10)


check_test_of_padding = check_of_a_test(
    "a test of masks",
    padded_batch,
    padding_has_no_say,
    tuple(lambda d, name=name: Case(padded_batch(d, name), described(name)) for name in MASK_BUGS),
    ("attend", "s", "z", "T", "mask"),
    batches=((),),
)

# --- numbers by hand --------------------------------------------------------------------------------------------------

POINT_BUGS = (
    "distance-attracts",
    "half-forgotten",
    "distance-not-squared",
    "mean-over-points",
    "point-weight-without-count",
    "point-weight-of-one",
    "point-weight-of-six",
    "square-expanded-in-half-precision",
)


def heads_exchanged(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    return point_logits(q_points, k_points, gamma.flip(-1))


def queries_exchanged_for_keys(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    return point_logits(k_points, q_points, gamma)


def by_the_package_itself(*arguments: Tensor) -> Tensor:
    return point_logits(*arguments)


def number_by_hand(point_logits: Callable) -> None:
    q, k = torch.zeros(2, 2, 3, 3, dtype=torch.float64), torch.zeros(2, 2, 3, 3, dtype=torch.float64)
    k[:, 1, 0, 0], k[:, 1, 2, 1] = 2.0, 3.0  # the points of the second key: 4 + 0 + 9 nm²
    gamma = torch.tensor([1.0, 3.0], dtype=torch.float64)
    far = -0.5 * gamma * math.sqrt(2 / 27) * 13  # (H,)
    expected = torch.stack([torch.zeros_like(far), far], dim=-1)[:, None, :].expand(2, 2, 2)
    for push in (0.0, 100.0):
        assert torch.allclose(point_logits(q + push, k + push, gamma), expected, rtol=1e-6, atol=1e-6)


check_test_of_point_logits = check_of_a_test(
    "a test of the point term",
    lambda d: (Suspect(by_the_package_itself, "the right one", guilty=False),),
    number_by_hand,
    (
        lambda d: Case((Suspect(distances_point_by_point, "another right one", False),), "written in another way"),
        *(lambda d, name=name: Case((with_bug(name, by_the_package_itself),), described(name)) for name in POINT_BUGS),
        lambda d: Case((Suspect(heads_exchanged, "one with other heads", True),), "each head takes the γ of another"),
        lambda d: Case((Suspect(queries_exchanged_for_keys, "one turned round", True),), "rows and columns exchanged"),
    ),
    ("point_logits",),
    batches=((),),
)

# --- what stands at the bottom of every test --------------------------------------------------------------------------


def alike(got: Tensor, expected: Tensor) -> str:
    if got.shape != expected.shape:
        return FAILS
    allowed = 1e-6 * max(1.0, expected.abs().max().item())
    return PASSES if ((got - expected).abs() <= allowed).all() else FAILS


def all_close(got: Tensor, expected: Tensor) -> None:
    assert alike(got, expected) == PASSES


def numbers(d: Draw, change: Callable[[Tensor], Tensor] = torch.clone, size: float = 3.0) -> tuple[Tensor, Tensor]:
    expected = size * d.alone(6, 4)
    return change(expected), expected


def one_entry(value: float) -> Callable[[Tensor], Tensor]:
    return lambda x: x.index_put((torch.tensor(2), torch.tensor(1)), x.new_tensor(value))


def pair_of(name: str, change: Callable[[Tensor], Tensor], size: float = 3.0) -> Callable[[Draw], Case]:
    return lambda d: Case(numbers(d, change, size), name)


check_assert_close = Check(
    "a comparison, assert_close(got, expected)",
    "",
    numbers,
    alike,
    special=(
        pair_of("rounding, in the tenth digit", lambda x: x * (1 + 1e-10)),
        pair_of("rounding of large numbers", lambda x: x + 1e-4, size=1e5),
        pair_of("all a little too large", lambda x: x + 0.01),
        pair_of("all a little too small", lambda x: x - 0.01),
        pair_of("one of 24 numbers wrong", one_entry(20.0)),
        pair_of("NaN in one place", one_entry(math.nan)),
        pair_of("NaN everywhere", lambda x: x * math.nan),
        pair_of("infinity in one place", one_entry(math.inf)),
        pair_of("one row in place of six, all alike", lambda x: x[:1], size=0.0),
        pair_of("the axes exchanged", lambda x: x.mT, size=0.0),
    ),
    batches=((),),
    single_precision=False,
    adapt=verdict_of,
    view=silent,
    names=("got", "expected"),
    sound=all_close,
)
