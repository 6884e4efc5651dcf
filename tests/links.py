"""Finds the links and pictures of a Markdown text, and says which of the local ones lead nowhere."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]+`", re.S | re.M)
LINK = re.compile(
    r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\](?:\([^)]*\))?)*\]\(\s*<?([^()\s>]+)>?[^()]*\)|<a\s[^>]*href=\"([^\"]+)\""
)
PICTURE = re.compile(r"!\[([^\]]*)\]\(\s*<?([^()\s>]+)>?[^()]*\)")
HTML_PICTURE = re.compile(r"<img\b[^>]*>")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.M)
EXPLICIT_ANCHOR = re.compile(r"<a\s[^>]*(?:id|name)=\"([^\"]+)\"")
REMOTE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.I)


def without_code(text: str) -> str:
    return CODE.sub("", text)


def links(text: str) -> list[str]:
    return [inline or html for inline, html in LINK.findall(without_code(text))]


def pictures(text: str) -> list[tuple[str, str]]:
    """(alt text, target) of every picture, in Markdown and in HTML."""
    text = without_code(text)
    html = [(attribute(tag, "alt"), attribute(tag, "src")) for tag in HTML_PICTURE.findall(text)]
    return PICTURE.findall(text) + html


def attribute(tag: str, name: str) -> str:
    found = re.search(rf"\b{name}\s*=\s*(\"[^\"]*\"|'[^']*')", tag)
    return found[1][1:-1] if found else ""


def is_remote(target: str) -> bool:
    return REMOTE.match(target) is not None


def broken_links(text: str, folder: Path) -> list[str]:
    """The relative links of ``text``, which lies in ``folder``, whose file or #anchor does not exist."""
    return [link for link in links(text) if not is_remote(link) and not resolves(link, text, folder)]


def resolves(link: str, text: str, folder: Path) -> bool:
    target, _, anchor = unquote(link).partition("#")
    path = folder / target
    if target and not path.exists():
        return False
    if not anchor:
        return True
    if target and path.suffix == ".ipynb":
        return anchor in notebook_anchors(path)
    return anchor in markdown_anchors(path.read_text(encoding="utf-8") if target else text)


def markdown_anchors(text: str) -> set[str]:
    """As GitHub makes them: lower case, punctuation gone, spaces to hyphens."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(without_fences(text)))
    return {heading.replace(" ", "-") for heading in plain} | set(EXPLICIT_ANCHOR.findall(text))


def notebook_anchors(path: Path) -> set[str]:
    """As Jupyter makes them: the heading with hyphens for spaces."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return {heading.replace(" ", "-") for heading in HEADING.findall(without_fences(text))} | set(
        EXPLICIT_ANCHOR.findall(text)
    )


def without_fences(text: str) -> str:
    return re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.S | re.M)
