"""Random but reproducible inputs for the tests: unequal sizes, frames that differ for each residue, nothing zero."""

from __future__ import annotations

import torch

from ipa_tutorial import InvariantPointAttention, Rigid, random_rigid

SIZES = dict(dim=11, heads=2, scalar_key_dim=3, scalar_value_dim=5, point_key_dim=4, point_value_dim=7)
PAIR_DIM = 6


def build_attention(dtype=torch.float64, seed=0, **options) -> InvariantPointAttention:
    """Small unequal sizes; every parameter random, biases and γ included."""
    attention = InvariantPointAttention(**(SIZES | dict(pairwise_repr_dim=PAIR_DIM) | options)).to(dtype)
    randomise(attention, seed)
    return attention


def randomise(module: torch.nn.Module, seed: int = 0, scale: float = 1.0) -> None:
    """Draw every parameter anew, also those that begin at zero or one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            fan_in = parameter.shape[-1] if parameter.ndim > 1 else 4
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(scale * noise / fan_in**0.5)


def build_inputs(L=5, batch=(), dim=SIZES["dim"], pair_dim=PAIR_DIM, dtype=torch.float64, seed=0, spread=1.0):
    """``s (*, L, dim)``, ``z (*, L, L, pair_dim)`` or None, frames ``(*, L)`` with ``spread`` nm between them."""
    generator = torch.Generator().manual_seed(1000 + seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    s = normal(*batch, L, dim)
    z = None if pair_dim is None else normal(*batch, L, L, pair_dim)
    return s, z, random_rigid((*batch, L), generator=generator, scale=spread, dtype=dtype)


def call(attention, s, z, frames: Rigid, mask=None, **options):
    return attention(s, z, rotations=frames.rotations, translations=frames.translations, mask=mask, **options)


def partial_mask(L: int, batch=(), seed=0) -> torch.Tensor:
    """About two thirds real, the first residue always real."""
    generator = torch.Generator().manual_seed(2000 + seed)
    mask = torch.rand(*batch, L, generator=generator) < 0.67
    mask[..., 0] = True
    return mask
