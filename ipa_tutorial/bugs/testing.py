"""Tests that pass on all of the above: the assertion itself is at fault."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..rigid import Rigid, random_rigid
from ..testing import Movable, Output, assert_invariant, move
from . import seen
from .registry import bug


def numbers(output: Output) -> torch.Tensor:
    """Everything that a function returned, flat, in double precision."""
    parts = output if isinstance(output, tuple) else (output,)
    parts = [(p.rotations, p.translations) if isinstance(p, Rigid) else (p,) for p in parts]
    return torch.cat([x.detach().double().flatten() for part in parts for x in part])


def before_and_after(function, inputs, motion: Rigid) -> tuple[torch.Tensor, torch.Tensor]:
    return numbers(function(*inputs)), numbers(function(*(move(motion, thing) for thing in inputs)))


def random_motion(scale: float, seed: int) -> Rigid:
    return random_rigid((), torch.Generator().manual_seed(seed), scale, torch.float64)


@bug(
    "testing.assert_invariant",
    wrong="(after − before).max() for the largest absolute value: what only ever shrinks is not noticed",
    symptom="passes whatever becomes smaller",
    seen="the tests of several packages",
)
def largest_signed_difference(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    for trial in range(trials):
        before, after = before_and_after(function, inputs, random_motion(scale, seed + trial))
        assert (after - before).max() < (1e-8 if tolerance is None else tolerance)


@bug(
    "testing.assert_invariant",
    wrong="the world is only ever turned: a translation is never tried",
    symptom="passes a module that is invariant to rotations alone",
    seen="the tests of several packages",
)
def rotations_only(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    assert_invariant(function, *inputs, trials=trials, scale=0.0, tolerance=tolerance, seed=seed)


@bug(
    "testing.assert_invariant",
    wrong="the world is only ever shifted: a rotation is never tried",
    symptom="passes whatever works with differences of coordinates",
    seen=seen.INVITED,
)
def translations_only(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    for trial in range(trials):
        still, t = Rigid.identity(dtype=torch.float64), random_motion(scale, seed + trial).translations
        before, after = before_and_after(function, inputs, Rigid(still.rotations, t))
        assert (after - before).abs().max() < (1e-8 if tolerance is None else tolerance)


@bug(
    "testing.assert_invariant",
    wrong="the motion is the identity: nothing is moved",
    symptom="passes everything",
    seen="the tests of several packages",
)
def identity_motions(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    before, after = before_and_after(function, inputs, Rigid.identity(dtype=torch.float64))
    assert torch.allclose(before, after)


@bug(
    "testing.assert_invariant",
    wrong="the result is printed and not asserted",
    symptom="'False' scrolls by, and the tests are green",
    seen="the tests of several packages",
)
def printed_not_asserted(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    before, after = before_and_after(function, inputs, random_motion(scale, seed))
    print("invariant:", torch.allclose(before, after))


@bug(
    "testing.assert_invariant",
    wrong="only the shapes are compared",
    symptom="passes everything",
    seen="the tests of several packages",
)
def shapes_only(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    before, after = before_and_after(function, inputs, random_motion(scale, seed))
    assert before.shape == after.shape
