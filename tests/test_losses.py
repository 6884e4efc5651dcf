import pytest
import torch
from golden import load_golden
from hypothesis import given
from hypothesis import strategies as st

from ipa_tutorial import Rigid, assert_invariant, fape, kabsch_rmsd, lddt, random_rigid

F64 = torch.float64
MIRROR = torch.tensor([1.0, 1.0, -1.0], dtype=F64)


def normal(*shape, seed=0, scale=5.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def frames(shape, seed=0):
    return random_rigid(shape, torch.Generator().manual_seed(seed), scale=5.0, dtype=F64)


# --- FAPE -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def golden():
    return load_golden("fape")


def fape_inputs(golden, dtype=F64):
    def tensor(name):
        return torch.tensor(golden.inputs[name], dtype=dtype)

    predicted = Rigid(tensor("pred_rotation"), tensor("pred_translation").requires_grad_())
    true = Rigid(tensor("target_rotation"), tensor("target_translation"))
    points = tensor("pred_positions").requires_grad_(), tensor("target_positions")
    return predicted, true, *points, tensor("frames_mask") > 0, tensor("positions_mask") > 0


@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_fape_equals_deepmind(golden, dtype):
    *arguments, frames_mask, points_mask = fape_inputs(golden, dtype)
    nobody = torch.zeros_like(frames_mask)
    _, true, _, true_points = arguments
    mirrored = (true, true, (true_points * MIRROR.to(dtype)), true_points)
    cases = {
        "clamp10_scale10": fape(*arguments, frames_mask, points_mask, clamp=10.0),
        "unclamped_scale10": fape(*arguments, frames_mask, points_mask),
        "clamp10_scale10_nomask": fape(*arguments, clamp=10.0),
        "clamp3_scale20": fape(*arguments, frames_mask, points_mask, clamp=3.0, length_scale=20.0),
        "all_frames_masked": fape(*arguments, nobody, points_mask, clamp=10.0),
        "clamp_zero_means_unclamped": fape(*arguments, frames_mask, points_mask, clamp=0.0),
        "perfect_prediction": fape(true, true, true_points, true_points, clamp=10.0),
        "mirror_image_points_same_frames_unclamped": fape(*mirrored),
    }
    for name, value in cases.items():
        expected = torch.tensor(golden.outputs[name])
        tolerance = 1e-9 if dtype == F64 else 4 * max(golden.noise(name), 1e-7)
        torch.testing.assert_close(value.detach().double(), expected, rtol=tolerance, atol=tolerance, msg=name)


def test_fape_gradients_equal_deepmind(golden):
    *arguments, frames_mask, points_mask = fape_inputs(golden)
    predicted, true, points, true_points = arguments
    loss = fape(*arguments, frames_mask, points_mask, clamp=10.0)
    got = torch.autograd.grad(loss, [points, predicted.translations])
    for gradient, name in zip(got, ("pred_positions", "pred_translation"), strict=True):
        expected = torch.tensor(golden.grad[f"clamp10_scale10/{name}"])
        torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-12)
    perfect = true_points.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(fape(true, true, perfect, true_points, clamp=10.0), perfect)
    expected = torch.tensor(golden.grad["perfect_prediction/pred_positions"])
    torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-12)


def test_fape_by_two_loops():
    P, T, p, t = frames(4, 1), frames(4, 2), normal(6, 3, seed=3), normal(6, 3, seed=4)
    total = 0.0
    for i in range(4):
        for j in range(6):
            here = P.rotations[i].T @ (p[j] - P.translations[i])
            there = T.rotations[i].T @ (t[j] - T.translations[i])
            total += min(((here - there).square().sum() + 1e-4).sqrt().item(), 8.0) / 10.0
    assert fape(P, T, p, t, clamp=8.0).item() == pytest.approx(total / 24, rel=1e-5)


def test_fape_of_a_perfect_prediction_is_a_thousandth():
    T, x = frames(4), normal(6, 3)
    assert fape(T, T, x, x).item() == pytest.approx(0.001, rel=1e-4)


def test_fape_of_a_perfect_prediction_has_a_finite_gradient():
    T, x = frames(4), normal(6, 3).requires_grad_()
    fape(T, T, x, x.detach()).backward()
    assert x.grad.isfinite().all()


