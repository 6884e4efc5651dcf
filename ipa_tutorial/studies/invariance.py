"""The study of lesson 14: does invariance matter?  python -m ipa_tutorial.studies.invariance

Trains every network of ``ARMS`` to denoise backbones, with several numbers of training chains and three seeds, tests
each on the same 100 chains, and adds its rows to the tables that the package carries when it is done: means over chains
to ipa_tutorial/data/studies/invariance.csv and, with all training chains, the error of each test chain to
invariance_by_chain.csv beside it.
Runs that the files have already are skipped: stopped, it goes on where it was. Less than an hour on one core.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import torch

from ..proteins.dataset import Backbone, Batch, backbones, batch, crop
from .ablations import ARMS
from .denoising import CROP, LEVELS, Denoiser, denoising_errors, errors_by_chain, places, train_denoiser
from .relatives import name_of

TABLE = Path(__file__).parent.parent / "data" / "studies" / "invariance.csv"
SIZES = (900, 60, 4)  # training chains
SEEDS = (0, 1, 2)
STEPS = 1000
BY_CHAIN_LEVEL = 2.0  # Å
AT_ALL_SIZES = ("IPA", "global coordinates", "global coordinates, turned")


@dataclass(frozen=True)
class Run:
    """One training: what decides its result."""

    arm: str
    chains: int
    seed: int
    steps: int


@dataclass(frozen=True)
class Row:
    """One line of the table: a run, and how well it does on one kind of test."""

    arm: str
    chains: int
    seed: int
    steps: int
    parameters: int
    seconds: float  # processor time of the training
    tested_on: str  # test or train
    placed: str
    level: float  # Å
    fape: float  # Å
    rmsd: float  # Å
    turn: float  # degrees


def all_runs() -> Iterator[Run]:
    """The most telling ones first, and every seed before the next one begins."""
    for seed in SEEDS:
        for chains in SIZES:
            for arm in ARMS if chains == max(SIZES) else AT_ALL_SIZES:
                yield Run(arm, chains, seed, STEPS)


def training_chains(count: int, seed: int) -> list[Backbone]:
    """So many of the training chains, other ones for each seed."""
    everything = backbones("train")
    drawn = torch.randperm(len(everything), generator=torch.Generator().manual_seed(seed))[:count]
    return [everything[i] for i in drawn.tolist()]


def pieces(chains: list[Backbone], count: int = 100) -> Batch:
    """One crop of each of ``count`` chains, the same at every call; if there are fewer chains, several of each."""
    generator = torch.Generator().manual_seed(0)
    return batch([crop(chains[i % len(chains)], CROP, generator) for i in range(count)])


def train(run: Run) -> tuple[Denoiser, list[Backbone], float]:
    """The trained network, its training chains, and the processor time it took."""
    torch.manual_seed(run.seed)
    model, proteins = ARMS[run.arm].build(), training_chains(run.chains, run.seed)
    start = time.process_time()
    train_denoiser(model, proteins, run.steps, run.seed, ARMS[run.arm].augment, progress=False)
    return model, proteins, time.process_time() - start


def rows_of(run: Run, model: Denoiser, proteins: list[Backbone], seconds: float) -> list[Row]:
    """Test on chains never seen, wherever they are put, and on those of the training, given and rotated."""
    parameters = sum(weight.numel() for weight in model.parameters())
    rows = []
    for tested_on, chains in (("test", pieces(backbones("test"))), ("train", pieces(proteins))):
        for placed, motions in places(len(chains)).items():
            if tested_on == "train" and placed.startswith("moved"):
                continue
            for level in LEVELS:
                errors = denoising_errors(model, chains, level, motions)
                rounded = (round(error, 4) for error in astuple(errors))
                about = (parameters, round(seconds, 1), tested_on, placed, level)
                rows.append(Row(*astuple(run), *about, *rounded))
    return rows


def errors_of(run: Run, model: Denoiser) -> dict[str, str | int | float]:
    """The line of the other table: a run, and its error on each test chain, Å, as given."""
    chains = backbones("test")
    errors = errors_by_chain(model, pieces(chains), BY_CHAIN_LEVEL).tolist()
    return asdict(run) | {name_of(chain): round(error, 3) for chain, error in zip(chains, errors, strict=True)}


def finished(table: Path) -> set[Run]:
    if not table.is_file():
        return set()
    with table.open(newline="", encoding="utf-8") as file:
        return {
            Run(row["arm"], int(row["chains"]), int(row["seed"]), int(row["steps"])) for row in csv.DictReader(file)
        }


def append(rows: list[dict], table: Path) -> None:
    new = not table.is_file()
    with table.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def by_chain(table: Path) -> Path:
    return table.with_name(f"{table.stem}_by_chain.csv")


def missing(table: Path) -> Iterator[tuple[Run, bool, bool]]:
    """The runs to do, and whether the one and the other table want them."""
    means, singles = finished(table), finished(by_chain(table))
    for run in all_runs():
        wanted = run not in means, run.chains == max(SIZES) and run not in singles
        if any(wanted):
            yield run, *wanted


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ipa_tutorial.studies.invariance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--csv", type=Path, default=TABLE, help="the table to go on with, the other one beside it")
    parser.add_argument("--list", action="store_true", help="only say what there is to do")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # small tensors: a second thread costs more than it brings
    for run, means, singles in missing(options.csv):
        print(*astuple(run), sep=" · ", end="" if not options.list else "\n", flush=True)
        if options.list:
            continue
        model, proteins, seconds = train(run)
        rows = rows_of(run, model, proteins, seconds)
        if means:
            append([asdict(row) for row in rows], options.csv)
        if singles:
            append([errors_of(run, model)], by_chain(options.csv))
        print(f" · {rows[1].fape:.2f} Å · {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
