"""The denoising task, the networks with something missing, and the study that compares them."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
import torch

from ipa_tutorial import FastInvariantPointAttention, Rigid, assert_equivariant, random_rigid
from ipa_tutorial.proteins.dataset import backbones, batch, crop
from ipa_tutorial.studies import ablations as arms
from ipa_tutorial.studies import invariance as study
from ipa_tutorial.studies.ablations import ARMS, GlobalBlock, GlobalDenoiser
from ipa_tutorial.studies.denoising import (
    LEVELS,
    Denoiser,
    denoising_errors,
    frame_error,
    moved,
    places,
    random_levels,
    random_turns,
    shake,
    train_denoiser,
    turn_between,
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


@pytest.mark.parametrize("name", [name for name in ARMS if name.startswith("IPA")])
def test_every_variant_of_ipa_is_equivariant(name, chains):
    model = awake(ARMS[name].build(**TINY)).double()
    assert_equivariant(answer(model, chains), chains.rigids.to(torch.float64))


def test_the_network_of_global_coordinates_is_not(chains):
    model = awake(GlobalDenoiser(**TINY)).double()
    with pytest.raises(AssertionError):
        assert_equivariant(answer(model, chains), chains.rigids.to(torch.float64))


def test_all_networks_have_the_same_size():
    sizes = {name: sum(weight.numel() for weight in arm.build().parameters()) for name, arm in ARMS.items()}
    assert len({size for name, size in sizes.items() if name.startswith("IPA")}) == 1
    assert sizes["IPA"] < sizes["global coordinates"] < 1.03 * sizes["IPA"]
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
    model = ARMS[name].build(**TINY)
    frozen = [weight for weight in model.parameters() if not weight.requires_grad]
    losses = train_denoiser(model, backbones("train")[:2], 60, augment=ARMS[name].augment, length=16, progress=False)
    assert sum(losses[-10:]) < 0.99 * sum(losses[:10])
    assert not any(weight.any() for weight in frozen)
    assert len(frozen) == (2 if name in ("IPA without scalars", "IPA without pair bias") else 0)


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
    monkeypatch.setattr(study, "LONGER", 2)
    monkeypatch.setattr(study, "pieces", lambda chains: batch([crop(chain, 8) for chain in chains[:2]]))


def test_the_study_goes_on_where_it_was(tiny_study, tmp_path, capsys, monkeypatch):
    table = tmp_path / "invariance.csv"
    runs = list(study.all_runs())
    assert len(runs) == len(set(runs)) == len(ARMS) + len(study.AT_ALL_SIZES) + len(study.FOR_LONGER)
    study.append(study.rows_of(runs[3]), table)
    before = table.read_text()
    study.main(["--csv", str(table)])
    assert table.read_text().startswith(before)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(runs) * (6 + 2) * len(LEVELS)
    assert len({tuple(row.values())[:4] for row in rows}) == len(runs)
    whole = table.read_text()
    monkeypatch.setattr(study, "rows_of", lambda run: pytest.fail("nothing was left to do"))
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
    assert {study.Run(r["arm"], int(r["chains"]), int(r["seed"]), int(r["steps"])) for r in rows} == set(
        study.all_runs()
    )
    assert study.finished(study.TABLE) == set(study.all_runs())
    assert len(rows) == len(list(study.all_runs())) * (6 + 2) * len(LEVELS)
    for name, arm in ARMS.items():
        size = str(sum(weight.numel() for weight in arm.build().parameters()))
        assert {row["parameters"] for row in rows if row["arm"] == name} == {size}
