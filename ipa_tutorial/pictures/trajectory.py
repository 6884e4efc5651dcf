"""Several models of one chain: a film to play and to scrub in 3Dmol.js, a strip of stills on paper.

3Dmol.js gets one set of atoms, and for each model the places of these atoms in hundredths of an ångström and a letter
for each residue, so that a helix is drawn from the moment at which it has formed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import py3Dmol
from matplotlib.figure import Figure
from torch import Tensor

from ..rigid import Rigid
from .camera import Camera
from .chain import Chain, as_chain
from .drawing import draw_protein, draw_scale_bar, residue_colours
from .picture import PIXELS_PER_INCH, js
from .scene import LABEL, add_model, colour_residues, colour_structure

STILLS, COLUMNS = 6, 2
ONE_WAY = 5000  # milliseconds from the first model to the last
REST = 1000  # milliseconds at either end

# The atoms of all models at once are what the scene is zoomed to. Nothing moves while it is out of sight, nor, before
# somebody presses the button, where the reader has asked the system for less motion. Where drawing is slow, time is
# left between the frames for the rest of the page. (`true`: a new label does not have the scene drawn again at once.)
PLAYER = """{
  const { places, structure, pace, rest, label } = @FILM@, last = places.length - 1;
  const viewer = viewer_UNIQUEID, box = document.getElementById("3dmolviewer_UNIQUEID"), model = viewer.getModel();
  const letters = { H: "h", E: "s", "-": "c" };
  const frames = model.setCoordinates(places.flat().map(x => x / 100), "array");
  for (const [k, frame] of frames.entries()) {
    const residues = [...new Set(frame.map(atom => atom.resi))];
    for (const atom of frame) {
      atom.ss = letters[structure[k][residues.indexOf(atom.resi)]];
      atom.reschain = 0;
    }
    const alpha = frame.filter(atom => atom.atom === "CA");
    for (const [text, { x, y, z }] of [["N", alpha[0]], ["C", alpha.at(-1)]])
      viewer.addLabel(text, { ...label, position: { x, y, z }, frame: k }, null, true);
  }
  model.atoms = frames.flat();
  viewer.zoomTo();
  viewer.setFrame(0);

  const bar = document.createElement("div"), button = document.createElement("button");
  const slider = document.createElement("input"), count = document.createElement("span");
  bar.className = "ipa-player";
  bar.style = "display: flex; gap: 0.6em; align-items: center; margin: 0.3em 0; font: 13px sans-serif;";
  button.style = "width: 5.5em; padding: 0.2em; font: inherit;";
  slider.style = "flex: 1; max-width: 30em;";
  Object.assign(slider, { type: "range", min: 0, max: last, step: 1, value: 0, ariaLabel: "model" });
  bar.append(button, slider, count);
  box.after(bar);

  let now = 0, step = 1, cost = 0, timer, inSight = false, playing = false;
  const show = index => {
    const start = performance.now();
    slider.value = now = index;
    count.textContent = `model ${now + 1} of ${last + 1}`;
    viewer.setFrame(now);
    viewer.render();
    cost = performance.now() - start;
  };
  const play = yes => {
    playing = yes;
    button.textContent = yes ? "❚❚ Pause" : "▶ Play";
    wait();
  };
  const wait = () => {
    clearTimeout(timer);
    if (playing && inSight) timer = setTimeout(next, Math.max(now % last ? pace : rest, 2 * cost));
  };
  const next = () => {
    if (now + step < 0 || now + step > last) step = -step;
    show(now + step);
    wait();
  };
  button.onclick = () => play(!playing);
  slider.oninput = () => { play(false); show(+slider.value); };
  new IntersectionObserver(seen => { inSight = seen.at(-1).isIntersecting; wait(); }).observe(box);
  show(0);
  play(!matchMedia("(prefers-reduced-motion: reduce)").matches);
}
"""


def as_models(models: Sequence) -> list[Chain]:
    """Each model as a chain whose neighbours are joined however far apart they are.

    Raises:
        ValueError: fewer than two models, or one that is of another kind, length or sequence than the first, or lacks
            other atoms.
    """
    if len(models) < 2:
        raise ValueError(f"protein: a trajectory needs at least 2 models, got {len(models)}")
    chains = [as_chain(model) for model in models]
    kinds = [_kind(*pair) for pair in zip(models, chains, strict=True)]
    first = chains[0]
    for k, (kind, chain) in enumerate(zip(kinds, chains, strict=True)):
        this = f"protein: model {k} (counted from 0)"
        if kind != kinds[0]:
            raise ValueError(f"{this} must be {kinds[0]} like the first one, got {kind}")
        if (chain.sequence, chain.numbers) != (first.sequence, first.numbers):
            raise ValueError(f"{this} must have the sequence and the residue numbers of the first one")
        if (np.isfinite(chain.atoms) != np.isfinite(first.atoms)).any():
            raise ValueError(f"{this} must have the same atoms as the first one, neither more nor fewer")
    return [replace(chain, joined=np.diff(chain.numbers) == 1) for chain in chains]


def _kind(model, chain: Chain) -> str:
    if hasattr(model, "coordinates") or isinstance(model, Rigid):
        kind = type(model).__name__
    else:
        kind = "positions" if chain.is_trace else "atoms"
    return f"{kind} of {len(chain.numbers)} residues"


def add_models(scene: py3Dmol.view, chains: Sequence[Chain], colour: str | Tensor) -> None:
    """Put the film into the scene, from where it is zoomed to all of it, and its player below."""
    first = chains[0]
    add_model(scene, first)
    if isinstance(colour, str) and colour == "structure":
        colour_structure(scene, first)
    else:
        colour_residues(scene, first, residue_colours(colour, first.structure))
    there = np.isfinite(first.atoms).all(-1)  # (L, 4)
    film = {
        "places": [np.rint(100 * chain.atoms[there]).astype(int).ravel().tolist() for chain in chains],
        "structure": ["".join(np.array([*chain.structure])[there.any(-1)]) for chain in chains],
        "pace": max(50, min(ONE_WAY // len(chains), 400)),
        "rest": REST,
        "label": LABEL,
    }
    scene.startjs += PLAYER.replace("@FILM@", js(film).replace(", ", ","))


def draw_models(chains: Sequence[Chain], camera: Camera, colour: str | Tensor, width: int) -> Figure:
    """Stills from the first model to the last: one scale, one camera. ``width`` in pixels."""
    chosen = np.linspace(0, len(chains) - 1, min(STILLS, len(chains))).round().astype(int)
    ca = camera.project(np.concatenate([chain.ca for chain in chains]))
    (left, low), (right, high) = np.nanmin(ca[:, :2], 0) - 4, np.nanmax(ca[:, :2], 0) + 4
    rows = -(-len(chosen) // COLUMNS)
    panel = width / PIXELS_PER_INCH / COLUMNS
    height = rows * (panel * min((high - low) / (right - left), 1.2) + 0.4)
    figure = Figure(figsize=(width / PIXELS_PER_INCH, height), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for ax, k in zip(axes, chosen, strict=False):
        draw_protein(chains[k], ax, camera, colour)
        ax.update_datalim([(left, low), (right, high)])
        if k == 0:
            draw_scale_bar(ax)
        ax.set_title(f"model {k + 1} of {len(chains)}")
        ax.set(xlim=(left, right), ylim=(low - 5 * (k == 0), high))  # room for the scale bar
    for ax in axes[len(chosen) :]:
        ax.set_axis_off()
    return figure
