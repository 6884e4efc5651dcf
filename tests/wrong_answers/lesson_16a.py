"""Lesson 16: tests of the mask, with everybody real and with padding."""

import torch

from ipa_tutorial import Rigid, random_rigid

from .answer import Exercise

# --- 16.1 -----------------------------------------------------------------------------------------------------------
full = Exercise("16.1", "check_test_of_a_full_mask")


def ones(s):
    return torch.ones(len(s), dtype=torch.bool)


def two(attention, s, z, T):
    """With a mask of ones, and without a mask."""
    return attention(s, z, T, ones(s)), attention(s, z, T)


@full.wrong("no absolute value", "An output that only becomes smaller passes.")
def _(attention, s, z, T):
    a, b = two(attention, s, z, T)
    assert (a - b).max() < 1e-9


@full.wrong("no absolute value, the other way", "An output that only grows passes.")
def _(attention, s, z, T):
    a, b = two(attention, s, z, T)
    assert (b - a).max() < 1e-9


@full.wrong("bit by bit", "Another kernel may add in another order.")
def _(attention, s, z, T):
    assert torch.equal(*two(attention, s, z, T))


@full.wrong("a generous tolerance", "A tenth is a bug and not rounding.")
def _(attention, s, z, T):
    a, b = two(attention, s, z, T)
    assert (a - b).abs().max() < 0.1


@full.wrong("a mean", "A small part of the output hardly moves the mean.")
def _(attention, s, z, T):
    a, b = two(attention, s, z, T)
    assert (a - b).abs().mean() < 1e-4


@full.wrong("a signed sum", "Up and down cancel, and what goes down passes.")
def _(attention, s, z, T):
    a, b = two(attention, s, z, T)
    assert (a - b).sum() < 1e-9


@full.wrong("the first residue", "Only one row was compared.")
def _(attention, s, z, T):
    a, b = two(attention, s, z, T)
    assert torch.allclose(a[0], b[0])


@full.wrong("the first channel", "Only one column was compared.")
def _(attention, s, z, T):
    a, b = two(attention, s, z, T)
    assert torch.allclose(a[:, 0], b[:, 0])


@full.wrong("sizes only", "The norm of the whole output says little about its parts.")
def _(attention, s, z, T):
    a, b = two(attention, s, z, T)
    assert abs(a.norm() - b.norm()) < 1e-2 * b.norm()


@full.wrong("shapes only", "Every wrong mask keeps the shape.")
def _(attention, s, z, T):
    a, b = two(attention, s, z, T)
    assert a.shape == b.shape


@full.wrong("a mask of zeros", "False is padding: this asks for something that nobody promised.")
def _(attention, s, z, T):
    assert torch.allclose(attention(s, z, T, ~ones(s)), attention(s, z, T))


@full.wrong("the same call twice", "Without a mask on one side nothing is compared.")
def _(attention, s, z, T):
    assert torch.allclose(attention(s, z, T, ones(s)), attention(s, z, T, ones(s)))


@full.wrong("no mask at all", "The mask is what was to be tested.")
def _(attention, s, z, T):
    assert torch.allclose(attention(s, z, T), attention(s, z, T, None))


@full.wrong("raise if it is large", "Every comparison with NaN is false: an output of NaN slips through.")
def _(attention, s, z, T):
    a, b = two(attention, s, z, T)
    if (a - b).abs().max() > 1e-9:
        raise AssertionError


@full.wrong("prints", "Nobody fails.")
def _(attention, s, z, T):
    print("same:", torch.allclose(*two(attention, s, z, T)))


full.wrong(
    "returns True or False",
    "An AssertionError was promised.",
    lambda attention, s, z, T: torch.allclose(*two(attention, s, z, T)),
)
full.wrong("never fails", "A test that cannot fail tests nothing.", lambda attention, s, z, T: None)


@full.wrong("always fails", "It cries wolf.")
def _(attention, s, z, T):
    raise AssertionError("the mask is upside down")


