"""Real proteins as tensors: the backbone atoms N, Cα, C and O of one chain, read from a PDB or mmCIF file.

Coordinates are in ångström, as in the files; only :meth:`Protein.rigids` changes to the nanometres of the models.
An atom that the file does not have is masked and its coordinates are zero: nothing is ever invented.
"""

from __future__ import annotations

import operator
import os
from itertools import groupby, pairwise
from pathlib import Path

import gemmi
import torch
from torch import Tensor

from ..torsion import atom14_names
from .dataset import backbones
from .dssp import PEPTIDE_BOND
from .library import as_pdb_id, bundled_names, find_bundled, read_entry
from .parsing import parse_structure
from .protein import ATOMS, Protein

__all__ = ["AMINO_ACIDS", "ATOMS", "Protein", "backbones", "load_atom14", "load_protein"]

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
CA_DISTANCE = 4.5  # Å: Cα atoms of bonded residues are nearer
# Names that simulation programs give to protonation states and disulfides; the Protein Data Bank does not know them.
FORCE_FIELD_NAMES = dict(
    HID="H", HIE="H", HIP="H", HSD="H", HSE="H", HSP="H", CYX="C", CYM="C", ASH="D", GLH="E", LYN="K"
)


def load_protein(source: str | os.PathLike, chain: str | None = None, model: int = 0) -> Protein:
    """Load the backbone of one protein chain.

    Args:
        source: a bundled protein by name or PDB id (``"ubiquitin"``, ``"1ubi"``, ``"protein G"``; case, spaces, hyphens
            and underscores do not matter), a path to a PDB or mmCIF file, gzipped or not (recognised by content), or
            any PDB id, which is downloaded and cached when there is a network.
        chain: the author's name of the chain; None takes the first one that is a protein.
        model: which model of the file, counted from 0.

    Returns:
        A :class:`Protein`. Waters, ligands and caps (ACE, NH2) are left out. Of alternate locations, each residue keeps
        the one conformer with the highest occupancy in the backbone, then in all atoms; the first if several have.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: unknown name, entry, chain or model; a file without protein, or a damaged one.
        FileNotFoundError: no such file.
        ConnectionError: a PDB id that is not bundled, and no network.
    """
    return _assemble(*_find_chain(source, chain, model))


def load_atom14(source: str | os.PathLike, chain: str | None = None, model: int = 0) -> tuple[Tensor, Tensor]:
    """All heavy atoms of the chain that :func:`load_protein` loads, residue for residue and conformer for conformer.

    Arguments and errors are those of :func:`load_protein`.

    Returns:
        Coordinates ``(L, 14, 3)``, float32, Å, zero where the file lacks an atom, and a boolean mask ``(L, 14)``. The
        places are those of :func:`~ipa_tutorial.torsion.atom14_names`; an atom without a place there, such as the
        second oxygen at the end of the chain, or selenium in a methionine, is left out.
    """
    name, chain, residues = _find_chain(source, chain, model)
    rows = []
    for residue_name, atoms in map(_best_conformer, residues):
        row = [atoms.get(name) for name in atom14_names(_letter(residue_name))]
        rows.append(row + [None] * (14 - len(row)))
    return _coordinates(rows, residues, f"chain {chain!r} of {name}")


# --- from a name to a structure ---------------------------------------------------------------------------------------


def _open(source: str | os.PathLike) -> tuple[str, gemmi.Structure]:
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"source must be a name, a PDB id or a path (str or os.PathLike), got {type(source).__name__}")
    text = os.fsdecode(source)
    is_name = isinstance(source, str) and not any(mark in text for mark in (".", "/", os.sep))
    if isinstance(source, str) and (bundled := find_bundled(source)):
        title, path = bundled
        return title, parse_structure(path.read_bytes(), str(path))
    file = os.path.expanduser(text)
    if os.path.isfile(file):
        title = Path(file[:-3] if file.lower().endswith(".gz") else file).stem
        return title, parse_structure(Path(file).read_bytes(), text)
    if is_name and (pdb_id := as_pdb_id(text)):
        return pdb_id, read_entry(pdb_id, parse_structure)
    if os.path.isdir(file):
        raise ValueError(f"{text} is a folder, not a PDB or mmCIF file")
    if not is_name:
        raise FileNotFoundError(f"no such file: {text}")
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    raise ValueError(
        f"unknown protein {shown!r}: neither a bundled one, nor a file, nor a PDB id of four characters. "
        f"Bundled proteins: {bundled_names()}"
    )


