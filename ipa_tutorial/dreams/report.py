"""How good are the dreams? A hundred of them, measured, beside real chains of the same lengths.

    python -m ipa_tutorial.dreams measure dreams.csv

One row for each dreamt chain (50 to 80 residues), one for the same chain after its relaxation, and one for each test
chain in that range. Likeness to other chains is the TM-score of TM-align, by the PyPI package tmtools
(``pip install "ipa-tutorial[study]"``): 1 is the same fold, 0.5 and more usually the same kind of fold, unrelated
chains have 0.2–0.3. Takes some minutes.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..proteins.dataset import backbones
from ..rigid import Rigid
from .flow import dream, noise
from .measures import backbone_atoms, measure
from .model import FlowModel, load_flow_model
from .relaxation import relaxed

TABLE = Path(__file__).parent.parent / "data" / "studies" / "dreams.csv"  # what came out for the model that comes along
SHORTEST, LONGEST = 50, 80
AT_ONCE = 20  # dreams in a batch


@dataclass(frozen=True)
class Row:
    """One chain. Means and deviations are over its peptide bonds, Å and degrees."""

    source: str  # "dream", "relaxed" or "test"
    name: str
    length: int
    ca_ca: float
    ca_ca_deviation: float
    bond: float
    bond_deviation: float
    angle_c: float
    angle_c_deviation: float
    angle_n: float
    angle_n_deviation: float
    clashes: int
    helix: float
    strand: float
    radius: float
    sound: int
    nearest: str  # the most similar training chain
    nearest_tm: float
    others_tm: float  # the mean likeness to the other chains of the same source


def dreams(
    model: FlowModel, lengths: Sequence[int], seed: int = 0, progress: bool = True, **options
) -> list[tuple[Rigid, Tensor]]:
    """Chains of the given lengths, a few at a time: frames ``(B, L)``, nm, and their mask ``(B, L)``.

    ``options`` go to :func:`~ipa_tutorial.dreams.flow.dream`.
    """
    generator = torch.Generator().manual_seed(seed)
    batches = []
    for first in tqdm(range(0, len(lengths), AT_ONCE), desc="batches", disable=not progress):
        size = torch.tensor(lengths[first : first + AT_ONCE])  # (B,)
        mask = torch.arange(int(size.max())) < size[:, None]  # (B, L)
        batches.append((dream(model, noise(mask, generator), mask, progress=False, **options)[-1], mask))
    return batches


def atoms_of(frames: Rigid, mask: Tensor) -> list[Tensor]:
    """Each of the chains ``(B, L)`` without its padding, as atoms N, CA, C, O ``(L, 4, 3)``, Å."""
    return [backbone_atoms(chain[:n]) for chain, n in zip(frames, mask.sum(-1).tolist(), strict=True)]


def tm_score(a: Tensor, b: Tensor) -> float:
    """The likeness of two chains of atoms ``(L, 4, 3)``, Å, by TM-align, normalised by the shorter."""
    from tmtools import tm_align

    a, b = (np.ascontiguousarray(x[:, 1].double()) for x in (a, b))
    result = tm_align(a, b, "A" * len(a), "A" * len(b))
    return max(result.tm_norm_chain1, result.tm_norm_chain2)


def rows(source: str, chains: dict[str, Tensor], training: dict[str, Tensor], progress: bool = True) -> list[Row]:
    """Measure chains, and compare each with the others of its source and with the training chains."""
    names, found = list(chains), []
    likeness = np.ones((len(names), len(names)))
    for i, name in enumerate(tqdm(names, desc=source, disable=not progress)):
        for j in range(i):
            likeness[i, j] = likeness[j, i] = tm_score(chains[name], chains[names[j]])
        near = {other: tm_score(chains[name], atoms) for other, atoms in training.items()}
        nearest = max(near, key=near.get)
        m = measure(chains[name])
        found.append((name, m, nearest, near[nearest]))
    return [
        Row(
            source,
            name,
            len(chains[name]),
            *(round(x, 5) for values in (m.ca_ca, m.bond, m.angle_c, m.angle_n) for x in mean_and_deviation(values)),
            m.clashes,
            *(round(x, 4) for x in (m.helix, m.strand, m.radius)),
            int(m.sound),
            nearest,
            round(tm, 4),
            round(float((likeness[i].sum() - 1) / (len(names) - 1)), 4),
        )
        for i, (name, m, nearest, tm) in enumerate(found)
    ]


def mean_and_deviation(values: Tensor) -> tuple[float, float]:
    return values.mean().item(), values.std(correction=0).item()


def pooled(rows: Sequence[Row], name: str) -> tuple[float, float]:
    """Mean and deviation of ``ca_ca``, ``bond`` or an angle over all peptide bonds of all chains."""
    weight = np.array([row.length - 1 for row in rows])
    means = np.array([getattr(row, name) for row in rows])
    squares = np.array([getattr(row, f"{name}_deviation") for row in rows]) ** 2 + means**2
    mean, square = np.average(means, weights=weight), np.average(squares, weights=weight)
    return float(mean), float(np.sqrt(max(square - mean**2, 0)))


def summary(rows: Sequence[Row]) -> dict[str, float]:
    """The numbers of the lesson's table for one source."""

    def mean(name: str) -> float:
        return statistics.fmean(getattr(row, name) for row in rows)

    peptide = {}
    for name in ("ca_ca", "bond", "angle_c", "angle_n"):
        peptide[name], peptide[f"{name}_deviation"] = pooled(rows, name)
    return peptide | dict(
        clashes=statistics.median(row.clashes for row in rows),
        helix=mean("helix"),
        strand=mean("strand"),
        radius=mean("radius"),
        sound=mean("sound"),
        nearest_tm=mean("nearest_tm"),
        others_tm=mean("others_tm"),
    )


def write_csv(rows: Sequence[Row], path: Path) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_csv(path: Path) -> list[Row]:
    with open(path, newline="", encoding="utf-8") as file:
        kinds = {"str": str, "int": int, "float": float}
        return [
            Row(**{field.name: kinds[field.type](line[field.name]) for field in fields(Row)})
            for line in csv.DictReader(file)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ipa_tutorial.dreams measure", description="Measure a hundred dreams beside real chains."
    )
    parser.add_argument("csv", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lengths = torch.linspace(SHORTEST, LONGEST, arguments.count).round().int().tolist()
    batches = dreams(load_flow_model(), lengths, arguments.seed, steps=arguments.steps)
    mended = [(relaxed(frames, mask), mask) for frames, mask in batches]
    dreamt, mended = ([atoms for batch in part for atoms in atoms_of(*batch)] for part in (batches, mended))
    names = [f"dream-{i:03}" for i in range(len(dreamt))]
    real = {p.name: p.coordinates for p in backbones("test") if SHORTEST <= len(p) <= LONGEST}
    training = {f"{p.name}_{p.chain}": p.coordinates for p in backbones("train")}
    sources = {
        "dream": dict(zip(names, dreamt, strict=True)),
        "relaxed": dict(zip(names, mended, strict=True)),
        "test": real,
    }
    found = [row for source, chains in sources.items() for row in rows(source, chains, training)]
    write_csv(found, arguments.csv)
    for source in sources:
        print(source, {name: round(x, 3) for name, x in summary([r for r in found if r.source == source]).items()})
