"""The linear layer by oneDNN is nn.Linear: same numbers, same gradients, same place in a module."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ipa_tutorial import linear
from ipa_tutorial.linear import Linear, by_onednn, suits_onednn

needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this PyTorch has no oneDNN")


def pair(bias=True, sizes=(7, 5)):
    """The same layer twice, as nn.Linear and as ours."""
    torch.manual_seed(0)
    plain = nn.Linear(*sizes, bias=bias)
    return plain, by_onednn(copy.deepcopy(plain))


@pytest.fixture
def count(monkeypatch):
    """How many products went to oneDNN."""
    products = []
    whole = linear.product
    monkeypatch.setattr(linear, "product", lambda *a: (products.append(torch.is_grad_enabled()), whole(*a))[1])
    return products


INPUTS = {
    "one vector": lambda: torch.randn(7),
    "many": lambda: torch.randn(2, 3, 4, 7),
    "transposed": lambda: torch.randn(7, 6).mT,
    "expanded": lambda: torch.randn(7).expand(4, 7),
    "every other": lambda: torch.randn(5, 14)[:, ::2],
    "nothing": lambda: torch.randn(0, 7),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", INPUTS)
def test_same_numbers_and_gradients(name, bias):
    x, found = INPUTS[name](), []
    for layer in pair(bias):
        leaf = x.clone().as_strided(x.shape, x.stride()) if name == "expanded" else x.detach()
        leaf = leaf.detach().requires_grad_()
        y = layer(leaf)
        weight = torch.linspace(-1, 1, y.numel()).view(y.shape)
        found.append([y, *torch.autograd.grad((y * weight).sum(), [leaf, *layer.parameters()])])
    for plain, ours in zip(*found, strict=True):
        assert ours.shape == plain.shape
        assert_close(ours, plain, rtol=1e-5, atol=1e-6)


@needs_onednn
def test_oneDNN_does_all_three_products_and_none_that_nobody_needs(count):
    _, ours = pair()
    x = torch.randn(3, 7, requires_grad=True)
    ours(x).sum().backward()
    assert len(count) == 3
    ours.weight.requires_grad_(False)
    ours(x).sum().backward()
    assert len(count) == 5  # forward, and the input's gradient
    ours(x.detach()).sum().backward()
    assert len(count) == 6 and not any(count)


@needs_onednn
@pytest.mark.filterwarnings("ignore:TF32")
def test_the_layer_steps_aside_where_it_has_no_business(count):
    plain, ours = pair()
    x = torch.randn(3, 7)
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(x).dtype == torch.bfloat16
    with torch.backends.mkldnn.flags(enabled=False):
        assert torch.equal(ours(x), plain(x))
    assert torch.equal(ours.double()(x.double()), plain.double()(x.double()))
    with pytest.raises(RuntimeError, match="dtype"):
        ours(x)  # float32 into float64, in PyTorch's own words
    assert not suits_onednn(x.to("meta"), ours.weight.float().to("meta"))
    assert not count


def test_a_second_derivative_is_right():
    x = torch.randn(3, 7)
    second = []
    for layer in pair():
        leaf = x.clone().requires_grad_()
        (first,) = torch.autograd.grad(layer(leaf).pow(3).sum(), leaf, create_graph=True)
        second.append(torch.autograd.grad(first.square().sum(), [leaf, layer.weight]))
    for plain, ours in zip(*second, strict=True):
        assert_close(ours, plain, rtol=1e-4, atol=1e-4)


def test_compiles_without_a_break():
    plain, ours = pair()
    x = torch.randn(3, 7)
    compiled = torch.compile(ours, backend="eager", fullgraph=True)
    assert_close(compiled(x), plain(x))


def test_a_module_keeps_its_parameters_hooks_and_other_layers():
    class Special(nn.Linear):
        pass

    module = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), Special(5, 4))
    before, seen = module.state_dict(), []
    module[0].register_forward_hook(lambda *_: seen.append(1))
    parameters = list(module.parameters())
    assert by_onednn(module) is module
    assert [type(layer) for layer in module] == [Linear, nn.ReLU, Special]
    assert all(a is b for a, b in zip(parameters, module.parameters(), strict=True))
    assert module.state_dict().keys() == before.keys()
    module(torch.randn(2, 7))
    assert seen == [1]
    assert type(copy.deepcopy(module)[0]) is Linear
