"""3Dmol.js in the page of a notebook: where the script comes from, and how a scene takes the place of a picture.

3Dmol.js (BSD-3-Clause, half a megabyte) travels with this package, in ``data/3dmol``, and is never fetched from the
network. The first view of a notebook brings it; later views wait for it, in whatever order the page draws its cells. In
Colab, where each output is a page of its own, every view brings it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import sys
from functools import cache
from pathlib import Path

import py3Dmol
from IPython import get_ipython

from .picture import js, picture_above

LIBRARY = Path(__file__).parent.parent / "data" / "3dmol" / "3Dmol-min.js"

# It travels compressed, at two fifths of its size. `exports`, `module` and `define` are hidden from it, so that
# it becomes a global in every kind of page.
BRING = """<script>{
  window.$3Dmolpromise ??= new Promise(arrived => { window.$3DmolArrived = arrived; });
  const packed = Uint8Array.from(atob("@LIBRARY@"), letter => letter.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  new Response(unpacked).text().then(code => {
    const script = document.createElement("script");
    script.textContent = `(function (exports, module, define) {\n${code}\n}).call(window);`;
    if (!window.$3Dmol) document.head.append(script);
    window.$3DmolArrived?.();
  });
}</script>
"""

# The promise is py3Dmol's own: since it exists, py3Dmol does not look for the library in the network. The id is taken
# from any other view of the same scene, as another notebook in the same page may have one.
BEFORE = """<script>{
  const box = document.currentScript.previousElementSibling;
  for (const other of document.querySelectorAll('[id="@NAME@"]')) if (other !== box) other.removeAttribute("id");
  window.$3Dmolpromise ??= new Promise(arrived => { window.$3DmolArrived = arrived; });
  $3Dmolpromise.then(() => { box.style.height = "@HEIGHT@px"; });
}</script>
"""
AFTER = """<script>{
  const box = document.currentScript.parentElement.querySelector('[id="@NAME@"]'), picture = @PICTURE@;
  $3Dmolpromise.then(() => {
    @VIEWER@.setView([...@VIEWER@.getView().slice(0, 4), ...@SIDE@]);
    const output = picture && (picture.closest(".jp-OutputArea-child") ?? picture);
    if (output) output.style.display = "none";
  }).catch(() => { box.style.height = "0"; });
}</script></div>
"""

_carrier: dict[str, str | None] = {}


def scene_html(scene: py3Dmol.view, height: int, side: list[float], image: str) -> str:
    """A scene that hides the picture above it, whose base64 data is ``image``, once it is alive.

    Without scripts it is empty and takes no room. The same scene gives the same HTML.

    Args:
        scene: made with ``height="0px"``.
        height: of the live scene in pixels; it is as wide as the page allows.
        side: the quaternion (x, y, z, w) of the camera.
    """
    html = scene.write_html()
    warning = html[html.index("<p ") : html.index("</p>") + len("</p>")]  # that 3Dmol.js failed to load
    html = html.replace(warning, "").replace(scene.uniqueid, "@ID@")
    identity = hashlib.sha256(html.encode()).hexdigest()[:12]
    words = {
        "@NAME@": "3dmolviewer_@ID@",
        "@VIEWER@": "viewer_@ID@",
        "@HEIGHT@": str(height),
        "@SIDE@": js([round(x, 4) for x in side]),
        "@PICTURE@": picture_above(image),
        "@ID@": identity,
    }
    html = '<div class="ipa-view">' + html.replace("<script>", BEFORE + "<script>", 1) + AFTER
    for word, value in words.items():
        html = html.replace(word, value)
    return html


@cache
def library_html() -> str:
    """The script element that brings 3Dmol.js into the page."""
    packed = gzip.compress(LIBRARY.read_bytes(), mtime=0)
    return BRING.replace("@LIBRARY@", base64.b64encode(packed).decode())


def library_is_due() -> bool:
    """Whether the view that is about to be shown must bring the library.

    True for the first of a notebook, and for the first of the same cell whenever that is run again, since its former
    output, with the library, is then lost. Always true in Colab.
    """
    shell = get_ipython()
    message = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell, run = message.get("metadata", {}).get("cellId"), message.get("header", {}).get("msg_id")
    first = not _carrier
    again = cell is not None and cell == _carrier.get("cell") and run != _carrier.get("run")
    if first or again:
        _carrier.update(cell=cell, run=run)
    return first or again or "google.colab" in sys.modules
