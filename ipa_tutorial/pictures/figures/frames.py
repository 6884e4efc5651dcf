"""Figures of lesson 01: three atoms, the frame that they make, and what a residue sees from it. Å throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ...rigid import Rigid
from ..camera import Camera
from ..drawing import GREY, INK, PAIR, PALE, PAPER, POINT, SCALAR, draw_frames, draw_links, draw_points, draw_protein
from ..style import styled

N_COLOUR, O_COLOUR = "#4A6FA5", "#B5485D"
ATOMS = {"N": (N_COLOUR, "^", 170), "Cα": (INK, "o", 170), "C": (GREY, "s", 130), "O": (O_COLOUR, "D", 100)}
AXES = {"x": "#B07A00", "y": "#2A8FC7", "z": "#9C4F80"}  # darker than those of the drawings: words are written in them
KINDS = {"other": ("-", "#9AA0A6", "^"), "helix": ("H", "#A04C80", "o"), "strand": ("E", "#C98A00", "s")}


def seen_from(right: Tensor, towards: Tensor, centre: Tensor) -> Camera:
    """A camera, from the directions ``(3,)`` to the right and (perpendicular) towards the viewer."""
    right, towards = right / right.norm(), towards / towards.norm()
    up = torch.linalg.cross(towards, right)
    return Camera(torch.stack([right, up, towards]).numpy(), centre.numpy(), reach=5.0)


def from_above(n: Tensor, ca: Tensor, c: Tensor) -> Camera:
    """Looking down on the triangle, a little turned, so that the picture does not give the axes away."""
    normal = torch.linalg.cross(c - ca, n - ca)
    return seen_from(turn_about(normal, 25.0) @ (c - ca), normal, ca)


def turn_about(axis: Tensor, degrees: float) -> Tensor:
    """The rotation ``(3, 3)`` by an angle about an axis ``(3,)``."""
    a = axis / axis.norm()
    cross = torch.linalg.cross(a.expand(3, 3), torch.eye(3, dtype=a.dtype)).mT
    return torch.linalg.matrix_exp(np.deg2rad(degrees) * cross)


def write(ax: Axes, camera: Camera, place: Tensor, text: str, shift: Sequence[float] = (0.0, 0.0), **style) -> None:
    """Text beside an atom; the shift is in Å, to the right and up."""
    x, y, _ = camera.project(place.numpy())
    ax.text(x + shift[0], y + shift[1], text, ha="center", va="center", zorder=7, **style)


def draw_backbone(residues: Tensor, ax: Axes, camera: Camera) -> None:
    """Sticks and balls for N, Cα, C and O of neighbouring residues, ``(N, 4, 3)``."""
    chain = residues[:, :3].flatten(0, 1)  # N, Cα, C, N, Cα, C, …: the backbone in order
    draw_links(chain[:-1], chain[1:], None, ax, camera, colour=PALE, width=7)
    draw_links(residues[:, 2], residues[:, 3], None, ax, camera, colour=PALE, width=7)
    for k, (colour, marker, size) in enumerate(ATOMS.values()):
        draw_points(residues[:, k], ax, camera, colour=colour, marker=marker, size=size)


@styled
def one_residue(protein, side_chain: Tensor) -> Figure:
    """Residue 48 of ubiquitin in the whole, and between its neighbours. ``side_chain`` ``(6, 3)``, from Cα on."""
    atoms = protein.coordinates.double()
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.9), width_ratios=[1, 1.2])
    camera = Camera.facing(protein, azimuth=150)
    draw_protein(protein, left, camera, colours="#E3E6E8")
    draw_points(atoms[47, 1], left, camera, colour=POINT, size=110)
    x, y, _ = camera.project(atoms[47, 1].numpy())
    line = {"arrowstyle": "-", "color": POINT}
    left.annotate("residue 48", (x, y), (x + 4, y - 8), color=POINT, weight="bold", arrowprops=line)
    left.set_title("Ubiquitin, 76 residues")

    n, ca, c, _ = atoms[47]
    close = seen_from(c - n, torch.linalg.cross(c - ca, n - ca), ca)
    draw_links(side_chain[:-1], side_chain[1:], None, right, close, colour=PAIR, width=4)
    draw_backbone(atoms[46:49], right, close)
    shifts = {"N": (0, 0.7), "Cα": (-0.9, -0.3), "C": (0.1, -0.75), "O": (0.75, 0.1)}
    for place, (text, shift) in zip(atoms[47], shifts.items(), strict=True):
        write(right, close, place, text, shift, fontsize=14, weight="bold")
    write(right, close, side_chain[3], "side chain", (2.0, -0.4), color=PAIR, weight="bold")
    write(right, close, atoms[46, 1], "residue 47", (0.2, 0.9), color=GREY)
    write(right, close, atoms[48, 1], "residue 49", (-0.2, 0.9), color=GREY)
    right.set_title("Residue 48, a lysine")
    return fig


@styled
def nearly_rigid(n_ca: Tensor, ca_c: Tensor, angle: Tensor) -> Figure:
    """Histograms of two distances (Å) and of an angle (degrees), one value for each residue."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.3), sharey=True)
    bins = np.linspace(1.2, 1.8, 81)
    for values, name, colour, x in ((n_ca, "N–Cα", N_COLOUR, 1.24), (ca_c, "Cα–C", GREY, 1.57)):
        left.hist(values, bins=bins, color=colour)
        left.text(x, 330, f"{name}\nmean {values.mean():.2f} Å\nspread {values.std():.2f} Å", color=colour)
    right.hist(angle, bins=np.linspace(70, 150, 81), color=SCALAR)
    right.text(73, 330, f"mean {angle.mean():.0f}°\nspread {angle.std():.0f}°", color=SCALAR)
    left.set(xlabel="distance (Å)", ylabel=f"residues (of {len(angle)})", ylim=(0, 480))
    right.set(xlabel="angle N–Cα–C (degrees)")
    return fig


