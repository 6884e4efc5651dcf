"""Lesson 16: a test of motions, and a number worked out by hand."""

import math

import torch

from ipa_tutorial import Rigid, attention, random_rigid
from ipa_tutorial.quaternion import quaternion_to_rotation

from .answer import Exercise

# --- 16.3 -----------------------------------------------------------------------------------------------------------
along = Exercise("16.3", "check_test_of_motions")


def motion(T, seed=0, turn=True, push=True):
    G = random_rigid((), torch.Generator().manual_seed(seed), scale=3.0, dtype=T.dtype)
    R = G.rotations if turn else torch.eye(3, dtype=T.dtype)
    return Rigid(R, G.translations if push else torch.zeros(3, dtype=T.dtype))


def same(a, b):
    return torch.allclose(a, b, atol=1e-8)


def asserted(got, expected, look):
    for what in look:
        a, b = (x if what == "x" else getattr(frames, what) for x, frames in (got, expected))
        assert same(a, b), f"{what} does not move along"


ALL = ("x", "rotations", "translations")


def moved(title, mistake, look=ALL, turn=True, push=True, before=lambda G, T: G @ T, after=lambda G, T: G @ T):
    @along.wrong(title, mistake)
    def _(stack, T):
        G = motion(T, turn=turn, push=push)
        x, frames = stack(T)
        asserted(stack(before(G, T)), (x, after(G, frames)), look)


moved("x alone", "An update on the wrong side in the last block has not been looked at by anybody.", ("x",))
moved("frames alone", "x may have noticed the motion in the last block.", ("rotations", "translations"))
moved("rotations alone", "Places may stay behind.", ("rotations",))
moved("places alone", "Rotations may stay behind.", ("translations",))
moved("x and places", "Rotations may stay behind.", ("x", "translations"))
moved("x and rotations", "Places may stay behind.", ("x", "rotations"))
moved("a turn alone", "A turn does not see a missing translation.", push=False)
moved("a push alone", "A push does not see a missing transpose.", turn=False)
moved("no motion", "The identity changes nothing.", turn=False, push=False)
moved("motion on the right", "T ∘ G changes the molecule.", before=lambda G, T: T @ G, after=lambda G, T: T @ G)
moved("frames expected on the right", "What comes out moves on the left.", after=lambda G, T: T @ G)
moved("frames expected to stay", "They are equivariant, not invariant.", after=lambda G, T: T)
moved("the inverse expected", "The frames move along, not back.", after=lambda G, T: G.inverse() @ T)


@along.wrong("the first residue only", "The others may go astray.")
def _(stack, T):
    G = motion(T)
    (x, frames), (x2, frames2) = stack(T), stack(G @ T)
    asserted((x2[:1, :1], frames2[:1]), (x[:1, :1], (G @ frames)[:1]), ("x", "translations"))


@along.wrong("the same run twice", "The stack was given the same frames both times.")
def _(stack, T):
    asserted(stack(T), stack(T), ALL)


@along.wrong("a generous tolerance", "A tenth is no rounding.")
def _(stack, T):
    G = motion(T)
    (x, frames), (x2, frames2) = stack(T), stack(G @ T)
    assert (x2 - x).abs().max() < 0.1 and (frames2.translations - (G @ frames).translations).abs().max() < 1.0


@along.wrong("bit by bit", "Rounding differs after a motion.")
def _(stack, T):
    G = motion(T)
    (x, frames), (x2, frames2) = stack(T), stack(G @ T)
    assert torch.equal(x2, x) and torch.equal(frames2.translations, (G @ frames).translations)


@along.wrong("raise if it is large", "NaN is not larger than anything, and one number was looked at.")
def _(stack, T):
    x, _ = stack(T)
    if (stack(motion(T) @ T)[0] - x).abs().max() > 1e-8:
        raise AssertionError


@along.wrong("a tiny motion", "It stays below the tolerance.")
def _(stack, T):
    G = Rigid(torch.eye(3, dtype=T.dtype), torch.full((3,), 1e-12, dtype=T.dtype))
    (x, frames), (x2, frames2) = stack(T), stack(G @ T)
    asserted((x2, frames2), (x, G @ frames), ALL)


