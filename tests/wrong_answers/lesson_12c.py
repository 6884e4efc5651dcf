"""Lesson 12: further answers, written without a look at the checks."""

import torch

from .answer import Exercise


def fp(scale=10, pow=1, both=False, half=1.0):
    def f(T, T2, x, x2, mf=None, mp=None, clamp=0):
        s = T[..., None].invert_apply(x[..., None, :, :]) - T2[..., None].invert_apply(x2[..., None, :, :])
        d = ((s.square().sum(-1) + 1e-4).sqrt()) ** pow
        if clamp:
            d = d.clamp(max=clamp)
        wgt = torch.ones_like(d)
        if mf is not None:
            wgt = wgt * mf[..., :, None]
        if mp is not None:
            wgt = wgt * mp[..., None, :]
        return half * (wgt * d).sum((-1, -2)) / (wgt.sum((-1, -2)) + 1e-4) / scale

    return f


Exercise.all["12.1"].wrong("half of it", "No ½ in FAPE.", fp(half=0.5))

Exercise.all["12.1"].wrong("the root of the distance", "d itself.", fp(pow=0.5))

Exercise.all["12.4"].wrong(
    "tolerances doubled",
    "0.5, 1, 2 and 4 Å.",
    lambda p, t, m=None: (
        lambda d, e: (
            lambda n: torch.where(
                n.sum(-1) > 0,
                ((sum((d - e).abs() < c for c in (1.0, 2.0, 4.0, 8.0)).to(t.dtype) / 4) * n).sum(-1)
                / n.sum(-1).clamp(min=1),
                1.0,
            )
        )((e < 15) & ~torch.eye(t.shape[-2], dtype=torch.bool) & (True if m is None else m[..., None, :]))
    )(torch.cdist(p, p), torch.cdist(t, t)),
)


def _sight(T, x):
    return T[..., None].invert_apply(x[..., None, :, :])


def fape_clamped_in_units_of_z(T, T_true, x, x_true, m_frames=None, m_points=None, clamp=0):
    d = ((_sight(T, x) - _sight(T_true, x_true)).square().sum(-1) + 1e-4).sqrt() / 10
    if clamp:
        d = d.clamp(max=clamp)
    w = torch.ones_like(d)
    if m_frames is not None:
        w = w * m_frames[..., :, None]
    if m_points is not None:
        w = w * m_points[..., None, :]
    return (w * d).sum((-1, -2)) / w.sum((-1, -2)).clamp(min=1)


Exercise.all["12.1"].wrong(
    "clamp after division by Z",
    "The distances are divided by Z = 10 Å before they are clamped, so the clamp, in Å, is ten times too far.",
    fape_clamped_in_units_of_z,
)


def fape_either_mask(T, T_true, x, x_true, m_frames=None, m_points=None, clamp=0):
    d = ((_sight(T, x) - _sight(T_true, x_true)).square().sum(-1) + 1e-4).sqrt()
    if clamp:
        d = d.clamp(max=clamp)
    F, P = d.shape[-2:]
    if m_frames is None:
        m_frames = torch.ones(*d.shape[:-2], F, dtype=torch.bool)
    if m_points is None:
        m_points = torch.ones(*d.shape[:-2], P, dtype=torch.bool)
    counts = m_frames[..., :, None] | m_points[..., None, :]
    return torch.where(counts, d, 0).sum((-1, -2)) / counts.sum((-1, -2)).clamp(min=1) / 10


Exercise.all["12.1"].wrong(
    "pair counts if either is real",
    "The masks are joined by or: a pair counts already if the frame or the point is real, and not only if both are.",
    fape_either_mask,
)


def fape_frame_by_frame(T, T_true, x, x_true, m_frames=None, m_points=None, clamp=0):
    total, count = 0.0, 0.0
    judges = torch.ones_like(T.translations[..., 0]) if m_frames is None else m_frames.to(x.dtype)
    judged = torch.ones_like(x[..., 0]) if m_points is None else m_points.to(x.dtype)
    for i in range(T.shape[-1]):
        a = torch.einsum("...wa,...pw->...pa", T.rotations[..., i, :, :], x - T.translations[..., i, None, :])
        b = torch.einsum(
            "...wa,...pw->...pa", T_true.rotations[..., i, :, :], x_true - T_true.translations[..., i, None, :]
        )
        d = torch.sqrt(1e-4 + (a - b).pow(2).sum(-1))
        if clamp:
            d = torch.minimum(d, torch.full_like(d, clamp))
        w = judges[..., i, None] * judged
        total, count = total + (w * d).sum(-1), count + w.sum(-1)
    return total / (count + 1e-4) / 10


Exercise.all["12.1"].right("one frame after the other", fape_frame_by_frame)


def clamp_into_the_input(distance, coin, clamp):
    if clamp == 0:
        return distance
    distance[coin] = distance[coin].clamp(max=clamp)
    return distance


Exercise.all["12.2"].wrong(
    "clamped inside the given table",
    "The clamped distances are written into the table that was handed in: the input is changed.",
    clamp_into_the_input,
)


