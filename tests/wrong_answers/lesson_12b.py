"""Lesson 12: superposed but not reflected, and a score that forgives a hinge."""

from itertools import product

import torch
from torch.linalg import det, svd, svdvals

from ipa_tutorial import kabsch_rmsd, lddt

from .answer import Exercise

# --- 12.3 -----------------------------------------------------------------------------------------------------------
best = Exercise("12.3", "check_kabsch_rmsd")


def centre(x):
    return x - x.mean(-2, keepdim=True)


def both_centred(a, b):
    return centre(a), centre(b)


def proper(sigma, H):
    return sigma[..., 0] + sigma[..., 1] + det(H).sign() * sigma[..., 2]


def what_is_left(a, b, overlap):
    return a.square().sum((-1, -2)) + b.square().sum((-1, -2)) - 2 * overlap


def per_point(left, L):
    return (left.clamp(min=0) / L).sqrt()


def rmsd(
    title, mistake, centred=both_centred, matrix=lambda a, b: a.mT @ b, overlap=proper, left=what_is_left, end=per_point
):
    def superposed_rmsd(a, b):
        a, b = centred(a, b)
        H = matrix(a, b)
        return end(left(a, b, overlap(svdvals(H), H)), a.shape[-2])

    (best.wrong(title, mistake, superposed_rmsd) if mistake else best.right(title, superposed_rmsd))


rmsd("always plus", "Left hands superpose onto right hands.", overlap=lambda s, H: s.sum(-1))
rmsd("always minus", "The minus is for reflections only.", overlap=lambda s, H: s[..., 0] + s[..., 1] - s[..., 2])
rmsd(
    "the sign on the largest",
    "The cheapest direction is given up, which is the smallest.",
    overlap=lambda s, H: det(H).sign() * s[..., 0] + s[..., 1] + s[..., 2],
)
rmsd(
    "the sign on all",
    "Only the smallest singular value counts against.",
    overlap=lambda s, H: det(H).sign() * s.sum(-1),
)
rmsd(
    "the determinant itself",
    "Only its sign is wanted.",
    overlap=lambda s, H: s[..., 0] + s[..., 1] + det(H) * s[..., 2],
)
rmsd(
    "the sign turned around",
    "Minus where the determinant is negative.",
    overlap=lambda s, H: s[..., 0] + s[..., 1] - det(H).sign() * s[..., 2],
)
rmsd(
    "the sign of the trace",
    "The trace says nothing about reflections.",
    overlap=lambda s, H: s[..., 0] + s[..., 1] + H.diagonal(dim1=-2, dim2=-1).sum(-1).sign() * s[..., 2],
)
rmsd(
    "no rotation",
    "The trace is the overlap as the two lie now.",
    overlap=lambda s, H: H.diagonal(dim1=-2, dim2=-1).sum(-1),
)
rmsd(
    "one overlap instead of two",
    "The cross term comes twice.",
    left=lambda a, b, o: a.square().sum((-1, -2)) + b.square().sum((-1, -2)) - o,
)
rmsd("not centred", "Translations are free, too.", centred=lambda a, b: (a, b))
rmsd("only one centred", "Each set has its own middle.", centred=lambda a, b: (centre(a), b))
rmsd(
    "both by the middle of a",
    "Each set has its own middle.",
    centred=lambda a, b: (centre(a), b - a.mean(-2, keepdim=True)),
)
rmsd(
    "centred on the batch",
    "Each protein has its own middle.",
    centred=lambda a, b: (a - a.mean((0, -2), keepdim=True), b - b.mean((0, -2), keepdim=True)),
)
rmsd(
    "centred on the first residue",
    "The best translation lays the means onto each other.",
    centred=lambda a, b: (a - a[..., :1, :], b - b[..., :1, :]),
)
rmsd("L by L", "H is 3 × 3: the points are rows.", matrix=lambda a, b: a @ b.mT)
rmsd("a with itself", "The other structure is missing in H.", matrix=lambda a, b: a.mT @ a)
rmsd("not divided by L", "A mean of squares is under the root.", end=lambda left, L: left.clamp(min=0).sqrt())
rmsd(
    "divided by 3L",
    "The mean is over points, not over coordinates.",
    end=lambda left, L: (left.clamp(min=0) / (3 * L)).sqrt(),
)
rmsd("divided after the root", "L belongs under the root.", end=lambda left, L: left.clamp(min=0).sqrt() / L)
rmsd("no root", "That is the mean square.", end=lambda left, L: left.clamp(min=0) / L)
rmsd("no clamp", "Rounding makes −10⁻⁶ of zero, and its root is NaN.", end=lambda left, L: (left / L).sqrt())
rmsd(
    "a generous clamp",
    "Nothing is ever better than 0.1 Å.",
    end=lambda left, L: (left.clamp(min=0) / L).clamp(min=0.01).sqrt(),
)
best.wrong("not superposed at all", "Both lie where they lie.", lambda a, b: (a - b).square().sum(-1).mean(-1).sqrt())
best.wrong(
    "centred and not turned",
    "Half of a superposition.",
    lambda a, b: (centre(a) - centre(b)).square().sum(-1).mean(-1).sqrt(),
)
best.wrong(
    "distances compared",
    "A mirror image has the same distances.",
    lambda a, b: (torch.cdist(a, a) - torch.cdist(b, b)).square().mean((-1, -2)).sqrt(),
)
best.wrong("the package's function", "It was to be written.", lambda a, b: kabsch_rmsd(a, b))
best.wrong("one number for the batch", "Each protein has its own.", lambda a, b: kabsch_rmsd(a, b).mean())
best.wrong("in nm", "Å in, Å out.", lambda a, b: kabsch_rmsd(a, b) / 10)


