"""The denoising task, the networks with something missing, and the study that compares them."""

from __future__ import annotations

import csv
import math
from dataclasses import asdict, replace

import pytest
import torch

from ipa_tutorial import FastInvariantPointAttention, Rigid, assert_equivariant, random_rigid
from ipa_tutorial.proteins.dataset import backbones, batch, crop
from ipa_tutorial.studies import ablations as arms
from ipa_tutorial.studies import folds, relatives
from ipa_tutorial.studies import invariance as study
from ipa_tutorial.studies.ablations import ARMS
from ipa_tutorial.studies.denoising import (
    LEVELS,
    Denoiser,
    denoising_errors,
    errors_by_chain,
    frame_error,
    moved,
    places,
    random_levels,
    random_turns,
    shake,
    train_denoiser,
    turn_between,
)
from ipa_tutorial.studies.rivals import (
    DistanceBlock,
    GlobalBlock,
    GlobalDenoiser,
    PoseBlock,
    distance_bumps,
    relative_poses,
)

TINY = dict(dim=12, pair_dim=6, depth=2, heads=2)
SIZES = dict(heads=2, scalar_key_dim=3, scalar_value_dim=5, point_key_dim=4, point_value_dim=7, pairwise_repr_dim=6)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def chains():
    """Three crops of different lengths, so that two are padded."""
    return batch([crop(protein, n, seeded()) for protein, n in zip(backbones("test"), (20, 13, 17), strict=False)])


def awake(model: torch.nn.Module) -> torch.nn.Module:
    """A model in which nothing that can learn is zero any more."""
    torch.manual_seed(3)
    for weight in model.parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight, std=0.2)
    return model


# ------------------------------------------------------------------------------------------------------------ the noise


def test_the_noise_has_the_strength_that_it_says():
    level = torch.tensor([1.0, 3.0])
    here = Rigid.identity((2, 20_000))
    noisy = shake(here, level, seeded())
    for row, strength in zip(noisy.translations, level.tolist(), strict=True):
        assert row.std(0).tolist() == pytest.approx([strength / 10] * 3, rel=0.03)  # nm
        assert row.mean(0).abs().max() < 0.01
    angle = turn_between(noisy.rotations, here.rotations).deg2rad()  # a rotation vector's length, below half a turn
    assert angle.square().mean(-1).div(3).sqrt().tolist() == pytest.approx((level / 10).tolist(), rel=0.03)


def test_turns_are_proper_rotations_about_axes_without_preference():
    turns = random_turns((5000,), torch.full((5000,), 0.7), seeded())
    eye = torch.eye(3).expand_as(turns)
    torch.testing.assert_close(turns @ turns.mT, eye, atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(turns), torch.ones(5000))
    assert (turns - turns.mT).mean(0).abs().max() < 0.05
    assert torch.equal(random_turns((2,), torch.zeros(2), seeded()), eye[:2])


def test_to_shake_and_move_is_to_move_and_shake(chains):
    motions = random_rigid(3, seeded(1))[:, None]
    level = torch.tensor([1.0, 2.0, 4.0])
    one = shake(motions @ chains.rigids, level, seeded(2))
    other = motions @ shake(chains.rigids, level, seeded(2))
    torch.testing.assert_close(one.translations, other.translations, atol=1e-5, rtol=0)
    torch.testing.assert_close(one.rotations, other.rotations, atol=1e-5, rtol=0)


def test_levels_lie_between_the_weakest_and_the_strongest():
    levels = random_levels(4000, seeded())
    assert levels.min() >= min(LEVELS) and levels.max() <= max(LEVELS)
    assert levels.median().item() == pytest.approx((min(LEVELS) * max(LEVELS)) ** 0.5, rel=0.05)


# ----------------------------------------------------------------------------------------------------------- the errors


def test_the_angle_between_rotations():
    about_z = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    half = torch.diag(torch.tensor([1.0, -1, -1]))
    R = random_rigid(4, seeded(), dtype=torch.float64).rotations
    for turn, degrees in ((torch.eye(3), 0), (about_z, 90), (half, 180)):
        angles = turn_between(R @ turn.double(), R)
        torch.testing.assert_close(angles, torch.full_like(angles, degrees), atol=1e-4, rtol=0)


