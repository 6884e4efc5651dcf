"""The lessons' figures are drawn, with what they say in words where it should be, and two panels a row."""

from itertools import combinations
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pytest
import torch

from ipa_tutorial import load_protein, random_rigid
from ipa_tutorial.pictures import Camera
from ipa_tutorial.pictures.figures import (
    distances,
    dreams,
    experiment,
    folding,
    frames,
    home,
    invariance,
    module,
    points,
    practice,
    proof,
    scalars,
    start,
    structure,
    trained,
    verdict_table,
    weights,
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def ubiquitin():
    return load_protein("ubiquitin")


@pytest.fixture(scope="module")
def T(ubiquitin):
    return ubiquitin.rigids(torch.float64)


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))


def narrow(figure):
    """No more than two panels a row, and no wider than a page."""
    subplots = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    rows = [ax.get_subplotspec().rowspan.start for ax in subplots if ax.axison or ax.collections]
    return figure.get_figwidth() <= 9 and max(rows.count(row) for row in set(rows)) <= 3  # two, and a bar of colours


def test_verdicts_look_the_same_everywhere():
    verdicts = {("a", "x"): "caught", ("a", "y y y y y y y y"): "MISSED", ("b", "x"): "fine"}
    verdicts["b", "y y y y y y y y"] = "FALSE ALARM"
    figure = verdict_table(verdicts, ["a", "b"], ["x", "y y y y y y y y"], framed="x")
    boxes = figure.axes[0].patches[:4]
    assert [box.get_hatch() for box in boxes] == ["", "////", "", "...."]
    assert boxes[0].get_facecolor()[2] > boxes[0].get_facecolor()[0]  # blue: caught
    assert boxes[1].get_facecolor()[0] > boxes[1].get_facecolor()[2]  # vermillion: missed
    assert "y y y y y y\n" in words(figure)  # long names are broken
    with pytest.raises(ValueError, match="verdicts must be among"):
        verdict_table({("a", "x"): "found"}, ["a"], ["x"])


def test_start(ubiquitin, T):
    assert "the whole protein" in words(start.atoms_and_frames(ubiquitin, T))
    near = torch.cdist(ubiquitin.ca, ubiquitin.ca) < 8
    assert {"helix", "loop"} <= set(words(start.ribbon_and_contacts(ubiquitin, near)).split())


def test_frames(ubiquitin, T):
    atoms = ubiquitin.coordinates.double()
    n, ca, c, _ = atoms[47]
    assert "side chain" in words(frames.one_residue(ubiquitin, atoms[40:46, 1]))
    assert "mean 1.50 Å" in words(frames.nearly_rigid(torch.full((9,), 1.5), torch.full((9,), 1.4), torch.ones(9)))
    choices = {
        "a": random_rigid(3).rotations.double(),
        "b": torch.eye(3)[None].double(),
        "c": torch.eye(3)[None].double(),
    }
    assert narrow(frames.how_it_may_turn(n, ca, c, choices))
    R = T.rotations[47]
    shadow = R[:, 0] * (R[:, 0] @ (n - ca))
    assert "shadow" in words(frames.gram_schmidt(n, ca, c, R[:, 0], R[:, 1], shadow))
    local = T[:, None].invert_apply(atoms / 10) * 10
    frames.home_two_ways(local, local)
    structure = "H" * 30 + "E" * 30 + "-" * 16
    frames.oxygens(local, structure)
    frames.frames_of_a_protein(ubiquitin, T)
    pieces = [torch.randn(4, 9, 3), torch.randn(4, 9, 3)]
    assert "4 pieces of strand" in words(frames.around_a_residue(pieces, [x[:, :5] for x in pieces]))
    frames.grown_helix(T[22:34], T.translations[22:34])
    five = {name: T[47].scale_translations(10.0) for name in "abcde"}
    assert narrow(frames.conventions(n, ca, c, five, dict.fromkeys("abcde", "turned")))
    frames.in_the_mirror(local[:, 3], local[:, 3], structure)


