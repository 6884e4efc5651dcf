"""Lesson 10: the update on the side where it belongs, and a block whose norms stand where they should."""

import torch
from torch.nn.functional import layer_norm, normalize

from ipa_tutorial import Rigid
from ipa_tutorial.quaternion import normalise_quaternion, quaternion_multiply, quaternion_to_rotation

from .answer import Exercise

# --- 10.4 -----------------------------------------------------------------------------------------------------------
whose = Exercise("10.4", "check_compose_update")


def turn(q, t):
    """R(q) t."""
    return (quaternion_to_rotation(q) @ t[..., None])[..., 0]


def new(q, u):
    return normalise_quaternion(quaternion_multiply(q, u))


whose.wrong(
    "U ∘ T", "Far residues swing about the origin of the world.", lambda q, t, u, p: (new(u, q), turn(u, t) + p)
)
whose.wrong(
    "pushed along the world's axes", "The push is given in the residue's axes.", lambda q, t, u, p: (new(q, u), t + p)
)
whose.wrong(
    "pushed along the new axes",
    "The residue chose its push before it turned.",
    lambda q, t, u, p: (new(q, u), t + turn(new(q, u), p)),
)
whose.wrong(
    "pushed along the update's axes",
    "The push is turned by q, not by the update.",
    lambda q, t, u, p: (new(q, u), t + turn(u, p)),
)
whose.wrong(
    "pushed backwards",
    "Rᵀ turns from the world into the residue.",
    lambda q, t, u, p: (new(q, u), t + (quaternion_to_rotation(q).mT @ p[..., None])[..., 0]),
)
whose.wrong(
    "the quaternion on the left",
    "The push is right; the turn is made in the world's axes.",
    lambda q, t, u, p: (new(u, q), t + turn(q, p)),
)
whose.wrong("no push", "Translations stay behind.", lambda q, t, u, p: (new(q, u), t))
whose.wrong("no turn", "Quaternions stay behind.", lambda q, t, u, p: (q, t + turn(q, p)))
whose.wrong(
    "not normalised",
    "Rounding adds up in a long stack.",
    lambda q, t, u, p: (quaternion_multiply(q, u), t + turn(q, p)),
)
whose.wrong(
    "quaternions added",
    "Turns are composed by the product.",
    lambda q, t, u, p: (normalise_quaternion(q + u), t + turn(q, p)),
)
whose.wrong(
    "entry by entry",
    "The star is no product of quaternions.",
    lambda q, t, u, p: (normalise_quaternion(q * u), t + turn(q, p)),
)
whose.wrong("push taken away", "t + R t_U was meant.", lambda q, t, u, p: (new(q, u), t - turn(q, p)))
whose.wrong("t turned instead", "R turns the push, not the place.", lambda q, t, u, p: (new(q, u), turn(q, t) + p))
whose.wrong(
    "everything turned", "Only the push is in the residue's axes.", lambda q, t, u, p: (new(q, u), turn(q, t + p))
)
whose.wrong("t forgotten", "Where the residue was is missing.", lambda q, t, u, p: (new(q, u), turn(q, p)))
whose.wrong(
    "normalised all together",
    "Each quaternion has a length of its own.",
    lambda q, t, u, p: ((lambda x: x / x.norm())(quaternion_multiply(q, u)), t + turn(q, p)),
)
whose.wrong("places first", "Quaternions first, then translations.", lambda q, t, u, p: (t + turn(q, p), new(q, u)))
whose.wrong(
    "a Rigid",
    "Quaternions and translations were asked for.",
    lambda q, t, u, p: Rigid(quaternion_to_rotation(new(q, u)), t + turn(q, p)),
)


@whose.wrong("t moved in place", "+= moves the caller's residues.")
def _(q, t, q_update, t_update):
    t += turn(q, t_update)
    return new(q, q_update), t


@whose.right("by Rigid")
def _(q, t, q_update, t_update):
    moved = Rigid(quaternion_to_rotation(q), t) @ Rigid(quaternion_to_rotation(q_update), t_update)
    return new(q, q_update), moved.translations


@whose.right("the push turned by quaternions")
def _(q, t, q_update, t_update):
    p = torch.cat([torch.zeros_like(t_update[..., :1]), t_update], dim=-1)
    sandwich = quaternion_multiply(quaternion_multiply(q, p), q * q.new_tensor([1, -1, -1, -1]))
    return normalize(quaternion_multiply(q, q_update), dim=-1), t + sandwich[..., 1:] / q.square().sum(-1, keepdim=True)


# --- 10.5 -----------------------------------------------------------------------------------------------------------
norms = Exercise("10.5", "check_block")


def ipa(layers, x, z, T, mask):
    return layers.attention(x, z, rotations=T.rotations, translations=T.translations, mask=mask)


@norms.wrong("the norm before", "A fine design, but not AlphaFold's: the sum is normalised.")
def _(layers, x, z, T, mask=None):
    x = x + ipa(layers, layers.attention_norm(x), z, T, mask)
    return x + layers.transition(layers.transition_norm(x))


