"""Flow matching on frames, lesson 17: new backbones out of noise.

    rotations.py    rotations as arrows: exponential, logarithm, the straight way between two
    flow.py         the way from noise to a protein, the walk along it
    losses.py       what the network is taught by
    model.py        the network, and the one that comes trained
    training.py     the training loop
    relaxation.py   a last touch to a dream, and the same done wrongly
    measures.py     what a backbone looks like in numbers
    controls.py     real chains, spoiled on purpose: can a measure be trusted?
    judge.py        a judge from outside, ProteinMPNN
    report.py       a hundred dreams, measured beside real chains

``python -m ipa_tutorial.dreams train`` and ``python -m ipa_tutorial.dreams measure`` make what the lesson ships.
"""

from ..proteins import backbone_atoms
from .controls import shaken
from .flow import aligned, centred, dream, interpolate, noise, renewed, step_towards
from .losses import all_losses, flow_loss
from .measures import measure
from .model import FlowModel, load_flow_model, neighbour_poses, pair_poses
from .relaxation import relaxed, relaxed_for_the_score
from .report import TABLE, read_csv, summary
from .rotations import geodesic, rotation_exp, rotation_log
from .training import FlowTrainer

__all__ = [
    "TABLE",
    "FlowModel",
    "FlowTrainer",
    "aligned",
    "all_losses",
    "backbone_atoms",
    "centred",
    "dream",
    "flow_loss",
    "geodesic",
    "interpolate",
    "load_flow_model",
    "measure",
    "neighbour_poses",
    "noise",
    "pair_poses",
    "read_csv",
    "relaxed",
    "relaxed_for_the_score",
    "renewed",
    "rotation_exp",
    "rotation_log",
    "shaken",
    "step_towards",
    "summary",
]
