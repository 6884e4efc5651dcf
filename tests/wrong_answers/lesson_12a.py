"""Lesson 12: some frames judge some points, and a coin for each protein."""

import math

import torch

from ipa_tutorial import Rigid, fape

from .answer import Exercise

# --- 12.1 -----------------------------------------------------------------------------------------------------------
judged = Exercise("12.1", "check_fape")


def sights(T, x):
    return T[..., None].invert_apply(x[..., None, :, :])  # (*, F, P, 3)


def gaps(T, T_true, x, x_true):
    return sights(T, x) - sights(T_true, x_true)


def root(gap):
    return (gap.square().sum(-1) + 1e-4).sqrt()


def capped(d, clamp):
    return d.clamp(max=clamp) if clamp else d


def pairs(d, m_frames, m_points):
    """One for each pair that counts, zero for the others."""
    weight = torch.ones_like(d)
    weight = weight if m_frames is None else weight * m_frames[..., :, None]
    return weight if m_points is None else weight * m_points[..., None, :]


def mean(d, weight):
    return (d * weight).sum((-1, -2)) / (weight.sum((-1, -2)) + 1e-4)


def variant(title, mistake, gaps=gaps, length=root, cap=capped, weights=pairs, mean=mean, scale=10.0):
    """The loss with one of its parts exchanged; without a mistake it is right."""

    def masked_fape(T, T_true, x, x_true, m_frames=None, m_points=None, clamp=0):
        d = cap(length(gaps(T, T_true, x, x_true)), clamp)
        return mean(d, weights(d, m_frames, m_points)) / scale

    (judged.wrong(title, mistake, masked_fape) if mistake else judged.right(title, masked_fape))


variant("no Z", "The error is counted in units of 10 Å.", scale=1.0)
variant("Z squared", "10 Å once, not a hundred.", scale=100.0)
variant("in nm", "Everything here is in ångström: nothing is multiplied by ten.", scale=1 / 10)
variant("no ε", "A perfect prediction has no finite gradient.", length=lambda gap: gap.norm(dim=-1))
variant("ε outside the root", "The slope at zero stays infinite.", length=lambda gap: gap.norm(dim=-1) + 1e-4)
variant("no root", "Squared distances weigh far pairs too much.", length=lambda gap: gap.square().sum(-1) + 1e-4)
variant(
    "a tiny ε",
    "ε is 10⁻⁴ Å² here, and it shows in a perfect prediction: 0.001.",
    length=lambda gap: (gap.square().sum(-1) + 1e-8).sqrt(),
)
variant(
    "a length for each coordinate",
    "Three coordinates make one distance.",
    length=lambda gap: (gap.square() + 1e-4).sqrt().sum(-1),
)
variant("never clamped", "The argument clamp is not looked at.", cap=lambda d, clamp: d)
variant("always clamped at 10", "A clamp of None or 0 means none.", cap=lambda d, clamp: d.clamp(max=10.0))
variant(
    "a clamp of zero is a clamp",
    "With clamp=0 the loss would be zero everywhere.",
    cap=lambda d, clamp: d if clamp is None else d.clamp(max=clamp),
)
variant(
    "clamped from below",
    "min(d_clamp, d) is a largest distance.",
    cap=lambda d, clamp: d.clamp(min=clamp) if clamp else d,
)
variant(
    "far pairs thrown away",
    "They count with d_clamp, not with zero.",
    cap=lambda d, clamp: torch.where(d < clamp, d, 0) if clamp else d,
)
variant(
    "clamped in units of Z",
    "The clamp is in Å as the distances are.",
    cap=lambda d, clamp: d.clamp(max=clamp / 10) if clamp else d,
)
variant("masks ignored", "Padding is judged and judges.", weights=lambda d, f, p: torch.ones_like(d))
variant("only frames masked", "Points may be padding, too.", weights=lambda d, f, p: pairs(d, f, None))
variant("only points masked", "Frames may be padding, too.", weights=lambda d, f, p: pairs(d, None, p))
variant(
    "masks added",
    "A pair counts if frame and point do: multiply.",
    weights=lambda d, f, p: (
        d.new_zeros(d.shape)
        + (1 if f is None else f[..., :, None].to(d.dtype))
        + (1 if p is None else p[..., None, :].to(d.dtype))
    ),
)
variant(
    "masks upside down",
    "True means that it counts.",
    weights=lambda d, f, p: pairs(d, None if f is None else ~f, None if p is None else ~p),
)
variant("masks exchanged", "Frames are rows, points are columns.", weights=lambda d, f, p: pairs(d, p, f))
variant(
    "a mean over all pairs",
    "The loss of a short protein shrinks with the padding.",
    mean=lambda d, w: (d * w).mean((-1, -2)),
)
variant("a mean over the batch", "Each protein keeps its own number.", mean=lambda d, w: (d * w).sum() / w.sum())
variant("a sum", "The number of pairs is missing.", mean=lambda d, w: (d * w).sum((-1, -2)))
variant(
    "summed over points, averaged over frames", "Both axes are averaged.", mean=lambda d, w: (d * w).sum(-1).mean(-1)
)
variant(
    "places compared",
    "Without frames a prediction that stands elsewhere is punished.",
    gaps=lambda T, T_true, x, x_true: (x - x_true)[..., None, :, :].expand(*x.shape[:-2], T.shape[-1], -1, -1),
)
variant(
    "the true frames for both",
    "Each structure is seen from its own frames.",
    gaps=lambda T, T_true, x, x_true: sights(T_true, x) - sights(T_true, x_true),
)
variant(
    "the predicted frames for both",
    "Each structure is seen from its own frames.",
    gaps=lambda T, T_true, x, x_true: sights(T, x) - sights(T, x_true),
)
variant(
    "R instead of Rᵀ",
    "T⁻¹ turns back.",
    gaps=lambda T, T_true, x, x_true: gaps(
        Rigid(T.rotations.mT, T.translations), Rigid(T_true.rotations.mT, T_true.translations), x, x_true
    ),
)
variant(
    "T instead of T⁻¹",
    "The points are in the world; frames look at them.",
    gaps=lambda T, T_true, x, x_true: (
        T[..., None].apply(x[..., None, :, :]) - T_true[..., None].apply(x_true[..., None, :, :])
    ),
)
variant(
    "only distances from the frame",
    "Two sights may be equally far and in different directions.",
    gaps=lambda T, T_true, x, x_true: (sights(T, x).norm(dim=-1) - sights(T_true, x_true).norm(dim=-1))[..., None],
)
variant("cut off from the gradient", "A loss without a gradient teaches nobody.", length=lambda gap: root(gap).detach())

