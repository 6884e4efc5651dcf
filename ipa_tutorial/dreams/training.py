"""Teaches a :class:`~ipa_tutorial.dreams.model.FlowModel` on the training chains: the loop of the last lesson.

    python -m ipa_tutorial.dreams train dreamer.pt --steps 15000
    python -m ipa_tutorial.dreams train better.pt --steps 4500 --rate 6e-4 --weights dreamer.pt

writes checkpoints such as the one that comes with the package; after an interruption the same command goes on where it
was.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..proteins.dataset import backbones, batch
from ..proteins.dssp import secondary_structure
from ..proteins.files import Protein
from ..rigid import Rigid
from .flow import aligned, centred, interpolate, noise, step_towards
from .losses import all_losses
from .model import FlowModel

RESIDUES = 512  # in a batch, padding included
LEARNING_RATE = 1.5e-3
WARM_UP = 200  # steps, or a tenth of a short training
LATE = 0.5  # of the times are drawn near the end, where the bonds are made
STRIDE = 0.1  # the longest time that the network walks by itself in training
STRANDED = 0.25  # chains with more strand than this are drawn twice as often: strands are learnt last
AVERAGING = 0.9995  # a step, of the weights that are kept


class FlowTrainer:
    """Model, optimiser, and the running average of the weights, which dreams better than the weights themselves.

    Args:
        proteins: chains without gaps to learn from.
        steps: of the whole training; the learning rate falls to zero along half a cosine.
        seed: of weights, batches, times and noise.
        residues: in a batch, padding included.
        rate: the highest learning rate.
        weights: to begin with, a ``state_dict`` of such a model; None: random ones.
        model_options: sizes, passed on to :class:`FlowModel`.
    """

    def __init__(
        self,
        proteins: Sequence[Protein],
        steps: int,
        seed: int = 0,
        residues: int = RESIDUES,
        rate: float = LEARNING_RATE,
        weights: dict[str, Tensor] | None = None,
        **model_options,
    ) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}")
        longest = max((len(protein) for protein in proteins), default=0)
        if not 1 <= longest <= residues:
            raise ValueError(f"proteins must hold chains of 1 to {residues} residues, the longest has {longest}")
        self.proteins, self.steps, self.residues, self.rate = list(proteins), steps, residues, rate
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = FlowModel(**model_options)
        if weights is not None:
            self.model.load_state_dict(weights)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), rate, betas=(0.9, 0.99), weight_decay=0.01)
        self.generator = torch.Generator().manual_seed(seed)
        self.history: list[dict[str, float]] = []  # the losses of each step
        self._queue: list[list[int]] = []

    def train(self, steps: int | None = None, progress: bool = True) -> list[dict[str, float]]:
        """Go on for ``steps`` (None: to the end) and return the losses of all steps so far."""
        left = self.steps - len(self.history)
        bar = tqdm(range(left if steps is None else min(steps, left)), desc="training", disable=not progress)
        for _ in bar:
            self.history.append(self.step())
            bar.set_postfix(loss=f"{sum(self.history[-1].values()):.2f}")
        return self.history

    def step(self) -> dict[str, float]:
        """One batch: noise it, ask the network, follow the gradient.

        Half the time the network first gives a guess (self-conditioning) and walks a little by itself. So it also
        meets frames that stand where its own mistakes have led, as they do in a dream, and learns the way back.
        """
        truth, mask = self.next_batch()
        t = self.times(len(mask))  # (B,)
        now, guess = interpolate(aligned(noise(mask, self.generator), truth), truth, t[:, None]), None
        if torch.rand((), generator=self.generator) < 0.5:
            with torch.no_grad():
                guess = self.model(now, t, mask)
                now, t = self.stride(guess, now, t)
        terms = all_losses(self.model(now, t, mask, guess), truth, now, t, mask)
        terms = {name: loss.mean() for name, loss in terms.items()}
        self.descend(sum(terms.values()))
        return {name: loss.item() for name, loss in terms.items()}

    def stride(self, goal: Rigid, frames: Rigid, t: Tensor) -> tuple[Rigid, Tensor]:
        """As in a dream, a step towards the goal: for a tenth of the whole time at most, and never to the end."""
        dt = STRIDE * torch.rand(len(t), generator=self.generator)
        dt = torch.minimum(dt, (1 - t) * torch.rand(len(t), generator=self.generator))  # (B,)
        return step_towards(goal, frames, t[:, None], dt[:, None]), t + dt

    def descend(self, loss: Tensor) -> None:
        """One step of AdamW, and of the running average."""
        done = len(self.history)
        warm_up = min(WARM_UP, self.steps / 10)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * min(1.0, (done + 1) / warm_up) * half_cosine(done / self.steps)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        keep = min(AVERAGING, (done + 1) / (done + 10))  # the first steps are soon forgotten
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - keep)

    def times(self, count: int) -> Tensor:
        """Times from 0 to 1, ``(count,)``, half of them from the last 0.4."""
        t, late = torch.rand(2, count, generator=self.generator)
        return torch.where(late < LATE, 0.6 + 0.4 * t, t)

    def next_batch(self) -> tuple[Rigid, Tensor]:
        """Frames ``(B, L)``, nm, and mask of a few chains of like length."""
        if not self._queue:
            self._queue = list(self.batches())
        chains = batch([self.proteins[i] for i in self._queue.pop()])
        return centred(chains.rigids, chains.mask), chains.mask

    def batches(self) -> Iterator[list[int]]:
        """All chains once or, if rich in strands, twice, in a random order, those of like length together."""
        draws = torch.tensor([i for i, protein in enumerate(self.proteins) for _ in range(1 + is_stranded(protein))])
        length = torch.tensor([len(protein) for protein in self.proteins])[draws]
        order = draws[(length + 8 * torch.rand(len(length), generator=self.generator)).argsort()].tolist()
        full, groups = [], []
        for i in order:
            if full and (len(full) + 1) * max(len(self.proteins[j]) for j in [*full, i]) > self.residues:
                groups.append(full)
                full = []
            full.append(i)
        groups.append(full)
        yield from (groups[k] for k in torch.randperm(len(groups), generator=self.generator).tolist())

    def state(self) -> dict:
        """All that it takes to go on."""
        parts = {name: getattr(self, name).state_dict() for name in ("model", "average", "optimiser")}
        return dict(parts, generator=self.generator.get_state(), history=self.history, queue=self._queue)

    def restore(self, state: dict) -> None:
        """Go on where :meth:`state` was taken."""
        for name in ("model", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.generator.set_state(state["generator"])
        self.history, self._queue = state["history"], state["queue"]


def is_stranded(protein: Protein) -> bool:
    """Rich in strands, by the letters that come with the chain or, where there are none, by its hydrogen bonds."""
    letters = getattr(protein, "secondary_structure", None) or secondary_structure(protein)
    return letters.count("E") > STRANDED * len(protein)


def half_cosine(done: float) -> float:
    """From 1 at the beginning to 0 at the end."""
    return (1 + torch.tensor(torch.pi * done).cos().item()) / 2


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ipa_tutorial.dreams train", description="Train the flow model on the training chains."
    )
    parser.add_argument("checkpoint", type=Path, help="where to write the averaged weights, in half precision")
    parser.add_argument("--steps", type=int, default=15000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=LEARNING_RATE, help="the highest learning rate")
    parser.add_argument("--residues", type=int, default=RESIDUES, help="in a batch, padding included")
    parser.add_argument("--weights", type=Path, help="a checkpoint to begin with; without it, random weights")
    parser.add_argument("--threads", type=int, default=1, help="two need about two thirds of the time of one")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    weights = arguments.weights and torch.load(arguments.weights, weights_only=True)
    options = dict(residues=arguments.residues, rate=arguments.rate, weights=weights)
    trainer = FlowTrainer(backbones("train"), arguments.steps, arguments.seed, **options)
    unfinished = arguments.checkpoint.with_suffix(".unfinished")
    if unfinished.exists():
        trainer.restore(torch.load(unfinished, weights_only=True))
    begin = time.monotonic()
    while len(trainer.history) < trainer.steps:
        history = trainer.train(250)
        recent = history[-250:]
        terms = {name: sum(step[name] for step in recent) / len(recent) for name in recent[0]}
        spent = (time.monotonic() - begin) / 60
        print(len(history), f"{spent:.1f} min", {name: round(loss, 3) for name, loss in terms.items()}, flush=True)
        torch.save(trainer.state(), unfinished)
    weights = {name: weight.half() for name, weight in trainer.average.state_dict().items()}
    torch.save(weights, arguments.checkpoint)
    unfinished.unlink()
