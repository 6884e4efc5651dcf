"""Structures into files: a chain, a dream or a trajectory as PDB or mmCIF, for PyMOL and every other program."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import gemmi
import torch
from torch import Tensor

from ..rigid import Rigid
from .files import AMINO_ACIDS
from .ideal import backbone_atoms
from .protein import ATOMS, Protein

THREE_LETTERS = {letter: gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA) for letter in AMINO_ACIDS}
ENDINGS = (".pdb", ".cif", ".pdb.gz", ".cif.gz")

Structure = Protein | Tensor | Rigid


def save_protein(
    path: str | os.PathLike,
    structure: Structure | Sequence[Structure],
    sequence: str | None = None,
    chain: str | None = None,
) -> None:
    """Write one chain, or a list of its poses as the models of one file. :func:`load_protein` reads it back.

    Args:
        path: ends in .pdb or .cif, or in .pdb.gz or .cif.gz. A file that is already there is replaced.
        structure: a :class:`Protein`, with its numbers, letters and chain; or backbone atoms N, CA, C, O
            ``(L, 4, 3)`` in Å; or frames, a :class:`Rigid` of shape ``(L,)`` in nm, which get ideal atoms (see
            :func:`backbone_atoms`); or a list of any of these, of one length: a trajectory. An atom that a Protein
            lacks, or that is not finite in a tensor, is left out, and so is a residue without any atom.
        sequence: one-letter codes. None: a Protein's own; for atoms and frames glycine throughout, which has hardly
            more than its backbone. A letter that is not one of the 20 amino acids is written as UNK.
        chain: the name of the chain. None: a Protein's own; A for atoms and frames. A PDB file has room for two
            characters.

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came. Nothing is written then.
    """
    path = Path(os.fsdecode(path) if isinstance(path, str | os.PathLike) else _no_path(path))
    ending = next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), None)
    if ending is None:
        raise ValueError(f"path must end in {', '.join(ENDINGS)}, got {path.name!r}")
    poses = list(structure) if isinstance(structure, list | tuple) else [structure]
    if not poses:
        raise ValueError("structure must be at least one pose, got an empty list")
    models = [_as_protein(pose, sequence, chain) for pose in poses]
    if lengths := {len(model) for model in models} - {len(models[0])}:
        raise ValueError(f"structure must be poses of one chain, got {len(models[0])} residues and {lengths.pop()}")
    text = _text(models, pdb=ending.startswith(".pdb"))
    data = text.encode()
    path.write_bytes(gzip.compress(data) if ending.endswith(".gz") else data)


# --- from what one has to a Protein -----------------------------------------------------------------------------------


def _as_protein(pose: Structure, sequence: str | None, chain: str | None) -> Protein:
    for name, text in (("sequence", sequence), ("chain", chain)):
        if text is not None and not isinstance(text, str):
            raise TypeError(f"{name} must be a string or None, got {type(text).__name__}")
    if isinstance(pose, Protein):
        protein = pose
    elif isinstance(pose, Rigid):
        if pose.translations.ndim != 2:
            raise ValueError(f"structure must be frames of shape (L,), got {tuple(pose.shape)}")
        protein = _from_atoms(backbone_atoms(pose))
    elif isinstance(pose, Tensor):
        protein = _from_atoms(pose)
    else:
        kinds = "a Protein, a tensor (L, 4, 3), a Rigid, or a list of these"
        raise TypeError(f"structure must be {kinds}, got {type(pose).__name__}")
    if len(protein) == 0:
        raise ValueError("structure must have at least one residue, got none")
    if sequence is not None and len(sequence) != len(protein):
        raise ValueError(f"sequence must have a letter for each of {len(protein)} residues, got {len(sequence)}")
    return replace(
        protein,
        sequence=protein.sequence if sequence is None else sequence,
        chain=protein.chain if chain is None else chain,
    )


def _from_atoms(atoms: Tensor) -> Protein:
    if atoms.ndim != 3 or atoms.shape[1:] != (4, 3):
        raise ValueError(f"structure must be atoms N, CA, C, O of shape (L, 4, 3), got {tuple(atoms.shape)}")
    atoms, length = atoms.detach().cpu().double(), len(atoms)
    return Protein(
        name="model",
        chain="A",
        sequence="G" * length,
        residue_index=torch.arange(1, length + 1),
        residue_labels=tuple(str(number) for number in range(1, length + 1)),
        coordinates=atoms,
        atom_mask=atoms.isfinite().all(-1),
    )


# --- from a Protein to a file -----------------------------------------------------------------------------------------


def _text(models: list[Protein], pdb: bool) -> str:
    structure = gemmi.Structure()
    structure.name = models[0].name
    for number, protein in enumerate(models, 1):
        model = gemmi.Model(number)
        model.add_chain(_gemmi_chain(protein, pdb))
        structure.add_model(model)
    structure.setup_entities()
    structure.assign_serial_numbers()
    if pdb:
        return structure.make_pdb_string(gemmi.PdbWriteOptions(minimal=True, cryst1_record=False, end_record=True))
    return structure.make_mmcif_document().as_string()


def _gemmi_chain(protein: Protein, pdb: bool) -> gemmi.Chain:
    if len(protein.chain) > 2 if pdb else not protein.chain.strip():
        wanted = "of at most two characters in a PDB file: write .cif" if pdb else "that is not blank in an mmCIF file"
        raise ValueError(f"chain must be a name {wanted}, got {protein.chain!r}")
    chain = gemmi.Chain(protein.chain)
    names = [THREE_LETTERS.get(letter, "UNK") for letter in protein.sequence]
    places, masks = protein.coordinates.double().tolist(), protein.atom_mask.tolist()
    for label, name, atoms, mask in zip(protein.residue_labels, names, places, masks, strict=True):
        residue = gemmi.Residue()
        residue.name, residue.seqid, residue.het_flag = name, _number(label), "A"
        residue.entity_type = gemmi.EntityType.Polymer
        for atom_name, place in ((a, p) for a, p, there in zip(ATOMS, atoms, mask, strict=True) if there):
            residue.add_atom(_gemmi_atom(atom_name, place, pdb))
        chain.add_residue(residue)
    if not any(len(residue) for residue in chain):
        raise ValueError("structure must have at least one atom, got none that is finite and there")
    return chain


def _number(label: str) -> gemmi.SeqId:
    """A residue number, with its insertion code if it has one: "52A"."""
    number, code = (label, " ") if label[-1:].isdigit() else (label[:-1], label[-1:])
    try:
        return gemmi.SeqId(int(number), code)
    except ValueError:
        raise ValueError(f"structure has a residue labelled {label!r}, expected a number such as 52 or 52A") from None


def _gemmi_atom(name: str, place: list[float], pdb: bool) -> gemmi.Atom:
    if pdb and not all(-999.9995 < x < 9999.9995 for x in place):
        raise ValueError(f"structure has {name} at {place}, which a PDB file has no room for: centre it, or write .cif")
    atom = gemmi.Atom()
    atom.name, atom.element, atom.pos = name, gemmi.Element(name[0]), gemmi.Position(*place)
    return atom


def _no_path(path: object) -> str:
    raise TypeError(f"path must be a str or os.PathLike, got {type(path).__name__}")