@styled
def how_it_may_turn(n: Tensor, ca: Tensor, c: Tensor, choices: Mapping[str, Tensor]) -> Figure:
    """The triangle in all the ways that agree with ``{what is known: rotations (K, 3, 3)}``, three times."""
    normal = torch.linalg.cross(c - ca, n - ca)
    tipped = turn_about(torch.linalg.cross(normal, c - ca), -40.0)  # to look around the axis
    front = seen_from(tipped @ (c - ca), tipped @ normal, ca)
    fig = plt.figure(figsize=(7.6, 6.8))
    axes = fig.subplot_mosaic("aabb;.cc.").values()
    for ax, (title, rotations) in zip(axes, choices.items(), strict=True):
        ends = {"N": ca + rotations @ (n - ca), "C": ca + rotations @ (c - ca)}  # (K, 3) each
        for name, places in ends.items():
            colour, marker, _ = ATOMS[name]
            draw_links(ca, places, None, ax, front, colour=colour, width=2.5)
            draw_points(places, ax, front, colour=colour, size=90, marker=marker)
        draw_points(ca, ax, front, colour=INK, size=130)
        write(ax, front, ca, "Cα", (0.3, -0.3), weight="bold")
        ax.set(title=title, xlim=(-1.8, 1.8), ylim=(-1.7, 1.7))
    write(ax, front, n, "N", (-0.15, 0.32), color=N_COLOUR, weight="bold")
    write(ax, front, c, "C", (0.1, 0.32), color=GREY, weight="bold")
    return fig


def _triangle(ax: Axes, above: Camera, n: Tensor, ca: Tensor, c: Tensor, title: str) -> None:
    draw_links(ca, torch.stack([n, c]), None, ax, above, colour=PALE, width=5)
    for name, place, shift in (("N", n, (-0.3, 0.05)), ("Cα", ca, (-0.26, -0.28)), ("C", c, (0.1, 0.3))):
        draw_points(place, ax, above, colour=GREY, marker=ATOMS[name][1], size=70)
        write(ax, above, place, name, shift, weight="bold")
    ax.set(title=title, xlim=(-1.2, 1.9), ylim=(-0.9, 1.7))


