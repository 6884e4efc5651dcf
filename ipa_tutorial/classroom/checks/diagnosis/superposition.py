"""Which terms is a superposed distance made of? And does an answer keep what no motion changes?"""

from __future__ import annotations

import torch
from torch import Tensor

from ....rigid import random_rigid
from .evidence import Evidence
from .terms import sum_of

L, PAIRS = 6, 40


def answers(e: Evidence, a: Tensor, b: Tensor) -> Tensor | None:
    """Pair by pair, since not every answer allows a batch: ``(PAIRS,)``."""
    try:
        return torch.stack([torch.as_tensor(e.answer(x, y)).double().reshape(()) for x, y in zip(a, b, strict=True)])
    except Exception:
        return None


def what_it_is_made_of(e: Evidence) -> str | None:
    generator = torch.Generator().manual_seed(0)
    a, b = (3 * torch.randn(PAIRS, L, 3, generator=generator).double() for _ in range(2))
    a, b = (x - x.mean(-2, keepdim=True) for x in (a, b))
    mine = answers(e, a, b)
    if mine is None:
        return None
    fine = mine.isfinite() & (mine > 1e-9)
    if fine.sum() < 20:
        return f"of forty random pairs {int((~fine).sum())} come out as zero or NaN"
    a, b, mine = a[fine], b[fine], mine[fine]
    away = answers(e, a, b + 5)
    if away is not None and not torch.allclose(mine, away, atol=1e-6):
        return (
            "push b alone by 5 Å, and your answer changes: each set has to be centred by its own mean over the points"
        )
    turned = answers(e, a, random_rigid((len(a), 1), generator, dtype=torch.float64).apply(b))
    if turned is not None and not torch.allclose(mine, turned, atol=1e-6):
        return "turn b alone, and your answer changes: the best rotation should make that good"
    shuffled = answers(e, a, b.roll(1, -2))
    if shuffled is not None and torch.allclose(mine, shuffled, atol=1e-6):
        return "put the points of b in another order, and your answer stays: point l of a belongs to point l of b"
    order = torch.arange(L - 1, -1, -1)
    renamed = answers(e, a[:, order], b[:, order])
    if renamed is not None and not torch.allclose(mine, renamed, atol=1e-6):
        return (
            "number the points of both backwards, and your answer changes: all points should count alike (the mean is \
the centre, not one of them)"
        )
    return in_singular_values(a, b, mine)


def in_singular_values(a: Tensor, b: Tensor, mine: Tensor) -> str | None:
    H = a.mT @ b
    s, (one, two, three) = torch.linalg.det(H).sign(), torch.linalg.svdvals(H).unbind(-1)
    terms = {"Σ‖a‖²": a.square().sum((-1, -2)), "Σ‖b‖²": b.square().sum((-1, -2)), "σ₁": one, "σ₂": two, "σ₃": three}
    terms |= {
        "s σ₁": s * one,
        "s σ₂": s * two,
        "s σ₃": s * three,
        "det H": torch.linalg.det(H),
        "σ₁σ₂σ₃": one * two * three,
    }
    terms |= {"det H σ₃": torch.linalg.det(H) * three, "s": s, "tr H": H.diagonal(dim1=-2, dim2=-1).sum(-1)}
    right = ((terms["Σ‖a‖²"] + terms["Σ‖b‖²"] - 2 * (one + two + s * three)).clamp(min=0) / L).sqrt()
    if torch.allclose(mine, right, atol=1e-6):
        return None
    for name, made in {"L · RMSD²": L * mine**2, "RMSD²": mine**2, "RMSD": mine, "L · RMSD": L * mine}.items():
        if found := sum_of(terms, made):
            return f"with yours {name} is {found}, where s is the sign of det H"
    fine = torch.isclose(mine, right, atol=1e-6)
    if fine.any():
        share = {
            word: f"{int((fine & where).sum())} of {int(where.sum())}" for word, where in (("+", s > 0), ("−", s < 0))
        }
        return (
            f"of forty random pairs yours is right for {share['+']} with det H > 0 and for {share['−']} with det H < 0"
        )
    return None


def a_perfect_fit(e: Evidence) -> str | None:
    """Zero, for points that were only moved; and the mirror image is none."""
    generator = torch.Generator().manual_seed(1)
    x = 3 * torch.randn(1, L, 3, generator=generator).double()
    moved, mirror = random_rigid((1, 1), generator, dtype=torch.float64).apply(x), x * x.new_tensor([1, 1, -1])
    fit, reflected = answers(e, x, moved), answers(e, x, mirror)
    if reflected is not None and reflected.item() < 1e-3:
        return "of points and their mirror image yours says that they superpose perfectly"
    if fit is not None and fit.item() > 1e-4:
        return f"of points that were only moved yours says {fit.item():.3g} Å, where it is 0 up to rounding"
    return None
