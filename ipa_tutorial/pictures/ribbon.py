"""The shape of a ribbon drawing: from Cα atoms to a mesh of small four-cornered faces. NumPy only, lengths in Å.

A smooth curve runs through the Cα atoms. At every step along it stands a ring: a small circle in coil, a wide flat
oval in helices and strands, its wide side along the C=O bonds. The faces hang between neighbouring rings.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STEPS = 10  # rings from one residue to the next
SIDES = 12  # corners of a ring
BREAK = 4.6  # Å: Cα atoms further apart than this are not joined
HALF_SIZES = {"-": (0.32, 0.32), "H": (1.35, 0.24), "E": (1.10, 0.24)}  # half width and half thickness, Å
ARROW_WIDTH, ARROW_LENGTH = 2.0, 1.7  # of the head of a strand: half width in Å, length in residues


class Mesh(NamedTuple):
    """A surface of four-cornered faces, F in all, lengths in Å."""

    faces: NDArray  # (F, 4, 3)
    shell: NDArray  # (F, 4, 3), the same faces a little outside
    normals: NDArray  # (F, 3), pointing outwards, smooth along the chain
    residue: NDArray  # (F,), to which residue each face belongs


def ribbon(ca: NDArray, side: NDArray, structure: str, joined: NDArray | None = None, outline: float = 0.16) -> Mesh:
    """The ribbon through one chain, interrupted where neighbouring Cα atoms are too far apart or not finite.

    Args:
        ca: Cα positions ``(L, 3)``.
        side: the direction of each residue's C=O bond ``(L, 3)``, NaN where it is unknown.
        structure: ``H``, ``E`` or ``-`` for each residue; all ``-`` draws a plain tube.
        joined: which neighbours belong together ``(L − 1,)``; None: those whose distance is that of a bonded pair.
        outline: how far outside the faces the shell lies.
    """
    distance = np.linalg.norm(np.diff(ca, axis=0), axis=-1)  # (L − 1,), NaN next to a missing atom
    with np.errstate(invalid="ignore"):
        joined = distance < BREAK if joined is None else joined & np.isfinite(distance)
    pieces = [i for i in np.split(np.arange(len(ca)), np.flatnonzero(~joined) + 1) if np.isfinite(ca[i]).all()]
    meshes = [_piece(ca, side, structure, i, outline) for i in pieces if len(i)]
    empty = Mesh(np.empty((0, 4, 3)), np.empty((0, 4, 3)), np.empty((0, 3)), np.empty(0, dtype=int))
    return Mesh(*(np.concatenate(parts) for parts in zip(empty, *meshes, strict=True)))


def _piece(ca: NDArray, side: NDArray, structure: str, index: NDArray, outline: float) -> Mesh:
    """The ribbon through the residues ``index``, all joined."""
    ca, side, structure = ca[index], side[index], "".join(structure[i] for i in index)
    if len(index) == 1:  # a lone residue becomes a bead
        index, structure = index.repeat(2), "--"
        ca, side = ca + np.array([[-0.3, 0.0, 0.0], [0.3, 0.0, 0.0]]), np.full((2, 3), np.nan)
    side = _fill(side, ca)
    where = np.linspace(0, len(ca) - 1, (len(ca) - 1) * STEPS + 1)  # (S,), in residues
    size = _half_sizes(where, structure)  # (S, 2)
    where, size = np.pad(where, 1, "edge"), np.pad(size, ((1, 1), (0, 0)))  # rings of size zero close the ends

    curve = _curve(_flatten_pleats(ca, structure), where)  # (S, 3)
    tangent = _normalise(np.gradient(curve, axis=0))
    across = _between_points(_flatten_pleats(_same_way(side), structure), where)
    across = _normalise(across - (across * tangent).sum(-1, keepdims=True) * tangent)  # (S, 3)
    normal = np.cross(tangent, across)

    angle = 2 * np.pi * (np.arange(SIDES) + 0.5) / SIDES
    flat = size[:, :1] > 2 * size[:, 1:]
    power = np.where(flat, 0.5, 1.0)  # below 1: an oval with flatter faces and rounder edges
    u = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power  # (S, SIDES)
    v = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power

    def hang(extra: float) -> NDArray:
        width, thickness = (size + extra).T[:, :, None]  # twice (S, 1)
        ring = (width * u)[..., None] * across[:, None] + (thickness * v)[..., None] * normal[:, None]
        return _between(curve[:, None] + ring)

    faces = hang(0.0)
    normals = _smooth(face_normals(faces).reshape(-1, SIDES, 3), 7).reshape(-1, 3)
    residue = index[np.rint((where[1:] + where[:-1]) / 2).astype(int)]
    return Mesh(faces, hang(outline), _normalise(normals), residue.repeat(SIDES))


def face_normals(faces: NDArray) -> NDArray:
    """Unit normals ``(F, 3)`` of faces ``(F, 4, 3)`` whose corners run counterclockwise seen from outside."""
    return _normalise(np.cross(faces[:, 2] - faces[:, 0], faces[:, 3] - faces[:, 1]))


def _between(ring: NDArray) -> NDArray:
    """Faces between neighbouring rings ``(S, SIDES, 3)`` → ``((S − 1) · SIDES, 4, 3)``, all turning the same way."""
    turned = np.roll(ring, -1, axis=1)
    return np.stack([ring[:-1], turned[:-1], turned[1:], ring[1:]], axis=2).reshape(-1, 4, 3)


def _half_sizes(where: NDArray, structure: str) -> NDArray:
    """Half width and half thickness ``(S, 2)`` at each ring, smooth between helix and coil, with arrow heads."""
    size = np.array([HALF_SIZES[letter] for letter in structure])[np.rint(where).astype(int)]  # (S, 2)
    size = _smooth(size, 5)
    for strand in re.finditer("E+", structure):
        end = min(strand.end() - 0.5, len(structure) - 1)
        left = np.clip((end - where) / ARROW_LENGTH, 0, 1)
        head = (left < 1) & (where <= end)
        size[head, 0] = HALF_SIZES["-"][0] + (ARROW_WIDTH - HALF_SIZES["-"][0]) * left[head]
        body = (where > strand.start() - 0.5) & (where <= end) & ~head
        size[body] = HALF_SIZES["E"]
    return size


def _curve(points: NDArray, where: NDArray) -> NDArray:
    """A smooth curve through ``points`` ``(L, 3)``, read at positions ``where`` ``(S,)`` counted in points.

    Cubic Hermite pieces; the tangents' length is the one that turns four points of a helix into round turns.
    """
    around = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    steps = np.linalg.norm(np.diff(around, axis=0), axis=-1, keepdims=True)  # (L + 1, 1)
    tangent = _normalise(around[2:] - around[:-2]) * 1.2 * (steps[1:] + steps[:-1]) / 2  # (L, 3)
    i = np.minimum(where.astype(int), len(points) - 2)
    t = (where - i)[:, None]
    a, b, p, q = points[i], points[i + 1], tangent[i], tangent[i + 1]
    return a + t * (p + t * (3 * (b - a) - 2 * p - q + t * (2 * (a - b) + p + q)))


def _between_points(x: NDArray, where: NDArray) -> NDArray:
    """Straight interpolation of ``x`` ``(L, 3)`` at positions ``where`` ``(S,)``."""
    i = np.minimum(where.astype(int), len(x) - 2)
    t = (where - i)[:, None]
    return (1 - t) * x[i] + t * x[i + 1]


def _flatten_pleats(x: NDArray, structure: str) -> NDArray:
    """Average each residue of a strand with its neighbours, which takes out the zigzag of a β-sheet."""
    padded = np.concatenate([x[:1], x, x[-1:]])
    mean = (padded[:-2] + 2 * x + padded[2:]) / 4
    strand = np.array([letter == "E" for letter in structure])[:, None]
    return np.where(strand, mean, x)


def _same_way(side: NDArray) -> NDArray:
    """Flip signs so that no vector points away from the one before it: a ribbon has no front."""
    turns = np.where((side[1:] * side[:-1]).sum(-1) < 0, -1.0, 1.0)
    return side * np.cumprod(np.concatenate([[1.0], turns]))[:, None]


def _fill(side: NDArray, ca: NDArray) -> NDArray:
    """Unknown (NaN) directions: the one before, carried along the curve without twisting."""
    tangent = _normalise(np.gradient(ca, axis=0))
    side, last = side.copy(), np.array([0.36, 0.48, 0.8])
    for i, t in enumerate(tangent):
        last = side[i] = side[i] if np.isfinite(side[i]).all() else last - (last @ t) * t
    return _normalise(side)


def _smooth(x: NDArray, window: int) -> NDArray:
    """The running mean of an odd number of rows."""
    padded = np.concatenate([x[:1].repeat(window // 2, 0), x, x[-1:].repeat(window // 2, 0)])
    return np.mean([padded[k : k + len(x)] for k in range(window)], axis=0)


def _normalise(x: NDArray) -> NDArray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)
