"""Random inputs for a check: reproducible, of sizes that all differ, so that exchanged axes cannot hide."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...rigid import Rigid, random_rigid


class Draw:
    """A source of tensors with one dtype, one batch shape and one set of sizes.

    ``L`` residues, ``H`` heads, ``c`` and ``c_v`` channels, ``P`` points, ``c_z`` channels of the pair representation:
    all different.
    """

    def __init__(self, dtype: torch.dtype, batch: Sequence[int], sizes: Sequence[int], seed: int) -> None:
        self.dtype, self.batch = dtype, tuple(batch)
        self.generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(sizes) - 1, generator=self.generator)
        self.L = sizes[0]
        self.H, self.c, self.c_v, self.P, self.c_z = (sizes[1 + i] for i in order.tolist())

    def normal(self, *shape: int) -> Tensor:
        """Numbers from N(0, 1), the batch axes in front of ``shape``."""
        return self.alone(*self.batch, *shape)

    def alone(self, *shape: int) -> Tensor:
        """Numbers from N(0, 1) of just this shape, shared by the whole batch."""
        return torch.randn(shape, generator=self.generator, dtype=torch.float64).to(self.dtype)

    def frames(self, *shape: int) -> Rigid:
        """Random frames, the batch axes in front of ``shape``; each its own rotation."""
        return random_rigid((*self.batch, *shape), self.generator, scale=2.0, dtype=self.dtype)

    def mask(self, length: int) -> Tensor:
        """Boolean, the batch axes in front: the first residue real, the last one padding where there are several.

        From four residues on there is padding between real ones, so that no mask is "the first n".
        """
        mask = torch.rand(*self.batch, length, generator=self.generator) < 0.6
        mask[..., -1] = False
        mask[..., 0] = True
        if length > 3:
            mask[..., 1], mask[..., 2] = False, True
        return mask
