"""Algorithms 20 and 24 against DeepMind's numbers, gradients included; degenerate input; bad input."""

import pytest
import torch
from cases import randomise
from golden import load_golden

from ipa_tutorial import Rigid, StructureModule, assert_equivariant, assert_invariant, fape, random_rigid
from ipa_tutorial.alphafold import load_structure_module
from ipa_tutorial.quaternion import quaternion_to_rotation, rotation_to_quaternion
from ipa_tutorial.torsion import RESIDUE_TYPES, frames_to_atom14, sequence_to_types, torsion_to_frames

F64 = torch.float64
NAMES = ["structure_module", "structure_module_masked"]


def tensor(golden, name, dtype=F64):
    return torch.tensor(golden.inputs[name], dtype=dtype)


def build(golden, dtype=F64, **options):
    case = golden.meta["case"]
    sizes = dict(scalar_key_dim="cqk", scalar_value_dim="cv", point_key_dim="Pqk", point_value_dim="Pv")
    sizes |= dict(dim="c_s", pairwise_repr_dim="c_z", heads="H", depth="L")
    sizes = {ours: case.get(theirs, 1) for ours, theirs in sizes.items()}
    return StructureModule(**(sizes | dict(angle_dim=case.get("sc", 32)) | options)).to(dtype).eval()


def run(golden, dtype=F64, **options):
    module = build(golden, dtype, **options)
    load_structure_module(module, golden.params)
    s, z = (tensor(golden, name, dtype).requires_grad_() for name in ("single", "pair"))
    mask = torch.tensor(golden.inputs["seq_mask"] > 0)
    return module, s, z, mask, module(s, z, torch.tensor(golden.inputs["aatype"]).long(), mask)


def angstrom(T: Rigid) -> Rigid:
    return T.scale_translations(10.0)


def quaternion_of(T: Rigid, like):
    q = rotation_to_quaternion(T.rotations)
    return q * (q * like).sum(-1, keepdim=True).sign()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_every_output_equals_deepmind(name, dtype):
    golden = load_golden(name)
    _, _, _, mask, out = run(golden, dtype)

    def check(got, key):
        expected = torch.tensor(golden.outputs[key])
        rows = [slice(None)] * (0 if key in ("act", "final_atom_positions") else 1) + [mask]
        got, expected = got.detach().double(), expected
        tolerance = 1e-9
        if dtype == torch.float32:  # padded rows carry noise of DeepMind's own making
            own = torch.tensor(golden.outputs32[key]).double() if key in golden.outputs32 else None
            got, expected = got[tuple(rows)], expected[tuple(rows)]
            tolerance = 4 * (own[tuple(rows)] - expected).abs().max().item() if own is not None else 1e-4
        torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance, msg=lambda text: f"{key}: {text}")

    traj = torch.tensor(golden.outputs["traj"])
    ours = [
        torch.cat([quaternion_of(T, traj[i, :, :4].to(dtype)), 10 * T.translations], -1)
        for i, T in enumerate(out.rigids)
    ]
    check(torch.stack(ours), "traj")
    check(out.single, "act")
    check(out.angles, "angles_sin_cos")
    check(out.raw_angles, "unnormalized_angles_sin_cos")

    types = torch.tensor(golden.inputs["aatype"]).long()
    frames = [torsion_to_frames(angstrom(T), angles, types) for T, angles in zip(out.rigids, out.angles, strict=True)]
    check(torch.stack([T.rotations for T in frames]), "frames_rot")
    check(torch.stack([T.translations for T in frames]), "frames_trans")
    check(torch.stack([frames_to_atom14(T, types) for T in frames]), "atom14_pos")
    torch.testing.assert_close(out.frames.rotations, frames[-1].rotations)
    assert torch.equal(out.atom14, frames_to_atom14(frames[-1], types))
    exists = torch.tensor(golden.inputs["atom14_atom_exists"] > 0)
    assert torch.equal(out.atom14_mask[mask], exists[mask])

    index = torch.tensor(golden.inputs["residx_atom37_to_atom14"]).long()
    atom37 = out.atom14.take_along_dim(index[..., None], dim=1) * tensor(golden, "atom37_atom_exists", dtype)[..., None]
    check(atom37, "final_atom_positions")


