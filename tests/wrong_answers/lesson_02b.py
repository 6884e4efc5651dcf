"""Lesson 02: further answers, written without a look at the checks."""

import torch

from ipa_tutorial import Rigid, random_rigid

from .answer import Exercise

Exercise.all["02.2"].wrong("the negative of both", "−R is no rotation.", lambda T: Rigid(-T.rotations, -T.translations))


def turn(R, x):
    return (R @ x[..., None])[..., 0]


Exercise.all["02.2"].wrong(
    "the inverse translation turned twice",
    "Rᵀ once.",
    lambda T: Rigid(T.rotations.mT, -turn(T.rotations.mT @ T.rotations.mT, T.translations)),
)

Exercise.all["02.2"].wrong(
    "a turn backwards and no way back",
    "The place has to be undone, too.",
    lambda T: Rigid(T.rotations.mT, torch.zeros_like(T.translations)),
)


@Exercise.all["02.3"].wrong("compares the moved input", "It compares T with G T and not f with f.")
def _(f, T):
    G = random_rigid(scale=3.0, dtype=T.dtype)
    assert torch.allclose((G @ T).translations, T.translations), "turn"


@Exercise.all["02.3"].wrong("a relative error", "Divided by numbers that may be zero.")
def _(f, T):
    G = random_rigid(scale=3.0, dtype=T.dtype)
    still = Rigid.identity(dtype=T.dtype)
    for name, m in {
        "turn": Rigid(G.rotations, still.translations),
        "push": Rigid(still.rotations, G.translations),
    }.items():
        a, b = f(T), f(m @ T)
        assert ((b - a) / a).abs().max() < 1e-8, name


@Exercise.all["02.3"].wrong("only the first number", "Any number may change.")
def _(f, T):
    G = random_rigid(scale=3.0, dtype=T.dtype)
    still = Rigid.identity(dtype=T.dtype)
    for name, m in {
        "turn": Rigid(G.rotations, still.translations),
        "push": Rigid(still.rotations, G.translations),
    }.items():
        a, b = f(T).flatten()[0], f(m @ T).flatten()[0]
        assert (b - a).abs() <= 1e-8, name


def follow_first_step_lost(steps):
    R = torch.eye(3, dtype=steps.dtype).expand(*steps.shape[:-1], 3, 3)
    t = torch.zeros(*steps.shape[:-1], 3, dtype=steps.dtype)
    rotations, translations = [R], [t]
    for k in range(1, steps.shape[-1]):
        t = t + (R @ steps.translations[..., k, :, None])[..., 0]
        R = R @ steps.rotations[..., k, :, :]
        rotations.append(R)
        translations.append(t)
    return Rigid(torch.stack(rotations, -3), torch.stack(translations, -2))


Exercise.all["02.1"].wrong(
    "begins at the identity, S1 forgotten",
    "The chain begins at the origin of the world and not at the first step, so every frame is seen from residue 1.",
    follow_first_step_lost,
)


def follow_new_place_turned_too(steps):
    R, t = steps.rotations[..., 0, :, :], steps.translations[..., 0, :]
    rotations, translations = [R], [t]
    for k in range(1, steps.shape[-1]):
        t = (R @ (t + steps.translations[..., k, :])[..., None])[..., 0]
        R = R @ steps.rotations[..., k, :, :]
        rotations.append(R)
        translations.append(t)
    return Rigid(torch.stack(rotations, -3), torch.stack(translations, -2))


Exercise.all["02.1"].wrong(
    "old place turned along with step",
    "The place that has been reached is turned, too: R (t + t_S) in place of t + R t_S.",
    follow_new_place_turned_too,
)


def follow_by_doubling(steps):
    R, t = steps.rotations, steps.translations
    shift = 1
    while shift < steps.shape[-1]:
        R0, t0 = R[..., :-shift, :, :], t[..., :-shift, :]
        new_t = t0 + (R0 @ t[..., shift:, :, None])[..., 0]
        new_R = R0 @ R[..., shift:, :, :]
        R = torch.cat([R[..., :shift, :, :], new_R], -3)
        t = torch.cat([t[..., :shift, :], new_t], -2)
        shift *= 2
    return Rigid(R, t)


