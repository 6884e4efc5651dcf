"""Lesson 06: further answers, written without a look at the checks."""

import functools
import math

import torch

from .answer import Exercise

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

Exercise.all["06.1"].wrong(
    "same numbers, cut anew",
    "A reshape moves no axis: it cuts the numbers anew, and heads get each other's pairs.",
    lambda b: b.reshape(*b.shape[:-3], b.shape[-1], b.shape[-3], b.shape[-2]),
)

Exercise.all["06.1"].wrong(
    "heads in front of the batch",
    "The tables of the heads are stacked along axis 0, in front of the batch axes.",
    lambda b: torch.stack([b[..., h] for h in range(b.shape[-1])], dim=0),
)

Exercise.all["06.1"].right("neighbouring axes exchanged twice", lambda b: b.mT.transpose(-3, -2))


def moments_no_square_off(P, second, fourth):
    return 1 / math.sqrt(3 * P * (second**2 + fourth / 4))


Exercise.all["06.2"].wrong(
    "fourth moment taken for a variance",
    "The variance of ½k² is taken to be m₄/4: the square of its mean is not subtracted.",
    moments_no_square_off,
)


def moments_root_too_early(P, second, fourth):
    of_coordinate = math.sqrt(second**2 + (fourth - second**2) / 4)
    return 1 / (3 * P * of_coordinate)


Exercise.all["06.2"].wrong(
    "standard deviations added, not variances",
    "The root is taken for each coordinate and these standard deviations are added up 3P times, where variances add.",
    moments_root_too_early,
)

Exercise.all["06.3"].wrong(
    "power of one, then halved",
    "** binds before /: (1 / terms) ** 1 / 2 is one over twice the number of terms and no root.",
    lambda terms: (1 / terms) ** 1 / 2,
)

Exercise.all["06.3"].wrong(
    "root of terms, not one over",
    "The factor is upside down: √N makes the sum louder in place of quieter.",
    lambda terms: math.sqrt(terms),
)

Exercise.all["06.3"].right("exponential of half a logarithm", lambda terms: math.exp(-0.5 * math.log(terms)))


def sum_compounding(w_L, *terms):
    total = torch.zeros_like(terms[0])
    for term in terms:
        total = w_L * (total + term)
    return total


Exercise.all["06.4"].wrong(
    "factor applied in every round",
    "The factor multiplies the running total in every round of the loop, so the first terms get powers of w_L.",
    sum_compounding,
)

Exercise.all["06.4"].wrong(
    "exactly three terms expected",
    "Exactly three terms are expected; with two, or another number, it fails.",
    lambda w_L, *terms: w_L * (terms[0] + terms[1] + terms[2]),
)

Exercise.all["06.4"].right(
    "each term scaled, then reduced", lambda w_L, *terms: functools.reduce(torch.add, [w_L * term for term in terms])
)

Exercise.all["06.5"].wrong(
    "one subtracted after the logarithm",
    "The 1 is subtracted outside the logarithm, log(e^γ) − 1, which is γ − 1.",
    lambda gamma: math.log(math.exp(gamma)) - 1,
)

Exercise.all["06.5"].wrong(
    "e to the gamma left behind",
    "e^γ was taken out of the bracket, and its logarithm γ was not added: log(1 − e^−γ) alone.",
    lambda gamma: math.log(1 - math.exp(-gamma)),
)
