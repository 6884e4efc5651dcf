"""The linear layer by oneDNN is nn.Linear: same numbers, same gradients, same place in a module."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ipa_tutorial.fast import linear
from ipa_tutorial.fast.linear import Linear, by_onednn, filled, suits_onednn

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
    "many rows": lambda: torch.randn(2, 133, 7),
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
    assert not suits_onednn(x.to("meta"), ours.float().to("meta"))
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


def test_compiles_without_a_break_into_the_usual_product(count):
    plain, ours = pair()
    x = torch.randn(3, 7)
    compiled = torch.compile(ours, backend="eager", fullgraph=True)
    assert_close(compiled(x), plain(x))
    assert not count
    traced = torch.jit.trace(ours, x)
    assert_close(traced(x[:2]), plain(x[:2]))


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_what_nobody_can_multiply_is_refused_in_pytorchs_words(count):
    plain, ours = pair()
    for bad in (torch.randn(3, 6), torch.randn(()), torch.zeros(3, 7, dtype=torch.int64)):
        messages = []
        for layer in (plain, ours):
            with pytest.raises((RuntimeError, IndexError)) as caught:
                layer(bad)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]
    assert by_onednn(nn.Linear(7, 0))(torch.randn(3, 7)).shape == (3, 0)
    assert not count


def test_the_output_may_be_written_into():
    plain, ours = (nn.Sequential(layer, nn.ReLU(inplace=True)) for layer in pair())
    x = torch.randn(3, 7, requires_grad=True)
    assert_close(torch.autograd.grad(ours(x).sum(), x), torch.autograd.grad(plain(x).sum(), x))


@needs_onednn
def test_few_sizes_stand_for_many(monkeypatch):
    sizes, whole = set(), linear.product
    monkeypatch.setattr(linear, "product", lambda x, *rest: (sizes.add(len(x)), whole(x, *rest))[1])
    _, ours = pair()
    for n in range(1, 257):
        ours(torch.randn(n, 7))
    assert sizes == {*range(16, 129, 16), *range(144, 257, 16)}
    for n in (1, 16, 17, 128, 129, 257, 1000, 1025, 46_000, 2**20):
        assert n <= filled(n) <= max(16, 1.125 * n + 15)
    assert len({filled(n) for n in range(1025, 2049)}) == 8


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
