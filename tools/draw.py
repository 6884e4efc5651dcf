"""Draws the pictures of the README and of the notebooks' first pages:  python tools/draw.py  (make asset).

    attending.gif, .png   a turning nanobody, folded by trained weights, and what one of their heads attends to
    folding.gif, .png     a chain that folds in training, for lesson 13
    dreaming.gif, .png    from noise to a backbone, for lesson 17
    summary.*             one page to print: SVG and PDF
    turning.png           ubiquitin in three orientations, and the attention of one untrained module for each
    turning.gif           the same as a film, beside plain attention
    card/*.svg            the algorithms' cards; of Algorithm 22 plain, and with the lines lit that a notebook asks for
    data_flow*.svg        the data flow of Algorithm 22 on one page
    house*.svg            the rooms of the package, from its imports
    benchmark.png         time and memory, from benchmark.csv

Each SVG lies on a panel of soft paper, which a dark page shows too; what the README shows also has a dark panel,
*-dark.svg. attending.gif needs the trained weights
of lesson 18; without them the one that is there stays.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from io import BytesIO

import card  # knows what a notebook asks for
import matplotlib.pyplot as plt
import numpy as np
import torch
from films import dreaming, folding
from house import house_map, in_words
from PIL import Image, ImageDraw
from slug import PROJECT

from ipa_tutorial import InvariantPointAttention, Rigid, igfold, load_protein
from ipa_tutorial.fast.benchmark import read_csv
from ipa_tutorial.pictures import (
    PALE,
    POINT,
    Camera,
    algorithm_card,
    data_flow_map,
    draw_links,
    draw_points,
    draw_protein,
    smaller_card,
    use_style,
)
from ipa_tutorial.pictures.curves import benchmark_curves
from ipa_tutorial.pictures.dataflow import IN_WORDS
from ipa_tutorial.pictures.picture import MARGIN, png
from ipa_tutorial.pictures.summary import IN_WORDS as SUMMARY_IN_WORDS
from ipa_tutorial.pictures.summary import summary
from ipa_tutorial.pictures.typeset import svg

ASSET = PROJECT / "asset"
TEXTS = PROJECT / "notebooks" / "text"

RESIDUE = 43  # in the middle of a strand
HEAD = 5

NANOBODY = PROJECT / "ipa_tutorial/data/igfold/6APO_A.npz"
TRAINED = {"block": 1, "head": 6, "residue": 90}  # looks across the sheet: lesson 18


def turn(degrees: float, middle: torch.Tensor) -> Rigid:
    """A rotation of the world about an axis through ``middle``."""
    axis = torch.tensor([2.0, 3.0, 6.0]) / 7
    cross = torch.linalg.cross(axis.expand(3, 3), torch.eye(3)).mT  # K x = axis × x
    R = torch.linalg.matrix_exp(torch.deg2rad(torch.tensor(degrees)) * cross)
    return Rigid(R, middle - R @ middle)


def attention_of(frames: Rigid) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights ``(L, L)`` and query points ``(L, P, 3)``, nm, in the world, of one head of an untrained module.

    It sees nothing but the frames; γ is raised for a crisp picture.
    """
    torch.manual_seed(0)
    attention = InvariantPointAttention(16, heads=12, require_pairwise_repr=False)
    torch.nn.init.constant_(attention.raw_gamma, 8.0)
    s = torch.ones(len(frames), 16) / 4  # every residue proposes the same points, each in its own frame
    geometry = dict(rotations=frames.rotations, translations=frames.translations)
    with torch.no_grad():
        _, parts = attention(s, **geometry, return_parts=True)
    return parts.weights[HEAD], frames.apply(parts.q_points[HEAD])


def naive_attention_of(frames: Rigid) -> torch.Tensor:
    """Weights ``(L, L)`` of plain attention that is given the coordinates (Cα, nm) as its input."""
    torch.manual_seed(1)
    q, k = (torch.nn.Linear(3, 8)(frames.translations).detach() for _ in range(2))
    return (q @ k.mT / 8**0.5).softmax(-1)


