"""Flow matching on frames: the way from noise to a protein, and the walk along it.

A chain of frames is carried from noise (t = 0) to a protein (t = 1), each residue by itself: its translation along a
straight line, its rotation along a geodesic. A network sees the frames somewhere on the way and says where they are
going. To dream up a protein, start from noise and follow it. The recipe is FrameFlow's (Yim et al. 2023,
arXiv 2310.05297).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..inputs import check_mask
from ..rigid import Rigid, random_rigid
from .rotations import geodesic

NOISE = 1.0  # nm, the deviation of the translations at t = 0
BEGIN = 0.01  # the first time that a dream asks the network about
TURNING = 10.0  # rotations hurry ahead: what is left of a turn falls as exp(−10 t)


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


# ------------------------------------------------------------------------------------------------------ the dream


@torch.no_grad()
def dream(
    model: Callable[[Rigid, Tensor, Tensor, Rigid | None], Rigid],
    start: Rigid,
    mask: Tensor,
    steps: int = 100,
    progress: bool = True,
    generator: torch.Generator | None = None,
) -> list[Rigid]:
    """Walk from noise to backbones, asking the model for the way.

    The model names a goal. A new way is laid to it, from new noise, and the walk goes on there a little later: see
    :func:`renewed`. What a step gets wrong is forgotten with the noise that it came from, so that errors do not add up.

    Args:
        model: says from frames ``(*, L)``, a time ``(*)``, the mask and its own last answer where the frames will
            arrive, for example a :class:`~ipa_tutorial.dreams.model.FlowModel`.
        start: the frames at t = 0, ``(*, L)``, nm, from :func:`noise`. A turn of them turns the whole dream.
        mask: boolean ``(*, L)``, True = a residue to dream of; padding stands behind the chain.
        steps: how often to ask the model.
        progress: show a bar.
        generator: of the new noise. None: one with seed 0, so that the same start gives the same dream.

    Returns:
        ``steps + 1`` chains of frames ``(*, L)``, from the noise to the finished backbones, nm, each centred.

    Raises:
        TypeError, ValueError: a mask that does not fit, or no steps.
    """
    check_mask(mask, tuple(start.shape))
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    generator = generator or torch.Generator().manual_seed(0)
    frames, goal = centred(start, mask), None
    path = [frames]
    times = torch.linspace(BEGIN, 1, steps + 1, dtype=start.dtype)
    for t, after in tqdm(list(pairwise(times)), desc="dreaming", disable=not progress):
        goal = centred(model(frames, t.expand(mask.shape[:-1]), mask, goal), mask)
        frames = goal if after == 1 else renewed(step_towards(goal, frames, t, after - t), goal, after, mask, generator)
        path.append(frames)
    return path


def step_towards(goal: Rigid, frames: Rigid, t: Tensor, dt: Tensor) -> Rigid:
    """A step of the flow: dt of the time 1 − t that is left, and rotations faster than that.

    Frames ``(*, L)``; times are numbers or broadcast to that.
    """
    turn = (TURNING * dt).clamp(max=1.0)
    rotations = geodesic(frames.rotations, goal.rotations, turn)
    return Rigid(rotations, torch.lerp(frames.translations, goal.translations, (dt / (1 - t))[..., None]))


def renewed(frames: Rigid, goal: Rigid, t: Tensor, mask: Tensor, generator: torch.Generator | None = None) -> Rigid:
    """Frames ``(*, L)`` at time t, moved to where the way from new noise to the goal is then; the rotations stay.

    The noise is turned to lie near the goal, as in training; so all of it turns with the goal.
    """
    fresh = aligned(centred(noise(mask, generator).to(goal.dtype), mask), goal)
    return Rigid(frames.rotations, torch.lerp(fresh.translations, goal.translations, t))
