"""Maps, curves, the style, and how a figure gets into a notebook."""

import base64
import io
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image

from ipa_tutorial import InvariantPointAttention, load_protein, pictures
from ipa_tutorial.pictures import (
    PAIR,
    PAPER,
    POINT,
    SCALAR,
    attention_map,
    attention_maps,
    distance_against_weight,
    error_against_offset,
    fape_matrix,
    logit_histogram,
    logit_maps,
    picture,
    show,
    structure_strip,
    training_curves,
    use_style,
)


@pytest.fixture(scope="module")
def ubiquitin():
    return load_protein("ubiquitin")


@pytest.fixture(scope="module")
def weights():
    return torch.randn(76, 76, generator=torch.Generator().manual_seed(0)).softmax(-1)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(
        picture, "display", lambda data, metadata=None, raw=False: outputs.append((data, metadata, raw))
    )
    return outputs


def parts(pair=True):
    attention = InvariantPointAttention(8, heads=2, pairwise_repr_dim=3, require_pairwise_repr=pair)
    s, z = torch.randn(5, 8), torch.randn(5, 5, 3)
    R, t = torch.eye(3).repeat(5, 1, 1), torch.randn(5, 3)
    return attention(s, z if pair else None, rotations=R, translations=t, return_parts=True)[1]


# --- maps -------------------------------------------------------------------------------------------------------------


def test_attention_map_has_queries_downwards_and_keys_to_the_right():
    matrix = torch.arange(12.0).reshape(3, 4)[:, :3]
    ax = attention_map(matrix, title="A map", label="weight")
    (image,) = ax.images
    np.testing.assert_allclose(image.get_array(), matrix)
    assert image.origin == "upper" and image.cmap.name == "cividis"
    assert ax.get_xlabel() == "key j" and ax.get_ylabel() == "query i" and ax.get_title() == "A map"
    assert image.colorbar.ax.get_ylabel() == "weight"


def test_attention_map_of_a_protein_counts_its_residues(ubiquitin, weights):
    shifted = SimpleNamespace(**vars(ubiquitin))
    shifted.residue_index = ubiquitin.residue_index + 100
    for protein, numbers in [(ubiquitin, range(10, 80, 10)), (shifted, range(110, 180, 10))]:
        ax = attention_map(weights, protein=protein)
        for ticks, labels in [(ax.get_xticks(), ax.get_xticklabels()), (ax.get_yticks(), ax.get_yticklabels())]:
            assert [int(label.get_text()) for label in labels] == list(numbers)
            assert [int(protein.residue_index[int(tick)]) for tick in ticks] == list(numbers)
        assert len(ax.child_axes) == 2  # the two strips


def test_masked_keys_are_left_blank():
    ax = attention_map(torch.tensor([[0.0, -torch.inf], [1.0, 2.0]]))
    assert ax.images[0].get_array().mask.tolist() == [[False, True], [False, False]]
    assert ax.images[0].get_clim() == (0, 2)
    assert attention_map(torch.eye(2), limits=(-1, 1)).images[0].get_clim() == (-1, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        torch.zeros(3, 4),
        torch.zeros(2, 3, 3),
        torch.full((2, 2), torch.nan),
        torch.tensor([[0.0, torch.inf], [1.0, 2.0]]),
    ],
)
def test_attention_map_refuses_what_is_no_map(wrong):
    with pytest.raises(ValueError, match="weights must"):
        attention_map(wrong)


def test_attention_map_refuses_another_protein(ubiquitin):
    with pytest.raises(ValueError, match="protein has 76 residues, weights are for 5"):
        attention_map(torch.zeros(5, 5), protein=ubiquitin)


def letters(axis):
    return "".join(label.get_text() for label in axis.get_minorticklabels())


