"""Checks must let the right answer pass, name the mistakes that they know, and fall for no trick."""

import math
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from ipa_tutorial import Rigid, random_rigid
from ipa_tutorial import attention as lines
from ipa_tutorial.classroom.bugs import BUGS, bugs_of, planted
from ipa_tutorial.classroom.checks import (
    CHECKS,
    CheckFailed,
    check_assert_invariant,
    check_attend_points,
    check_attention,
    check_block,
    check_cut_out,
    check_fape,
    check_hide_strangers,
    check_point_logits,
    check_point_norms,
    check_point_weight,
    check_quaternion_multiply,
    check_rigid_from_3_points,
    check_scalar_logits,
    check_split_points,
    check_term_weight,
    check_test_of_a_full_mask,
    check_test_of_motions,
    check_test_of_padding,
)
from ipa_tutorial.classroom.checks.engine import Check, Verdict
from ipa_tutorial.classroom.checks.slips import Slip

EVERY = [pytest.param(check, id=name) for name, check in CHECKS.items()]

# What one call with given layers cannot show: how they were initialised, another variant of the module, ε, rounding.
INVISIBLE = {
    "gamma-from-log-e-plus-one",
    "gamma-from-zero",
    "gamma-never-trains",
    "three-terms-always",
    "norm-without-eps",
    "square-expanded-far-away",
    "points-without-times-three",
}
# Different bugs that do the same, seen from outside.
SAME = [{"identity-motions", "shapes-only"}, {"mask-never-used", "mask-of-queries"}]


def with_bug(check, name):
    """The package's own function with a bug in it, as if a learner had written it."""

    def learners_function(*arguments):
        with planted(name):
            return check.packaged()(*arguments)

    return learners_function


def suspects():
    for check_name, check in CHECKS.items():
        seen = set()
        if check_name in ("check_one_product", "check_ask") or check.sound is check.reference:
            continue  # its sound answer is made apart from the package: no bug can be planted in it
        for bug in bugs_of(check.where, *check.suspects):
            # Each line has a check of its own; for the whole, one bug of each line will do.
            if check is not check_attention or (bug.name not in INVISIBLE and bug.where not in seen):
                yield pytest.param(check, bug, id=f"{check_name}-{bug.name}")
                seen.add(bug.where)


@contextmanager
def nothing_changes():
    """Neither the random numbers that come next, nor the package."""
    torch.manual_seed(0)
    expected, before = torch.rand(3), dict(vars(lines))
    torch.manual_seed(0)
    yield
    assert torch.equal(torch.rand(3), expected)
    assert before == vars(lines)


# --- right and wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", EVERY)
def test_the_packages_own_function_passes(check):
    with nothing_changes():
        verdict = replace(check, by_hand=False, without=(), room=None).examine(check.packaged())
    assert (verdict.status, verdict.bug) == ("ok", None), verdict.text
    assert verdict.text.startswith("✓ ok: ")


@pytest.mark.parametrize(("check", "bug"), suspects())
def test_a_known_mistake_is_named(check, bug):
    with nothing_changes():
        verdict = check.examine(with_bug(check, bug.name))
    cut_out_anyway = check is CHECKS["check_cut_out"] and bug.name == "mask-of-keys-alone"
    if bug.name == "mask-of-minus-1e5" or cut_out_anyway or (bug.harmless and check is check_attention):
        assert verdict.status == "ok"  # harmless indeed
    elif bug.name == "weights-drawn-in-forward":
        assert verdict.status == "wrong" and "Two calls on the same input disagree" in verdict.text
    else:
        assert verdict.status == "wrong" and verdict.bug is not None, verdict.text
        assert verdict.bug is bug or isinstance(verdict.bug, Slip) or {verdict.bug.name, bug.name} in SAME, verdict.text
        assert verdict.bug.wrong[1:] in verdict.text and f"'{verdict.bug.name}'" in verdict.text


def test_most_bugs_of_the_list_can_be_named_by_a_check():
    named = {bug.name for check in CHECKS.values() for bug in bugs_of(check.where, *check.suspects)}
    assert len(named) > 0.7 * len(BUGS)


