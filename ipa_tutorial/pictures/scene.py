"""The scene for 3Dmol.js: a chain, frames, points and links, as calls that py3Dmol writes down. Lengths in Å."""

from __future__ import annotations

import re

import numpy as np
import py3Dmol
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from ..rigid import Rigid
from .chain import Chain, as_numpy, as_points
from .drawing import AXIS_COLOURS, HAIR, INK, PAPER, STRUCTURE_COLOURS
from .picture import js

FRAME_LENGTH = 3.0  # Å
AXIS_RADII = {"x": 0.20, "y": 0.15, "z": 0.10}  # Å: thick, middle, thin, so that it is not colour alone
LINK_RADIUS = 0.35  # Å, of the largest weight
RESIDUES = dict(
    A="ALA", R="ARG", N="ASN", D="ASP", C="CYS", Q="GLN", E="GLU", G="GLY", H="HIS", I="ILE", L="LEU", K="LYS",
    M="MET", F="PHE", P="PRO", S="SER", T="THR", W="TRP", Y="TYR", V="VAL",
)  # fmt: skip
# As the last arguments of addLabel, None and True: no selection, and no drawing of the whole scene at once.
LABEL = {
    "fontColor": INK,
    "backgroundColor": PAPER,
    "backgroundOpacity": 0.6,
    "fontSize": 14,
    "alignment": "center",
    "inFront": True,
}
HOVER = (
    "function(atom, viewer) { if (!atom.label) atom.label = viewer.addLabel(atom.resn + ' ' + atom.resi, "
    "{position: atom, backgroundColor: '#222222', backgroundOpacity: 0.8, fontSize: 12}); }",
    "function(atom, viewer) { if (atom.label) { viewer.removeLabel(atom.label); delete atom.label; } }",
)


def add_chain(scene: py3Dmol.view, chain: Chain, colours: NDArray) -> None:
    add_model(scene, chain)
    colour_residues(scene, chain, colours)
    there = chain.ca[np.isfinite(chain.ca).all(-1)]
    for letter, place in (("N", there[0]), ("C", there[-1])):
        scene.addLabel(letter, {"position": _xyz(place), **LABEL}, None, True)
    scene.setHoverable({}, True, *HOVER)


def add_model(scene: py3Dmol.view, chain: Chain) -> None:
    """The atoms of a chain, invisible until they get a style."""
    scene.addModel(_pdb(chain), "pdb", {"noComputeSecondaryStructure": True})


def colour_residues(scene: py3Dmol.view, chain: Chain, colours: NDArray) -> None:
    """A colour ``(L, 3)`` for each residue."""
    tints = [to_hex(colour) for colour in colours]
    for tint in dict.fromkeys(tints):
        residues = [number for number, other in zip(chain.numbers, tints, strict=True) if other == tint]
        scene.setStyle({"resi": residues}, {"cartoon": {**_style(chain), "color": tint}})


def colour_structure(scene: py3Dmol.view, chain: Chain) -> None:
    """Helices and strands in their colours, also where they change from frame to frame."""
    letters = {"h": "H", "s": "E", "arrow start": "E", "arrow end": "E", "c": "-"}  # as 3Dmol.js calls them
    tints = {name: STRUCTURE_COLOURS[letter] for name, letter in letters.items()}
    scene.setStyle({}, {"cartoon": {**_style(chain), "colorscheme": {"prop": "ss", "map": tints}}})


def _style(chain: Chain) -> dict[str, object]:
    return {"style": "trace", "thickness": 0.35} if chain.is_trace else {"arrows": True}


