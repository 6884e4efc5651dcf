"""Experiments on real chains, lesson 14: who is it that does the work?

denoising.py    a task that needs geometry: shake every frame of a backbone, and find back where it was
ablations.py    the denoiser with one thing taken away, and the denoiser that knows no frames
invariance.py   ``python -m ipa_tutorial.studies.invariance``: trains and tests them all
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
