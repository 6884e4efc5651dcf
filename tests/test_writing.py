"""save_protein: whatever is written, load_protein reads back, to the digits that a file keeps."""

import gzip
from dataclasses import replace

import gemmi
import pytest
import torch

from ipa_tutorial import Rigid, kabsch_rmsd, load_protein, random_rigid
from ipa_tutorial.proteins import BUNDLED, backbone_atoms, save_protein

ENDINGS = ["pdb", "cif", "pdb.gz", "cif.gz"]
DIGITS = 6e-4  # Å: a file keeps three decimals


@pytest.fixture
def ubiquitin():
    return load_protein("ubiquitin")


@pytest.mark.parametrize("ending", ENDINGS)
def test_round_trip_of_a_chain_with_everything_that_can_be_odd(tmp_path, ubiquitin, ending):
    generator = torch.Generator().manual_seed(0)
    length = 7
    atom_mask = torch.rand(length, 4, generator=generator) < 0.6
    atom_mask[:, 1] = True  # at least its Cα, or a residue is not in the file
    coordinates = 100 * torch.randn(length, 4, 3, generator=generator) * atom_mask[..., None]
    labels = ("-3", "-2", "0", "52", "52A", "52B", "9998")
    index = torch.tensor([-3, -2, 0, 52, 53, 54, 10000])
    odd = replace(
        ubiquitin,
        chain="q",
        sequence="GWXKACY",
        residue_labels=labels,
        residue_index=index,
        coordinates=coordinates,
        atom_mask=atom_mask,
    )
    save_protein(tmp_path / f"odd.{ending}", odd)
    read = load_protein(tmp_path / f"odd.{ending}")
    assert (read.name, read.chain, read.sequence, read.residue_labels) == ("odd", "q", "GWXKACY", labels)
    assert torch.equal(read.residue_index, index)
    assert torch.equal(read.atom_mask, atom_mask)
    assert (read.coordinates - coordinates).abs().max() < DIGITS


@pytest.mark.parametrize("pdb_id", BUNDLED)
def test_round_trip_of_the_bundled_chains(tmp_path, pdb_id):
    protein = load_protein(pdb_id)
    for ending in ("pdb", "cif"):
        save_protein(tmp_path / f"x.{ending}", protein)
        read = load_protein(tmp_path / f"x.{ending}")
        assert (read.chain, read.sequence) == (protein.chain, protein.sequence)
        assert read.residue_labels == protein.residue_labels
        assert torch.equal(read.atom_mask, protein.atom_mask)
        assert (read.coordinates - protein.coordinates).abs().max() < DIGITS


@pytest.mark.parametrize("ending", ENDINGS)
def test_frames_come_back(tmp_path, ubiquitin, ending):
    T = ubiquitin.rigids()
    save_protein(tmp_path / f"x.{ending}", T, sequence=ubiquitin.sequence)
    read = load_protein(tmp_path / f"x.{ending}")
    assert read.sequence == ubiquitin.sequence and read.residue_labels == ubiquitin.residue_labels
    assert (read.rigids().translations - T.translations).abs().max() < DIGITS / 10
    assert (read.rigids().rotations - T.rotations).abs().max() < 2e-3


def test_ideal_atoms_lie_where_real_ones_do(ubiquitin):
    atoms = backbone_atoms(ubiquitin.rigids(torch.float64))
    off = (atoms - ubiquitin.coordinates).norm(dim=-1)  # (76, 4), Å
    assert off[:, :3].square().mean().sqrt() < 0.05
    assert off[:-1, 3].square().mean().sqrt() < 0.1  # O, by the next peptide plane
    assert abs((atoms[-1, 3] - atoms[-1, 2]).norm() - 1.23) < 0.01


def test_ideal_atoms_move_along_in_any_batch():
    T, G = random_rigid((2, 5)), random_rigid(scale=3.0)
    moved = (10 * G.apply(backbone_atoms(T) / 10)).double()
    assert torch.allclose(backbone_atoms(G @ T).double(), moved, atol=1e-3)


def test_the_last_oxygen_belongs_to_the_last_real_residue():
    T, mask = random_rigid((2, 7)), torch.arange(7) < torch.tensor([[7], [5]])
    atoms = backbone_atoms(T, mask)
    assert torch.equal(atoms[0], backbone_atoms(T[0])) and torch.equal(atoms[1, :5], backbone_atoms(T[1, :5]))
    assert not torch.allclose(atoms[1, 4], backbone_atoms(T)[1, 4])  # which goes by a residue that is none


