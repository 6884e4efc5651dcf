"""Each line of Algorithm 22, the module against an independent oracle, masks, precision and bad input."""

import math

import numpy as np
import pytest
import torch
from cases import PAIR_DIM, SIZES, build_attention, build_inputs, call, partial_mask, randomise
from oracle import ipa_by_loops

from ipa_tutorial import InvariantPointAttention, Rigid, load_protein, random_rigid
from ipa_tutorial import attention as lines

F64 = torch.float64


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def close(got, expected, tolerance=1e-12):
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)


# --- the lines ----------------------------------------------------------------------------------------------------


def test_lines_1_to_4_cut_projections_head_by_head():
    x = torch.arange(5 * 24).reshape(5, 24).double()
    close(lines.split_scalars(x, 2)[1, 3], x[3, 12:])
    close(lines.split_points(x, 2)[1, 3, 2], x[3, 12 + 6 : 12 + 9])  # head 1, residue 3, point 2: x, y, z side by side
    b = normal(5, 5, 2)
    close(lines.split_pair_bias(b)[1, 3, 4], b[3, 4, 1])
    batched = normal(2, 7, 5, 24)
    close(lines.split_points(batched, 4)[1, 6], lines.split_points(batched[1, 6], 4))


def test_line_5_is_one_over_the_root_of_the_variance_that_the_softmax_sees():
    P = 5
    q, k = normal(200_000, P, 3, seed=1), normal(200_000, P, 3, seed=2)
    without_q = (0.5 * k.square() - q * k).sum((-1, -2))
    assert abs(lines.point_weight(P) * without_q.std() - 1) < 0.01


def test_line_6_counts_the_terms():
    assert lines.term_weight(3) == math.sqrt(1 / 3) and lines.term_weight(2) == math.sqrt(1 / 2)


def test_line_7_scalar_term_is_that_of_scaled_dot_product_attention():
    q, k, v = normal(2, 3, 5, 4, seed=1), normal(2, 3, 5, 4, seed=2), normal(2, 3, 5, 7, seed=3)
    ours = lines.attend_scalars(lines.scalar_logits(q, k).softmax(-1), v)
    close(ours, torch.nn.functional.scaled_dot_product_attention(q, k, v))


def test_line_7_point_term_by_hand():
    q, k = torch.zeros(1, 2, 2, 3), torch.zeros(1, 2, 2, 3)
    k[0, 1, 0] = torch.tensor([3.0, 4.0, 0.0])  # one of the two points of key 1 lies 5 away
    logits = lines.point_logits(q, k, gamma=torch.tensor([2.0]))
    expected = -0.5 * 2 * math.sqrt(2 / 18) * 25
    torch.testing.assert_close(logits[0], torch.tensor([[0.0, expected], [0.0, expected]]))


def test_line_7_point_term_keeps_its_digits_far_from_the_origin():
    """In float32 a shift by 1000 nm may cost digits in proportion to itself, but not to its square."""
    q, k, gamma = normal(2, 5, 4, 3, seed=1).float(), normal(2, 5, 4, 3, seed=2).float(), torch.ones(2)
    far = lines.point_logits(q + 1000, k + 1000, gamma)
    torch.testing.assert_close(far, lines.point_logits(q, k, gamma), rtol=0, atol=2e-3)


def test_line_8_reads_the_pair_representation_row_by_row():
    weights, z = normal(2, 5, 5).softmax(-1), normal(5, 5, 6, seed=1)
    for h in range(2):
        for i in range(5):
            expected = sum(weights[h, i, j] * z[i, j] for j in range(5))
            close(lines.attend_pairs(weights, z)[h, i], expected)


def test_line_10_brings_each_mean_home_into_the_frame_of_the_query():
    frames = random_rigid(5, generator=torch.Generator().manual_seed(3), dtype=F64)
    v = normal(2, 5, 7, 3)
    weights = normal(2, 5, 5).softmax(-1)
    home = lines.attend_points(weights, v, frames[None])
    for h in range(2):
        for i in range(5):
            world = sum(weights[h, i, j] * frames[j].apply(v[h, j]) for j in range(5))
            close(home[h, i], frames[i].invert_apply(world))


def test_line_11_norm_has_a_finite_gradient_at_the_origin():
    points = torch.zeros(1, 1, 2, 3, dtype=F64, requires_grad=True)
    norms = lines.point_norms(points, eps=1e-8)
    norms.sum().backward()
    assert norms.unique().item() == pytest.approx(1e-4) and (points.grad == 0).all()
    assert lines.point_norms(torch.tensor([[3.0, 4.0, 12.0]]), eps=1e-8).item() == pytest.approx(13)