def _find_chain(source, chain: str | None, model: int) -> tuple[str, str, list[list[gemmi.Residue]]]:
    """The protein's name, the chain's name and its residues."""
    if chain is not None and not isinstance(chain, str):
        raise TypeError(f"chain must be a string or None, got {type(chain).__name__}")
    name, structure = _open(source)
    chains = _protein_chains(_pick_model(structure, model, name), name)
    chain = next(iter(chains)) if chain is None else chain
    if chain not in chains:
        choice = ", ".join(f"{other!r} ({len(residues)} residues)" for other, residues in chains.items())
        raise ValueError(f"{name} has no protein chain {chain!r}. Its protein chains: {choice}")
    return name, chain, chains[chain]


# --- from a structure to a chain --------------------------------------------------------------------------------------


def _pick_model(structure: gemmi.Structure, model: int, name: str) -> gemmi.Model:
    try:
        index = -1 if isinstance(model, bool) else operator.index(model)
    except TypeError:
        raise TypeError(f"model must be an integer, got {type(model).__name__}") from None
    if not 0 <= index < len(structure):
        raise ValueError(f"{name} has no model {model}: it has {len(structure)} model(s), counted from 0")
    return structure[index]


def _protein_chains(model: gemmi.Model, name: str) -> dict[str, list[list[gemmi.Residue]]]:
    """Chain name → residues, each a list of the residues that share its place (one, but for microheterogeneity)."""
    chains = {}
    for chain in model:
        if residues := _chain_residues(chain):
            chains[chain.name] = [list(place) for _, place in groupby(residues, key=lambda residue: str(residue.seqid))]
    if not chains:
        found = sorted({residue.name for chain in model for residue in chain})
        raise ValueError(f"no protein in {name}: it holds {', '.join(found[:8])}{', …' if len(found) > 8 else ''}")
    return chains


def _chain_residues(chain: gemmi.Chain) -> list[gemmi.Residue]:
    """The amino acids of the chain, without those that float beside it.

    A residue of the chain and a free amino acid bound as a ligand look alike. Unless the file itself says that it
    belongs to the polymer, such a residue at an end of the chain counts only if it is bonded.
    """
    residues = [residue for residue in chain if _is_amino_acid(residue)]
    bonds = [False, *(_are_neighbours(a, b) for a, b in pairwise(residues)), False]
    sure = _said_to_be_polymer(residues)
    inside = [i for i in range(len(residues)) if sure[i] or bonds[i] or bonds[i + 1]]
    return residues[inside[0] : inside[-1] + 1] if inside else []


def _said_to_be_polymer(residues: list[gemmi.Residue]) -> list[bool]:
    """Whether the file says so: by its entity, or before TER; else by ATOM, unless the chain had come to its end."""
    Polymer = gemmi.EntityType.Polymer
    others_are = any(residue.entity_type == Polymer for residue in residues)
    said, ended = [], False
    for residue in residues:
        written_as_atom = residue.het_flag == "A" and not others_are and not ended
        said.append(residue.entity_type == Polymer or written_as_atom)
        ended = ended or any(atom.name == "OXT" for atom in residue)  # the second oxygen of the last residue
    return said


def _is_amino_acid(residue: gemmi.Residue) -> bool:
    """Known as one, or built like one: N, Cα and C in a row. A calcium ion or a lipid may have a "CA" too."""
    if gemmi.find_tabulated_residue(residue.name).is_amino_acid():
        return True
    n, ca, c = ([atom.pos for atom in residue if atom.name == name] for name in ATOMS[:3])
    return any(p.dist(q) < 2 for p in ca for q in n) and any(p.dist(q) < 2 for p in ca for q in c)


def _are_neighbours(a: gemmi.Residue, b: gemmi.Residue) -> bool:
    """Cα atoms of bonded residues are 3.8 Å apart (2.9 Å across a cis peptide bond)."""
    ca_a, ca_b = ([atom.pos for atom in residue if atom.name == "CA"] for residue in (a, b))
    return any(p.dist(q) < CA_DISTANCE for p in ca_a for q in ca_b)


def _assemble(name: str, chain: str, residues: list[list[gemmi.Residue]]) -> Protein:
    where = f"chain {chain!r} of {name}"
    conformers = [_best_conformer(place) for place in residues]
    coordinates, atom_mask = _coordinates(
        [[atoms.get(atom) for atom in ATOMS] for _, atoms in conformers], residues, where
    )
    seqids = [place[0].seqid for place in residues]
    return Protein(
        name=name,
        chain=chain,
        sequence="".join(_letter(residue_name) for residue_name, _ in conformers),
        residue_index=_residue_index(seqids, _bonded_to_the_next(coordinates, atom_mask), where),
        residue_labels=tuple(str(seqid) for seqid in seqids),
        coordinates=coordinates,  # (L, 4, 3)
        atom_mask=atom_mask,  # (L, 4)
    )


