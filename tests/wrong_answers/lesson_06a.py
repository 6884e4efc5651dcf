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
constant = Exercise("06.2", "check_weight_from_moments")


def of(variance):
    """A weight from the variance of one coordinate."""
    return lambda P, m2, m4: 1 / math.sqrt(3 * P * variance(m2, m4))


constant.wrong(
    "the paper's number", "√(2/9P) holds for m₂ = 1 and m₄ = 3 only.", lambda P, m2, m4: math.sqrt(2 / (9 * P))
)
constant.wrong(
    "½q² counted",
    "½q² is the same for all keys of a query: the softmax never hears it.",
    of(lambda m2, m4: m2**2 + 2 * (m4 - m2**2) / 4),
)
constant.wrong(
    "the ½ not squared",
    "A factor acts on a variance with its square.",
    of(lambda m2, m4: m2**2 + (m4 - m2**2) / 2),
)
constant.wrong(
    "P forgotten",
    "Heads with many points would shout.",
    lambda P, m2, m4: of(lambda a, b: a**2 + (b - a**2) / 4)(1, m2, m4),
)
constant.wrong(
    "three coordinates forgotten",
    "A point has three coordinates.",
    lambda P, m2, m4: 1 / math.sqrt(P * (m2**2 + (m4 - m2**2) / 4)),
)
constant.wrong(
    "one over the variance",
    "A weight acts on a variance with its square: take the root.",
    lambda P, m2, m4: 1 / (3 * P * (m2**2 + (m4 - m2**2) / 4)),
)
constant.wrong(
    "the deviation itself",
    "This is what the term is too loud by; divide by it.",
    lambda P, m2, m4: math.sqrt(3 * P * (m2**2 + (m4 - m2**2) / 4)),
)
constant.wrong("E[x⁴] for its variance", "Var[k²] is E[k⁴] minus E[k²]².", of(lambda m2, m4: m2**2 + m4 / 4))
constant.wrong("only the product", "½k² differs from key to key as well.", of(lambda m2, m4: m2**2))
constant.wrong("only the key's square", "q·k differs from key to key as well.", of(lambda m2, m4: (m4 - m2**2) / 4))
constant.wrong(
    "Var[qk] = m₂",
    "Variances of independent factors of mean zero are multiplied.",
    of(lambda m2, m4: m2 + (m4 - m2**2) / 4),
)
constant.wrong("E[k²] not squared", "Var[k²] is E[k⁴] − E[k²]².", of(lambda m2, m4: m2**2 + (m4 - m2) / 4))
constant.wrong("as if normal", "A normal number has m₄ = 3 m₂², others have not.", of(lambda m2, m4: 1.5 * m2**2))
constant.wrong(
    "subtracted",
    "A minus in front of a term does not take its variance away.",
    of(lambda m2, m4: m2**2 - (m4 - m2**2) / 40),
)
constant.wrong(
    "the ½ of the logit left out",
    "Var[2qk − k²] is four times as much.",
    of(lambda m2, m4: 4 * m2**2 + (m4 - m2**2)),
)
constant.wrong(
    "P outside the root",
    "Variances add up, so P belongs under the root.",
    lambda P, m2, m4: 1 / (P * math.sqrt(3 * (m2**2 + (m4 - m2**2) / 4))),
)
constant.wrong(
    "scaled to variance one first",
    "Then a head whose points are wide would be told the weight of one whose points are narrow.",
    of(lambda m2, m4: 1 + (m4 / m2**2 - 1) / 4),
)


@constant.right("multiplied out")
def _(P, second, fourth):
    return 2 / (3 * P * (3 * second * second + fourth)) ** 0.5


@constant.right("with fractions")
def _(P, second, fourth):
    of_product, of_square = second * second, (fourth - second * second) * float(Fraction(1, 4))
    return (3 * P * (of_product + of_square)) ** -0.5


@constant.right("coordinate by coordinate")
def _(P, second, fourth):
    variance = 0.0
    for _coordinate in range(3 * P):
        variance += second**2
        variance += 0.5**2 * (fourth - second**2)
    return 1 / variance**0.5
