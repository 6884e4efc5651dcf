"""Secondary structure, ribbons, the camera, and what is drawn with it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection, PolyCollection

from ipa_tutorial import Rigid, load_protein, random_rigid
from ipa_tutorial.pictures.camera import Camera
from ipa_tutorial.pictures.chain import as_chain
from ipa_tutorial.pictures.drawing import (
    AXIS_COLOURS,
    draw_frames,
    draw_links,
    draw_points,
    draw_protein,
    draw_scale_bar,
    residue_colours,
)
from ipa_tutorial.pictures.ribbon import BREAK, face_normals, ribbon
from ipa_tutorial.proteins.dssp import _helices, _strands, hydrogen_bonds, secondary_structure


@pytest.fixture(scope="module")
def ubiquitin():
    return load_protein("ubiquitin")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def of_kind(ax, kind):
    return [artist for artist in ax.collections if type(artist) is kind]


def texts(ax):
    return [text.get_text() for text in ax.texts]


# --- secondary structure ----------------------------------------------------------------------------------------------


def test_ubiquitin_has_its_helix_and_its_five_strands(ubiquitin):
    found = secondary_structure(ubiquitin)
    known = {"H": [(23, 34)], "E": [(1, 7), (10, 17), (40, 45), (48, 49), (64, 72)]}
    assert len(found) == 76 and set(found) == set("HE-")
    for letter, spans in known.items():
        expected = {i for first, last in spans for i in range(first, last + 1)}
        ours = {number for number, x in zip(ubiquitin.residue_index.tolist(), found, strict=True) if x == letter}
        assert ours <= expected
        # The ends of a strand are a matter of definition: up to two residues at either end, and no segment is lost.
        assert all(ours & set(range(first, last + 1)) for first, last in spans)
        assert len(expected - ours) <= 2 * 2 * len(spans)
    assert {i + 1 for i, x in enumerate(found) if x == "H"} == set(range(23, 35))


def test_myoglobin_is_helices_and_no_strand():
    found = secondary_structure(load_protein("myoglobin"))
    assert found.count("E") == 0 and 0.6 < found.count("H") / len(found) < 0.8


@pytest.mark.parametrize(
    "bonds",
    [
        pytest.param([(4, 12), (12, 4), (2, 14), (14, 2)], id="antiparallel, both sides of each pair"),
        pytest.param([(3, 11), (13, 3), (5, 13), (15, 5)], id="parallel"),
    ],
)
def test_bridges_are_found_in_hand_made_bonds(bonds):
    """Bonds as (N–H of i, C=O of j). Each pattern must also be found in the reversed roles of the two strands."""
    for swap in (False, True):
        matrix = torch.zeros(20, 20, dtype=torch.bool)
        for i, j in bonds:
            i, j = ((i + 8) % 16, (j + 8) % 16) if swap else (i, j)
            matrix[i, j] = True
        assert sum(_strands(matrix)) >= 4
    one_side = torch.zeros(20, 20, dtype=torch.bool)
    one_side[bonds[0]] = True
    assert not any(_strands(one_side))


def test_chain_neighbours_are_no_bridge():
    for gap, strands in ((1, 0), (2, 0), (3, 2)):
        bonds = torch.zeros(20, 20, dtype=torch.bool)
        bonds[5, 5 + gap] = bonds[5 + gap, 5] = True
        assert sum(_strands(bonds)) == strands


def test_a_turn_alone_is_no_helix():
    bonds = torch.zeros(12, 12, dtype=torch.bool)
    bonds[7, 3] = True
    assert not any(_helices(bonds))
    bonds[8, 4] = True
    assert [i for i, h in enumerate(_helices(bonds)) if h] == [4, 5, 6, 7]


def test_secondary_structure_does_not_depend_on_the_place(ubiquitin):
    G = random_rigid(generator=torch.Generator().manual_seed(1), scale=50.0)
    moved = G.apply(ubiquitin.coordinates)
    assert secondary_structure(moved) == secondary_structure(ubiquitin.coordinates)


def test_a_missing_atom_makes_coil(ubiquitin):
    atoms = ubiquitin.coordinates.clone()
    atoms[28, 3] = torch.nan
    assert secondary_structure(ubiquitin.coordinates)[27:30] == "HHH"
    assert secondary_structure(atoms)[28] == "-"
    assert secondary_structure(atoms[:1]) == "-"


def test_proline_gives_no_hydrogen_bond(ubiquitin):
    all_proline = type(ubiquitin)(**{**vars(ubiquitin), "sequence": "P" * 76})
    assert secondary_structure(all_proline) == "-" * 76


def test_nothing_bonds_across_a_break(ubiquitin):
    """The N–H of a residue is placed by the residue before: without a peptide bond there is none."""
    atoms = ubiquitin.coordinates.clone()
    everything = torch.ones(76, dtype=torch.bool)
    before = hydrogen_bonds(atoms, everything, ~everything)
    after = hydrogen_bonds(atoms[30:], everything[30:], ~everything[30:])
    assert before[30, :30].any() and before[30:, 30:][1:].equal(after[1:]) and not after[0].any()


@pytest.mark.parametrize("shape", [(7, 3), (7, 3, 3), (2, 7, 4, 3)])
def test_secondary_structure_wants_four_atoms(shape):
    with pytest.raises(ValueError, match=r"coordinates must have shape \(L, 4, 3\)"):
        secondary_structure(torch.randn(*shape))


# --- what can be drawn ------------------------------------------------------------------------------------------------


def test_as_chain_reads_all_kinds(ubiquitin):
    whole, atoms = as_chain(ubiquitin), as_chain(ubiquitin.coordinates)
    trace, frames = as_chain(ubiquitin.ca), as_chain(ubiquitin.rigids())
    assert whole.sequence == ubiquitin.sequence and whole.numbers == tuple(range(1, 77)) == atoms.numbers
    assert not whole.is_trace and not atoms.is_trace and trace.is_trace and frames.is_trace
    assert trace.structure == frames.structure == "-" * 76
    for chain in (atoms, trace, frames):
        np.testing.assert_allclose(chain.ca, whole.ca, atol=1e-4)


def test_as_chain_marks_missing_atoms(ubiquitin):
    mask = ubiquitin.atom_mask.clone()
    mask[5, 1] = mask[9, 3] = False
    chain = as_chain(type(ubiquitin)(**{**vars(ubiquitin), "atom_mask": mask}))
    assert np.isnan(chain.ca[5]).all() and np.isnan(chain.side[9]).all()
    assert np.isfinite(np.delete(chain.ca, 5, 0)).all()


@pytest.mark.parametrize("shape", [(3,), (0, 3), (7, 5, 3), (2, 7, 4, 3), (7, 4)])
def test_as_chain_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="must"):
        as_chain(torch.zeros(shape))


def test_as_chain_refuses_batches_and_nothing():
    with pytest.raises(ValueError, match=r"Rigid of shape \(L,\)"):
        as_chain(Rigid.identity((2, 5)))
    with pytest.raises(ValueError, match="no Cα"):
        as_chain(torch.full((3, 4, 3), torch.nan))


# --- the camera -------------------------------------------------------------------------------------------------------


def test_camera_is_a_proper_rotation_and_fills_the_width(ubiquitin):
    for azimuth, elevation in [(0, 0), (30, -20)]:
        R = Camera.facing(ubiquitin, azimuth, elevation).rotation
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(R) == pytest.approx(1)
    x = Camera.facing(ubiquitin).project(as_chain(ubiquitin).ca)
    assert x.std(0)[0] > x.std(0)[1] > x.std(0)[2]
    assert x[0, 0] < 0 < x[0, 1]


def test_camera_follows_a_moved_protein_but_not_its_mirror_image(ubiquitin):
    ca = ubiquitin.ca.double()
    G = random_rigid(generator=torch.Generator().manual_seed(2), scale=30.0, dtype=torch.float64)

    def seen(points):
        return Camera.facing(points).project(points.numpy())

    np.testing.assert_allclose(seen(G.apply(ca)), seen(ca), atol=1e-9)
    assert np.abs(seen(ca * torch.tensor([1.0, 1.0, -1.0])) - seen(ca)).max() > 1


def test_azimuth_and_elevation_turn_the_scene(ubiquitin):
    straight, right, up = np.eye(3)
    camera = Camera.facing(ubiquitin)
    turned = Camera.facing(ubiquitin, azimuth=90).rotation @ camera.rotation.T
    np.testing.assert_allclose(turned @ right, right, atol=1e-12)  # the vertical stays
    np.testing.assert_allclose(turned @ straight, -up, atol=1e-12)  # what was at the right goes to the back
    tipped = Camera.facing(ubiquitin, elevation=90).rotation @ camera.rotation.T
    np.testing.assert_allclose(tipped @ right, up, atol=1e-12)  # the top comes to the front


def test_what_is_far_fades():
    camera = Camera(np.eye(3), np.zeros(3), reach=10.0)
    near, far = camera.fade("#000000", np.array([10.0, -10.0]), strength=0.5)
    np.testing.assert_allclose([near, far], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_camera_with_nothing_to_see():
    with pytest.raises(ValueError, match="nothing to look at"):
        Camera.facing(torch.full((3, 3), torch.nan))
    with pytest.raises(ValueError, match=r"positions must have shape \(…, 3\)"):
        Camera.facing(torch.zeros(3, 2))


# --- the ribbon -------------------------------------------------------------------------------------------------------


def test_ribbon_runs_through_the_atoms_of_helix_and_coil(ubiquitin):
    chain = as_chain(ubiquitin)
    mesh = ribbon(chain.ca, chain.side, chain.structure)
    assert mesh.faces.shape == mesh.shell.shape == (len(mesh.residue), 4, 3)
    assert set(mesh.residue) == set(range(76))
    for i, letter in enumerate(chain.structure):
        middle = mesh.faces[mesh.residue == i].mean((0, 1))
        assert np.linalg.norm(middle - chain.ca[i]) < (1.6 if letter == "E" else 1.0)


def test_faces_look_outwards_and_the_shell_lies_outside(ubiquitin):
    """On a straight tube the axis is known, so inside and outside are."""
    ca = np.array([[3.8 * i, 0.0, 0.0] for i in range(6)])
    mesh = ribbon(ca, np.full((6, 3), np.nan), "-" * 6)
    middle = mesh.faces.mean(1)
    side = (middle[:, 0] > 0.01) & (middle[:, 0] < ca[-1, 0] - 0.01)
    outwards = middle[side] * [0, 1, 1]
    assert ((mesh.normals[side] * outwards).sum(-1) > 0).all()
    assert ((face_normals(mesh.faces[side]) * outwards).sum(-1) > 0).all()
    radius = np.linalg.norm((mesh.faces * [0, 1, 1])[side], axis=-1)
    assert (np.linalg.norm((mesh.shell * [0, 1, 1])[side], axis=-1) > radius).all()


def test_ribbons_are_wide_and_strands_end_in_arrows(ubiquitin):
    """Along a straight chain whose C=O bonds point along y: the width is the extent in y."""
    ca, side = np.array([[3.3 * i, 0, 0] for i in range(12)], float), np.tile([0.0, 1.0, 0.0], (12, 1))

    def width(structure, residue):
        mesh = ribbon(ca, side, structure)
        return np.ptp(mesh.faces[mesh.residue == residue][..., 1])

    assert width("-" * 12, 5) == pytest.approx(0.64, abs=0.05)
    assert width("---HHHHHH---", 5) == pytest.approx(2.7, abs=0.1)
    assert width("---EEEEEE---", 5) == pytest.approx(2.2, abs=0.1)
    assert max(width("---EEEEEE---", i) for i in (7, 8)) > 3.2
    assert width("---EEEEEE---", 10) < 1.0


def test_nothing_is_drawn_across_a_gap(ubiquitin):
    ca = as_chain(ubiquitin).ca.copy()
    ca[40:] += 20
    ca[10] = np.nan
    mesh = ribbon(ca, np.full_like(ca, np.nan), "-" * 76)
    longest = np.linalg.norm(mesh.faces - np.roll(mesh.faces, 1, axis=1), axis=-1).max()
    assert longest < BREAK / 4
    assert set(mesh.residue) == set(range(76)) - {10}


def test_lone_residues_are_beads_and_nothing_is_nothing():
    lone = ribbon(np.zeros((1, 3)), np.full((1, 3), np.nan), "-")
    assert len(lone.faces) > 0 and np.isfinite(lone.faces).all() and set(lone.residue) == {0}
    none = ribbon(np.full((2, 3), np.nan), np.full((2, 3), np.nan), "--")
    assert none.faces.shape == (0, 4, 3)


# --- drawings ---------------------------------------------------------------------------------------------------------


def test_draw_protein(ubiquitin):
    ax = draw_protein(ubiquitin)
    (ribbon_drawn,) = of_kind(ax, PolyCollection)
    assert len(ribbon_drawn.get_paths()) > 5000
    assert texts(ax) == ["N", "C"] and ax.get_aspect() == 1 and not ax.axison
    assert texts(draw_protein(ubiquitin, termini=False)) == []


def test_the_whole_ribbon_lies_in_the_axes_and_fills_them(ubiquitin):
    ax = draw_protein(ubiquitin, termini=False)
    points = np.concatenate([path.vertices for path in of_kind(ax, PolyCollection)[0].get_paths()])
    for limits, x in zip((ax.get_xlim(), ax.get_ylim()), points.T, strict=True):
        assert np.allclose(limits, (x.min() - 0.04 * np.ptp(x), x.max() + 0.04 * np.ptp(x)))


@pytest.mark.parametrize("kind", ["atoms", "positions", "frames", "one residue", "two residues"])
def test_draw_protein_takes_all_kinds(ubiquitin, kind):
    what = {
        "atoms": ubiquitin.coordinates,
        "positions": ubiquitin.ca,
        "frames": ubiquitin.rigids(),
        "one residue": ubiquitin.coordinates[:1],
        "two residues": ubiquitin.ca[:2],
    }[kind]
    ax = draw_protein(what)
    ax.figure.canvas.draw()
    assert len(of_kind(ax, PolyCollection)[0].get_paths()) > 10


def test_a_protein_with_missing_atoms_is_drawn(ubiquitin):
    mask = ubiquitin.atom_mask.clone()
    mask[[0, 20, 75], 1] = False
    mask[30] = False
    ax = draw_protein(type(ubiquitin)(**{**vars(ubiquitin), "atom_mask": mask}))
    (drawn,) = of_kind(ax, PolyCollection)
    assert all(np.isfinite(path.vertices).all() for path in drawn.get_paths())


def test_colours(ubiquitin):
    structure = secondary_structure(ubiquitin)
    by_structure = residue_colours("structure", structure)
    assert len(np.unique(by_structure, axis=0)) == 3
    assert len(np.unique(residue_colours("#D9D9D9", structure), axis=0)) == 1
    by_value = residue_colours(torch.arange(76.0), structure)
    brightness = by_value @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) > 0).all()  # dark to light, so that it survives grey paper
    assert np.isfinite(residue_colours(torch.ones(76), structure)).all()


@pytest.mark.parametrize("colours", ["no colour", torch.ones(75), torch.full((76,), torch.nan)])
def test_colours_that_do_not_fit(ubiquitin, colours):
    with pytest.raises(ValueError, match="colours must be"):
        draw_protein(ubiquitin, colours=colours)


def test_everything_on_one_axes_is_seen_from_one_side(ubiquitin):
    """Frames, drawn without naming a camera, sit exactly on the Cα atoms of the protein."""
    camera = Camera.facing(ubiquitin, azimuth=40)
    ax = draw_protein(ubiquitin, camera=camera)
    draw_frames(ubiquitin.rigids()[[4, 30]], ax)
    origins = of_kind(ax, PathCollection)[-1].get_offsets()
    np.testing.assert_allclose(origins, camera.project(as_chain(ubiquitin).ca)[[4, 30], :2], atol=1e-3)


def test_frames_have_the_right_axes_and_length():
    """Seen along −z from in front, x goes right and y up, 2 Å long; the translation is in nm."""
    camera = Camera(np.eye(3), np.zeros(3), 10.0)
    T = Rigid(torch.eye(3)[None], torch.tensor([[1.0, 2.0, 0.0]]))
    ax = draw_frames(T, camera=camera, length=2.0, names=["A7"])
    heads = [c.get_paths()[0].vertices[0] for c in of_kind(ax, PolyCollection)]
    np.testing.assert_allclose(heads, [[12, 20], [10, 22], [10, 20]], atol=1e-6)
    assert texts(ax) == ["x", "y", "z", "A7"]
    labels = ax.get_legend_handles_labels()[1]
    assert labels == ["x axis", "y axis", "z axis"]
    styles = {str(line.get_linestyle()) for line in ax.lines} | {str(line._dash_pattern) for line in ax.lines}
    assert len(styles) >= 3 and len(AXIS_COLOURS) == 3  # told apart by dashes as well as by colour


def test_rotated_frames_use_the_columns():
    quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # x goes to y
    ax = draw_frames(Rigid(quarter, torch.zeros(3)), camera=Camera(np.eye(3), np.zeros(3), 10.0), length=1.0)
    heads = [c.get_paths()[0].vertices[0] for c in of_kind(ax, PolyCollection)]
    np.testing.assert_allclose(heads, [[0, 1], [-1, 0], [0, 0]], atol=1e-6)


def test_points_and_links(ubiquitin):
    ax = draw_protein(ubiquitin)
    draw_points(ubiquitin.ca[:10].reshape(2, 5, 3), ax, marker="s", label="key points")
    assert len(of_kind(ax, PathCollection)[0].get_offsets()) == 10
    weights = torch.tensor([1.0, 0.5, 0.01, 0.25])
    draw_links(ubiquitin.ca[40], ubiquitin.ca[:4], weights, ax, width=8.0, label="attention")
    (lines,) = of_kind(ax, LineCollection)
    assert sorted(lines.get_linewidths()) == pytest.approx([2, 4, 8])  # the third is thinner than a hair
    assert ax.get_legend_handles_labels()[1] == ["key points", "attention"]


def test_a_residue_has_no_link_to_itself(ubiquitin):
    weights = torch.tensor([0.1, 0.2, 0.7])
    ax = draw_links(ubiquitin.ca[2], ubiquitin.ca[:3], weights, width=4.0)
    assert sorted(of_kind(ax, LineCollection)[0].get_linewidths()) == pytest.approx([2, 4])


def test_links_without_weights_are_alike(ubiquitin):
    ax = draw_links(ubiquitin.ca[:3], ubiquitin.ca[3:6])
    assert list(of_kind(ax, LineCollection)[0].get_linewidths()) == [4, 4, 4]


def test_scale_bar_is_as_long_as_it_says(ubiquitin):
    ax = draw_scale_bar(draw_protein(ubiquitin), 5)
    assert np.ptp(ax.lines[-1].get_xdata()) == pytest.approx(5) and "5 Å" in texts(ax)


def test_bad_input_is_named(ubiquitin):
    T = ubiquitin.rigids()
    with pytest.raises(TypeError, match="rigids must be a Rigid"):
        draw_frames(ubiquitin)
    with pytest.raises(ValueError, match="names must be one for each of 2 frames, got 1"):
        draw_frames(T[:2], names=["1"])
    with pytest.raises(ValueError, match="rigids must be finite"):
        draw_frames(Rigid(torch.eye(3)[None], torch.full((1, 3), torch.nan)))
    with pytest.raises(ValueError, match="points must be finite, but 1"):
        draw_points(torch.tensor([[0.0, torch.nan, 0.0], [0.0, 0.0, 0.0]]))
    with pytest.raises(ValueError, match=r"positions must have shape \(…, 3\), got \(4, 2\)"):
        draw_points(torch.zeros(4, 2))
    with pytest.raises(ValueError, match="weights must broadcast"):
        draw_links(ubiquitin.ca[0], ubiquitin.ca, torch.ones(75))
    with pytest.raises(ValueError, match="weights must not be negative"):
        draw_links(ubiquitin.ca[0], ubiquitin.ca, -torch.ones(76))
