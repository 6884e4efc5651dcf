"""Lesson 09: relative frames, shadows on three axes, and a function seen through the first residue's eyes."""

import torch

from ipa_tutorial import Rigid

from .answer import Exercise

# --- 09.1 -----------------------------------------------------------------------------------------------------------
table = Exercise("09.1", "check_after_a_step")


def looks(U):
    return U[..., :, None]


def seen(U):
    return U[..., None, :]


def right_one(T, U):
    return looks(U).inverse() @ T @ seen(U)


table.wrong("nobody inverted", "(T_i U_i)⁻¹ has the inverse of the step in front.", lambda T, U: looks(U) @ T @ seen(U))
table.wrong("the wrong one inverted", "The one who looks is inverted.", lambda T, U: looks(U) @ T @ seen(U).inverse())
table.wrong("both inverted", "The one who is seen is not.", lambda T, U: looks(U).inverse() @ T @ seen(U).inverse())
table.wrong("only the seen one steps", "The one who looks has stepped, too.", lambda T, U: T @ seen(U))
table.wrong("only the looker steps", "The one who is seen has stepped, too.", lambda T, U: looks(U).inverse() @ T)
table.wrong("i and j exchanged", "Rows are for those who look.", lambda T, U: seen(U).inverse() @ T @ looks(U))
table.wrong("steps behind", "The inverse stands in front.", lambda T, U: T @ looks(U).inverse() @ seen(U))
table.wrong(
    "steps in front", "A step of the seen one stands on the right.", lambda T, U: looks(U).inverse() @ seen(U) @ T
)
table.wrong("from behind", "The order is turned round.", lambda T, U: seen(U) @ T @ looks(U).inverse())
table.wrong("the table inverted", "That is what j sees of i.", lambda T, U: looks(U).inverse() @ T.inverse() @ seen(U))
table.wrong("nothing changes", "Everybody has taken a step of their own.", lambda T, U: T)
table.wrong("steps among each other", "Where everybody was counts.", lambda T, U: looks(U).inverse() @ seen(U))
table.wrong("one step for the whole table", "Rows and columns step by their own.", lambda T, U: T @ U)
table.wrong(
    "a step of the world",
    "A common motion of the world would not be noticed; steps are each residue's own.",
    lambda T, U: looks(U) @ T @ looks(U).inverse(),
)
table.wrong(
    "axes in front of the batch",
    "U[:, None] and U[None] make pairs only without a batch.",
    lambda T, U: U[:, None].inverse() @ T @ U[None],
)
table.wrong(
    "rotations only",
    "The places change, too.",
    lambda T, U: Rigid(right_one(T, U).rotations, T.translations),
)
table.wrong(
    "places only",
    "The rotations change, too.",
    lambda T, U: Rigid(T.rotations, right_one(T, U).translations),
)
table.wrong(
    "steps added",
    "A step is said in the axes of the one who takes it: it has to be turned.",
    lambda T, U: Rigid(right_one(T, U).rotations, T.translations + seen(U).translations - looks(U).translations),
)
table.wrong(
    "−t for the inverse",
    "The inverse of a frame turns its translation, too.",
    lambda T, U: Rigid(looks(U).rotations.mT, -looks(U).translations) @ T @ seen(U),
)
table.wrong(
    "a pair of tensors",
    "One Rigid was asked for.",
    lambda T, U: (right_one(T, U).rotations, right_one(T, U).translations),
)
table.wrong("cut off from the gradient", "Nothing learns through it.", lambda T, U: right_one(T, U).detach())
table.wrong("in ångström", "nm in, nm out.", lambda T, U: right_one(T, U).scale_translations(10.0))


@table.right("matrices and arrows by einsum")
def _(T, U):
    A, B = U.rotations, U.rotations
    rotations = torch.einsum("...iwa,...ijwx,...jxb->...ijab", A, T.rotations, B)
    there = torch.einsum("...ijxy,...jy->...ijx", T.rotations, U.translations) + T.translations
    arrows = there - U.translations[..., :, None, :]
    return Rigid(rotations, torch.einsum("...iwa,...ijw->...ija", A, arrows))


