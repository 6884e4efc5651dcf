"""Blocks, backbone update and the stack: shapes that users of other packages know, equivariance at depth, masks."""

import pytest
import torch
from cases import build_inputs, partial_mask, randomise
from hypothesis import given
from hypothesis import strategies as st

from ipa_tutorial import (
    BackboneUpdate,
    InvariantPointAttention,
    IPABlock,
    IPATransformer,
    Rigid,
    assert_equivariant,
    assert_invariant,
    random_rigid,
)
from ipa_tutorial.blocks import compose_update
from ipa_tutorial.quaternion import quaternion_multiply, quaternion_to_rotation, rotation_to_quaternion

F64 = torch.float64
ATTENTION = dict(heads=2, scalar_key_dim=3, scalar_value_dim=5, point_key_dim=4, point_value_dim=7)
DIM, PAIR_DIM = 11, 6


def normal(*shape, seed=0, dtype=F64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64).to(dtype)


def build_transformer(depth=2, seed=0, dtype=F64, **options):
    options = ATTENTION | dict(pairwise_repr_dim=PAIR_DIM) | options
    model = IPATransformer(DIM, depth, **options).to(dtype).eval()
    randomise(model, seed, scale=0.5)
    return model


def run(model, s, z, T, mask=None):
    """The stack as a function of frames: single representation and moved frames."""
    x, t, q = model(s, T.translations, rotation_to_quaternion(T.rotations), z, mask)
    return x, Rigid(quaternion_to_rotation(q), t)


# --- the usage examples that users of invariant-attention 0.1.0 know -------------------------------------------------


def test_standalone_attention_example():
    attention = InvariantPointAttention(
        dim=64, heads=8, scalar_key_dim=16, scalar_value_dim=16, point_key_dim=4, point_value_dim=4
    )
    out = attention(
        normal(1, 256, 64, dtype=torch.float32),
        normal(1, 256, 256, 64, dtype=torch.float32),
        rotations=torch.eye(3).expand(1, 256, 3, 3),
        translations=torch.zeros(1, 256, 3),
        mask=torch.ones(1, 256, dtype=torch.bool),
    )
    assert out.shape == (1, 256, 64) and out.isfinite().all()


def test_block_and_update_example():
    block = IPABlock(dim=64, heads=8, scalar_key_dim=16, scalar_value_dim=16, point_key_dim=4, point_value_dim=4)
    s, z = normal(1, 256, 64, dtype=torch.float32), normal(1, 256, 256, 64, dtype=torch.float32)
    rotations, translations = torch.eye(3).expand(1, 256, 3, 3), torch.zeros(1, 256, 3)
    mask = torch.ones(1, 256, dtype=torch.bool)
    x = block(s, pairwise_repr=z, rotations=rotations, translations=translations, mask=mask)
    quaternion_update, translation_update = torch.nn.Linear(64, 6)(x).chunk(2, dim=-1)
    assert quaternion_update.shape == translation_update.shape == (1, 256, 3)


def test_transformer_example():
    model = IPATransformer(
        dim=32,
        depth=2,
        num_tokens=None,
        predict_points=False,
        detach_rotations=True,
        heads=4,
        require_pairwise_repr=True,
    )
    x, translations, quaternions = model(
        normal(1, 256, 32, dtype=torch.float32),
        translations=normal(1, 256, 3, seed=1, dtype=torch.float32),
        quaternions=normal(1, 256, 4, seed=2, dtype=torch.float32),  # not normalised
        pairwise_repr=normal(1, 256, 256, 32, seed=3, dtype=torch.float32),
        mask=torch.ones(1, 256, dtype=torch.bool),
    )
    assert x.shape == (1, 256, 32) and translations.shape == (1, 256, 3) and quaternions.shape == (1, 256, 4)
    torch.testing.assert_close(quaternions.norm(dim=-1), torch.ones(1, 256))


