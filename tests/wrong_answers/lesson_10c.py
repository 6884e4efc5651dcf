"""Lesson 10: further answers, written without a look at the checks."""

import torch
from torch.nn.functional import layer_norm, normalize

from ipa_tutorial import Rigid
from ipa_tutorial.quaternion import normalise_quaternion, quaternion_multiply, quaternion_to_rotation

from .answer import Exercise

Exercise.all["10.1"].wrong(
    "the number without the dot product halved",
    "w1w2 − v1·v2.",
    lambda a, b: torch.cat(
        [
            a[..., :1] * b[..., :1] - 0.5 * (a[..., 1:] * b[..., 1:]).sum(-1, keepdim=True),
            a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + torch.linalg.cross(a[..., 1:], b[..., 1:]),
        ],
        -1,
    ),
)

Exercise.all["10.3"].wrong(
    "an angle of 1 + b",
    "1 beside b, c, d.",
    lambda x: (normalize(torch.cat([1 + x[..., :1], x[..., 1:3], x[..., 2:3]], -1), dim=-1), x[..., 3:]),
)


def turn(R, x):
    return (R @ x[..., None])[..., 0]


Exercise.all["10.4"].wrong(
    "the push halved",
    "All of it.",
    lambda q, t, qu, tu: (
        normalise_quaternion(quaternion_multiply(q, qu)),
        t + 0.5 * turn(quaternion_to_rotation(q), tu),
    ),
)

Exercise.all["10.5"].wrong(
    "the attention added twice",
    "Once.",
    lambda layers, x, z, T, mask=None: (
        lambda a: (lambda y: layers.transition_norm(y + layers.transition(y)))(layers.attention_norm(x + 2 * a))
    )(layers.attention(x, z, rotations=T.rotations, translations=T.translations, mask=mask)),
)


def multiply_scalar_last(a, b):
    v1, w1 = a[..., :3], a[..., 3:]
    v2, w2 = b[..., :3], b[..., 3:]
    w = w1 * w2 - (v1 * v2).sum(-1, keepdim=True)
    return torch.cat([w1 * v2 + w2 * v1 + torch.linalg.cross(v1, v2), w], dim=-1)


Exercise.all["10.1"].wrong(
    "scalar part read from the end",
    "The quaternions are read as (x, y, z, w): the number is taken from the last place and not from the first.",
    multiply_scalar_last,
)


def multiply_dot_product_plus(a, b):
    w1, v1 = a[..., 0], a[..., 1:]
    w2, v2 = b[..., 0], b[..., 1:]
    w = w1 * w2 - (v1 * v2).sum()
    v = w1[..., None] * v2 + w2[..., None] * v1 + torch.linalg.cross(v1, v2)
    return torch.cat([w[..., None], v], dim=-1)


Exercise.all["10.1"].wrong(
    "dot product summed over the batch",
    "The sum of the dot product has no axis: it runs over all quaternions of the batch together.",
    multiply_dot_product_plus,
)


def rotation_cross_back(q):
    q = q / q.norm(dim=-1, keepdim=True)
    w, v = q[..., :1], q[..., 1:]
    columns = []
    for axis in torch.eye(3, dtype=q.dtype):
        once = torch.linalg.cross(v, axis.expand_as(v))
        columns.append(axis + 2 * w * once + 2 * torch.linalg.cross(once, v))
    return torch.stack(columns, dim=-1)


Exercise.all["10.2"].wrong(
    "outer cross product turned around",
    "The second cross product is (v × p) × v in place of v × (v × p): its sign is wrong.",
    rotation_cross_back,
)


def rotation_by_square(q):
    q = q / q.square().sum(-1, keepdim=True)
    w, v = q[..., :1], q[..., 1:]
    columns = []
    for axis in torch.eye(3, dtype=q.dtype):
        once = torch.linalg.cross(v, axis.expand_as(v))
        columns.append(axis + 2 * w * once + 2 * torch.linalg.cross(v, once))
    return torch.stack(columns, dim=-1)


Exercise.all["10.2"].wrong(
    "divided by the squared length",
    "The quaternion is divided by its squared length: the root is missing and it is not of length one.",
    rotation_by_square,
)


