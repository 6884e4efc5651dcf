"""A device without float64, as Apple's GPU ("mps") is: everything that takes float32 works there.

No such device is needed: the package is told that it is on one, and every operation that makes float64 of something
less fails, unless ``Tensor.cpu`` has moved it away first.
"""

import pytest
import torch
from cases import PAIR_DIM, SIZES, build_inputs, call, partial_mask, randomise
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ipa_tutorial import (
    FastInvariantPointAttention,
    InvariantPointAttention,
    IPATransformer,
    Rigid,
    StructureModule,
    assert_equivariant,
    assert_invariant,
    fape,
    inputs,
    kabsch_rmsd,
    lddt,
    load_protein,
    random_rigid,
    rigid_from_3_points,
)
from ipa_tutorial.dreams.model import FlowModel
from ipa_tutorial.fast import attention as fast
from ipa_tutorial.proteins import backbone_frames
from ipa_tutorial.proteins import protein as protein_module
from ipa_tutorial.quaternion import quaternion_multiply, quaternion_to_rotation, rotation_to_quaternion

F32, F64 = torch.float32, torch.float64


class RefuseFloat64(TorchDispatchMode):
    """No operation may make float64 out of anything less, unless it was moved to the CPU first."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        less = [x for x in tensors_of((args, kwargs)) if x.dtype != F64 and not hasattr(x, "moved_to_the_cpu")]
        if less and any(x.dtype == F64 for x in tensors_of(out)):
            raise TypeError(f"{function}: the device has no float64")
        return out


def tensors_of(tree):
    return [x for x in tree_leaves(tree) if isinstance(x, Tensor) and x.is_floating_point()]


def moved_to_the_cpu(x):
    x = x.clone()
    x.moved_to_the_cpu = True
    return x


@pytest.fixture
def device(monkeypatch):
    """What the package asks about its device, and how it moves a tensor to the CPU."""
    for module in (inputs, fast, protein_module):
        monkeypatch.setattr(module, "has_float64", lambda device: False)
    monkeypatch.setattr(Tensor, "cpu", moved_to_the_cpu)
    with RefuseFloat64():
        yield


def assert_near(got, expected, tolerance=2e-5):
    assert got.dtype == F32
    scale = expected.abs().max().item()
    torch.testing.assert_close(got.detach(), expected.detach().to(F32), rtol=tolerance, atol=tolerance * scale)


def test_the_device_refuses_float64_and_the_cpu_does_not(device):
    x = torch.ones(3)
    for forbidden in (x.double, lambda: x.to(F64), lambda: torch.promote_types(F32, F64) and x.to(F64)):
        with pytest.raises(TypeError, match="no float64"):
            forbidden()
    assert x.cpu().double().sum() == 3


def test_only_apples_gpu_has_no_float64():
    assert [inputs.has_float64(torch.device(kind)) for kind in ("cpu", "cuda", "meta", "mps")] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("form", [InvariantPointAttention, FastInvariantPointAttention])
@pytest.mark.parametrize("pair", [True, False])
@pytest.mark.parametrize("spread", [0.3, 30.0], ids=["compact", "wide"])
@pytest.mark.parametrize("masked", [True, False])
def test_attention_and_its_gradients(form, pair, spread, masked, request):
    torch.manual_seed(0)
    options = SIZES | dict(pairwise_repr_dim=PAIR_DIM, require_pairwise_repr=pair)
    attention, exact = form(**options), InvariantPointAttention(**options).double()
    exact.load_state_dict(attention.state_dict())
    s, z, T = build_inputs(9, (2,), pair_dim=PAIR_DIM if pair else None, dtype=F32, spread=spread)
    mask = partial_mask(9, (2,)) if masked else None
    s64 = s.double().requires_grad_()
    expected = call(exact, s64, None if z is None else z.double(), T.to(F64), mask)
    real = torch.ones(2, 9, dtype=torch.bool) if mask is None else mask
    expected[real].sum().backward()
    request.getfixturevalue("device")
    got = call(attention, s.requires_grad_(), z, T, mask)
    got[real].sum().backward()
    assert_near(got[real], expected[real], 1e-4)
    assert_near(s.grad, s64.grad, 1e-3)


def test_large_proteins_far_from_the_origin_are_as_exact_as_near_it(request):
    torch.manual_seed(0)
    attention = FastInvariantPointAttention(**SIZES, pairwise_repr_dim=PAIR_DIM)
    s, z, T = build_inputs(9, pair_dim=PAIR_DIM, dtype=F32, spread=8.0)
    away = Rigid(T.rotations, T.translations + 512.0)
    expected = call(attention, s, z, Rigid(T.rotations, away.translations - 512.0))
    request.getfixturevalue("device")
    assert_near(call(attention, s, z, away), expected, 1e-4)


def test_stack_structure_module_and_flow(request):
    options = dict(heads=2, scalar_key_dim=3, scalar_value_dim=4, point_key_dim=2, point_value_dim=3)
    options |= dict(attention=FastInvariantPointAttention)
    s, z, T = build_inputs(7, dim=12, dtype=F32)
    types, mask = torch.arange(7), partial_mask(7)
    stack = IPATransformer(12, depth=2, pairwise_repr_dim=PAIR_DIM, **options)
    module = StructureModule(12, PAIR_DIM, depth=2, dropout=0.0, angle_dim=8, **options)
    flow = FlowModel(dim=16, pair_dim=8, depth=2, heads=2)
    for network in (stack, module, flow):
        randomise(network, scale=0.5)

    def outputs():
        places = stack(s, T.translations, pairwise_repr=z)[1]
        arrived = flow(T, torch.tensor(0.3), torch.ones(7, dtype=torch.bool)).translations
        return places, module(s, z, types, mask, T).atom14[mask], arrived

    expected = outputs()
    request.getfixturevalue("device")
    for got, wanted in zip(outputs(), expected, strict=True):
        assert_near(got, wanted, 1e-4)


def test_losses(request):
    generator = torch.Generator().manual_seed(0)
    x, y = 10 * torch.randn(2, 2, 20, 3, generator=generator)
    P, T = (random_rigid((2, 5), generator) for _ in range(2))
    moved = random_rigid((), generator).apply(x)

    def outputs():
        return kabsch_rmsd(x, y), lddt(x, y, per_residue=True), fape(P, T, x, y, clamp=10.0), kabsch_rmsd(moved, x)

    expected = outputs()
    request.getfixturevalue("device")
    for got, wanted in zip(outputs(), expected, strict=True):
        assert_near(got, wanted)
    assert (outputs()[-1] == 0).all()


def test_assertions(request):
    start = random_rigid(6, torch.Generator().manual_seed(0))
    request.getfixturevalue("device")
    assert_equivariant(lambda T: T, start)
    assert_equivariant(lambda x: x, start.translations)
    assert_invariant(lambda T: (T.inverse() @ T[[1, 2, 3, 4, 5, 0]]).translations, start)
    with pytest.raises(AssertionError, match="not invariant"):
        assert_invariant(lambda T: T.translations, start)


def test_frames_and_rotations(request):
    protein = load_protein("crambin")
    expected, mask = protein.rigids(), protein.mask
    request.getfixturevalue("device")
    frames = backbone_frames(protein.coordinates, mask)
    assert_near(frames.rotations, expected.rotations)
    assert_near(frames.translations, expected.translations)
    assert_near(rigid_from_3_points(*protein.coordinates[:, :3].unbind(-2)).rotations, expected.rotations)
    q = rotation_to_quaternion(frames.rotations)
    assert_near(quaternion_to_rotation(quaternion_multiply(q, q)), expected.rotations @ expected.rotations)


def test_random_frames_are_made_on_the_cpu_whatever_the_default_device():
    try:
        torch.set_default_device("meta")
        assert random_rigid(4).device.type == "cpu"
    finally:
        torch.set_default_device(None)