@norms.wrong("the norm on the addend", "What is added is normalised, and the sum grows.")
def _(layers, x, z, T, mask=None):
    x = x + layers.attention_norm(ipa(layers, x, z, T, mask))
    return x + layers.transition_norm(layers.transition(x))


@norms.wrong("no residual", "What was there is lost.")
def _(layers, x, z, T, mask=None):
    x = layers.attention_norm(ipa(layers, x, z, T, mask))
    return layers.transition_norm(layers.transition(x))


@norms.wrong("no residual at the transition", "The second half is a sum, too.")
def _(layers, x, z, T, mask=None):
    x = layers.attention_norm(x + ipa(layers, x, z, T, mask))
    return layers.transition_norm(layers.transition(x))


@norms.wrong("one norm twice", "Each half has a norm of its own; in a fresh block they look alike.")
def _(layers, x, z, T, mask=None):
    x = layers.attention_norm(x + ipa(layers, x, z, T, mask))
    return layers.attention_norm(x + layers.transition(x))


@norms.wrong("norms exchanged", "attention_norm belongs to the attention.")
def _(layers, x, z, T, mask=None):
    x = layers.transition_norm(x + ipa(layers, x, z, T, mask))
    return layers.attention_norm(x + layers.transition(x))


@norms.wrong("both halves from the same x", "The transition sees what the attention has said.")
def _(layers, x, z, T, mask=None):
    return layers.transition_norm(layers.attention_norm(x + ipa(layers, x, z, T, mask)) + layers.transition(x))


@norms.wrong("the old x added", "The second residual is that of the new x.")
def _(layers, x, z, T, mask=None):
    y = layers.attention_norm(x + ipa(layers, x, z, T, mask))
    return layers.transition_norm(x + layers.transition(y))


@norms.wrong("transition first", "Attention comes before the transition.")
def _(layers, x, z, T, mask=None):
    x = layers.transition_norm(x + layers.transition(x))
    return layers.attention_norm(x + ipa(layers, x, z, T, mask))


@norms.wrong("no norms", "The sum was to be normalised.")
def _(layers, x, z, T, mask=None):
    x = x + ipa(layers, x, z, T, mask)
    return x + layers.transition(x)


@norms.wrong("the first norm forgotten", "Both sums are normalised.")
def _(layers, x, z, T, mask=None):
    x = x + ipa(layers, x, z, T, mask)
    return layers.transition_norm(x + layers.transition(x))


@norms.wrong("the last norm forgotten", "Both sums are normalised.")
def _(layers, x, z, T, mask=None):
    x = layers.attention_norm(x + ipa(layers, x, z, T, mask))
    return x + layers.transition(x)


@norms.wrong("the transition left out", "Half of the block is missing.")
def _(layers, x, z, T, mask=None):
    return layers.transition_norm(layers.attention_norm(x + ipa(layers, x, z, T, mask)))


@norms.wrong("mask not handed on", "Padding is heard.")
def _(layers, x, z, T, mask=None):
    x = layers.attention_norm(x + ipa(layers, x, z, T, None))
    return layers.transition_norm(x + layers.transition(x))


@norms.wrong("+=", "The caller's x has changed.")
def _(layers, x, z, T, mask=None):
    x += ipa(layers, x, z, T, mask)
    x = layers.attention_norm(x)
    return layers.transition_norm(x + layers.transition(x))


@norms.wrong("norms without weights", "layer_norm by itself knows nothing of the scale and shift that were learnt.")
def _(layers, x, z, T, mask=None):
    x = layer_norm(x + ipa(layers, x, z, T, mask), x.shape[-1:])
    return layer_norm(x + layers.transition(x), x.shape[-1:])


@norms.wrong("frames left at home", "The attention was given identity frames.")
def _(layers, x, z, T, mask=None):
    x = layers.attention_norm(x + ipa(layers, x, z, Rigid.identity(T.shape, T.dtype), mask))
    return layers.transition_norm(x + layers.transition(x))


norms.wrong(
    "the block itself",
    "It was to be taken apart.",
    lambda layers, x, z, T, mask=None: layers(x, z, rotations=T.rotations, translations=T.translations, mask=mask),
)
norms.wrong(
    "cut off from the gradient",
    "Nothing learns through .detach().",
    lambda layers, x, z, T, mask=None: layers(
        x.detach(), z, rotations=T.rotations, translations=T.translations, mask=mask
    ).detach(),
)


@norms.right("halves in a loop")
def _(layers, x, z, T, mask=None):
    halves = [
        (lambda y: ipa(layers, y, z, T, mask), layers.attention_norm),
        (layers.transition, layers.transition_norm),
    ]
    for speak, norm in halves:
        x = norm(torch.stack([speak(x), x]).sum(0))
    return x


@norms.right("layer norm written out")
def _(layers, x, z, T, mask=None):
    def normed(norm, y):
        y = y - y.mean(-1, keepdim=True)
        return norm.weight * y / (y.square().mean(-1, keepdim=True) + norm.eps).sqrt() + norm.bias

    x = normed(layers.attention_norm, ipa(layers, x, z, T, mask) + x)
    return normed(layers.transition_norm, layers.transition(x) + x)
