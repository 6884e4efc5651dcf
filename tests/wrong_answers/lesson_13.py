"""Lesson 13: who is where along the chain, a loss for every iteration, and which attempt to keep."""

import torch
from torch.linalg import svd
from torch.nn.functional import one_hot

from ipa_tutorial import Rigid, fape, kabsch_rmsd
from ipa_tutorial.training import relative_positions

from .answer import Exercise

# --- 13.1 -----------------------------------------------------------------------------------------------------------
order = Exercise("13.1", "check_offsets_of_chains")


def offset(n):
    """j − i for every pair: (*, L, L)."""
    return n[..., None, :] - n[..., :, None]


def same(chain):
    return chain[..., None, :] == chain[..., :, None]


def ones(places):
    return (places[..., None] == torch.arange(66)).long()


def placed(clip=lambda o: o.clamp(-32, 32) + 32, other=65, together=same):
    """The classes that stand at these places: ``clip`` makes one of an offset."""
    return lambda n, chain: ones(torch.where(together(chain), clip(offset(n)), other))


order.wrong("i − j", "The sign says who comes first.", placed(lambda o: 32 - o.clamp(-32, 32)))
order.wrong(
    "no sign", "|j − i| makes a chain and its reverse look the same.", placed(lambda o: o.abs().clamp(max=32) + 32)
)
order.wrong("not clipped", "Beyond 32 the row is all zeros.", placed(lambda o: o + 32))
order.wrong(
    "clipped after the shift", "Everything ahead falls into one class.", placed(lambda o: (o + 32).clamp(-32, 32))
)
order.wrong("clipped on one side", "Far behind has a class as well.", placed(lambda o: o.clamp(max=32) + 32))
order.wrong("clipped to ±31", "The borders are ±32.", placed(lambda o: o.clamp(-31, 31) + 32))
order.wrong(
    "chains ignored",
    "Between two chains there is no offset: they have a class of their own.",
    placed(together=lambda chain: torch.ones_like(same(chain))),
)
order.wrong(
    "the same chain has the extra class", "It is the other way about.", placed(together=lambda chain: ~same(chain))
)
order.wrong("strangers in the middle", "Offset 0 is oneself.", placed(other=32))
order.wrong("strangers as far as can be", "Class 64 means 32 and more ahead in the same chain.", placed(other=64))
order.wrong(
    "strangers at the front", "The extra class is the last one.", lambda n, chain: placed()(n, chain).roll(1, -1)
)
order.wrong("strangers nowhere", "All zeros is no class.", placed(other=-1))
order.wrong(
    "both classes",
    "Exactly one is 1.",
    lambda n, chain: torch.cat(
        [ones(offset(n).clamp(-32, 32) + 32)[..., :65], (~same(chain)).long()[..., None]], dim=-1
    ),
)
order.wrong(
    "rows instead of numbers",
    "After a gap the next row is no neighbour.",
    lambda n, chain: placed()(torch.arange(n.shape[-1]).expand_as(n), chain),
)
order.wrong("65 classes", "There are 65 offsets and one class more.", lambda n, chain: placed()(n, chain)[..., :65])
order.wrong("True and False", "Whole numbers were asked for.", lambda n, chain: placed()(n, chain).bool())
order.wrong("floats", "Whole numbers were asked for.", lambda n, chain: placed()(n, chain).float())
order.wrong(
    "the class and not its ones",
    "One-hot was asked for.",
    lambda n, chain: torch.where(same(chain), offset(n).clamp(-32, 32) + 32, 65),
)
order.wrong(
    "axes in front of the batch",
    "n[None] − n[:, None] makes pairs only without a batch.",
    lambda n, chain: ones(torch.where(same(chain), (n[None] - n[:, None]).clamp(-32, 32) + 32, 65)),
)
order.wrong("the package's function", "It knows of no chains.", lambda n, chain: relative_positions(n))
order.wrong(
    "chain numbers as an offset",
    "A thousand residues for each chain put strangers far away, into classes that mean something else.",
    lambda n, chain: placed(together=lambda c: torch.ones_like(same(c)))(n + 1000 * chain, chain),
)
order.wrong(
    "only two chains",
    "A chain may have any number: compare the two, do not add them up.",
    placed(together=lambda chain: (chain[..., None, :] + chain[..., :, None]) != 1),
)
order.right("placed and compared", placed())
order.right("one_hot", lambda n, chain: one_hot(torch.where(same(chain), offset(n).clamp(-32, 32) + 32, 65), 66))
order.right(
    "rows of an identity",
    lambda n, chain: torch.eye(66, dtype=torch.int64)[torch.where(same(chain), offset(n).clamp(-32, 32) + 32, 65)],
)


