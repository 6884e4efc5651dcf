"""What of a cell's output is kept: nothing that differs at the next run, or that tells on whose machine it ran."""

import re
from pathlib import Path

from nbformat import NotebookNode
from slug import PROJECT

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_TEXT = (
    "An interactive piece: run this notebook to move its sliders. The figure tells the same story without them."
)
PROGRESS_BAR = re.compile(r"^[^\r\n]{0,200}?\d+(%\||it \[)[^\r\n]*[\r\n]*", re.M)

HOME = re.escape(str(Path.home()))
PATHS = (
    # A traceback names files by their whole path; the part that is the same everywhere is enough.
    (re.compile(r"[^\s\x1b\"'(<]*/(?=site-packages/)"), ""),
    (re.compile(rf"(?:{re.escape(str(PROJECT))}|~{re.escape(str(PROJECT).removeprefix(str(Path.home())))})/"), ""),
    (re.compile(r"[^\s\x1b\"'(<]*/ipykernel_\d+/\d+\.py"), "cell"),
    (re.compile(rf"{HOME}(?=/)"), "~"),
    (re.compile(r" at 0x[0-9a-f]{6,16}"), ""),
)


def tidy(output: NotebookNode) -> NotebookNode | None:
    """The output without progress bars and paths, with a sentence for a widget (whose state is not kept).

    None when nothing is left.
    """
    if output.output_type == "stream":
        output.text = without_paths(without_bars(output.text))
        return output if output.text.strip() else None
    if output.output_type == "error":
        output.traceback = [without_paths(line) for line in output.traceback]
        return output
    data = output.data
    if WIDGET_VIEW in data:
        is_bar = not without_bars(data.get("text/plain", "")).strip()
        output.data = NotebookNode({"text/plain": WIDGET_TEXT})
        return None if is_bar else output
    if "text/plain" in data:
        data["text/plain"] = without_paths(data["text/plain"])
    return output


def without_bars(text: str) -> str:
    return PROGRESS_BAR.sub("", text.replace("\r", "\n")) if PROGRESS_BAR.search(text) else text


def without_paths(text: str) -> str:
    for pattern, replacement in PATHS:
        text = pattern.sub(replacement, text)
    return text
