"""Lesson 08: a mask that is added, and the same promise kept with scissors."""

import math

import torch

from ipa_tutorial import Rigid

from .answer import Exercise

# --- 08.1 -----------------------------------------------------------------------------------------------------------
padding = Exercise("08.1", "check_hide_padding")


def table(mask):
    """True where a real query would look at padding: (*, L, L)."""
    return mask[..., :, None] & ~mask[..., None, :]


def penalty(hidden, logits, value=-math.inf):
    return torch.zeros(hidden.shape, dtype=logits.dtype).masked_fill(hidden, value)


padding.wrong(
    "hidden from everybody",
    "If all are padding, every row is empty, and the softmax makes NaN of it.",
    lambda logits, mask: logits + penalty(~mask, logits)[..., None, None, :],
)
padding.wrong(
    "zero times infinity",
    "0 · ∞ is NaN: choose with where, or write −∞ where it belongs.",
    lambda logits, mask: logits + (table(mask).to(logits.dtype) * -math.inf)[..., None, :, :],
)
padding.wrong(
    "no axis for the heads",
    "(*, L, L) lines up with the heads instead of the batch.",
    lambda logits, mask: logits + penalty(table(mask), logits),
)
padding.wrong(
    "the mask itself is added",
    "0 and 1 weaken padding by a factor of e and no more.",
    lambda logits, mask: logits + mask[..., None, None, :].to(logits.dtype),
)
padding.wrong(
    "upside down",
    "True means a real residue; here the real ones are hidden.",
    lambda logits, mask: logits + penalty(table(~mask), logits)[..., None, :, :],
)
padding.wrong(
    "rows and columns exchanged",
    "Padded queries are kept from real keys, and real queries still see padding.",
    lambda logits, mask: logits + penalty(table(mask).mT, logits)[..., None, :, :],
)
padding.wrong(
    "padded queries hidden",
    "The rows of padding are emptied, and its columns are open.",
    lambda logits, mask: logits + penalty(~mask, logits)[..., None, :, None],
)
padding.wrong(
    "only padding from padding",
    "Two kinds of padding are hidden from each other, and nothing from the real ones.",
    lambda logits, mask: logits + penalty(~mask[..., :, None] & ~mask[..., None, :], logits)[..., None, :, :],
)
padding.wrong(
    "all that is not real with real",
    "The rows of padded queries are empty: −∞ everywhere.",
    lambda logits, mask: logits + penalty(~(mask[..., :, None] & mask[..., None, :]), logits)[..., None, :, :],
)
padding.wrong(
    "a small penalty",
    "e⁻⁹ is not zero: padding still whispers.",
    lambda logits, mask: logits + penalty(table(mask), logits, -9.0)[..., None, :, :],
)
padding.wrong("the mask ignored", "Nothing is hidden at all.", lambda logits, mask: logits)
padding.wrong(
    "zero instead of −∞",
    "A logit of zero is no ban: e⁰ is one.",
    lambda logits, mask: logits.masked_fill(table(mask)[..., None, :, :], 0.0),
)
padding.wrong(
    "after the softmax",
    "Weights were returned where logits were asked for.",
    lambda logits, mask: (logits + penalty(table(mask), logits)[..., None, :, :]).softmax(-1),
)
padding.wrong(
    "double precision for all",
    "The answer must have the dtype of the logits.",
    lambda logits, mask: (logits + penalty(table(mask), logits.double())[..., None, :, :]).double(),
)
padding.wrong(
    "the table alone",
    "The penalties were to be added to the logits.",
    lambda logits, mask: penalty(table(mask), logits)[..., None, :, :].expand_as(logits),
)
padding.wrong(
    "plus infinity",
    "A penalty makes small: the sign is wrong, and ∞ in a softmax is NaN.",
    lambda logits, mask: logits + penalty(table(mask), logits, math.inf)[..., None, :, :],
)
padding.wrong(
    "written into the logits",
    "masked_fill_ changes the caller's tensor.",
    lambda logits, mask: logits.masked_fill_(table(mask)[..., None, :, :], -math.inf),
)
padding.wrong(
    "the mask of the first protein",
    "mask[0] is the first residue of a single protein, or the first protein of a batch.",
    lambda logits, mask: logits + penalty(table(mask[0] if mask.ndim > 1 else mask), logits)[..., None, :, :],
)


