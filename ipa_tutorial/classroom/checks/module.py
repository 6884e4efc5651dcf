"""Algorithm 22 as a whole, and the block around it: the learner's forward pass with somebody else's layers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import MethodType

import torch
from torch import Tensor
from torch.nn import LayerNorm, Linear, Module
from torch.nn.functional import softplus

from ...attention import InvariantPointAttention
from ...blocks import IPABlock
from ...rigid import Rigid, random_rigid
from ..bugs import BUGS
from .attention import (
    distances_point_by_point,
    hidden_one_by_one,
    pair_bias_cut_by_hand,
    points_cut_by_hand,
    scalars_cut_by_hand,
    scaled_products,
    softmax_by_hand,
)
from .collecting import features_joined, pairs_summed, relative_frames_summed, values_summed
from .diagnosis.evidence import Evidence, alike
from .draw import Draw
from .engine import Case, Check
from .frames import moved
from .lines import line_at_fault


def layers(d: Draw, kind: type[Module] = InvariantPointAttention) -> Module:
    """A module of the draw's sizes whose parameters are all random, γ and biases included."""
    sizes = dict(scalar_key_dim=d.c, scalar_value_dim=d.c_v, point_key_dim=d.P, point_value_dim=d.P + 1)
    module = kind(7, heads=d.H, pairwise_repr_dim=d.c_z, bias=True, **sizes).to(d.dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(d.alone(*parameter.shape) / parameter.shape[-1] ** 0.5)
    (module if kind is InvariantPointAttention else module.attention).eps = 0.01  # large enough to be seen
    return module


def refuse(self: InvariantPointAttention, *arguments, **geometry) -> Tensor:
    raise RuntimeError("layers(…) is switched off here: use layers.to_q and the others, and write the rest yourself")


def refuse_a_mask(self: InvariantPointAttention, *arguments, mask: Tensor | None = None, **geometry) -> Tensor:
    if mask is not None:
        raise RuntimeError("layers(…, mask=…) is switched off here: cut the padding out and call it without a mask")
    return type(self).forward(self, *arguments, **geometry)


def inputs(d: Draw, forward: Callable[..., Tensor] = refuse) -> tuple:
    """Layers with their own forward pass replaced, so that nobody has Algorithm 22 done by calling them."""
    module = layers(d)
    module.forward = MethodType(forward, module)
    return module, d.normal(d.L, 7), d.normal(d.L, d.L, d.c_z), d.frames(d.L)


def inputs_to_cut(d: Draw) -> tuple:
    return inputs(d, refuse_a_mask)


def with_masks(inputs: Callable[[Draw], tuple]) -> tuple[Callable[[Draw], Case], ...]:
    """The special cases: some padding, and nothing but padding."""
    return (
        lambda d: Case((*inputs(d), d.mask(d.L)), "with padding"),
        lambda d: Case((*inputs(d), torch.zeros(d.L, dtype=torch.bool)), "all is padding"),
    )


def with_zeros_for_padding(
    attention: InvariantPointAttention, s: Tensor, z: Tensor, T: Rigid, mask: Tensor | None = None
) -> Tensor:
    out = everything_by_hand(attention, s, z, T, mask)
    return out if mask is None else torch.where(mask[..., None], out, 0)


def if_anybody_is_real(
    out: Tensor, layers: InvariantPointAttention, s: Tensor, z: Tensor, T: Rigid, mask=None
) -> Tensor:
    return out if mask is None or mask.any() else torch.zeros_like(out)


def zeros_by_the_package(
    attention: InvariantPointAttention, s: Tensor, z: Tensor, T: Rigid, mask: Tensor | None = None
) -> Tensor:
    out = by_the_package(attention, s, z, T, mask)
    return out if mask is None else torch.where(mask[..., None], out, 0)


def of_the_real(out: Tensor, layers: InvariantPointAttention, s: Tensor, z: Tensor, T: Rigid, mask=None) -> Tensor:
    return out if mask is None else out[mask]


def everything_by_hand(
    attention: InvariantPointAttention, s: Tensor, z: Tensor, T: Rigid, mask: Tensor | None = None
) -> Tensor:
    H, here = attention.heads, T[..., None, :, None]  # (*, 1, L, 1): for every head and point

    def project(layer: Linear, x: Tensor) -> Tensor:
        return x @ layer.weight.to(x.dtype).mT + (layer.bias.to(x.dtype) if layer.bias is not None else 0)

    q, k, v = (scalars_cut_by_hand(project(to, s), H) for to in (attention.to_q, attention.to_k, attention.to_v))
    point_layers = attention.to_q_points, attention.to_k_points, attention.to_v_points
    q_points, k_points, v_points = (points_cut_by_hand(project(to, s), H) for to in point_layers)
    b = pair_bias_cut_by_hand(project(attention.to_pair_bias, z))
    gamma = softplus(attention.raw_gamma.to(s.dtype))
    distance = distances_point_by_point(moved(here, q_points), moved(here, k_points), gamma)
    logits = 3**-0.5 * (scaled_products(q, k) + b + distance)
    a = softmax_by_hand(logits if mask is None else hidden_one_by_one(logits, mask))
    points = relative_frames_summed(a, v_points, T[..., None, :])
    norms = (points.square().sum(-1) + attention.eps).sqrt()
    features = features_joined(pairs_summed(a, z), values_summed(a, v), points.flatten(-2), norms)
    return project(attention.to_out, features)


def by_the_package(
    attention: InvariantPointAttention, s: Tensor, z: Tensor, T: Rigid, mask: Tensor | None = None
) -> Tensor:
    return type(attention).forward(attention, s, z, rotations=T.rotations, translations=T.translations, mask=mask)


check_attention = Check(
    "Algorithm 22, the whole of it",
    "attention.InvariantPointAttention.forward",
    inputs,
    everything_by_hand,
    suspects=(*sorted({bug.where for bug in BUGS.values() if bug.where.startswith("attention.")}), "rigid.Rigid.apply"),
    special=with_masks(inputs),
    view=of_the_real,
    sound=by_the_package,
    names=("layers", "s", "z", "T", "mask"),
    own=(line_at_fault,),
    without=("InvariantPointAttention", "a finished module"),
    elsewhere=False,
)

check_cut_out = Check(
    "attention among the real residues, by cutting the padding out",
    "attention.hide_padding",
    inputs_to_cut,
    with_zeros_for_padding,
    special=with_masks(inputs_to_cut),
    batches=((), (2,)),
    view=if_anybody_is_real,
    sound=zeros_by_the_package,
    names=("layers", "s", "z", "T", "mask"),
)

# --- the block --------------------------------------------------------------------------------------------------------


def normalised_by_hand(layer: LayerNorm, x: Tensor) -> Tensor:
    x = x - x.mean(-1, keepdim=True)
    x = x / (x.square().mean(-1, keepdim=True) + layer.eps).sqrt()
    return x * layer.weight.to(x.dtype) + layer.bias.to(x.dtype)


def block_by_hand(block: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Tensor | None = None) -> Tensor:
    x = normalised_by_hand(block.attention_norm, x + everything_by_hand(block.attention, x, z, T, mask))
    hidden = x
    for layer in block.transition:
        linear = isinstance(layer, Linear)
        hidden = hidden @ layer.weight.to(x.dtype).mT + layer.bias.to(x.dtype) if linear else hidden.clamp(min=0)
    return normalised_by_hand(block.transition_norm, x + hidden)


def padded_block(d: Draw) -> Case:
    return Case((layers(d, IPABlock), *inputs(d)[1:], d.mask(d.L)), "with padding")


PARTS = ("attention_norm", "transition_norm", "transition", "attention")


def what_makes_no_difference(e: Evidence) -> str | None:
    """A part of the block, or an argument, that can be changed without changing the answer."""
    block, x, z, T, *mask = e.arguments
    try:
        before = e.answer(block, x.clone(), z.clone(), T, *mask)
        for name in PARTS:
            other = copy.deepcopy(block)
            for parameter in getattr(other, name).parameters():
                parameter.data = 1.5 * parameter.data + 0.1
            if torch.equal(e.answer(other, x.clone(), z.clone(), T, *mask), before):
                return (
                    f"give {name} other weights, and your answer stays the same: call the layer itself, layers.{name}"
                )
        for name, arguments in {
            "pair representation": (z + 1, T),
            "frames": (z, random_rigid(T.shape, dtype=T.dtype)),
        }.items():
            if torch.equal(e.answer(block, x.clone(), *arguments, *mask), before):
                return f"change the {name}, and your answer stays the same: hand them to the attention"
        for name, last in {"attention": "attention.to_out", "transition": "transition.4"}.items():
            silent = copy.deepcopy(block)
            for parameter in silent.get_submodule(last).parameters():
                parameter.data = 0 * parameter.data
            arguments = silent, x.clone(), z.clone(), T, *mask
            if alike(e.answer(*arguments).double(), e.right(arguments)[0], 1e-6):
                return f"with a silent {name}, one that answers zeros, yours is right: how is its answer taken in?"
    except Exception:
        return None
    return None


def halves(x: Tensor, name: str, part: Callable, called: str, norms: dict[str, Module]) -> Iterator[tuple[str, Tensor]]:
    """The ways to put a part, a norm and a residual connection together, with what is written down for each."""
    inner = part(x)
    yield f"{name} + {called}({name})", x + inner
    yield f"{called}({name})", inner
    for n, norm in norms.items():
        first = norm(x)
        of_first = part(first)
        yield f"{n}({name} + {called}({name}))", norm(x + inner)
        yield f"{name} + {n}({called}({name}))", x + norm(inner)
        yield f"{n}({called}({name}))", norm(inner)
        yield f"{name} + {called}({n}({name}))", x + of_first
        yield f"{n}({name}) + {called}({n}({name}))", first + of_first


def written_out(e: Evidence) -> str | None:
    """Two halves as a learner may have put them together, each with a part, a norm and a sum."""
    block, x, z, T, *mask = e.arguments
    if mask:
        return None
    norms = {"attention_norm": block.attention_norm, "transition_norm": block.transition_norm}
    attend = lambda x: block.attention(x, z, rotations=T.rotations, translations=T.translations)  # noqa: E731
    with torch.no_grad():
        for first, y in halves(x, "x", attend, "attention", norms):
            hidden = block.transition(y)
            skipping = {f"{n}(x + transition(y))": norm(x + hidden) for n, norm in norms.items()}
            for second, out in (*halves(y, "y", block.transition, "transition", norms), *skipping.items()):
                if alike(e.wrong.got, out.double(), 1e-6):
                    return f"yours is y = {first} and then {second}, where it should be y = attention_norm(x + \
attention(x)) and then transition_norm(y + transition(y))"
    return None


check_block = Check(
    "Algorithm 20, lines 6 to 9: residual connections and norms",
    "blocks.IPABlock.forward",
    lambda d: (layers(d, IPABlock), *inputs(d)[1:]),
    block_by_hand,
    special=(padded_block,),
    batches=((), (2,)),
    view=lambda out, layers, x, z, T, mask=None: out if mask is None else out[mask],
    sound=by_the_package,
    elsewhere=False,
    own=(written_out, what_makes_no_difference),
    names=("layers", "x", "z", "T", "mask"),
)
