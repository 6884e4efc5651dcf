"""The training loop that the folding lesson shows and then reuses: one protein, from its sequence to its structure.

Training on one protein and then drawing that protein is **memorising**, not predicting: nothing here generalises to
another sequence. What it proves is that the machinery can carry a structure, and that its gradients are right.
"""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from tqdm.auto import tqdm

from .attention import InvariantPointAttention
from .losses import fape, kabsch_rmsd
from .rigid import NM_TO_ANGSTROM, Rigid
from .structure_module import Structure, StructureModule
from .torsion import RESIDUE_TYPES, sequence_to_types

RESIDUES_FOR_A_THREAD = 256
FARTHEST = 32  # relative positions beyond ±32 share one class, as in AlphaFold's relpos (Algorithm 4)


@runtime_checkable
class Chain(Protocol):
    """What can be folded: a :class:`~ipa_tutorial.proteins.Protein`, or anything else of L residues that has these."""

    name: str
    sequence: str
    residue_index: Tensor  # (L,) int64
    mask: Tensor  # (L,) bool: the residue has a frame

    def rigids(self) -> Rigid: ...  # (L,), nm


class FoldingModel(nn.Module):
    """A small structure module fed with nothing but the sequence and who is whose neighbour along the chain.

    ``pair_dim=None`` leaves out the pair representation, and with it the order of the chain: residues of one kind are
    then the same to the model, and fold onto each other.
    """

    def __init__(
        self,
        dim: int = 128,
        pair_dim: int | None = 32,
        depth: int = 4,
        heads: int = 8,
        attention: type[InvariantPointAttention] = InvariantPointAttention,
    ) -> None:
        super().__init__()
        self.embed_residue = nn.Linear(len(RESIDUE_TYPES), dim)
        self.embed_offset = None if pair_dim is None else nn.Linear(2 * FARTHEST + 1, pair_dim)
        options = dict(angle_dim=32, dropout=0.0, attention=attention)
        self.structure_module = StructureModule(dim, pair_dim, depth, heads, **options)

    def forward(self, residue_types: Tensor, residue_index: Tensor, mask: Tensor | None = None) -> Structure:
        """Residue types ``(*, L)``, residue numbers ``(*, L)`` and mask ``(*, L)`` → frames for each iteration."""
        dtype = self.embed_residue.weight.dtype
        s = self.embed_residue(one_hot(residue_types, len(RESIDUE_TYPES)).to(dtype))  # (*, L, dim)
        z = None
        if self.embed_offset is not None:
            z = self.embed_offset(relative_positions(residue_index).to(dtype))  # (*, L, L, pair_dim)
        return self.structure_module(s, z, residue_types, mask)


def relative_positions(residue_index: Tensor) -> Tensor:
    """One-hot class of j − i, clipped to ±32: ``(*, L)`` → ``(*, L, L, 65)``. The only trace of the chain's order."""
    offset = residue_index[..., None, :] - residue_index[..., :, None]  # (*, L, L)
    return one_hot(offset.clamp(-FARTHEST, FARTHEST) + FARTHEST, 2 * FARTHEST + 1)


def backbone_loss(structure: Structure, truth: Rigid, mask: Tensor, clamp: float | None = None) -> Tensor:
    """FAPE of frames and Cα atoms, averaged over the iterations; ``truth (*, L)`` and ``clamp`` in Å."""
    losses = []
    for rigids in structure.rigids:
        predicted = rigids.scale_translations(NM_TO_ANGSTROM)
        losses.append(fape(predicted, truth, predicted.translations, truth.translations, mask, mask, clamp))
    return torch.stack(losses).mean()


@dataclass
class FoldResult:
    """What :func:`fold_protein` has after its last step, or at the moment it was interrupted."""

    rmsd: float = float("nan")  # Å, Cα, after superposition
    losses: list[float] = field(default_factory=list)  # one a step
    rmsds: list[float] = field(default_factory=list)  # Å, one a step
    rigids: Rigid | None = None  # the folded chain (L,), nm
    trajectory: list[Rigid] = field(default_factory=list)  # the chain along the training, (L,) each, nm
    model: FoldingModel | None = None


