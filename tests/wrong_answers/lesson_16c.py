"""Lesson 16: further answers, written without a look at the checks."""

import math

import torch

from ipa_tutorial import Rigid, random_rigid

from .answer import Exercise


def padding_rows_only(attention, s, z, T, mask):
    s2, z2, R, t = s.clone(), z.clone(), T.rotations.clone(), T.translations.clone()
    for x in (s2, z2, R, t):
        x[~mask] = float("nan")
    a, b = attention(s, z, T, mask)[mask], attention(s2, z2, Rigid(R, t), mask)[mask]
    assert (a - b).abs().max() < 1e-9


Exercise.all["16.2"].wrong(
    "columns of padding left alone",
    (
        "Only rows of z are changed: what real residues read of padding, its columns of z, stays as it was, and a leak "
        "through them is missed."
    ),
    padding_rows_only,
)


def padding_other_numbers(attention, s, z, T, mask):
    other = random_rigid(len(s), dtype=T.dtype)
    s2 = torch.where(mask[:, None], s, torch.randn_like(s))
    both = mask[:, None] & mask[None, :]
    z2 = torch.where(both[..., None], z, torch.randn_like(z))
    T2 = Rigid(
        torch.where(mask[:, None, None], T.rotations, other.rotations),
        torch.where(mask[:, None], T.translations, other.translations),
    )
    deviation = (attention(s, z, T, mask) - attention(s2, z2, T2, mask))[mask].abs().max()
    assert deviation < 1e-9, f"{deviation}"


Exercise.all["16.2"].wrong(
    "padding of ordinary numbers only",
    "The padding is exchanged for finite numbers only: the attention that breaks on NaN in unwritten memory passes.",
    padding_other_numbers,
)


def filled(x, where, dye):
    return torch.where(where.reshape(*where.shape, *[1] * (x.ndim - where.ndim)), dye, x)


def padding_two_dyes(attention, s, z, T, mask):
    before = attention(s, z, T, mask)[mask]
    gone = ~mask
    for dye in (float("nan"), 1e3):
        after = attention(
            filled(s, gone, dye),
            filled(z, gone[:, None] | gone, dye),
            Rigid(filled(T.rotations, gone, dye), filled(T.translations, gone, dye)),
            mask,
        )[mask]
        if not torch.allclose(after, before, rtol=1e-9, atol=1e-9):
            raise AssertionError(f"padding of {dye} is heard")


Exercise.all["16.2"].right("two dyes, NaN and thousand", padding_two_dyes)


def along_turn_only(stack, T):
    x, frames = stack(T)
    G = random_rigid((), torch.Generator().manual_seed(7), dtype=T.dtype)
    G = Rigid(G.rotations, torch.zeros(3, dtype=T.dtype))
    x2, frames2 = stack(G @ T)
    target = G @ frames
    for a, b in ((x2, x), (frames2.rotations, target.rotations), (frames2.translations, target.translations)):
        assert torch.allclose(a, b, atol=1e-8)


Exercise.all["16.3"].wrong(
    "protein only turned, never pushed",
    "The motion has no translation, so a point that comes home without its translation is not noticed.",
    along_turn_only,
)


def along_all_invariant(stack, T):
    x, frames = stack(T)
    G = random_rigid(dtype=T.dtype)
    x2, frames2 = stack(G @ T)
    assert torch.allclose(x2, x, atol=1e-8)
    assert torch.allclose(frames2.rotations, frames.rotations, atol=1e-8)
    assert torch.allclose(frames2.translations, G.apply(frames.translations), atol=1e-8)


Exercise.all["16.3"].wrong(
    "rotations expected to stay",
    "The rotations are expected to stay as they are; they must turn along, so sound stacks are accused.",
    along_all_invariant,
)


def number_one_gamma(point_logits):
    q, k = torch.zeros(2, 2, 3, 3, 3, dtype=torch.float64)
    k[:, 1, 0, 0], k[:, 1, 1, 1], k[:, 2, 2, 2] = 2.0, 3.0, 5.0
    gamma = torch.full((2,), 1.5, dtype=torch.float64)
    expected = torch.zeros(2, 3, 3, dtype=torch.float64)
    expected[:, :, 1] = -1.5 / 2 * math.sqrt(2 / 27) * 13
    expected[:, :, 2] = -1.5 / 2 * math.sqrt(2 / 27) * 25
    for shift in (0, 100):
        assert torch.allclose(point_logits(q + shift, k + shift, gamma), expected, atol=1e-6)


Exercise.all["16.4"].wrong(
    "one gamma for both heads",
    "Both heads have the same γ, so a function that gives them each other's passes.",
    number_one_gamma,
)


def number_first_point_only(point_logits):
    q, k = torch.zeros(2, 2, 2, 2, 3, dtype=torch.float64)
    k[:, 1, 0] = torch.tensor([1.0, 2.0, 2.0])  # 9 nm²
    gamma = torch.tensor([1.0, 2.0], dtype=torch.float64)
    expected = torch.zeros(2, 2, 2, dtype=torch.float64)
    expected[0, :, 1], expected[1, :, 1] = -1.5, -3.0  # w_C = 1/3
    for shift in (0.0, 100.0):
        assert (point_logits(q + shift, k + shift, gamma) - expected).abs().max() < 1e-6


Exercise.all["16.4"].wrong(
    "only the first point of a key moved",
    "Only the first point of a key is moved away, so a function that looks at the first point alone passes.",
    number_first_point_only,
)


def number_by_five_loops(point_logits):
    generator = torch.Generator().manual_seed(1)
    H, L, P = 2, 3, 3
    q, k = torch.randn(2, H, L, P, 3, generator=generator, dtype=torch.float64)
    gamma = [0.5, 2.25]
    for away in (0.0, 64.3):
        got = point_logits(q + away, k + away, torch.tensor(gamma, dtype=torch.float64))
        for h in range(H):
            for i in range(L):
                for j in range(L):
                    total = sum((q[h, i, p, x].item() - k[h, j, p, x].item()) ** 2 for p in range(P) for x in range(3))
                    want = -gamma[h] * (2 / (9 * P)) ** 0.5 * total / 2
                    assert abs(got[h, i, j].item() - want) < 1e-7 * (1 + abs(want)), (h, i, j)


Exercise.all["16.4"].right("five loops and random numbers", number_by_five_loops)
