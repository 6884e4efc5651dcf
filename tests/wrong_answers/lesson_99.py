"""Answers to exercises of all lessons, written without a look at the checks, to measure them anew.

Of 64, ten were named at once, 49 diagnosed (one of them wrongly), and five got two bare numbers; four of them were in
the table already.
"""

import math

import torch
from torch.nn.functional import normalize

from ipa_tutorial import Rigid, random_rigid
from ipa_tutorial.quaternion import normalise_quaternion, quaternion_multiply, quaternion_to_rotation

from .answer import Exercise


def turn(R, x):
    return (R @ x[..., None])[..., 0]


def back(R, x):
    return (R.mT @ x[..., None])[..., 0]


# 01
Exercise.all["01.1"].wrong(
    "t taken off in place of added",
    "The translation is added on the way out.",
    lambda T, x: turn(T.rotations, x) - T.translations,
)
Exercise.all["01.1"].wrong(
    "rotated twice", "R is applied once.", lambda T, x: turn(T.rotations @ T.rotations, x) + T.translations
)
Exercise.all["01.1"].wrong(
    "coordinates reversed", "x y z in this order.", lambda T, x: turn(T.rotations, x.flip(-1)) + T.translations
)
Exercise.all["01.2"].wrong(
    "the negative arrow",
    "From the frame to the point, and not back.",
    lambda T, x: back(T.rotations, T.translations - x),
)
Exercise.all["01.2"].wrong(
    "only the direction",
    "How far it is counts, too.",
    lambda T, x: normalize(back(T.rotations, x - T.translations), dim=-1),
)


def unit(v):
    return v / (v.square().sum(-1, keepdim=True) + 1e-8).sqrt()


def frame(e1s=1, swap=False, org="ca", last=-1):
    def f(n, ca, c):
        e1 = unit(e1s * (c - ca))
        e3 = unit(torch.linalg.cross(e1, n - ca))
        e2 = torch.linalg.cross(e3, e1)
        return Rigid(torch.stack([e1, e3, e2] if swap else [e1, e2, e3], last), ca if org == "ca" else (n + ca + c) / 3)

    return f


Exercise.all["01.3"].wrong("y and z exchanged", "e2 is the second column.", frame(swap=True))
Exercise.all["01.3"].wrong("x towards N's side", "The x axis goes from Cα to C.", frame(e1s=-1))


@Exercise.all["01.3"].wrong("e2 towards N, not made perpendicular", "e2 must be perpendicular to e1.")
def _(n, ca, c):
    e1, e2 = unit(c - ca), unit(n - ca)
    return Rigid(torch.stack([e1, e2, unit(torch.linalg.cross(e1, e2))], -1), ca)


# 02
Exercise.all["02.2"].wrong("the negative of both", "−R is no rotation.", lambda T: Rigid(-T.rotations, -T.translations))
Exercise.all["02.2"].wrong(
    "the inverse translation turned twice",
    "Rᵀ once.",
    lambda T: Rigid(T.rotations.mT, -turn(T.rotations.mT @ T.rotations.mT, T.translations)),
)
Exercise.all["02.2"].wrong(
    "a turn backwards and no way back",
    "The place has to be undone, too.",
    lambda T: Rigid(T.rotations.mT, torch.zeros_like(T.translations)),
)


@Exercise.all["02.3"].wrong("compares the moved input", "It compares T with G T and not f with f.")
def _(f, T):
    G = random_rigid(scale=3.0, dtype=T.dtype)
    assert torch.allclose((G @ T).translations, T.translations), "turn"


@Exercise.all["02.3"].wrong("a relative error", "Divided by numbers that may be zero.")
def _(f, T):
    G = random_rigid(scale=3.0, dtype=T.dtype)
    still = Rigid.identity(dtype=T.dtype)
    for name, m in {
        "turn": Rigid(G.rotations, still.translations),
        "push": Rigid(still.rotations, G.translations),
    }.items():
        a, b = f(T), f(m @ T)
        assert ((b - a) / a).abs().max() < 1e-8, name


@Exercise.all["02.3"].wrong("only the first number", "Any number may change.")
def _(f, T):
    G = random_rigid(scale=3.0, dtype=T.dtype)
    still = Rigid.identity(dtype=T.dtype)
    for name, m in {
        "turn": Rigid(G.rotations, still.translations),
        "push": Rigid(still.rotations, G.translations),
    }.items():
        a, b = f(T).flatten()[0], f(m @ T).flatten()[0]
        assert (b - a).abs() <= 1e-8, name


