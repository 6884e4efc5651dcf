"""Mutation testing: every named bug is planted, and a named behavioural test of this suite must notice.

The comparisons with DeepMind's numbers would find most of them as well. They are left out on purpose: a reader who has
no such numbers needs tests that look at behaviour.
"""

import inspect
import itertools
import re
import sys

import pytest
import test_attention
import test_blocks
import test_invariance
import test_losses
import test_quaternion
import test_rigid
import test_structure_module
import test_testing
import test_torsion
import test_training
import torch
from cases import build_attention, build_inputs, call

import ipa_tutorial
from ipa_tutorial.classroom.bugs import BUGS, bugs_of, find_bug, hunt, planted
from ipa_tutorial.classroom.bugs.registry import bug, locate

FOUND_BY = {
    test_attention.test_lines_1_to_4_cut_projections_head_by_head: """
        scalars-interleaved points-without-times-three points-in-three-chunks points-in-chunks-of-a-head
        pair-bias-transposed""",
    test_attention.test_line_5_is_one_over_the_root_of_the_variance_that_the_softmax_sees: """
        point-weight-without-count point-weight-of-one point-weight-of-six""",
    test_attention.test_line_6_counts_the_terms: "three-terms-always",
    test_attention.test_line_7_scalar_term_is_that_of_scaled_dot_product_attention: "scalar-term-unscaled",
    test_attention.test_line_7_point_term_by_hand: """
        distance-attracts half-forgotten distance-not-squared mean-over-points""",
    test_attention.test_line_7_point_term_keeps_its_digits_far_from_the_origin: """
        square-expanded-far-away square-expanded-in-half-precision""",
    test_attention.test_line_8_reads_the_pair_representation_row_by_row: "pair-read-backwards",
    test_attention.test_line_10_brings_each_mean_home_into_the_frame_of_the_query: """
        never-brought-home home-without-translation home-with-R-for-its-transpose home-to-the-key""",
    test_attention.test_line_11_norm_has_a_finite_gradient_at_the_origin: "norm-without-eps",
    test_attention.test_line_11_concatenates_head_by_head: "heads-not-moved-back outputs-inside-heads",
    test_attention.test_a_fresh_module_gives_logit_terms_of_variance_one: """
        gamma-from-log-e-plus-one gamma-from-zero pair-bias-unscaled""",
    test_attention.test_the_frames_of_a_real_protein_do_not_freeze_a_fresh_attention: "angstrom-in-a-nanometre-model",
    test_attention.test_gamma_is_positive_and_trains: "gamma-never-trains",
    test_attention.test_parts_are_the_lines_of_the_algorithm: "softmax-over-queries softmax-over-heads",
    test_attention.test_padding_changes_nothing: """
        mask-never-used mask-of-queries mask-added padding-not-silenced""",
    test_attention.test_a_mask_of_ones_is_no_mask_and_its_opposite_is: "mask-inverted",
    test_attention.test_a_fully_masked_input_stays_finite_forwards_and_backwards: "mask-of-keys-alone",
    test_attention.test_the_module_is_deterministic_and_leaves_its_inputs_alone: "weights-drawn-in-forward",
    test_invariance.test_gradients_are_invariant_too: "norm-in-the-world",
    test_rigid.test_each_atom_lies_where_algorithm_21_says: """
        atoms-in-another-order x-axis-away-from-C origin-at-the-centroid axes-as-rows left-handed-axes""",
    test_rigid.test_degenerate_atoms_give_finite_frames_and_gradients: "gram-schmidt-without-eps",
    test_rigid.test_apply_is_R_x_plus_t_on_columns: "turned-but-not-moved points-times-R",
    test_rigid.test_invert_apply_undoes_apply: "turned-before-shifted turned-once-more",
    test_rigid.test_composition_applies_the_right_factor_first: "composition-backwards",
    test_rigid.test_inverse_on_either_side_is_the_identity: "inverse-without-turning-t",
    test_rigid.test_random_rotations_are_proper: "random-matrices-as-rotations reflections-among-rotations",
    test_rigid.test_random_frames_follow_their_generator_scale_and_dtype: "one-rotation-for-all",
    test_testing.test_rotation_invariance_alone_fails_on_the_translation: """
        frames-all-at-the-origin rotations-only""",
    test_testing.test_translation_invariance_alone_fails_on_the_rotation: "translations-only",
    test_testing.test_a_deviation_of_either_sign_is_caught: "largest-signed-difference",
    test_testing.test_coordinates_used_naively_fail: "identity-motions printed-not-asserted shapes-only",
    test_quaternion.test_a_quarter_turn_about_z_sends_x_to_y: "real-part-last quaternion-not-normalised",
    test_quaternion.test_products_of_quaternions_are_products_of_matrices: "quaternion-product-backwards",
    test_blocks.test_the_stack_is_equivariant_at_depth_8: """
        rows-beside-columns update-on-the-left pushed-along-the-worlds-axes""",
    test_blocks.test_an_update_of_quaternions_is_T_composed_with_U: "pushed-along-the-new-axes quaternions-added",
    test_blocks.test_a_fresh_update_stays_where_it_is_and_learns_to_turn: "update-of-four-numbers",
    test_blocks.test_a_small_update_turns_a_little: "update-without-the-one",
    test_blocks.test_a_block_leaves_its_input_alone_and_can_be_trained: "residual-in-place",
    test_blocks.test_detached_rotations_pass_no_gradient_and_the_others_do: "gradient-through-rotations",
    test_torsion.test_a_positive_angle_turns_y_towards_z: "cosine-first turned-backwards",
    test_structure_module.test_line_20_stops_the_gradient_of_the_rotations_and_of_nothing_else: "line-20-left-out",
    test_losses.test_fape_by_two_loops: """
        sights-with-R-for-its-transpose distance-left-squared clamp-never-used fape-without-length-scale""",
    test_losses.test_fape_is_invariant_and_judges_each_batch_element_alone: """
        sights-from-the-origin sights-along-the-worlds-axes sights-without-frames""",
    test_losses.test_fape_of_a_perfect_prediction_has_a_finite_gradient: "eps-outside-the-root",
    test_losses.test_a_clamp_of_zero_means_no_clamp_and_any_other_clamps: "clamp-zero-taken-literally",
    test_losses.test_fape_does_not_look_at_what_is_masked: "fape-of-the-padding",
    test_losses.test_rmsd_sees_a_mirror_image: "superposed-by-reflection",
    test_losses.test_lddt_asks_which_true_neighbours_were_kept: """
        neighbour-of-oneself neighbours-of-the-prediction only-stretching-counts""",
    test_losses.test_lddt_ignores_padding_whatever_it_holds: "neighbours-among-the-padding",
    test_losses.test_lddt_by_two_loops: "everybody-is-a-neighbour",
    test_torsion.test_the_angles_of_lysine_are_those_that_four_atoms_have: """
        every-chi-on-the-backbone turned-before-set-in-place one-long-chain-of-groups""",
    test_blocks.test_post_norm_block_is_lines_6_to_9_of_algorithm_20: """
        norm-before-for-after norm-of-the-addend residual-forgotten one-norm-for-both""",
    test_testing.test_what_is_equivariant_passes: "invariant-for-equivariant moved-on-the-right",
    test_testing.test_frames_must_move_in_place_and_in_stance: """
        where-but-not-how-it-stands equivariant-under-turns-alone""",
    test_training.test_relative_positions_are_clipped_and_point_from_query_to_key: """
        offsets-backwards offsets-without-sign gaps-in-the-chain-closed clipped-after-the-shift""",
    test_training.test_the_loss_pulls_at_a_residue_that_is_far_away: "clamped-too-early",
    test_training.test_the_loss_judges_how_a_residue_stands_and_not_only_where: "rmsd-as-the-loss",
    test_training.test_the_loss_of_a_perfect_prediction_in_nanometres_is_a_thousandth: "nanometres-against-angstrom",
}
PAIRS = [(test, name) for test, names in FOUND_BY.items() for name in names.split()]