def _arrow(ax: Axes, above: Camera, start: Tensor, end: Tensor, text: str, colour: str, shift: Sequence[float]) -> None:
    """An arrow from one place to another, with text beside its middle."""
    head, tail = (above.project(place.numpy())[:2] for place in (end, start))
    style = {"arrowstyle": "-|>", "color": colour, "lw": 2.2, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", head, tail, arrowprops=style, zorder=6)
    x, y = (head + tail) / 2 + shift
    ax.text(x, y, text, color=colour, fontsize=14, ha="center", va="center", zorder=7)


def _z_axis(ax: Axes, x: float, y: float, towards: bool) -> None:
    """⊙ for an arrow towards the viewer, ⊗ for one away from the viewer."""
    ax.plot(x, y, "o", ms=14, mfc=PAPER, mec=AXES["z"], mew=2, zorder=7)
    ax.plot(
        x, y, "o" if towards else "x", ms=5 if towards else 8, mew=2 if not towards else 0, color=AXES["z"], zorder=8
    )


@styled
def gram_schmidt(n: Tensor, ca: Tensor, c: Tensor, e1: Tensor, e2: Tensor, shadow: Tensor) -> Figure:
    """From two arrows to a frame in four steps, seen from above. ``shadow``: of N's arrow on e1."""
    above = from_above(n, ca, c)
    u2 = n - ca - shadow
    fig, axes = plt.subplots(2, 2, figsize=(8, 7))
    titles = ("1. two arrows from Cα", "2. the first, with length 1", "3. the second, without its shadow")
    for ax, title in zip(axes.flat, (*titles, "4. the frame, $e_3$ towards you"), strict=True):
        _triangle(ax, above, n, ca, c, title)
    one, two, three, four = axes.flat
    _arrow(one, above, ca, c, "$v_1$", INK, (0.1, 0.22))
    _arrow(one, above, ca, n, "$v_2$", INK, (0.28, 0.1))
    _arrow(two, above, ca, ca + e1, "$e_1$", AXES["x"], (0.12, 0.2))
    _arrow(three, above, ca, ca + shadow, "shadow", GREY, (-0.5, 0.2))
    _arrow(three, above, ca, ca + u2, "$u_2$", INK, (0.3, 0.05))
    dotted = np.stack([above.project(p.numpy())[:2] for p in (n, ca + u2)])
    three.plot(*dotted.T, color=GREY, ls=":", lw=2)
    _arrow(four, above, ca, ca + e1, "$e_1$ = x", AXES["x"], (0.25, 0.2))
    _arrow(four, above, ca, ca + e2, "$e_2$ = y", AXES["y"], (0.42, 0.1))
    _z_axis(four, 0, 0, True)
    four.text(-0.35, -0.05, "$e_3$ = z", color=AXES["z"], fontsize=14, ha="right", va="center")
    return fig


@styled
def home_two_ways(right: Tensor, wrong: Tensor) -> Figure:
    """Atoms ``(L, 4, 3)`` as their residues see them, by the transpose and without it."""
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 4.2), sharey=True)
    for ax, seen, title in zip(axes, (right, wrong), ("home by Rᵀ", "home by R, a wrong way"), strict=True):
        for k, (name, (colour, marker, _)) in enumerate(ATOMS.items()):
            ax.scatter(*seen[:, k, :2].T, s=24, color=colour, marker=marker, alpha=0.7, label=name)
        ax.set(title=title, xlabel="local x (Å)", aspect="equal", xlim=(-2.8, 2.8), ylim=(-2.6, 2.6))
    axes[0].set_ylabel("local y (Å)")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig


@styled
def oxygens(residues: Tensor, structure: str) -> Figure:
    """Backbone atoms ``(N, 4, 3)`` of many residues in local frames, from the side and along x."""
    fig, (side, along) = plt.subplots(1, 2, figsize=(8.8, 3.9), width_ratios=[1.25, 1])
    for ax, (i, j) in ((side, (0, 1)), (along, (1, 2))):
        for letter, colour, marker in KINDS.values():
            chosen = residues[[s == letter for s in structure], 3]  # (K, 3)
            ax.scatter(chosen[:, i], chosen[:, j], s=22, color=colour, marker=marker, alpha=0.55, lw=0)
        for k, (name, (colour, marker, _)) in enumerate(list(ATOMS.items())[:3]):
            x, y = residues[:, k, i], residues[:, k, j]  # (N,) each
            ax.scatter(x, y, s=18, color=colour, marker=marker, alpha=0.3, lw=0, zorder=3)
            if ax is side or name == "N":
                ax.text(x.mean(), y.mean() + 0.22, name, color=colour, weight="bold", ha="center")
        ax.set_aspect("equal")
    side.set(xlabel="local x (Å), from Cα to C", ylabel="local y (Å)", title="from the side")
    side.text(2.35, 0, "O", weight="bold")
    along.set(xlabel="local y (Å)", ylabel="local z (Å)", title="along x")
    along.text(-0.1, 0.4, "O in helices", weight="bold", ha="center", color=KINDS["helix"][1])
    along.text(0.1, -0.5, "O in strands", weight="bold", ha="center", color=KINDS["strand"][1])
    return fig


@styled
def frames_of_a_protein(protein, T: Rigid) -> Figure:
    """A protein as frames, every fifth drawn, and those of the helix 23 to 34 on its ribbon. ``T`` in nm."""
    atoms, camera = protein.coordinates.double(), Camera.facing(protein, azimuth=150)
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.4), width_ratios=[1.2, 1])
    draw_links(atoms[:-1, 1], atoms[1:, 1], None, left, camera, colour=PALE, width=5)
    draw_frames(T[::5], left, camera, length=3.8)  # all of them would be a thicket
    for i, shift in ((0, (2.2, 0.5)), (len(atoms) - 1, (0.3, 1.8))):
        write(left, camera, atoms[i, 1], str(i + 1), shift, weight="bold")
    left.set_title("Ubiquitin as frames, every fifth")

    draw_protein(protein, right, camera, colours="#E3E6E8", termini=False)
    helix = range(22, 34)
    draw_frames(T[helix], right, camera, length=2.3, names=[i + 1 if i % 2 else "" for i in helix])
    x, y, _ = camera.project(atoms[helix, 1].numpy()).T
    right.set(xlim=(x.min() - 4, x.max() + 4), ylim=(y.min() - 4, y.max() + 4))
    right.set_title("Residues 23 to 34, a helix")
    return fig


