"""Every notebook passes every check; and every check fails on a notebook that is bad in just that way."""

import build
import notebook_checks as checks
import pytest
from jupytext.paired_paths import paired_paths
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_checks import Lesson
from slug import repository_slug

FOLDER = build.NOTEBOOKS
NAMES = [
    "00_one_sitting",
    "00_start_here",
    "01_frames",
    "02_invariance",
    "03_scalars",
    "04_points",
    "05_distances",
    "06_weights",
    "07_home",
    "08_module",
    "09_proof",
    "10_block",
]
FOUND = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_exists(name):
    assert (FOLDER / f"{name}.ipynb").is_file()


def test_every_text_has_its_notebook():
    texts = {path.stem for path in (FOLDER / "text").glob("*.md")}
    assert texts == {path.stem for path in FOLDER.glob("*.ipynb")}


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_notebook(path, check):
    complaints = check(Lesson.read(path, repository_slug()))
    assert not complaints, "\n".join(complaints)


# ------------------------------------------------------------------------------------------- the checks, checked

SLUG = "someone/somewhere"
OPENING = "# A title\n\nYou will be able to do it. About 15 minutes. Prerequisites: none."
CARD = "<!-- algorithm-22-card: 2 3 -->"
ANSWER = "<details><summary>Answer</summary>\n\nBecause.\n\n</details>"
PICTURE = "![A line that rises](picture.png)"