# A test says no by an assertion, or because an error that it expects does not come. For two bugs the symptom itself is
# an error: a shape that does not fit, and a backward pass whose tensors have been overwritten.
SAYS_NO = (AssertionError, pytest.fail.Exception)
RAISES = {"points-without-times-three": RuntimeError, "residual-in-place": RuntimeError}


def arguments_of(test):
    """The keyword arguments of each case of a parametrized test; of a plain test, one empty set."""
    axes = []
    for mark in getattr(test, "pytestmark", []):
        names, rows = mark.args
        names = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
        axes.append([dict(zip(names, row if len(names) > 1 else (row,), strict=True)) for row in rows])
    for combination in itertools.product(*axes):
        yield {name: value for part in combination for name, value in part.items()}


def run(test):
    for arguments in arguments_of(test):
        test(**arguments)


@pytest.mark.parametrize("test", FOUND_BY, ids=lambda test: test.__name__)
def test_the_sound_package_passes(test):
    assert "golden" not in inspect.getsource(test)
    run(test)


@pytest.mark.parametrize(("test", "name"), PAIRS, ids=[name for _, name in PAIRS])
def test_a_planted_bug_is_found(test, name):
    with planted(name), pytest.raises(RAISES.get(name, SAYS_NO)):
        run(test)


