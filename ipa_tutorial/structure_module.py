"""The structure module, Algorithm 20: a sequence of frames grown from a single point, then every atom.

All residues start on top of each other at the origin (the "black hole"), or where they are told to. The same block,
with the same weights, reads the frames, updates the single representation and nudges the frames, ``depth`` times over.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .attention import InvariantPointAttention
from .blocks import BackboneUpdate, IPABlock, begin_at_zero
from .inputs import check_mask, require_tensor, silence_padding
from .rigid import NM_TO_ANGSTROM, Rigid
from .torsion import RESIDUE_TYPES, atom14_mask, frames_to_atom14, torsion_to_frames


@dataclass(frozen=True)
class Structure:
    """What the structure module returns."""

    rigids: list[Rigid]  # one (*, L) after each iteration, nm
    single: Tensor  # (*, L, dim), after the last iteration
    angles: Tensor  # (depth, *, L, 7, 2), unit (sin, cos): pre-omega, phi, psi, χ1 … χ4
    raw_angles: Tensor  # (depth, *, L, 7, 2), before normalisation
    frames: Rigid  # (*, L, 8), the rigid groups after the last iteration, Å
    atom14: Tensor  # (*, L, 14, 3), Å
    atom14_mask: Tensor  # (*, L, 14), boolean


class TorsionAngles(nn.Module):
    """Lines 11–14 of Algorithm 20: seven torsion angles from the current and the initial single representation."""

    def __init__(self, dim: int, angle_dim: int) -> None:
        super().__init__()
        self.from_single = nn.Linear(dim, angle_dim)
        self.from_initial = nn.Linear(dim, angle_dim)
        self.residual = nn.ModuleList(
            nn.Sequential(nn.ReLU(), nn.Linear(angle_dim, angle_dim), nn.ReLU(), nn.Linear(angle_dim, angle_dim))
            for _ in range(2)
        )
        for branch in self.residual:
            begin_at_zero(branch[-1])
        self.to_angles = nn.Linear(angle_dim, 14)

    def forward(self, single: Tensor, initial: Tensor) -> tuple[Tensor, Tensor]:
        """``(*, L, dim)`` twice → unit (sin, cos) and the raw pairs, each ``(*, L, 7, 2)``.

        The ReLU before the first layer is in AlphaFold's code and not in the paper.
        """
        a = self.from_single(single.relu()) + self.from_initial(initial.relu())  # line 11
        for branch in self.residual:
            a = a + branch(a)  # lines 12–13
        raw = self.to_angles(a.relu()).unflatten(-1, (7, 2))  # line 14
        length = raw.square().sum(-1, keepdim=True).clamp(min=1e-12).sqrt()
        return raw / length, raw


class StructureModule(nn.Module):
    """Algorithm 20 whole: single and pair representation in, frames, torsion angles and all atoms out.

    Args:
        dim, pairwise_repr_dim: channels of the single and the pair representation; None: without a pair representation.
        depth: number of iterations, which share their weights.
        heads … point_value_dim: sizes of the attention.
        angle_dim: width of the torsion network.
        dropout: after attention and transition.
        bias: biases in the attention's projections, as in AlphaFold's code.
        stop_rotation_gradient: between iterations no gradient flows through the rotations, line 20.
        attention: which form, the textbook's or :class:`~ipa_tutorial.fast.attention.FastInvariantPointAttention`.
    """

    def __init__(
        self,
        dim: int,
        pairwise_repr_dim: int | None,
        depth: int = 8,
        heads: int = 12,
        scalar_key_dim: int = 16,
        scalar_value_dim: int = 16,
        point_key_dim: int = 4,
        point_value_dim: int = 8,
        angle_dim: int = 128,
        dropout: float = 0.1,
        bias: bool = True,
        stop_rotation_gradient: bool = True,
        attention: type[InvariantPointAttention] = InvariantPointAttention,
    ) -> None:
        super().__init__()
        if not isinstance(depth, int) or depth < 1:
            raise ValueError(f"depth must be a whole number of at least 1, got {depth!r}")
        self.depth, self.dim, self.pairwise_repr_dim = depth, dim, pairwise_repr_dim
        self.stop_rotation_gradient = stop_rotation_gradient
        self.single_norm = nn.LayerNorm(dim)
        self.pair_norm = None if pairwise_repr_dim is None else nn.LayerNorm(pairwise_repr_dim)
        self.initial_projection = nn.Linear(dim, dim)
        self.block = IPABlock(
            dim,
            post_attn_dropout=dropout,
            post_ff_dropout=dropout,
            heads=heads,
            scalar_key_dim=scalar_key_dim,
            scalar_value_dim=scalar_value_dim,
            point_key_dim=point_key_dim,
            point_value_dim=point_value_dim,
            pairwise_repr_dim=pairwise_repr_dim,
            require_pairwise_repr=pairwise_repr_dim is not None,
            bias=bias,
            attention=attention,
        )
        self.update = BackboneUpdate(dim)
        self.torsion_angles = TorsionAngles(dim, angle_dim)

    def forward(
        self,
        single_repr: Tensor,
        pairwise_repr: Tensor | None,
        residue_types: Tensor,
        mask: Tensor | None = None,
        rigids: Rigid | None = None,
    ) -> Structure:
        """Fold.

        Args:
            single_repr: ``(*, L, dim)``.
            pairwise_repr: ``(*, L, L, pairwise_repr_dim)``; None when built without.
            residue_types: integers ``(*, L)``, 0 … 20 in the order of ``RESIDUE_TYPES``.
            mask: boolean ``(*, L)``, True = a real residue. Padding may hold anything, NaN included.
            rigids: where the residues begin, ``(*, L)``, nm; None: all at the origin, the "black hole" of line 4. When
                they are moved together, the fold moves along.
        """
        self._check(single_repr, pairwise_repr, residue_types, mask, rigids)
        T = Rigid.identity(residue_types.shape, dtype=single_repr.dtype, device=single_repr.device)  # line 4
        T = T if rigids is None else rigids.to(T.dtype)
        if mask is not None:
            single_repr, pairwise_repr, T = silence_padding(single_repr, pairwise_repr, T, mask)
        initial = self.single_norm(single_repr)  # line 1
        z = None if pairwise_repr is None else self.pair_norm(pairwise_repr)  # line 2
        s = self.initial_projection(initial)  # line 3

        rigids, angles, raw_angles = [], [], []
        for _ in range(self.depth):  # line 5
            s = self.block(s, z, rotations=T.rotations, translations=T.translations, mask=mask)  # lines 6–9
            T = T @ self.update(s)  # line 10
            alpha, raw = self.torsion_angles(s, initial)  # lines 11–14
            rigids.append(T)
            angles.append(alpha)
            raw_angles.append(raw)
            if self.stop_rotation_gradient:
                T = Rigid(T.rotations.detach(), T.translations)  # line 20

        backbone = Rigid(rigids[-1].rotations, rigids[-1].translations * NM_TO_ANGSTROM)
        frames = torsion_to_frames(backbone, angles[-1], residue_types)  # line 24
        atoms = frames_to_atom14(frames, residue_types)
        stacked = torch.stack(angles), torch.stack(raw_angles)
        return Structure(rigids, s, *stacked, frames, atoms, atom14_mask(residue_types))

    def _check(
        self,
        single_repr: Tensor,
        pairwise_repr: Tensor | None,
        residue_types: Tensor,
        mask: Tensor | None,
        rigids: Rigid | None,
    ) -> None:
        """What the attention does not see itself: it sees only projections of these."""
        require_tensor("single_repr", single_repr)
        if single_repr.ndim < 2 or single_repr.shape[-1] != self.dim or single_repr.shape[-2] == 0:
            raise ValueError(
                f"single_repr must have shape (*, L, {self.dim}) with L >= 1, got {tuple(single_repr.shape)}"
            )
        *batch, L, _ = single_repr.shape
        if self.pairwise_repr_dim is None and pairwise_repr is not None:
            raise ValueError("pairwise_repr was given, but this module was built without (pairwise_repr_dim=None)")
        if self.pairwise_repr_dim is not None:
            require_tensor("pairwise_repr", pairwise_repr)
            expected = (*batch, L, L, self.pairwise_repr_dim)
            if tuple(pairwise_repr.shape) != expected:
                raise ValueError(f"pairwise_repr must have shape {expected}, got {tuple(pairwise_repr.shape)}")
        if not isinstance(residue_types, Tensor) or residue_types.dtype not in (torch.int32, torch.int64):
            what = residue_types.dtype if isinstance(residue_types, Tensor) else type(residue_types).__name__
            raise TypeError(f"residue_types must be an integer tensor, got {what}")
        if tuple(residue_types.shape) != (*batch, L):
            raise ValueError(f"residue_types must have shape {(*batch, L)}, got {tuple(residue_types.shape)}")
        if residue_types.numel() and not 0 <= residue_types.min() <= residue_types.max() < len(RESIDUE_TYPES):
            raise ValueError(
                f"residue_types must lie in 0 … {len(RESIDUE_TYPES) - 1}, "
                f"got {residue_types.min().item()} … {residue_types.max().item()}"
            )
        if mask is not None:
            check_mask(mask, (*batch, L))
        if rigids is not None and not isinstance(rigids, Rigid):
            raise TypeError(f"rigids must be a Rigid, got {type(rigids).__name__}")
        if rigids is not None and rigids.shape != (*batch, L):
            raise ValueError(f"rigids must have shape {(*batch, L)}, got {tuple(rigids.shape)}")
        if rigids is not None and rigids.device != single_repr.device:
            raise ValueError(f"single_repr is on {single_repr.device}, but rigids on {rigids.device}")
