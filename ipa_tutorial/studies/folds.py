"""Do the networks of lesson 14 live on relatives?  python -m ipa_tutorial.studies.folds

A split by fold, made of relatives.csv: away with every training chain that is a relative of any test chain (TM-score of
0.6 or more). The networks are trained anew on what is left and, for comparison, on as many chains drawn from all
training chains, relatives included; both are tested on the same 100 test chains. The mean errors go to
ipa_tutorial/data/studies/folds.csv. Runs that the file has already are skipped. A quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ..proteins.dataset import Backbone, backbones
from . import relatives
from .ablations import ARMS
from .denoising import LEVELS, denoising_errors, train_denoiser
from .invariance import SEEDS, STEPS, append, pieces, training_chains

TABLE = Path(__file__).parent.parent / "data" / "studies" / "folds.csv"
RELATED = 0.6  # TM-score
RUNNERS = ("IPA", "plain attention, poses", "global coordinates, turned")


@dataclass(frozen=True)
class Run:
    """One training: on which kind of chains, and how many."""

    arm: str
    split: str  # "no relatives" or "any"
    chains: int
    seed: int


def strangers(pairs: list[relatives.Pair]) -> list[Backbone]:
    """The training chains that are no relative of any test chain.

    Raises:
        ValueError: a test chain is missing from ``pairs``: nobody has looked for its relatives.
    """
    unknown = {relatives.name_of(chain) for chain in backbones("test")} - {pair.test for pair in pairs}
    if unknown:
        raise ValueError(f"pairs must name every test chain, but {len(unknown)} are missing, {min(unknown)!r} first")
    related = {pair.train for pair in pairs if pair.tm >= RELATED}
    return [chain for chain in backbones("train") if relatives.name_of(chain) not in related]


def all_runs(chains: int) -> list[Run]:
    return [Run(arm, split, chains, seed) for seed in SEEDS for split in ("no relatives", "any") for arm in RUNNERS]


def result(run: Run, alone: list[Backbone]) -> dict[str, str | int | float]:
    """Train and test: the run, and its mean FAPE on the test chains at each level of noise, Å."""
    torch.manual_seed(run.seed)
    model, arm = ARMS[run.arm].build(), ARMS[run.arm]
    proteins = alone if run.split == "no relatives" else training_chains(run.chains, run.seed)
    train_denoiser(model, proteins, STEPS, run.seed, arm.augment, progress=False)
    tests = pieces(backbones("test"))
    return asdict(run) | {f"{level:g} Å": round(denoising_errors(model, tests, level).fape, 4) for level in LEVELS}


def finished(table: Path) -> set[Run]:
    if not table.is_file():
        return set()
    with table.open(newline="", encoding="utf-8") as file:
        return {Run(row["arm"], row["split"], int(row["chains"]), int(row["seed"])) for row in csv.DictReader(file)}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ipa_tutorial.studies.folds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--csv", type=Path, default=TABLE, help="the table to go on with")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    alone, done = strangers(relatives.read()), finished(options.csv)
    for run in all_runs(len(alone)):
        if run not in done:
            row = result(run, alone)
            append([row], options.csv)
            print(*row.values(), sep=" · ", flush=True)


if __name__ == "__main__":
    main()
