"""FAPE, the clamp, superposition, lDDT, and what a folding network is told."""

from __future__ import annotations

import torch
from torch import Tensor

from ....losses import fape, kabsch_rmsd, lddt, sights
from ....rigid import Rigid
from .registry import slip

Mask = Tensor | None


def weighed(T: Rigid, T_true: Rigid, x: Tensor, x_true: Tensor, m: Mask, n: Mask) -> tuple[Tensor, Tensor]:
    """Squared gaps and weights, ``(*, F, P)`` both."""
    squared = (sights(T, x) - sights(T_true, x_true)).square().sum(-1)
    weight = torch.ones_like(squared)
    weight = weight if m is None else weight * m[..., :, None]
    return squared, weight if n is None else weight * n[..., None, :]


def mean(distance: Tensor, weight: Tensor) -> Tensor:
    return (distance * weight).sum((-1, -2)) / (weight.sum((-1, -2)) + 1e-4)


def clamped(distance: Tensor, clamp: float | None) -> Tensor:
    return distance.clamp(max=clamp) if clamp else distance


@slip("losses.fape", "no ε under the root: a perfect prediction has no finite gradient")
def fape_without_eps(T, T_true, x, x_true, m: Mask = None, n: Mask = None, clamp: float | None = None) -> Tensor:
    squared, weight = weighed(T, T_true, x, x_true, m, n)
    return mean(clamped(squared.sqrt(), clamp), weight) / 10


@slip("losses.fape", "the clamp is applied to the mean, where it belongs to each distance")
def clamp_of_the_mean(T, T_true, x, x_true, m: Mask = None, n: Mask = None, clamp: float | None = None) -> Tensor:
    squared, weight = weighed(T, T_true, x, x_true, m, n)
    return clamped(mean((squared + 1e-4).sqrt(), weight), clamp) / 10


@slip("losses.fape", "the clamp comes after the division by Z: it is in Å, and what it meets is in units of 10 Å")
def clamp_after_Z(T, T_true, x, x_true, m: Mask = None, n: Mask = None, clamp: float | None = None) -> Tensor:
    squared, weight = weighed(T, T_true, x, x_true, m, n)
    return mean(clamped((squared + 1e-4).sqrt() / 10, clamp), weight)


@slip("losses.fape", "the sum of the pairs that count is divided by the number of all pairs")
def divided_by_all_pairs(T, T_true, x, x_true, m: Mask = None, n: Mask = None, clamp: float | None = None) -> Tensor:
    squared, weight = weighed(T, T_true, x, x_true, m, n)
    return (clamped((squared + 1e-4).sqrt(), clamp) * weight).mean((-1, -2)) / 10


@slip("losses.fape", "the mask of the points is never used")
def points_mask_never_used(T, T_true, x, x_true, m: Mask = None, n: Mask = None, clamp: float | None = None) -> Tensor:
    return fape(T, T_true, x, x_true, m, None, clamp)


@slip("losses.fape", "the mask of the frames is never used")
def frames_mask_never_used(T, T_true, x, x_true, m: Mask = None, n: Mask = None, clamp: float | None = None) -> Tensor:
    return fape(T, T_true, x, x_true, None, n, clamp)


@slip("losses.fape", "masks are joined by 'or': a pair counts if its frame or its point is real, where both must be")
def masks_joined_by_or(T, T_true, x, x_true, m: Mask = None, n: Mask = None, clamp: float | None = None) -> Tensor:
    squared, weight = weighed(T, T_true, x, x_true, None, None)
    if m is not None and n is not None:
        weight = (m[..., :, None] | n[..., None, :]).to(squared.dtype)
    elif m is not None or n is not None:
        return fape(T, T_true, x, x_true, m, n, clamp)
    return mean(clamped((squared + 1e-4).sqrt(), clamp), weight) / 10


