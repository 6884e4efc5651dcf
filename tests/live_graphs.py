"""The graphs that make site has exported, in ONNX Runtime: PyTorch's numbers. (In Chromium: browser/live.mjs.)

Run by make site-test.
"""

from itertools import pairwise
from pathlib import Path

import live_reference as reference
import numpy as np
import onnxruntime
import pytest
import torch

from ipa_tutorial import Rigid, load_protein, random_rigid
from ipa_tutorial.dreams import backbone_atoms, measure
from ipa_tutorial.dreams.measures import torsions

EXPORTED = Path(__file__).resolve().parents[1] / "tools" / "site" / "_build" / "html" / "_static" / "live"


def runner(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(EXPORTED / f"{name}.onnx", options)
    names = [output.name for output in session.get_outputs()]

    def run(**inputs):
        feeds = {name: x.numpy() if isinstance(x, torch.Tensor) else x for name, x in inputs.items()}
        return dict(zip(names, session.run(None, feeds), strict=True))

    return run


@pytest.fixture(scope="module")
def turn():
    return runner("turn")


@pytest.fixture(scope="module")
def graphs():
    return {name: runner(name) for name in ("start", "step", "judge")}


def test_attention_is_pytorchs(turn):
    for case in reference.turn_cases():
        inputs = {name: np.asarray(case[name], np.float32) for name in ("atoms", "unit", "terms", "gamma")}
        inputs["atoms"] = inputs["atoms"].reshape(-1, 3, 3)
        told = turn(**inputs)
        tolerance = 1e-5 if case["unit"] == 0.1 else 1e-4  # in Å the logits are a hundred times as large
        assert np.abs(told["ipa"].ravel() - case["ipa"]).max() < tolerance
        assert np.abs(told["naive"].ravel() - case["naive"]).max() < tolerance
        assert np.allclose(told["ipa_mean"], told["ipa"].mean(0), atol=1e-6)


def test_a_whole_dream_is_pytorchs(graphs):
    """Of another length than the example, with the course's own dream() on the other side; in Å."""
    L, steps = 30, 12
    case = reference.dream_case(L, steps, seed=7)
    draws = iter(np.asarray(case["draws"]).reshape(-1, L, 3))
    told = graphs["start"](arrows=np.stack([next(draws), next(draws)]), places=next(draws))
    R, x = told["rotations"], told["translations"]
    goal_R, goal_x = R, x
    still = dict(held=np.zeros(L, bool), true_rotations=R, true_translations=x)
    for k, (t, after) in enumerate(pairwise(torch.linspace(0.01, 1, steps + 1, dtype=torch.float64).tolist())):
        fresh = next(draws) if k + 1 < steps else np.zeros((L, 3))
        told = graphs["step"](
            rotations=R, translations=x, goal_rotations=goal_R, goal_translations=goal_x, known=np.array(k > 0),
            t=np.array([t]), after=np.array([after]), fresh=fresh, **still,
        )  # fmt: skip
        R, x = told["next_rotations"], told["next_translations"]
        goal_R, goal_x = told["next_goal_rotations"], told["next_goal_translations"]
        if k == 0:
            assert np.abs(told["atoms"].ravel() - case["after_1"]).max() < 1e-9
    assert np.abs(told["atoms"].ravel() - case[f"after_{steps}"]).max() < 0.01


@pytest.mark.parametrize("t", [0.2, 0.7])
def test_what_is_held_stays_and_the_chain_is_laid_onto_it(graphs, t):
    """In the second half of the walk the network's last held residue is laid onto the true one."""
    L, held = 30, 12
    generator = torch.Generator().manual_seed(1)
    now, goal, truth = (random_rigid(L, generator, dtype=torch.float64) for _ in range(3))
    inputs = dict(
        rotations=now.rotations, translations=now.translations, goal_rotations=goal.rotations,
        goal_translations=goal.translations, known=torch.tensor(True), t=torch.tensor([t], dtype=torch.float64),
        after=torch.ones(1, dtype=torch.float64), fresh=torch.zeros(L, 3, dtype=torch.float64),
        true_rotations=truth.rotations, true_translations=truth.translations,
    )  # fmt: skip
    free = graphs["step"](**inputs, held=np.zeros(L, bool))
    told = graphs["step"](**inputs, held=np.arange(L) < held)
    assert np.array_equal(told["next_translations"][:held], truth.translations[:held].numpy())
    assert np.array_equal(told["next_rotations"][:held], truth.rotations[:held].numpy())
    told, free = (Rigid(*(torch.tensor(x[f"next_{y}"]) for y in ("rotations", "translations"))) for x in (told, free))
    move = told[held:] @ free[held:].inverse()  # one and the same for all that is dreamt
    assert torch.allclose(move.rotations, move.rotations[:1].expand_as(move.rotations), atol=1e-9)
    assert torch.allclose(move.translations, move.translations[:1].expand_as(move.translations), atol=1e-9)
    if t > 0.5:
        assert torch.allclose((move[0] @ free[held - 1]).translations, truth[held - 1].translations, atol=1e-9)


def test_the_judges_are_the_courses(graphs):
    mess = backbone_atoms(random_rigid(25, torch.Generator().manual_seed(2), dtype=torch.float64))
    for atoms in (load_protein("ubiquitin").coordinates.double(), mess):
        told, own = graphs["judge"](atoms=atoms), measure(atoms)
        phi, psi, _ = torsions(atoms)
        assert np.allclose(told["phi"], phi, atol=1e-9) and np.allclose(told["psi"], psi, atol=1e-9)
        assert np.array_equal(told["outliers"], own.phi_psi.numpy())
        assert np.allclose(told["shares"], [x.double().mean() for x in (own.phi_psi, own.bends, own.twisted)])
        assert int(told["contacts"]) == own.contacts