@styled
def around_a_residue(helices: Sequence[Tensor], strands: Sequence[Tensor]) -> Figure:
    """Cα atoms around many residues, each ``(K, 2·reach + 1, 3)``: along the axes of the file, and from inside."""
    fig, axes = plt.subplots(2, 2, figsize=(8.8, 7.6))
    for row, both, name in zip(axes, (helices, strands), ("helix", "strand"), strict=True):
        _, colour, marker = KINDS[name]
        side_on = Camera.facing(both[1].mean(0), elevation=-20)
        for ax, traces, title in zip(row, both, ("along the file's axes", "seen from inside"), strict=True):
            for trace in traces.numpy() @ side_on.rotation.T:
                ax.plot(*trace[:, :2].T, color=colour, lw=0.7, ls="-", marker=marker, ms=2.5, alpha=0.3)
            ax.plot(0, 0, "o", color=INK, ms=7)
            ax.set(aspect="equal", title=f"{len(traces)} pieces of {name},\n{title}", xlabel="Å", ylabel="Å")
            ax.set(xlim=(-8.5, 8.5), ylim=(-6.8, 6.8))
        middle = both[1].mean(0).numpy() @ side_on.rotation.T  # (2·reach + 1, 3), the average
        row[1].plot(*middle[:, :2].T, color=INK, lw=1.5, ls="-")
        reach = len(middle) // 2
        for k, (x, y, _) in zip(range(-reach, reach + 1), middle, strict=True):
            row[1].annotate(f"{k:+d}" if k else "me", (x, y), (5, 6), textcoords="offset points", weight="bold")
    return fig


@styled
def grown_helix(grown: Rigid, real: Tensor) -> Figure:
    """Frames ``(12,)``, each one step from the last, over the Cα atoms ``(12, 3)`` of a real helix. Both in nm."""
    fig, ax = plt.subplots(figsize=(8.8, 3.0))
    side_on, x = Camera.facing(10 * real), 10 * grown.translations
    draw_links(10 * real[:-1], 10 * real[1:], None, ax, side_on, colour=PALE, width=9)
    draw_links(x[:-1], x[1:], None, ax, side_on, colour=POINT, width=2)
    draw_points(x, ax, side_on, size=30)
    draw_frames(grown, ax, side_on, length=2.0)
    ax.set_title("Eleven times the same step (thin), over the real helix (broad, grey)")
    return fig


@styled
def conventions(n: Tensor, ca: Tensor, c: Tensor, frames: Mapping[str, Rigid], words: Mapping[str, str]) -> Figure:
    """Five frames, Å, that different programs make of the same three atoms, the first that of Algorithm 21."""
    above = from_above(n, ca, c)
    normal = torch.linalg.cross(c - ca, n - ca)
    fig = plt.figure(figsize=(7.2, 9))
    axes = fig.subplot_mosaic(".aa.;bbcc;ddee").values()
    for ax, (name, F) in zip(axes, frames.items(), strict=True):
        _triangle(ax, above, n, ca, c, name)
        draw_frames(F.scale_translations(0.1), ax, above, length=1.1)
        x, y, _ = above.project(F.translations.numpy())
        _z_axis(ax, x, y, towards=bool(F.rotations[:, 2] @ normal > 0))
        ax.set(xlim=(-1.6, 2.0), ylim=(-1.6, 1.7))
        ax.text(0.5, -0.05, words[name], ha="center", transform=ax.transAxes)
    return fig


@styled
def in_the_mirror(oxygen: Tensor, mirrored: Tensor, structure: str) -> Figure:
    """The oxygens ``(L, 3)`` of a protein and of its mirror image, in local frames, along x."""
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 4.6), sharey=True)
    for ax, places, title in zip(axes, (oxygen, mirrored), ("ubiquitin", "its mirror image"), strict=True):
        for name, (letter, colour, marker) in KINDS.items():
            y, z = places[[k == letter for k in structure]][:, 1:].T  # (K,) each
            ax.scatter(y, z, s=36, color=colour, marker=marker, alpha=0.8, lw=0, label=name)
        ax.axhline(0, color=PALE, lw=1, zorder=0)
        ax.set(title=title, xlabel="local y of O (Å)", aspect="equal", xlim=(-1.5, 1.5), ylim=(-1.5, 1.5))
    axes[0].set_ylabel("local z of O (Å)")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig
