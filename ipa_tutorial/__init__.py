"""Invariant Point Attention (AlphaFold 2, Algorithm 22): built line by line, proven, matched to DeepMind's numbers."""

from .attention import InvariantPointAttention, Parts
from .blocks import BackboneUpdate, IPABlock, IPATransformer
from .fast import FastInvariantPointAttention
from .losses import fape, kabsch_rmsd, lddt
from .proteins import Protein, load_protein
from .rigid import Rigid, random_rigid, rigid_from_3_points
from .structure_module import Structure, StructureModule
from .testing import assert_equivariant, assert_invariant

__version__ = "0.1.0"

__all__ = [
    "BackboneUpdate",
    "FastInvariantPointAttention",
    "IPABlock",
    "IPATransformer",
    "InvariantPointAttention",
    "Parts",
    "Protein",
    "Rigid",
    "Structure",
    "StructureModule",
    "assert_equivariant",
    "assert_invariant",
    "fape",
    "kabsch_rmsd",
    "lddt",
    "load_protein",
    "random_rigid",
    "rigid_from_3_points",
]
