"""What holds for every test: one thread, no window, and hypothesis examples that are the same at each run."""

import os

import quick_start  # noqa: F401
from hypothesis import HealthCheck, settings

os.environ.setdefault("MPLBACKEND", "Agg")

settings.register_profile("here", deadline=None, max_examples=30, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "here"))


def pytest_collection_modifyitems():
    import torch  # not in the process that only hands out the work

    torch.set_num_threads(1)
