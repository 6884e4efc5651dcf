"""A check runs the learner's function beside a reference, and says what is wrong: by name where it knows the mistake.

The reference is written apart from the package, slowly and plainly. The package's own function serves for something
else: with a named bug planted in it, it shows what that bug would have answered.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch

from ..bugs import Bug
from ..bugs.registry import locate
from . import words
from .compare import InputChanged, Problem, Unfinished, answered, compare, gradient_problem
from .diagnosis import Hypothesis, diagnose, name_the_mistake
from .diagnosis.evidence import Evidence, Part, as_tensor, labelled
from .draw import Draw
from .slips import Slip
from .tree import convert, copy_of, flat
from .watch import calls, first_nan, largest_tensor

SETTINGS = (  # dtype, sizes (of L first), from small to large
    (torch.float64, (1, 2, 3, 4, 5, 6)),
    (torch.float64, (3, 2, 4, 5, 6, 7)),
    (torch.float64, (8, 3, 5, 6, 7, 9)),
    (torch.float32, (6, 2, 3, 4, 5, 7)),
)
SPECIAL_SIZES = (5, 2, 4, 3, 6, 7)


class CheckFailed(AssertionError):
    """What a check raises with IPA_CHECK_STRICT=1, as a grader needs it."""


@dataclass(frozen=True, eq=False)
class Case:
    """One set of arguments for the learner's function."""

    arguments: tuple
    name: str = ""  # what is special about it
    only_finite: bool = False  # the values are a matter of taste, but NaN is none
    forwards: bool = False  # no gradient is asked for
    rounding: bool = False  # what goes wrong here is rounding, and no two programs round alike
    tolerance: float | None = None  # other than the check's
    moral: str = ""  # what it tells, if this case is wrong and all plain ones are right
    residues: int = 0  # of a plain case; special ones have 0
    batch: int = 0  # number of batch axes of a plain case

    @property
    def narrow(self) -> bool:
        return any(x.dtype in (torch.float32, torch.bfloat16) for x in flat(self.arguments))


Tried = list[tuple[Case, Any]]  # what the learner's function answered, case by case