def test_a_clamp_of_zero_means_no_clamp_and_any_other_clamps():
    P, T, p, t = frames(4, 1), frames(4, 2), normal(6, 3, seed=3), normal(6, 3, seed=4)
    assert fape(P, T, p, t, clamp=0.0) == fape(P, T, p, t) > 0.1
    assert fape(P, T, p + 1000, t, clamp=8.0).item() == pytest.approx(0.8, rel=1e-4)


def test_fape_is_invariant_and_judges_each_batch_element_alone():
    P, T, p, t = frames((2, 4), 1), frames((2, 4), 2), normal(2, 6, 3, seed=3), normal(2, 6, 3, seed=4)
    assert_invariant(lambda rigids, points: fape(rigids, T, points, t), P, p)
    assert_invariant(lambda rigids, points: fape(P, rigids, p, points), T, t)
    both = fape(P, T, p, t)
    assert both.shape == (2,)
    for b in range(2):
        torch.testing.assert_close(both[b], fape(P[b], T[b], p[b], t[b]))


def test_fape_sees_a_mirror_image_that_lddt_does_not():
    x = normal(8, 3)
    T = frames(8)
    mirror = torch.diag(MIRROR)
    mirrored = Rigid(mirror @ T.rotations @ mirror, T.translations @ mirror)
    assert fape(mirrored, T, x * MIRROR, x).item() > 0.1
    assert lddt(x * MIRROR, x).item() == pytest.approx(1)


def test_fape_does_not_look_at_what_is_masked():
    P, T, p, t = frames(4, 1), frames(4, 2), normal(6, 3, seed=3), normal(6, 3, seed=4)
    frames_mask, points_mask = torch.arange(4) != 1, torch.arange(6) < 4
    expected = fape(P[frames_mask], T[frames_mask], p[points_mask], t[points_mask])
    wild = p.masked_fill(~points_mask[:, None], float("nan")).requires_grad_()
    got = fape(P, T, wild, t, frames_mask, points_mask)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=0)  # ε beside 12 and beside 12 pairs
    got.backward()
    assert wild.grad[points_mask].isfinite().all() and (wild.grad[~points_mask].nan_to_num() == 0).all()


# --- RMSD -----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(3, 20))
def test_rmsd_forgets_motions_but_not_mirrors(seed, L):
    x, G = normal(L, 3, seed=seed), frames((), seed)
    assert kabsch_rmsd(G.apply(x), x) < 1e-10
    if L > 4:
        assert kabsch_rmsd(x * MIRROR, x) > 0.05


def test_rmsd_sees_a_mirror_image():
    x = normal(8, 3)
    assert kabsch_rmsd(x * MIRROR, x) > 1


def test_rmsd_is_the_smallest_over_rotations():
    a, b = normal(7, 3, seed=1), normal(7, 3, seed=2)
    best = kabsch_rmsd(a, b)
    centred = a - a.mean(0), b - b.mean(0)
    for seed in range(200):
        R = frames((), seed).rotations
        assert (centred[0] @ R.mT - centred[1]).square().sum(-1).mean().sqrt() >= best - 1e-12
    assert best.item() == pytest.approx(kabsch_rmsd(b, a).item())


def test_rmsd_of_a_known_case_masks_and_batches():
    b = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=F64)
    stretched = b * 2
    centre = b - b.mean(0)
    assert kabsch_rmsd(stretched, b).item() == pytest.approx(centre.square().sum(-1).mean().sqrt().item())
    x, y = normal(2, 9, 3, seed=1), normal(2, 9, 3, seed=2)
    mask = torch.tensor([[True] * 6 + [False] * 3, [False, True] * 4 + [True]])
    wild = x.masked_fill(~mask[..., None], float("nan"))
    for b in range(2):
        expected = kabsch_rmsd(x[b][mask[b]], y[b][mask[b]])
        torch.testing.assert_close(kabsch_rmsd(wild, y, mask)[b], expected)


def test_rmsd_gradient_is_right_and_finite_at_zero():
    a, b = normal(6, 3, seed=1).requires_grad_(), normal(6, 3, seed=2)
    assert torch.autograd.gradcheck(kabsch_rmsd, [a, b])
    same = b.clone().requires_grad_()
    kabsch_rmsd(same, b).backward()
    assert same.grad.isfinite().all()


