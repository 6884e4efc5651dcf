"""Experiments on real chains, lesson 14: who is it that does the work?

denoising.py    a task that needs geometry: shake every frame of a backbone, and find back where it was
rivals.py       plain attention, told where everything is in another way: global coordinates, or invariant pairs
ablations.py    the denoiser with one thing taken away, and the list of all networks that are compared
invariance.py   ``python -m ipa_tutorial.studies.invariance``: trains and tests them all
relatives.py    ``python -m ipa_tutorial.studies.relatives``: how near the test chains are to the training chains
folds.py        ``python -m ipa_tutorial.studies.folds``: the experiment once more, without those relatives
"""

from .ablations import ARMS, WithoutDistances, WithoutPointOutputs, WithoutScalars
from .denoising import Denoiser, denoising_errors, places, shake, train_denoiser

__all__ = [
    "ARMS",
    "Denoiser",
    "WithoutDistances",
    "WithoutPointOutputs",
    "WithoutScalars",
    "denoising_errors",
    "places",
    "shake",
    "train_denoiser",
]
