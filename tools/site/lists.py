"""Pages that list what there is: the lessons with one line each, out of the README; the API, out of the package."""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

from slug import PROJECT

ROW = re.compile(
    r"^\| (?:–|\d\d) \| \[([^\]]+)\]\(notebooks/([\w.]+)\) \| [^|]+ \| (\d+)(?: \+ (\d+))? \| ([^|]+?) \|$", re.M
)
ROOMS = ("proteins", "fast", "classroom", "pictures", "dreams", "studies")


def write_lists(source: Path) -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    write(source / "lists" / "lessons.md", "\n\n".join(lessons(readme)))
    write(source / "api" / "index.md", front_door())
    for room in ROOMS:
        write(source / "api" / f"{room}.md", api_of_room(importlib.import_module(f"ipa_tutorial.{room}")))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def lessons(readme: str) -> list[str]:
    """One line of Markdown for each lesson."""
    lines = []
    for title, name, minutes, more, gain in ROW.findall(readme):
        number = name[:2] if "sitting" not in name else "–"
        time = f"{minutes} + {more} min" if more else f"{minutes} min"
        lines.append(f"* [{number}]{{.number}} [{title}]({name}) [{gain}]{{.gain}} [{time}]{{.minutes}}")
    return lines


# ------------------------------------------------------------------------------------------------------------- api


def front_door() -> str:
    """The public names, by the file that they live in, in the order of that file."""
    package = importlib.import_module("ipa_tutorial")
    homes: dict[str, list[str]] = {}
    for name in package.__all__:
        homes.setdefault(getattr(package, name).__module__, []).append(name)
    parts = ["# The package", (PROJECT / "tools/site/api.md").read_text(encoding="utf-8")]
    for home in sorted(homes):
        module = importlib.import_module(home)
        parts.append(f"## {home}\n\n{first_line(module)}")
        parts += [entry("ipa_tutorial", name, getattr(package, name)) for name in in_order(homes[home], module)]
    return "\n\n".join(parts) + "\n"


def api_of_room(room: ModuleType) -> str:
    front = importlib.import_module("ipa_tutorial").__all__
    name = room.__name__.removeprefix("ipa_tutorial.")
    parts = [f"# {name}", block(f".. automodule:: {room.__name__}\n   :no-members:")]
    parts += [
        f"{{py:obj}}`ipa_tutorial.{public}`: [on the first page](index.md)."
        if public in front
        else entry(room.__name__, public, getattr(room, public))
        for public in room.__all__
    ]
    return "\n\n".join(parts) + "\n"


def in_order(names: list[str], module: ModuleType) -> list[str]:
    source = inspect.getsource(module)
    return sorted(names, key=lambda name: re.search(rf"^(?:class|def) {name}\b", source, re.M).start())


def first_line(thing: object) -> str:
    return inspect.getdoc(thing).splitlines()[0]


def entry(module: str, name: str, thing: object) -> str:
    if inspect.isclass(thing):
        return block(f".. autoclass:: {module}.{name}\n   :members:")
    if callable(thing):
        return block(f".. autofunction:: {module}.{name}")
    return block(f".. py:data:: {module}.{name}\n   :type: {type(thing).__name__}")


def block(rst: str) -> str:
    return f"```{{eval-rst}}\n{rst}\n```"