@pytest.fixture
def good(tmp_path):
    """A small notebook without a fault, with its text, a picture and the next notebook beside it."""
    cells = [
        new_markdown_cell(OPENING),
        new_markdown_cell(CARD),
        new_code_cell(build.COLAB_CELL.format(slug=SLUG)),
        new_markdown_cell(f"## A section\n\n{PICTURE}, and [the same section](#A-section)."),
        new_code_cell("# NBVAL_CHECK_OUTPUT\n1 + 1"),
        new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
        new_markdown_cell("## Recap\n\nOne. Two. Three."),
        new_markdown_cell(f"## Questions\n\nWhy?\n\n{ANSWER}\n\nWhy not?\n\n{ANSWER}"),
        new_markdown_cell("## Next\n\n[The next one](06_next.ipynb)."),
    ]
    notebook = build.prepare(new_notebook(cells=cells), "05_this", SLUG)
    notebook.metadata["language_info"] = build.LANGUAGE
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, 1):
        cell.execution_count = count
    code[1].outputs = [new_output("execute_result", {"text/plain": "2"}, execution_count=2)]
    code[2].outputs = [new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[])]
    folder = tmp_path / "notebooks"
    for path in ("text/05_this.md", "picture.png", "../asset/card/lines-2-3.svg"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    (folder / "06_next.ipynb").write_text('{"cells": []}')
    lesson = Lesson(folder / "05_this.ipynb", notebook, SLUG)
    build.write_text(notebook, folder / "text" / "05_this.md")
    return saved(lesson)


def saved(lesson: Lesson) -> Lesson:
    build.write_notebook(lesson.notebook, lesson.path)
    return Lesson.read(lesson.path, lesson.slug)


def complaining(lesson: Lesson) -> dict[str, list[str]]:
    found = {check.__name__: check(lesson) for check in checks.CHECKS}
    return {name: complaints for name, complaints in found.items() if complaints}


def test_a_good_notebook_passes_every_check(good):
    assert complaining(good) == {}


def replaces(cell: int, old: str, new: str):
    """A fault: in this cell, ``old`` becomes ``new`` (which must change something)."""

    def spoil(lesson: Lesson) -> None:
        source = lesson.notebook.cells[cell].source
        assert old in source
        lesson.notebook.cells[cell].source = source.replace(old, new)

    return spoil


def prints(text: str, name: str = "stdout"):
    return lambda lesson: lesson.code[1].outputs.append(new_output("stream", name=name, text=text))


def shows(data: dict):
    return lambda lesson: lesson.code[1].outputs.append(new_output("display_data", data))


def sets(**values):
    return lambda lesson: lesson.code[1].update(values)


TEMPORARY = "/".join(["", "tmp", "x.pdb"])  # in pieces: no tracked file is to name such a place
FAULTS = [
    ("executed_in_order", "never executed", sets(execution_count=None)),
    ("executed_in_order", "out of order", sets(execution_count=7)),
    ("no_errors", "an error that no tag announces", lambda lesson: lesson.code[2].metadata.clear()),
    ("expected_errors_happen", "an announced error that stays away", lambda lesson: lesson.code[2].outputs.clear()),
    ("compared_cells_have_outputs", "nothing to compare", sets(outputs=[])),
    ("no_leftovers", "a warning", prints("UserWarning: careful", "stderr")),
    ("no_leftovers", "a widget", shows({"text/plain": "", "application/vnd.jupyter.widget-view+json": {}})),
    ("no_leftovers", "times", lambda lesson: lesson.code[1].metadata.update(execution={"iopub.execute_input": "now"})),
    ("no_leftovers", "a cell folded by hand", lambda lesson: lesson.code[1].metadata.update(build.FOLD)),
    ("no_leftovers", "a tag that folds nothing", lambda lesson: lesson.code[0].metadata.pop("jupyter")),
    (
        "metadata_of_a_lesson",
        "a language without what JupyterLab would add",
        lambda lesson: lesson.notebook.metadata.update(language_info={"name": "python"}),
    ),
    ("no_machine_paths", "a home folder in an output", prints("/home/jane/ipa/data")),
    ("no_machine_paths", "a temporary file in an output", shows({"text/html": f"<b>{TEMPORARY}</b>"})),
    ("no_machine_paths", "a path in the code", replaces(4, "1 + 1", "open('/Users/jane/x')")),
    ("no_machine_paths", "a path in the text", replaces(3, "and", "see C:\\Users\\jane and")),
    ("in_step_with_text", "another text", replaces(6, "Two.", "Two and a half.")),
    ("in_step_with_text", "another code", replaces(4, "1 + 1", "1 + 2")),
    ("in_step_with_text", "a cell more", lambda lesson: lesson.notebook.cells.append(new_markdown_cell("More"))),
    ("in_step_with_text", "another tag", lambda lesson: lesson.code[1].metadata.update(tags=["slow"])),
    ("in_step_with_text", "no text", lambda lesson: (lesson.path.parent / "text/05_this.md").unlink()),
    ("short_cells", "26 lines", replaces(4, "1 + 1", "\n".join(["1"] * 25))),
    ("narrow_code", "a long line", replaces(4, "1 + 1", " + ".join(["1"] * 21))),
    ("folded_cells_only_draw", "an assertion", replaces(2, "import sys", "import sys\nassert sys")),
    ("folded_cells_only_draw", "no title", replaces(2, "# @title", "#")),
    ("short_cells", "a wall of text", replaces(6, "Two.", "word " * 401)),
    ("short_cells", "a huge file", prints("x" * 3_000_000)),
    ("deterministic_ids", "a random id", sets(id="a1b2c3")),
    ("title_and_badge", "no title", replaces(0, "# A title", "A title")),
    ("title_and_badge", "the badge of another notebook", replaces(0, "05_this.ipynb", "04_that.ipynb")),
    ("title_and_badge", "the badge of another repository", replaces(0, SLUG, "else/where")),
    ("colab_cell", "an unguarded installation", replaces(2, 'if "google.colab" in sys.modules:', "if True:")),
    ("colab_cell", "another repository", replaces(2, SLUG, "else/where")),
    ("colab_cell", "a second installation", replaces(4, "1 + 1", "%pip install torch")),
    ("cards", "no card", lambda lesson: lesson.notebook.cells.pop(1)),
    (
        "cards",
        "two cards",
        lambda lesson: lesson.notebook.cells.append(new_markdown_cell(lesson.notebook.cells[1].source)),
    ),
    ("cards", "other lines lit", replaces(1, CARD, CARD.replace("2 3", "2 4"))),
    ("cards", "an edited card", replaces(1, "softmax", "softmin")),
    ("cards", "a card inside a cell", replaces(1, CARD, f"Words. {CARD}")),
    ("opens_with_a_promise", "no promise", replaces(0, "You will be able to do it.", "")),
    ("opens_with_a_promise", "no minutes", replaces(0, "15 minutes", "a while")),
    ("opens_with_a_promise", "no prerequisites", replaces(0, "Prerequisites: none.", "")),
    ("closes_with_recap_questions_next", "no recap", replaces(6, "## Recap", "## Summary")),
    ("closes_with_recap_questions_next", "a link to nowhere else", replaces(8, "06_next.ipynb", "05_this.ipynb")),
    ("closes_with_recap_questions_next", "no link", replaces(8, "(06_next.ipynb)", "")),
    ("questions_have_folded_answers", "an open answer", replaces(7, ANSWER, "Because.")),
    ("questions_have_folded_answers", "a fold that never ends", replaces(7, "</details>", "")),
    ("pictures_are_local_and_described", "no alt text", replaces(3, "A line that rises", "")),
    ("pictures_are_local_and_described", "no such picture", replaces(3, "picture.png", "pictures.png")),
    (
        "pictures_are_local_and_described",
        "a card that was never drawn",
        lambda lesson: (lesson.path.parent.parent / "asset/card/lines-2-3.svg").unlink(),
    ),
    ("pictures_are_local_and_described", "someone's server", replaces(3, "picture.png", "https://x.org/picture.png")),
    ("pictures_are_local_and_described", "an HTML picture", replaces(3, PICTURE, '<img src="picture.png">')),
    ("pictures_are_local_and_described", "an output", shows({"text/html": '<img alt="a" src="https://x.org/a.png">'})),
    ("pictures_are_local_and_described", "a mute output", shows({"text/html": '<img src="data:image/png;base64,AA">'})),
    ("links_resolve", "no such file", replaces(3, "#A-section", "07_gone.ipynb")),
    ("links_resolve", "no such section", replaces(3, "#A-section", "#Another-section")),
]


@pytest.mark.parametrize(("check", "fault", "spoil"), FAULTS, ids=[f"{check}: {fault}" for check, fault, _ in FAULTS])
def test_each_check_notices_its_fault(good, check, fault, spoil):
    spoil(good)
    assert check in complaining(saved(good))


def test_no_check_is_left_without_a_fault():
    assert {check for check, _, _ in FAULTS} == {check.__name__ for check in checks.CHECKS}


def test_check_says_what_has_drifted(good, monkeypatch, capsys):
    monkeypatch.setattr(build, "NOTEBOOKS", good.path.parent)
    text = good.path.parent / "text" / "05_this.md"
    assert build.check([text]) == 0
    text.write_text(text.read_text(encoding="utf-8").replace("Two.", "Three."), encoding="utf-8")
    assert build.check([text]) == 1
    assert "differ in cell 7" in capsys.readouterr().out


def test_paired_both_ways(good):
    """JupyterLab keeps text and notebook in step by this pairing, whichever of the two is edited."""
    text = good.path.parent / "text" / "05_this.md"
    formats = good.notebook.metadata.jupytext.formats
    for start, fmt in ((good.path, "ipynb"), (text, "md")):
        assert {path for path, _ in paired_paths(str(start), fmt, formats)} == {str(good.path), str(text)}
