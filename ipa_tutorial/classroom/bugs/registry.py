"""What a bug is, where it is written down, and how it gets into the code and out again."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch

PACKAGE = __name__.partition(".")[0]
HERE = __name__.rpartition(".")[0]
STANDARD = sys.stdlib_module_names - {"__main__"}
LIBRARIES = str(Path(torch.__file__).parent.parent)  # what is installed beside PyTorch knows none of our functions


@dataclass(frozen=True)
class Bug:
    """One mistake: a wrong variant of one function, method or class of the package."""

    name: str
    where: str  # "attention.point_weight": what the variant takes the place of
    variant: Callable
    wrong: str  # "what it does: why that is wrong", in one line
    symptom: str  # what a user sees
    seen: str  # package and version
    harmless: str = ""  # why nothing can come of it, where mathematics says so

    @property
    def source(self) -> str:
        """The wrong code itself, without the description above it."""
        lines = textwrap.dedent(inspect.getsource(self.variant)).splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith(("def ", "class ")))
        return "\n".join(lines[start:])

    def __str__(self) -> str:
        rows = {"where": self.where, "wrong": self.wrong, "symptom": self.symptom, "seen": self.seen}
        rows |= {"harmless": self.harmless} if self.harmless else {}
        return "\n".join([self.name, *(f"  {title + ':':10}{text}" for title, text in rows.items())])


BUGS: dict[str, Bug] = {}
LOOKED_AT: set[str] = set()  # names of loaded modules
MAY_KNOW: set[str] = set()  # of them, those in which a function of the package may stand


def bug(where: str, *, wrong: str, symptom: str, seen: str, harmless: str = "") -> Callable[[Callable], Callable]:
    """Write a function (or class) down as the wrong variant of ``where``; its name, with hyphens, names the bug."""

    def register(variant: Callable) -> Callable:
        name = variant.__name__.replace("_", "-")
        if name in BUGS:
            raise ValueError(f"there is a bug named {name!r} already, in {BUGS[name].where}")
        locate(where)
        BUGS[name] = Bug(name, where, variant, wrong, symptom, seen, harmless)
        return variant

    return register


def find_bug(name: str) -> Bug:
    """The bug of this name.

    Raises:
        ValueError: there is none; the message lists the names that come near.
    """
    if name not in BUGS:
        near = get_close_matches(str(name), BUGS, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "BUGS has all the names"
        raise ValueError(f"there is no bug named {name!r}: {hint}")
    return BUGS[name]


def bugs_of(*places: str) -> list[Bug]:
    """All wrong variants of these functions: ``bugs_of("attention.point_weight", "attention.term_weight")``."""
    return [candidate for candidate in BUGS.values() if candidate.where in places]


@contextmanager
def planted(name: str) -> Iterator[Bug]:
    """Put a bug into the running code, everywhere at once, and take it out again whatever happens.

        with planted("softmax-over-queries") as bug:
            ...

    The variant stands in for the sound function in every loaded module that knows it, also where it was imported by
    name (a test, a notebook, but not an installed library); a variant of a method, in its class. Modules that were
    built before keep their parameters and run the wrong line. Variants themselves always see the sound package, so that
    they can build on it.

    Raises:
        ValueError: there is no bug of this name.
    """
    culprit = find_bug(name)
    owner, attribute = locate(culprit.where)
    sound = inspect.getattr_static(owner, attribute)
    wrong = property(culprit.variant) if isinstance(sound, property) else culprit.variant
    _exchange(owner, attribute, sound, wrong)
    try:
        yield culprit
    finally:
        _exchange(owner, attribute, wrong, sound)


def locate(where: str) -> tuple[object, str]:
    """``"rigid.Rigid.apply"`` → the class Rigid and ``"apply"``."""
    *path, attribute = where.split(".")
    owner = import_module(PACKAGE)
    for name in path:
        is_room = hasattr(owner, "__path__")  # a package; anything else is a module or a class
        owner = import_module(f"{owner.__name__}.{name}") if is_room else getattr(owner, name)
    inspect.getattr_static(owner, attribute)  # a line that was renamed is noticed at once
    return owner, attribute


def _exchange(owner: object, attribute: str, old: object, new: object) -> None:
    if isinstance(owner, type):
        setattr(owner, attribute, new)
        return
    for module in modules_that_may_know():
        known = getattr(module, "__dict__", {})
        if id(old) in map(id, known.values()):  # few do, and this is quickly seen
            for name in [name for name, value in known.items() if value is old]:
                setattr(module, name, new)


def modules_that_may_know() -> list[ModuleType]:
    """All loaded modules but the variants' own, Python's, and installed libraries (thirty thousand names)."""
    new = sys.modules.keys() - LOOKED_AT
    LOOKED_AT.update(new)
    MAY_KNOW.update(path for path in new if may_know(path))
    return [sys.modules[path] for path in MAY_KNOW if path in sys.modules]


def may_know(path: str) -> bool:
    top = path.partition(".")[0]
    if top in (PACKAGE, "__main__"):
        return not path.startswith(HERE)
    file = getattr(sys.modules[path], "__file__", None) or ""
    return top not in STANDARD and not file.startswith(LIBRARIES)
