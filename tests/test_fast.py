"""The fast attention is the textbook's: same numbers and gradients, in less memory, as exact or more."""

import math

import pytest
import torch
from cases import PAIR_DIM, SIZES, build_attention, build_inputs, call, partial_mask, randomise
from golden import load_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import ipa_by_loops
from test_invariance import batches, sizes
from torch.utils._python_dispatch import TorchDispatchMode

from ipa_tutorial import (
    FastInvariantPointAttention,
    InvariantPointAttention,
    IPATransformer,
    Rigid,
    StructureModule,
    assert_invariant,
    load_protein,
    random_rigid,
)
from ipa_tutorial.alphafold import load_ipa
from ipa_tutorial.fast import attention as streamed
from ipa_tutorial.training import fold_protein

F64 = torch.float64


def both(dtype=F64, seed=0, **options):
    """The textbook module and the fast one, with the same random parameters."""
    textbook = build_attention(dtype, seed, **options)
    fast = FastInvariantPointAttention(**(SIZES | dict(pairwise_repr_dim=PAIR_DIM) | options)).to(dtype)
    fast.load_state_dict(textbook.state_dict())
    return textbook, fast


def results(attention, s, z, T, mask=None, seed=0):
    """Output, and the gradients of a random sum over its real rows with respect to all inputs and parameters."""
    inputs = {"s": s, "z": z, "R": T.rotations, "t": T.translations}
    leaves = {name: x.clone().requires_grad_() for name, x in inputs.items() if x is not None}
    frames = Rigid(leaves["R"], leaves["t"])
    out = call(attention, leaves["s"], leaves.get("z"), frames, mask)
    weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(seed), dtype=F64).to(out.dtype)
    real = torch.ones_like(out[..., 0], dtype=torch.bool) if mask is None else mask
    parameters = dict(attention.named_parameters())
    gradients = torch.autograd.grad((out * weight)[real].sum(), [*leaves.values(), *parameters.values()])
    return {"out": out.detach()} | dict(zip([*leaves, *parameters], gradients, strict=True))


def assert_same(expected, got, tolerance):
    assert expected.keys() == got.keys()
    for name, x in expected.items():
        scale = max(1.0, x.abs().max().item())
        torch.testing.assert_close(
            got[name], x, rtol=0, atol=tolerance * scale, msg=lambda m, name=name: f"{name}: {m}"
        )


@pytest.fixture(params=[1, 700, 8 * 2**20], ids=["one row", "few rows", "all rows"])
def block_bytes(request, monkeypatch):
    monkeypatch.setattr(streamed, "BLOCK_BYTES", request.param)


# --- the same numbers -------------------------------------------------------------------------------------------------


@given(sizes, st.integers(1, 14), batches, st.integers(0, 10**6), st.sampled_from([1, 3000, 2**23]))
@settings(deadline=None, max_examples=60)
def test_equals_the_textbook_with_all_gradients(options, L, batch, seed, block):
    textbook, fast = both(F64, seed, **options)
    pair_dim = options["pairwise_repr_dim"] if options["require_pairwise_repr"] else None
    s, z, T = build_inputs(L, batch, options["dim"], pair_dim, F64, seed, spread=(1.0, 20.0)[seed % 3 == 0])
    mask = partial_mask(L, batch, seed) if seed % 2 else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamed, "BLOCK_BYTES", block)
        assert_same(results(textbook, s, z, T, mask), results(fast, s, z, T, mask), 1e-11)


