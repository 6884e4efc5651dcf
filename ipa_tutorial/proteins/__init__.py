"""Real proteins: from files and into files, bundled, and a thousand backbones to learn from. Ångström, as in files.

protein.py               ``Protein``: one chain as tensors, and its frames
files.py                 ``load_protein``, ``load_atom14``: PDB and mmCIF
parsing.py               from the bytes of a file to gemmi's structure
library.py               the bundled structures, and the download of others
ideal.py                 ``backbone_atoms``: the atoms that a frame carries
writing.py               ``save_protein``: PDB and mmCIF for other programs
dataset.py               900 training chains and 100 test chains, cropped and stacked
dssp.py                  helices and strands by their hydrogen bonds
"""

from .dataset import Backbone, Batch, backbones, batch, crop
from .dssp import bond_energies, hydrogen_bonds, secondary_structure
from .files import load_atom14, load_protein
from .ideal import backbone_atoms
from .library import BUNDLED, find_bundled
from .protein import ATOMS, Protein, backbone_frames
from .writing import save_protein

__all__ = [
    "ATOMS",
    "BUNDLED",
    "Backbone",
    "Batch",
    "Protein",
    "backbone_atoms",
    "backbone_frames",
    "backbones",
    "batch",
    "bond_energies",
    "crop",
    "find_bundled",
    "hydrogen_bonds",
    "load_atom14",
    "load_protein",
    "save_protein",
    "secondary_structure",
]
