"""Lesson 06: heads to the front, and the constant from moments alone."""

import math
from fractions import Fraction

import numpy as np
import torch

from ipa_tutorial import attention

from .answer import Exercise

# --- 06.1 -----------------------------------------------------------------------------------------------------------
front = Exercise("06.1", "check_split_pair_bias")

front.wrong(
    "heads exchanged with queries",
    "transpose(-1, -3) exchanges two axes and leaves (h, j, i): query and key have changed places.",
    lambda b: b.transpose(-1, -3),
)
front.wrong(
    "query and key exchanged",
    "The letters j and i are in the wrong order: b_ij is what i thinks of j.",
    lambda b: torch.einsum("...ijh->...hji", b),
)
front.wrong("permute with numbers", "permute(2, 0, 1) has no numbers for batch axes.", lambda b: b.permute(2, 0, 1))
front.wrong(
    "one batch axis taken for granted",
    "permute(0, 3, 1, 2) needs exactly one batch axis.",
    lambda b: b.permute(0, 3, 1, 2),
)
front.wrong("movedim", "The lesson used it; here it is not allowed.", lambda b: b.movedim(-1, -3))
front.wrong("moveaxis", "That is movedim by its other name.", lambda b: torch.moveaxis(b, -1, -3))
front.wrong("the package's function", "It was to be written, not called.", lambda b: attention.split_pair_bias(b))
front.wrong(
    "a reshape",
    "reshape moves no axis: it cuts the same row of numbers anew.",
    lambda b: b.reshape(*b.shape[:-3], b.shape[-1], b.shape[-3], b.shape[-2]),
)
front.wrong(
    "stacked in front of the batch",
    "The new axis stands before everything; it belongs before the last two.",
    lambda b: torch.stack(b.unbind(-1)),
)
front.wrong(
    "stacked one place too far back",
    "dim=-2 puts the heads between query and key.",
    lambda b: torch.stack(b.unbind(-1), dim=-2),
)
front.wrong(
    "the heads backwards",
    "The last head has become the first.",
    lambda b: torch.stack(b.unbind(-1)[::-1], dim=-3),
)
front.wrong(
    "the first head for all",
    "Every head has a table of its own.",
    lambda b: torch.stack([b[..., 0]] * b.shape[-1], dim=-3),
)
front.wrong("a list of tables", "Right tables, but one tensor was asked for.", lambda b: list(b.unbind(-1)))
front.wrong(
    "NumPy",
    "An array has lost its gradient, and the next line expects a tensor.",
    lambda b: np.moveaxis(b.detach().numpy(), -1, -3),
)
front.wrong(
    "made symmetric",
    "What i thinks of j need not be what j thinks of i.",
    lambda b: torch.einsum("...ijh->...hij", (b + b.transpose(-3, -2)) / 2),
)
front.wrong(
    "left as it was",
    "The heads are still the last axis.",
    lambda b: b,
)

front.right("einsum", lambda b: torch.einsum("...ijh->...hij", b))
front.right("neighbours exchanged twice", lambda b: b.transpose(-1, -2).transpose(-2, -3))


@front.right("permute that counts")
def _(b):
    n = b.ndim
    return b.permute(*range(n - 3), n - 1, n - 3, n - 2)


@front.right("written head by head")
def _(b):
    out = b.new_empty(*b.shape[:-3], b.shape[-1], *b.shape[-3:-1])
    for h in range(b.shape[-1]):
        out[..., h, :, :] = b[..., h]
    return out


# --- 06.2 -----------------------------------------------------------------------------------------------------------
constant = Exercise("06.2", "check_point_weight")