def test_tokens_points_and_no_pair_representation():
    model = IPATransformer(32, 2, num_tokens=21, predict_points=True, require_pairwise_repr=False, heads=2)
    assert model(torch.randint(21, (1, 256))).shape == (1, 256, 3)
    with pytest.raises(ValueError, match="tokens must lie in 0 … 20, got 0 … 21"):
        model(torch.arange(22)[None])
    with pytest.raises(TypeError, match="integer tensor of tokens"):
        model(torch.rand(1, 4, 32))


# --- the block --------------------------------------------------------------------------------------------------------


def test_post_norm_block_is_lines_6_to_9_of_algorithm_20():
    block = IPABlock(DIM, pairwise_repr_dim=PAIR_DIM, **ATTENTION).to(F64)
    randomise(block)
    s, z, T = build_inputs()
    geometry = dict(rotations=T.rotations, translations=T.translations)
    x = block.attention_norm(s + block.attention(s, z, **geometry))
    first, _, second, _, third = block.transition
    x = block.transition_norm(x + third(second(first(x).relu()).relu()))
    torch.testing.assert_close(block(s, z, **geometry), x)


def test_pre_norm_block():
    block = IPABlock(DIM, post_norm=False, ff_mult=2, ff_num_layers=2, pairwise_repr_dim=PAIR_DIM, **ATTENTION).to(F64)
    randomise(block)
    s, z, T = build_inputs()
    geometry = dict(rotations=T.rotations, translations=T.translations)
    x = s + block.attention(block.attention_norm(s), z, **geometry)
    x = x + block.transition(block.transition_norm(x))
    torch.testing.assert_close(block(s, z, **geometry), x)
    assert block.transition[0].out_features == 2 * DIM and len(block.transition) == 3


def test_a_fresh_pre_norm_block_changes_nothing_and_a_fresh_stack_leaves_the_frames_alone():
    s, z, T = build_inputs()
    block = IPABlock(DIM, post_norm=False, pairwise_repr_dim=PAIR_DIM, **ATTENTION).to(F64)
    assert torch.equal(block(s, z, rotations=T.rotations, translations=T.translations), s)
    model = IPATransformer(DIM, 3, pairwise_repr_dim=PAIR_DIM, **ATTENTION).to(F64)
    _, moved = run(model, s, z, T)
    torch.testing.assert_close(moved.rotations, T.rotations, rtol=0, atol=1e-12)
    assert torch.equal(moved.translations, T.translations)


def test_a_block_leaves_its_input_alone_and_can_be_trained():
    block = IPABlock(DIM, pairwise_repr_dim=PAIR_DIM, **ATTENTION).to(F64)
    randomise(block)
    s, z, T = build_inputs()
    x = 2 * s.clone().requires_grad_()  # not a leaf, as in the middle of a network
    before = x.detach().clone()
    block(x, z, rotations=T.rotations, translations=T.translations).square().sum().backward()
    assert torch.equal(x, before)


def test_dropout_acts_in_training_only():
    block = IPABlock(DIM, post_attn_dropout=0.5, post_ff_dropout=0.5, pairwise_repr_dim=PAIR_DIM, **ATTENTION).to(F64)
    randomise(block)
    s, z, T = build_inputs()
    geometry = dict(rotations=T.rotations, translations=T.translations)
    assert not torch.equal(block(s, z, **geometry), block(s, z, **geometry))
    block.eval()
    assert torch.equal(block(s, z, **geometry), block(s, z, **geometry))


# --- the update -------------------------------------------------------------------------------------------------------


def test_update_is_algorithm_23():
    update = BackboneUpdate(DIM).to(F64)
    randomise(update)
    s = normal(5, DIM)
    U = update(s)
    b, c, d, *t = update.to_update(s)[2].tolist()
    norm = (1 + b * b + c * c + d * d) ** 0.5
    w, x, y, z = 1 / norm, b / norm, c / norm, d / norm
    first_row = [w * w + x * x - y * y - z * z, 2 * x * y - 2 * w * z, 2 * x * z + 2 * w * y]
    torch.testing.assert_close(U.rotations[2, 0], torch.tensor(first_row, dtype=F64))
    torch.testing.assert_close(U.translations[2], torch.tensor(t, dtype=F64))
    assert (BackboneUpdate(DIM)(s.float()).rotations == torch.eye(3)).all()