@slip("losses.fape", "one mean for the whole batch: each protein keeps a number of its own")
def one_number_for_all(T, T_true, x, x_true, m: Mask = None, n: Mask = None, clamp: float | None = None) -> Tensor:
    own = fape(T, T_true, x, x_true, m, n, clamp)
    return own.mean().expand_as(own)


@slip(
    "losses.fape",
    "both structures are seen from the true frames: that compares places, and punishes standing elsewhere",
)
def true_frames_for_both(T, T_true, x, x_true, m: Mask = None, n: Mask = None, clamp: float | None = None) -> Tensor:
    return fape(T_true, T_true, x, x_true, m, n, clamp)


@slip("losses.fape", "both structures are seen from the predicted frames, where the truth has frames of its own")
def predicted_frames_for_both(
    T, T_true, x, x_true, m: Mask = None, n: Mask = None, clamp: float | None = None
) -> Tensor:
    return fape(T, T, x, x_true, m, n, clamp)


@slip("losses.fape", "the distances are squared: line 3 of Algorithm 28 takes the root")
def fape_of_squares(T, T_true, x, x_true, m: Mask = None, n: Mask = None, clamp: float | None = None) -> Tensor:
    squared, weight = weighed(T, T_true, x, x_true, m, n)
    return mean(clamped(squared + 1e-4, clamp), weight) / 10


# --- superposition and lDDT -------------------------------------------------------------------------------------------


def rmsd(a: Tensor, b: Tensor, signs: tuple[float, float, float] | None = None, root: bool = True) -> Tensor:
    H = a.mT @ b
    sigma = torch.linalg.svdvals(H)
    signs = sigma.new_tensor(signs) if signs else torch.stack([x := torch.ones_like(sigma[..., 0]), x, det(H)], -1)
    left = a.square().sum((-1, -2)) + b.square().sum((-1, -2)) - 2 * (signs * sigma).sum(-1)
    return (left.clamp(min=0) / a.shape[-2]).sqrt() if root else left.clamp(min=0) / a.shape[-2]


def det(H: Tensor) -> Tensor:
    return torch.linalg.det(H).sign()


def centred(x: Tensor) -> Tensor:
    return x - x.mean(-2, keepdim=True)


@slip("losses.kabsch_rmsd", "a minus in front of σ₃ everywhere: it belongs there only where det H is negative")
def minus_everywhere(a: Tensor, b: Tensor) -> Tensor:
    return rmsd(centred(a), centred(b), (1, 1, -1))


@slip("losses.kabsch_rmsd", "the sets of points are not centred: the best translation is left out")
def not_centred(a: Tensor, b: Tensor) -> Tensor:
    return rmsd(a, b)


@slip("losses.kabsch_rmsd", "only one of the two sets is centred")
def only_one_centred(a: Tensor, b: Tensor) -> Tensor:
    return rmsd(centred(a), b)


@slip("losses.kabsch_rmsd", "the root is missing: that is the mean square distance")
def mean_square(a: Tensor, b: Tensor) -> Tensor:
    return rmsd(centred(a), centred(b), root=False)