# 03
Exercise.all["03.3"].wrong(
    "divided by the largest",
    "The sum and not the largest.",
    lambda x: (lambda g: g / g.amax(-1, keepdim=True))((x - x.amax(-1, keepdim=True)).exp()),
)
Exercise.all["03.3"].wrong(
    "the smallest taken away",
    "Large ones are still large.",
    lambda x: (lambda g: g / g.sum(-1, keepdim=True))((x - x.amin(-1, keepdim=True)).exp()),
)
Exercise.all["03.3"].wrong(
    "powers of two",
    "e, and not 2.",
    lambda x: (lambda g: g / g.sum(-1, keepdim=True))(torch.exp2(x - x.amax(-1, keepdim=True))),
)
Exercise.all["03.1"].wrong(
    "value cut from the front",
    "The key comes first.",
    lambda x, h, c: (lambda y: (y[..., -c:], y[..., :-c]))(x.unflatten(-1, (h, -1)).movedim(-2, -3)),
)
Exercise.all["03.4"].wrong(
    "columns made one",
    "Rows add up to one.",
    lambda a, v, m: (lambda b: (b / b.sum(-2, keepdim=True).clamp(min=1e-12)) @ v)(
        torch.where(torch.arange(a.shape[-1]) == m, 0, a)
    ),
)
# 04
Exercise.all["04.2"].wrong(
    "steps along y, z, x",
    "x is the first column.",
    lambda T, p: T.translations + sum(p[..., [k]] * T.rotations[..., (k + 1) % 3] for k in range(3)),
)
Exercise.all["04.2"].wrong(
    "t scaled by the steps",
    "t is added once.",
    lambda T, p: 3 * T.translations + sum(p[..., [k]] * T.rotations[..., k] for k in range(3)),
)
Exercise.all["04.3"].wrong(
    "seen from the middle of all frames",
    "Each frame sees from its own place.",
    lambda T, x: torch.einsum(
        "...iwa,...ijw->...ija",
        T.rotations,
        (x[..., None, :, :] - T.translations.mean(-2, keepdim=True)[..., :, None, :]).expand(*T.shape, *x.shape[-2:]),
    ),
)
Exercise.all["04.3"].wrong(
    "unit arrows",
    "How far it is counts, too.",
    lambda T, x: torch.einsum(
        "...iwa,...ijw->...ija", T.rotations, normalize(x[..., None, :, :] - T.translations[..., :, None, :], dim=-1)
    ),
)
Exercise.all["04.3"].wrong(
    "home of the first frame's axes",
    "Each frame has its own axes.",
    lambda T, x: torch.einsum(
        "...wa,...ijw->...ija", T.rotations[..., 0, :, :], x[..., None, :, :] - T.translations[..., :, None, :]
    ),
)
# 05


def wc(q, g):
    return g[:, None, None] * math.sqrt(2 / (9 * q.shape[-2]))


def sq(q, k):
    return sum((q[..., :, None, p, :] - k[..., None, :, p, :]).square().sum(-1) for p in range(q.shape[-2]))


Exercise.all["05.1"].wrong(
    "γ under the root with w_C",
    "Only w_C is a root.",
    lambda q, k, g: -0.5 * (g[:, None, None] * 2 / (9 * q.shape[-2])).sqrt() * sq(q, k),
)
Exercise.all["05.1"].wrong(
    "distances of the mean points",
    "The sum over points of squares, not the square of their mean.",
    lambda q, k, g: (
        -0.5 * wc(q, g) * q.shape[-2] * (q.mean(-2)[..., :, None, :] - k.mean(-2)[..., None, :, :]).square().sum(-1)
    ),
)
Exercise.all["05.1"].wrong(
    "all points with all points",
    "Point p meets point p.",
    lambda q, k, g: (
        -0.5
        * wc(q, g)
        * sum(
            (q[..., :, None, a, :] - k[..., None, :, b, :]).square().sum(-1)
            for a in range(q.shape[-2])
            for b in range(q.shape[-2])
        )
    ),
)


def long(fq, fk, c=True):
    def f(q, k, g):
        m = k.mean((-4, -3, -2), keepdim=True) if c else 0
        q_, k_ = (q - m).flatten(-2), (k - m).flatten(-2)
        s = wc(q, g)
        a, b = (-0.5 * x.square().sum(-1, keepdim=True) for x in (q_, k_))
        o = torch.ones_like(a)
        return fq(q_, a, o, s), fk(k_, b, o, s)

    return f


