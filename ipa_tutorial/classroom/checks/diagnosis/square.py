"""The squared distance, multiplied out: which of its three terms is at fault?"""

from __future__ import annotations

import torch
from torch import Tensor

from .evidence import Evidence, alike, spelled

TERMS = ("q·k", "‖q‖²", "‖k‖²")
FACTORS = {"γ w_C": 1, "": 0, "(γ w_C)²": 2, "√(γ w_C)": 0.5}
H, L, P = 3, 6, 2


def multiplied_out(e: Evidence) -> str | None:
    """Is the answer a sum of q·k, ‖q‖² and ‖k‖² in each head, wherever its origin is? With which factors?"""
    generator = torch.Generator().manual_seed(0)
    q_points, k_points = torch.randn(2, H, L, P, 3, generator=generator).double()
    gamma = torch.tensor([0.7, 1.0, 2.3], dtype=torch.float64)
    try:
        got = e.answer(q_points, k_points, gamma).detach().double()  # (H, L, L)
    except Exception:
        return None
    q, k = q_points.flatten(-2), k_points.flatten(-2)  # (H, L, 3P)
    of_q = torch.cat(
        [q.square().sum(-1, keepdim=True), q_points.sum(-2)], dim=-1
    )  # its square; and what an origin adds
    of_k = torch.cat([k.square().sum(-1, keepdim=True), k_points.sum(-2), torch.ones(H, L, 1)], dim=-1)
    columns = [(q @ k.mT)[..., None], spread(of_q, 2), spread(of_k, 1)]
    table = torch.cat([column.expand(H, L, L, -1) for column in columns], dim=-1).flatten(1, 2)  # (H, L², 10)
    found = torch.linalg.lstsq(table, got.reshape(H, L * L, 1)).solution[..., 0]  # (H, 10)
    if not alike((table @ found[..., None])[..., 0], got.reshape(H, -1), 1e-6):
        return None
    a, b, c = found[:, 0], found[:, 1], found[:, 5]
    scale = gamma * (2 / (9 * P)) ** 0.5
    if alike(b, -0.5 * a) and alike(c, -0.5 * a) and alike(a / scale, (a / scale)[:1].expand(H)):
        return None  # a factor of the whole, of which others can tell more
    spoken = [in_words(x, scale) for x in (a, b, c)]
    if None in spoken:
        return None
    mine = " + ".join(f"{factor} {term}" for factor, term in zip(spoken, TERMS, strict=True)).replace("+ −", "− ")
    return f"multiplied out, yours is {mine}, where it should be γ w_C q·k − 1/2 γ w_C ‖q‖² − 1/2 γ w_C ‖k‖²"


def spread(x: Tensor, axis: int) -> Tensor:
    """What belongs to queries, or to keys, for every pair of them: ``(H, L, n)`` → ``(H, L, L, n)``."""
    return x.unsqueeze(axis).expand(H, L, L, x.shape[-1])


def in_words(coefficients: Tensor, scale: Tensor) -> str | None:
    """One factor for each head, ``(H,)``: a number times a power of γ w_C."""
    if coefficients.abs().max() < 1e-9:
        return "0"
    for text, power in FACTORS.items():
        rest = coefficients / scale**power
        if alike(rest, rest[:1].expand_as(rest)):
            number = spelled(rest[0].item())
            return text if number == "1" and text else f"{number} {text}".strip()
    return None
