"""One answer to one exercise, and the list of answers that an exercise collects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Answer:
    """What somebody handed in: ``make`` goes to the check as the exercise's own function would."""

    exercise: str  # "02.3"
    check: str  # the name of the check that judges it, "check_assert_invariant"
    title: str  # what it is, in a few words
    kind: str  # "wrong" or "right"
    mistake: str  # what a kind teacher would say about it; empty if it is right
    make: Callable


class Exercise:
    """Collects the answers to one exercise: ``wrong`` and ``right`` take the function, or decorate it."""

    all: ClassVar[dict[str, Exercise]] = {}

    def __init__(self, number: str, check: str) -> None:
        self.number, self.check, self.answers = number, check, []
        Exercise.all[number] = self

    def wrong(self, title: str, mistake: str, make: Callable | None = None) -> Callable:
        return self._add("wrong", title, mistake, make)

    def right(self, title: str, make: Callable | None = None) -> Callable:
        return self._add("right", title, "", make)

    def _add(self, kind: str, title: str, mistake: str, make: Callable | None) -> Callable:
        def collect(function: Callable) -> Callable:
            self.answers.append(Answer(self.number, self.check, title, kind, mistake, function))
            return function

        return collect if make is None else collect(make)
