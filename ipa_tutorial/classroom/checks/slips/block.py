"""Residual connections and norms: lines 6 to 9 of Algorithm 20; and attention with the padding cut out."""

from __future__ import annotations

import torch
from torch import Tensor

from ....attention import InvariantPointAttention
from ....blocks import IPABlock
from ....rigid import Rigid
from .registry import slip

BLOCK = "blocks.IPABlock.forward"
Mask = Tensor | None


def attended(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask) -> Tensor:
    return layers.attention(x, z, rotations=T.rotations, translations=T.translations, mask=mask)


@slip(BLOCK, "no residual connection around the transition: the second half is a sum, too")
def no_residual_at_the_transition(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    x = layers.attention_norm(x + attended(layers, x, z, T, mask))
    return layers.transition_norm(layers.transition(x))


@slip(BLOCK, "no residual connection around the attention: what the residue knew is thrown away")
def no_residual_at_the_attention(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    x = layers.attention_norm(attended(layers, x, z, T, mask))
    return layers.transition_norm(x + layers.transition(x))


@slip(BLOCK, "the two norms are exchanged: attention_norm belongs to the attention")
def norms_exchanged(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    x = layers.transition_norm(x + attended(layers, x, z, T, mask))
    return layers.attention_norm(x + layers.transition(x))


@slip(BLOCK, "the first norm is missing")
def first_norm_missing(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    x = x + attended(layers, x, z, T, mask)
    return layers.transition_norm(x + layers.transition(x))


@slip(BLOCK, "the second norm is missing")
def second_norm_missing(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    x = layers.attention_norm(x + attended(layers, x, z, T, mask))
    return x + layers.transition(x)


@slip(BLOCK, "no norm at all")
def no_norm_at_all(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    x = x + attended(layers, x, z, T, mask)
    return x + layers.transition(x)


@slip(BLOCK, "the transition is left out")
def transition_left_out(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    return layers.transition_norm(layers.attention_norm(x + attended(layers, x, z, T, mask)))


@slip(BLOCK, "the transition reads what came in, and not what the attention made of it")
def side_by_side(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    y = layers.attention_norm(x + attended(layers, x, z, T, mask))
    return layers.transition_norm(y + layers.transition(x))


@slip(BLOCK, "the second half adds to what came in, and not to what the first half made")
def second_half_adds_to_the_input(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    y = layers.attention_norm(x + attended(layers, x, z, T, mask))
    return layers.transition_norm(x + layers.transition(y))


@slip(BLOCK, "the transition comes first, and the attention after it")
def transition_first(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    x = layers.transition_norm(x + layers.transition(x))
    return layers.attention_norm(x + attended(layers, x, z, T, mask))


@slip(BLOCK, "the mask is not handed to the attention")
def mask_not_handed_on(layers: IPABlock, x: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    x = layers.attention_norm(x + attended(layers, x, z, T, None))
    return layers.transition_norm(x + layers.transition(x))


CUT = "attention among the real residues, by cutting the padding out"


def run(layers: InvariantPointAttention, s: Tensor, z: Tensor, T: Rigid) -> Tensor:
    return layers(s, z, rotations=T.rotations, translations=T.translations)


@slip(CUT, "padding is set to zero and not cut out: a residue of zeros still attracts attention")
def zeroed_instead_of_cut(layers, s: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    if mask is None or not mask.any():
        return run(layers, s, z, T)
    z = z * (mask[:, None] & mask[None, :])[..., None]
    return run(layers, s * mask[:, None], z, T) * mask[:, None]


@slip(CUT, "the frames are not cut: residue and frame no longer belong together")
def frames_not_cut(layers, s: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    if mask is None or not mask.any():
        return run(layers, s, z, T)
    out = torch.zeros_like(s)
    out[mask] = run(layers, s[mask], z[mask][:, mask], T[: int(mask.sum())])
    return out


@slip(CUT, "z is cut in its rows alone: the columns are those of the first residues")
def rows_cut_alone(layers, s: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    if mask is None or not mask.any():
        return run(layers, s, z, T)
    out = torch.zeros_like(s)
    out[mask] = run(layers, s[mask], z[mask][:, : int(mask.sum())], T[mask])
    return out


@slip(CUT, "the first n are taken for real, where the mask says who is")
def first_n_taken(layers, s: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    if mask is None or not mask.any():
        return run(layers, s, z, T)
    out, n = torch.zeros_like(s), int(mask.sum())
    out[:n] = run(layers, s[:n], z[:n, :n], T[:n])
    return out


@slip(CUT, "all is computed and padding set to zero afterwards: by then it has been heard")
def zeroed_afterwards(layers, s: Tensor, z: Tensor, T: Rigid, mask: Mask = None) -> Tensor:
    out = run(layers, s, z, T)
    return out if mask is None or not mask.any() else out * mask[:, None]
