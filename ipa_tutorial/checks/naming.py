"""Which of the named bugs answers as the learner's function did?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

from ..bugs import Bug, bugs_of, planted
from .compare import InputChanged, answered, compare

if TYPE_CHECKING:
    from .engine import Case, Check

Tried = list[tuple["Case", Any]]  # what the learner's function answered, case by case


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