def test_invariance(ubiquitin, T):
    G = random_rigid().to(torch.float64)
    atoms, x = ubiquitin.coordinates.double() / 10, T.translations
    assert narrow(invariance.one_motion(ubiquitin, atoms, G, x, G.apply(x), torch.cdist(x, x)))
    invariance.two_sides(T, G @ T, T @ G)
    recipes = {"good": random_rigid(50).rotations, "bad": torch.randn(50, 3, 3)}
    verdicts = {"good": (True, 0.0, True), "bad": (False, 0.5, False)}
    assert "bad: not orthogonal, 50% mirrors, not uniform" in words(invariance.recipes_for_rotations(recipes, verdicts))
    maps = [torch.rand(76, 76)] * 2
    found = words(invariance.poses([(T, maps, [0.0, 1e-14], "one"), (T, maps, [0.6, 0.0], "two")]))
    assert all(text in found for text in ("as it was", "only rounding", "largest change 0.6"))
    invariance.how_far_off({"sound": torch.tensor([1e-15])}, {"broken": torch.tensor([0.1])})
    assert "update f" in words(invariance.both_ways_round({"T": T[:6], "f": T[:6], "G": T[:6], "Gf": T[:6]}))


def test_scalars(ubiquitin):
    sequence = ubiquitin.sequence
    scalars.one_hot(torch.rand(76, 20), sequence, "ACDEFGHIKLMNPQRSTVWY")
    scalars.attention_of_one(torch.rand(76), sequence, "R", "title")
    assert narrow(scalars.channels_of_heads({"a": torch.zeros(5, 12).long(), "b": torch.ones(5, 12).long()}))
    scalars.why_the_root([1, 4], ([1, 4], [1, 1]), ([50, 20], [50, 49]), most=76)
    order = torch.tensor(sorted(range(76), key=lambda i: sequence[i]))
    assert narrow(scalars.sorted_by_letter(torch.randn(76, 76), order, sequence))
    assert "K6" in words(scalars.all_alike(ubiquitin, [5, 10], torch.randn(2, 15), 3))
    lengths = torch.tensor([40.0, 1e4])
    scalars.memory_of_a_map(lengths, lengths, lengths)


def test_points(ubiquitin, T):
    place = torch.arange(24).reshape(2, 4, 3)
    assert "z3" in words(
        points.layouts({"a": place, "b": place}, {"a": torch.randn(2, 4, 3), "b": torch.randn(2, 4, 3)})
    )
    world = torch.randn(2, 76, 4, 3).double()
    points.proposals(ubiquitin, T, world, {"one": [47], "three": [5, 32, 47]})
    points.side_chains(ubiquitin, T.translations, T.translations + 0.1)
    G = points.quarter_turn_on_paper(ubiquitin, T.translations)
    torch.testing.assert_close(G.rotations.det(), torch.tensor(1.0, dtype=torch.float64))
    atoms = ubiquitin.coordinates.double()
    poses = [(T, atoms, world[:, 47]), (G @ T, 10 * G.apply(atoms / 10), G.apply(world[:, 47]))]
    assert "Seen from residue 48" in words(points.before_and_after(ubiquitin, 47, poses))
    points.two_units(ubiquitin, {"a": torch.randn(9, 3), "b": torch.randn(9, 3)})
    x = T.translations[:9]
    assert narrow(points.partners(ubiquitin, (x, x + 0.1), {"in the world": x, "in my frame": x}))
    assert narrow(points.query_to_key(ubiquitin, torch.rand(76, 76)))


