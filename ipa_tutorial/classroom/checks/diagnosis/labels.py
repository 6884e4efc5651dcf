"""Where does each number go? Labelled numbers are sent through an answer that only moves numbers about."""

from __future__ import annotations

import torch
from torch import Tensor

from .evidence import Evidence, as_tensor, labelled
from .unnamed import Hypothesis


def where_labels_arrive(arguments: tuple, legend: str) -> Hypothesis:
    """A hypothesis: the first number that arrives in a wrong place.

    Args:
        arguments: of the learner's function, the first with labels for numbers.
        legend: how they are labelled, to be read after "send … through it".
    """

    def hypothesis(e: Evidence) -> str | None:
        try:
            got, right = labelled(e.answer(*arguments)), e.right(arguments)
        except Exception:
            return None
        for (_, mine), expected, part in zip(got, right, e.parts, strict=False):
            mine = as_tensor(mine)
            if mine is None or mine.shape != expected.shape:
                return None
            if (wrong := (mine != expected).nonzero()).numel():
                place = tuple(wrong[0].tolist())
                name = f" of the {part.name}" if part.name else ""
                arrived = f"{int(expected[place])} should arrive, and yours has {int(mine[place])}"
                return f"send {legend} through it: at index {place}{name} {arrived}"
        return None

    return hypothesis


def labelled_row(length: int) -> Tensor:
    """Three residues; number n of residue i is 100 i + n."""
    return 100.0 * torch.arange(3)[:, None].double() + torch.arange(length)
