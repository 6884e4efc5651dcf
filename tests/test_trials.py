"""What checks say about answers of which nothing is known: whose ingredient is at fault, and where on the way."""

import math

import pytest
import torch

from ipa_tutorial import Rigid, attention, random_rigid
from ipa_tutorial.classroom import checks
from ipa_tutorial.classroom.checks.diagnosis import diagnose
from ipa_tutorial.classroom.checks.diagnosis.evidence import Evidence, Part, spelled
from ipa_tutorial.classroom.checks.diagnosis.terms import sum_of
from ipa_tutorial.classroom.checks.diagnosis.turns import no_rotation
from ipa_tutorial.classroom.checks.tree import flat
from ipa_tutorial.classroom.checks.watch import first_nan
from ipa_tutorial.igfold import load_ipa


def turn(R, x):
    return (R @ x[..., None])[..., 0]


def evidence(mine, right, names, *arguments):
    """As a check would collect it of one wrong answer."""
    one = lambda f: lambda other: [f(*other)]  # noqa: E731
    part = Part("", mine(*arguments), right(*arguments), 1e-8)
    return Evidence(arguments, names, (part,), False, one(right), mine, one(mine))


def said(check, function):
    verdict = check.examine(function)
    assert verdict.status == "wrong", verdict
    return verdict.text


def numbers(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def sound(T, x):
    return turn(T.rotations, x) + T.translations


T, points = random_rigid(5, torch.Generator().manual_seed(1), dtype=torch.float64), numbers(5, 3)


# --- which index is summed, which product ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "text"),
    [
        (lambda T, x: T.rotations.sum(-1) * x + T.translations, "Σ_k R_jk x_j (row j of R added up"),
        (lambda T, x: T.rotations.sum(-2) * x + T.translations, "Σ_k R_kj x_j (column j of R added up"),
        (lambda T, x: turn(T.rotations, x) + 3 * T.translations, "3 t + R x"),
        (lambda T, x: turn(T.rotations.mT, x) - turn(T.rotations, T.translations), "Rᵀ x"),
    ],
)
def test_the_index_that_is_summed_is_told(mine, text):
    told = diagnose([evidence(mine, sound, ("T", "x"), T, points)])
    assert "yours is" in told and text in told and "where it should be" in told and "R x" in told


def test_a_product_of_rotations_is_recognised():
    U = random_rigid(5, torch.Generator().manual_seed(2), dtype=torch.float64)
    mine, right = (lambda T, U: U.rotations.mT @ T.rotations), (lambda T, U: T.rotations @ U.rotations)
    assert "yours is R_Uᵀ R_T, where it should be R_T R_U" in diagnose([evidence(mine, right, ("T", "U"), T, U)])


def test_axes_that_are_too_short_or_aslant_are_named():
    right = lambda T: T.rotations  # noqa: E731
    short = lambda T: T.rotations * torch.tensor([1.0, 0.5, 1.0])  # noqa: E731
    aslant = lambda T: torch.stack(  # noqa: E731
        [T.rotations[..., 0], (T.rotations[..., 0] + T.rotations[..., 1]) / 2**0.5, T.rotations[..., 2]], -1
    )
    left = lambda T: T.rotations * torch.tensor([1.0, -1.0, 1.0])  # noqa: E731
    for mine, text in {
        short: "the y axis should have length one (column 1",
        aslant: "the x axis and the y axis are not at right angles",
        left: "x, −y, z; that is a left hand",
    }.items():
        assert text in no_rotation(evidence(mine, right, ("T",), T))


def test_as_many_terms_as_numbers_prove_nothing():
    terms = {"a": torch.tensor([1.0, 2]), "b": torch.tensor([1.0, 0])}
    assert sum_of(terms, torch.tensor([3.0, 2.0]).double()) is None
    terms = {"a": torch.tensor([1.0, 2, 3]), "b": torch.tensor([1.0, 0, 1])}
    assert sum_of(terms, torch.tensor([3.0, 2.0, 5.0]).double()) == "a + 2 b"


# --- simpler inputs --------------------------------------------------------------------------------------------------


def curved(T, x):
    """Nothing that is a sum of terms."""
    return (turn(T.rotations, x) + T.translations).tanh() + x.square()


@pytest.mark.parametrize(
    ("mine", "text"),
    [
        (lambda T, x: (turn(T.rotations, x) + T.translations**3).tanh() + x.square(), "stand at the origin"),
        (
            lambda T, x: (turn((T.rotations + T.rotations.flip(-3)) / 2, x) + T.translations).tanh() + x.square(),
            "with one and the same rotation for all T yours is right",
        ),
        (lambda T, x: (turn(T.rotations, x) + T.translations).tanh() + x * x.abs(), "if no number of x is negative"),
    ],
)
def test_the_ingredient_is_found_by_simpler_inputs(mine, text):
    told = diagnose([evidence(mine, curved, ("T", "x"), T, points)])
    assert text in told


