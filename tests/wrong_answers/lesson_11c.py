"""Lesson 11: further answers, written without a look at the checks."""

import torch

from ipa_tutorial import Rigid

from .answer import Exercise

Exercise.all["11.3"].wrong(
    "groups counted from one", "0 … G − 1.", lambda T, x, g: T[..., (g - 1) % T.shape[-1]].apply(x)
)


def arm_all_on_first(first, links):
    frames = [first] + [first @ links[..., k] for k in range(links.shape[-1])]
    return Rigid(torch.stack([T.rotations for T in frames], -3), torch.stack([T.translations for T in frames], -2))


Exercise.all["11.2"].wrong(
    "every link hung on the first",
    "Every link is set upon the first frame in place of the one before it.",
    arm_all_on_first,
)


def arm_stacked_in_front(first, links):
    frames = [first]
    for k in range(links.shape[-1]):
        frames.append(frames[-1] @ links[..., k])
    return Rigid(torch.stack([T.rotations for T in frames]), torch.stack([T.translations for T in frames]))


Exercise.all["11.2"].wrong(
    "new axis in front of the batch",
    "The frames are stacked along a new first axis, in front of the batch, in place of the last one of the shape.",
    arm_stacked_in_front,
)


def arm_from_the_far_end(first, links):
    K = links.shape[-1]
    R, t = [], []
    for n in range(K + 1):  # U_1 … U_n from the right, and the first frame at last
        T = Rigid.identity(first.shape, dtype=first.dtype)
        for k in reversed(range(n)):
            T = links[..., k] @ T
        T = first @ T
        R.append(T.rotations)
        t.append(T.translations)
    return Rigid(torch.stack(R, -3), torch.stack(t, -2))


Exercise.all["11.2"].right("each product built from the right", arm_from_the_far_end)

Exercise.all["11.3"].wrong(
    "ideal places reordered as well",
    "The ideal places are indexed by group, too, though they are in the order of the atoms already.",
    lambda frames, ideal, group: frames[..., group].apply(ideal[group]),
)

Exercise.all["11.3"].wrong(
    "groups looked up on first axis",
    "frames[group] indexes the first axis: with a batch it picks proteins in place of groups.",
    lambda frames, ideal, group: frames[group].apply(ideal),
)


def _stack(groups):
    return Rigid(torch.stack([T.rotations for T in groups], -3), torch.stack([T.translations for T in groups], -2))


def groups_chi1_on_psi(backbone, default, turns):
    groups = []
    for g in range(8):
        carrier = backbone if g < 4 else groups[g - 1]
        groups.append(carrier @ default[..., g] @ turns[..., g])
    return _stack(groups)


Exercise.all["11.4"].wrong(
    "chi1 carried by psi",
    "The chain begins one group too early: χ1 is carried by ψ in place of the backbone.",
    groups_chi1_on_psi,
)


def groups_carried_by_unturned(backbone, default, turns):
    groups, unturned = [], backbone
    for g in range(8):
        unturned = (unturned if g > 4 else backbone) @ default[..., g]
        groups.append(unturned @ turns[..., g])
    return _stack(groups)


Exercise.all["11.4"].wrong(
    "carried by frames without their turn",
    "χ2 and the following hang on the frame of the χ before as it was before its own turn.",
    groups_carried_by_unturned,
)


def groups_by_matrices(backbone, default, turns):
    def four(T):
        last = torch.zeros_like(T.rotations[..., :1, :])
        top = torch.cat([T.rotations, T.translations[..., None]], -1)
        bottom = torch.cat([last, torch.ones_like(last[..., :1])], -1)
        return torch.cat([top, bottom], -2)

    local = four(default) @ four(turns)  # (*, L, 8, 4, 4)
    parts = list(local.unbind(-3))
    for g in (5, 6, 7):
        parts[g] = parts[g - 1] @ parts[g]
    M = four(backbone)[..., None, :, :] @ torch.stack(parts, -3)
    return Rigid(M[..., :3, :3], M[..., :3, 3])


Exercise.all["11.4"].right("four by four matrices", groups_by_matrices)
