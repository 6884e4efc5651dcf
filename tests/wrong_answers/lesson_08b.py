"""Lesson 08: Algorithm 22 in one function. Most slips exchange a single line of it, so that is how they are written."""

import math
from types import SimpleNamespace

import torch

from ipa_tutorial import FastInvariantPointAttention, InvariantPointAttention, Rigid, attention

from .answer import Exercise

whole = Exercise("08.3", "check_attention")

NAMES = """split_scalars split_points split_pair_bias scalar_logits point_logits weighted_sum hide_padding
    attention_weights attend_pairs attend_scalars attend_points point_norms concatenate_heads"""
LINES = {name: getattr(attention, name) for name in NAMES.split()} | {
    "gamma": lambda layers: layers.gamma,
    "w_L": math.sqrt(1 / 3),
    "out_to_world": lambda T, points: T.apply(points),
    "value_layer": lambda layers: layers.to_v,
    "frames": lambda T: T[..., None, :],
    "order": lambda pairs, scalars, points, norms: (pairs, scalars, points.flatten(-2), norms),
    "to_out": lambda layers, features: layers.to_out(features),
}


def algorithm_22(**slips):
    """The twelve lines in their order, with some of them exchanged."""
    line = SimpleNamespace(**(LINES | slips))

    def answer(layers, s, z, T, mask=None):
        H, T = layers.heads, line.frames(T)
        q, k, v = (line.split_scalars(to(s), H) for to in (layers.to_q, layers.to_k, line.value_layer(layers)))
        q_points, k_points, v_points = (
            line.split_points(to(s), H) for to in (layers.to_q_points, layers.to_k_points, layers.to_v_points)
        )
        b = line.split_pair_bias(layers.to_pair_bias(z))
        far = line.point_logits(line.out_to_world(T, q_points), line.out_to_world(T, k_points), line.gamma(layers))
        logits = line.weighted_sum(line.w_L, line.scalar_logits(q, k), b, far)
        if mask is not None:
            logits = line.hide_padding(logits, mask)
        a = line.attention_weights(logits)
        points = line.attend_points(a, v_points, T)
        outputs = line.order(
            line.attend_pairs(a, z), line.attend_scalars(a, v), points, line.point_norms(points, layers.eps)
        )
        return line.to_out(layers, line.concatenate_heads(*outputs))

    return answer


def slip(title, mistake, **lines):
    whole.wrong(title, mistake, algorithm_22(**lines))


def in_the_world(weights, v_points, frames):
    """The mean of the value points, left in the world."""
    return torch.einsum("...hij,...hjpx->...hipx", weights, frames.apply(v_points))


