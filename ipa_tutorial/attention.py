"""Invariant point attention: Algorithm 22 of AlphaFold 2, one function for each line or pair of lines.

Lay the supplement of Jumper et al. 2021 beside :meth:`InvariantPointAttention.forward`: the same twelve lines, in the
same order. The functions above the class are those lines, on plain tensors. Heads come before residues in every shape:
``*`` any batch axes, ``H`` heads, ``L`` residues, ``c`` channels, ``P`` points; lengths are nanometres.

Where AlphaFold's own code departs from the paper's text:

* its linear layers carry biases, the paper writes LinearNoBias (``bias`` chooses);
* it stores the output features as o, o⃗ (x, y, z apart), ‖o⃗‖, õ; here they stand in the order of line 11, and
  :func:`ipa_tutorial.alphafold.load_ipa` re-orders the weights;
* it masks by adding −10⁵ to the logits, which costs padded rows their float32 digits; here padding is excluded exactly;
* the norm of line 11 has an ε under the root (``eps``), without which its gradient at zero is NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from .inputs import check_inputs, full_precision, silence_padding
from .rigid import Rigid


def split_scalars(x: Tensor, heads: int) -> Tensor:
    """Line 1: cut a projection into heads. ``(*, L, H·c)`` → ``(*, H, L, c)``."""
    return x.unflatten(-1, (heads, -1)).movedim(-2, -3)


def split_points(x: Tensor, heads: int) -> Tensor:
    """Lines 2–3: read a projection as points, x y z side by side. ``(*, L, H·P·3)`` → ``(*, H, L, P, 3)``."""
    return x.unflatten(-1, (heads, -1, 3)).movedim(-3, -4)


def split_pair_bias(b: Tensor) -> Tensor:
    """Line 4: one number for each head and pair. ``(*, L, L, H)`` → ``(*, H, L, L)``."""
    return b.movedim(-1, -3)


def point_weight(point_key_dim: int) -> float:
    """Line 5: w_C = √(2 / (9 N_query_points)). See :func:`point_logits` for what it balances.

    A pair of points with coordinates from N(0, 1) contributes Var[½‖k‖² − q·k] = 3/2 + 3 = 9/2. (½‖q‖² is the same for
    every key j, so the softmax never sees it: hence 9/2 and not 6.) P points make 9P/2, and w_C is one over its root.
    """
    return math.sqrt(2 / (9 * point_key_dim))


def term_weight(terms: int) -> float:
    """Line 6: w_L = √(1 / terms): three logit terms of variance one, or two without a pair representation."""
    return math.sqrt(1 / terms)


def inverse_softplus(y: float) -> float:
    """The x with log(1 + eˣ) = y: for y = 1 it is log(e − 1), from which γ = softplus(x) starts."""
    return math.log(math.expm1(y))


def scalar_logits(q: Tensor, k: Tensor) -> Tensor:
    """Line 7, first term: q·k / √c. ``(*, H, L, c)`` twice → ``(*, H, L, L)``, query i then key j."""
    return q @ k.mT / math.sqrt(q.shape[-1])


def point_logits(q_points: Tensor, k_points: Tensor, gamma: Tensor) -> Tensor:
    """Line 7, last term: −½ γ w_C Σ_p ‖q_i − k_j‖², with the points already in the world: T_i ∘ q and T_j ∘ k.

    ``(*, H, L, P, 3)`` twice, ``gamma`` ``(H,)`` → ``(*, H, L, L)``. Differences are formed before they are squared, so
    that a far-away origin costs as few digits as it can.
    """
    difference = q_points[..., :, None, :, :] - k_points[..., None, :, :, :]  # (*, H, L, L, P, 3)
    squared_distance = difference.square().sum((-1, -2))  # (*, H, L, L)
    return -0.5 * gamma[:, None, None] * point_weight(q_points.shape[-2]) * squared_distance


def weighted_sum(w_L: float, *terms: Tensor) -> Tensor:
    """Line 7: w_L times the sum of the terms, each ``(*, H, L, L)``."""
    return w_L * sum(terms)


def hide_padding(logits: Tensor, mask: Tensor) -> Tensor:
    """A real query never looks at padding. ``logits (*, H, L, L)``, ``mask (*, L)`` True = real.

    −∞ is safe here: a real query can always see itself, so no row is ever empty. The rows of padded queries stay as
    they are (finite; AlphaFold's constant −10⁵ cancels in them too), and nobody reads them.
    """
    hidden = mask[..., :, None] & ~mask[..., None, :]  # (*, L, L)
    return logits.masked_fill(hidden[..., None, :, :], -math.inf)


def attention_weights(logits: Tensor) -> Tensor:
    """Line 7: a = softmax_j, so that what query i gives to all keys j adds up to one. ``(*, H, L, L)``."""
    return logits.softmax(dim=-1)


def attend_pairs(weights: Tensor, pairwise_repr: Tensor) -> Tensor:
    """Line 8: õ_i = Σ_j a_ij z_ij. ``(*, H, L, L)`` and ``(*, L, L, c_z)`` → ``(*, H, L, c_z)``."""
    return torch.einsum("...hij,...ijc->...hic", weights, pairwise_repr)


def attend_scalars(weights: Tensor, v: Tensor) -> Tensor:
    """Line 9: o_i = Σ_j a_ij v_j. ``(*, H, L, L)`` and ``(*, H, L, c_v)`` → ``(*, H, L, c_v)``."""
    return weights @ v


def attend_points(weights: Tensor, v_points: Tensor, frames: Rigid) -> Tensor:
    """Line 10: o⃗_i = T_i⁻¹ ∘ Σ_j a_ij (T_j ∘ v⃗_j): mean in the world, then home into the frame of residue i.

    ``weights (*, H, L, L)``, ``v_points (*, H, L, P, 3)`` local, ``frames (*, 1, L)`` → ``(*, H, L, P, 3)`` local.
    """
    world = frames.apply(v_points)  # (*, H, L, P, 3)
    mean = torch.einsum("...hij,...hjpx->...hipx", weights, world)  # (*, H, L, P, 3)
    return frames.invert_apply(mean)


def point_norms(points: Tensor, eps: float) -> Tensor:
    """Line 11, ‖o⃗‖ = √(x² + y² + z² + ε). ``(*, H, L, P, 3)`` → ``(*, H, L, P)``.

    The slope of √ at zero is infinite: ε keeps the gradient finite when a point comes home to its own origin.
    """
    return (points.square().sum(-1) + eps).sqrt()


def concatenate_heads(*outputs: Tensor) -> Tensor:
    """Line 11: each ``(*, H, L, …)`` → ``(*, L, H·…)``, then side by side in the order given."""
    return torch.cat([o.movedim(-3, -2).flatten(-2) for o in outputs], dim=-1)


@dataclass(frozen=True)
class Parts:
    """Every named intermediate of one pass through Algorithm 22 (None where there is no pair representation)."""

    q: Tensor  # line 1   (*, H, L, c)
    k: Tensor  # line 1   (*, H, L, c)
    v: Tensor  # line 1   (*, H, L, c_v)
    q_points: Tensor  # line 2   (*, H, L, P, 3), in the frame of its own residue
    k_points: Tensor  # line 2   (*, H, L, P, 3), likewise
    v_points: Tensor  # line 3   (*, H, L, P_v, 3), likewise
    gamma: Tensor  # γ, (H,)
    w_C: float  # line 5
    w_L: float  # line 6
    scalar_logits: Tensor  # line 7, the terms inside the bracket, before w_L and mask: (*, H, L, L)
    pair_logits: Tensor | None  # line 4 and 7, b
    point_logits: Tensor  # line 7, with its sign, γ and w_C
    logits: Tensor  # what the softmax sees, (*, H, L, L): w_L times the sum, −∞ at hidden keys
    weights: Tensor  # line 7, a   (*, H, L, L)
    pair_out: Tensor | None  # line 8, õ  (*, H, L, c_z)
    scalar_out: Tensor  # line 9, o  (*, H, L, c_v)
    point_out: Tensor  # line 10, o⃗ (*, H, L, P_v, 3), in the frame of the query
    point_norms: Tensor  # line 11, ‖o⃗‖ (*, H, L, P_v)
    features: Tensor  # line 11, the concatenation (*, L, …)


class InvariantPointAttention(nn.Module):
    """Algorithm 22: attention between residues that have a place and an orientation in space.

    The output does not change when all frames are moved together, ``T_i → G ∘ T_i``. In parentheses below: the
    supplement's and OpenFold's names.

    Args:
        dim: channels of the single representation and of the output (c_s).
        heads: N_head (no_heads).
        scalar_key_dim, scalar_value_dim: c for q and k, and for v (c_hidden).
        point_key_dim, point_value_dim: N_query_points (no_qk_points), N_point_values (no_v_points).
        pairwise_repr_dim: channels of the pair representation (c_z); None: same as ``dim``.
        require_pairwise_repr: False builds the variant with two logit terms, w_L = √(1/2), lines 4 and 8 left out.
        bias: biases in the projections of lines 1–4, as in AlphaFold's code; False: the paper's LinearNoBias. The
            output layer of line 11 has one in both.
        eps: under the root of line 11, in nm². AlphaFold uses 1e-8.

    Linear layers start with variance 1/fan_in, so that inputs of variance one give logit terms of variance one.
    """

    def __init__(
        self,
        dim: int,
        heads: int = 12,
        scalar_key_dim: int = 16,
        scalar_value_dim: int = 16,
        point_key_dim: int = 4,
        point_value_dim: int = 8,
        pairwise_repr_dim: int | None = None,
        require_pairwise_repr: bool = True,
        bias: bool = False,
        eps: float = 1e-8,
    ) -> None:
        super().__init__()
        pairwise_repr_dim = dim if pairwise_repr_dim is None else pairwise_repr_dim
        sizes = dict(dim=dim, heads=heads, scalar_key_dim=scalar_key_dim, scalar_value_dim=scalar_value_dim)
        sizes |= dict(point_key_dim=point_key_dim, point_value_dim=point_value_dim)
        for name, size in (sizes | dict(pairwise_repr_dim=pairwise_repr_dim)).items():
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {size!r}")
        if not 0 <= eps < math.inf:
            raise ValueError(f"eps must be a number of nm² of at least 0, got {eps!r}")
        self.dim, self.heads, self.eps = dim, heads, eps
        self.pairwise_repr_dim = pairwise_repr_dim if require_pairwise_repr else None

        self.to_q = nn.Linear(dim, heads * scalar_key_dim, bias=bias)
        self.to_k = nn.Linear(dim, heads * scalar_key_dim, bias=bias)
        self.to_v = nn.Linear(dim, heads * scalar_value_dim, bias=bias)
        self.to_q_points = nn.Linear(dim, heads * point_key_dim * 3, bias=bias)
        self.to_k_points = nn.Linear(dim, heads * point_key_dim * 3, bias=bias)
        self.to_v_points = nn.Linear(dim, heads * point_value_dim * 3, bias=bias)
        self.to_pair_bias = nn.Linear(pairwise_repr_dim, heads, bias=bias) if require_pairwise_repr else None
        self.raw_gamma = nn.Parameter(torch.full((heads,), inverse_softplus(1.0)))  # γ = softplus(raw_gamma) = 1
        channels_of_a_head = scalar_value_dim + 4 * point_value_dim + (self.pairwise_repr_dim or 0)
        self.to_out = nn.Linear(heads * channels_of_a_head, dim)
        for layer in self.children():
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    @property
    def gamma(self) -> Tensor:
        """γ, the positive weight of the point term in each head, ``(H,)``."""
        return softplus(self.raw_gamma)

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
        """One pass: ``(*, L, dim)`` in, ``(*, L, dim)`` out.

        Args:
            single_repr: s, ``(*, L, dim)``.
            pairwise_repr: z, ``(*, L, L, pairwise_repr_dim)``; absent when built with ``require_pairwise_repr=False``.
            rotations, translations: the frames T, ``(*, L, 3, 3)`` and ``(*, L, 3)`` in nm.
            mask: boolean ``(*, L)``, True = a real residue; None: all are real. Padding never influences a real
                residue, whatever it holds, NaN included. Rows of padded residues are finite and mean nothing.
            return_parts: also return every intermediate as :class:`Parts`.

        Between the projections and the output layer everything is computed in at least float32, also under autocast
        and in a half-precision module.

        Raises:
            TypeError, ValueError: naming the argument, what was expected and what came.
        """
        check_inputs(self, single_repr, pairwise_repr, rotations, translations, mask)
        T = Rigid(rotations, translations)
        s, z = single_repr, pairwise_repr
        if mask is not None:
            s, z, T = silence_padding(s, z, T, mask)

        wide = torch.promote_types(torch.promote_types(s.dtype, torch.float32), T.dtype)
        q, k, v = (split_scalars(to(s), self.heads).to(wide) for to in (self.to_q, self.to_k, self.to_v))  # line 1
        q_points = split_points(self.to_q_points(s), self.heads).to(wide)  # line 2
        k_points = split_points(self.to_k_points(s), self.heads).to(wide)  # line 2
        v_points = split_points(self.to_v_points(s), self.heads).to(wide)  # line 3
        b = None if z is None else split_pair_bias(self.to_pair_bias(z)).to(wide)  # line 4

        with full_precision(s.device):
            T = T[..., None, :].to(wide)  # (*, 1, L): every head uses the same frames
            gamma = self.gamma.to(wide)
            w_C = point_weight(q_points.shape[-2])  # line 5, applied in point_logits
            w_L = term_weight(2 if b is None else 3)  # line 6
            qk = scalar_logits(q, k)
            distance = point_logits(T.apply(q_points), T.apply(k_points), gamma)
            logits = weighted_sum(w_L, qk, distance) if b is None else weighted_sum(w_L, qk, b, distance)
            if mask is not None:
                logits = hide_padding(logits, mask)
            a = attention_weights(logits)  # line 7

            pair_out = None if z is None else attend_pairs(a, z.to(wide))  # line 8
            scalar_out = attend_scalars(a, v)  # line 9
            point_out = attend_points(a, v_points, T)  # line 10
            norms = point_norms(point_out, self.eps)
            outputs = [scalar_out, point_out.flatten(-2), norms]
            features = concatenate_heads(*outputs if z is None else [pair_out, *outputs])  # line 11

        out = self.to_out(features.to(s.dtype))  # lines 11–12
        if not return_parts:
            return out
        return out, Parts(q, k, v, q_points, k_points, v_points, gamma, w_C, w_L, qk, b, distance, logits, a,
                          pair_out, scalar_out, point_out, norms, features)  # fmt: skip
