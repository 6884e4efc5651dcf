"""Lesson 10: quaternions from the inside, and six numbers that become a motion."""

import torch
from torch.linalg import cross
from torch.nn.functional import normalize

from ipa_tutorial.quaternion import normalise_quaternion, quaternion_multiply, quaternion_to_rotation

from .answer import Exercise

# --- 10.1 -----------------------------------------------------------------------------------------------------------
product = Exercise("10.1", "check_quaternion_multiply")


def dot(a, b):
    return (a * b).sum(-1, keepdim=True)


def parts(a, b):
    return a[..., :1], a[..., 1:], b[..., :1], b[..., 1:]


def hamilton(title, mistake, w=lambda w1, v1, w2, v2: w1 * w2 - dot(v1, v2), v=None):
    """The product with another number or another arrow."""
    arrow = v or (lambda w1, v1, w2, v2: w1 * v2 + w2 * v1 + cross(v1, v2))

    def multiply(a, b):
        return torch.cat([w(*parts(a, b)), arrow(*parts(a, b))], dim=-1)

    product.wrong(title, mistake, multiply)


hamilton(
    "the cross product the other way round",
    "v₂ × v₁ is the product b a: first the left factor, then the right one.",
    v=lambda w1, v1, w2, v2: w1 * v2 + w2 * v1 + cross(v2, v1),
)
hamilton("no cross product", "Rotations would commute.", v=lambda w1, v1, w2, v2: w1 * v2 + w2 * v1)
hamilton("a plus at the dot product", "i² is −1.", w=lambda w1, v1, w2, v2: w1 * w2 + dot(v1, v2))
hamilton("no dot product", "The number of the product has two parts.", w=lambda w1, v1, w2, v2: w1 * w2)
hamilton(
    "each number with its own arrow",
    "w₁ stretches v₂ and w₂ stretches v₁.",
    v=lambda w1, v1, w2, v2: w1 * v1 + w2 * v2 + cross(v1, v2),
)
hamilton("one arrow forgotten", "w₂ v₁ is missing.", v=lambda w1, v1, w2, v2: w1 * v2 + cross(v1, v2))
hamilton(
    "the cross product taken away", "A minus makes it b a.", v=lambda w1, v1, w2, v2: w1 * v2 + w2 * v1 - cross(v1, v2)
)
hamilton(
    "the cross product twice",
    "The 2 belongs to the rotation of an arrow.",
    v=lambda w1, v1, w2, v2: w1 * v2 + w2 * v1 + 2 * cross(v1, v2),
)
hamilton("the dot product for each coordinate", "A dot product is a sum.", w=lambda w1, v1, w2, v2: w1 * w2 - v1 * v2)
product.wrong("factors exchanged", "a b was asked for, not b a.", lambda a, b: quaternion_multiply(b, a))
product.wrong("entry by entry", "Quaternions are not multiplied like that.", lambda a, b: a * b)
product.wrong(
    "the first one conjugated", "That is a⁻¹ b.", lambda a, b: quaternion_multiply(a * a.new_tensor([1, -1, -1, -1]), b)
)
product.wrong(
    "normalised",
    "Quaternions of any length have a product; its length is the product of lengths.",
    lambda a, b: normalize(quaternion_multiply(a, b), dim=-1),
)
product.wrong(
    "with a fixed sign",
    "q and −q mean the same rotation, but the product has a sign.",
    lambda a, b: (lambda q: torch.where(q[..., :1] < 0, -q, q))(quaternion_multiply(a, b)),
)
product.wrong(
    "the package's function", "It was to be written, with dot and cross.", lambda a, b: quaternion_multiply(a, b)
)


@product.wrong("w behind", "Here w stands in front: (w, x, y, z).")
def _(a, b):
    v1, w1, v2, w2 = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    return torch.cat([w1 * v2 + w2 * v1 + cross(v1, v2), w1 * w2 - dot(v1, v2)], dim=-1)


@product.wrong("one quaternion only", "a[0] is a number of one quaternion, and the first quaternion of a batch.")
def _(a, b):
    w = a[0] * b[0] - (a[1:] * b[1:]).sum()
    return torch.cat([w[None], a[0] * b[1:] + b[0] * a[1:] + cross(a[1:], b[1:])])


@product.right("sixteen products")
def _(a, b):
    (w1, x1, y1, z1), (w2, x2, y2, z2) = a.unbind(-1), b.unbind(-1)
    w = w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2
    x = w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2
    y = w1 * y2 + y1 * w2 + z1 * x2 - x1 * z2
    z = w1 * z2 + z1 * w2 + x1 * y2 - y1 * x2
    return torch.stack((w, x, y, z), dim=-1)


