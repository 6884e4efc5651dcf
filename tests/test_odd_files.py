"""Files as other programs write them, and as they break: each is read right, or refused by name."""

import itertools
import math

import pytest
import torch
from test_protein import (
    BACKBONE,
    CHAIN,
    CIF_HEAD,
    Atom,
    _write,
    assert_coordinates,
    refuses,
    residue,
    save,
    to_cif,
    to_pdb,
)

from ipa_tutorial import load_protein
from ipa_tutorial.proteins import BUNDLED, backbone_frames
from ipa_tutorial.proteins.files import load_atom14
from ipa_tutorial.training import fold_protein

__all__ = ["save"]  # a fixture


def helix(labels: str, step: float = 1.0) -> list[list[Atom]]:
    """Residues of an ideal helix, so that C and the next N are 1.33 Å apart, with the labels given."""
    chain = []
    # radius and phase of N, CA, C, O and their height above Cα, of an α-helix: 100° and 1.5 Å each residue
    places = {"N": (1.55, -27.6, -0.9), "CA": (2.28, 0.0, 0.0), "C": (1.68, 26.6, 1.1), "O": (2.03, 20.5, 2.26)}
    for k, label in enumerate(labels.split()):
        number, icode = (label, " ") if label[-1].isdigit() else (label[:-1], label[-1])
        atoms = []
        for name, (radius, phase, height) in places.items():
            angle = math.radians(100 * k * step + phase)
            xyz = (radius * math.cos(angle), radius * math.sin(angle), 1.5 * k * step + height)
            atoms.append(Atom(name, "ALA", "A", int(number), xyz, icode=icode))
        chain.append(atoms)
    return chain


def test_the_helix_is_bonded():
    (_, _, c, _), (n, *_) = helix("1 2")
    assert 1.2 < math.dist(c.xyz, n.xyz) < 1.5


# --- numbers that are none --------------------------------------------------------------------------------------------


def with_side_chain(value: str) -> str:
    """mmCIF of three residues, in which x of a CB is this."""
    atoms = [*residue("GLY", 1), *residue("SER", 2, atoms=(*BACKBONE, "CB")), *residue("GLY", 3)]
    lines = to_cif(atoms).split("\n")
    row = next(k for k, line in enumerate(lines) if " CB " in line)
    words = lines[row].split()
    words[10] = value
    lines[row] = " ".join(words)
    return "\n".join(lines)


@pytest.mark.parametrize("value", ["?", ".", "1e40", "nan", "inf", "1_0"])
def test_a_side_chain_atom_without_finite_coordinates_is_refused(tmp_path, value):
    path = _write(tmp_path / "a.cif", with_side_chain(value))
    assert load_protein(path).sequence == "GSG"  # whose backbone is whole
    with refuses(ValueError, "residue 2 of chain 'A' of a has coordinates that are not numbers"):
        load_atom14(path)
    atoms, mask = load_atom14(_write(path, with_side_chain("1.5")))
    assert atoms.isfinite().all() and mask[1, 4] and atoms[1, 4, 0] == 1.5


def test_a_pdb_coordinate_too_large_for_float32_is_refused(tmp_path):
    atoms = [*residue("SER", 1, atoms=(*BACKBONE, "CB"))]
    text = to_pdb(atoms)
    last = text.rstrip("\n").split("\n")[-1]
    path = _write(tmp_path / "a.pdb", text.replace(last, last[:30] + "   1e300" + last[38:]))
    with refuses(ValueError, "residue 1 of chain 'A' of a has coordinates that are not numbers"):
        load_atom14(path)