def test_a_short_protein_shows_its_sequence_and_a_long_one_does_not(ubiquitin, weights):
    villin = load_protein("1vii")
    for draw in (attention_map, fape_matrix):
        ax = draw(torch.eye(36), plt.subplots(figsize=(7, 6), layout="constrained")[1], villin)
        assert letters(ax.xaxis) == letters(ax.yaxis) == villin.sequence
        assert {label.get_text() for label in ax.get_xticklabels()} >= {"45", "70"}
        ax.figure.draw_without_rendering()
        strip, letter = ax.child_axes[1].get_window_extent(), ax.yaxis.get_minorticklabels()[0].get_window_extent()
        assert letter.x1 <= strip.x0  # beside the strip, not on it
    assert not letters(attention_map(weights, protein=ubiquitin).xaxis)


@pytest.mark.parametrize(("count", "rows"), [(1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2]), (5, [2, 2, 1])])
def test_attention_maps_lie_in_rows(count, rows):
    figure = attention_maps({f"map {k}": torch.eye(3) for k in range(count)})
    figure.draw_without_rendering()
    places = [ax.get_position() for ax in figure.axes if ax.images]
    heights = sorted({round(place.y0, 3) for place in places}, reverse=True)
    found = [[place for place in places if round(place.y0, 3) == height] for height in heights]
    assert [len(row) for row in found] == rows
    middles = [(row[0].x0 + row[-1].x1) / 2 for row in found]
    assert middles == pytest.approx([middles[0]] * len(middles), abs=1e-3)  # the last row is centred


def test_attention_maps_refuses_none_and_the_wrong_number_of_labels():
    with pytest.raises(ValueError, match="at least one"):
        attention_maps({})
    with pytest.raises(ValueError, match="labels must be one for each of 2 maps, got 1"):
        attention_maps({"a": torch.eye(2), "b": torch.eye(2)}, labels=["weight"])


def test_logit_maps_show_each_term_in_its_colour():
    figure = logit_maps(parts(), head=1)
    titles = {ax.get_title(): to_hex(ax.title.get_color()).upper() for ax in figure.axes if ax.images}
    assert list(titles)[:3] == ["scalar term", "pair term", "point term"] and len(titles) == 5
    assert list(titles.values())[:3] == [SCALAR, PAIR, POINT]
    assert len([ax for ax in logit_maps(parts(pair=False)).axes if ax.images]) == 4


def test_logit_maps_show_the_head_that_was_asked_for():
    some = parts()
    shown = [ax.images[0].get_array() for ax in logit_maps(some, head=1).axes if ax.images]
    wanted = [some.scalar_logits, some.pair_logits, some.point_logits, some.logits, some.weights]
    for image, term in zip(shown, wanted, strict=True):
        np.testing.assert_allclose(image, term[1].detach())
    with pytest.raises(ValueError, match="head must be one of 2, got 2"):
        logit_maps(some, head=2)
    with pytest.raises(ValueError, match=r"parts must be of one protein"):
        logit_maps(SimpleNamespace(weights=torch.zeros(2, 2, 5, 5)))


# --- the FAPE matrix --------------------------------------------------------------------------------------------------


def test_fape_matrix_has_frames_downwards_atoms_to_the_right_and_ends_at_the_clamp():
    errors = torch.arange(12.0).reshape(3, 4)
    ax = fape_matrix(errors, clamp=8.5, title="A protein")
    (image,) = ax.images
    np.testing.assert_allclose(image.get_array(), errors)
    assert image.get_clim() == (0, 8.5) and "clamped at 8.5 Å" in image.colorbar.ax.get_ylabel()
    assert ax.get_ylabel() == "frame i" and ax.get_xlabel() == "atom j\nhatched: clamped, 25 % of the pairs"
    free = fape_matrix(errors, clamp=None)
    assert free.images[0].get_clim() == (0, 11) and free.get_xlabel() == "atom j" and not free.collections
    assert fape_matrix(errors, clamp=11.0).get_xlabel() == "atom j\nno pair is clamped"