def _coordinates(
    rows: list[list[gemmi.Atom | None]], residues: list[list[gemmi.Residue]], where: str
) -> tuple[Tensor, Tensor]:
    """``(L, A, 3)`` float32, zero where there is no atom, and the mask ``(L, A)``."""
    places = [[atom.pos.tolist() if atom else [0.0, 0.0, 0.0] for atom in row] for row in rows]
    there = [[atom is not None for atom in row] for row in rows]
    coordinates = torch.tensor(places, dtype=torch.float64).float()
    for place, finite in zip(residues, coordinates.isfinite().flatten(1).all(-1).tolist(), strict=True):
        if not finite:
            raise ValueError(f"residue {place[0].seqid} of {where} has coordinates that are not numbers")
    return coordinates, torch.tensor(there)


def _best_conformer(place: list[gemmi.Residue]) -> tuple[str, dict[str, gemmi.Atom]]:
    """The residue name and the atoms, by name, of the conformer whose backbone has the highest occupancy.

    Of several with the same backbone, the one with the highest occupancy in the side chain.
    """
    marks = [(atom.name, atom.altloc) for residue in place for atom in residue if atom.name in ATOMS]
    if len(set(marks)) < len(marks):
        raise ValueError(
            f"residue {place[0]} has an atom twice that is not marked as an alternate: "
            "two residues share a number, or two models have no MODEL records between them"
        )
    return max(((residue.name, _conformer(residue)) for residue in place), key=lambda found: _occupancy(found[1]))


def _conformer(residue: gemmi.Residue) -> dict[str, gemmi.Atom]:
    """Atoms by name. Letters that mark one atom are alternatives, of which one is kept for the whole residue.

    Letters that never meet, A and B on N and CA, C and D on C and O, are chosen apart; what has no letter is shared.
    """
    groups: list[set[str]] = []
    for name in dict.fromkeys(atom.name for atom in residue):
        letters = {atom.altloc for atom in residue if atom.name == name}
        meeting = [group for group in groups if group & letters]
        groups = [group for group in groups if group not in meeting] + [letters.union(*meeting)]
    by_letter: dict[str, dict[str, gemmi.Atom]] = {}
    for atom in residue:
        by_letter.setdefault(atom.altloc, {})[atom.name] = atom
    shared = by_letter.get("\0", {})
    atoms = dict(shared)
    for group in groups:
        choices = (own for letter, own in by_letter.items() if letter in group)
        atoms |= max(choices, key=lambda own: _occupancy(shared | own))
    return atoms


def _occupancy(atoms: dict[str, gemmi.Atom]) -> tuple[float, int, float]:
    """By what a conformer is chosen: its backbone's occupancy, then its backbone atoms, then its whole occupancy."""
    backbone = [atoms[name].occ for name in ATOMS if name in atoms]
    return sum(backbone), len(backbone), sum(atom.occ for atom in atoms.values())


def _bonded_to_the_next(coordinates: Tensor, atom_mask: Tensor) -> list[bool]:
    """For each residue but the last: by C and the next N, or, where one is missing, by both Cα. ``(L, 4, 3)``, Å."""
    n, ca, c, _ = coordinates.unbind(1)  # (L, 3)
    has_n, has_ca, has_c, _ = atom_mask.unbind(1)  # (L,)
    by_bond = has_c[:-1] & has_n[1:]  # (L − 1,)
    bond, step = (c[:-1] - n[1:]).norm(dim=-1), (ca[:-1] - ca[1:]).norm(dim=-1)
    bonded = (bond > 0.5) & (bond < PEPTIDE_BOND)  # atoms on top of each other are no bond
    near = has_ca[:-1] & has_ca[1:] & (step > 0.5) & (step < CA_DISTANCE)
    return torch.where(by_bond, bonded, near).tolist()


def _residue_index(seqids: list[gemmi.SeqId], bonded: list[bool], where: str) -> Tensor:
    """The rule of :attr:`Protein.residue_index`."""
    if any(seqid.num is None for seqid in seqids):
        raise ValueError(f"{where} has residues without a number")
    labels = list(map(str, seqids))
    if repeated := [label for label in labels if labels.count(label) > 1]:
        raise ValueError(f"{where} uses residue numbers more than once, such as {repeated[0]}")
    index = [seqids[0].num]
    for (before, here), is_bonded in zip(pairwise(seqids), bonded, strict=True):
        step = here.num - before.num
        missing = step if step > 0 else 1 if step == 0 else 2
        index.append(index[-1] + (1 if is_bonded else missing))
    return torch.tensor(index)


def _letter(residue_name: str) -> str:
    """One letter of 20, or X. The table gives a modified residue the letter of its parent, in lower case."""
    residue = gemmi.find_tabulated_residue(residue_name)
    letter = residue.one_letter_code.upper() if residue.is_amino_acid() else FORCE_FIELD_NAMES.get(residue_name, "X")
    letter = {"U": "C", "O": "K"}.get(letter, letter)  # selenocysteine, pyrrolysine
    return letter if letter in AMINO_ACIDS else "X"