@pytest.mark.parametrize("field", ["   1_000", "     ١٢٣", "    0x10", "   1.0D2", "   １.000"])
def test_a_number_is_what_the_parser_takes_for_one(tmp_path, field):
    text = to_pdb(CHAIN)
    for place in (30, 38, 46):
        path = _write(tmp_path / "a.pdb", text[:place] + field + text[place + 8 :])
        with refuses(ValueError, "a.pdb is damaged: no residue number or coordinates in line 1"):
            load_protein(path)
    path = _write(tmp_path / "a.pdb", text[:22] + "   ٣" + text[26:])
    with refuses(ValueError, "a.pdb is damaged: no residue number or coordinates in line 1"):
        load_protein(path)
    for number in ("1_0", "٣"):
        path = _write(tmp_path / "a.cif", to_cif(CHAIN).replace(" A A 2 ?", f" A A {number} ?"))
        with refuses(ValueError, "a.cif is damaged or not in mmCIF format"):
            load_protein(path)


def z_last(decimals: int = 3) -> str:
    """mmCIF whose last column is z."""
    names = CIF_HEAD.split("loop_\n")[1].split("_atom_site.occupancy")[0]
    rows = (
        f"ATOM {k} {a.name[0]} {a.name} . {a.residue} A A {a.number} ? "
        + " ".join(f"{x:.{decimals}f}" for x in a.xyz)
        + "\n"
        for k, a in enumerate(CHAIN, 1)
    )
    return f"data_a\nloop_\n{names}" + "".join(rows)


@pytest.mark.parametrize("cut", [2, 3, 4, 5])
def test_a_cif_cut_inside_its_last_number_is_refused(tmp_path, cut):
    whole = z_last()
    for text in (whole, whole.rstrip("\n"), whole + "#"):
        assert_coordinates(load_protein(_write(tmp_path / "a.cif", text)), CHAIN[:4], CHAIN[4:8], CHAIN[8:])
    with refuses(ValueError, "a.cif is damaged or not in mmCIF format: it ends, perhaps too early, in"):
        load_protein(_write(tmp_path / "a.cif", whole[:-cut]))


@pytest.mark.parametrize("number", [10_000, 12_345, 99_998])
@pytest.mark.parametrize("moved", [False, True])
def test_five_digit_residue_numbers(tmp_path, number, moved):
    """The fifth digit stands in the column of the insertion code; some programs move all that follows."""
    chain = [residue("ALA", number + k) for k in (-1, 0, 1)]
    lines = []
    for serial, atom in enumerate(itertools.chain(*chain), 1):
        line = atom.pdb(serial)
        before, behind = line[:22], line[line.index(".") - 4 :]
        wide = len(str(atom.number)) > 4
        lines.append(f"{before}{atom.number:>4}{'   ' if wide and not moved else '    '}{behind}")
    protein = load_protein(_write(tmp_path / "a.pdb", "\n".join(lines) + "\n"))
    assert protein.residue_index.tolist() == [number - 1, number, number + 1]
    assert protein.residue_labels == tuple(str(number + k) for k in (-1, 0, 1))
    assert_coordinates(protein, *chain)


# --- the residue index ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "index"),
    [
        ("7A 8A 9A 4 5 6 7 8", [7, 8, 9, 10, 11, 12, 13, 14]),
        ("5 5A 5B 3", [5, 6, 7, 8]),
        ("51 52B 52A 52 53", [51, 52, 53, 54, 55]),
        ("10 11 1001 1002 20 21", [10, 11, 12, 13, 14, 15]),
        ("1 2 7 8", [1, 2, 3, 4]),
    ],
)
def test_a_bonded_chain_is_counted_through_whatever_its_labels(save, labels, index):
    protein = load_protein(save(*helix(labels)))
    assert protein.residue_index.tolist() == index and list(protein.residue_labels) == labels.split()
    calphas = [atoms[1:2] for atoms in helix(labels)]
    assert load_protein(save(*calphas)).residue_index.tolist() == index  # by Cα where there is no more


def test_gaps_stay_visible_where_the_chain_is_not_bonded(save):
    chain = helix("5 5A 5B 3 9 9A", step=3.0)
    assert load_protein(save(*chain)).residue_index.tolist() == [5, 6, 7, 9, 15, 16]


