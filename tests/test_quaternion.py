import pytest
import torch
from golden import load_golden
from hypothesis import given
from hypothesis import strategies as st

from ipa_tutorial import random_rigid
from ipa_tutorial.blocks import BackboneUpdate
from ipa_tutorial.quaternion import (
    normalise_quaternion,
    quaternion_multiply,
    quaternion_to_rotation,
    rotation_to_quaternion,
)
from ipa_tutorial.rigid import Rigid

F64 = torch.float64


def quaternions(*shape, seed=0):
    return torch.randn(*shape, 4, generator=torch.Generator().manual_seed(seed), dtype=F64)


def golden_tensor(golden, group, name, dtype=F64):
    return torch.tensor(getattr(golden, group)[name], dtype=dtype)


@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_everything_equals_deepmind(dtype):
    golden = load_golden("quat_affine")

    def check(got, name):
        tolerance = 1e-9 if dtype == F64 else 4 * max(golden.noise(name), 1e-7)
        expected = golden_tensor(golden, "outputs", name)
        torch.testing.assert_close(got.double(), expected, rtol=tolerance, atol=tolerance)

    q = normalise_quaternion(golden_tensor(golden, "inputs", "quaternion", dtype))
    t = golden_tensor(golden, "inputs", "translation", dtype)
    updates = golden_tensor(golden, "inputs", "update", dtype)
    T = Rigid(quaternion_to_rotation(q), t)
    check(T.rotations, "quat_to_rot")
    check(torch.cat([q, t], -1), "to_tensor")
    check(quaternion_multiply(q, golden_tensor(golden, "inputs", "quaternion2", dtype)), "quat_multiply")
    vector = torch.cat([torch.zeros_like(updates[0, :, :1]), updates[0, :, :3]], -1)
    check(quaternion_multiply(q, vector), "quat_multiply_by_vec")
    points = golden_tensor(golden, "inputs", "point", dtype)
    check(T.apply(points), "apply_to_point")
    check(T.invert_apply(points), "invert_point")

    update = BackboneUpdate(6).to(dtype)  # fed with the updates themselves
    with torch.no_grad():
        update.to_update.weight.copy_(torch.eye(6))
    for number in (1, 2, 3):
        q_update, _ = update.quaternion_and_translation(updates[number - 1])
        T = T @ update(updates[number - 1])
        q, t = normalise_quaternion(quaternion_multiply(q, q_update)), T.translations
        check(torch.cat([q, t], -1), f"pre_compose_{number}_tensor")
        check(T.rotations, f"pre_compose_{number}_rotation")


def test_matrix_to_quaternion_equals_deepmind_up_to_sign():
    golden = load_golden("quat_affine")
    q = rotation_to_quaternion(quaternion_to_rotation(golden_tensor(golden, "inputs", "quaternion")))
    expected = golden_tensor(golden, "outputs", "rot_to_quat_up_to_sign")
    sign = (q * expected).sum(-1, keepdim=True).sign()
    torch.testing.assert_close(sign * q, expected, rtol=1e-9, atol=1e-9)


def test_a_quarter_turn_about_z_sends_x_to_y():
    q = torch.tensor([1.0, 0, 0, 1.0])
    torch.testing.assert_close(quaternion_to_rotation(q) @ torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 0]))


@given(st.integers(0, 10**6))
def test_products_of_quaternions_are_products_of_matrices(seed):
    a, b = quaternions(2, 5, seed=seed)
    product = quaternion_to_rotation(quaternion_multiply(a, b))
    expected = quaternion_to_rotation(a) @ quaternion_to_rotation(b)
    torch.testing.assert_close(product, expected, rtol=0, atol=1e-12)


@given(st.integers(0, 10**6), st.floats(1e-6, 1e6))
def test_any_length_gives_a_proper_rotation_and_back(seed, length):
    q = quaternions(3, 5, seed=seed) * length
    R = quaternion_to_rotation(q)
    torch.testing.assert_close(R.mT @ R, torch.eye(3, dtype=F64).expand(3, 5, 3, 3), rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.linalg.det(R), torch.ones(3, 5, dtype=F64))
    back = rotation_to_quaternion(R)
    assert (back[..., 0] >= 0).all()
    torch.testing.assert_close(back, normalise_quaternion(q) * q[..., :1].sign(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_turns_which_have_no_real_part(axis):
    q = torch.zeros(4, dtype=F64)
    q[axis + 1] = 1
    R = quaternion_to_rotation(q)
    back = rotation_to_quaternion(R)
    torch.testing.assert_close(quaternion_to_rotation(back), R)
    assert back.isfinite().all() and back.abs()[axis + 1] == 1


def test_gradients():
    q = quaternions(4).requires_grad_()
    assert torch.autograd.gradcheck(quaternion_to_rotation, [q])
    assert torch.autograd.gradcheck(quaternion_multiply, [q, quaternions(4, seed=1).requires_grad_()])
    R = random_rigid(6, torch.Generator().manual_seed(2), dtype=F64).rotations.requires_grad_()
    assert torch.autograd.gradcheck(rotation_to_quaternion, [R])


def test_the_zero_quaternion_gives_the_identity_and_a_finite_gradient():
    q = torch.zeros(2, 4, dtype=F64, requires_grad=True)
    R = quaternion_to_rotation(q)
    assert torch.equal(R, torch.eye(3, dtype=F64).expand(2, 3, 3))
    R.sum().backward()
    assert q.grad.isfinite().all()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"q must have shape \(\*, 4\), got \(3,\)"):
        quaternion_to_rotation(torch.zeros(3))
    with pytest.raises(TypeError, match="b must be floating point"):
        quaternion_multiply(torch.zeros(4), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"R must have shape \(\*, 3, 3\)"):
        rotation_to_quaternion(torch.zeros(3, 4))
