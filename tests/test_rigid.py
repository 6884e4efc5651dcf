import pytest
import torch
from golden import load_golden
from hypothesis import given
from hypothesis import strategies as st

from ipa_tutorial import Rigid, random_rigid, rigid_from_3_points
from ipa_tutorial.rigid import _gram_schmidt

F64 = torch.float64


def frames(shape, seed=0, dtype=F64):
    return random_rigid(shape, generator=torch.Generator().manual_seed(seed), scale=3.0, dtype=dtype)


def normal(*shape, seed=7):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


# --- acting on points ---------------------------------------------------------------------------------------------


def test_apply_is_R_x_plus_t_on_columns():
    T, x = frames(5), normal(5, 3)
    by_hand = torch.stack([T.rotations[i] @ x[i] + T.translations[i] for i in range(5)])
    torch.testing.assert_close(T.apply(x), by_hand, rtol=1e-14, atol=1e-14)


def test_apply_is_points_times_R_transposed_on_rows():
    T, x = frames(()), normal(9, 3)
    torch.testing.assert_close(T.apply(x), x @ T.rotations.mT + T.translations, rtol=1e-14, atol=1e-14)


def test_a_quarter_turn_about_z_sends_x_to_y():
    R = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    T = Rigid(R, torch.tensor([10.0, 0, 0]))
    assert T.apply(torch.tensor([1.0, 0, 0])).tolist() == [10.0, 1.0, 0.0]


@pytest.mark.parametrize(("shape", "points"), [((), (3,)), ((), (4, 5, 3)), ((5,), (5, 2, 7, 3)), ((2, 5), (2, 5, 3)),
                                               ((2, 5), (2, 5, 4, 3)), ((2, 1, 5), (2, 6, 5, 4, 3)), ((5,), (3,)),
                                               ((5, 1), (1, 5, 3)), ((2, 5), (5, 3))])  # fmt: skip
def test_invert_apply_undoes_apply(shape, points):
    T, x = frames(shape), normal(*points)
    back = T.invert_apply(T.apply(x))
    torch.testing.assert_close(back, x.expand(back.shape), rtol=1e-12, atol=1e-12)


def test_trailing_axes_ride_along_with_their_own_frame():
    T, x = frames((2, 5)), normal(2, 5, 4, 3)
    moved = T.apply(x)
    for b in range(2):
        for i in range(5):
            for p in range(4):
                torch.testing.assert_close(moved[b, i, p], T[b, i].apply(x[b, i, p]), rtol=1e-13, atol=1e-13)


def test_as_many_points_as_frames_do_not_confuse_the_axes():
    T, x = frames(5), normal(5, 5, 3)
    torch.testing.assert_close(T.apply(x)[1, 3], T[1].apply(x[1, 3]), rtol=1e-13, atol=1e-13)


# --- combining frames ---------------------------------------------------------------------------------------------


def test_composition_applies_the_right_factor_first():
    T, U, x = frames(5, 1), frames(5, 2), normal(5, 3)
    torch.testing.assert_close((T @ U).apply(x), T.apply(U.apply(x)), rtol=1e-12, atol=1e-12)
    assert not torch.allclose((U @ T).apply(x), T.apply(U.apply(x)))


def test_a_single_motion_composes_with_many_frames():
    G, T = frames((), 1), frames((2, 5), 2)
    torch.testing.assert_close((G @ T)[1, 3].translations, (G @ T[1, 3]).translations, rtol=1e-13, atol=1e-13)


def test_inverse_on_either_side_is_the_identity():
    T = frames((2, 5))
    for product in (T @ T.inverse(), T.inverse() @ T):
        identity = Rigid.identity((2, 5), dtype=F64)
        torch.testing.assert_close(product.rotations, identity.rotations, rtol=0, atol=1e-13)
        torch.testing.assert_close(product.translations, identity.translations, rtol=0, atol=1e-12)


def test_relative_frames_do_not_notice_a_global_motion():
    G, T, U = frames((), 1), frames(5, 2), frames(5, 3)
    before, after = T.inverse() @ U, (G @ T).inverse() @ (G @ U)
    torch.testing.assert_close(after.rotations, before.rotations, rtol=0, atol=1e-12)
    torch.testing.assert_close(after.translations, before.translations, rtol=0, atol=1e-11)


# --- behaving like a tensor ---------------------------------------------------------------------------------------


