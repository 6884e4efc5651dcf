"""3-D views: what is put into the notebook. (That it is drawn in a browser is another matter.)"""

import base64
import hashlib
import io
import json
import re
from types import SimpleNamespace

import gemmi
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from ipa_tutorial import Rigid, load_protein
from ipa_tutorial.pictures import embedding, picture, scene, viewer
from ipa_tutorial.pictures.camera import Camera
from ipa_tutorial.pictures.viewer import view
from ipa_tutorial.proteins.dssp import secondary_structure
from ipa_tutorial.quaternion import quaternion_to_rotation


@pytest.fixture(scope="module")
def ubiquitin():
    return load_protein("ubiquitin")


@pytest.fixture(autouse=True)
def fresh_notebook(monkeypatch):
    """No library in the page yet, and no Jupyter around. Stills are small but where a test looks at them."""
    monkeypatch.setattr(picture, "DRAFT", 0.25)
    monkeypatch.setattr(embedding, "_carrier", {})
    monkeypatch.setattr(embedding, "get_ipython", lambda: None)
    yield
    assert not plt.get_fignums(), "a view left a figure open"


@pytest.fixture
def full_size(fresh_notebook, monkeypatch):
    monkeypatch.setattr(picture, "DRAFT", 1.0)


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(viewer, "display", lambda data, metadata=None, raw=False: outputs.append((data, metadata, raw)))
    return outputs


def calls(scene, method):
    """The arguments of every call of one method of 3Dmol.js's viewer."""
    found = re.findall(rf"^\tviewer_UNIQUEID\.{method}\((.*)\);$", scene.startjs, re.M)
    return [json.loads(f"[{arguments}]") for arguments in found]


def drawn(scene, method):
    """The shapes that one method of 3Dmol.js's viewer is asked for in loops."""
    shapes = []
    for names, rows, shape in re.findall(
        rf"^\tfor \(const \[(.*?)\] of (.*?)\) viewer_UNIQUEID\.{method}\((.*)\);$", scene.startjs, re.M
    ):
        for row in json.loads(rows):
            values = dict(zip(names.split(", "), row, strict=True))
            words = re.split(r"(?<=: )([a-z])\b", shape)
            shapes.append(json.loads("".join(str(values.get(word, word)) for word in words)))
    return shapes


def running(cell, run):
    message = {"metadata": {"cellId": cell}, "header": {"msg_id": run}}
    return lambda: SimpleNamespace(get_parent=lambda: message)


# --- the two outputs --------------------------------------------------------------------------------------------------


def test_a_view_is_a_picture_and_a_scene(ubiquitin, shown, full_size):
    view(ubiquitin, frames=[0, 9, 22])._ipython_display_()
    (data, metadata, raw), (scene, _, scene_raw) = shown
    assert raw and scene_raw
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width == 840
    assert metadata["image/png"]["alt"] == data["text/plain"] and "ubiquitin" in data["text/plain"]
    html = scene["text/html"]
    assert data["image/png"][-64:] in html  # by which the script finds the picture
    assert "In words" in html and data["text/plain"] in html
    assert "data:image" not in html and data["image/png"][:500] not in html  # the picture is stored once


def test_without_scripts_the_scene_is_empty_and_takes_no_room(ubiquitin, shown):
    view(ubiquitin).show()
    html = re.sub(r"<script>.*?</script>", "", shown[1][0]["text/html"], flags=re.S)
    assert "height: 0px" in html and "failed to load" not in shown[1][0]["text/html"]
    words = re.sub(r"<[^>]*>", " ", html).split()
    assert " ".join(words).startswith("In words 3-D view of ubiquitin")


def test_nothing_comes_from_the_network(ubiquitin, shown):
    view(ubiquitin).show()
    html = shown[1][0]["text/html"].replace(embedding.library_html(), "")
    assert not re.search(r"https?://", html)


def test_the_same_view_gives_the_same_bytes(ubiquitin, shown, full_size):
    for _ in range(2):
        embedding._carrier.clear()
        view(ubiquitin, frames=[3]).show()
    assert shown[0] == shown[2] and shown[1] == shown[3]
    view(ubiquitin, frames=[4]).show()
    names = [re.search(r'id="(3dmolviewer_\w+)"', output[0]["text/html"])[1] for output in shown[1::2]]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    "what", ["plain", "three frames", "attention", "all frames", "all frames on a tube", "everything"]
)
def test_ubiquitin_is_below_150_kb(ubiquitin, shown, full_size, what):
    options = {
        "plain": {},
        "three frames": {"frames": [0, 9, 22]},
        "attention": {"attention_from": (40, torch.ones(76)), "points": ubiquitin.ca[:8]},
        "all frames": {"frames": True},
        "all frames on a tube": {"frames": True},
        "everything": {"frames": True, "attention_from": (40, torch.ones(76)), "points": {"k": 1.1 * ubiquitin.ca}},
    }[what]
    view(ubiquitin.rigids() if what == "all frames on a tube" else ubiquitin, **options).show()
    stored = len(json.dumps([shown[0][0], shown[1][0]])) - len(json.dumps(embedding.library_html()))
    assert stored < 150_000


