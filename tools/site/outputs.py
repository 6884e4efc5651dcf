"""What a cell has put out, as the site shows it: pictures with their words, 3-D views that open on demand."""

import base64
import hashlib
import io
import re
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_output
from PIL import Image
from texts import img, up
from tidy import WIDGET_TEXT

VIEW = '<div class="ipa-view">'
IN_WORDS = re.compile(r"<details><summary>In words</summary>.*?</details>", re.S)
SLIDERS = f'<p class="needs-python">{WIDGET_TEXT}</p>'


def shown(outputs: list[NotebookNode], page: str, pictures: Path) -> list[NotebookNode]:
    """The outputs of one cell; their pictures are written into the folder ``pictures``."""
    made: list[str | NotebookNode] = []
    for output in outputs:
        data = output.get("data", {})
        if "image/png" in data:
            made.append(picture(data["image/png"], output.metadata.get("image/png", {}), page, pictures))
        elif VIEW in data.get("text/html", ""):
            made.append(view(made.pop(), data["text/html"]))
        elif "text/html" in data:
            made.append(words(data["text/html"]) if IN_WORDS.search(data["text/html"]) else output)
        elif data.get("text/plain") == WIDGET_TEXT:
            made.append(SLIDERS)
        else:
            made.append(output)
    return [new_output("display_data", {"text/html": item}) if isinstance(item, str) else item for item in made]


def picture(data: str, about: dict, page: str, pictures: Path) -> str:
    """A file of its own, named by what is in it, which is fetched when it comes into sight."""
    png = base64.b64decode(data)
    path = pictures / f"{hashlib.sha256(png).hexdigest()[:16]}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png)
    width, height = Image.open(io.BytesIO(png)).size
    shown = about.get("width", width)
    source, size = f"{up(page)}_static/pictures/{path.name}", (shown, round(shown * height / width))
    return f'<a class="picture" href="{source}">{img(source, about.get("alt", ""), size)}</a>'


def words(html: str) -> str:
    """The description below a picture. It is in the picture's alt text already: no script need write it there."""
    return IN_WORDS.search(html)[0].replace("<details>", '<details class="words">')


def view(still: str, html: str) -> str:
    """The still with a button; the scene lies in a template until somebody asks for it, and for 3Dmol.js."""
    scene = html[html.index(VIEW) : IN_WORDS.search(html).start()]
    return (
        f'<div class="in-3d">{still}<button type="button">Turn it in 3-D</button>'
        f"<template>{scene}</template></div>\n{words(html)}"
    )
