"""build.py executes a text into a notebook; card.py writes the algorithms' cards."""

import os
from pathlib import Path

import build
import jupytext
import nbformat
import nbval.kernel
import nbval_kernels
import pytest
from nbformat.v4 import new_code_cell, new_output

SLUG = "someone/somewhere"
CARD = "<!-- algorithm-22-card: 2 3 -->"


def write_text_source(folder: Path, code: str) -> Path:
    (folder / "text").mkdir()
    path = folder / "text" / "05_this.md"
    path.write_text(f"# A title\n\n\n{CARD}\n\n```python\n{code}\n```\n\n\nWords.\n", encoding="utf-8")
    return path


def test_building_executes_and_leaves_no_trace(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    text = write_text_source(
        tmp_path,
        "import sys\nfrom pathlib import Path\nfrom tqdm import tqdm\n"
        "print(sum(tqdm(range(4))),   Path.cwd().name, Path.home() / 'x', object())",
    )
    build.build(text, SLUG)
    notebook = nbformat.read(tmp_path / "05_this.ipynb", as_version=4)
    assert notebook.cells[2].outputs == [
        new_output("stream", name="stdout", text=f"6 {tmp_path.name} ~/x <object object>\n")
    ]
    assert "print(sum(tqdm(range(4))), Path.cwd()" in text.read_text(encoding="utf-8")  # formatted
    assert [cell.id for cell in notebook.cells] == ["05-cell-001", "05-cell-002", "05-cell-003", "05-cell-004"]
    assert not any(cell.metadata for cell in notebook.cells)
    assert set(notebook.metadata) == {"jupytext", "kernelspec", "language_info"}
    assert notebook.metadata.language_info == build.LANGUAGE
    assert build.drift(text, tmp_path / "05_this.ipynb") is None


def test_a_cell_that_fails_leaves_the_notebook_as_it_was(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    text = write_text_source(tmp_path, "answer = 6 * 7\nanswer / 0")
    (tmp_path / "05_this.ipynb").write_text("as it was")
    assert build.build_all([text]) == 1
    assert (tmp_path / "05_this.ipynb").read_text() == "as it was"
    shown = capsys.readouterr().out
    assert "05_this" in shown
    assert "answer / 0" in shown
    assert "ZeroDivisionError" in shown


@pytest.mark.skipif(os.name != "posix", reason="there are no such files")
def test_kernels_are_talked_to_through_files_of_their_own(monkeypatch):
    for kind in (build.ThisPythonsKernel, nbval_kernels.KernelManager):
        one, other = kind(), kind()
        assert one.transport == other.transport == "ipc"
        assert one.ip != other.ip and Path(one.ip).is_absolute()

    def refuse(self, **_):
        raise RuntimeError(f"started with {self.transport}")

    monkeypatch.setattr(nbval_kernels.KernelManager, "start_kernel", refuse)
    with pytest.raises(RuntimeError, match="started with ipc"):
        nbval.kernel.start_new_kernel()


@pytest.mark.parametrize("request_", ["", "13", "0", "two", "all 2", "none"])
def test_a_card_says_what_it_expects(request_):
    with pytest.raises(ValueError, match="expected line numbers 1 to 12"):
        build.with_cards(f"<!-- algorithm-22-card: {request_} -->")


def test_a_card_lights_its_lines_and_keeps_the_words_around_it():
    text = build.with_cards("Before. <!-- algorithm-22-card: 7 -->\n\nAfter.")
    assert build.with_cards(text) == text
    assert text.startswith("Before. ")
    assert text.endswith("\n\nAfter.")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("|")][2:]
    assert [len(row) for row in rows] == [6] * 12
    assert [row[2].strip() for row in rows if "▶" in row[1]] == ["**7**"]


@pytest.mark.parametrize("comment", ["<!-- algorithm-23-card: 2 -->", "<!-- algorithm-25-card -->"])
def test_the_other_cards_light_no_lines_and_are_known(comment):
    with pytest.raises(ValueError, match="there are cards of 22, with lines, and of"):
        build.with_cards(comment)


def test_two_algorithms_have_each_its_card():
    text = build.with_cards("<!-- algorithm-20-card -->\n\nWords.\n\n<!-- algorithm-24-card -->")
    assert build.with_cards(text) == text
    assert "\n\nWords.\n\n" in text and "algorithm-20.svg" in text and "| 11 |" in text


@pytest.mark.parametrize("tags", [["hide-input"], ["hide-input", "slow"]])
def test_a_tag_folds_a_cell_and_its_absence_unfolds_it(tags):
    cell = new_code_cell("# @title A figure\n1", metadata={"tags": tags})
    build.fold(cell)
    assert cell.metadata == {"tags": tags, "jupyter": {"source_hidden": True}, "cellView": "form"}
    cell.metadata.tags = []
    build.fold(cell)
    assert cell.metadata == {"tags": []}


def test_a_folded_cell_says_what_it_is():
    with pytest.raises(ValueError, match="must begin with '# @title '"):
        build.fold(new_code_cell("1", metadata={"tags": ["hide-input"]}))


def test_folding_survives_the_way_through_the_text(tmp_path):
    """JupyterLab keeps text and notebook in step: the text has the tag only, and what folds the cell is made of it."""
    text = write_text_source(tmp_path, "1 + 1").rename(tmp_path / "05_this.md")
    text.write_text(
        text.read_text("utf-8").replace("```python", '```python tags=["hide-input"]\n# @title Two'), "utf-8"
    )
    notebook = build.prepare(jupytext.read(text), "05_this", SLUG)
    build.write_text(notebook, text)
    assert "jupyter=" not in text.read_text("utf-8") and "cellView" not in text.read_text("utf-8").split("---")[2]
    assert build.prepare(jupytext.read(text), "05_this", SLUG) == notebook


def test_a_badge_is_written_once():
    text = build.with_badge("# A title\n\nWords.\n\nMore.", "[![Open in Colab](a)](b)")
    assert text == "# A title\n\n[![Open in Colab](a)](b)\n\nWords.\n\nMore."
    assert build.with_badge(text, "[![Open in Colab](a)](c)") == text.replace("(b)", "(c)")
    assert build.with_badge("# A title", "[![Open in Colab](a)](b)") == "# A title\n\n[![Open in Colab](a)](b)"
