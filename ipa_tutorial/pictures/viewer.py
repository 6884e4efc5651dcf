"""3-D views of proteins, frames, points and attention: turned with the mouse, without a network, and on paper.

    view(protein, frames=[0, 9, 22])                                # as the last line of a cell
    view(protein, attention_from=(47, weights), points={"query points": q, "key points": k})
    view([model0, model1, model2])                                  # a trajectory, playing

A view is two outputs. The first is a picture of the scene, drawn by us (``drawing.py``), with a
description: it is all that GitHub, a printer, or a browser without scripts will show. The second is the scene for
3Dmol.js, which takes the place of the picture once it is alive (``embedding.py``). Both are seen from the
same side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import py3Dmol
from IPython.display import display
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ..rigid import Rigid
from .camera import Camera
from .chain import Chain, as_chain, as_numpy, as_points
from .drawing import (
    INK,
    PAPER,
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
from .scene import FRAME_LENGTH, add_chain, add_frames, add_links, add_points, quaternion, zoom
from .trajectory import add_models, as_models, draw_models

WIDTH = 700  # pixels of the picture
POINT_STYLES = ((POINT, "o", 0.55), (INK, "s", 0.40), ("#56B4E9", "^", 0.30))  # colour, marker, radius in Å


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
        html = scene_html(self.scene, self.height, quaternion(self.camera.rotation), data["image/png"])
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
    """A 3-D view of one chain, and of what attends to what in it; or of several models of it, as a trajectory.

    Args:
        protein: a :class:`~ipa_tutorial.proteins.Protein` or atoms ``(L, 4, 3)`` in Å, drawn as a ribbon; positions
            ``(L, 3)`` in Å or a ``Rigid`` of shape ``(L,)`` in nm, drawn as a tube. A list or tuple of models, all of
            one of these kinds and with the same residues, plays to and fro, with a button and a slider below (stills in
            the picture). They are shown where they are: superpose them first, for instance each on the last one.
        frames: a ``Rigid`` in nm to draw as arrows; or which residues' frames, counted from 0; or True, all of them.
        points: tensors ``(…, 3)`` in Å (a model's nm × 10); up to three sets of them as ``{name: tensor}``.
        attention_from: ``(i, weights)`` draws lines from residue i (counted from 0) to the others, as wide as their
            weights: ``(L,)``, or a map ``(L, L)`` of which row i is taken. Like frames and points, for one model only.
        colour: ``"structure"``, one colour, or a value for each residue ``(L,)``, from dark to light.
        height: of the live scene, in pixels.
        alt: what there is to see, in words; None writes it.
        camera: from where it is seen at first; None faces the protein, the last model of several.

    Raises:
        ValueError, TypeError: naming the argument, what was expected and what came.
    """
    if isinstance(height, bool) or not isinstance(height, int) or height < 1:
        raise ValueError(f"height must be a positive number of pixels, got {height!r}")
    if isinstance(protein, list | tuple):
        if frames is not False or points is not None or attention_from is not None:
            raise ValueError("frames, points and attention_from are for one protein, but protein is a list of models")
        return _film(protein, colour, height, alt, camera)
    chain = as_chain(protein)
    rigids = _chosen_frames(protein, frames)
    sets = {"points": points} if isinstance(points, Tensor) else dict(points or {})
    if len(sets) > len(POINT_STYLES):
        raise ValueError(f"points must be at most {len(POINT_STYLES)} sets, got {len(sets)}")
    row = None if attention_from is None else _attention_row(attention_from, chain)
    camera = camera or Camera.facing(protein)

    scene = _new_scene()
    add_chain(scene, chain, residue_colours(colour, chain.structure))
    figure = Figure(figsize=(WIDTH / PIXELS_PER_INCH, 0.72 * WIDTH / PIXELS_PER_INCH), layout="constrained")
    ax = figure.subplots()
    draw_protein(protein, ax, camera, colour)
    if row is not None:
        add_links(scene, chain.ca, *row)
        there = np.isfinite(chain.ca).all(-1)
        draw_links(chain.ca[row[0]], chain.ca[there], row[1][there], ax, label="attention")
    if rigids is not None:
        add_frames(scene, rigids)
        draw_frames(rigids, ax, length=FRAME_LENGTH)
    for (name, x), (tint, marker, radius) in zip(sets.items(), POINT_STYLES, strict=False):
        add_points(scene, as_points(x).reshape(-1, 3), tint, radius)
        draw_points(x, ax, colour=tint, marker=marker, label=name)
    draw_scale_bar(ax)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    scene.zoomTo()
    scene.zoom(zoom(camera.project(chain.ca), height))
    return View(
        scene, camera, png(figure, sharpness=1.2), alt or _describe(chain, rigids, sets, attention_from), height
    )


def _new_scene() -> py3Dmol.view:
    scene = py3Dmol.view(width="100%", height="0px", js="")
    scene.setBackgroundColor(PAPER)
    return scene


def _film(models: Sequence, colour: str | Tensor, height: int, alt: str | None, camera: Camera | None) -> View:
    chains = as_models(models)
    camera = camera or Camera.facing(chains[-1].ca)
    scene = _new_scene()
    add_models(scene, chains, colour)
    scene.zoom(zoom(camera.project(np.concatenate([chain.ca for chain in chains])), height))
    words = _describe(chains[-1], None, {}, None).removeprefix("3-D view of ")
    alt = alt or f"Trajectory in 3-D of {len(chains)} models, which ends with {words}"
    return View(scene, camera, png(draw_models(chains, camera, colour, WIDTH), sharpness=1.0), alt, height)


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