@best.wrong("a single protein", "H.T and a mean over axis 0 leave no room for a batch.")
def _(a, b):
    a, b = a - a.mean(0), b - b.mean(0)
    H = a.T @ b
    s = svdvals(H)
    return per_point(a.square().sum() + b.square().sum() - 2 * proper(s, H), len(a))


rmsd("H the other way round", "", matrix=lambda a, b: torch.einsum("...lx,...ly->...xy", b, a))
rmsd("one where the determinant is negative", "", overlap=lambda s, H: s.sum(-1) - 2 * s[..., 2] * (det(H) < 0))


@best.right("with a rotation")
def _(a, b):
    a, b = both_centred(a, b)
    U, _, Vh = svd(a.mT @ b)
    flip = torch.ones_like(U[..., 0])
    flip[..., 2] = det(U) * det(Vh)
    return (a @ (U * flip[..., None, :]) @ Vh - b).square().sum(-1).mean(-1).sqrt()


# --- 12.4 -----------------------------------------------------------------------------------------------------------
score = Exercise("12.4", "check_lddt")


def distances(x):
    return torch.cdist(x, x)


def near(d, d_true):
    return d_true < 15


def others(L):
    return ~torch.eye(L, dtype=torch.bool)


def wrong_by(d, d_true):
    return (d - d_true).abs()


def columns(mask):
    return mask[..., None, :]


def kept_share(error):
    return sum((error < c).to(error.dtype) for c in (0.5, 1, 2, 4)) / 4


def variant(
    title,
    mistake,
    distances=distances,
    near=near,
    others=others,
    error=wrong_by,
    real=columns,
    kept=kept_share,
    alone=1.0,
    count=None,
):
    def local_score(predicted, true, mask=None):
        d, d_true = distances(predicted), distances(true)
        neighbour = near(d, d_true) & others(true.shape[-2])
        if mask is not None:
            neighbour = neighbour & real(mask)
        number = neighbour.sum(-1)
        divisor = number if count is None else torch.full_like(number, count(true))
        share = (kept(error(d, d_true)) * neighbour).sum(-1) / divisor.clamp(min=1)
        return torch.where(number > 0, share, alone)

    score.wrong(title, mistake, local_score)


