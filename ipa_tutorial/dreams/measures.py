"""What a protein backbone looks like in numbers: bonds, angles, clashes, helices and strands, compactness.

The same numbers are taken of real chains and of dreamt ones, so that a table can lay them side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..proteins.dssp import secondary_structure
from ..rigid import NM_TO_ANGSTROM, Rigid
from .flow import backbone_of

LAST_OXYGEN = (2.153, -1.062, 0.0)  # Å, in the frame of the last residue, which has no peptide plane: away from its N
CARBONYL = 1.231  # Å, from C to O
CLASH = 3.5  # Å, two Cα that are no chain neighbours are never nearer
IDEAL = dict(bond=(1.329, 0.014), angle_c=(117.2, 2.2), angle_n=(121.7, 2.5))  # Å and degrees: mean, deviation
TOLERANCE = 12  # deviations, as for AlphaFold's structural violations


def backbone_atoms(frames: Rigid) -> Tensor:
    """Atoms N, CA, C, O of a chain of frames ``(*, L)``, nm → ``(*, L, 4, 3)``, Å.

    Each frame carries an ideal residue. The oxygen lies in the peptide plane, so that it needs the next residue.
    """
    n, ca, c = backbone_of(frames)  # three times (*, L, 3)
    ending = frames[..., -1:].scale_translations(NM_TO_ANGSTROM)
    last = ending.apply(ending.translations.new_tensor(LAST_OXYGEN))  # (*, 1, 3)
    outwards = unit(c - ca)[..., :-1, :] + unit(c[..., :-1, :] - n[..., 1:, :])  # (*, L−1, 3)
    o = torch.cat([c[..., :-1, :] + CARBONYL * unit(outwards), last], dim=-2)
    return torch.stack([n, ca, c, o], dim=-2)


@dataclass
class Measures:
    """Of one chain: lengths in Å, angles in degrees, one number for each peptide bond, or for the chain."""

    ca_ca: Tensor  # (L−1,) from Cα to the next Cα
    bond: Tensor  # (L−1,) from C to the next N
    angle_c: Tensor  # (L−1,) at C: CA, C, next N
    angle_n: Tensor  # (L−1,) at the next N: C, N, CA
    clashes: int  # pairs of Cα, no chain neighbours, nearer than 3.5 Å
    helix: float  # the fraction of residues in α-helices
    strand: float  # the fraction in β-strands
    radius: float  # of gyration, of the Cα

    @property
    def sound(self) -> bool:
        """All local checks passed: no clash, and no bond or angle across a peptide bond further than 12 deviations off.

        The deviations are those of high-resolution structures; 12 of them is AlphaFold's limit for a violation.
        """
        near = [
            ((getattr(self, name) - mean).abs() <= TOLERANCE * deviation).all()
            for name, (mean, deviation) in IDEAL.items()
        ]
        return self.clashes == 0 and all(near)


def measure(atoms: Tensor) -> Measures:
    """Take the :class:`Measures` of one chain of backbone atoms N, CA, C, O ``(L, 4, 3)``, Å, without breaks."""
    n, ca, c, _ = atoms.unbind(-2)  # (L, 3)
    far = torch.cdist(ca, ca).triu(2)  # (L, L), zero on and beside the diagonal and below
    letters = secondary_structure(atoms)
    return Measures(
        ca_ca=(ca[1:] - ca[:-1]).norm(dim=-1),
        bond=(n[1:] - c[:-1]).norm(dim=-1),
        angle_c=angle(ca[:-1], c[:-1], n[1:]),
        angle_n=angle(c[:-1], n[1:], ca[1:]),
        clashes=int(((far > 0) & (far < CLASH)).sum()),
        helix=letters.count("H") / len(letters),
        strand=letters.count("E") / len(letters),
        radius=(ca - ca.mean(0)).square().sum(-1).mean().sqrt().item(),
    )


def angle(a: Tensor, corner: Tensor, b: Tensor) -> Tensor:
    """The angle a, corner, b in degrees, for points ``(*, 3)``."""
    cosine = (unit(a - corner) * unit(b - corner)).sum(-1)
    return cosine.clamp(-1, 1).arccos().rad2deg()


def unit(v: Tensor) -> Tensor:
    return torch.nn.functional.normalize(v, dim=-1)