def test_line_11_concatenates_head_by_head():
    a, b = normal(2, 5, 3, seed=1), normal(2, 5, 4, seed=2)
    features = lines.concatenate_heads(a, b)
    close(features[3], torch.cat([a[0, 3], a[1, 3], b[0, 3], b[1, 3]]))


# --- the module ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("require_pairwise_repr", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_module_equals_the_triple_loop(require_pairwise_repr, bias, masked):
    attention = build_attention(bias=bias, require_pairwise_repr=require_pairwise_repr)
    s, z, frames = build_inputs(L=4, pair_dim=PAIR_DIM if require_pairwise_repr else None)
    mask = torch.tensor([True, False, True, True]) if masked else None
    expected = ipa_by_loops(
        attention,
        *(None if x is None else x.numpy() for x in (s, z, frames.rotations, frames.translations, mask)),
    )
    close(call(attention, s, z, frames, mask).detach(), torch.tensor(expected), 1e-11)


def test_a_fresh_module_gives_logit_terms_of_variance_one():
    torch.manual_seed(0)
    attention = InvariantPointAttention(256, heads=64, pairwise_repr_dim=64).double()
    assert torch.allclose(attention.gamma, torch.ones(64, dtype=F64), atol=1e-6)
    s, z = normal(40, 256, seed=1), normal(40, 40, 64, seed=2)
    _, parts = call(attention, s, z, Rigid.identity(40, dtype=F64), return_parts=True)
    spread_over_keys = {
        "scalar": parts.scalar_logits.var(dim=-1).mean().item(),
        "pair": parts.pair_logits.var(dim=-1).mean().item(),
        "point": parts.point_logits.var(dim=-1).mean().item(),
        "sum": parts.logits.var(dim=-1).mean().item(),
    }
    for term, variance in spread_over_keys.items():
        assert 0.85 < variance < 1.15, (term, variance)


def test_the_frames_of_a_real_protein_do_not_freeze_a_fresh_attention():
    """In nanometres neighbours and far residues differ by a few units of logit; in ångström, by hundreds."""
    T = load_protein("ubiquitin").rigids(F64)
    attention = InvariantPointAttention(16, require_pairwise_repr=False).double()
    _, parts = call(attention, normal(76, 16), None, T, return_parts=True)
    assert parts.point_logits.std(dim=-1).mean() < 4
    effective_keys = (-(parts.weights * parts.weights.clamp(min=1e-300).log()).sum(-1)).exp()
    assert effective_keys.mean() > 20


def test_gamma_is_positive_and_trains():
    attention = build_attention()
    assert (attention.gamma > 0).all() and "raw_gamma" in dict(attention.named_parameters())
    call(attention, *build_inputs()).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in attention.parameters())


def test_parts_are_the_lines_of_the_algorithm():
    attention = build_attention()
    s, z, frames = build_inputs(L=5, batch=(3,))
    out, parts = call(attention, s, z, frames, return_parts=True)
    H, c, c_v, P, P_v = 2, 3, 5, 4, 7
    assert torch.equal(out, call(attention, s, z, frames))
    shapes = {name: tuple(part.shape) for name, part in vars(parts).items() if isinstance(part, torch.Tensor)}
    assert shapes["q"] == shapes["k"] == (3, H, 5, c) and shapes["v"] == (3, H, 5, c_v)
    assert shapes["q_points"] == shapes["k_points"] == (3, H, 5, P, 3) and shapes["v_points"] == (3, H, 5, P_v, 3)
    assert shapes["weights"] == shapes["pair_logits"] == (3, H, 5, 5) and shapes["gamma"] == (H,)
    assert shapes["pair_out"] == (3, H, 5, PAIR_DIM) and shapes["scalar_out"] == (3, H, 5, c_v)
    assert shapes["point_out"] == (3, H, 5, P_v, 3) and shapes["point_norms"] == (3, H, 5, P_v)
    assert shapes["features"] == (3, 5, H * (PAIR_DIM + c_v + 4 * P_v))
    close(parts.weights.sum(-1), torch.ones(3, H, 5, dtype=F64))
    close(parts.logits, parts.w_L * (parts.scalar_logits + parts.pair_logits + parts.point_logits))
    close(attention.to_out(parts.features), out)
    assert parts.w_C == math.sqrt(2 / (9 * P)) and parts.w_L == math.sqrt(1 / 3)
    close(parts.features[0, 2, PAIR_DIM : 2 * PAIR_DIM], parts.pair_out[0, 1, 2])  # line 11's order: õ comes first


def test_without_pair_representation_there_are_two_terms():
    attention = build_attention(require_pairwise_repr=False)
    s, _, frames = build_inputs()
    _, parts = call(attention, s, None, frames, return_parts=True)
    assert parts.pair_logits is None and parts.pair_out is None and parts.w_L == math.sqrt(1 / 2)
    close(parts.logits, parts.w_L * (parts.scalar_logits + parts.point_logits))
    assert not any("pair" in name for name in attention.state_dict())