Exercise.all["05.3"].wrong(
    "the penalties positive",
    "Far is small: a minus.",
    long(lambda q, a, o, s: s * torch.cat([q, -a, o], -1), lambda k, b, o, s: torch.cat([k, o, -b], -1)),
)
Exercise.all["05.3"].wrong(
    "the root of the factor in each",
    "That is right as well unless γ is forgotten in one.",
    long(lambda q, a, o, s: s.sqrt() * torch.cat([q, a, o], -1), lambda k, b, o, s: torch.cat([k, o, b], -1)),
)
# 06
Exercise.all["06.1"].wrong("keys before queries", "b_ij is what i thinks of j.", lambda b: b.movedim(-1, -3).mT)
Exercise.all["06.2"].wrong(
    "the moments of q and k added", "Independent products.", lambda P, a, b: 1 / math.sqrt(3 * P * (2 * a + b / 4))
)
Exercise.all["06.3"].wrong("two thirds", "√(1/N).", lambda n: 1 / (n - 1) ** 0.5 if n > 1 else 1.0)
Exercise.all["06.4"].wrong(
    "the factor at each term and at the sum", "Once.", lambda wL, *t: wL * sum(wL * x for x in t)
)
Exercise.all["06.5"].wrong("log(1 + e^−γ)", "−1, and e^γ.", lambda g: math.log1p(math.exp(-g)))
Exercise.all["06.5"].wrong("minus one outside", "log(e^γ − 1), not log(e^γ) − 1.", lambda g: g - 1)
# 07
Exercise.all["07.1"].wrong(
    "the first residue's table for all", "Each query has its own table.", lambda a, z: a @ z[..., None, 0, :, :]
)
Exercise.all["07.1"].wrong("the mean over queries' tables", "z_ij.", lambda a, z: a @ z.mean(-3)[..., None, :, :])
Exercise.all["07.2"].wrong(
    "not divided between i and j: t of j",
    "The origin is i's.",
    lambda a, v, T: (
        lambda world: (
            a[..., None, None]
            * torch.einsum(
                "...iwa,...ijpw->...ijpa",
                T.rotations,
                world[..., None, :, :, :] - T.translations[..., None, :, None, :],
            )
        ).sum(-3)
    )(T.apply(v)),
)
Exercise.all["07.2"].wrong(
    "the mean at home without weights",
    "Weights.",
    lambda a, v, T: (
        lambda world: torch.einsum(
            "...iwa,...ijpw->...ijpa", T.rotations, world[..., None, :, :, :] - T.translations[..., :, None, None, :]
        ).mean(-3)
    )(T.apply(v)),
)
Exercise.all["07.3"].wrong("the largest coordinate", "A length.", lambda x, e: x.abs().amax(-1) + 0 * e)
Exercise.all["07.3"].wrong("the square of the length", "Root.", lambda x, e: x.square().sum(-1) + e)
Exercise.all["07.4"].wrong(
    "axes of residues and heads exchanged at the end",
    "(*, H, L, n).",
    lambda f, h, *n: tuple(
        p.unflatten(-1, (h, -1)).movedim(-2, -3).transpose(-1, -2).reshape(*p.shape[:-2], h, p.shape[-2], -1)
        for p in f.split([h * k for k in n], -1)
    ),
)
# 08
Exercise.all["08.1"].wrong(
    "real keys are hidden",
    "Padding and other proteins are hidden.",
    lambda x, p: torch.where(((p > 0)[..., :, None] & (p > 0)[..., None, :])[..., None, :, :], -math.inf, x),
)
Exercise.all["08.1"].wrong(
    "a penalty of one",
    "−∞ and not −1.",
    lambda x, p: x - (p[..., :, None] != p[..., None, :])[..., None, :, :].to(x.dtype),
)


@Exercise.all["08.2"].wrong("columns not cut", "The pairs lose their rows only, and then the first columns are taken.")
def _(layers, s, z, T, mask=None):
    if mask is None or not mask.any():
        return layers(s, z, rotations=T.rotations, translations=T.translations)
    out = torch.zeros_like(s)
    n = int(mask.sum())
    t = T[mask]
    out[mask] = layers(s[mask], z[mask][:, :n], rotations=t.rotations, translations=t.translations)
    return out


