"""The project as a whole: one slug, pins inside the ranges, links that lead somewhere, imports that go downwards."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

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


def own_slugs(text: str) -> set[str]:
    return {slug for groups in OWN_LINKS.findall(text) for slug in groups if slug}


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
        f"github.com/google-deepmind/alphafold github.com/{old}-extra https://github.com/{old}.",
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
        "github.com/google-deepmind/alphafold github.com/ipa-tutorial/ipa-tutorial-extra https://github.com/you/fork."
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


def test_the_package_can_be_imported_without_the_notebooks_dependencies():
    code = "import sys; sys.modules.update(dict.fromkeys(['matplotlib', 'py3Dmol', 'ipywidgets'])); import ipa_tutorial"
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


@pytest.mark.parametrize("name", ["README.md", "notebooks/teaching.md", "tests/goldens/README.md"])
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

# From the ground up: a module (or a folder of them) may import those before it, never one after it. Nothing imports
# pictures but pictures.
ORDER = """
rigid inputs quaternion attention streamed_attention linear fast blocks torsion structure_module losses
protein_chain backbones library structure_file protein training denoising ablations alphafold testing bugs checks
so3 flow flow_model flow_training secondary_structure measures relaxation dream_report
ribbon chain camera picture embedding drawing style strip maps curves typeset card dataflow plots
scene trajectory viewer benchmark
"""
MAX_LINES = 320


def imported(source: str, depth: int = 1) -> set[str]:
    """The package's own modules that a module's source imports, inside functions too ("" is the package itself).

    ``depth`` is 1 for a module of the package and 2 for one in a folder, whose own neighbours are left out.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom) and 0 < node.level < depth:
            continue
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == "ipa_tutorial"):
            module = (node.module or "").removeprefix("ipa_tutorial").lstrip(".").split(".")[0]
            found |= {module} if module else {name if name in ORDER.split() else "" for name in names}
        elif isinstance(node, ast.Import):
            own = [name.split(".") for name in names if name.split(".")[0] == "ipa_tutorial"]
            found |= {parts[1] if parts[1:] else "" for parts in own}
    return found


def upward_imports(name: str, source: str, depth: int = 1) -> set[str]:
    order = ORDER.split()
    return imported(source, depth) - set(order[: order.index(name)])


def test_imports_are_recognised():
    assert imported("from .rigid import Rigid\nfrom . import blocks, Rigid\nimport torch") == {"rigid", "blocks", ""}
    assert imported("import ipa_tutorial.plots as p\ndef f():\n    from ipa_tutorial.fast import g") == {
        "plots",
        "fast",
    }
    assert imported("import ipa_tutorial\nfrom ipa_tutorial import viewer") == {"", "viewer"}
    assert upward_imports("attention", "from .rigid import Rigid\nfrom .plots import draw") == {"plots"}
    assert upward_imports("attention", "from . import attention") == {"attention"}
    assert upward_imports("bugs", "from . import seen\nfrom ..checks import check\nfrom ..rigid import Rigid", 2) == {
        "checks"
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_modules_are_short_and_import_downwards_only(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MAX_LINES
    if path != PACKAGE / "__init__.py":
        *folders, name = path.relative_to(PACKAGE).with_suffix("").parts
        name = folders[0] if folders else name
        assert name in ORDER.split(), f"say in ORDER which modules {path.name} may stand on"
        assert upward_imports(name, source, depth=len(folders) + 1) == set()


def test_importing_the_package_draws_nothing():
    assert not imported((PACKAGE / "__init__.py").read_text(encoding="utf-8")) & {"drawing", "plots", "viewer"}
