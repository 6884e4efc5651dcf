"""How good are the dreams? A hundred of them, measured, beside real chains of the same lengths.

    python -m ipa_tutorial.dreams measure dreams.csv

One row for each dreamt chain (50 to 80 residues), one for each test chain in that range, and one for each of those when
they are spoiled on purpose: a measure that cannot tell them apart is no judge. Two judges come from outside: TM-align
(likeness to other chains: 1 is the same fold, 0.5 and more usually the same kind of fold, unrelated chains have 0.2 to
0.3) and ProteinMPNN, see judge.py. ``pip install "ipa-tutorial[study]"`` installs the first; judge.py says how to get
the second.
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..proteins.dataset import backbones
from ..proteins.ideal import atoms_of
from ..rigid import Rigid
from .controls import control_chains
from .flow import dream, noise
from .judge import surprise
from .measures import measure
from .model import FlowModel, load_flow_model
from .relaxation import relaxed

TABLE = Path(__file__).parent.parent / "data" / "studies" / "dreams.csv"  # what came out for the model that comes along
SHORTEST, LONGEST = 50, 80
AT_ONCE = 20  # dreams in a batch
UNKNOWN = float("nan")  # in a column that was not measured for a row


@dataclass(frozen=True)
class Row:
    """One chain. Fractions, counts, and means and deviations over its peptide bonds in Å and degrees."""

    source: str  # "dream", "test", or how a test chain was spoiled
    name: str
    length: int
    phi_psi: float  # fractions of its residues
    bends: float
    twisted: float
    contacts: int
    clashes: int
    passes: int
    ca_ca: float
    ca_ca_deviation: float
    bond: float
    bond_deviation: float
    angle_c: float
    angle_c_deviation: float
    angle_n: float
    angle_n_deviation: float
    helix: float
    strand: float
    radius: float
    surprise: float = UNKNOWN  # of ProteinMPNN, −log p a residue
    recovery: float = UNKNOWN  # of the true sequence
    nearest: str = ""  # the most similar training chain
    nearest_tm: float = UNKNOWN
    others_tm: float = UNKNOWN  # the mean likeness to the other chains of the same source


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
        start = noise(mask, generator)
        path = dream(model, start, mask, progress=False, generator=generator, **options)
        batches.append((path[-1], mask))
    return batches


def row(source: str, name: str, atoms: Tensor) -> Row:
    """Measure one chain of atoms ``(L, 4, 3)``, Å."""
    m = measure(atoms)
    fractions = [x.double().mean().item() for x in (m.phi_psi, m.bends, m.twisted)]
    spread = [x for values in (m.ca_ca, m.bond, m.angle_c, m.angle_n) for x in mean_and_deviation(values)]
    return Row(
        source,
        name,
        len(atoms),
        *(round(x, 4) for x in fractions),
        m.contacts,
        m.clashes,
        int(m.passes),
        *(round(x, 5) for x in spread),
        *(round(x, 4) for x in (m.helix, m.strand, m.radius)),
    )


def rows(source: str, chains: Mapping[str, Tensor]) -> list[Row]:
    """Measure chains of atoms ``(L, 4, 3)``, Å, by their names."""
    return [row(source, name, atoms) for name, atoms in chains.items()]


def judged(
    found: Sequence[Row], chains: Mapping[str, Tensor], sequences: Mapping[str, str], every: int = 1
) -> list[Row]:
    """The rows with ProteinMPNN's opinion of every so manieth; ``sequences`` are the true ones, where there are any."""
    out = list(found)
    for k in tqdm(range(0, len(out), every), desc="judging", leave=False):
        name = out[k].name
        doubt, recovery = surprise(chains[name], sequences.get(name))
        out[k] = replace(out[k], surprise=round(doubt, 4), recovery=round(recovery, 4))
    return out


