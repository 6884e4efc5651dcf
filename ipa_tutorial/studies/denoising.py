"""A small task on real chains that needs geometry: shake every frame of a backbone, and find back where it was.

The network sees nothing but geometry: the shaken frames, who is whose neighbour along the chain, and how hard it was
shaken; not the sequence, which few chains would soon give away. It is judged by FAPE against the frames before, on
chains that it has never seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ..attention import InvariantPointAttention
from ..blocks import BackboneUpdate, IPABlock
from ..fast.attention import FastInvariantPointAttention
from ..losses import fape, kabsch_rmsd
from ..proteins.dataset import Batch, batch, crop
from ..proteins.protein import Protein
from ..quaternion import quaternion_to_rotation
from ..rigid import NM_TO_ANGSTROM, Rigid, random_rigid
from ..training import FARTHEST

CROP = 48  # residues
LEVELS = (1.0, 2.0, 4.0)  # Å: the three strengths of the noise
RADIANS_PER_ANGSTROM = 0.1  # a turn of 0.1 radian moves what is 10 Å away by 1 Å


def random_turns(shape: Sequence[int], spread: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Rotations ``(*, 3, 3)`` about random axes; the rotation vector is normal, ``spread`` radians along each axis."""
    vectors = torch.randn(*shape, 3, generator=generator) * spread[..., None]  # (*, 3): axis times angle
    angle = vectors.norm(dim=-1, keepdim=True)
    axis = vectors / angle.clamp(min=1e-12)
    return quaternion_to_rotation(torch.cat([(angle / 2).cos(), (angle / 2).sin() * axis], dim=-1))


def shake(frames: Rigid, level: Tensor, generator: torch.Generator | None = None) -> Rigid:
    """Noise on every frame: ``level`` Å along each axis, and as many tenths of a radian about each axis.

    The noise has no preferred direction: to shake and then to move everything is to move everything and then to shake.

    Args:
        frames: ``(*, L)``, nm.
        level: ``(*)``, one strength for each chain, Å.
    """
    level = level[..., None].expand(frames.shape)  # (*, L)
    turns = random_turns(frames.shape, level * RADIANS_PER_ANGSTROM, generator)
    pushes = torch.randn(*frames.shape, 3, generator=generator) * level[..., None] / NM_TO_ANGSTROM
    return frames @ Rigid(turns, pushes)


class Denoiser(nn.Module):
    """A stack of IPA blocks, each followed by a backbone update, that takes shaken frames back to where they were.

    Args:
        attention: the attention of every block; :mod:`ipa_tutorial.studies.ablations` has others to put in its place.
        dim, pair_dim: channels of the single and the pair representation.
        depth: number of blocks, each with weights of its own.

    A subclass may put another block, another update and another way to :meth:`move` in their places.
    """

    block: type[IPABlock] = IPABlock
    update: type[nn.Module] = BackboneUpdate

    def __init__(
        self,
        attention: type[InvariantPointAttention] = FastInvariantPointAttention,
        dim: int = 48,
        pair_dim: int = 16,
        depth: int = 3,
        heads: int = 4,
        scalar_dim: int = 8,
        point_dim: int = 4,
    ) -> None:
        super().__init__()
        self.embed_level = nn.Linear(1, dim)
        self.embed_offset = nn.Embedding(2 * FARTHEST + 1, pair_dim)
        sizes = dict(heads=heads, scalar_key_dim=scalar_dim, scalar_value_dim=scalar_dim, pairwise_repr_dim=pair_dim)
        sizes |= dict(point_key_dim=point_dim, point_value_dim=point_dim)
        self.blocks = nn.ModuleList(self.block(dim, attention=attention, **sizes) for _ in range(depth))
        self.updates = nn.ModuleList(self.update(dim) for _ in range(depth))

    def forward(self, frames: Rigid, level: Tensor, chains: Batch) -> Rigid:
        """Shaken frames ``(B, L)`` in nm and their level ``(B,)`` in Å → frames ``(B, L)``, nm.

        Of ``chains`` only the residues' numbers and the mask are read.
        """
        s = self.embed_level(level[:, None].log())[:, None].expand(*frames.shape, -1)  # (B, L, dim)
        number = chains.residue_index
        offset = (number[:, None, :] - number[:, :, None]).clamp(-FARTHEST, FARTHEST)  # (B, L, L)
        z = self.embed_offset(offset + FARTHEST)  # (B, L, L, pair_dim)
        for block, update in zip(self.blocks, self.updates, strict=True):
            s = block(s, z, rotations=frames.rotations, translations=frames.translations, mask=chains.mask)
            frames = self.move(frames, update(s))
        return frames

    def move(self, frames: Rigid, update: Rigid) -> Rigid:
        """T_i ∘ U_i: each residue moves along its own axes."""
        return frames @ update


def frame_error(predicted: Rigid, chains: Batch) -> Tensor:
    """FAPE without a clamp, ``(B,)``, Å: how far from its place each frame sees each Cα, on average."""
    predicted, truth = (rigids.scale_translations(NM_TO_ANGSTROM) for rigids in (predicted, chains.rigids))
    points = predicted.translations, truth.translations
    return fape(predicted, truth, *points, chains.mask, chains.mask, length_scale=1.0)


def train_denoiser(
    model: Denoiser,
    proteins: Sequence[Protein],
    steps: int,
    seed: int = 0,
    augment: bool = False,
    learning_rate: float = 6e-3,
    batch_size: int = 8,
    length: int = CROP,
    progress: bool = True,
) -> list[float]:
    """Train on random crops, shaken anew at each step, at levels drawn from the weakest to the strongest.

    Args:
        augment: turn every crop at random, about the origin of its chain, before it is shaken.
        seed: of what is drawn; with the same seed every model sees the same crops and the same noise.

    Returns:
        The loss of each step, Å.
    """
    generator, turns = (torch.Generator().manual_seed(seed) for _ in range(2))
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, eta_min=learning_rate / 20)
    losses = []
    for _ in (bar := tqdm(range(steps), desc="training", disable=not progress, leave=False)):
        chosen = torch.randint(len(proteins), (batch_size,), generator=generator).tolist()
        chains = batch([crop(proteins[i], length, generator) for i in chosen])
        if augment:
            chains = moved(chains, random_rigid(batch_size, turns, scale=0.0))
        level = random_levels(batch_size, generator)
        loss = frame_error(model(shake(chains.rigids, level, generator), level, chains), chains).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        bar.set_postfix(loss=f"{losses[-1]:.2f} Å")
    return losses


def random_levels(count: int, generator: torch.Generator | None = None) -> Tensor:
    """Noise levels ``(count,)`` in Å between the weakest and the strongest; all factors are equally likely."""
    low, high = math.log(min(LEVELS)), math.log(max(LEVELS))
    return (low + (high - low) * torch.rand(count, generator=generator)).exp()


def moved(chains: Batch, motions: Rigid) -> Batch:
    """The same chains somewhere else: one global motion ``(B,)`` for each."""
    return replace(chains, rigids=motions[:, None] @ chains.rigids)


def places(count: int, seed: int = 0) -> dict[str, Rigid]:
    """Where chains are put for a test: global motions ``(count,)``, different for each chain, under a name."""
    generator = torch.Generator().manual_seed(seed)
    here = Rigid.identity(count)
    direction = nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
    away = {f"moved {nm} nm": Rigid(here.rotations, nm * direction) for nm in (1, 3, 10, 100)}
    return {"as given": here, "rotated": random_rigid(count, generator, scale=0.0), **away}


@dataclass(frozen=True)
class Errors:
    """Means over chains."""

    fape: float  # Å, without a clamp
    rmsd: float  # Å, Cα, after superposition
    turn: float  # degrees between the orientation of a residue and the true one


@torch.no_grad()
def denoised(
    model: nn.Module, chains: Batch, level: float, motions: Rigid | None = None, seed: int = 0
) -> tuple[Rigid, Batch]:
    """Shake, move, denoise: the answer ``(B, L)``, nm, and the chains where they were put, to compare it with.

    The noise depends on the seed and the level only, so that every model has to undo the same, wherever the chains are.
    """
    levels = torch.full((len(chains),), level)
    noisy = shake(chains.rigids, levels, torch.Generator().manual_seed(seed))
    if motions is not None:
        chains, noisy = moved(chains, motions), motions[:, None] @ noisy
    return model(noisy, levels, chains), chains


def denoising_errors(
    model: nn.Module, chains: Batch, level: float, motions: Rigid | None = None, seed: int = 0
) -> Errors:
    """How far the answers of :func:`denoised` are from the truth, on average."""
    predicted, chains = denoised(model, chains, level, motions, seed)
    truth, mask = chains.rigids, chains.mask
    rmsd = kabsch_rmsd(predicted.translations, truth.translations, mask) * NM_TO_ANGSTROM  # (B,)
    turn = turn_between(predicted.rotations, truth.rotations)[mask]
    return Errors(frame_error(predicted, chains).mean().item(), rmsd.mean().item(), turn.mean().item())


def errors_by_chain(model: nn.Module, chains: Batch, level: float, seed: int = 0) -> Tensor:
    """The FAPE of :func:`denoising_errors` before its mean: ``(B,)``, Å, one for each chain as given."""
    return frame_error(*denoised(model, chains, level, seed=seed))


def turn_between(a: Tensor, b: Tensor) -> Tensor:
    """The angle from one rotation to another, in degrees: ``(*, 3, 3)`` twice → ``(*)``.

    ‖a − b‖ = 2√2 sin(angle / 2), which is exact where the cosine, from the trace, is flat.
    """
    chord = (a - b).square().sum((-1, -2)).sqrt() / math.sqrt(8)
    return 2 * chord.clamp(max=1).asin().rad2deg()