def turning() -> plt.Figure:
    protein = load_protein("ubiquitin")
    frames = protein.rigids(torch.float64)
    camera = Camera.facing(protein, azimuth=150)
    fig, axes = plt.subplots(2, 3, figsize=(11, 6.6), height_ratios=(1, 1.1), layout="constrained")
    first = None
    for (above, below), degrees in zip(axes.T, (0.0, 120.0, 240.0), strict=True):
        moved = turn(degrees, frames.translations.mean(0)) @ frames
        weights, _ = attention_of(moved)
        first = weights if first is None else first
        change = (weights - first).abs().max().item()
        atoms = turn(degrees, protein.ca.double().mean(0)).apply(protein.coordinates.double())
        draw_protein(atoms, above, camera, termini=False)
        draw_links(atoms[RESIDUE, 1], atoms[:, 1], weights[RESIDUE].where(weights[RESIDUE] > 0.03, 0), above)
        above.set(xlim=(-24, 24), ylim=(-16, 16))
        above.set_title("turn the protein …" if degrees == 0 else f"… by {degrees:.0f}°", fontsize=15)
        below.imshow(weights, cmap="cividis", vmax=0.3)
        below.set(xticks=[], yticks=[], xlabel="key j", ylabel="query i")
        below.set_title("its attention map" if degrees == 0 else "nothing but rounding changes", fontsize=13)
        assert change < 1e-12
        for edge in below.spines.values():
            edge.set_color(PALE)
    return fig


def film(frames: int = 36) -> list[Image.Image]:
    """The protein turns once: its query points ride along, the attention's map stands still, a naive model's boils."""
    protein = load_protein("ubiquitin")
    T, middle = protein.rigids(torch.float64), protein.ca.double().mean(0)
    camera, images = Camera.facing(protein, azimuth=150), []
    for k in range(frames):
        degrees = 360 * k / frames
        moved = turn(degrees, T.translations.mean(0)) @ T
        weights, points = attention_of(moved)
        atoms = turn(degrees, middle).apply(protein.coordinates.double())
        fig = plt.figure(figsize=(9.6, 4.5), dpi=75, layout="constrained")
        axes = fig.subplot_mosaic([["protein", "ipa"], ["protein", "naive"]], width_ratios=(2.1, 1))
        draw_protein(atoms, axes["protein"], camera, termini=False)
        draw_links(atoms[RESIDUE, 1], atoms[:, 1], weights[RESIDUE].where(weights[RESIDUE] > 0.03, 0), axes["protein"])
        draw_points(points[RESIDUE] * 10, axes["protein"], camera)
        axes["protein"].set(xlim=(-21, 21), ylim=(-17, 17))
        axes["protein"].set_title("a protein turns", fontsize=15)
        for name, matrix, top in (("ipa", weights, 0.3), ("naive", naive_attention_of(moved), 0.05)):
            axes[name].imshow(matrix, cmap="cividis", vmin=0, vmax=top)
            axes[name].set(xticks=[], yticks=[])
        axes["ipa"].set_title("invariant point attention", fontsize=12)
        axes["naive"].set_title("plain attention on coordinates", fontsize=12)
        fig.canvas.draw()
        images.append(Image.fromarray(np.asarray(fig.canvas.buffer_rgba())).convert("RGB"))
        plt.close(fig)
    return images


