"""The table of wrong answers: about the exercises that there are; each refused in the known words, right ones taken."""

import re
from functools import cache
from pathlib import Path

import confusion
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


@pytest.mark.parametrize("number", EXERCISES)
def test_a_sample_gets_the_verdicts_that_are_written_down(number):
    """The first answer, and every twentieth; all thousand take minutes: ``make checks-test``."""
    confusion.judge(answers(number)[::20])


def test_nine_in_ten_lead_to_the_mistake():
    verdicts = [verdict.split(" ")[0] for verdict in confusion.known().values()]
    wrong = [verdict for verdict in verdicts if verdict != "passed"]
    assert len(wrong) > 700 and not {"accepted", "refused"} & set(verdicts)
    assert sum(verdict in ("named", "diagnosed") for verdict in wrong) > 0.9 * len(wrong)


def test_every_exercise_has_at_least_eight_wrong_answers_and_a_right_one():
    assert set(EXERCISES) == set(confusion.checks())
    for number in EXERCISES:
        kinds = [answer.kind for answer in answers(number)]
        assert kinds.count("wrong") >= 8 and kinds.count("right") >= 1, number