def whole(point=True, bias=1.0, home=True, norms=True, soft=-1, order=0, values="v"):
    def f(layers, s, z, T, mask=None):
        H, T = layers.heads, T[..., None, :]
        q, k, v = (to(s).unflatten(-1, (H, -1)).movedim(-2, -3) for to in (layers.to_q, layers.to_k, layers.to_v))
        qw, kw, vw = (
            T.apply(to(s).unflatten(-1, (H, -1, 3)).movedim(-3, -4))
            for to in (layers.to_q_points, layers.to_k_points, layers.to_v_points)
        )
        b = layers.to_pair_bias(z).movedim(-1, -3)
        far = (
            layers.gamma[:, None, None]
            * math.sqrt(2 / (9 * qw.shape[-2]))
            / 2
            * (qw[..., :, None, :, :] - kw[..., None, :, :, :]).square().sum((-1, -2))
        )
        logits = math.sqrt(1 / 3) * (q @ k.mT / math.sqrt(q.shape[-1]) + bias * b - point * far)
        if mask is not None:
            logits = logits.masked_fill((mask[..., :, None] & ~mask[..., None, :])[..., None, :, :], -math.inf)
        a = logits.softmax(soft)
        p = torch.einsum("...hij,...ijc->...hic", a, z)
        m = torch.einsum("...hij,...hjpx->...hipx", a, vw)
        p3 = T.invert_apply(m) if home else m - T.translations[..., None, :]
        n = ((p3 if norms else m).square().sum(-1) + layers.eps).sqrt()
        o = (p, a @ v, p3.flatten(-2), n)
        return layers.to_out(torch.cat([x.movedim(-3, -2).flatten(-2) for x in o], -1))

    return f


Exercise.all["08.3"].wrong("the bias subtracted", "It is added.", whole(bias=-1.0))
Exercise.all["08.3"].wrong("home without turning", "R^T is missing.", whole(home=False))
# 09
Exercise.all["09.1"].wrong(
    "the step of the one who looks not undone",
    "After a step i looks from another place.",
    lambda T, U: Rigid(
        U[..., :, None].rotations.mT @ T.rotations @ U[..., None, :].rotations, (T @ U[..., None, :]).translations
    ),
)
Exercise.all["09.2"].wrong(
    "shadows of unit arrows",
    "How far it is counts.",
    lambda T, x: torch.stack(
        [(ax * normalize(x - T.translations, dim=-1)).sum(-1) for ax in T.rotations.unbind(-1)], -1
    ),
)


@Exercise.all["09.3"].wrong("only the first frame compared", "All residues.")
def _(f, T):
    for seed in range(3):
        G = random_rigid((), torch.Generator().manual_seed(seed), scale=3.0, dtype=T.dtype)
        (a, a_arrows), (b, b_arrows) = f(G @ T), f(T)
        a, b = a[0], (G @ b)[0]
        assert torch.allclose(a.rotations, b.rotations, atol=1e-8) and torch.allclose(
            a.translations, b.translations, atol=1e-8
        )
        assert torch.allclose(a_arrows, b_arrows @ G.rotations.mT, atol=1e-8)


Exercise.all["09.4"].wrong(
    "through the last residue's eyes", "The first one.", lambda f, T: T[..., -1:] @ f(T[..., -1:].inverse() @ T)
)
# 10
Exercise.all["10.1"].wrong(
    "the number without the dot product halved",
    "w1w2 − v1·v2.",
    lambda a, b: torch.cat(
        [
            a[..., :1] * b[..., :1] - 0.5 * (a[..., 1:] * b[..., 1:]).sum(-1, keepdim=True),
            a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + torch.linalg.cross(a[..., 1:], b[..., 1:]),
        ],
        -1,
    ),
)
Exercise.all["10.3"].wrong(
    "an angle of 1 + b",
    "1 beside b, c, d.",
    lambda x: (normalize(torch.cat([1 + x[..., :1], x[..., 1:3], x[..., 2:3]], -1), dim=-1), x[..., 3:]),
)
Exercise.all["10.4"].wrong(
    "the push halved",
    "All of it.",
    lambda q, t, qu, tu: (
        normalise_quaternion(quaternion_multiply(q, qu)),
        t + 0.5 * turn(quaternion_to_rotation(q), tu),
    ),
)
Exercise.all["10.5"].wrong(
    "the attention added twice",
    "Once.",
    lambda layers, x, z, T, mask=None: (
        lambda a: (lambda y: layers.transition_norm(y + layers.transition(y)))(layers.attention_norm(x + 2 * a))
    )(layers.attention(x, z, rotations=T.rotations, translations=T.translations, mask=mask)),
)
# 11
Exercise.all["11.3"].wrong(
    "groups counted from one", "0 … G − 1.", lambda T, x, g: T[..., (g - 1) % T.shape[-1]].apply(x)
)


# 12
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
# 13
Exercise.all["13.1"].wrong(
    "far pairs are strangers",
    "Clipped offsets are of one chain.",
    lambda n, c: (
        lambda o: (
            torch.where((c[..., None, :] == c[..., :, None]) & (o.abs() <= 32), o.clamp(-32, 32) + 32, 65)[..., None]
            == torch.arange(66)
        ).long()
    )(n[..., None, :] - n[..., :, None]),
)