def test_errors_are_those_of_the_noise_before_training_and_do_not_depend_on_the_place(chains):
    model = Denoiser(**TINY)
    errors = [denoising_errors(model, chains, 2.0, motions) for motions in (None, random_rigid(3, seeded(), 2.0))]
    noisy = shake(chains.rigids, torch.full((3,), 2.0), seeded())
    assert errors[0].fape == pytest.approx(frame_error(noisy, chains).mean().item(), rel=1e-5)
    assert errors[0].turn == pytest.approx(0.2 * (8 / torch.pi) ** 0.5 * 57.3, rel=0.15)  # the mean of a Maxwell law
    assert 1.5 < errors[0].rmsd < 3.5
    assert errors[1].fape == pytest.approx(errors[0].fape, rel=1e-4)
    assert errors[1].turn == pytest.approx(errors[0].turn, rel=1e-3)


def test_errors_by_chain_are_those_whose_mean_is_the_error(chains):
    model = awake(Denoiser(**TINY))
    errors = errors_by_chain(model, chains, 2.0)
    assert errors.shape == (3,) and errors.unique().numel() == 3
    assert errors.mean().item() == pytest.approx(denoising_errors(model, chains, 2.0).fape)


def test_padding_has_no_part_in_the_errors(chains):
    spoiled = replace(
        chains,
        rigids=Rigid(
            chains.rigids.rotations, chains.rigids.translations.where(chains.mask[..., None], torch.tensor(9.0))
        ),
    )
    model = awake(Denoiser(**TINY))
    assert denoising_errors(model, spoiled, 2.0) == denoising_errors(model, chains, 2.0)


def test_places_are_where_they_say():
    there = places(50)
    assert list(there)[:2] == ["as given", "rotated"]
    points = torch.randn(50, 3, generator=seeded())
    assert torch.equal(there["as given"].apply(points), points)
    assert not there["rotated"].translations.any()
    assert turn_between(there["rotated"].rotations, torch.eye(3)).mean() > 90
    for nm in (1, 3, 10, 100):
        shift = there[f"moved {nm} nm"].apply(points) - points
        assert shift.norm(dim=-1).tolist() == pytest.approx([nm] * 50, rel=1e-4)
    assert torch.equal(places(50)["rotated"].rotations, there["rotated"].rotations)


# --------------------------------------------------------------------------------------------------------- the networks


def test_a_fresh_denoiser_leaves_everything_in_its_place(chains):
    for arm in ARMS.values():
        out = arm.build(**TINY)(chains.rigids, torch.ones(3), chains)
        torch.testing.assert_close(out.translations, chains.rigids.translations)
        torch.testing.assert_close(out.rotations, chains.rigids.rotations)


def answer(model, chains):
    return lambda frames: model(frames, torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64), chains)[chains.mask]


INVARIANT = [name for name in ARMS if not name.startswith("global")]


@pytest.mark.parametrize("name", INVARIANT)
def test_ipa_all_its_variants_and_plain_attention_with_invariant_pairs_are_equivariant(name, chains):
    model = awake(ARMS[name].build(**TINY)).double()
    assert_equivariant(answer(model, chains), chains.rigids.to(torch.float64))


def test_the_network_of_global_coordinates_is_not(chains):
    model = awake(GlobalDenoiser(**TINY)).double()
    with pytest.raises(AssertionError):
        assert_equivariant(answer(model, chains), chains.rigids.to(torch.float64))


def test_all_networks_have_the_same_size():
    sizes = {name: sum(weight.numel() for weight in arm.build().parameters()) for name, arm in ARMS.items()}
    assert len({size for name, size in sizes.items() if name.startswith("IPA")}) == 1
    for rival in (name for name in ARMS if not name.startswith("IPA")):
        assert sizes["IPA"] < sizes[rival] < 1.03 * sizes["IPA"]
    assert [name for name, arm in ARMS.items() if arm.augment] == ["global coordinates, turned"]


def inputs(L: int = 6):
    generator = seeded(4)
    T = random_rigid((2, L), generator)
    s, z = torch.randn(2, L, 12, generator=generator), torch.randn(2, L, L, 6, generator=generator)
    return (s, z), dict(rotations=T.rotations, translations=T.translations, mask=torch.ones(2, L, dtype=torch.bool))