def test_an_update_of_quaternions_is_T_composed_with_U():
    T, U = random_rigid(5, dtype=F64), random_rigid(5, dtype=F64)
    quaternions = (rotation_to_quaternion(frames.rotations) for frames in (T, U))
    q, t = compose_update(next(quaternions), T.translations, next(quaternions), U.translations)
    torch.testing.assert_close(quaternion_to_rotation(q), (T @ U).rotations, rtol=0, atol=1e-12)
    torch.testing.assert_close(t, (T @ U).translations, rtol=0, atol=1e-12)


def test_a_fresh_update_stays_where_it_is_and_learns_to_turn():
    update = BackboneUpdate(DIM).to(F64)
    U = update(normal(5, DIM))
    assert torch.equal(U.rotations, torch.eye(3, dtype=F64).expand(5, 3, 3)) and (U.translations == 0).all()
    (U.rotations * normal(5, 3, 3, seed=1)).sum().backward()
    assert update.to_update.weight.grad.abs().max() > 0.1


def test_a_small_update_turns_a_little():
    update = BackboneUpdate(DIM).to(F64)
    randomise(update, scale=1e-3)
    turned = (update(normal(5, DIM)).rotations - torch.eye(3, dtype=F64)).abs().max()
    assert 1e-5 < turned < 0.05


def test_a_local_update_on_the_right_is_equivariant_and_on_the_left_is_not():
    T, U = random_rigid(5, dtype=F64), random_rigid(5, dtype=F64)
    assert_equivariant(lambda T: T @ U, T)
    with pytest.raises(AssertionError):
        assert_equivariant(lambda T: U @ T, T)


@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_rotations_stay_orthonormal_through_100_updates(dtype):
    T = random_rigid(5, torch.Generator().manual_seed(0), dtype=dtype)
    q = rotation_to_quaternion(T.rotations)
    update = BackboneUpdate(DIM).to(dtype)
    randomise(update, 3)
    for step in range(100):
        s = normal(5, DIM, seed=step, dtype=dtype)
        T = T @ update(s)
        q = quaternion_multiply(q, update.quaternion_and_translation(s)[0])
    identity = torch.eye(3, dtype=dtype).expand(5, 3, 3)
    tolerance = 1e-12 if dtype == F64 else 2e-5
    torch.testing.assert_close(T.rotations.mT @ T.rotations, identity, rtol=0, atol=tolerance)
    torch.testing.assert_close(quaternion_to_rotation(q), T.rotations, rtol=0, atol=tolerance)


# --- the stack --------------------------------------------------------------------------------------------------------


def single_of(model, s, z, mask=None):
    return lambda T: run(model, s, z, T, mask)[0]


def frames_of(model, s, z, mask=None):
    return lambda T: run(model, s, z, T, mask)[1]


@pytest.mark.parametrize("options", [{}, dict(post_norm=False), dict(require_pairwise_repr=False), dict(bias=True)])
def test_the_stack_is_equivariant_at_depth_8(options):
    model = build_transformer(depth=8, **options)
    s, z, T = build_inputs(L=9, pair_dim=None if options == dict(require_pairwise_repr=False) else PAIR_DIM)
    start = run(model, s, z, T)[1]
    assert (start.translations - T.translations).abs().max() > 0.1  # the update layers really move the frames
    mask = partial_mask(9)
    assert_invariant(single_of(model, s, z, mask), T, tolerance=1e-10)
    assert_equivariant(frames_of(model, s, z, mask), T, tolerance=1e-10)


@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 10**6), st.sampled_from([(), (2,), (1, 2)]))
def test_equivariance_as_a_property(L, depth, seed, batch):
    model = build_transformer(depth, seed)
    s, z, T = build_inputs(L, batch, seed=seed)
    mask = partial_mask(L, batch, seed) if seed % 2 else None
    assert_equivariant(frames_of(model, s, z, mask), T, trials=1, tolerance=1e-9)
    assert_invariant(single_of(model, s, z, mask), T, trials=1, tolerance=1e-9)


