"""How near is the nearest relative?  python -m ipa_tutorial.studies.relatives

Compares each of the 100 test chains with each of the 900 training chains by TM-align (PyPI: tmtools, extra "study"),
and writes ipa_tutorial/data/studies/relatives.csv. Test chains that the file has already are skipped: stopped, it goes
on where it was. Half an hour on one core.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from tqdm.auto import tqdm

from ..proteins.dataset import Backbone, backbones

TABLE = Path(__file__).parent.parent / "data" / "studies" / "relatives.csv"
ALIKE = 0.5  # two chains of one fold usually have a higher TM-score than this


@dataclass(frozen=True)
class Pair:
    """A test chain and a training chain that look alike."""

    test: str
    train: str
    tm: float  # TM-score of their Cα, normalised by the shorter of the two


def name_of(chain: Backbone) -> str:
    """Entry and chain, which no two of the thousand share."""
    return f"{chain.name}_{chain.chain}"


def tm_score(a: Backbone, b: Backbone) -> float:
    """The likeness of two chains by TM-align, between 0 and 1, normalised by the shorter. It does not see sequences."""
    from tmtools import tm_align

    coordinates = (chain.ca.double().contiguous().numpy() for chain in (a, b))
    result = tm_align(*coordinates, "A" * len(a), "A" * len(b))
    return max(result.tm_norm_chain1, result.tm_norm_chain2)


def alike(chain: Backbone, others: list[Backbone]) -> list[Pair]:
    """Those of ``others`` that are ``ALIKE`` to a chain, the nearest first; the nearest one in any case."""
    pairs = [Pair(name_of(chain), name_of(other), round(tm_score(chain, other), 4)) for other in others]
    pairs.sort(key=lambda pair: -pair.tm)
    return [pair for pair in pairs if pair.tm >= ALIKE] or pairs[:1]


def read(table: Path = TABLE) -> list[Pair]:
    """The pairs of the table; none if there is no table."""
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return [Pair(row["test"], row["train"], float(row["tm"])) for row in csv.DictReader(file)]


def nearest(pairs: list[Pair]) -> dict[str, float]:
    """The TM-score of the nearest training chain, for each test chain by its name."""
    found: dict[str, float] = {}
    for pair in pairs:
        found[pair.test] = max(pair.tm, found.get(pair.test, 0.0))
    return found


def append(pairs: list[Pair], table: Path) -> None:
    new = not table.is_file()
    with table.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(field.name for field in fields(Pair))
        writer.writerows(map(astuple, pairs))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ipa_tutorial.studies.relatives",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--csv", type=Path, default=TABLE, help="the table to go on with")
    options = parser.parse_args(arguments)
    done, training = nearest(read(options.csv)), backbones("train")
    for chain in tqdm([chain for chain in backbones("test") if name_of(chain) not in done], desc="test chains"):
        append(alike(chain, training), options.csv)


if __name__ == "__main__":
    main()
