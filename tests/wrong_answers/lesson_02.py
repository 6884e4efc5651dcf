"""Lesson 02: compose, undo, and a test of invariance."""

import torch

from ipa_tutorial import Rigid, random_rigid
from ipa_tutorial.quaternion import quaternion_to_rotation

from .answer import Exercise


def turn(R, x):
    """R x, a matrix and an arrow for each residue."""
    return (R @ x[..., None])[..., 0]


# --- 02.1 -----------------------------------------------------------------------------------------------------------
follow = Exercise("02.1", "check_follow")


def walked(step, first=lambda R, t: (R, t)):
    """A loop over the steps: ``step(R, t, S, s)`` makes the next frame of the last one and of a step."""

    def answer(steps):
        R, t = first(steps.rotations[..., 0, :, :], steps.translations[..., 0, :])
        frames = [(R, t)]
        for k in range(1, steps.shape[-1]):
            R, t = step(R, t, steps.rotations[..., k, :, :], steps.translations[..., k, :])
            frames.append((R, t))
        rotations, translations = zip(*frames, strict=True)
        return Rigid(torch.stack(rotations, dim=-3), torch.stack(translations, dim=-2))

    return answer


follow.wrong(
    "pushes simply added",
    "A step is spoken in the axes of the frame before it, which has to turn it before it can be added.",
    walked(lambda R, t, S, s: (R @ S, t + s)),
)
follow.wrong(
    "the step on the left",
    "S ∘ T moves the world; a step in the residue's own axes goes on the right, T ∘ S.",
    walked(lambda R, t, S, s: (S @ R, turn(S, t) + s)),
)
follow.wrong(
    "only the rotations on the left",
    "The places are right at first, but S R does the turns in the other order.",
    walked(lambda R, t, S, s: (S @ R, turn(R, s) + t)),
)
follow.wrong(
    "turned by the new rotation",
    "R was already overwritten when the push was turned: the push is spoken in the axes before the turn.",
    walked(lambda R, t, S, s: (R @ S, turn(R @ S, s) + t)),
)
follow.wrong(
    "pushed backwards",
    "A row times a matrix is the transposed rotation.",
    walked(lambda R, t, S, s: (R @ S, (s[..., None, :] @ R)[..., 0, :] + t)),
)
follow.wrong(
    "the old place turned",
    "What has been walked stays where it is: only the new push is turned.",
    walked(lambda R, t, S, s: (R @ S, turn(R, t) + s)),
)
follow.wrong(
    "the old place forgotten",
    "Each place is one step away from the one before, and not from the origin.",
    walked(lambda R, t, S, s: (R @ S, turn(R, s))),
)
follow.wrong(
    "begun at the origin",
    "The first step leads to the first residue: its frame is the step as it came.",
    walked(
        lambda R, t, S, s: (R @ S, turn(R, s) + t),
        lambda R, t: (torch.eye(3, dtype=R.dtype).expand_as(R), torch.zeros_like(t)),
    ),
)
follow.wrong(
    "everybody from the first",
    "Each step goes on from the frame before it; here all begin at the first one.",
    lambda steps: Rigid(
        torch.cat(
            [steps.rotations[..., :1, :, :], steps.rotations[..., :1, :, :] @ steps.rotations[..., 1:, :, :]], dim=-3
        ),
        torch.cat(
            [
                steps.translations[..., :1, :],
                turn(steps.rotations[..., :1, :, :], steps.translations[..., 1:, :]) + steps.translations[..., :1, :],
            ],
            dim=-2,
        ),
    ),
)
follow.wrong(
    "only neighbours composed",
    "Step k was applied to step k − 1 and not to the frame that has been reached.",
    lambda steps: Rigid(
        torch.cat(
            [steps.rotations[..., :1, :, :], steps.rotations[..., :-1, :, :] @ steps.rotations[..., 1:, :, :]], dim=-3
        ),
        torch.cat(
            [
                steps.translations[..., :1, :],
                turn(steps.rotations[..., :-1, :, :], steps.translations[..., 1:, :]) + steps.translations[..., :-1, :],
            ],
            dim=-2,
        ),
    ),
)
follow.wrong(
    "the places summed up",
    "cumsum adds arrows that are spoken in different axes.",
    lambda steps: Rigid(walked(lambda R, t, S, s: (R @ S, t))(steps).rotations, steps.translations.cumsum(-2)),
)


