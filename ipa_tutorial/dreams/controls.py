"""Can a measure be trusted? It is applied to chains whose order is known: real ones, and real ones spoiled in steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..proteins.dataset import batch
from ..proteins.ideal import atoms_of
from ..proteins.protein import Protein
from ..rigid import NM_TO_ANGSTROM, Rigid
from .relaxation import relaxed, relaxed_for_the_score


def shaken(atoms: Tensor, by: float, seed: int = 0) -> Tensor:
    """Atoms ``(L, 4, 3)``, Å, each moved by Gaussian noise of the deviation ``by`` along each axis."""
    return atoms + by * torch.randn(atoms.shape, generator=torch.Generator().manual_seed(seed))


def control_chains(proteins: Sequence[Protein], progress: bool = True) -> dict[str, list[Tensor]]:
    """Real chains, untouched and spoiled: by source the atoms ``(L, 4, 3)``, Å, in the order of ``proteins``."""
    real = [protein.coordinates for protein in proteins]
    frames = batch(list(proteins))
    sources = {"test": real}
    for name, relax in (("test, relaxed", relaxed), ("test, relaxed for the score", relaxed_for_the_score)):
        sources[name] = atoms_of(relax(frames.rigids, frames.mask, progress=progress), frames.mask)
    sources["test + 0.3 Å"] = [shaken(atoms, 0.3, seed) for seed, atoms in enumerate(real)]
    sources["test + 1 Å"] = [shaken(atoms, 1.0, seed) for seed, atoms in enumerate(real)]
    sources["test, mirrored"] = [atoms * atoms.new_tensor([-1, 1, 1]) for atoms in real]
    return sources


def moved(before: Rigid, after: Rigid, mask: Tensor) -> float:
    """How far a Cα moved, Å, root mean square over the real residues of ``(*, L)``."""
    away = (after.translations - before.translations)[mask] * NM_TO_ANGSTROM  # (real, 3)
    return away.square().sum(-1).mean().sqrt().item()