@table.right("by way of a world")
def _(T, U):
    """The first residue's frame serves as the world: the row of what it sees holds everybody's frames."""
    moved = T[..., 0, :] @ U
    return moved[..., :, None].inverse() @ moved[..., None, :]


@table.right("row by row")
def _(T, U):
    rows = [U[..., i : i + 1].inverse() @ T[..., i, :] @ U for i in range(U.shape[-1])]
    return Rigid(
        torch.stack([row.rotations for row in rows], dim=-4), torch.stack([row.translations for row in rows], dim=-3)
    )


# --- 09.2 -----------------------------------------------------------------------------------------------------------
shadow = Exercise("09.2", "check_shadows")


def on(axes, arrow):
    """Dot products of the arrow with each axis."""
    return torch.stack([(axis * arrow).sum(-1) for axis in axes], dim=-1)


def columns(T):
    return T.rotations.unbind(-1)


shadow.wrong(
    "rows for axes",
    "The columns of R are the axes; rows make R itself, the way out.",
    lambda T, x: on(T.rotations.unbind(-2), x - T.translations),
)
shadow.wrong("no arrow", "First subtract the origin of the frame.", lambda T, x: on(columns(T), x))
shadow.wrong(
    "subtracted afterwards",
    "t is in the world's axes and the shadows are not.",
    lambda T, x: on(columns(T), x) - T.translations,
)
shadow.wrong(
    "looking back", "The arrow goes from the frame to the point.", lambda T, x: on(columns(T), T.translations - x)
)
shadow.wrong("added instead of subtracted", "x + t is no arrow.", lambda T, x: on(columns(T), x + T.translations))
shadow.wrong("axes backwards", "z comes first here.", lambda T, x: on(columns(T)[::-1], x - T.translations))
shadow.wrong(
    "steps along axes",
    "That is the way out: shadows are dot products.",
    lambda T, x: sum(x[..., k : k + 1] * columns(T)[k] for k in range(3)) + T.translations,
)
shadow.wrong(
    "arrows on top of each other",
    "Three shadows were added up to an arrow of the world: nothing has changed.",
    lambda T, x: sum(((x - T.translations) * e).sum(-1, keepdim=True) * e for e in columns(T)),
)
shadow.wrong(
    "cosines",
    "A shadow has a length; it is not divided by the arrow's.",
    lambda T, x: torch.stack([torch.cosine_similarity(e, x - T.translations, dim=-1) for e in columns(T)], -1),
)
shadow.wrong(
    "summed over residues",
    "The dot product runs over x, y and z.",
    lambda T, x: torch.stack([(e * (x - T.translations)).sum(-2) for e in columns(T)], dim=-1),
)
shadow.wrong(
    "stacked in front",
    "The three numbers belong on the last axis.",
    lambda T, x: torch.stack([(e * (x - T.translations)).sum(-1) for e in columns(T)]),
)
shadow.wrong(
    ".mT",
    "It was to be done with dot products only.",
    lambda T, x: (T.rotations.mT @ (x - T.translations)[..., None])[..., 0],
)
shadow.wrong("inverse", "It was to be done without an inverse.", lambda T, x: T.inverse().apply(x))
shadow.wrong("invert_apply", "It was to be written.", lambda T, x: T.invert_apply(x))
shadow.wrong(
    "no batch axes",
    "R[:, :, k] is a column only without a batch.",
    lambda T, x: torch.stack([(T.rotations[:, :, k] * (x - T.translations)).sum(-1) for k in range(3)], dim=-1),
)
shadow.wrong(
    "the axes of the first residue",
    "Every frame has its own.",
    lambda T, x: on([e[..., :1, :] for e in columns(T)], x - T.translations),
)
shadow.right("all three at once", lambda T, x: (T.rotations * (x - T.translations).unsqueeze(-1)).sum(dim=-2))
shadow.right(
    "shadows of the point minus shadows of the origin", lambda T, x: on(columns(T), x) - on(columns(T), T.translations)
)


