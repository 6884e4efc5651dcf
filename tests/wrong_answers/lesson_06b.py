"""Lesson 06: the weight of the sum, the sum, and the number behind γ."""

import math

import torch
from torch.nn.functional import softplus

from .answer import Exercise

# --- 06.3 -----------------------------------------------------------------------------------------------------------
voices = Exercise("06.3", "check_term_weight")

voices.wrong("the mean", "1/N makes the sum a mean, whose variance is 1/N.", lambda terms: 1 / terms)
voices.wrong("always three", "Without a pair representation there are two terms.", lambda terms: math.sqrt(1 / 3))
voices.wrong("always two", "With a pair representation there are three terms.", lambda terms: math.sqrt(1 / 2))
voices.wrong("the root itself", "The sum is too loud already: divide by the root.", lambda terms: math.sqrt(terms))
voices.wrong("one over the square", "N² is the variance of N equal terms, not of independent ones.", lambda N: N**-2)
voices.wrong("whole numbers", "1 // terms is zero as soon as there are two.", lambda terms: math.sqrt(1 // terms))
voices.wrong("terms − 1", "Bessel's correction belongs to samples.", lambda terms: math.sqrt(1 / max(terms - 1, 1)))
voices.wrong("a minus", "The square is right, and the factor has the wrong sign.", lambda terms: -(terms**-0.5))
voices.wrong(
    "two or three, nothing else", "Any number of terms was asked for.", lambda terms: {2: 2**-0.5, 3: 3**-0.5}[terms]
)
voices.wrong(
    "the cube root",
    "w³ is nowhere in the variance of a sum.",
    lambda terms: terms ** (-1 / 3),
)
voices.wrong(
    "a factor for three voices",
    "√(terms/3) says how loud the sum would be with three voices' factor.",
    lambda terms: math.sqrt(terms / 3),
)
voices.wrong(
    "rounded", "0.58 is not √(1/3): three digits are too few for a constant.", lambda terms: round(terms**-0.5, 2)
)
voices.right("a root below the line", lambda terms: 1 / math.sqrt(terms))
voices.right("a root above the line", lambda terms: math.sqrt(terms) / terms)
voices.right("by logarithms", lambda terms: math.exp(-math.log(terms) / 2))

# --- 06.4 -----------------------------------------------------------------------------------------------------------
bracket = Exercise("06.4", "check_weighted_sum")

bracket.wrong(
    "the factor on the first term",
    "w_L stands in front of the bracket, so every term gets it.",
    lambda w_L, *terms: w_L * terms[0] + sum(terms[1:]),
)
bracket.wrong(
    "the factor on the last term",
    "Only what stands last has been weighted.",
    lambda w_L, *terms: sum(terms[:-1]) + w_L * terms[-1],
)
bracket.wrong(
    "not on the pair bias",
    "The bias has three times the variance of the others then.",
    lambda w_L, *terms: w_L * (sum(terms) - terms[1]) + terms[1] if len(terms) > 2 else w_L * sum(terms),
)
bracket.wrong("without a factor", "w_L is never used.", lambda w_L, *terms: sum(terms))
bracket.wrong(
    "a mean", "The number of terms is in w_L already.", lambda w_L, *terms: w_L * torch.stack(terms).mean(dim=0)
)
bracket.wrong("divided by w_L", "The sum gets louder instead of quieter.", lambda w_L, *terms: sum(terms) / w_L)
bracket.wrong(
    "a factor of its own",
    "Whoever calls has chosen w_L; here it is computed anew.",
    lambda w_L, *terms: sum(terms) * len(terms) ** -0.5,
)
bracket.wrong(
    "squared", "w_L twice: once on the terms, once on the sum.", lambda w_L, *t: w_L * sum(w_L * x for x in t)
)
bracket.wrong(
    "exactly three",
    "Without a pair representation there are two.",
    lambda w_L, qk, b, far: w_L * (qk + b + far),
)
bracket.wrong("exactly two", "What comes third is dropped.", lambda w_L, *terms: w_L * sum(terms[:2]))
bracket.wrong(
    "only a sum of numbers", "Everything is added up, to a single number.", lambda w_L, *t: w_L * torch.stack(t).sum()
)
bracket.wrong(
    "added along the keys",
    "dim=-1 sums over keys; the terms are on the new axis in front.",
    lambda w_L, *terms: w_L * torch.stack(terms).sum(dim=-1),
)
bracket.wrong("a product", "The terms are added.", lambda w_L, *terms: w_L * torch.stack(terms).prod(dim=0))
bracket.wrong(
    "cut off from the gradient",
    "Nothing learns through detached terms.",
    lambda w_L, *terms: w_L * sum(term.detach() for term in terms),
)
bracket.wrong(
    "through single precision",
    "float() throws half of the digits of float64 away.",
    lambda w_L, *terms: (w_L * sum(term.float() for term in terms)).to(terms[0].dtype),
)


@bracket.wrong("+= on the first term", "The logits are right, and the first term has become something else.")
def _(w_L, *terms):
    total = terms[0]
    for term in terms[1:]:
        total += term
    return w_L * total


@bracket.wrong("weighted in place", "mul_ writes w_L into everybody's terms.")
def _(w_L, *terms):
    return sum(term.mul_(w_L) for term in terms)


@bracket.wrong("the factor at each step", "The first term is multiplied by w_L as often as there are terms.")
def _(w_L, *terms):
    total = 0
    for term in terms:
        total = w_L * (total + term)
    return total


bracket.right("Python's own sum", lambda w_L, *terms: w_L * sum(terms))
bracket.right("einsum", lambda w_L, *terms: torch.einsum("t...->...", torch.stack(terms)) * w_L)


@bracket.right("term by term")
def _(w_L, first, *others):
    total = w_L * first
    for other in others:
        total = total + w_L * other
    return total


# --- 06.5 -----------------------------------------------------------------------------------------------------------
behind = Exercise("06.5", "check_inverse_softplus")

behind.wrong(
    "a plus", "That is softplus once more; the plus has to be undone.", lambda gamma: math.log(math.exp(gamma) + 1)
)
behind.wrong("log γ", "exp(ρ) alone is not softplus: the 1 is missing.", lambda gamma: math.log(gamma))
behind.wrong("γ itself", "Nearly right for large γ, and far off near zero.", lambda gamma: gamma)
behind.wrong("no logarithm", "One step is missing: e^γ − 1 is e^ρ.", lambda gamma: math.exp(gamma) - 1)
behind.wrong("one taken off first", "log(γ − 1): the exponential is missing.", lambda gamma: math.log(gamma - 1))
behind.wrong("always 0.541", "That is the answer for γ = 1 alone.", lambda gamma: math.log(math.e - 1))
behind.wrong("always zero", "softplus(0) is log 2 and not γ.", lambda gamma: 0.0)
behind.wrong("log 2 taken off", "softplus(0) = log 2, but softplus is no shift.", lambda gamma: gamma - math.log(2))
behind.wrong(
    "one over softplus", "The inverse function is not the reciprocal.", lambda g: 1 / math.log(1 + math.exp(g))
)
behind.wrong("with logarithms of ten", "The lesson's log is the natural one.", lambda g: math.log10(math.exp(g) - 1))
behind.wrong(
    "the inverse of the sigmoid",
    "log(γ / (1 − γ)) undoes another function.",
    lambda gamma: math.log(gamma / (1 - gamma)),
)
behind.wrong(
    "the inverse, negated", "The sign is wrong: large γ needs large ρ.", lambda g: -g - math.log(-math.expm1(-g))
)
behind.wrong(
    "γ instead of −γ in the bracket",
    "log(1 − e^γ) is the logarithm of a negative number.",
    lambda gamma: gamma + math.log(1 - math.exp(gamma)),
)
behind.wrong("as it is above one", "ρ = γ is off by 0.46 at γ = 1.", lambda g: g if g >= 1 else math.log(math.expm1(g)))
behind.wrong(
    "a tensor of single precision",
    "A float was asked for.",
    lambda gamma: torch.log(torch.expm1(torch.tensor(gamma))),
)


@behind.wrong("a coarse bisection", "Two digits are not enough to set a weight by.")
def _(gamma):
    low, high = -20.0, gamma + 1
    while high - low > 0.02:
        middle = (low + high) / 2
        low, high = (middle, high) if math.log1p(math.exp(middle)) < gamma else (low, middle)
    return (low + high) / 2


behind.right("undone step by step", lambda gamma: math.log(math.exp(gamma) - 1))
behind.right("expm1", lambda gamma: math.log(math.expm1(gamma)))


@behind.right("a hundred bisections")
def _(gamma):
    low, high = -50.0, gamma
    for _ in range(100):
        middle = (low + high) / 2
        value = softplus(torch.tensor(middle, dtype=torch.float64)).item()
        low, high = (middle, high) if value < gamma else (low, middle)
    return (low + high) / 2
