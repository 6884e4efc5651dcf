"""Flow matching on frames: the way from noise to a protein, the losses that teach it, and the walk along it.

A chain of frames is carried from noise (t = 0) to a protein (t = 1), each residue by itself: its translation along a
straight line, its rotation along a geodesic. A network sees the frames somewhere on the way and says where they are
going. To dream up a protein, start from noise and follow it. The recipe is FrameFlow's (Yim et al. 2023,
arXiv 2310.05297); FAPE and the peptide loss near the end of the way are AlphaFold's.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..inputs import check_mask
from ..losses import fape
from ..rigid import NM_TO_ANGSTROM, Rigid, random_rigid
from .rotations import geodesic, rotation_log

NOISE = 1.0  # nm, the deviation of the translations at t = 0
LATEST = 0.9  # the losses grow like 1 / (1 − t)² up to here
BEGIN = 0.01  # the first time that a dream asks the network about
TURNING = 10.0  # rotations hurry ahead: what is left of a turn falls as exp(−10 t)

BACKBONE = ((-0.525, 1.363, 0.0), (0.0, 0.0, 0.0), (1.526, 0.0, 0.0))  # Å, N, CA, C in the residue's own frame
PEPTIDE = ((1.329, 0.014), (2.425, 0.03), (2.435, 0.03), (3.80, 0.04))  # Å, see peptide_distances: mean and deviation
NEAREST = 4.0  # Å between Cα atoms that are no chain neighbours
TOUCHING = 8.0  # Å from the N of one residue to the C of another: a hydrogen bond is half of it


# ------------------------------------------------------------------------------------------------------- the way


def centred(frames: Rigid, mask: Tensor) -> Rigid:
    """The chain ``(*, L)`` with the middle of its real residues at the origin, and its padding too."""
    real = torch.where(mask[..., None], frames.translations, 0)  # (*, L, 3), whatever the padding holds
    middle = real.sum(-2, keepdim=True) / mask.sum(-1)[..., None, None].clamp(min=1)  # (*, 1, 3)
    return Rigid(frames.rotations, torch.where(mask[..., None], frames.translations - middle, 0))


def noise(mask: Tensor, generator: torch.Generator | None = None) -> Rigid:
    """Frames at t = 0 for a mask ``(*, L)``: rotations uniform, translations a Gaussian cloud around the origin, nm."""
    return centred(random_rigid(tuple(mask.shape), generator, scale=NOISE), mask)


def aligned(start: Rigid, end: Rigid) -> Rigid:
    """The noise ``start (*, L)``, turned as a whole so that its points lie as near to those of ``end`` as they can.

    Noise has no preferred direction, so any turn of it is as likely; with this one the ways are shorter and cross less.
    Padding must lie at the origin.
    """
    covariance = start.translations.mT @ end.translations  # (*, 3, 3)
    u, _, vh = torch.linalg.svd(covariance)
    proper = torch.ones_like(start.translations[..., 0, :])  # (*, 3)
    proper[..., 2] = torch.linalg.det(vh.mT @ u.mT)  # a mirror image is not a turn
    turn = vh.mT @ (proper[..., None] * u.mT)  # (*, 3, 3)
    return Rigid(turn, torch.zeros_like(proper))[..., None] @ start


def interpolate(start: Rigid, end: Rigid, t: Tensor | float) -> Rigid:
    """Where the frames are at time ``t``, a number or ``(*, 1)`` for frames ``(*, L)``: all moved, each by itself."""
    t = torch.as_tensor(t, dtype=start.dtype, device=start.device)
    translations = torch.lerp(start.translations, end.translations, t[..., None])
    return Rigid(geodesic(start.rotations, end.rotations, t), translations)


# ----------------------------------------------------------------------------------------------------- the losses


def flow_loss(predicted: Rigid, truth: Rigid, now: Rigid, t: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """How wrong the predicted speed is, squared, averaged over residues: of translations (nm) and rotations (radians).

    From where it is ``now``, a residue must cover the way to its goal in the time 1 − t that is left. So a goal that is
    off by d makes a speed that is off by d / (1 − t); that factor stops growing at t = 0.9. Frames ``(*, L)``, ``t``
    of shape ``(*)``; two losses ``(*)``.
    """
    hurry = 1 / (1 - t.clamp(max=LATEST)).square()  # (*)
    pushed = (predicted.translations - truth.translations).square().sum(-1)  # (*, L)
    to_predicted = rotation_log(now.rotations.mT @ predicted.rotations)  # (*, L, 3)
    to_truth = rotation_log(now.rotations.mT @ truth.rotations)
    turned = (to_predicted - to_truth).square().sum(-1)  # (*, L)
    return hurry * mean(pushed, mask), hurry * mean(turned, mask)


def peptide_loss(frames: Rigid, mask: Tensor) -> Tensor:
    """How far the bonds between chain neighbours are from ideal, ``(*)``: AlphaFold's violation loss in small.

    Four distances fix a peptide bond. Each is measured in units of twice its deviation in good crystal structures, and
    counts squared up to 1, linearly from there.
    """
    ideal, deviation = frames.translations.new_tensor(PEPTIDE).unbind(-1)  # (4,), (4,)
    off = (peptide_distances(frames) - ideal).abs() / (2 * deviation)  # (*, L−1, 4)
    loss = torch.where(off < 1, off.square() / 2, off - 0.5).sum(-1)  # (*, L−1)
    return mean(loss, mask[..., 1:] & mask[..., :-1])


def peptide_distances(frames: Rigid) -> Tensor:
    """From residue i to i + 1, Å: C to N, CA to N, C to CA, CA to CA. Frames ``(*, L)`` in nm → ``(*, L−1, 4)``."""
    n, ca, c = backbone_of(frames)
    n, ca_before, ca, c_before = n[..., 1:, :], ca[..., :-1, :], ca[..., 1:, :], c[..., :-1, :]
    pairs = [(c_before, n), (ca_before, n), (c_before, ca), (ca_before, ca)]
    return torch.stack([(a - b).norm(dim=-1) for a, b in pairs], dim=-1)


def backbone_of(frames: Rigid) -> tuple[Tensor, Tensor, Tensor]:
    """Where N, CA and C are, Å: frames ``(*, L)`` in nm → three times ``(*, L, 3)``."""
    ideal = frames.translations.new_tensor(BACKBONE)  # (3, 3)
    atoms = frames.scale_translations(NM_TO_ANGSTROM)[..., None].apply(ideal)  # (*, L, 3, 3)
    return atoms.unbind(-2)


def contact_loss(predicted: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    """How far distances from N to C are off where residues touch, Å, ``(*)``: what hydrogen bonds hang on.

    After FrameDiff's loss on the distances of near atoms (Yim et al. 2023, arXiv 2302.02277).
    """
    true = from_n_to_c(truth)
    near = (true < TOUCHING) & mask[..., :, None] & mask[..., None, :]  # (*, L, L)
    off = torch.where(near, (from_n_to_c(predicted) - true).abs(), 0)
    return off.sum((-2, -1)) / near.sum((-2, -1)).clamp(min=1)


def from_n_to_c(frames: Rigid) -> Tensor:
    """Distances from each N to each C, Å, ``(*, L, L)``; the gradient is finite even where two atoms coincide."""
    n, _, c = backbone_of(frames)
    return ((n[..., :, None, :] - c[..., None, :, :]).square().sum(-1) + 1e-4).sqrt()


def clash_loss(frames: Rigid, mask: Tensor) -> Tensor:
    """How deep Cα atoms that are no chain neighbours sink into each other, Å a residue: ``(*)``."""
    ca = frames.translations * NM_TO_ANGSTROM  # (*, L, 3)
    gap = ((ca[..., :, None, :] - ca[..., None, :, :]).square().sum(-1) + 1e-4).sqrt()  # (*, L, L)
    apart = torch.ones_like(gap, dtype=torch.bool).triu(2)
    pairs = apart & mask[..., :, None] & mask[..., None, :]
    depth = torch.where(pairs, (NEAREST - gap).relu(), 0).sum((-2, -1))  # (*)
    return depth / mask.sum(-1).clamp(min=1)


def losses(predicted: Rigid, truth: Rigid, now: Rigid, t: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Everything that the network is taught by, each ``(*)``; what speaks of a finished protein only near the end."""
    push, turn = flow_loss(predicted, truth, now, t, mask)
    finished, real = predicted.scale_translations(NM_TO_ANGSTROM), truth.scale_translations(NM_TO_ANGSTROM)
    late = ((t - 0.25) / 0.5).clamp(0, 1)  # (*)
    return dict(
        translations=2 * push,
        rotations=turn,
        fape=2 * late * fape(finished, real, finished.translations, real.translations, mask, mask, clamp=10.0),
        peptide=0.2 * late * peptide_loss(predicted, mask),
        contacts=late * contact_loss(predicted, truth, mask),
        clash=0.5 * late * clash_loss(predicted, mask),
    )