def test_atoms_and_what_is_not_finite(tmp_path, ubiquitin):
    atoms = ubiquitin.coordinates.clone().requires_grad_()
    holes = atoms.masked_fill((torch.arange(76) == 5)[:, None, None] & torch.eye(4)[3, :, None].bool(), torch.nan)
    save_protein(tmp_path / "x.pdb", holes)
    read = load_protein(tmp_path / "x.pdb")
    assert read.sequence == "G" * 76 and read.chain == "A"
    assert (~read.atom_mask).nonzero().tolist() == [[5, 3]]
    assert kabsch_rmsd(read.ca, ubiquitin.ca) < 1e-3


def test_a_list_is_a_trajectory(tmp_path, ubiquitin):
    T = ubiquitin.rigids()
    poses = [T, Rigid(T.rotations, 2 * T.translations), ubiquitin]
    for ending in ENDINGS:
        save_protein(tmp_path / f"x.{ending}", poses, sequence=ubiquitin.sequence)
        for number, scale in enumerate((1, 2, 1)):
            read = load_protein(tmp_path / f"x.{ending}", model=number)
            assert (read.ca - scale * ubiquitin.ca).abs().max() < 2 * DIGITS


def test_sequence_and_chain_replace_those_of_a_protein(tmp_path, ubiquitin):
    save_protein(tmp_path / "x.cif", ubiquitin, sequence="J" + "W" * 75, chain="long")
    read = load_protein(tmp_path / "x.cif")
    assert (read.sequence, read.chain) == ("X" + "W" * 75, "long")


def test_other_programs_find_what_they_expect(tmp_path, ubiquitin):
    save_protein(tmp_path / "x.pdb", ubiquitin)
    lines = (tmp_path / "x.pdb").read_text().splitlines()
    assert lines[0].startswith("ATOM      1  N   MET A   1") and lines[-1].strip() == "END"
    save_protein(tmp_path / "x.cif.gz", ubiquitin)
    block = gemmi.cif.read_string(gzip.decompress((tmp_path / "x.cif.gz").read_bytes()).decode()).sole_block()
    assert len(block.find_loop("_atom_site.Cartn_x")) == 4 * 76


def test_a_file_that_is_there_is_replaced_and_kept_when_something_is_wrong(tmp_path, ubiquitin):
    file = tmp_path / "X.PDB"
    save_protein(file, [ubiquitin, ubiquitin])
    save_protein(str(file), ubiquitin)
    with pytest.raises(ValueError, match="no model 1"):
        load_protein(file, model=1)
    before = file.read_bytes()
    with pytest.raises(ValueError, match="sequence must have a letter for each of 76 residues, got 2"):
        save_protein(file, ubiquitin, sequence="GG")
    assert file.read_bytes() == before


def test_a_label_that_is_no_number(tmp_path, ubiquitin):
    odd = replace(ubiquitin, residue_labels=("one", *ubiquitin.residue_labels[1:]))
    with pytest.raises(ValueError, match="residue labelled 'one', expected a number"):
        save_protein(tmp_path / "x.pdb", odd)


ATOMS = torch.zeros(3, 4, 3)


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "words"),
    [
        ((7, ATOMS), {}, TypeError, "path must be a str or os.PathLike, got int"),
        (("x.ent", ATOMS), {}, ValueError, r"path must end in \.pdb, \.cif, .*got 'x.ent'"),
        (("x.pdb", []), {}, ValueError, "at least one pose, got an empty list"),
        (("x.pdb", "ubiquitin"), {}, TypeError, "a Rigid, or a list of these, got str"),
        (("x.pdb", torch.zeros(3, 3)), {}, ValueError, r"shape \(L, 4, 3\), got \(3, 3\)"),
        (("x.pdb", torch.zeros(0, 4, 3)), {}, ValueError, "at least one residue, got none"),
        (("x.pdb", ATOMS * torch.nan), {}, ValueError, "at least one atom"),
        (("x.pdb", random_rigid((2, 3))), {}, ValueError, r"frames of shape \(L,\), got \(2, 3\)"),
        (("x.pdb", [ATOMS, torch.zeros(2, 4, 3)]), {}, ValueError, "poses of one chain, got 3 residues and 2"),
        (("x.pdb", ATOMS + 1e4), {}, ValueError, "no room for: centre it, or write .cif"),
        (("x.pdb", ATOMS), {"sequence": 3}, TypeError, "sequence must be a string or None, got int"),
        (("x.pdb", ATOMS), {"chain": "long"}, ValueError, "at most two characters in a PDB file"),
        (("x.cif", ATOMS), {"chain": " "}, ValueError, "not blank in an mmCIF file"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(tmp_path, monkeypatch, arguments, options, kind, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=words):
        save_protein(*arguments, **options)
    assert not list(tmp_path.iterdir())