def test_distances(ubiquitin):
    query, keys = torch.randn(2), torch.randn(4, 2)
    panel = (lambda q, k: k @ q, torch.zeros(2))
    assert narrow(distances.landscapes(query, keys, dict.fromkeys("abc", panel)))
    distances.who_wins(torch.arange(5.0), {name: torch.rand(5) for name in "abcd"})
    distances.three_parts(range(1, 6), torch.rand(5), torch.rand(5), -0.1, residue=3)
    curves = {gamma: (5.0, torch.rand(76), 10.0) for gamma in (1, 10, 100)}
    distances.bells(torch.rand(76), curves, torch.logspace(-2, 4, 9), torch.rand(9))
    scene = (torch.randn(4, 2), torch.full((4,), 0.25), 5.0, "title")
    assert narrow(distances.key_scenes([scene] * 3)) and len(distances.key_scenes([scene]).axes) == 1
    distances.across_the_sheet(torch.randn(6, 3), torch.tensor([1, 1, 1, 0, 0, 0]).bool())
    distances.left_and_right(ubiquitin, [(3, 15), (4, 60)], torch.rand(76, 76), gamma=30)
    distances.far_from_home(torch.logspace(0, 3, 4), {"a": torch.rand(4), "b": torch.rand(4)})


def test_no_label_lies_on_another():
    """The plane of lesson 05, with the origin at either place."""
    query, keys = torch.tensor([1.0, 0.5]), torch.tensor([[1.4, 0.9], [0.2, -0.6], [2.8, 1.6], [-0.9, 1.2]])
    origins = {name: torch.tensor(place) for name, place in (("a", [0.0, 0.0]), ("b", [2.0, 1.2]), ("c", [2.0, 1.2]))}
    panels = {name: (lambda q, k: k @ q, origin) for name, origin in origins.items()}
    figure = distances.landscapes(query, keys, panels)
    figure.canvas.draw()
    for ax in figure.axes:
        boxes = [text.get_window_extent() for text in ax.texts]
        assert len(boxes) == 6 and not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_weights():
    counts, estimates = torch.tensor([10, 100]), torch.rand(5, 2)
    assert "if it were 6" in words(weights.counted_variance(counts, estimates, torch.tensor(1.0)))
    figure = weights.variance_of_queries(torch.randn(20, 3), torch.randn(20, 50))
    assert narrow(figure) and len(figure.axes[0].patches) == 3
    assert "ρ = 0: γ = 0.69" in words(weights.three_starts({"a": 0.54, "b": 1.3, "0": 0.0}))
    loud = dict(zip(("scalar", "pair", "point"), (1.0, 1.0, 84.0), strict=True))
    assert narrow(figure := weights.how_loud({"nm": loud, "Å": loud})) and "84.0" in words(figure)
    scales = torch.tensor([0.1, 1.0, 10.0])
    assert narrow(weights.from_all_to_one(scales, [76, 40, 1], [0.1, 0.01, 1e-9], 50.0))
    assert "frames in Å" in words(
        weights.learning({"nm": ([1.0] * 9, torch.rand(76)), "Å": ([1.0] * 9, torch.rand(76))})
    )


def test_home(ubiquitin, T):
    camera = Camera.facing(ubiquitin)
    figure = home.heard_along_the_chain(ubiquitin, torch.rand(76, 151))
    image = figure.axes[0].images[0].get_array()
    assert image[75].sum() == 0 < image[74].sum()  # what a residue keeps for itself is left out
    assert "o, scalars".replace(", ", "\n") in words(
        home.where_features_come_from({"õ, pairs": 9, "o, scalars": 3, "points": 4, "norms": 1})
    )
    row = torch.full((76,), 1 / 76).double()
    assert "residue 30" in words(home.world_and_home(ubiquitin, camera, T, T.translations, row, 29))
    moves = {name: [0.0, 1.0] for name in home.WAYS_HOME}
    assert narrow(home.ways_home(torch.tensor([0.0, 1.0]), moves, torch.tensor([0.0, 1.0]), moves))
    inwards = {"A": torch.rand(5), "K": -torch.rand(5)}
    assert {"A  oily", "K  watery"} <= set(
        t.get_text()
        for t in home.towards_the_crowd(ubiquitin, camera, T, T.translations * 0, inwards, "A")
        .axes[1]
        .get_yticklabels()
    )
    x = torch.logspace(-7, 0, 9)
    assert narrow(home.what_epsilon_does(x, x + 1e-4, x / (x + 1e-4)))
    figure = home.two_orders([2, 1, 6, 2], torch.randperm(11))
    assert [line.get_linestyle() for line in figure.axes[0].lines].count(":") == 2  # z of two points