def tricks(check):
    """Functions that a check must not let pass: its input, constants, and anything that is right in shape alone."""
    case = list(check.cases())[3]
    for number in range(len(case.arguments)):
        yield lambda *arguments, number=number: arguments[number]
    for constant in (0.0, True, torch.ones(3)):
        yield lambda *arguments, constant=constant: constant
    yield lambda *arguments: arguments
    if check.adapt is None:
        for change in (torch.zeros_like, lambda x: x.mean() + 0 * x, torch.rand_like):

            def shape_alone(*arguments, change=change):
                right = check.reference(*arguments)
                if isinstance(right, torch.Tensor):
                    return change(right)
                if isinstance(right, Rigid):
                    return Rigid(change(right.rotations), change(right.translations))
                return tuple(map(change, right)) if isinstance(right, tuple) else 0.3

            yield shape_alone


@pytest.mark.parametrize("check", EVERY)
def test_no_trick_passes(check, monkeypatch):
    monkeypatch.setattr(Check, "explain", lambda *_: Verdict("wrong", ""))  # why it is none is not asked here
    slow = check in (check_attention, check_block)
    for trick in list(tricks(check))[:: 4 if slow else 1]:
        assert check.examine(trick).status != "ok"


@pytest.mark.parametrize("check", EVERY)
def test_an_exercise_that_is_not_begun_is_not_yet_wrong(check):
    def stub(*arguments):
        raise NotImplementedError

    verdict = check.examine(stub)
    assert verdict.status == "not yet" and "NotImplementedError" in verdict.text and verdict.text.startswith("…")
    if check.adapt is None:  # an assertion, or a test, rightly returns nothing
        assert check.examine(lambda *arguments: None).status == "not yet"
        assert check.examine(lambda *arguments: ...).status == "not yet"


# --- other right answers ---------------------------------------------------------------------------------------------


def test_other_ways_of_being_right_pass():
    def centred_and_expanded(q, k, gamma):
        centre = k.mean((-4, -3, -2), keepdim=True).mean(0, keepdim=True) if k.ndim < 4 else k.mean((-4, -3, -2), True)
        q, k = (q - centre).flatten(-2), (k - centre).flatten(-2)
        squares = q.square().sum(-1)[..., :, None] + k.square().sum(-1)[..., None, :] - 2 * q @ k.mT
        return -0.5 * gamma[:, None, None] * math.sqrt(2 / (9 * q.shape[-1] / 3)) * squares

    def finite_mask(logits, protein):
        i, j = protein[..., None, :, None], protein[..., None, None, :]
        return logits.masked_fill((i != j) | (j == 0), -1e9)

    def without_eps(n, ca, c):
        x = torch.nn.functional.normalize(c - ca, dim=-1, eps=1e-4)
        y = torch.nn.functional.normalize(n - ca - x * (x * (n - ca)).sum(-1, keepdim=True), dim=-1, eps=1e-4)
        return Rigid(torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1), ca)

    def paper_fape(P, T, p, t, frames_mask=None, points_mask=None, clamp=None):
        distance = P[..., None].invert_apply(p[..., None, :, :]) - T[..., None].invert_apply(t[..., None, :, :])
        distance = (distance.square().sum(-1) + 1e-4).sqrt() / 10
        distance = distance.clamp(max=clamp / 10) if clamp else distance
        counts = torch.ones_like(distance)
        counts = counts if frames_mask is None else counts * frames_mask[..., :, None]
        counts = counts if points_mask is None else counts * points_mask[..., None, :]
        return (distance * counts).sum((-1, -2)) / counts.sum((-1, -2))

    assert check_point_logits.examine(centred_and_expanded).status == "ok"
    assert check_hide_strangers.examine(finite_mask).status == "ok"
    assert check_rigid_from_3_points.examine(without_eps).status == "ok"
    assert check_fape.examine(paper_fape).status == "ok"
    assert check_point_weight.examine(lambda P: torch.tensor((2 / 9 / P) ** 0.5, dtype=torch.float64)).status == "ok"


