"""What learners type: wrong answers to every exercise, and right ones that look unlike the given solution.

A check is as good as the mistakes that it finds. These answers were written from the texts of the exercises alone, by
somebody who had not seen the checks. Each wrong one must be rejected, with an error or with *wrong*, each right one
must be accepted. ``answers("02.3")`` are those of one exercise, ``answers("02")`` those of a lesson; ``EXERCISES``
lists the numbers. Every module ``lesson_NN…`` holds exercises in the order of the text.
"""

from importlib import import_module
from pkgutil import iter_modules

from .answer import Answer, Exercise

for _module in sorted(module.name for module in iter_modules(__path__) if module.name.startswith("lesson_")):
    import_module(f"{__name__}.{_module}")

EXERCISES = sorted(Exercise.all)


def answers(number: str) -> list[Answer]:
    """All answers to an exercise such as ``"02.3"``, or to all exercises of a lesson such as ``"02"``."""
    chosen = [n for n in EXERCISES if number in (n, n.split(".")[0])]
    if not chosen:
        raise ValueError(f"number must be an exercise such as '02.3' or a lesson such as '02', got {number!r}")
    return [answer for n in chosen for answer in Exercise.all[n].answers]


__all__ = ["EXERCISES", "Answer", "answers"]