SILENT = {
    arms.WithoutScalars: "scalar_logits",
    arms.WithoutPairBias: "pair_logits",
    arms.WithoutDistances: "point_logits",
}


@pytest.mark.parametrize("variant", SILENT, ids=lambda variant: variant.__name__)
def test_exactly_one_logit_term_is_silent(variant):
    attention = awake(variant(12, **SIZES))
    (s, z), geometry = inputs()
    out, parts = attention(s, z, **geometry, return_parts=True)
    zero = [name for name in SILENT.values() if not getattr(parts, name).any()]
    assert zero == [SILENT[variant]]
    torch.testing.assert_close(out, attention(s, z, **geometry), atol=1e-4, rtol=1e-4)  # the fast form agrees


def test_without_point_outputs_only_the_weights_know_the_frames():
    (s, z), geometry = inputs()
    deaf = awake(arms.WithoutPointOutputs(12, **SIZES))
    whole = FastInvariantPointAttention(12, **SIZES)
    whole.load_state_dict(deaf.state_dict())
    assert not torch.allclose(deaf(s, z, **geometry), whole(s, z, **geometry))
    before = [attention(s, z, **geometry) for attention in (deaf, whole)]
    for attention in (deaf, whole):
        torch.nn.init.ones_(attention.to_v_points.weight)
    after = [attention(s, z, **geometry) for attention in (deaf, whole)]
    assert torch.equal(before[0], after[0])
    assert not torch.allclose(before[1], after[1])
    geometry["translations"] = geometry["translations"] + torch.randn(2, 6, 3, generator=seeded())
    assert not torch.allclose(deaf(s, z, **geometry), after[0])


def test_without_geometry_no_frame_is_seen_at_all():
    (s, z), geometry = inputs()
    blind = awake(arms.WithoutGeometry(12, **SIZES))
    elsewhere = random_rigid((2, 6), seeded(9))
    geometry_there = geometry | dict(rotations=elsewhere.rotations, translations=elsewhere.translations)
    torch.testing.assert_close(blind(s, z, **geometry), blind(s, z, **geometry_there))


def test_the_global_block_reads_frames_as_numbers_and_as_nothing_else():
    (s, z), geometry = inputs()
    block = awake(GlobalBlock(12, **SIZES))
    moved_away = geometry | dict(translations=geometry["translations"] + 1)
    assert not torch.allclose(block(s, z, **geometry), block(s, z, **moved_away))
    torch.nn.init.zeros_(block.embed_frame.weight)
    assert torch.equal(block(s, z, **geometry), block(s, z, **moved_away))


def test_distances_are_bumps_about_their_centres():
    there = torch.tensor([[0.0, 0, 0], [0, 1.2, 0], [0.6, 1.2, 0.8]], dtype=torch.float64)  # nm: 1.2 and 1.0 apart
    bumps = distance_bumps(there)
    assert bumps.shape == (3, 3, 16) and torch.equal(bumps, bumps.transpose(0, 1))
    assert bumps[0, 1].argmax() == 6 and bumps[1, 2].argmax() == 5 and bumps[0, 0].argmax() == 0  # one every 0.2 nm
    assert bumps[0, 1, 5].item() == pytest.approx(math.exp(-0.5), rel=1e-6)  # one width away from its centre
    there.requires_grad_()
    distance_bumps(there).sum().backward()
    assert there.grad.isfinite().all()


def test_a_relative_pose_is_what_one_residue_sees_of_another():
    frames = random_rigid((2, 5), seeded(), dtype=torch.float64)
    poses = relative_poses(frames)  # (2, 5, 5, 12)
    i, j = 1, 3
    seen = frames[:, i].invert_apply(frames.translations[:, j])
    torch.testing.assert_close(poses[:, i, j, 9:], seen)
    turn = poses[:, i, j, :9].unflatten(-1, (3, 3))
    torch.testing.assert_close(frames[:, i].rotations @ turn, frames[:, j].rotations)
    motion = random_rigid((), seeded(1), dtype=torch.float64)
    torch.testing.assert_close(relative_poses(motion @ frames), poses)


