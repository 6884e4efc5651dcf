"""The numbers that a backbone is judged by, on real chains and on chains that are known to be wrong."""

import math

import pytest
import torch

from ipa_tutorial import load_protein, random_rigid
from ipa_tutorial.dreams.controls import shaken
from ipa_tutorial.dreams.measures import (
    angle,
    bend_map,
    count_near,
    measure,
    phi_psi_map,
    torsion,
    torsions,
    trace_angles,
)
from ipa_tutorial.proteins.dataset import backbones
from ipa_tutorial.proteins.dssp import secondary_structure
from ipa_tutorial.proteins.ideal import backbone_atoms


@pytest.mark.parametrize("name", ["ubiquitin", "crambin", "GB1"])
def test_atoms_placed_on_frames_are_where_they_were(name):
    protein = load_protein(name)
    atoms = backbone_atoms(protein.rigids(torch.float64))
    away = (atoms - protein.coordinates).norm(dim=-1)[:-1]  # (L−1, 4): the last oxygen is a convention
    assert away.max() < 0.45
    assert away.square().mean().sqrt() < 0.08


def test_the_last_oxygen_has_a_sound_place():
    atoms = backbone_atoms(load_protein("ubiquitin").rigids(torch.float64))
    n, ca, c, o = atoms[-1]
    assert (o - c).norm().item() == pytest.approx(1.23, abs=0.01)
    assert angle(ca, c, o).item() == pytest.approx(120.5, abs=1.0)
    assert (o - n).norm() > 3.0


def test_atoms_move_with_the_frames():
    T = load_protein("crambin").rigids(torch.float64)
    G = random_rigid((), torch.Generator().manual_seed(0), scale=3.0, dtype=torch.float64)
    moved = G.scale_translations(10.0).apply(backbone_atoms(T))
    torch.testing.assert_close(backbone_atoms(G @ T), moved, rtol=0, atol=1e-9)


def test_what_is_measured_of_real_chains_is_what_is_known_of_them():
    measures = [measure(chain.coordinates) for chain in backbones("test")[:30]]

    def pooled(name):
        return torch.cat([getattr(m, name) for m in measures])

    assert pooled("ca_ca").median().item() == pytest.approx(3.80, abs=0.02)
    assert pooled("bond").mean().item() == pytest.approx(1.33, abs=0.01)
    assert pooled("angle_c").mean().item() == pytest.approx(117, abs=1.5)
    assert pooled("angle_n").mean().item() == pytest.approx(121.7, abs=1.5)
    assert sum(m.clashes for m in measures) <= 1
    assert sum(m.passes for m in measures) >= 27
    letters = "".join(secondary_structure(chain.coordinates) for chain in backbones("test")[:30])
    weights = [len(chain) for chain in backbones("test")[:30]]
    helix = sum(m.helix * w for m, w in zip(measures, weights, strict=True)) / sum(weights)
    assert helix == pytest.approx(letters.count("H") / len(letters))


def test_an_angle_is_the_angle_at_the_corner():
    corner = torch.tensor([1.0, 2.0, 3.0])
    a, b = corner + torch.tensor([2.0, 0, 0]), corner + torch.tensor([-1.0, math.sqrt(3.0), 0])
    assert angle(a, corner, b).item() == pytest.approx(120, abs=1e-4)


@pytest.fixture
def sound_chain():
    atoms = backbones("test")[0].coordinates.double()
    assert measure(atoms).passes
    return atoms


def test_a_torn_bond_is_not_sound(sound_chain):
    torn = sound_chain.clone()
    torn[30:] += 0.3 * torch.nn.functional.normalize(torn[30, 0] - torn[29, 2], dim=-1)  # Å: 21 deviations
    m = measure(torn)
    assert m.clashes == 0 and not m.passes
    assert m.bond[29].item() == pytest.approx(measure(sound_chain).bond[29].item() + 0.3, abs=1e-6)