def test_what_is_clamped_is_hatched_and_nothing_else():
    errors = torch.zeros(4, 6)
    errors[1, 4] = 20.0
    ax = fape_matrix(errors)
    (hatching,) = [c for c in ax.collections if c.get_paths() and len(c.get_paths()[0].vertices)]
    assert hatching.hatches == ["////"]
    corners = np.concatenate([path.vertices for path in hatching.get_paths()])
    assert np.abs(corners - [4, 1]).max() <= 0.5 and np.ptp(corners, 0) == pytest.approx([1, 1], abs=0.3)


def test_fape_matrix_leaves_blank_what_does_not_count_whatever_it_holds():
    errors = torch.ones(3, 4)
    errors[2], errors[:, 0] = torch.nan, torch.inf
    ax = fape_matrix(errors, frames_mask=torch.tensor([1, 1, 0]).bool(), points_mask=torch.tensor([0, 1, 1, 1]).bool())
    wanted = np.ones((3, 4), dtype=bool)
    wanted[:2, 1:] = False
    assert (ax.images[0].get_array().mask == wanted).all()
    assert ax.get_xlabel().endswith("no pair is clamped")


@pytest.mark.parametrize(
    ("errors", "options", "message"),
    [
        (torch.zeros(2, 3, 4), {}, r"errors must have shape \(F, P\)"),
        (torch.zeros(0, 4), {}, r"errors must have shape \(F, P\)"),
        (torch.full((2, 2), torch.nan), {}, "errors must be finite"),
        (-torch.ones(2, 2), {}, "errors must be finite and not negative"),
        (torch.zeros(2, 2), {"clamp": -1.0}, "clamp must be a distance"),
        (torch.zeros(2, 3), {"frames_mask": torch.ones(3).bool()}, r"frames_mask must be boolean \(2,\)"),
        (torch.zeros(2, 3), {"points_mask": torch.ones(3)}, r"points_mask must be boolean \(3,\)"),
        (torch.zeros(2, 3), {"points_mask": torch.zeros(3).bool()}, "leave no pair"),
    ],
)
def test_fape_matrix_refuses_what_is_none(errors, options, message):
    with pytest.raises(ValueError, match=message):
        fape_matrix(errors, **options)


def test_fape_matrix_of_a_protein(ubiquitin):
    ax = fape_matrix(torch.zeros(76, 76), protein=ubiquitin)
    assert ax.get_ylabel() == "frame i (residue)" and len(ax.child_axes) == 2
    with pytest.raises(ValueError, match="protein has 76 residues, errors are for 76 by 77"):
        fape_matrix(torch.zeros(76, 77), protein=ubiquitin)


def test_structure_strip_draws_an_arrow_and_bands():
    axes = plt.subplots(1, 2)[1]
    for ax, vertical in zip(axes, (False, True), strict=True):
        structure_strip(ax, "--EEEE--HHHHHHH-", vertical)
        corners = [patch.get_xy()[:-1, 1 if vertical else 0] for patch in ax.patches]
        assert len(corners) == 1 + 2  # one arrow, two turns
        assert (corners[0].min(), corners[0].max()) == (1.5, 5.5)
        assert min(c.min() for c in corners[1:]) == 7.5
    assert axes[1].get_ylim() == (15.5, -0.5)  # downwards, as in the map
    assert not structure_strip(plt.subplots()[1], "-----").patches


# --- curves -----------------------------------------------------------------------------------------------------------


def test_histograms_carry_their_spread_and_differ_in_more_than_colour():
    values = {
        "scalar term": torch.randn(2, 40, 40),
        "point term": -3 * torch.rand(999),
        "something else": torch.ones(5),
    }
    ax = logit_histogram(values)
    lines = [p for p in ax.patches if p.get_label() and not p.get_label().startswith("_")]
    assert [line.get_label().split(":")[0] for line in lines] == list(values)
    assert f"{values['point term'].double().std(correction=0):.2f}" in lines[1].get_label()
    assert to_hex(lines[0].get_edgecolor()).upper() == SCALAR and to_hex(lines[1].get_edgecolor()).upper() == POINT
    assert len({str(line.get_linestyle()) for line in lines}) == 3
    for line in lines:
        assert line.get_data().values.sum() == pytest.approx(1)
    assert ax.get_xlabel() == "logit" and ax.get_ylabel()