variant(
    "one's own neighbour",
    "The distance from i to i is right in any prediction: a gift.",
    others=lambda L: torch.ones(L, L, dtype=torch.bool),
)
variant(
    "neighbours in the prediction",
    "A chain that has fallen apart has none, and so no faults.",
    near=lambda d, d_true: d < 15,
)
variant(
    "neighbours in both", "The truth alone decides who is a neighbour.", near=lambda d, d_true: (d < 15) & (d_true < 15)
)
variant(
    "neighbours in either",
    "The truth alone decides who is a neighbour.",
    near=lambda d, d_true: (d < 15) | (d_true < 15),
)
variant("no absolute value", "A collapsed chain keeps everything.", error=lambda d, d_true: d - d_true)
variant("no absolute value, the other way", "An exploded chain keeps everything.", error=lambda d, d_true: d_true - d)
variant(
    "padding is a neighbour",
    "All at one place, it is always right.",
    real=lambda mask: torch.ones_like(mask)[..., None, :],
)
variant(
    "rows masked instead of columns",
    "Padding is nobody's neighbour: hide columns.",
    real=lambda mask: mask[..., :, None],
)
variant("mask upside down", "True means real.", real=lambda mask: ~mask[..., None, :])
variant("nobody near is worth nothing", "A residue without a neighbour scores 1.", alone=0.0)
variant("nobody near is NaN", "A residue without a neighbour scores 1.", alone=float("nan"))
variant("15 nm", "The neighbourhood is 15 Å wide.", near=lambda d, d_true: d_true < 150)
variant("1.5 nm", "Everything is in Å here.", near=lambda d, d_true: d_true < 1.5)
variant("eight ångström", "The neighbourhood is 15 Å wide.", near=lambda d, d_true: d_true < 8)
variant("a sum of tolerances", "A quarter for each of the four.", kept=lambda e: 4 * kept_share(e))
variant("one tolerance", "There are four.", kept=lambda e: (e < 2).to(e.dtype))
variant(
    "the strictest", "There are four, and half an ångström is only the first.", kept=lambda e: (e < 0.5).to(e.dtype)
)
variant(
    "GDT's tolerances",
    "0.5, 1, 2 and 4, not 1, 2, 4 and 8.",
    kept=lambda e: sum((e < c).to(e.dtype) for c in (1, 2, 4, 8)) / 4,
)
variant("what is lost", "The bracket is 1 for what was kept.", kept=lambda e: 1 - kept_share(e))
variant(
    "a product of tolerances",
    "Four shares are averaged.",
    kept=lambda e: ((e < 0.5) & (e < 1) & (e < 2) & (e < 4)).to(e.dtype),
)
variant("divided by L", "The divisor is the number of neighbours.", count=lambda true: true.shape[-2])
variant("divided by L − 1", "The divisor is the number of neighbours.", count=lambda true: true.shape[-2] - 1)
variant(
    "squared distances", "Distances are compared, not their squares.", distances=lambda x: torch.cdist(x, x).square()
)
variant(
    "places instead of distances",
    "A score without superposition looks at distances.",
    distances=lambda x: x.norm(dim=-1)[..., None].expand(*x.shape[:-1], x.shape[-2]),
)
score.wrong("one number for each protein", "Each residue has its own.", lambda p, t, mask=None: lddt(p, t, mask))
score.wrong(
    "the package's function", "It was to be written.", lambda p, t, mask=None: lddt(p, t, mask, per_residue=True)
)
score.wrong("in percent", "From 0 to 1.", lambda p, t, mask=None: 100 * lddt(p, t, mask, per_residue=True))
score.wrong(
    "the mask ignored", "Padding is nobody's neighbour.", lambda p, t, mask=None: lddt(p, t, None, per_residue=True)
)
score.wrong(
    "in single precision",
    "The dtype of the coordinates was asked for.",
    lambda p, t, mask=None: lddt(p.float(), t.float(), mask, per_residue=True).float(),
)


def by_hand(p, t):
    """lDDT of one protein without a mask, by loops."""
    out = []
    for i in range(len(t)):
        friends = [j for j in range(len(t)) if j != i and (t[i] - t[j]).norm() < 15]
        kept = 0.0
        for j in friends:
            error = abs((p[i] - p[j]).norm() - (t[i] - t[j]).norm()).item()
            kept += sum(error < c for c in (0.5, 1, 2, 4)) / 4
        out.append(kept / len(friends) if friends else 1.0)
    return torch.tensor(out, dtype=t.dtype)


@score.right("residue by residue")
def _(predicted, true, mask=None):
    mask = torch.ones(true.shape[:-1], dtype=torch.bool) if mask is None else mask
    out = torch.ones_like(true[..., 0])
    for index in product(*map(range, true.shape[:-2])):
        p, t, real = (x[index] for x in (predicted, true, mask))
        out[index][real] = by_hand(p[real], t[real])
    return out


@score.right("thresholds on an axis of their own")
def _(predicted, true, mask=None):
    def lengths(x):
        return (x.unsqueeze(-2) - x.unsqueeze(-3)).norm(dim=-1)

    error, away = (lengths(predicted) - lengths(true)).abs(), lengths(true)
    kept = (error[..., None] < torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=true.dtype)).to(true.dtype).mean(-1)
    weight = (away < 15).to(true.dtype) * (1 - torch.eye(true.shape[-2], dtype=true.dtype))
    if mask is not None:
        weight = weight * mask.to(true.dtype).unsqueeze(-2)
    total, number = (weight * kept).sum(-1), weight.sum(-1)
    return (total + (number == 0)) / (number + (number == 0))