@pytest.mark.parametrize("pair", [True, False])
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_equals_triple_loops(pair, spread, block_bytes):
    _, fast = both(require_pairwise_repr=pair, bias=True)
    s, z, T = build_inputs(6, spread=spread, pair_dim=PAIR_DIM if pair else None)
    mask = partial_mask(6)
    arrays = (x if x is None else x.numpy() for x in (s, z, T.rotations, T.translations, mask))
    got = call(fast, s, z, T, mask).detach()
    torch.testing.assert_close(got, torch.from_numpy(ipa_by_loops(fast, *arrays)), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", ["ipa_base", "ipa_masked", "ipa_far", "ipa_general"])
@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_equals_deepmind(name, dtype, block_bytes):
    golden = load_golden(name)
    case = golden.meta["case"]
    names = dict(dim="c_s", heads="H", scalar_key_dim="cqk", scalar_value_dim="cv", point_key_dim="Pqk")
    names |= dict(point_value_dim="Pv", pairwise_repr_dim="c_z")
    fast = FastInvariantPointAttention(**{ours: case[theirs] for ours, theirs in names.items()}, bias=True)
    load_ipa(fast, golden.params)
    fast.to(dtype)
    s, z, R, t = (
        torch.tensor(golden.inputs[key], dtype=dtype) for key in ("single", "pair", "rotation", "translation")
    )
    mask = torch.tensor(golden.inputs["mask"][..., 0] > 0)
    out = call(fast, s, z, Rigid(R, t), mask).detach().double()
    tolerance = 1e-9 if dtype == F64 else 4 * golden.noise()
    expected = torch.tensor(golden.outputs["output"])
    torch.testing.assert_close(out[mask], expected[mask], rtol=0, atol=tolerance * max(1, expected.abs().max()))


@pytest.mark.parametrize("pair", [True, False])
def test_gradcheck(pair, block_bytes):
    _, fast = both(require_pairwise_repr=pair)
    s, z, T = build_inputs(4, pair_dim=PAIR_DIM if pair else None)
    leaves = [x.requires_grad_() for x in (s, z, T.rotations, T.translations) if x is not None]
    mask = torch.tensor([True, True, False, True])

    def out(s, *rest):
        z, R, t = rest if pair else (None, *rest)
        return call(fast, s, z, Rigid(R, t), mask)[mask]

    assert torch.autograd.gradcheck(out, leaves)


@given(sizes, st.integers(1, 20), batches, st.integers(0, 10**6))
@settings(deadline=None, max_examples=30)
def test_invariance(options, L, batch, seed):
    _, fast = both(F64, seed, **options)
    pair_dim = options["pairwise_repr_dim"] if options["require_pairwise_repr"] else None
    s, z, T = build_inputs(L, batch, options["dim"], pair_dim, F64, seed)
    mask = partial_mask(L, batch, seed) if seed % 2 else None
    assert_invariant(lambda T: call(fast, s, z, T, mask), T, trials=1, seed=seed, scale=100.0)


def test_either_loads_the_others_weights_and_parts_are_the_textbooks():
    textbook, fast = both()
    back = InvariantPointAttention(**SIZES, pairwise_repr_dim=PAIR_DIM).double()
    assert back.load_state_dict(fast.state_dict()) and isinstance(fast, InvariantPointAttention)
    s, z, T = build_inputs()
    (_, parts), (out, expected) = (call(m, s, z, T, return_parts=True) for m in (textbook, fast))
    assert torch.equal(parts.weights, expected.weights)
    torch.testing.assert_close(call(fast, s, z, T), out, rtol=0, atol=1e-12)


def test_a_pair_representation_that_is_not_contiguous_or_needs_no_gradient():
    textbook, fast = both()
    s, z, T = build_inputs(6)
    turned = z.transpose(0, 1)
    torch.testing.assert_close(call(fast, s, turned, T), call(textbook, s, turned, T), rtol=0, atol=1e-12)
    expanded = z.expand(3, -1, -1, -1)
    batch = [x.expand(3, *x.shape) for x in (s, T.rotations, T.translations)]
    got, expected = (call(m, batch[0], expanded, Rigid(*batch[1:])) for m in (fast, textbook))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)
    got.sum().backward()
    assert z.grad is None and fast.to_pair_bias.weight.grad.abs().sum() > 0


# --- precision --------------------------------------------------------------------------------------------------------