def test_indexing_follows_the_leading_shape():
    T = frames((2, 5))
    assert T.shape == (2, 5) and len(T) == 2
    assert (
        T[1].shape == (5,)
        and T[..., 3].shape == (2,)
        and T[:, None].shape == (2, 1, 5)
        and T[..., None].shape == (2, 5, 1)
    )
    mask = torch.tensor([[True, False, True, False, False], [False] * 5])
    assert T[mask].shape == (2,)
    assert torch.equal(T[..., 3].rotations, T.rotations[:, 3]) and torch.equal(
        T[1, 3].translations, T.translations[1, 3]
    )
    assert [frame.shape for frame in T] == [(5,), (5,)]
    with pytest.raises(IndexError):
        T[0, 0, 0]  # would be a row of a rotation matrix


def test_a_single_frame_has_no_length():
    with pytest.raises(TypeError, match="no length"):
        len(frames(()))


def test_to_detach_and_repr():
    T = frames(5)
    assert T.to(torch.float32).dtype == torch.float32 and T.device == torch.device("cpu")
    t = T.translations.clone().requires_grad_()
    assert not Rigid(T.rotations, t).detach().translations.requires_grad
    assert repr(T) == "Rigid(shape=(5,), dtype=torch.float64, device=cpu)"


def test_identity_leaves_points_alone():
    x = normal(4, 3)
    for shape in ((), 4, (4,)):
        assert torch.equal(Rigid.identity(shape, dtype=F64).apply(x), x)


def test_low_precision_autocast_does_not_touch_coordinates():
    T, x = frames(5, dtype=torch.float32), normal(5, 3).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(T.apply(x), frames(5, dtype=torch.float32).apply(x))
        assert (T @ T).dtype == torch.float32
        torch.testing.assert_close(T.invert_apply(T.apply(x)), x, rtol=1e-5, atol=1e-5)


# --- random frames ------------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000))
def test_random_rotations_are_proper(seed):
    R = frames(3, seed).rotations
    torch.testing.assert_close(R.mT @ R, torch.eye(3, dtype=F64).expand(3, 3, 3), rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.linalg.det(R), torch.ones(3, dtype=F64), rtol=0, atol=1e-12)


def test_random_rotations_are_uniform():
    R = frames(40_000, 5).rotations
    assert R.mean(0).abs().max() < 0.02  # each axis points anywhere
    trace = R.diagonal(dim1=-2, dim2=-1).sum(-1)  # for uniform rotations E[trace] = 0 and E[trace²] = 1
    assert abs(trace.mean()) < 0.03 and abs(trace.square().mean() - 1) < 0.03
    assert abs(trace.pow(3).mean() - 1) < 0.08  # and E[trace³] = 1


def test_random_frames_follow_their_generator_scale_and_dtype():
    assert torch.equal(frames(4, 3).rotations, frames(4, 3).rotations)
    assert not torch.equal(frames(4, 3).rotations, frames(4, 4).rotations)
    wide = random_rigid(20_000, generator=torch.Generator().manual_seed(0), scale=7.0)
    assert wide.dtype == torch.get_default_dtype() and abs(wide.translations.std() - 7) < 0.1
    assert not torch.allclose(wide.rotations[0], wide.rotations[1])


# --- Algorithm 21 -------------------------------------------------------------------------------------------------