@slip("losses.kabsch_rmsd", "no superposition at all: the distance of the points as they lie")
def not_superposed(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().sum(-1).mean(-1).sqrt()


@slip("losses.kabsch_rmsd", "centred and not turned: the best rotation is left out")
def centred_and_not_turned(a: Tensor, b: Tensor) -> Tensor:
    return (centred(a) - centred(b)).square().sum(-1).mean(-1).sqrt()


@slip("losses.lddt", "the share is taken of all residues, where it should be of the neighbours")
def divided_by_everybody(predicted: Tensor, true: Tensor, mask: Mask = None) -> Tensor:
    kept, near = tables(predicted, true, mask)
    return (kept * near).sum(-1) / true.shape[-2]


@slip("losses.lddt", "one score for the whole protein, where each residue has its own")
def one_score_for_all(predicted: Tensor, true: Tensor, mask: Mask = None) -> Tensor:
    return lddt(predicted, true, mask)


@slip("losses.lddt", "the mask hides rows and not columns: padding is still a neighbour of real residues")
def rows_masked_alone(predicted: Tensor, true: Tensor, mask: Mask = None) -> Tensor:
    scores = lddt(predicted, true, per_residue=True)
    return scores if mask is None else torch.where(mask, scores, 1.0)


@slip("losses.lddt", "a residue without neighbours scores 0, where it should score 1")
def lonely_scores_nothing(predicted: Tensor, true: Tensor, mask: Mask = None) -> Tensor:
    kept, near = tables(predicted, true, mask)
    return (kept * near).sum(-1) / near.sum(-1).clamp(min=1)


def tables(predicted: Tensor, true: Tensor, mask: Mask) -> tuple[Tensor, Tensor]:
    """The share of the tolerances that each distance keeps, and who is whose neighbour."""
    d, d_true = torch.cdist(predicted, predicted), torch.cdist(true, true)
    near = (d_true < 15.0) & ~torch.eye(true.shape[-2], dtype=torch.bool)
    near = near if mask is None else near & mask[..., None, :]
    return sum(((d - d_true).abs() < c).to(true.dtype) for c in (0.5, 1.0, 2.0, 4.0)) / 4, near


# --- folding ----------------------------------------------------------------------------------------------------------


def loss(every: Rigid, truth: Rigid, m: Tensor, n: Tensor, clamp: float | None = None, unit: float = 10.0) -> Tensor:
    """(D, *)"""
    steps = [every[k].scale_translations(unit) for k in range(every.shape[0])]
    return torch.stack([fape(T, truth, T.translations, truth.translations, m, n, clamp) for T in steps])


LOSS = "training.backbone_loss"


@slip(LOSS, "only the last iteration is judged: each must be told how it did")
def last_iteration_alone(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, mask, mask)[-1]


@slip(LOSS, "the iterations are added, where the mean belongs")
def sum_of_iterations(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, mask, mask).sum(0)


@slip(LOSS, "the mask is never used: padding counts as frame and as point")
def loss_of_the_padding(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, None, None).mean(0)


@slip(LOSS, "padding does not count as a frame, but it does as a point")
def mask_of_frames_alone(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, mask, None).mean(0)


@slip(LOSS, "padding does not count as a point, but it does as a frame")
def mask_of_points_alone(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, None, mask).mean(0)


@slip(LOSS, "clamped at 10 Å: where all begins in one point, most pairs are farther off and feel no pull")
def clamped_loss(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, mask, mask, 10.0).mean(0)


@slip(LOSS, "nm divided by 10, where 1 nm is 10 Å")
def divided_into_angstrom(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, mask, mask, unit=0.1).mean(0)


@slip(LOSS, "one number for the whole batch: the mean has mixed the proteins")
def loss_of_the_whole_batch(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, mask, mask).mean().expand(truth.shape[:-1])


def judged(every: Rigid, truth: Rigid, mask: Tensor, unit: float, points_unit: float) -> Tensor:
    steps = [every[k].scale_translations(unit) for k in range(every.shape[0])]
    points = [points_unit * every[k].translations for k in range(every.shape[0])]
    pairs = zip(steps, points, strict=True)
    return torch.stack([fape(T, truth, x, truth.translations, mask, mask) for T, x in pairs]).mean(0)


@slip(LOSS, "the points are left in nm, where their frames are in Å")
def points_left_in_nm(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return judged(every, truth, mask, 10.0, 1.0)


@slip(LOSS, "the frames are left in nm, where their points are in Å")
def frames_left_in_nm(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return judged(every, truth, mask, 1.0, 10.0)


@slip(LOSS, "the truth is brought to nm: FAPE's Z and ε are in Å")
def truth_in_nm(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth.scale_translations(0.1), mask, mask, unit=1.0).mean(0)


@slip(LOSS, "the last iteration is left out")
def without_the_last(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, mask, mask)[:-1].mean(0)


@slip(LOSS, "the first iteration is left out")
def iterations_but_the_first(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, mask, mask)[1:].mean(0)


@slip(LOSS, "only the first iteration is judged")
def first_iteration_alone(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, mask, mask)[0]


@slip(LOSS, "only the best iteration is judged, where every one must be told how it did")
def best_iteration_alone(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    return loss(every, truth, mask, mask).amin(0)


@slip(LOSS, "the true points stand in for the predicted ones: each structure brings its own")
def true_points_for_both(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    steps = [every[k].scale_translations(10.0) for k in range(every.shape[0])]
    x = truth.translations
    return torch.stack([fape(T, truth, x, x, mask, mask) for T in steps]).mean(0)


@slip(LOSS, "the true frames stand in for the predicted ones: each structure is seen from its own")
def seen_from_the_true_frames(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    points = [10.0 * every[k].translations for k in range(every.shape[0])]
    return torch.stack([fape(truth, truth, x, truth.translations, mask, mask) for x in points]).mean(0)


BEST = "the best of many attempts"


def best(rmsds: Tensor) -> tuple[int, float]:
    return int(rmsds.argmin()), rmsds.min().item()


def rmsds_of(chains: Tensor, true: Tensor) -> Tensor:
    return kabsch_rmsd(chains, true.expand_as(chains))


@slip(BEST, "nm beside Å: the chains are a tenth as large as the crystal, and no superposition mends that")
def nm_beside_angstrom(chains: Tensor, true: Tensor) -> tuple[int, float]:
    return best(rmsds_of(chains, true))


@slip(BEST, "the unit of the result is changed and not that of the chains: nm were compared with Å all the same")
def unit_of_the_result(chains: Tensor, true: Tensor) -> tuple[int, float]:
    k, value = best(rmsds_of(chains, true))
    return k, 10 * value


@slip(BEST, "the RMSD is in nm, where Å were asked for")
def rmsd_in_nm(chains: Tensor, true: Tensor) -> tuple[int, float]:
    return best(rmsds_of(chains, 0.1 * true))


@slip(BEST, "the worst is kept, and not the best")
def worst_kept(chains: Tensor, true: Tensor) -> tuple[int, float]:
    rmsds = rmsds_of(10 * chains, true)
    return int(rmsds.argmax()), rmsds.max().item()


@slip(BEST, "no superposition: the chain that happens to lie where the crystal lies wins")
def as_they_lie(chains: Tensor, true: Tensor) -> tuple[int, float]:
    return best((10 * chains - true).square().sum(-1).mean(-1).sqrt())


@slip(BEST, "the chains are centred and not turned: where the best rotation is left out, the pose decides")
def only_centred(chains: Tensor, true: Tensor) -> tuple[int, float]:
    return best((centred(10 * chains) - centred(true)).square().sum(-1).mean(-1).sqrt())


@slip(BEST, "the mean RMSD of all chains, where that of the best is asked for")
def mean_of_all(chains: Tensor, true: Tensor) -> tuple[int, float]:
    rmsds = rmsds_of(10 * chains, true)
    return int(rmsds.argmin()), rmsds.mean().item()


@slip(BEST, "chains are counted from one, where tensors count from zero")
def counted_from_one(chains: Tensor, true: Tensor) -> tuple[int, float]:
    k, value = best(rmsds_of(10 * chains, true))
    return k + 1, value


@slip(BEST, "the last chain is kept, where the best is asked for: training goes up and down")
def the_last_kept(chains: Tensor, true: Tensor) -> tuple[int, float]:
    return len(chains) - 1, rmsds_of(10 * chains, true)[-1].item()


@slip(BEST, "reflections are allowed: the mirror image is taken for the best of all")
def mirror_allowed(chains: Tensor, true: Tensor) -> tuple[int, float]:
    mirror = true * true.new_tensor([1, 1, -1])
    return best(torch.minimum(rmsds_of(10 * chains, true), rmsds_of(10 * chains, mirror)))