@full.wrong("assert of a tuple", "A tuple that is not empty is true, whatever stands in it.")
def _(attention, s, z, T):
    same = torch.allclose(*two(attention, s, z, T))
    condition_and_message = (same, "a mask of ones changes the output")
    assert condition_and_message


@full.wrong("a mask of numbers", "A mask is boolean, and modules refuse anything else.")
def _(attention, s, z, T):
    assert torch.allclose(attention(s, z, T, torch.ones(len(s))), attention(s, z, T))


full.right(
    "torch.testing",
    lambda attention, s, z, T: torch.testing.assert_close(
        attention(s, z, T, ones(s)), attention(s, z, T), rtol=1e-9, atol=1e-9
    ),
)


@full.right("entry by entry, with a sane limit")
def _(attention, s, z, T):
    masked, plain = two(attention, s, z, T)
    for i, (a, b) in enumerate(zip(masked, plain, strict=True)):
        assert bool(((a - b) ** 2 < 1e-16 * (1 + b**2)).all()), f"residue {i} notices the mask"


# --- 16.2 -----------------------------------------------------------------------------------------------------------
dye = Exercise("16.2", "check_test_of_padding")


def poured(s, z, T, mask, value=torch.nan, single=True, rows=True, columns=True, frames=True):
    """Copies of the inputs with ``value`` in what belongs to padding."""
    s, z, R, t = s.clone(), z.clone(), T.rotations.clone(), T.translations.clone()
    if single:
        s[~mask] = value
    if rows:
        z[~mask] = value
    if columns:
        z[:, ~mask] = value
    if frames:
        R[~mask] = value
        t[~mask] = value
    return s, z, Rigid(R, t)


def rows_that_count(attention, s, z, T, mask, **what):
    before, after = attention(s, z, T, mask), attention(*poured(s, z, T, mask, **what), mask)
    return before[mask], after[mask]


def compare(title, mistake, **what):
    @dye.wrong(title, mistake)
    def _(attention, s, z, T, mask):
        before, after = rows_that_count(attention, s, z, T, mask, **what)
        assert (before - after).abs().max() < 1e-9


compare("s alone", "Leaks through z and through the frames pass.", rows=False, columns=False, frames=False)
compare("z alone", "Leaks through s and through the frames pass.", single=False, frames=False)
compare("frames alone", "Leaks through s and z pass.", single=False, rows=False, columns=False)
compare("no frames", "Padding has frames, too.", frames=False)
compare("no pairs", "Padding has rows and columns in z.", rows=False, columns=False)
compare("no s", "Padding has a single representation.", single=False)
compare("rows of z alone", "Real queries read the columns of padding.", columns=False)
compare("zeros", "Zero times a leak is zero in part of the cases: NaN is a better dye.", value=0.0)
compare("ones", "What only NaN can show is missed.", value=1.0)


@dye.wrong("other random numbers", "It finds leaks, but not what breaks on memory that nobody has written.")
def _(attention, s, z, T, mask):
    other = poured(s, z, T, mask, value=0.0)
    noise = random_rigid(len(s), scale=2.0, dtype=T.dtype)
    R = torch.where(mask[:, None, None], T.rotations, noise.rotations)
    t = torch.where(mask[:, None], T.translations, noise.translations)
    s2 = torch.where(mask[:, None], s, torch.randn_like(s))
    z2 = torch.where((mask[:, None] & mask[None])[..., None], other[1], torch.randn_like(z))
    assert torch.allclose(attention(s2, z2, Rigid(R, t), mask)[mask], attention(s, z, T, mask)[mask])


@dye.wrong("all rows compared", "What stands in the rows of padding is nobody's business: false alarms.")
def _(attention, s, z, T, mask):
    before, after = attention(s, z, T, mask), attention(*poured(s, z, T, mask), mask)
    assert (before - after).abs().max() < 1e-9


@dye.wrong("only rows of padding compared", "The real ones are those with the promise.")
def _(attention, s, z, T, mask):
    before, after = attention(s, z, T, mask), attention(*poured(s, z, T, mask), mask)
    assert torch.allclose(before[~mask], after[~mask])