def test_every_bug_is_found_or_harmless():
    harmful = sorted(name for name, candidate in BUGS.items() if not candidate.harmless)
    assert sorted(name for _, name in PAIRS) == harmful
    assert len(harmful) >= 40 and set(BUGS) - set(harmful) == {
        "pair-projection-bias",
        "scalar-key-bias",
        "mask-of-minus-1e5",
    }


# --- what mathematics makes harmless --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, candidate in BUGS.items() if candidate.harmless])
def test_a_harmless_bug_changes_the_logits_and_nothing_that_anybody_reads(name):
    attention, (s, z, T) = build_attention(), build_inputs(L=6, batch=(2,))
    mask = torch.tensor([[True, True, False, True, True, False], [True] * 6])
    before, parts = call(attention, s, z, T, mask, return_parts=True)
    with planted(name):
        after, planted_parts = call(attention, s, z, T, mask, return_parts=True)
    assert (planted_parts.logits - parts.logits).nan_to_num().abs().max() > 1
    torch.testing.assert_close(after[mask], before[mask], rtol=1e-10, atol=1e-10)


def test_the_two_biases_that_change_nothing_have_no_gradient_and_the_others_have():
    attention = build_attention(bias=True)
    call(attention, *build_inputs(L=6)).square().sum().backward()
    slopes = {name: p.grad.abs().max().item() for name, p in attention.named_parameters() if name.endswith("bias")}
    silent = {name for name, slope in slopes.items() if slope < 1e-12}
    assert silent == {"to_k.bias", "to_pair_bias.bias"}
    assert min(slopes[name] for name in slopes.keys() - silent) > 1e-4


def test_minus_1e5_costs_padded_rows_their_digits_in_float32():
    attention, (s, z, T) = build_attention(torch.float32), build_inputs(L=6, dtype=torch.float32)
    mask = torch.tensor([True, True, False, True, True, False])
    sound = call(attention, s, z, T, mask)
    with planted("mask-of-minus-1e5"):
        noise = (call(attention, s, z, T, mask) - sound).abs()
    assert noise[mask].max() < 1e-5 < 1e-4 < noise[~mask].max()


# --- descriptions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("candidate", BUGS.values(), ids=BUGS.keys())
def test_a_bug_is_small_and_described(candidate):
    assert re.fullmatch(r"[a-z0-9]+(-[A-Za-z0-9]+)*", candidate.name) and BUGS[candidate.name] is candidate
    for text in (candidate.wrong, candidate.symptom, candidate.seen):
        assert text.strip() == text and len(text) > 3 and "\n" not in text and not text.endswith(".")
    assert 20 < len(candidate.wrong) < 140
    assert len(candidate.source.splitlines()) <= 22 and candidate.source.startswith(("def ", "class "))
    assert all(text in str(candidate) for text in (candidate.name, candidate.wrong, candidate.where, candidate.seen))


@pytest.mark.parametrize("candidate", BUGS.values(), ids=BUGS.keys())
def test_a_variant_takes_what_the_sound_function_takes(candidate):
    """Otherwise a TypeError could pass for a find."""
    sound = inspect.getattr_static(*locate(candidate.where))
    sound = sound.fget if isinstance(sound, property) else sound
    wrong = inspect.signature(candidate.variant).parameters
    assert list(wrong) in (list(inspect.signature(sound).parameters), ["self", "args", "options"])


def test_no_two_bugs_are_the_same():
    assert len({candidate.wrong for candidate in BUGS.values()}) == len(BUGS)
    assert len({candidate.variant for candidate in BUGS.values()}) == len(BUGS)


# --- planting --------------------------------------------------------------------------------------------------------


def bindings():
    """Every name of the package, of its classes and of the tests, and what it means."""
    own = [m for name, m in sys.modules.items() if name.startswith(("ipa_tutorial", "test_"))]
    classes = [value for m in own for value in vars(m).values() if inspect.isclass(value)]
    return {(id(place), name): value for place in {*own, *classes} for name, value in vars(place).items()}


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_goes_in_and_comes_out_whatever_happens(name):
    before = bindings()
    with pytest.raises(KeyError, match="on purpose"), planted(name) as culprit:
        assert culprit is BUGS[name]
        changed = [key for key, value in bindings().items() if before.get(key) is not value]
        assert changed
        raise KeyError("on purpose")
    after = bindings()
    assert after.keys() == before.keys() and all(after[key] is before[key] for key in before)