def write_film(images: list[Image.Image], path: Path, colours: int, duration: int = 120) -> None:
    """An animated GIF, one palette for all of it, with round corners: every browser and GitHub play it."""
    corners = np.asarray(round_corners(images[0].size)) < 128
    width, height = images[0].size
    together = Image.new("RGB", (width, 3 * height))  # colours of the beginning, of the middle and of the end
    for k, image in enumerate((images[0], images[len(images) // 2], images[-1])):
        together.paste(image.convert("RGB"), (0, k * height))
    palette = together.quantize(colours, method=Image.Quantize.MAXCOVERAGE, kmeans=2)
    stills = []
    for image in images:
        pixels = np.array(image.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE))
        pixels[corners] = colours  # see-through
        still = Image.fromarray(pixels, "P")
        still.putpalette([*palette.getpalette()[: 3 * colours], 0, 0, 0])
        stills.append(still)
    options = {"duration": duration, "loop": 0, "optimize": False, "transparency": colours, "disposal": 1}
    stills[0].save(path, save_all=True, append_images=stills[1:], **options)


def round_corners(size: tuple[int, int], radius: int = 12) -> Image.Image:
    """White inside a sheet with round corners, black outside."""
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius, fill=255)
    return mask


def attending(frames: int = 40) -> list[Image.Image]:
    """A film: the nanobody that IgFold's weights fold, turning, with the attention of one residue."""
    with np.load(NANOBODY) as file:
        single, pair = (torch.tensor(file[key], dtype=torch.float64) for key in ("single", "pair"))
    structure = igfold.load_structure().double()
    with torch.no_grad():
        fold = structure(single, pair)
        T, attention = fold.rigids[TRAINED["block"] - 1], structure.blocks[TRAINED["block"]].attention
        state = fold.singles[TRAINED["block"] - 1]
        geometry = dict(rotations=T.rotations, translations=T.translations)
        _, parts = attention(state, pair, **geometry, return_parts=True)
    atoms, residue = backbone(fold.atoms), TRAINED["residue"]
    row = parts.weights[TRAINED["head"], residue]
    row = row.where(row > 0.02, 0)
    return [still(atoms, row, residue, 360 * k / frames) for k in range(frames)]


def backbone(atoms: torch.Tensor) -> torch.Tensor:
    """N, CA, C, CB ``(L, 4, 3)`` → N, CA, C, O, the oxygen opposite to the bonds of its carbon."""
    n, ca, c, _ = atoms.unbind(1)
    onward = torch.cat([n[1:], (2 * c - ca)[-1:]])
    away = (c - ca) / (c - ca).norm(dim=-1, keepdim=True) + (c - onward) / (c - onward).norm(dim=-1, keepdim=True)
    return torch.stack([n, ca, c, c + 1.23 * away / away.norm(dim=-1, keepdim=True)], dim=1)


def still(atoms: torch.Tensor, row: torch.Tensor, residue: int, azimuth: float) -> Image.Image:
    fig, ax = plt.subplots(figsize=(4.2, 3.1))
    camera = Camera.facing(atoms[:, 1], azimuth=azimuth)
    draw_protein(atoms, ax, camera, "#CCD6DF", termini=False)
    draw_links(atoms[residue, 1], atoms[:, 1], row, ax, colour=POINT, width=5)
    ax.plot(*camera.project(atoms[residue, 1].numpy())[:2], "o", color=POINT, ms=7, zorder=4)
    reach = (atoms[:, 1] - atoms[:, 1].mean(0)).norm(dim=-1).max().item() + 1
    ax.set(xlim=(-reach, reach), ylim=(-0.74 * reach, 0.74 * reach))
    picture = Image.open(BytesIO(png(fig, sharpness=1.0))).convert("RGBA")
    plt.close(fig)
    return picture


def svgs() -> dict[str, str]:
    """{path in asset/: text} of every SVG."""
    asked = (match for path in TEXTS.glob("*.md") for match in card.CARD.finditer(path.read_text("utf-8")))
    asked = {match.group(1, 2) for match in asked}
    files, of_22 = {}, "Algorithm 22, invariant point attention"
    for dark, suffix in ((False, ""), (True, "-dark")):
        files[f"data_flow{suffix}.svg"] = svg(data_flow_map(dark), "The data flow of Algorithm 22", IN_WORDS)
        files[f"house{suffix}.svg"] = svg(house_map(dark), "The rooms of the package", in_words())
        title = "Invariant point attention on one page"
        files[f"summary{suffix}.svg"] = svg(summary(dark), title, SUMMARY_IN_WORDS)
        files[f"card/plain{suffix}.svg"] = svg(algorithm_card((), dark), of_22, card.in_words([]))
    for number, request in asked:
        if number == "22":
            lit = card.lit_lines(request)
            files[f"card/{card.picture_name(lit)}.svg"] = svg(algorithm_card(lit), of_22, card.in_words(lit))
        else:
            name, alt = f"Algorithm {number}", card.alt_text(int(number))
            files[f"card/algorithm-{number}.svg"] = svg(smaller_card(int(number)), name, alt)
    plt.close("all")
    return files


if __name__ == "__main__":
    torch.set_num_threads(1)
    use_style()
    for name, images, colours in (
        ("folding", folding(), 32),
        ("dreaming", dreaming(), 64),
    ):
        write_film(images, ASSET / f"{name}.gif", colours)
        images[-1].save(ASSET / f"{name}.png", optimize=True)  # for who prefers no motion
    torch.set_default_dtype(torch.float64)
    try:
        pictures = attending()
        write_film(pictures, ASSET / "attending.gif", 32)
        pictures[0].save(ASSET / "attending.png", optimize=True)
    except FileNotFoundError as missing:
        print(f"attending.gif stays as it is: {missing}")
    nothing = dict.fromkeys(("Creator", "Producer", "CreationDate"))
    summary().savefig(ASSET / "summary.pdf", facecolor="white", metadata=nothing)
    (ASSET / "turning.png").write_bytes(png(turning(), margin=MARGIN))
    write_film(film(), ASSET / "turning.gif", 128)
    benchmark_curves(*read_csv(ASSET / "benchmark.csv")).savefig(ASSET / "benchmark.png", dpi=150)
    (ASSET / "card").mkdir(exist_ok=True)
    for old in (ASSET / "card").glob("*.svg"):
        old.unlink()
    for name, text in svgs().items():
        (ASSET / name).write_text(text, encoding="utf-8", newline="\n")