@follow.wrong("the package's own @", "The statement asks for the formula, without @ between two Rigids.")
def _(steps):
    frames = [steps[..., 0]]
    for k in range(1, steps.shape[-1]):
        frames.append(frames[-1] @ steps[..., k])
    return Rigid(torch.stack([T.rotations for T in frames], -3), torch.stack([T.translations for T in frames], -2))


@follow.wrong("a loop over the first axis", "With a batch the first axis is no longer that of the residues.")
def _(steps):
    R, t = steps.rotations[0], steps.translations[0]
    Rs, ts = [R], [t]
    for k in range(1, len(steps.rotations)):
        R, t = R @ steps.rotations[k], turn(R, steps.translations[k]) + t
        Rs.append(R)
        ts.append(t)
    return Rigid(torch.stack(Rs), torch.stack(ts))


@follow.wrong("only the last frame", "All frames on the way were asked for.")
def _(steps):
    whole = walked(lambda R, t, S, s: (R @ S, turn(R, s) + t))(steps)
    return Rigid(whole.rotations[..., -1, :, :], whole.translations[..., -1, :])


@follow.wrong("backwards", "The chain begins with the first step.")
def _(steps):
    flipped = Rigid(steps.rotations.flip(-3), steps.translations.flip(-2))
    whole = walked(lambda R, t, S, s: (R @ S, turn(R, s) + t))(flipped)
    return Rigid(whole.rotations.flip(-3), whole.translations.flip(-2))


follow.wrong(
    "a list of frames",
    "One Rigid was asked for, with the residues as an axis.",
    lambda steps: [steps[..., k] for k in range(steps.shape[-1])],
)
follow.right("a loop over R and t", walked(lambda R, t, S, s: (R @ S, turn(R, s) + t)))
follow.right(
    "einsum in the loop",
    walked(
        lambda R, t, S, s: (
            torch.einsum("...xy,...yz->...xz", R, S),
            torch.einsum("...xy,...y->...x", R, s) + t,
        )
    ),
)


@follow.right("four by four matrices")
def _(steps):
    last = torch.tensor([0.0, 0, 0, 1], dtype=steps.dtype).expand(*steps.shape, 1, 4)
    M = torch.cat([torch.cat([steps.rotations, steps.translations[..., None]], -1), last], -2)
    out = [M[..., 0, :, :]]
    for k in range(1, M.shape[-3]):
        out.append(out[-1] @ M[..., k, :, :])
    M = torch.stack(out, dim=-3)
    return Rigid(M[..., :3, :3], M[..., :3, 3])


# --- 02.2 -----------------------------------------------------------------------------------------------------------
inverse = Exercise("02.2", "check_inverse")

