"""How good is a set of tests? Plant every bug and see which of them are noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO

from .registry import BUGS, find_bug, planted

Test = Callable[[], object]


@dataclass(frozen=True)
class Hunt:
    """What :func:`hunt` brought home. Print it."""

    found: dict[str, list[str]]  # bug: the tests that noticed it
    missed: list[str]
    alarms: dict[str, list[str]]  # harmless bug: the tests that complain nevertheless

    def __str__(self) -> str:
        lines = [f"{len(self.found)} of {len(self.found) + len(self.missed)} bugs found"]
        lines += [f"  ✓ {name}: {', '.join(tests)}" for name, tests in self.found.items()]
        lines += [f"  ✗ {name} ({BUGS[name].where}): {BUGS[name].wrong}" for name in self.missed]
        lines += [f"  ! {name} is harmless, but noticed by {', '.join(tests)}" for name, tests in self.alarms.items()]
        return "\n".join(lines)


def hunt(tests: Iterable[Test], names: Iterable[str] | None = None) -> Hunt:
    """Run tests against planted bugs: a test has found a bug if it passes without it and raises with it.

    Args:
        tests: functions without arguments that raise (an AssertionError, say) when something is wrong. They must call
            the package at the time of the test; what they have built before is sound.
        names: of the bugs; None: all.

    Raises:
        ValueError: a test fails on the sound package, so that its word is worth nothing; or a name is unknown.
    """
    tests = list(tests)
    chosen = [find_bug(name) for name in (BUGS if names is None else names)]
    unsound = complaints(tests)
    if unsound:
        raise ValueError(f"these tests fail even without a bug: {', '.join(unsound)}")
    noticed = {}
    for bug in chosen:
        with planted(bug.name):
            noticed[bug.name] = complaints(tests)
    harmless = {bug.name for bug in chosen if bug.harmless}
    found = {name: by for name, by in noticed.items() if by and name not in harmless}
    missed = [name for name, by in noticed.items() if not by and name not in harmless]
    return Hunt(found, missed, {name: by for name, by in noticed.items() if by and name in harmless})


def complaints(tests: Iterable[Test]) -> list[str]:
    """The names of the tests that raise."""
    names = []
    for test in tests:
        try:
            with redirect_stdout(StringIO()):
                test()
        except KeyboardInterrupt:
            raise
        except BaseException:  # pytest's own "did not raise" is no Exception
            names.append(getattr(test, "__name__", repr(test)))
    return names
