"""FAPE, superposition, lDDT, and the loss of the training loop."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import torch
from torch import Tensor

from .. import training
from ..rigid import Rigid
from .draw import Draw
from .engine import Case, Check


def seen_from(rigids: Rigid, points: Tensor) -> Tensor:
    shifted = points[..., None, :, :] - rigids.translations[..., :, None, :]
    return torch.einsum("...fyx,...fpy->...fpx", rigids.rotations, shifted)


def fape_of_what_counts(
    predicted_rigids: Rigid,
    true_rigids: Rigid,
    predicted_points: Tensor,
    true_points: Tensor,
    frames_mask: Tensor | None = None,
    points_mask: Tensor | None = None,
    clamp: float | None = None,
) -> Tensor:
    """One batch element, one frame and one point at a time."""
    batch, F, P = predicted_points.shape[:-2], predicted_rigids.shape[-1], predicted_points.shape[-2]
    everything = torch.ones(*batch, F, dtype=torch.bool), torch.ones(*batch, P, dtype=torch.bool)
    frames_mask, points_mask = (
        x if mask is None else mask for x, mask in zip(everything, (frames_mask, points_mask), strict=True)
    )
    here, there = seen_from(predicted_rigids, predicted_points), seen_from(true_rigids, true_points)
    out = here.new_zeros(batch)
    for b in itertools.product(*map(range, batch)):
        pairs = [(i, j) for i in range(F) for j in range(P) if frames_mask[(*b, i)] and points_mask[(*b, j)]]
        total = 0.0
        for i, j in pairs:
            gap = ((here - there)[(*b, i, j)].square().sum() + 1e-4).sqrt()
            total = total + (min(gap, gap.new_tensor(clamp)) if clamp else gap) / 10
        out[b] = total / (len(pairs) + 1e-4)
    return out


def structures(d: Draw) -> tuple:
    spread = d.frames(d.L).scale_translations(2.0), d.frames(d.L).scale_translations(2.0)
    return *spread, 4 * d.normal(d.P, 3), 4 * d.normal(d.P, 3)


def perfect(d: Draw) -> Case:
    T, x = d.frames(4), d.normal(6, 3)
    return Case((T, T, x, x.clone()), "a perfect prediction")


check_sights = Check(
    "Algorithm 28, lines 1 and 2: every point as every frame sees it",
    "losses.sights",
    lambda d: (d.frames(d.L), d.normal(d.P, 3)),
    seen_from,
    names=("rigids", "points"),
)

check_fape = Check(
    "Algorithm 28, FAPE",
    "losses.fape",
    structures,
    fape_of_what_counts,
    suspects=("losses.sights", "losses.smooth_length", "losses.clamp_distance"),
    special=(
        perfect,
        lambda d: Case((*structures(d), d.mask(d.L), d.mask(d.P)), "partial masks"),
        lambda d: Case((*structures(d), None, None, 3.0), "clamped at 3 Å"),
        lambda d: Case((*structures(d), None, None, 0.0), "a clamp of 0, which means none"),
    ),
    tolerance=1e-4,  # AlphaFold's code adds ε to the number of pairs, the paper does not
)


def rmsd_by_horn(a: Tensor, b: Tensor) -> Tensor:
    """Horn's way: the best quaternion is an eigenvector, so no reflection can come in."""
    a, b = a - a.mean(-2, keepdim=True), b - b.mean(-2, keepdim=True)
    S = a.mT @ b
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (row.unbind(-1) for row in S.unbind(-2))
    rows = [
        [xx + yy + zz, yz - zy, zx - xz, xy - yx],
        [yz - zy, xx - yy - zz, xy + yx, zx + xz],
        [zx - xz, xy + yx, -xx + yy - zz, yz + zy],
        [xy - yx, zx + xz, yz + zy, -xx - yy + zz],
    ]
    best = torch.linalg.eigvalsh(torch.stack([torch.stack(row, -1) for row in rows], -2))[..., -1]
    left = a.square().sum((-1, -2)) + b.square().sum((-1, -2)) - 2 * best
    return (left.clamp(min=0) / a.shape[-2]).sqrt()


def mirrored(d: Draw) -> Case:
    x = d.normal(7, 3)
    return Case((x, x * x.new_tensor([1, 1, -1])), "a mirror image")


check_kabsch_rmsd = Check(
    "RMSD after superposition",
    "losses.kabsch_rmsd",
    lambda d: (d.normal(d.L, 3), d.normal(d.L, 3)),
    rmsd_by_horn,
    special=(mirrored,),
    tolerance=1e-6,
)


# --- lDDT -------------------------------------------------------------------------------------------------------------


def kept_one_by_one(predicted: Tensor, true: Tensor) -> Tensor:
    """One batch element and one pair at a time; 1 where nobody has a neighbour."""
    out = true.new_ones(true.shape[:-2])
    for b in itertools.product(*map(range, out.shape)):
        pairs = [(i, j) for i, j in itertools.permutations(range(true.shape[-2]), 2) if apart(true[b], i, j) < 15]
        errors = [abs(apart(true[b], i, j) - apart(predicted[b], i, j)) for i, j in pairs]
        if pairs:
            out[b] = sum((e < 0.5) + (e < 1) + (e < 2) + (e < 4) for e in errors) / (4 * len(pairs))
    return out


def apart(x: Tensor, i: int, j: int) -> float:
    return (x[i] - x[j]).norm().item()


def slightly_wrong(d: Draw) -> tuple[Tensor, Tensor]:
    """A prediction and the truth, Å: many pairs are near, some are far, and all four tolerances matter."""
    true = 7 * d.normal(d.L, 3)
    return true + 1.2 * d.normal(d.L, 3), true


def scattered(d: Draw) -> Case:
    predicted, true = slightly_wrong(d)
    return Case((20 * predicted, true), "a prediction that has flown apart")


check_lddt = Check(
    "lDDT of the Cα atoms",
    "losses.lddt",
    slightly_wrong,
    kept_one_by_one,
    special=(
        scattered,
        lambda d: Case((d.normal(5, 3),) * 2, "a perfect prediction"),
        lambda d: Case((d.normal(4, 3), 100 * d.normal(4, 3)), "nobody has a neighbour"),
    ),
)

# --- the training loop ------------------------------------------------------------------------------------------------


def fape_of_every_iteration(rigids: tuple[Rigid, ...], truth: Rigid, mask: Tensor) -> Tensor:
    every = [Rigid(T.rotations, 10 * T.translations) for T in rigids]
    return sum(fape_of_what_counts(T, truth, T.translations, truth.translations, mask, mask) for T in every).mean() / 3


check_backbone_loss = Check(
    "the loss of the training loop: FAPE, averaged over the iterations",
    "training.backbone_loss",
    lambda d: (tuple(d.frames(d.L) for _ in range(3)), d.frames(d.L).scale_translations(10.0), d.mask(d.L)),
    fape_of_every_iteration,
    suspects=("losses.fape",),
    batches=((), (2,)),
    tolerance=1e-4,  # AlphaFold's code adds ε to the number of pairs, the paper does not
    names=("rigids", "truth", "mask"),
    sound=lambda rigids, truth, mask: training.backbone_loss(SimpleNamespace(rigids=rigids), truth, mask),
)