def rotation_from_outer_product(q):
    q = q / q.square().sum(-1, keepdim=True).sqrt()
    w, v = q[..., 0, None, None], q[..., 1:]
    x, y, z = v.unbind(-1)
    o = torch.zeros_like(x)
    K = torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).unflatten(-1, (3, 3))
    eye = torch.eye(3, dtype=q.dtype)
    return (w * w - (v * v).sum(-1)[..., None, None]) * eye + 2 * v[..., :, None] * v[..., None, :] + 2 * w * K


Exercise.all["10.2"].right("outer product plus cross matrix", rotation_from_outer_product)


def update_completed(numbers):
    bcd, push = numbers.chunk(2, dim=-1)
    w = (1 - bcd.square().sum(-1, keepdim=True)).sqrt()
    return torch.cat([w, bcd], dim=-1), push


Exercise.all["10.3"].wrong(
    "w completed to length one",
    (
        "w is √(1 − b² − c² − d²) in place of a fixed 1 that is normalised with the rest: another turn, and NaN when "
        "the three are large."
    ),
    update_completed,
)


def update_push_first(numbers):
    push, bcd = numbers[..., :3], numbers[..., 3:]
    q = torch.cat([torch.ones_like(bcd[..., :1]), bcd], -1)
    return q / q.norm(dim=-1, keepdim=True), push


Exercise.all["10.3"].wrong(
    "first three numbers taken for push",
    "The first three numbers are used as the push and the last three as the turn: exchanged.",
    update_push_first,
)

Exercise.all["10.3"].right(
    "padded with a one, normalised by torch",
    lambda numbers: (
        torch.nn.functional.normalize(torch.nn.functional.pad(numbers[..., :3], (1, 0), value=1.0), dim=-1),
        numbers[..., -3:],
    ),
)


def step_push_as_row(q, t, q_update, t_update):
    R = quaternion_to_rotation(q)
    pushed = t + (t_update[..., None, :] @ R)[..., 0, :]
    return normalise_quaternion(quaternion_multiply(q, q_update)), pushed


Exercise.all["10.4"].wrong(
    "push as a row before R",
    "The push stands as a row on the left of R, so it is turned backwards, by the transpose.",
    step_push_as_row,
)


def step_mixed_sides(q, t, q_update, t_update):
    pushed = t + (quaternion_to_rotation(q) @ t_update[..., None])[..., 0]
    return normalise_quaternion(quaternion_multiply(q_update, q)), pushed


Exercise.all["10.4"].wrong(
    "turn on the left, push in own axes",
    (
        "The quaternion of the update stands on the left: the turn is about the world's axes, while the push is along "
        "the residue's own."
    ),
    step_mixed_sides,
)


def step_by_rigid(q, t, q_update, t_update):
    here = Rigid(quaternion_to_rotation(q), t)
    place = (here @ Rigid(quaternion_to_rotation(q_update), t_update)).translations
    product = quaternion_multiply(normalise_quaternion(q), normalise_quaternion(q_update))
    return normalise_quaternion(product), place


Exercise.all["10.4"].right("place from composed Rigids", step_by_rigid)


def block_first_x_again(layers, x, z, T, mask=None):
    attended = layers.attention(x, z, rotations=T.rotations, translations=T.translations, mask=mask)
    y = layers.attention_norm(x + attended)
    return layers.transition_norm(x + layers.transition(y))


Exercise.all["10.5"].wrong(
    "old x added in second half",
    "The transition's residual adds the x from before the attention, and what the attention found is lost from it.",
    block_first_x_again,
)


def block_mask_lost(layers, x, z, T, mask=None):
    x = layers.attention_norm(x + layers.attention(x, z, rotations=T.rotations, translations=T.translations))
    return layers.transition_norm(x + layers.transition(x))


Exercise.all["10.5"].wrong(
    "the mask not handed to the attention",
    "The mask is not handed to the attention, so padding is heard.",
    block_mask_lost,
)


def block_functional(layers, x, z, T, mask=None):
    geometry = {"rotations": T.rotations, "translations": T.translations, "mask": mask}
    for part, norm in (
        (lambda x: layers.attention(x, z, **geometry), layers.attention_norm),
        (layers.transition, layers.transition_norm),
    ):
        x = layer_norm(torch.add(part(x), x), norm.normalized_shape, norm.weight, norm.bias, norm.eps)
    return x


Exercise.all["10.5"].right("loop over halves, functional norm", block_functional)