def fold_protein(
    protein: Chain,
    steps: int = 400,
    seed: int = 0,
    progress: bool = True,
    learning_rate: float = 1e-3,
    snapshots: int = 60,
    clamp: float | None = None,
    **model_options,
) -> FoldResult:
    """Train a small model until it folds one sequence into its own structure. This memorises that one protein.

    Args:
        protein: what to fold; residues without a complete backbone do not count.
        steps: of Adam. 400 are plenty for 80 residues, and take less than a minute on one CPU core.
        seed: of the initial weights; the rest is deterministic.
        progress: show a bar with loss and Cα RMSD.
        learning_rate: at the start; it falls to a tenth along half a cosine.
        snapshots: about how many frames of ``trajectory`` to keep, the last step always among them.
        clamp: of the loss, Å (see :func:`~ipa_tutorial.losses.fape`); None: unclamped. Clamped from the start, far
            residues get no gradient, and most folds freeze.
        model_options: sizes and kind of attention, passed on to :class:`FoldingModel`: ``dim``, ``pair_dim``,
            ``depth``, ``heads`` and ``attention``.

    Returns:
        A :class:`FoldResult`. Ctrl-C (or the stop button) ends the training and returns what there is; so does a loss
        that is no longer finite. Meanwhile torch uses as many threads as the size is worth (:func:`threads_for`).

    Raises:
        TypeError, ValueError: naming the argument, what was expected and what came.
        RuntimeError: gradients are switched off (``torch.no_grad``).
    """
    if not isinstance(protein, Chain):
        raise TypeError(f"protein must be a Protein, got {type(protein).__name__}")
    for name, number in (("steps", steps), ("snapshots", snapshots), ("seed", seed)):
        if not isinstance(number, int) or isinstance(number, bool):
            raise TypeError(f"{name} must be a whole number, got {number!r}")
        if number < 1 and name != "seed":
            raise ValueError(f"{name} must be at least 1, got {number}")
    if not 0 < learning_rate < float("inf"):
        raise ValueError(f"learning_rate must be a positive number, got {learning_rate!r}")
    if unknown := model_options.keys() - inspect.signature(FoldingModel).parameters.keys():
        known = ", ".join(inspect.signature(FoldingModel).parameters)
        raise TypeError(f"fold_protein and its FoldingModel have no option {min(unknown)!r}; the model's are {known}")
    if not torch.is_grad_enabled():
        raise RuntimeError("fold_protein trains a model: call it outside of torch.no_grad() and torch.inference_mode()")
    if not protein.mask.any():
        raise ValueError(f"{protein.name} has no residue with a complete backbone (N, CA, C): nothing to fold")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = FoldingModel(**model_options)
    types, truth = sequence_to_types(protein.sequence), protein.rigids().scale_translations(NM_TO_ANGSTROM)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, eta_min=learning_rate / 10)
    result = FoldResult(model=model)
    every = max(1, steps // snapshots)
    limit = {} if clamp is None else {"clamp": clamp}

    bar = tqdm(range(steps), desc=f"folding {protein.name}", disable=not progress)
    with threads(threads_for(len(types))), contextlib.suppress(KeyboardInterrupt):
        for step in bar:
            structure = model(types, protein.residue_index, protein.mask)
            loss = backbone_loss(structure, truth, protein.mask, **limit)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            record(result, structure.rigids[-1].detach(), truth, protein.mask, loss.item())
            diverged = not math.isfinite(result.losses[-1])
            if step % every == 0 or step == steps - 1 or diverged:
                result.trajectory.append(result.rigids)
            bar.set_postfix(loss=f"{result.losses[-1]:.3f}", rmsd=f"{result.rmsd:.2f} Å")
            if diverged:
                break
    return result


@contextlib.contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch use so many threads for a while, and afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_for(L: int) -> int:
    """How many of the threads that torch may use are worth it for L residues: one for each 256.

    A step on a small protein is a thousand small operations, at the end of each of which all threads wait for the
    slowest. Beside other work, that one may not even be running.
    """
    return max(1, min(torch.get_num_threads(), L // RESIDUES_FOR_A_THREAD))


def record(result: FoldResult, rigids: Rigid, truth: Rigid, mask: Tensor, loss: float) -> None:
    """Note one step: the chain as it is now, its loss, and how far its Cα atoms are from the truth, in Å."""
    rmsd = kabsch_rmsd(rigids.translations * NM_TO_ANGSTROM, truth.translations, mask).item()
    result.rigids, result.rmsd = rigids, rmsd
    result.losses.append(loss)
    result.rmsds.append(rmsd)
