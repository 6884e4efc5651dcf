"""Invariant point attention, the same numbers in a fraction of the time and memory, in plain PyTorch.

The softmax over j forgets whatever depends on i alone, and a squared distance is a dot product of longer vectors:

    −½ ‖q − k‖² = (q, −½‖q‖², 1) · (k, 1, −½‖k‖²)

so that all of line 7 is matrix products: scalars, points, and the pair bias W_b z. Value points stand beside the
values, so that lines 9 and 10 are one product too. Without a pair representation, that is
``scaled_dot_product_attention``. With one, the work is reading z, L · L · c_z
numbers, and it is streamed: read in blocks of a few rows. A block's logits are made, turned into weights in place, used
for every output, and thrown away, so that no tensor of size L · L · H is ever kept. The backward pass makes the weights
again, from the two numbers by which the softmax shifted and divided each row; the logits and the gradient of the
weights are one product with z, and its own gradient is written once.

An expanded square cancels badly: D away from the origin both halves are of size D², and their difference is not. Two
remedies, both cheap. All coordinates are taken from the middle of the protein, which changes nothing and costs no
gradient. And where the protein itself is large, the small product of the points, 3 P + 2 columns, is formed in double
precision, with ‖q‖² in it, so that what must cancel does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import wraps

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from ..attention import (
    InvariantPointAttention,
    Parts,
    concatenate_heads,
    point_norms,
    point_weight,
    split_scalars,
    term_weight,
)
from ..inputs import check_inputs, full_precision, has_float64, silence_padding, tame_where_padded
from ..rigid import Rigid
from .linear import by_onednn, only_multiplies
from .tracing import is_traced, not_compiled

BLOCK_BYTES = 8 * 2**20  # of z and of the logits that are held at a time
COMPACT = 16.0  # up to here a float32 logit loses about a millionth to the expanded square


class FastInvariantPointAttention(InvariantPointAttention):
    """:class:`InvariantPointAttention`, fast: same arguments, parameters and results, for training and inference.

    Either of the two loads the other's ``state_dict``. In float32 it is as exact as the textbook form, far from the
    origin more so. Gradients are exact, once: a second derivative raises a RuntimeError.

    Where the fast form cannot go, the textbook form answers, at its own price: for ``return_parts=True``, whose
    intermediates are what is saved here; under ``torch.func``, forward-mode differentiation, ``torch.export``, a trace,
    and on meta or fake tensors, which have no numbers to look at; where ``to_pair_bias`` is more than a matrix, because
    of an adapter or a hook; and for large proteins on a device without float64. ``torch.compile`` leaves it as it is,
    and refuses it with ``fullgraph=True``: use the textbook class there.
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
        if return_parts or not self._can_be_streamed(single_repr, pairwise_repr, rotations, translations):
            return super().forward(single_repr, pairwise_repr, return_parts=return_parts, **geometry)
        check_inputs(self, single_repr, pairwise_repr, rotations, translations, mask)
        return self._streamed(single_repr, pairwise_repr, Rigid(rotations, translations), mask)

    def _can_be_streamed(self, *inputs: Tensor | None) -> bool:
        """There are numbers to look at, and the weight of ``to_pair_bias`` is all that there is to it."""
        tensors = [x for x in inputs if isinstance(x, Tensor)]
        empty = any(x.numel() == 0 for x in tensors)  # an empty batch has no largest logit
        plain = self.to_pair_bias is None or only_multiplies(self.to_pair_bias)
        return plain and not empty and not is_traced(*tensors, *self.parameters())

    @not_compiled("FastInvariantPointAttention chooses by the numbers in it: use InvariantPointAttention for this")
    def _streamed(self, single_repr: Tensor, z: Tensor | None, T: Rigid, mask: Tensor | None) -> Tensor:
        s = single_repr
        if mask is not None:
            s, _, T = silence_padding(s, None, T, mask)  # z is silenced block by block
        wide = torch.promote_types(torch.promote_types(s.dtype, torch.float32), T.dtype)
        exact = torch.float64 if has_float64(s.device) else wide
        H = self.heads
        q, k, v = (split_scalars(to(s), H).to(wide) for to in (self.to_q, self.to_k, self.to_v))  # line 1
        points = [to(s).to(wide) for to in (self.to_q_points, self.to_k_points, self.to_v_points)]  # lines 2–3

        with full_precision(s.device):
            T = centred(T.to(wide), mask)  # (*, L)
            q_points, k_points, v_points = in_the_world(T, points, H)  # (*, H, L, 3 P) twice, (*, H, L, 3 P_v)
            w_L = term_weight(2 if z is None else 3)
            strength = self.gamma.to(exact) * point_weight(q_points.shape[-1] // 3) * w_L  # (H,)
            q_long, k_long = lengthened(q_points, k_points, strength)  # (*, H, L, 3 P + 2)
            q = q * (w_L / math.sqrt(q.shape[-1]))
            values = torch.cat([v, v_points], dim=-1)  # (*, H, L, c_v + 3 P_v)
            pair_weight = None if z is None else w_L * self.to_pair_bias.weight.to(wide)  # (H, c_z)
            compact = is_compact(q_long, k_long, mask)
            if not compact and exact == torch.float32:  # no device for it: differences instead, before they are squared
                return super().forward(single_repr, z, rotations=T.rotations, translations=T.translations, mask=mask)
            if compact:  # float32 is enough: one product for scalars and points
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
    t = T.translations.detach()
    real = t.new_ones(t.shape[:-1], dtype=torch.bool) if mask is None else mask
    count = real.sum(-1, keepdim=True).clamp(min=1)
    middle = torch.where(real[..., None], t, 0).sum(-2) / count  # (*, 3), and if rounded, then for all alike
    return Rigid(T.rotations, T.translations - middle[..., None, :])


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
    """Vectors whose dot product is −½ strength Σ_p ‖q_i − k_j‖², in the dtype of strength.

    ``(*, H, L, 3 P)`` twice in the world, strength ``(H,)`` → ``(*, H, L, 3 P + 2)`` twice.
    """
    q, k = q_points.to(strength.dtype), k_points.to(strength.dtype)
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


# --- with a pair representation: streamed -----------------------------------------------------------------------------


def attend_in_blocks(
    q: Tensor, k: Tensor, q_long: Tensor | None, k_long: Tensor | None, values: Tensor,
    z: Tensor | None, pair_weight: Tensor | None, mask: Tensor | None,
) -> tuple[Tensor | None, Tensor]:  # fmt: skip
    """Attention with logits q·k + q_long·k_long + pair_weight·z, over ``values`` and over ``z``.

    The middle term is formed in double precision; it and the last may be absent.
    ``(*, H, L, …)`` and ``z (*, L, L, c_z)`` → ``(*, L, H, c_z)`` and ``(*, H, L, e)``.
    """
    *batch, H, L, e = values.shape
    flat = (None if x is None else x.reshape(-1, *x.shape[-3:]).contiguous() for x in (q, k, q_long, k_long, values))
    z = None if z is None else z.reshape(-1, L, L, z.shape[-1])
    mask = None if mask is None or mask.all() else mask.reshape(-1, L)
    pair_out, out = StreamedAttention.apply(*flat, z, pair_weight, mask)
    return None if z is None else pair_out.reshape(*batch, L, H, -1), out.reshape(*batch, H, L, e)


class StreamedAttention(torch.autograd.Function):
    """The attention of :func:`attend_in_blocks`, block of rows by block of rows, each laid out (row, head, key)."""

    @staticmethod
    def forward(ctx, q, k, q_long, k_long, values, z, pair_weight, mask):
        B, H, L, _ = values.shape
        out = torch.empty_like(values)
        pair_out = None if z is None else values.new_empty(B, L, H, z.shape[-1])
        largest, total = values.new_empty(2, B, L, H, 1)  # of each row: logit, and sum of exponentials
        size = rows_of_a_block(z, values)
        a_room, point_room = values.new_empty(size, H, L), room_for_points(q_long, size)
        for b, rows in blocks(B, L, size):
            z_rows = real_rows(z, mask, b, rows, values.dtype)  # (r, L, c_z)
            a = a_room[: rows.stop - rows.start]  # (r, H, L), logits first
            if z is None:
                a.zero_()
            else:
                torch.matmul(pair_weight, z_rows.mT, out=a)  # line 4
            add_products(a, q[b, :, rows], k[b])  # line 7
            add_exactly(a, q_long, k_long, b, rows, point_room)
            hide(a, mask, b, rows)
            torch.amax(a, -1, keepdim=True, out=largest[b, rows])
            torch.sum(a.sub_(largest[b, rows]).exp_(), -1, keepdim=True, out=total[b, rows])
            a.div_(total[b, rows])
            if z is not None:
                torch.matmul(a, z_rows, out=pair_out[b, rows])  # line 8
            out[b, :, rows] = a.transpose(0, 1) @ values[b]  # lines 9 and 10
        ctx.save_for_backward(q, k, q_long, k_long, values, z, pair_weight, mask, largest, total)
        return pair_out, out

    @staticmethod
    def backward(ctx, d_pair_out, d_out):
        refuse_second_derivative()
        q, k, q_long, k_long, values, z, pair_weight, mask, largest, total = ctx.saved_tensors
        B, H, L, _ = values.shape
        d_q, d_k, d_values = (torch.zeros_like(x) for x in (q, k, values))
        d_q_long, d_k_long = (None if x is None else torch.zeros_like(x) for x in (q_long, k_long))
        d_z = None if z is None or not ctx.needs_input_grad[5] else torch.empty_like(z)
        d_pair_weight = None if z is None else torch.zeros_like(pair_weight)
        size = rows_of_a_block(z, values)
        room, point_room = values.new_empty(size, 2 * H, L), room_for_points(q_long, size)
        for b, rows in blocks(B, L, size):
            z_rows = real_rows(z, mask, b, rows, values.dtype)
            both = room[: rows.stop - rows.start]  # (r, 2 H, L)
            a, d_a = both[:, :H], both[:, H:]
            if z is None:
                both.zero_()
            else:
                upper = pair_weight.expand(len(both), -1, -1)  # (r, H, c_z)
                torch.matmul(torch.cat([upper, d_pair_out[b, rows]], dim=1), z_rows.mT, out=both)  # one pass over z
            add_products(a, q[b, :, rows], k[b])
            add_exactly(a, q_long, k_long, b, rows, point_room)
            hide(a, mask, b, rows)
            a.sub_(largest[b, rows]).exp_().div_(total[b, rows])  # the same weights again
            d_a.transpose(0, 1).baddbmm_(d_out[b, :, rows], values[b].mT)
            d_logits = d_a.sub_((a * d_a).sum(-1, keepdim=True)).mul_(a)  # (r, H, L)
            if z is not None:
                d_pair_weight += (d_logits @ z_rows).sum(0)
                if d_z is not None:
                    factors = torch.cat([d_pair_out[b, rows], upper], dim=1)  # (r, 2 H, c_z)
                    fill(d_z[b, rows], both.mT, factors)  # both halves at once
            d_values[b] += a.transpose(0, 1).mT @ d_out[b, :, rows]
            d_logits = d_logits.transpose(0, 1)  # (H, r, L)
            d_q[b, :, rows] = d_logits @ k[b]
            d_k[b] += d_logits.mT @ q[b, :, rows]
            if q_long is not None:
                exact = point_room[:, : len(both)].copy_(d_logits)
                d_q_long[b, :, rows] = exact @ k_long[b]
                d_k_long[b] += exact.mT @ q_long[b, :, rows]
        return d_q, d_k, d_q_long, d_k_long, d_values, d_z, d_pair_weight, None


class FirstDerivative(torch.autograd.Function):
    """Nothing but the refusal: for a fused kernel whose own words about a second derivative would help nobody."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, d_x):
        refuse_second_derivative()
        return d_x


def refuse_second_derivative() -> None:
    """Called in a backward pass, where gradients are enabled only if they are to be differentiated again."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            "FastInvariantPointAttention has no second derivative (create_graph=True): use InvariantPointAttention"
        )