def test_what_is_never_looked_at_is_told():
    right = lambda x, y: (x * y).cumsum(-1).exp()  # noqa: E731
    mine = lambda x, y: x.cumsum(-1).exp()  # noqa: E731
    told = diagnose([evidence(mine, right, ("x", "y"), numbers(3, 4), 1 + numbers(3, 4).abs())])
    assert "y is not used" in told or "numbers of y may be anything" in told


def test_a_count_that_is_never_read_is_told_with_the_number_that_was_taken():
    right, mine = (lambda x, n: x**2 / (n + 1)), (lambda x, n: x**2 / 4)
    told = diagnose([evidence(mine, right, ("x", "n"), numbers(4, 3), 5)])
    assert "n is not looked at: yours is right for n = 3, always" in told


def test_a_power_of_an_argument_is_told():
    gamma = numbers(4).abs() + 0.1
    right, mine = (lambda x, g: x**2 / g[:, None]), (lambda x, g: x**2 / g[:, None] ** 0.5)
    assert "√gamma times the right answer" in diagnose([evidence(mine, right, ("x", "gamma"), numbers(4, 3), gamma)])
    alone = evidence(lambda g: 3 / g**0.5, lambda g: 2 * math.e / g**2, ("g",), gamma)
    assert "make g four times as large" in diagnose([alone]) and "1/16" in diagnose([alone])


def test_a_largest_number_along_the_wrong_axis_is_seen():
    def softmax(logits):
        grown = (logits - logits.amax(-2, keepdim=True)).exp()
        return grown / grown.sum(-1, keepdim=True)

    assert "a factor too much, the same all along axis -2" in said(checks.check_attention_weights, softmax)


def test_one_too_many_in_a_mean_is_counted():
    def share(logits):
        a = logits.softmax(-1)
        near = (a.diagonal(1, -2, -1).sum(-1) + a.diagonal(-1, -2, -1).sum(-1)) / (a.shape[-1] - 1)
        block, head = divmod(int(near.argmax()), near.shape[1])
        return block, head, near.max().item()

    text = said(checks.check_neighbour_head, share)
    assert "The share is wrong, the block and the head right: yours is n/(n − 1) times" in text


def test_names_of_numbers_that_people_know():
    assert [spelled(x) for x in (1 / math.log(2), math.pi, -math.e, 1.5**0.25)] == ["1/ln 2", "π", "−e", "⁴√(3/2)"]


# --- where on the way, and on which line -----------------------------------------------------------------------------


def stay(T, x):
    return x


def turned_only(T, x):
    return Rigid(T.rotations, 0 * T.translations).apply(x)


def algorithm_22(way_of_q, way_of_k):
    """A learner's own: queries and keys each go some way, where both should go by ``Rigid.apply``."""

    def answer(layers, s, z, T, mask=None):
        H, T = layers.heads, T[..., None, :]
        q, k, v = (attention.split_scalars(to(s), H) for to in (layers.to_q, layers.to_k, layers.to_v))
        to_points = (layers.to_q_points, layers.to_k_points, layers.to_v_points)
        q_points, k_points, v_points = (attention.split_points(to(s), H) for to in to_points)
        far = attention.point_logits(way_of_q(T[..., None], q_points), way_of_k(T[..., None], k_points), layers.gamma)
        near = attention.scalar_logits(q, k) + attention.split_pair_bias(layers.to_pair_bias(z))
        logits = 3**-0.5 * (near + far)
        weights = (logits if mask is None else attention.hide_padding(logits, mask)).softmax(-1)
        points = T[..., None].invert_apply((weights @ T[..., None].apply(v_points).flatten(-2)).unflatten(-1, (-1, 3)))
        outputs = (
            attention.attend_pairs(weights, z),
            weights @ v,
            points.flatten(-2),
            attention.point_norms(points, layers.eps),
        )
        return layers.to_out(attention.concatenate_heads(*outputs))

    return answer