def losses(golden, out, mask):
    truth = Rigid(quaternion_to_rotation(tensor(golden, "gt_quaternion")), tensor(golden, "gt_translation"))
    every = []
    for T in out.rigids:
        predicted = angstrom(T)
        every.append(fape(predicted, truth, predicted.translations, truth.translations, mask, mask, clamp=10.0))
    atom = (out.atom14 * tensor(golden, "loss_weight_atom14")).sum() / 100
    return torch.stack(every), atom


@pytest.mark.parametrize("name", NAMES)
def test_losses_and_gradients_equal_deepmind(name):
    golden = load_golden(name)
    module, s, z, mask, out = run(golden)
    every, atom = losses(golden, out, mask)
    for value, key in (
        (every.mean(), "backbone_fape_mean_over_layers"),
        (every[-1], "backbone_fape_last_layer"),
        (atom, "atom_loss"),
    ):
        torch.testing.assert_close(value.detach(), torch.tensor(golden.outputs[key]), rtol=1e-9, atol=1e-9)

    leaves = {
        "single": s,
        "fold_iteration/affine_update//weights": module.update.to_update.weight,
        "fold_iteration/affine_update//bias": module.update.to_update.bias,
        "fold_iteration/invariant_point_attention//trainable_point_weights": module.block.attention.raw_gamma,
        "fold_iteration/invariant_point_attention/output_projection//bias": module.block.attention.to_out.bias,
        "initial_projection//bias": module.initial_projection.bias,
    }
    for loss, which in ((every.mean(), "fape"), (atom, "atom")):
        gradients = torch.autograd.grad(loss, [*leaves.values(), z], retain_graph=True)
        for key, gradient in zip(leaves, gradients, strict=False):
            path = key if key == "single" else f"params/structure_module/{key}"
            expected = torch.tensor(golden.grad[f"{which}/{path}"])
            gradient = gradient.mT if key.endswith("weights") and gradient.ndim == 2 else gradient
            torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-8 * expected.abs().max().item())
        if which == "atom":
            expected = torch.tensor(golden.grad["atom/pair_sum_over_keys"])
            torch.testing.assert_close(gradients[-1].sum(1), expected, rtol=1e-8, atol=1e-10)


def test_without_stop_gradient_the_values_are_the_same_and_the_gradients_are_not():
    golden = load_golden("structure_module")
    gradients, values = [], []
    for stop in (True, False):
        module, _, _, mask, out = run(golden, stop_rotation_gradient=stop)
        every, _ = losses(golden, out, mask)
        values.append(every.detach())
        gradients.append(torch.autograd.grad(every.mean(), module.update.to_update.weight)[0])
    assert torch.equal(*values)
    assert (gradients[0] - gradients[1]).norm() / gradients[0].norm() > 0.05


