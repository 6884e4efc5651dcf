"""The classroom, as a teacher works: generate an assignment, collect, autograde, hand back. `make course-test` runs it.

Not among the tests of `make test`, since readers need no nbgrader.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import classroom
import exercises
import nbformat
import pytest
from exercise_checks import Text, telling_lines
from nbgrader.api import Gradebook
from nbgrader.preprocessors import CheckCellMetadata, ClearHiddenTests, ClearSolutions, LockCells

ASSIGNMENT = "03_scalars"
TEXT = exercises.TEXTS / f"{ASSIGNMENT}.md"
STUBS = [cell for cell in exercises.read(TEXT).cells if "exercise" in cell.metadata]
POINTS = {stub.metadata.exercise: stub.metadata.points for stub in STUBS}
TEXTS = sorted(exercises.TEXTS.glob("*.md"))


def nbgrader(folder: Path, *arguments: str) -> None:
    """One command as a teacher types it, the environment activated."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# ----------------------------------------------------------------------------------------- every assignment, quickly


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    return {path.stem: path for path in classroom.make(folder)}


def released(path: Path) -> nbformat.NotebookNode:
    """What generate_assignment makes of a source, by nbgrader's own steps."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    stub = ClearSolutions(code_stub={"python": exercises.YOUR_TURN})
    for step in (CheckCellMetadata(), LockCells(), stub, ClearHiddenTests()):
        notebook, _ = step.preprocess(notebook, {})
    return notebook


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.stem)
def test_what_is_handed_out_tells_no_answer(sources, text):
    notebook = released(sources[text.stem])
    handed_out = "\n".join(cell.source for cell in notebook.cells)
    assert handed_out.count(exercises.YOUR_TURN) >= len(Text.read(text).exercises) >= 1
    for line in telling_lines(Text.read(text)):
        assert line not in handed_out
    for secret in ("BEGIN", "END SOLUTION", "examine", "**Why**", "solutions/", "Open in Colab", "](../"):
        assert secret not in handed_out


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.stem)
def test_every_point_can_be_earned(sources, text):
    cells = nbformat.read(sources[text.stem], as_version=4).cells
    worth = [cell.metadata.nbgrader.points for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert worth == [exercise.code("exercise")[0].metadata.points for exercise in Text.read(text).exercises]


def test_making_the_course_again_keeps_what_the_teacher_has(tmp_path):
    classroom.make(tmp_path)
    kept = {tmp_path / "nbgrader_config.py": "# mine", tmp_path / "gradebook.db": "grades"}
    for path, content in kept.items():
        path.write_text(content)
    classroom.make(tmp_path)
    assert {path: path.read_text() for path in kept} == kept


# ------------------------------------------------------------------------------------------ one assignment, all the way


def answered(release: Path, answers: dict[str, str]) -> nbformat.NotebookNode:
    """The assignment as a student hands it in: ``answers`` holds a new source for some of the stubs."""
    notebook = nbformat.read(release, as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    return notebook


def solutions() -> dict[str, str]:
    return {stub.metadata.exercise: exercises.solved(stub.source) for stub in STUBS}


def with_a_mistake() -> dict[str, str]:
    """Two right answers, one famous mistake, one left open."""
    mistake = "def attention_weights(logits):\n    return logits.softmax(-2)"
    open_still = {name: source for name, source in solutions().items() if name != "ask"}
    return {**open_still, "attention_weights": mistake}


def cheating() -> dict[str, str]:
    """Checks that always agree, in the learner's own cell, in a locked one, and in the points' cell itself."""
    agree = "check_keys_and_values = check_ask = check_attention_weights = check_without_one = print"
    return {"keys_and_values": agree, "check_ask": "print('ok')", "points_without_one": "assert True"}


SUBMISSIONS = {
    "ada": (solutions(), POINTS),
    "ben": (with_a_mistake(), {**POINTS, "ask": 0, "attention_weights": 0}),
    "eve": (cheating(), dict.fromkeys(POINTS, 0)),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course in which three students have handed in, all graded."""
    folder = tmp_path_factory.mktemp("course")
    classroom.make(folder)
    nbgrader(folder, "generate_assignment", ASSIGNMENT)
    release = folder / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    for student, (answers, _) in SUBMISSIONS.items():
        submitted = folder / "submitted" / student / ASSIGNMENT / release.name
        submitted.parent.mkdir(parents=True)
        nbformat.write(answered(release, answers), submitted)
    nbgrader(folder, "autograde", ASSIGNMENT)
    nbgrader(folder, "generate_feedback", ASSIGNMENT)
    return folder


@pytest.mark.parametrize("student", SUBMISSIONS)
def test_the_scores_are_right(graded, student):
    _, expected = SUBMISSIONS[student]
    with Gradebook(f"sqlite:///{graded / 'gradebook.db'}") as gradebook:
        (notebook,) = gradebook.find_submission(ASSIGNMENT, student).notebooks
        scores = {grade.name.removeprefix("points_"): grade.score for grade in notebook.grades}
        assert scores == expected
        assert notebook.score == sum(expected.values())
        assert notebook.max_score == sum(POINTS.values()) > 0


def test_the_feedback_names_the_mistake_and_tells_no_answer(graded):
    page = graded / "feedback" / "ben" / ASSIGNMENT / f"{ASSIGNMENT}.html"
    words = re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))
    assert "This looks like" in words
    assert "not yet" in words
    for missed in ("ask", "attention_weights"):
        assert solutions()[missed].splitlines()[-1].strip() not in words
