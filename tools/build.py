"""Executes the notebooks' text sources: notebooks/text/NN_title.md → notebooks/NN_title.ipynb, outputs included.

    python tools/build.py            builds all of them
    python tools/build.py 05 06      builds these
    python tools/build.py --check    says which have drifted from their text, executes nothing

On the way it writes what is the same everywhere into the text: the algorithms' cards, the Colab badge and the Colab
cell, the notebook's metadata; and it formats the code. A cell tagged "hide-input" only draws: it is folded wherever a
notebook can be folded. A notebook in which a cell fails is left as it was.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
from card import with_cards
from ipykernel.ipkernel import IPythonKernel
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from kernels import ThroughFiles
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbformat import NotebookNode
from slug import PROJECT, repository_slug
from tidy import tidy
from tqdm import tqdm
from traitlets import default

NOTEBOOKS = PROJECT / "notebooks"

# The same in every notebook, so that neither the text nor the notebook carries the trace of one machine.
METADATA = {
    "jupytext": {
        "formats": "ipynb,text//md",
        "split_at_heading": True,
        "notebook_metadata_filter": "-jupytext.text_representation.jupytext_version",
        "cell_metadata_filter": "-jupyter,-cellView",  # made of the tag "hide-input"
    },
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
}

# What JupyterLab writes into a notebook that it opens. Were anything else there, it would call the notebook changed.
LANGUAGE = IPythonKernel.language_info

COLAB_CELL = """\
# @title On Colab, run this first: it installs the course, in about a minute
import sys

if "google.colab" in sys.modules:
    # Colab brings its own torch; this adds what is missing
    %pip install -q py3Dmol git+https://github.com/{slug}"""

# A folded cell: the tag says so to the web site's makers, the rest to JupyterLab and to Colab, whose form shows nothing
# but the title. JupyterLab shows the first line.
FOLDED, TITLE = "hide-input", "# @title "
FOLD = {"jupyter": {"source_hidden": True}, "cellView": "form"}

BADGE = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{slug}/blob/main/notebooks/{name}.ipynb)"
)

Build = Callable[[Path, str], None]  # text, slug
DriftOf = Callable[[Path], str | None]

# What the author of a notebook can get wrong: a cell, its syntax, a card.
MISTAKES = (CellControlSignal, DeadKernelError, ValueError)


# ------------------------------------------------------------------------------------------------ from text to cells


def prepare(notebook: NotebookNode, name: str, slug: str) -> NotebookNode:
    """Everything short of execution: card, badge, Colab cell, code format, metadata and cell ids."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            cell.source = with_cards(cell.source)
            if index == 0:
                cell.source = with_badge(cell.source, BADGE.format(slug=slug, name=name))
        elif '"google.colab" in sys.modules' in cell.source:
            cell.source = COLAB_CELL.format(slug=slug)
            cell.metadata.tags = [FOLDED]
        cell.id = cell_id(name, index)
        cell.metadata.pop("lines_to_next_cell", None)  # jupytext's note of how the text was spaced
        fold(cell)
    notebook.metadata = nbformat.from_dict(METADATA)
    return formatted(notebook, name)


def fold(cell: NotebookNode) -> None:
    """Metadata that fold a cell tagged "hide-input", and no others."""
    for key in FOLD:
        cell.metadata.pop(key, None)
    if FOLDED in cell.metadata.get("tags", []):
        if not cell.source.startswith(TITLE):
            raise ValueError(f'a cell tagged "{FOLDED}" must begin with {TITLE!r}, got\n{cell.source}')
        cell.metadata.update(nbformat.from_dict(FOLD))


def with_badge(first_cell: str, badge: str) -> str:
    """The title, then the badge on a line of its own."""
    title, *rest = [line for line in first_cell.splitlines() if not line.startswith("[![Open in Colab]")]
    return "\n\n".join([title, badge, "\n".join(rest).strip()]).rstrip()


def cell_id(name: str, index: int) -> str:
    return f"{Path(name).name[:2]}-cell-{index + 1:03}"


def formatted(notebook: NotebookNode, name: str) -> NotebookNode:
    """The notebook with its code formatted by ruff, magics included, as wide as notebooks/.ruff.toml says."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    path = NOTEBOOKS / f"{name}.ipynb"
    command = [sys.executable, "-m", "ruff", "format", "--no-cache", "--stdin-filename", path, "-"]
    done = subprocess.run(command, input=nbformat.writes(notebook), capture_output=True, encoding="utf-8", cwd=PROJECT)
    if done.returncode:
        raise ValueError(f"ruff cannot read the code: {done.stderr}")
    return nbformat.reads(done.stdout, as_version=4)


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    notebook.nbformat, notebook.nbformat_minor = 4, 5  # 4.5 is the first with cell ids
    nbformat.write(notebook, path)