@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_one_fold_iteration_equals_deepmind(dtype):
    """From frames that are not the identity: attention, transition, update, torsions, atoms."""
    golden = load_golden("fold_iteration")
    c_s, c_z = golden.meta["case"]["c_s"], golden.meta["case"]["c_z"]
    whole = {f"structure_module/{name}": array for name, array in golden.params.items()}
    for name, shape in {"initial_projection//weights": (c_s, c_s), "initial_projection//bias": (c_s,)}.items():
        whole[f"structure_module/{name}"] = torch.zeros(shape).numpy()
    for norm, size in (("single_layer_norm", c_s), ("pair_layer_norm", c_z)):
        whole |= {f"structure_module/{norm}//{name}": torch.zeros(size).numpy() for name in ("scale", "offset")}
    module = build(golden, dtype, depth=1)
    load_structure_module(module, whole)

    T = Rigid(tensor(golden, "rotation", dtype), tensor(golden, "translation", dtype))
    mask = torch.tensor(golden.inputs["mask"][:, 0] > 0)
    s, z = tensor(golden, "single", dtype), tensor(golden, "pair", dtype)
    s = module.block(s, z, rotations=T.rotations, translations=T.translations, mask=mask)
    T = T @ module.update(s)
    angles, raw = module.torsion_angles(s, tensor(golden, "initial_act", dtype))
    types = torch.tensor(golden.inputs["aatype"]).long()
    frames = torsion_to_frames(angstrom(T), angles, types)
    affine = torch.tensor(golden.outputs["affine"])
    outputs = {
        "act": s,
        "affine": torch.cat([quaternion_of(T, affine[:, :4].to(dtype)), T.translations], -1),
        "angles_sin_cos": angles,
        "unnormalized_angles_sin_cos": raw,
        "frames_rot": frames.rotations,
        "frames_trans": frames.translations,
        "atom14_pos": frames_to_atom14(frames, types),
    }
    for key, got in outputs.items():
        expected = torch.tensor(golden.outputs[key])
        if dtype == F64:
            torch.testing.assert_close(got.detach(), expected, rtol=1e-9, atol=1e-9)
        else:
            assert (got.detach().double() - expected)[mask].abs().max() < 1e-4, key


def test_line_20_stops_the_gradient_of_the_rotations_and_of_nothing_else():
    for options, stopped in (({}, True), (dict(stop_rotation_gradient=False), False)):
        module = StructureModule(8, 5, depth=3, heads=2, dropout=0.0, **options).to(F64)
        randomise(module, scale=0.5)
        generator = torch.Generator().manual_seed(0)
        s, z = torch.randn(4, 8, generator=generator), torch.randn(4, 4, 5, generator=generator)
        first, *_, last = module(s.to(F64), z.to(F64), torch.arange(4)).rigids
        leaves = [first.rotations, first.translations]
        of_rotations, of_translations = torch.autograd.grad(last.translations.sum(), leaves, allow_unused=True)
        assert of_translations.abs().max() > 0
        assert (of_rotations is None) == stopped


# --- Algorithm 24 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_torsions_to_atoms_equal_deepmind(dtype):
    golden = load_golden("torsion")
    raw = tensor(golden, "unnormalized_angles", dtype)
    angles = raw / raw.norm(dim=-1, keepdim=True)
    types = torch.tensor(golden.inputs["aatype"]).long()
    T = Rigid(quaternion_to_rotation(tensor(golden, "quaternion", dtype)), tensor(golden, "translation", dtype))
    frames = torsion_to_frames(T, angles, types)
    outputs = {
        "angles_sin_cos": angles,
        "frames_rot": frames.rotations,
        "frames_trans": frames.translations,
        "atom14_pos": frames_to_atom14(frames, types),
    }
    for key, got in outputs.items():
        tolerance = 1e-9 if dtype == F64 else 4 * golden.noise(key)
        torch.testing.assert_close(got.double(), torch.tensor(golden.outputs[key]), rtol=tolerance, atol=tolerance)


def test_an_alanine_has_ideal_bonds_whatever_its_angles():
    types = sequence_to_types("A")
    angles = torch.randn(1, 7, 2, generator=torch.Generator().manual_seed(0), dtype=F64)
    angles = angles / angles.norm(dim=-1, keepdim=True)
    atoms = frames_to_atom14(torsion_to_frames(Rigid.identity(1, dtype=F64), angles, types), types)[0]
    n, ca, c, o, cb = atoms[:5]
    for a, b, length in ((n, ca, 1.46), (ca, c, 1.526), (c, o, 1.23), (ca, cb, 1.53)):
        assert (a - b).norm().item() == pytest.approx(length, abs=0.02)
    assert (atoms[5:] == 0).all()


def test_sequences_become_types_in_alphafolds_order():
    assert sequence_to_types(RESIDUE_TYPES).tolist() == list(range(21))
    assert sequence_to_types("AZ*V").tolist() == [0, 20, 20, 19]


# --- degenerate and bad input -----------------------------------------------------------------------------------------