def test_algorithm_21_equals_deepmind_also_on_degenerate_atoms():
    golden = load_golden("rigids")
    atoms = [torch.tensor(golden.inputs[f"{name}_xyz"], dtype=F64) for name in ("n", "ca", "c")]
    T = rigid_from_3_points(*atoms)
    for name in ("r3_rots_from_two_vecs_alg21_rot", "atom37_to_frames_backbone_rot"):
        torch.testing.assert_close(T.rotations, torch.tensor(golden.outputs[name]), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(T.translations, torch.tensor(golden.outputs["atom37_to_frames_backbone_trans"]))
    no_eps = rigid_from_3_points(*atoms, eps=1e-20).rotations[3:]
    wanted = torch.tensor(golden.outputs["make_transform_from_reference_rot"])[3:]
    torch.testing.assert_close(no_eps, wanted, rtol=1e-9, atol=1e-9)


def test_algorithm_21_in_float32_stays_within_deepminds_own_noise():
    golden = load_golden("rigids")
    atoms = [torch.tensor(golden.inputs[f"{name}_xyz"], dtype=torch.float32) for name in ("n", "ca", "c")]
    error = rigid_from_3_points(*atoms).rotations.double() - torch.tensor(
        golden.outputs["r3_rots_from_two_vecs_alg21_rot"]
    )
    assert error.abs().max() <= 2 * golden.noise("r3_rots_from_two_vecs_alg21_rot")
    assert error[3:].abs().max() < 1e-6


def test_each_atom_lies_where_algorithm_21_says():
    n, ca, c = normal(3, 6, 3)
    T = rigid_from_3_points(n, ca, c)
    local_n, local_ca, local_c = (T.invert_apply(atom) for atom in (n, ca, c))
    torch.testing.assert_close(local_ca, torch.zeros(6, 3, dtype=F64))
    torch.testing.assert_close(local_c[:, 1:], torch.zeros(6, 2, dtype=F64), rtol=0, atol=1e-7)
    assert (local_c[:, 0] > 0).all() and (local_n[:, 1] > 0).all() and local_n[:, 2].abs().max() < 1e-7
    torch.testing.assert_close(torch.linalg.det(T.rotations), torch.ones(6, dtype=F64), rtol=0, atol=1e-6)


@given(st.integers(0, 10_000))
def test_algorithm_21_is_equivariant(seed):
    G, (n, ca, c) = frames((), seed), normal(3, 6, 3, seed=seed)
    moved = rigid_from_3_points(*(G.apply(atom) for atom in (n, ca, c)))
    expected = G @ rigid_from_3_points(n, ca, c)
    torch.testing.assert_close(moved.rotations, expected.rotations, rtol=0, atol=1e-9)
    torch.testing.assert_close(moved.translations, expected.translations, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "atoms", [[(0, 0, 0)] * 3, [(-1.5, 0, 0), (0, 0, 0), (1.5, 0, 0)], [(1, 1, 1), (0, 0, 0), (0, 0, 0)]]
)
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_degenerate_atoms_give_finite_frames_and_gradients(atoms, dtype):
    n, ca, c = (torch.tensor(atom, dtype=dtype, requires_grad=True) for atom in atoms)
    T = rigid_from_3_points(n, ca, c)
    assert T.rotations.isfinite().all()
    (T.rotations.sum() + T.translations.sum()).backward()
    assert all(atom.grad.isfinite().all() for atom in (n, ca, c))


def test_gram_schmidt_without_eps_is_exactly_orthonormal():
    R = _gram_schmidt(*normal(2, 8, 3), eps=0.0)
    torch.testing.assert_close(R.mT @ R, torch.eye(3, dtype=F64).expand(8, 3, 3), rtol=0, atol=1e-14)


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rotations", "translations", "error", "message"),
    [
        ("R", torch.zeros(3), TypeError, "rotations must be a torch.Tensor, got str"),
        (torch.eye(3), [0, 0, 0], TypeError, "translations must be a torch.Tensor, got list"),
        (torch.eye(3).long(), torch.zeros(3), TypeError, "rotations must be floating point"),
        (torch.eye(4), torch.zeros(3), ValueError, r"rotations must have shape \(\*, 3, 3\), got \(4, 4\)"),
        (torch.zeros(3), torch.zeros(3), ValueError, r"rotations must have shape"),
        (torch.eye(3), torch.zeros(4), ValueError, r"translations must have shape \(\*, 3\), got \(4,\)"),
        (torch.eye(3), torch.zeros(5, 3), ValueError, "agree in their leading shape"),
        (torch.eye(3), torch.zeros(3, dtype=F64), TypeError, "share a dtype"),
        (torch.eye(3), torch.zeros(3, device="meta"), ValueError, "share a device"),
    ],
)
def test_frames_that_are_none_are_refused(rotations, translations, error, message):
    with pytest.raises(error, match=message):
        Rigid(rotations, translations)


def test_points_that_do_not_fit_are_refused():
    T = frames((2, 5))
    with pytest.raises(ValueError, match=r"points of shape \(2, 6, 3\) do not fit frames of shape \(2, 5\)"):
        T.apply(normal(2, 6, 3))
    with pytest.raises(ValueError, match="points must have shape"):
        T.apply(normal(2, 5, 4))
    with pytest.raises(TypeError, match="points must be floating point"):
        T.invert_apply(torch.zeros(2, 5, 3, dtype=torch.int64))
    with pytest.raises(ValueError, match="ca must have shape"):
        rigid_from_3_points(normal(3), normal(4), normal(3))
    with pytest.raises(TypeError, match="c must be a torch.Tensor, got ndarray"):
        rigid_from_3_points(normal(3), normal(3), normal(3).numpy())
    with pytest.raises(TypeError):
        T @ normal(3, 3)
