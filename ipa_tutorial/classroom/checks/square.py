"""The squared distance, multiplied out: which of its three terms is at fault?"""

from __future__ import annotations

import torch
from torch import Tensor

from .evidence import Evidence, alike, spelled

TERMS = ("q·k", "‖q‖²", "‖k‖²")
RIGHT = (1.0, -0.5, -0.5)
FACTORS = {"γ w_C": 1, "": 0, "(γ w_C)²": 2, "√(γ w_C)": 0.5}


def multiplied_out(e: Evidence) -> str | None:
    """An answer that is a sum of q·k, ‖q‖² and ‖k‖² in each head: with which factors?"""
    q_points, k_points, gamma = e.arguments
    scale = gamma.double() * (2 / (9 * q_points.shape[-2])) ** 0.5  # (H,)
    got = e.wrong.got
    if got.shape[-1] * got.shape[-2] < 9 or len(scale) < 2:
        return None
    q, k = (x.double().flatten(-2) for x in (q_points, k_points))  # (*, H, L, 3P)
    q, k, got = (x.reshape(-1, *x.shape[-3:])[0] for x in (q, k, got))  # of the first protein
    squares = (x.square().sum(-1) for x in (q, k))
    of_q, of_k = next(squares)[..., :, None].expand_as(got), next(squares)[..., None, :].expand_as(got)
    table = torch.stack([q @ k.mT, of_q, of_k], dim=-1).flatten(1, 2)  # (H, L², 3)
    found = torch.linalg.lstsq(table, got.flatten(1)[..., None]).solution  # (H, 3, 1)
    if not alike((table @ found)[..., 0], got.flatten(1), 1e-6):
        return None
    spoken = [in_words(coefficients, scale) for coefficients in found[..., 0].mT]
    if None in spoken:
        return None
    mine = " + ".join(f"{factor} {term}" for factor, term in zip(spoken, TERMS, strict=True)).replace("+ −", "− ")
    return f"multiplied out, yours is {mine}, where it should be γ w_C (q·k − ½‖q‖² − ½‖k‖²)"


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
