"""Proteins, frames, points and links drawn in plain matplotlib: one camera for all of them, ångström on paper.

    ax = draw_protein(protein)                  # chooses a camera, which the axes remember
    draw_frames(protein.rigids()[::8], ax)      # is drawn from the same side

Tensors of positions are in Å, like everything that a biologist reads. A :class:`~ipa_tutorial.rigid.Rigid` is in nm,
as everywhere in this package, and is converted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import is_color_like, to_rgb
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from torch import Tensor

from ..rigid import Rigid
from .camera import Camera
from .chain import as_chain, as_numpy, as_points
from .ribbon import face_normals, ribbon

SCALAR, PAIR, POINT = "#0072B2", "#009E73", "#D55E00"  # the three terms of the logits: blue, green, vermillion
AXIS_COLOURS = {"x": "#E69F00", "y": "#56B4E9", "z": "#CC79A7"}  # orange, sky blue, purple
AXIS_LINES = {"x": "-", "y": (0, (3, 1)), "z": (0, (1, 0.7))}
STRUCTURE_COLOURS = {"H": "#C77DA8", "E": "#E5A823", "-": "#C4C9CE"}
ROOM = 3.0  # Å: ends that are nearer to each other on paper are not named, one letter would hide the other
HAIR = 0.02  # links of less than this part of the largest weight are left out
INK, GREY, PALE = "#222222", "#767676", "#D9D9D9"
PAPER = "#F8F6F1"  # what everything is drawn on: a soft panel, on a white page and on a dark one

_cameras: WeakKeyDictionary[Axes, Camera] = WeakKeyDictionary()


def draw_protein(
    protein,
    ax: Axes | None = None,
    camera: Camera | None = None,
    colours: str | Tensor = "structure",
    termini: bool = True,
) -> Axes:
    """A ribbon drawing: helices as wide ribbons, strands as arrows from N to C, the rest as a tube.

    Args:
        protein: a :class:`~ipa_tutorial.proteins.Protein`; backbone atoms ``(L, 4, 3)`` in Å; or, drawn as a plain
            tube through the Cα atoms, positions ``(L, 3)`` in Å or a ``Rigid`` of shape ``(L,)`` in nm.
        ax: where to draw; None makes a new figure.
        camera: None takes the camera of the axes or, if they have none yet, faces this protein.
        colours: ``"structure"``, one matplotlib colour, or a value for each residue ``(L,)``, shown in cividis from
            dark (least) to light (most).
        termini: write N and C at the ends of the chain.
    """
    chain = as_chain(protein)
    ax, camera = _scene(ax, camera, chain.ca)
    mesh = ribbon(chain.ca, chain.side, chain.structure, chain.joined)
    colour = residue_colours(colours, chain.structure)[mesh.residue]  # (F, 3)

    faces, shell = camera.project(mesh.faces), camera.project(mesh.shell)  # (F, 4, 3)
    near, far = face_normals(faces)[:, 2] > 0, face_normals(shell)[:, 2] < 0
    normal = mesh.normals @ camera.rotation.T  # (F, 3)
    # An outline: the far half of the shell, drawn dark, sticks out a little behind the near half of the ribbon.
    polygons = np.concatenate([faces[near], shell[far]])
    paint = np.concatenate([_light(colour[near], normal[near]), np.full((far.sum(), 3), 0.2)])
    depth = polygons[..., 2].mean(-1)
    paint = camera.fade(paint, depth, 0.5)
    order = np.argsort(depth, kind="stable")  # the painter's order: far things first
    painted = {"facecolors": paint[order], "edgecolors": paint[order], "linewidths": 0.4, "zorder": 2}
    ax.add_collection(PolyCollection(polygons[order, :, :2], **painted), autolim=False)
    ax.update_datalim(polygons[..., :2].reshape(-1, 2))
    ca = camera.project(chain.ca[np.isfinite(chain.ca).all(-1)])[:, :2]
    if termini and np.linalg.norm(ca[0] - ca[-1]) > ROOM:
        for letter, end, inner in (("N", 0, 2), ("C", -1, -3)):
            away = ca[end] - ca[np.clip(inner, -len(ca), len(ca) - 1)]
            _write(ax, ca[end] + 1.6 * away / max(np.linalg.norm(away), 1e-9), letter, weight="bold", size=10)
    return _fit(ax)


def draw_frames(
    rigids: Rigid,
    ax: Axes | None = None,
    camera: Camera | None = None,
    length: float = 3.0,
    names: Sequence[object] | None = None,
) -> Axes:
    """Each frame as three lines from its origin: x solid, y dashed, z dotted; those of the first frame are lettered.

    Args:
        rigids: frames of any leading shape, nm. Choose residues by indexing: ``protein.rigids()[[0, 9, 22]]``.
        length: of the lines, Å.
        names: something to write at each origin, such as residue numbers.
    """
    if not isinstance(rigids, Rigid):
        raise TypeError(f"rigids must be a Rigid, got {type(rigids).__name__}")
    origin = _finite("rigids", as_points(rigids)).reshape(-1, 3)  # (N, 3)
    if names is not None and len(names) != len(origin):
        raise ValueError(f"names must be one for each of {len(origin)} frames, got {len(names)}")
    axes = as_numpy(rigids.rotations).reshape(-1, 3, 3).swapaxes(-1, -2)  # (N, 3, 3): a row for each axis
    ax, camera = _scene(ax, camera, origin)
    start, tip = camera.project(origin), camera.project(origin[:, None] + length * axes)  # (N, 3), (N, 3, 3)
    for k, letter in enumerate("xyz"):
        order = np.argsort(tip[:, k, 2], kind="stable")
        lines = np.stack([start, tip[:, k]], axis=1)[order, :, :2]  # (N, 2, 2)
        edge, colour = (camera.fade(c, tip[order, k, 2]) for c in (INK, AXIS_COLOURS[letter]))
        heads = _arrow_heads(lines, 0.28 * length)
        shafts = np.stack([lines[:, 0], heads[:, 1:].mean(1)], axis=1)
        # A dark casing makes light colours stand out on any ribbon and shows through the gaps of the dashes.
        ax.add_collection(LineCollection(shafts, colors=edge, linewidths=3.4, capstyle="butt", zorder=4))
        style = {"linewidth": 2.0, "linestyle": AXIS_LINES[letter], "zorder": 4}
        ax.add_collection(LineCollection(shafts, colors=colour, **style))
        ax.plot([], [], color=AXIS_COLOURS[letter], marker="", label=f"{letter} axis", **style)  # for a legend
        ax.add_collection(PolyCollection(heads, facecolors=colour, edgecolors=edge, linewidths=0.8, zorder=4))
        for place in tip[:1, k] + 0.28 * (tip[:1, k] - start[:1]):
            _write(ax, place, letter, weight="bold")
    ax.scatter(*start[:, :2].T, s=14, color=INK, linewidths=0, zorder=4)
    for place, arrows, name in zip(start, tip, names or (), strict=False):
        away = (place - arrows.mean(0))[:2]  # the side without arrows
        _write(ax, place[:2] + 0.6 * length * away / max(np.linalg.norm(away), 1e-9), str(name), size=8)
    return _fit(ax)


def draw_points(
    points: Tensor,
    ax: Axes | None = None,
    camera: Camera | None = None,
    colour: str = POINT,
    marker: str = "o",
    size: float = 30.0,
    label: str | None = None,
) -> Axes:
    """Points ``(…, 3)`` in Å (a model's nm × 10), for instance the query points of one head.

    Tell queries from keys by ``marker`` as well as ``colour``; ``label`` is for ``ax.legend()``.
    """
    x = _finite("points", as_points(points)).reshape(-1, 3)
    ax, camera = _scene(ax, camera, x)
    x = camera.project(x)
    x = x[np.argsort(x[:, 2], kind="stable")]
    ax.scatter(
        *x[:, :2].T,
        s=size,
        c=camera.fade(colour, x[:, 2]),
        marker=marker,
        edgecolors=PAPER,
        linewidths=0.6,
        zorder=5,
        label=label,
    )
    return _fit(ax)


def draw_links(
    start: Tensor,
    end: Tensor,
    weights: Tensor | None = None,
    ax: Axes | None = None,
    camera: Camera | None = None,
    colour: str = INK,
    width: float = 4.0,
    label: str | None = None,
) -> Axes:
    """Straight lines from ``start`` to ``end``, ``(…, 3)`` in Å, which broadcast: from one residue to all others.

    ``weights`` ``(…)``, not negative, set the width: ``width`` points for the largest. Those of less than a fiftieth of
    the largest (``HAIR``), and those from a place to itself, are left out.
    """
    a, b = np.broadcast_arrays(_finite("start", as_points(start)), _finite("end", as_points(end)))
    try:
        w = np.broadcast_to(1.0 if weights is None else as_numpy(weights), a.shape[:-1]).ravel()
    except ValueError:
        raise ValueError(f"weights must broadcast to {a.shape[:-1]}, got {tuple(weights.shape)}") from None
    if not (w >= 0).all():
        raise ValueError(f"weights must not be negative or NaN, got {w.min():.3g}")
    ax, camera = _scene(ax, camera, np.concatenate([a.reshape(-1, 3), b.reshape(-1, 3)]))
    lines = np.stack([camera.project(a).reshape(-1, 3), camera.project(b).reshape(-1, 3)], axis=1)  # (N, 2, 3)
    w = np.where((lines[:, 0] == lines[:, 1]).all(-1), 0, w)  # what a residue pays to itself is no line
    w = w / max(w.max(initial=0), 1e-12)
    lines, w = lines[w >= HAIR], w[w >= HAIR]
    colours = camera.fade(colour, lines[..., 2].mean(-1))
    ax.add_collection(LineCollection(lines[..., :2], colors=colours, linewidths=width * w, capstyle="round", zorder=3))
    ax.plot([], [], color=colour, lw=min(width, 2), ls="-", marker="", label=label)  # for a legend
    return _fit(ax)


def draw_scale_bar(ax: Axes, length: float = 10.0) -> Axes:
    """A bar of ``length`` Å below the drawing at its left."""
    left, bottom = ax.dataLim.x0, ax.dataLim.y0 - 2.0
    ax.plot([left, left + length], [bottom] * 2, color=INK, lw=2, ls="-", marker="", solid_capstyle="butt", zorder=3)
    ax.text(left + length / 2, bottom - 0.6, f"{length:g} Å", ha="center", va="top", color=INK, fontsize=9)
    ax.update_datalim([(left, bottom - 3.0)])
    return _fit(ax)


def _finite(name: str, x: NDArray) -> NDArray:
    if not np.isfinite(x).all():
        raise ValueError(f"{name} must be finite, but {(~np.isfinite(x).all(-1)).sum()} of them are not")
    return x


def _arrow_heads(lines: NDArray, length: float) -> NDArray:
    """Triangles ``(N, 3, 2)`` at the ends of flat lines ``(N, 2, 2)``: tip first, smaller on foreshortened lines."""
    along = lines[:, 1] - lines[:, 0]  # (N, 2)
    long = np.linalg.norm(along, axis=-1, keepdims=True)
    along = along / np.maximum(long, 1e-9) * np.minimum(length, 0.6 * long)
    across = 0.42 * along[:, ::-1] * np.array([-1, 1])
    return np.stack([lines[:, 1], lines[:, 1] - along + across, lines[:, 1] - along - across], axis=1)


def _scene(ax: Axes | None, camera: Camera | None, points: NDArray) -> tuple[Axes, Camera]:
    """The axes to draw on, and the camera: the one given, else that of the axes, else a new one facing the points."""
    if ax is None:
        ax = plt.subplots(figsize=(5.6, 4.2), layout="constrained")[1]
    camera = camera or _cameras.get(ax) or Camera.facing(points)
    _cameras[ax] = camera
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.xaxis.set_visible(False)  # nor does a title look for its ticks
    return ax, camera


def _fit(ax: Axes) -> Axes:
    ax.margins(0.04)
    ax.autoscale_view()
    return ax


def _write(ax: Axes, place: NDArray, text: str, **style) -> None:
    style = {"size": 9, "color": INK, "ha": "center", "va": "center", "zorder": 6} | style
    ax.text(*place[:2], text, path_effects=[withStroke(linewidth=2.5, foreground=PAPER)], **style)
    ax.update_datalim([place[:2]])


def residue_colours(colours: str | Tensor, structure: str) -> NDArray:
    """One colour for each residue, ``(L, 3)``."""
    L = len(structure)
    if isinstance(colours, str):
        if colours != "structure" and not is_color_like(colours):
            raise ValueError(f"colours must be 'structure', a colour or L values, got {colours!r}")
        return np.array([to_rgb(STRUCTURE_COLOURS[s] if colours == "structure" else colours) for s in structure])
    values = as_numpy(colours)
    if values.shape != (L,) or not np.isfinite(values).all():
        raise ValueError(f"colours must be {L} finite values, one for each residue, got shape {values.shape}")
    spread = max(float(np.ptp(values)), 1e-12)
    return plt.get_cmap("cividis")((values - values.min()) / spread)[:, :3]


def _light(colour: NDArray, normal: NDArray) -> NDArray:
    """Matt paint with a soft highlight under a lamp at the viewer's upper left."""
    lamp = np.array([-0.38, 0.52, 0.76])
    diffuse = np.maximum(normal @ lamp, 0)[:, None]
    halfway = np.array([-0.20, 0.28, 0.94])  # between the lamp and the viewer
    shine = 0.25 * np.maximum(normal @ halfway, 0)[:, None] ** 24
    return np.clip(colour * (0.52 + 0.53 * diffuse) + shine, 0, 1)