def _pdb(chain: Chain) -> str:
    """The chain in PDB format, with its helices and strands, so that both drawings show the same ones."""
    names = [RESIDUES.get(letter, "UNK") for letter in chain.sequence]
    lines = []
    for count, run in enumerate(re.finditer("H+|E+", chain.structure), start=1):
        (name, number), (last_name, last) = ((names[i], chain.numbers[i]) for i in (run.start(), run.end() - 1))
        if run[0][0] == "H":
            lines.append(f"HELIX  {count:3d} {count:3d} {name} A {number:4d}  {last_name} A {last:4d}  1")
        else:
            lines.append(f"SHEET  {count:3d} {count:3d} 1 {name} A{number:4d}  {last_name} A{last:4d}  0")
    for name, number, place in zip(names, chain.numbers, chain.atoms, strict=True):
        for atom, xyz in zip(("N", "CA", "C", "O"), place, strict=True):
            if np.isfinite(xyz).all():
                position = "".join(f"{x:8.2f}" for x in xyz)
                lines.append(f"ATOM      1  {atom:<3} {name} A{number:4d}    {position}{atom[0]:>24}")
    return "\n".join(lines)


def add_frames(scene: py3Dmol.view, rigids: Rigid) -> None:
    start = as_points(rigids).reshape(-1, 3)
    axes = as_numpy(rigids.rotations).reshape(-1, 3, 3)
    for k, letter in enumerate("xyz"):
        tip = start + FRAME_LENGTH * axes[:, :, k]
        arrow = {"start": _at("abc"), "end": _at("xyz"), "radius": AXIS_RADII[letter], "color": AXIS_COLOURS[letter]}
        _for_each(scene, "abcxyz", np.concatenate([start, tip], axis=-1), "addArrow", arrow)
        for place in tip[:1]:
            scene.addLabel(letter, {"position": _xyz(place), **LABEL}, None, True)


def add_points(scene: py3Dmol.view, points: NDArray, colour: str, radius: float) -> None:
    _for_each(scene, "xyz", points, "addSphere", {"center": _at("xyz"), "radius": radius, "color": colour})


def add_links(scene: py3Dmol.view, ca: NDArray, residue: int, weights: NDArray) -> None:
    weights = np.where(np.arange(len(ca)) == residue, 0, weights)
    width = weights / max(weights.max(), 1e-12)
    drawn = (width >= HAIR) & np.isfinite(ca).all(-1)
    line = {"start": _xyz(ca[residue]), "end": _at("xyz"), "radius": "@r", "fromCap": 1, "toCap": 1, "color": INK}
    rows = np.concatenate([ca[drawn], LINK_RADIUS * width[drawn, None]], axis=-1)
    _for_each(scene, "xyzr", rows, "addCylinder", line)


def _for_each(scene: py3Dmol.view, names: str, rows: NDArray, method: str, shape: dict[str, object]) -> None:
    """One shape for each row of numbers, which are called ``names``; ``"@x"`` in the shape stands for x."""
    shape = re.sub(r'"@(\w)"', r"\1", js(shape))
    rows = js(rows.round(3).tolist()).replace(" ", "")
    scene.startjs += f"\tfor (const [{', '.join(names)}] of {rows}) viewer_UNIQUEID.{method}({shape});\n"


def _at(names: str) -> dict[str, str]:
    return {axis: f"@{name}" for axis, name in zip("xyz", names, strict=True)}


def _xyz(point: NDArray) -> dict[str, float]:
    return {axis: round(float(value), 2) for axis, value in zip("xyz", point, strict=True)}


def zoom(ca: NDArray, height: int) -> float:
    """How much closer than 3Dmol.js, which leaves room to turn, the scene may come: it fits a page of usual width."""
    reach = np.linalg.norm(ca, axis=-1)
    half_width, half_height, radius = (max(np.nanmax(x), 1.0) for x in (np.abs(ca[:, 0]), np.abs(ca[:, 1]), reach))
    return round(0.9 * float(min(radius / half_height, 640 / height * radius / half_width)), 2)


def quaternion(R: NDArray) -> list[float]:
    """A proper rotation matrix as (x, y, z, w), in the order of 3Dmol.js: the eigenvector of a 4 × 4 matrix."""
    skew = np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
    K = np.block([[R + R.T - np.trace(R) * np.eye(3), skew[:, None]], [skew[None], np.trace(R).reshape(1, 1)]])
    q = np.linalg.eigh(K)[1][:, -1]
    return (q if q[3] >= 0 else -q).tolist()