inverse.wrong(
    "−t",
    "The way back has to be said in the residue's own axes: turn t before you negate it.",
    lambda T: Rigid(T.rotations.mT, -T.translations),
)
inverse.wrong(
    "the rotation kept",
    "R turns on; what turns back is its transpose.",
    lambda T: Rigid(T.rotations, -turn(T.rotations, T.translations)),
)
inverse.wrong(
    "t turned forwards",
    "The matrix is transposed, but the translation is still turned by R.",
    lambda T: Rigid(T.rotations.mT, -turn(T.rotations, T.translations)),
)
inverse.wrong(
    "no minus",
    "The origin lies in the opposite direction: a minus is missing.",
    lambda T: Rigid(T.rotations.mT, turn(T.rotations.mT, T.translations)),
)
inverse.wrong(
    "everything negated",
    "−R is a mirror image and no way back; −R times R is not the identity.",
    lambda T: Rigid(-T.rotations, -T.translations),
)
inverse.wrong(
    "no translation",
    "This undoes the turn and leaves the push.",
    lambda T: Rigid(T.rotations.mT, torch.zeros_like(T.translations)),
)
inverse.wrong(
    "only t undone",
    "This undoes the push and leaves the turn.",
    lambda T: Rigid(T.rotations, -T.translations),
)
inverse.wrong(
    "one over each entry",
    "The inverse of a matrix is not the matrix of inverses.",
    lambda T: Rigid(1 / T.rotations, -T.translations),
)
inverse.wrong(
    "axes 1 and 2 by number",
    "With a batch in front these are other axes: count from the end.",
    lambda T: Rigid(T.rotations.transpose(1, 2), -turn(T.rotations.transpose(1, 2), T.translations)),
)
inverse.wrong(
    ".T of a stack",
    ".T turns all axes around; .mT is the transpose of each matrix.",
    lambda T: Rigid(T.rotations.T, -turn(T.rotations.T, T.translations)),
)
inverse.wrong(
    "a pair of tensors",
    "The numbers are right, but they were to come back as one Rigid.",
    lambda T: (T.rotations.mT, -turn(T.rotations.mT, T.translations)),
)
inverse.wrong(
    "the inverse of the first frame",
    "Every residue has its own way back, and this is residue 0's for all.",
    lambda T: Rigid(
        T.rotations[..., :1, :, :].mT.expand_as(T.rotations), -turn(T.rotations[..., :1, :, :].mT, T.translations)
    ),
)
inverse.wrong(
    "cut off from the gradient",
    "With .detach() nobody upstream can learn.",
    lambda T: Rigid(T.rotations.mT, -turn(T.rotations.mT, T.translations)).detach(),
)


@inverse.wrong("negated in place", "neg_ changes the translations of the frames that were handed in.")
def _(T):
    return Rigid(T.rotations.mT, turn(T.rotations.mT, T.translations.neg_()))


inverse.wrong(
    "a linear system",
    "Right numbers, by inverting and solving, which were forbidden: a transpose is enough.",
    lambda T: Rigid(torch.linalg.inv(T.rotations), torch.linalg.solve(T.rotations, -T.translations[..., None])[..., 0]),
)
inverse.right(
    "where I see the origin of the world",
    lambda T: Rigid(T.rotations.transpose(-1, -2), T.invert_apply(torch.zeros_like(T.translations))),
)
inverse.right(
    "rows times matrices",
    lambda T: Rigid(T.rotations.mT, -(T.translations[..., None, :] @ T.rotations).squeeze(-2)),
)

# --- 02.3 -----------------------------------------------------------------------------------------------------------
test = Exercise("02.3", "check_assert_invariant")


def motions(T, scale=3.0):
    """A turn and a push, by name."""
    G, still = random_rigid(scale=scale, dtype=T.dtype), Rigid.identity(dtype=T.dtype)
    return {"a turn": Rigid(G.rotations, still.translations), "a push": Rigid(still.rotations, G.translations)}


@test.wrong("no absolute value", "A function that only becomes smaller has a negative deviation, which passes.")
def _(f, T):
    for name, motion in motions(T).items():
        assert (f(motion @ T) - f(T)).max() <= 1e-8, f"it notices {name}"


@test.wrong("no absolute value, the other way", "A function that only grows has a negative deviation here.")
def _(f, T):
    for name, motion in motions(T).items():
        assert (f(T) - f(motion @ T)).max() <= 1e-8, f"it notices {name}"


@test.wrong("raise if it is large", "Every comparison with NaN is false, so NaN slips through.")
def _(f, T):
    for name, motion in motions(T).items():
        if (f(motion @ T) - f(T)).abs().max() > 1e-8:
            raise AssertionError(f"it notices {name}")


@test.wrong("motion on the right", "T @ G moves each residue in its own axes and changes the molecule.")
def _(f, T):
    for name, motion in motions(T).items():
        assert (f(T @ motion) - f(T)).abs().max() <= 1e-8, f"it notices {name}"


@test.wrong("only turning", "A push is a motion, too.")
def _(f, T):
    assert (f(motions(T)["a turn"] @ T) - f(T)).abs().max() <= 1e-8, "it notices a turn"


@test.wrong("only pushing", "A turn is a motion, too.")
def _(f, T):
    assert (f(motions(T)["a push"] @ T) - f(T)).abs().max() <= 1e-8, "it notices a push"


@test.wrong("prints", "A message on the screen fails nobody: raise.")
def _(f, T):
    for name, motion in motions(T).items():
        if not (f(motion @ T) - f(T)).abs().max() <= 1e-8:
            print(f"it notices {name}")


