"""The network of the last lesson: a few IPA blocks that look at frames on their way and say where they will arrive."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from ..blocks import BackboneUpdate, IPABlock
from ..fast.attention import FastInvariantPointAttention
from ..inputs import check_mask
from ..quaternion import quaternion_to_rotation
from ..rigid import Rigid
from ..training import FARTHEST, relative_positions

TRAINED = Path(__file__).parent.parent / "data" / "flow" / "flow_model.pt"
WAVES = 16  # numbers that a time or a place in the chain is written in
DISTANCES = torch.linspace(0.3, 2.5, 23)  # nm, the borders between the classes of Cα distances
UNKNOWN = len(DISTANCES) + 1  # the class of a distance that nobody has guessed yet
PATIENCE = 0.03  # the time that is always left, for what there is to mend at the very end
POSE = 12  # numbers of a rotation and a translation


class FlowModel(nn.Module):
    """Frames on their way and the time in; where each residue will have arrived out. SE(3)-equivariant.

    Each block sees the frames as the one before has left them, in two ways: through invariant point attention, and
    through the poses of the two chain neighbours in the residue's own axes, off which bonds and angles can be read.
    The pair representation is how residues stand to each other, in distance and in pose, now and in the network's own
    last guess (**self-conditioning**).

    Args:
        dim: channels of the single representation.
        pair_dim: channels of the pair representation.
        depth: number of blocks, each with its own weights.
        heads: of the attention.
    """

    def __init__(self, dim: int = 128, pair_dim: int = 32, depth: int = 5, heads: int = 8) -> None:
        super().__init__()
        self.embed_single = nn.Linear(3 * WAVES, dim)
        self.embed_offset = nn.Linear(2 * FARTHEST + 1, pair_dim)
        self.embed_distance = nn.Embedding(len(DISTANCES) + 1, pair_dim)
        self.embed_guess = nn.Embedding(len(DISTANCES) + 2, pair_dim)
        self.embed_poses = nn.Linear(2 * POSE, pair_dim)
        self.pair_transition = nn.Sequential(nn.Linear(pair_dim, pair_dim), nn.ReLU(), nn.Linear(pair_dim, pair_dim))
        self.embed_neighbours = nn.ModuleList(nn.Linear(2 * POSE, dim) for _ in range(depth))
        options = dict(heads=heads, pairwise_repr_dim=pair_dim, attention=FastInvariantPointAttention)
        self.blocks = nn.ModuleList(IPABlock(dim, **options) for _ in range(depth))
        self.updates = nn.ModuleList(TimedUpdate(dim) for _ in range(depth))

    def forward(self, frames: Rigid, t: Tensor, mask: Tensor, guess: Rigid | None = None) -> Rigid:
        """Where the frames will be at t = 1.

        Args:
            frames: ``(*, L)``, nm, as they are at time t.
            t: ``(*)``, from 0 (noise) to 1 (a protein).
            mask: boolean ``(*, L)``, True = a real residue; padding stands behind the chain.
            guess: what the model said last, ``(*, L)``, nm; None: nothing yet.
        """
        check_mask(mask, tuple(frames.shape))
        s, z = self.singles(t, mask), self.pairs(frames, guess)  # (*, L, dim), (*, L, L, pair_dim)
        left = 1 - t + PATIENCE  # (*)
        for embed, block, update in zip(self.embed_neighbours, self.blocks, self.updates, strict=True):
            s = s + embed(neighbour_poses(frames, mask))
            s = block(s, z, rotations=frames.rotations, translations=frames.translations, mask=mask)
            frames = frames @ update(s, left)
        return frames

    def singles(self, t: Tensor, mask: Tensor) -> Tensor:
        """What a residue knows at first: the time, and how far it is from either end. ``(*, L, dim)``."""
        index = torch.arange(mask.shape[-1], device=mask.device).expand(mask.shape)  # (*, L)
        to_the_end = mask.sum(-1, keepdim=True) - 1 - index
        time = t[..., None].expand(mask.shape)
        return self.embed_single(torch.cat([waves(time, 1), waves(index, 64), waves(to_the_end, 64)], dim=-1))

    def pairs(self, frames: Rigid, guess: Rigid | None) -> Tensor:
        """What is known of two residues: along the chain, in space, and in the last guess. ``(*, L, L, pair_dim)``."""
        index = torch.arange(frames.shape[-1], device=frames.device)
        z = self.embed_offset(relative_positions(index).to(frames.dtype))  # (L, L, pair_dim)
        z = z + self.embed_distance(distance_class(frames))
        unknown = torch.full((), UNKNOWN, device=frames.device)
        z = z + self.embed_guess(unknown if guess is None else distance_class(guess))
        now = pair_poses(frames)  # (*, L, L, 12)
        z = z + self.embed_poses(
            torch.cat([now, torch.zeros_like(now) if guess is None else pair_poses(guess)], dim=-1)
        )
        return z + self.pair_transition(z)


class TimedUpdate(BackboneUpdate):
    """Algorithm 23, its six numbers scaled by the time that is left: near the end only small corrections are due."""

    def forward(self, single_repr: Tensor, left: Tensor) -> Rigid:
        """``(*, L, dim)`` and the time ``(*)`` → the updates U, a :class:`Rigid` of shape ``(*, L)``, nm."""
        bcd, t = (left[..., None, None] * self.to_update(single_repr)).chunk(2, dim=-1)
        quaternions = torch.cat([torch.ones_like(bcd[..., :1]), bcd], dim=-1)
        return Rigid(quaternion_to_rotation(quaternions), t)


def waves(x: Tensor, longest: float) -> Tensor:
    """Sines and cosines of numbers ``(*)``, half a wave on ``longest`` and shorter ones: ``(*, WAVES)``."""
    frequency = math.pi / longest * 2 ** (0.75 * torch.arange(WAVES // 2, device=x.device))
    angle = x[..., None] * frequency  # (*, WAVES / 2)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


@torch.no_grad()
def distance_class(frames: Rigid) -> Tensor:
    """Between which two borders each Cα distance lies: frames ``(*, L)`` → integers ``(*, L, L)``."""
    ca = frames.translations
    square = (ca[..., :, None, :] - ca[..., None, :, :]).square().sum(-1)  # (*, L, L)
    return torch.bucketize(square, DISTANCES.to(square).square())


def neighbour_poses(frames: Rigid, mask: Tensor) -> Tensor:
    """The frames of residues i − 1 and i + 1 as residue i sees them, ``(*, L, 24)``; zeros where there is none.

    ``T_i⁻¹ T_{i±1}`` does not change when the whole chain moves. Translations are in Å here, and cut at 10.
    """
    forth = frames[..., :-1].inverse() @ frames[..., 1:]  # (*, L−1)
    together = (mask[..., 1:] & mask[..., :-1])[..., None]

    def numbers(T: Rigid) -> Tensor:
        twelve = torch.cat([T.rotations.flatten(-2), 10 * T.translations.clamp(-1, 1)], dim=-1)
        return torch.where(together, twelve, 0)  # (*, L−1, 12)

    after = nn.functional.pad(numbers(forth), (0, 0, 0, 1))  # (*, L, 12)
    before = nn.functional.pad(numbers(forth.inverse()), (0, 0, 1, 0))
    return torch.cat([before, after], dim=-1)


def pair_poses(frames: Rigid) -> Tensor:
    """The frame of each residue j as each residue i sees it, ``(*, L)`` → ``(*, L, L, 12)``: T_i⁻¹ T_j.

    Nine numbers of the rotation, then the direction to j, longer the farther it is, up to 1.
    """
    R, x = frames.rotations, frames.translations
    turned = torch.einsum("...iyx,...jyz->...ijxz", R, R)  # (*, L, L, 3, 3): R_iᵀ R_j
    away = x[..., None, :, :] - x[..., :, None, :]  # (*, L, L, 3)
    seen = away @ R  # in the axes of residue i
    length = (away.square().sum(-1, keepdim=True) + 1e-6).sqrt()
    return torch.cat([turned.flatten(-2), seen / (length + 0.3)], dim=-1)


def load_flow_model(path: str | Path = TRAINED) -> FlowModel:
    """The trained network that comes with the package, ready to dream. Its provenance lies beside the file."""
    model = FlowModel()
    model.load_state_dict(torch.load(path, weights_only=True), strict=True)  # half precision in the file, float32 here
    return model.eval()
