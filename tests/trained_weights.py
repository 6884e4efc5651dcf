"""A pytest plugin for ``make test``: without the trained weights, lesson 18 is skipped, and says why.

On a machine for continuous integration (CI is set) nothing is skipped: there the weights must be.
"""

import os

import pytest
import quick_start  # noqa: F401


def missing() -> str:
    """Why there are no weights; "" if there are, or if they must be."""
    from ipa_tutorial import igfold  # and with it PyTorch: not in the process that only hands out the work

    try:
        igfold.find_weights()
    except FileNotFoundError as error:
        return "" if os.environ.get("CI") else str(error)
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if reason := missing():
        for item in items:
            if item.path.suffix == ".ipynb" and item.path.name.startswith("18_"):
                item.add_marker(pytest.mark.skip(reason=reason))