judged.wrong(
    "each frame its own point",
    "Every frame judges every point, and their numbers may differ.",
    lambda T, T_true, x, x_true, m_frames=None, m_points=None, clamp=0: (
        capped(root(T.invert_apply(x) - T_true.invert_apply(x_true)), clamp).mean(-1) / 10
    ),
)
judged.wrong(
    "the package's fape",
    "It was to be written.",
    lambda T, T_true, x, x_true, m_frames=None, m_points=None, clamp=0: fape(
        T, T_true, x, x_true, m_frames, m_points, clamp
    ),
)

variant("without ε in the count", "", mean=lambda d, w: (d * w).sum((-1, -2)) / w.sum((-1, -2)).clamp(min=1))
variant(
    "arrows and einsum",
    "",
    gaps=lambda T, T_true, x, x_true: (
        torch.einsum("...iwa,...ijw->...ija", T.rotations, x[..., None, :, :] - T.translations[..., :, None, :])
        - torch.einsum(
            "...iwa,...ijw->...ija",
            T_true.rotations,
            x_true[..., None, :, :] - T_true.translations[..., :, None, :],
        )
    ),
    cap=lambda d, clamp: torch.minimum(d, torch.tensor(clamp or math.inf, dtype=d.dtype)),
)


@judged.right("frame by frame")
def _(T, T_true, x, x_true, m_frames=None, m_points=None, clamp=0):
    total = count = 0
    points = torch.ones_like(x[..., 0]) if m_points is None else m_points.to(x.dtype)  # (*, P)
    for i in range(T.shape[-1]):
        here, there = (F[..., i, None].invert_apply(y) for F, y in ((T, x), (T_true, x_true)))
        d = ((here - there) ** 2).sum(-1).add(1e-4) ** 0.5
        d = torch.where(d > clamp, clamp, d) if clamp else d
        weight = points if m_frames is None else points * m_frames[..., i, None]
        total, count = total + (weight * d).sum(-1), count + weight.sum(-1)
    return total / (count + 1e-4) / 10


# --- 12.2 -----------------------------------------------------------------------------------------------------------
coins = Exercise("12.2", "check_clamp_some")