def test_module():
    truth, mask = torch.randn(6, 4), torch.arange(6) < 4
    figure = module.beside_deepmind(truth, truth, mask, {name: torch.rand(6) for name in "abc"})
    assert narrow(figure) and "16 numbers" in words(figure) and len(figure.axes[1].patches) == 2
    off = {"nothing": 1e-16, "loud": 0.5, "quiet": 1e-8}
    found = words(module.one_wrong_line(off, {"loud": None}, ["quiet"], 1e-6))
    assert "loud  (port)" in found and "0.50" in found and "1e-08" in found
    answers = {"mask given": (torch.rand(2, 6), 0.8), "mask forgotten": (torch.rand(2, 6), 0.1)}
    figure = module.burial_of_new_proteins(torch.rand(2, 6), answers, {"one": mask, "two": ~mask})
    assert "mask forgotten: R² = 0.10" in words(figure)
    assert [len(ax.collections[0].get_offsets()) for ax in figure.axes] == [4, 4]  # the real ones


def test_proof(ubiquitin, T):
    atoms = ubiquitin.coordinates.double()
    atoms = atoms - atoms[:, 1].mean(0)
    figure = proof.turning({0: atoms, 90: atoms}, range(15, 360, 15), {name: [0.1] * 23 for name in "abc"})
    assert {"0°", "90°"} <= {ax.get_title() for ax in figure.axes}
    out, camera = torch.rand(76, 32), Camera.facing(ubiquitin)
    assert "changed by 1e-07" in words(proof.moved_protein(atoms, camera, torch.rand(76, 76), out, (1e-7, 1e-6)))
    offsets = [1.0, 10.0, 100.0, 1e3]
    curves = {"float32": offsets, "float32, late": offsets, "x": offsets, "y": offsets}
    assert "slope 2" in words(figure := proof.far_away(offsets, curves, {"a": offsets, "b": offsets})) and narrow(
        figure
    )
    assert narrow(proof.mirrored(atoms, torch.tensor([-1.0, 1.0, 1.0]).double(), torch.randn(76, 76)))


def test_dreams(ubiquitin, T):
    chains = [SimpleNamespace(length=60, radius=11.0, helix=0.5, strand=0.1)]
    assert narrow(dreams.beside_real_chains(chains, chains))
    figure = dreams.noise_to_fold(dict.fromkeys(("a", "b", "c", "d"), T), ubiquitin.coordinates)
    assert narrow(figure) and len(figure.axes[3].collections) == 1 < len(
        figure.axes[0].collections
    )  # a ribbon at the end


def test_structure(ubiquitin, T):
    sides = {"right": T, "left": T}
    assert narrow(structure.nudged(T, sides, sides))
    assert "after layer 8: 0.0 Å" in words(structure.through_layers([T] * 9, [T] * 9))
    structure.rounding({name: [1e-7, 1e-6, 1e-5] for name in "abc"})
    x = T.translations
    assert "order unknown: 18 places" in words(structure.from_one_point(ubiquitin.sequence, x, x))
    figure = structure.four_angles(lambda chi: torch.rand(9, 3) + chi[0], ["N", "CA", "C", "O", "CB"])
    assert narrow(figure) and "CB" in words(figure)
    there = torch.zeros(76, 7, dtype=torch.bool)
    there[:9, 3] = True
    assert "χ1: 9 residues" in words(structure.torsion_angles(torch.rand(76, 7), there))
    structure.off_by_group(torch.rand(60), torch.tensor([0, 3, 4, 5, 6, 7]).repeat(10))
    crystal = torch.randn(76, 14, 3)
    known = torch.ones(76, 14, dtype=torch.bool)
    found = words(structure.rebuilt({"as it is": crystal, "off": crystal + 0.1}, crystal, known, residue=32))
    assert "as it is: lysine 33 is off by up to 0.00 Å" in found
    assert "50% off" in words(structure.deviations(["s"], [1e-15], [0.5]))