def compared(
    found: Sequence[Row], chains: Mapping[str, Tensor], training: Mapping[str, Tensor], every: int = 1
) -> list[Row]:
    """The rows with the likeness of every so manieth to the training chains, and of these to each other."""
    chosen, out = list(range(0, len(found), every)), list(found)
    names = [found[k].name for k in chosen]
    likeness = np.ones((len(names), len(names)))
    for i, name in enumerate(tqdm(names, desc="comparing", leave=False)):
        for j in range(i):
            likeness[i, j] = likeness[j, i] = tm_score(chains[name], chains[names[j]])
        near = {other: tm_score(chains[name], atoms) for other, atoms in training.items()}
        nearest = max(near, key=near.get)
        out[chosen[i]] = replace(found[chosen[i]], nearest=nearest, nearest_tm=round(near[nearest], 4))
    for i, k in enumerate(chosen):
        others = (likeness[i].sum() - 1) / max(len(names) - 1, 1)
        out[k] = replace(out[k], others_tm=round(float(others), 4))
    return out


def tm_score(a: Tensor, b: Tensor) -> float:
    """The likeness of two chains of atoms ``(L, 4, 3)``, Å, by TM-align, normalised by the shorter."""
    from tmtools import tm_align

    a, b = (np.ascontiguousarray(x[:, 1].double()) for x in (a, b))
    result = tm_align(a, b, "A" * len(a), "A" * len(b))
    return max(result.tm_norm_chain1, result.tm_norm_chain2)


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
    """The numbers of the lesson's tables for one source: means over the chains for which a column was measured.

    Bonds and angles are pooled over all peptide bonds instead, with their deviation.
    """
    peptide = {}
    for name in ("ca_ca", "bond", "angle_c", "angle_n"):
        peptide[name], peptide[f"{name}_deviation"] = pooled(rows, name)
    plain = {
        field.name: [getattr(row, field.name) for row in rows]
        for field in fields(Row)
        if field.type != "str" and field.name not in peptide
    }
    known = {name: [x for x in values if not math.isnan(x)] for name, values in plain.items()}
    return {name: statistics.fmean(values) if values else UNKNOWN for name, values in known.items()} | peptide


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


# -------------------------------------------------------------------------------------------------------- the command


def control_rows(judge_every: int = 2) -> list[Row]:
    """The test chains of 50 to 80 residues, untouched, spoiled, and relaxed."""
    proteins = [p for p in backbones("test") if SHORTEST <= len(p) <= LONGEST]
    names, sequences = [p.name for p in proteins], {p.name: p.sequence for p in proteins}
    found = []
    for source, atoms in control_chains(proteins).items():
        chains = dict(zip(names, atoms, strict=True))
        part = judged(rows(source, chains), chains, sequences, judge_every)
        found += compared(part, chains, training_chains()) if source == "test" else part
    return found


def dream_rows(model: FlowModel, count: int, steps: int, seed: int, every: int = 5) -> list[Row]:
    """As many dreams, and every fifth compared with the training chains; the same dreams relaxed."""
    lengths = torch.linspace(SHORTEST, LONGEST, count).round().int().tolist()
    batches = dreams(model, lengths, seed, steps=steps)
    names = [f"dream-{i:03}" for i in range(count)]
    raw = dict(zip(names, [atoms for batch in batches for atoms in atoms_of(*batch)], strict=True))
    after = [atoms_of(relaxed(frames, mask, progress=False), mask) for frames, mask in batches]
    after = dict(zip(names, [atoms for batch in after for atoms in batch], strict=True))
    found = compared(judged(rows("dream", raw), raw, {}), raw, training_chains(), every)
    return found + judged(rows("dream, relaxed", after), after, {}, every)


def training_chains() -> dict[str, Tensor]:
    return {f"{p.name}_{p.chain}": p.coordinates for p in backbones("train")}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ipa_tutorial.dreams measure", description="Measure a hundred dreams beside real chains."
    )
    parser.add_argument("csv", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=2027)
    parser.add_argument("--every", type=int, default=5, help="compare only every so manieth dream with other chains")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = control_rows()
    found += dream_rows(load_flow_model(), arguments.count, arguments.steps, arguments.seed, arguments.every)
    write_csv(found, arguments.csv)
    for source in dict.fromkeys(row.source for row in found):
        numbers = summary([row for row in found if row.source == source])
        print(source, {name: round(x, 3) for name, x in numbers.items()})