def errors_in_float32(T: Rigid, pair: bool, seed: int) -> dict[str, list[float]]:
    """For each result, the relative error of (fast, textbook) in float32 against float64 on the same inputs."""
    L = T.shape[0]
    options = dict(dim=16, heads=4, pairwise_repr_dim=8, point_key_dim=4, point_value_dim=8, require_pairwise_repr=pair)
    torch.manual_seed(seed)
    textbook = InvariantPointAttention(**options)
    s, z, _ = build_inputs(L, dim=16, pair_dim=8 if pair else None, dtype=torch.float32, seed=seed)
    T = T.to(torch.float32)
    z64 = None if z is None else z.double()
    exact = InvariantPointAttention(**options).double()
    exact.load_state_dict({name: x.double() for name, x in textbook.state_dict().items()})
    truth = results(exact, s.double(), z64, T.to(F64), seed=seed)
    fast = FastInvariantPointAttention(**options)
    fast.load_state_dict(textbook.state_dict())
    found = [results(module, s, z, T, seed=seed) for module in (fast, textbook)]
    return {name: [((r[name].double() - x).norm() / x.norm()).item() for r in found] for name, x in truth.items()}


def places(kind: str, size: float, L: int, seed: int) -> Rigid:
    T = random_rigid(L, generator=torch.Generator().manual_seed(seed), dtype=F64)
    direction = torch.tensor([2.0, 3.0, 6.0], dtype=F64) / 7
    if kind == "offset":
        return Rigid(T.rotations, T.translations + size * direction)
    if kind == "spread":
        return Rigid(T.rotations, T.translations * size)
    return Rigid(T.rotations, 0.38 * torch.arange(L, dtype=F64)[:, None] * direction)  # a straight chain


CASES = [("offset", x, 48) for x in (0.0, 1e2, 1e4)] + [("spread", x, 48) for x in (5.0, 30.0)] + [("chain", 0, 500)]


@pytest.mark.parametrize("pair", [True, False])
@pytest.mark.parametrize(("kind", "size", "L"), CASES)
def test_float32_is_at_most_twice_as_far_off_as_the_textbook(kind, size, L, pair):
    seeds = range(1 if L > 100 else 5)
    found = [errors_in_float32(places(kind, size, L, seed), pair, seed) for seed in seeds]
    for name in found[0]:
        fast, textbook = (torch.tensor([run[name][k] for run in found]).median().item() for k in (0, 1))
        assert fast <= max(2 * textbook, 3e-7), f"{name}: {fast:.1e}, textbook {textbook:.1e}"


@pytest.mark.parametrize("pair", [True, False])
def test_offsets_cost_nothing(pair):
    """Further away the frames themselves are rounded: both modules get the rounded ones."""
    at_home, away = (errors_in_float32(places("offset", x, 32, 0), pair, 0) for x in (0.0, 1e4))
    for name in at_home:
        assert away[name][0] < 10 * max(at_home[name][0], 1e-7), name
    assert away["out"][1] > 1000 * away["out"][0]  # the textbook form loses everything but two digits


