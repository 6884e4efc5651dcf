"""Statements, hints and messages are understood with the lessons up to there: no word before the lesson that has it."""

import re
from pathlib import Path

import confusion
import exercises as tool
import pytest
from wrong_answers import EXERCISES

from ipa_tutorial.classroom.bugs import bugs_of
from ipa_tutorial.classroom.checks.slips import slips_of

TEXTS = Path(__file__).parents[1] / "notebooks" / "text" / "exercises"
FIRST_LESSON = {
    r"softmax|logit": 3,
    r"γ|gamma|bfloat16|half precision": 5,
    r"padding|padded": 6,
    r"concatenat": 7,
    r"uaternion|Hamilton|[Bb]ackbone update|Algorithm 23|residual|post-norm": 10,
    r"torsion|rigid group|stop-gradient|Algorithm 24|Algorithm 25": 11,
    r"FAPE|lDDT|RMSD|Kabsch|superpos|Algorithm 28": 12,
}
TEXT_OF_A_LATER_LESSON = re.compile(r"\]\([^)]*\)|`[^`]*`|^\*\*Difficulty.*$|[^.]*lesson \d+[^.]*\.", re.M)


def too_early(number: str, text: str) -> list[str]:
    found = [(re.findall(word, text), lesson) for word, lesson in FIRST_LESSON.items() if lesson > int(number[:2])]
    return [f"{number}: {words[0]!r} is a word of lesson {lesson:02}" for words, lesson in found if words]


def statements(path: Path) -> dict[str, str]:
    """What a student reads of each exercise but its code, without links and without sentences about later lessons."""
    cells = tool.student_cells(tool.read(path).cells)
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    parts = re.split(r"^## Exercise (\d\d\.\d+)", prose, flags=re.M)
    until_next = (re.split(r"^## ", part, flags=re.M)[0] for part in parts[2::2])
    return {n: TEXT_OF_A_LATER_LESSON.sub("", part) for n, part in zip(parts[1::2], until_next, strict=True)}


@pytest.mark.parametrize("path", sorted(TEXTS.glob("*.md")), ids=lambda path: path.stem)
def test_statements_and_hints(path):
    assert not [early for number, text in statements(path).items() for early in too_early(number, text)]


@pytest.mark.parametrize("number", EXERCISES)
def test_titles_and_names(number):
    check = confusion.checks()[number]
    places = check.where, *check.suspects
    said = [check.title, *check.names, *check.results]
    said += [slip.wrong for slip in slips_of(check.title, *places)]
    said += [f"{bug.wrong} {bug.symptom} {bug.harmless}" for bug in bugs_of(*places)]
    assert not [early for text in said for early in too_early(number, text)]


def test_a_word_that_comes_too_early_is_found():
    assert too_early("04.3", "as in FAPE") == ["04.3: 'FAPE' is a word of lesson 12"]
    assert not too_early("12.1", "as in FAPE")