@dataclass(frozen=True)
class Verdict:
    """What a check found out: ``status`` is "ok", "not yet" or "wrong"."""

    status: str
    text: str
    bug: Bug | Slip | None = None  # the mistake, where it has a name
    reason: str = ""  # otherwise the sentence that leads to it, where there is one

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Check:
    """One exercise. Call it with the learner's function: ``check_point_logits(point_logits)``.

    Args:
        title: of the exercise, as the verdict names it.
        where: the package's own function, ``"attention.point_logits"``; its bugs and slips are the first suspects.
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
        results: names of the answer's parts, where it is a tuple.
        sound: the package's own answer, where it takes more than a call of ``where``.
        own: hypotheses of this exercise about a wrong answer that has no name.
        examples: further ones, for when nothing else tells more.
        elsewhere: whether to ask if a wrong answer is right for another input.
        without: functions that the exercise forbids: "softmax", "matmul", "Rigid.apply".
        room: how many numbers the largest tensor may have, given the arguments.
        by_hand: the package's own function may not do the work.
        manner: what else the exercise asks of a function that is right in all cases, given it and the cases.
        summary: what all the cases say together, given each with its outcome and whether that is right.
        drawn: the learner's function may draw random numbers, as a test does.
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
    results: tuple[str, ...] = ()
    sound: Callable | None = None
    own: tuple[Hypothesis, ...] = ()
    examples: tuple[Hypothesis, ...] = ()
    elsewhere: bool = True
    without: tuple[str, ...] = ()
    room: Callable[..., int] | None = None
    by_hand: bool = True
    manner: Callable[[Callable, list[Case]], str | None] | None = None
    summary: Callable[[list[tuple[Case, Any, bool]]], str] | None = None
    drawn: bool = False

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
                torch.manual_seed(0)
                return self.try_all(self.adapted(function), function)
        except Exception as error:
            return Verdict("wrong", words.wrong(self.title, f"its result cannot be compared: {error}"))

    def yours(self, function: Callable, otherwise: Callable) -> Callable:
        """The learner's function if it is right, and otherwise another, so that what comes next runs in any case.

        Prints which of the two it is.
        """
        name, right = getattr(function, "__name__", "it"), self.examine(function).status == "ok"
        print(
            f"what follows is computed by your own {name}"
            if right
            else f"what follows waits for your {name}; until \
then the package's computes it"
        )
        return function if right else otherwise

    def adapted(self, function: Callable) -> Callable:
        return self.adapt(function) if self.adapt else function

    def try_all(self, function: Callable, as_written: Callable) -> Verdict:
        cases, tried = list(self.cases()), []
        for case in cases:
            outcome = self.run(function, case)
            if isinstance(outcome, Unfinished):
                return Verdict("not yet", words.not_yet(self.title, str(outcome)))
            tried.append((case, outcome))
            problem = self.judge(outcome, case)
            by_chance = None if problem and problem.structural else self.chance(function, case, outcome)
            if by_chance:
                return self.say(by_chance, case)
            if problem is not None:
                later = [(case, self.run(function, case)) for case in cases[len(tried) :]]
                return self.explain(problem, function, [tried[-1], *tried[:-1], *later])
        problem = (self.manner(as_written, cases) if self.manner else None) or self.judge_the_way(function, cases)
        if problem is not None:
            return Verdict("wrong", words.wrong(self.title, problem), reason=problem)
        for case in cases:  # once all numbers are right: a wrong number says more than a missing gradient
            if problem := self.judge_gradient(function, case):
                return self.say(problem, case)
        return Verdict("ok", words.right(self.title, len(cases)))

    def cases(self) -> Iterator[Case]:
        """From one residue to a batch of batches, then what is special."""
        for seed, (dtype, sizes) in enumerate(SETTINGS):
            for batch in self.batches if dtype == torch.float64 else self.batches[: self.single_precision]:
                draw = Draw(dtype, batch, sizes, seed)
                name = f"{words.BATCHES[len(batch)]}, {words.dtype(dtype)}"
                yield Case(self.inputs(draw), name, residues=draw.L, batch=len(batch))
        for seed, special in enumerate(self.special):
            yield special(Draw(torch.float64, (), SPECIAL_SIZES, 100 + seed))

    def run(self, function: Callable, case: Case) -> Any:
        """What the function returns; a :class:`Problem` where it does not come to that."""
        arguments = copy_of(case.arguments)
        try:
            output = function(*arguments)
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
        if self.drawn or not answered(outcome):
            return None
        again = self.run(function, case)
        if answered(again) and compare(again, outcome, self.limit(case), finite=False) is None:
            return None  # not bit by bit: queries may stand in axes that are drawn anew
        return Problem("two calls on the same input disagree: is something drawn at random, or remembered, inside?")

    def judge(self, outcome: Any, case: Case) -> Problem | None:
        """None if the outcome is right."""
        if isinstance(outcome, Problem):
            return outcome
        expected = right_answer(self, case)
        if case.only_finite:
            return compare(outcome, expected, None, names=self.results)
        # structure and NaN first: a view could choke on them
        problem = compare(outcome, expected, None, names=self.results)
        if problem is not None and problem.structural:
            return problem
        problem = compare(self.seen(outcome, case), self.seen(expected, case), self.limit(case), names=self.results)
        return replace(problem, text=f"{self.view_title}{problem.text}") if problem else None

    def judge_gradient(self, function: Callable, case: Case) -> Problem | None:
        if self.adapt or case.narrow or case.forwards:
            return None
        of = lambda f: lambda *arguments: self.seen(f(*arguments), replace(case, arguments=arguments))  # noqa: E731
        return gradient_problem(of(function), of(self.reference), case.arguments)

    def judge_the_way(self, function: Callable, cases: list[Case]) -> str | None:
        """The numbers are right: were they come by as the exercise asks?"""
        case = next(case for case in cases if case.residues != 1)
        owner, attribute = locate(self.where)
        package = {"the package's own function": getattr(owner, attribute)} if self.by_hand else {}
        called = calls(function, copy_of(case.arguments), package)
        if package.keys() & called:
            name = attribute.strip("_")
            return f"the numbers are right, but it calls {name} of the package: to write it is the exercise"
        if forbidden := sorted(called & set(self.without)):
            return f"the numbers are right, but the exercise is to do without {' and '.join(forbidden)}"
        if self.room:
            case = max(cases, key=lambda case: sum(x.numel() for x in flat(case.arguments)))
            largest, allowed = largest_tensor(function, copy_of(case.arguments)), self.room(*case.arguments)
            if largest > allowed:
                return (
                    f"the numbers are right, but a tensor on the way holds {largest} numbers where {allowed} would do \
({self.describe(case)})"
                )
        return None

    def seen(self, output: Any, case: Case) -> Any:
        return self.view(output, *case.arguments) if self.view else output

    def limit(self, case: Case) -> float:
        tolerance = case.tolerance or self.tolerance
        return max(tolerance, 1e-4) if case.narrow else tolerance

    # --- saying it ---------------------------------------------------------------------------------------------------

    def say(self, problem: Problem, case: Case) -> Verdict:
        """A problem that explains itself."""
        lines = problem.text, f"smallest input that shows it ({case.name}): {self.describe(case)}"
        return Verdict("wrong", words.wrong(self.title, *lines), reason=problem.text)

    def explain(self, problem: Problem, function: Callable, tried: Tried) -> Verdict:
        """The first of ``tried`` is the smallest case that went wrong, and ``problem`` what is wrong with it."""
        case, smallest = tried[0][0], f"smallest input that shows it ({tried[0][0].name}): {self.describe(tried[0][0])}"
        mistake = name_the_mistake(self, tried)
        by_size = lambda pair: (not pair[0].residues, pair[0].narrow, pair[0].residues == 1, pair[0].batch)  # noqa: E731
        judged = [(c, out, found) for c, out in sorted(tried, key=by_size) if (found := self.judge(out, c))]
        wrong = [(c, out) for c, out, found in judged if not found.structural and not found.error]
        if mistake is not None:
            lines = words.of_bug(mistake) if isinstance(mistake, Bug) else words.of_slip(mistake)
            return Verdict("wrong", words.wrong(self.title, *lines, problem.text, smallest), mistake)
        told = [(c, out, self.judge(out, c) is None) for c, out in tried]
        reasons = [self.summary(told) if self.summary else words.whereabouts(told), case.moral]
        if problem.broken:
            reasons.insert(0, self.origin(problem, function, case))
        if wrong and not problem.error and (not problem.structural or problem.broken) and not self.summary:
            several = [pair for pair in wrong if pair[0].residues > 1 and not pair[0].narrow]
            telling = several[:3] or [pair for pair in wrong if not pair[0].residues][:1] or wrong[:1]
            evidence = [self.evidence(function, *pair) for pair in telling]
            if telling[0][0].residues != 1:
                reasons.insert(0, self.diagnosed(evidence, trials=not any(reasons)))
            problem = problem if problem.broken else self.judge(telling[0][1], telling[0][0])
        elif (problem.structural or problem.error) and not self.summary and not problem.broken:
            # of the same kind, from an input that tells more
            problem = next(p for _, _, p in judged if (p.structural, p.error) == (problem.structural, problem.error))
            reasons.insert(0, problem.text)
        reasons = [reason for reason in reasons if reason]
        example = [] if any(problem.text in reason for reason in reasons) else [problem.text]
        return Verdict("wrong", words.wrong(self.title, *reasons, *example, smallest), reason=" ".join(reasons))

    def diagnosed(self, evidence: list[Evidence], trials: bool) -> str:
        """Never at the price of the verdict: an answer may be so odd that a hypothesis stumbles over it."""
        try:
            return diagnose(evidence, self.own, self.elsewhere, self.examples, trials)
        except Exception:
            return ""

    def origin(self, problem: Problem, function: Callable, case: Case) -> str:
        """Where on the way NaN or infinity arises, if that can be seen."""
        broken = torch.isnan if problem.broken == "nan" else torch.isinf
        first = first_nan(function, copy_of(case.arguments), broken)
        return f"{problem.text}: {first}" if first else problem.text

    def evidence(self, function: Callable, case: Case, outcome: Any) -> Evidence:
        def parts_of(answer: Any) -> list[tuple[str, Any]]:
            return [(name, as_tensor(x)) for name, x in labelled(self.seen(answer, case), self.results)]

        def right(arguments: tuple) -> list[torch.Tensor]:
            return [x for _, x in parts_of(self.reference(*convert(arguments, torch.float64)))]

        def mine(arguments: tuple) -> list[torch.Tensor]:
            return [x for _, x in parts_of(function(*arguments))]

        pairs = zip(parts_of(outcome), parts_of(right_answer(self, case)), strict=True)
        close = self.limit(case)
        parts = tuple(Part(name, got, e, close) for (name, got), (_, e) in pairs if e is not None and got is not None)
        return Evidence(copy_of(case.arguments), self.argument_names(), parts, case.narrow, right, function, mine)

    def packaged(self) -> Callable:
        """The package's own function, looked up anew each time: it may have a bug planted in it."""
        owner, attribute = locate(self.where)
        return self.sound or getattr(owner, attribute)

    def argument_names(self) -> tuple[str, ...]:
        parameters = list(inspect.signature(self.packaged()).parameters.values())
        return self.names or tuple(p.name for p in parameters if p.kind != p.VAR_POSITIONAL)

    def describe(self, case: Case) -> str:
        names = [*self.argument_names(), *("" for _ in case.arguments)]
        return ", ".join(words.of_argument(name, value) for name, value in zip(names, case.arguments, strict=False))


@lru_cache(maxsize=128)
def right_answer(check: Check, case: Case) -> Any:
    """The reference's, in double precision on the way. It is slow and often asked for: once for each case will do."""
    dtype = next((x.dtype for x in flat(case.arguments) if x.is_floating_point()), torch.float64)
    return convert(check.reference(*convert(case.arguments, torch.float64)), dtype)
