"""Softmax attention whose logits contain a pair bias, streamed: no tensor of size L · L · H is ever kept.

The pair representation z, L · L · c_z numbers, is what costs. It is read in blocks of a few rows: a block's logits are
made, turned into weights in place, used for every output, and thrown away. The backward pass makes the weights again,
from the two numbers by which the softmax shifted and divided each row; the logits and the gradient of the weights are
one product with z, and its own gradient is written once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from .inputs import tame_where_padded

BLOCK_BYTES = 8 * 2**20  # of z and of the logits that are held at a time


@torch.compiler.disable
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
