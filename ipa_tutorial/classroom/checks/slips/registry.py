"""A slip is a wrong answer to one exercise, with a name: smaller than a bug, which is planted into the package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Slip:
    """One wrong answer that people give."""

    name: str
    where: str  # the package's own function, as for a bug, or the title of an exercise of its own
    wrong: str  # "what it does: why that is wrong", in one line
    answer: Callable  # takes what the learner's function takes


SLIPS: dict[str, list[Slip]] = {}


def slip(where: str, wrong: str) -> Callable[[Callable], Callable]:
    """Write a function down as a wrong answer to ``where``; its name, with hyphens, names the slip."""

    def register(answer: Callable) -> Callable:
        name = answer.__name__.replace("_", "-")
        mine = SLIPS.setdefault(where, [])
        if any(other.name == name for other in mine):
            raise ValueError(f"there is a slip named {name!r} already, of {where}")
        mine.append(Slip(name, where, wrong, answer))
        return answer

    return register


def slips_of(*places: str) -> list[Slip]:
    return [one for place in places for one in SLIPS.get(place, [])]
