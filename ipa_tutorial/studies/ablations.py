"""The denoiser with one thing taken away, and all the networks that are compared: who is it that does the work?

Every variant overrides one thing and keeps every parameter, so that all have the same size and take the same time; what
is taken away is still there, but silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ..fast.attention import FastInvariantPointAttention
from .denoising import Denoiser
from .rivals import DistanceDenoiser, GlobalDenoiser, PoseDenoiser


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


@dataclass(frozen=True)
class Arm:
    """One of the networks that are compared, and how it is trained."""

    build: Callable[..., Denoiser]
    augment: bool = False


ARMS = {
    "IPA": Arm(Denoiser),
    "global coordinates": Arm(GlobalDenoiser),
    "global coordinates, turned": Arm(GlobalDenoiser, augment=True),
    "plain attention, poses": Arm(PoseDenoiser),
    "plain attention, distances": Arm(DistanceDenoiser),
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