def clamp_zero_is_zero(distance, coin, clamp):
    return torch.where(coin[..., None, None], distance.clamp(max=clamp), distance)


Exercise.all["12.2"].wrong(
    "zero taken as a limit",
    "A clamp of 0 is not treated on its own: it sets all distances of a clamped protein to zero.",
    clamp_zero_is_zero,
)


def clamp_copied(distance, coin, clamp):
    excess = (distance - (clamp or float("inf"))).relu()
    return distance - excess * coin[..., None, None]


Exercise.all["12.2"].right("excess above the limit taken off", clamp_copied)


def rmsd_largest_flipped(a, b):
    a, b = (x - x.mean(-2, keepdim=True) for x in (a, b))
    H = a.mT @ b
    s1, s2, s3 = torch.linalg.svdvals(H).unbind(-1)
    overlap = torch.linalg.det(H).sign() * s1 + s2 + s3
    left = (a.square() + b.square()).sum((-1, -2)) - 2 * overlap
    return (left.clamp(min=0) / a.shape[-2]).sqrt()


Exercise.all["12.3"].wrong(
    "sign given to the largest value",
    "The sign of the determinant goes to the largest singular value in place of the smallest one.",
    rmsd_largest_flipped,
)


def rmsd_per_coordinate(a, b):
    a, b = (x - x.mean(-2, keepdim=True) for x in (a, b))
    H = a.mT @ b
    sigma = torch.linalg.svdvals(H)
    overlap = sigma[..., 0] + sigma[..., 1] + torch.linalg.det(H).sign() * sigma[..., 2]
    left = (a.square() + b.square()).sum((-1, -2)) - 2 * overlap
    return (left.clamp(min=0) / (a.shape[-2] * a.shape[-1])).sqrt()


Exercise.all["12.3"].wrong(
    "mean over coordinates, not points",
    "The sum is divided by the number of coordinates, 3L, in place of points: too small by √3.",
    rmsd_per_coordinate,
)


def rmsd_by_horn(a, b):
    a, b = (x - x.mean(-2, keepdim=True) for x in (a, b))
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (row.unbind(-1) for row in (a.mT @ b).unbind(-2))
    N = torch.stack(
        [
            xx + yy + zz,
            yz - zy,
            zx - xz,
            xy - yx,
            yz - zy,
            xx - yy - zz,
            xy + yx,
            zx + xz,
            zx - xz,
            xy + yx,
            yy - xx - zz,
            yz + zy,
            xy - yx,
            zx + xz,
            yz + zy,
            zz - xx - yy,
        ],
        -1,
    ).unflatten(-1, (4, 4))
    best = torch.linalg.eigvalsh(N)[..., -1]
    left = (a.square() + b.square()).sum((-1, -2)) - 2 * best
    return (left.clamp(min=0) / a.shape[-2]).sqrt()


Exercise.all["12.3"].right("Horn's four by four eigenvalue", rmsd_by_horn)


def _kept(predicted, true):
    error = (torch.cdist(predicted, predicted) - torch.cdist(true, true)).abs()
    return sum((error < c).to(true.dtype) for c in (0.5, 1.0, 2.0, 4.0)) / 4


def score_lonely_is_zero(predicted, true, mask=None):
    near = (torch.cdist(true, true) < 15) & ~torch.eye(true.shape[-2], dtype=torch.bool)
    if mask is not None:
        near = near & mask[..., None, :]
    return (_kept(predicted, true) * near).sum(-1) / near.sum(-1).clamp(min=1)


Exercise.all["12.4"].wrong(
    "nobody near scores zero", "A residue without any neighbour gets 0 in place of 1.", score_lonely_is_zero
)


def score_rows_masked(predicted, true, mask=None):
    near = (torch.cdist(true, true) < 15) & ~torch.eye(true.shape[-2], dtype=torch.bool)
    if mask is not None:
        near = near & mask[..., :, None]
    count = near.sum(-1)
    return torch.where(count > 0, (_kept(predicted, true) * near).sum(-1) / count.clamp(min=1), 1.0)


Exercise.all["12.4"].wrong(
    "mask laid upon the rows",
    "The mask hides rows in place of columns: padding still counts as a neighbour of real residues.",
    score_rows_masked,
)


def score_in_a_loop(predicted, true, mask=None):
    batch, L = true.shape[:-2], true.shape[-2]
    p, t = predicted.reshape(-1, L, 3), true.reshape(-1, L, 3)
    m = torch.ones(len(t), L, dtype=torch.bool) if mask is None else mask.reshape(-1, L)
    rows = []
    for n in range(len(t)):
        for i in range(L):
            d_true, d = (t[n] - t[n, i]).norm(dim=-1), (p[n] - p[n, i]).norm(dim=-1)
            here = m[n] & (d_true < 15) & (torch.arange(L) != i)
            if not here.any():
                rows.append(torch.ones((), dtype=true.dtype))
                continue
            off = (d - d_true)[here].abs()
            rows.append((off[:, None] < torch.tensor([0.5, 1, 2, 4])).to(true.dtype).mean())
    return torch.stack(rows).reshape(*batch, L)


Exercise.all["12.4"].right("residue by residue in a loop", score_in_a_loop)
