"""Where does each number go? A row of labelled numbers is sent through an answer that only moves numbers about."""

from __future__ import annotations

import torch

from .diagnosis import Hypothesis
from .evidence import Evidence, as_tensor, labelled

L = 3  # residues


def on_a_labelled_row(of_head: int, heads: int, **rest: int) -> Hypothesis:
    """A hypothesis: the first number that arrives in a wrong place, if number n of residue i is called 100 i + n.

    Args:
        of_head: how many numbers a head has in the row.
        heads, rest: the arguments of the learner's function behind the row.
    """
    row = 100.0 * torch.arange(L)[:, None].double() + torch.arange(of_head * heads)

    def hypothesis(e: Evidence) -> str | None:
        arguments = (row, heads, *rest.values())
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
                return (
                    f"send a row through it whose number n of residue i is 100 i + n ({row.shape[-1]} numbers, {heads} \
heads): at index {place}{name} {int(expected[place])} should arrive, and yours has {int(mine[place])}"
                )
        return None

    return hypothesis
