"""AlphaFold 2's own parameters, by its Haiku names and in its layouts, loaded into our modules.

``params`` maps names like ``…/invariant_point_attention/q_scalar//weights`` to NumPy arrays, exactly as in the
published ``params_model_*.npz``. What has to be rearranged, and why a plain copy would be silent nonsense:

* Haiku stores ``weights`` as [in, out], torch as [out, in];
* k and v come out of one layer, inside every head first k, then v;
* points are stored x | y | z in three chunks over all heads (AlphaFold-Multimer: three chunks inside each head), ours
  have x, y, z side by side;
* the last layer reads o | x | y | z | norms | õ; ours reads õ | o | o⃗ | ‖o⃗‖ as line 11 is written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .attention import InvariantPointAttention
from .structure_module import StructureModule

Params = Mapping[str, object]  # of NumPy arrays, as np.load hands them out


def load_ipa(attention: InvariantPointAttention, params: Params, prefix: str = "") -> None:
    """Copy AlphaFold's invariant point attention into ``attention``, in place. Monomer and Multimer layouts.

    Args:
        attention: built with AlphaFold's sizes and ``bias=True``. For Multimer, which has no ε but a floor of 1e-16
            under the root of line 11, build it with ``eps=1e-16``.
        params: Haiku names → arrays; extra entries are welcome.
        prefix: start of the names to look at, needed only when ``params`` holds several such modules, for example
            ``"alphafold/alphafold_iteration/structure_module/"``.

    Raises:
        TypeError: ``attention`` is not an InvariantPointAttention.
        ValueError: no such module or several under the prefix, a missing array, a shape that does not fit, numbers that
            are not real and finite, or a bias that ``attention`` has no place for. Nothing has been written then.
    """
    if not isinstance(attention, InvariantPointAttention):
        raise TypeError(f"attention must be an InvariantPointAttention, got {type(attention).__name__}")
    if attention.to_pair_bias is None:
        raise ValueError(
            "attention must be built with require_pairwise_repr=True: AlphaFold's has a pair representation"
        )
    root = find_module(params, "trainable_point_weights", prefix)
    multimer = f"{root}/q_scalar_projection//weights" in params
    projections = _multimer_projections if multimer else _monomer_projections
    layers = projections(attention, params, root)
    layers["to_pair_bias"] = _affine(params, f"{root}/attention_2d", (attention.heads,))  # (in + 1, H)
    layers["to_out"] = _output_layer(attention, params, root)
    gamma = _array(params, f"{root}//trainable_point_weights", (attention.heads,))

    for name, affine in layers.items():  # check everything before anything is written
        _check_fit(getattr(attention, name), affine, f"attention.{name}")
    for name, affine in layers.items():
        copy_affine(getattr(attention, name), affine)
    with torch.no_grad():
        attention.raw_gamma.copy_(gamma)


def find_module(params: Params, array: str, prefix: str) -> str:
    """The one module below ``prefix`` that owns an array of this name: ``"a/b"`` for ``"a/b//array"``."""
    if not isinstance(params, Mapping):
        raise TypeError(f"params must map Haiku names to arrays, got {type(params).__name__}")
    found = sorted(name.removesuffix(f"//{array}") for name in params if name.endswith(f"//{array}"))
    found = [module for module in found if module.startswith(prefix)]
    if len(found) != 1:
        what = f"none of the {len(params)} names" if not found else f"{len(found)} of them: {', '.join(found)}"
        raise ValueError(f"params must hold one '…//{array}' under the prefix {prefix!r}, found {what}")
    return found[0]


# Each function below returns "affine" arrays: the weights [in, …] with the bias [1, …] as one more row, so that
# whatever re-orders the outputs re-orders both.


def _monomer_projections(attention: InvariantPointAttention, params: Params, root: str) -> dict[str, Tensor]:
    H, c, c_v, P, P_v = _sizes(attention)
    q = _affine(params, f"{root}/q_scalar", (H, c))
    kv = _affine(params, f"{root}/kv_scalar", (H, c + c_v))
    q_points = _affine(params, f"{root}/q_point_local", (3, H, P))
    kv_points = _affine(params, f"{root}/kv_point_local", (3, H, P + P_v))
    side_by_side = (0, 2, 3, 1)  # (in + 1, xyz, H, P) -> (in + 1, H, P, xyz)
    return {
        "to_q": q,
        "to_k": kv[..., :c],
        "to_v": kv[..., c:],
        "to_q_points": q_points.permute(side_by_side),
        "to_k_points": kv_points[..., :P].permute(side_by_side),
        "to_v_points": kv_points[..., P:].permute(side_by_side),
    }


def _multimer_projections(attention: InvariantPointAttention, params: Params, root: str) -> dict[str, Tensor]:
    H, c, c_v, P, P_v = _sizes(attention)
    layers = {}
    for letter, channels, points in (("q", c, P), ("k", c, P), ("v", c_v, P_v)):
        weights = _array(params, f"{root}/{letter}_scalar_projection//weights", (None, H, channels))
        layers[f"to_{letter}"] = torch.cat([weights, torch.zeros_like(weights[:1])])  # no bias: a row of zeros
        affine = _affine(params, f"{root}/{letter}_point_projection/point_projection", (H, 3 * points))
        layers[f"to_{letter}_points"] = affine.reshape(-1, H, 3, points).transpose(-1, -2)  # (in + 1, H, P, xyz)
    return layers


def _output_layer(attention: InvariantPointAttention, params: Params, root: str) -> Tensor:
    """Line 11's linear layer with its input rows in our order, then its bias: ``(features + 1, dim)``."""
    H, _, c_v, _, P_v = _sizes(attention)
    affine = _affine(params, f"{root}/output_projection", (attention.dim,))
    features, bias = affine[:-1], affine[-1:]
    expected = attention.to_out.in_features
    if len(features) != expected:
        raise ValueError(
            f"'{root}/output_projection//weights' must have {expected} rows for this attention's sizes, "
            f"got {len(features)}"
        )
    scalar, points, norms, pair = features.tensor_split([H * c_v, H * (c_v + 3 * P_v), H * (c_v + 4 * P_v)])
    points = points.reshape(3, H * P_v, -1).transpose(0, 1).reshape(3 * H * P_v, -1)  # x | y | z -> xyz side by side
    return torch.cat([pair, scalar, points, norms, bias])


