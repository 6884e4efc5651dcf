"""The example for the pencil: what it says of each line is what the package's function for that line gives."""

import ast
import math

import pytest
import torch
from slug import PROJECT

from ipa_tutorial import assert_invariant, attention, random_rigid
from ipa_tutorial.classroom import pencil

TEXTS = PROJECT / "notebooks" / "text"


@pytest.fixture
def parts():
    T = pencil.T
    out, parts = pencil.module()(
        pencil.s, pencil.z, rotations=T.rotations, translations=T.translations, return_parts=True
    )
    return out, parts


def test_the_world_points_are_whole_numbers():
    q, k, v = (pencil.T[None].apply(points)[0, :, 0] for points in (pencil.q_points, pencil.k_points, pencil.v_points))
    assert q.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert k.tolist() == [[0, 1, 0], [0, 0, 0], [-1, 0, 0]]
    assert v.tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_each_line_gives_the_numbers_of_the_pencil(parts):
    out, parts = parts
    for name in ("q_points", "k_points", "v_points"):
        assert torch.equal(getattr(parts, name), getattr(pencil, name))
    q, k = (pencil.T[None].apply(points) for points in (pencil.q_points, pencil.k_points))
    assert torch.equal((q[:, :, None] - k[:, None]).square().sum((-1, -2))[0], pencil.squares)
    assert torch.equal(pencil.s @ pencil.s.mT, pencil.alike)
    assert torch.equal(pencil.alike + pencil.z[..., 0] - pencil.squares, pencil.n)
    close = dict(rtol=0, atol=1e-14)
    torch.testing.assert_close(parts.logits[0], pencil.n * math.log(2), **close)
    torch.testing.assert_close(parts.weights, pencil.weights, **close)
    torch.testing.assert_close(out, pencil.out, **close)


def test_no_motion_of_the_world_changes_it():
    module = pencil.module(eps=1e-8)
    assert_invariant(lambda T: module(pencil.s, pencil.z, rotations=T.rotations, translations=T.translations), pencil.T)
    elsewhere = random_rigid(3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    moved = module(pencil.s, pencil.z, rotations=elsewhere.rotations, translations=elsewhere.translations)
    assert (moved - pencil.out).abs().max() > 0.1  # it does notice where residues are


def test_the_logits_are_those_of_line_7_and_not_only_their_sum(parts):
    _, parts = parts
    ln_2 = math.log(2)
    terms = (parts.scalar_logits, parts.pair_logits, parts.point_logits)
    expected = (pencil.alike, pencil.z[..., 0], -pencil.squares)
    for term, numbers in zip(terms, expected, strict=True):
        torch.testing.assert_close(attention.term_weight(3) * term[0], numbers * ln_2, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "lesson", ["00_one_sitting", "03_scalars", "04_points", "05_distances", "06_weights", "07_home", "08_module"]
)
def test_the_lessons_take_its_numbers_from_here(lesson):
    text = (TEXTS / f"{lesson}.md").read_text(encoding="utf-8")
    assert "from ipa_tutorial.classroom import pencil" in text
    cells = [cell.split("\n```")[0].partition("\n")[2] for cell in text.split("```python")[1:]]
    (cell,) = (cell for cell in cells if "from ipa_tutorial.classroom import pencil" in cell)
    assert len(cell.splitlines()) <= 12 and any(isinstance(node, ast.Assert) for node in ast.parse(cell).body)
