"""What looks through a module, or is hung onto it, gets the right answer from both forms, or a refusal in words."""

import pytest
import torch
from cases import PAIR_DIM, SIZES, build_inputs, call
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jvp, vmap
from torch.nn.utils import parametrize

from ipa_tutorial import FastInvariantPointAttention, InvariantPointAttention

F64 = torch.float64


@pytest.fixture(params=[InvariantPointAttention, FastInvariantPointAttention], ids=["textbook", "fast"])
def form(request):
    return request.param


@pytest.fixture(params=[True, False], ids=["pair", "no pair"])
def pair(request):
    return request.param


def build(form, pair=True, dtype=torch.float32, spread=1.0):
    """A module, and s, z and frames of six residues."""
    torch.manual_seed(0)
    module = form(**SIZES, pairwise_repr_dim=PAIR_DIM, require_pairwise_repr=pair).to(dtype)
    return module, *build_inputs(6, pair_dim=PAIR_DIM if pair else None, dtype=dtype, spread=spread)


class Positional(nn.Module):
    """The module with all its tensors in a row, as exports and traces want them."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, s, R, t, *z):
        return self.attention(s, *z, rotations=R, translations=t)


# --- torch.func, forward mode -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spread", [0.3, 30.0])
def test_torch_func(form, pair, spread):
    module, s, z, T = build(form, pair, spread=spread)

    def out(s):
        return call(module, s, z, T)

    leaf = s.clone().requires_grad_()
    (expected,) = torch.autograd.grad(out(leaf).sum(), leaf)
    torch.testing.assert_close(grad(lambda s: out(s).sum())(s), expected, rtol=1e-4, atol=1e-4)
    batch = torch.stack([s, 2 * s])
    torch.testing.assert_close(vmap(out)(batch), torch.stack([out(x) for x in batch]), rtol=1e-4, atol=1e-4)
    same, tangent = jvp(out, (s,), (s,))
    torch.testing.assert_close(same, out(s), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(tangent.sum(), (expected * s).sum(), rtol=1e-3, atol=1e-3)
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(out(forward_ad.make_dual(s, s)))
        torch.testing.assert_close(dual.tangent, tangent, rtol=1e-4, atol=1e-4)
    parameters = dict(module.named_parameters())
    frames = dict(rotations=T.rotations, translations=T.translations)
    of_parameters = grad(lambda p: functional_call(module, p, (s, z), frames).sum())(parameters)
    out(s).sum().backward()
    for name, x in module.named_parameters():
        if x.grad is not None:
            torch.testing.assert_close(of_parameters[name], x.grad, rtol=1e-3, atol=1e-3)


def test_second_derivatives_by_torch_func(form):
    module, s, z, T = build(form, dtype=F64)
    exact = hessian(lambda s: call(module, s, z, T).square().sum())(s)
    assert exact.shape == (*s.shape, *s.shape)
    torch.testing.assert_close(exact, exact.movedim((0, 1), (2, 3)), rtol=1e-8, atol=1e-8)


# --- export, trace, compile, tensors without numbers ------------------------------------------------------------------


@pytest.mark.parametrize("strict", [False, True])
def test_export(form, pair, strict):
    module, s, z, T = build(form, pair)
    inputs = (s, T.rotations, T.translations, *([] if z is None else [z]))
    exported = torch.export.export(Positional(module), inputs, strict=strict).module()
    torch.testing.assert_close(exported(*inputs), call(module, s, z, T), rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_trace(form, pair):
    module, s, z, T = build(form, pair)
    inputs = (s, T.rotations, T.translations, *([] if z is None else [z]))
    traced = torch.jit.trace(Positional(module), inputs, check_trace=False)
    s, z, T = build_inputs(6, pair_dim=PAIR_DIM if pair else None, dtype=torch.float32, spread=30.0, seed=5)
    inputs = (s, T.rotations, T.translations, *([] if z is None else [z]))
    torch.testing.assert_close(traced(*inputs), call(module, s, z, T), rtol=1e-3, atol=1e-3)


def test_compile_in_one_graph_works_or_says_what_to_use(form, pair):
    torch.compiler.reset()  # nothing is remembered of earlier compilations
    module, s, z, T = build(form, pair)
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    if form is InvariantPointAttention:
        torch.testing.assert_close(call(compiled, s, z, T), call(module, s, z, T), rtol=1e-5, atol=1e-5)
        return
    with pytest.raises(Exception, match="use InvariantPointAttention for this"):
        call(compiled, s, z, T)


def test_meta_and_fake_tensors(form, pair):
    module, s, z, T = build(form, pair)
    on_meta = [None if x is None else x.to("meta") for x in (s, z, T.rotations, T.translations)]
    out = module.to("meta")(*on_meta[:2], rotations=on_meta[2], translations=on_meta[3])
    assert out.shape == s.shape and out.is_meta
    with FakeTensorMode():
        options = SIZES | dict(pairwise_repr_dim=PAIR_DIM, require_pairwise_repr=pair)
        z = torch.empty(6, 6, PAIR_DIM) if pair else None
        frames = dict(rotations=torch.empty(6, 3, 3), translations=torch.empty(6, 3))
        assert form(**options)(torch.empty(6, SIZES["dim"]), z, **frames).shape == s.shape


# --- a pair bias that is more than a matrix ---------------------------------------------------------------------------


class LowRank(nn.Module):
    """An adapter: the layer that was there, and a product of two small ones beside it."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.down, self.up = nn.Linear(layer.in_features, 1), nn.Linear(1, layer.out_features)

    def forward(self, x):
        return self.layer(x) + self.up(self.down(x))


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Twice(nn.Module):
    def forward(self, weight):
        return 2 * weight


def adapter(module):
    torch.manual_seed(1)
    module.to_pair_bias = LowRank(module.to_pair_bias)


def subclass(module):
    module.to_pair_bias.__class__ = Doubled


def hook(module):
    module.to_pair_bias.register_forward_hook(lambda layer, inputs, out: 2 * out)


def hook_before(module):
    module.to_pair_bias.register_forward_pre_hook(lambda layer, inputs: (2 * inputs[0],))


def own_forward(module):
    original = module.to_pair_bias.forward
    module.to_pair_bias.forward = lambda x: 2 * original(x)


def parametrization(module):
    parametrize.register_parametrization(module.to_pair_bias, "weight", Twice())


@pytest.mark.parametrize("change", [adapter, subclass, hook, hook_before, own_forward, parametrization])
def test_what_is_done_to_the_pair_bias_is_seen(change):
    modules = [build(form, dtype=F64)[0] for form in (InvariantPointAttention, FastInvariantPointAttention)]
    _, s, z, T = build(FastInvariantPointAttention, dtype=F64)
    before = call(modules[1], s, z, T)
    for module in modules:
        change(module)
        module.double()
    textbook, fast = (call(module, s, z, T) for module in modules)
    assert (textbook - before).abs().max() > 1e-3
    torch.testing.assert_close(fast, textbook, rtol=1e-11, atol=1e-11)


def test_a_gradient_hook_on_the_pair_bias_is_called():
    module, s, z, T = build(FastInvariantPointAttention)
    called = []
    module.to_pair_bias.register_full_backward_hook(lambda *_: called.append(1))
    call(module, s, z.requires_grad_(), T).sum().backward()
    assert called
