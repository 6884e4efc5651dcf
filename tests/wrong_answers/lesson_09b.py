"""Lesson 09: a test of equivariance, for layers that return frames and arrows."""

import torch

from ipa_tutorial import Rigid, random_rigid
from ipa_tutorial.quaternion import quaternion_to_rotation

from .answer import Exercise

test = Exercise("09.3", "check_assert_equivariant")


def motion(T, seed=0, scale=3.0):
    return random_rigid((), torch.Generator().manual_seed(seed), scale=scale, dtype=T.dtype)


def close(a, b, tolerance=1e-8):
    return torch.allclose(a, b, atol=tolerance, rtol=1e-8)


def parts(answer):
    """Rotations, translations, arrows."""
    frames, arrows = answer
    return frames.rotations, frames.translations, arrows


def moved(answer, G):
    """As the answer should be once the world has moved."""
    frames, arrows = answer
    return G @ frames, arrows @ G.rotations.mT


def alike(got, expected):
    """The comparison that is right."""
    names = "rotations", "places", "arrows"
    for name, a, b in zip(names, parts(got), parts(expected), strict=True):
        assert close(a, b), f"the {name} do not follow"


@test.wrong("arrows forgotten", "Only the frames are compared.")
def _(f, T):
    G = motion(T)
    got, expected = f(G @ T)[0], G @ f(T)[0]
    assert close(got.rotations, expected.rotations) and close(got.translations, expected.translations)


@test.wrong("arrows alone", "Only the arrows are compared.")
def _(f, T):
    G = motion(T)
    assert close(f(G @ T)[1], f(T)[1] @ G.rotations.mT)


@test.wrong("arrows pushed", "An arrow has no place that could be pushed: R_G alone acts on it.")
def _(f, T):
    G = motion(T)
    frames, arrows = f(T)
    alike(f(G @ T), (G @ frames, G.apply(arrows)))


@test.wrong("arrows turned backwards", "arrows @ R turns by the transpose.")
def _(f, T):
    G = motion(T)
    frames, arrows = f(T)
    alike(f(G @ T), (G @ frames, arrows @ G.rotations))


@test.wrong("arrows that must stay", "Arrows in the world turn with it.")
def _(f, T):
    G = motion(T)
    frames, arrows = f(T)
    alike(f(G @ T), (G @ frames, arrows))


@test.wrong("lengths of arrows", "An arrow that points elsewhere may be as long.")
def _(f, T):
    G = motion(T)
    (got, got_arrows), (expected, arrows) = f(G @ T), moved(f(T), G)
    alike((got, got_arrows.norm(dim=-1)), (expected, arrows.norm(dim=-1)))


@test.wrong("rotations and arrows only", "Places can go astray while everything else is right.")
def _(f, T):
    G = motion(T)
    got, expected = parts(f(G @ T)), parts(moved(f(T), G))
    assert close(got[0], expected[0]) and close(got[2], expected[2])


@test.wrong("places and arrows only", "A layer that pushes well may turn about the wrong axes.")
def _(f, T):
    G = motion(T)
    got, expected = parts(f(G @ T)), parts(moved(f(T), G))
    assert close(got[1], expected[1]) and close(got[2], expected[2])


@test.wrong("invariance", "What a layer moves must change along: compare with what has moved.")
def _(f, T):
    alike(f(motion(T) @ T), f(T))


@test.wrong("motion on the right", "T ∘ G moves every residue in its own axes.")
def _(f, T):
    G = motion(T)
    frames, arrows = f(T)
    alike(f(T @ G), (frames @ G, arrows @ G.rotations.mT))


@test.wrong("expected on the right", "What comes out moves on the left, as what went in.")
def _(f, T):
    G = motion(T)
    frames, arrows = f(T)
    alike(f(G @ T), (frames @ G, arrows @ G.rotations.mT))


@test.wrong("only turning", "Some survive turns about the origin and no shift.")
def _(f, T):
    G = motion(T)
    G = Rigid(G.rotations, torch.zeros_like(G.translations))
    alike(f(G @ T), moved(f(T), G))


@test.wrong("only shifting", "Some survive shifts and no turn.")
def _(f, T):
    G = motion(T)
    G = Rigid(torch.eye(3, dtype=T.dtype), G.translations)
    alike(f(G @ T), moved(f(T), G))


@test.wrong("the identity", "Nothing moves, so nothing is tested.")
def _(f, T):
    G = Rigid.identity(dtype=T.dtype)
    alike(f(G @ T), moved(f(T), G))


