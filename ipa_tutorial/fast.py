"""Invariant point attention, the same numbers in a fraction of the time and memory, in plain PyTorch.

The softmax over j forgets whatever depends on i alone, and a squared distance is a dot product of longer vectors:

    −½ ‖q − k‖² = (q, −½‖q‖², 1) · (k, 1, −½‖k‖²)

so that all of line 7 is matrix products: scalars, points, and the pair bias W_b z. Value points stand beside the
values, so that lines 9 and 10 are one product too. Without a pair representation, that is
``scaled_dot_product_attention``. With one, the work is reading z, and :mod:`ipa_tutorial.streamed_attention` reads it
as few times as can be.

An expanded square cancels badly: D away from the origin both halves are of size D², and their difference is not. Two
remedies, both cheap. All coordinates are taken from the middle of the protein, which changes nothing and costs no
gradient. And where the protein itself is large, the small product of the points, 3 P + 2 columns, is formed in double
precision, with ‖q‖² in it, so that what must cancel does.
"""

from __future__ import annotations

import math
from functools import wraps

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from .attention import (
    InvariantPointAttention,
    Parts,
    concatenate_heads,
    point_norms,
    point_weight,
    split_scalars,
    term_weight,
)
from .inputs import check_inputs, silence_padding
from .linear import by_onednn
from .rigid import Rigid
from .streamed_attention import FirstDerivative, attend_in_blocks

COMPACT = 16.0  # up to here a float32 logit loses about a millionth to the expanded square