slip(
    "w_L on two of three",
    "w_L stands in front of the bracket, and the pair bias is in it.",
    weighted_sum=lambda w_L, qk, b, far: w_L * (qk + far) + b,
)
slip("w_L forgotten", "Three voices of variance one have variance three.", w_L=1.0)
slip("w_L for two terms", "There are three terms here.", w_L=math.sqrt(1 / 2))
slip("w_L without its root", "A factor acts on the variance with its square.", w_L=1 / 3)
slip("the point term with a plus", "Near must be large.", point_logits=lambda *x: -attention.point_logits(*x))
slip("no 1/√c", "The scalar term is too loud.", scalar_logits=lambda q, k: q @ k.mT)
slip("1/c", "The root of c was meant.", scalar_logits=lambda q, k: q @ k.mT / q.shape[-1])
slip("γ raw", "softplus was left away; raw_gamma is no γ.", gamma=lambda layers: layers.raw_gamma)
slip("softplus twice", "layers.gamma is positive already.", gamma=lambda layers: layers.gamma.exp().log1p())
slip(
    "points not carried into the world",
    "Distances between points of different frames mean nothing.",
    out_to_world=lambda T, points: points,
)
slip(
    "points only turned",
    "Without t every residue stands at the origin.",
    out_to_world=lambda T, points: T.apply(points) - T.apply(torch.zeros_like(points)),
)
slip("softmax over queries", "The weights of one query must add up to one.", attention_weights=lambda x: x.softmax(-2))
slip("softmax over heads", "Heads do not compete with each other.", attention_weights=lambda x: x.softmax(-3))
slip("the mask ignored", "Padding is heard.", hide_padding=lambda logits, mask: logits)
slip(
    "the mask upside down",
    "True means real.",
    hide_padding=lambda logits, mask: attention.hide_padding(logits, ~mask),
)
slip("keys as values", "to_v was never called.", value_layer=lambda layers: layers.to_k)
slip("points left in the world", "T_i⁻¹ is missing in line 10.", attend_points=in_the_world)
slip(
    "home with R",
    "R turns on; home is Rᵀ(x − t).",
    attend_points=lambda a, v, T: Rigid(T.rotations.mT, T.translations).invert_apply(in_the_world(a, v, T)),
)
slip(
    "home without the translation",
    "Turned back and not pushed back: the answer depends on the origin.",
    attend_points=lambda a, v, T: Rigid(T.rotations, 0 * T.translations).invert_apply(in_the_world(a, v, T)),
)
slip(
    "values that never left",
    "The value points of j mean something else in the frame of i.",
    attend_points=lambda a, v, T: torch.einsum("...hij,...hjpx->...hipx", a, v),
)
slip("no ε", "At the origin the root has no finite slope.", point_norms=lambda points, eps: points.norm(dim=-1))
slip("no norms", "Zeros stand where the lengths belong.", point_norms=lambda points, eps: 0 * points[..., 0])
slip(
    "scalars first",
    "Line 11 begins with the pairs, and the weights of to_out are made for that order.",
    order=lambda pairs, scalars, points, norms: (scalars, pairs, points.flatten(-2), norms),
)
slip(
    "norms before points",
    "The points come first, then their norms.",
    order=lambda pairs, scalars, points, norms: (pairs, scalars, norms, points.flatten(-2)),
)
slip(
    "all x, then all y, then all z",
    "That is AlphaFold's layout; here x, y and z of a point stand side by side.",
    order=lambda pairs, scalars, points, norms: (pairs, scalars, points.mT.flatten(-2), norms),
)
slip(
    "pairs read as z_ji",
    "Line 8 reads what i thinks of j.",
    attend_pairs=lambda a, z: attention.attend_pairs(a, z.transpose(-2, -3)),
)
slip("bias of z_ji", "Query and key of the bias have changed places.", split_pair_bias=lambda b: b.transpose(-1, -3))
slip("no output layer", "Line 12 is missing.", to_out=lambda layers, features: features)
slip(
    "output layer without its bias",
    "to_out has a bias, and a product with the weights leaves it out.",
    to_out=lambda layers, features: features @ layers.to_out.weight.mT,
)
slip(
    "channels interleaved",
    "The first c channels belong to the first head.",
    split_scalars=lambda x, H: x.unflatten(-1, (-1, H)).movedim(-1, -3),
)
slip(
    "heads reshaped to the front",
    "reshape moves no axis: residues get each other's channels.",
    split_scalars=lambda x, H: x.reshape(*x.shape[:-2], H, x.shape[-2], -1),
)
slip(
    "frames without a head axis",
    "T lines up with the heads: an error, or none at all where H = L.",
    frames=lambda T: T,
)
slip("cut off from the gradient", "The layers cannot learn.", to_out=lambda layers, x: layers.to_out(x).detach())


@whole.wrong("norms of what is in the world", "A rotation does not notice, a translation does: go home first.")
def _(layers, s, z, T, mask=None):
    seen = {}

    def home(a, v_points, frames):
        seen["world"] = in_the_world(a, v_points, frames)
        return frames.invert_apply(seen["world"])

    def norms(points, eps):
        return attention.point_norms(seen["world"], eps)

    return algorithm_22(attend_points=home, point_norms=norms)(layers, s, z, T, mask)


@whole.wrong("the mask after the softmax", "Zeros written into the weights leave rows that no longer add up to one.")
def _(layers, s, z, T, mask=None):
    after = (lambda x: x.softmax(-1)) if mask is None else (lambda x: x.softmax(-1) * mask[..., None, None, :])
    return algorithm_22(hide_padding=lambda logits, mask: logits, attention_weights=after)(layers, s, z, T, mask)


