"""One protein chain as tensors, wherever it came from.

Coordinates are in ångström, as in the files; only :meth:`Protein.rigids` changes to the nanometres of the models.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..inputs import has_float64, to_double
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
        residue_index: ``(L,)`` int64, rising along the chain. It starts with the author's first number. A residue that
            is bonded to the one before (C–N below 2.5 Å; by Cα where one of these is missing) is one more, whatever
            the labels say; else it is as many more as the author's numbers rise: one for an insertion code (52, 52A, 53
            → 52, 53, 54), and two, so that the gap shows, where they fall.
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
        """``(L,)`` bool: the residue has a frame: N, CA and C are there, and not on one spot or line."""
        return self.atom_mask[:, :3].all(-1) & span_a_plane(self.coordinates)

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
        missing = len(self) - int(self.mask.sum()) if len(self) else 0
        note = f", {missing} without a complete backbone" if missing else ""
        return f"Protein({self.name!r}, chain {self.chain!r}, {len(self)} residues, {span}, {letters}{note})"


def span_a_plane(coordinates: Tensor) -> Tensor:
    """Whether N, CA and C ``(*, 4, 3)``, Å, span a plane, without which there is no frame → ``(*)`` bool.

    Real ones make a parallelogram of 2 Å². Programs write zeros for atoms that they do not know.
    """
    n, ca, c = coordinates[..., :3, :].unbind(-2)  # 3 times (*, 3)
    return torch.linalg.cross(c - ca, n - ca).norm(dim=-1) > 0.1


def backbone_frames(coordinates: Tensor, mask: Tensor) -> Rigid:
    """Algorithm 21 on atoms N, CA, C, O ``(*, L, 4, 3)``, Å → frames ``(*, L)``, nm, float64.

    The identity where masked, or where the atoms span no plane. On a device without float64, such as Apple's GPU, the
    result comes back in float32.
    """
    device = coordinates.device
    coordinates = to_double(coordinates)
    mask = mask.to(coordinates.device) & span_a_plane(coordinates)
    n, ca, c = coordinates[..., :3, :].unbind(-2)  # 3 times (*, L, 3)
    frames = rigid_from_3_points(n, ca, c)
    nothing = Rigid.identity(mask.shape, dtype=torch.float64, device=mask.device)
    real = mask[..., None]  # (*, L, 1)
    rotations = torch.where(real[..., None], frames.rotations, nothing.rotations)  # (*, L, 3, 3)
    translations = torch.where(real, frames.translations / NM_TO_ANGSTROM, nothing.translations)  # (*, L, 3)
    result = Rigid(rotations, translations)
    return result if has_float64(device) else result.to(torch.float32).to(device)
