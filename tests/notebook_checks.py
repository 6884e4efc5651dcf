"""What every notebook must fulfil: small functions, each returns its complaints (none: all is well)."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import build
import card
import links
import nbformat
import tidy
from nbformat import NotebookNode

MAX_CODE_LINES, MAX_WORDS, MAX_BYTES = 25, 400, 1_500_000
MAX_WIDTH = 78  # columns of code in a lesson: what a page, half a screen and a laptop show without scrolling
BUILD_AN_ALGORITHM = ("00", "01", "03", "04", "05", "06", "07", "08", "10", "11", "12", "13")
CLOSING = ("Recap", "Questions", "Next")

# Not inside a URL, nor inside base64, whose letters can spell anything.
MACHINE_PATH = re.compile(
    r"file:///\w|(?<![\w+/=.~])(?:/(?:home|root|Users|tmp|work|private|opt|usr|var|mnt)/\w|[A-Z]:\\{1,2}\w)"
)


@dataclass(frozen=True)
class Lesson:
    """A notebook, where it lies, and the slug of its repository."""

    path: Path
    notebook: NotebookNode
    slug: str

    @classmethod
    def read(cls, path: Path, slug: str) -> "Lesson":
        return cls(path, nbformat.read(path, as_version=4), slug)

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def address(self) -> str:
        """Below notebooks/, without the suffix: 05_this, exercises/05_this."""
        folder = self.path.parent.name
        return self.name if folder == "notebooks" else f"{folder}/{self.name}"

    @property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]

    @property
    def markdown(self) -> list[NotebookNode]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "markdown"]

    @property
    def text(self) -> str:
        return "\n\n".join(cell.source for cell in self.markdown)

    def opening(self) -> str:
        """Everything before the first section or the first code."""
        lines = []
        for cell in self.notebook.cells:
            if cell.cell_type == "code" or cell.source.startswith("## "):
                break
            lines.append(cell.source)
        return "\n\n".join(lines)

    def sections(self) -> dict[str, str]:
        """{title: text} of every ``## `` section, in order."""
        parts = re.split(r"^## +(.+?)\s*$", self.text, flags=re.M)
        return dict(zip(parts[1::2], parts[2::2], strict=True))


# ------------------------------------------------------------------------------------------------------- execution


def executed_in_order(lesson: Lesson) -> list[str]:
    counts = [cell.execution_count for cell in lesson.code]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"execution counts are {counts}"]


def no_errors(lesson: Lesson) -> list[str]:
    return [
        f"{cell.id} ends in {output.ename}: {output.evalue}"
        for cell in lesson.code
        for output in cell.outputs
        if output.output_type == "error" and "raises-exception" not in tags(cell)
    ]


def expected_errors_happen(lesson: Lesson) -> list[str]:
    return [
        f"{cell.id} is tagged raises-exception and raises none"
        for cell in lesson.code
        if "raises-exception" in tags(cell) and not any(output.output_type == "error" for output in cell.outputs)
    ]


def compared_cells_have_outputs(lesson: Lesson) -> list[str]:
    """Without an output nbval compares nothing, and says nothing."""
    marked = (cell for cell in lesson.code if "NBVAL_CHECK_OUTPUT" in cell.source)
    return [f"{cell.id} asks for a comparison and has no output" for cell in marked if not cell.outputs]


def no_leftovers(lesson: Lesson) -> list[str]:
    """Of the run: warnings, widgets without their state, metadata beyond tags and what folds a cell."""
    kept = [({**build.FOLD, "tags": tags(cell)} if is_folded(cell) else {"tags": tags(cell)}) for cell in lesson.code]
    found = [
        f"{cell.id} has metadata {dict(cell.metadata)}"
        for cell, metadata in zip(lesson.code, kept, strict=True)
        if {"tags": [], **cell.metadata} != metadata
    ]
    for cell, output in outputs_of(lesson):
        if output.get("name") == "stderr":
            found.append(f"{cell.id} writes to stderr: {output.text[:200]}")
        if tidy.WIDGET_VIEW in output.get("data", {}):
            found.append(f"{cell.id} shows a widget whose state is not stored")
    return found


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def is_folded(cell: NotebookNode) -> bool:
    return build.FOLDED in tags(cell)