Exercise.all["02.1"].right("all frames at once, doubling strides", follow_by_doubling)


def inverse_letter_slip(T):
    t = -torch.einsum("...yx,...y->...y", T.rotations, T.translations)
    return Rigid(T.rotations.mT, t)


Exercise.all["02.2"].wrong(
    "wrong letter survives in einsum",
    "The einsum keeps the index that should be summed and sums the other, so the translation is not −Rᵀt.",
    inverse_letter_slip,
)


def inverse_by_linalg(T):
    R = torch.linalg.inv(T.rotations)
    return Rigid(R, -(R @ T.translations.unsqueeze(-1)).squeeze(-1))


Exercise.all["02.2"].wrong(
    "torch inverts the rotation matrices",
    "A matrix is inverted with linalg.inv, which the statement forbids.",
    inverse_by_linalg,
)


def inverse_with_sums(T):
    R, t = T.rotations, T.translations
    back = torch.stack([R[..., 0, :], R[..., 1, :], R[..., 2, :]], dim=-1)
    return Rigid(back, -(R * t[..., :, None]).sum(-2))


Exercise.all["02.2"].right("rows stacked as columns, plain sums", inverse_with_sums)


def test_invariant_loose(f, T):
    G = random_rigid(scale=3.0, dtype=T.dtype)
    still = Rigid.identity(dtype=T.dtype)
    before = f(T)
    for word, motion in (
        ("turn", Rigid(G.rotations, still.translations)),
        ("push", Rigid(still.rotations, G.translations)),
    ):
        if not torch.allclose(f(motion @ T), before, rtol=1e-3, atol=1e-3):
            raise AssertionError(f"f notices a {word}")


Exercise.all["02.3"].wrong(
    "agrees to a thousandth is enough",
    "The tolerance of a thousandth is too generous: a change by a ten-thousandth passes.",
    test_invariant_loose,
)


def test_invariant_both_words(f, T):
    before = f(T)
    G = random_rigid(scale=3.0, dtype=T.dtype)
    still = Rigid.identity(dtype=T.dtype)
    tolerance = 1e-9 * max(1.0, before.abs().max().item())
    turned = (f(Rigid(G.rotations, still.translations) @ T) - before).abs().max().item()
    pushed = (f(Rigid(still.rotations, G.translations) @ T) - before).abs().max().item()
    assert turned <= tolerance and pushed <= tolerance, f"noticed: turn {turned:.1e}, push {pushed:.1e}"


Exercise.all["02.3"].wrong(
    "one message that names both motions",
    "The message holds both words whatever was noticed, so it does not say which kind of motion it was.",
    test_invariant_both_words,
)


def test_invariant_half_turn(f, T):
    before = f(T)
    zero = torch.zeros(3, dtype=T.dtype)
    half_turn = Rigid(torch.diag(torch.tensor([-1.0, -1.0, 1.0], dtype=T.dtype)), zero)
    shift = Rigid(torch.eye(3, dtype=T.dtype), torch.tensor([1.0, 2.0, 3.0], dtype=T.dtype))
    assert torch.allclose(f(half_turn @ T), before, rtol=0, atol=1e-8), "a turn was noticed"
    assert torch.allclose(f(shift @ T), before, rtol=0, atol=1e-8), "a push was noticed"


Exercise.all["02.3"].wrong(
    "half turn about z as turn",
    "The only turn that is tried is a half turn about an axis of the world, to which some functions are blind.",
    test_invariant_half_turn,
)


def test_invariant_by_cases(f, T):
    G = random_rigid(scale=3.0, dtype=T.dtype)
    before = f(T)

    def same(motion):  # NaN is never close
        return torch.allclose(f(motion @ T), before, rtol=1e-9, atol=1e-9)

    only_turn = Rigid(G.rotations, torch.zeros_like(G.translations))
    if same(G) and same(only_turn):
        return
    raise AssertionError("it sees a shift" if same(only_turn) else "it sees a rotation")


Exercise.all["02.3"].right("whole motion first, then the culprit", test_invariant_by_cases)
