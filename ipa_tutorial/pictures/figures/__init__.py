"""Figures whose recipes teach nothing: a lesson shows them in one line and keeps to its ideas.

    verdicts.py                     which test catches which mistake, for all lessons
    start.py, frames.py             lessons 00 and 01
    invariance.py, scalars.py       lessons 02 and 03
    points.py, distances.py         lessons 04 and 05
    weights.py, home.py             lessons 06 and 07
    module.py, proof.py             lessons 08 and 09
    structure.py, folding.py        lessons 10 and 11, 12 and 13
    experiment.py, practice.py      lesson 14, lessons 15 and 16
    dreams.py, trained.py           lessons 17 and 18

A function takes what its lesson has computed, and returns a figure for ``show``. At most two panels stand in a row, so
that the words can be read on a telephone.
"""

from .verdicts import verdict_table

__all__ = ["verdict_table"]
