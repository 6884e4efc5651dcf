"""Makes of each text in notebooks/text/exercises two notebooks: exercises/NN_title.ipynb and solutions/NN_title.ipynb.

    python tools/exercises.py            makes all of them
    python tools/exercises.py 05 06      makes these
    python tools/exercises.py --check    says which have drifted from their text, executes nothing

The solution of an exercise stands between two markers. A student finds ``raise NotImplementedError`` in its place, no
cell tagged "why", and nothing executed; the solutions are executed, and every check in them must say ok. A cell with
``paste="name"`` is for an answer to an exercise of another notebook: its markers are treated alike.
"""

import copy
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import build
import jupytext
import nbformat
from nbformat import NotebookNode
from slug import repository_slug

TEXTS = build.NOTEBOOKS / "text" / "exercises"

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
MARKER = re.compile(rf"^[ \t]*(?:{BEGIN}|{END})\n?", re.M)
SOLUTION = re.compile(rf"^([ \t]*){BEGIN}\n.*?^[ \t]*{END}$", re.M | re.S)
YOUR_TURN = 'raise NotImplementedError("your turn")'

METADATA = {"kernelspec": build.METADATA["kernelspec"], "language_info": build.LANGUAGE}

# Not paired, as a lesson and its text are: two notebooks are made of one text, and the text is where one edits.
UNPAIRED = {name: value for name, value in build.METADATA["jupytext"].items() if name != "formats"}


# --------------------------------------------------------------------------------------- from one text to two notebooks


def student(text: NotebookNode, name: str, slug: str) -> NotebookNode:
    """What is handed out: stubs, hints and checks."""
    return version(student_cells(text.cells), f"exercises/{name}", slug)


def solution(text: NotebookNode, name: str, slug: str) -> NotebookNode:
    """What is compared with afterwards, yet to be executed: the stubs filled in, and why."""
    return version(rewritten(text.cells, solved), f"solutions/{name}", slug)


def student_cells(cells: list[NotebookNode]) -> list[NotebookNode]:
    return rewritten([cell for cell in cells if not is_why(cell)], unsolved)


def rewritten(cells: list[NotebookNode], rewrite: Callable[[str], str]) -> list[NotebookNode]:
    """Copies, the code among them rewritten."""
    cells = copy.deepcopy(cells)
    for cell in cells:
        if cell.cell_type == "code":
            cell.source = rewrite(cell.source)
    return cells


def version(cells: list[NotebookNode], name: str, slug: str) -> NotebookNode:
    """These cells as a notebook with its own badge, and without the metadata that are for the making only."""
    cells[0].source = build.with_badge(cells[0].source, build.BADGE.format(slug=slug, name=name))
    for index, cell in enumerate(cells):
        tags = [tag for tag in cell.metadata.get("tags", []) if tag != "why"]
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        build.fold(cell)
        cell.id = build.cell_id(name, index)
    return nbformat.v4.new_notebook(metadata=METADATA, cells=cells)


def is_why(cell: NotebookNode) -> bool:
    return "why" in cell.metadata.get("tags", [])


def unsolved(source: str) -> str:
    return SOLUTION.sub(rf"\1{YOUR_TURN}", source)


def solved(source: str) -> str:
    return MARKER.sub("", source).rstrip("\n")


def read(text: Path) -> NotebookNode:
    """The text's cells.

    Raises:
        ValueError: an exercise, or a cell for an earlier answer, without one pair of markers, or markers elsewhere.
    """
    notebook = jupytext.read(text)
    for cell in notebook.cells:
        pairs, markers = len(SOLUTION.findall(cell.source)), len(MARKER.findall(cell.source))
        expected = 1 if {"exercise", "paste"} & cell.metadata.keys() else 0
        if (pairs, markers) != (expected, 2 * expected):
            raise ValueError(f"{text.name}: {expected} solutions expected between {BEGIN} and {END} in\n{cell.source}")
    return notebook


def make(text: Path, slug: str) -> None:
    """Both notebooks of one text. Raises one of build.MISTAKES, and writes none, when a solution is not right."""
    notebook = build.prepare(read(text), f"exercises/{text.stem}", slug)
    notebook.metadata = nbformat.from_dict({**build.METADATA, "jupytext": UNPAIRED})
    build.write_text(notebook, text)
    executed = build.execute(solution(notebook, text.stem, slug), folder_of("solutions"))
    executed.metadata = nbformat.from_dict(METADATA)
    build.write_notebook(executed, folder_of("solutions") / f"{text.stem}.ipynb")
    build.write_notebook(student(notebook, text.stem, slug), folder_of("exercises") / f"{text.stem}.ipynb")


def folder_of(kind: str) -> Path:
    folder = build.NOTEBOOKS / kind
    folder.mkdir(exist_ok=True)
    return folder


# ------------------------------------------------------------------------------------------------------ the check


def drift(text: Path) -> str | None:
    """Where a text and one of its notebooks differ (None: nowhere)."""
    notebook, slug = read(text), repository_slug()
    for folder, expected in (("exercises", student), ("solutions", solution)):
        path = build.NOTEBOOKS / folder / f"{text.stem}.ipynb"
        if found := build.difference(expected(notebook, text.stem, slug), path, text.name):
            return found
    return None


if __name__ == "__main__":
    os.environ["IPA_CHECK_STRICT"] = "1"  # a check that does not say ok stops the making
    sys.exit(build.command_line("Make the notebooks of notebooks/text/exercises/*.md.", TEXTS, make, drift))
