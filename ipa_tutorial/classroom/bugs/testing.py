"""Tests that pass on all of the above: the assertion itself is at fault."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ...rigid import Rigid, random_rigid
from ...testing import Movable, Output, assert_equivariant, assert_invariant, move
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


# --- equivariance -----------------------------------------------------------------------------------------------------


def places(output: Output) -> Output:
    """Frames reduced to their origins."""
    if isinstance(output, tuple):
        return tuple(map(places, output))
    return output.translations if isinstance(output, Rigid) else output


@bug(
    "testing.assert_equivariant",
    wrong="only the translations of the frames are compared, where rotations must move along as well",
    symptom="passes a layer that turns its residues in the world; with one layer nobody reads the turn",
    seen=seen.INVITED,
)
def where_but_not_how_it_stands(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    options = dict(trials=trials, scale=scale, tolerance=tolerance, seed=seed)
    assert_equivariant(lambda *moved: places(function(*moved)), *inputs, **options)


@bug(
    "testing.assert_equivariant",
    wrong="f(G ∘ T) is compared with f(T), where it should be G ∘ f(T): the output must move along",
    symptom="a sound update fails, and one that never looks at its input passes",
    seen=seen.INVITED,
)
def invariant_for_equivariant(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    assert_invariant(function, *inputs, trials=trials, scale=scale, tolerance=tolerance, seed=seed)


@bug(
    "testing.assert_equivariant",
    wrong="T ∘ G for G ∘ T: every residue is moved in its own axes, which is another molecule",
    symptom="a sound update fails, and one in the axes of the world passes",
    seen=seen.INVITED,
)
def moved_on_the_right(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    for trial in range(trials):
        G = random_motion(scale, seed + trial)
        after = numbers(function(*(thing @ G.to(thing.dtype) for thing in inputs)))
        outputs = function(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        target = numbers(tuple(output @ G.to(output.dtype) for output in outputs))
        assert (after - target).abs().max() < (1e-8 if tolerance is None else tolerance)


@bug(
    "testing.assert_equivariant",
    wrong="the world is turned and never pushed, so that half of the promise is not looked at",
    symptom="passes an update that doubles all coordinates",
    seen=seen.INVITED,
)
def equivariant_under_turns_alone(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    assert_equivariant(function, *inputs, trials=trials, scale=0.0, tolerance=tolerance, seed=seed)