def small(depth=2):
    module = StructureModule(8, 5, depth, heads=2, scalar_key_dim=3, scalar_value_dim=4, angle_dim=7).to(F64).eval()
    randomise(module, scale=0.5)
    return module


@pytest.mark.parametrize(("L", "mask"), [(1, None), (4, [False] * 4), (4, [True, False, True, False])])
def test_degenerate_input_stays_finite(L, mask):
    generator = torch.Generator().manual_seed(0)
    s = torch.randn(2, L, 8, generator=generator, dtype=F64).requires_grad_()
    z = torch.randn(2, L, L, 5, generator=generator, dtype=F64)
    mask = None if mask is None else torch.tensor([mask, [True] * L])
    out = small()(s, z, torch.full((2, L), 20), mask)
    total = out.single.sum() + out.angles.sum() + out.atom14.sum() + sum(T.translations.sum() for T in out.rigids)
    total.backward()
    assert total.isfinite() and s.grad.isfinite().all() and out.atom14.shape == (2, L, 14, 3)


@pytest.mark.parametrize("filling", [5.0, float("nan"), float("inf")])
def test_padding_changes_nothing(filling):
    generator = torch.Generator().manual_seed(0)
    s, z = torch.randn(6, 8, generator=generator, dtype=F64), torch.randn(6, 6, 5, generator=generator, dtype=F64)
    types, mask = torch.tensor([0, 5, 20, 7, 3, 3]), torch.tensor([True, True, False, True, True, False])
    module = small(depth=3)
    expected = module(s, z, types, mask)
    wild = s.masked_fill(~mask[:, None], filling).requires_grad_()
    got = module(wild, z.masked_fill(~(mask[:, None] & mask[None])[..., None], filling), types, mask)
    assert torch.equal(got.single[mask], expected.single[mask]) and torch.equal(got.atom14[mask], expected.atom14[mask])
    got.atom14[mask].sum().backward()
    assert wild.grad.isfinite().all()


def test_a_fresh_module_keeps_all_residues_in_the_black_hole():
    module = StructureModule(8, 5, 3, heads=2).eval()
    out = module(torch.randn(6, 8), torch.randn(6, 6, 5), torch.arange(6))
    for T in out.rigids:
        assert (T.translations == 0).all() and (T.rotations == torch.eye(3)).all()


def two_of_seven(pair_dim=5, seed=0):
    """A random module in training form and its inputs: L = 7, batch 2."""
    sizes = dict(heads=2, scalar_key_dim=3, scalar_value_dim=4, point_key_dim=2, point_value_dim=3)
    module = StructureModule(12, pair_dim, depth=3, angle_dim=8, dropout=0.0, **sizes).double()
    randomise(module, seed)
    generator = torch.Generator().manual_seed(seed)
    s = torch.randn(2, 7, 12, generator=generator, dtype=F64)
    z = None if pair_dim is None else torch.randn(2, 7, 7, pair_dim, generator=generator, dtype=F64)
    return module, s, z, torch.randint(20, (2, 7), generator=generator)


@pytest.mark.parametrize("pair_dim", [5, None])
def test_the_fold_moves_along_with_the_frames_that_it_starts_from(pair_dim):
    module, s, z, types = two_of_seven(pair_dim)
    start = random_rigid((2, 7), torch.Generator().manual_seed(1), dtype=F64)
    mask = torch.arange(14).reshape(2, 7) < 12
    assert_equivariant(lambda T: tuple(module(s, z, types, mask, rigids=T).rigids), start, scale=3.0)
    assert_equivariant(lambda T: module(s, z, types, rigids=T).frames, start.scale_translations(10.0), scale=0.0)
    assert_invariant(lambda T: (module(s, z, types, mask, T).single, module(s, z, types, mask, T).angles), start)