def test_a_plain_assertion_passes_and_a_careless_one_does_not():
    def good(f, T, tolerance=1e-10):
        before, still, G = f(T), Rigid.identity(dtype=T.dtype), random_rigid(scale=3.0, dtype=T.dtype)
        for kind, R, t in (("turn", G.rotations, still.translations), ("push", still.rotations, G.translations)):
            deviation = (f(Rigid(R, t) @ T) - before).abs().max()
            assert deviation <= tolerance * max(1.0, before.abs().max()), f"it minds a {kind}"

    def speechless(f, T):
        assert (f(random_rigid(scale=3.0, dtype=T.dtype) @ T) - f(T)).abs().max() < 1e-8

    def nan_blind(f, T):
        deviation = (f(random_rigid(dtype=T.dtype) @ T) - f(T)).abs().max()
        if deviation > 1e-8:
            raise AssertionError

    def one_sided(f, T):
        G = random_rigid(dtype=T.dtype)
        assert (f(G @ T) - f(T)).max() < 1e-6

    def shrill(f, T):
        raise AssertionError("never good enough")

    assert check_assert_invariant.examine(good).status == "ok"
    assert "function that notices a turn alone the message says" in check_assert_invariant.examine(speechless).text
    assert "nan somewhere" in check_assert_invariant.examine(nan_blind).text
    assert check_assert_invariant.examine(one_sided).bug is BUGS["largest-signed-difference"]
    assert check_assert_invariant.examine(shrill).status == "wrong"
    assert check_assert_invariant.examine(lambda f, T: f(T).no_such_thing).status == "wrong"


def test_an_overwritten_input_is_named_where_that_is_a_known_mistake():
    verdict = check_block.examine(with_bug(check_block, "residual-in-place"))
    assert "It changes its own input" in verdict.text and verdict.bug is BUGS["residual-in-place"]


# --- explanations ----------------------------------------------------------------------------------------------------


def explanation(check, function):
    verdict = check.examine(function)
    assert verdict.status == "wrong"
    return verdict.text


def test_rounding_is_named_though_no_two_programs_round_alike():
    def expanded(q, k, gamma):
        scale = -0.5 * gamma[:, None, None] * math.sqrt(2 / (9 * q.shape[-2]))
        q, k = q.flatten(-2), k.flatten(-2)
        return scale * (q.square().sum(-1)[..., :, None] - 2 * q @ k.mT) + scale * k.square().sum(-1)[..., None, :]

    verdict = check_point_logits.examine(expanded)
    assert verdict.bug is BUGS["square-expanded-far-away"]
    assert "1000 nm from the origin" in verdict.text


def test_what_is_no_answer_is_explained():
    q_k = check_scalar_logits
    assert "A function is expected, got 3" in explanation(q_k, 3)
    assert "A torch.Tensor is expected, got a ndarray" in explanation(q_k, lambda q, k: np.zeros(3))
    assert "A torch.Tensor is expected, got a list" in explanation(q_k, lambda q, k: [1.0])
    assert "A torch.Tensor is expected, got a tuple of 2" in explanation(q_k, lambda q, k: (q, k))
    two = lambda terms: torch.ones(2)  # noqa: E731
    assert "One number is expected, got a tensor of shape (2,)" in explanation(check_term_weight, two)
    assert "A Rigid is expected" in explanation(check_rigid_from_3_points, lambda n, ca, c: ca)


def test_an_exception_is_explained_with_its_line():
    def breaks(q, k):
        scale = q.shape[-1] ** -0.5
        return scale * q @ k

    text = explanation(check_scalar_logits, breaks)
    assert "It raises RuntimeError" in text and "(line 3 of your function)" in text
    assert "It raises TypeError" in explanation(check_scalar_logits, lambda q: q)
    assert "It raises SystemExit" in explanation(check_scalar_logits, lambda q, k: exit(1))


def test_shapes_are_explained():
    assert "the same axes in another order" in explanation(
        check_split_points, lambda x, heads: lines.split_points(x, heads).transpose(-2, -3)
    )
    assert "one axis too many, of size 7" in explanation(
        check_scalar_logits, lambda q, k: q[..., :, None, :] * k[..., None, :, :]
    )
    assert "one axis too few" in explanation(check_scalar_logits, lambda q, k: (q * k).sum(-1))


