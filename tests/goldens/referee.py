"""Runs DeepMind's own modules, unmodified, on random inputs. Imported by regenerate.py, in the chosen precision."""

import dataclasses
import json
import types

import haiku as hk
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from alphafold.model import all_atom, all_atom_multimer, folding, folding_multimer, geometry, quat_affine, r3
from params import float16_exact, make_param

X64 = bool(jax.config.jax_enable_x64)
GLOBAL_CONFIG = ml_collections.ConfigDict({"zero_init": False, "deterministic": True})

# N residues, c_s/c_z channels, H heads, cqk/cv scalar channels and Pqk/Pv points per head; translations are the
# ångström coordinates of a random chain, plus an offset, divided by unit; pwm is the mean of the point weights.
CASES = {
    "ipa_base": dict(seed=101, N=16, c_s=32, c_z=16, H=4, cqk=8, cv=8, Pqk=4, Pv=8, unit=10.0),
    "ipa_masked": dict(
        seed=102, N=20, c_s=40, c_z=24, H=3, cqk=16, cv=16, Pqk=4, Pv=6, unit=10.0, masked=[2, 7, 17, 18, 19]
    ),
    "ipa_far": dict(
        seed=103, N=18, c_s=32, c_z=16, H=2, cqk=12, cv=12, Pqk=5, Pv=4, unit=1.0,
        offset=[200.0, -300.0, 150.0], pwm=-4.5,
    ),
    "ipa_general": dict(
        seed=104, N=17, c_s=24, c_z=20, H=5, cqk=6, cv=10, Pqk=3, Pv=7, unit=10.0, masked=[0, 9]
    ),
    "ipa_af2size": dict(
        seed=105, N=8, c_s=384, c_z=128, H=12, cqk=16, cv=16, Pqk=4, Pv=8, unit=10.0, store_params=False
    ),
    "ipa_multimer": dict(
        seed=106, N=14, c_s=32, c_z=16, H=4, cqk=8, cv=8, Pqk=4, Pv=8, unit=20.0, masked=[5, 13]
    ),
    "rigids": dict(seed=111, N=20),
}  # fmt: skip


def compute(names: list[str]) -> dict[str, dict]:
    """{file name: {key: array}} of the named files, or of all."""
    allow_float64_geometry()
    runs = {"rigids": rigids, "ipa_multimer": multimer_attention}
    return {name: runs.get(name, monomer_attention)(CASES[name]) for name in names or CASES}


def allow_float64_geometry() -> None:
    """Vec3Array and Rot3Array assert float32; in the float64 run that assertion is relaxed, and nothing else."""
    if X64:
        for cls in (geometry.Vec3Array, geometry.Rot3Array):
            for field in dataclasses.fields(cls):
                field.metadata = types.MappingProxyType({"dtype": jnp.float64})


# ---------------------------------------------------------------------------------------------------------- inputs


def as_jax(array):
    return jnp.asarray(np.asarray(array, np.float64 if X64 else np.float32))


def random_quaternions(random, n):
    return float16_exact(random.standard_normal((n, 4)))  # not normalised: the referee normalises them itself