@order.right("filled in afterwards")
def _(n, chain):
    out = torch.zeros(*n.shape, n.shape[-1], 66, dtype=torch.int64)
    out.scatter_(-1, (offset(n).clamp(-32, 32) + 32)[..., None], 1)
    out[~same(chain)] = 0
    out[..., 65] = (~same(chain)).long()
    return out


# --- 13.2 -----------------------------------------------------------------------------------------------------------
every = Exercise("13.2", "check_backbone_loss")


def angstrom(T, factor=10.0):
    return Rigid(T.rotations, T.translations * factor)


def judge(T, truth, mask, **options):
    return fape(T, truth, T.translations, truth.translations, mask, mask, **options)


def each(every, truth, mask, factor=10.0, **options):
    """FAPE of every iteration: (D, *)."""
    return torch.stack([judge(angstrom(every[k], factor), truth, mask, **options) for k in range(len(every))])


every.wrong(
    "nm beside Å",
    "A factor of ten: the network would learn a chain ten times too large.",
    lambda e, t, m: each(e, t, m, 1.0).mean(0),
)
every.wrong("divided by ten", "One nm is ten Å: multiply.", lambda e, t, m: each(e, t, m, 0.1).mean(0))
every.wrong(
    "points left in nm",
    "Frames are in Å and their points are not.",
    lambda e, t, m: torch.stack(
        [fape(angstrom(T), t, T.translations, t.translations, m, m) for T in map(e.__getitem__, range(len(e)))]
    ).mean(0),
)
every.wrong(
    "the truth in nm, the answer too",
    "FAPE's Z and ε are in Å.",
    lambda e, t, m: each(e, angstrom(t, 0.1), m, 1.0).mean(0),
)
every.wrong(
    "rotations scaled as well",
    "A rotation has no unit.",
    lambda e, t, m: torch.stack(
        [judge(Rigid(10 * e[k].rotations, 10 * e[k].translations), t, m) for k in range(len(e))]
    ).mean(0),
)
every.wrong("the last iteration only", "Every one is judged.", lambda e, t, m: each(e, t, m)[-1])
every.wrong("the first iteration only", "Every one is judged.", lambda e, t, m: each(e, t, m)[0])
every.wrong("without the last", "Every one is judged.", lambda e, t, m: each(e, t, m)[: max(1, len(e) - 1)].mean(0))
every.wrong("a sum", "The mean over iterations.", lambda e, t, m: each(e, t, m).sum(0))
every.wrong("a mean over everything", "Each protein keeps its own number.", lambda e, t, m: each(e, t, m).mean())
every.wrong("a mean over the last axis", "The iterations are the first axis.", lambda e, t, m: each(e, t, m).mean(-1))
every.wrong("the best iteration", "Every one is judged, not the best one.", lambda e, t, m: each(e, t, m).amin(0))
every.wrong(
    "later ones weigh more",
    "All count alike.",
    lambda e, t, m: torch.tensordot(
        torch.arange(1.0, len(e) + 1).to(t.dtype) / sum(range(len(e) + 1)), each(e, t, m), 1
    ),
)
every.wrong(
    "clamped",
    "Where all begin in one point a clamp leaves most pairs without a pull.",
    lambda e, t, m: each(e, t, m, clamp=10.0).mean(0),
)
every.wrong("no mask", "Padding counts neither as a frame nor as a point.", lambda e, t, m: each(e, t, None).mean(0))
every.wrong(
    "only frames masked",
    "Points may be padding, too.",
    lambda e, t, m: torch.stack(
        [fape(angstrom(e[k]), t, 10 * e[k].translations, t.translations, m) for k in range(len(e))]
    ).mean(0),
)
every.wrong(
    "only points masked",
    "Frames may be padding, too.",
    lambda e, t, m: torch.stack(
        [fape(angstrom(e[k]), t, 10 * e[k].translations, t.translations, points_mask=m) for k in range(len(e))]
    ).mean(0),
)
every.wrong("mask upside down", "True means real.", lambda e, t, m: each(e, t, ~m).mean(0))
every.wrong(
    "true points for both",
    "Each structure brings its own points.",
    lambda e, t, m: torch.stack(
        [fape(angstrom(e[k]), t, t.translations, t.translations, m, m) for k in range(len(e))]
    ).mean(0),
)
every.wrong(
    "true frames for both",
    "Each structure is seen from its own frames.",
    lambda e, t, m: torch.stack([fape(t, t, 10 * e[k].translations, t.translations, m, m) for k in range(len(e))]).mean(
        0
    ),
)
every.wrong(
    "an RMSD",
    "FAPE was asked for.",
    lambda e, t, m: torch.stack([kabsch_rmsd(10 * e[k].translations, t.translations, m) for k in range(len(e))]).mean(
        0
    ),
)
every.wrong(
    "earlier ones detached",
    "Each iteration must be told how it did.",
    lambda e, t, m: torch.stack(
        [judge(angstrom(e[k] if k == len(e) - 1 else e[k].detach()), t, m) for k in range(len(e))]
    ).mean(0),
)
every.wrong(
    "a float",
    "item() cuts the gradient, and a batch has no single number.",
    lambda e, t, m: each(e, t, m).mean().item(),
)