def fill(target: Tensor, a: Tensor, b: Tensor) -> None:
    """a @ b, written where it belongs: without a copy unless the dtype differs."""
    if target.dtype == a.dtype:
        torch.bmm(a, b, out=target)
    else:
        target.copy_(a @ b)


def rows_of_a_block(z: Tensor | None, values: Tensor) -> int:
    H, L = values.shape[1:3]
    numbers = L * (2 * H + (0 if z is None else z.shape[-1]))
    return max(1, min(L, BLOCK_BYTES // (numbers * values.element_size())))


def blocks(B: int, L: int, size: int) -> Iterator[tuple[int, slice]]:
    for b in range(B):
        for start in range(0, L, size):
            yield b, slice(start, min(start + size, L))


def add_products(logits: Tensor, q: Tensor, k: Tensor) -> None:
    """Add q·k to ``logits (r, H, L)``, in place."""
    logits.transpose(0, 1).baddbmm_(q, k.mT)  # (H, r, L)


def add_exactly(
    logits: Tensor, q_long: Tensor | None, k_long: Tensor | None, b: int, rows: slice, room: Tensor | None
) -> None:
    """Add q_long·k_long, formed in double precision, to ``logits (r, H, L)``, in place."""
    if q_long is not None:
        products = torch.bmm(q_long[b, :, rows], k_long[b].mT, out=room[:, : len(logits)])
        logits.transpose(0, 1).add_(products)


def room_for_points(q_long: Tensor | None, rows: int) -> Tensor | None:
    return None if q_long is None else q_long.new_empty(q_long.shape[1], rows, q_long.shape[2])


def real_rows(z: Tensor | None, mask: Tensor | None, b: int, rows: slice, dtype: torch.dtype) -> Tensor | None:
    """Rows of z, ``(r, L, c_z)``, with tame padding."""
    if z is None:
        return None
    z_rows = z[b, rows]
    if mask is not None:
        real = mask[b, rows, None] & mask[b]  # (r, L)
        z_rows = tame_where_padded(z_rows, real[..., None])
    return z_rows.to(dtype)


def hide(logits: Tensor, mask: Tensor | None, b: int, rows: slice) -> None:
    """A real query never looks at padding: ``logits (r, H, L)``, in place."""
    if mask is not None:
        hidden = mask[b, rows, None] & ~mask[b]  # (r, L)
        logits.masked_fill_(hidden[:, None, :], -math.inf)
