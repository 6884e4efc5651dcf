"""The repository's slug, owner/name. pyproject.toml is the one place where it is written by hand."""

import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def repository_slug(project: Path = PROJECT) -> str:
    urls = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    return urls["Repository"].removeprefix("https://github.com/")
