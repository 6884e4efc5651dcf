"""The learner's own test of invariance: it must fail where it should, and only there."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import torch
from torch import Tensor

from ...rigid import Rigid
from . import words
from .compare import Problem
from .draw import Draw
from .engine import Case, Check

PASSES, PRINTS, FAILS = "it stays silent", "it prints something, and raises nothing", "it raises AssertionError"
ALARM, SLIPPED = "a false alarm: ", "it slipped through: "
KINDS = {"turn": r"\b(turn|rotat)", "push": r"\b(push|shift|translat)"}  # beginnings of words: "returned" is none


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
    """It notices a push."""
    return T.translations.norm(dim=-1)


def differences(T: Rigid) -> torch.Tensor:
    """It notices a turn."""
    return T.translations - T.translations[..., :1, :]


def coordinates(T: Rigid) -> torch.Tensor:
    return T.translations


def squares_of_differences(T: Rigid) -> torch.Tensor:
    """Blind to half turns about the axes of the world, which change signs only: turn by any other angle."""
    return differences(T).square()


def nan_somewhere(T: Rigid) -> torch.Tensor:
    """Every comparison with NaN is false, and max(a, b) may drop it: say what must hold."""
    return distances(T) * torch.tensor([float("nan")] + [1.0] * (T.shape[-1] - 1), dtype=T.dtype)


def rounded_distances(T: Rigid) -> torch.Tensor:
    """The same bit by bit after any motion of the world."""
    return distances(T).float().round(decimals=2)


def ones(T: Rigid) -> torch.Tensor:
    """det R, which no motion on either side changes."""
    return torch.linalg.det(T.rotations).round()


ANSWERS = {
    rounded_distances: PASSES,
    ones: PASSES,
    distances: PASSES,
    relative_translations: PASSES,
    handedness: PASSES,
    coordinates: FAILS,
    distances_from_the_origin: FAILS,
    differences: FAILS,
    squares_of_differences: FAILS,
    nan_somewhere: FAILS,
}


class Complaint(str):
    """FAILS, and where in the learner's test."""

    where: str

    def __new__(cls, where: str) -> Complaint:
        said = super().__new__(cls, FAILS)
        said.where = where
        return said


def verdict_of(assertion: Callable) -> Callable:
    """The learner's assertion as a function that says what it did."""

    def says(*arguments: Any) -> str:
        printed = StringIO()
        try:
            with redirect_stdout(printed):
                result = assertion(*arguments)
        except AssertionError as error:
            return Complaint(words.of_assertion(error, assertion))
        if result is not None:
            return f"it returns {words.kind(result)}, which nobody reads: raise AssertionError, or stay silent"
        return PRINTS if printed.getvalue() else PASSES

    return says


def says_which_motion(assertion: Callable, cases: list[Case]) -> str | None:
    """Does the message name the one kind of motion that was noticed, and not the other?"""
    (T,) = (case.arguments[1] for case in cases[:1])
    for function, noticed in ((differences, "turn"), (distances_from_the_origin, "push")):
        try:
            with redirect_stdout(StringIO()):
                assertion(function, T)
        except AssertionError as error:
            named = [kind for kind, pattern in KINDS.items() if re.search(pattern, str(error).lower())]
            if named != [noticed]:
                said = f"says: {str(error).splitlines()[0]}" if str(error) else "says nothing"
                return f"it fails where it should, but of a function that notices a {noticed} alone the message {said}"
    return None


def place_of(told: list[tuple[Case, Any, bool]]) -> str:
    """The line of the test that gave the first false alarm."""
    return next((f" ({said.where})" for _, said, right in told if not right and getattr(said, "where", "")), "")


def what_slips_through(told: list[tuple[Case, Any, bool]]) -> str:
    """All that a learner's test got wrong, in one sentence."""
    wrong = {}
    for case, outcome, right in told:
        if right:
            continue
        if isinstance(outcome, Problem):
            return outcome.text
        if outcome not in (PASSES, FAILS, PRINTS):
            return outcome
        name = "what is sound" if case.residues else case.name
        wrong.setdefault(ALARM if outcome == FAILS else SLIPPED, []).append(name)
    place = place_of(told)
    if {outcome for _, outcome, _ in told} == {FAILS}:
        return f"your test complains of everything, also of what is right{place}"
    if not any(outcome == FAILS for _, outcome, _ in told):
        printed = any(outcome == PRINTS for _, outcome, _ in told)
        return "your test never raises" + (": it only prints, and nobody reads that" if printed else "")
    texts = {title: first_of(list(dict.fromkeys(names))) for title, names in wrong.items()}
    return "; ".join(f"{title}{text}{place if title == ALARM else ''}" for title, text in texts.items())


def first_of(names: list[str], at_most: int = 4) -> str:
    more = [f"{len(names) - at_most} more"] if len(names) > at_most else []
    return ", and ".join([*names[:at_most], *more])


def what_it_minds(told: list[tuple[Case, Any, bool]]) -> str:
    """Of three functions that are all invariant, which does the test complain of?"""
    minded = {case.name.split(" (")[0] for case, outcome, right in told if not right and outcome == FAILS}
    place = place_of(told)
    if "ones" in minded:
        return f"your test complains of everything{place}: even of a function that always returns the same ones"
    if "rounded distances" in minded:
        return "your test complains of distances, which no motion of the world changes: does one G move all residues, \
on the left, G ∘ T, and is it a turn and a push, without a stretch? Is anything divided by numbers that may be zero?"
    if "distances" in minded:
        return "your test complains of rounding: distances differ in the fifteenth digit after a motion, and may"
    return what_slips_through(told)


def on(function: Callable) -> Callable[[Draw], Case]:
    """A case called by the function's name, and by what its docstring has to say."""
    name, note = function.__name__.replace("_", " "), (function.__doc__ or "").strip().rstrip(".")
    return lambda d: Case((function, d.frames(6)), f"{name} ({note[0].lower()}{note[1:]})" if note else name)


def on_one_that_changes_by(change: Callable[[Tensor], Tensor], name: str) -> Callable[[Draw], Case]:
    """A function whose answer changes in this way for any frames but those of the case."""

    def case(d: Draw) -> Case:
        T = d.frames(6)

        def notices(moved: Rigid) -> torch.Tensor:
            out = distances(moved)
            return out + change(out) * ((moved.translations - T.translations).abs().max() > 1e-6)

        return Case((notices, T), f"an output that {name} when anything moves")

    return case


def up_and_down(out: Tensor) -> Tensor:
    """Two numbers change, and the mean does not."""
    change = torch.zeros_like(out)
    change[..., 0, 1], change[..., 1, 0] = 1.0, -1.0
    return change


check_assert_invariant = Check(
    "a test of invariance, assert_invariant(f, T)",
    "testing.assert_invariant",
    lambda d: (distances, d.frames(5)),
    lambda function, T: ANSWERS.get(function, FAILS),
    special=(
        *map(on, ANSWERS),
        on_one_that_changes_by(torch.ones_like, "grows"),
        on_one_that_changes_by(lambda out: -torch.ones_like(out), "shrinks"),
        on_one_that_changes_by(lambda out: 1e-4 * torch.ones_like(out), "grows by 0.0001"),
        on_one_that_changes_by(up_and_down, "grows at one place and shrinks at another"),
    ),
    batches=((),),
    single_precision=False,
    adapt=verdict_of,
    view=lambda said, *_: PASSES if said == PRINTS else said,
    names=("f", "T"),
    manner=says_which_motion,
    summary=what_it_minds,
    drawn=True,
)
