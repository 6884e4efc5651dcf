"""Lesson 09: further answers, written without a look at the checks."""

import torch
from torch.nn.functional import normalize

from ipa_tutorial import Rigid, random_rigid

from .answer import Exercise

Exercise.all["09.1"].wrong(
    "the step of the one who looks not undone",
    "After a step i looks from another place.",
    lambda T, U: Rigid(
        U[..., :, None].rotations.mT @ T.rotations @ U[..., None, :].rotations, (T @ U[..., None, :]).translations
    ),
)

Exercise.all["09.2"].wrong(
    "shadows of unit arrows",
    "How far it is counts.",
    lambda T, x: torch.stack(
        [(ax * normalize(x - T.translations, dim=-1)).sum(-1) for ax in T.rotations.unbind(-1)], -1
    ),
)


@Exercise.all["09.3"].wrong("only the first frame compared", "All residues.")
def _(f, T):
    for seed in range(3):
        G = random_rigid((), torch.Generator().manual_seed(seed), scale=3.0, dtype=T.dtype)
        (a, a_arrows), (b, b_arrows) = f(G @ T), f(T)
        a, b = a[0], (G @ b)[0]
        assert torch.allclose(a.rotations, b.rotations, atol=1e-8) and torch.allclose(
            a.translations, b.translations, atol=1e-8
        )
        assert torch.allclose(a_arrows, b_arrows @ G.rotations.mT, atol=1e-8)


Exercise.all["09.4"].wrong(
    "through the last residue's eyes", "The first one.", lambda f, T: T[..., -1:] @ f(T[..., -1:].inverse() @ T)
)


def shadows_of_rows(T, points):
    arrow = points - T.translations
    return torch.stack([(T.rotations[..., k, :] * arrow).sum(-1) for k in range(3)], dim=-1)


Exercise.all["09.2"].wrong(
    "rows of R taken for axes",
    "The dot products are with the rows of R, which is R times the arrow: the way out and not the way home.",
    shadows_of_rows,
)


def shadows_in_place(T, points):
    points -= T.translations
    return torch.stack([(axis * points).sum(-1) for axis in T.rotations.unbind(-1)], dim=-1)


Exercise.all["09.2"].wrong(
    "minus-equals on the points", "points -= writes into the caller's tensor: the input is changed.", shadows_in_place
)


def shadows_vecdot(T, points):
    return torch.linalg.vecdot(T.rotations, (points - T.translations)[..., None], dim=-2)


Exercise.all["09.2"].right("vecdot along the column axis", shadows_vecdot)


def made_first_of_batch(f, T):
    first = T[:1]
    return first @ f(first.inverse() @ T)


Exercise.all["09.4"].wrong(
    "first of the leading axis",
    (
        "T[:1] is the first along the leading axis: with a batch that is the first protein and not each one's first "
        "residue."
    ),
    made_first_of_batch,
)


def made_back_on_the_right(f, T):
    first = T[..., :1]
    return f(first.inverse() @ T) @ first


Exercise.all["09.4"].wrong(
    "way back composed on the right",
    "The first frame is composed on the right of f's answer, as a step in each residue's own axes.",
    made_back_on_the_right,
)


def made_by_hand(f, T):
    R, t = T.rotations[..., 0, :, :], T.translations[..., 0, :]
    local = Rigid(
        torch.einsum("...wa,...lwb->...lab", R, T.rotations),
        torch.einsum("...wa,...lw->...la", R, T.translations - t[..., None, :]),
    )
    out = f(local)
    return Rigid(R[..., None, :, :] @ out.rotations, out.translations @ R.mT + t[..., None, :])


Exercise.all["09.4"].right("matrices and arrows by hand", made_by_hand)
