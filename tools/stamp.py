"""Points every badge and link of the project at another repository, for a fork.

    make stamp SLUG=you/fork

The slug (owner/name) is written by hand in one place, [project.urls] in pyproject.toml. Links to other repositories
stay as they are.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from slug import PROJECT, repository_slug

# Examples that name repositories of all kinds; what students hand in; what make site fetches and makes.
NOT_OURS = {"tests", "course", "node_modules", "_build"}
SUFFIXES = {".cff", ".cfg", ".ipynb", ".md", ".py", ".toml", ".txt", ".yml"}
SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")


def text_files(project: Path = PROJECT) -> Iterator[Path]:
    """The project's own text files: no caches, no .venv, nothing of NOT_OURS."""
    for folder, below, names in os.walk(project):
        below[:] = sorted(name for name in below if name not in NOT_OURS and (name == ".github" or name[0] != "."))
        yield from (Path(folder, name) for name in sorted(names) if Path(name).suffix in SUFFIXES)


def links_to(slug: str) -> re.Pattern:
    """The slug inside a link of GitHub, Colab or Binder; not as the beginning of a longer name."""
    return re.compile(rf"((?:github\.com|/github|/gh)/){re.escape(slug)}(?![\w-]|\.(?!git\b)\w)")


def stamp(new: str, project: Path = PROJECT) -> list[Path]:
    """Write ``new`` wherever the slug stands; returns the files that changed.

    Raises:
        ValueError: ``new`` is not owner/name, or the project links to it already (it could not be told apart later).
    """
    if not SLUG.fullmatch(new):
        raise ValueError(f"SLUG: expected owner/name, such as you/fork; got {new!r}")
    old = repository_slug(project)
    if new == old:
        return []
    texts = {path: path.read_text(encoding="utf-8") for path in text_files(project)}
    taken = [path for path, text in texts.items() if links_to(new).search(text)]
    if taken:
        raise ValueError(f"SLUG: {new} is another repository that {taken[0].relative_to(project)} links to")
    stamped = {path: restamped(text, old, new) for path, text in texts.items()}
    changed = [path for path in texts if stamped[path] != texts[path]]
    for path in changed:
        path.write_text(stamped[path], encoding="utf-8", newline="\n")
    return changed


def restamped(text: str, old: str, new: str) -> str:
    return links_to(old).sub(rf"\g<1>{new}", text).replace(site_of(old), site_of(new))


def site_of(slug: str) -> str:
    """Where GitHub puts the pages of a repository."""
    owner, name = slug.split("/")
    return f"https://{owner.lower()}.github.io/{name}/"


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("Say to which repository:  make stamp SLUG=you/fork")
    try:
        changed = stamp(sys.argv[1])
    except ValueError as error:
        raise SystemExit(str(error)) from None
    print("\n".join(f"stamped {path.relative_to(PROJECT)}" for path in changed) or "nothing to do")


if __name__ == "__main__":
    main()
