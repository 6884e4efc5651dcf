"""What can be drawn, brought into one form: NumPy arrays in Å, NaN where an atom is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..proteins.dssp import secondary_structure
from ..rigid import Rigid


@dataclass(frozen=True)
class Chain:
    """One chain of L residues: ``atoms`` N, CA, C, O ``(L, 4, 3)`` in Å, and what is written beside them.

    ``is_trace``: there is nothing but Cα atoms, so that no ribbon can be drawn. ``joined`` ``(L − 1,)``: which
    neighbours are drawn as bonded; None leaves it to their distance.
    """

    name: str
    sequence: str
    numbers: tuple[int, ...]
    atoms: NDArray
    structure: str
    is_trace: bool
    joined: NDArray | None = None

    @property
    def ca(self) -> NDArray:
        """Cα atoms ``(L, 3)``."""
        return self.atoms[:, 1]

    @property
    def side(self) -> NDArray:
        """The C=O bonds ``(L, 3)``, along which a ribbon is wide."""
        return self.atoms[:, 3] - self.atoms[:, 2]


def as_chain(protein) -> Chain:
    """A ``Protein``, atoms ``(L, 4, 3)`` or positions ``(L, 3)`` in Å, or a ``Rigid`` in nm.

    A chain is returned as it is.

    Raises:
        ValueError: another shape, no residue, or no Cα atom at all.
    """
    if isinstance(protein, Chain):
        return protein
    if hasattr(protein, "coordinates"):
        atoms = np.where(as_numpy(protein.atom_mask)[..., None] > 0, as_numpy(protein.coordinates), np.nan)
        name, sequence, numbers = protein.name, protein.sequence, tuple(protein.residue_index.tolist())
        structure, is_trace = secondary_structure(protein), False
    else:
        points = as_points(protein)
        is_trace = points.ndim != 3 or isinstance(protein, Rigid)
        if points.ndim != (2 if is_trace else 3) or (not is_trace and points.shape[1] != 4) or not len(points):
            raise ValueError(
                "protein must be a Protein, atoms (L, 4, 3), positions (L, 3) or a Rigid of shape (L,) with L >= 1, "
                f"got positions of shape {points.shape}"
            )
        L = len(points)
        atoms = np.full((L, 4, 3), np.nan)
        atoms[:, slice(1, 2) if is_trace else slice(0, 4)] = points[:, None] if is_trace else points
        name, sequence, numbers = "a chain", "X" * L, tuple(range(1, L + 1))
        structure = "-" * L if is_trace else secondary_structure(torch.from_numpy(atoms))
    if not np.isfinite(atoms[:, 1]).any():
        raise ValueError("protein has no Cα atom: there is nothing to look at")
    return Chain(name, sequence, numbers, atoms, structure, is_trace)


def as_points(what: Tensor | Rigid) -> NDArray:
    """Positions ``(…, 3)`` in Å: a tensor as it is, the origins of frames × 10."""
    points = 10 * as_numpy(what.translations) if isinstance(what, Rigid) else as_numpy(what)
    if points.ndim == 0 or points.shape[-1] != 3:
        raise ValueError(f"positions must have shape (…, 3), got {points.shape}")
    return points


def as_numpy(x) -> NDArray:
    """A tensor, with or without gradient and wherever it lives, as float64."""
    return torch.as_tensor(x).detach().cpu().double().numpy()