@test.wrong("a tiny motion", "A ten-millionth of a turn is below the tolerance.")
def _(f, T):
    q = torch.tensor([1.0, 1e-9, 2e-9, -1e-9], dtype=T.dtype)
    G = Rigid(quaternion_to_rotation(q), torch.full((3,), 1e-9, dtype=T.dtype))
    alike(f(G @ T), moved(f(T), G))


@test.wrong("G forgotten outside", "f(G ∘ T) is compared with f of the same again.")
def _(f, T):
    G = motion(T)
    alike(f(G @ T), f(G @ T))


@test.wrong("f forgotten", "G ∘ T is what went in, not what should come out.")
def _(f, T):
    G = motion(T)
    got, arrows = f(G @ T)
    alike((got, arrows), (G @ T, arrows))


@test.wrong("prints", "A difference that is printed fails nobody.")
def _(f, T):
    G = motion(T)
    got, expected = parts(f(G @ T)), parts(moved(f(T), G))
    print("equivariant:", all(map(close, got, expected)))


@test.wrong("returns True or False", "An AssertionError was promised; nobody reads what is returned.")
def _(f, T):
    G = motion(T)
    return all(map(close, parts(f(G @ T)), parts(moved(f(T), G))))


test.wrong("never fails", "A test that cannot fail tests nothing.", lambda f, T: None)


@test.wrong("always fails", "Sound layers must pass.")
def _(f, T):
    raise AssertionError("not equivariant")


@test.wrong("or", "One part being right was enough here; all must be.")
def _(f, T):
    G = motion(T)
    assert any(map(close, parts(f(G @ T)), parts(moved(f(T), G))))


@test.wrong("a generous tolerance", "A difference of one nanometre, or of a whole turn, is not rounding.")
def _(f, T):
    G = motion(T)
    for a, b in zip(parts(f(G @ T)), parts(moved(f(T), G)), strict=True):
        assert (a - b).abs().max() < 1


@test.wrong("bit by bit", "Rounding differs: sound layers fail.")
def _(f, T):
    G = motion(T)
    assert all(map(torch.equal, parts(f(G @ T)), parts(moved(f(T), G))))


@test.wrong("no absolute value", "What becomes smaller passes.")
def _(f, T):
    G = motion(T)
    for a, b in zip(parts(f(G @ T)), parts(moved(f(T), G)), strict=True):
        assert (a - b).max() < 1e-8


@test.wrong("signed sums", "Deviations in opposite directions cancel, and negative ones pass.")
def _(f, T):
    G = motion(T)
    for a, b in zip(parts(f(G @ T)), parts(moved(f(T), G)), strict=True):
        assert (a - b).sum() < 1e-8


@test.wrong("the shape only", "Shapes agree in every wrong layer.")
def _(f, T):
    G = motion(T)
    for a, b in zip(parts(f(G @ T)), parts(moved(f(T), G)), strict=True):
        assert a.shape == b.shape


@test.wrong("distances only", "Distances between places are kept by a layer that returns the same frames always.")
def _(f, T):
    G = motion(T)
    (a, a_arrows), (b, b_arrows) = f(G @ T), moved(f(T), G)
    a, b = (torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist") for x in (a.translations, b.translations))
    assert close(a, b, 1e-6) and close(a_arrows, b_arrows)


@test.wrong("the first residue only", "Others may go astray.")
def _(f, T):
    G = motion(T)
    for a, b in zip(parts(f(G @ T)), parts(moved(f(T), G)), strict=True):
        assert close(a[0], b[0])


@test.wrong("another motion for each residue", "One motion of the world, for everybody.")
def _(f, T):
    G = random_rigid(T.shape, torch.Generator().manual_seed(0), dtype=T.dtype)
    frames, arrows = f(T)
    alike(f(G @ T), (G @ frames, (G.rotations @ arrows[..., None])[..., 0]))


@test.right("largest deviations")
def _(f, T):
    for seed in range(2):
        G = motion(T, seed)
        for a, b in zip(parts(f(G @ T)), parts(moved(f(T), G)), strict=True):
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
        alike(moved(f(G @ T), G.inverse()), before)


@test.right("arrows as differences of two points")
def _(f, T):
    """An arrow leads from a place to another; both move with the world."""
    G = motion(T)
    (got, got_arrows), (frames, arrows) = f(G @ T), f(T)
    start = frames.translations
    alike((got, got_arrows), (G @ frames, G.apply(start + arrows) - G.apply(start)))
