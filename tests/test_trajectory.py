"""Several models of one chain: what is put into the notebook. (That it plays is for the browser to show.)"""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ipa_tutorial import Rigid, load_protein, random_rigid
from ipa_tutorial.pictures import embedding, picture, viewer
from ipa_tutorial.pictures.chain import as_chain
from ipa_tutorial.pictures.drawing import STRUCTURE_COLOURS
from ipa_tutorial.pictures.ribbon import SIDES, STEPS, ribbon
from ipa_tutorial.pictures.trajectory import as_models
from ipa_tutorial.pictures.viewer import view
from ipa_tutorial.proteins.dssp import secondary_structure


@pytest.fixture(scope="module")
def ubiquitin():
    return load_protein("ubiquitin")


@pytest.fixture(scope="module")
def models(ubiquitin):
    """The chain comes together out of a cloud: 30 times (76, 4, 3), without a helix at first."""
    cloud = 12 * torch.randn(76, 1, 3, generator=torch.Generator().manual_seed(0))
    return [ubiquitin.coordinates + (1 - t) ** 2 * cloud for t in torch.linspace(0, 1, 30)]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Stills are small but where a test looks at them."""
    monkeypatch.setattr(picture, "DRAFT", 0.25)


@pytest.fixture
def full_size(small, monkeypatch):
    monkeypatch.setattr(picture, "DRAFT", 1.0)


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(embedding, "_carrier", {"cell": None})  # the library is in the page already
    monkeypatch.setattr(viewer, "display", lambda data, metadata=None, raw=False: outputs.append(data))
    return outputs


def film(seen):
    """What the player is given."""
    return json.loads(re.search(r"= (\{\"places\".*?\}), last = ", seen.scene.startjs)[1])


def test_every_model_is_in_the_film(models):
    reel = film(view(models))
    places = np.array(reel["places"]).reshape(30, 76, 4, 3) / 100
    np.testing.assert_allclose(places, torch.stack(models), atol=0.00501)
    assert reel["structure"] == [secondary_structure(model) for model in models]
    assert reel["structure"][0] != reel["structure"][-1]


@pytest.mark.parametrize("kind", ["Protein", "positions", "Rigid"])
def test_models_come_in_every_kind(ubiquitin, models, kind):
    given = {
        "Protein": [replace(ubiquitin, coordinates=model) for model in models],
        "positions": [model[:, 1] for model in models],
        "Rigid": tuple(Rigid(random_rigid(76).rotations, model[:, 1] / 10) for model in models),
    }[kind]
    seen = view(given)
    places = np.array(film(seen)["places"]).reshape(30, 76, -1, 3) / 100
    wanted = torch.stack(models)
    np.testing.assert_allclose(places, wanted if kind == "Protein" else wanted[:, :, 1:2], atol=0.00501)
    assert ("as a ribbon" in seen.alt) == (kind == "Protein")
    assert ('"style": "trace"' in seen.scene.startjs) == (kind != "Protein")
    assert "Trajectory in 3-D of 30 models" in seen.alt


def test_helices_have_their_colour_from_the_moment_at_which_they_form(models):
    style = re.search(r"setStyle\((.*)\);", view(models).scene.startjs)[1]
    tints = json.loads(f"[{style}]")[1]["cartoon"]["colorscheme"]
    assert tints["prop"] == "ss"
    assert {tints["map"][name] for name in ("s", "arrow start", "arrow end")} == {STRUCTURE_COLOURS["E"]}
    assert (tints["map"]["h"], tints["map"]["c"]) == (STRUCTURE_COLOURS["H"], STRUCTURE_COLOURS["-"])


def test_residues_can_have_their_own_colours(models):
    styled = re.findall(r"setStyle\((.*)\);", view(models, colour=torch.arange(76.0)).scene.startjs)
    assert sum(len(json.loads(f"[{call}]")[0]["resi"]) for call in styled) == 76 and len(styled) > 50


def test_missing_atoms_are_left_out_of_every_model(ubiquitin, models):
    mask = ubiquitin.atom_mask.clone()
    mask[7] = False
    mask[8, 3] = False
    reel = film(view([replace(ubiquitin, coordinates=model, atom_mask=mask) for model in models[:3]]))
    expected = torch.stack(models[:3])[:, mask].reshape(3, -1)
    np.testing.assert_allclose(np.array(reel["places"]) / 100, expected, atol=0.00501)
    assert {len(letters) for letters in reel["structure"]} == {75}


def test_a_chain_on_its_way_is_drawn_whole(models):
    """A ribbon breaks where neighbours are too far apart, but not in a trajectory, only where residues are missing."""
    torn = as_chain(models[0])
    pieces = ribbon(torn.ca, torn.side, torn.structure)
    (chain, _) = as_models(models[:2])
    whole = ribbon(chain.ca, chain.side, chain.structure, chain.joined)
    assert chain.joined.shape == (75,) and chain.joined.all()
    assert len(whole.faces) == (75 * STEPS + 2) * SIDES < len(pieces.faces)  # two ends, not two for each piece
    loose = replace(torn, numbers=tuple(range(1, 40)) + tuple(range(50, 87)))
    assert np.flatnonzero(~as_models([loose, loose])[0].joined).tolist() == [38]
    chain.ca[5] = np.nan
    assert np.isfinite(ribbon(chain.ca, chain.side, chain.structure, chain.joined).faces).all()


def test_stills_are_the_picture(models, shown, full_size):
    view(models).show()
    still, scene = shown
    width, height = Image.open(io.BytesIO(base64.b64decode(still["image/png"]))).size
    assert width == 700 and 300 < height < 1700  # two stills a row
    assert still["text/plain"].startswith("Trajectory") and still["text/plain"] in scene["text/html"]


def test_without_scripts_there_is_no_player(models, shown):
    view(models).show()
    html = re.sub(r"<script>.*?</script>", "", shown[1]["text/html"], flags=re.S)
    assert "height: 0px" in html and not re.search("<button|<input|model 1", html)


def test_the_same_film_gives_the_same_bytes(models, shown):
    view(models).show()
    view([model.clone() for model in models]).show()
    assert shown[:2] == shown[2:]


@pytest.mark.parametrize(("what", "limit"), [("atoms", 280_000), ("positions", 180_000)])
def test_thirty_models_are_small(models, shown, full_size, what, limit):
    view(models if what == "atoms" else [model[:, 1] for model in models]).show()
    assert len(json.dumps(shown)) < limit


def test_one_point_is_a_start_too(ubiquitin):
    seen = view([torch.zeros(76, 3), ubiquitin.ca])
    assert film(seen)["places"][0] == [0] * 228 and "NaN" not in seen.scene.startjs


def test_what_is_no_trajectory_is_named(ubiquitin, models):
    with pytest.raises(ValueError, match="needs at least 2 models, got 1"):
        view([ubiquitin])
    with pytest.raises(ValueError, match=r"model 1 \(counted from 0\) must be atoms of 76 .* got atoms of 75 residues"):
        view([models[0], models[1][:75]])
    with pytest.raises(ValueError, match=r"model 2 .* must be Protein of 76 residues .* got positions of 76"):
        view([ubiquitin, ubiquitin, ubiquitin.ca])
    with pytest.raises(ValueError, match=r"model 1 .* must be positions of 76 residues .* got Rigid of 76"):
        view([ubiquitin.ca, ubiquitin.rigids()])
    with pytest.raises(ValueError, match="model 1 .* must have the sequence"):
        view([ubiquitin, replace(ubiquitin, sequence="A" * 76)])
    with pytest.raises(ValueError, match="model 1 .* must have the sequence and the residue numbers"):
        view([ubiquitin, replace(ubiquitin, residue_index=ubiquitin.residue_index + 1)])
    mask = ubiquitin.atom_mask.clone()
    mask[7] = False
    with pytest.raises(ValueError, match="model 1 .* must have the same atoms"):
        view([ubiquitin, replace(ubiquitin, atom_mask=mask)])
    for extra in ({"frames": [0]}, {"points": ubiquitin.ca}, {"attention_from": (0, torch.ones(76))}):
        with pytest.raises(ValueError, match="are for one protein, but protein is a list"):
            view(models, **extra)
    with pytest.raises(ValueError, match="colours must be"):
        view(models, colour="no colour")
