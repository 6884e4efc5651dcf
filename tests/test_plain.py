"""What the live pages' exporter says instead of PyTorch's functions that ONNX lacks (tools/site/live/plain.py)."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools" / "site" / "live"))

import plain


def test_other_words_mean_the_same():
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(100, 3, 3, generator=generator, dtype=torch.float64)
    U, S, Vh = plain.svd(A)
    assert torch.allclose(U @ torch.diag_embed(S) @ Vh, A) and torch.allclose(S, torch.linalg.svdvals(A))
    assert torch.allclose(U.mT @ U, torch.eye(3, dtype=torch.float64))
    assert torch.allclose(plain.det(A), torch.linalg.det(A))
    y, x = torch.randn(2, 1000, generator=generator, dtype=torch.float64)
    assert (plain.atan2(y, x) - torch.atan2(y, x)).abs().max() < 1e-14
    cosine = torch.linspace(-1, 1, 101, dtype=torch.float64)
    assert torch.allclose(plain.arccos(cosine), cosine.arccos(), atol=1e-7)
    index = A.argmax(-1, keepdim=True)
    assert torch.equal(plain.take_along_dim(A, index, -1), A.take_along_dim(index, dim=-1))