def test_a_bent_peptide_is_not_sound(sound_chain):
    bent = sound_chain.clone()
    bent[30:, :, :] = bent[30:] - bent[30, 0]
    sideways = torch.linalg.cross(bent[30, 1] - bent[30, 0], torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    turn = torch.matrix_exp(torch.tensor([[0, -1.0, 0], [1.0, 0, 0], [0, 0, 0]], dtype=torch.float64) * 0.9)
    assert sideways.norm() > 0
    bent[30:] = bent[30:] @ turn.mT + sound_chain[30, 0]
    m = measure(bent)
    assert m.bond[29].item() == pytest.approx(measure(sound_chain).bond[29].item(), abs=1e-9)
    assert not m.passes


def test_a_clash_is_not_sound(sound_chain):
    clashing = sound_chain.clone()
    clashing[50] += clashing[10, 1] - clashing[50, 1] + 1.0
    m = measure(clashing)
    assert m.clashes >= 1 and not m.passes


@pytest.mark.parametrize("degrees", [-179.0, -60.0, 0.5, 90.0])
def test_a_torsion_is_the_turn_seen_along_its_axis(degrees):
    b, c = torch.tensor([0.0, 0, 0]), torch.tensor([0.0, 0, 2.0])
    a, turn = torch.tensor([1.0, 0, -0.5]), math.radians(degrees)
    d = torch.tensor(
        [math.cos(turn), math.sin(turn), 2.7]
    )  # counter-clockwise about z as seen from its tip: clockwise along it
    assert torsion(a, b, c, d).item() == pytest.approx(degrees, abs=1e-3)


def test_a_helix_turns_as_a_right_handed_helix_does():
    phi, psi, omega = torsions(load_protein("crambin").coordinates)
    assert phi[7:15].mean().item() == pytest.approx(-63, abs=6) and psi[7:15].mean().item() == pytest.approx(-42, abs=6)
    assert (omega.abs() > 160).all()
    angles, turns = trace_angles(load_protein("crambin").coordinates[:, 1])
    assert angles[7:14].mean().item() == pytest.approx(91, abs=4) and turns[7:14].mean().item() == pytest.approx(
        50, abs=6
    )


def test_a_hundredth_of_nature_is_rare_and_more_of_what_is_not_nature():
    """The maps are made of the training chains and tried on the test chains."""
    chains, names = [chain.coordinates for chain in backbones("test")], ("phi_psi", "bends", "twisted")

    def shares(change):
        found = [measure(change(atoms)) for atoms in chains]
        return {name: torch.cat([getattr(m, name) for m in found]).double().mean().item() for name in names}

    real, mirrored = shares(lambda atoms: atoms), shares(lambda atoms: atoms * torch.tensor([-1.0, 1, 1]))
    little, much = shares(lambda atoms: shaken(atoms, 0.3)), shares(lambda atoms: shaken(atoms, 1.0))
    for name in ("phi_psi", "bends"):
        assert real[name] == pytest.approx(0.01, abs=0.004)
        assert mirrored[name] > 0.08 and 0.02 < little[name] < much[name]
    assert real["twisted"] < 0.01 < 0.3 < little["twisted"]


def test_maps_know_the_common_and_the_forbidden():
    helix, nowhere = torch.tensor([-63.0]), torch.tensor([-42.0])
    assert not phi_psi_map().is_rare(helix, nowhere).any()
    assert phi_psi_map().is_rare(torch.tensor([90.0, 0.0]), torch.tensor([90.0, 0.0])).all()
    assert not bend_map().is_rare(torch.tensor([91.0]), torch.tensor([50.0])).any()
    assert bend_map().is_rare(torch.tensor([40.0]), torch.tensor([50.0])).all()
    assert phi_psi_map().density.sum().item() == pytest.approx(1)


def test_contacts_are_pairs_of_any_atoms_of_residues_that_are_no_neighbours():
    atoms = torch.zeros(4, 4, 3)
    atoms[:, :, 0] = torch.arange(4.0)[:, None] * 100
    assert count_near(atoms, 2.5) == 0  # sixteen atoms of one residue in one place are no contact
    atoms[3, 2] = atoms[0, 3] + 2.0 / math.sqrt(3)
    assert count_near(atoms, 2.5) == 4 and count_near(atoms, 1.9) == 0  # all four atoms of residue 0 are there
    atoms[1, 2] = atoms[0, 3]
    assert count_near(atoms[:2], 2.5) == 0  # neighbours
    assert sum(measure(chain.coordinates).contacts for chain in backbones("test")[:40]) <= 10


def test_what_cannot_be_measured_is_refused():
    for wrong in (torch.zeros(9, 3, 3), torch.zeros(3, 4, 3), torch.zeros(2, 9, 4, 3)):
        with pytest.raises(ValueError, match=r"atoms must have shape \(L, 4, 3\)"):
            measure(wrong)


def test_the_radius_of_gyration_of_four_points():
    atoms = torch.zeros(4, 4, 3)
    atoms[2:, :, 0] = 3.8
    assert measure(atoms).radius == pytest.approx(1.9)


def test_the_oxygen_before_padding_is_that_of_a_last_residue():
    T = load_protein("crambin").rigids(torch.float64)
    mask = torch.arange(T.shape[0]) < 20
    torch.testing.assert_close(backbone_atoms(T, mask)[:20], backbone_atoms(T[:20]))
    assert not torch.allclose(backbone_atoms(T)[19], backbone_atoms(T, mask)[19])
