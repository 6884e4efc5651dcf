"""What a check says where the mistake has no name; and the wrong answers that checks once let pass."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import one_hot

from ipa_tutorial import Rigid, attention, kabsch_rmsd, random_rigid
from ipa_tutorial.classroom import checks
from ipa_tutorial.classroom.checks import engine
from ipa_tutorial.classroom.checks.diagnosis import diagnose
from ipa_tutorial.classroom.checks.diagnosis.evidence import Evidence, Part, spelled, two_numbers
from ipa_tutorial.classroom.checks.engine import Check
from ipa_tutorial.classroom.checks.watch import calls, largest_tensor
from ipa_tutorial.classroom.checks.words import of_values


def turn(R, x):
    return (R @ x[..., None])[..., 0]


def said(check, function):
    verdict = check.examine(function)
    assert verdict.status == "wrong", verdict
    return verdict.text


# --- numbers in words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "text"),
    [(3, "3"), (-2, "−2"), (0.5, "1/2"), (math.sqrt(2), "√2"), (math.sqrt(1 / 3), "√(1/3)"), (0.1234567, "0.123457")],
)
def test_constants_are_spelled(number, text):
    assert spelled(number) == text


def test_two_numbers_that_differ_are_never_printed_alike():
    for a, b in ((2.28155, 2.2815501), (-39.0909, -39.09090001), (1.0, 1.0 + 1e-15)):
        assert len(set(two_numbers(a, b))) == 2


def test_the_number_that_is_most_wrong_is_told():
    right = torch.arange(6.0).view(2, 3)
    wrong = right.clone()
    wrong[0, 1], wrong[1, 2] = 1.5, 9.0
    assert of_values(wrong, right, wrong == right) == "expected 5 at index (1, 2), got 9; 2 of 6 numbers are off"
    wrong[0, 2] = torch.nan
    assert of_values(wrong, right, wrong == right) == "expected 2 at index (0, 2), got nan; 3 of 6 numbers are off"
    assert of_values(torch.tensor(1.0), torch.tensor(2.0), torch.tensor(False)) == "expected 2, got 1"


# --- hypotheses, one by one ------------------------------------------------------------------------------------------


def evidence(change, *arguments, right=lambda x: x, names=("x",)):
    expected = right(*arguments)
    part = Part("", change(expected), expected, 1e-8)
    return Evidence(arguments, names, (part,), False, lambda other: [right(*other)], lambda *_: None)


x = torch.randn(3, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda y: y.float().double(), "the first digits are right and the rest are lost: is a float32 tensor made"),
        (lambda y: y + 1e-5, "always a little too large: is an ε missing"),
        (lambda y: -y, "the sign is wrong everywhere"),
        (lambda y: y * math.sqrt(1 / 3), "yours is √(1/3) times the right answer, everywhere (squared, 1/3)"),
        (lambda y: 100 * y, "are nm and Å mixed up?"),
        (lambda y: y.mT, "axes -2 and -1 are exchanged (transposed)"),
        (lambda y: y.roll(1, -3), "off by one along axis -3"),
        (lambda y: y + 7, "the right answer and 7 more"),
        (lambda y: y + torch.randn(3, 5, 1), "the same all along axis -1"),
        (lambda y: y.softmax(-1), "(along axis -1) the softmax of the right answer"),
        (lambda y: y.square(), "the square of the right answer"),
        (
            lambda y: y.flatten().flip(0)[torch.randperm(75)].view_as(y),
            "the right numbers are there, but in other places",
        ),
        (
            lambda y: y.mean(0, keepdim=True).expand_as(y),
            "the mean of the right answer over axis -3, which should stay",
        ),
        (lambda y: y.clamp(max=0.5), "where it is wrong it is 1/2, always"),
        (lambda y: torch.where(torch.eye(5) > 0, 9 * y**3, y), "only the diagonal of axes -2 and -1 is wrong"),
        (lambda y: torch.cat([y[:1] ** 3 + y[:1], y[1:]]), "only at 0 of axis -3 is it wrong"),
        (lambda y: torch.cat([y[:1], y[1:] ** 3 + y[1:]]), "only at 0 of axis -3 is it right"),
        (lambda y: torch.where(torch.eye(5) > 0, y, 9 * y**3), "the diagonal of axes -2 and -1 is right, and all"),
        (lambda y: y + 9 * y**3 * torch.ones(5, 5).tril(-1), "only below the diagonal of axes -2 and -1 is it wrong"),
        (lambda y: y[:, [2, 0, 1, 4, 3]], "all the right numbers are there, in another order along axis -2"),
        (lambda y: y.mean(0, keepdim=True).expand_as(y) ** 3, "the same all along axis -3: what happens on this axis"),
        (lambda y: y * torch.tensor([1, 2.6, 3.7])[:, None, None], "all along axis -2 and -1, and differs elsewhere"),
    ],
)
def test_what_is_done_to_a_right_answer_is_seen(change, text):
    torch.manual_seed(0)
    assert text in diagnose([evidence(change, x + 1, right=lambda x: x**2 - 3 * x)])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda y: (2 * y.log()).softmax(-2), "yours add up to one along axis -2, where it should be axis -1"),
        (
            lambda y: y * (1 + torch.rand(3, 5, 1)),
            "to one along axis -1; divided by their sum they would",
        ),
        (lambda y: y + torch.rand(3, 5, 5), "yours do not add up to one along axis -1"),
        (lambda y: (y.log() + torch.randn(5)).softmax(-1), "add up to one along axis -1, as they should, but before"),
    ],
)
def test_shares_that_are_shared_out_wrongly_are_seen(change, text):
    torch.manual_seed(0)
    assert text in diagnose([evidence(change, x, right=lambda x: x.softmax(-1))])


def test_what_should_be_simple_is_said():
    directions = evidence(lambda y: y * (1 + torch.rand(3, 5, 1)), x, right=lambda x: x / x.norm(dim=-1, keepdim=True))
    assert "each has the right direction and the wrong length, which should be one" in diagnose([directions])
    twos = evidence(lambda y: y + (5 * x).sin(), x, right=lambda x: torch.full_like(x, 2.0))
    assert "all of it should be 2" in diagnose([twos])
    totals = lambda x: x.cumsum(-3).sin()  # noqa: E731
    assert "in reverse order along axis -3" in diagnose([evidence(lambda y: y.flip(-3), x + 1, right=totals)])
    constant = evidence(lambda y: torch.full_like(y, 0.3), x + 1, right=totals)
    assert "yours is the same number everywhere" in diagnose([constant])
    T = random_rigid(4, torch.Generator().manual_seed(0), dtype=torch.float64)
    as_it_came = evidence(lambda y: T.rotations, T, right=lambda T: (T @ T).rotations, names=("T",))
    assert "yours are the rotations of T, just as they came" in diagnose([as_it_came])


def test_a_sentence_is_told_only_if_all_answers_say_it():
    two, three = (evidence(lambda y, f=f: f * y, x + 1, right=lambda x: x**2 - 3 * x) for f in (2, 3))
    assert "2 times" in diagnose([two]) and "times" not in diagnose([two, three])


def test_a_factor_is_recognised_as_the_size_of_an_axis():
    narrow, wide = (torch.randn(2, n, dtype=torch.float64) for n in (3, 5))
    both = [evidence(lambda y: y, x, right=lambda x: x.cumsum(0) ** 2) for x in (narrow, wide)]
    for e, n in zip(both, (3, 5), strict=True):
        object.__setattr__(e.parts[0], "got", e.parts[0].expected / n)
    assert "1/n times the right answer, with n = the size of axis -1 of x: is a mean taken" in diagnose(both)


def test_a_frame_on_the_wrong_side_is_seen():
    wrong_ways = {
        "R stands where Rᵀ belongs": lambda T, x: turn(T.rotations.mT, x) + T.translations,
        "the translations of T are not used": lambda T, x: turn(T.rotations, x),
        "only the diagonal of the rotations": lambda T, x: T.rotations.diagonal(dim1=-2, dim2=-1) * x + T.translations,
        "the first frame of T is used for every residue": lambda T, x: (
            turn(T.rotations[..., :1, :, :], x) + T.translations[..., :1, :]
        ),
        "coordinate 2 of points is not used": lambda T, x: (
            turn(T.rotations, x * x.new_tensor([1, 1, 0])) + T.translations
        ),
    }
    T, points = random_rigid(4, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    right = lambda T, x: turn(T.rotations, x) + T.translations  # noqa: E731
    for text, way in wrong_ways.items():
        e = evidence(lambda _, way=way: way(T, points), T, points, right=right, names=("T", "points"))
        assert text in diagnose([e])


def spoilt(answer):
    """Wrong in a way that has no name."""
    if isinstance(answer, tuple):
        return tuple(map(spoilt, answer))
    if isinstance(answer, Rigid):
        return Rigid(answer.rotations, spoilt(answer.translations))
    if isinstance(answer, float):
        return answer + 0.37 * math.sin(3 * answer) + 0.1
    wrong = isinstance(answer, torch.Tensor) and answer.is_floating_point()
    return answer + 0.37 * (3 * answer).sin() + 0.1 if wrong else answer


@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in checks.CHECKS.items()])
def test_an_answer_that_takes_no_other_input_is_explained_all_the_same(check, monkeypatch):
    asked, stumbled, collect = [], [], Check.evidence
    monkeypatch.setattr(Check, "evidence", lambda *arguments: asked.append(True) or collect(*arguments))

    def noted(*arguments):
        try:
            return diagnose(*arguments)
        except Exception as error:  # a check would say nothing then
            stumbled.append(error)
            raise

    monkeypatch.setattr(engine, "diagnose", noted)

    def answer(*arguments):
        if asked:
            raise RuntimeError("this input was never spoken of")
        return spoilt(check.reference(*arguments))

    verdict = replace(check, adapt=None, batches=((),), single_precision=False).examine(answer)
    assert "cannot be compared" not in verdict.text and not stumbled
    assert verdict.status == ("wrong" if asked else verdict.status)


def test_nothing_is_diagnosed_from_a_single_residue():
    text = said(checks.check_scalar_logits, lambda q, k: q @ k.mT / k.shape[-2] ** 0.5)
    assert "divided by the root of the size of axis -2" in text and "3, 3" not in text.splitlines()[1]


def test_batches_are_blamed_only_if_all_else_is_right():
    def of_one(q, k):
        return attention.scalar_logits(q, k) if q.ndim < 4 else attention.scalar_logits(q, k).flip(0)

    assert "Right without batch axes and wrong with them" in said(checks.check_scalar_logits, of_one)


# --- a watch ---------------------------------------------------------------------------------------------------------


def test_calls_are_noticed_however_they_are_written():
    T = random_rigid(3)
    for name, function in {
        "softmax": lambda x: torch.nn.functional.softmax(x, -1),
        "matmul": lambda x: x @ x,
        "mT": lambda x: x.mT,
        "linalg_inv": lambda x: torch.linalg.inv(x),
        "Rigid.apply": lambda x: T.apply(x),
        "Rigid.matmul": lambda x: T @ T,
    }.items():
        assert name in calls(function, (torch.eye(3),), {})


def test_the_largest_tensor_is_what_takes_memory():
    small = torch.randn(10, 1)
    assert largest_tensor(lambda x: x.expand(10, 1000).sum(), (small,)) <= 10
    assert largest_tensor(lambda x: (x + torch.zeros(1000)).sum(), (small,)) == 10000


def softmaxed(logits):
    return logits.softmax(-1)


def multiplied(weights, z):
    return (weights[..., None] * z[..., None, :, :, :]).sum(-2)


FORBIDDEN = [
    (checks.check_invert_apply, lambda T, x: turn(torch.linalg.inv(T.rotations), x - T.translations), "linalg_inv"),
    (checks.check_compose, lambda T, U: T @ U, "matmul of the package"),
    (checks.check_attention_weights, softmaxed, "softmax"),
    (checks.check_walk, lambda T, x: turn(T.rotations, x) + T.translations, "matmul"),
    (checks.check_split_pair_bias, lambda b: b.movedim(-1, -3), "movedim"),
    (checks.check_attend_pairs, lambda a, z: torch.einsum("...hij,...ijc->...hic", a, z), "einsum"),
    (checks.check_attend_pairs, multiplied, "a tensor on the way holds"),
    (checks.check_concatenate_heads, lambda *o: torch.cat([x.movedim(-3, -2).flatten(-2) for x in o], -1), "flatten"),
    (checks.check_shadows, lambda T, x: turn(T.rotations.mT, x - T.translations), "mT"),
    (checks.check_split_scalars, lambda x, heads: attention.split_scalars(x, heads), "split_scalars of the package"),
    (
        checks.check_relative_positions,
        lambda n: one_hot((n[..., None, :] - n[..., :, None]).clamp(-32, 32) + 32, 65),
        "one_hot",
    ),
]


@pytest.mark.parametrize(("check", "function", "text"), FORBIDDEN, ids=[f"{c.title}: {t}" for c, _, t in FORBIDDEN])
def test_right_numbers_by_a_forbidden_way_are_refused(check, function, text):
    assert "The numbers are right, but" in said(check, function) and text in said(check, function)


# --- what was let pass once ------------------------------------------------------------------------------------------


def by_cdist(q, k, gamma):
    squares = torch.cdist(q.flatten(-2), k.flatten(-2)).square()
    return -0.5 * gamma[:, None, None] * (2 / (9 * q.shape[-2])) ** 0.5 * squares


def one_common_mean(q, k, gamma):
    centre = k.mean(tuple(range(k.ndim - 1)), keepdim=True)
    q, k = ((x - centre).flatten(-2) for x in (q, k))
    square = q.square().sum(-1)[..., :, None] + k.square().sum(-1)[..., None, :] - 2 * q @ k.mT
    return -0.5 * gamma[:, None, None] * (2 / (9 * q.shape[-1] / 3)) ** 0.5 * square


def in_half_precision_a_float32_table(logits, protein):
    hidden = protein[..., :, None] != protein[..., None, :]
    penalty = torch.zeros(hidden.shape, dtype=torch.promote_types(logits.dtype, torch.float32))
    penalty[hidden] = -math.inf
    return logits + penalty[..., None, :, :]


def without_clamp(a, b):
    a, b = (x - x.mean(-2, keepdim=True) for x in (a, b))
    H = a.mT @ b
    sigma = torch.linalg.svdvals(H)
    overlap = sigma[..., 0] + sigma[..., 1] + torch.linalg.det(H).sign() * sigma[..., 2]
    return ((a.square().sum((-1, -2)) + b.square().sum((-1, -2)) - 2 * overlap) / a.shape[-2]).sqrt()


def normalised_product(a, b):
    unit = lambda q: q / q.norm(dim=-1, keepdim=True)  # noqa: E731
    return unit(checks.check_quaternion_multiply.reference(a, b))


ONCE_ACCEPTED = [
    (checks.check_expanded_logits, by_cdist, "1000 nm away"),
    (checks.check_expanded_logits, one_common_mean, "two of a batch that lie 2000 nm apart"),
    (checks.check_one_product, attention.point_logits, "a pair is expected, long queries and long keys"),
    (checks.check_weighted_sum, lambda w, *terms: len(terms) ** -0.5 * sum(terms), "'w-l-of-its-own'"),
    (checks.check_weighted_sum, lambda w, a, b, c: w * (a + b + c), "missing 1 required positional argument"),
    (checks.check_hide_strangers, in_half_precision_a_float32_table, "dtype bfloat16 is expected"),
    (checks.check_quaternion_multiply, normalised_product, "'product-of-length-one'"),
    (checks.check_kabsch_rmsd, without_clamp, "unless the two sets fit perfectly"),
]


@pytest.mark.parametrize(("check", "function", "text"), ONCE_ACCEPTED, ids=[c.title for c, *_ in ONCE_ACCEPTED])
def test_what_was_let_pass_once_is_refused(check, function, text):
    assert text.lower() in said(check, function).lower()


def test_the_last_part_that_is_wrong_is_named():
    def not_normalised(q, t, q_update, t_update):
        out, pushed = checks.check_compose_update.reference(q, t, q_update, t_update)
        return 2 * out, pushed

    assert "The quaternion (looked at as q qᵀ, since q and −q are one turn) is wrong" in said(
        checks.check_compose_update, not_normalised
    )


def test_both_mistakes_with_units_have_names():
    def best(chains, true, before, after):
        rmsds = [after * kabsch_rmsd(before * chain, true).item() for chain in chains]
        return rmsds.index(min(rmsds)), min(rmsds)

    for name, before, after in (("nm-beside-angstrom", 1, 1), ("unit-of-the-result", 1, 10)):
        verdict = checks.check_best_chain.examine(lambda c, t, b=before, a=after: best(c, t, b, a))
        assert verdict.bug.name == name


def test_zeros_for_a_protein_that_is_all_padding_are_right():
    def cut_out(layers, s, z, T, mask=None):
        run = lambda s, z, T: layers(s, z, rotations=T.rotations, translations=T.translations)  # noqa: E731
        if mask is None:
            return run(s, z, T)
        out = torch.zeros_like(s)
        if mask.any():
            out[mask] = run(s[mask], z[mask][:, mask], T[mask])
        return out

    def filled_with_seven(*arguments):
        out = cut_out(*arguments)
        return out if len(arguments) < 5 else torch.where(arguments[4][:, None], out, 7.0)

    def the_first_n(layers, s, z, T, mask=None):
        return cut_out(layers, s, z, T, mask if mask is None else torch.arange(len(mask)) < mask.sum())

    assert checks.check_cut_out.examine(cut_out).status == "ok"
    assert checks.check_cut_out.examine(filled_with_seven).status == "wrong"
    assert checks.check_cut_out.examine(the_first_n).bug.name == "first-n-taken"


def test_no_name_is_given_to_a_missing_gradient():
    check = replace(checks.check_point_norms, by_hand=False)
    verdict = check.examine(lambda points, eps: attention.point_norms(points.detach(), eps))
    assert verdict.bug is None and "No gradient comes through" in verdict.text


def test_a_gradient_that_is_cut_off_in_part_is_noticed():
    def arm(first, links):
        frames = [first]
        for k in range(links.shape[-1]):
            frames.append(frames[-1].detach() @ links[..., k])
        rotations = torch.stack([T.rotations for T in frames], dim=-3)
        return Rigid(rotations, torch.stack([T.translations for T in frames], dim=-2))

    assert "their gradient is not" in said(checks.check_hang_frames, arm)


def test_equivariance_is_tested_with_one_motion_for_all_and_with_nan_in_mind():
    def compare(f, T, G, far=lambda gap: bool(gap.abs().max() < 1e-8)):
        (got, got_arrows), (frames, arrows) = f(G @ T), f(T)
        expected = G @ frames
        assert far(got.rotations - expected.rotations) and far(got.translations - expected.translations)
        assert far(got_arrows - (G.rotations @ arrows[..., None])[..., 0])

    def another_for_each(f, T):
        compare(f, T, random_rigid(T.shape, dtype=T.dtype))

    def without_abs(f, T):
        compare(f, T, random_rigid(dtype=T.dtype), lambda gap: bool(gap.max() < 1e-8))

    def blind_to_nan(f, T):
        compare(f, T, random_rigid(dtype=T.dtype), lambda gap: not gap.abs().max() > 1e-8)

    def right(f, T):
        compare(f, T, random_rigid(dtype=T.dtype))

    check = checks.check_assert_equivariant
    assert check.examine(right).status == "ok"
    assert "A false alarm: drawn to the middle" in said(check, another_for_each)
    assert "places come out too small" in said(check, without_abs)
    assert "nan at one place" in said(check, blind_to_nan)


def test_the_line_of_algorithm_22_is_named():
    def wrong(norms=attention.point_norms, w_L=3**-0.5):
        def whole(layers, s, z, T, mask=None):
            H, T = layers.heads, T[..., None, :]
            q, k, v = (attention.split_scalars(to(s), H) for to in (layers.to_q, layers.to_k, layers.to_v))
            points = (layers.to_q_points, layers.to_k_points, layers.to_v_points)
            qp, kp, vp = (attention.split_points(to(s), H) for to in points)
            far = attention.point_logits(T.apply(qp), T.apply(kp), layers.gamma)
            b = attention.split_pair_bias(layers.to_pair_bias(z))
            logits = w_L * (attention.scalar_logits(q, k) + b + far)
            a = (logits if mask is None else attention.hide_padding(logits, mask)).softmax(-1)
            home = attention.attend_points(a, vp, T)
            out = attention.attend_pairs(a, z), a @ v, home.flatten(-2), norms(home, layers.eps)
            return layers.to_out(attention.concatenate_heads(*out))

        return whole

    root = lambda x, eps: x.square().sum(-1).sqrt() + eps  # noqa: E731
    each = lambda x, eps: (x.square() + eps).sum(-1).sqrt()  # noqa: E731
    assert checks.check_attention.examine(wrong()).status == "ok"
    assert "Line 11, the norms, is at fault: ε stands outside" in said(checks.check_attention, wrong(root))
    assert "ε comes in three times" in said(checks.check_attention, wrong(each))
    assert "w_L is at fault: in each of the three terms" in said(checks.check_attention, wrong(w_L=1.0))
