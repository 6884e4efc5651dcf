"""3-D views of proteins, frames, points and attention: turned with the mouse, without a network, and on paper.

    view(protein, frames=[0, 9, 22])                                # as the last line of a cell
    view(protein, attention_from=(47, weights), points={"query points": q, "key points": k})

A view is two outputs. The first is a picture of the scene, drawn by us (:mod:`ipa_tutorial.drawing`), with a
description: it is all that GitHub, a printer, or a browser without scripts will show. The second is the scene for
3Dmol.js, which takes the place of the picture once it is alive (:mod:`ipa_tutorial.embedding`). Both are seen from the
same side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import py3Dmol
from IPython.display import display
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from .camera import Camera
from .chain import Chain, as_chain, as_numpy, as_points
from .drawing import (
    AXIS_COLOURS,
    HAIR,
    INK,
    POINT,
    draw_frames,
    draw_links,
    draw_points,
    draw_protein,
    draw_scale_bar,
    residue_colours,
)
from .embedding import library_html, library_is_due, scene_html
from .picture import PIXELS_PER_INCH, in_words, picture_output, png
from .rigid import Rigid

WIDTH = 700  # pixels of the picture
FRAME_LENGTH = 3.0  # Å
AXIS_RADII = {"x": 0.20, "y": 0.15, "z": 0.10}  # Å: thick, middle, thin, so that it is not colour alone
POINT_STYLES = ((POINT, "o", 0.55), (INK, "s", 0.40), ("#56B4E9", "^", 0.30))  # colour, marker, radius in Å
LINK_RADIUS = 0.35  # Å, of the largest weight
RESIDUES = dict(
    A="ALA", R="ARG", N="ASN", D="ASP", C="CYS", Q="GLN", E="GLU", G="GLY", H="HIS", I="ILE", L="LEU", K="LYS",
    M="MET", F="PHE", P="PRO", S="SER", T="THR", W="TRP", Y="TYR", V="VAL",
)  # fmt: skip
LABEL = {
    "fontColor": INK,
    "backgroundColor": "white",
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


class View:
    """A scene that shows itself at the end of a cell, or with :meth:`show`. Made by :func:`view`.

    Attributes:
        scene: the ``py3Dmol.view`` behind it, to add whatever else 3Dmol.js can do.
        picture: the picture in its place, a PNG.
        alt: what it shows, in words.
    """

    def __init__(self, scene: py3Dmol.view, camera: Camera, picture: bytes, alt: str, height: int) -> None:
        self.scene, self.camera, self.picture, self.alt, self.height = scene, camera, picture, alt, height

    def show(self) -> None:
        """Show it now."""
        data, metadata = picture_output(self.picture, self.alt, WIDTH)
        library = library_html() if library_is_due() else ""
        html = scene_html(self.scene, self.height, _quaternion(self.camera.rotation), data["image/png"])
        display(data, metadata=metadata, raw=True)
        words = in_words(data["image/png"], self.alt)
        display({"text/html": library + html + words, "text/plain": ""}, raw=True)

    _ipython_display_ = show

    def __repr__(self) -> str:
        return f"View({self.alt!r})"


def view(
    protein,
    frames: Rigid | Sequence[int] | bool = False,
    points: Tensor | Mapping[str, Tensor] | None = None,
    attention_from: tuple[int, Tensor] | None = None,
    colour: str | Tensor = "structure",
    height: int = 420,
    alt: str | None = None,
    camera: Camera | None = None,
) -> View:
    """A 3-D view of one chain, and of what attends to what in it.

    Args:
        protein: a :class:`~ipa_tutorial.protein.Protein` or atoms ``(L, 4, 3)`` in Å, drawn as a ribbon; positions
            ``(L, 3)`` in Å or a ``Rigid`` of shape ``(L,)`` in nm, drawn as a tube.
        frames: a ``Rigid`` in nm to draw as arrows; or which residues' frames, counted from 0; or True, all of them.
        points: tensors ``(…, 3)`` in Å (a model's nm × 10); up to three sets of them as ``{name: tensor}``.
        attention_from: ``(i, weights)`` draws lines from residue i (counted from 0) to the others, as wide as their
            weights: ``(L,)``, or a map ``(L, L)`` of which row i is taken.
        colour: ``"structure"``, one colour, or a value for each residue ``(L,)``, from dark to light.
        height: of the live scene, in pixels.
        alt: what there is to see, in words; None writes it.
        camera: from where it is seen at first; None faces the protein.

    Raises:
        ValueError, TypeError: naming the argument, what was expected and what came.
    """
    if isinstance(height, bool) or not isinstance(height, int) or height < 1:
        raise ValueError(f"height must be a positive number of pixels, got {height!r}")
    chain = as_chain(protein)
    rigids = _chosen_frames(protein, frames)
    sets = {"points": points} if isinstance(points, Tensor) else dict(points or {})
    if len(sets) > len(POINT_STYLES):
        raise ValueError(f"points must be at most {len(POINT_STYLES)} sets, got {len(sets)}")
    row = None if attention_from is None else _attention_row(attention_from, chain)
    camera = camera or Camera.facing(protein)

    scene = py3Dmol.view(width="100%", height="0px", js="")
    _add_chain(scene, chain, residue_colours(colour, chain.structure))
    figure = Figure(figsize=(WIDTH / PIXELS_PER_INCH, 0.72 * WIDTH / PIXELS_PER_INCH), layout="constrained")
    ax = figure.subplots()
    draw_protein(protein, ax, camera, colour)
    if row is not None:
        _add_links(scene, chain.ca, *row)
        there = np.isfinite(chain.ca).all(-1)
        draw_links(chain.ca[row[0]], chain.ca[there], row[1][there], ax, label="attention")
    if rigids is not None:
        _add_frames(scene, rigids)
        draw_frames(rigids, ax, length=FRAME_LENGTH)
    for (name, x), (tint, marker, radius) in zip(sets.items(), POINT_STYLES, strict=False):
        _add_points(scene, as_points(x).reshape(-1, 3), tint, radius)
        draw_points(x, ax, colour=tint, marker=marker, label=name)
    draw_scale_bar(ax)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    scene.zoomTo()
    scene.zoom(_zoom(camera.project(chain.ca), height))
    return View(
        scene, camera, png(figure, sharpness=1.2), alt or _describe(chain, rigids, sets, attention_from), height
    )


# --- what is asked for ------------------------------------------------------------------------------------------------


def _chosen_frames(protein, frames: Rigid | Sequence[int] | bool) -> Rigid | None:
    if frames is False:
        return None
    if isinstance(frames, Rigid):
        return frames
    if not isinstance(protein, Rigid) and not hasattr(protein, "rigids"):
        raise ValueError("frames must be a Rigid: bare positions have none of their own")
    own = protein if isinstance(protein, Rigid) else protein.rigids()
    real = [True] * len(own) if isinstance(protein, Rigid) else protein.mask.tolist()
    chosen = [i for i in range(len(own)) if real[i]] if frames is True else [int(i) for i in frames]
    for i in chosen:
        if not 0 <= i < len(own) or not real[i]:
            raise ValueError(f"frames: residue {i} of {len(own)} (counted from 0) has no frame")
    return own[chosen]


def _attention_row(attention_from: tuple[int, Tensor], chain: Chain) -> tuple[int, NDArray]:
    """The residue that attends, and its weights ``(L,)``."""
    i, weights = attention_from
    L, weights = len(chain.numbers), as_numpy(weights)
    if weights.shape not in ((L,), (L, L)):
        raise ValueError(f"attention_from: the weights must have shape ({L},) or ({L}, {L}), got {weights.shape}")
    if not 0 <= i < L or not np.isfinite(chain.ca[i]).all():
        raise ValueError(f"attention_from: residue {i} of {L} (counted from 0) has no place")
    return i, weights if weights.ndim == 1 else weights[i]


def _describe(chain: Chain, rigids: Rigid | None, sets: Mapping[str, Tensor], attention_from) -> str:
    """The scene in words."""
    parts = [f"{chain.name} (residues: {len(chain.numbers)})"]
    if chain.is_trace:
        parts.append("as a tube through the Cα atoms")
    else:
        helices, strands = (len(re.findall(f"{letter}+", chain.structure)) for letter in "HE")
        parts.append(f"as a ribbon (helices: {helices}, strands: {strands})")
    if rigids is not None:
        parts.append(f"frames as arrows x, y and z ({rigids.shape.numel()})")
    parts += [f"{name} as markers ({as_points(x)[..., 0].size})" for name, x in sets.items()]
    if attention_from is not None:
        parts.append(f"lines from residue {chain.numbers[attention_from[0]]}, wider where it attends more")
    return "3-D view of " + ", ".join(parts) + "."


# --- the same for 3Dmol.js --------------------------------------------------------------------------------------------


def _add_chain(scene: py3Dmol.view, chain: Chain, colours: NDArray) -> None:
    scene.addModel(_pdb(chain), "pdb", {"noComputeSecondaryStructure": True})
    style = {"style": "trace", "thickness": 0.35} if chain.is_trace else {"arrows": True}
    tints = [to_hex(colour) for colour in colours]
    for tint in dict.fromkeys(tints):
        residues = [number for number, other in zip(chain.numbers, tints, strict=True) if other == tint]
        scene.setStyle({"resi": residues}, {"cartoon": {**style, "color": tint}})
    there = chain.ca[np.isfinite(chain.ca).all(-1)]
    for letter, place in (("N", there[0]), ("C", there[-1])):
        scene.addLabel(letter, {"position": _xyz(place), **LABEL})
    scene.setHoverable({}, True, *HOVER)


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


def _add_frames(scene: py3Dmol.view, rigids: Rigid) -> None:
    origin = as_points(rigids).reshape(-1, 3)
    axes = as_numpy(rigids.rotations).reshape(-1, 3, 3)
    for n, (start, rotation) in enumerate(zip(origin, axes, strict=True)):
        for k, letter in enumerate("xyz"):
            tip = start + FRAME_LENGTH * rotation[:, k]
            arrow = {"start": _xyz(start), "end": _xyz(tip), "radius": AXIS_RADII[letter]}
            scene.addArrow({**arrow, "color": AXIS_COLOURS[letter]})
            if n == 0:
                scene.addLabel(letter, {"position": _xyz(tip), **LABEL})


def _add_points(scene: py3Dmol.view, points: NDArray, colour: str, radius: float) -> None:
    for point in points:
        scene.addSphere({"center": _xyz(point), "radius": radius, "color": colour})


def _add_links(scene: py3Dmol.view, ca: NDArray, residue: int, weights: NDArray) -> None:
    weights = np.where(np.arange(len(ca)) == residue, 0, weights)
    width = weights / max(weights.max(), 1e-12)
    for j in np.flatnonzero((width >= HAIR) & np.isfinite(ca).all(-1)):
        ends = {"start": _xyz(ca[residue]), "end": _xyz(ca[j]), "fromCap": 1, "toCap": 1}
        scene.addCylinder({**ends, "radius": round(LINK_RADIUS * float(width[j]), 3), "color": INK})


def _xyz(point: NDArray) -> dict[str, float]:
    return {axis: round(float(value), 2) for axis, value in zip("xyz", point, strict=True)}


def _zoom(ca: NDArray, height: int) -> float:
    """How much closer than 3Dmol.js, which leaves room to turn, the scene may come: it fits a page of usual width."""
    reach = np.linalg.norm(ca, axis=-1)
    half_width, half_height, radius = (max(np.nanmax(x), 1.0) for x in (np.abs(ca[:, 0]), np.abs(ca[:, 1]), reach))
    return round(0.9 * float(min(radius / half_height, 640 / height * radius / half_width)), 2)


def _quaternion(R: NDArray) -> list[float]:
    """A proper rotation matrix as (x, y, z, w), in the order of 3Dmol.js: the eigenvector of a 4 × 4 matrix."""
    skew = np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
    K = np.block([[R + R.T - np.trace(R) * np.eye(3), skew[:, None]], [skew[None], np.trace(R).reshape(1, 1)]])
    q = np.linalg.eigh(K)[1][:, -1]
    return (q if q[3] >= 0 else -q).tolist()
