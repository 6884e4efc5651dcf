"""Agreement with the numbers of DeepMind's own code, and the loader of its parameters."""

import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from golden import GOLDENS, load_golden

from ipa_tutorial import InvariantPointAttention
from ipa_tutorial.alphafold import load_ipa

MONOMER = ["ipa_base", "ipa_masked", "ipa_far", "ipa_general", "ipa_af2size"]
EVERY = [*MONOMER, "ipa_multimer"]
F64 = torch.float64


def build(golden, dtype=F64, **options):
    case = golden.meta["case"]
    sizes = dict(dim="c_s", heads="H", scalar_key_dim="cqk", scalar_value_dim="cv", point_key_dim="Pqk")
    sizes |= dict(point_value_dim="Pv", pairwise_repr_dim="c_z")
    sizes = {ours: case[theirs] for ours, theirs in sizes.items()}
    eps = 1e-16 if golden.name == "ipa_multimer" else 1e-8
    return InvariantPointAttention(**(sizes | dict(bias=True, eps=eps) | options)).to(dtype)


def inputs_of(golden, dtype=F64):
    """single, pair, rotations, translations, mask."""
    tensors = [torch.tensor(golden.inputs[name], dtype=dtype) for name in ("single", "pair", "rotation", "translation")]
    return *tensors, torch.tensor(golden.inputs["mask"][:, 0] > 0)


def run(golden, dtype=F64, requires_grad=False):
    attention = build(golden, dtype)
    load_ipa(attention, golden.params)
    s, z, R, t, mask = inputs_of(golden, dtype)
    s.requires_grad_(requires_grad), z.requires_grad_(requires_grad)
    return attention(s, z, rotations=R, translations=t, mask=mask, return_parts=True), s, z, mask


@pytest.mark.parametrize("name", EVERY)
def test_output_equals_deepmind_in_float64(name):
    golden = load_golden(name)
    (out, _), *_ = run(golden)
    torch.testing.assert_close(out.detach(), torch.tensor(golden.outputs["output"]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", EVERY)
def test_output_stays_within_deepminds_own_noise_in_float32(name):
    golden = load_golden(name)
    (out, _), _, _, mask = run(golden, torch.float32)
    expected = torch.tensor(golden.outputs["output"])[mask]
    noise = (torch.tensor(golden.outputs32["output"]).double()[mask] - expected).abs().max()
    assert (out.detach().double()[mask] - expected).abs().max() <= 3 * noise


@pytest.mark.parametrize("name", [name for name in MONOMER if name != "ipa_af2size"])
@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_gradients_equal_deepmind(name, dtype):
    golden = load_golden(name)
    (out, _), s, z, _ = run(golden, dtype, requires_grad=True)
    (out * torch.tensor(golden.grad["cotangent"], dtype=dtype)).sum().backward()
    for got, key in ((s.grad, "single"), (z.grad.sum(1), "pair_sum_over_keys")):
        expected = torch.tensor(golden.grad[key])
        tolerance = 1e-9 if dtype == F64 else 1e-5 * expected.abs().max().item() * (10 if name == "ipa_far" else 1)
        torch.testing.assert_close(got.double(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["ipa_base", "ipa_masked", "ipa_far", "ipa_general", "ipa_multimer"])
def test_intermediates_equal_deepmind(name):
    """Attention weights and features; DeepMind's order is o | x | y | z | norms | õ, stored as float32."""
    golden = load_golden(name)
    (_, parts), _, _, mask = run(golden)
    attn = torch.tensor(golden.mid["attn"]).double()
    attn = attn.permute(2, 0, 1) if name == "ipa_multimer" else attn
    torch.testing.assert_close(parts.weights.detach()[:, mask], attn[:, mask], rtol=1e-6, atol=1e-7)

    heads_last = [
        parts.scalar_out.movedim(0, 1).flatten(1),
        *(parts.point_out[..., axis].movedim(0, 1).flatten(1) for axis in range(3)),
        parts.point_norms.movedim(0, 1).flatten(1),
        parts.pair_out.movedim(0, 1).flatten(1),
    ]
    features = torch.tensor(golden.mid["features"]).double()
    torch.testing.assert_close(torch.cat(heads_last, -1).detach()[mask], features[mask], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["ipa_base", "ipa_masked", "ipa_far", "structure_module"])
def test_the_numbers_that_travel_with_the_package_are_the_goldens(name):
    travelling = files("ipa_tutorial") / "data/deepmind" / f"{name}.npz"
    assert travelling.read_bytes() == (GOLDENS / f"{name}.npz").read_bytes()


# --- the loader -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "alphafold/", "alphafold/alphafold_iteration/structure_module",
                                    "alphafold/alphafold_iteration/structure_module/fold_iteration/"])  # fmt: skip
def test_prefix_finds_the_one_module(prefix):
    golden = load_golden("ipa_base")
    root = "alphafold/alphafold_iteration/structure_module/fold_iteration/"
    whole = {root + name: array for name, array in golden.params.items()} | {"alphafold/evoformer//w": np.zeros(3)}
    loaded, direct = build(golden), build(golden)
    load_ipa(loaded, whole, prefix)
    load_ipa(direct, golden.params)
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in direct.state_dict().items())


