"""Tests that the learner writes: each must raise where a bug is planted, and stay silent where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...attention import InvariantPointAttention
from ...blocks import IPATransformer
from ...quaternion import quaternion_to_rotation, rotation_to_quaternion
from ...rigid import Rigid
from ..bugs import BUGS, planted
from .draw import Draw
from .engine import Case, Check
from .testing import FAILS, PASSES, verdict_of, what_slips_through


@dataclass(frozen=True)
class Subject:
    """What a test is tried on. It answers as the package does, or as the package does with a bug."""

    answer: Callable
    sound: bool
    bug: str = ""

    def __call__(self, *arguments, **options):
        with planted(self.bug) if self.bug else nullcontext():
            return self.answer(*arguments, **options)


def what_it_should_say(subject: Subject, *_) -> str:
    return PASSES if subject.sound else FAILS


def random_weights(module: nn.Module, d: Draw) -> nn.Module:
    """The module with every parameter random, since a fresh one hides what its zeros would multiply."""
    for parameter in module.requires_grad_(False).to(d.dtype).parameters():
        parameter.copy_(d.alone(*parameter.shape) / parameter.shape[-1] ** 0.5)
    return module


# --- an attention with a mask ----------------------------------------------------------------------------------------

Attend = Callable[..., Tensor]  # s (L, 8), z (L, L, 5), frames (L,), mask (L,) or None → (L, 8)


def attention(d: Draw) -> Attend:
    module = random_weights(InvariantPointAttention(8, heads=2, point_key_dim=3, pairwise_repr_dim=5), d)

    def attend(s: Tensor, z: Tensor, T: Rigid, mask: Tensor | None = None) -> Tensor:
        return module(s, z, rotations=T.rotations, translations=T.translations, mask=mask)

    return attend


def changed_by(change: Callable[..., Tensor | float]) -> Callable[[Draw], Attend]:
    """An attention to whose output something is added when there is a mask."""

    def build(d: Draw) -> Attend:
        attend = attention(d)

        def changed(s: Tensor, z: Tensor, T: Rigid, mask: Tensor | None = None) -> Tensor:
            out = attend(s, z, T, mask)
            return out if mask is None else out + change(out, s, z, T, mask)

        return changed

    return build


def first_row_alone(out: Tensor, *_) -> Tensor:
    change = torch.zeros_like(out)
    change[0, 0], change[0, 1] = 0.01, -0.01
    return change


def last_row_alone(out: Tensor, *_) -> Tensor:
    change = torch.zeros_like(out)
    change[-1, -1] = 0.01
    return change


def nan_with_a_mask(out: Tensor, *_) -> Tensor:
    return torch.zeros_like(out).index_fill(0, torch.tensor([2]), float("nan"))


def rounding(out: Tensor, *_) -> Tensor:
    return 1e-13 * out


def noise_in_padded_rows(out: Tensor, s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> Tensor:
    return torch.where(mask[:, None], torch.zeros_like(out), s)


def sizes(d: Draw) -> tuple[Tensor, Tensor, Rigid]:
    return d.normal(6, 8), d.normal(6, 6, 5), d.frames(6)


def some_padding() -> Tensor:
    return torch.tensor([True, True, False, True, False, True])


Build = Callable[[Draw], Callable]
Inputs = Callable[[Draw], tuple]


def silent(build: Build, inputs: Inputs, name: str, bug: str = "") -> Callable[[Draw], Case]:
    """A case in which nothing is wrong that the test should mind."""
    return lambda d: Case((Subject(build(d), True, bug), *inputs(d)), name)


def loud(build: Build, inputs: Inputs, name: str) -> Callable[[Draw], Case]:
    """A case in which something is wrong, though it is on no list."""
    return lambda d: Case((Subject(build(d), False), *inputs(d)), name)


def loud_with(build: Build, inputs: Inputs, bugs: Iterable[str]) -> list[Callable[[Draw], Case]]:
    """A case for each planted bug."""

    def case(bug: str) -> Callable[[Draw], Case]:
        text = f"'{bug}' ({BUGS[bug].wrong})"
        return lambda d: Case((Subject(build(d), False, bug), *inputs(d)), text)

    return [case(bug) for bug in bugs]


def check_of(
    title: str, example: Callable, build: Build, inputs: Inputs, special: Iterable[Callable], names: tuple[str, ...]
) -> Check:
    """A check of a learner's test, which is tried on many subjects; ``example`` is a test that is right."""
    return Check(
        title,
        "classroom.bugs.hunt",  # what the package has for such tests; no list of wrong variants belongs to it
        lambda d: (Subject(build(d), True), *inputs(d)),
        what_it_should_say,
        special=tuple(special),
        batches=((),),
        adapt=verdict_of,
        single_precision=False,
        names=names,
        sound=example,
        summary=what_slips_through,
        drawn=True,
        by_hand=False,
    )