@pytest.mark.parametrize("batch", [(1,), (3,), (2, 3), (0,)])
def test_batch_axes_are_independent(batch):
    attention = build_attention()
    s, z, frames = build_inputs(L=5, batch=batch)
    mask = partial_mask(5, batch)
    out = call(attention, s, z, frames, mask)
    assert out.shape == (*batch, 5, SIZES["dim"])
    for index in np.ndindex(*batch):
        close(out[index], call(attention, s[index], z[index], frames[index], mask[index]))


def test_one_residue_attends_to_itself():
    attention = build_attention()
    s, z, frames = build_inputs(L=1)
    out, parts = call(attention, s, z, frames, return_parts=True)
    assert (parts.weights == 1).all() and out.isfinite().all()
    close(parts.point_out, parts.v_points, 1e-11)  # its own points, there and back again


def test_frames_matter():
    attention = build_attention()
    s, z, frames = build_inputs()
    other = build_inputs(seed=1)[2]
    assert (call(attention, s, z, frames) - call(attention, s, z, other)).abs().max() > 0.01


# --- masks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("require_pairwise_repr", [True, False])
@pytest.mark.parametrize("filling", [1e3, 1e300, math.nan, math.inf, -math.inf])
def test_padding_changes_nothing(filling, require_pairwise_repr):
    attention = build_attention(require_pairwise_repr=require_pairwise_repr)
    s, z, frames = build_inputs(L=9, batch=(2,), pair_dim=PAIR_DIM if require_pairwise_repr else None)
    mask = partial_mask(9, (2,))
    expected = call(attention, s, z, frames, mask)[mask]

    s, R, t = (x.masked_fill(~mask.reshape(2, 9, *[1] * (x.ndim - 2)), filling)
               for x in (s, frames.rotations, frames.translations))  # fmt: skip
    if z is not None:
        z = z.masked_fill(~(mask[:, :, None] & mask[:, None, :])[..., None], filling)
    inputs = [x.requires_grad_() for x in (s, z, R, t) if x is not None]
    out = attention(s, z, rotations=R, translations=t, mask=mask)
    assert torch.equal(out[mask], expected)
    assert out.isfinite().all()
    gradients = torch.autograd.grad(out[mask].square().sum(), [*inputs, *attention.parameters()])
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert (gradients[0][~mask] == 0).all() and (gradients[0][mask] != 0).any()


def test_padding_to_a_longer_length_changes_nothing():
    attention = build_attention()
    s, z, frames = build_inputs(L=9)
    mask = torch.arange(9) < 6
    short = call(attention, s[:6], z[:6, :6], frames[:6])
    close(call(attention, s, z, frames, mask)[:6], short)


def test_a_mask_of_ones_is_no_mask_and_its_opposite_is():
    attention = build_attention()
    s, z, frames = build_inputs()
    ones = torch.ones(5, dtype=torch.bool)
    assert torch.equal(call(attention, s, z, frames, ones), call(attention, s, z, frames))
    mask = torch.tensor([True, True, False, True, True])
    assert (call(attention, s, z, frames, mask) - call(attention, s, z, frames))[mask].abs().max() > 1e-3
    _, parts = call(attention, s, z, frames, mask, return_parts=True)
    assert (parts.weights[:, mask][..., 2] == 0).all() and (parts.weights[:, mask][..., mask] > 0).all()


def test_a_fully_masked_input_stays_finite_forwards_and_backwards():
    attention = build_attention()
    s, z, frames = build_inputs(L=5, batch=(2,))
    mask = torch.tensor([[False] * 5, [True] * 5])
    s.requires_grad_()
    out = call(attention, s, z, frames, mask)
    out.square().sum().backward()
    assert out.isfinite().all() and s.grad.isfinite().all()
    close(out[1], call(attention, s[1], z[1], frames[1]))