@every.wrong("scaled in place", "*= changes the frames of the module, and a second call is ten times off.")
def _(every, truth, mask):
    t = every.translations
    t *= 10.0
    return each(every, truth, mask, 1.0).mean(0)


@every.right("all iterations in one call")
def _(every, truth, mask):
    D = every.shape[0]
    T = every.scale_translations(10.0)
    R, t = (x.expand(D, *x.shape) for x in (truth.rotations, truth.translations))
    m = mask.expand(D, *mask.shape)
    return fape(T, Rigid(R, t), T.translations, t, m, m).mean(0)


@every.right("a running mean")
def _(every, truth, mask):
    loss = 0
    for R, t in zip(every.rotations, 10 * every.translations, strict=True):
        loss = loss + fape(Rigid(R, t), truth, t, truth.translations, frames_mask=mask, points_mask=mask, clamp=0)
    return loss / len(every.rotations)


# --- 13.3 -----------------------------------------------------------------------------------------------------------
keep = Exercise("13.3", "check_best_chain")


def smallest(rmsds):
    """The place of the smallest number, and the number."""
    rmsds = [float(r) for r in rmsds]
    return rmsds.index(min(rmsds)), min(rmsds)


def reflecting(a, b):
    """RMSD after the best orthogonal matrix, reflections among them."""
    a, b = a - a.mean(0), b - b.mean(0)
    U, _, Vh = svd(a.mT @ b)
    return (a @ U @ Vh - b).square().sum(-1).mean().sqrt()