@pytest.mark.parametrize("pair", [True, False])
def test_autocast_keeps_geometry_and_softmax_in_float32(pair):
    _, fast = both(torch.float32, require_pairwise_repr=pair)
    s, z, T = build_inputs(12, pair_dim=PAIR_DIM if pair else None, dtype=torch.float32)
    moved = Rigid(T.rotations, T.translations + 100.0)
    moved = [Rigid(frames.rotations, frames.translations.clone()) for frames in (T, moved)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        here, there = (call(fast, s, z, frames) for frames in moved)
    exact = call(fast, s, z, T)
    assert (here.float() - exact).abs().max() < 0.05 * exact.abs().max()
    assert (there.float() - here.float()).abs().max() < 0.01 * exact.abs().max()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("pair", [True, False])
def test_half_precision_modules(dtype, pair):
    textbook, fast = both(dtype, require_pairwise_repr=pair)
    s, z, T = build_inputs(9, pair_dim=PAIR_DIM if pair else None, dtype=torch.float32)
    half = [None if x is None else x.to(dtype) for x in (s, z)]
    expected, got = (results(m, *half, T, partial_mask(9)) for m in (textbook, fast))
    for name in expected:
        assert got[name].dtype == expected[name].dtype, name
        gap = (got[name].double() - expected[name].double()).norm() / expected[name].double().norm()
        assert gap < 0.03, f"{name}: {gap:.1e}"


# --- padding, errors, compilation -------------------------------------------------------------------------------------


@pytest.mark.parametrize("filling", [1e6, 1e300, math.nan, math.inf])
@pytest.mark.parametrize("pair", [True, False])
def test_padding_changes_nothing_whatever_it_holds(filling, pair, block_bytes):
    _, fast = both(require_pairwise_repr=pair)
    s, z, T = build_inputs(7, (2,), pair_dim=PAIR_DIM if pair else None)
    mask = partial_mask(7, (2,))
    expected = results(fast, s, z, T, mask)
    s, R, t = (x.masked_fill(~mask.view(2, 7, *[1] * (x.ndim - 2)), filling) for x in (s, T.rotations, T.translations))
    if pair:
        z = z.masked_fill(~(mask[:, :, None] & mask[:, None, :])[..., None], filling)
    got = results(fast, s, z, Rigid(R, t), mask)
    assert all(x.isfinite().all() for x in got.values())
    assert (got["s"][~mask] == 0).all() and (got["t"][~mask] == 0).all()
    for name in expected:
        real = mask if name in ("out", "s", "R", "t") else ...
        torch.testing.assert_close(got[name][real], expected[name][real], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("filling", [40.0, 1e6, 1e38])
@pytest.mark.parametrize("pair", [True, False])
@pytest.mark.parametrize("which", ["s", "t"])
def test_not_even_the_last_digit_of_float32_sees_the_padding(which, filling, pair):
    """A compact protein stays compact, whatever stands in the padding around it."""
    _, fast = both(torch.float32, require_pairwise_repr=pair)
    s, z, T = build_inputs(7, (2,), pair_dim=PAIR_DIM if pair else None, dtype=torch.float32, spread=0.3)
    mask = partial_mask(7, (2,))
    expected = results(fast, s, z, T, mask)
    x = (s if which == "s" else T.translations).masked_fill(~mask[..., None], filling)
    got = results(fast, x, z, T, mask) if which == "s" else results(fast, s, z, Rigid(T.rotations, x), mask)
    for name in expected:
        real = mask if name in ("out", "s", "R", "t") else ...
        assert torch.equal(got[name][real], expected[name][real]), name


@pytest.mark.parametrize("pair", [True, False])
@pytest.mark.parametrize("batch", [(0,), (2, 0, 3)])
def test_an_empty_batch_goes_through_as_in_the_textbook(batch, pair):
    textbook, fast = both(require_pairwise_repr=pair)
    s, z, T = build_inputs(5, batch, pair_dim=PAIR_DIM if pair else None)
    for mask in (None, partial_mask(5, batch)):
        expected, got = (results(module, s, z, T, mask) for module in (textbook, fast))
        assert got["out"].shape == (*batch, 5, SIZES["dim"])
        assert_same(
            {name: x for name, x in expected.items() if x.numel()}, {n: x for n, x in got.items() if x.numel()}, 0
        )


@pytest.mark.parametrize("pair", [True, False])
@pytest.mark.parametrize("L", [1, 5])
def test_nobody_real_is_finite(pair, L):
    _, fast = both(require_pairwise_repr=pair)
    s, z, T = build_inputs(L, pair_dim=PAIR_DIM if pair else None)
    nobody = torch.zeros(L, dtype=torch.bool)
    s.requires_grad_()
    out = call(fast, s, z, T, nobody)
    out.sum().backward()
    assert out.isfinite().all() and s.grad.isfinite().all()


@pytest.mark.parametrize("pair", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_a_second_derivative_is_refused_in_words(pair, masked):
    _, fast = both(require_pairwise_repr=pair)
    s, z, T = build_inputs(pair_dim=PAIR_DIM if pair else None)
    out = call(fast, s.requires_grad_(), z, T, partial_mask(5) if masked else None).sum()
    with pytest.raises(RuntimeError, match="no second derivative.*use InvariantPointAttention"):
        torch.autograd.grad(out, s, create_graph=True)


def test_bad_input_is_named_as_in_the_textbook():
    textbook, fast = both()
    s, z, T = build_inputs()
    for arguments in [(s[:, :-1], z, T), (s, z[:-1], T), (s, None, T), (s, z, T[:-1]), (s.float(), z, T)]:
        messages = []
        for module in (textbook, fast):
            with pytest.raises((TypeError, ValueError)) as error:
                call(module, *arguments)
            messages.append(str(error.value))
        assert messages[0] == messages[1]
    with pytest.raises(TypeError, match="mask must be boolean"):
        call(fast, s, z, T, torch.ones(5))


@pytest.mark.parametrize("pair", [True, False])
def test_compiles(pair):
    _, fast = both(require_pairwise_repr=pair)
    s, z, T = build_inputs(6, pair_dim=PAIR_DIM if pair else None)
    compiled = torch.compile(fast, backend="aot_eager")
    expected, got = (results(module, s, z, T, partial_mask(6)) for module in (fast, compiled))
    assert_same(expected, {name.removeprefix("_orig_mod."): x for name, x in got.items()}, 1e-11)


# --- memory -----------------------------------------------------------------------------------------------------------


class Allocations(TorchDispatchMode):
    """The bytes of every tensor that an operation makes, views and in-place results left out."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        flat = torch.utils._pytree.tree_leaves((args, kwargs))
        known = {x.untyped_storage().data_ptr() for x in flat if isinstance(x, torch.Tensor)}
        for x in torch.utils._pytree.tree_leaves(out):
            if isinstance(x, torch.Tensor) and x.untyped_storage().data_ptr() not in known:
                self.sizes.append(x.untyped_storage().nbytes())
        return out


def largest_allocation(module, pair: bool, backward: bool, L: int) -> int:
    s, z, T = build_inputs(L, dim=32, pair_dim=16 if pair else None, dtype=torch.float32)
    z = z.requires_grad_() if pair and backward else z
    with Allocations() as seen, torch.set_grad_enabled(backward):
        out = call(module, s, z, T)
        if backward:
            out.sum().backward()
    return max(seen.sizes)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("pair", [True, False])
def test_no_large_tensor_is_ever_made(pair, backward, monkeypatch):
    options = dict(dim=32, heads=8, pairwise_repr_dim=16, require_pairwise_repr=pair)
    fast, textbook = FastInvariantPointAttention(**options), InvariantPointAttention(**options)
    L, weights = 192, 8 * 192 * 192 * 4
    monkeypatch.setattr(streamed, "BLOCK_BYTES", 2**18)
    bound = 192 * 192 * 16 * 4 if pair and backward else 2**19  # dz itself; else a block
    assert largest_allocation(fast, pair, backward, L) <= bound
    assert largest_allocation(textbook, pair, backward, L) >= weights  # what is never made here
    longer = largest_allocation(fast, pair, backward, 2 * L)
    assert longer <= (4 if pair and backward else 2.1) * bound


# --- in use -----------------------------------------------------------------------------------------------------------


def test_the_stack_and_the_structure_module_can_use_it():
    options = dict(heads=2, scalar_key_dim=3, scalar_value_dim=4, point_key_dim=2, point_value_dim=3)
    s, z, T = build_inputs(7, dim=12)
    stacks, modules = [], []
    for attention in (InvariantPointAttention, FastInvariantPointAttention):
        stack = IPATransformer(12, depth=3, pairwise_repr_dim=PAIR_DIM, attention=attention, **options).double()
        module = StructureModule(12, PAIR_DIM, depth=3, dropout=0.0, attention=attention, **options).double()
        randomise(stack), randomise(module, 1)
        assert all(isinstance(block.attention, attention) for block in [*stack.blocks, module.block])
        stacks.append(stack(s, T.translations, pairwise_repr=z))
        modules.append(module(s, z, torch.arange(7)).atom14)
    for expected, got in zip(*stacks, strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-11)
    torch.testing.assert_close(modules[1], modules[0], rtol=0, atol=1e-9)


def test_folding_can_use_it():
    crambin = load_protein("crambin")
    first, second = (
        fold_protein(crambin, steps=3, progress=False, dim=32, heads=2, attention=attention)
        for attention in (InvariantPointAttention, FastInvariantPointAttention)
    )
    assert isinstance(second.model.structure_module.block.attention, FastInvariantPointAttention)
    assert first.losses == pytest.approx(second.losses, rel=1e-4)