def test_a_bug_reaches_whoever_imported_the_function_by_name():
    sound = test_losses.fape
    with planted("fape-of-the-padding"):
        places = [ipa_tutorial, ipa_tutorial.losses, ipa_tutorial.training, test_losses]
        assert {place.fape for place in places} == {BUGS["fape-of-the-padding"].variant}
        assert ipa_tutorial.classroom.bugs.losses.fape is sound
    assert {place.fape for place in places} == {sound}


def test_a_bug_reaches_a_notebook(monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "my_name_for_it", ipa_tutorial.fape, raising=False)
    with planted("fape-of-the-padding") as culprit:
        assert sys.modules["__main__"].my_name_for_it is culprit.variant
    assert sys.modules["__main__"].my_name_for_it is ipa_tutorial.fape


def test_two_bugs_at_once_and_one_inside_the_other():
    sound = ipa_tutorial.attention.point_weight
    with planted("point-weight-of-one"), planted("mask-never-used"), planted("point-weight-of-six"):
        assert ipa_tutorial.attention.point_weight(4) == (1 / 24) ** 0.5
        assert ipa_tutorial.attention.hide_padding is BUGS["mask-never-used"].variant
    assert ipa_tutorial.attention.point_weight is sound


def test_a_property_stays_one():
    attention = build_attention()
    with planted("gamma-never-trains"):
        assert attention.gamma.shape == (2,) and not attention.gamma.requires_grad
    assert attention.gamma.requires_grad


def test_unknown_names_are_answered_with_near_ones():
    with pytest.raises(ValueError, match=r"no bug named 'mask-invertet': did you mean 'mask-inverted'"):
        find_bug("mask-invertet")
    with pytest.raises(ValueError, match="no bug named 'mask_added': did you mean 'mask-added'"), planted("mask_added"):
        pass
    with pytest.raises(ValueError, match="BUGS has all the names"):
        find_bug("zzzzzzzz")


def test_bugs_of_a_function():
    names = {candidate.name for candidate in bugs_of("attention.point_weight", "attention.term_weight")}
    assert names == {"point-weight-without-count", "point-weight-of-one", "point-weight-of-six", "three-terms-always"}


def test_a_bug_cannot_be_written_down_twice_nor_in_a_place_that_is_none():
    def mask_inverted(logits, mask):
        return logits

    text = dict(wrong="x", symptom="y", seen="z")
    with pytest.raises(ValueError, match="there is a bug named 'mask-inverted' already, in attention.hide_padding"):
        bug("attention.hide_padding", **text)(mask_inverted)
    with pytest.raises(AttributeError):
        bug("attention.no_such_line", **text)(lambda: None)


# --- hunting ---------------------------------------------------------------------------------------------------------


def rows_add_up_to_one():
    _, parts = call(build_attention(), *build_inputs(), return_parts=True)
    print("rows:", parts.weights.sum(-1))
    torch.testing.assert_close(parts.weights.sum(-1), torch.ones(2, 5, dtype=torch.float64))


def test_a_hunt_says_what_was_found_and_what_was_missed(capsys):
    names = ["softmax-over-queries", "mask-never-used", "scalar-key-bias", "softmax-over-heads"]
    result = hunt([rows_add_up_to_one], names)
    assert result.found == {name: ["rows_add_up_to_one"] for name in ("softmax-over-queries", "softmax-over-heads")}
    assert result.missed == ["mask-never-used"] and result.alarms == {}
    assert str(result).startswith("2 of 3 bugs found\n  ✓ softmax-over-queries: rows_add_up_to_one")
    assert "✗ mask-never-used (attention.hide_padding): the mask is accepted" in str(result)
    assert capsys.readouterr().out == ""


def test_a_hunt_reports_a_test_that_minds_a_harmless_bug():
    def minds():
        s, z, T = build_inputs()
        _, parts = call(build_attention(), s, z, T, return_parts=True)
        assert parts.pair_logits.mean() < 1

    result = hunt([minds], ["pair-projection-bias"])
    assert result.alarms == {"pair-projection-bias": ["minds"]} and not result.found and not result.missed
    assert "! pair-projection-bias is harmless, but noticed by minds" in str(result)


def test_a_hunt_refuses_tests_that_fail_without_a_bug_and_knows_all_bugs():
    def fails_always():
        raise AssertionError

    with pytest.raises(ValueError, match="fail even without a bug: fails_always"):
        hunt([rows_add_up_to_one, fails_always])
    with pytest.raises(ValueError, match="no bug named"):
        hunt([rows_add_up_to_one], ["nothing"])
    everything = hunt([lambda: None])
    assert len(everything.missed) == len([name for name in BUGS if not BUGS[name].harmless])
