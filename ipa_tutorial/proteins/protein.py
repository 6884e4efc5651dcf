"""One protein chain as tensors, wherever it came from.

Coordinates are in ångström, as in the files; only :meth:`Protein.rigids` changes to the nanometres of the models.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..rigid import NM_TO_ANGSTROM, Rigid, rigid_from_3_points

ATOMS = ("N", "CA", "C", "O")


@dataclass(frozen=True, eq=False, repr=False)
class Protein:
    """One protein chain of L residues.

    Attributes:
        name: what it was loaded as: a usual name, a PDB id, or the stem of a file's name.
        chain: the author's chain name.
        sequence: L one-letter codes, 20 amino acids and X. Modified residues count as their parent (selenomethionine
            M, selenocysteine C), D-amino acids as their mirror image, unknown and ambiguous ones as X.
        residue_index: ``(L,)`` int64, the author's residue numbers, moved up by one for each inserted residue before
            or at this place (52, 52A, 53 → 52, 53, 54): each residue has its own number and gaps stay visible.
        residue_labels: L strings, the author's numbers with their insertion codes, such as ``"52A"``.
        coordinates: ``(L, 4, 3)`` float32, Å, atoms N, CA, C, O; zero where an atom is missing.
        atom_mask: ``(L, 4)`` bool, True where the file has the atom.
    """

    name: str
    chain: str
    sequence: str
    residue_index: Tensor
    residue_labels: tuple[str, ...]
    coordinates: Tensor
    atom_mask: Tensor

    @property
    def mask(self) -> Tensor:
        """``(L,)`` bool: N, CA and C are all there, so that the residue has a frame."""
        return self.atom_mask[:, :3].all(-1)

    @property
    def ca(self) -> Tensor:
        """``(L, 3)``: the Cα atoms, Å."""
        return self.coordinates[:, 1]

    def rigids(self, dtype: torch.dtype = torch.float32) -> Rigid:
        """One frame for each residue (Algorithm 21), shape ``(L,)``, translations in nanometres.

        Algorithm 21 is applied in ångström, for which its epsilon is meant, and in double precision; only then are the
        translations scaled. A masked residue (see :attr:`mask`) gets the identity.
        """
        return backbone_frames(self.coordinates, self.mask).to(dtype)

    def __len__(self) -> int:
        return len(self.sequence)

    def __repr__(self) -> str:
        span = f"{self.residue_labels[0]}–{self.residue_labels[-1]}" if len(self) else "none"
        letters = self.sequence if len(self) <= 20 else f"{self.sequence[:10]}…{self.sequence[-5:]}"
        missing = len(self) - int(self.mask.sum())
        note = f", {missing} without a complete backbone" if missing else ""
        return f"Protein({self.name!r}, chain {self.chain!r}, {len(self)} residues, {span}, {letters}{note})"


def backbone_frames(coordinates: Tensor, mask: Tensor) -> Rigid:
    """Algorithm 21 on atoms N, CA, C, O ``(*, L, 4, 3)``, Å → frames ``(*, L)``, nm, float64; identity where masked."""
    n, ca, c = coordinates[..., :3, :].double().unbind(-2)  # 3 times (*, L, 3)
    frames = rigid_from_3_points(n, ca, c)
    nothing = Rigid.identity(mask.shape, dtype=torch.float64)
    real = mask[..., None]  # (*, L, 1)
    rotations = torch.where(real[..., None], frames.rotations, nothing.rotations)  # (*, L, 3, 3)
    translations = torch.where(real, frames.translations / NM_TO_ANGSTROM, nothing.translations)  # (*, L, 3)
    return Rigid(rotations, translations)
