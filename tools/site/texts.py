"""Markdown of the project as Markdown of the site: where links lead, what stands in the place of a picture."""

import re
from collections.abc import Callable
from html import escape
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from PIL import Image
from slug import PROJECT, repository_slug

NOTEBOOKS = PROJECT / "notebooks"
PAGES = {NOTEBOOKS / "teaching.md": "teaching.md", PROJECT / "CONTRIBUTING.md": "contributing.md"}
PAGES |= {NOTEBOOKS / kind: "exercises/index.md" for kind in ("exercises", "solutions")}

CODE = re.compile(r"(^(?P<fence>```|~~~).*?^(?P=fence)|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))", re.S | re.M)
LINK = re.compile(r"(?<=\]\()([^()\s]+)(?=\))")
PICTURE = re.compile(r"!\[([^\]]*)\]\((?!https?:)([^()\s]+)\)")
HTML_PICTURE = re.compile(r"<picture>.*?<img src=\"([^\"]+)\" alt=\"([^\"]+)\">.*?</picture>", re.S)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.M)


def rewritten(text: str, file: Path, page: str) -> str:
    """``text`` of ``file``, for a page of the site whose path below its root is ``page``."""

    return outside_code(
        lambda part: LINK.sub(lambda link: new_link(link[1], file, page), part), with_pictures(text, file, page)
    )


def with_pictures(text: str, file: Path, page: str) -> str:
    """The same, but links stay."""

    def shown(source: str, alt: str) -> str:
        return picture(file.parent / source, alt, page)

    text = HTML_PICTURE.sub(lambda found: shown(found[1], found[2]), text)
    return outside_code(lambda part: PICTURE.sub(lambda found: shown(found[2], found[1]), part), text)


def outside_code(change: Callable[[str], str], text: str) -> str:
    parts, end = [], 0
    for code in CODE.finditer(text):
        parts += [change(text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, change(text[end:])])


# ---------------------------------------------------------------------------------------------------------- links


def new_link(link: str, file: Path, page: str) -> str:
    """Between pages, a relative link; to anything else of the project, a link to GitHub."""
    target, _, anchor = unquote(link).partition("#")
    if "://" in link or link.startswith("mailto:"):
        return link
    there = (file.parent / target).resolve() if target else file
    if there.suffix == ".md" and anchor:
        anchor = jupyter_anchor(anchor, there)
    mark = f"#{anchor}" if anchor else ""
    if not target:
        return f"<{mark}>" if " " in mark else mark
    if not there.exists():
        raise ValueError(f"{file.relative_to(PROJECT)}: the link {link} leads nowhere")
    if (to := page_of(there)) is None:
        kind = "tree" if there.is_dir() else "blob"
        return f"https://github.com/{repository_slug()}/{kind}/main/{there.relative_to(PROJECT).as_posix()}"
    return up(page) + to + mark


def page_of(path: Path) -> str | None:
    """The page that is made of this file, if one is."""
    if path.suffix == ".ipynb" and path.parent == NOTEBOOKS:
        return path.name
    if path.suffix == ".ipynb" and path.parent.parent == NOTEBOOKS:
        return f"exercises/{path.name}"
    return PAGES.get(path)


def jupyter_anchor(anchor: str, file: Path) -> str:
    """GitHub's #three-timetables is #Three-timetables in Jupyter, and here."""
    headings = HEADING.findall(file.read_text(encoding="utf-8"))
    return {github_anchor(heading): jupyter_slug(heading) for heading in headings}.get(anchor, anchor)


def jupyter_slug(heading: str) -> str:
    return heading.replace(" ", "-")


def github_anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def up(page: str) -> str:
    """From the page to the root of the site."""
    return "../" * (len(PurePosixPath(page).parts) - 1)


# ------------------------------------------------------------------------------------------------------- pictures


def picture(path: Path, alt: str, page: str, lazy: bool = True) -> str:
    """A picture of asset/ as HTML: its dark form in the dark, a still of a film for who wants no motion."""
    path = path.resolve()
    dark, still = path.with_name(f"{path.stem}-dark{path.suffix}"), path.with_suffix(".png")
    if path.suffix == ".gif":
        calm = f'<source media="(prefers-reduced-motion: reduce)" srcset="{address(still, page)}">'
        film = img(address(path.with_suffix(".webp"), page), alt, size(path), lazy)  # a third of the weight
        return f'<picture class="film">{calm}{film}</picture>'
    if dark.exists():
        pair = {"only-light": path, "only-dark": dark}
        return "".join(img(address(p, page), alt, size(p), lazy, f"drawing {kind}") for kind, p in pair.items())
    return img(address(path, page), alt, size(path), lazy)


def address(path: Path, page: str) -> str:
    return f"{up(page)}_static/{path.relative_to(PROJECT).as_posix()}"


def size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, so that the page keeps room before the picture has come."""
    if path.suffix != ".svg":
        with Image.open(path) as image:
            return image.size
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', path.read_text(encoding="utf-8"))
    return round(float(box[1])), round(float(box[2]))


def img(source: str, alt: str, pixels: tuple[int, int], lazy: bool = True, kind: str = "") -> str:
    width, height = pixels
    later = ' loading="lazy" decoding="async"' if lazy else ""
    kind = f' class="{kind}"' if kind else ""
    return f'<img{kind} src="{source}" alt="{escape(alt)}" width="{width}" height="{height}"{later}>'