def test_the_structure_is_stored_once(ubiquitin, shown):
    view(ubiquitin).show()
    html = shown[1][0]["text/html"]
    assert html.replace(embedding.library_html(), "").count("ATOM  ") == 4 * 76 and set(shown[1][0]) == {
        "text/html",
        "text/plain",
    }


# --- the library ------------------------------------------------------------------------------------------------------


def test_the_library_is_the_one_of_its_readme():
    folder = embedding.LIBRARY.parent
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        checksum, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum
    files = {"3Dmol-min.js", "3Dmol-min.js.LICENSE.txt", "LICENSE", "README.md", "SHA256SUMS"}
    assert files == {path.name for path in folder.iterdir()}
    assert "3dmol v2.5.5" in (folder / "3Dmol-min.js.LICENSE.txt").read_text(encoding="utf-8")
    assert "University of Pittsburgh" in (folder / "LICENSE").read_text(encoding="utf-8")


def test_the_library_cannot_end_its_script_element():
    library = embedding.library_html()
    assert library.count("<script") == library.count("</script") == 1 and "<!--" not in library


def test_the_library_comes_once(ubiquitin, shown):
    for _ in range(3):
        view(ubiquitin).show()
    brought = [embedding.library_html() in output[0]["text/html"] for output in shown[1::2]]
    assert brought == [True, False, False]


def test_the_cell_that_brought_the_library_brings_it_again(monkeypatch):
    """Run again, a cell loses its old output, and the saved notebook would be without the library."""
    due = []
    for cell, run in [("a", 1), ("a", 1), ("b", 2), ("a", 3), ("a", 3), ("b", 4)]:
        monkeypatch.setattr(embedding, "get_ipython", running(cell, run))
        due.append(embedding.library_is_due())
    assert due == [True, False, False, True, False, False]


def test_in_colab_every_view_brings_the_library(monkeypatch):
    monkeypatch.setitem(embedding.sys.modules, "google.colab", SimpleNamespace())
    assert [embedding.library_is_due() for _ in range(3)] == [True, True, True]


# --- the scene --------------------------------------------------------------------------------------------------------


def test_the_scene_holds_the_chain_and_our_secondary_structure(ubiquitin):
    ((pdb, kind, _),) = calls(view(ubiquitin).scene, "addModel")
    structure = gemmi.read_pdb_string(pdb)
    chain = structure[0]["A"]
    assert kind == "pdb" and gemmi.one_letter_code([residue.name for residue in chain]) == ubiquitin.sequence
    atoms = [[residue.find_atom(name, "*").pos.tolist() for name in ("N", "CA", "C", "O")] for residue in chain]
    np.testing.assert_allclose(atoms, ubiquitin.coordinates, atol=0.0051)
    letters = ["-"] * 76
    spans = [("H", helix.start, helix.end) for helix in structure.helices]
    spans += [("E", strand.start, strand.end) for sheet in structure.sheets for strand in sheet.strands]
    for letter, start, end in spans:
        letters[start.res_id.seqid.num - 1 : end.res_id.seqid.num] = letter * (
            end.res_id.seqid.num - start.res_id.seqid.num + 1
        )
    assert "".join(letters) == secondary_structure(ubiquitin)


def test_missing_atoms_are_left_out(ubiquitin):
    mask = ubiquitin.atom_mask.clone()
    mask[7] = False
    mask[8, 3] = False
    ((pdb, *_),) = calls(view(type(ubiquitin)(**{**vars(ubiquitin), "atom_mask": mask}), frames=True).scene, "addModel")
    chain = gemmi.read_pdb_string(pdb)[0]["A"]
    assert [len(residue) for residue in chain][:9] == [4] * 7 + [3, 4] and len(chain) == 75


def test_each_residue_has_its_colour(ubiquitin):
    values = torch.linspace(0, 1, 76)
    styled = calls(view(ubiquitin, colour=values).scene, "setStyle")
    residues = [number for selection, _ in styled for number in selection["resi"]]
    assert sorted(residues) == list(range(1, 77)) and len(styled) > 50
    plain = calls(view(ubiquitin, colour="#D9D9D9").scene, "setStyle")
    assert [style["cartoon"]["color"] for _, style in plain] == ["#d9d9d9"]


def test_frames_are_arrows_along_their_columns(ubiquitin):
    T = ubiquitin.rigids()
    arrows = drawn(view(ubiquitin, frames=[9, 22]).scene, "addArrow")
    assert len(arrows) == 6 and len({arrow["radius"] for arrow in arrows}) == 3

    def place(end):
        return torch.tensor([[arrow[end][axis] for axis in "xyz"] for arrow in arrows]).reshape(3, 2, 3).swapaxes(0, 1)

    chosen = T[[9, 22]]
    torch.testing.assert_close(place("start"), (10 * chosen.translations)[:, None].expand(2, 3, 3), atol=0.006, rtol=0)
    torch.testing.assert_close((place("end") - place("start")) / 3, chosen.rotations.mT, atol=0.005, rtol=0)
    labels = [text for text, *_ in calls(view(ubiquitin, frames=[9, 22]).scene, "addLabel")]
    assert labels == ["N", "C", "x", "y", "z"]