# --- a motion of everything ------------------------------------------------------------------------------------------


def stack(d: Draw) -> Callable[[Rigid], tuple[Tensor, Rigid]]:
    """Two blocks with their updates: frames in, the single representation and frames out."""
    module = random_weights(IPATransformer(8, depth=2, heads=2, pairwise_repr_dim=5), d)
    s, z = d.normal(6, 8), d.normal(6, 6, 5)

    def run(T: Rigid) -> tuple[Tensor, Rigid]:
        x, t, q = module(s, T.translations, rotation_to_quaternion(T.rotations), z)
        return x, Rigid(quaternion_to_rotation(q), t)

    return run


def stack_that(change: Callable[[Tensor, Rigid, Rigid], tuple[Tensor, Rigid]]) -> Build:
    """The stack, its answer ``(x, frames)`` changed by a function that also sees the frames that came in."""

    def build(d: Draw) -> Callable:
        run = stack(d)
        return lambda T: change(*run(T), T)

    return build


def far(T: Rigid) -> Tensor:
    return T.translations.norm(dim=-1).mean()


def of_the_last(x: Tensor, by: Tensor) -> Tensor:
    return torch.cat([x[:-1], x[-1:] + by])


def frames(d: Draw) -> tuple[Rigid]:
    return (d.frames(6),)


# --- one right answer to each ----------------------------------------------------------------------------------------


def full_mask_by_hand(attention: Attend, s: Tensor, z: Tensor, T: Rigid) -> None:
    gap = attention(s, z, T, torch.ones(s.shape[0], dtype=torch.bool)) - attention(s, z, T)
    assert gap.abs().max() < 1e-8