def write_text(notebook: NotebookNode, path: Path) -> None:
    """Only when something changed: an editor that has the file open is left in peace."""
    text = jupytext.writes(notebook, fmt="md")
    if text != path.read_text(encoding="utf-8"):
        path.write_text(text, encoding="utf-8")


# ------------------------------------------------------------------------------------------------------- execution


class ThisPythonsKernel(ThroughFiles, AsyncKernelManager):
    """Looks in no folder for a kernel called python3: a user's own could hide the one of this environment."""

    @default("kernel_spec_manager")
    def _this_python_only(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run every cell in ``folder``, in this Python's own kernel, and take away what would differ at the next run."""
    NotebookClient(
        notebook,
        kernel_name="python3",
        kernel_manager_class=ThisPythonsKernel,
        extra_arguments=["--log-level=ERROR"],
        timeout=600,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    notebook.metadata = nbformat.from_dict({**METADATA, "language_info": LANGUAGE})
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(tidy, cell.outputs) if output]
    return notebook


def build(text: Path, slug: str) -> None:
    """One notebook. Raises one of MISTAKES, and writes no notebook, when a cell fails that should not."""
    notebook = prepare(jupytext.read(text), text.stem, slug)
    write_text(notebook, text)
    write_notebook(execute(notebook, NOTEBOOKS), NOTEBOOKS / f"{text.stem}.ipynb")


# ------------------------------------------------------------------------------------------------------ the check


def drift(text: Path, notebook_path: Path) -> str | None:
    """Where a notebook and its text differ (None: nowhere)."""
    return difference(jupytext.read(text), notebook_path, text.name)


def difference(expected: NotebookNode, notebook_path: Path, text: str) -> str | None:
    """Where a notebook differs from the one that is made of a text, outputs apart."""
    name = f"{notebook_path.parent.name}/{notebook_path.name}"
    if not notebook_path.exists():
        return f"{name} has never been built"
    ours, theirs = cells_of(expected), cells_of(nbformat.read(notebook_path, as_version=4))
    if len(ours) != len(theirs):
        return f"{text} has {len(ours)} cells, {name} has {len(theirs)}"
    for number, (cell, other) in enumerate(zip(ours, theirs, strict=True), 1):
        if cell != other:
            return f"{text} and {name} differ in cell {number}:\n{cell}\n{other}"
    return None


def cells_of(notebook: NotebookNode) -> list[tuple[str, str, list[str]]]:
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


# ------------------------------------------------------------------------------------------------- command line


def texts_for(numbers: list[str], folder: Path) -> list[Path]:
    texts = sorted(folder.glob("[0-9][0-9]_*.md"))
    if not numbers:
        return texts
    unknown = [number for number in numbers if not any(text.stem.startswith(f"{number}_") for text in texts)]
    if unknown:
        have = ", ".join(text.stem[:2] for text in texts)
        raise SystemExit(f"No text for {', '.join(unknown)} in {folder.relative_to(PROJECT)} (there are: {have})")
    return [text for text in texts if text.stem[:2] in numbers]


def lesson_drift(text: Path) -> str | None:
    return drift(text, NOTEBOOKS / f"{text.stem}.ipynb")


def check(texts: list[Path], drift_of: DriftOf = lesson_drift) -> int:
    found = [found for text in texts if (found := drift_of(text))]
    print("\n\n".join(found) if found else f"{len(texts)} texts in step with their notebooks")
    return len(found) > 0


def build_all(texts: list[Path], build: Build = build) -> int:
    failed, bar = [], tqdm(texts, unit="notebook")
    for text in bar:
        bar.set_description(text.stem)
        begin = time.perf_counter()
        try:
            build(text, repository_slug())
        except MISTAKES as error:  # the message shows the cell and the traceback
            failed.append(text.stem)
            bar.write(f"{text.stem}: FAILED, the notebook is left as it was\n{error}")
        else:
            bar.write(f"{text.stem}: {time.perf_counter() - begin:.1f} s")
    if failed:
        print(f"Not built: {', '.join(failed)}")
    return len(failed) > 0


def steady_environment() -> None:
    """What a kernel inherits, so that a notebook comes out the same everywhere."""
    for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[threads] = "1"  # the last digits of a sum depend on the number of threads
    os.environ.pop("MPLBACKEND", None)  # the kernel chooses the one that shows pictures in a notebook


def command_line(description: str, folder: Path, build: Build, drift_of: DriftOf) -> int:
    """Build the texts of a folder, or say which have drifted."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("numbers", nargs="*", help="for example 05 06; all when none is given")
    parser.add_argument("--check", action="store_true", help="only say which have drifted from their text")
    arguments = parser.parse_args()
    steady_environment()
    texts = texts_for(arguments.numbers, folder)
    return check(texts, drift_of) if arguments.check else build_all(texts, build)


if __name__ == "__main__":
    sys.exit(
        command_line("Execute notebooks/text/*.md into notebooks/*.ipynb.", NOTEBOOKS / "text", build, lesson_drift)
    )
