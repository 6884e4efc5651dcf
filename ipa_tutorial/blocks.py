"""From one attention to a stack of them that moves its own frames: block, backbone update (Algorithm 23), transformer.

A layer reads the frames, changes the single representation, and from it writes a small motion of each residue in that
residue's own axes, ``T_i → T_i ∘ U_i``. Because the motion is local and composes on the right, a global motion on the
left passes through: ``(G T_i) U_i = G (T_i U_i)``. So the stack is equivariant at any depth.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from .attention import InvariantPointAttention
from .inputs import check_mask, require_tensor, silence_padding
from .quaternion import normalise_quaternion, quaternion_multiply, quaternion_to_rotation
from .rigid import Rigid


class IPABlock(nn.Module):
    """Attention and a small network for each residue, both with a residual connection and layer norm.

    With the default ``post_norm`` these are lines 6–9 of Algorithm 20: s ← LN(dropout(s + IPA(s))), then
    s ← LN(dropout(s + transition(s))). With ``post_norm=False`` the norm stands before each of the two instead.
    The last layer of each begins at zero, as AlphaFold's do: a fresh block passes s on, normalised at most.

    Args:
        dim: channels of the single representation.
        ff_mult: width of the transition, in units of ``dim``.
        ff_num_layers: linear layers of the transition, with ReLU between.
        post_norm: norm after (True) or before (False) attention and transition.
        post_attn_dropout, post_ff_dropout: dropout after the residual addition of attention and transition.
        attention: which form, the textbook's or :class:`~ipa_tutorial.fast.attention.FastInvariantPointAttention`.
        attention_options: passed on to it.
    """

    def __init__(
        self,
        dim: int,
        ff_mult: int = 1,
        ff_num_layers: int = 3,
        post_norm: bool = True,
        post_attn_dropout: float = 0.0,
        post_ff_dropout: float = 0.0,
        attention: type[InvariantPointAttention] = InvariantPointAttention,
        **attention_options,
    ) -> None:
        super().__init__()
        self.post_norm = post_norm
        self.attention = attention(dim, **attention_options)
        self.attention_norm = nn.LayerNorm(dim)
        self.attention_dropout = nn.Dropout(post_attn_dropout)
        self.transition = transition(dim, ff_mult, ff_num_layers)
        self.transition_norm = nn.LayerNorm(dim)
        self.transition_dropout = nn.Dropout(post_ff_dropout)
        begin_at_zero(self.attention.to_out)
        begin_at_zero(self.transition[-1])

    def forward(
        self,
        x: Tensor,
        pairwise_repr: Tensor | None = None,
        *,
        rotations: Tensor,
        translations: Tensor,
        mask: Tensor | None = None,
    ) -> Tensor:
        """``x (*, L, dim)`` → ``(*, L, dim)``; the other arguments as in :class:`InvariantPointAttention`."""
        geometry = dict(rotations=rotations, translations=translations, mask=mask)
        if self.post_norm:
            x = self.attention_norm(self.attention_dropout(x + self.attention(x, pairwise_repr, **geometry)))
            return self.transition_norm(self.transition_dropout(x + self.transition(x)))
        x = self.attention_dropout(x + self.attention(self.attention_norm(x), pairwise_repr, **geometry))
        return self.transition_dropout(x + self.transition(self.transition_norm(x)))


def transition(dim: int, ff_mult: int, ff_num_layers: int) -> nn.Sequential:
    """``ff_num_layers`` linear layers with ReLU between, ``dim`` → ``ff_mult · dim`` → … → ``dim``."""
    if ff_num_layers < 1 or ff_mult < 1:
        raise ValueError(f"ff_num_layers and ff_mult must be at least 1, got {ff_num_layers} and {ff_mult}")
    widths = [dim, *[ff_mult * dim] * (ff_num_layers - 1), dim]
    layers = []
    for into, out in pairwise(widths):
        layers += [nn.Linear(into, out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def begin_at_zero(layer: nn.Linear) -> None:
    """A last layer of zeros: a fresh network then changes nothing, and learns from there."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