@pytest.mark.parametrize("values", [{}, {"x": torch.tensor([1.0, -torch.inf])}, {"x": torch.zeros(0)}])
def test_histograms_refuse_what_they_cannot_count(values):
    with pytest.raises(ValueError, match="must"):
        logit_histogram(values)


def test_errors_against_offsets():
    offsets = torch.tensor([1.0, 10.0, 100.0])
    ax = error_against_offset(offsets, {"float32": [1e-7, 1e-6, 1e-5], "float64": [0.0, 1e-15, 0.0]})
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_legend_handles_labels()[1] == ["float32", "float64"]
    named = [line for line in ax.lines if not line.get_label().startswith("_")]
    assert len({line.get_marker() for line in named}) == len({line.get_linestyle() for line in named}) == 2
    np.testing.assert_allclose(named[0].get_ydata(), [1e-7, 1e-6, 1e-5])
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == PAPER and len(line.get_xdata())]
    assert [list(line.get_xdata()) for line in hollow] == [[1, 100]]
    assert 0 < hollow[0].get_ydata()[0] < 1e-15
    assert np.isfinite(error_against_offset(offsets, {"exact": [0.0] * 3}).lines[0].get_ydata()).all()


@pytest.mark.parametrize(
    ("offsets", "errors"),
    [
        ([0.0, 1.0], {"a": [1.0, 1.0]}),
        ([1.0, 2.0], {}),
        ([1.0, 2.0], {"a": [1.0]}),
        ([1.0, 2.0], {"a": [-1.0, 1.0]}),
        ([1.0, 2.0], {"a": [float("nan"), 1.0]}),
    ],
)
def test_errors_that_do_not_fit(offsets, errors):
    with pytest.raises(ValueError, match="must"):
        error_against_offset(offsets, errors)


@pytest.mark.parametrize("log", [False, True])
def test_every_pair_is_counted_once_and_the_mean_is_the_mean(log):
    x = 30 * torch.rand(40, 40, dtype=torch.float64)
    y = torch.softmax(-x / 2, -1)
    ax = distance_against_weight(x, y, log=log)
    assert np.ma.filled(ax.collections[0].get_array(), 0).sum() == 1600
    mean, even = ax.lines
    place, height = mean.get_data()
    assert (height * np.histogram(x.ravel(), [*(place - place[0]), np.inf])[0]).sum() == pytest.approx(40, rel=1e-3)
    assert height[0] > 2 * height[3] and even.get_ydata()[0] == 1 / 40
    assert ax.get_yscale() == ("log" if log else "linear")


def test_weights_of_masked_pairs_come_as_a_list_and_have_no_even_share():
    ax = distance_against_weight(torch.rand(9), torch.rand(9), xlabel="nm")
    assert len(ax.lines) == 1 and ax.get_xlabel() == "nm"


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.zeros(3), torch.zeros(4), "one shape"),
        (torch.zeros(0), torch.zeros(0), "an entry at least"),
        (-torch.ones(3), torch.zeros(3), "distances must be"),
        (torch.tensor([torch.inf]), torch.zeros(1), "distances must be"),
        (torch.ones(3), 2 * torch.ones(3), "weights must lie between"),
        (torch.ones(3), -torch.ones(3), "weights must lie between"),
        (torch.ones(1), torch.tensor([torch.nan]), "weights must lie between"),
    ],
)
def test_distances_and_weights_that_do_not_fit(x, y, message):
    with pytest.raises(ValueError, match=message):
        distance_against_weight(x, y)


def run(losses, rmsds=()):
    return SimpleNamespace(losses=losses, rmsds=list(rmsds))


