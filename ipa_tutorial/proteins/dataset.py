"""A thousand real backbones, split into training and test, and how to cut and stack them for a network.

proteins = backbones("train")  # 900 chains of 40 to 128 residues; backbones("test") are the other 100
pieces = [crop(protein, 64, generator) for protein in proteins[:8]]
frames = batch(pieces).rigids  # (8, 64), nanometres
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ..rigid import Rigid
from ..torsion import RESIDUE_TYPES, sequence_to_types
from .protein import Protein, backbone_frames

FILE = Path(__file__).parent.parent / "data" / "backbones" / "backbones_1000.npz"
SPLITS = ("train", "test")
TEST_EVERY = 10  # chain i is a test chain where i % 10 == 0


@dataclass(frozen=True, eq=False, repr=False)
class Backbone(Protein):
    """A :class:`Protein` of the thousand: every atom is there, and the secondary structure is known.

    Attributes:
        secondary_structure: L letters of DSSP: H α-helix, G 3₁₀-helix, I π-helix, E strand, B lone bridge, T turn,
            S bend, C none of them.
    """

    secondary_structure: str


@dataclass(frozen=True, eq=False)
class Batch:
    """B chains side by side, padded at their ends to the length L of the longest.

    Attributes:
        rigids: frames ``(B, L)``, nm; the identity where there is no frame.
        mask: ``(B, L)`` bool, True = a real residue with a complete frame.
        lengths: ``(B,)`` int64.
        residue_types: ``(B, L)`` int64 in AlphaFold's order; padding is X.
        residue_index: ``(B, L)`` int64; padding is 0.
    """

    rigids: Rigid
    mask: Tensor
    lengths: Tensor
    residue_types: Tensor
    residue_index: Tensor

    def __len__(self) -> int:
        return len(self.lengths)


def backbones(split: str) -> list[Backbone]:
    """The 900 training chains or the 100 test chains, in a fixed order.

    Chain i of the file is a test chain where i % 10 == 0. No chain, and no sequence, is in both. Chains hold 40 to 128
    residues, numbered from 1, without a gap; the mean of their Cα atoms is at the origin. Read on the first call, which
    takes a fraction of a second; later calls hand out the same tensors, which are not to be written into.

    Args:
        split: ``"train"`` or ``"test"``.

    Raises:
        TypeError: split is not a string.
        ValueError: there is no such split.
    """
    if not isinstance(split, str):
        raise TypeError(f"split must be a string, 'train' or 'test', got {type(split).__name__}")
    if split not in SPLITS:
        raise ValueError(f"split must be 'train' or 'test', got {split!r}; there is no other split")
    return [chain for i, chain in enumerate(_read()) if (i % TEST_EVERY == 0) == (split == "test")]


def crop(protein: Protein, length: int, generator: torch.Generator | None = None) -> Protein:
    """A piece of ``length`` neighbouring residues, its start drawn at random; a shorter chain is returned whole.

    What is known of a residue, its number included, goes with it.
    """
    if not isinstance(protein, Protein):
        raise TypeError(f"protein must be a Protein, got {type(protein).__name__}")
    length = _whole_number("length", length)
    spare = len(protein) - length
    if spare <= 0:
        return protein
    start = int(torch.randint(spare + 1, (), generator=generator))
    here = slice(start, start + length)
    parts = ["sequence", "residue_index", "residue_labels", "coordinates", "atom_mask"]
    parts += ["secondary_structure"] if isinstance(protein, Backbone) else []
    return replace(protein, **{name: getattr(protein, name)[here] for name in parts})


def batch(proteins: Sequence[Protein], dtype: torch.dtype = torch.float32) -> Batch:
    """Stack chains of any lengths into one :class:`Batch`, padding the shorter ones.

    Raises:
        TypeError: something that is not a list or tuple of :class:`Protein`.
        ValueError: no chain at all.
    """
    if not isinstance(proteins, list | tuple) or not all(isinstance(protein, Protein) for protein in proteins):
        found = type(proteins).__name__
        if isinstance(proteins, list | tuple):
            found += " with " + next(type(item).__name__ for item in proteins if not isinstance(item, Protein))
        raise TypeError(f"proteins must be a list of Protein, got {found}")
    if not proteins:
        raise ValueError("proteins must hold at least one chain, got none")

    def stack(rows: list[Tensor], padding: int = 0) -> Tensor:
        return pad_sequence(rows, batch_first=True, padding_value=padding)

    coordinates = stack([protein.coordinates for protein in proteins])  # (B, L, 4, 3) Å
    mask = stack([protein.mask for protein in proteins])  # (B, L)
    types = [sequence_to_types(protein.sequence) for protein in proteins]
    return Batch(
        rigids=backbone_frames(coordinates, mask).to(dtype),
        mask=mask,
        lengths=torch.tensor([len(protein) for protein in proteins]),
        residue_types=stack(types, RESIDUE_TYPES.index("X")),
        residue_index=stack([protein.residue_index for protein in proteins]),
    )


@cache
def _read() -> tuple[Backbone, ...]:
    with np.load(FILE, allow_pickle=False) as file:
        data = dict(file)
    coordinates = torch.from_numpy(data["xyz_centi_angstrom"]).float() / 100  # (all residues, 4, 3) Å
    sequence, structure = str(data["seq"]), str(data["ss"])
    ends = data["offsets"].tolist()
    return tuple(
        _chain(str(name), sequence[here], structure[here], coordinates[here])
        for name, here in zip(data["ids"], map(slice, ends, ends[1:]), strict=True)
    )


def _chain(name: str, sequence: str, structure: str, coordinates: Tensor) -> Backbone:
    entry, chain = name.split("_")
    number = torch.arange(1, len(sequence) + 1)
    return Backbone(
        name=entry.lower(),
        chain=chain,
        sequence=sequence,
        residue_index=number,
        residue_labels=tuple(map(str, number.tolist())),
        coordinates=coordinates,  # (L, 4, 3)
        atom_mask=torch.ones(len(sequence), 4, dtype=torch.bool),
        secondary_structure=structure,
    )


def _whole_number(name: str, value: int) -> int:
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {type(value).__name__}") from None
    if number < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return number