class FastInvariantPointAttention(InvariantPointAttention):
    """:class:`InvariantPointAttention`, fast: same arguments, parameters and results, for training and inference.

    Either of the two loads the other's ``state_dict``. In float32 it is as exact as the textbook form, far from the
    origin more so. ``return_parts=True`` runs the textbook form, as its intermediates are what is saved here. Gradients
    are exact, once: a second derivative raises a RuntimeError.
    """

    @wraps(InvariantPointAttention.__init__)
    def __init__(self, *sizes, **options) -> None:
        super().__init__(*sizes, **options)
        by_onednn(self)

    def forward(
        self,
        single_repr: Tensor,
        pairwise_repr: Tensor | None = None,
        *,
        rotations: Tensor,
        translations: Tensor,
        mask: Tensor | None = None,
        return_parts: bool = False,
    ) -> Tensor | tuple[Tensor, Parts]:
        """As :meth:`InvariantPointAttention.forward`."""
        geometry = dict(rotations=rotations, translations=translations, mask=mask)
        if return_parts:
            return super().forward(single_repr, pairwise_repr, return_parts=True, **geometry)
        check_inputs(self, single_repr, pairwise_repr, rotations, translations, mask)
        if single_repr.numel() == 0:  # an empty batch has no largest logit
            return super().forward(single_repr, pairwise_repr, **geometry)
        s, z, T = single_repr, pairwise_repr, Rigid(rotations, translations)
        if mask is not None:
            s, _, T = silence_padding(s, None, T, mask)  # z is silenced block by block
        wide = torch.promote_types(torch.promote_types(s.dtype, torch.float32), T.dtype)
        H = self.heads
        q, k, v = (split_scalars(to(s), H).to(wide) for to in (self.to_q, self.to_k, self.to_v))  # line 1
        points = [to(s).to(wide) for to in (self.to_q_points, self.to_k_points, self.to_v_points)]  # lines 2–3

        with torch.autocast(s.device.type, enabled=False):
            T = centred(T, mask).to(wide)  # (*, L)
            q_points, k_points, v_points = in_the_world(T, points, H)  # (*, H, L, 3 P) twice, (*, H, L, 3 P_v)
            w_L = term_weight(2 if z is None else 3)
            strength = self.gamma.double() * point_weight(q_points.shape[-1] // 3) * w_L  # (H,)
            q_long, k_long = lengthened(q_points, k_points, strength)  # (*, H, L, 3 P + 2)
            q = q * (w_L / math.sqrt(q.shape[-1]))
            values = torch.cat([v, v_points], dim=-1)  # (*, H, L, c_v + 3 P_v)
            pair_weight = None if z is None else w_L * self.to_pair_bias.weight.to(wide)  # (H, c_z)
            if is_compact(q_long, k_long, mask):  # float32 is enough: one product for scalars and points
                q, k = torch.cat([q, q_long.to(wide)], dim=-1), torch.cat([k, k_long.to(wide)], dim=-1)
                q_long = k_long = None
            if z is None and q_long is None:
                pair_out, out = None, attend_at_once(q, k, values, mask)
            else:
                pair_out, out = attend_in_blocks(q, k, q_long, k_long, values, z, pair_weight, mask)  # lines 7–10
            scalar_out, mean = out.split([v.shape[-1], v_points.shape[-1]], dim=-1)
            point_out = at_home(T, mean)  # (*, H, L, P_v, 3)
            features = concatenate_heads(scalar_out, point_out.flatten(-2), point_norms(point_out, self.eps))  # line 11
            if z is not None:
                features = torch.cat([pair_out.flatten(-2), features], dim=-1)
        if z is not None and self.to_pair_bias.bias is not None:
            features = features + 0 * self.to_pair_bias.bias.sum()  # it shifts all keys alike: no effect, gradient zero
        return self.to_out(features.to(s.dtype))


def centred(T: Rigid, mask: Tensor | None) -> Rigid:
    """The frames ``(*, L)`` seen from the mean of the (real) translations. The attention cannot tell the difference."""
    t = T.translations.double()
    real = t.new_ones(t.shape[:-1]) if mask is None else mask.to(t.dtype)
    count = real.sum(-1, keepdim=True).clamp(min=1)
    middle = (torch.where(real[..., None] > 0, t, 0).sum(-2) / count).detach()  # (*, 3)
    return Rigid(T.rotations, (t - middle[..., None, :]).to(T.dtype))


def in_the_world(T: Rigid, points: list[Tensor], heads: int) -> list[Tensor]:
    """T_i ∘ x for several projections ``(*, L, H·P·3)`` in one product → ``(*, H, L, 3 P)`` each."""
    sizes = [x.shape[-1] // 3 for x in points]
    local = torch.cat(points, dim=-1).unflatten(-1, (-1, 3))  # (*, L, all points, 3)
    world = local @ T.rotations.mT + T.translations[..., None, :]
    return [split_scalars(x.flatten(-2), heads) for x in world.split(sizes, dim=-2)]


def at_home(T: Rigid, points: Tensor) -> Tensor:
    """T_i⁻¹ ∘ x: ``(*, H, L, 3 P)`` → ``(*, H, L, P, 3)``."""
    world = points.unflatten(-1, (-1, 3)).movedim(-4, -3)  # (*, L, H, P, 3)
    home = (world.flatten(-3, -2) - T.translations[..., None, :]) @ T.rotations  # (*, L, H·P, 3)
    return home.unflatten(-2, world.shape[-3:-1]).movedim(-3, -4)


def lengthened(q_points: Tensor, k_points: Tensor, strength: Tensor) -> tuple[Tensor, Tensor]:
    """Vectors whose dot product is −½ strength Σ_p ‖q_i − k_j‖², in float64.

    ``(*, H, L, 3 P)`` twice in the world, strength ``(H,)`` → ``(*, H, L, 3 P + 2)`` twice.
    """
    q, k = q_points.double(), k_points.double()
    one = torch.ones_like(q[..., :1])
    q_long = torch.cat([q, -0.5 * q.square().sum(-1, keepdim=True), one], dim=-1)
    k_long = torch.cat([k, one, -0.5 * k.square().sum(-1, keepdim=True)], dim=-1)
    return q_long * strength[:, None, None], k_long


def is_compact(q_long: Tensor, k_long: Tensor, mask: Tensor | None) -> bool:
    """Whether the square may be expanded in float32: it cancels from numbers of at most the size ``COMPACT``.

    Padding has no say in it, or its contents would be seen in the last digit of real residues.
    """
    largest = torch.maximum(q_long[..., -2].abs(), (q_long[..., -1] * k_long[..., -1]).abs())  # (*, H, L)
    if mask is not None:
        largest = largest.where(mask[..., None, :], 0)
    return bool(largest.amax() <= COMPACT)


def attend_at_once(q: Tensor, k: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Without a pair representation all of lines 7, 9 and 10 is one call: ``(*, H, L, …)`` → ``(*, H, L, e)``."""
    width = max(q.shape[-1], values.shape[-1])  # the fused kernels want one width: zeros change nothing
    fused = [pad(x, (0, width - x.shape[-1])).reshape(-1, *x.shape[-3:-1], width) for x in (q, k, values)]
    seen = None if mask is None else ~(mask[..., :, None] & ~mask[..., None, :])  # (*, L, L)
    seen = None if mask is None else seen.reshape(-1, 1, *seen.shape[-2:])
    out = FirstDerivative.apply(scaled_dot_product_attention(*fused, attn_mask=seen, scale=1.0))
    return out.reshape(*values.shape[:-1], width)[..., : values.shape[-1]]
