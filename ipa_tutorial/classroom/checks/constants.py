"""Lines 5 and 6 of Algorithm 22, and where γ begins."""

from __future__ import annotations

import math

import torch

from .diagnosis.evidence import Evidence
from .diagnosis.terms import sum_of
from .engine import Case, Check


def one_over_the_root_of_the_variance(point_key_dim: int) -> float:
    of_half_square, of_product = 3 * (1 / 2) ** 2 * 2, 3 * 1.0  # Var[½x²] = ½ and Var[xy] = 1, three coordinates each
    return (point_key_dim * (of_half_square + of_product)) ** -0.5


def solved_by_bisection(y: float) -> float:
    low, high = -50.0, 50.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if math.log1p(math.exp(middle)) < y else (low, middle)
    return low


check_point_weight = Check(
    "line 5, w_C",
    "attention.point_weight",
    lambda d: (d.P + 4 * len(d.batch),),
    one_over_the_root_of_the_variance,
    special=(lambda d: Case((1,), "a single point"), lambda d: Case((4,), "AlphaFold's four points")),
)


def from_moments(point_key_dim: int, second: float, fourth: float) -> float:
    of_half_square, of_product = (fourth - second * second) / 4, second * second
    return (3 * point_key_dim * (of_half_square + of_product)) ** -0.5


def variance_that_is_undone(e: Evidence) -> str | None:
    """Of which moments is 1/w² made?"""
    asked = [(P, m, f) for P in (1, 2, 5, 7) for m, f in ((1.0, 3.0), (0.5, 0.7), (2.0, 5.0), (1.5, 9.0))]
    P, m, f = torch.tensor(asked, dtype=torch.float64).unbind(-1)
    terms = {"P m₂²": P * m * m, "P m₄": P * f, "P m₂": P * m, "P": P, "m₂²": m * m, "m₄": f, "P²m₂²": P * P * m * m}
    terms |= {"P m₄/m₂²": P * f / m**2, "P²m₄": P * P * f, "m₂": m, "1": torch.ones_like(P)}
    try:
        weights = torch.tensor([float(e.answer(int(P), m, f)) for P, m, f in asked], dtype=torch.float64)
    except Exception:
        return None
    made = {"1/w²": weights**-2, "1/w": weights**-1, "w²": weights**2, "w": weights}
    for name, numbers in made.items():
        if found := sum_of(terms, numbers):
            of = "" if name == "1/w²" else ", so a square or a root is missing, or it is the inverse"
            return (
                f"a weight w undoes the variance 1/w². With yours, {name} is {found}{of}. (For normal numbers, m₂ = 1 \
and m₄ = 3, the variance must be 9/2 P)"
            )
    return None


check_weight_from_moments = Check(
    "line 5, w_C from the moments of any numbers",
    "attention.point_weight",
    lambda d: (d.P + 4 * len(d.batch), 0.2 * (d.c + 1), (0.2 * (d.c + 1)) ** 2 * (1 + 0.3 * d.H)),
    from_moments,
    special=(
        lambda d: Case((4, 1.0, 3.0), "AlphaFold's four points, normal numbers"),
        lambda d: Case((4, 1 / 3, 1 / 5), "numbers spread evenly between −1 and 1"),
        lambda d: Case((1, 1.0, 1.0), "a single point, numbers that are 1 or −1"),
    ),
    names=("P", "second", "fourth"),
    own=(variance_that_is_undone,),
    sound=from_moments,
    by_hand=False,
)

check_term_weight = Check(
    "line 6, w_L",
    "attention.term_weight",
    lambda d: ({1: 3, 3: 2, 8: 5}.get(d.L, 4),),
    lambda terms: terms**-0.5,
    batches=((),),
)


def made_of_gamma(e: Evidence) -> str | None:
    """As a sum of what can be made of γ, at many γ."""
    gammas = [0.3, 0.7, 1.1, 1.9, 2.6, 3.1, 4.0, 5.2]
    g = torch.tensor(gammas, dtype=torch.float64)
    terms = {"log(e^γ − 1)": g.expm1().log(), "γ": g, "log(1 − e^−γ)": (-(-g).expm1()).log(), "1": torch.ones_like(g)}
    terms |= {"log(1 + e^γ)": g.exp().log1p(), "log γ": g.log(), "e^γ": g.exp(), "e^−γ": (-g).exp(), "1/γ": 1 / g}
    terms |= {
        "log(1 + γ)": g.log1p(),
        "log(1 + e^−γ)": (-g).exp().log1p(),
        "γ²": g**2,
        "√γ": g**0.5,
        "1/(e^γ − 1)": 1 / g.expm1(),
    }
    terms |= {"log(γ − 1)": torch.where(g > 1, g - 1, 1).log(), "log₂(e^γ − 1)": g.expm1().log2()}
    try:
        found = sum_of(terms, torch.tensor([float(e.answer(x)) for x in gammas], dtype=torch.float64))
    except Exception:
        return None
    return f"yours is {found}, where it should be log(e^γ − 1)" if found else None


def softplus_of_it(e: Evidence) -> str | None:
    back = torch.nn.functional.softplus(e.wrong.got).item()
    return f"try it: softplus of yours is {back:.4g}, where it should be γ = {e.arguments[0]:.4g} again"


check_inverse_softplus = Check(
    "the start of γ, the inverse of softplus",
    "attention.inverse_softplus",
    lambda d: (0.2 + d.alone(1).abs().double().item(),),
    solved_by_bisection,
    special=(lambda d: Case((1.0,), "γ = 1"),),
    names=("gamma",),
    own=(made_of_gamma, softplus_of_it),
)
