"""The learner's own test of invariance: it must fail where it should, and only there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO

import torch

from ...rigid import Rigid
from .draw import Draw
from .engine import Case, Check

PASSES, PRINTS, FAILS = "it stays silent", "it prints something, and raises nothing", "it raises AssertionError"


def distances(T: Rigid) -> torch.Tensor:
    x = T.translations
    return (x[..., :, None, :] - x[..., None, :, :]).square().sum(-1)


def handedness(T: Rigid) -> torch.Tensor:
    """det R of every frame, and of four places: a mirror would change their signs, a motion does not."""
    x = T.translations
    places = torch.linalg.det(x[..., 1:4, :] - x[..., :1, :])
    return torch.cat([torch.linalg.det(T.rotations), places[..., None]], dim=-1)


def relative_translations(T: Rigid) -> torch.Tensor:
    """R_iᵀ (t_j − t_i): what residue i sees of residue j."""
    x = T.translations
    return torch.einsum("...iyx,...ijy->...ijx", T.rotations, x[..., None, :, :] - x[..., :, None, :])


def distances_from_the_origin(T: Rigid) -> torch.Tensor:
    return T.translations.norm(dim=-1)


def differences(T: Rigid) -> torch.Tensor:
    return T.translations - T.translations[..., :1, :]


def coordinates(T: Rigid) -> torch.Tensor:
    return T.translations


def nan_somewhere(T: Rigid) -> torch.Tensor:
    return distances(T) * torch.tensor([float("nan")] + [1.0] * (T.shape[-1] - 1), dtype=T.dtype)


ANSWERS = {
    distances: PASSES,
    relative_translations: PASSES,
    handedness: PASSES,
    coordinates: FAILS,
    distances_from_the_origin: FAILS,
    differences: FAILS,
    nan_somewhere: FAILS,
}


def verdict_of(assertion: Callable) -> Callable:
    """The learner's assertion as a function that says what it did."""

    def says(function: Callable, T: Rigid) -> str:
        printed = StringIO()
        try:
            with redirect_stdout(printed):
                assertion(function, T)
        except AssertionError:
            return FAILS
        return PRINTS if printed.getvalue() else PASSES

    return says


def on(function: Callable) -> Callable[[Draw], Case]:
    return lambda d: Case((function, d.frames(6)), function.__name__.replace("_", " "))


def on_one_that_changes_by(change: float) -> Callable[[Draw], Case]:
    """A function that answers with one number more (or less) for any frames but those of the case."""

    def case(d: Draw) -> Case:
        T = d.frames(6)

        def notices(moved: Rigid) -> torch.Tensor:
            return distances(moved) + change * ((moved.translations - T.translations).abs().max() > 1e-6)

        return Case((notices, T), f"an output that {'grows' if change > 0 else 'shrinks'} when anything moves")

    return case


check_assert_invariant = Check(
    "a test of invariance, assert_invariant(f, T)",
    "testing.assert_invariant",
    lambda d: (distances, d.frames(5)),
    lambda function, T: ANSWERS.get(function, FAILS),
    special=(*map(on, ANSWERS), on_one_that_changes_by(1.0), on_one_that_changes_by(-1.0)),
    batches=((),),
    single_precision=False,
    adapt=verdict_of,
    view=lambda said, *_: PASSES if said == PRINTS else said,
    names=("f", "T"),
)