class BackboneUpdate(nn.Module):
    """Algorithm 23: a small motion for each residue, in the residue's own frame.

    Three numbers b, c, d turn and three t push: the quaternion is (1, b, c, d), normalised. The fixed 1 makes zero mean
    "stay as you are", and no output can turn a residue by half a turn or more. Begins at zero.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.to_update = nn.Linear(dim, 6)  # line 1
        begin_at_zero(self.to_update)

    def forward(self, single_repr: Tensor) -> Rigid:
        """``(*, L, dim)`` → the updates U, a :class:`Rigid` of shape ``(*, L)``, nm. Apply them by ``T @ U``."""
        quaternions, translations = self.quaternion_and_translation(single_repr)
        return Rigid(quaternion_to_rotation(quaternions), translations)  # lines 3–4

    def quaternion_and_translation(self, single_repr: Tensor) -> tuple[Tensor, Tensor]:
        """The same update as unit quaternions ``(*, L, 4)`` and translations ``(*, L, 3)``, nm."""
        bcd, t = self.to_update(single_repr).chunk(2, dim=-1)  # line 1
        one = torch.ones_like(bcd[..., :1])
        return normalise_quaternion(torch.cat([one, bcd], dim=-1)), t  # line 2


def compose_update(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    """Line 10 of Algorithm 20, T ∘ U, on unit quaternions ``(*, 4)`` and translations ``(*, 3)``.

    The residue is pushed along its own axes, as they are before the update, and turned about them.
    """
    pushed = Rigid(quaternion_to_rotation(q), t).apply(t_update)  # t + R t_update
    turned = normalise_quaternion(quaternion_multiply(q, q_update))  # R ∘ R_update
    return turned, pushed


class IPATransformer(nn.Module):
    """A stack of :class:`IPABlock`, each followed by a backbone update: SE(3)-equivariant at any depth.

    Args:
        dim: channels of the single representation.
        depth: number of blocks, each with its own weights.
        num_tokens: with a number, ``forward`` takes integer tokens ``(*, L)`` below it instead of a representation.
        predict_points: return one point for each residue instead of representation and frames.
        detach_rotations: no gradient flows back through the rotations that a layer starts from, as in AlphaFold.
        block_options: passed on to :class:`IPABlock`.
    """

    def __init__(
        self,
        dim: int,
        depth: int,
        num_tokens: int | None = None,
        predict_points: bool = False,
        detach_rotations: bool = True,
        **block_options,
    ) -> None:
        super().__init__()
        if not isinstance(depth, int) or depth < 1:
            raise ValueError(f"depth must be a whole number of at least 1, got {depth!r}")
        self.dim, self.detach_rotations = dim, detach_rotations
        self.embed = None if num_tokens is None else nn.Embedding(num_tokens, dim)
        self.blocks = nn.ModuleList(IPABlock(dim, **block_options) for _ in range(depth))
        self.updates = nn.ModuleList(BackboneUpdate(dim) for _ in range(depth))
        self.to_points = nn.Linear(dim, 3) if predict_points else None

    def forward(
        self,
        single_repr: Tensor,
        translations: Tensor | None = None,
        quaternions: Tensor | None = None,
        pairwise_repr: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        """Run the stack.

        Args:
            single_repr: ``(*, L, dim)``, or integer tokens ``(*, L)`` for a model with ``num_tokens``.
            translations: ``(*, L, 3)``, nm; None: all at the origin.
            quaternions: ``(*, L, 4)`` of any length but zero, normalised here; None: no rotation.
            pairwise_repr, mask: as in :class:`InvariantPointAttention`.

        Returns:
            ``x (*, L, dim)``, translations ``(*, L, 3)`` and unit quaternions ``(*, L, 4)``; with ``predict_points``
            only the points ``(*, L, 3)`` in the world, nm.
        """
        x = self._embedded(single_repr)
        t = x.new_zeros(*x.shape[:-1], 3) if translations is None else translations
        q = x.new_tensor([1.0, 0, 0, 0]).expand(*x.shape[:-1], 4) if quaternions is None else quaternions
        for name, tensor, size in (("translations", t, 3), ("quaternions", q, 4)):
            require_tensor(name, tensor)
            if tuple(tensor.shape) != (*x.shape[:-1], size):
                raise ValueError(f"{name} must have shape {(*x.shape[:-1], size)}, got {tuple(tensor.shape)}")
        z = pairwise_repr
        if mask is not None:
            check_mask(mask, x.shape[:-1])
            q = torch.where(mask[..., None] | q.isfinite().all(-1, keepdim=True), q, 0)
            x, z, T = silence_padding(x, z, Rigid(quaternion_to_rotation(q), t), mask)
            t = T.translations
        q = normalise_quaternion(q)

        for block, update in zip(self.blocks, self.updates, strict=True):
            q = q.detach() if self.detach_rotations else q
            x = block(x, z, rotations=quaternion_to_rotation(q), translations=t, mask=mask)
            q, t = compose_update(q, t, *update.quaternion_and_translation(x))
        if self.to_points is None:
            return x, t, q
        return Rigid(quaternion_to_rotation(q), t).apply(self.to_points(x))

    def _embedded(self, single_repr: Tensor) -> Tensor:
        if self.embed is None:
            require_tensor("single_repr", single_repr)
            if single_repr.ndim < 2 or single_repr.shape[-1] != self.dim:
                raise ValueError(f"single_repr must have shape (*, L, {self.dim}), got {tuple(single_repr.shape)}")
            return single_repr
        if not isinstance(single_repr, Tensor) or single_repr.is_floating_point():
            raise TypeError("single_repr must be an integer tensor of tokens (*, L), as the model has num_tokens")
        if single_repr.numel() and not 0 <= single_repr.min() <= single_repr.max() < self.embed.num_embeddings:
            raise ValueError(
                f"tokens must lie in 0 … {self.embed.num_embeddings - 1}, "
                f"got {single_repr.min().item()} … {single_repr.max().item()}"
            )
        return self.embed(single_repr)