def test_training_curves_show_seeds_and_their_median():
    seeds = [run([3.0, 2.0, 1.0], [9, 8, 7]), run([5.0, 4.0, 0.5], [6, 5, 4]), run([4.0, 3.0], [2, 1])]
    figure = training_curves({"IPA": seeds, "plain": run([6.0, 6.0], [9, 9])}, target=1.5)
    loss, rmsd = figure.axes
    thick = [line for line in loss.lines if line.get_linewidth() == 2]
    assert [line.get_label() for line in thick] == ["IPA: median of 3", "plain"]
    assert len({line.get_linestyle() for line in thick}) == 2
    np.testing.assert_allclose(np.array(thick[0].get_data()), [[1, 2], [4, 3]])  # as far as all seeds go
    assert [len(line.get_xdata()) for line in loss.lines if line.get_linewidth() < 1] == [3, 3, 2]
    assert loss.get_ylabel() == "loss" and rmsd.get_ylabel() == "Cα RMSD (Å)" and loss.get_xlabel() == "step"
    np.testing.assert_allclose(rmsd.lines[3].get_ydata(), [6, 5])
    assert rmsd.texts[0].get_text() == "1.5 Å" and not loss.texts
    assert loss.get_yscale() == "linear" and loss.get_ylim()[0] == rmsd.get_ylim()[0] == 0


def test_training_curves_logarithmic_and_of_the_loss_alone():
    figure = training_curves({"a": run([1.0, 0.1])}, log=True)
    assert len(figure.axes) == 1 and figure.axes[0].get_yscale() == "log"


@pytest.mark.parametrize(
    ("runs", "log", "message"),
    [
        ({}, False, "at least one result"),
        ({"a": []}, False, "no empty list"),
        ({"a": run([])}, False, "losses of 'a' must be"),
        ({"a": run([1.0, float("nan")])}, False, "losses of 'a' must be finite"),
        ({"a": run([1.0], [-1.0])}, False, "rmsds of 'a' must be"),
        ({"a": run([1.0], [1.0]), "b": run([1.0])}, False, "rmsds of 'b' must be"),
        ({"a": run([1.0, 0.0])}, True, "losses of 'a' must be positive"),
    ],
)
def test_training_curves_refuse_what_is_none(runs, log, message):
    with pytest.raises(ValueError, match=message):
        training_curves(runs, log)


def test_the_functions_keep_their_style_to_themselves():
    with plt.rc_context():
        plt.rcdefaults()
        before = dict(plt.rcParams)
        attention_map(torch.eye(3))
        with pytest.raises(ValueError, match="weights must"):
            attention_map(torch.zeros(2, 3))
        assert dict(plt.rcParams) == before
        use_style()
        assert plt.rcParams["image.cmap"] == "cividis" and plt.rcParams["figure.facecolor"] == PAPER


def test_every_name_promised_is_there():
    assert all(hasattr(pictures, name) for name in pictures.__all__)


# --- into a notebook --------------------------------------------------------------------------------------------------


def figure_with(colour):
    figure, ax = plt.subplots(figsize=(4, 3))
    ax.plot([0, 1], color=colour)
    return figure


def test_show_displays_a_picture_with_its_description(shown):
    alt = 'A "line" & <b>no more</b>, from 0 to 1.</script>'
    figure = figure_with("red")
    show(figure, alt=alt)
    (data, metadata, raw), (below, _, _) = shown
    assert raw and set(data) == {"image/png", "text/plain"} and data["text/plain"] == alt
    assert metadata == {"image/png": {"alt": alt, "width": 424}}
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.size == (848, 648) and "Software" not in image.info
    edge = np.asarray(image.convert("RGBA"))[:16]  # the margin
    assert (edge[..., :3] == [248, 246, 241]).all()
    assert edge[0, 0, 3] == 0 and (edge[:, 200:-200, 3] == 255).all()  # round corners, paper between them
    html = below["text/html"]
    assert "&lt;b&gt;no more" in html and data["image/png"][-64:] in html
    assert html.count("</script>") == 1  # the alt text does not end the script
    assert r"\u003c/script" in html and "\n" not in data["image/png"]
    assert not plt.fignum_exists(figure.number)