# --- precision ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_modules_keep_the_geometry_in_float32(dtype):
    attention = build_attention(dtype)
    s, z, frames = build_inputs(L=7, dtype=dtype)
    frames = random_rigid(7, generator=torch.Generator().manual_seed(0))  # float32
    far = Rigid(frames.rotations, frames.translations + 64)
    out, parts = call(attention, s, z, frames, return_parts=True)
    assert out.dtype == dtype
    assert {parts.weights.dtype, parts.point_logits.dtype, parts.point_out.dtype} == {torch.float32}
    _, moved = call(attention, s, z, far, return_parts=True)
    torch.testing.assert_close(moved.weights, parts.weights, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(moved.point_out, parts.point_out, rtol=1e-3, atol=1e-3)


def test_autocast_keeps_the_geometry_in_float32():
    attention = build_attention(torch.float32)
    s, z, frames = build_inputs(L=7, dtype=torch.float32)
    far = Rigid(frames.rotations, frames.translations + 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out, parts = call(attention, s, z, frames, return_parts=True)
        _, moved = call(attention, s, z, far, return_parts=True)
    assert {parts.weights.dtype, parts.point_logits.dtype, parts.point_out.dtype} == {torch.float32}
    torch.testing.assert_close(moved.point_out, parts.point_out, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(out.float(), call(attention, s, z, frames), rtol=0.1, atol=0.1)


def test_frames_of_higher_precision_are_used_in_full():
    attention = build_attention(torch.float32)
    s, z, frames = build_inputs(L=5, dtype=torch.float32)
    _, parts = call(attention, s, z, frames.to(F64), return_parts=True)
    assert parts.weights.dtype == F64 and parts.features.dtype == F64


def test_the_module_is_deterministic_and_leaves_its_inputs_alone():
    attention = build_attention()
    s, z, frames = build_inputs()
    before = [x.clone() for x in (s, z, frames.rotations, frames.translations)]
    assert torch.equal(call(attention, s, z, frames), call(attention, s, z, frames))
    assert all(torch.equal(a, b) for a, b in zip(before, (s, z, frames.rotations, frames.translations), strict=True))


def test_state_dict_round_trip_and_torch_compile_friendly_trace():
    attention, other = build_attention(seed=1), build_attention(seed=2)
    other.load_state_dict(attention.state_dict())
    inputs = build_inputs()
    assert torch.equal(call(attention, *inputs), call(other, *inputs))


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(single_repr=torch.zeros(5, 12).double()), ValueError, r"single_repr must have shape \(\*, L, 11\)"),
        (dict(single_repr=torch.zeros(11).double()), ValueError, "single_repr must have shape"),
        (dict(single_repr=torch.zeros(0, 11).double()), ValueError, "L >= 1"),
        (dict(single_repr=np.zeros((5, 11))), TypeError, "single_repr must be a torch.Tensor, got ndarray"),
        (dict(single_repr=torch.zeros(5, 11).long()), TypeError, "single_repr must be floating point, got torch.int64"),
        (
            dict(single_repr=torch.zeros(5, 11)),
            TypeError,
            "dtype of the module's parameters, torch.float64, got torch.float32",
        ),
        (dict(pairwise_repr=None), ValueError, r"pairwise_repr is missing: expected shape \(5, 5, 6\)"),
        (
            dict(pairwise_repr=torch.zeros(5, 4, 6).double()),
            ValueError,
            r"pairwise_repr must have shape \(5, 5, 6\).*got \(5, 4, 6\)",
        ),
        (dict(pairwise_repr=torch.zeros(5, 5, 6)), TypeError, "pairwise_repr must have the dtype of single_repr"),
        (dict(rotations=torch.eye(3).double()), ValueError, r"rotations must have shape \(5, 3, 3\).*got \(3, 3\)"),
        (dict(translations=torch.zeros(1, 5, 3).double()), ValueError, r"translations must have shape \(5, 3\)"),
        (dict(translations=torch.zeros(5, 3)), TypeError, "rotations and translations must share a dtype"),
        (dict(translations=None), TypeError, "translations must be a torch.Tensor, got NoneType"),
        (dict(translations=torch.zeros(5, 3, device="meta").double()), ValueError, "on cpu, but translations on meta"),
        (dict(mask=torch.ones(5)), TypeError, r"mask must be boolean \(True = real\), got torch.float32"),
        (dict(mask=[True] * 5), TypeError, "mask must be a boolean torch.Tensor, got list"),
        (dict(mask=torch.ones(4, dtype=torch.bool)), ValueError, r"mask must have shape \(5,\), got \(4,\)"),
    ],
)
def test_bad_input_is_named(change, error, message):
    s, z, frames = build_inputs()
    arguments = dict(single_repr=s, pairwise_repr=z, rotations=frames.rotations, translations=frames.translations)
    with pytest.raises(error, match=message):
        build_attention()(**(arguments | change))


def test_an_unwanted_pair_representation_is_not_silently_dropped():
    s, z, frames = build_inputs()
    with pytest.raises(ValueError, match="require_pairwise_repr=False"):
        call(build_attention(require_pairwise_repr=False), s, z, frames)


@pytest.mark.parametrize("name", [*SIZES, "pairwise_repr_dim"])
@pytest.mark.parametrize("size", [0, -1, 2.0])
def test_impossible_sizes_are_named(name, size):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got {size}"):
        InvariantPointAttention(**(SIZES | {name: size}))


def test_randomise_leaves_nothing_at_zero():
    attention = InvariantPointAttention(**SIZES)
    randomise(attention)
    assert all((p != 0).all() for p in attention.parameters())