def test_rmsd_of_degenerate_points_is_finite():
    line = torch.arange(5.0, dtype=F64)[:, None] * torch.tensor([1.0, 0, 0], dtype=F64)
    assert kabsch_rmsd(line, line.flip(-1)).item() == pytest.approx(0, abs=1e-7)
    assert kabsch_rmsd(line[:1], line[:1] + 3) == 0
    assert kabsch_rmsd(line, line, torch.zeros(5, dtype=torch.bool)) == 0


# --- lDDT -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_lddt_equals_deepmind(dtype):
    golden = load_golden("lddt")
    predicted, true = (torch.tensor(golden.inputs[f"{name}_points"], dtype=dtype) for name in ("predicted", "true"))
    mask = torch.tensor(golden.inputs["true_points_mask"][..., 0] > 0)
    cases = {
        "lddt": lddt(predicted, true, mask),
        "lddt_per_residue": lddt(predicted, true, mask, per_residue=True),
        "lddt_cutoff8_per_residue": lddt(predicted, true, mask, cutoff=8.0, per_residue=True),
        "lddt_identical": lddt(true, true, mask),
        "lddt_mirror_image": lddt(true * MIRROR.to(dtype), true, mask),
    }
    for name, value in cases.items():
        tolerance = 1e-9 if dtype == F64 else 4 * max(golden.noise(name), 1e-7)
        expected = torch.tensor(golden.outputs[name])
        torch.testing.assert_close(value.double(), expected, rtol=tolerance, atol=tolerance, msg=name)


def test_lddt_asks_which_true_neighbours_were_kept():
    true = torch.tensor([[0.0, 0, 0], [5, 0, 0], [0, 12, 0], [0, 0, 40]], dtype=F64)
    apart = torch.tensor([[0.0, 0, 0], [8, 0, 0], [0, 12, 0], [0, 0, 40]], dtype=F64)  # 3 Å off: one tolerance of four
    assert lddt(apart, true, per_residue=True).tolist() == pytest.approx([0.625, 0.375, 0.75, 1], abs=1e-9)
    assert lddt(100 * true, true, per_residue=True).tolist() == pytest.approx([0, 0, 0, 1], abs=1e-9)
    assert lddt(0 * true, true, per_residue=True).tolist() == pytest.approx([0, 0, 0, 1], abs=1e-9)


def test_lddt_by_two_loops():
    x, mask = normal(9, 3), torch.tensor([True] * 8 + [False])
    y = x + 1.5 * normal(9, 3, seed=1, scale=1.0)
    kept, total, far = 0, 0, 0
    for i in range(8):
        for j in range(8):
            true = (x[i] - x[j]).norm()
            far += int(true >= 15)
            if i != j and true < 15:
                error = (true - (y[i] - y[j]).norm()).abs()
                kept += sum(int(error < tolerance) for tolerance in (0.5, 1, 2, 4)) / 4
                total += 1
    assert 0 < kept < total and far > 0
    assert lddt(y, x, mask).item() == pytest.approx(kept / total, rel=1e-8)


def test_lddt_ignores_padding_whatever_it_holds():
    x, y = normal(9, 3, seed=1), normal(9, 3, seed=2)
    mask = torch.arange(9) < 6
    wild = x.masked_fill(~mask[:, None], float("nan"))
    torch.testing.assert_close(lddt(wild, y, mask), lddt(x[:6], y[:6]))


# --- half precision, autocast, what is not finite ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_losses_are_computed_in_at_least_float32(dtype):
    """The number of 256 × 256 pairs is no float16."""
    T, x = frames(260), normal(260, 3)
    half_T, half_x, half_y = T.to(dtype), x.to(dtype), (x + normal(260, 3, seed=1, scale=0.5)).to(dtype)
    assert fape(half_T, half_T, half_x, half_x).item() == pytest.approx(0.001, rel=1e-3)
    wide_T = half_T.to(torch.float32)
    for loss, half, wide in (
        (fape, (half_T, half_T, half_x, half_y), (wide_T, wide_T, half_x.float(), half_y.float())),
        (kabsch_rmsd, (half_x, half_y), (half_x.float(), half_y.float())),
        (lddt, (half_x, half_y), (half_x.float(), half_y.float())),
    ):
        assert loss(*half).dtype == torch.float32 and torch.equal(loss(*half), loss(*wide)) and loss(*half) > 0
    apart = torch.tensor([[0.0, 0, 0], [50, 0, 0]], dtype=dtype)
    assert lddt(apart, apart, per_residue=True).tolist() == [1, 1]  # no neighbours