@pytest.mark.parametrize(("frames", "count"), [(True, 76), (False, 0), (range(0, 76, 10), 8), ("rigid", 5)])
def test_frames_can_be_chosen(ubiquitin, frames, count):
    frames = Rigid.identity(5) if frames == "rigid" else frames
    for protein in (ubiquitin, ubiquitin.rigids()):
        assert len(drawn(view(protein, frames=frames).scene, "addArrow")) == 3 * count


def test_points_are_spheres_of_different_sizes(ubiquitin):
    q, k = torch.randn(4, 3), torch.randn(2, 5, 3)
    spheres = drawn(view(ubiquitin, points={"query": q, "key": k}).scene, "addSphere")
    assert len(spheres) == 14 and len({(sphere["color"], sphere["radius"]) for sphere in spheres}) == 2
    np.testing.assert_allclose([list(sphere["center"].values()) for sphere in spheres[:4]], q, atol=0.0051)


def test_attention_is_as_wide_as_its_weight(ubiquitin):
    weights = torch.zeros(76, 76)
    weights[10, [3, 10, 20, 30]] = torch.tensor([0.1, 0.65, 0.2, 0.05])
    for given in (weights, weights[10]):
        lines = drawn(view(ubiquitin, attention_from=(10, given)).scene, "addCylinder")
        radii = np.array([line["radius"] for line in lines])
        np.testing.assert_allclose(radii / scene.LINK_RADIUS, [0.5, 1.0, 0.25], atol=0.01)  # the own one is no line
        ends = [list(line["end"].values()) for line in lines]
        np.testing.assert_allclose(ends, ubiquitin.ca[[3, 20, 30]], atol=0.0051)


def test_the_scene_is_seen_from_the_side_of_the_picture(ubiquitin, shown):
    side = Camera.facing(ubiquitin, azimuth=150)
    seen = view(ubiquitin, camera=side)
    assert view(ubiquitin).picture != seen.picture and seen.camera is side
    seen.show()
    x, y, z, w = json.loads(re.search(r"slice\(0, 4\), \.\.\.(\[.*?\])", shown[1][0]["text/html"])[1])
    rotation = quaternion_to_rotation(torch.tensor([w, x, y, z], dtype=torch.float64))
    np.testing.assert_allclose(rotation, seen.camera.rotation, atol=1e-3)


def test_quaternions_of_half_turns_and_of_nothing():
    for turn in (np.diag([1.0, 1, 1]), np.diag([1.0, -1, -1]), np.diag([-1.0, 1, -1]), np.diag([-1.0, -1, 1])):
        x, y, z, w = scene.quaternion(turn)
        np.testing.assert_allclose(quaternion_to_rotation(torch.tensor([w, x, y, z])), turn, atol=1e-12)


def test_bare_atoms_and_positions_can_be_viewed(ubiquitin):
    assert "as a ribbon" in view(ubiquitin.coordinates).alt
    tube = view(ubiquitin.ca, height=200)
    assert "as a tube" in tube.alt and "trace" in json.dumps(calls(tube.scene, "setStyle"))
    assert repr(tube).startswith("View('3-D view of")
    assert view(ubiquitin, alt="Ubiquitin.").alt == "Ubiquitin."


def test_the_alt_text_says_what_there_is(ubiquitin):
    alt = view(ubiquitin, True, {"query points": torch.zeros(2, 4, 3)}, (47, torch.ones(76))).alt
    assert "helices: 1, strands: 5" in alt and "query points as markers (8)" in alt
    assert "x, y and z (76)" in alt and "lines from residue 48" in alt


def test_bad_input_is_named(ubiquitin):
    with pytest.raises(ValueError, match=r"frames: residue 76 of 76 \(counted from 0\) has no frame"):
        view(ubiquitin, frames=[76])
    with pytest.raises(ValueError, match="frames must be a Rigid: bare positions"):
        view(ubiquitin.ca, frames=True)
    with pytest.raises(ValueError, match="points must be at most 3 sets, got 4"):
        view(ubiquitin, points={str(k): torch.zeros(1, 3) for k in range(4)})
    with pytest.raises(ValueError, match=r"weights must have shape \(76,\) or \(76, 76\), got \(12, 76, 76\)"):
        view(ubiquitin, attention_from=(3, torch.zeros(12, 76, 76)))
    with pytest.raises(ValueError, match="attention_from: residue 80 of 76"):
        view(ubiquitin, attention_from=(80, torch.zeros(76)))
    with pytest.raises(ValueError, match="points must be finite"):
        view(ubiquitin, points=torch.full((1, 3), torch.nan))
    with pytest.raises(ValueError, match="weights must not be negative"):
        view(ubiquitin, attention_from=(3, -torch.ones(76)))
    with pytest.raises(ValueError, match="colours must be"):
        view(ubiquitin, colour="no colour")
    with pytest.raises(ValueError, match="height must be a positive number of pixels, got 0"):
        view(ubiquitin, height=0)
    with pytest.raises(ValueError, match="protein must be"):
        view(torch.zeros(2, 5, 4, 3))