@dye.wrong("raise if it is large", "NaN is not larger than anything: it slips through.")
def _(attention, s, z, T, mask):
    before, after = rows_that_count(attention, s, z, T, mask)
    if (before - after).abs().max() > 1e-9:
        raise AssertionError


@dye.wrong("NaN taken for equal", "equal_nan and nan_to_num hide what NaN was poured in for.")
def _(attention, s, z, T, mask):
    before, after = rows_that_count(attention, s, z, T, mask)
    assert torch.allclose(before.nan_to_num(), after.nan_to_num(), atol=1e3)


@dye.wrong("no absolute value", "With ordinary numbers, what becomes smaller passes.")
def _(attention, s, z, T, mask):
    before, after = rows_that_count(attention, s, z, T, mask, value=7.0)
    assert (after - before).max() < 1e-9


@dye.wrong("a generous tolerance", "A tenth is a leak.")
def _(attention, s, z, T, mask):
    before, after = rows_that_count(attention, s, z, T, mask, value=1.0)
    assert (after - before).abs().max() < 0.1


@dye.wrong("written into the inputs", "The caller's own s and z are full of NaN now.")
def _(attention, s, z, T, mask):
    before = attention(s, z, T, mask)[mask]
    s[~mask], z[~mask], z[:, ~mask] = torch.nan, torch.nan, torch.nan
    T.translations[~mask] = torch.nan
    assert (attention(s, z, T, mask)[mask] - before).abs().max() < 1e-9


@dye.wrong("a full mask", "It finds a mask that is upside down and nothing else.")
def _(attention, s, z, T, mask):
    before, after = rows_that_count(attention, s, z, T, torch.ones_like(mask))
    assert (before - after).abs().max() < 1e-9


@dye.wrong("the real ones changed", "A residue may depend on real ones: sound code fails.")
def _(attention, s, z, T, mask):
    before = attention(s, z, T, mask)
    after = attention(torch.where(mask[:, None], s + 1, s), z, T, mask)
    assert torch.allclose(before[mask], after[mask])


@dye.wrong("the first residue only", "The others are real, too.")
def _(attention, s, z, T, mask):
    before, after = rows_that_count(attention, s, z, T, mask)
    assert (before[:1, :1] - after[:1, :1]).abs().max() < 1e-9


@dye.wrong("only finite", "A leak of ordinary numbers is finite.")
def _(attention, s, z, T, mask):
    assert attention(s, z, T, mask)[mask].isfinite().all()


@dye.wrong("prints", "Nobody fails.")
def _(attention, s, z, T, mask):
    before, after = rows_that_count(attention, s, z, T, mask)
    print("leak:", (before - after).abs().max())


dye.wrong("never fails", "A test that cannot fail tests nothing.", lambda attention, s, z, T, mask: None)


@dye.wrong("always fails", "It cries wolf.")
def _(attention, s, z, T, mask):
    raise AssertionError("padding is heard")


@dye.right("three kinds of padding, each against the original")
def _(attention, s, z, T, mask):
    before = attention(s, z, T, mask)[mask]
    for value in (0.0, -30.0, float("nan")):
        after = attention(*poured(s, z, T, mask, value=value), mask)[mask]
        assert torch.allclose(after, before, rtol=0, atol=1e-9), f"padding of {value} is heard"


@dye.right("one leak after the other")
def _(attention, s, z, T, mask):
    nan = float("nan")
    real = mask[:, None] & mask[None, :]
    s2, z2 = s.masked_fill(~mask[:, None], nan), z.masked_fill(~real[..., None], nan)
    T2 = Rigid(T.rotations.masked_fill(~mask[:, None, None], nan), T.translations.masked_fill(~mask[:, None], nan))
    before = attention(s, z, T, mask)[mask]
    for name, inputs in {"s": (s2, z, T), "z": (s, z2, T), "the frames": (s, z, T2), "all": (s2, z2, T2)}.items():
        deviation = (attention(*inputs, mask)[mask] - before).abs().max()
        if not deviation < 1e-8:
            raise AssertionError(f"padding is heard through {name}")
