import math
from types import SimpleNamespace

import pytest
import torch

from ipa_tutorial import Protein, Rigid, load_protein, random_rigid
from ipa_tutorial import training as loop
from ipa_tutorial.training import FoldingModel, fold_protein, relative_positions


def test_villin_folds():
    result = fold_protein(load_protein("villin"), steps=140, learning_rate=2e-3, depth=2, progress=False)
    assert result.rmsd < 1.0
    assert result.losses[-1] < 0.3 * result.losses[0] and len(result.losses) == len(result.rmsds) == 140
    assert result.rmsd == result.rmsds[-1]
    assert result.rigids.shape == (36,) and 50 <= len(result.trajectory) <= 80
    ca = result.rigids.translations * 10
    steps = (ca[1:] - ca[:-1]).norm(dim=-1)
    assert abs(steps.mean() - 3.8) < 0.3  # a chain, in nanometres


def test_the_same_seed_gives_the_same_fold_and_leaves_the_global_generator_alone():
    protein = load_protein("crambin")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    runs = [fold_protein(protein, steps=3, seed=seed, progress=False) for seed in (1, 1, 2)]
    assert torch.equal(torch.rand(3), expected)
    assert runs[0].losses == runs[1].losses != runs[2].losses


def test_the_learning_rate_falls_along_a_cosine(monkeypatch):
    rates, step = [], torch.optim.Adam.step
    monkeypatch.setattr(
        torch.optim.Adam, "step", lambda self, *rest: rates.append(self.param_groups[0]["lr"]) or step(self, *rest)
    )
    fold_protein(load_protein("crambin"), steps=5, learning_rate=1e-3, progress=False)
    assert rates == pytest.approx([1e-4 + 9e-4 * (1 + math.cos(math.pi * k / 5)) / 2 for k in range(5)])


def test_an_interrupt_returns_what_there_is(monkeypatch):
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*arguments)

    original = loop.backbone_loss
    monkeypatch.setattr(loop, "backbone_loss", interrupted)
    result = fold_protein(load_protein("crambin"), steps=50, progress=False)
    assert len(result.losses) == 3 and result.rigids.shape == (46,) and result.rmsd > 0


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (dict(snapshots=0), ValueError, "snapshots must be at least 1, got 0"),
        (dict(snapshots=2.0), TypeError, "snapshots must be a whole number, got 2.0"),
        (dict(steps=1.5), TypeError, "steps must be a whole number, got 1.5"),
        (dict(steps=0), ValueError, "steps must be at least 1, got 0"),
        (dict(steps=True), TypeError, "steps must be a whole number, got True"),
        (dict(seed=None), TypeError, "seed must be a whole number, got None"),
        (dict(learning_rate=0), ValueError, "learning_rate must be a positive number, got 0"),
        (dict(clamp=-1), ValueError, "clamp must be a distance in Å or None, got -1"),
        (dict(clmap=10.0), TypeError, "no option 'clmap'; the model's are dim, pair_dim, depth, heads, attention"),
        (dict(require_pairwise_repr=False), TypeError, "no option 'require_pairwise_repr'"),
    ],
)
def test_arguments_that_make_no_sense_are_named(options, kind, message):
    with pytest.raises(kind, match=message):
        fold_protein(load_protein("villin"), progress=False, **(dict(steps=2, dim=16, heads=2) | options))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_there_is_no_training(mode):
    with mode(), pytest.raises(RuntimeError, match="outside of torch.no_grad"):
        fold_protein(load_protein("villin"), steps=2, progress=False)


def test_clamp_and_a_model_without_a_pair_representation():
    villin, sizes = load_protein("villin"), dict(steps=3, progress=False, dim=16, depth=2, heads=2)
    plain, clamped, loose = (fold_protein(villin, clamp=clamp, **sizes) for clamp in (None, 3.0, 1e6))
    assert clamped.losses[0] < plain.losses[0] and clamped.losses[0] <= 0.3
    assert loose.losses == plain.losses
    alone = fold_protein(villin, pair_dim=None, **sizes)
    assert alone.model.structure_module.pairwise_repr_dim is None and alone.losses[-1] < alone.losses[0]
    apart = alone.rigids.translations[[i for i, letter in enumerate(villin.sequence) if letter == "L"]].std(0)
    assert (apart < 1e-5).all()  # nothing tells residues of one kind from each other


