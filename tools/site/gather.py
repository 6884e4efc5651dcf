"""From the committed notebooks to what Sphinx reads, in _build. Nothing is executed.

_build/source/            lies like notebooks/: a link from one notebook to another stays as it is
_build/source/exercises/  one page for each sheet: the student's notebook, its solutions folded
_build/static/            the pictures of all outputs, asset/, 3Dmol.js
_build/extra/notebooks/   the notebooks themselves, to download
"""

import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

import nbformat  # noqa: E402
from lists import write_lists  # noqa: E402
from nbformat import NotebookNode  # noqa: E402
from outputs import shown  # noqa: E402
from PIL import Image  # noqa: E402
from sheets import sheet  # noqa: E402
from slug import PROJECT  # noqa: E402
from texts import NOTEBOOKS, PAGES, rewritten, up, with_pictures  # noqa: E402

BUILD = HERE / "_build"
SOURCE, STATIC, EXTRA = BUILD / "source", BUILD / "static", BUILD / "extra"
NEEDS = {"summary.md": PROJECT / "asset" / "summary.svg"}
NEEDS |= {f"live/{name}.md": HERE / "live" / f"{name}.html" for name in ("turn", "dream")}

TITLE = "# @title "
AFTERWARDS = re.compile(r"Solutions, for afterwards: `[^`]+`\.")
BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]+\)\]\(([^)]+)\)")
TOOLS = '<p class="page-tools"><a href="{colab}">Open in Colab</a> <a href="{files}" download>Download</a>{more}</p>'
SOLVED = ' <a href="{files}" download>Download the solutions</a>'


def gather() -> None:
    """Into a _build that has none of this yet."""
    (SOURCE / "live").mkdir(parents=True)
    shutil.copytree(HERE / "static", STATIC)
    shutil.copytree(PROJECT / "asset", STATIC / "asset")
    for film in STATIC.glob("asset/*.gif"):
        Image.open(film).save(film.with_suffix(".webp"), save_all=True, quality=30, method=2)
        film.unlink()
    shutil.copy(PROJECT / "ipa_tutorial" / "data" / "3dmol" / "3Dmol-min.js", STATIC)
    for path in notebooks("", "exercises", "solutions"):
        copy = EXTRA / path.relative_to(PROJECT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for path in notebooks(""):
        write(read(path), path, path.name)
    for path in notebooks("exercises"):
        write(sheet(read(path), read(NOTEBOOKS / "solutions" / path.name)), path, f"exercises/{path.name}")
    for path, page in PAGES.items():
        if path.is_file():
            put(page, rewritten(path.read_text(encoding="utf-8"), path, page))
    own_pages()
    write_lists(SOURCE)


def own_pages() -> None:
    """The site's own pages; of those that need a file of others, the ones that have it, and what names them."""
    missing = [page for page, needed in NEEDS.items() if not needed.exists()]
    for path in (HERE / "pages").rglob("*.md"):
        page = path.relative_to(HERE / "pages").as_posix()
        if page not in missing:
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            text = "".join(line for line in lines if not any(gone.removesuffix(".md") in line for gone in missing))
            put(page, with_pictures(text, path, page))
    for needed in (HERE / "live").glob("*.html"):
        shutil.copy(needed, SOURCE / "live")


def put(page: str, text: str) -> None:
    (SOURCE / page).parent.mkdir(parents=True, exist_ok=True)
    (SOURCE / page).write_text(text, encoding="utf-8")


def notebooks(*kinds: str) -> list[Path]:
    return [path for kind in kinds for path in sorted((NOTEBOOKS / kind).glob("[0-9][0-9]_*.ipynb"))]


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def write(notebook: NotebookNode, file: Path, page: str) -> None:
    """The notebook made of ``file`` as the source of ``page``."""
    notebook.cells = [cell for cell in notebook.cells if '"google.colab" in sys.modules' not in cell.source]
    for number, cell in enumerate(notebook.cells):
        cell.id = str(number)
        if cell.cell_type == "markdown":
            source = BADGE.sub(lambda badge: page_tools(badge[1], file, page), cell.source)
            cell.source = rewritten(AFTERWARDS.sub("Each solution is folded below its exercise.", source), file, page)
        else:
            fold_title(cell)
            cell.outputs = shown(cell.outputs, page, STATIC / "pictures")
    (SOURCE / page).parent.mkdir(exist_ok=True)
    nbformat.write(notebook, SOURCE / page)


def fold_title(cell: NotebookNode) -> None:
    """The title of a folded cell, its first line, stands where the page says that there is something to unfold."""
    first, _, rest = cell.source.partition("\n")
    if first.startswith(TITLE):
        title = first.removeprefix(TITLE)
        cell.source = rest
        cell.metadata["mystnb"] = {"code_prompt_show": title, "code_prompt_hide": title}


def page_tools(colab: str, file: Path, page: str) -> str:
    folder, more = up(page) + file.parent.relative_to(PROJECT).as_posix(), ""
    if file.parent.name == "exercises":
        colab = colab.replace("/solutions/", "/exercises/")
        more = SOLVED.format(files=f"{up(page)}notebooks/solutions/{file.name}")
    return TOOLS.format(colab=colab, files=f"{folder}/{file.name}", more=more)
