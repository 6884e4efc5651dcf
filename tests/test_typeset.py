"""The algorithm card and the data-flow map: what they show, and that the committed pictures are those of the code."""

import re
import xml.etree.ElementTree as ElementTree
from functools import lru_cache, partial

import draw
import matplotlib.pyplot as plt
import pytest
from card import in_markdown
from matplotlib.colors import to_hex
from matplotlib.mathtext import MathTextParser
from slug import PROJECT

from ipa_tutorial.pictures import data_flow_map, dataflow, use_style
from ipa_tutorial.pictures.card import LINES, OTHERS, SIGNATURE, algorithm_card, smaller_card
from ipa_tutorial.pictures.typeset import DARK, LIGHT, pieces, rounded, svg

ASSET = PROJECT / "asset"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def drawn():
    """What tools/draw.py would write. Most formulas stand in many cards: each is parsed once, and not by each card."""
    parser = MathTextParser("path")
    parse = lru_cache(None)(partial(MathTextParser._parse_cached.__wrapped__, parser))
    with plt.rc_context(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(MathTextParser, "_parse_cached", lambda self, *key: parse(*key))
        use_style()
        return draw.svgs()


def every_line():
    """(formula, what it does) of all cards, signatures too."""
    others = [(formula, words) for _, _, lines in OTHERS.values() for _, formula, words in lines]
    signatures = [SIGNATURE, *(signature for _, signature, _ in OTHERS.values())]
    return [*LINES, *others, *((signature, "") for signature in signatures)]


def words(figure):
    return {text.get_text(): to_hex(text.get_color()).upper() for text in figure.axes[0].texts}


def test_pieces_are_told_apart_by_their_tags():
    assert pieces("a [pair b_{ij}] c[tall (]") == [("ink", "a "), ("pair", "b_{ij}"), ("ink", " c"), ("tall", "(")]


def test_corners_are_rounded_and_ends_are_not():
    path = rounded([(0, 0), (20, 0), (20, 30)], 5)
    assert path.vertices.tolist() == [[0, 0], [15, 0], [20, 0], [20, 5], [20, 30]]


@pytest.mark.parametrize("dark", [False, True])
def test_the_plain_card_has_every_line_in_colour(dark):
    found, colours = words(algorithm_card(dark=dark)), DARK if dark else LIGHT
    assert {str(number) for number in range(1, 13)} <= set(found) and "▶" not in found
    assert found[r"$b_{ij}^h$"] == colours["pair"] and found["$\\mathbf{o}_i^h$"] == colours["scalar"]
    assert all(found[str(number)] == colours["ink"] for number in range(1, 13))
    assert words(algorithm_card(range(1, 13), dark)) == found


def test_lit_lines_are_in_colour_and_marked_and_the_others_grey():
    figure = algorithm_card([2, 3])
    found = words(figure)
    assert [found[str(number)] == LIGHT["ink"] for number in range(1, 13)] == [
        number in (2, 3) for number in range(1, 13)
    ]
    assert [text.get_text() for text in figure.axes[0].texts].count("▶") == 2
    assert found[r"$\vec{\mathbf{v}}_i^{\,hp}$"] == LIGHT["point"] and found[r"$b_{ij}^h$"] == LIGHT["grey"]


@pytest.mark.parametrize("lines", [[0], [13], [2, 99]])
def test_a_card_refuses_lines_that_do_not_exist(lines):
    with pytest.raises(ValueError, match="lines must be among 1 to 12"):
        algorithm_card(lines)


@pytest.mark.parametrize("figure", [algorithm_card, data_flow_map, *(partial(smaller_card, n) for n in OTHERS)])
def test_nothing_is_cut_and_no_line_of_a_card_runs_into_its_explanation(figure):
    sheet = figure()
    texts = sheet.axes[0].texts
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= sheet.bbox.x1 and box.y1 <= sheet.bbox.y1, text.get_text()
    if figure is not data_flow_map:
        for text, box in zip(texts, boxes, strict=True):
            if text.get_ha() == "right" and box.x1 > sheet.bbox.x1 - 60:
                others = [b for b in boxes if b is not box and b.y0 < (box.y0 + box.y1) / 2 < b.y1 and b.x0 < box.x0]
                assert max(b.x1 for b in others) <= box.x0 + 1


def test_the_map_names_every_line_once():
    numbers = [text.get_text() for text in data_flow_map().axes[0].texts if text.get_text().isdecimal()]
    assert sorted(map(int, numbers)) == list(range(1, 13))
    assert all(re.search(rf"\b{number}\b", dataflow.IN_WORDS) for number in range(1, 13))


def test_a_table_has_the_formulas_of_the_picture_without_colours_and_fine_spaces():
    formula = r"[pair \tilde{x}]\,\leftarrow\,T[tall (]\dfrac{1}{2}[tall )]\ \{\,y^{\,hp}\,\}"
    assert in_markdown(formula) == r"$\tilde{x} \leftarrow T\left(\dfrac{1}{2}\right)~\lbrace y^{hp} \rbrace$"
    signs = re.findall(r"\\[^a-zA-Z]|[|\[\]]", "".join(in_markdown(line) for line, _ in every_line()))
    assert not signs, "Markdown would take them for something else"


@pytest.mark.parametrize("line", every_line())
def test_each_formula_of_a_table_can_be_read(line):
    """By matplotlib, which knows a part of what a notebook does; what it does not know is written as it does."""
    formula = in_markdown(line[0]).replace(r"\lbrace", r"\{").replace(r"\rbrace", r"\}").replace(r"\text{Å}", "Å")
    MathTextParser("path").parse(formula)


@pytest.mark.parametrize("number", OTHERS)
def test_the_other_cards_have_their_lines(number):
    title, _, ours = OTHERS[number]
    texts = {text.get_text() for text in smaller_card(number).axes[0].texts}
    assert {f"Algorithm {number}", title, *(line[0] for line in ours)} <= texts
    with pytest.raises(ValueError, match="number must be one of"):
        smaller_card(22)


def test_svgs_describe_themselves_and_store_each_letter_once():
    text = svg(algorithm_card(), "A <title>", "What it shows & more")
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img" and root.get("aria-labelledby") == "title desc"
    assert root.find(f"{SVG}title").text == "A <title>" and root.find(f"{SVG}desc").text == "What it shows & more"
    assert [root.get(name) for name in ("width", "height", "viewBox")] == ["860", "498", "0 0 860 498"]
    glyphs = [path.get("id") for path in root.iter(f"{SVG}path") if path.get("id")]
    used = {use.get("{http://www.w3.org/1999/xlink}href")[1:] for use in root.iter(f"{SVG}use")}
    assert len(glyphs) == len(set(glyphs)) and set(glyphs) == used
    assert not list(root.iter(f"{SVG}text")) and len(text) < 150_000
    assert text == svg(algorithm_card(), "A <title>", "What it shows & more")


def test_the_committed_pictures_are_those_of_the_code(drawn):
    committed = {path.relative_to(ASSET).as_posix(): path.read_text("utf-8") for path in ASSET.rglob("*.svg")}
    assert set(committed) == set(drawn), "run: make asset"
    assert [name for name in drawn if drawn[name] != committed[name]] == [], "run: make asset"


def test_each_picture_lies_on_its_paper_and_those_of_the_readme_have_a_twin_for_a_dark_page(drawn):
    for name, text in drawn.items():
        assert len(text) < 200_000
        assert f'rx="12" fill="{(DARK if "-dark" in name else LIGHT)["paper"].lower()}"' in text
    readme = (PROJECT / "README.md").read_text("utf-8")
    for name in re.findall(r'src="asset/([^"]+\.svg)"', readme):
        assert name.replace(".svg", "-dark.svg") in drawn and f'"asset/{name.replace(".svg", "-dark.svg")}"' in readme


def test_the_front_page_shows_both_pictures_on_light_and_dark_pages():
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r'(?:src|srcset)="([^"]+\.svg)"', readme))
    wanted = {f"asset/{name}{dark}.svg" for name in ("data_flow", "card/plain") for dark in ("", "-dark")}
    assert shown == wanted and all((PROJECT / name).is_file() for name in shown)
