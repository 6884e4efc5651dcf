"""FAPE, superposition and lDDT."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import torch
from torch import Tensor

from ...losses import clamp_distance, lddt
from ...rigid import Rigid
from .diagnosis.evidence import Evidence
from .diagnosis.examples import on_a_line, worked_out
from .diagnosis.superposition import a_perfect_fit, what_it_is_made_of
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
    return Case((T, T, x, x.clone()), "a perfect prediction", tolerance=1e-6)


check_sights = Check(
    "every point as every frame sees it",
    "losses.sights",
    lambda d: (d.frames(d.L), d.normal(d.P, 3)),
    seen_from,
    names=("rigids", "points"),
)

HERE = Rigid.identity(1, dtype=torch.float64)


def gap_of(*xyz: float) -> Tensor:
    return torch.tensor([xyz], dtype=torch.float64)


def off_by(text: str, gap: tuple, expected: float, *more: object) -> tuple:
    """An example with one frame, at the origin, and one point that should be there as well."""
    return f"one frame, and one point {text}", (HERE, HERE, gap_of(*gap), gap_of(0, 0, 0), None, None, *more), expected


FAPE_IN_THE_HEAD = (
    off_by("that is off by (3, 4, 0) Å, so by 5 Å", (3, 4, 0), 0.5),
    off_by("that is off by 5 Å along −x", (-5, 0, 0), 0.5),
    off_by("that is off by 30 Å, without a clamp", (0, 30, 0), 3.0),
    off_by("that is off by 30 Å, with a clamp of 0, which means none", (0, 30, 0), 3.0, 0.0),
    off_by("that is off by 30 Å, clamped at 10 Å", (0, 30, 0), 1.0, 10.0),
    off_by("that is off by 30 Å, clamped at 20 Å", (0, 30, 0), 2.0, 20.0),
    off_by("that is off by 5 Å, clamped at 10 Å", (0, 5, 0), 0.5, 10.0),
    (
        "one frame, and two points, the first off by 5 Å and the second right",
        (HERE, HERE, on_a_line(5, 1), on_a_line(0, 1), None, None),
        0.25,
    ),
    (
        "one frame, and a point that is 5 Å away from it, along y where it should be along x",
        (HERE, HERE, gap_of(0, 5, 0), gap_of(5, 0, 0), None, None),
        5 * 2**0.5 / 10,
    ),
    (
        "one frame, and two points, the first off by 5 Å, the second, which is masked, by 20 Å",
        (HERE, HERE, on_a_line(5, 20), on_a_line(0, 0), None, torch.tensor([True, False])),
        0.5,
    ),
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
        lambda d: Case((*structures(d), None, None, 9.0), "clamped at 9 Å"),
        lambda d: Case((*structures(d), None, None, 0.5), "clamped at 0.5 Å"),
        lambda d: Case((*structures(d), d.mask(d.L), None, 9.0), "a mask of frames alone, and a clamp"),
        lambda d: Case((*structures(d), None, None, 0.0), "a clamp of 0, which means none"),
    ),
    tolerance=1e-4,  # AlphaFold's code adds ε to the number of pairs, the paper does not
    own=(worked_out(*FAPE_IN_THE_HEAD),),
)

# --- the clamp, example by example -----------------------------------------------------------------------------------


def tossed(d: Draw) -> tuple[Tensor, Tensor, float]:
    """Distances in Å, a coin for each batch element, and a clamp that cuts about half of the distances."""
    return 10 * d.normal(d.L, d.P).abs(), torch.rand(d.batch, generator=d.generator) < 0.5, 6.0


def clamped_one_by_one(distance: Tensor, coin: Tensor, clamp: float) -> Tensor:
    out = distance.clone()
    for b in itertools.product(*map(range, coin.shape)):
        if coin[b] and clamp > 0:
            out[b] = torch.minimum(distance[b], distance.new_tensor(clamp))
    return out


def by_the_packages_clamp(distance: Tensor, coin: Tensor, clamp: float) -> Tensor:
    return torch.where(coin[..., None, None], clamp_distance(distance, clamp), distance)


def every_other(d: Draw, clamp: float) -> tuple[Tensor, Tensor, float]:
    return 10 * torch.stack([d.normal(3, 5).abs() for _ in range(3)]), torch.tensor([True, False, True]), clamp


TABLE = torch.tensor([[[2.0, 8.0, 20.0]]], dtype=torch.float64)  # one protein, one frame, three points
YES, NO = torch.tensor([True]), torch.tensor([False])
CLAMPS_IN_THE_HEAD = (
    ("distances 2, 8 and 20 Å, the coin says no, a clamp of 6 Å", (TABLE, NO, 6.0), TABLE.tolist()),
    ("distances 2, 8 and 20 Å, the coin says yes, a clamp of 6 Å", (TABLE, YES, 6.0), [[[2.0, 6.0, 6.0]]]),
    ("distances 2, 8 and 20 Å, the coin says yes, a clamp of 15 Å", (TABLE, YES, 15.0), [[[2.0, 8.0, 15.0]]]),
    ("distances 2, 8 and 20 Å, the coin says yes, a clamp of 0, which means none", (TABLE, YES, 0.0), TABLE.tolist()),
)

check_clamp_some = Check(
    "Algorithm 28, line 4: a clamp for some of the batch",
    "losses.clamp_distance",
    tossed,
    clamped_one_by_one,
    special=(
        lambda d: Case(every_other(d, 8.0), "as many proteins as frames"),
        lambda d: Case(every_other(d, 0.0), "a clamp of 0, which means none"),
    ),
    sound=by_the_packages_clamp,
    own=(worked_out(*CLAMPS_IN_THE_HEAD),),
)

# --- superposition ---------------------------------------------------------------------------------------------------


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


def superposed_perfectly(d: Draw) -> Case:
    x = d.normal(50, 7, 3)
    moral = "right unless the two sets fit perfectly: by rounding the difference comes out a little below zero there"
    return Case((x, d.frames(50)[:, None].apply(x)), "fifty perfect fits", forwards=True, moral=moral)


check_kabsch_rmsd = Check(
    "RMSD after superposition",
    "losses.kabsch_rmsd",
    lambda d: (d.normal(d.L, 3), d.normal(d.L, 3)),
    rmsd_by_horn,
    special=(mirrored, superposed_perfectly),
    own=(what_it_is_made_of, a_perfect_fit),
    tolerance=1e-6,
)

# --- lDDT ------------------------------------------------------------------------------------------------------------


def neighbourly(d: Draw) -> tuple[Tensor, Tensor]:
    true = 7 * d.normal(d.L, 3)
    return true + d.normal(d.L, 3), true


def kept_one_by_one(predicted: Tensor, true: Tensor, mask: Tensor | None = None) -> Tensor:
    """One residue and one neighbour at a time."""
    batch, L = true.shape[:-2], true.shape[-2]
    real = torch.ones(*batch, L, dtype=torch.bool) if mask is None else mask
    out = torch.ones(*batch, L, dtype=true.dtype)
    for *b, i in itertools.product(*map(range, batch), range(L)):
        scores = []
        for j in range(L):
            there, here = (math.dist(x[(*b, i)].tolist(), x[(*b, j)].tolist()) for x in (true, predicted))
            if i != j and real[(*b, i)] and real[(*b, j)] and there < 15.0:
                scores.append(sum(abs(here - there) < tolerance for tolerance in (0.5, 1.0, 2.0, 4.0)) / 4)
        out[(*b, i)] = sum(scores) / len(scores) if scores else 1.0
    return out


def lddt_of_the_package(predicted: Tensor, true: Tensor, mask: Tensor | None = None) -> Tensor:
    return lddt(predicted, true, mask, per_residue=True)


def scaled(factor: float, name: str):
    def case(d: Draw) -> Case:
        predicted, true = neighbourly(d)
        return Case((factor * predicted, true), name)

    return case


def pair(text: str, true: float, predicted: float, expected: float) -> tuple:
    """An example with two residues on a line."""
    return f"two residues, {true:g} Å apart, {text}", (on_a_line(0, predicted), on_a_line(0, true)), [expected] * 2


SCORES_IN_THE_HEAD = (
    pair("predicted 10 Å apart", 10, 10, 1.0),
    pair("predicted 50 Å apart (they are neighbours, since nearer than 15 Å in the true structure)", 14, 50, 0.0),
    pair("predicted 10 Å apart (with 16 Å they are no neighbours, and who has none scores 1)", 16, 10, 1.0),
    *(
        pair(f"predicted {4 + error:g} Å apart", 4, 4 + error, score)
        for error, score in ((0.3, 1.0), (0.7, 0.75), (1.5, 0.5), (3.0, 0.25), (5.0, 0.0), (7.0, 0.0), (-3.0, 0.25))
    ),
    (
        "three residues at 0, 10 and 20 Å on a line, predicted at 0, 10 and 13 Å (the outer two are no neighbours)",
        (on_a_line(0, 10, 13), on_a_line(0, 10, 20)),
        [1.0, 0.5, 0.0],
    ),
    (
        "two residues, 10 Å apart, that lie right and the other way about",
        (on_a_line(10, 0), on_a_line(0, 10)),
        [1.0, 1.0],
    ),
    (
        "three residues at 0, 5 and 10 Å, predicted at 0, 5 and 30 Å, the last one padding (scores of the others)",
        (on_a_line(0, 5, 30), on_a_line(0, 5, 10), torch.tensor([True, True, False])),
        [1.0, 1.0],
    ),
)


def of_real_residues(e: Evidence) -> str | None:
    """Rows of padding are not compared."""
    answer = lambda *arguments: e.answer(*arguments)[: 2 if len(arguments) > 2 else None]  # noqa: E731
    return worked_out(*SCORES_IN_THE_HEAD)(replace(e, answer=answer))


check_lddt = Check(
    "lDDT, residue by residue",
    "losses.lddt",
    neighbourly,
    kept_one_by_one,
    special=(
        scaled(3.0, "a prediction that has fallen apart"),
        scaled(0.3, "a prediction that has collapsed"),
        lambda d: Case((*neighbourly(d), d.mask(d.L)), "with padding"),
    ),
    view=lambda out, predicted, true, mask=None: out[mask] if mask is not None and out.shape == mask.shape else out,
    sound=lddt_of_the_package,
    own=(of_real_residues,),
)