def test_two_modules_need_a_prefix():
    golden = load_golden("ipa_base")
    params = {f"{which}/{name}": array for which in ("a", "b") for name, array in golden.params.items()}
    with pytest.raises(ValueError, match="2 of them: a/invariant_point_attention, b/invariant_point_attention"):
        load_ipa(build(golden), params)
    load_ipa(build(golden), params, "b/")
    with pytest.raises(ValueError, match="under the prefix 'c/', found none of the 26 names"):
        load_ipa(build(golden), params, "c/")


def test_loading_goes_into_the_modules_dtype_and_does_not_alias():
    golden = load_golden("ipa_base")
    attention = build(golden, torch.float32)
    load_ipa(attention, golden.params)
    before = golden.params["invariant_point_attention//trainable_point_weights"].copy()
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.fill_(7)
    assert attention.to_q.weight.dtype == torch.float32
    assert np.array_equal(golden.params["invariant_point_attention//trainable_point_weights"], before)


@pytest.mark.parametrize("name", ["ipa_base", "ipa_multimer"])
def test_what_does_not_fit_is_named_and_nothing_is_written(name):
    golden = load_golden(name)

    def refuse(message, params=golden.params, **options):
        attention = build(golden, **options)
        before = {key: value.clone() for key, value in attention.state_dict().items()}
        with pytest.raises(ValueError, match=message):
            load_ipa(attention, params)
        assert all(torch.equal(before[key], value) for key, value in attention.state_dict().items())

    refuse("build the module with bias=True", bias=False)
    refuse("require_pairwise_repr=True", require_pairwise_repr=False)
    refuse("must (have|hold)", heads=2)
    refuse("must have 33 = 33 outputs", dim=33)
    refuse("must have 228 rows", pairwise_repr_dim=17)
    for key in golden.params:
        missing = {other: array for other, array in golden.params.items() if other != key}
        refuse("must hold", missing)
        refuse("must have|AlphaFold's array has|must hold", golden.params | {key: golden.params[key][..., :-1]})
        refuse("must have|AlphaFold's array has|must hold", golden.params | {key: golden.params[key][:-1]})


def test_wrong_types_are_named():
    golden = load_golden("ipa_base")
    with pytest.raises(TypeError, match="attention must be an InvariantPointAttention, got Linear"):
        load_ipa(torch.nn.Linear(2, 2), golden.params)
    with pytest.raises(TypeError, match="params must map Haiku names to arrays, got list"):
        load_ipa(build(golden), [1, 2])


def test_the_biases_of_the_pair_projection_and_of_the_scalar_keys_change_nothing():
    """They add one constant to all logits of a query, which the softmax forgets: mathematics, not a bug."""
    golden = load_golden("ipa_masked")
    (before, _), *_ = run(golden)
    attention = build(golden)
    load_ipa(attention, golden.params)
    s, z, R, t, mask = inputs_of(golden)
    with torch.no_grad():
        attention.to_pair_bias.bias += torch.arange(3.0) - 5
        attention.to_k.bias += 2 * torch.randn(attention.to_k.bias.shape)
    after = attention(s, z, rotations=R, translations=t, mask=mask)
    torch.testing.assert_close(after, before, rtol=1e-11, atol=1e-11)
    with torch.no_grad():
        attention.to_q.bias += 1.0
    assert (attention(s, z, rotations=R, translations=t, mask=mask) - before).abs().max() > 1e-2


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda x: x + 0j, "must hold real numbers, got an array of complex"),
        (lambda x: x.astype(str), "must hold real numbers, got an array of <U"),
        (lambda x: x.astype(object), "must hold real numbers, got an array of object"),
        (lambda x: np.where(x == x.flat[0], np.nan, x), "must hold finite numbers"),
        (lambda x: x + np.inf, "must hold finite numbers"),
        (lambda x: x.astype(np.float64) + 1e60, "too large for float32"),
    ],
)
def test_numbers_that_are_none_are_refused_before_anything_is_written(bad, message):
    golden = load_golden("ipa_base")
    attention = build(golden)
    before = {name: x.clone() for name, x in attention.state_dict().items()}
    for name in golden.params:
        with pytest.raises(ValueError, match=message) as error:
            load_ipa(attention, golden.params | {name: bad(np.asarray(golden.params[name]))})
        assert repr(name) in str(error.value)
    assert all(torch.equal(x, before[name]) for name, x in attention.state_dict().items())


