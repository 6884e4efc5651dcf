"""A check runs the learner's function beside a reference, and names the mistake where it knows it.

The reference is written apart from the package, slowly and plainly. The package's own function serves for something
else: with a named bug planted in it, it shows what that bug would have answered.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

import torch

from ..bugs import Bug, bugs_of, planted
from ..bugs.registry import locate
from . import words
from .compare import InputChanged, Problem, Unfinished, answered, compare, gradient_problem
from .draw import Draw
from .tree import convert, copy_of, flat

SETTINGS = (  # dtype, sizes (of L first), from small to large
    (torch.float64, (1, 2, 3, 4, 5, 6)),
    (torch.float64, (3, 2, 4, 5, 6, 7)),
    (torch.float64, (8, 3, 5, 6, 7, 9)),
    (torch.float32, (6, 2, 3, 4, 5, 7)),
)


class CheckFailed(AssertionError):
    """What a check raises with IPA_CHECK_STRICT=1, as a grader needs it."""


@dataclass(frozen=True)
class Case:
    """One set of arguments for the learner's function."""

    arguments: tuple
    name: str = ""  # what is special about it
    only_finite: bool = False  # the values are a matter of taste, but NaN is none
    rounding: bool = False  # what goes wrong here is rounding, and no two programs round alike


Tried = list[tuple[Case, Any]]  # what the learner's function answered, case by case


@dataclass(frozen=True)
class Verdict:
    """What a check found out: ``status`` is "ok", "not yet" or "wrong"."""

    status: str
    text: str
    bug: Bug | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Check:
    """One exercise. Call it with the learner's function: ``check_point_logits(point_logits)``.

    Args:
        title: of the exercise, as the verdict names it.
        where: the package's own function, ``"attention.point_logits"``; its bugs are the first suspects.
        inputs: draws the arguments.
        reference: the right answer in float64, independent of the package.
        suspects: further functions whose bugs would show.
        special: further cases: degenerate, far away, masked.
        batches: leading shapes to try.
        view: what of an output counts, given the output and the arguments; None: all of it.
        view_title: what the view shows, for the verdict.
        adapt: turns the learner's function into one that returns something to compare; None: as it is.
        tolerance: in float64, relative to the largest number of the answer; in float32 it is at least 1e-4.
        single_precision: also try float32.
        names: of the arguments, where the package's function calls them otherwise.
        sound: the package's own answer, where it takes more than a call of ``where``.
    """

    title: str
    where: str
    inputs: Callable[[Draw], tuple]
    reference: Callable
    suspects: tuple[str, ...] = ()
    special: tuple[Callable[[Draw], Case], ...] = ()
    batches: tuple[tuple[int, ...], ...] = ((), (2,), (2, 3))
    view: Callable[..., Any] | None = None
    view_title: str = ""
    adapt: Callable[[Callable], Callable] | None = None
    tolerance: float = 1e-8
    single_precision: bool = True
    names: tuple[str, ...] = ()
    sound: Callable | None = None

    def __call__(self, function: Callable) -> None:
        """Run the learner's function and print what was found.

        Raises:
            CheckFailed: it is not right, and the environment says IPA_CHECK_STRICT=1. Otherwise nothing is raised.
        """
        verdict = self.examine(function)
        print(verdict)
        if verdict.status != "ok" and os.environ.get("IPA_CHECK_STRICT", "0") not in ("", "0"):
            raise CheckFailed(str(verdict))

    def examine(self, function: Callable) -> Verdict:
        """The same without printing, and without ever raising."""
        if not callable(function):
            return Verdict("wrong", words.wrong(self.title, f"a function is expected, got {words.kind(function)}"))
        try:
            with torch.random.fork_rng(devices=[]):
                return self.try_all(function)
        except Exception as error:
            return Verdict("wrong", words.wrong(self.title, f"its result cannot be compared: {error}"))

    def try_all(self, function: Callable) -> Verdict:
        cases, tried = list(self.cases()), []
        for case in cases:
            outcome = self.run(function, case)
            if isinstance(outcome, Unfinished):
                return Verdict("not yet", words.not_yet(self.title, str(outcome)))
            problem = self.judge(outcome, case)
            if problem is None or not problem.structural:
                problem = self.chance(function, case, outcome) or problem or self.judge_gradient(function, case)
            if problem is not None:
                later = ((case, self.run(function, case)) for case in cases[len(tried) + 1 :])
                return self.explain(problem, case, [(case, outcome), *tried, *later])
            tried.append((case, outcome))
        return Verdict("ok", words.right(self.title, len(cases)))

    def cases(self) -> Iterator[Case]:
        """From one residue to a batch of batches, then what is special."""
        for seed, (dtype, sizes) in enumerate(SETTINGS):
            for batch in self.batches if dtype == torch.float64 else self.batches[: self.single_precision]:
                draw = Draw(dtype, batch, sizes, seed)
                yield Case(self.inputs(draw), f"{words.BATCHES[len(batch)]}, {words.dtype(dtype)}")
        for seed, special in enumerate(self.special):
            yield special(Draw(torch.float64, (), SETTINGS[1][1], 100 + seed))

    def run(self, function: Callable, case: Case) -> Any:
        """What the function returns; a :class:`Problem` where it does not come to that."""
        arguments = copy_of(case.arguments)
        try:
            output = (self.adapt(function) if self.adapt else function)(*arguments)
        except NotImplementedError:
            return Unfinished("it raises NotImplementedError: replace that line by your own code")
        except (Exception, SystemExit) as error:
            return Problem(f"it raises {type(error).__name__}: {words.of_error(error, function)}", error=type(error))
        if output is None or output is Ellipsis:
            return Unfinished(f"it returns {output!r}: is there a line 'return …' at its end?")
        changed = compare(tuple(flat(arguments)), tuple(flat(case.arguments)), 0.0, finite=False)
        if changed is not None:
            what = "it changes its own input: write x = x + y where you write x += y, or work on a clone"
            return Problem(what, error=InputChanged)
        return output

    def chance(self, function: Callable, case: Case, outcome: Any) -> Problem | None:
        if not answered(outcome):
            return None
        again = self.run(function, case)
        if answered(again) and compare(again, outcome, 0.0, finite=False) is None:
            return None
        return Problem("two calls on the same input disagree: is something drawn at random, or remembered, inside?")

    def judge(self, outcome: Any, case: Case) -> Problem | None:
        """None if the outcome is right."""
        if isinstance(outcome, Problem):
            return outcome
        expected = self.expected(case)
        if case.only_finite:
            return compare(outcome, expected, None)
        problem = compare(outcome, expected, None)  # structure and NaN first: a view could choke on them
        if problem is not None and problem.structural:
            return problem
        problem = compare(self.seen(outcome, case), self.seen(expected, case), self.limit(case))
        return replace(problem, text=f"{self.view_title}{problem.text}") if problem else None

    def judge_gradient(self, function: Callable, case: Case) -> Problem | None:
        if self.adapt or any(x.dtype == torch.float32 for x in flat(case.arguments)):
            return None
        return gradient_problem(function, self.reference, case.arguments)

    def expected(self, case: Case) -> Any:
        dtype = next((x.dtype for x in flat(case.arguments) if x.is_floating_point()), torch.float64)
        return convert(self.reference(*convert(case.arguments, torch.float64)), dtype)

    def seen(self, output: Any, case: Case) -> Any:
        return self.view(output, *case.arguments) if self.view else output

    def limit(self, case: Case) -> float:
        narrow = any(x.dtype == torch.float32 for x in flat(case.arguments))
        return max(self.tolerance, 1e-4) if narrow else self.tolerance

    # --- saying it ---------------------------------------------------------------------------------------------------

    def explain(self, problem: Problem, case: Case, tried: Tried) -> Verdict:
        bug = name_the_bug(self, tried)
        lines = [problem.text, f"smallest input that shows it ({case.name}): {self.describe(case)}"]
        return Verdict("wrong", words.wrong(self.title, *lines, *(words.of_bug(bug) if bug else [])), bug)

    def packaged(self) -> Callable:
        """The package's own function, looked up anew each time: it may have a bug planted in it."""
        owner, attribute = locate(self.where)
        return self.sound or getattr(owner, attribute)

    def describe(self, case: Case) -> str:
        parameters = list(inspect.signature(self.packaged()).parameters.values())
        names = self.names or [p.name for p in parameters if p.kind != p.VAR_POSITIONAL]
        names = [*names, *("" for _ in case.arguments)]
        return ", ".join(words.of_argument(name, value) for name, value in zip(names, case.arguments, strict=False))


