"""Makes an nbgrader course of notebooks/text/exercises: course/source/NN_title/NN_title.ipynb and nbgrader_config.py.

    make course                    installs nbgrader if needed, and runs this
    source .venv/bin/activate      nbgrader looks for its tools on the PATH
    cd course
    nbgrader generate_assignment 01_frames

What nbgrader and its students have put into course/ is left alone, and so is a configuration that is there already.
"""

import copy
import re
import sys
from pathlib import Path

import build
import exercises
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from slug import PROJECT, repository_slug

COURSE = PROJECT / "course"

CONFIG = f'''\
"""The settings of the course; made once, yours to edit."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # the tensors are small

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "ipa-tutorial"
c.ClearSolutions.code_stub = {{"python": {exercises.YOUR_TURN!r}}}
c.Execute.timeout = 120  # seconds for each cell
'''

GRADED = """\
# This cell earns the points when your notebook is graded. Leave it as it is.
### BEGIN HIDDEN TESTS
from ipa_tutorial.classroom.checks import CHECKS

verdict = CHECKS["{check}"].examine({function})
assert verdict.status == "ok", verdict.text
### END HIDDEN TESTS"""

BADGE = re.compile(r"^\[!\[Open in Colab\].*\n\n?", re.M)
SOLUTIONS = re.compile(r"[^.\n]*`notebooks/solutions/[^`]+`\.?")  # the sentence that says where they are
UP = re.compile(r"\]\(\.\./(?!\.)")


def source(text: NotebookNode, name: str, slug: str) -> NotebookNode:
    """The teacher's notebook: stubs with their solutions, and after each check a cell with points and hidden tests."""
    cells = []
    for cell in copy.deepcopy(text.cells):
        if exercises.is_why(cell):
            continue
        if cell.cell_type == "markdown":
            cell.source = for_a_classroom(cell.source, slug)
        cells.append(graded(cell))
        if "check" in cell.metadata:
            cells.append(points(cell, text))
    for index, cell in enumerate(cells):
        cell.id = build.cell_id(name, index)
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in ("nbgrader", "tags")})
    return new_notebook(metadata=exercises.METADATA, cells=cells)


def for_a_classroom(markdown: str, slug: str) -> str:
    """Without the badge and the way to the solutions; links to lessons lead to GitHub, as the folder travels alone."""
    markdown = SOLUTIONS.sub("", BADGE.sub("", markdown))
    return UP.sub(f"](https://github.com/{slug}/blob/main/notebooks/", markdown)


def graded(cell: NotebookNode) -> NotebookNode:
    """The cell with what nbgrader must know: a stub is to be filled in, a check stays as it is."""
    if "paste" in cell.metadata:
        cell.source = exercises.unsolved(cell.source)  # an answer to another exercise: there it is graded
    if "exercise" in cell.metadata:
        cell.metadata["nbgrader"] = nbgrader(cell.metadata.exercise, solution=True)
    elif "check" in cell.metadata:
        cell.metadata["nbgrader"] = nbgrader(f"check_{cell.metadata.check}", locked=True)
    return cell


def points(check: NotebookNode, text: NotebookNode) -> NotebookNode:
    """The cell that earns the points of an exercise. What it asks is hidden from students."""
    name = check.metadata.check
    worth = next(cell.metadata.points for cell in text.cells if cell.metadata.get("exercise") == name)
    cell = new_code_cell(GRADED.format(check=check.source.split("(")[0], function=name))
    cell.metadata["nbgrader"] = nbgrader(f"points_{name}", grade=True, locked=True, points=worth)
    return cell


def nbgrader(grade_id: str, **kind: bool | int) -> dict[str, object]:
    defaults = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False}
    return {**defaults, "grade_id": grade_id, **kind}


def make(folder: Path = COURSE, texts: Path = exercises.TEXTS) -> list[Path]:
    """Write the course; returns the notebooks. Nothing but these and a missing configuration is written."""
    made = []
    for text in sorted(texts.glob("*.md")):
        path = folder / "source" / text.stem / text.name.replace(".md", ".ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        build.write_notebook(source(exercises.read(text), text.stem, repository_slug()), path)
        made.append(path)
    config = folder / "nbgrader_config.py"
    if not config.exists():
        config.write_text(CONFIG, encoding="utf-8")
    return made


def main() -> int:
    made = make()
    print(f"{len(made)} assignments in course/source. To hand out the first:")
    print(f"  source .venv/bin/activate && cd course && nbgrader generate_assignment {made[0].stem}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
