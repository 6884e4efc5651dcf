"""The denoiser with one thing taken away, and the denoiser that knows no frames: who is it that does the work?

Every variant overrides one thing and keeps every parameter, so that all have the same size and take the same time; what
is taken away is still there, but silent. The one exception is the network of global coordinates, which needs layers to
read and write them: three percent more parameters, in its favour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ..blocks import IPABlock, begin_at_zero
from ..fast.attention import FastInvariantPointAttention
from ..rigid import Rigid, rigid_from_3_points
from .denoising import Denoiser


class WithoutScalars(FastInvariantPointAttention):
    """Line 7 without its first term: queries of zero, that stay zero."""

    def __init__(self, dim: int, **sizes) -> None:
        super().__init__(dim, **sizes)
        silence(self.to_q)


class WithoutPairBias(FastInvariantPointAttention):
    """Line 7 without its second term: b is zero and stays zero. (The pair representation is still read in line 8.)"""

    def __init__(self, dim: int, **sizes) -> None:
        super().__init__(dim, **sizes)
        silence(self.to_pair_bias)


class WithoutDistances(FastInvariantPointAttention):
    """Line 7 without its last term: γ = 0."""

    @property
    def gamma(self) -> Tensor:
        return torch.zeros_like(self.raw_gamma)


class WithoutPointOutputs(FastInvariantPointAttention):
    """Line 11 without o⃗ and ‖o⃗‖: geometry decides who is listened to, but never says where anything is."""

    def __init__(self, dim: int, **sizes) -> None:
        super().__init__(dim, **sizes)
        points = 4 * self.to_v_points.out_features // 3  # x, y, z and the norm: the last features of line 11
        self.to_out = DeafLinear(self.to_out.in_features, dim, deaf_to_last=points)


class WithoutGeometry(WithoutPointOutputs, WithoutDistances):
    """Both gone: no frame is seen anywhere. What this network does, one can do without looking."""


class GlobalBlock(IPABlock):
    """Plain attention on global coordinates: the numbers R and t of every residue are features like any other.

    Every frame is put at the origin, so that T_i ∘ x = x: the points become channels, 3 P more of them for each head,
    compared by their distance. Positions can be among them, so distances between residues can be learnt. They must be.
    """

    def __init__(self, dim: int, **options) -> None:
        super().__init__(dim, **options)
        self.embed_frame = nn.Linear(12, dim)

    def forward(
        self, x: Tensor, pairwise_repr: Tensor, *, rotations: Tensor, translations: Tensor, mask: Tensor
    ) -> Tensor:
        """As :meth:`IPABlock.forward`, but nothing about it is invariant."""
        numbers = torch.cat([rotations.flatten(-2), translations], dim=-1)  # (*, L, 12)
        origin = Rigid.identity(translations.shape[:-1], translations.dtype, translations.device)
        geometry = dict(rotations=origin.rotations, translations=origin.translations, mask=mask)
        return super().forward(x + self.embed_frame(numbers), pairwise_repr, **geometry)


class GlobalUpdate(nn.Linear):
    """Nine numbers for each residue: changes of its x axis, its y axis and its place, along the axes of the world."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim, 9)
        begin_at_zero(self)


class GlobalDenoiser(Denoiser):
    """The same network, reading and writing global coordinates."""

    block, update = GlobalBlock, GlobalUpdate

    def move(self, frames: Rigid, update: Tensor) -> Rigid:
        """The axes and the place are changed by addition; Gram–Schmidt makes a frame of the axes again."""
        x_change, y_change, push = update.unflatten(-1, (3, 3)).unbind(-2)  # (*, L, 3) each
        x, y, _ = frames.rotations.unbind(-1)  # (*, L, 3) each: the columns of R
        turned = rigid_from_3_points(y + y_change, torch.zeros_like(push), x + x_change)  # N, Cα, C: Algorithm 21
        return Rigid(turned.rotations, frames.translations + push)


@dataclass(frozen=True)
class Arm:
    """One of the networks that are compared, and how it is trained."""

    build: Callable[..., Denoiser]
    augment: bool = False


ARMS = {
    "IPA": Arm(Denoiser),
    "global coordinates": Arm(GlobalDenoiser),
    "global coordinates, turned": Arm(GlobalDenoiser, augment=True),
    "IPA without point outputs": Arm(partial(Denoiser, WithoutPointOutputs)),
    "IPA without scalars": Arm(partial(Denoiser, WithoutScalars)),
    "IPA without pair bias": Arm(partial(Denoiser, WithoutPairBias)),
    "IPA without distances": Arm(partial(Denoiser, WithoutDistances)),
    "IPA without geometry": Arm(partial(Denoiser, WithoutGeometry)),
}


class DeafLinear(nn.Linear):
    """A linear layer to which its last inputs are zero."""

    def __init__(self, in_features: int, out_features: int, deaf_to_last: int) -> None:
        super().__init__(in_features, out_features)
        heard = torch.arange(in_features) < in_features - deaf_to_last
        self.register_buffer("heard", heard, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x * self.heard)


def silence(layer: nn.Linear) -> None:
    """Zero, for good. Without a bias, its output is zero too."""
    nn.init.zeros_(layer.weight)
    layer.weight.requires_grad_(False)
