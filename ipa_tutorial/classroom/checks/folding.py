"""What a folding network is told, how it is judged, and which of its attempts to keep."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from ...losses import kabsch_rmsd
from ...rigid import Rigid, random_rigid
from ...training import backbone_loss
from .diagnosis.evidence import Evidence
from .diagnosis.terms import sum_of
from .draw import Draw
from .engine import Case, Check
from .losses import fape_of_what_counts, rmsd_by_horn

# --- relative positions ----------------------------------------------------------------------------------------------


def numbered_with_gaps(d: Draw) -> tuple[Tensor]:
    """Residue numbers that grow by 1 to 19, and begin anywhere."""
    steps = torch.randint(1, 20, (*d.batch, d.L), generator=d.generator)
    return (steps.cumsum(-1) - 30,)


def classes_one_by_one(residue_index: Tensor) -> Tensor:
    out = torch.zeros(*residue_index.shape, residue_index.shape[-1], 65, dtype=torch.int64)
    for *batch, i, j in torch.cartesian_prod(*map(torch.arange, out.shape[:-1])).tolist():
        offset = int(residue_index[(*batch, j)] - residue_index[(*batch, i)])
        out[(*batch, i, j, min(max(offset, -32), 32) + 32)] = 1
    return out


check_relative_positions = Check(
    "relative positions, the only trace of the chain's order",
    "training.relative_positions",
    numbered_with_gaps,
    classes_one_by_one,
    special=(
        lambda d: Case((torch.arange(40, 110),), "a chain of 70 without gaps"),
        lambda d: Case((torch.tensor([3, 4, 5, 105, 106]),), "a loop of 99 residues is missing"),
        lambda d: Case((torch.tensor([-5, 300, 1000, 1001]),), "residue numbers above 255"),
    ),
    single_precision=False,
    without=("one_hot",),
)


def chains_with_gaps(d: Draw) -> tuple[Tensor, Tensor]:
    """Residue numbers that begin anew in each chain, and may be the same in two of them."""
    steps = torch.randint(1, 20, (*d.batch, d.L), generator=d.generator)
    return steps.cumsum(-1) - 30, torch.randint(0, 3, (*d.batch, d.L), generator=d.generator)


def classes_of_chains(residue_index: Tensor, chain: Tensor) -> Tensor:
    within = classes_one_by_one(residue_index)
    out = torch.cat([within, torch.zeros_like(within[..., :1])], dim=-1)
    for *batch, i, j in torch.cartesian_prod(*map(torch.arange, out.shape[:-1])).tolist():
        if chain[(*batch, i)] != chain[(*batch, j)]:
            out[(*batch, i, j)] = torch.eye(66, dtype=torch.int64)[65]
    return out


def one_pair(e: Evidence) -> str | None:
    """The first pair with a wrong class: within one chain where there is such a one."""
    (n, chain), got, right = e.arguments, e.wrong.got, e.wrong.expected
    wrong = (got != right).any(-1)
    within = wrong & (chain[..., None, :] == chain[..., :, None])
    *batch, i, j = (within if within.any() else wrong).nonzero()[0].tolist()
    mine, theirs = (x[(*batch, i, j)].nonzero()[:, 0].tolist() for x in (got, right))
    chains = "of one chain" if within.any() else "of two chains"
    so_far = "" if within.any() or not (got == right).any() else "within a chain all is right; "
    classes = f"class {mine[0]}" if len(mine) == 1 else f"{len(mine)} classes" if mine else "no class at all"
    numbers = f"{int(n[(*batch, i)])} (i) and {int(n[(*batch, j)])} (j)"
    return f"{so_far}residues {numbers} {chains} should have class {theirs[0]}, and have {classes}"


check_offsets_of_chains = Check(
    "relative positions in a complex of chains",
    "training.relative_positions",
    chains_with_gaps,
    classes_of_chains,
    special=(
        lambda d: Case((torch.arange(40, 110), torch.zeros(70, dtype=torch.int64)), "one chain of 70 without gaps"),
        lambda d: Case((torch.tensor([3, 4, 5, 3, 4, 5]), torch.tensor([0, 0, 0, 1, 1, 1])), "two copies of one chain"),
        lambda d: Case((torch.tensor([3, 4, 90, 91]), torch.tensor([2, 2, 2, 2])), "a loop of 85 residues is missing"),
        lambda d: Case((torch.tensor([-5, 300, 301, 900]), torch.tensor([7, 7, 3, 3])), "chains number 7 and 3"),
    ),
    single_precision=False,
    names=("residue_index", "chain"),
    own=(one_pair,),
    elsewhere=False,
    sound=classes_of_chains,
    by_hand=False,
)

# --- the loss of a folding network -----------------------------------------------------------------------------------


def attempts(d: Draw) -> tuple[Rigid, Rigid, Tensor]:
    """Three iterations in nm, the truth in Å, and a mask."""
    every = random_rigid((3, *d.batch, d.L), d.generator, scale=1.5, dtype=d.dtype)
    return every, d.frames(d.L).scale_translations(5.0), d.mask(d.L)


def all_right(d: Draw) -> Case:
    T = d.frames(5)
    return Case((T[None].scale_translations(0.1), T, torch.ones(5, dtype=torch.bool)), "a perfect prediction")


def one_iteration_after_the_other(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    losses = []
    for R, t in zip(every.rotations, 10 * every.translations, strict=True):
        losses.append(fape_of_what_counts(Rigid(R, t), truth, t, truth.translations, mask, mask))
    return sum(losses) / len(losses)


def loss_of_the_package(every: Rigid, truth: Rigid, mask: Tensor) -> Tensor:
    """The package has one loss for the whole batch; here each protein has its own."""
    if mask.ndim > 1:
        return torch.stack([loss_of_the_package(every[:, b], truth[b], mask[b]) for b in range(len(mask))])
    iterations = [every[k] for k in range(every.shape[0])]
    return backbone_loss(SimpleNamespace(rigids=iterations), truth, mask)


def weights_of_iterations(e: Evidence) -> str | None:
    """As a sum of the losses of the single iterations, over twelve proteins."""
    d = Draw(torch.float64, (12,), (5, 2, 4, 3, 6, 7), 7)
    every, truth, _ = attempts(d)
    real = torch.ones(12, d.L, dtype=torch.bool)
    try:
        got = e.answer(every, truth, real).detach().double()
    except Exception:
        return None
    frames = [Rigid(every[k].rotations, 10 * every[k].translations) for k in range(3)]
    losses = [fape_of_what_counts(T, truth, T.translations, truth.translations, real, real) for T in frames]
    terms = {f"FAPE of iteration {k}": loss for k, loss in enumerate(losses, 1)}
    if got.shape != losses[0].shape or not (mine := sum_of(terms, got.double(), close=1e-4)):
        return None
    return f"of three iterations yours is {mine}, where each should count a third"


check_backbone_loss = Check(
    "the loss of a folding network",
    "training.backbone_loss",
    attempts,
    one_iteration_after_the_other,
    suspects=("losses.fape",),
    special=(all_right,),
    tolerance=1e-4,  # ε beside the number of pairs, as in FAPE
    sound=loss_of_the_package,
    own=(weights_of_iterations,),
)

# --- which attempt to keep -------------------------------------------------------------------------------------------


def chains_and_truth(d: Draw) -> tuple[Tensor, Tensor]:
    """Attempts of unequal quality, each moved by a motion of its own, nm; the truth, Å."""
    true, noise = 8 * d.normal(d.L + 4, 3), d.normal(d.P + 2, d.L + 4, 3)
    worse = 1 + torch.randperm(d.P + 2, generator=d.generator).to(d.dtype)
    worse = worse.sort(descending=True).values if d.L == 3 else worse  # the best may be the last
    return 0.1 * d.frames(d.P + 2)[:, None].apply(true + worse[:, None, None] * noise), true


def mirrored_among_them(d: Draw) -> Case:
    chains, true = chains_and_truth(d)
    mirror = 0.1 * true * true.new_tensor([1, 1, -1])
    return Case((torch.cat([chains[:1], mirror[None], chains[1:]]), true), "one of them a mirror image")


def all_of_them_good(d: Draw) -> Case:
    """All below 1 Å, and the best somewhere in the middle."""
    true = 8 * d.normal(9, 3)
    worse = torch.tensor([0.5, 0.3, 0.1, 0.2, 0.4], dtype=d.dtype)[:, None, None]
    return Case((0.1 * d.frames(5)[:, None].apply(true + worse * d.normal(5, 9, 3)), true), "five good attempts")


def of_the_chosen_chain(e: Evidence) -> str | None:
    """How good the chain is that was kept."""
    chains, true = e.arguments
    kept, best = (int(x) for x in (e.parts[0].got, e.parts[0].expected))
    if kept == best or not 0 <= kept < len(chains):
        return None
    mine, right = (rmsd_by_horn(10 * chains[k].double(), true.double()).item() for k in (kept, best))
    return f"of {len(chains)} chains yours is number {kept}, with {mine:.2f} Å; number {best} has {right:.2f} Å"


def best_by_horn(chains: Tensor, true: Tensor) -> tuple[int, float]:
    rmsds = [rmsd_by_horn(10 * chain, true).item() for chain in chains]
    return rmsds.index(min(rmsds)), min(rmsds)


def best_of_the_package(chains: Tensor, true: Tensor) -> tuple[int, float]:
    rmsds = kabsch_rmsd(10 * chains, true.expand_as(chains))
    return int(rmsds.argmin()), rmsds.min().item()


check_best_chain = Check(
    "the best of many attempts",
    "losses.kabsch_rmsd",
    chains_and_truth,
    best_by_horn,
    special=(mirrored_among_them, all_of_them_good),
    own=(of_the_chosen_chain,),
    batches=((),),
    tolerance=1e-6,
    names=("chains", "true"),
    results=("number of the chain", "RMSD"),
    by_hand=False,
    sound=best_of_the_package,
)