@pytest.mark.parametrize(
    ("way_of_q", "way_of_k", "words"),
    [
        (Rigid.apply, stay, "the keys are not carried into the world, and the queries are"),
        (stay, Rigid.apply, "the queries are not carried into the world, and the keys are"),
        (stay, stay, "neither rotations nor translations of T are used"),
        (turned_only, turned_only, "the translations of T are not used"),
        (Rigid.invert_apply, Rigid.invert_apply, "T is inverted, or not inverted where it should be"),
    ],
)
def test_it_says_which_points_were_carried_into_the_world(way_of_q, way_of_k, words):
    assert words in said(checks.check_attention, algorithm_22(way_of_q, way_of_k))


def test_this_way_of_writing_algorithm_22_is_right():
    assert checks.check_attention.examine(algorithm_22(Rigid.apply, Rigid.apply)).status == "ok"


def test_all_tensors_of_the_arguments_are_listed_those_of_frames_too():
    T, x, y = random_rigid((2,)), torch.ones(3), torch.zeros(1, dtype=torch.bool)
    found = flat((x, T, ("a word", (y,)), torch.nn.Linear(2, 2), None))
    assert [id(tensor) for tensor in found] == [id(tensor) for tensor in (x, T.rotations, T.translations, y)]


def test_frames_that_were_moved_in_place_are_noticed():
    def in_place(T, x):
        T.translations.neg_()
        return (T.rotations.mT @ (x + T.translations)[..., None])[..., 0]

    assert "It changes its own input" in said(checks.check_invert_apply, in_place)


def test_the_first_nan_is_traced():
    assert "sqrt: a root of a negative number" in first_nan(lambda x: (x.sqrt() + 1).exp(), (torch.tensor([-1.0]),))
    assert "log" in first_nan(lambda x: 3 * x.log(), (torch.tensor([-1.0]),))
    assert first_nan(lambda x: x.exp(), (torch.tensor([1.0]),)) == ""

    def completed(numbers):
        bcd, push = numbers.split(3, -1)
        return torch.cat([(1 - bcd.square().sum(-1, keepdim=True)).sqrt(), bcd], -1), push

    text = said(checks.check_update_quaternion, completed)
    assert "Quaternion: it returns NaN" in text and "the first comes out of sqrt" in text


def test_a_false_alarm_shows_the_line_of_the_test():
    def too_strict(f, T):
        G = random_rigid(dtype=T.dtype)
        (moved, arrows), (still, before) = f(G @ T), f(T)
        assert (moved.translations - (G @ still).translations).abs().max() < 1e-8
        assert (arrows - before).abs().max() < 1e-8

    text = said(checks.check_assert_equivariant, too_strict)
    assert "line 5 of your test: assert (arrows - before)" in text

    def by_a_helper(f, T):
        alike(f(random_rigid(dtype=T.dtype) @ T)[1], f(T)[1])

    def alike(a, b):
        assert torch.equal(a, b)

    assert "alike, which your test calls: assert torch.equal(a, b)" in said(
        checks.check_assert_equivariant, by_a_helper
    )


def test_the_part_of_an_answer_is_named():
    def swapped(x, heads, c):
        keys = attention.split_scalars(x, heads)
        return keys[..., :c], keys[..., -c:]

    assert "Values: shape" in said(checks.check_keys_and_values, swapped)


# --- what was accepted, or refused, once -----------------------------------------------------------------------------


def renamed(state, prefix):
    """Right, by way of the package's own table."""
    from ipa_tutorial import InvariantPointAttention

    module = InvariantPointAttention(10, 3, 4, 5, 2, 3).to(state[f"{prefix}point_weights"].dtype)
    load_ipa(module, state, prefix)
    return module.state_dict()


def test_tensors_of_another_module_are_noticed():
    def ignoring_the_prefix(state, prefix):
        endings = {name.split("attn.")[1]: x for name, x in state.items() if "attn." in name}
        return renamed({prefix + name: x for name, x in endings.items()}, prefix)

    assert "is that of another module" in said(checks.check_rename, ignoring_the_prefix)


def test_queries_and_keys_may_be_drawn_at_random():
    def anew(L, step, share):
        k = torch.linalg.qr(torch.randn(L, L, dtype=torch.float64))[0]
        loud = L**0.5 * math.log(share * (L - 1) / (1 - share))
        return (loud * k.roll(-step, 0)).float(), k.float()

    assert checks.check_ask.examine(anew).status == "ok"


def test_the_carrier_of_a_group_is_told():
    def unturned(backbone, default, turns):
        groups, carrier = [], backbone
        for g in range(8):
            carrier = (carrier if g > 4 else backbone) @ default[..., g]
            groups.append(carrier @ turns[..., g])
        return Rigid(torch.stack([T.rotations for T in groups], -3), torch.stack([T.translations for T in groups], -2))

    assert "yours is made of χ1 without its turn" in said(checks.check_compose_groups, unturned)
