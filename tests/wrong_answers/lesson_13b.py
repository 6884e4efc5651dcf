"""Lesson 13: further answers, written without a look at the checks."""

import torch
from torch.nn.functional import one_hot

from ipa_tutorial import kabsch_rmsd

from .answer import Exercise

Exercise.all["13.1"].wrong(
    "far pairs are strangers",
    "Clipped offsets are of one chain.",
    lambda n, c: (
        lambda o: (
            torch.where((c[..., None, :] == c[..., :, None]) & (o.abs() <= 32), o.clamp(-32, 32) + 32, 65)[..., None]
            == torch.arange(66)
        ).long()
    )(n[..., None, :] - n[..., :, None]),
)


def classes_shifted_first(residue_index, chain):
    offset = residue_index[..., None, :] - residue_index[..., :, None] + 32
    same = chain[..., None, :] == chain[..., :, None]
    place = torch.where(same, offset.clamp(-32, 32), 65)
    return (place[..., None] == torch.arange(66)).to(torch.int64)


Exercise.all["13.1"].wrong(
    "shifted by 32 and then clipped",
    (
        "The 32 is added before the clip to ±32, so that all residues ahead fall into class 32 and those more than 32 "
        "behind into none."
    ),
    classes_shifted_first,
)


def classes_by_runs(residue_index, chain):
    new = torch.nn.functional.pad((chain.diff(dim=-1) != 0).long(), (1, 0))
    run = new.cumsum(-1)
    offset = (residue_index[..., None, :] - residue_index[..., :, None]).clamp(-32, 32) + 32
    return one_hot(torch.where(run[..., None, :] == run[..., :, None], offset, 65), 66)


Exercise.all["13.1"].wrong(
    "chains told by where numbers change",
    (
        "Chains are taken to be runs of neighbouring rows: two parts of one chain with another chain between them "
        "count as different."
    ),
    classes_by_runs,
)


def classes_from_an_eye(residue_index, chain):
    i, j = residue_index.unsqueeze(-1), residue_index.unsqueeze(-2)
    other = (chain.unsqueeze(-1) - chain.unsqueeze(-2)).ne(0)
    place = torch.maximum(torch.minimum(j - i, torch.tensor(32)), torch.tensor(-32)) + 32
    return torch.eye(66, dtype=torch.int64)[place.masked_fill(other, 65)]


Exercise.all["13.1"].right("rows of an identity matrix", classes_from_an_eye)


def best_in_nm(chains, true):
    rmsds = [kabsch_rmsd(chain, true / 10).item() for chain in chains]
    return rmsds.index(min(rmsds)), min(rmsds)


Exercise.all["13.3"].wrong(
    "crystal in nm, answer in nm",
    "The crystal is changed to nanometres, and so the RMSD comes out in nanometres, ten times too small.",
    best_in_nm,
)


def best_centred_only(chains, true):
    x, y = 10 * (chains - chains.mean(-2, keepdim=True)), true - true.mean(-2, keepdim=True)
    rmsds = (x - y).square().sum(-1).mean(-1).sqrt()
    return rmsds.argmin().item(), rmsds.min().item()


Exercise.all["13.3"].wrong(
    "centres matched, nothing turned",
    "The chains are only moved onto a common centre and not turned: that is no superposition.",
    best_centred_only,
)


def best_batched(chains, true):
    rmsds = kabsch_rmsd(10 * chains, true.expand_as(chains))
    order = rmsds.argsort(stable=True)
    return int(order[0]), float(rmsds[order[0]])


Exercise.all["13.3"].right("all chains in one call, sorted", best_batched)