keep.wrong(
    "nm beside Å",
    "A chain a tenth as large fits nowhere; the unit comes first.",
    lambda c, t: smallest(kabsch_rmsd(x, t) for x in c),
)
keep.wrong(
    "the unit afterwards",
    "The RMSD of a shrunken chain times ten is not the RMSD of the chain.",
    lambda c, t: smallest(10 * kabsch_rmsd(x, t) for x in c),
)
keep.wrong("in nm", "The RMSD was to be in Å.", lambda c, t: smallest(kabsch_rmsd(x, t / 10) for x in c))
keep.wrong(
    "not superposed",
    "The chain that happens to lie right wins.",
    lambda c, t: smallest((10 * x - t).square().sum(-1).mean().sqrt() for x in c),
)
keep.wrong(
    "only centred",
    "Chains are turned, too.",
    lambda c, t: smallest((10 * (x - x.mean(0)) - (t - t.mean(0))).square().sum(-1).mean().sqrt() for x in c),
)
keep.wrong(
    "with reflections", "The mirror image wins at 0.0 Å.", lambda c, t: smallest(reflecting(10 * x, t) for x in c)
)
keep.wrong(
    "by distances",
    "A mirror image has the same distances.",
    lambda c, t: smallest((torch.cdist(10 * x, 10 * x) - torch.cdist(t, t)).square().mean().sqrt() for x in c),
)
keep.wrong(
    "the worst",
    "The smallest RMSD is the best.",
    lambda c, t: max(((i, kabsch_rmsd(10 * x, t).item()) for i, x in enumerate(c)), key=lambda p: p[1]),
)
keep.wrong("the last", "Training goes up and down.", lambda c, t: (len(c) - 1, kabsch_rmsd(10 * c[-1], t).item()))
keep.wrong("the first", "All have to be looked at.", lambda c, t: (0, kabsch_rmsd(10 * c[0], t).item()))
keep.wrong(
    "counted from one",
    "Tensors count from zero.",
    lambda c, t: (lambda k, r: (k + 1, r))(*smallest(kabsch_rmsd(10 * x, t) for x in c)),
)
keep.wrong(
    "RMSD first", "The number of the chain comes first.", lambda c, t: smallest(kabsch_rmsd(10 * x, t) for x in c)[::-1]
)
keep.wrong(
    "only the number", "Its RMSD was asked for as well.", lambda c, t: smallest(kabsch_rmsd(10 * x, t) for x in c)[0]
)
keep.wrong(
    "the chain itself",
    "Its number was asked for.",
    lambda c, t: (c[smallest(kabsch_rmsd(10 * x, t) for x in c)[0]], smallest(kabsch_rmsd(10 * x, t) for x in c)[1]),
)
keep.wrong(
    "tensors",
    "A whole number and a float were asked for.",
    lambda c, t: (lambda r: (r.argmin(), r.min()))(torch.stack([kabsch_rmsd(10 * x, t) for x in c])),
)
keep.wrong(
    "the mean RMSD",
    "How good is the best one, not all of them?",
    lambda c, t: (lambda r: (int(r.argmin()), r.mean().item()))(torch.stack([kabsch_rmsd(10 * x, t) for x in c])),
)
keep.wrong(
    "the last chain left out",
    "range(len − 1) forgets one.",
    lambda c, t: smallest(kabsch_rmsd(10 * x, t) for x in c[:-1]),
)
keep.wrong(
    "the first below 2 Å",
    "Good enough is not the best.",
    lambda c, t: (lambda r: next(((i, x) for i, x in enumerate(r) if x < 2), smallest(r)))(
        [kabsch_rmsd(10 * x, t).item() for x in c]
    ),
)


@keep.wrong("changed in place", "*= makes the caller's chains ten times as large.")
def _(chains, true):
    chains *= 10
    return smallest(kabsch_rmsd(chain, true) for chain in chains)


@keep.right("all chains at once")
def _(chains, true):
    rmsds = kabsch_rmsd(10 * chains, true.expand_as(chains))
    k = int(rmsds.argmin())
    return k, float(rmsds[k])


@keep.right("the crystal in nm, the result back in Å")
def _(chains, true):
    value, k = min((10 * kabsch_rmsd(chain, true / 10).item(), k) for k, chain in enumerate(chains))
    return k, value