@along.wrong("each residue its own motion", "A global motion is one for everybody.")
def _(stack, T):
    G = random_rigid(len(T), torch.Generator().manual_seed(0), dtype=T.dtype)
    (x, frames), (x2, frames2) = stack(T), stack(G @ T)
    asserted((x2, frames2), (x, G @ frames), ALL)


@along.wrong("prints", "Nobody fails.")
def _(stack, T):
    print(same(stack(motion(T) @ T)[0], stack(T)[0]))


along.wrong(
    "returns True or False",
    "An AssertionError was promised.",
    lambda stack, T: same(stack(motion(T) @ T)[0], stack(T)[0]),
)
along.wrong("never fails", "A test that cannot fail tests nothing.", lambda stack, T: None)


@along.wrong("always fails", "It cries wolf.")
def _(stack, T):
    raise AssertionError("something stays behind")


@along.right("moved back again")
def _(stack, T):
    x, frames = stack(T)
    for seed in (3, 4, 5):
        G = motion(T, seed)
        x2, frames2 = stack(G @ T)
        back = G.inverse() @ frames2
        for a, b in ((x2, x), (back.rotations, frames.rotations), (back.translations, frames.translations)):
            worst = (a - b).abs().max().item()
            assert worst < 1e-7, f"off by {worst:.1e}"


