"""The tests that test the tests: what is broken must fail, and the message must say how."""

import pytest
import torch
from cases import build_attention, build_inputs, call

from ipa_tutorial import Rigid, assert_equivariant, assert_invariant, random_rigid

F64 = torch.float64
FRAMES = random_rigid(6, torch.Generator().manual_seed(0), scale=2.0, dtype=F64)
POINTS = torch.randn(6, 3, generator=torch.Generator().manual_seed(1), dtype=F64)
U = random_rigid(6, torch.Generator().manual_seed(2), dtype=F64)


def distances(x):
    return (x[:, None] - x[None]).norm(dim=-1)


# --- what holds ---------------------------------------------------------------------------------------------------


def test_what_is_invariant_passes():
    assert_invariant(distances, POINTS)
    assert_invariant(lambda T: T.inverse() @ T[[1, 2, 3, 4, 5, 0]], FRAMES)
    assert_invariant(lambda T, x: T.invert_apply(x), FRAMES, POINTS)
    assert_invariant(lambda T, x: (T.invert_apply(x), distances(x)), FRAMES, POINTS)
    attention, (s, z, frames) = build_attention(), build_inputs(L=6)
    assert_invariant(lambda T: call(attention, s, z, T), frames)


def test_what_is_equivariant_passes():
    assert_equivariant(lambda T: T @ U, FRAMES)
    assert_equivariant(lambda x: x.flip(0), POINTS)
    assert_equivariant(lambda x: x.mean(0), POINTS)
    assert_equivariant(lambda T: (T @ U, T.apply(POINTS)), FRAMES)


def test_float32_and_lower_have_their_own_tolerance():
    assert_invariant(lambda x: distances(x) + torch.eye(6), POINTS.float())
    assert_equivariant(lambda T: T @ U.to(torch.float32), FRAMES.to(torch.float32))
    with pytest.raises(AssertionError, match="not invariant"):
        assert_invariant(lambda x: distances(x) + torch.eye(6), POINTS.float(), tolerance=1e-12)


# --- what does not hold -------------------------------------------------------------------------------------------


def test_coordinates_used_naively_fail():
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(3), dtype=F64)
    with pytest.raises(AssertionError, match="not invariant under a rotation alone: output 0 deviates by"):
        assert_invariant(lambda x: x @ weight, POINTS)


def test_rotation_invariance_alone_fails_on_the_translation():
    with pytest.raises(AssertionError, match="not invariant under a translation alone"):
        assert_invariant(lambda x: x.norm(dim=-1), POINTS)


def test_translation_invariance_alone_fails_on_the_rotation():
    with pytest.raises(AssertionError, match="not invariant under a rotation alone"):
        assert_invariant(lambda x: x - x.mean(0), POINTS)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda T, x: x @ T.rotations[0] + T.translations[0],  # a column rotation used on rows
        lambda T, x: T.inverse().apply(x),
        lambda T, x: (x + T.translations[0]) @ T.rotations[0].mT,
    ],
)
def test_row_vector_use_of_a_column_rotation_fails(wrong):
    local = POINTS
    with pytest.raises(AssertionError, match="not equivariant"):
        assert_equivariant(lambda T: wrong(T, local), FRAMES)


def test_an_update_on_the_wrong_side_fails():
    with pytest.raises(AssertionError, match="not equivariant"):
        assert_equivariant(lambda T: U @ T, FRAMES)


def test_frames_must_move_in_place_and_in_stance():
    with pytest.raises(AssertionError, match="not equivariant under a rotation alone"):
        assert_equivariant(lambda T: Rigid(FRAMES.rotations, T.translations), FRAMES)
    with pytest.raises(AssertionError, match="not equivariant under a translation alone"):
        assert_equivariant(lambda T: T.scale_translations(2.0), FRAMES)


def test_equivariant_is_not_invariant_and_the_other_way_round():
    with pytest.raises(AssertionError):
        assert_invariant(lambda T: T @ U, FRAMES)
    with pytest.raises(AssertionError):
        assert_equivariant(lambda T: T.inverse() @ T @ U, FRAMES)


def test_the_message_says_where_and_how_much():
    def one_bad_entry(x):
        d = distances(x)
        d[2, 3] += x[2, 0]
        return d

    with pytest.raises(AssertionError, match=r"at index \(2, 3\): expected .*, got "):
        assert_invariant(one_bad_entry, POINTS)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_deviation_of_either_sign_is_caught(sign):
    """Always up, or always down: the largest signed difference would miss one of them."""

    def notices(x):
        return distances(x) + sign * 1e-6 * ((x - POINTS).abs().max() > 1e-9)

    with pytest.raises(AssertionError, match="deviates by 1e-06"):
        assert_invariant(notices, POINTS)


def test_nan_and_chance_do_not_pass():
    with pytest.raises(AssertionError, match="NaN or infinity"):
        assert_invariant(lambda x: distances(x) / 0, POINTS)
    with pytest.raises(AssertionError, match="not reproducible"):
        assert_invariant(lambda x: torch.rand(3), POINTS)


def test_outputs_that_change_their_number_or_shape_do_not_pass():
    near = POINTS / POINTS.norm(dim=-1, keepdim=True)
    with pytest.raises(AssertionError, match="shape"):
        assert_invariant(lambda x: x[x[:, 0] > 0].norm(dim=-1), near, scale=30.0)
    with pytest.raises(AssertionError, match="outputs became"):
        assert_invariant(lambda x: (x.new_ones(1),) * (1 + (x[:, 0] > 5).any().int().item()), near, scale=90.0)


# --- bad input ----------------------------------------------------------------------------------------------------


def test_what_cannot_be_moved_or_compared_is_named():
    with pytest.raises(ValueError, match="nothing to move"):
        assert_invariant(lambda: torch.ones(1))
    with pytest.raises(TypeError, match=r"a tensor of shape \(6, 4\)"):
        assert_invariant(lambda x: x, torch.ones(6, 4))
    with pytest.raises(TypeError, match="got str"):
        assert_invariant(lambda x: torch.ones(1), "frames")
    with pytest.raises(TypeError, match="must return floating tensors or Rigids, got float"):
        assert_invariant(lambda x: 1.0, POINTS)
    with pytest.raises(ValueError, match="empty"):
        assert_invariant(lambda x: x[:0], POINTS)
    with pytest.raises(TypeError, match=r"only frames \(Rigid\) and points"):
        assert_equivariant(lambda x: x.norm(dim=-1)[:4], POINTS)


def test_the_motions_are_proper_and_reproducible():
    seen = []
    assert_invariant(lambda T: (seen.append(T), T.rotations.new_ones(1))[1], Rigid.identity((), dtype=F64), seed=4)
    first = torch.stack([T.rotations for T in seen])
    torch.testing.assert_close(torch.linalg.det(first), torch.ones(len(seen), dtype=F64))
    again, seen = first, []
    assert_invariant(lambda T: (seen.append(T), T.rotations.new_ones(1))[1], Rigid.identity((), dtype=F64), seed=4)
    assert torch.equal(torch.stack([T.rotations for T in seen]), again)
    assert len({tuple(T.translations.tolist()) for T in seen}) > 3