@padding.wrong("one protein only", "mask[:, None] and mask[None] make a table only where there is no batch.")
def _(logits, mask):
    hidden = mask[:, None] & ~mask[None, :]
    return logits + penalty(hidden, logits)[None]


padding.right(
    "where, with heads from the beginning",
    lambda logits, mask: torch.where(mask[..., None, :, None] & ~mask[..., None, None, :], -torch.inf, logits),
)
padding.right(
    "a large finite penalty",
    lambda logits, mask: logits - 1e5 * (mask[..., :, None] & ~mask[..., None, :]).to(logits.dtype).unsqueeze(-3),
)


@padding.right("logarithms of zero and one")
def _(logits, mask):
    allowed = (~mask).unsqueeze(-1) | mask.unsqueeze(-2)  # padding may look at everybody, everybody at the real ones
    return logits + allowed.to(logits.dtype).log().unsqueeze(-3)


@padding.right("query by query")
def _(logits, mask):
    out = logits.clone()
    for i in range(mask.shape[-1]):
        banned = mask[..., i : i + 1] & ~mask  # (*, L)
        out[..., i, :] = out[..., i, :].masked_fill(banned[..., None, :], -math.inf)
    return out


# --- 08.2 -----------------------------------------------------------------------------------------------------------
scissors = Exercise("08.2", "check_cut_out")


def call(layers, s, z, T):
    return layers(s, z, rotations=T.rotations, translations=T.translations)


def cut(layers, s, z, T, keep):
    return call(layers, s[keep], z[keep][:, keep], T[keep])


def nobody(mask):
    return mask is None or not mask.any()


@scissors.wrong("a diagonal", "z[mask, mask] picks the pairs (i, i) alone; cut rows and then columns.")
def _(layers, s, z, T, mask=None):
    if nobody(mask):
        return call(layers, s, z, T)
    out = torch.zeros_like(s)
    out[mask] = call(layers, s[mask], z[mask, mask], T[mask])
    return out


@scissors.wrong("an empty protein forgotten", "With nobody left the module refuses: zero residues.")
def _(layers, s, z, T, mask=None):
    if mask is None:
        return call(layers, s, z, T)
    out = torch.zeros_like(s)
    out[mask] = cut(layers, s, z, T, mask)
    return out


@scissors.wrong("no mask forgotten", "mask may be None, and None cannot be an index here.")
def _(layers, s, z, T, mask=None):
    if not mask.any():
        return call(layers, s, z, T)
    out = torch.zeros_like(s)
    out[mask] = cut(layers, s, z, T, mask)
    return out


@scissors.wrong("not put back", "The short result was returned; its rows belong to other residues now.")
def _(layers, s, z, T, mask=None):
    return call(layers, s, z, T) if nobody(mask) else cut(layers, s, z, T, mask)


@scissors.wrong("put back at the beginning", "The real residues need not be the first ones.")
def _(layers, s, z, T, mask=None):
    if nobody(mask):
        return call(layers, s, z, T)
    out = torch.zeros_like(s)
    out[: int(mask.sum())] = cut(layers, s, z, T, mask)
    return out


@scissors.wrong("the first ones cut out", "Counting the real ones and slicing works only if padding comes last.")
def _(layers, s, z, T, mask=None):
    if nobody(mask):
        return call(layers, s, z, T)
    n = int(mask.sum())
    out = torch.zeros_like(s)
    out[:n] = call(layers, s[:n], z[:n, :n], T[:n])
    return out