@product.right("a as a matrix")
def _(a, b):
    w, x, y, z = a.unbind(-1)
    rows = [(w, -x, -y, -z), (x, w, -z, y), (y, z, w, -x), (z, -y, x, w)]
    matrix = torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
    return torch.einsum("...rc,...c->...r", matrix, b)


# --- 10.2 -----------------------------------------------------------------------------------------------------------
matrix = Exercise("10.2", "check_quaternion_to_rotation")


def turned(title, mistake, formula=None, dim=-1, ready=lambda q: q / q.norm(dim=-1, keepdim=True)):
    """The three axes turned by ``formula(w, v, p)`` and stacked."""
    formula = formula or (lambda w, v, p: p + 2 * w * cross(v, p) + 2 * cross(v, cross(v, p)))

    def to_rotation(q):
        q = ready(q)
        w, v = q[..., :1], q[..., 1:]
        eye = torch.eye(3, dtype=q.dtype)
        return torch.stack([formula(w, v, axis.expand_as(v)) for axis in eye], dim=dim)

    matrix.wrong(title, mistake, to_rotation)


turned("results as rows", "Stacked with dim=-2 it is the rotation backwards.", dim=-2)
turned("not normalised", "A quaternion of length two scales and bends everything.", ready=lambda q: q)
turned(
    "normalised by the square",
    "Divide by the length, not by its square.",
    ready=lambda q: q / q.square().sum(-1, keepdim=True),
)
turned("normalised all together", "Each quaternion has a length of its own.", ready=lambda q: q / q.norm())
turned(
    "the first 2 forgotten",
    "Both cross products come twice.",
    lambda w, v, p: p + w * cross(v, p) + 2 * cross(v, cross(v, p)),
)
turned(
    "the second 2 forgotten",
    "Both cross products come twice.",
    lambda w, v, p: p + 2 * w * cross(v, p) + cross(v, cross(v, p)),
)
turned(
    "p × v",
    "The order of a cross product is its sign: this turns backwards.",
    lambda w, v, p: p + 2 * w * cross(p, v) + 2 * cross(v, cross(v, p)),
)
turned(
    "p forgotten",
    "What was there remains: the arrow itself comes first in the sum.",
    lambda w, v, p: 2 * w * cross(v, p) + 2 * cross(v, cross(v, p)),
)
turned(
    "(v × p) × v",
    "The order of the outer product has been exchanged.",
    lambda w, v, p: p + 2 * w * cross(v, p) + 2 * cross(cross(v, p), v),
)
turned(
    "w forgotten",
    "The half angle's cosine belongs to the first product.",
    lambda w, v, p: p + 2 * cross(v, p) + 2 * cross(v, cross(v, p)),
)
turned("w behind", "w stands in front.", ready=lambda q: q.roll(1, dims=-1) / q.norm(dim=-1, keepdim=True))
turned(
    "an ε in the length",
    "1e-2 shortens every quaternion of ordinary length a little.",
    ready=lambda q: q / (q.norm(dim=-1, keepdim=True) + 1e-2),
)
turned(
    "only w ≥ 0",
    "abs on w changes the rotation; only q and −q are the same.",
    ready=lambda q: torch.cat([q[..., :1].abs(), q[..., 1:]], -1) / q.norm(dim=-1, keepdim=True),
)
turned("axes in single precision", "The result has lost half its digits.", ready=lambda q: normalize(q, dim=-1).float())
matrix.wrong("the package's function", "It was to be written, column by column.", lambda q: quaternion_to_rotation(q))
matrix.wrong(
    "cut off from the gradient",
    "The network learns through its quaternions.",
    lambda q: quaternion_to_rotation(q.detach()),
)


@matrix.wrong("normalised in place", "/= changes the caller's quaternions.")
def _(q):
    q /= q.norm(dim=-1, keepdim=True)
    return quaternion_to_rotation(q)


