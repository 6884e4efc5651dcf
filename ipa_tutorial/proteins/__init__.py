"""Real proteins: read from files, bundled, and a thousand backbones to learn from. Ångström, as in the files.

protein.py               ``Protein``: one chain as tensors, and its frames
files.py                 ``load_protein``, ``load_atom14``: PDB and mmCIF
parsing.py               from the bytes of a file to gemmi's structure
library.py               the bundled structures, and the download of others
dataset.py             900 training chains and 100 test chains, cropped and stacked
dssp.py   helices and strands by their hydrogen bonds
"""

from .dataset import Backbone, Batch, backbones, batch, crop
from .dssp import bond_energies, hydrogen_bonds, secondary_structure
from .files import load_atom14, load_protein
from .library import BUNDLED, find_bundled
from .protein import ATOMS, Protein, backbone_frames

__all__ = [
    "ATOMS",
    "BUNDLED",
    "Backbone",
    "Batch",
    "Protein",
    "backbone_frames",
    "backbones",
    "batch",
    "bond_energies",
    "crop",
    "find_bundled",
    "hydrogen_bonds",
    "load_atom14",
    "load_protein",
    "secondary_structure",
]
