"""How a picture gets into a notebook: sharp, small, the same bytes at every run, and described in words.

A picture is a sheet of soft paper with round corners: it looks the same on a white page and on a dark one.

An ``image/png`` output shows everywhere, on GitHub too, but JupyterLab and nbconvert give its ``<img>`` no alt text,
whatever its metadata say. So the description comes along three times: in the metadata (``image/png`` → ``alt``, which
some readers use), in a fold-out line below the picture, which needs no script, and from there a small script writes it
into the picture's ``alt`` where scripts run.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from .drawing import PAPER

PIXELS_PER_INCH = 100  # as shown
DRAFT = 0.1 if os.environ.get("IPA_DRAFT") else 1.0  # all is drawn, but small and not laid out: for tests of notebooks
COLOURS = 128
FLAT = 24  # of them at least are those of large areas
LARGE = 150_000  # bytes of a picture; a notebook of many is slow to open, and GitHub does not show it
MANY_FACES = 45_000  # of ribbons: of some four hundred residues
LEAST_SHARP = 1.5  # times as many pixels as are shown, whatever the picture
MARGIN = 0.12  # inches of paper around a figure in a notebook: its title is not to touch the edge
RADIUS = 0.10  # inches: of the round corners
LEVELS = 8  # of how much is seen through the edge of a corner

# JavaScript: of the pictures above this script, the nearest whose data end in the same way. (Undefined: none.)
PICTURE_ABOVE = (
    """[...document.querySelectorAll('img[src$="ENDING"]')].filter(image => """
    """image.compareDocumentPosition(document.currentScript) & Node.DOCUMENT_POSITION_FOLLOWING).at(-1)"""
)


def show(figure, alt: str, width: int | None = None) -> None:
    """Show a figure as the output of a notebook cell, with alt text, and close it.

    Args:
        figure: a matplotlib figure, or axes of it.
        alt: one or two sentences that say what the picture shows, to somebody who cannot see it.
        width: in pixels; None: 100 for each inch of the figure and of a small margin.

    Raises:
        TypeError: not a figure.
        ValueError: no alt text.
    """
    figure = getattr(figure, "figure", figure)
    if not isinstance(figure, Figure):
        raise TypeError(f"figure must be a matplotlib Figure or Axes, got {type(figure).__name__}")
    natural = (figure.get_figwidth() + 2 * MARGIN) * PIXELS_PER_INCH
    width = width or round(natural)
    data, metadata = picture_output(png(figure, 2 * width / natural, MARGIN), alt, width)
    plt.close(figure)
    display(data, metadata=metadata, raw=True)
    display({"text/html": in_words(data["image/png"], alt), "text/plain": ""}, raw=True)


def png(figure: Figure, sharpness: float = 2.0, margin: float = 0.0) -> bytes:
    """The figure as a PNG on paper with round corners, ``sharpness`` times as large as it is shown.

    There are no dates and no versions inside.

    ``margin``: inches of paper to add on every side.

    A hundred or so colours, chosen so that the rare ones survive: no pixel is off by more than the eye could see, and
    the file shrinks to a fourth. A picture that is still large, because there is so much in it, is drawn less sharp.
    """
    if faces(figure) > MANY_FACES:
        sharpness = min(sharpness, LEAST_SHARP)  # it would end there anyway, after a second drawing
    file, dots = io.BytesIO(), DRAFT * sharpness * PIXELS_PER_INCH  # an inch
    picture = ImageOps.expand(drawn(figure, dots), round(margin * dots), PAPER)
    picture, alpha = with_round_corners(in_few_colours(picture), RADIUS * dots)
    picture.save(file, "PNG", optimize=True, transparency=alpha)
    if file.tell() > LARGE and sharpness > LEAST_SHARP:
        little = 0.8 * sharpness if file.tell() < 1.3 * LARGE else 0.0  # enough, or not worth a try
        return png(figure, max(LEAST_SHARP, little), margin)
    return file.getvalue()


def drawn(figure: Figure, dots: float) -> Image.Image:
    """A figure on paper, ``dots`` an inch. (``savefig`` would draw it twice, and write a file to be read again.)"""
    before = {"dpi": figure.dpi, "facecolor": figure.get_facecolor(), "canvas": figure.canvas}
    canvas = FigureCanvasAgg(figure)
    figure.set(dpi=dots, facecolor=PAPER)
    if DRAFT < 1:
        figure.set_layout_engine("none")
    canvas.draw()
    figure.set(**before)
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def faces(figure: Figure) -> int:
    drawn = [collection for axes in figure.axes for collection in axes.collections]
    return sum(len(ribbons.get_paths()) for ribbons in drawn if isinstance(ribbons, PolyCollection))


def in_few_colours(picture: Image.Image) -> Image.Image:
    """An RGB picture with a palette of ``COLOURS``, chosen for its distinct colours, each of which counts once.

    So the rare ones survive, and a large sheet of paper takes no longer than a small one. The paper itself and other
    large areas keep their very colour.
    """
    red, green, blue = np.moveaxis(np.asarray(picture, dtype=np.uint32), -1, 0)
    pixels = red << 16 | green << 8 | blue  # (height, width)
    distinct = np.unique(pixels)
    strip = np.stack([distinct >> 16, distinct >> 8 & 255, distinct & 255], axis=-1).astype(np.uint8)
    options = dict(method=Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    strip = Image.fromarray(strip[None]).quantize(COLOURS, **options)
    place = np.zeros(1 << 24, dtype=np.uint8)  # of each colour that there is, in the palette
    place[distinct] = np.asarray(strip)[0]
    palette = np.array(strip.getpalette(), dtype=np.uint8).reshape(-1, 3)
    some, counts = np.unique(pixels[::4, ::4], return_counts=True)
    for colour in some[np.argsort(counts, kind="stable")][-FLAT:]:  # the most common has the last word
        palette[place[colour]] = colour >> 16, colour >> 8 & 255, colour & 255
    paletted = Image.fromarray(place[pixels])
    paletted.putpalette(palette.tobytes())
    return paletted


def with_round_corners(picture: Image.Image, radius: float) -> tuple[Image.Image, bytes]:
    """A paletted picture, its corners cut round, and the opacity of each colour of its new palette."""
    width, height = picture.size
    x, y = (np.arange(n) for n in (width, height))
    dx, dy = (np.maximum(radius - 0.5 - np.minimum(k, k[::-1]), 0) for k in (x, y))  # how far into a corner
    opaque = np.clip(radius + 0.5 - np.hypot(dy[:, None], dx), 0, 1)  # (height, width)
    level = np.rint(LEVELS * opaque).astype(np.uint8)
    pixels = np.where(level < LEVELS, COLOURS + level, np.asarray(picture))
    palette = picture.getpalette()[: 3 * COLOURS]
    palette += [0] * (3 * COLOURS - len(palette)) + LEVELS * [int(PAPER[k : k + 2], 16) for k in (1, 3, 5)]
    cut = Image.fromarray(pixels.astype(np.uint8), "L")
    cut.putpalette(palette)
    return cut, bytes([255] * COLOURS + [255 * k // LEVELS for k in range(LEVELS)])


def picture_output(data: bytes, alt: str, width: int) -> tuple[dict, dict]:
    """A MIME bundle and its metadata for a PNG shown ``width`` pixels wide."""
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError("alt must say in words what the picture shows")
    text = base64.b64encode(data).decode()
    return {"image/png": text, "text/plain": alt}, {"image/png": {"alt": alt, "width": width}}


def in_words(image: str, alt: str) -> str:
    """HTML for below a picture whose base64 data is ``image``: its description, which also becomes its alt text."""
    return (
        f"<details><summary>In words</summary>{html.escape(alt)}</details>\n"
        f"<script>{{ const picture = {picture_above(image)}; if (picture) picture.alt = {js(alt)}; }}</script>"
    )


def picture_above(image: str) -> str:
    """A JavaScript expression for the ``<img>`` above the script whose base64 data is ``image``."""
    return PICTURE_ABOVE.replace("ENDING", image[-64:])


def js(value) -> str:
    """A value as JavaScript, safe inside ``<script>``."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