def test_values_are_explained_and_the_input_is_the_smallest():
    text = explanation(check_scalar_logits, lambda *inputs: 3 * lines.scalar_logits(*inputs))
    assert "Yours is 3 times the right answer, everywhere" in text and "Expected " in text and "at index (" in text
    assert ", 1, " in text and "no batch, float64" in text and "q = tensor" in text
    negative = lambda q, k: -lines.scalar_logits(q, k)  # noqa: E731
    assert "The sign is wrong everywhere" in explanation(check_scalar_logits, negative)
    batched = explanation(check_scalar_logits, lambda q, k: lines.scalar_logits(q, k) * (1 if q.ndim < 4 else 2))
    assert "one batch axis, float64" in batched
    assert "xes -2 and -1 are exchanged (transposed)" in explanation(
        check_scalar_logits, lambda q, k: lines.scalar_logits(k, q)
    )


def test_changed_input_dtype_nan_chance_and_gradients_are_explained():
    def in_place(q, k):
        q /= math.sqrt(q.shape[-1])
        return q @ k.mT

    assert "It changes its own input" in explanation(check_scalar_logits, in_place)
    in_single = lambda q, k: lines.scalar_logits(q.float(), k.float())  # noqa: E731
    assert "Dtype float64 is expected, that of the input, got float32" in explanation(check_scalar_logits, in_single)
    in_double = lambda q, k: lines.scalar_logits(q.double(), k.double())  # noqa: E731
    assert "Dtype float32 is expected" in explanation(check_scalar_logits, in_double)
    assert "It returns NaN" in explanation(check_scalar_logits, lambda q, k: q @ k.mT / (q.shape[-1] - q.shape[-1]) * 0)
    noisy = lambda q, k: lines.scalar_logits(q, k) + torch.randn(())  # noqa: E731
    assert "Two calls on the same input disagree" in explanation(check_scalar_logits, noisy)
    detached = lambda q, k: q @ k.detach().mT / math.sqrt(q.shape[-1])  # noqa: E731
    assert "No gradient comes through" in explanation(check_scalar_logits, detached)
    by_numpy = lambda q, k: torch.from_numpy(q.numpy() @ k.mT.numpy() / math.sqrt(q.shape[-1]))  # noqa: E731
    assert "With inputs that want a gradient it raises" in explanation(check_scalar_logits, by_numpy)
    tip = lambda points, eps: (points.square().sum(-1) + eps).sqrt() + 0 * points.square().sum(-1).sqrt()  # noqa: E731
    assert "The gradient is NaN or infinite: is a root or a norm taken at zero" in explanation(check_point_norms, tip)


def test_the_explanation_of_a_bug_reads_well():
    text = explanation(check_point_weight, lambda P: math.sqrt(1 / (6 * P)))
    assert text.splitlines()[0] == "✗ wrong: line 5, w_C."
    why = "w_C = √(1/(6 P)): softmax over j forgets ½‖q‖², so only 9/2 counts."
    assert f"This looks like 'point-weight-of-six': {why}" in text
    assert "good company: invariant-attention 0.1.0" in explanation(
        check_hide_strangers, with_bug(check_hide_strangers, "mask-inverted")
    )


def call_the_layers(layers, s, z, T, mask=None):
    return layers(s, z, rotations=T.rotations, translations=T.translations, mask=mask)


def test_nobody_has_algorithm_22_done_by_calling_the_layers():
    by_forward = lambda layers, *rest: call_the_layers(layers.forward, *rest)  # noqa: E731
    for function in (call_the_layers, by_forward):
        assert "layers(…) is switched off here: use layers.to_q" in explanation(check_attention, function)
        assert "layers(…, mask=…) is switched off here: cut the padding out" in explanation(check_cut_out, function)


def test_padding_is_cut_out_in_rows_and_columns():
    def cut_out(layers, s, z, T, mask=None):
        if mask is None or not mask.any():
            return call_the_layers(layers, s, z, T)
        out = torch.zeros_like(s)
        out[mask] = call_the_layers(layers, s[mask], z[mask][:, mask], T[mask])
        return out

    def forgotten(layers, s, z, T, mask=None):
        return call_the_layers(layers, s, z, T)

    assert check_cut_out.examine(cut_out).status == "ok"
    assert "mask is never used" in check_cut_out.examine(forgotten).reason


def test_an_inverted_mask_is_named_also_where_its_infinities_leave_nothing():
    def keys(logits, protein):
        return logits.masked_fill((protein > 0)[..., None, None, :], -math.inf)

    def pairs(logits, protein):
        real = protein > 0
        return logits.masked_fill((real[..., :, None] & real[..., None, :])[..., None, :, :], -math.inf)

    for inverted in (keys, pairs):
        assert check_hide_strangers.examine(inverted).bug is BUGS["mask-inverted"]


