"""What a protein backbone looks like in numbers: torsions, contacts, bonds, helices and strands, compactness.

The same numbers are taken of real chains and of dreamt ones, so that a table can lay them side by side. What is rare in
nature is read off the training chains: a **map** of two angles, smoothed, and the height that 99 of 100 real residues
stand above.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..proteins.dataset import backbones
from ..proteins.dssp import secondary_structure

CLASH = 3.5  # Å, two Cα that are no chain neighbours are never nearer
CONTACT = 2.5  # Å, two heavy backbone atoms of residues that are no chain neighbours are hardly ever nearer
PLANAR = 20  # degrees that ω may be off 180 (or, before a proline, off 0)
IDEAL = dict(bond=(1.329, 0.014), angle_c=(117.2, 2.2), angle_n=(121.7, 2.5))  # Å and degrees: mean, deviation
TOLERANCE = 12  # deviations, as for AlphaFold's structural violations
BINS, BLUR = 72, 7.5  # bins of 5 degrees, blurred by a Gaussian of so many degrees
RARE = 0.01  # of the training residues are called outliers


@dataclass
class Measures:
    """Of one chain: lengths in Å, angles in degrees, one number for each residue or peptide bond, or for the chain."""

    phi_psi: Tensor  # (L−2,) bool: the torsions φ, ψ of an inner residue are rare in nature
    bends: Tensor  # (L−3,) bool: the same of the turns that the Cα trace takes, see trace_angles
    twisted: Tensor  # (L−1,) bool: ω is more than 20° off planar
    contacts: int  # pairs of N, CA, C, O nearer than 2.5 Å, of residues that are no chain neighbours
    ca_ca: Tensor  # (L−1,) from Cα to the next Cα
    bond: Tensor  # (L−1,) from C to the next N
    angle_c: Tensor  # (L−1,) at C: CA, C, next N
    angle_n: Tensor  # (L−1,) at the next N: C, N, CA
    clashes: int  # pairs of Cα, no chain neighbours, nearer than 3.5 Å
    helix: float  # the fraction of residues in α-helices
    strand: float  # the fraction in β-strands
    radius: float  # of gyration, of the Cα

    @property
    def passes(self) -> bool:
        """No Cα clash, and no bond or angle across a peptide bond further than 12 deviations off.

        The deviations are those of high-resolution structures; 12 of them is AlphaFold's limit for a violation. The
        lesson shows how easily this score is satisfied by chains that are no proteins: it is necessary, not enough.
        """
        near = [
            ((getattr(self, name) - mean).abs() <= TOLERANCE * deviation).all()
            for name, (mean, deviation) in IDEAL.items()
        ]
        return self.clashes == 0 and all(near)


def measure(atoms: Tensor) -> Measures:
    """Take the :class:`Measures` of one chain of backbone atoms N, CA, C, O ``(L, 4, 3)``, Å, without breaks.

    Raises:
        ValueError: atoms of another shape, or fewer than four residues.
    """
    if atoms.ndim != 3 or atoms.shape[1:] != (4, 3) or len(atoms) < 4:
        raise ValueError(f"atoms must have shape (L, 4, 3) with L of at least 4, got {tuple(atoms.shape)}")
    atoms = atoms.double()
    n, ca, c, _ = atoms.unbind(-2)  # (L, 3)
    phi, psi, omega = torsions(atoms)  # (L−2,), (L−2,), (L−1,)
    angles, turns = trace_angles(ca)  # (L−3,) each
    letters = secondary_structure(atoms)
    return Measures(
        phi_psi=phi_psi_map().is_rare(phi, psi),
        bends=bend_map().is_rare(angles, turns),
        twisted=torch.minimum(omega.abs(), 180 - omega.abs()) > PLANAR,
        contacts=count_near(atoms, CONTACT),
        ca_ca=(ca[1:] - ca[:-1]).norm(dim=-1),
        bond=(n[1:] - c[:-1]).norm(dim=-1),
        angle_c=angle(ca[:-1], c[:-1], n[1:]),
        angle_n=angle(c[:-1], n[1:], ca[1:]),
        clashes=count_near(atoms[:, 1:2], CLASH),
        helix=letters.count("H") / len(letters),
        strand=letters.count("E") / len(letters),
        radius=(ca - ca.mean(0)).square().sum(-1).mean().sqrt().item(),
    )


# ---------------------------------------------------------------------------------------------------------- geometry


def torsions(atoms: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """φ and ψ of the inner residues, ``(L−2,)`` each, and ω of the peptide bonds, ``(L−1,)``, degrees.

    Atoms are N, CA, C (and O), ``(L, 3 or 4, 3)``.
    """
    n, ca, c = atoms[:, :3].unbind(-2)  # (L, 3)
    phi = torsion(c[:-2], n[1:-1], ca[1:-1], c[1:-1])
    psi = torsion(n[1:-1], ca[1:-1], c[1:-1], n[2:])
    omega = torsion(ca[:-1], c[:-1], n[1:], ca[1:])
    return phi, psi, omega


def trace_angles(ca: Tensor) -> tuple[Tensor, Tensor]:
    """How the line through the Cα ``(L, 3)`` bends and turns: angle i, i+1, i+2 and torsion i … i+3, ``(L−3,)`` each.

    A right-handed α-helix has 91° and 50°, a strand about 125° and −170°.
    """
    return angle(ca[:-3], ca[1:-2], ca[2:-1]), torsion(ca[:-3], ca[1:-2], ca[2:-1], ca[3:])


def count_near(atoms: Tensor, nearer: float) -> int:
    """Pairs of atoms of residues that are no chain neighbours, nearer than so many Å: ``(L, A, 3)`` → a number."""
    L, A = atoms.shape[:2]
    distance = torch.cdist(atoms.flatten(0, 1), atoms.flatten(0, 1)).unflatten(0, (L, A)).unflatten(2, (L, A))
    apart = torch.ones(L, L, dtype=torch.bool).triu(2)  # i + 2 ≤ j
    return int((distance.transpose(1, 2)[apart] < nearer).sum())


def torsion(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """The torsion angle a, b, c, d in degrees, −180 … 180, for points ``(*, 3)``; clockwise is positive (IUPAC)."""
    u, v, w = b - a, c - b, d - c
    across = torch.linalg.cross(v, w)
    y = v.norm(dim=-1) * (u * across).sum(-1)
    x = (torch.linalg.cross(u, v) * across).sum(-1)
    return torch.atan2(y, x).rad2deg()


def angle(a: Tensor, corner: Tensor, b: Tensor) -> Tensor:
    """The angle a, corner, b in degrees, for points ``(*, 3)``."""
    cosine = (normalize(a - corner, dim=-1) * normalize(b - corner, dim=-1)).sum(-1)
    return cosine.clamp(-1, 1).arccos().rad2deg()


# -------------------------------------------------------------------------------------------------------------- maps


@dataclass(frozen=True, eq=False)
class Map:
    """How common two angles are together: ``density`` ``(BINS, BINS)``, and below which ``height`` they are rare."""

    density: Tensor
    height: float

    def is_rare(self, x: Tensor, y: Tensor) -> Tensor:
        """Angles ``(*)`` each, degrees → boolean ``(*)``."""
        return self.density[to_bin(x), to_bin(y)] < self.height


def to_bin(degrees: Tensor) -> Tensor:
    return ((degrees + 180) / 360 * BINS).floor().long() % BINS


def draw_map(x: Tensor, y: Tensor) -> Map:
    """From the angles of many real residues, ``(N,)`` each, degrees, the :class:`Map` that 99 of 100 of them pass."""
    counts = torch.zeros(BINS, BINS, dtype=torch.float64)
    counts.index_put_((to_bin(x), to_bin(y)), torch.ones(len(x), dtype=torch.float64), accumulate=True)
    away = torch.arange(BINS) * 360 / BINS
    away = torch.minimum(away, 360 - away)  # around the circle
    blur = torch.exp(-((away / BLUR).square()) / 2).double()
    blur = torch.stack([blur.roll(k) for k in range(BINS)]) / blur.sum()  # (BINS, BINS)
    density = blur @ counts @ blur
    density = density / density.sum()
    return Map(density, density[to_bin(x), to_bin(y)].quantile(RARE).item())


@cache
def phi_psi_map() -> Map:
    """The Ramachandran map of the 900 training chains, of all residue types together: a dream has no sequence."""
    found = [torsions(chain.coordinates.double()) for chain in backbones("train")]
    return draw_map(torch.cat([phi for phi, _, _ in found]), torch.cat([psi for _, psi, _ in found]))


@cache
def bend_map() -> Map:
    """The same of the angle and the torsion of the Cα trace."""
    found = [trace_angles(chain.coordinates[:, 1].double()) for chain in backbones("train")]
    return draw_map(torch.cat([angle for angle, _ in found]), torch.cat([turn for _, turn in found]))