def rotation_of(quaternion):
    q = np.asarray(quaternion, np.float64)
    w, x, y, z = np.moveaxis(q / np.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return stacked(rows)


def random_chain(random, n, step=3.8):
    """A trace of Cα atoms in ångström: a random walk that remembers its direction, centred."""
    noise = random.standard_normal((n, 3))
    directions = [np.array([1.0, 0.0, 0.0])]
    for i in range(1, n):
        new = directions[-1] + 0.9 * noise[i]
        directions.append(new / np.linalg.norm(new))
    trace = np.cumsum(step * np.array(directions), 0)
    return trace - trace.mean(0)


def attention_inputs(case):
    random, n = np.random.RandomState(case["seed"]), case["N"]
    mask = np.ones((n, 1), np.float32)
    mask[case.get("masked", []), 0] = 0
    trace = random_chain(random, n) + np.array(case.get("offset", [0.0, 0.0, 0.0]))
    inputs = {
        "single": float16_exact(random.standard_normal((n, case["c_s"]))),
        "pair": float16_exact(random.standard_normal((n, n, case["c_z"]))),
        "mask": mask,
        "quaternion": random_quaternions(random, n),
        "translation": float16_exact(trace / case["unit"]),
    }
    affine = affine_of(inputs)
    return {**inputs, "rotation": stacked(affine.rotation)}


def affine_of(inputs):
    quaternion, translation = as_jax(inputs["quaternion"]), as_jax(inputs["translation"])
    return quat_affine.QuatAffine(quaternion, translation, normalize=True, unstack_inputs=True)


def stacked(rows):
    """A matrix given as a list of lists of arrays, as one array (*, 3, 3)."""
    return np.stack([np.stack([np.asarray(x) for x in row], -1) for row in rows], -2)


# ------------------------------------------------------------------------------------------------------- attention


def monomer_attention(case):
    inputs = attention_inputs(case)
    build = folding.InvariantPointAttention
    run = hk.transform(lambda s, z, m: build(config(case), GLOBAL_CONFIG)(s, z, m, affine_of(inputs)))
    params = parameters(run, inputs, case)
    output, mid = watched(run, params, inputs)
    arrays = {**prefixed("in/", inputs), "out/output": output, "mid/attn": mid["attn"], "meta": meta(case, params)}
    if case.get("store_params", True):
        arrays |= prefixed("params/", params) | prefixed("mid/", mid)
        arrays |= prefixed("grad/", gradients(run, params, inputs, case))
    return arrays


def multimer_attention(case):
    inputs = attention_inputs(case)
    rotation = geometry.Rot3Array.from_array(as_jax(inputs["rotation"]))
    rigid = geometry.Rigid3Array(rotation, geometry.Vec3Array.from_array(as_jax(inputs["translation"])))
    build = folding_multimer.InvariantPointAttention
    run = hk.transform(lambda s, z, m: build(config(case), GLOBAL_CONFIG)(s, z, m, rigid))
    params = parameters(run, inputs, case)
    output, mid = watched(run, params, inputs)
    arrays = {**prefixed("in/", inputs), **prefixed("params/", params), **prefixed("mid/", mid)}
    return {**arrays, "out/output": output, "meta": meta(case, params)}


def config(case):
    names = {"num_channel": "c_s", "num_head": "H", "num_scalar_qk": "cqk", "num_scalar_v": "cv"}
    names |= {"num_point_qk": "Pqk", "num_point_v": "Pv"}
    return ml_collections.ConfigDict({name: case[key] for name, key in names.items()})


def arguments(inputs):
    return tuple(as_jax(inputs[key]) for key in ("single", "pair", "mask"))


def parameters(run, inputs, case):
    """{"module//name": array}; the shapes are the module's own, the values those of our recipe."""
    shapes = jax.eval_shape(run.init, jax.random.PRNGKey(0), *arguments(inputs))
    return {
        f"{module}//{name}": make_param(module, name, spec.shape, case["seed"], case.get("pwm", 0.5))
        for module, specs in shapes.items()
        for name, spec in specs.items()
    }


def nested(params):
    tree = {}
    for key, value in params.items():
        module, name = key.split("//")
        tree.setdefault(module, {})[name] = as_jax(value)
    return tree


def watched(run, params, inputs):
    """The output, the logits and weights at its one softmax, and what its last layer reads. No code is changed."""
    softmaxes, features = [], []
    original = jax.nn.softmax

    def softmax(x, *args, **kwargs):
        weights = original(x, *args, **kwargs)
        softmaxes.append((np.asarray(x), np.asarray(weights)))
        return weights

    def intercept(call, args, kwargs, context):
        if context.method_name == "__call__" and context.module.module_name.endswith("output_projection"):
            features.append(np.asarray(args[0]))
        return call(*args, **kwargs)

    jax.nn.softmax = softmax
    try:
        with hk.intercept_methods(intercept):
            output = run.apply(nested(params), None, *arguments(inputs))
    finally:
        jax.nn.softmax = original
    ((logits, attn),) = softmaxes
    return np.asarray(output), {"logits": logits, "attn": attn, "features": features[0]}


def gradients(run, params, inputs, case):
    """Of the sum of output * cotangent, with respect to single and pair."""
    single, pair, mask = arguments(inputs)
    shape = (case["N"], case["c_s"])
    cotangent = float16_exact(np.random.RandomState(case["seed"] + 1).standard_normal(shape)) * inputs["mask"]

    def weighted_sum(s, z):
        return (run.apply(nested(params), None, s, z, mask) * as_jax(cotangent)).sum()

    of_single, of_pair = jax.jit(jax.grad(weighted_sum, argnums=(0, 1)))(single, pair)
    return {
        "cotangent": cotangent,
        "single": np.asarray(of_single),
        "pair_sum_over_keys": np.asarray(of_pair).sum(1),
    }


def meta(case, params):
    sizes = {key: value for key, value in config(case).items() if key != "num_channel"}
    return json.dumps(
        {
            **sizes,
            "seed": case["seed"],
            "case": case,
            "params_stored": case.get("store_params", True),
            "point_weight_mean": case.get("pwm", 0.5),
            "param_shapes": {key: list(value.shape) for key, value in params.items()},
            "param_sum": {key: float(np.sum(value, dtype=np.float64)) for key, value in params.items()},
        }
    )


def prefixed(prefix, arrays):
    return {prefix + key: value for key, value in arrays.items()}


# ---------------------------------------------------------------------------------------------- frames from atoms


def rigids(case):
    """The six ways in which DeepMind's code builds a frame from N, Cα and C."""
    inputs = backbone_atoms(case)
    n, ca, c = (as_jax(inputs[key]) for key in ("n_xyz", "ca_xyz", "c_xyz"))
    vecs, vec3 = r3.vecs_from_tensor, geometry.Vec3Array.from_array
    frames = r3.rigids_from_3_points(point_on_neg_x_axis=vecs(n), origin=vecs(ca), point_on_xy_plane=vecs(c))
    two_vecs = r3.rots_from_two_vecs(r3.vecs_sub(vecs(c), vecs(ca)), r3.vecs_sub(vecs(n), vecs(ca)))
    backbone = atom37_backbone_frames(inputs)
    reference = quat_affine.make_transform_from_reference(n, ca, c)
    canonical = quat_affine.make_canonical_transform(n, ca, c)
    multimer = all_atom_multimer.make_transform_from_reference(vec3(n), vec3(ca), vec3(c))
    outputs = {
        "r3_rigids_from_3_points_rot": r3_rotation(frames.rot),
        "r3_rigids_from_3_points_trans": r3.vecs_to_tensor(frames.trans),
        "r3_rots_from_two_vecs_alg21_rot": r3_rotation(two_vecs),
        "atom37_to_frames_backbone_rot": backbone[:, :9].reshape(-1, 3, 3),
        "atom37_to_frames_backbone_trans": backbone[:, 9:],
        "make_transform_from_reference_rot": reference[0],
        "make_transform_from_reference_trans": reference[1],
        "make_canonical_transform_trans": canonical[0],
        "make_canonical_transform_rot": canonical[1],
        "multimer_make_transform_from_reference_rot": multimer.rotation.to_array(),
    }
    outputs = {f"out/{key}": np.asarray(value) for key, value in outputs.items()}
    return {**prefixed("in/", inputs), **outputs, "meta": json.dumps({"seed": case["seed"], "case": case})}


def backbone_atoms(case):
    """Noisy alanines in random places; the first three are degenerate on purpose."""
    random, n = np.random.RandomState(case["seed"]), case["N"]
    rotation, translation = rotation_of(random_quaternions(random, n)), random_chain(random, n)
    ideal = np.array([[-0.525, 1.363, 0.0], [0.0, 0.0, 0.0], [1.526, 0.0, 0.0]])
    placed = np.einsum("nij,aj->nai", rotation, ideal) + translation[:, None]
    atoms = float16_exact(placed + 0.15 * random.standard_normal((n, 3, 3)))
    atoms[0] = [[-1.5, 0, 0], [0, 0, 0], [1.5, 0, 0]]  # on one line
    atoms[1] = 1  # all in one place
    atoms[2] = [[0, 2, 0], [0, 0, 0], [0, 0, 3]]  # C on the z axis
    degenerate = np.array([0, 1, 2], np.int32)
    return {"n_xyz": atoms[:, 0], "ca_xyz": atoms[:, 1], "c_xyz": atoms[:, 2], "degenerate": degenerate}


def atom37_backbone_frames(inputs):
    n = len(inputs["n_xyz"])
    positions, mask = np.zeros((n, 37, 3), np.float32), np.zeros((n, 37), np.float32)
    positions[:, :3] = np.stack([inputs["n_xyz"], inputs["ca_xyz"], inputs["c_xyz"]], 1)
    mask[:, :3] = 1
    frames = all_atom.atom37_to_frames(jnp.zeros(n, jnp.int32), as_jax(positions), as_jax(mask))
    return np.asarray(frames["rigidgroups_gt_frames"][:, 0])


def r3_rotation(rots):
    return stacked([[rots.xx, rots.xy, rots.xz], [rots.yx, rots.yy, rots.yz], [rots.zx, rots.zy, rots.zz]])