@pytest.mark.parametrize("block", [DistanceBlock, PoseBlock])
def test_invariant_pairs_are_the_only_door_of_geometry(block):
    (s, z), geometry = inputs()
    block = awake(block(12, **SIZES))
    elsewhere = random_rigid((2, 6), seeded(9))
    there = geometry | dict(rotations=elsewhere.rotations, translations=elsewhere.translations)
    assert not torch.allclose(block(s, z, **geometry), block(s, z, **there))
    torch.nn.init.zeros_(block.embed_pair.weight)
    torch.testing.assert_close(block(s, z, **geometry), block(s, z, **there))


def test_distances_see_no_orientation_and_poses_do():
    (s, z), geometry = inputs()
    turned = geometry | dict(rotations=random_rigid((2, 6), seeded(9)).rotations)
    distances, poses = (awake(block(12, **SIZES)) for block in (DistanceBlock, PoseBlock))
    assert torch.equal(distances(s, z, **geometry), distances(s, z, **turned))
    assert not torch.allclose(poses(s, z, **geometry), poses(s, z, **turned))


def test_the_global_update_changes_axes_and_places_along_the_world():
    frames = random_rigid((2, 5), seeded())
    change = torch.zeros(2, 5, 9)
    same = GlobalDenoiser(**TINY).move(frames, change)
    torch.testing.assert_close(same.rotations, frames.rotations)
    assert torch.equal(same.translations, frames.translations)
    x_axis, push = torch.tensor([0.0, 0, 1]), torch.tensor([1.0, 2, 3])
    change[..., :3], change[..., 6:] = x_axis - frames.rotations[..., 0], push
    there = GlobalDenoiser(**TINY).move(frames, change)
    torch.testing.assert_close(there.rotations[..., 0], x_axis.expand(2, 5, 3))
    torch.testing.assert_close(torch.linalg.det(there.rotations), torch.ones(2, 5))
    torch.testing.assert_close(there.translations, frames.translations + push)


# --------------------------------------------------------------------------------------------------------- the training


@pytest.mark.parametrize("name", ARMS)
def test_every_network_learns_and_what_is_silent_stays_so(name):
    torch.manual_seed(0)
    model = ARMS[name].build(**{**TINY, "depth": 1})
    frozen = [weight for weight in model.parameters() if not weight.requires_grad]
    little = dict(augment=ARMS[name].augment, batch_size=4, length=16, progress=False)
    losses = train_denoiser(model, backbones("train")[:2], 60, **little)
    assert sum(losses[-10:]) < 0.95 * sum(losses[:10])
    assert not any(weight.any() for weight in frozen)
    assert len(frozen) == (1 if name in ("IPA without scalars", "IPA without pair bias") else 0)


def test_the_same_seed_gives_the_same_training():
    def trained(seed, augment=False):
        torch.manual_seed(0)
        return train_denoiser(Denoiser(**TINY), backbones("train")[:5], 3, seed, augment, progress=False)

    assert trained(0) == trained(0) != trained(1)
    assert trained(0, augment=True) == pytest.approx(trained(0), rel=1e-3)  # the same crops and noise: IPA sees no turn


def test_turning_is_not_lost_on_the_network_of_global_coordinates():
    def trained(augment):
        torch.manual_seed(0)
        return train_denoiser(GlobalDenoiser(**TINY), backbones("train")[:5], 6, 0, augment, progress=False)

    assert trained(True)[-1] != pytest.approx(trained(False)[-1], rel=1e-6)


def test_moved_moves_the_frames_and_nothing_else(chains):
    there = moved(chains, places(3)["moved 10 nm"])
    assert (there.rigids.translations - chains.rigids.translations).norm(dim=-1).min() > 9.99
    assert torch.equal(there.mask, chains.mask) and torch.equal(there.residue_index, chains.residue_index)


# ------------------------------------------------------------------------------------------------------------ the study


@pytest.fixture
def tiny_study(monkeypatch):
    monkeypatch.setattr(study, "SIZES", (3, 2))
    monkeypatch.setattr(study, "SEEDS", (0,))
    monkeypatch.setattr(study, "STEPS", 1)
    two = {split: backbones(split)[:3] for split in ("train", "test")}
    monkeypatch.setattr(study, "backbones", two.get)
    monkeypatch.setattr(study, "pieces", lambda chains: batch([crop(chain, 8) for chain in chains]))


