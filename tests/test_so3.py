"""Rotation vectors: round trips, half turns, no turn at all, and gradients at both."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ipa_tutorial import random_rigid
from ipa_tutorial.dreams.rotations import geodesic, rotation_exp, rotation_log

ANGLES = st.one_of(
    st.floats(0, math.pi), st.sampled_from([0.0, 1e-300, 1e-12, 1e-8, 1e-4, 9.99e-5, 1e-3, math.pi - 1e-7, math.pi])
)
SEEDS = st.integers(0, 2**31)


def vectors(angle: float, seed: int, count: int = 7) -> torch.Tensor:
    axis = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return angle * axis / axis.norm(dim=-1, keepdim=True)


def rotations(count: int, seed: int = 0) -> torch.Tensor:
    return random_rigid(count, torch.Generator().manual_seed(seed), dtype=torch.float64).rotations


@given(ANGLES, SEEDS)
def test_exp_is_the_matrix_exponential(angle, seed):
    v = vectors(angle, seed)
    x, y, z = v.unbind(-1)
    o = torch.zeros_like(x)
    cross = torch.stack([o, -z, y, z, o, -x, -y, x, o], dim=-1).unflatten(-1, (3, 3))  # v ×
    torch.testing.assert_close(rotation_exp(v), torch.matrix_exp(cross), rtol=0, atol=1e-13)


@given(ANGLES, SEEDS)
def test_log_undoes_exp(angle, seed):
    v = vectors(angle, seed)
    back = rotation_log(rotation_exp(v))
    torch.testing.assert_close(rotation_exp(back), rotation_exp(v), rtol=0, atol=1e-12)
    torch.testing.assert_close(back.norm(dim=-1), v.norm(dim=-1), rtol=1e-11, atol=0)
    if angle < math.pi - 1e-6:  # at half a turn, v and −v are the same rotation
        torch.testing.assert_close(back, v, rtol=1e-9, atol=1e-15)


@given(SEEDS)
def test_exp_undoes_log(seed):
    R = rotations(9, seed)
    v = rotation_log(R)
    assert (v.norm(dim=-1) <= math.pi).all()
    torch.testing.assert_close(rotation_exp(v), R, rtol=0, atol=1e-13)


@pytest.mark.parametrize("axis", [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0.6, 0, -0.8], [1 / 3, -2 / 3, 2 / 3]])
def test_exactly_half_a_turn(axis):
    n = torch.tensor(axis, dtype=torch.float64)
    R = (2 * n[:, None] * n[None, :] - torch.eye(3, dtype=torch.float64)).requires_grad_()
    v = rotation_log(R)
    torch.testing.assert_close(v.norm(), torch.tensor(math.pi, dtype=torch.float64))
    torch.testing.assert_close(rotation_exp(v), R.detach())
    (gradient,) = torch.autograd.grad(v.sum(), R)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 0.5, 3.1, math.pi - 1e-5])
def test_gradients_of_the_round_trip_are_the_identity(angle):
    v = vectors(angle, seed=1, count=3).requires_grad_()
    (jacobian,) = torch.autograd.functional.jacobian(lambda v: rotation_log(rotation_exp(v)).sum(0), (v,))
    expected = torch.eye(3, dtype=torch.float64)[:, None].expand(3, 3, 3)
    torch.testing.assert_close(jacobian, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("angle", [0.0, 1e-5, 0.3, 3.0])
def test_gradients_agree_with_finite_differences(angle):
    v = vectors(angle, seed=2, count=2).requires_grad_()
    assert torch.autograd.gradcheck(rotation_exp, v)
    assert torch.autograd.gradcheck(lambda v: rotation_log(rotation_exp(v)), v)


def test_float32_is_as_exact_as_it_can_be():
    for angle in (1e-7, 1e-4, 1e-2, 1.0, 3.0):
        v = vectors(angle, seed=3).float()
        torch.testing.assert_close(rotation_log(rotation_exp(v)), v, rtol=3e-6, atol=1e-7)


@given(SEEDS, st.floats(0, 1))
def test_a_geodesic_goes_at_constant_speed_from_start_to_end(seed, t):
    start, end = rotations(5, seed), rotations(5, seed + 1)
    whole = rotation_log(start.mT @ end).norm(dim=-1)
    between = geodesic(start, end, t)
    torch.testing.assert_close(geodesic(start, end, 0.0), start, rtol=0, atol=1e-13)
    torch.testing.assert_close(geodesic(start, end, 1.0), end, rtol=0, atol=1e-12)
    torch.testing.assert_close(rotation_log(start.mT @ between).norm(dim=-1), t * whole, rtol=0, atol=1e-9)
    torch.testing.assert_close(rotation_log(between.mT @ end).norm(dim=-1), (1 - t) * whole, rtol=0, atol=1e-9)


def test_a_geodesic_turns_with_the_world_and_takes_a_time_for_each():
    start, end, (G,) = rotations(4, 1), rotations(4, 2), rotations(1, 3)
    t = torch.tensor([0.0, 0.25, 0.5, 1.0], dtype=torch.float64)
    together = geodesic(start, end, t)
    torch.testing.assert_close(together[1], geodesic(start[1], end[1], 0.25))
    torch.testing.assert_close(geodesic(G @ start, G @ end, t), G @ together, rtol=0, atol=1e-12)


def test_what_is_no_rotation_vector_is_refused():
    with pytest.raises(ValueError, match=r"vectors must have shape \(\*, 3\), got \(4,\)"):
        rotation_exp(torch.zeros(4))
    with pytest.raises(TypeError, match="vectors"):
        rotation_exp([0.0, 0.0, 1.0])
    with pytest.raises(ValueError, match=r"R must have shape \(\*, 3, 3\)"):
        rotation_log(torch.zeros(3))