# --- which of the named bugs answers as the learner's function did? ---------------------------------------------------


def name_the_bug(check: Check, tried: Tried) -> Bug | None:
    """The bug that agrees in all cases, if there is one.

    Several can agree in what counts: then one that agrees in everything is the better guess. Put the case that went
    wrong first in ``tried``: most bugs are out after it.
    """
    if not any(answered(outcome) or outcome.error is InputChanged for _, outcome in tried):
        return None  # errors alone are alike too easily
    suspects = [bug for bug in bugs_of(check.where, *check.suspects) if agrees(check, bug, tried, check.seen)]
    exact = [bug for bug in suspects if agrees(check, bug, tried, lambda output, case: output)]
    return next(iter(exact or suspects), None)


def agrees(check: Check, bug: Bug, tried: Tried, seen: Callable) -> bool:
    """Would the package with this bug have answered all cases just as the learner's function did?"""
    with planted(bug.name), redirect_stdout(StringIO()):
        return all(alike(check, case, mine, check.run(check.packaged(), case), seen) for case, mine in tried)


def alike(check: Check, case: Case, mine: Any, theirs: Any, seen: Callable) -> bool:
    if not answered(mine) or not answered(theirs):
        return getattr(mine, "error", None) is getattr(theirs, "error", None) is not None
    if case.rounding:
        return (check.judge(mine, case) is None) == (check.judge(theirs, case) is None)
    problem = compare(mine, theirs, None)
    if problem is not None and problem.structural:
        return False
    return compare(seen(mine, case), seen(theirs, case), check.limit(case), finite=False) is None
