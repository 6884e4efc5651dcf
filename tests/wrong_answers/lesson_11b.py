"""Lesson 11: atoms that ride on a group, and what carries what."""

import torch

from ipa_tutorial import Rigid

from .answer import Exercise
from .lesson_11a import joined

# --- 11.3 -----------------------------------------------------------------------------------------------------------
ride = Exercise("11.3", "check_place_atoms")


def own(frames, group):
    return frames[..., group]


ride.wrong(
    "the first group for all",
    "Each atom has a group of its own.",
    lambda T, x, group: T[..., :1].apply(x.expand(*T.shape[:-1], *x.shape)),
)
ride.wrong(
    "atom a on frame a",
    "The order of the atoms is not that of the groups.",
    lambda T, x, group: T[..., torch.arange(len(group)) % T.shape[-1]].apply(x),
)
ride.wrong(
    "home instead of out",
    "Ideal places are local; T brings them out.",
    lambda T, x, group: own(T, group).invert_apply(x),
)
ride.wrong(
    "only turned", "The frame has a place.", lambda T, x, group: (own(T, group).rotations @ x[..., None])[..., 0]
)
ride.wrong("only pushed", "The frame has an orientation.", lambda T, x, group: x + own(T, group).translations)
ride.wrong(
    "turned backwards",
    "Rᵀ is the way home.",
    lambda T, x, group: (own(T, group).rotations.mT @ x[..., None])[..., 0] + own(T, group).translations,
)
ride.wrong(
    "pushed before the turn",
    "t is added last.",
    lambda T, x, group: (own(T, group).rotations @ (x + own(T, group).translations)[..., None])[..., 0],
)
ride.wrong(
    "as rows",
    "x @ R pairs every atom with every frame, and turns backwards.",
    lambda T, x, group: (x[:, None] @ own(T, group).rotations)[..., 0, :] + own(T, group).translations,
)
ride.wrong("group counted from one", "The groups are 0 … G − 1.", lambda T, x, group: own(T, group - 1).apply(x))
ride.wrong(
    "the frames' batch indexed", "frames[group] takes residues for groups.", lambda T, x, group: T[group].apply(x)
)
ride.wrong(
    "every frame with every atom",
    "Each atom rides on one group.",
    lambda T, x, group: T[..., None].apply(x.expand(*T.shape, *x.shape)),
)
ride.wrong(
    "groups sorted", "The order of the atoms must stay.", lambda T, x, group: own(T, group.sort().values).apply(x)
)
ride.wrong(
    "atoms gathered, too",
    "group indexes frames; ideal is in the order of the atoms.",
    lambda T, x, group: own(T, group).apply(x[group % len(x)]),
)
ride.wrong("into nm", "Å in, Å out.", lambda T, x, group: own(T, group).apply(x) / 10)
ride.wrong(
    "eight groups",
    "G is a size of the frames.",
    lambda T, x, group: (
        T[..., :8][..., group.clamp(max=7)].apply(x) if T.shape[-1] >= 8 else T[..., torch.zeros_like(group)].apply(x)
    ),
)
ride.wrong(
    "a mean over groups",
    "A one-hot that is divided by the number of groups.",
    lambda T, x, group: own(T, group).apply(x) / T.shape[-1],
)
ride.wrong(
    "cut off from the gradient", "The frames cannot be learnt.", lambda T, x, group: own(T, group).detach().apply(x)
)
ride.right(
    "one-hot weights",
    lambda T, x, group: (
        T[..., None].apply(x.expand(*T.shape, *x.shape)) * (torch.arange(T.shape[-1])[:, None] == group)[..., None]
    ).sum(-3),
)
ride.right(
    "atom by atom",
    lambda T, x, group: torch.stack([T[..., g].apply(p) for p, g in zip(x, group.tolist(), strict=True)], dim=-2),
)


@ride.right("gathered tensors and einsum")
def _(frames, ideal, group):
    R = frames.rotations.index_select(-3, group)
    t = frames.translations.index_select(-2, group)
    return torch.einsum("...axy,ay->...ax", R, ideal) + t


# --- 11.4 -----------------------------------------------------------------------------------------------------------
carry = Exercise("11.4", "check_compose_groups")
CARRIER = {5: 4, 6: 5, 7: 6}  # from χ2 on, the χ before; all others hang on the backbone


def tree(
    title, mistake, local=lambda D, R: D @ R, carrier=CARRIER, attach=lambda T, U: T @ U, end=joined, count=8, base=None
):
    """Eight groups, one after the other; ``base(backbone, groups)`` is what carries those without a carrier."""

    def compose_groups(backbone, default, turns):
        groups = []
        for g in range(count):
            root = backbone if base is None else base(backbone, groups)
            carried_by = groups[carrier[g]] if g in carrier else root
            groups.append(attach(carried_by, local(default[..., g], turns[..., g])))
        return end(groups)

    (carry.wrong(title, mistake, compose_groups) if mistake else carry.right(title, compose_groups))


