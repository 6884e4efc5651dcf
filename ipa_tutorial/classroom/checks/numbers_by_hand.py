"""A test that the learner writes with numbers worked out by hand: what no symmetry can show."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ... import attention
from .attention import distances_point_by_point
from .draw import Draw
from .own_tests import check_of, loud, loud_with, silent

BUGS_OF_THE_POINT_TERM = (
    "distance-attracts",
    "half-forgotten",
    "distance-not-squared",
    "mean-over-points",
    "point-weight-without-count",
    "point-weight-of-one",
    "point-weight-of-six",
    "square-expanded-in-half-precision",
)


def the_packages_own(d: Draw) -> Callable:
    return lambda q, k, gamma: attention.point_logits(q, k, gamma)  # looked up when called: a bug may be planted


def that_is(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[Draw], Callable]:
    return lambda d: function


def gammas_exchanged(q: Tensor, k: Tensor, gamma: Tensor) -> Tensor:
    return distances_point_by_point(q, k, gamma.flip(-1))


def axes_exchanged(q: Tensor, k: Tensor, gamma: Tensor) -> Tensor:
    return distances_point_by_point(k, q, gamma)


def first_point_alone(q: Tensor, k: Tensor, gamma: Tensor) -> Tensor:
    return distances_point_by_point(q[..., :1, :], k[..., :1, :], gamma)


def first_point_of_many(q: Tensor, k: Tensor, gamma: Tensor) -> Tensor:
    others = torch.zeros_like(q[..., 1:, :])
    q, k = (torch.cat([x[..., :1, :], others], dim=-2) for x in (q, k))
    return distances_point_by_point(q, k, gamma)


def right_up_to_rounding(q: Tensor, k: Tensor, gamma: Tensor) -> Tensor:
    return distances_point_by_point(q, k, gamma) * (1 + 3e-14)


def expanded_and_exact_for_small_numbers(q: Tensor, k: Tensor, gamma: Tensor) -> Tensor:
    """In half precision small whole numbers are exact, and their squares; large ones are not."""
    a, b = q.flatten(-2).bfloat16(), k.flatten(-2).bfloat16()
    squares = a.square().sum(-1)[..., :, None] + b.square().sum(-1)[..., None, :] - 2 * a @ b.mT
    weight = distances_point_by_point(torch.zeros_like(q[..., :1, :, :]), one_away(q), gamma)
    return squares.to(q.dtype) * weight


def one_away(q: Tensor) -> Tensor:
    """A key whose first point is 1 nm from the origin, so that its logit is the factor of the squares."""
    key = torch.zeros_like(q[..., :1, :, :])
    key[..., 0, 0] = 1.0
    return key


def nothing(d: Draw) -> tuple:
    return ()


def number_by_hand(point_logits: Callable) -> None:
    q = torch.zeros(2, 2, 3, 3, dtype=torch.float64)
    k = q.clone()
    k[:, 1, 0, 0], k[:, 1, 2, 1] = 2.0, 3.0  # the points of the second key: 4 + 0 + 9 nm²
    gamma = torch.tensor([1.0, 3.0], dtype=torch.float64)
    far = -0.5 * gamma * math.sqrt(2 / 27) * 13  # (H,)
    expected = torch.stack([0 * far, far], dim=-1)[:, None, :].expand(2, 2, 2)
    for push in (0.0, 100.37):  # no whole number, which half precision could hold
        assert (point_logits(q + push, k + push, gamma) - expected).abs().max() < 1e-6


check_test_of_point_logits = check_of(
    "a test with a number worked out by hand",
    number_by_hand,
    the_packages_own,
    nothing,
    [
        silent(that_is(distances_point_by_point), nothing, "the same, written in another way"),
        silent(that_is(right_up_to_rounding), nothing, "the same up to rounding"),
        *loud_with(the_packages_own, nothing, BUGS_OF_THE_POINT_TERM),
        loud(that_is(first_point_alone), nothing, "the first point alone counts, with its own w_C"),
        loud(that_is(first_point_of_many), nothing, "the first point alone counts"),
        loud(
            that_is(expanded_and_exact_for_small_numbers),
            nothing,
            "right near the origin, and without digits far from it",
        ),
        loud(that_is(gammas_exchanged), nothing, "each head takes the γ of another"),
        loud(that_is(axes_exchanged), nothing, "rows are keys and columns queries"),
    ],
    ("point_logits",),
)