@shadow.right("written into zeros")
def _(T, points):
    out = torch.zeros_like(points)
    for k in range(3):
        out[..., k] = torch.linalg.vecdot(T.rotations[..., :, k], points - T.translations)
    return out


# --- 09.4 -----------------------------------------------------------------------------------------------------------
recipe = Exercise("09.4", "check_made_equivariant")


def first(T):
    return T[..., :1]


recipe.wrong("f as it is", "Nobody's eyes were borrowed.", lambda f, T: f(T))
recipe.wrong(
    "not brought back",
    "The answer is still in the world of the first residue: invariant, not equivariant.",
    lambda f, T: f(first(T).inverse() @ T),
)
recipe.wrong(
    "not gone there", "f still sees the world, and T₁ moves its answer once more.", lambda f, T: first(T) @ f(T)
)
recipe.wrong(
    "back on the right",
    "A motion of a whole world stands on the left.",
    lambda f, T: f(first(T).inverse() @ T) @ first(T),
)
recipe.wrong(
    "there on the right", "T ∘ T₁⁻¹ keeps G: it does not cancel.", lambda f, T: first(T) @ f(T @ first(T).inverse())
)
recipe.wrong(
    "there and back exchanged", "First undo T₁, then do it.", lambda f, T: first(T).inverse() @ f(first(T) @ T)
)
recipe.wrong(
    "back by the inverse",
    "Coming back is T₁, not its inverse.",
    lambda f, T: first(T).inverse() @ f(first(T).inverse() @ T),
)
recipe.wrong(
    "everybody through his own eyes",
    "T_i⁻¹ ∘ T_i is the identity for all: f is told nothing.",
    lambda f, T: T @ f(T.inverse() @ T),
)
recipe.wrong("the last residue", "The first one was to look.", lambda f, T: T[..., -1:] @ f(T[..., -1:].inverse() @ T))
recipe.wrong(
    "the first protein's first residue",
    "T[0] and T[:1] index the batch where there is one.",
    lambda f, T: T[:1] @ f(T[:1].inverse() @ T),
)
recipe.wrong(
    "no axis left",
    "T[..., 0] does not line up with (*, L) when there is a batch.",
    lambda f, T: T[..., 0] @ f(T[..., 0].inverse() @ T),
)
recipe.wrong(
    "undone by −t",
    "The inverse of a frame turns its translation, too.",
    lambda f, T: first(T) @ f(Rigid(first(T).rotations.mT, -first(T).translations) @ T),
)
recipe.wrong(
    "only pushed",
    "The first residue's orientation belongs to its view.",
    lambda f, T: (lambda p: p @ f(p.inverse() @ T))(
        Rigid(torch.eye(3, dtype=T.dtype).expand_as(first(T).rotations), first(T).translations)
    ),
)
recipe.wrong(
    "only turned",
    "The first residue's place belongs to its view.",
    lambda f, T: (lambda p: p @ f(p.inverse() @ T))(Rigid(first(T).rotations, 0 * first(T).translations)),
)
recipe.wrong(
    "centred on the mean",
    "Turns are not taken out, and the recipe names the first residue.",
    lambda f, T: (lambda p: p @ f(p.inverse() @ T))(
        Rigid(torch.eye(3, dtype=T.dtype).expand_as(first(T).rotations), T.translations.mean(-2, keepdim=True))
    ),
)
recipe.wrong("f left out", "The frames come back as they were.", lambda f, T: first(T) @ (first(T).inverse() @ T))


@recipe.right("by the formulas of inverse and composition")
def _(f, T):
    R, t = T.rotations[..., :1, :, :], T.translations[..., :1, :]
    seen = f(Rigid(R.mT @ T.rotations, ((T.translations - t).unsqueeze(-2) @ R).squeeze(-2)))
    return Rigid(R @ seen.rotations, (R @ seen.translations[..., None])[..., 0] + t)


@recipe.right("an axis put back")
def _(f, T):
    leader = T[..., 0][..., None]
    return leader @ f(Rigid(leader.inverse().rotations, leader.inverse().translations) @ T)