def padding_by_hand(attention: Attend, s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> None:
    nan = float("nan")
    here = mask[:, None] & mask[None, :]
    R, t = (torch.where(mask.view(-1, *[1] * (x.ndim - 1)), x, nan) for x in (T.rotations, T.translations))
    other = torch.where(mask[:, None], s, nan), torch.where(here[..., None], z, nan), Rigid(R, t)
    gap = (attention(*other, mask) - attention(s, z, T, mask))[mask]
    assert gap.abs().max() < 1e-8


def motions_by_hand(stack: Callable, T: Rigid) -> None:
    axis = torch.linalg.qr(torch.randn(3, 3, dtype=T.dtype))[0]
    G = Rigid(axis * torch.linalg.det(axis).sign(), torch.randn(3, dtype=T.dtype))
    (x, frames), (x_moved, frames_moved) = stack(T), stack(G @ T)
    expected = G @ frames
    assert (x_moved - x).abs().max() < 1e-8
    assert (frames_moved.rotations - expected.rotations).abs().max() < 1e-8
    assert (frames_moved.translations - expected.translations).abs().max() < 1e-8


FULL, PADDING, MOTIONS = "a test that finds an inverted mask", "a test that finds a leak", "a test that moves things"

check_test_of_a_full_mask = check_of(
    FULL,
    full_mask_by_hand,
    attention,
    sizes,
    [
        *loud_with(attention, sizes, ["mask-inverted"]),
        loud(changed_by(lambda out, *_: 1e-3), sizes, "an output that grows a little with a mask"),
        loud(changed_by(lambda out, *_: -1e-3), sizes, "an output that shrinks a little with a mask"),
        loud(changed_by(first_row_alone), sizes, "an output of which two numbers of the first row change with a mask"),
        loud(changed_by(last_row_alone), sizes, "an output of which the last number changes with a mask"),
        loud(changed_by(nan_with_a_mask), sizes, "an output with a NaN where there is a mask"),
        loud(changed_by(lambda out, *_: 1e-5), sizes, "an output that grows in the fifth digit with a mask"),
        silent(attention, sizes, "−10⁵ for padding, which is as good as −∞", "mask-of-minus-1e5"),
        silent(changed_by(rounding), sizes, "the same up to rounding, since another kernel adds in another order"),
    ],
    ("attention", "s", "z", "T"),
)


def with_padding(d: Draw) -> tuple[Tensor, Tensor, Rigid, Tensor]:
    return *sizes(d), some_padding()


def pairs_leak(out: Tensor, s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> Tensor:
    return 0.01 * z[:, ~mask].mean()


def columns_leak(out: Tensor, s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> Tensor:
    return 0.01 * z[mask][:, ~mask].mean()


def little_rows_leak(out: Tensor, s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> Tensor:
    return 0.01 * z[~mask][:, mask].mean()


def a_little_leaks(out: Tensor, s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> Tensor:
    return 1e-5 * s[~mask].mean()


def rotations_leak(out: Tensor, s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> Tensor:
    return 0.01 * T.rotations[~mask].sum((-1, -2)).mean()


def last_row_leaks(out: Tensor, s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> Tensor:
    here = torch.arange(len(mask)) == int(mask.nonzero()[-1])
    return torch.where(here[:, None], s[~mask].mean(), torch.zeros_like(out))


def frames_leak(out: Tensor, s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> Tensor:
    return 0.01 * T.translations[~mask].mean()


def rows_leak(out: Tensor, s: Tensor, z: Tensor, T: Rigid, mask: Tensor) -> Tensor:
    return 0.01 * s[~mask].mean()


check_test_of_padding = check_of(
    PADDING,
    padding_by_hand,
    attention,
    with_padding,
    [
        silent(changed_by(noise_in_padded_rows), with_padding, "noise in padded rows, which nobody reads"),
        silent(changed_by(rounding), with_padding, "the same up to rounding"),
        silent(attention, with_padding, "−10⁵ for padding, which is as good as −∞", "mask-of-minus-1e5"),
        *loud_with(attention, with_padding, ["mask-never-used", "mask-inverted", "mask-of-queries", "mask-added"]),
        loud(changed_by(rows_leak), with_padding, "a leak of s alone"),
        loud(changed_by(pairs_leak), with_padding, "a leak of z alone"),
        loud(changed_by(columns_leak), with_padding, "a leak of z alone, where a real residue looks at padding"),
        loud(changed_by(little_rows_leak), with_padding, "a leak of z alone, where padding looks at a real residue"),
        loud(changed_by(frames_leak), with_padding, "a leak of the translations alone"),
        loud(changed_by(rotations_leak), with_padding, "a leak of the rotations alone"),
        loud(changed_by(last_row_leaks), with_padding, "a leak into the last real residue alone"),
        loud(changed_by(a_little_leaks), with_padding, "a leak that changes the fifth digit"),
        *loud_with(attention, with_padding, ["padding-not-silenced"]),
    ],
    ("attention", "s", "z", "T", "mask"),
)

check_test_of_motions = check_of(
    MOTIONS,
    motions_by_hand,
    stack,
    frames,
    [
        silent(stack_that(lambda x, out, T: (x * (1 + 1e-13 * far(T)), out)), frames, "the same up to rounding"),
        *loud_with(
            stack,
            frames,
            [
                "never-brought-home",
                "home-without-translation",
                "home-with-R-for-its-transpose",
                "rows-beside-columns",
                "update-on-the-left",
                "pushed-along-the-worlds-axes",
            ],
        ),
        loud(stack_that(lambda x, out, T: (x + far(T) ** 2, out)), frames, "an x that grows with the distance"),
        loud(stack_that(lambda x, out, T: (x - far(T) ** 2, out)), frames, "an x that shrinks with the distance"),
        loud(
            stack_that(lambda x, out, T: (x, Rigid(T.rotations[:1].expand_as(out.rotations).mT, out.translations))),
            frames,
            "rotations that turn the wrong way",
        ),
        loud(
            stack_that(lambda x, out, T: (x, Rigid(out.rotations, out.translations - T.translations))),
            frames,
            "places that are counted from where the frames came in",
        ),
        loud(stack_that(lambda x, out, T: (x + 1e-4 * far(T), out)), frames, "an x that changes in the fourth digit"),
        loud(stack_that(lambda x, out, T: (of_the_last(x, far(T)), out)), frames, "an x that changes in its last row"),
    ],
    ("stack", "T"),
)
