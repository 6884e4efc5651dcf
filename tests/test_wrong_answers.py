"""The wrong answers are about the exercises that the course has, and there are enough of them."""

import re
from functools import cache
from pathlib import Path

import pytest
from wrong_answers import EXERCISES, answers

TEXTS = Path(__file__).parents[1] / "notebooks" / "text" / "exercises"


@cache
def exercises() -> dict[str, str]:
    """Number of each exercise in the texts, and the check that judges it."""
    found = {}
    for text in sorted(TEXTS.glob("*.md")):
        cells = re.findall(r'^```python check="\w+"\n(check_\w+)\(', text.read_text(encoding="utf-8"), re.MULTILINE)
        found |= {f"{text.name[:2]}.{k}": check for k, check in enumerate(cells, 1)}
    return found


def test_every_exercise_has_answers():
    assert list(exercises()) == EXERCISES


@pytest.mark.parametrize("number", EXERCISES)
def test_answers_are_many_and_explained(number):
    kinds = [answer.kind for answer in answers(number)]
    assert kinds.count("wrong") >= 8 and kinds.count("right") >= 2 and set(kinds) == {"wrong", "right"}
    assert len({answer.title for answer in answers(number)}) == len(kinds)
    for answer in answers(number):
        assert answer.check == exercises()[number]
        assert bool(answer.mistake) == (answer.kind == "wrong") and callable(answer.make)
        assert not answer.mistake or answer.mistake.endswith((".", "?"))


def test_a_number_that_no_exercise_has():
    with pytest.raises(ValueError, match="number must be an exercise"):
        answers("02.9")