def test_predicted_points_move_along():
    model = build_transformer(predict_points=True)
    s, z, T = build_inputs()
    points = lambda T: model(s, T.translations, rotation_to_quaternion(T.rotations), z)  # noqa: E731
    assert_equivariant(points, T)


@pytest.mark.parametrize("filling", [7.0, float("nan"), float("inf")])
def test_padding_changes_nothing_at_any_layer(filling):
    model = build_transformer(depth=4)
    s, z, T = build_inputs(L=9, batch=(2,))
    q, t = rotation_to_quaternion(T.rotations), T.translations
    mask = partial_mask(9, (2,))
    expected = model(s, t, q, z, mask)
    real_pairs = (mask[..., :, None] & mask[..., None, :])[..., None]
    padded = [x.masked_fill(~mask[..., None], filling) for x in (s, t, q)]
    got = model(*padded, z.masked_fill(~real_pairs, filling), mask)
    for a, b in zip(got, expected, strict=True):
        assert torch.equal(a[mask], b[mask]) and a.isfinite().all()
    short = model(s[0][mask[0]], t[0][mask[0]], q[0][mask[0]], z[0][mask[0]][:, mask[0]])
    torch.testing.assert_close(expected[0][0][mask[0]], short[0], rtol=1e-11, atol=1e-11)


def test_everything_masked_and_one_residue_stay_finite():
    model = build_transformer()
    for L, mask in ((4, torch.zeros(4, dtype=torch.bool)), (1, None)):
        s, z, T = build_inputs(L=L)
        s.requires_grad_()
        out = model(s, T.translations, rotation_to_quaternion(T.rotations), z, mask)
        sum(x.square().sum() for x in out).backward()
        assert all(x.isfinite().all() for x in out) and s.grad.isfinite().all()


def test_detached_rotations_pass_no_gradient_and_the_others_do():
    s, z, T = build_inputs()
    for detach in (True, False):
        model = build_transformer(depth=2, detach_rotations=detach)
        q = rotation_to_quaternion(T.rotations).requires_grad_()
        x, t, _ = model(s, T.translations, q, z)
        (gradient,) = torch.autograd.grad(x.sum() + t.sum(), q, allow_unused=True)
        assert (gradient is None) == detach


def test_gradcheck_through_two_layers():
    model = build_transformer(depth=2, detach_rotations=False, heads=1)
    s, z, T = build_inputs(L=3)
    leaves = [x.requires_grad_() for x in (s, T.translations, rotation_to_quaternion(T.rotations), z)]
    assert torch.autograd.gradcheck(model, leaves)


def test_every_parameter_learns():
    model = build_transformer(depth=2)
    s, z, T = build_inputs()
    sum(x.square().sum() for x in model(s, T.translations, rotation_to_quaternion(T.rotations), z)).backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert silent == []


def test_bad_input_is_named():
    model = build_transformer()
    s, z, T = build_inputs()
    with pytest.raises(ValueError, match=r"quaternions must have shape \(5, 4\), got \(5, 3\)"):
        model(s, T.translations, T.translations, z)
    with pytest.raises(ValueError, match=r"translations must have shape \(5, 3\)"):
        model(s, T.translations[:4], None, z)
    with pytest.raises(ValueError, match=r"single_repr must have shape \(\*, L, 11\)"):
        model(s[:, :4], None, None, z)
    with pytest.raises(TypeError, match="mask must be boolean"):
        model(s, None, None, z, torch.ones(5))
    with pytest.raises(ValueError, match="pairwise_repr is missing"):
        model(s)
    with pytest.raises(ValueError, match="depth must be a whole number of at least 1, got 0"):
        IPATransformer(4, 0)
    with pytest.raises(ValueError, match="ff_num_layers and ff_mult must be at least 1"):
        IPABlock(4, ff_num_layers=0)
