"""Helices and strands read off the backbone by its hydrogen bonds: a short form of DSSP.

Pictures need to know where to draw a helix and where an arrow. The rules are those of Kabsch and Sander (1983): an
electrostatic energy decides which N–H is bonded to which C=O; two turns i+4 → i in a row begin an α-helix, and pairs
of bonds between distant stretches are the bridges of a β-sheet. Turns, 3₁₀- and π-helices and lone bridges stay coil.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

BOND_ENERGY = -0.5  # kcal/mol: anything below is a hydrogen bond
COULOMB = 27.9  # kcal/mol Å: 332 times the partial charges 0.42 and 0.20 of C=O and N–H
PEPTIDE_BOND = 2.5  # Å: a C and the next N further apart than this are not bonded


def secondary_structure(protein) -> str:
    """One letter for each residue: ``H`` α-helix, ``E`` β-strand, ``-`` anything else.

    Args:
        protein: a ``Protein``, or a tensor of backbone atoms N, CA, C, O ``(L, 4, 3)`` in Å.
            Residues with a missing (or, in a tensor, not finite) atom are coil. A bare tensor does not say which
            residues are proline, the one without an N–H; that rarely changes a letter.

    Raises:
        ValueError: coordinates that are not ``(L, 4, 3)``.
    """
    atoms = torch.as_tensor(getattr(protein, "coordinates", protein)).detach().cpu().double()
    if atoms.ndim != 3 or atoms.shape[1:] != (4, 3):
        raise ValueError(f"coordinates must have shape (L, 4, 3) for N, CA, C, O, got {tuple(atoms.shape)}")
    atom_mask = getattr(protein, "atom_mask", None)  # (L, 4)
    complete = atoms.isfinite().all(-1).all(-1) if atom_mask is None else atom_mask.cpu().all(-1)  # (L,)
    sequence = getattr(protein, "sequence", "X" * len(atoms))
    proline = torch.tensor([letter == "P" for letter in sequence], dtype=torch.bool)  # (L,)

    bonds = hydrogen_bonds(atoms, complete, proline)
    helix, strand = _helices(bonds), _strands(bonds)
    letters = "".join("H" if h else "E" if e else "-" for h, e in zip(helix, strand, strict=True))
    letters = re.sub("(?<=E)-(?=E)", "E", letters)  # a bulge does not end a strand
    letters = re.sub("(?<!E)E(?!E)", "-", letters)
    return "".join(letter if whole else "-" for letter, whole in zip(letters, complete, strict=True))


def hydrogen_bonds(atoms: Tensor, complete: Tensor, proline: Tensor) -> Tensor:
    """Boolean ``(L, L)``: entry (i, j) is True where the N–H of residue i is bonded to the C=O of residue j.

    ``atoms`` is ``(L, 4, 3)`` in Å (N, CA, C, O), ``complete`` and ``proline`` are ``(L,)`` bool.
    """
    n, _, c, _ = atoms.unbind(1)  # (L, 3)
    bonded = (n - c.roll(1, 0)).norm(dim=-1) < PEPTIDE_BOND  # the last comes before the first only in a closed ring
    donor = complete & complete.roll(1) & bonded & ~proline  # (L,)
    bonds = bond_energies(atoms) < BOND_ENERGY
    neighbours = torch.ones_like(bonds).triu(-1).tril(1)
    return bonds & donor[:, None] & complete[None, :] & ~neighbours


def bond_energies(atoms: Tensor) -> Tensor:
    """How strongly the N–H of residue i is drawn to the C=O of residue j, kcal/mol, negative = drawn.

    ``(*, L, 4, 3)`` in Å (N, CA, C, O) → ``(*, L, L)``. The first row means nothing: its hydrogen is put as if the last
    residue came before the first.
    """
    n, _, c, o = atoms.unbind(-2)  # four times (*, L, 3)
    # The hydrogen lies in the peptide plane, opposite to the C=O before it, 1 Å from N.
    h = n + torch.nn.functional.normalize((c - o).roll(1, -2), dim=-1)  # (*, L, 3)

    def inverse_distance(x: Tensor, y: Tensor) -> Tensor:
        return 1 / (x[..., :, None, :] - y[..., None, :, :]).norm(dim=-1).clamp(min=0.5)  # (*, L, L)

    attraction = inverse_distance(n, c) + inverse_distance(h, o)
    repulsion = inverse_distance(n, o) + inverse_distance(h, c)
    return COULOMB * (repulsion - attraction)


def _helices(bonds: Tensor) -> list[bool]:
    """Residues i … i+3 are helix where turns begin at i−1 and at i; a turn begins at i if N–H of i+4 binds C=O of i."""
    helix = [False] * len(bonds)
    turns = bonds.diagonal(-4).tolist()
    for i in range(1, len(turns)):
        if turns[i - 1] and turns[i]:
            helix[i : i + 4] = [True] * 4
    return helix


def _strands(bonds: Tensor) -> list[bool]:
    """Residues with a partner in a bridge: two bonds around the pair, in one of the patterns of a β-sheet."""
    L = len(bonds)
    padded = torch.nn.functional.pad(bonds, (1, 1, 1, 1))

    def bond(di: int, dj: int) -> Tensor:
        """Entry (i, j) is ``bonds[i + di, j + dj]``."""
        return padded[1 + di : 1 + di + L, 1 + dj : 1 + dj + L]

    parallel = bond(1, 0) & bond(0, -1).mT  # N–H of i+1 to C=O of j, and N–H of j to C=O of i−1
    antiparallel = (bond(0, 0) & bond(0, 0).mT) | (bond(1, -1) & bond(1, -1).mT)  # (L, L)
    bridges = parallel | parallel.mT | antiparallel
    near = torch.ones_like(bridges).triu(-2).tril(2)
    return (bridges & ~near).any(-1).tolist()