@pytest.mark.parametrize("pdb_id", sorted(BUNDLED))
def test_bundled_structures_keep_their_numbers(pdb_id):
    protein = load_protein(pdb_id)
    assert tuple(map(str, protein.residue_index.tolist())) == protein.residue_labels


# --- mmCIF with less in it --------------------------------------------------------------------------------------------


def without(*columns: str) -> str:
    head, *rows = to_cif(CHAIN).split("loop_\n")[1].split("_atom_site.B_iso_or_equiv\n")
    names = [line.removeprefix("_atom_site.") for line in head.split()] + ["B_iso_or_equiv"]
    keep = [k for k, name in enumerate(names) if name not in columns]
    rows = [" ".join(line.split()[k] for k in keep) for line in rows[0].splitlines()]
    return "data_a\nloop_\n" + "".join(f"_atom_site.{names[k]}\n" for k in keep) + "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    "columns",
    [
        ("type_symbol",),
        ("label_alt_id",),
        ("id",),
        ("label_asym_id",),
        ("auth_asym_id",),
        ("type_symbol", "label_alt_id", "id", "label_asym_id", "occupancy", "B_iso_or_equiv", "pdbx_PDB_ins_code"),
    ],
)
def test_mmcif_without_some_columns(tmp_path, columns):
    for text in (without(*columns), without(*columns).replace("label_atom", "auth_atom").replace("label_c", "auth_c")):
        protein = load_protein(_write(tmp_path / "a.cif", text))
        assert protein.sequence == "AWG" and protein.chain == "A"
        assert_coordinates(protein, CHAIN[:4], CHAIN[4:8], CHAIN[8:])


def test_atoms_in_the_second_data_block(tmp_path):
    text = "data_header\n_struct.title 'nothing yet'\n\n" + to_cif(CHAIN)
    assert_coordinates(load_protein(_write(tmp_path / "a.cif", text)), CHAIN[:4], CHAIN[4:8], CHAIN[8:])


# --- alternates -------------------------------------------------------------------------------------------------------


def test_letters_that_never_meet_are_chosen_apart(save):
    """N and CA come as A and B, C and O as C and D: every atom is there, and so is the frame."""
    occupancies = {"A": 0.4, "B": 0.6, "C": 0.7, "D": 0.3}
    half = {letter: residue("LYS", 2, altloc=letter, occupancy=x) for letter, x in occupancies.items()}
    mixed = [half["A"][0], half["B"][0], half["A"][1], half["B"][1]]
    mixed += [half["C"][2], half["D"][2], half["C"][3], half["D"][3]]
    chain = [residue("ALA", 1), residue("ALA", 3)]
    protein = load_protein(save(chain[0], mixed, chain[1]))
    assert protein.mask.all()
    assert_coordinates(protein, chain[0], [*half["B"][:2], *half["C"][2:]], chain[1])


# --- what is no residue -----------------------------------------------------------------------------------------------


def test_calcium_in_carbons_column_and_a_lipid_with_a_ca_are_no_residues(save):
    chain = helix("1 2 3 4")
    calcium = [Atom("CA", "CA", "A", 90, (1, 2, 30), element="C")]
    named = [Atom("CA", "CAL", "A", 91, (1, 2, 40), element="C")]
    lipid = [Atom(name, "POP", "A", 92, (k * 1.5, 0, 60)) for k, name in enumerate(("N", "C12", "CA", "C13", "C"))]
    assert_coordinates(load_protein(save(*chain, calcium, named, lipid)), *chain)