def test_show_at_another_width(shown):
    show(figure_with("red"), alt="A line.", width=208)
    (data, metadata, _), _ = shown
    assert metadata["image/png"]["width"] == 208
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).size == (416, 318)


def test_show_takes_axes_and_refuses_the_rest(shown):
    show(figure_with("red").axes[0], alt="A line.")
    assert len(shown) == 2
    with pytest.raises(TypeError, match="figure must be a matplotlib Figure or Axes, got str"):
        show("figure", alt="A line.")
    for alt in ("", "  ", None):
        with pytest.raises(ValueError, match="alt must say in words"):
            show(figure_with("red"), alt=alt)


def test_pictures_are_the_same_at_each_run_small_and_on_paper():
    first, second = (picture.png(figure_with("#0072B2")) for _ in range(2))
    assert first == second and len(first) < 20_000
    image = Image.open(io.BytesIO(first)).convert("RGBA")
    assert image.getpixel((0, 0)) == (248, 246, 241, 0) and image.getpixel((60, 0)) == (248, 246, 241, 255)


def test_a_figure_is_drawn_as_savefig_would_and_left_as_it_was():
    figure, same = (figure_with("#0072B2") for _ in range(2))
    for one in (figure, same):
        one.set(facecolor="white", layout_engine="constrained")
    before = figure.dpi, figure.get_facecolor(), figure.canvas
    pixels = np.asarray(picture.drawn(figure, 150))
    assert (figure.dpi, figure.get_facecolor(), figure.canvas) == before
    file = io.BytesIO()
    same.savefig(file, format="png", dpi=150, facecolor=PAPER)
    assert np.array_equal(pixels, np.asarray(Image.open(file).convert("RGB")))


def test_rare_colours_survive_the_palette(ubiquitin, weights):
    """A map in hundreds of colours, with a title in one that occurs nowhere else."""
    ax = attention_map(weights, protein=ubiquitin, title="point term")
    data = picture.png(ax.figure)
    assert len(data) < 150_000
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    vermillion = np.array([int(POINT[k : k + 2], 16) for k in (1, 3, 5)])
    assert np.abs(pixels - vermillion).max(-1).min() < 10
    paper = np.array([int(PAPER[k : k + 2], 16) for k in (1, 3, 5)])
    assert (pixels == paper).all(-1).mean() > 0.2  # the sheet it lies on, to the last digit


@pytest.mark.parametrize("name", ["ubiquitin", "myoglobin"])
def test_a_drawn_protein_is_below_150_kb(name):
    figure = pictures.draw_protein(load_protein(name)).figure
    assert len(base64.b64encode(picture.png(figure))) < 170_000
    assert len(picture.png(figure)) < 150_000


def test_scripts_hold_no_html_of_their_own():
    assert re.fullmatch(r'"[^<]*"', picture.js("</script><!--"))
    assert picture.js([1, 0.5]) == "[1, 0.5]"


@pytest.mark.parametrize("size", [(12, 4.4), (12, 5.0), (14, 4.2), (9, 4.4), (13, 4.6)])
def test_titles_above_a_strip_stay_inside_the_figure_and_clear_of_the_strip(size, ubiquitin):
    columns = 3 if size[0] > 12 else 2
    figure, axes = plt.subplots(1, columns, figsize=size, layout="constrained")
    for ax in axes:
        attention_map(torch.rand(76, 76), ax, ubiquitin, "a title")
    figure.canvas.draw()
    for ax in axes:
        box = ax.title.get_window_extent()
        assert box.y1 <= figure.bbox.y1
        assert box.y0 >= max(child.get_window_extent().y1 for child in ax.child_axes) - 1