def _sizes(attention: InvariantPointAttention) -> tuple[int, int, int, int, int]:
    """H, c, c_v, P, P_v."""
    H = attention.heads
    scalars = (layer.out_features // H for layer in (attention.to_q, attention.to_v))
    points = (layer.out_features // H // 3 for layer in (attention.to_q_points, attention.to_v_points))
    return H, *scalars, *points


def _affine(params: Params, module: str, outputs: tuple[int, ...]) -> Tensor:
    """Weights and bias of a Haiku linear layer in one array ``(in + 1, *outputs)``, the bias last."""
    size = math.prod(outputs)
    weights, bias = (_array(params, f"{module}//{name}") for name in ("weights", "bias"))
    if weights.ndim < 2 or weights[0].numel() != size or bias.numel() != size:
        raise ValueError(
            f"'{module}' must have {size} = {' x '.join(map(str, outputs))} outputs for this module's sizes, "
            f"got weights {tuple(weights.shape)} and bias {tuple(bias.shape)}"
        )
    return torch.cat([weights.reshape(-1, *outputs), bias.reshape(1, *outputs)])


def _array(params: Params, name: str, shape: tuple[int | None, ...] | None = None) -> Tensor:
    if name not in params:
        raise ValueError(f"params must hold {name!r}, which is missing")
    dtype = getattr(params[name], "dtype", type(params[name]).__name__)
    try:
        array = torch.tensor(params[name])
    except (TypeError, ValueError):  # letters, or objects
        array = None
    if array is None or array.is_complex() or array.dtype == torch.bool:
        raise ValueError(f"{name!r} must hold real numbers, got an array of {dtype}")
    if not array.float().isfinite().all():
        raise ValueError(f"{name!r} must hold finite numbers, got NaN, infinity or something too large for float32")
    if shape is not None:
        fits = array.ndim == len(shape) and all(
            want in (None, got) for want, got in zip(shape, array.shape, strict=True)
        )
        if not fits:
            wanted = tuple("*" if size is None else size for size in shape)
            raise ValueError(f"{name!r} must have shape {wanted} for this module's sizes, got {tuple(array.shape)}")
    return array


def _check_fit(layer: nn.Linear, affine: Tensor, name: str) -> None:
    if len(affine) - 1 != layer.in_features:
        raise ValueError(f"{name} has {layer.in_features} inputs, AlphaFold's array has {len(affine) - 1}")
    if layer.bias is None and affine[-1].any():
        raise ValueError(f"{name} has no bias, but AlphaFold's layer has one: build the module with bias=True")


def copy_affine(layer: nn.Linear, affine: Tensor) -> None:
    """Write an array ``(in + 1, …)`` of weights and bias into a torch layer."""
    flat = affine.reshape(len(affine), -1)  # (in + 1, out)
    with torch.no_grad():
        layer.weight.copy_(flat[:-1].mT)
        if layer.bias is not None:
            layer.bias.copy_(flat[-1])


def load_structure_module(module: StructureModule, params: Params, prefix: str = "") -> None:
    """Copy AlphaFold's structure module (monomer) into ``module``, in place.

    Arguments and errors are those of :func:`load_ipa`; the attention must have been built with ``bias=True``. The one
    set of ``fold_iteration`` weights serves every iteration, so that ``depth`` may differ from AlphaFold's.
    """
    if not isinstance(module, StructureModule):
        raise TypeError(f"module must be a StructureModule, got {type(module).__name__}")
    if module.pair_norm is None:
        raise ValueError("module must be built with a pairwise_repr_dim: AlphaFold's has a pair representation")
    iteration = find_module(params, "trainable_point_weights", prefix).rpartition("/")[0]
    root = iteration.rpartition("/")[0]
    block, torsion = module.block, module.torsion_angles
    sidechain = f"{iteration}/rigid_sidechain"
    linears = {
        f"{root}/initial_projection": module.initial_projection,
        f"{iteration}/transition": block.transition[0],
        f"{iteration}/transition_1": block.transition[2],
        f"{iteration}/transition_2": block.transition[4],
        f"{iteration}/affine_update": module.update.to_update,
        f"{sidechain}/input_projection": torsion.from_single,
        f"{sidechain}/input_projection_1": torsion.from_initial,
        f"{sidechain}/resblock1": torsion.residual[0][1],
        f"{sidechain}/resblock2": torsion.residual[0][3],
        f"{sidechain}/resblock1_1": torsion.residual[1][1],
        f"{sidechain}/resblock2_1": torsion.residual[1][3],
        f"{sidechain}/unnormalized_angles": torsion.to_angles,
    }
    norms = {
        f"{root}/single_layer_norm": module.single_norm,
        f"{root}/pair_layer_norm": module.pair_norm,
        f"{iteration}/attention_layer_norm": block.attention_norm,
        f"{iteration}/transition_layer_norm": block.transition_norm,
    }
    affines = {name: _affine(params, name, (layer.out_features,)) for name, layer in linears.items()}
    for name, affine in affines.items():
        _check_fit(linears[name], affine, f"the layer for '{name}'")
    scales = {name: _array(params, f"{name}//scale", tuple(norm.weight.shape)) for name, norm in norms.items()}
    offsets = {name: _array(params, f"{name}//offset", tuple(norm.bias.shape)) for name, norm in norms.items()}

    load_ipa(block.attention, params, prefix)
    for name, affine in affines.items():
        copy_affine(linears[name], affine)
    with torch.no_grad():
        for name, norm in norms.items():
            norm.weight.copy_(scales[name])
            norm.bias.copy_(offsets[name])
