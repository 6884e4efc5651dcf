"""Lesson 08: several proteins in one row, and padding cut off with scissors."""

import math

import torch

from ipa_tutorial import Rigid

from .answer import Exercise

# --- 08.1 -----------------------------------------------------------------------------------------------------------
packed = Exercise("08.1", "check_hide_strangers")


def pairs(x):
    """Of the one who asks and of the one who is asked: (*, L, 1) and (*, 1, L)."""
    return x[..., :, None], x[..., None, :]


def strange(protein):
    """True where a real query would look at padding or at another protein: (*, L, L)."""
    i, j = pairs(protein)
    return (i > 0) & (i != j)


def penalty(hidden, logits, value=-math.inf):
    return torch.zeros(hidden.shape, dtype=logits.dtype).masked_fill(hidden, value)


def hides(title, mistake, hidden):
    """An answer that is right but for what it hides: a table (*, L, L) of who asks and who is asked."""

    def answer(logits, protein):
        return logits + penalty(hidden(*pairs(protein)), logits)[..., None, :, :]

    packed.wrong(title, mistake, answer)


hides("the lesson's mask", "Padding is hidden, and the other proteins are not.", lambda i, j: (i > 0) & (j == 0))
hides("other proteins alone", "Padding is still heard.", lambda i, j: (i != j) & (i > 0) & (j > 0))
hides("one's own protein", "Equal numbers are hidden; unequal ones should be.", lambda i, j: (i > 0) & (i == j))
hides("later proteins", "Earlier proteins are still heard.", lambda i, j: (i > 0) & ((i < j) | (j == 0)))
hides("earlier proteins", "Later proteins are still heard.", lambda i, j: i > j)
hides("far numbers", "Proteins 1 and 2 still hear each other.", lambda i, j: (i > 0) & ((i - j).abs() > 1))
hides("a product", "1 · 2 is not 0: only padding makes a product vanish.", lambda i, j: (i > 0) & (i * j == 0))
hides("booleans compared", "As booleans, 1 and 2 are equal.", lambda i, j: (i > 0) & ((i > 0) != (j > 0)))
hides("i and j exchanged", "Real queries still see padding.", lambda i, j: (j > 0) & (i != j))
hides("from everybody", "All padding: every row is empty, and NaN.", lambda i, j: (i != j) | (j == 0))
hides(
    "in all rows but those of real ones", "Rows of padding are empty: −∞ everywhere.", lambda i, j: (i != j) | (i == 0)
)
hides("upside down", "True where something should be seen.", lambda i, j: ~((i > 0) & (i != j)))
hides("the first protein's rows", "The second protein is kept from nobody.", lambda i, j: (i == 1) & (j != 1))
packed.wrong(
    "zero times infinity",
    "0 · ∞ is NaN: choose with where, or write −∞ where it belongs.",
    lambda logits, protein: logits + (strange(protein).to(logits.dtype) * -math.inf)[..., None, :, :],
)
packed.wrong(
    "no axis for the heads",
    "(*, L, L) lines up with the heads instead of the batch.",
    lambda logits, protein: logits + penalty(strange(protein), logits),
)
packed.wrong(
    "the numbers themselves are added",
    "A number of a protein is a name, and no penalty.",
    lambda logits, protein: logits + protein[..., None, None, :].to(logits.dtype),
)
packed.wrong(
    "padded queries hidden",
    "The rows of padding are emptied, and its columns are open.",
    lambda logits, protein: logits + penalty(protein == 0, logits)[..., None, :, None],
)
packed.wrong(
    "a small penalty",
    "e⁻⁹ is not zero: strangers still whisper.",
    lambda logits, protein: logits + penalty(strange(protein), logits, -9.0)[..., None, :, :],
)
packed.wrong("the proteins ignored", "Nothing is hidden at all.", lambda logits, protein: logits)
packed.wrong(
    "zero instead of −∞",
    "A logit of zero is no ban: e⁰ is one.",
    lambda logits, protein: logits.masked_fill(strange(protein)[..., None, :, :], 0.0),
)
packed.wrong(
    "after the softmax",
    "Weights were returned where logits were asked for.",
    lambda logits, protein: (logits + penalty(strange(protein), logits)[..., None, :, :]).softmax(-1),
)
packed.wrong(
    "double precision for all",
    "The answer must have the dtype of the logits.",
    lambda logits, protein: (logits + penalty(strange(protein), logits.double())[..., None, :, :]).double(),
)
packed.wrong(
    "the table alone",
    "The penalties were to be added to the logits.",
    lambda logits, protein: penalty(strange(protein), logits)[..., None, :, :].expand_as(logits),
)
packed.wrong(
    "plus infinity",
    "A penalty makes small: the sign is wrong, and ∞ in a softmax is NaN.",
    lambda logits, protein: logits + penalty(strange(protein), logits, math.inf)[..., None, :, :],
)
packed.wrong(
    "written into the logits",
    "masked_fill_ changes the caller's tensor.",
    lambda logits, protein: logits.masked_fill_(strange(protein)[..., None, :, :], -math.inf),
)
packed.wrong(
    "the row of the first of a batch",
    "protein[0] is the first residue of a single row, or the first row of a batch.",
    lambda logits, protein: (
        logits + penalty(strange(protein[0] if protein.ndim > 1 else protein), logits)[..., None, :, :]
    ),
)


@packed.wrong("one row only", "protein[:, None] and protein[None] make a table only where there is no batch.")
def _(logits, protein):
    hidden = (protein[:, None] > 0) & (protein[:, None] != protein[None, :])
    return logits + penalty(hidden, logits)[None]


packed.right(
    "unequal is strange, and padding is a protein of its own",
    lambda logits, protein: logits.masked_fill((pairs(protein)[0] != pairs(protein)[1])[..., None, :, :], -math.inf),
)
packed.right(
    "where, with heads from the beginning",
    lambda logits, protein: torch.where(strange(protein)[..., None, :, :], -torch.inf, logits),
)
packed.right(
    "a large finite penalty",
    lambda logits, protein: logits - 1e5 * strange(protein).to(logits.dtype).unsqueeze(-3),
)


@packed.right("logarithms of zero and one")
def _(logits, protein):
    i, j = pairs(protein)
    allowed = (i == j) | (i == 0)  # padding may look at everybody
    return logits + allowed.to(logits.dtype).log().unsqueeze(-3)


@packed.right("protein by protein")
def _(logits, protein):
    out = logits.clone()
    for number in protein.unique().tolist():
        if number:
            i, j = pairs(protein == number)
            out = out.masked_fill((i & ~j)[..., None, :, :], -math.inf)
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
