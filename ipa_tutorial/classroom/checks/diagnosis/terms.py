"""An answer as a sum of the terms that could stand in it: which are wrong, missing, or too much?"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from .evidence import Evidence, alike, spelled

Terms = dict[str, Tensor]


def in_terms(terms_of: Callable[..., dict[str, Terms]]) -> Callable[[Evidence], str | None]:
    """A hypothesis: the wrong part of the answer is a sum of the terms that ``terms_of(*arguments)`` has for it.

    ``terms_of`` returns the terms of each part, by the part's name; "" is the name of an only part. Terms that belong
    to the right answer come first.
    """

    def hypothesis(e: Evidence) -> str | None:
        part, single = e.wrong, len(e.parts) == 1
        for name, terms in terms_of(*e.arguments).items():
            if name == part.name or (single and "" in (name, part.name)):
                mine, right = sum_of(terms, part.got), sum_of(terms, part.expected)
                if mine and right:
                    place = f"the {part.name}: " if part.name else ""
                    return f"{place}yours is {mine}, where it should be {right}"
        return None

    return hypothesis


def sum_of(terms: Terms, answer: Tensor, close: float = 1e-7) -> str | None:
    """The answer as "2 a − 1/2 b", with as few terms as possible; None if it is no such sum."""
    terms = {name: x.double().expand_as(answer) for name, x in terms.items()}
    for count in (1, 2, 3, len(terms)) if terms else ():  # the first few first: what the right answer is made of
        if count > 1 and count >= answer.numel():
            return None  # as many terms as numbers: anything could be made of them
        for chosen in itertools.combinations(terms, count):
            table = torch.stack([terms[name].flatten() for name in chosen], dim=-1)
            found = torch.linalg.lstsq(table, answer.reshape(-1, 1), driver="gelsd").solution[:, 0]
            if alike((table @ found).view_as(answer), answer, close) and (count < 4 or all_spelled(found)):
                names = [in_words(c, name) for c, name in zip(found.tolist(), chosen, strict=True) if abs(c) > 1e-7]
                return " + ".join(names).replace("+ −", "− ") or "0"
    return None


def all_spelled(factors: Tensor) -> bool:
    """Many terms with odd factors can make up many things."""
    return all("." not in spelled(c) for c in factors.tolist() if abs(c) > 1e-7)


def contractions(R: str, x: str, matrix: Tensor, vector: Tensor) -> Terms:
    """What becomes of a matrix and a vector, by the index that is summed: with R and x for names, "R x" and others."""
    return {
        f"{R} {x}": torch.einsum("...jk,...k->...j", matrix, vector),
        f"{R}ᵀ {x}": torch.einsum("...kj,...k->...j", matrix, vector),
        f"Σ_k {R}_jk {x}_j (row j of {R} added up, times one coordinate)": matrix.sum(-1) * vector,
        f"Σ_k {R}_kj {x}_j (column j of {R} added up, times one coordinate)": matrix.sum(-2) * vector,
        f"{R}_jj {x}_j (the diagonal of {R} alone)": matrix.diagonal(dim1=-2, dim2=-1) * vector,
    }


def in_words(factor: float, name: str) -> str:
    text = spelled(factor)
    return name if text == "1" else f"−{name}" if text == "−1" else f"{text} {name}"