def metadata_of_a_lesson(lesson: Lesson) -> list[str]:
    """The pairing with the text, and what JupyterLab would add on opening."""
    return metadata_other_than(build.METADATA, lesson.notebook)


def metadata_other_than(expected: dict, notebook: NotebookNode) -> list[str]:
    """Apart from the language, which is as a kernel tells it, of whichever Python has executed the notebook."""
    version = notebook.metadata.get("language_info", {}).get("version", "")
    expected = {**expected, "language_info": {**build.LANGUAGE, "version": version}}
    right = notebook.metadata == expected and re.fullmatch(r"3\.\d+\.\d+", version)
    return [] if right else [f"metadata: {notebook.metadata}"]


def no_machine_paths(lesson: Lesson) -> list[str]:
    places = [str(Path.home()), str(build.PROJECT)]
    found = []
    for cell in lesson.notebook.cells:
        outputs = [without_pictures(output) for output in cell.get("outputs", [])]
        text = "\n".join([cell.source, json.dumps(outputs, ensure_ascii=False).replace("\\n", "\n")])
        hits = [hit[0] for hit in MACHINE_PATH.finditer(text)] + [place for place in places if place + "/" in text]
        found += [f"{cell.id} names a path of one machine: {hit}" for hit in hits]
    return found


def without_pictures(output: NotebookNode) -> dict:
    kept = {kind: value for kind, value in output.get("data", {}).items() if not kind.startswith("image/png")}
    return {**output, "data": kept}


def outputs_of(lesson: Lesson) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    return ((cell, output) for cell in lesson.code for output in cell.outputs)


# ------------------------------------------------------------------------------------------------------------ form


def in_step_with_text(lesson: Lesson) -> list[str]:
    text = lesson.path.parent / "text" / f"{lesson.name}.md"
    found = build.drift(text, lesson.path) if text.exists() else f"there is no {text.name} in notebooks/text"
    return [found] if found else []


def short_cells(lesson: Lesson) -> list[str]:
    found = []
    for cell in lesson.code:
        lines = len(cell.source.splitlines())
        found += [f"{cell.id} has {lines} lines of code"] if lines > MAX_CODE_LINES else []
    for cell in lesson.markdown:
        words = len(card.CARD.sub("", cell.source).split())
        found += [f"{cell.id} has {words} words"] if words > MAX_WORDS else []
    size = lesson.path.stat().st_size
    return found + ([f"{size} bytes: GitHub will not show it"] if size > MAX_BYTES else [])


def narrow_code(lesson: Lesson) -> list[str]:
    """Of lessons and exercises alike; the installation's line, which ends in an address, apart."""
    return [
        f"{cell.id}: {len(line)} columns, more than {MAX_WIDTH}: {line.strip()}"
        for cell in lesson.code
        for line in cell.source.splitlines()
        if len(line) > MAX_WIDTH and "%pip" not in line
    ]


def folded_cells_only_draw(lesson: Lesson) -> list[str]:
    """Nothing that a lesson teaches, tests or asks is folded away; and a folded cell says what it is."""
    folded = [cell for cell in lesson.code if is_folded(cell)]
    found = [
        f"{cell.id} is folded and asserts something" for cell in folded if re.search(r"^\s*assert ", cell.source, re.M)
    ]
    return found + [
        f"{cell.id} is folded and has no title" for cell in folded if not cell.source.startswith(build.TITLE)
    ]


def deterministic_ids(lesson: Lesson) -> list[str]:
    expected = [build.cell_id(lesson.name, index) for index in range(len(lesson.notebook.cells))]
    return [] if [cell.id for cell in lesson.notebook.cells] == expected else ["cell ids are not those of build.py"]


def title_and_badge(lesson: Lesson) -> list[str]:
    first = lesson.notebook.cells[0]
    badge = build.BADGE.format(slug=lesson.slug, name=lesson.address)
    found = [] if first.cell_type == "markdown" and first.source.startswith("# ") else ["begins without a title"]
    return found + ([] if badge in first.source.splitlines() else ["the first cell has no Colab badge of its own"])