def test_folding(ubiquitin, T):
    assert narrow(folding.seen_by(ubiquitin, T, {9: ubiquitin.ca, 65: ubiquitin.ca + 1}))
    assert "at 0.01 Å" in words(folding.round_bottom(1e-4))
    folding.bending(torch.arange(3), {name: [0.0, 0.1, 0.2] for name in "abcd"})
    judges, known = torch.ones(8 * 76, dtype=torch.bool), torch.ones(14 * 76, dtype=torch.bool)
    figure = folding.groups_and_atoms(torch.rand(8 * 76, 14 * 76), judges, known, ubiquitin.sequence[:3])
    assert "I3" in words(figure) and figure.axes[0].images[0].get_array().shape == (24, 42)
    row = torch.zeros(76)
    row[[5, 60]] = 0.3
    assert {"K6", "N60"} & set(words(folding.looks_at(ubiquitin, Camera.facing(ubiquitin), 43, row, "")).split())
    terms = {name: torch.rand(8) for name in ("scalar", "pair", "point")}
    assert narrow(folding.loudness(torch.rand(8) + 1, terms, [1.0, 1.0, 2.0]))


def test_experiment(ubiquitin, T):
    experiment.directions_and_lengths(torch.nn.functional.normalize(torch.randn(9, 3), dim=-1), range(40, 49))
    assert narrow(experiment.shaken(ubiquitin, dict.fromkeys((1.0, 2.0, 4.0), T)))
    found = words(experiment.denoised(ubiquitin, dict.fromkeys("abc", T)))
    assert "Cα RMSD 0.0 Å" in found and "the truth" in found
    assert "IPA" in words(experiment.race({"IPA": [3.0, 2.0], "global": [2.0, 2.0]}, window=25))
    networks = {name: torch.rand(3, 3).numpy() for name in "abc"}
    assert narrow(experiment.against_size([4, 60, 900], dict.fromkeys((1.0, 2.0), networks), {1.0: 3.0, 2.0: 6.0}))
    pairs = {name: torch.rand(3, 2).numpy() for name in "abc"}
    assert "60 training chains" in words(experiment.given_and_rotated([4, 60, 900], pairs))
    seeds = {"IPA without scalars": torch.ones(3).numpy(), "IPA": torch.zeros(3).numpy()}
    assert "IPA: 0.00 ± 0.00" in words(experiment.networks(seeds, 6.0, title=""))
    assert "moved\n1 nm" in words(experiment.placements(["as given", "rotated", "moved 1 nm"], networks, 6.0))


def test_practice():
    memory = {(name, backward): [1.0, 2.0] for name in ("textbook", "fast") for backward in (False, True)}
    assert "fast, forward + backward" in words(practice.memory_against_length([64, 128], memory, [0.5, 1.0]))
    assert "the floor" in words(practice.the_floor(dict.fromkeys("abcde", 1.0), 9.0, "ms"))
    assert "log(e − 1): γ = 1.00" in words(practice.places_to_start())
    logits = {"nanometres": -torch.rand(9) - 0.1, "ångström": -100 * torch.rand(9) - 0.1}
    assert "ångström: standard deviation" in words(practice.sizes_of_logits(logits))


def test_trained(ubiquitin):
    errors = torch.rand(76), torch.rand(76)
    assert "CDR 1" in words(trained.along_the_chain(*errors, {"CDR 1": (3, 9)}))
    habits = {name: torch.rand(3, 8) for name in "abcd"}
    assert narrow(trained.four_habits(habits, habits))
    assert "block 3" in words(trained.worth_of_heads(torch.rand(3, 8, 3).numpy(), "abc"))
    assert narrow(trained.in_doubt(ubiquitin.coordinates, ubiquitin.coordinates, *errors, "the fold"))