tree("every χ upon the backbone", "Lysine falls to pieces, while valine, with one χ, looks fine.", carrier={})
tree("one long chain", "ψ would swing the side chain.", carrier={g: g - 1 for g in range(1, 8)})
tree("χ1 upon ψ", "The backbone carries χ1.", carrier=CARRIER | {4: 3})
tree("χ2 upon the backbone", "χ1 carries χ2.", carrier={6: 5, 7: 6})
tree("all upon χ1", "χ2 carries χ3, and χ3 carries χ4.", carrier={5: 4, 6: 4, 7: 4})
tree("χ4 upon χ2", "χ3 carries χ4.", carrier=CARRIER | {7: 5})
tree(
    "turned before the ideal frame",
    "The turn stands on the far right: about the group's own x axis.",
    lambda D, R: R @ D,
)
tree("not turned", "The angles are never used.", lambda D, R: D)
tree("only turned", "The ideal frames are never used.", lambda D, R: R)
tree("turned backwards", "rot_g, not its inverse.", lambda D, R: D @ R.inverse())
tree("ideal frames undone", "T_ideal, not its inverse.", lambda D, R: D.inverse() @ R)
tree("attached on the left", "A step in the axes of the carrier stands on the right.", attach=lambda T, U: U @ T)
tree(
    "upon group 0",
    "The backbone as it was given carries; its own ideal frame and turn must not come twice.",
    base=lambda backbone, groups: groups[0] if groups else backbone,
)
tree(
    "places added",
    "The ideal place is in the axes of the carrier.",
    attach=lambda T, U: Rigid(T.rotations @ U.rotations, T.translations + U.translations),
)
tree(
    "the backbone forgotten",
    "Everything is still in the residue's own frame.",
    base=lambda backbone, groups: Rigid.identity(backbone.shape, backbone.dtype),
)
tree("seven groups", "There are eight; the backbone is the first.", count=7)
tree(
    "groups in front",
    "The groups are the last axis of the shape.",
    end=lambda groups: Rigid(torch.stack([T.rotations for T in groups]), torch.stack([T.translations for T in groups])),
)
tree("a list of frames", "One Rigid was asked for.", end=lambda groups: groups)
tree("χ first", "The order is backbone, pre-ω, φ, ψ, χ1 … χ4.", end=lambda groups: joined(groups[4:] + groups[:4]))
tree("into nm", "Å in, Å out.", end=lambda groups: joined(groups).scale_translations(0.1))
tree("cut off from the gradient", "The angles cannot be learnt.", end=lambda groups: joined(groups).detach())
carry.wrong(
    "the backbone itself as first group",
    "Its ideal frame and turn are treated like any other; in the tables they are the identity.",
    lambda T, D, R: joined([T, *(x[..., 0] for x in rest(T, D, R))]),
)


def rest(T, D, R):
    """Groups 1 to 7, each as frames (*, L, 1)."""
    local = D @ R
    out = [T[..., None] @ local[..., g : g + 1] for g in range(1, 5)]
    for g in range(5, 8):
        out.append(out[-1] @ local[..., g : g + 1])
    return out


@carry.wrong("one residue", "T[g] and unsqueeze(0) are for a single residue without a batch.")
def _(backbone, default, turns):
    groups = []
    for g in range(8):
        groups.append((groups[g - 1] if g > 4 else backbone) @ default[g] @ turns[g])
    return joined(groups)


tree("carriers in a table", "", carrier={5: 4, 6: 5, 7: 6})


@carry.right("five at once, then three")
def _(backbone, default, turns):
    local = default @ turns
    five = backbone[..., None] @ local[..., :5]
    frames = [five[..., g] for g in range(5)]
    for g in (5, 6, 7):
        frames.append(frames[-1] @ local[..., g])
    return joined(frames)


@carry.right("matrices and arrows by hand")
def _(backbone, default, turns):
    def compose(A, B):
        R = torch.einsum("...xy,...yz->...xz", A[0], B[0])
        return R, torch.einsum("...xy,...y->...x", A[0], B[1]) + A[1]

    done, root = [], (backbone.rotations, backbone.translations)
    for g in range(8):
        steps = [(F.rotations[..., g, :, :], F.translations[..., g, :]) for F in (default, turns)]
        done.append(compose(compose(done[-1] if g >= 5 else root, steps[0]), steps[1]))
    return Rigid(torch.stack([R for R, _ in done], dim=-3), torch.stack([t for _, t in done], dim=-2))
