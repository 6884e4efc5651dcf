"""The exercises: in step with their texts, complete, solvable, runnable unsolved; and a check that finds each fault."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import build
import exercise_checks as checks
import exercises
import jupytext
import nbformat
import notebook_checks
import pytest
from exercise_checks import Text
from notebook_checks import Lesson
from slug import PROJECT, repository_slug
from trained_weights import missing

TEXTS = sorted(exercises.TEXTS.glob("*.md"))
LESSONS = [f"{number:02}" for number in [*range(1, 14), 16, 18]]
LEARNING = {name: value for name, value in os.environ.items() if name != "IPA_CHECK_STRICT"}

# Of the rules for lessons, those that hold for a notebook of exercises as well, and those for one that was executed.
FORM = [
    notebook_checks.no_machine_paths,
    notebook_checks.no_leftovers,
    notebook_checks.short_cells,
    notebook_checks.deterministic_ids,
    notebook_checks.title_and_badge,
    notebook_checks.colab_cell,
    notebook_checks.pictures_are_local_and_described,
    notebook_checks.links_resolve,
]
RUN = [
    notebook_checks.executed_in_order,
    notebook_checks.no_errors,
    notebook_checks.expected_errors_happen,
    notebook_checks.compared_cells_have_outputs,
]

by_name = pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.stem)


def lesson(folder: str, text: Path) -> Lesson:
    return Lesson.read(build.NOTEBOOKS / folder / f"{text.stem}.ipynb", repository_slug())


def check_outputs(text: Path, printed: list[str]) -> dict[str, str]:
    """{check: what it said}, given what each code cell of one of the text's notebooks printed."""
    code = [cell for cell in exercises.read(text).cells if cell.cell_type == "code"]
    return {cell.source: said for cell, said in zip(code, printed, strict=True) if "check" in cell.metadata}


# ------------------------------------------------------------------------------------------------------- all of them


def test_every_lesson_has_exercises_and_there_are_thirty():
    assert [text.stem[:2] for text in TEXTS] == LESSONS
    assert sum(len(Text.read(text).exercises) for text in TEXTS) >= 30


def test_every_notebook_has_its_text():
    stems = [text.stem for text in TEXTS]
    for folder in ("exercises", "solutions"):
        assert sorted(path.stem for path in (build.NOTEBOOKS / folder).glob("*.ipynb")) == stems
    assert set(stems) <= {path.stem for path in build.NOTEBOOKS.glob("*.ipynb")}  # named as their lessons


@by_name
def test_both_notebooks_are_in_step_with_the_text(text):
    assert exercises.drift(text) is None


@by_name
def test_the_students_notebook_is_as_it_is_made_to_the_last_sign(text):
    made, committed = exercises.student(exercises.read(text), text.stem, repository_slug()), lesson("exercises", text)
    assert not notebook_checks.metadata_other_than(made.metadata, committed.notebook)
    made.metadata = committed.notebook.metadata  # which may be of another version of Python
    assert committed.path.read_text(encoding="utf-8") == nbformat.writes(made) + "\n"
    assert not any(cell.outputs or cell.execution_count for cell in made.cells if cell.cell_type == "code")


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
@by_name
def test_text(text, check):
    complaints = check(Text.read(text))
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("check", FORM, ids=lambda check: check.__name__)
@pytest.mark.parametrize("folder", ["exercises", "solutions"])
@by_name
def test_form(text, folder, check):
    complaints = check(lesson(folder, text))
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("check", RUN, ids=lambda check: check.__name__)
@by_name
def test_the_solutions_were_executed(text, check):
    solutions = lesson("solutions", text)
    assert not notebook_checks.metadata_other_than({"kernelspec": exercises.METADATA["kernelspec"]}, solutions.notebook)
    complaints = check(solutions)
    assert not complaints, "\n".join(complaints)


@by_name
def test_every_check_says_ok_to_its_solution(text):
    printed = ["".join(o.get("text", "") for o in cell.outputs) for cell in lesson("solutions", text).code]
    for check, said in check_outputs(text, printed).items():
        assert said.startswith("✓ ok"), f"{check}: {said}"


# ----------------------------------------------------------------------------------------------------- while learning


