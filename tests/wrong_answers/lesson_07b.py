"""Lesson 07: a length that can be trained, and all outputs side by side."""

import torch

from ipa_tutorial import attention

from .answer import Exercise

# --- 07.3 -----------------------------------------------------------------------------------------------------------
length = Exercise("07.3", "check_point_norms")

length.wrong(
    "ε outside", "It changes the value and leaves the infinite slope.", lambda points, eps: points.norm(dim=-1) + eps
)
length.wrong("no ε", "At the origin the gradient is NaN.", lambda points, eps: points.norm(dim=-1))
length.wrong("vector_norm", "It knows nothing of ε.", lambda points, eps: torch.linalg.vector_norm(points, dim=-1))
length.wrong(
    "ε for each coordinate", "It comes three times then.", lambda points, eps: (points.square() + eps).sum(-1).sqrt()
)
length.wrong(
    "ε added to the points", "A point is moved before it is measured.", lambda x, eps: (x + eps).square().sum(-1).sqrt()
)
length.wrong("ε squared", "eps is in nm² already.", lambda points, eps: (points.square().sum(-1) + eps**2).sqrt())
length.wrong(
    "its root under the root",
    "√ε is a length; ε belongs under the root.",
    lambda x, eps: (x.square().sum(-1) + eps**0.5).sqrt(),
)
length.wrong(
    "an ε of one's own", "The argument eps is never looked at.", lambda x, eps: (x.square().sum(-1) + 1e-8).sqrt()
)
length.wrong("no root", "The squared length has other units.", lambda points, eps: points.square().sum(-1) + eps)
length.wrong("a mean of squares", "x² + y² + z² is a sum.", lambda points, eps: (points.square().mean(-1) + eps).sqrt())
length.wrong("sum of absolute values", "That is another norm.", lambda points, eps: points.abs().sum(-1) + eps)
length.wrong(
    "over the points",
    "The axis of x, y and z is the last one.",
    lambda points, eps: (points.square().sum(-2) + eps).sqrt(),
)
length.wrong(
    "an axis kept", "The last axis was to disappear.", lambda x, eps: (x.square().sum(-1, keepdim=True) + eps).sqrt()
)
length.wrong(
    "clamped",
    "At the origin the slope is cut to zero, and elsewhere ε is missing.",
    lambda x, eps: x.square().sum(-1).clamp(min=eps).sqrt(),
)
length.wrong("two coordinates", "z has been left out.", lambda x, eps: (x[..., :2].square().sum(-1) + eps).sqrt())
length.wrong(
    "the sum squared", "Square each coordinate before you add.", lambda x, eps: (x.sum(-1).square() + eps).sqrt()
)
length.wrong(
    "NaN made zero", "The value was never NaN; its gradient is.", lambda x, eps: x.norm(dim=-1).nan_to_num() + 0 * eps
)
length.wrong(
    "ε subtracted again", "The length of zero must be √ε.", lambda x, eps: (x.square().sum(-1) + eps).sqrt() - eps**0.5
)
length.right("a dot product with itself", lambda x, eps: torch.sqrt(torch.einsum("...x,...x->...", x, x) + eps))
length.right("coordinates apart", lambda x, eps: (x[..., 0] ** 2 + x[..., 1] ** 2 + x[..., 2] ** 2 + eps) ** 0.5)
length.right(
    "a fourth coordinate √ε",
    lambda x, eps: torch.linalg.vector_norm(torch.cat([x, torch.full_like(x[..., :1], eps**0.5)], dim=-1), dim=-1),
)

# --- 07.4 -----------------------------------------------------------------------------------------------------------
side = Exercise("07.4", "check_concatenate_heads")


def cat(outputs, part):
    return torch.cat([part(output) for output in outputs], dim=-1)


side.wrong(
    "a reshape",
    "reshape moves no axis: rows are filled with other residues' features.",
    lambda *outputs: cat(outputs, lambda o: o.reshape(*o.shape[:-3], o.shape[-2], -1)),
)
side.wrong(
    "heads outside",
    "Complete, and in another order: all outputs of the first head come first.",
    lambda *outputs: torch.cat([o[..., h, :, :] for h in range(outputs[0].shape[-3]) for o in outputs], dim=-1),
)
side.wrong(
    "channels outside",
    "The heads of each channel stand side by side; the channels of each head should.",
    lambda *outputs: cat(outputs, lambda o: o.movedim(-3, -1).flatten(-2)),
)
side.wrong(
    "flattened",
    "Right numbers, by flatten and movedim, which were forbidden.",
    lambda *outputs: cat(outputs, lambda o: o.movedim(-3, -2).flatten(-2)),
)
side.wrong("the package's function", "It was to be written.", lambda *outputs: attention.concatenate_heads(*outputs))
side.wrong(
    "heads backwards",
    "The last head comes first.",
    lambda *outputs: cat(outputs, lambda o: torch.cat(o.unbind(-3)[::-1], -1)),
)
side.wrong(
    "outputs backwards",
    "The last output comes first.",
    lambda *outputs: cat(outputs[::-1], lambda o: torch.cat(o.unbind(-3), -1)),
)
side.wrong(
    "the first head only",
    "The others have something to say as well.",
    lambda *outputs: cat(outputs, lambda o: o[..., 0, :, :]),
)
side.wrong(
    "heads summed", "Side by side, not on top of each other.", lambda *outputs: cat(outputs, lambda o: o.sum(-3))
)
side.wrong(
    "heads averaged", "Side by side, not on top of each other.", lambda *outputs: cat(outputs, lambda o: o.mean(-3))
)
side.wrong(
    "heads not dealt with", "(*, H, L, …): the heads are still an axis.", lambda *outputs: torch.cat(outputs, dim=-1)
)
side.wrong(
    "cut along the first axis",
    "unbind(0) takes batches for heads as soon as there is a batch.",
    lambda *outputs: torch.cat([h for output in outputs for h in output.unbind(0)], dim=-1),
)
side.wrong(
    "joined along residues",
    "The parts belong side by side, not below each other.",
    lambda *outputs: torch.cat([torch.cat(o.unbind(-3), dim=-2) for o in outputs], dim=-1),
)
side.wrong(
    "four outputs, always",
    "Any number of outputs may come.",
    lambda pairs, scalars, points, norms: cat((pairs, scalars, points, norms), lambda o: torch.cat(o.unbind(-3), -1)),
)
side.wrong(
    "twelve heads, always",
    "The number of heads is a size of the tensor.",
    lambda *outputs: torch.cat([o[..., h, :, :] for o in outputs for h in range(12)], dim=-1),
)
side.wrong("a list", "One tensor was asked for.", lambda *outputs: [h for output in outputs for h in output.unbind(-3)])
side.wrong(
    "residues instead of heads",
    "unbind(-2) takes residues apart.",
    lambda *outputs: torch.cat([r for o in outputs for r in o.unbind(-2)], dim=-1),
)
side.wrong(
    "cut off from the gradient",
    "All four answers stop learning.",
    lambda *outputs: cat(outputs, lambda o: torch.cat(o.detach().unbind(-3), -1)),
)
side.right(
    "slices by number",
    lambda *outputs: torch.cat([o[..., h, :, :] for o in outputs for h in range(o.shape[-3])], dim=-1),
)


@side.right("two loops and a list")
def _(*outputs):
    parts = []
    for output in outputs:
        for h in range(output.size(-3)):
            parts.append(output.select(-3, h))
    return torch.cat(parts, dim=-1)


side.right(
    "split into heads of size one",
    lambda *outputs: torch.cat([part.squeeze(-3) for o in outputs for part in o.split(1, dim=-3)], dim=-1),
)