def test_the_study_goes_on_where_it_was(tiny_study, tmp_path, capsys, monkeypatch):
    table = tmp_path / "invariance.csv"
    runs = list(study.all_runs())
    assert len(runs) == len(set(runs)) == len(ARMS) + len(study.AT_ALL_SIZES)
    model, proteins, seconds = study.train(runs[3])
    study.append([asdict(row) for row in study.rows_of(runs[3], model, proteins, seconds)], table)
    before = table.read_text()
    study.main(["--csv", str(table)])
    assert table.read_text().startswith(before)
    singles = study.finished(study.by_chain(table))
    assert singles == {run for run in runs if run.chains == max(study.SIZES)} and runs[3] in singles
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(runs) * (6 + 2) * len(LEVELS)
    assert len({tuple(row.values())[:4] for row in rows}) == len(runs)
    whole = table.read_text()
    monkeypatch.setattr(study, "train", lambda run: pytest.fail("nothing was left to do"))
    study.main(["--csv", str(table)])
    assert table.read_text() == whole


def test_the_training_chains_of_a_seed_are_as_many_as_asked_and_its_own():
    names = [{(c.name, c.chain) for c in study.training_chains(4, seed)} for seed in (0, 0, 1)]
    assert len(names[0]) == 4 and names[0] == names[1] != names[2]
    assert len(study.training_chains(900, 0)) == 900


def test_test_pieces_are_always_the_same():
    chains = backbones("test")
    one, two = study.pieces(chains), study.pieces(chains)
    assert len(one) == 100 and torch.equal(one.rigids.translations, two.rigids.translations)
    few = study.pieces(chains[:3])
    assert len(few) == 100 and not torch.equal(few.rigids.translations[0], few.rigids.translations[3])


def test_the_table_of_the_lesson_is_whole():
    with study.TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    finished, wanted = study.finished(study.TABLE), set(study.all_runs())
    assert finished == wanted
    assert len(rows) == len(finished) * (6 + 2) * len(LEVELS)
    for name, arm in ARMS.items():
        size = str(sum(weight.numel() for weight in arm.build().parameters()))
        assert {row["parameters"] for row in rows if row["arm"] == name} == {size}


def test_the_table_of_single_chains_agrees_with_the_means():
    means = {}
    with study.TABLE.open(newline="", encoding="utf-8") as file:
        for r in csv.DictReader(file):
            if (r["tested_on"], r["placed"], float(r["level"])) == ("test", "as given", study.BY_CHAIN_LEVEL):
                means[r["arm"], r["chains"], r["seed"]] = float(r["fape"])
    with study.by_chain(study.TABLE).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert study.finished(study.by_chain(study.TABLE)) <= set(study.all_runs())
    for row in rows:
        errors = [float(row[relatives.name_of(chain)]) for chain in backbones("test")]
        assert sum(errors) / 100 == pytest.approx(means[row["arm"], row["chains"], row["seed"]], abs=0.03)


# -------------------------------------------------------------------------------------------------------- the relatives


def test_the_nearest_relative_is_kept_and_whatever_else_is_alike(monkeypatch, tmp_path):
    one, *others = backbones("test")[:6]
    scores = dict(zip(map(relatives.name_of, others), (0.31, 0.72, 0.12345, 0.5, 0.499), strict=True))
    monkeypatch.setattr(relatives, "tm_score", lambda a, b: scores[relatives.name_of(b)])
    found = relatives.alike(one, others)
    assert [pair.tm for pair in found] == [0.72, 0.5]
    alone = relatives.alike(one, [others[0], others[2]])
    assert [(pair.train, pair.tm) for pair in alone] == [(relatives.name_of(others[0]), 0.31)]
    table = tmp_path / "relatives.csv"
    assert relatives.read(table) == []
    relatives.append(found, table)
    relatives.append(alone, table)
    assert relatives.read(table) == found + alone
    assert relatives.nearest(found + alone) == {relatives.name_of(one): 0.72}


