"""Lesson 09: a test of equivariance."""

import torch

from ipa_tutorial import Rigid, random_rigid
from ipa_tutorial.quaternion import quaternion_to_rotation

from .answer import Exercise

test = Exercise("09.3", "check_assert_equivariant")


def motion(T, seed=0, scale=3.0):
    return random_rigid((), torch.Generator().manual_seed(seed), scale=scale, dtype=T.dtype)


def close(a, b, tolerance=1e-8):
    return torch.allclose(a, b, atol=tolerance, rtol=1e-8)


def both(got, expected):
    """The comparison that is right."""
    assert close(got.rotations, expected.rotations), "the rotations do not follow"
    assert close(got.translations, expected.translations), "the places do not follow"


@test.wrong("rotations only", "Places can go astray while every rotation is right.")
def _(f, T):
    G = motion(T)
    assert close(f(G @ T).rotations, (G @ f(T)).rotations)


@test.wrong("places only", "A layer that pushes well may turn about the wrong axes.")
def _(f, T):
    G = motion(T)
    assert close(f(G @ T).translations, (G @ f(T)).translations)


@test.wrong("invariance", "A layer that moves frames must change along: compare with G ∘ f(T).")
def _(f, T):
    both(f(motion(T) @ T), f(T))


@test.wrong("motion on the right", "T ∘ G moves every residue in its own axes.")
def _(f, T):
    G = motion(T)
    both(f(T @ G), f(T) @ G)


@test.wrong("expected on the right", "What comes out moves on the left, as what went in.")
def _(f, T):
    G = motion(T)
    both(f(G @ T), f(T) @ G)


@test.wrong("only turning", "Some survive turns about the origin and no shift.")
def _(f, T):
    G = motion(T)
    G = Rigid(G.rotations, torch.zeros_like(G.translations))
    both(f(G @ T), G @ f(T))


@test.wrong("only shifting", "Some survive shifts and no turn.")
def _(f, T):
    G = motion(T)
    G = Rigid(torch.eye(3, dtype=T.dtype), G.translations)
    both(f(G @ T), G @ f(T))


@test.wrong("the identity", "Nothing moves, so nothing is tested.")
def _(f, T):
    G = Rigid.identity(dtype=T.dtype)
    both(f(G @ T), G @ f(T))


@test.wrong("a tiny motion", "A ten-millionth of a turn is below the tolerance.")
def _(f, T):
    q = torch.tensor([1.0, 1e-9, 2e-9, -1e-9], dtype=T.dtype)
    G = Rigid(quaternion_to_rotation(q), torch.full((3,), 1e-9, dtype=T.dtype))
    both(f(G @ T), G @ f(T))


@test.wrong("G forgotten outside", "f(G ∘ T) is compared with f of the same again.")
def _(f, T):
    G = motion(T)
    both(f(G @ T), f(G @ T))


@test.wrong("f forgotten", "G ∘ T is what went in, not what should come out.")
def _(f, T):
    G = motion(T)
    both(f(G @ T), G @ T)


@test.wrong("prints", "A difference that is printed fails nobody.")
def _(f, T):
    G = motion(T)
    print("equivariant:", close(f(G @ T).translations, (G @ f(T)).translations))


@test.wrong("returns True or False", "An AssertionError was promised; nobody reads what is returned.")
def _(f, T):
    G = motion(T)
    got, expected = f(G @ T), G @ f(T)
    return close(got.rotations, expected.rotations) and close(got.translations, expected.translations)


test.wrong("never fails", "A test that cannot fail tests nothing.", lambda f, T: None)


@test.wrong("always fails", "Sound layers must pass.")
def _(f, T):
    raise AssertionError("not equivariant")


@test.wrong("or", "One half being right was enough here; both must be.")
def _(f, T):
    G = motion(T)
    got, expected = f(G @ T), G @ f(T)
    assert close(got.rotations, expected.rotations) or close(got.translations, expected.translations)


@test.wrong("a generous tolerance", "A difference of one nanometre, or of a whole turn, is not rounding.")
def _(f, T):
    G = motion(T)
    got, expected = f(G @ T), G @ f(T)
    assert (got.rotations - expected.rotations).abs().max() < 1
    assert (got.translations - expected.translations).abs().max() < 1


@test.wrong("bit by bit", "Rounding differs: sound layers fail.")
def _(f, T):
    G = motion(T)
    got, expected = f(G @ T), G @ f(T)
    assert torch.equal(got.rotations, expected.rotations) and torch.equal(got.translations, expected.translations)


@test.wrong("no absolute value", "What becomes smaller passes.")
def _(f, T):
    G = motion(T)
    got, expected = f(G @ T), G @ f(T)
    assert (got.rotations - expected.rotations).max() < 1e-8
    assert (got.translations - expected.translations).max() < 1e-8


@test.wrong("signed sums", "Deviations in opposite directions cancel, and negative ones pass.")
def _(f, T):
    G = motion(T)
    got, expected = f(G @ T), G @ f(T)
    assert (got.rotations - expected.rotations).sum() < 1e-8
    assert (got.translations - expected.translations).sum() < 1e-8


@test.wrong("the shape only", "Shapes agree in every wrong layer.")
def _(f, T):
    G = motion(T)
    assert f(G @ T).shape == (G @ f(T)).shape


@test.wrong("distances only", "Distances between places are kept by a layer that returns the same frames always.")
def _(f, T):
    G = motion(T)
    a, b = f(G @ T).translations, f(T).translations
    assert close(torch.cdist(a, a, compute_mode="donot_use_mm_for_euclid_dist"), torch.cdist(b, b), 1e-6)


@test.wrong("the first residue only", "Others may go astray.")
def _(f, T):
    G = motion(T)
    both(f(G @ T)[0], (G @ f(T))[0])


@test.right("largest deviations")
def _(f, T):
    for seed in range(2):
        G = motion(T, seed)
        got, expected = f(G @ T), G @ f(T)
        for a, b in ((got.rotations, expected.rotations), (got.translations, expected.translations)):
            deviation = (a - b).abs().max().item()
            if not deviation < 1e-7:
                raise AssertionError(f"off by {deviation:.1e}")


@test.right("a turn, then a push, the motion taken back")
def _(f, T):
    q = torch.tensor([0.3, -0.8, 0.5, 1.1], dtype=T.dtype)
    turn = Rigid(quaternion_to_rotation(q), torch.zeros(3, dtype=T.dtype))
    push = Rigid(torch.eye(3, dtype=T.dtype), torch.tensor([1.0, -2.0, 3.0], dtype=T.dtype))
    before = f(T)
    for G in (turn, push, push @ turn):
        both(G.inverse() @ f(G @ T), before)