def test_a_free_amino_acid_written_as_atom_is_no_residue(tmp_path):
    chain = helix("1 2 3 4")
    glutamate = [Atom(a.name, "GLU", "A", 300, (a.xyz[0] + 20, *a.xyz[1:])) for a in chain[0]]
    oxygen = Atom("OXT", "ALA", "A", 4, (0, 0, 9))
    whole = list(itertools.chain(*chain))
    ended = _write(tmp_path / "oxt.pdb", to_pdb([*whole, oxygen, *glutamate]))
    ter = _write(tmp_path / "ter.pdb", to_pdb(whole) + "TER\n" + to_pdb(glutamate))
    for path in (ended, ter):
        assert load_protein(path).sequence == "AAAA", path
    unsaid = _write(tmp_path / "unsaid.pdb", to_pdb([*whole, *glutamate]))
    assert load_protein(unsaid).sequence == "AAAAE"  # it may as well be the end of a chain with a loop that is not seen


# --- as other programs write them -------------------------------------------------------------------------------------


def test_left_justified_and_unusual_fields(tmp_path):
    lines = to_pdb(CHAIN).splitlines()
    left = [
        line[:6] + f"{k:<5d}" + line[11:22] + f"{line[22:26].strip():<4}" + line[26:30]
        + "".join(f"{line[c : c + 8].strip():<8}" for c in (30, 38, 46)) + line[54:]
        for k, line in enumerate(lines, 1)
    ]  # fmt: skip
    stars = [line[:6] + "*****" + line[11:] for line in lines]
    hexadecimal = [line[:6] + "186a0" + line[11:] for line in lines]
    moved = [line[:6] + "100000" + line[11:] for line in lines]  # six digits move the rest
    wide = [line[:5] + "100000" + line[11:] for line in lines]  # six digits that begin one column earlier
    taken = [line[:6] + "100000" + line[12:] for line in lines]  # six digits into the blank behind
    for variant in (left, stars, hexadecimal, moved, wide, taken):
        protein = load_protein(_write(tmp_path / "a.pdb", "\n".join(variant) + "\n"))
        assert protein.residue_index.tolist() == [1, 2, 3]
        assert_coordinates(protein, CHAIN[:4], CHAIN[4:8], CHAIN[8:])


def test_words_of_other_programs_do_not_matter(tmp_path):
    scores = "# All scores below are weighted\natom_pair_constraint 0.1 0.3\nATOMS 12\nHETATOMS 3\npose -12.3\n"
    for text in (to_pdb(CHAIN) + scores, to_pdb(CHAIN) + "END\n" + scores + "ATOM  garbage\n", scores + to_pdb(CHAIN)):
        assert_coordinates(load_protein(_write(tmp_path / "a.pdb", text)), CHAIN[:4], CHAIN[4:8], CHAIN[8:])


def test_a_last_line_without_an_end(tmp_path):
    padded = "\n".join(line.ljust(80) for line in to_pdb(CHAIN).splitlines())
    for text in (padded, padded.rstrip(), padded + "\nTER", padded + "\nEND", padded + "\nMASTER"):
        assert_coordinates(load_protein(_write(tmp_path / "a.pdb", text)), CHAIN[:4], CHAIN[4:8], CHAIN[8:])
    with refuses(ValueError, "a.pdb is truncated"):
        load_protein(_write(tmp_path / "a.pdb", padded.rstrip()[:-3]))


# --- atoms that make no frame -----------------------------------------------------------------------------------------


def test_atoms_on_one_spot_or_line_make_no_frame_and_no_fold(tmp_path):
    zeros = [Atom(a.name, a.residue, "A", a.number, (0.0, 0.0, 0.0)) for a in CHAIN]
    protein = load_protein(_write(tmp_path / "a.pdb", to_pdb(zeros)))
    assert not protein.mask.any() and protein.atom_mask.all()
    with pytest.raises(ValueError, match="a has no residue with a complete backbone"):
        fold_protein(protein, steps=1, progress=False)
    line = torch.tensor([[0.0, 0, 0], [1, 2, 3], [2, 4, 6], [0, 1, 0]]).expand(2, 4, 3)
    frames = backbone_frames(line, torch.ones(2, dtype=torch.bool))
    assert torch.equal(frames.rotations, torch.eye(3, dtype=torch.float64).expand(2, 3, 3))
