"""Both forms of the attention on the device of this machine: its GPU if it has one, else the CPU.

The judge is the textbook form on the CPU in float64. ``tools/gpu.py`` runs this file first.
"""

import pytest
import torch
from cases import PAIR_DIM, SIZES, build_attention, build_inputs, call, partial_mask

from ipa_tutorial import FastInvariantPointAttention, InvariantPointAttention, Rigid, random_rigid

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
FORMS = [InvariantPointAttention, FastInvariantPointAttention]
ALLOWED = {torch.float64: 1e-9, torch.float32: 2e-4, torch.bfloat16: 0.1}  # relative to the largest entry


def results(attention, s, z, frames, mask):
    """The output, and the gradients of a random projection of it with respect to everything."""
    leaves = [x.detach().requires_grad_() for x in (s, z, frames.rotations, frames.translations) if x is not None]
    rest = iter(leaves)
    s, z = next(rest), None if z is None else next(rest)
    out = call(attention, s, z, Rigid(*rest), mask)
    weights = torch.linspace(-1, 1, out.numel(), dtype=torch.float64).view(out.shape).to(out)
    gradients = torch.autograd.grad((out * weights).sum(), [*leaves, *attention.parameters()])
    return [x.detach().double().cpu() for x in (out, *gradients)]


def moved(x, dtype):
    return None if x is None else x.to(DEVICE, dtype)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("pair", [True, False])
@pytest.mark.parametrize("dtype", ALLOWED, ids=str)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("L", [1, 7, 70])
def test_outputs_and_gradients_are_those_of_the_textbook_in_float64(form, dtype, L, pair, masked):
    referee = build_attention(require_pairwise_repr=pair)
    s, z, frames = build_inputs(L, batch=(2,), pair_dim=PAIR_DIM if pair else None)
    mask = partial_mask(L, (2,)) if masked else None
    expected = results(referee, s, z, frames, mask)

    attention = form(**SIZES, pairwise_repr_dim=PAIR_DIM, require_pairwise_repr=pair).double()
    attention.load_state_dict(referee.state_dict())
    exact = torch.promote_types(dtype, torch.float32)  # frames are never rounded to half precision
    there = Rigid(moved(frames.rotations, exact), moved(frames.translations, exact))
    found = results(attention.to(DEVICE, dtype), moved(s, dtype), moved(z, dtype), there, moved(mask, torch.bool))
    for got, wanted in zip(found, expected, strict=True):
        assert got.isfinite().all()
        floor = 1e-12 if dtype == torch.float64 else 1e-6  # with one residue all weights are 1: some gradients are zero
        assert (got - wanted).norm() <= ALLOWED[dtype] * wanted.norm() + floor


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_noticed_of_a_global_motion(form):
    attention = form(**SIZES, pairwise_repr_dim=PAIR_DIM).to(DEVICE, torch.float64)
    attention.load_state_dict(build_attention().state_dict())
    s, z, frames = build_inputs(40)
    outputs = []
    for motion in (Rigid.identity(dtype=torch.float64), random_rigid((), dtype=torch.float64, scale=5.0)):
        T = motion @ frames
        there = Rigid(T.rotations.to(DEVICE), T.translations.to(DEVICE))
        outputs.append(call(attention, s.to(DEVICE), z.to(DEVICE), there, partial_mask(40).to(DEVICE)))
    torch.testing.assert_close(*outputs, atol=1e-9, rtol=1e-9)