@matrix.right("nine polynomials")
def _(q):
    w, x, y, z = normalize(q, dim=-1).unbind(-1)
    rows = [
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


@matrix.right("1 + 2wK + 2K²")
def _(q):
    q = q / q.square().sum(-1, keepdim=True).sqrt()
    K = torch.zeros(*q.shape[:-1], 3, 3, dtype=q.dtype)
    x, y, z = q[..., 1], q[..., 2], q[..., 3]
    K[..., 0, 1], K[..., 0, 2], K[..., 1, 2] = -z, y, -x
    K = K - K.mT
    return torch.eye(3, dtype=q.dtype) + 2 * q[..., :1, None] * K + 2 * K @ K


@matrix.right("q p q⁻¹, without normalising first")
def _(q):
    columns = []
    for axis in torch.eye(3, dtype=q.dtype):
        p = torch.cat([torch.zeros_like(q[..., :1]), axis.expand_as(q[..., 1:])], dim=-1)
        back = q * q.new_tensor([1, -1, -1, -1]) / q.square().sum(-1, keepdim=True)
        columns.append(quaternion_multiply(quaternion_multiply(q, p), back)[..., 1:])
    return torch.stack(columns, dim=-1)


# --- 10.3 -----------------------------------------------------------------------------------------------------------
six = Exercise("10.3", "check_update_quaternion")


def update(title, mistake, quaternion, push=lambda n: n[..., 3:]):
    six.wrong(title, mistake, lambda numbers: (quaternion(numbers), push(numbers)))


def one(numbers):
    return torch.ones_like(numbers[..., :1])


def long(numbers):
    return torch.cat([one(numbers), numbers[..., :3]], dim=-1)


def unit(numbers):
    return normalise_quaternion(long(numbers))


update("not normalised", "(1, b, c, d) is longer than one.", long)
update("the 1 behind", "w stands in front.", lambda n: normalise_quaternion(torch.cat([n[..., :3], one(n)], -1)))
update(
    "turn and push exchanged",
    "The first three turn.",
    lambda n: normalise_quaternion(torch.cat([one(n), n[..., 3:]], -1)),
    lambda n: n[..., :3],
)
update(
    "a zero in front",
    "Zeros then have no direction: 0/0.",
    lambda n: normalise_quaternion(torch.cat([0 * one(n), n[..., :3]], -1)),
)
update(
    "divided by the square",
    "The length is the root of the sum of squares.",
    lambda n: long(n) / long(n).square().sum(-1, keepdim=True),
)
update(
    "divided by the sum",
    "The length is the root of the sum of squares.",
    lambda n: long(n) / long(n).sum(-1, keepdim=True),
)
update(
    "only b, c, d normalised",
    "The 1 belongs into the length.",
    lambda n: torch.cat([one(n), normalize(n[..., :3], dim=-1)], -1),
)
update(
    "w from the others",
    "√(1 − b² − c² − d²) is another parametrisation, NaN for long ones.",
    lambda n: torch.cat([(1 - n[..., :3].square().sum(-1, keepdim=True)).sqrt(), n[..., :3]], -1),
)
update(
    "all residues normalised together", "Each quaternion has a length of its own.", lambda n: long(n) / long(n).norm()
)
update(
    "the push turned as well",
    "It is handed on as it is.",
    unit,
    lambda n: (quaternion_to_rotation(unit(n)) @ n[..., 3:, None])[..., 0],
)
update("the push normalised", "It is handed on as it is.", unit, lambda n: normalize(n[..., 3:], dim=-1))
update("the push in ångström", "It stays in nm.", unit, lambda n: 10 * n[..., 3:])
update(
    "every other number",
    "The first three turn and the last three push.",
    lambda n: normalise_quaternion(torch.cat([one(n), n[..., 0::2]], -1)),
    lambda n: n[..., 1::2],
)
update(
    "four free numbers",
    "The 1 is fixed; numbers[..., :4] takes a push for a turn.",
    lambda n: normalize(n[..., :4], dim=-1),
)
update(
    "half angles",
    "b, c, d are used as they are.",
    lambda n: normalise_quaternion(torch.cat([one(n), n[..., :3] / 2], -1)),
)
update(
    "an ε of one",
    "√(1 + … + 1) shortens even the identity.",
    lambda n: long(n) / (long(n).square().sum(-1, keepdim=True) + 1).sqrt(),
)
six.wrong("one tensor", "Two were asked for.", lambda n: torch.cat([unit(n), n[..., 3:]], dim=-1))
six.wrong("push first", "Quaternion first, then push.", lambda n: (n[..., 3:], unit(n)))
six.wrong("a rotation matrix", "The quaternion was asked for.", lambda n: (quaternion_to_rotation(long(n)), n[..., 3:]))
six.wrong(
    "ones of another dtype",
    "torch.ones without a dtype and single precision for all.",
    lambda n: (normalise_quaternion(torch.cat([torch.ones(*n.shape[:-1], 1), n[..., :3].float()], -1)), n[..., 3:]),
)
six.right(
    "pad and normalize",
    lambda n: (normalize(torch.nn.functional.pad(n[..., :3], (1, 0), value=1.0), dim=-1), n[..., 3:]),
)


@six.right("number by number")
def _(numbers):
    b, c, d, *push = numbers.unbind(-1)
    length = (1 + b**2 + c**2 + d**2).sqrt()
    return torch.stack([1 / length, b / length, c / length, d / length], dim=-1), torch.stack(push, dim=-1)


@six.right("chunked, by reciprocal roots")
def _(numbers):
    bcd, push = numbers.chunk(2, dim=-1)
    w = torch.rsqrt(1 + torch.einsum("...x,...x->...", bcd, bcd)).unsqueeze(-1)
    return torch.cat((w, bcd * w), dim=-1), push
