"""Which line of Algorithm 22 is at fault, and how? A learner's function is asked about layers made for the purpose.

The output layer hands the features on as they are, and the pair representation is made of ones and zeros, so that the
weights can be read off line 8. Then all terms but one are switched off. What is left is a small exercise of its own,
with arguments and a right answer, and is diagnosed like one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ...attention import InvariantPointAttention
from ...rigid import Rigid, random_rigid
from .attention import (
    distances_point_by_point,
    pair_bias_cut_by_hand,
    points_cut_by_hand,
    scalars_cut_by_hand,
    scaled_products,
    softmax_by_hand,
)
from .collecting import pairs_summed, relative_frames_summed, values_summed
from .diagnosis import diagnose
from .diagnosis.evidence import Evidence, Part, alike
from .frames import moved

L, H, DIM, CHANNELS, POINTS = 4, 2, 7, 5, 3  # residues, heads, channels of s, of a value, value points
WIDTHS = {"pairs": H * L * L, "scalars": H * CHANNELS, "points": H * POINTS * 3, "norms": H * POINTS}
ORDER = "line 11 wants pairs, scalars, points, norms, of each all heads side by side, and x y z of a point together"


@dataclass
class Probe:
    """Layers that show what a function makes of them, and their input."""

    layers: InvariantPointAttention
    s: Tensor
    z: Tensor
    T: Rigid

    @staticmethod
    def draw() -> Probe:
        generator = torch.Generator().manual_seed(0)
        sizes = dict(scalar_key_dim=3, scalar_value_dim=CHANNELS, point_key_dim=2, point_value_dim=POINTS)
        layers = InvariantPointAttention(DIM, heads=H, pairwise_repr_dim=L * L, bias=True, **sizes).double()
        layers.to_out = nn.Linear(layers.to_out.in_features, layers.to_out.in_features).double()
        layers.requires_grad_(False)
        for parameter in layers.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / parameter.shape[-1] ** 0.5)
        layers.to_out.weight.copy_(torch.eye(layers.to_out.in_features))
        layers.eps = 0.01
        s = torch.randn(L, DIM, generator=generator).double()
        z = torch.eye(L * L, dtype=torch.float64).view(L, L, L * L)  # a channel for each pair
        return Probe(layers, s, z, random_rigid(L, generator, dtype=torch.float64))

    def without_scalars(self) -> Probe:
        self.layers.to_q.weight.zero_(), self.layers.to_q.bias.zero_()
        return self

    def without_bias(self) -> Probe:
        self.layers.to_pair_bias.weight.zero_(), self.layers.to_pair_bias.bias.zero_()
        return self

    def without_points(self) -> Probe:
        for layer in (self.layers.to_q_points, self.layers.to_k_points):
            layer.weight.zero_(), layer.bias.zero_()
        self.T = Rigid.identity(L, dtype=torch.float64)
        return self

    def read(self, function: Callable) -> Tensor | None:
        """The features that a function makes, ``(L, …)``; None if it does not come to any."""
        try:
            out = function(self.layers, self.s, self.z, self.T)
        except Exception:
            return None
        fits = isinstance(out, Tensor) and out.shape == (L, sum(WIDTHS.values())) and bool(out.isfinite().all())
        return (out.detach() - self.layers.to_out.bias).double() if fits else None

    def projected(self) -> dict[str, Tensor]:
        layers, s = self.layers, self.s
        scalars = {name: scalars_cut_by_hand(getattr(layers, f"to_{name}")(s), H) for name in "qkv"}
        points = {f"{name}_points": points_cut_by_hand(getattr(layers, f"to_{name}_points")(s), H) for name in "qkv"}
        return (
            scalars
            | points
            | {"b": pair_bias_cut_by_hand(layers.to_pair_bias(self.z)), "γ": softplus(layers.raw_gamma)}
        )


def between_points(q_points: Tensor, k_points: Tensor, T: Rigid, gamma: Tensor) -> Tensor:
    here = T[None, :, None]
    return distances_point_by_point(moved(here, q_points), moved(here, k_points), gamma)


TERMS: dict[str, tuple[tuple[str, ...], Callable, Callable[[Probe], Probe]]] = {
    "the scalar term": (("q", "k"), scaled_products, lambda p: p.without_bias().without_points()),
    "the pair bias": (("b",), lambda b: b, lambda p: p.without_scalars().without_points()),
    "the point term": (
        ("q_points", "k_points", "T", "γ"),
        between_points,
        lambda p: p.without_scalars().without_bias(),
    ),
}
ANSWERS: dict[str, tuple[str, tuple[str, ...], Callable]] = {
    "pairs": ("line 8, the mean of the pairs", ("weights", "z"), pairs_summed),
    "scalars": ("line 9, the mean of the scalar values", ("weights", "v"), values_summed),
    "points": (
        "line 10, the points brought home",
        ("weights", "v_points", "T"),
        lambda a, v, T: relative_frames_summed(a, v, T[None]).flatten(-2),
    ),
}


def line_at_fault(e: Evidence) -> str | None:
    probe = Probe.draw()
    got = probe.read(e.answer)
    if got is None:
        return None
    expected = right_features(probe)
    if alike(got, torch.cat([*expected.values()], dim=-1)):
        return "right without a mask, wrong with one" if len(e.arguments) > 4 else None
    if alike(got + probe.layers.to_out.bias, torch.cat([*expected.values()], dim=-1)):
        return "the output layer is used without its bias: call layers.to_out(…)"
    everything = torch.cat([*expected.values()], dim=-1)
    mine = dict(zip(WIDTHS, got.split([*WIDTHS.values()], dim=-1), strict=True))
    wrong = [name for name in WIDTHS if not alike(mine[name], expected[name])]
    if alike(got.sort(-1).values, everything.sort(-1).values):
        return f"all features are right, but they stand in another order: {ORDER}"
    if wrong == ["points"] and alike(*(x["points"].sort(-1).values for x in (mine, expected))):
        return f"the points of line 10 are right, but their coordinates stand in another order: {ORDER}"
    if len(wrong) < 4:
        return "; ".join(of_an_answer(name, probe, mine[name]) for name in wrong if name in ANSWERS) or of_the_norms(
            mine, expected
        )
    return of_the_logits(e.answer, mine["pairs"])


def right_features(probe: Probe) -> dict[str, Tensor]:
    x = probe.projected()
    logits = sum(right(*(probe.T if n == "T" else x[n] for n in names)) for names, right, _ in TERMS.values())
    x["weights"], x["z"], x["T"] = softmax_by_hand(3**-0.5 * logits), probe.z, probe.T
    found = {name: right(*(x[n] for n in names)) for name, (_, names, right) in ANSWERS.items()}
    found["norms"] = (found["points"].unflatten(-1, (-1, 3)).square().sum(-1) + probe.layers.eps).sqrt()
    return {name: out.movedim(-3, -2).flatten(-2) for name, out in found.items()}


def of_an_answer(name: str, probe: Probe, mine: Tensor) -> str:
    title, names, right = ANSWERS[name]
    x = probe.projected() | {"z": probe.z, "T": probe.T}
    weights = right_features(probe)["pairs"].unflatten(-1, (H, L, L)).movedim(-3, -4)  # (H, L, L, L)
    x["weights"] = weights.diagonal(dim1=-3, dim2=-2).movedim(-1, -2)
    how = ask(names, tuple(x[n] for n in names), right, mine.unflatten(-1, (H, -1)).movedim(-2, -3))
    return f"{title}, is at fault{': ' if how else ''}{how}"


def of_the_norms(mine: dict[str, Tensor], expected: dict[str, Tensor]) -> str:
    square, eps = expected["points"].unflatten(-1, (-1, 3)).square().sum(-1), 0.01
    ways = {
        "ε is missing": square.sqrt(),
        "ε stands outside the root": square.sqrt() + eps,
        "ε comes in three times, once for each coordinate": (square + 3 * eps).sqrt(),
        "ε is squared": (square + eps**2).sqrt(),
        "the mean of three squares is taken, where their sum belongs": (square / 3 + eps).sqrt(),
        "they are lengths along one coordinate": expected["points"].unflatten(-1, (-1, 3)).abs().amax(-1),
        "the root is missing": square + eps,
        "they are all zero": torch.zeros_like(square),
    }
    how = next((text for text, norms in ways.items() if alike(mine["norms"], norms)), "")
    return f"line 11, the norms, is at fault{': ' if how else ''}{how}"


def of_the_logits(function: Callable, pairs: Tensor) -> str | None:
    weights = read_weights(pairs)
    if not alike(weights.sum(-1), torch.ones_like(weights[..., 0])):
        return (
            "line 7: the weights that a query gives to all keys do not add up to one; over which axis is the softmax, \
and does line 8 read z_ij?"
        )
    found = dict(terms_of(function))
    wrong = {name: how for name, how in found.items() if how is not None}
    if not wrong:
        return "each of the three terms of line 7 is right alone, but not their sum"
    if len(wrong) == 3 and len(set(wrong.values())) == 1:
        return f"w_L is at fault: in each of the three terms of line 7 {next(iter(wrong.values()))}"
    return "; ".join(f"{name} of line 7 is at fault{': ' if how else ''}{how}" for name, how in wrong.items())


def read_weights(pairs: Tensor) -> Tensor:
    """a_ij ``(H, L, L)``, as they stand in the channel of each pair."""
    table = pairs.unflatten(-1, (H, L, L))  # (query, H, channel of i, channel of j)
    return table.diagonal(dim1=0, dim2=2).movedim(-1, -2)


def centred(logits: Tensor) -> Tensor:
    return logits - logits.mean(-1, keepdim=True)


def terms_of(function: Callable) -> Iterator[tuple[str, str | None]]:
    """Each term alone: None if it is right, and otherwise what is wrong with it."""
    for name, (names, right, alone) in TERMS.items():
        probe = alone(Probe.draw())
        features = probe.read(function)
        x = probe.projected() | {"T": probe.T}
        arguments = tuple(x[n] for n in names)
        heard = lambda *arguments, right=right: centred(3**-0.5 * right(*arguments))  # noqa: E731
        mine = (
            None if features is None else centred(read_weights(features[:, : WIDTHS["pairs"]]).clamp(min=1e-300).log())
        )
        if mine is None:
            yield name, ""
        else:
            how = None if alike(mine, heard(*arguments)) else ask(names, arguments, heard, mine)
            yield name, how if how != "" or name != "the point term" else of_the_places(arguments, mine)


def of_the_places(arguments: tuple, mine: Tensor) -> str:
    """Were queries and keys both carried into the world?"""
    q, k, T, gamma = arguments
    here, home = T[None, :, None], Rigid.identity(T.shape, dtype=T.dtype)[None, :, None]
    ways = {
        "the keys are not carried into the world, and the queries are": (here, home),
        "the queries are not carried into the world, and the keys are": (home, here),
    }
    for how, (of_q, of_k) in ways.items():
        logits = 3**-0.5 * distances_point_by_point(moved(of_q, q), moved(of_k, k), gamma)
        if alike(mine, centred(logits)):
            return how
    return ""


def ask(names: tuple[str, ...], arguments: tuple, right: Callable, mine: Tensor) -> str:
    """What is wrong with the answer to one small exercise."""
    part = Part("", mine, right(*arguments), 1e-6)
    if part.right:
        return ""
    evidence = Evidence(arguments, names, (part,), False, lambda other: [right(*other)], lambda *_: None)
    return diagnose([evidence])
