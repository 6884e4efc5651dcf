"""The rivals of invariant point attention: plain attention, which is told where everything is in another way.

Every frame is put at the origin, so that T_i ∘ x = x: the points become channels, 3 P more of them for each head,
compared by their distance. What is left of geometry is what a rival reads into its representations: the numbers of the
frames into the single one, or what residue i sees of residue j into the pair one. The layers that read it are extra:
up to three percent more parameters than the network of IPA, in the rivals' favour.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..blocks import IPABlock, begin_at_zero
from ..rigid import Rigid, rigid_from_3_points
from .denoising import Denoiser

CENTRES, WIDTH = torch.linspace(0.0, 3.0, 16), 0.2  # nm: distances as sixteen bumps, one every 2 Å


def nowhere(like: Tensor) -> dict[str, Tensor]:
    """Frames at the origin, in place of those at ``like (*, L, 3)``."""
    origin = Rigid.identity(like.shape[:-1], like.dtype, like.device)
    return dict(rotations=origin.rotations, translations=origin.translations)


# ------------------------------------------------------------------------------------------ coordinates as numbers


class GlobalBlock(IPABlock):
    """Plain attention on global coordinates: the numbers R and t of every residue are features like any other.

    Positions can be among the channels, so distances between residues can be learnt. They must be.
    """

    def __init__(self, dim: int, **options) -> None:
        super().__init__(dim, **options)
        self.embed_frame = nn.Linear(12, dim)

    def forward(
        self, x: Tensor, pairwise_repr: Tensor, *, rotations: Tensor, translations: Tensor, mask: Tensor
    ) -> Tensor:
        """As :meth:`IPABlock.forward`, but nothing about it is invariant."""
        numbers = torch.cat([rotations.flatten(-2), translations], dim=-1)  # (*, L, 12)
        return super().forward(x + self.embed_frame(numbers), pairwise_repr, **nowhere(translations), mask=mask)


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


# -------------------------------------------------------------------------------------- invariant numbers of pairs


def distance_bumps(translations: Tensor) -> Tensor:
    """How far apart two Cα are, as bumps exp(−½ ((d − centre) / width)²): ``(*, L, 3)`` nm → ``(*, L, L, 16)``."""
    apart = translations[..., :, None, :] - translations[..., None, :, :]  # (*, L, L, 3)
    distance = (apart.square().sum(-1, keepdim=True) + 1e-8).sqrt()  # (*, L, L, 1); ε for the gradient on the diagonal
    return (-0.5 * ((distance - CENTRES.to(distance)) / WIDTH).square()).exp()


def relative_poses(frames: Rigid) -> Tensor:
    """T_i⁻¹ ∘ T_j, what residue i sees of residue j: its nine and three numbers. ``(*, L)`` → ``(*, L, L, 12)``."""
    R, t = frames.rotations, frames.translations
    rotations = torch.einsum("...iyx,...jyz->...ijxz", R, R)  # R_iᵀ R_j, (*, L, L, 3, 3)
    apart = t[..., None, :, :] - t[..., :, None, :]  # t_j − t_i, (*, L, L, 3)
    translations = torch.einsum("...iyx,...ijy->...ijx", R, apart)  # R_iᵀ (t_j − t_i)
    return torch.cat([rotations.flatten(-2), translations], dim=-1)


class DistanceBlock(IPABlock):
    """Plain attention whose pair representation is told the distances between all Cα, and nothing else."""

    features = len(CENTRES)

    def __init__(self, dim: int, *, pairwise_repr_dim: int, **options) -> None:
        super().__init__(dim, pairwise_repr_dim=pairwise_repr_dim, **options)
        self.embed_pair = nn.Linear(self.features, pairwise_repr_dim)

    def forward(
        self, x: Tensor, pairwise_repr: Tensor, *, rotations: Tensor, translations: Tensor, mask: Tensor
    ) -> Tensor:
        """As :meth:`IPABlock.forward`; invariant, since what is embedded is."""
        z = pairwise_repr + self.embed_pair(self.of_pairs(Rigid(rotations, translations)))  # (*, L, L, pair_dim)
        return super().forward(x, z, **nowhere(translations), mask=mask)

    def of_pairs(self, frames: Rigid) -> Tensor:
        """``(*, L)`` → ``(*, L, L, features)``."""
        return distance_bumps(frames.translations)


class PoseBlock(DistanceBlock):
    """The same, told everything that is invariant about two frames: the whole relative pose, and the distance."""

    features = len(CENTRES) + 12

    def of_pairs(self, frames: Rigid) -> Tensor:
        return torch.cat([distance_bumps(frames.translations), relative_poses(frames)], dim=-1)


class DistanceDenoiser(Denoiser):
    """Invariant by its input; it moves residues along their own axes, as the network of IPA does."""

    block = DistanceBlock


class PoseDenoiser(Denoiser):
    """Likewise, with relative poses."""

    block = PoseBlock
