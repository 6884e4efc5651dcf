"""Which of the named mistakes answers as the learner's function did?

Bugs are planted in the package, whose own function then answers; slips answer themselves. Whichever agrees in all that
was tried gives the wrong answer its name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

from ...bugs import Bug, bugs_of, planted
from ..compare import InputChanged, answered, compare
from ..slips import Slip, slips_of

if TYPE_CHECKING:
    from ..engine import Case, Check, Tried


def name_the_mistake(check: Check, tried: Tried) -> Bug | Slip | None:
    """The bug or slip that agrees wherever the learner's function came to an answer, if there is one.

    Several can agree in what counts: then one that agrees in everything is the better guess. Put the case that went
    wrong first in ``tried``: most are out after it.
    """
    tried = [(case, mine) for case, mine in tried if not case.only_finite]
    if not any(answered(mine) or mine.error is InputChanged for _, mine in tried):
        return None  # errors alone are alike too easily
    if any(check.judge(mine, case) is not None for case, mine in tried if answered(mine) and not case.rounding):
        tried = [(case, mine) for case, mine in tried if not case.rounding]
    places = (check.where, *check.suspects)
    suspects = [one for one in (*slips_of(check.title, *places), *bugs_of(*places)) if agrees(check, one, tried)]
    exact = [one for one in suspects if agrees(check, one, tried, lambda output, case: output)]
    return next(iter(exact or suspects), None)


def agrees(check: Check, one: Bug | Slip, tried: Tried, seen: Callable | None = None) -> bool:
    """Would this mistake have answered all cases just as the learner's function did?"""
    with planted(one.name) if isinstance(one, Bug) else nullcontext(), redirect_stdout(StringIO()):
        function = check.adapted(check.packaged() if isinstance(one, Bug) else one.answer)
        return all(alike(check, case, mine, check.run(function, case), seen or check.seen) for case, mine in tried)


def alike(check: Check, case: Case, mine: Any, theirs: Any, seen: Callable) -> bool:
    if not answered(mine) or not answered(theirs):
        return getattr(mine, "error", None) is getattr(theirs, "error", None) is not None
    if case.rounding:
        return (check.judge(mine, case) is None) == (check.judge(theirs, case) is None)
    problem = compare(mine, theirs, None)
    if problem is not None and problem.structural:
        return False
    return compare(seen(mine, case), seen(theirs, case), check.limit(case), finite=False) is None