def colab_cell(lesson: Lesson) -> list[str]:
    expected = build.COLAB_CELL.format(slug=lesson.slug)
    installs = [cell for cell in lesson.code if "%pip" in cell.source or "!pip" in cell.source]
    if lesson.code and lesson.code[0].source == expected and len(installs) == 1:
        return []
    return ["the first code cell must be the guarded Colab cell of build.py, and the only one that installs anything"]


def cards(lesson: Lesson) -> list[str]:
    """As card.py writes them, each once; a lesson that builds an algorithm, or lines of one, opens with its card."""
    found, seen = [], []
    for cell in lesson.markdown:
        for match in card.CARD.finditer(cell.source):
            number, request = match.groups()
            seen.append(number)
            if match[0] != card.render(int(number), request):
                found.append(f"the card of Algorithm {number} is not as card.py writes it")
            if match.start() != 0:
                found.append(f"{cell.id}: the card must begin a cell (two blank lines before it)")
    found += ["two cards of one algorithm"] if len(set(seen)) < len(seen) else []
    return found + (["there is no card"] if lesson.name[:2] in BUILD_AN_ALGORITHM and not seen else [])


# ---------------------------------------------------------------------------------------------------- the reader


def opens_with_a_promise(lesson: Lesson) -> list[str]:
    opening = lesson.opening().lower()
    wanted = {
        "you will be able to": r"you will be able to",
        "minutes": r"\d+\s+minutes",
        "prerequisites": "prerequisites",
    }
    return [f"the opening does not say: {name}" for name, pattern in wanted.items() if not re.search(pattern, opening)]


def closes_with_recap_questions_next(lesson: Lesson) -> list[str]:
    titles = list(lesson.sections())
    found = [] if tuple(titles[-3:]) == CLOSING else [f"the last sections are {titles[-3:]}, expected {CLOSING}"]
    onward = lesson.sections().get("Next", "")
    follower = next(iter(sorted(lesson.path.parent.glob(f"{int(lesson.name[:2]) + 1:02}_*.ipynb"))), None)
    if follower and follower.name not in links.links(onward):
        found.append(f"'Next' does not link to {follower.name}")
    return found + ([] if links.links(onward) else ["'Next' links to nothing"])


def questions_have_folded_answers(lesson: Lesson) -> list[str]:
    questions = lesson.sections().get("Questions", "")
    answers = re.findall(r"<details>\s*<summary>[^<]+</summary>\n\n.+?\n\n?</details>", questions, re.S)
    if len(answers) >= 2 and len(answers) == questions.count("<details") == questions.count("</details>"):
        return []
    return [f"{len(answers)} well-formed folded answers among {questions.count('<details')}; at least two are expected"]


def pictures_are_local_and_described(lesson: Lesson) -> list[str]:
    found = []
    for index, cell in enumerate(lesson.markdown):
        for alt, target in links.pictures(cell.source):
            found += [] if alt.strip() else [f"{cell.id}: no alt text for {target}"]
            if links.is_remote(target):
                found += [] if index == 0 and "badge" in target else [f"{cell.id}: {target} is not ours"]
            elif not (lesson.path.parent / target).is_file():
                found.append(f"{cell.id}: there is no picture {target}")
    for cell, output in outputs_of(lesson):
        for tag in links.HTML_PICTURE.findall(output.get("data", {}).get("text/html", "")):
            local = links.attribute(tag, "src").startswith("data:")
            found += [] if local and links.attribute(tag, "alt") else [f"{cell.id}: in its output, {tag[:200]}"]
    return found


def links_resolve(lesson: Lesson) -> list[str]:
    return [
        f"{cell.id} links to {link}"
        for cell in lesson.markdown
        for link in links.broken_links(cell.source, lesson.path.parent)
        if not (link.startswith("#") and link[1:] in links.notebook_anchors(lesson.path))
    ]


CHECKS = (
    executed_in_order,
    no_errors,
    expected_errors_happen,
    compared_cells_have_outputs,
    no_leftovers,
    metadata_of_a_lesson,
    no_machine_paths,
    in_step_with_text,
    short_cells,
    narrow_code,
    folded_cells_only_draw,
    deterministic_ids,
    title_and_badge,
    colab_cell,
    cards,
    opens_with_a_promise,
    closes_with_recap_questions_next,
    questions_have_folded_answers,
    pictures_are_local_and_described,
    links_resolve,
)