def test_the_comparison_goes_on_where_it_was(monkeypatch, tmp_path):
    some = {"test": backbones("test")[:3], "train": backbones("train")[:4]}
    monkeypatch.setattr(relatives, "backbones", some.get)
    asked = []
    monkeypatch.setattr(relatives, "tm_score", lambda a, b: asked.append(relatives.name_of(a)) or 0.4)
    table = tmp_path / "relatives.csv"
    relatives.append([relatives.Pair(relatives.name_of(some["test"][1]), "x", 0.9)], table)
    relatives.main(["--csv", str(table)])
    assert asked == [relatives.name_of(some["test"][i]) for i in (0, 2) for _ in range(4)]
    assert len(relatives.nearest(relatives.read(table))) == 3


def test_the_tm_score_is_normalised_by_the_shorter_and_blind_to_motions():
    pytest.importorskip("tmtools")
    chain = backbones("test")[0]
    piece = crop(chain, 40, seeded())
    assert relatives.tm_score(chain, piece) == pytest.approx(1, abs=1e-3)
    assert relatives.tm_score(piece, chain) == pytest.approx(1, abs=1e-3)
    motion = random_rigid((), seeded())
    elsewhere = replace(piece, coordinates=motion.apply(piece.coordinates))
    assert relatives.tm_score(chain, elsewhere) == pytest.approx(1, abs=1e-3)
    assert relatives.tm_score(chain, backbones("train")[0]) < 0.7


def test_the_table_of_relatives_names_real_chains():
    pairs = relatives.read()
    names = {split: {relatives.name_of(chain) for chain in backbones(split)} for split in ("train", "test")}
    assert {pair.test for pair in pairs} <= names["test"] and {pair.train for pair in pairs} <= names["train"]
    assert len({(pair.test, pair.train) for pair in pairs}) == len(pairs)
    assert all(0 < pair.tm <= 1 for pair in pairs)


# -------------------------------------------------------------------------------------------------------- split by fold


def pairs_of(*likeness):
    """Every test chain's nearest is far away, but the first one has training chains 0, 1, … with these TM-scores."""
    tests, training = (list(map(relatives.name_of, backbones(split))) for split in ("test", "train"))
    far = [relatives.Pair(name, training[-1], 0.3) for name in tests]
    return far + [relatives.Pair(tests[0], training[k], tm) for k, tm in enumerate(likeness)]


def test_strangers_have_no_relative_among_the_test_chains():
    training = backbones("train")
    found = folds.strangers(pairs_of(0.61, 0.59, 0.6))
    assert list(map(relatives.name_of, found)) == [relatives.name_of(c) for c in (training[1], *training[3:])]
    with pytest.raises(ValueError, match="pairs must name every test chain, but 1 are missing"):
        folds.strangers([pair for pair in pairs_of() if pair.test != relatives.name_of(backbones("test")[7])])


def test_the_split_by_fold_goes_on_where_it_was(monkeypatch, tmp_path):
    trained, table = [], tmp_path / "folds.csv"
    monkeypatch.setattr(folds, "STEPS", 1)
    monkeypatch.setattr(folds.relatives, "read", lambda: pairs_of(*[0.7] * 896))
    monkeypatch.setattr(folds, "pieces", lambda chains: batch([crop(chain, 8) for chain in chains[:2]]))
    monkeypatch.setattr(folds, "SEEDS", (0,))
    monkeypatch.setattr(folds, "train_denoiser", lambda model, chains, *rest, **options: trained.append(chains))
    folds.main(["--csv", str(table)])
    assert folds.finished(table) == set(folds.all_runs(4)) and len(trained) == 6
    assert all(len(chains) == 4 for chains in trained)
    last, drawn = (
        list(map(relatives.name_of, chains)) for chains in (backbones("train")[-4:], study.training_chains(4, 0))
    )
    assert [list(map(relatives.name_of, chains)) for chains in trained] == [last] * 3 + [drawn] * 3
    folds.main(["--csv", str(table)])
    assert len(trained) == 6


def test_the_table_of_the_split_by_fold_is_whole():
    alone = folds.strangers(relatives.read())
    assert folds.finished(folds.TABLE) == set(folds.all_runs(len(alone)))
