"""The numbers that a backbone is judged by, on real chains and on chains that are known to be wrong."""

import math

import pytest
import torch

from ipa_tutorial import load_protein, random_rigid
from ipa_tutorial.dreams.measures import angle, backbone_atoms, measure
from ipa_tutorial.proteins.dataset import backbones
from ipa_tutorial.proteins.dssp import secondary_structure


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
    assert sum(m.sound for m in measures) >= 27
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
    assert measure(atoms).sound
    return atoms


def test_a_torn_bond_is_not_sound(sound_chain):
    torn = sound_chain.clone()
    torn[30:] += 0.3 * torch.nn.functional.normalize(torn[30, 0] - torn[29, 2], dim=-1)  # Å: 21 deviations
    m = measure(torn)
    assert m.clashes == 0 and not m.sound
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
    assert not m.sound


def test_a_clash_is_not_sound(sound_chain):
    clashing = sound_chain.clone()
    clashing[50] += clashing[10, 1] - clashing[50, 1] + 1.0
    m = measure(clashing)
    assert m.clashes >= 1 and not m.sound


def test_the_radius_of_gyration_of_two_points():
    atoms = torch.zeros(2, 4, 3)
    atoms[1, :, 0] = 3.8
    assert measure(atoms).radius == pytest.approx(1.9)