@pytest.fixture(scope="module")
def said() -> dict[str, dict[str, str]]:
    """All notebooks run to their end, their pictures drawn small: {folder: {lesson and check: what it said}}."""
    solvable = [text for text in TEXTS if text.stem[:2] != "18" or not missing()]  # the weights of a trained network
    pairs = [("exercises", text) for text in TEXTS] + [("solutions", text) for text in solvable]
    paths = [str(lesson(*pair).path) for pair in pairs]
    command = [sys.executable, PROJECT / "tests" / "run_notebooks.py", *paths]
    environment = {**LEARNING, "MPLBACKEND": "Agg", "IPA_DRAFT": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed, verdicts = json.loads(done.stdout), {"exercises": {}, "solutions": {}}
    for (folder, text), path in zip(pairs, paths, strict=True):
        for check, verdict in check_outputs(text, printed[path]).items():
            verdicts[folder][f"{text.stem}, {check}"] = verdict
    return verdicts


def test_an_unsolved_notebook_runs_to_its_end_and_every_check_says_not_yet(said):
    assert len(said["exercises"]) > 50
    assert {check: verdict for check, verdict in said["exercises"].items() if not verdict.startswith("… not yet")} == {}


def test_a_solved_notebook_runs_to_its_end_and_every_check_says_ok(said):
    assert len(said["solutions"]) > 50
    assert {check: verdict for check, verdict in said["solutions"].items() if not verdict.startswith("✓ ok")} == {}


def test_so_it_does_in_a_real_kernel(monkeypatch):
    monkeypatch.delenv("IPA_CHECK_STRICT", raising=False)
    unsolved = lesson("exercises", TEXTS[0])
    build.execute(unsolved.notebook, unsolved.path.parent)
    assert notebook_checks.executed_in_order(unsolved) == []
    assert notebook_checks.no_errors(unsolved) == []


# --------------------------------------------------------------------------------------------------- how it is made

STUB = '''\
def scalar_logits(q: Tensor, k: Tensor) -> Tensor:
    """Logits (*, H, L, L) of queries and keys (*, H, L, c)."""
    ### BEGIN SOLUTION
    return q @ k.mT / q.shape[-1] ** 0.5
    ### END SOLUTION'''
HINTS = "\n\n".join(f"<details><summary>Hint {k}</summary>\n\nThink.\n\n</details>" for k in (1, 2, 3))
CELLS = f"""\
# 05 · Exercises: This

One function. About 5 minutes. [The lesson](../05_this.ipynb). Solutions: `notebooks/solutions/05_this.ipynb`.

```python
{build.COLAB_CELL.format(slug="someone/somewhere")}
```

```python
from torch import Tensor

from ipa_tutorial.classroom.checks import check_scalar_logits
```
"""
EXERCISE = f"""
## Exercise 05.1 · Alike

**Difficulty** ★☆☆ · **Time** 5 minutes · **Line** 7

Compare.

```python exercise="scalar_logits" points=2
{STUB}
```

{HINTS}

```python check="scalar_logits"
check_scalar_logits(scalar_logits)
```

<!-- #region tags=["why"] -->
**Why** Because a product of two rows says how alike they are, and a root keeps the variance at one.
<!-- #endregion -->
"""
SECOND = EXERCISE.replace("05.1", "05.2").replace("scalar_logits", "point_weight")
THIRD = EXERCISE.replace("05.1", "05.3").replace("scalar_logits", "term_weight")
END = "\n## Where next\n\n[The next one](../06_next.ipynb).\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a small text and the two notebooks that are made of it."""
    folder = tmp_path_factory.mktemp("project") / "notebooks"
    folder.mkdir()
    (folder / "05_this.md").write_text(CELLS + EXERCISE + END, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "NOTEBOOKS", folder)
        patch.setenv("IPA_CHECK_STRICT", "1")
        exercises.make(folder / "05_this.md", repository_slug())
    return folder


@pytest.fixture
def text(made, tmp_path, monkeypatch):
    """A copy of it, to spoil."""
    shutil.copytree(made, tmp_path / "notebooks")
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setenv("IPA_CHECK_STRICT", "1")
    return tmp_path / "notebooks" / "05_this.md"


def edit(path: Path, old: str, new: str) -> None:
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new), encoding="utf-8")


def test_two_notebooks_are_made_of_one_text(text):
    student, solution = (
        nbformat.read(text.parent / kind / "05_this.ipynb", as_version=4) for kind in ("exercises", "solutions")
    )
    assert student.cells[4].source == STUB.split("    ###")[0] + '    raise NotImplementedError("your turn")'
    assert solution.cells[4].source == STUB.split("    ###")[0] + "    return q @ k.mT / q.shape[-1] ** 0.5"
    assert "blob/main/notebooks/exercises/05_this.ipynb" in student.cells[0].source
    assert "blob/main/notebooks/solutions/05_this.ipynb" in solution.cells[0].source
    assert solution.cells[6].outputs[0].text.startswith("✓ ok")
    assert student.cells[6].outputs == []
    assert [cell.source[:7] for cell in student.cells[6:]] == ["check_s", "## Wher"]
    assert [cell.source[:7] for cell in solution.cells[6:]] == ["check_s", "**Why**", "## Wher"]
    for notebook in (student, solution):
        assert [k for k, cell in enumerate(notebook.cells) if cell.metadata] == [1]  # the folded cell for Colab
    assert exercises.drift(text) is None


