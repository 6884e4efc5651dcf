"""Invariance as a property: random sizes, frames, masks, dtypes, batch shapes and far-away origins; gradients."""

import math

import pytest
import torch
from cases import build_attention, build_inputs, call, partial_mask
from hypothesis import given
from hypothesis import strategies as st

from ipa_tutorial import Rigid, assert_invariant, random_rigid

F64 = torch.float64
sizes = st.fixed_dictionaries(
    {
        "dim": st.integers(1, 9),
        "heads": st.integers(1, 4),
        "scalar_key_dim": st.integers(1, 5),
        "scalar_value_dim": st.integers(1, 5),
        "point_key_dim": st.integers(1, 5),
        "point_value_dim": st.integers(1, 5),
        "pairwise_repr_dim": st.integers(1, 7),
        "require_pairwise_repr": st.booleans(),
        "bias": st.booleans(),
    }
)
batches = st.sampled_from([(), (1,), (3,), (2, 2)])


def closure(options, L, batch, dtype, seed, spread=1.0):
    """A random module on random inputs, as a function of the frames alone."""
    attention = build_attention(dtype, seed, **options)
    pair_dim = options["pairwise_repr_dim"] if options["require_pairwise_repr"] else None
    s, z, frames = build_inputs(L, batch, options["dim"], pair_dim, dtype, seed, spread)
    mask = partial_mask(L, batch, seed) if seed % 2 else None

    def output(T):
        out, parts = call(attention, s, z, T, mask, return_parts=True)
        return out, parts.weights, parts.point_out

    return output, frames


@given(sizes, st.integers(1, 40), batches, st.integers(0, 10**6))
def test_invariant_in_float64(options, L, batch, seed):
    assert_invariant(*closure(options, L, batch, F64, seed), trials=1, seed=seed, scale=10.0)


@given(sizes, st.integers(1, 40), batches, st.integers(0, 10**6))
def test_invariant_in_float32(options, L, batch, seed):
    assert_invariant(*closure(options, L, batch, torch.float32, seed), trials=1, seed=seed, tolerance=5e-4)


@given(sizes, st.integers(2, 12), st.integers(0, 10**6), st.sampled_from([1e2, 1e3, 1e4]))
def test_a_far_origin_costs_digits_in_proportion_and_no_more(options, L, seed, offset):
    output, frames = closure(options, L, (), F64, seed)
    assert_invariant(output, frames, trials=1, seed=seed, scale=offset, tolerance=1e-11 * offset)


@given(sizes, st.integers(2, 12), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_order_of_residues_does_not_matter(options, L, seed, shuffle):
    attention = build_attention(F64, seed, **options)
    pair_dim = options["pairwise_repr_dim"] if options["require_pairwise_repr"] else None
    s, z, T = build_inputs(L, (), options["dim"], pair_dim, seed=seed)
    order = torch.randperm(L, generator=torch.Generator().manual_seed(shuffle))
    shuffled = call(attention, s[order], None if z is None else z[order][:, order], T[order])
    torch.testing.assert_close(shuffled, call(attention, s, z, T)[order], rtol=1e-9, atol=1e-9)


def test_gradients_are_invariant_too():
    attention, (s, z, frames) = build_attention(), build_inputs(L=6)
    G = random_rigid((), torch.Generator().manual_seed(5), scale=4.0, dtype=F64)
    gradients = []
    for T in (frames, G @ frames):
        leaf = s.clone().requires_grad_()
        gradients.append(
            torch.autograd.grad(call(attention, leaf, z, T).square().sum(), [leaf, *attention.parameters()])
        )
    for before, after in zip(*gradients, strict=True):
        torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)


def test_a_mirror_image_is_noticed():
    attention, (s, z, frames) = build_attention(), build_inputs(L=6)
    mirror = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=F64))
    # the frames of the mirrored atoms are proper again: one axis of each flips once more
    mirrored = Rigid(mirror @ frames.rotations @ mirror, frames.translations @ mirror)
    assert (call(attention, s, z, mirrored) - call(attention, s, z, frames)).abs().max() > 1e-3


@pytest.mark.parametrize("masked", ["nobody", "some", "everybody"])
@pytest.mark.parametrize("require_pairwise_repr", [True, False])
def test_gradcheck(masked, require_pairwise_repr):
    sizes = dict(dim=5, scalar_key_dim=2, scalar_value_dim=3, point_key_dim=3, point_value_dim=2, pairwise_repr_dim=4)
    attention = build_attention(require_pairwise_repr=require_pairwise_repr, **sizes)
    s, z, frames = build_inputs(L=3, dim=5, pair_dim=4 if require_pairwise_repr else None)
    mask = {"nobody": None, "some": torch.tensor([True, False, True]), "everybody": torch.zeros(3, dtype=torch.bool)}[
        masked
    ]
    leaves = [x.requires_grad_() for x in (s, frames.rotations, frames.translations) + ((z,) if z is not None else ())]

    def function(s, R, t, z=None):
        return attention(s, z, rotations=R, translations=t, mask=mask)

    whole = masked == "nobody"  # every entry of the Jacobian once; elsewhere a random projection of it tells as much
    assert torch.autograd.gradcheck(function, leaves, fast_mode=not whole)
    parameters = tuple(attention.parameters())
    names = [name for name, _ in attention.named_parameters()]

    def of_parameters(*values):
        state = dict(zip(names, values, strict=True))
        arguments = dict(rotations=frames.rotations.detach(), translations=frames.translations.detach(), mask=mask)
        return torch.func.functional_call(attention, state, (s.detach(), None if z is None else z.detach()), arguments)

    assert torch.autograd.gradcheck(of_parameters, parameters, fast_mode=not whole)


@pytest.mark.parametrize("eps", [1e-8, 1e-4])
def test_gradcheck_where_a_point_comes_home_to_the_origin(eps):
    """Value points at exactly zero and one residue alone: o⃗ = 0, where the norm would have no slope without ε."""
    attention = build_attention(heads=1, point_value_dim=1, eps=eps)
    torch.nn.init.zeros_(attention.to_v_points.weight)
    s, z, frames = build_inputs(L=1)
    frames = Rigid.identity(1, dtype=F64)
    s.requires_grad_(), frames.translations.requires_grad_()
    out, parts = call(attention, s, z, frames, return_parts=True)
    assert (parts.point_out == 0).all() and (parts.point_norms == math.sqrt(eps)).all()
    gradients = torch.autograd.grad(out.square().sum(), [s, frames.translations, *attention.parameters()])
    assert all(gradient.isfinite().all() for gradient in gradients)
    step = dict(eps=1e-3 * math.sqrt(eps), atol=1e-4)  # a finite difference must be fine enough to see the rounded tip
    assert torch.autograd.gradcheck(lambda s: call(attention, s, z, frames), [s], **step)
    weight = attention.to_v_points.weight

    def of_value_points(w):
        return torch.func.functional_call(
            attention,
            {"to_v_points.weight": w},
            (s.detach(), z),
            dict(rotations=frames.rotations, translations=frames.translations.detach()),
        )

    assert torch.autograd.gradcheck(of_value_points, [weight], **step)