def test_losses_do_not_see_autocast():
    T, x = frames(30).to(torch.float32), normal(30, 3).float()
    moved = frames((), 5).to(torch.float32).apply(x)
    y = x + normal(30, 3, seed=1).float()
    plain = [fape(T, T, x, y), kabsch_rmsd(x, y), lddt(x, y), kabsch_rmsd(moved, x)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = [fape(T, T, x, y), kabsch_rmsd(x, y), lddt(x, y), kabsch_rmsd(moved, x)]
    for a, b in zip(plain, cast, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("dtype", [F64, torch.float32])
@pytest.mark.parametrize("away", [0.0, 1e3])
def test_a_moved_copy_has_rmsd_and_gradient_zero(dtype, away):
    for seed in range(20):
        x = normal(8 + 9 * seed, 3, seed=seed, scale=12.0)
        moved = (frames((), seed).apply(x) + away).to(dtype).requires_grad_()
        rmsd = kabsch_rmsd(moved, x.to(dtype))
        (gradient,) = torch.autograd.grad(rmsd, moved)
        assert rmsd == 0 and (gradient == 0).all(), seed
    off = (x + 0.01 * normal(*x.shape, seed=3, scale=1.0)).to(dtype).requires_grad_()
    (gradient,) = torch.autograd.grad(kabsch_rmsd(off, x.to(dtype)), off)
    assert gradient.norm() > 0.01  # what is a hundredth of an ångström off is no copy


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, 1e200])
def test_one_structure_that_is_not_finite_does_no_harm_to_its_batch(bad):
    a, b = normal(3, 8, 3, seed=1), normal(3, 8, 3, seed=2)
    wild = a.clone()
    wild[1, 4, 2] = bad
    got, expected = kabsch_rmsd(wild, b), kabsch_rmsd(a, b)
    assert torch.equal(got[[0, 2]], expected[[0, 2]])
    assert not got[1].isfinite() and not kabsch_rmsd(wild[1], b[1]).isfinite()


# --- bad input ------------------------------------------------------------------------------------------------------


def test_bad_input_is_named():
    T, x = frames(4), normal(6, 3)
    with pytest.raises(TypeError, match="true_rigids must be a Rigid, got Tensor"):
        fape(T, x, x, x)
    with pytest.raises(ValueError, match=r"true_rigids must have the shape of predicted_rigids, \(4,\), got \(3,\)"):
        fape(T, T[:3], x, x)
    with pytest.raises(ValueError, match=r"true_points must have shape \(6, 3\), got \(5, 3\)"):
        fape(T, T, x, x[:5])
    with pytest.raises(ValueError, match=r"predicted_points must have shape \(\*, P, 3\)"):
        fape(T, T, x[:, :2], x)
    with pytest.raises(ValueError, match="share their batch axes"):
        fape(T, T, x[None], x[None])
    with pytest.raises(TypeError, match="frames_mask must be boolean"):
        fape(T, T, x, x, frames_mask=torch.ones(4))
    with pytest.raises(ValueError, match=r"points_mask must have shape \(6,\), got \(4,\)"):
        fape(T, T, x, x, points_mask=torch.ones(4, dtype=torch.bool))
    with pytest.raises(ValueError, match="clamp must be a distance in Å or None, got -1"):
        fape(T, T, x, x, clamp=-1.0)
    for eps in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="eps must be a number of Å² of at least 0"):
            fape(T, T, x, x, eps=eps)
    with pytest.raises(ValueError, match="length_scale must be a positive number of Å, got 0"):
        fape(T, T, x, x, length_scale=0)
    with pytest.raises(ValueError, match=r"one shape \(\*, L, 3\), got \(6, 3\) and \(5, 3\)"):
        kabsch_rmsd(x, x[:5])
    with pytest.raises(TypeError, match="second set of points must be a torch.Tensor"):
        lddt(x, x.numpy())
