"""All atoms from frames and torsion angles, and the angles from the atoms: a round trip, and real side chains."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ipa_tutorial import Rigid, load_protein, random_rigid
from ipa_tutorial.proteins.files import load_atom14
from ipa_tutorial.torsion import (
    RESIDUE_TYPES,
    _turn_about_x,
    atom14_mask,
    atom14_names,
    atoms_to_torsion,
    frames_to_atom14,
    sequence_to_types,
    torsion_to_frames,
)

F64 = torch.float64


def rebuild(backbone, angles, types):
    return frames_to_atom14(torsion_to_frames(backbone, angles, types), types)


def random_residues(shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    types = torch.randint(0, 21, shape, generator=generator)
    turns = 2 * math.pi * torch.rand(*shape, 7, generator=generator, dtype=F64)
    backbone = random_rigid(shape, generator=generator, scale=20.0, dtype=F64)
    return types, backbone, torch.stack([turns.sin(), turns.cos()], dim=-1)


@given(seed=st.integers(0, 10_000), batch=st.sampled_from([(), (2,), (2, 1)]))
@settings(max_examples=20, deadline=None)
def test_angles_to_atoms_and_back(seed, batch):
    types, backbone, angles = random_residues((*batch, 9), seed)
    atoms = rebuild(backbone, angles, types)
    found, there = atoms_to_torsion(backbone, atoms, atom14_mask(types), types)
    torch.testing.assert_close(found[there], angles[there], rtol=0, atol=1e-6)  # the tables are float32
    assert there[..., 2].all() or (types == 20).any()  # ψ moves the oxygen of every known residue
    assert not there[..., :2].any()  # pre-omega and phi move hydrogens only
    assert (found[~there] == torch.tensor([0.0, 1.0], dtype=F64)).all()
    torch.testing.assert_close(rebuild(backbone, found, types), atoms, rtol=0, atol=1e-5)


def test_a_positive_angle_turns_y_towards_z():
    quarter, none = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)  # (sin, cos)
    y = torch.tensor([0.3, 1.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(_turn_about_x(quarter).apply(y), torch.tensor([0.3, 0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(_turn_about_x(none).apply(y), y)


def dihedral(a, b, c, d):
    """The textbook's torsion angle of four atoms, (*) each, radians."""
    axis = (c - b) / (c - b).norm(dim=-1, keepdim=True)
    u, v = (x - (x * axis).sum(-1, keepdim=True) * axis for x in (a - b, d - c))
    return torch.atan2((torch.linalg.cross(axis, u) * v).sum(-1), (u * v).sum(-1))


def test_the_angles_of_lysine_are_those_that_four_atoms_have():
    """The atoms N, Cα, Cβ, Cγ, Cδ, Cε, Nζ, four at a time, have the torsions χ1 to χ4 that were put in."""
    types = torch.full((7,), RESIDUE_TYPES.index("K"))
    _, backbone, angles = random_residues((7,))
    atoms = rebuild(backbone, angles, types)[:, [0, 1, 4, 5, 6, 7, 8]]  # (7, 7, 3)
    for k in range(4):
        measured = dihedral(*atoms[:, k : k + 4].unbind(1))
        expected = torch.atan2(*angles[:, 3 + k].unbind(-1))
        assert torch.cos(measured - expected).min() > math.cos(math.radians(1))  # the tables have three decimals


def test_the_number_of_torsions_of_each_residue_type():
    types, backbone, angles = random_residues((21,))
    types = torch.arange(21)
    _, there = atoms_to_torsion(backbone, rebuild(backbone, angles, types), atom14_mask(types), types)
    chi = dict(zip(RESIDUE_TYPES, there[:, 3:].sum(-1).tolist(), strict=True))
    none, one, two, three = "AGX", "CSTV", "DFHILNPWY", "EMQ"
    assert chi == {a: 0 if a in none else 1 if a in one else 2 if a in two else 3 if a in three else 4 for a in chi}


def test_the_angles_move_along_with_nothing():
    """The torsions of a molecule do not change when it is moved."""
    types, backbone, angles = random_residues((9,))
    atoms = rebuild(backbone, angles, types) + 0.1 * torch.randn(9, 14, 3, dtype=F64)
    G = random_rigid(scale=30.0, dtype=F64)
    found, _ = atoms_to_torsion(backbone, atoms, atom14_mask(types), types)
    moved, _ = atoms_to_torsion(G @ backbone, G.apply(atoms), atom14_mask(types), types)
    torch.testing.assert_close(moved, found, rtol=0, atol=1e-9)