test.wrong(
    "returns True or False",
    "The caller was promised an AssertionError and will not look at what is returned.",
    lambda f, T: all(torch.allclose(f(motion @ T), f(T)) for motion in motions(T).values()),
)
test.wrong("never fails", "A test that cannot fail tests nothing.", lambda f, T: None)


@test.wrong("always fails", "It cries wolf over sound functions as well.")
def _(f, T):
    raise AssertionError("it notices a turn and a push")


@test.wrong("a generous tolerance", "Off by a tenth is far from rounding.")
def _(f, T):
    for name, motion in motions(T).items():
        assert (f(motion @ T) - f(T)).abs().max() <= 0.1, f"it notices {name}"


@test.wrong("bit by bit", "Rounding differs after a motion: torch.equal fails sound functions.")
def _(f, T):
    for name, motion in motions(T).items():
        assert torch.equal(f(motion @ T), f(T)), f"it notices {name}"


@test.wrong("with a mirror", "−R is a reflection: what tells left from right is invariant and must pass.")
def _(f, T):
    for name, motion in motions(T).items():
        motion = Rigid(-motion.rotations, motion.translations) if name == "a turn" else motion
        assert (f(motion @ T) - f(T)).abs().max() <= 1e-8, f"it notices {name}"


@test.wrong("both at once", "It fails where it should, but cannot say which kind of motion was noticed.")
def _(f, T):
    G = random_rigid(scale=3.0, dtype=T.dtype)
    assert (f(G @ T) - f(T)).abs().max() <= 1e-8, "it is not invariant"


@test.wrong("names exchanged", "It blames the push for what the turn has done, and the other way round.")
def _(f, T):
    for name, motion in zip(("a push", "a turn"), motions(T).values(), strict=True):
        assert (f(motion @ T) - f(T)).abs().max() <= 1e-8, f"it notices {name}"


@test.wrong("a ValueError", "The statement asks for an AssertionError, and callers will catch that alone.")
def _(f, T):
    for name, motion in motions(T).items():
        if not (f(motion @ T) - f(T)).abs().max() <= 1e-8:
            raise ValueError(f"it notices {name}")


@test.wrong("does not move at all", "The identity changes nothing, so nothing is tested.")
def _(f, T):
    for name in ("a turn", "a push"):
        assert (f(Rigid.identity(dtype=T.dtype) @ T) - f(T)).abs().max() <= 1e-8, f"it notices {name}"


@test.wrong("a signed mean", "What goes up here and down there cancels, and one entry of many hardly counts.")
def _(f, T):
    for name, motion in motions(T).items():
        assert (f(motion @ T) - f(T)).mean() <= 1e-8, f"it notices {name}"


@test.wrong("NaN made zero", "nan_to_num hides the worst result of all.")
def _(f, T):
    for name, motion in motions(T).items():
        assert (f(motion @ T) - f(T)).nan_to_num().abs().max() <= 1e-8, f"it notices {name}"


@test.right("allclose, written twice")
def _(f, T):
    G = random_rigid((), torch.Generator().manual_seed(4), scale=2.0, dtype=T.dtype)
    turned = Rigid(G.rotations @ T.rotations, T.translations @ G.rotations.mT)
    assert torch.allclose(f(turned), f(T), rtol=1e-9, atol=1e-8), "a turn is noticed"
    pushed = Rigid(T.rotations, T.translations + G.translations)
    assert torch.allclose(f(pushed), f(T), rtol=1e-9, atol=1e-8), "a push is noticed"


@test.right("several motions, raised by hand")
def _(f, T):
    def raise_if_noticed(motion, name):
        if not bool(((f(motion @ T) - f(T)).abs() < 1e-7).all()):
            raise AssertionError(f"the function notices {name}")

    for _ in range(4):
        q = torch.randn(4, dtype=T.dtype)
        raise_if_noticed(Rigid(quaternion_to_rotation(q), torch.zeros(3, dtype=T.dtype)), "a turn")
        raise_if_noticed(Rigid(torch.eye(3, dtype=T.dtype), 5 * torch.randn(3, dtype=T.dtype)), "a push")
