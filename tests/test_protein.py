"""load_protein: the bundled structures, every difficulty of PDB and mmCIF files, downloads, and each error message."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import math
import os
import re
import string
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.message import Message
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import HTTPError, URLError

import gemmi
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ipa_tutorial import Protein, load_protein, rigid_from_3_points
from ipa_tutorial.proteins import library
from ipa_tutorial.proteins.files import load_atom14

BACKBONE = ("N", "CA", "C", "O")
ONE_LETTERS = "ARNDCQEGHILKMFPSTWYV"
THREE_LETTERS = dict(
    zip(map(gemmi.expand_one_letter, ONE_LETTERS, 20 * [gemmi.ResidueKind.AA]), ONE_LETTERS, strict=True)
)


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """No test touches the network or the user's cache."""
    monkeypatch.setenv("IPA_TUTORIAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(library, "urlopen", lambda *args, **kwargs: pytest.fail("a test touched the network"))


@contextmanager
def refuses(kind: type[Exception], *words: str):
    """The error is exactly of this kind, says these words, and drags no other traceback along."""
    with pytest.raises(kind) as caught:
        yield
    error = caught.value
    assert type(error) is kind
    for word in words:
        assert word in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


# --- a small writer of structure files, so that each difficulty can be made to order ----------------------------------


@dataclass(frozen=True)
class Atom:
    name: str
    residue: str
    chain: str
    number: int
    xyz: tuple[float, float, float]
    icode: str = " "
    altloc: str = " "
    occupancy: float = 1.0
    record: str = "ATOM"
    element: str = ""

    def pdb(self, serial: int) -> str:
        name = self.name if self.element and len(self.element) == 2 else f" {self.name}"
        x, y, z = self.xyz
        return (
            f"{self.record:<6}{serial:5d} {name:<4}{self.altloc}{self.residue:>3} {self.chain:1}{self.number:4d}"
            f"{self.icode}   {x:8.3f}{y:8.3f}{z:8.3f}{self.occupancy:6.2f}{0:6.2f}          "
            f"{self.element or self.name[0]:>2}"
        )

    def cif(self, serial: int) -> str:
        altloc, icode = self.altloc.replace(" ", "."), self.icode.replace(" ", "?")
        x, y, z = self.xyz
        return (
            f"{self.record} {serial} {self.element or self.name[0]} {self.name} {altloc} {self.residue} {self.chain} "
            f"{self.chain} {self.number} {icode} {x:.3f} {y:.3f} {z:.3f} {self.occupancy:.2f} 0.00"
        )


CIF_HEAD = """data_test
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_alt_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.auth_asym_id
_atom_site.auth_seq_id
_atom_site.pdbx_PDB_ins_code
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.occupancy
_atom_site.B_iso_or_equiv
"""

_places = itertools.count()


def residue(name, number, chain="A", atoms=BACKBONE, **more) -> list[Atom]:
    """Atoms at places that no other residue shares, so that a mix-up shows; Cα of neighbours are some 3.8 Å apart."""
    y = (next(_places) % 2000) / 1000
    return [
        Atom(a, name, chain, number, (3.8 * (number % 2000), y + i, 1.5 * (i % 2) - 40), **more)
        for i, a in enumerate(atoms)
    ]


def to_pdb(atoms: list[Atom]) -> str:
    return "".join(f"{atom.pdb(serial)}\n" for serial, atom in enumerate(atoms, 1))


def to_cif(atoms: list[Atom]) -> str:
    return CIF_HEAD + "".join(f"{atom.cif(serial)}\n" for serial, atom in enumerate(atoms, 1))


@pytest.fixture(params=["pdb", "cif"])
def save(request, tmp_path):
    """Write atoms as a file of either format."""

    def write(*residues: list[Atom]) -> Path:
        path = tmp_path / f"test.{request.param}"
        path.write_text({"pdb": to_pdb, "cif": to_cif}[request.param](list(itertools.chain(*residues))))
        return path

    return write


def assert_coordinates(protein: Protein, *residues: list[Atom]):
    """Each residue has exactly these backbone atoms; the others are masked and zero."""
    assert len(protein) == len(residues)
    expected = torch.zeros(len(residues), 4, 3)
    mask = torch.zeros(len(residues), 4, dtype=torch.bool)
    for i, atoms in enumerate(residues):
        for atom in atoms:
            if atom.name in BACKBONE:
                expected[i, BACKBONE.index(atom.name)] = torch.tensor(atom.xyz)
                mask[i, BACKBONE.index(atom.name)] = True
    assert torch.equal(protein.atom_mask, mask)
    torch.testing.assert_close(protein.coordinates, expected, atol=5.1e-4, rtol=0)
    assert (protein.coordinates[~mask] == 0).all()


# --- the bundled structures -------------------------------------------------------------------------------------------

ALL = sorted(library.BUNDLED)
NAMES = [(name, pdb_id) for pdb_id, names in library.BUNDLED.items() for name in names]
LENGTHS = {
    **{"1ubi": 76, "3nir": 46, "3fil": 56, "1hz6": 67, "1qys": 92, "4npd": 58, "1vii": 36, "5pti": 58},
    **{"2vb1": 129, "1a6m": 151, "1r69": 63, "1ctf": 68, "5nw3": 54, "6etl": 124},
}


@pytest.mark.parametrize(
    "name",
    [
        "ubiquitin",
        "crambin",
        "GB1",
        "protein_G",
        "protein-L",
        "Top7",
        "proteinA",
        "villin",
        "BPTI",
        "lysozyme",
        "myoglobin",
    ],
)
def test_the_names_people_use(name):
    assert isinstance(load_protein(name), Protein)


def test_more_names_people_use():
    assert load_protein("434 repressor").name == load_protein("434-Repressor").name == "434 repressor"
    assert load_protein("L7/L12").sequence == load_protein("l7l12").sequence == load_protein("1CTF").sequence
    assert load_protein("rnase a").sequence == load_protein("Ribonuclease A").sequence == load_protein("6etl").sequence


@given(data=st.data())
def test_case_spaces_hyphens_and_underscores_do_not_matter(data):
    name, pdb_id = data.draw(st.sampled_from(NAMES + [(pdb_id, pdb_id) for pdb_id in ALL]))
    letters = [data.draw(st.sampled_from([c.upper(), c.lower()])) for c in name if c not in " -_"]
    glue = data.draw(st.lists(st.sampled_from(["", " ", "-", "_"]), min_size=len(letters), max_size=len(letters)))
    spelt = "".join(itertools.chain(*zip(letters, glue, strict=True)))
    title, path = library.find_bundled(spelt)
    assert title == library.BUNDLED[pdb_id][0]
    assert path.name.startswith(f"{pdb_id}.")


def test_no_two_proteins_share_a_name():
    keys = [library._key(name) for name, _ in NAMES] + ALL
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("pdb_id", ALL)
def test_bundled(pdb_id):
    protein = load_protein(pdb_id)
    L = LENGTHS[pdb_id]
    assert protein.name == library.BUNDLED[pdb_id][0]
    assert protein.chain == "A"
    assert len(protein) == len(protein.sequence) == len(protein.residue_labels) == L
    assert set(protein.sequence) <= set("ACDEFGHIKLMNPQRSTVWY")
    assert protein.residue_index.shape == (L,)
    assert protein.residue_index.dtype == torch.int64
    assert [str(i) for i in protein.residue_index.tolist()] == list(protein.residue_labels)
    assert protein.coordinates.shape == (L, 4, 3)
    assert protein.coordinates.dtype == torch.float32
    assert protein.atom_mask.shape == (L, 4)
    assert protein.atom_mask.dtype == torch.bool
    assert protein.atom_mask.all()
    assert protein.mask.all()


@pytest.mark.parametrize("pdb_id", ALL)
def test_bundled_geometry(pdb_id):
    protein = load_protein(pdb_id)
    n, ca, c, o = protein.coordinates.unbind(1)
    consecutive = protein.residue_index.diff() == 1
    steps = (ca[1:] - ca[:-1]).norm(dim=-1)
    cis = steps < 3.4
    assert consecutive.any()
    torch.testing.assert_close(
        steps[consecutive & ~cis], torch.full_like(steps[consecutive & ~cis], 3.8), atol=0.17, rtol=0
    )
    # a cis peptide bond, which shortens the step to 2.9 Å, occurs before a proline
    assert all(protein.sequence[i + 1] == "P" and 2.8 < steps[i] < 3.1 for i in cis.nonzero()[:, 0].tolist())
    for a, b, length in ((n, ca, 1.46), (ca, c, 1.52), (c, o, 1.23), (c[:-1], n[1:], 1.33)):
        distances = (a - b).norm(dim=-1)
        torch.testing.assert_close(distances, torch.full_like(distances, length), atol=0.16, rtol=0)


def test_ubiquitin_equals_an_independent_reading():
    lines = (library.FOLDER / "1ubi.pdb").read_text().splitlines()
    rows = [line for line in lines if line.startswith("ATOM") and line[21] == "A"]
    atoms = {(int(r[22:26]), r[12:16].strip()): [float(r[30 + 8 * k : 38 + 8 * k]) for k in range(3)] for r in rows}
    letters = {int(r[22:26]): THREE_LETTERS[r[17:20]] for r in rows}
    protein = load_protein("ubiquitin")
    assert protein.residue_index.tolist() == sorted(letters) == list(range(1, 77))
    assert protein.sequence == "".join(letters[i] for i in sorted(letters))
    assert protein.sequence == "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG"
    expected = torch.tensor([[atoms[i, name] for name in BACKBONE] for i in sorted(letters)])
    assert torch.equal(protein.coordinates, expected)


def test_bpti_equals_an_independent_reading():
    text = gzip.decompress((library.FOLDER / "5pti.cif.gz").read_bytes()).decode()
    columns = re.findall(r"^_atom_site\.(\S+)", text, re.M)
    rows = [dict(zip(columns, line.split(), strict=True)) for line in text.splitlines() if line.startswith("ATOM ")]
    best = {}  # the alternate with the highest occupancy, the first of equals
    for row in rows:
        key = int(row["auth_seq_id"]), row["auth_atom_id"]
        if key not in best or float(row["occupancy"]) > float(best[key]["occupancy"]):
            best[key] = row
    protein = load_protein("bpti")
    assert protein.residue_index.tolist() == list(range(1, 59))
    assert protein.sequence == "".join(THREE_LETTERS[best[i, "CA"]["auth_comp_id"]] for i in range(1, 59))
    xyz = [[[float(best[i, a][f"Cartn_{k}"]) for k in "xyz"] for a in BACKBONE] for i in range(1, 59)]
    assert torch.equal(protein.coordinates, torch.tensor(xyz))


def test_every_bundled_file_is_listed_and_unchanged():
    sums = dict(line.split()[::-1] for line in (library.FOLDER / "SHA256SUMS").read_text().splitlines())
    files = {path.name for path in library.FOLDER.iterdir()} - {"README.md", "SHA256SUMS"}
    readme = (library.FOLDER / "README.md").read_text()
    assert set(sums) == files
    assert {name.split(".")[0] for name in files} == set(ALL)
    for name in files:
        assert hashlib.sha256((library.FOLDER / name).read_bytes()).hexdigest() == sums[name]
        assert f"`{name}`" in readme


# --- frames -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ubiquitin", "bpti", "crambin"])
def test_rigids_are_algorithm_21_in_angstrom_with_translations_in_nm(name):
    protein = load_protein(name)
    n, ca, c, _ = protein.coordinates.double().unbind(1)
    frames = protein.rigids(torch.float64)
    in_angstrom = rigid_from_3_points(n, ca, c)
    torch.testing.assert_close(frames.rotations, in_angstrom.rotations, atol=1e-12, rtol=0)
    torch.testing.assert_close(frames.translations, ca / 10, atol=1e-12, rtol=0)
    R = frames.rotations
    # Algorithm 21's epsilon, 1e-8, bends frames made in Å by some 1e-8 and frames made in nm by some 1e-6
    torch.testing.assert_close(R.mT @ R, torch.eye(3, dtype=R.dtype).expand_as(R), atol=1e-7, rtol=0)
    torch.testing.assert_close(torch.linalg.det(R), torch.ones_like(R[:, 0, 0]), atol=1e-7, rtol=0)
    local_c, local_n = frames.invert_apply(c / 10), frames.invert_apply(n / 10)
    assert (local_c[:, 0] > 0.14).all()  # C on the x axis, 0.152 nm away
    assert (local_c[:, 1:].abs() < 1e-8).all()
    assert (local_n[:, 1] > 0.1).all()  # N in the xy plane, y > 0
    assert (local_n[:, 2].abs() < 1e-8).all()


def test_rigids_dtype():
    protein = load_protein("crambin")
    assert protein.rigids().dtype == torch.float32
    double = protein.rigids(torch.float64)
    assert double.dtype == torch.float64
    torch.testing.assert_close(protein.rigids().rotations, double.rotations.float(), atol=0, rtol=0)
    assert protein.rigids().shape == (46,)


def test_an_incomplete_residue_gets_the_identity(save):
    path = save(
        residue("ALA", 1),
        residue("GLY", 2, atoms=("N", "CA", "O")),
        residue("SER", 3, atoms=("CA", "C", "O")),
        residue("VAL", 4, atoms=("N", "CA", "C")),  # O alone is not needed for a frame
    )
    protein = load_protein(path)
    assert protein.mask.tolist() == [True, False, False, True]
    frames = protein.rigids()
    for i in (1, 2):
        assert torch.equal(frames.rotations[i], torch.eye(3))
        assert torch.equal(frames.translations[i], torch.zeros(3))
    assert torch.equal(frames.translations[[0, 3]], protein.ca[[0, 3]] / 10)


# --- what a Protein looks like ----------------------------------------------------------------------------------------


def test_repr_and_friends(save):
    assert repr(load_protein("ubiquitin")) == "Protein('ubiquitin', chain 'A', 76 residues, 1–76, MQIFVKTLTG…RLRGG)"
    path = save(residue("ALA", 5), residue("GLY", 6, icode="B", atoms=("CA",)))
    protein = load_protein(path)
    assert repr(protein) == "Protein('test', chain 'A', 2 residues, 5–6B, AG, 1 without a complete backbone)"
    assert torch.equal(protein.ca, protein.coordinates[:, 1])
    with pytest.raises(AttributeError):
        protein.name = "other"
    nothing = replace(protein, sequence="", residue_labels=(), atom_mask=torch.zeros(0, 4, dtype=torch.bool))
    assert repr(nothing) == "Protein('test', chain 'A', 0 residues, none, )"


# --- files: formats, names, paths -------------------------------------------------------------------------------------

CHAIN = [*residue("ALA", 1), *residue("TRP", 2), *residue("GLY", 3)]


@pytest.mark.parametrize("ending", [".pdb", ".ent", ".PDB", ".ENT", ".cif", ".mmcif", ".CIF", ".txt", ""])
@pytest.mark.parametrize("gz", ["", ".gz", ".GZ"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_formats(tmp_path, ending, gz, newline):
    text = (to_cif if "cif" in ending.lower() else to_pdb)(CHAIN).replace("\n", newline)
    data = text.encode()
    path = tmp_path / f"my.model{ending}{gz}"
    path.write_bytes(gzip.compress(data, mtime=0) if gz else data)
    protein = load_protein(path)
    assert protein.sequence == "AWG"
    assert protein.name == ("my.model" if ending else "my")
    assert_coordinates(protein, CHAIN[:4], CHAIN[4:8], CHAIN[8:])


def test_the_content_tells_the_format_not_the_name(tmp_path):
    (tmp_path / "a.pdb").write_text("# a comment\n\n" + to_cif(CHAIN))
    (tmp_path / "c.pdb").write_text(to_cif(CHAIN).replace("data_test", "DATA_TEST"))
    assert load_protein(tmp_path / "c.pdb").sequence == "AWG"
    (tmp_path / "b.cif").write_bytes(gzip.compress(to_pdb(CHAIN).encode()))
    assert load_protein(tmp_path / "a.pdb").sequence == load_protein(tmp_path / "b.cif").sequence == "AWG"


def test_byte_order_mark_and_foreign_letters(tmp_path):
    (tmp_path / "a.pdb").write_bytes(b"\xef\xbb\xbf" + b"REMARK caf\xe9\n" + to_pdb(CHAIN).encode())
    (tmp_path / "a.cif").write_text(to_cif(CHAIN).replace("loop_", "_struct.title 'Pär’s β-sheet'\nloop_", 1), "utf-8")
    (tmp_path / "b.pdb").write_bytes(b"\xef\xbb\xbf" + to_pdb(CHAIN).encode())
    for name in ("a.pdb", "a.cif", "b.pdb"):
        assert_coordinates(load_protein(tmp_path / name), CHAIN[:4], CHAIN[4:8], CHAIN[8:])


def test_coordinates_only_and_no_last_newline(tmp_path):
    lines = [line[:54] for line in to_pdb(CHAIN).splitlines()]
    (tmp_path / "short.pdb").write_text("\n".join(lines) + "\n")
    (tmp_path / "open.pdb").write_text(to_pdb(CHAIN).rstrip("\n"))
    for name in ("short.pdb", "open.pdb"):
        assert_coordinates(load_protein(tmp_path / name), CHAIN[:4], CHAIN[4:8], CHAIN[8:])


def test_paths(tmp_path, monkeypatch):
    (tmp_path / "mine.pdb").write_text(to_pdb(CHAIN))
    (tmp_path / "mine").write_text(to_pdb(CHAIN))
    (tmp_path / "1abc").write_text(to_pdb(CHAIN))
    (tmp_path / "crambin").write_text(to_pdb(CHAIN))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = ["mine.pdb", "./mine.pdb", "mine", "1abc", "./crambin", "~/mine.pdb"]
    for source in [*names, Path("mine.pdb"), Path("crambin"), os.fsencode(tmp_path / "mine.pdb").decode()]:
        assert load_protein(source).sequence == "AWG"
    assert len(load_protein("crambin")) == 46  # a bundled name means the bundled protein


# --- models and chains ------------------------------------------------------------------------------------------------


def test_models(tmp_path):
    models = [[*residue("ALA", 1), *residue("GLY", 2)] for _ in range(3)]
    path = tmp_path / "nmr.pdb"
    path.write_text("".join(f"MODEL     {7 + k}\n{to_pdb(atoms)}ENDMDL\n" for k, atoms in enumerate(models)) + "END\n")
    for k, atoms in enumerate(models):
        assert_coordinates(load_protein(path, model=k), atoms[:4], atoms[4:])
    assert torch.equal(load_protein(path).coordinates, load_protein(path, model=0).coordinates)
    assert torch.equal(load_protein(path, model=torch.tensor(1)).coordinates, load_protein(path, model=1).coordinates)
    for wrong in (3, -1, True, 10**12):
        with refuses(ValueError, "nmr has no model", "it has 3 model(s), counted from 0"):
            load_protein(path, model=wrong)
    for wrong in ("0", 1.0, None):
        with refuses(TypeError, "model must be an integer", type(wrong).__name__):
            load_protein(path, model=wrong)


def test_villin_has_three_models():
    assert [len(load_protein("villin", model=k)) for k in range(3)] == [36] * 3
    with refuses(ValueError, "villin has no model 3: it has 3 model(s)"):
        load_protein("villin", model=3)


WATER = [Atom("O", "HOH", "W", 1, (1, 2, 3), record="HETATM")]
DNA = [
    Atom(name, base, "D", k, (k, 2 * i, 3), element=name[0])
    for k, base in enumerate(["DA", "DC", "DG", "DT"], 1)
    for i, name in enumerate(["P", "O5'", "C5'", "C4'", "O4'", "C3'", "O3'", "C2'", "C1'"])
]


def test_the_first_protein_chain_is_taken(save):
    b = [residue("SER", k, chain="b") for k in range(1, 4)]
    a = [residue("ALA", k, chain="A") for k in range(1, 6)]
    path = save(WATER, DNA, *b, *a)
    assert load_protein(path).chain == "b"
    assert_coordinates(load_protein(path), *b)
    assert_coordinates(load_protein(path, chain="A"), *a)
    assert load_protein(path, "A").sequence == "AAAAA"
    for wrong in ("B", "W", "D", "a", ""):
        with refuses(
            ValueError, f"test has no protein chain {wrong!r}", "Its protein chains: 'b' (3 residues), 'A' (5 residues)"
        ):
            load_protein(path, chain=wrong)
    for wrong in (0, b"A", ["A"]):
        with refuses(TypeError, "chain must be a string or None", type(wrong).__name__):
            load_protein(path, chain=wrong)


def test_long_and_blank_chain_names(tmp_path):
    long = [*residue("ALA", 1, chain="heavy"), *residue("GLY", 2, chain="heavy")]
    (tmp_path / "long.cif").write_text(to_cif(residue("SER", 1, chain="AA") + long))
    assert_coordinates(load_protein(tmp_path / "long.cif", chain="heavy"), long[:4], long[4:])
    blank = [*residue("ALA", 1, chain=" "), *residue("GLY", 2, chain=" ")]
    (tmp_path / "blank.pdb").write_text(to_pdb(blank))
    protein = load_protein(tmp_path / "blank.pdb")
    assert_coordinates(protein, blank[:4], blank[4:])
    assert_coordinates(load_protein(tmp_path / "blank.pdb", chain=protein.chain), blank[:4], blank[4:])


def test_a_chain_in_two_pieces(save):
    a = [residue("ALA", k) for k in range(1, 7)]
    b = [residue("GLY", k, chain="B") for k in range(1, 4)]
    assert_coordinates(load_protein(save(*a[:3], *b, *a[3:])), *a)


# --- what belongs to a chain ------------------------------------------------------------------------------------------


def test_waters_ligands_caps_and_free_amino_acids_are_left_out(tmp_path):
    chain = [residue("ALA", k) for k in range(1, 6)]
    ace = residue("ACE", 0, atoms=("C", "O", "CH3"), record="HETATM")
    nh2 = residue("NH2", 6, atoms=("N",), record="HETATM")
    free = residue("GLU", 201, record="HETATM")  # an amino acid that floats in the crystal, such as a bound ligand
    calcium = [Atom("CA", "CA", "A", 301, (9, 9, 9), record="HETATM", element="CA")]
    water = [replace(WATER[0], chain="A", number=401)]
    polymer = ace + list(itertools.chain(*chain)) + nh2
    after = free + calcium + water
    (tmp_path / "ter.pdb").write_text(to_pdb(polymer) + "TER\n" + to_pdb(after) + "END\n")
    (tmp_path / "no_ter.pdb").write_text(to_pdb(polymer + after))
    (tmp_path / "bare.cif").write_text(to_cif(polymer + after))
    structure = gemmi.read_pdb(str(tmp_path / "ter.pdb"))
    structure.setup_entities()
    structure.make_mmcif_document().write_file(str(tmp_path / "full.cif"))
    for name in ("ter.pdb", "no_ter.pdb", "bare.cif", "full.cif"):
        protein = load_protein(tmp_path / name)
        assert protein.sequence == "AAAAA", name
        assert protein.residue_index.tolist() == [1, 2, 3, 4, 5]
        assert_coordinates(protein, *chain)


def test_a_ligand_that_looks_like_an_amino_acid(save):
    """S-adenosyl methionine has N, CA, C and O of its own."""
    chain = [residue("ALA", k) for k in range(1, 6)]
    assert_coordinates(load_protein(save(*chain, residue("SAM", 300, record="HETATM"))), *chain)
    assert_coordinates(load_protein(save(residue("SAM", 300, record="HETATM"), *chain)), *chain)
    with refuses(ValueError, "no protein in test: it holds SAM"):
        load_protein(save(residue("SAM", 300, record="HETATM")))


def test_calcium_is_not_an_alpha_carbon(save):
    chain = [residue("ALA", k) for k in range(1, 4)]
    assert_coordinates(load_protein(save(*chain, [Atom("CA", "CA", "A", 9, (9, 9, 9), element="CA")])), *chain)


def test_a_modified_residue_between_two_gaps(save):
    chain = [residue("ALA", 1), residue("MSE", 5, record="HETATM"), residue("ALA", 9)]
    assert_coordinates(load_protein(save(*chain)), *chain)


def test_ter_inside_a_chain_ends_nothing(tmp_path):
    """Programs write TER at chain breaks; what follows is still the protein."""
    chain = [residue("ALA", k) for k in (1, 2, 3, 7, 8, 9)]
    text = to_pdb([*itertools.chain(*chain[:3])]) + "TER\n" + to_pdb([*itertools.chain(*chain[3:])])
    assert_coordinates(load_protein(_write(tmp_path / "a.pdb", text)), *chain)
    assert_coordinates(load_protein(_write(tmp_path / "a.pdb", text + "TER\nEND\n")), *chain)


def test_ter_tells_a_modified_end_from_a_ligand(tmp_path):
    chain = [*(residue("ALA", k) for k in (1, 2, 3)), residue("MSE", 9, record="HETATM")]
    text = to_pdb([*itertools.chain(*chain)])
    assert_coordinates(load_protein(_write(tmp_path / "a.pdb", text + "TER\n")), *chain)
    assert_coordinates(load_protein(_write(tmp_path / "a.pdb", text)), *chain[:3])


def test_a_water_before_the_protein_in_the_same_chain(save):
    chain = [residue("ALA", k) for k in range(2, 6)]
    assert_coordinates(load_protein(save([replace(WATER[0], chain="A")], *chain)), *chain)


def test_a_peptide_ligand_is_a_chain_of_its_own(save):
    chain = [residue("ALA", k) for k in range(1, 9)]
    peptide = [residue("GLY", k, chain="P") for k in range(1, 4)]
    path = save(*chain, *peptide)
    assert load_protein(path).sequence == "A" * 8
    assert_coordinates(load_protein(path, chain="P"), *peptide)


MODIFIED = {
    **{"MSE": "M", "SEP": "S", "TPO": "T", "PTR": "Y", "HYP": "P", "PCA": "E", "CSO": "C", "MLY": "K", "KCX": "K"},
    **{"SEC": "C", "PYL": "K", "ASX": "X", "GLX": "X", "UNK": "X", "ZZ9": "X", "DAL": "A", "DTR": "W"},
    **{"HSD": "H", "HIE": "H", "HID": "H", "CYX": "C", "ASH": "D", "LYN": "K"},
}


@pytest.mark.parametrize(("name", "letter"), MODIFIED.items())
@pytest.mark.parametrize("where", [0, 2, 5])
def test_modified_residues(save, name, letter, where):
    chain = [residue("GLY", k) for k in range(1, 7)]
    chain[where] = residue(name, where + 1, record="HETATM")
    protein = load_protein(save(*chain))
    assert protein.sequence == "G" * where + letter + "G" * (5 - where)
    assert_coordinates(protein, *chain)


@pytest.mark.parametrize("name", ["UNK", "DAL", "ZZ9"])
def test_a_chain_of_unusual_residues_only(save, name):
    chain = [residue(name, k) for k in range(1, 6)]
    assert_coordinates(load_protein(save(*chain)), *chain)
    chain = [residue(name, k, record="HETATM") for k in range(1, 6)]
    assert_coordinates(load_protein(save(*chain)), *chain)


@pytest.mark.parametrize(("three", "one"), THREE_LETTERS.items())
def test_letters(save, three, one):
    assert load_protein(save(residue(three, 1), residue("GLY", 2), residue(three, 3))).sequence == f"{one}G{one}"


def test_only_alpha_carbons(save):
    chain = [residue(name, k, atoms=("CA",)) for k, name in enumerate(["ALA", "TRP", "LYS", "VAL"], 1)]
    protein = load_protein(save(*chain))
    assert protein.sequence == "AWKV"
    assert_coordinates(protein, *chain)
    assert not protein.mask.any()
    assert torch.equal(protein.rigids().rotations, torch.eye(3).expand(4, 3, 3))


def test_side_chain_only_and_single_residue(save):
    chain = [residue("ALA", 1), residue("LYS", 2, atoms=("CB", "CG", "CD")), residue("ALA", 3)]
    assert_coordinates(load_protein(save(*chain)), *chain)
    alone = residue("TRP", 7)
    assert_coordinates(load_protein(save(alone)), alone)


# --- alternate locations ----------------------------------------------------------------------------------------------


def conformers(name, number, *occupancies, **more):
    return [
        residue(name, number, altloc=letter, occupancy=occupancy, **more)
        for letter, occupancy in zip(string.ascii_uppercase, occupancies, strict=False)
    ]


def interleave(*conformers):
    return list(itertools.chain(*zip(*conformers, strict=True)))


@pytest.mark.parametrize(
    ("occupancies", "best"), [((0.3, 0.7), 1), ((0.7, 0.3), 0), ((0.5, 0.5), 0), ((0.2, 0.4, 0.4), 1)]
)
def test_the_conformer_with_the_highest_occupancy(save, occupancies, best):
    first, last = residue("ALA", 1), residue("ALA", 3)
    both = conformers("LYS", 2, *occupancies)
    protein = load_protein(save(first, interleave(*both), last))
    assert protein.sequence == "AKA"
    assert_coordinates(protein, first, both[best], last)


def test_one_conformer_for_the_whole_residue(save):
    """Each atom alone would choose differently; the frame must not be glued together from two conformers."""
    a, b = conformers("LYS", 2, 0.5, 0.5)
    a = [replace(a[0], occupancy=0.6), a[1], *a[2:]]
    b = [replace(b[0], occupancy=0.4), replace(b[1], occupancy=0.55), *b[2:]]
    chain = [residue("ALA", 1), residue("ALA", 3)]
    assert_coordinates(load_protein(save(chain[0], interleave(a, b), chain[1])), chain[0], a, chain[1])


def test_atoms_without_alternates_are_shared(save):
    whole = residue("LYS", 2)
    a, b = conformers("LYS", 2, 0.4, 0.6)
    chosen = [whole[0], whole[1], b[2], b[3]]
    chain = [residue("ALA", 1), residue("ALA", 3)]
    path = save(chain[0], [whole[0], whole[1], a[2], b[2], a[3], b[3]], chain[1])
    assert_coordinates(load_protein(path), chain[0], chosen, chain[1])
    only_oxygen = save(chain[0], [*whole[:3], a[3], b[3]], chain[1])
    assert_coordinates(load_protein(only_oxygen), chain[0], [*whole[:3], b[3]], chain[1])


def test_an_atom_that_the_chosen_conformer_lacks_is_missing(save):
    a, b = conformers("LYS", 2, 0.1, 0.9)
    chain = [residue("ALA", 1), residue("ALA", 3)]
    assert_coordinates(load_protein(save(chain[0], a, b[:3], chain[1])), chain[0], b[:3], chain[1])


def test_alternates_without_occupancy(save):
    whole = residue("LYS", 2, occupancy=0.0)
    a, b = conformers("LYS", 2, 0.0, 0.0)
    chain = [residue("ALA", 1), residue("ALA", 3)]
    path = save(chain[0], [whole[0], *interleave(a[1:], b[1:])], chain[1])
    assert_coordinates(load_protein(path), chain[0], [whole[0], *a[1:]], chain[1])


def test_an_unlabelled_first_conformer_counts_too(save):
    first = residue("LYS", 2, occupancy=0.8)
    second = residue("LYS", 2, altloc="B", occupancy=0.2)
    chain = [residue("ALA", 1), residue("ALA", 3)]
    assert_coordinates(load_protein(save(chain[0], first, second, chain[1])), chain[0], first, chain[1])
    first, second = [[replace(a, occupancy=x) for a in atoms] for atoms, x in ((first, 0.2), (second, 0.8))]
    assert_coordinates(load_protein(save(chain[0], first, second, chain[1])), chain[0], second, chain[1])


@pytest.mark.parametrize("best", [0, 1])
@pytest.mark.parametrize("mixed", [False, True])
def test_microheterogeneity(save, best, mixed):
    """Two kinds of residue at one place, as in crambin: the sequence follows the conformer that is kept."""
    a = residue("PRO", 22, altloc="A", occupancy=(0.6, 0.4)[best])
    b = residue("SER", 22, altloc="B", occupancy=(0.4, 0.6)[best])
    chain = [residue("ALA", 21), residue("ALA", 23)]
    protein = load_protein(save(chain[0], interleave(a, b) if mixed else a + b, chain[1]))
    assert protein.sequence == ("APA", "ASA")[best]
    assert protein.residue_index.tolist() == [21, 22, 23]
    assert_coordinates(protein, chain[0], (a, b)[best], chain[1])


# --- numbering --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "index"),
    [
        ("1 2 3", [1, 2, 3]),
        ("-2 -1 0 1 2", [-2, -1, 0, 1, 2]),
        ("1 2 7 8 30", [1, 2, 7, 8, 30]),
        ("51 52 52A 53", [51, 52, 53, 54]),
        ("52 52A 52B 53 60", [52, 53, 54, 55, 62]),
        ("82 82A 82B 82C 83 100 100A 101", [82, 83, 84, 85, 86, 103, 104, 105]),
        ("1B 1A 1 2", [1, 2, 3, 4]),
        ("99 100A 101", [99, 100, 101]),
        ("10 11 1001 1002 20 21", [10, 11, 1001, 1002, 1004, 1005]),
        ("9997 9998 9999", [9997, 9998, 9999]),
    ],
)
def test_residue_index(save, labels, index):
    chain = []
    for k, label in enumerate(labels.split()):
        number, icode = re.fullmatch(r"(-?\d+)(\w?)", label).groups()
        chain.append(residue(("ALA", "GLY")[k % 2], int(number), icode=icode or " "))
    protein = load_protein(save(*chain))
    assert protein.residue_index.tolist() == index
    assert list(protein.residue_labels) == labels.split()
    assert protein.residue_index.dtype == torch.int64
    assert_coordinates(protein, *chain)


def test_numbers_that_come_twice_are_refused(save):
    again = "uses residue numbers more than once, such as"
    with refuses(ValueError, "chain 'A' of test", again, "1"):
        load_protein(save(*(residue(n, k) for n, k in [("ALA", 1), ("GLY", 2), ("ALA", 3), ("SER", 1), ("TRP", 2)])))
    twice = "has an atom twice that is not marked as an alternate"
    with refuses(ValueError, "residue 1", "ALA", twice):
        load_protein(save(residue("ALA", 1), residue("GLY", 2), residue("ALA", 1), residue("GLY", 2)))
    with refuses(ValueError, "residue 2", "GLY", twice):
        load_protein(save(residue("ALA", 1), residue("GLY", 2), residue("SER", 2)))


def test_a_residue_without_a_number_is_refused(tmp_path):
    text = to_cif(CHAIN).replace(" A A 2 ?", " A A ? ?")
    (tmp_path / "a.cif").write_text(text)
    with refuses(ValueError, "chain 'A' of a has residues without a number"):
        load_protein(tmp_path / "a.cif")


# --- random chains: everything that is in the file comes out, nothing else --------------------------------------------

coordinate = st.integers(-99_999, 99_999).map(lambda i: i / 1000)


@st.composite
def random_residue(draw, number):
    name = draw(st.sampled_from(list(THREE_LETTERS)))
    atoms = draw(st.sets(st.sampled_from(BACKBONE))) | {"CB"}
    return [Atom(a, name, "A", number, draw(st.tuples(*[coordinate] * 3))) for a in (*BACKBONE, "CB") if a in atoms]


@st.composite
def random_chain(draw):
    numbers = draw(st.lists(st.integers(-99, 999), min_size=1, max_size=12, unique=True).map(sorted))
    return [draw(random_residue(number)) for number in numbers]


def bonded_by_chance(here, there):
    places = ({atom.name: atom.xyz for atom in atoms} for atoms in (here, there))
    here, there = places
    pairs = (("C", "N"), ("CA", "CA"))
    return any(a in here and b in there and math.dist(here[a], there[b]) < 5 for a, b in pairs)


@given(chain=random_chain(), form=st.sampled_from([to_pdb, to_cif]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_random_chains(tmp_path, chain, form):
    path = tmp_path / "random"
    path.write_text(form(list(itertools.chain(*chain))))
    protein = load_protein(path)
    assume(not any(map(bonded_by_chance, chain, chain[1:])))  # they would count as neighbours, whatever their numbers
    assert protein.sequence == "".join(THREE_LETTERS[atoms[0].residue] for atoms in chain)
    assert protein.residue_index.tolist() == [atoms[0].number for atoms in chain]
    assert_coordinates(protein, *chain)
    frames = protein.rigids()
    assert frames.rotations.isfinite().all()
    assert frames.translations.isfinite().all()


# --- broken files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", range(1, 470, 7))
@pytest.mark.parametrize("form", [to_pdb, to_cif])
def test_a_truncated_file_is_refused_or_read_as_far_as_it_goes(tmp_path, cut, form):
    """A coordinate cut short must never be read as a smaller number."""
    whole = load_protein(_write(tmp_path / "whole", form(CHAIN)))
    path = _write(tmp_path / "cut", form(CHAIN)[:-cut])
    try:
        part = load_protein(path)
    except ValueError as error:
        assert "cut" in str(error)
        assert error.__context__ is None or error.__suppress_context__
        return
    assert form(CHAIN)[:-cut][-1] == "\n" or form(CHAIN)[-cut] == "\n"
    assert whole.sequence.startswith(part.sequence)
    kept = part.atom_mask
    assert torch.equal(part.coordinates[kept], whole.coordinates[: len(part)][kept])


def _write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("keep", [60, 70, 79])
def test_cut_behind_the_coordinates(tmp_path, keep):
    lines = to_pdb(CHAIN).splitlines()
    path = _write(
        tmp_path / "a.pdb", "\n".join([*lines[:6], lines[6].ljust(80)[:keep]]) if keep < 78 else to_pdb(CHAIN)[:-82]
    )
    with refuses(ValueError, "a.pdb is truncated: it ends in the middle of line"):
        load_protein(path)
    path = _write(tmp_path / "b.pdb", to_pdb(CHAIN) + "ANISOU   12  O   GLY A"[: keep - 57])
    with refuses(ValueError, "b.pdb is truncated: it ends in the middle of line 13"):
        load_protein(path)


@pytest.mark.parametrize("field", ["********", "     nan", "     inf", "        ", "   1,234", "  1 2.34", "1.2.3   "])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_pdb_coordinates_that_are_not_numbers(tmp_path, field, axis):
    lines = to_pdb(CHAIN).splitlines()
    a = 30 + 8 * axis
    lines[5] = lines[5][:a] + field + lines[5][a + 8 :]
    path = _write(tmp_path / "bad.pdb", "\n".join(lines) + "\n")
    with refuses(ValueError, "bad.pdb is damaged: no residue number or coordinates in line 6", lines[5].rstrip()):
        load_protein(path)


def test_records_in_lower_case_are_checked_too(tmp_path):
    text = to_pdb(CHAIN).replace("ATOM", "atom")
    assert_coordinates(load_protein(_write(tmp_path / "a.pdb", text)), CHAIN[:4], CHAIN[4:8], CHAIN[8:])
    with refuses(ValueError, "a.pdb is damaged"):
        load_protein(_write(tmp_path / "a.pdb", text.replace(text[30:38], "********", 1)))


def test_numbers_beyond_9999(tmp_path):
    text = to_pdb(CHAIN).replace(" A   2", " AA000").replace(" A   3", " AA001").replace(" A   1", " A9999")
    assert load_protein(_write(tmp_path / "a.pdb", text)).residue_index.tolist() == [9999, 10000, 10001]


@pytest.mark.parametrize("value", ["?", ".", "nan", "inf", "1,234", "12x", "********"])
def test_mmcif_coordinates_that_are_not_numbers(tmp_path, value):
    lines = to_cif(CHAIN).splitlines()
    words = lines[-3].split()
    words[-4] = value
    lines[-3] = " ".join(words)
    path = _write(tmp_path / "bad.cif", "\n".join(lines) + "\n")
    with refuses(ValueError, "residue 3 of chain 'A' of bad has coordinates that are not numbers"):
        load_protein(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b" \n\n \n", "it is empty"),
        (b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n", "it is a web page"),
        (b"\n  <html>", "it is a web page"),
        (b"hello\nworld\n", "it has no atoms"),
        (b"HEADER    CHROMOSOMAL PROTEIN\nEND\n", "it has no atoms"),
        (b"data_nothing\n_cell.length_a 1\n", "it has no atoms"),
        (bytes(range(256)) * 4, "it is a binary file"),
        ("ATOM".encode("utf-16"), "it is a binary file"),
        (gzip.compress(b"\0" * 100, mtime=0), "it is a binary file"),
        (gzip.compress(b"", mtime=0), "it is empty"),
    ],
)
@pytest.mark.parametrize("name", ["a.pdb", "a.cif", "a.cif.gz"])
def test_no_structure_at_all(tmp_path, data, words, name):
    path = _write(tmp_path / name, data)
    with refuses(ValueError, f"no protein in {path}", words):
        load_protein(path)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("source", ["1ubi.pdb", "5pti.cif.gz"])
def test_truncated_gzip(tmp_path, part, source):
    data = (library.FOLDER / source).read_bytes()
    data = data if source.endswith(".gz") else gzip.compress(data, mtime=0)
    path = _write(tmp_path / "a.gz", data[: int(part * len(data))])
    with refuses(ValueError, "a.gz is a truncated or damaged gzip file"):
        load_protein(path)
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 0xFF
    with refuses(ValueError, "a.gz is a truncated or damaged gzip file"):
        load_protein(_write(path, bytes(flipped)))
    with refuses(ValueError, "a.gz is a truncated or damaged gzip file"):
        load_protein(_write(path, data[:30] + bytes(range(256))))


def test_damaged_lines(tmp_path):
    path = _write(tmp_path / "a.cif", gzip.decompress((library.FOLDER / "5pti.cif.gz").read_bytes())[:80_000])
    with refuses(ValueError, "a.cif is damaged or not in mmCIF format"):
        load_protein(path)
    path = _write(tmp_path / "b.pdb", "ATOM  \n" + to_pdb(CHAIN))
    with refuses(ValueError, "b.pdb is damaged: no residue number or coordinates in line 1"):
        load_protein(path)
    for number in ("   x", "    ", "1 2 ", "12 3"):
        path = _write(tmp_path / "c.pdb", to_pdb(CHAIN).replace("TRP A   2", f"TRP A{number}"))
        with refuses(ValueError, "c.pdb is damaged: no residue number or coordinates in line 5"):
            load_protein(path)
    path = _write(tmp_path / "d.pdb", f"MODEL 1\n{to_pdb(CHAIN)}MODEL 2\n{to_pdb(CHAIN)}ENDMDL\n")
    with refuses(ValueError, "d.pdb is damaged or not in PDB format"):
        load_protein(path)


@given(seed=st.integers(0, 2**32 - 1), flips=st.integers(1, 4), cif=st.booleans())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_never_give_anything_but_a_protein_or_a_clear_error(tmp_path, seed, flips, cif):
    generator = torch.Generator().manual_seed(seed)
    data = bytearray((to_cif if cif else to_pdb)(CHAIN).encode())
    for k in torch.randint(len(data), (flips,), generator=generator).tolist():
        data[k] = int(torch.randint(256, (), generator=generator))
    path = _write(tmp_path / "damaged", bytes(data))
    try:
        protein = load_protein(path)
    except ValueError as error:
        assert error.__cause__ is None
        assert error.__context__ is None or error.__suppress_context__
        return
    assert protein.coordinates.isfinite().all()
    assert protein.rigids().rotations.isfinite().all()


@pytest.mark.parametrize(
    ("atoms", "words"),
    [
        (DNA, "it holds DA, DC, DG, DT"),
        (WATER, "it holds HOH"),
        ([Atom("C1", "GOL", "A", 1, (1, 2, 3), record="HETATM")], "it holds GOL"),
        ([Atom("CA", "CA", "A", 1, (1, 2, 3), record="HETATM", element="CA")], "it holds CA"),
        ([Atom("C1", f"L{k:02d}", "A", k, (k, 2, 3), record="HETATM") for k in range(20)], "L07, …"),
    ],
)
def test_no_protein(save, atoms, words):
    with refuses(ValueError, "no protein in test", words):
        load_protein(save(atoms))


# --- sources that are none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ubiqitin", "", " ", "crambin2", "0abc", "12345", "1abcd", "protein", "A" * 5000, "β"]
)
def test_unknown_name(name):
    with refuses(ValueError, "unknown protein", "ubiquitin (1ubi), crambin (3nir)", *library.BUNDLED) as caught:
        load_protein(name)
    del caught


def test_a_long_name_is_shortened():
    with pytest.raises(ValueError, match="unknown protein 'M{40}…'"):
        load_protein("M" * 2000)


@pytest.mark.parametrize("source", [None, 7, 1.5, b"1ubi", ["1ubi"], torch.zeros(3)])
def test_wrong_type(source):
    with refuses(TypeError, "source must be a name, a PDB id or a path", type(source).__name__):
        load_protein(source)


@pytest.mark.parametrize(
    "source", ["no/such.pdb", "nothing.cif", "./1ubi", Path("ubiquitin_"), "a\0.pdb", "x" * 400 + ".pdb"]
)
def test_missing_file(source, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    if isinstance(source, Path):
        source = tmp_path / source
    with refuses(FileNotFoundError, f"no such file: {source}"):
        load_protein(source)


def test_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "things").mkdir()
    for source in (tmp_path, str(tmp_path), "things", "./things", "."):
        with refuses(ValueError, f"{source} is a folder, not a PDB or mmCIF file"):
            load_protein(source)


# --- the Protein Data Bank --------------------------------------------------------------------------------------------

ENTRY = gzip.compress(to_cif(CHAIN).encode())


class Web:
    """Stands in for urlopen: answers with bytes, or raises."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def __call__(self, url, timeout):
        assert 0 < timeout <= 60
        self.asked.append(url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return io.BytesIO(self.answer)


@pytest.fixture
def web(monkeypatch):
    def serve(answer):
        monkeypatch.setattr(library, "urlopen", web := Web(answer))
        return web

    return serve


def cached() -> list[str]:
    folder = library.cache_folder()
    return sorted(os.listdir(folder)) if folder.exists() else []


@pytest.mark.parametrize("spelling", ["9xyz", "9XYZ", "pdb_00009xyz"])
def test_download_once(web, spelling):
    online = web(ENTRY)
    protein = load_protein(spelling)
    assert protein.name == "9xyz"
    assert_coordinates(protein, CHAIN[:4], CHAIN[4:8], CHAIN[8:])
    assert online.asked == ["https://files.rcsb.org/download/9XYZ.cif.gz"]
    assert cached() == ["9xyz.cif.gz"]
    offline = web(URLError("no network"))
    assert load_protein("9xyz").sequence == "AWG"
    assert offline.asked == []


def test_bundled_proteins_are_never_downloaded(web):
    web(AssertionError("asked the web"))
    for pdb_id in ALL:
        load_protein(pdb_id.upper())


def http_error(code):
    return HTTPError("https://example.org", code, "some reason", Message(), None)


@pytest.mark.parametrize("code", [404, 410])
def test_no_such_entry(web, code):
    web(http_error(code))
    with refuses(ValueError, "the Protein Data Bank has no entry '9xyz'", "ubiquitin (1ubi)"):
        load_protein("9xyz")
    assert cached() == []


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (URLError("Name or service not known"), "Name or service not known"),
        (http_error(500), "some reason"),
        (TimeoutError("timed out"), "timed out"),
        (ConnectionResetError("reset by peer"), "reset by peer"),
        (IncompleteRead(b"123", 1000), "IncompleteRead"),
    ],
)
def test_no_network(web, failure, reason):
    web(failure)
    with refuses(ConnectionError, "could not download '9xyz'", reason, "Without network", "ubiquitin (1ubi)"):
        load_protein("9xyz")
    assert cached() == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (ENTRY[:-20], "is a truncated or damaged gzip file"),
        (b"<html>Please log in to the network</html>", "it is a web page"),
        (b"", "it is empty"),
        (gzip.compress(to_cif(CHAIN)[:-30].encode()), "is damaged or not in mmCIF format"),
    ],
)
def test_a_broken_download_is_not_kept(web, body, words):
    web(body)
    with refuses(ValueError, "the download of '9xyz' (nothing of it was kept)", words):
        load_protein("9xyz")
    assert cached() == []
    web(ENTRY)
    assert load_protein("9xyz").sequence == "AWG"


def test_a_damaged_file_in_the_cache_is_named(web):
    web(ENTRY)
    load_protein("9xyz")
    path = _write(library.cache_folder() / "9xyz.cif.gz", ENTRY[:50])
    with refuses(ValueError, str(path)):
        load_protein("9xyz")


def test_a_cache_that_cannot_be_written_is_no_error(web, monkeypatch, tmp_path):
    monkeypatch.setenv("IPA_TUTORIAL_CACHE", str(_write(tmp_path / "file", b"in the way") / "cache"))
    web(ENTRY)
    with pytest.warns(UserWarning, match=r"could not keep 9xyz\.cif\.gz"):
        assert load_protein("9xyz").sequence == "AWG"


def test_an_interrupted_write_leaves_nothing_behind(web, monkeypatch):
    def full(self, data):
        with open(self, "wb") as file:
            file.write(data[:10])
        raise OSError("No space left on device")

    web(ENTRY)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.warns(UserWarning, match="No space left"):
        load_protein("9xyz")
    assert cached() == []


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "home/.cache/ipa_tutorial"),
        ("linux", {"XDG_CACHE_HOME": "xdg"}, "xdg/ipa_tutorial"),
        ("linux", {"XDG_CACHE_HOME": ""}, "home/.cache/ipa_tutorial"),
        ("darwin", {"XDG_CACHE_HOME": "xdg"}, "home/Library/Caches/ipa_tutorial"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/ipa_tutorial"),
        ("win32", {}, "home/AppData/Local/ipa_tutorial"),
        ("linux", {"IPA_TUTORIAL_CACHE": "~/mine"}, "home/mine"),
    ],
)
def test_cache_folder(monkeypatch, platform, variables, expected):
    for name in ("IPA_TUTORIAL_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "home", "USERPROFILE": "home", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(library.sys, "platform", platform)
    assert library.cache_folder() == Path(expected)


def test_of_two_conformers_with_one_backbone_the_fuller_side_chain_is_kept(tmp_path):
    """The rows of the file are written as in crambin, where side chains have alternates more often than backbones."""
    line = "ATOM  {:5d}  {:<3}{}SER A   2    {:8.3f}{:8.3f}{:8.3f}{:6.2f} 10.00           {}  "
    rows = [("N", " ", 0, 1.0), ("CA", " ", 1, 1.0), ("C", " ", 2, 1.0), ("O", " ", 3, 1.0), ("CB", " ", 4, 1.0)]
    rows += [("OG", "A", 5, 0.3), ("OG", "B", 9, 0.7)]
    text = [line.format(n, name, alt, x, 0, 0, occ, name[0]) for n, (name, alt, x, occ) in enumerate(rows, 1)]
    path = tmp_path / "serine.pdb"
    path.write_text("\n".join([*text, "END"]))
    atoms, known = load_atom14(path)
    assert known[0].tolist() == [True] * 6 + [False] * 8
    assert atoms[0, :6, 0].tolist() == [0, 1, 2, 3, 4, 9]