def choose(coin, clamped, free):
    return torch.where(coin[..., None, None], clamped, free)


def limit(d, clamp):
    return d.clamp(max=clamp) if clamp else d


coins.wrong(
    "one axis too few",
    "Coins line up with the frames, silently if there are as many.",
    lambda d, coin, clamp: torch.where(coin[..., None], limit(d, clamp), d),
)
coins.wrong(
    "no axes at all", "Coins line up with the points.", lambda d, coin, clamp: torch.where(coin, limit(d, clamp), d)
)
coins.wrong("everybody clamped", "The coin decides.", lambda d, coin, clamp: limit(d, clamp))
coins.wrong("nobody clamped", "The coin decides.", lambda d, coin, clamp: d)
coins.wrong(
    "one coin for all",
    "The coin is thrown for each protein.",
    lambda d, coin, clamp: limit(d, clamp) if coin.any() else d,
)
coins.wrong("upside down", "True means: clamp this protein.", lambda d, coin, clamp: choose(coin, d, limit(d, clamp)))
coins.wrong(
    "a clamp of zero clamps",
    "0 means no clamp; here everything becomes zero.",
    lambda d, coin, clamp: choose(coin, d.clamp(max=clamp), d),
)
coins.wrong(
    "clamped from below",
    "min(d, d_clamp) is a largest distance.",
    lambda d, coin, clamp: choose(coin, d.clamp(min=clamp) if clamp else d, d),
)
coins.wrong(
    "zero times infinity",
    "0 · ∞ is NaN where the coin is True.",
    lambda d, coin, clamp: torch.minimum(
        d, (coin * (clamp or math.inf) + ~coin * math.inf)[..., None, None].to(d.dtype)
    ),
)
coins.wrong(
    "far pairs thrown away",
    "They are set to d_clamp, not to zero.",
    lambda d, coin, clamp: choose(coin, torch.where(d <= clamp, d, 0) if clamp else d, d),
)
coins.wrong(
    "free ones become zero",
    "Without a clamp the distance stays.",
    lambda d, coin, clamp: limit(d, clamp) * coin[..., None, None],
)
coins.wrong("always 10 Å", "The clamp is an argument.", lambda d, coin, clamp: choose(coin, d.clamp(max=10.0), d))
coins.wrong(
    "a batch axis needed",
    "coin[:, None, None] fails for one protein without a batch.",
    lambda d, coin, clamp: torch.where(coin[:, None, None], limit(d, clamp), d),
)
coins.wrong(
    "only the proteins that were clamped",
    "The table was to keep its shape.",
    lambda d, coin, clamp: limit(d[coin], clamp),
)
coins.wrong("divided by Z", "That comes later.", lambda d, coin, clamp: choose(coin, limit(d, clamp), d) / 10)
coins.wrong(
    "a mean already", "A table was asked for.", lambda d, coin, clamp: choose(coin, limit(d, clamp), d).mean((-1, -2))
)
coins.wrong(
    "double precision for all",
    "The table keeps its dtype.",
    lambda d, coin, clamp: choose(coin, limit(d, clamp), d).double(),
)
coins.wrong(
    "a coin of one's own",
    "The coins come in; throwing again is another experiment.",
    lambda d, coin, clamp: choose(torch.rand(coin.shape) < 0.9, limit(d, clamp), d),
)
coins.right(
    "a loop",
    lambda d, coin, clamp: (
        torch.stack(
            [limit(x, clamp) if c else x for x, c in zip(d.flatten(0, -3), coin.flatten(), strict=True)]
        ).reshape(d.shape)
        if coin.ndim
        else (limit(d, clamp) if coin else d)
    ),
)


@coins.wrong("written into the table", "The caller's distances have changed.")
def _(distance, coin, clamp):
    if clamp:
        distance[coin] = distance[coin].clamp(max=clamp)
    return distance


coins.right(
    "two finished tables",
    lambda d, coin, clamp: torch.where(coin[..., None, None], d.clamp(max=clamp), d) if clamp else d.clone(),
)
coins.right(
    "what is too much taken off", lambda d, coin, clamp: d - (d - (clamp or math.inf)).relu() * coin[..., None, None]
)


@coins.right("copied and filled")
def _(distance, coin, clamp):
    if not clamp:
        return distance
    far = (distance > clamp) & coin.unsqueeze(-1).unsqueeze(-1)
    return distance.masked_fill(far, clamp)
