"""What every text of exercises must fulfil: small functions, each returns its complaints (none: all is well)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import exercises
from nbformat import NotebookNode

from ipa_tutorial.classroom.checks import CHECKS as PACKAGED

HEADING = re.compile(r"^## Exercise (\d\d\.\d+) · \S.*$", re.M)
LABELS = re.compile(r"^\*\*Difficulty\*\* (?:★☆☆|★★☆|★★★) · \*\*Time\*\* (\d+) minutes · \*\*Line\*\* \S", re.M)
HINT = re.compile(r"<details><summary>Hint (\d)</summary>\n\n.+?\n\n</details>", re.S)
TELLING = 24  # characters: shorter lines of a solution, such as "x = x + y", may stand elsewhere too


@dataclass(frozen=True)
class Exercise:
    """One exercise of a text: the cells from its heading to the next."""

    cells: list[NotebookNode]

    def code(self, kind: str) -> list[NotebookNode]:
        """The cells whose metadata say that they are the exercise, or its check."""
        return [cell for cell in self.cells if kind in cell.metadata]

    @property
    def heading(self) -> str:
        return self.cells[0].source.splitlines()[0]

    @property
    def minutes(self) -> int:
        found = LABELS.search(self.cells[0].source)
        return int(found[1]) if found else 0

    @property
    def name(self) -> str:
        return next((cell.metadata.exercise for cell in self.code("exercise")), "")


@dataclass(frozen=True)
class Text:
    """A text of exercises and the number of its lesson."""

    number: str
    cells: list[NotebookNode]

    @classmethod
    def read(cls, path: Path) -> "Text":
        return cls(path.stem[:2], exercises.read(path).cells)

    @property
    def exercises(self) -> list[Exercise]:
        starts = [k for k, cell in enumerate(self.cells) if cell.source.startswith("## ")]
        parts = [self.cells[a:b] for a, b in pairwise([*starts, len(self.cells)])]
        return [Exercise(part) for part in parts if part[0].source.startswith("## Exercise")]

    def students(self) -> str:
        """All that a student reads."""
        return "\n".join(cell.source for cell in exercises.student_cells(self.cells))


# ------------------------------------------------------------------------------------------------------ a whole text


def at_least_two(text: Text) -> list[str]:
    return [] if len(text.exercises) >= 2 else [f"only {len(text.exercises)} exercises"]


def numbered(text: Text) -> list[str]:
    expected = [f"{text.number}.{k}" for k in range(1, len(text.exercises) + 1)]
    found = [match[1] for e in text.exercises if (match := HEADING.match(e.heading))]
    return [] if found == expected else [f"exercises are numbered {found}, expected {expected}"]


def opening(text: Text) -> list[str]:
    first = text.cells[0].source
    total = sum(exercise.minutes for exercise in text.exercises)
    said = re.search(r"[Aa]bout (\d+) minutes", first)
    found = [] if re.match(rf"# {text.number} · Exercises: \S", first) else ["the title is not 'NN · Exercises: …'"]
    if not said or abs(int(said[1]) - total) > 5:
        found.append(f"the first cell should say: about {total} minutes")
    found += [] if f"](../{text.number}_" in first else ["the first cell does not link to its lesson"]
    return found + ([] if f"/solutions/{text.number}_" in first else ["the first cell does not name the solutions"])


def closing(text: Text) -> list[str]:
    last = text.cells[-1].source
    return [] if last.startswith("## Where next") and "](../" in last else ["'Where next' and a link must come last"]


def no_name_twice(text: Text) -> list[str]:
    names = [exercise.name for exercise in text.exercises]
    return [f"two exercises are called {name}" for name in {name for name in names if names.count(name) > 1}]


def solutions_do_not_leak(text: Text) -> list[str]:
    """No line of a solution may stand in what a student reads, hints included."""
    shown = text.students()
    return [f"a student can read: {line}" for line in telling_lines(text) if line in shown]


def telling_lines(text: Text) -> Iterator[str]:
    for cell in text.cells:
        for solution in exercises.SOLUTION.finditer(cell.source):
            lines = (line.split("  #")[0].strip() for line in solution[0].splitlines()[1:-1])
            yield from (line for line in lines if len(line) >= TELLING and not line.startswith("#"))


# ------------------------------------------------------------------------------------------------------ one exercise


def each(complain: Callable[[Exercise], list[str]]) -> Callable[[Text], list[str]]:
    """A check of one exercise as a check of a text."""

    def of_text(text: Text) -> list[str]:
        return [f"{e.heading}: {complaint}" for e in text.exercises for complaint in complain(e)]

    of_text.__name__ = complain.__name__
    return of_text


@each
def labelled(exercise: Exercise) -> list[str]:
    good = LABELS.search(exercise.cells[0].source)
    return [] if good else ["'**Difficulty** ★☆☆ · **Time** 5 minutes · **Line** …' is missing or malformed"]


@each
def one_stub_one_check(exercise: Exercise) -> list[str]:
    """In this order, and the check is that one line."""
    stubs, checks = exercise.code("exercise"), exercise.code("check")
    if len(stubs) != 1 or len(checks) != 1:
        return [f"{len(stubs)} cells with exercise=, {len(checks)} with check=; one each is expected"]
    (stub,), (check,) = stubs, checks
    found = [] if exercise.cells.index(stub) < exercise.cells.index(check) else ["the check comes before the stub"]
    call = re.fullmatch(r"(check_\w+)\((\w+)\)", check.source)
    if not call or call[2] != exercise.name or check.metadata.check != exercise.name:
        found.append(f"the check cell should be check_…({exercise.name}) and nothing else, got: {check.source}")
    elif call[1] not in PACKAGED:
        found.append(f"ipa_tutorial.classroom.checks has no {call[1]}")
    return found


@each
def stub_is_complete(exercise: Exercise) -> list[str]:
    """A function with type hints, a docstring and points."""
    found = []
    for cell in exercise.code("exercise"):
        signature = re.search(
            rf"^def {exercise.name}\((.*?)\) -> \S.*:(?:  # fmt: skip)?\n    \"\"\"", cell.source, re.M | re.S
        )
        if not signature or ":" not in signature[1]:
            found.append(f"expected def {exercise.name}(argument: type) -> type with a docstring")
        points = cell.metadata.get("points")
        found += [] if isinstance(points, int) and points > 0 else [f"points: a whole number is expected, got {points}"]
        if len(cell.source.splitlines()) > 27:
            found.append("more than 25 lines")
    return found


@each
def three_hints(exercise: Exercise) -> list[str]:
    hints = [number for cell in exercise.cells for number in HINT.findall(cell.source)]
    folds = sum(cell.source.count("<details") for cell in exercise.cells)
    return [] if hints == ["1", "2", "3"] and folds == 3 else [f"well-formed hints: {hints}, of {folds} folds"]


@each
def says_why(exercise: Exercise) -> list[str]:
    whys = [cell for cell in exercise.cells if exercises.is_why(cell)]
    good = len(whys) == 1 and whys[0].source.startswith("**Why**") and len(whys[0].source.split()) > 15
    return [] if good else ["one cell tagged why, that begins with **Why**, is expected"]


CHECKS = (
    at_least_two,
    numbered,
    opening,
    closing,
    no_name_twice,
    solutions_do_not_leak,
    labelled,
    one_stub_one_check,
    stub_is_complete,
    three_hints,
    says_why,
)