# --- while learning, and while grading -------------------------------------------------------------------------------


def test_a_check_prints_and_never_raises_while_learning(capsys, monkeypatch):
    monkeypatch.delenv("IPA_CHECK_STRICT", raising=False)
    assert check_point_weight(lambda P: 1.0) is None
    assert check_point_weight(lambda P: (2 / (9 * P)) ** 0.5) is None
    shown = capsys.readouterr().out
    assert "✗ wrong: line 5, w_C" in shown and "✓ ok: line 5, w_C" in shown


@pytest.mark.parametrize("strict", ["1", "true"])
def test_strict_raises_unless_ok(strict, monkeypatch):
    monkeypatch.setenv("IPA_CHECK_STRICT", strict)
    check_point_weight(lambda P: (2 / (9 * P)) ** 0.5)
    with pytest.raises(CheckFailed, match="wrong: line 5"):
        check_point_weight(lambda P: 1.0)
    with pytest.raises(CheckFailed, match="not yet: line 5"):
        check_point_weight(lambda P: None)
    monkeypatch.setenv("IPA_CHECK_STRICT", "0")
    check_point_weight(lambda P: 1.0)


def test_what_cannot_be_compared_does_not_raise():
    on_meta = lambda q, k: lines.scalar_logits(q.to("meta"), k.to("meta"))  # noqa: E731
    sparse = lambda q, k: lines.scalar_logits(q, k).to_sparse()  # noqa: E731
    for function in (on_meta, sparse, type, print):
        assert check_scalar_logits.examine(function).status in ("wrong", "not yet")


@pytest.mark.parametrize("check", EVERY)
def test_inputs_are_reproducible_and_their_sizes_differ(check):
    first, again = list(check.cases()), list(check.cases())
    assert len(first) > 3
    for a, b in zip(first, again, strict=True):
        for x, y in zip(a.arguments, b.arguments, strict=True):
            if isinstance(x, torch.Tensor):
                torch.testing.assert_close(x, y, rtol=0, atol=0, equal_nan=True)


def test_unequal_sizes():
    for check in (check_point_logits, check_attend_points, check_quaternion_multiply):
        for case in list(check.cases())[:4]:
            sizes = [n for n in case.arguments[0].shape if n > 1]
            assert len(set(sizes) - {3, 4}) == len([n for n in sizes if n not in (3, 4)])


def test_a_learners_own_test_is_tried_on_bugs_and_on_false_alarms():
    def silent(*arguments):
        pass

    def shrill(*arguments):
        raise AssertionError("never good enough")

    def answers(*arguments):
        return False

    def one_sided(attention, s, z, T):
        gap = attention(s, z, T, torch.ones(len(s), dtype=torch.bool)) - attention(s, z, T)
        assert gap.max() < 1e-6

    def bit_by_bit(attention, s, z, T):
        assert torch.equal(attention(s, z, T, torch.ones(len(s), dtype=torch.bool)), attention(s, z, T))

    def other_rows_alone(attention, s, z, T, mask):
        gap = attention(torch.where(mask[:, None], s, 9.0), z, T, mask) - attention(s, z, T, mask)
        assert gap[mask].abs().max() < 1e-8

    def turned_only(stack, T):
        G = Rigid(random_rigid(dtype=T.dtype).rotations, torch.zeros(3, dtype=T.dtype))
        assert (stack(G @ T)[0] - stack(T)[0]).abs().max() < 1e-8

    for check in (check_test_of_a_full_mask, check_test_of_padding, check_test_of_motions):
        assert "Your test never raises" in check.examine(silent).text
        assert "Your test complains of everything" in check.examine(shrill).text
        assert "returns False, which nobody reads" in check.examine(answers).text
    assert "slipped through: an output that shrinks" in check_test_of_a_full_mask.examine(one_sided).text
    assert "false alarm: the same up to rounding" in check_test_of_a_full_mask.examine(bit_by_bit).text
    assert "a leak of z alone" in check_test_of_padding.examine(other_rows_alone).text
    assert "'home-without-translation'" in check_test_of_motions.examine(turned_only).text