constant.wrong(
    "1/√(6P)",
    "½q² is counted, which is the same for all keys of a query: the softmax never hears it.",
    lambda point_key_dim: 1 / math.sqrt(3 * point_key_dim * (1 + 2 * (3 - 1) / 4)),
)
constant.wrong(
    "the ½ not squared",
    "A factor acts on a variance with its square: Var[½k²] is a quarter of Var[k²].",
    lambda point_key_dim: 1 / math.sqrt(3 * point_key_dim * (1 + (3 - 1) / 2)),
)
constant.wrong("P forgotten", "Heads with many points would shout.", lambda point_key_dim: math.sqrt(2 / 9))
constant.wrong("four points for all", "The number of points is an argument.", lambda point_key_dim: math.sqrt(2 / 36))
constant.wrong(
    "three coordinates forgotten",
    "A point has three coordinates, and each adds its variance.",
    lambda point_key_dim: 1 / math.sqrt(1.5 * point_key_dim),
)
constant.wrong(
    "one over the variance",
    "A weight acts on a variance with its square: take the root.",
    lambda point_key_dim: 1 / (3 * point_key_dim * 1.5),
)
constant.wrong(
    "the deviation itself",
    "This is what the term is too loud by; divide by it.",
    lambda point_key_dim: math.sqrt(3 * point_key_dim * 1.5),
)
constant.wrong(
    "E[x⁴] for its variance",
    "The variance of k² is E[k⁴] minus E[k²]².",
    lambda point_key_dim: 1 / math.sqrt(3 * point_key_dim * (1 + 3 / 4)),
)
constant.wrong(
    "only the product",
    "½k² differs from key to key as well.",
    lambda point_key_dim: 1 / math.sqrt(3 * point_key_dim),
)
constant.wrong(
    "only the key's square",
    "q·k differs from key to key as well.",
    lambda point_key_dim: 1 / math.sqrt(3 * point_key_dim * 0.5),
)
constant.wrong(
    "P outside the root",
    "Variances add up, so P belongs under the root.",
    lambda point_key_dim: 1 / (point_key_dim * math.sqrt(4.5)),
)
constant.wrong(
    "the ½ of the logit left out",
    "Var[2qk − k²] is four times as much.",
    lambda point_key_dim: 1 / math.sqrt(3 * point_key_dim * (4 + 2)),
)
constant.wrong(
    "divided by whole numbers",
    "// rounds down, and 2 // 9P is zero.",
    lambda point_key_dim: math.sqrt(2 // (9 * point_key_dim)),
)
constant.wrong(
    "a tensor of single precision",
    "A float was asked for, and torch.tensor gives seven digits.",
    lambda point_key_dim: torch.tensor(3 * point_key_dim * 1.5).rsqrt(),
)
constant.wrong(
    "variance of independent terms subtracted",
    "A minus in front of a term does not take its variance away: squares add up.",
    lambda point_key_dim: 1 / math.sqrt(3 * point_key_dim * (1 - 0.5)),
)


@constant.wrong("a thousand throws", "A sample comes near, and not to three digits.")
def _(point_key_dim):
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((2, 1000, 3 * point_key_dim))
    return float(1 / (q * k - k**2 / 2).sum(-1).std())


@constant.right("fractions")
def _(point_key_dim):
    variance = 3 * point_key_dim * (Fraction(1) + Fraction(3 - 1, 4))
    return float(variance) ** -0.5


@constant.right("coordinate by coordinate")
def _(point_key_dim):
    variance = 0.0
    for _coordinate in range(3 * point_key_dim):
        variance += 1.0 * 1.0
        variance += 0.5**2 * (3.0 - 1.0**2)
    return 1 / variance**0.5


@constant.right("Gauss–Hermite quadrature")
def _(point_key_dim):
    x, w = np.polynomial.hermite_e.hermegauss(8)  # exact for polynomials up to degree 15
    q, k, w = x[:, None], x[None, :], np.outer(w, w) / w.sum() ** 2
    heard = q * k - k**2 / 2
    variance = (w * heard**2).sum() - (w * heard).sum() ** 2
    return float((3 * point_key_dim * variance) ** -0.5)