# --- the published files, as lesson 18 reads them --------------------------------------------------------------------

TRUE_SIZES = {  # outputs, or inputs and outputs, of each module of AlphaFold's structure module: c_s 384, c_z 128
    "single_layer_norm": (384,),
    "pair_layer_norm": (128,),
    "initial_projection": (384, 384),
    "fold_iteration/attention_layer_norm": (384,),
    "fold_iteration/transition_layer_norm": (384,),
    **{f"fold_iteration/transition{number}": (384, 384) for number in ("", "_1", "_2")},
    "fold_iteration/affine_update": (384, 6),
    "fold_iteration/invariant_point_attention/q_scalar": (384, 12 * 16),
    "fold_iteration/invariant_point_attention/kv_scalar": (384, 12 * (16 + 16)),
    "fold_iteration/invariant_point_attention/q_point_local": (384, 3 * 12 * 4),
    "fold_iteration/invariant_point_attention/kv_point_local": (384, 3 * 12 * (4 + 8)),
    "fold_iteration/invariant_point_attention/attention_2d": (128, 12),
    "fold_iteration/invariant_point_attention/output_projection": (12 * (16 + 4 * 8 + 128), 384),
    **{f"fold_iteration/rigid_sidechain/input_projection{number}": (384, 128) for number in ("", "_1")},
    **{f"fold_iteration/rigid_sidechain/resblock{number}": (128, 128) for number in ("1", "2", "1_1", "2_1")},
    "fold_iteration/rigid_sidechain/unnormalized_angles": (128, 14),
}


@pytest.fixture
def published(tmp_path):
    """A file in the layout of params_model_1.npz, at its true sizes, of random numbers; and its arrays."""
    root, rng = "alphafold/alphafold_iteration/structure_module/", np.random.default_rng(0)
    arrays = {"alphafold/alphafold_iteration/evoformer/single_activations//bias": np.zeros(384, np.float32)}
    for name, shape in TRUE_SIZES.items():
        first, second = ("scale", "offset") if len(shape) == 1 else ("weights", "bias")
        arrays[f"{root}{name}//{first}"] = rng.normal(size=shape, scale=shape[0] ** -0.5).astype(np.float32)
        arrays[f"{root}{name}//{second}"] = rng.normal(size=shape[-1:]).astype(np.float32)
    gamma = f"{root}fold_iteration/invariant_point_attention//trainable_point_weights"
    arrays[gamma] = rng.normal(size=12).astype(np.float32)
    np.savez(tmp_path / "params_model_1.npz", **arrays)
    return tmp_path / "params_model_1.npz", {name.removeprefix(root): array for name, array in arrays.items()}


def test_the_names_of_the_published_layout_are_those_of_deepminds_code(published):
    ours = {name for name in published[1] if "evoformer" not in name}
    theirs = {name.removeprefix("structure_module/") for name in load_golden("structure_module").params}
    assert ours == theirs


def test_lesson_18_loads_a_published_file(published):
    path, arrays = published
    text = (Path(__file__).parent.parent / "notebooks/text/18_trained.md").read_text(encoding="utf-8")
    (cell,) = (
        cell for cell in re.findall(r"```python\n(.*?)```", text, re.S) if "def alphafolds_structure_module" in cell
    )
    scope = {"np": np, "torch": torch}
    exec(cell.replace("ALPHAFOLD = None", f"ALPHAFOLD = {str(path)!r}"), scope)
    module = scope["af2"]
    assert not module.training and module.depth == 8
    gamma = arrays["fold_iteration/invariant_point_attention//trainable_point_weights"]
    assert torch.equal(module.block.attention.raw_gamma, torch.tensor(gamma))
    weights = arrays["fold_iteration/rigid_sidechain/unnormalized_angles//weights"]
    assert torch.equal(module.torsion_angles.to_angles.weight, torch.tensor(weights).mT)
    with torch.no_grad():
        out = module(torch.randn(5, 384), torch.randn(5, 5, 128), torch.arange(5))
    assert len(out.rigids) == 8 and out.atom14.isfinite().all()