def test_threads_are_put_back_also_after_an_error(monkeypatch):
    seen = []
    original, before = loop.backbone_loss, torch.get_num_threads()
    monkeypatch.setattr(loop, "backbone_loss", lambda *a: seen.append(torch.get_num_threads()) or original(*a))
    torch.set_num_threads(2)
    try:
        fold_protein(load_protein("villin"), steps=2, progress=False, dim=16, heads=2)
        assert seen == [1, 1] and torch.get_num_threads() == 2
        monkeypatch.setattr(loop, "backbone_loss", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fold_protein(load_protein("villin"), steps=2, progress=False, dim=16, heads=2)
        assert torch.get_num_threads() == 2
        assert [loop.threads_for(L) for L in (1, 150, 512, 5000)] == [1, 1, 2, 2]
    finally:
        torch.set_num_threads(before)


def test_a_training_that_diverges_ends_with_what_there_is(monkeypatch):
    original, steps = loop.backbone_loss, []
    monkeypatch.setattr(
        loop, "backbone_loss", lambda *a: steps.append(0) or original(*a) * (1 if len(steps) < 3 else torch.nan)
    )
    result = fold_protein(load_protein("villin"), steps=50, progress=False, dim=16, heads=2)
    assert len(result.losses) == len(result.rmsds) == 3 and result.losses[2] != result.losses[2]
    assert result.trajectory[-1] is result.rigids and result.rmsds[0] > 0


# --- the loss ---------------------------------------------------------------------------------------------------------


def truth_and_prediction():
    """Six residues in Å, and the same in nm as the only iteration of a model."""
    truth = random_rigid(6, torch.Generator().manual_seed(0), scale=5.0, dtype=torch.float64)
    return truth, truth.scale_translations(0.1)


def loss_of(prediction, truth):
    return loop.backbone_loss(SimpleNamespace(rigids=[prediction]), truth, torch.ones(6, dtype=torch.bool))


def test_the_loss_of_a_perfect_prediction_in_nanometres_is_a_thousandth():
    truth, prediction = truth_and_prediction()
    assert loss_of(prediction, truth).item() == pytest.approx(0.001, rel=1e-4)


def test_the_loss_judges_how_a_residue_stands_and_not_only_where():
    truth, prediction = truth_and_prediction()
    rotations = prediction.rotations.clone()
    rotations[2] = rotations[2] @ random_rigid((), torch.Generator().manual_seed(1), dtype=torch.float64).rotations
    assert loss_of(Rigid(rotations, prediction.translations), truth) > 0.05


def test_the_loss_pulls_at_a_residue_that_is_far_away():
    truth, prediction = truth_and_prediction()
    translations = prediction.translations.clone()
    translations[2] += 30
    translations.requires_grad_()
    loss_of(Rigid(prediction.rotations, translations), truth).backward()
    assert translations.grad[2].norm() > 0.1


def test_the_loss_is_the_mean_over_the_iterations():
    truth, good = truth_and_prediction()
    bad = Rigid(good.rotations, good.translations * 2)
    both = loop.backbone_loss(SimpleNamespace(rigids=[bad, good]), truth, torch.ones(6, dtype=torch.bool))
    assert both.item() == pytest.approx((loss_of(bad, truth).item() + loss_of(good, truth).item()) / 2)
    assert loss_of(bad, truth) > 2 * loss_of(good, truth)


# --- the loop ---------------------------------------------------------------------------------------------------------


def test_a_missing_residue_does_not_count():
    crambin = load_protein("crambin")
    atoms = crambin.coordinates.clone()
    atoms[7] = 0
    present = crambin.atom_mask.clone()
    present[7] = False
    holed = Protein("holed", "A", crambin.sequence, crambin.residue_index, crambin.residue_labels, atoms, present)
    assert not holed.mask[7] and holed.mask.sum() == 45
    result = fold_protein(holed, steps=2, progress=False)
    assert all(loss == loss for loss in result.losses)
    with pytest.raises(ValueError, match="nothing to fold"):
        fold_protein(
            Protein(
                "none", "A", "A", torch.tensor([1]), ("1",), torch.zeros(1, 4, 3), torch.zeros(1, 4, dtype=torch.bool)
            )
        )


def test_relative_positions_are_clipped_and_point_from_query_to_key():
    classes = relative_positions(torch.tensor([0, 1, 50])).argmax(-1) - 32
    assert classes.tolist() == [[0, 1, 32], [-1, 0, 32], [-32, -32, 0]]
    gap = relative_positions(torch.tensor([7, 8, 12])).argmax(-1) - 32
    assert gap.tolist() == [[0, 1, 5], [-1, 0, 4], [-5, -4, 0]]


def test_model_runs_batched_with_padding():
    torch.manual_seed(0)
    model = FoldingModel(dim=16, pair_dim=8, depth=2, heads=2)
    types, index = torch.randint(20, (2, 7)), torch.arange(7).expand(2, 7)
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    out = model(types, index, mask)
    assert out.atom14.shape == (2, 7, 14, 3)
    short = model(types[1, :4], index[1, :4])
    torch.testing.assert_close(out.rigids[-1].translations[1, :4], short.rigids[-1].translations, rtol=1e-4, atol=1e-5)


def test_bad_input_is_named():
    with pytest.raises(TypeError, match="protein must be a Protein, got str"):
        fold_protein("crambin")
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        fold_protein(load_protein("crambin"), steps=0)


def test_progress_shows_loss_and_rmsd(capsys):
    fold_protein(load_protein("crambin"), steps=2)
    shown = capsys.readouterr().err
    assert "loss=" in shown and "rmsd=" in shown
