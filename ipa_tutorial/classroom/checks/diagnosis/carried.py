"""Algorithm 24: of which frames, and in which order, is one of a residue's eight groups composed?"""

from __future__ import annotations

import itertools

from ....rigid import Rigid
from .evidence import Evidence, alike

GROUPS = ("backbone", "pre-ω", "φ", "ψ", "χ1", "χ2", "χ3", "χ4")
CARRIERS = ("the backbone frame",) * 5 + ("χ1", "χ2", "χ3")


def made_of(e: Evidence, g: int, right: Rigid) -> str | None:
    """Of which frames, and in which order, a group is composed."""
    backbone, default, turns = e.arguments
    mine = {part.name: part.got.select(-3 if part.name == "rotations" else -2, g) for part in e.parts}
    ideal, turn = ("its ideal frame", default[..., g]), ("its turn", turns[..., g])
    unplaced, back = ("its ideal frame inverted", ideal[1].inverse()), ("its turn, backwards", turn[1].inverse())
    carriers = [("the backbone frame", backbone), *((name, right[..., k]) for k, name in enumerate(GROUPS[:g]) if k)]
    carriers += [(f"{GROUPS[k]} without its turn", right[..., k] @ turns[..., k].inverse()) for k in range(1, g)]
    if g:
        carriers.append(("group 0, which has an ideal frame and a turn as well,", right[..., 0]))
    ways = [(ideal, turn), (turn, ideal), (ideal,), (turn,), (), (ideal, back), (unplaced, turn), (turn, unplaced)]
    for (name, carrier), links in itertools.product([*carriers, ("no carrier", backbone.inverse() @ backbone)], ways):
        T = carrier
        for _, link in links:
            T = T @ link
        if all(alike(x, getattr(T, part).double(), e.wrong.close) for part, x in mine.items()):
            wanted = f"{CARRIERS[g]}, its ideal frame, its turn"
            return f"yours is made of {', '.join([name, *(text for text, _ in links)])}, where it should be {wanted}"
    return None