def test_no_other_angle_of_a_last_group_comes_closer():
    types = sequence_to_types("F" * 4)
    _, backbone, angles = random_residues((4,), 3)
    noise = 0.2 * torch.randn(4, 14, 3, dtype=F64, generator=torch.Generator().manual_seed(1))
    atoms = rebuild(backbone, angles, types) + noise
    found, _ = atoms_to_torsion(backbone, atoms, atom14_mask(types), types)

    def error(turn):
        sin, cos = found[:, 4].unbind(-1)
        turned = found.clone()
        turned[:, 4] = torch.stack(
            [sin * math.cos(turn) + cos * math.sin(turn), cos * math.cos(turn) - sin * math.sin(turn)], -1
        )
        return (rebuild(backbone, turned, types) - atoms).square().sum((-1, -2))

    for turn in (-0.5, -0.02, 0.02, 0.5, math.pi):
        assert (error(turn) > error(0.0)).all()


def test_unknown_atoms_may_hold_anything_and_change_nothing():
    types, backbone, angles = random_residues((9,))
    atoms, known = rebuild(backbone, angles, types), atom14_mask(types)
    known[:, 5:] = torch.rand(9, 9, generator=torch.Generator().manual_seed(0)) < 0.5
    known &= atom14_mask(types)
    expected, there = atoms_to_torsion(backbone, atoms, known, types)
    for filling in (7.0, math.nan, math.inf):
        got, again = atoms_to_torsion(backbone, atoms.masked_fill(~known[..., None], filling), known, types)
        assert torch.equal(got, expected) and torch.equal(again, there)


def test_coincident_atoms_give_finite_angles_and_gradients():
    types = torch.arange(21)
    atoms = torch.zeros(21, 14, 3, dtype=F64, requires_grad=True)
    angles, _ = atoms_to_torsion(Rigid.identity(21, dtype=F64), atoms, atom14_mask(types), types)
    angles.sum().backward()
    torch.testing.assert_close(angles.square().sum(-1), torch.ones(21, 7, dtype=F64))
    assert atoms.grad.isfinite().all()


def test_names_are_as_many_as_places():
    assert [len(atom14_names(letter)) for letter in RESIDUE_TYPES[:20]] == atom14_mask(torch.arange(20)).sum(
        -1
    ).tolist()


def test_names_of_tryptophan_by_its_bonds():
    """No bundled side chain has one: the atoms that are bonded must be the ones that lie next to each other."""
    types = sequence_to_types("W")
    straight = torch.tensor([0.0, 1.0]).expand(1, 7, 2).double()
    atoms = dict(zip(atom14_names("W"), rebuild(Rigid.identity(1, dtype=F64), straight, types)[0], strict=True))
    ring = [name for name in atoms if name not in ("N", "CA", "C", "O", "CB")]
    near = {(a, b) for a in ring for b in ring if a < b and (atoms[a] - atoms[b]).norm() < 1.6}
    bonds = "CD1-CG CD2-CG CD1-NE1 CE2-NE1 CD2-CE2 CD2-CE3 CE2-CZ2 CE3-CZ3 CH2-CZ2 CH2-CZ3"
    assert near == {tuple(bond.split("-")) for bond in bonds.split()}


@pytest.mark.parametrize(("name", "median", "worst"), [("ubiquitin", 0.05, 0.8), ("bpti", 0.1, 1.5)])
def test_real_side_chains(name, median, worst):
    protein, (atoms, known) = load_protein(name), load_atom14(name)
    types = sequence_to_types(protein.sequence)
    backbone = protein.rigids(F64).scale_translations(10.0)
    angles, _ = atoms_to_torsion(backbone, atoms.double(), known, types)
    error = (rebuild(backbone, angles, types) - atoms).norm(dim=-1)[known]  # Å
    assert error.median() < median and error.max() < worst
    mirrored = angles * torch.tensor([-1.0, 1.0])
    assert (rebuild(backbone, mirrored, types) - atoms).norm(dim=-1)[known].max() > 3  # it is the angles that do it


@pytest.mark.parametrize("name", ["ubiquitin", "bpti", "crambin", "villin"])
def test_all_atoms_are_those_of_the_same_residues(name):
    protein, (atoms, known) = load_protein(name), load_atom14(name)
    assert torch.equal(atoms[:, :4], protein.coordinates) and torch.equal(known[:, :4], protein.atom_mask)
    assert (atoms[~known] == 0).all()
    assert not (known & ~atom14_mask(sequence_to_types(protein.sequence))).any()


def test_bad_input_is_named():
    types, backbone, angles = random_residues((5,))
    atoms, known = rebuild(backbone, angles, types), atom14_mask(types)
    with pytest.raises(ValueError, match=r"atom14 must have shape \(5, 14, 3\)"):
        atoms_to_torsion(backbone, atoms[:, :13], known, types)
    with pytest.raises(ValueError, match=r"residue_types must have shape \(5,\)"):
        atoms_to_torsion(backbone, atoms, known, types[:4])
    with pytest.raises(TypeError, match="atom_mask must be boolean"):
        atoms_to_torsion(backbone, atoms, known.int(), types)
    with pytest.raises(TypeError, match="atom14 must be a torch.Tensor"):
        atoms_to_torsion(backbone, atoms.tolist(), known, types)
    with pytest.raises(ValueError, match="no protein chain 'Q'"):
        load_atom14("ubiquitin", chain="Q")