whole.wrong(
    "the module itself",
    "Calling layers(…) is no exercise.",
    lambda layers, s, z, T, mask=None: layers(s, z, rotations=T.rotations, translations=T.translations, mask=mask),
)
whole.wrong(
    "forward of its class",
    "This is the module itself by the back door.",
    lambda layers, s, z, T, mask=None: InvariantPointAttention.forward(
        layers, s, z, rotations=T.rotations, translations=T.translations, mask=mask
    ),
)


@whole.wrong("the fast module", "Somebody else's Algorithm 22 is no exercise either.")
def _(layers, s, z, T, mask=None):
    H = layers.heads
    fast = FastInvariantPointAttention(
        s.shape[-1],
        heads=H,
        scalar_key_dim=layers.to_q.out_features // H,
        scalar_value_dim=layers.to_v.out_features // H,
        point_key_dim=layers.to_q_points.out_features // (3 * H),
        point_value_dim=layers.to_v_points.out_features // (3 * H),
        pairwise_repr_dim=z.shape[-1],
        bias=True,
        eps=layers.eps,
    ).to(s.dtype)
    fast.load_state_dict(layers.state_dict())
    return fast(s, z, rotations=T.rotations, translations=T.translations, mask=mask)


slip(
    "a single protein",
    "The einsum names every axis and leaves none for a batch.",
    attend_pairs=lambda a, z: torch.einsum("hij,ijc->hic", a, z),
)
slip("ε outside the root", "The slope at zero stays infinite.", point_norms=lambda x, eps: x.norm(dim=-1) + eps)
slip(
    "w_C without P",
    "The number of query points belongs under the root.",
    point_logits=lambda q, k, gamma: attention.point_logits(q, k, gamma) * math.sqrt(q.shape[-2]),
)
slip(
    "the ½ forgotten",
    "Half the square is what w_C was made for.",
    point_logits=lambda q, k, gamma: 2 * attention.point_logits(q, k, gamma),
)
slip(
    "distances along the wrong way round",
    "The query's point is that of i, the rows.",
    point_logits=lambda q, k, gamma: attention.point_logits(k, q, gamma),
)

whole.right("wired up from the package's lines", algorithm_22())


@whole.right("head by head, and query by query where it is hard")
def _(layers, s, z, T, mask=None):
    H, features = layers.heads, []
    per_head = {
        name: getattr(layers, name)(s).chunk(H, dim=-1)
        for name in ("to_q", "to_k", "to_v", "to_q_points", "to_k_points", "to_v_points")
    }
    bias = layers.to_pair_bias(z)  # (*, L, L, H)
    for h in range(H):
        q, k, v = (per_head[name][h] for name in ("to_q", "to_k", "to_v"))
        world = [T.apply(per_head[f"to_{x}_points"][h].unflatten(-1, (-1, 3))) for x in "qkv"]  # (*, L, P, 3)
        squares = (world[0].unsqueeze(-3) - world[1].unsqueeze(-4)).pow(2).sum((-1, -2))
        far = layers.gamma[h] * squares / (18 * world[0].shape[-2]) ** 0.5
        logits = (q @ k.mT * q.shape[-1] ** -0.5 + bias[..., h] - far) / 3**0.5
        if mask is not None:
            logits = torch.where(mask.unsqueeze(-1) & ~mask.unsqueeze(-2), -torch.inf, logits)
        a = (logits - logits.logsumexp(-1, keepdim=True)).exp()  # (*, L, L)
        points = T.invert_apply(torch.einsum("...ij,...jpx->...ipx", a, world[2]))
        norms = (points**2).sum(-1).add(layers.eps).sqrt()
        features.append(((a.unsqueeze(-2) @ z).squeeze(-2), a @ v, points.flatten(-2), norms))
    return layers.to_out(torch.cat([output for of_all in zip(*features, strict=True) for output in of_all], dim=-1))
