"""Flow matching on frames, lesson 17: new backbones out of noise.

    rotations.py    rotations as arrows: exponential, logarithm, the straight way between two
    flow.py         the way from noise to a protein, the losses that teach it, the walk along it
    model.py        the network, and the one that comes trained
    training.py     the training loop
    relaxation.py   a last touch to a dream
    measures.py     what a backbone looks like in numbers
    report.py       a hundred dreams, measured beside real chains

``python -m ipa_tutorial.dreams train`` and ``python -m ipa_tutorial.dreams measure`` make what the lesson ships.
"""

from .flow import aligned, centred, dream, flow_loss, interpolate, noise, step_towards
from .measures import backbone_atoms, measure
from .model import FlowModel, load_flow_model, neighbour_poses, pair_poses
from .relaxation import relaxed
from .report import TABLE, read_csv, summary
from .rotations import geodesic, rotation_exp, rotation_log
from .training import FlowTrainer

__all__ = [
    "TABLE",
    "FlowModel",
    "FlowTrainer",
    "aligned",
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
    "rotation_exp",
    "rotation_log",
    "step_towards",
    "summary",
]