@along.right("a turn, and a push, by hand")
def _(stack, T):
    x, frames = stack(T)
    R = quaternion_to_rotation(torch.tensor([0.4, 0.7, -0.5, 0.2], dtype=T.dtype))
    t = torch.tensor([2.0, -1.0, 4.0], dtype=T.dtype)
    x2, frames2 = stack(Rigid(R @ T.rotations, T.translations @ R.mT + t))
    torch.testing.assert_close(x2, x, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(frames2.rotations, R @ frames.rotations, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(frames2.translations, frames.translations @ R.mT + t, rtol=1e-8, atol=1e-8)


# --- 16.4 -----------------------------------------------------------------------------------------------------------
hand = Exercise("16.4", "check_test_of_point_logits")


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def worked_out(
    title, mistake, H=2, L=2, P=3, gamma=(1.0, 3.0), steps=((0, 2.0), (2, 3.0)), places=(0.0, 100.0), tolerance=1e-6,
    w_C=lambda P: math.sqrt(2 / (9 * P)), factor=-0.5, power=2,
):  # fmt: skip
    """The second key's points ``p`` are moved by ``steps``; what must come out is worked out and compared."""

    def test(point_logits):
        q, k = torch.zeros(2, H, L, P, 3, dtype=torch.float64)
        for axis, (p, step) in enumerate(steps):
            k[:, -1, p, axis] = step
        expected = torch.zeros(H, L, L, dtype=torch.float64)
        total = sum(step**power for _, step in steps)
        expected[:, :, -1] = factor * numbers(*gamma)[:, None] * w_C(P) * total
        for place in places:
            got = point_logits(q + place, k + place, numbers(*gamma))
            assert (got - expected).abs().max() < tolerance, f"off at {place}"

    (hand.wrong(title, mistake, test) if mistake else hand.right(title, test))


worked_out("one point", "Sum and mean are the same, and P cannot be seen under the root.", P=1, steps=((0, 2.0),))
worked_out("a distance of one", "1² = 1: the missing square does not show.", steps=((0, 1.0),))
worked_out("only the first point moved", "Who looks at the first point alone is right.", steps=((0, 2.0),))
worked_out("γ all ones", "Nobody notices whose γ it is.", gamma=(1.0, 1.0))
worked_out("one head", "Nobody notices whose γ it is.", H=1, gamma=(3.0,))
worked_out("near the origin only", "Half precision is right there.", places=(0.0,))
worked_out("nothing moved", "Zero everywhere: every function passes.", steps=())
worked_out("a generous tolerance", "Off by ten is off.", tolerance=10.0)
worked_out("1/√(6P) expected", "Sound code fails: 9/2 is what the softmax hears.", w_C=lambda P: (6 * P) ** -0.5)
worked_out("P forgotten in what is expected", "Sound code fails.", w_C=lambda P: math.sqrt(2 / 9))
worked_out("no ½ expected", "Sound code fails.", factor=-1.0)
worked_out("a plus expected", "Sound code fails: far away is small.", factor=0.5)
worked_out("lengths expected", "Sound code fails: lengths are squared.", power=1)
worked_out(
    "too strict",
    "A function that is right and written in another way is off in the thirteenth digit.",
    gamma=(0.7, 3.1),
    steps=((0, 2.3), (2, 3.1)),
    places=(0.0, 0.1),
    tolerance=1e-300,
)


def sample(seed=0):
    q, k = torch.randn(2, 2, 3, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return q, k, numbers(1.0, 3.0)


@hand.wrong("signs only", "Half of the functions have the right sign.")
def _(point_logits):
    assert (point_logits(*sample()) <= 0).all()


@hand.wrong("shapes only", "All have the right shape.")
def _(point_logits):
    assert point_logits(*sample()).shape == (2, 3, 3)


@hand.wrong("moved by a motion", "A wrong constant turns with the protein as nicely as the right one.")
def _(point_logits):
    q, k, gamma = sample()
    G = random_rigid((), torch.Generator().manual_seed(1), scale=3.0, dtype=torch.float64)
    assert torch.allclose(point_logits(G.apply(q), G.apply(k), gamma), point_logits(q, k, gamma))


@hand.wrong("ratios only", "A constant factor cancels.")
def _(point_logits):
    q, k, gamma = sample()
    got, expected = point_logits(q, k, gamma), attention.point_logits(q, k, gamma)
    assert torch.allclose(got / got.sum(), expected / expected.sum())


@hand.wrong("the softmax compared", "What is the same for all keys is forgiven, and nearly nothing is left elsewhere.")
def _(point_logits):
    q, k, gamma = sample()
    got, expected = point_logits(30 * q, 30 * k, gamma), attention.point_logits(30 * q, 30 * k, gamma)
    assert torch.allclose(got.softmax(-1), expected.softmax(-1), atol=1e-3)


@hand.wrong("queries and keys alike", "The table is symmetric then: rows exchanged with columns do not show.")
def _(point_logits):
    q, _, gamma = sample()
    for place in (0, 100):
        got = point_logits(q + place, q + place, gamma)
        assert torch.allclose(got, attention.point_logits(q, q, gamma), atol=1e-6)


@hand.wrong("no absolute value", "What is too small passes.")
def _(point_logits):
    q, k, gamma = sample()
    assert (point_logits(q, k, gamma) - attention.point_logits(q, k, gamma)).max() < 1e-6


@hand.wrong("one entry", "The others may be anything.")
def _(point_logits):
    q, k, gamma = sample()
    assert abs(point_logits(q, k, gamma)[0, 0, 0] - attention.point_logits(q, k, gamma)[0, 0, 0]) < 1e-6


@hand.wrong("compared with itself", "Every function agrees with itself.")
def _(point_logits):
    assert torch.equal(point_logits(*sample()), point_logits(*sample()))


@hand.wrong("prints", "Nobody fails.")
def _(point_logits):
    print((point_logits(*sample()) - attention.point_logits(*sample())).abs().max())


hand.wrong(
    "returns True or False",
    "An AssertionError was promised.",
    lambda point_logits: torch.allclose(point_logits(*sample()), attention.point_logits(*sample())),
)
hand.wrong("never fails", "A test that cannot fail tests nothing.", lambda point_logits: None)


@hand.wrong("always fails", "It cries wolf.")
def _(point_logits):
    raise AssertionError("the constant is wrong")


worked_out("three residues, two points, other numbers", "", L=3, P=2, gamma=(2.0, 0.5), steps=((0, 3.0), (1, -4.0)))


@hand.right("random points, by loops")
def _(point_logits):
    q, k, gamma = sample(5)
    for place in (0.0, 1000.0):
        got = point_logits(q + place, k + place, gamma)
        for h in range(2):
            for i in range(3):
                for j in range(3):
                    far = sum((q[h, i, p] - k[h, j, p]).square().sum() for p in range(3))
                    expected = -gamma[h] * math.sqrt(2 / 27) * far / 2
                    assert abs(got[h, i, j] - expected) < 1e-5, f"head {h}, query {i}, key {j}"