def test_where_the_frames_start_matters_and_the_default_is_the_origin():
    module, s, z, types = two_of_seven()
    start = random_rigid((2, 7), torch.Generator().manual_seed(1), dtype=F64)
    here = Rigid.identity((2, 7), dtype=F64)
    assert torch.equal(module(s, z, types).atom14, module(s, z, types, rigids=here).atom14)
    assert (module(s, z, types).single - module(s, z, types, rigids=start).single).abs().max() > 0.1
    assert (
        module(s, z, types).single - module(s, z, types, rigids=start[..., 0, None][..., [0] * 7]).single
    ).abs().max() < 1e-9


def test_padding_of_the_frames_that_it_starts_from_changes_nothing():
    module, s, z, types = two_of_seven()
    start = random_rigid((2, 7), torch.Generator().manual_seed(1), dtype=F64)
    mask = torch.arange(14).reshape(2, 7) < 12
    wild = Rigid(
        start.rotations.masked_fill(~mask[..., None, None], torch.nan),
        start.translations.masked_fill(~mask[..., None], torch.inf),
    )
    expected, got = (module(s, z, types, mask, T) for T in (start, wild))
    torch.testing.assert_close(got.atom14[mask], expected.atom14[mask], rtol=1e-11, atol=1e-11)
    assert got.atom14.isfinite().all()


def test_frames_to_start_from_and_a_missing_pair_are_checked():
    module, s, z, types = two_of_seven()
    with pytest.raises(TypeError, match="rigids must be a Rigid, got Tensor"):
        module(s, z, types, rigids=s)
    with pytest.raises(ValueError, match=r"rigids must have shape \(2, 7\), got \(7,\)"):
        module(s, z, types, rigids=Rigid.identity(7))
    with pytest.raises(TypeError, match=r"pairwise_repr must be a torch.Tensor, got NoneType"):
        module(s, None, types)
    alone, *_ = two_of_seven(None)
    with pytest.raises(ValueError, match="this module was built without"):
        alone(s, z, types)
    with pytest.raises(ValueError, match="AlphaFold's has a pair representation"):
        load_structure_module(alone, {})


def test_bad_input_is_named():
    module = small()
    s, z, types = torch.zeros(4, 8, dtype=F64), torch.zeros(4, 4, 5, dtype=F64), torch.zeros(4, dtype=torch.int64)
    cases = [
        ((s[:, :7], z, types), ValueError, r"single_repr must have shape \(\*, L, 8\)"),
        ((s, z[:3], types), ValueError, r"pairwise_repr must have shape \(4, 4, 5\), got \(3, 4, 5\)"),
        ((s, z, types.double()), TypeError, "residue_types must be an integer tensor, got torch.float64"),
        ((s, z, [0] * 4), TypeError, "residue_types must be an integer tensor, got list"),
        ((s, z, types[:3]), ValueError, r"residue_types must have shape \(4,\), got \(3,\)"),
        ((s, z, types + 21), ValueError, "residue_types must lie in 0 … 20, got 21 … 21"),
        ((s, z, types, torch.ones(4)), TypeError, "mask must be boolean"),
        ((None, z, types), TypeError, "single_repr must be a torch.Tensor, got NoneType"),
    ]
    for arguments, error, message in cases:
        with pytest.raises(error, match=message):
            module(*arguments)
    with pytest.raises(ValueError, match="depth must be a whole number"):
        StructureModule(8, 5, 0)


def test_loader_refuses_what_does_not_fit_and_writes_nothing():
    golden = load_golden("structure_module")
    for params, options in (
        ({k: v for k, v in golden.params.items() if "resblock2_1//bias" not in k}, {}),
        ({k: v for k, v in golden.params.items() if "pair_layer_norm//scale" not in k}, {}),
        (golden.params, dict(angle_dim=33)),
        (golden.params, dict(bias=False)),
    ):
        module = build(golden, **options)
        before = {key: value.clone() for key, value in module.state_dict().items()}
        with pytest.raises(ValueError, match="must hold|must have|bias=True"):
            load_structure_module(module, params)
        assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    with pytest.raises(TypeError, match="module must be a StructureModule, got Linear"):
        load_structure_module(torch.nn.Linear(1, 1), golden.params)