def test_a_wrong_solution_leaves_both_notebooks_as_they_were(text, capsys):
    notebooks = sorted(text.parent.glob("*/*.ipynb"))
    before = [path.read_bytes() for path in notebooks]
    edit(text, "** 0.5", "** 0.25")
    assert build.build_all([text], exercises.make) == 1
    assert "CheckFailed" in capsys.readouterr().out
    assert [path.read_bytes() for path in notebooks] == before
    assert len(notebooks) == 2


@pytest.mark.parametrize("kind", ["exercises", "solutions"])
def test_an_edit_in_either_notebook_is_noticed(text, kind):
    edit(text.parent / kind / "05_this.ipynb", "Compare.", "Compare them.")
    assert f"{kind}/05_this.ipynb differ in cell 4" in exercises.drift(text)


def test_a_new_solution_in_the_text_is_noticed_though_the_student_sees_none_of_it(text):
    edit(text, "** 0.5", "** (1 / 2)")
    assert "solutions/05_this.ipynb differ in cell 5" in exercises.drift(text)


@pytest.mark.parametrize("marker", [exercises.BEGIN, exercises.END])
def test_a_solution_without_both_markers_is_refused(text, marker):
    edit(text, marker, "###")
    with pytest.raises(ValueError, match="1 solutions expected between"):
        exercises.read(text)


# ----------------------------------------------------------------------------------------------- the checks, checked

GOOD = CELLS.replace("About 5", "About 15") + EXERCISE + SECOND + THIRD + END


def complaining(text: str) -> dict[str, list[str]]:
    found = {check.__name__: check(Text("05", jupytext.reads(text, fmt="md").cells)) for check in checks.CHECKS}
    return {name: complaints for name, complaints in found.items() if complaints}


def test_a_good_text_passes_every_check():
    assert complaining(GOOD) == {}


FAULTS = [
    ("at_least_two", "one", SECOND + THIRD, ""),
    ("numbered", "a gap", "05.3", "05.4"),
    ("numbered", "another lesson", "05.3", "06.3"),
    ("numbered", "no number", "Exercise 05.3 ·", "Exercise"),
    ("opening", "another title", "# 05 · Exercises: This", "# 05 · This"),
    ("opening", "other minutes", "About 15 minutes", "About 40 minutes"),
    ("opening", "no lesson", "](../05_this.ipynb)", "](../04_that.ipynb)"),
    ("opening", "no solutions", "/solutions/", "/answers/"),
    ("closing", "no link", "](../06_next.ipynb)", "](06_next.ipynb)"),
    ("closing", "no such section", "## Where next", "## Next"),
    ("no_name_twice", "the same function", "term_weight", "point_weight"),
    ("solutions_do_not_leak", "in a hint", "Think.", "Try `return q @ k.mT / q.shape[-1] ** 0.5`."),
    ("solutions_do_not_leak", "in the prompt", "Compare.", "    return q @ k.mT / q.shape[-1] ** 0.5"),
    ("labelled", "no stars", "★☆☆", ""),
    ("labelled", "no minutes", "5 minutes · **Line**", "a while · **Line**"),
    ("labelled", "no line", " · **Line** 7", ""),
    ("one_stub_one_check", "no check", 'check="term_weight"', ""),
    ("one_stub_one_check", "no stub", 'exercise="term_weight" points=2', ""),
    ("one_stub_one_check", "more than the check", "check_term_weight(term_weight)", "x = 1\ncheck_term_weight(x)"),
    ("one_stub_one_check", "a check of something else", "check_term_weight(term_weight)", "check_term_weight(abs)"),
    ("one_stub_one_check", "no such check", "check_term_weight(", "check_mine("),
    ("stub_is_complete", "no docstring", '    """Logits (*, H, L, L) of queries and keys (*, H, L, c)."""\n', ""),
    ("stub_is_complete", "no hints of types", "(q: Tensor, k: Tensor)", "(q, k)"),
    ("stub_is_complete", "no points", "points=2", ""),
    ("stub_is_complete", "points for nothing", "points=2", "points=0"),
    ("stub_is_complete", "too long", "    return q", "    pass\n" * 30 + "    return q"),
    ("three_hints", "two", "<details><summary>Hint 2</summary>\n\nThink.\n\n</details>", ""),
    ("three_hints", "no blank line, so that GitHub shows the signs", "Hint 3</summary>\n\n", "Hint 3</summary>\n"),
    ("says_why", "no explanation", "Because a product of two rows says how alike they are,", ""),
    ("says_why", "told beforehand", ' tags=["why"]', ""),
]


@pytest.mark.parametrize(("check", "fault", "old", "new"), FAULTS, ids=[f"{c}: {f}" for c, f, _, _ in FAULTS])
def test_each_check_notices_its_fault(check, fault, old, new):
    assert old in GOOD
    assert check in complaining(GOOD.replace(old, new))


def test_no_check_is_left_without_a_fault():
    assert {check for check, *_ in FAULTS} == {check.__name__ for check in checks.CHECKS}