def mean(values: Tensor, mask: Tensor) -> Tensor:
    """Over the last axis, where the mask is True: ``(*, L)`` → ``(*)``."""
    return torch.where(mask, values, 0).sum(-1) / mask.sum(-1).clamp(min=1)


# ------------------------------------------------------------------------------------------------------ the dream


@torch.no_grad()
def dream(
    model: Callable[[Rigid, Tensor, Tensor, Rigid | None], Rigid],
    start: Rigid,
    mask: Tensor,
    steps: int = 100,
    progress: bool = True,
) -> list[Rigid]:
    """Follow the model from noise to backbones.

    Args:
        model: says from frames ``(*, L)``, a time ``(*)``, the mask and its own last answer where the frames will
            arrive, for example a :class:`~ipa_tutorial.dreams.model.FlowModel`.
        start: the frames at t = 0, ``(*, L)``, nm, from :func:`noise`. A turn of them turns the whole dream.
        mask: boolean ``(*, L)``, True = a residue to dream of.
        steps: how often to ask the model.
        progress: show a bar.

    Returns:
        ``steps + 1`` chains of frames ``(*, L)``, from the noise to the finished backbones, nm.
    """
    check_mask(mask, tuple(start.shape))
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    frames, goal = centred(start, mask), None
    path = [frames]
    times = torch.linspace(BEGIN, 1, steps + 1, dtype=start.dtype)
    for t, after in tqdm(list(pairwise(times)), desc="dreaming", disable=not progress):
        goal = model(frames, t.expand(mask.shape[:-1]), mask, goal)
        frames = goal if after == 1 else step_towards(goal, frames, t, after - t)
        frames = centred(frames, mask)
        path.append(frames)
    return path


def step_towards(goal: Rigid, frames: Rigid, t: Tensor, dt: Tensor) -> Rigid:
    """A step of the flow: dt of the time 1 − t that is left, and rotations faster than that."""
    turn = (TURNING * dt).clamp(max=1.0)
    rotations = geodesic(frames.rotations, goal.rotations, turn)
    return Rigid(rotations, torch.lerp(frames.translations, goal.translations, dt / (1 - t)))