@scissors.wrong("zeroed instead of cut", "Padding made of zeros is still a residue that attracts attention.")
def _(layers, s, z, T, mask=None):
    if mask is None:
        return call(layers, s, z, T)
    z = z * mask[:, None, None] * mask[None, :, None]
    return call(layers, s * mask[:, None], z, T) * mask[:, None]


@scissors.wrong("cut at the end", "Computing on everybody lets padding be heard; hiding its rows comes too late.")
def _(layers, s, z, T, mask=None):
    out = call(layers, s, z, T)
    return out if mask is None else torch.where(mask[:, None], out, 0)


@scissors.wrong("the mask handed on", "The statement asks to call the layers without a mask.")
def _(layers, s, z, T, mask=None):
    return layers(s, z, rotations=T.rotations, translations=T.translations, mask=mask)


@scissors.wrong("the mask ignored", "Padding takes part as if it were real.")
def _(layers, s, z, T, mask=None):
    return call(layers, s, z, T)


@scissors.wrong("frames not cut", "Residue and frame no longer belong together.")
def _(layers, s, z, T, mask=None):
    if nobody(mask):
        return call(layers, s, z, T)
    out = torch.zeros_like(s)
    out[mask] = call(layers, s[mask], z[mask][:, mask], T[: int(mask.sum())])
    return out


@scissors.wrong("pairs cut in rows alone", "The columns of z are those of the first residues, padding or not.")
def _(layers, s, z, T, mask=None):
    if nobody(mask):
        return call(layers, s, z, T)
    out = torch.zeros_like(s)
    out[mask] = call(layers, s[mask], z[mask][:, : int(mask.sum())], T[mask])
    return out


@scissors.wrong("upside down", "The real residues were cut away, and padding was kept.")
def _(layers, s, z, T, mask=None):
    if mask is None or mask.all():
        return call(layers, s, z, T)
    out = torch.zeros_like(s)
    out[~mask] = cut(layers, s, z, T, ~mask)
    return out


@scissors.wrong("pairs transposed", "After cutting columns first and rows second the two were exchanged.")
def _(layers, s, z, T, mask=None):
    if nobody(mask):
        return call(layers, s, z, T)
    out = torch.zeros_like(s)
    out[mask] = call(layers, s[mask], z.transpose(0, 1)[mask][:, mask], T[mask])
    return out


@scissors.wrong("NaN for padding", "Rows that nobody reads must still be finite.")
def _(layers, s, z, T, mask=None):
    if mask is None:
        return call(layers, s, z, T)
    out = torch.full_like(s, math.nan)
    if mask.any():
        out[mask] = cut(layers, s, z, T, mask)
    return out


@scissors.wrong("written into s", "out = s makes no copy: the caller's single representation is overwritten.")
def _(layers, s, z, T, mask=None):
    if nobody(mask):
        return call(layers, s, z, T)
    out = s
    out[mask] = cut(layers, s, z, T, mask)
    out[~mask] = 0
    return out


@scissors.wrong("cut off from the gradient", "Nothing learns through .detach().")
def _(layers, s, z, T, mask=None):
    if nobody(mask):
        return call(layers, s, z, T)
    out = torch.zeros_like(s)
    out[mask] = cut(layers, s, z, T, mask).detach()
    return out


@scissors.right("with numbers instead of booleans")
def _(layers, s, z, T, mask=None):
    if mask is None:
        return call(layers, s, z, T)
    real = mask.nonzero()[:, 0]
    out = torch.zeros_like(s)
    if len(real):
        out = out.index_copy(0, real, call(layers, s[real], z[real[:, None], real[None, :]], T[real]))
    return out


@scissors.right("columns first, and a matrix that puts back")
def _(layers, s, z, T, mask=None):
    if mask is None or mask.sum() == 0:
        return call(layers, s, z, T)
    home = torch.eye(len(mask), dtype=s.dtype)[:, mask]  # (L, n)
    short = Rigid(T.rotations[mask], T.translations[mask])
    return home @ call(layers, s[mask], z[:, mask][mask], short)
