"""Quaternions, the backbone update (Algorithm 23) and the stack that applies it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...blocks import BackboneUpdate, IPABlock, IPATransformer, begin_at_zero
from ...quaternion import normalise_quaternion, quaternion_multiply, quaternion_to_rotation
from ...rigid import Rigid
from ...structure_module import StructureModule
from . import seen
from .registry import bug

sound_transformer_init = IPATransformer.__init__
sound_structure_module_init = StructureModule.__init__

# --- quaternions ------------------------------------------------------------------------------------------------------


@bug(
    "quaternion.quaternion_to_rotation",
    wrong="the matrix for row vectors beside a product for column vectors: one of the two must be transposed",
    symptom="the stack is equivariant in neither convention; one transpose mends it to 1e-14",
    seen=f"{seen.LUCIDRAINS} (open question 6 there), {seen.KERAS}",
)
def rows_beside_columns(q: Tensor) -> Tensor:
    return quaternion_to_rotation(q).mT


@bug(
    "quaternion.quaternion_to_rotation",
    wrong="(x, y, z, w) for (w, x, y, z): the real part is looked for at the end",
    symptom="the quaternion that means 'stay' becomes half a turn",
    seen="two conventions that live side by side in scientific Python",
)
def real_part_last(q: Tensor) -> Tensor:
    return quaternion_to_rotation(q.roll(1, dims=-1))


@bug(
    "quaternion.quaternion_multiply",
    wrong="b a for a b: the product is not commutative, and means 'first the right factor'",
    symptom="updates turn the residue about the axes of the world",
    seen=seen.INVITED,
)
def quaternion_product_backwards(a: Tensor, b: Tensor) -> Tensor:
    return quaternion_multiply(b, a)


@bug(
    "quaternion.normalise_quaternion",
    wrong="q is used as it comes: a matrix made from it scales by ‖q‖²",
    symptom="frames shear and grow, layer by layer",
    seen=seen.EARLY,
)
def quaternion_not_normalised(q: Tensor) -> Tensor:
    return q


# --- Algorithm 23 -----------------------------------------------------------------------------------------------------


@bug(
    "blocks.BackboneUpdate",
    wrong="four free numbers for (1, b, c, d): at its zero start the quaternion has no direction and so no slope",
    symptom="zeros do not mean 'stay as you are', and rotations that begin at zero never learn",
    seen=seen.EARLY,
)
class update_of_four_numbers(BackboneUpdate):
    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.to_update = nn.Linear(dim, 7)
        begin_at_zero(self.to_update)

    def quaternion_and_translation(self, single_repr: Tensor) -> tuple[Tensor, Tensor]:
        q, t = self.to_update(single_repr).split([4, 3], dim=-1)
        return normalise_quaternion(q), t


@bug(
    "blocks.BackboneUpdate.quaternion_and_translation",
    wrong="(0, b, c, d) for (1, b, c, d): every update is half a turn",
    symptom="frames flip over at each layer, however small the update",
    seen=seen.INVITED,
)
def update_without_the_one(self: BackboneUpdate, single_repr: Tensor) -> tuple[Tensor, Tensor]:
    bcd, t = self.to_update(single_repr).chunk(2, dim=-1)
    return normalise_quaternion(torch.cat([torch.zeros_like(bcd[..., :1]), bcd], dim=-1)), t


# --- applying it ------------------------------------------------------------------------------------------------------


@bug(
    "blocks.compose_update",
    wrong="U ∘ T for T ∘ U: the nudge is meant in the residue's axes and is carried out in the world's",
    symptom="a small turn swings far residues about the world's origin; not equivariant",
    seen=seen.INVITED,
)
def update_on_the_left(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    pushed = Rigid(quaternion_to_rotation(q_update), t_update).apply(t)
    return normalise_quaternion(quaternion_multiply(q_update, q)), pushed


@bug(
    "blocks.compose_update",
    wrong="t + t_update for t + R t_update: pushed along the axes of the world",
    symptom="turn the protein, and the update does not turn with it",
    seen=seen.INVITED,
)
def pushed_along_the_worlds_axes(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    return normalise_quaternion(quaternion_multiply(q, q_update)), t + t_update


@bug(
    "blocks.compose_update",
    wrong="the push is turned by the new rotation: T ∘ U turns it by the old one",
    symptom="still equivariant, but not AlphaFold's numbers, nor T @ U",
    seen=seen.INVITED,
)
def pushed_along_the_new_axes(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    turned = normalise_quaternion(quaternion_multiply(q, q_update))
    return turned, Rigid(quaternion_to_rotation(turned), t).apply(t_update)


@bug(
    "blocks.compose_update",
    wrong="q + q_update for their product: turns compose by multiplication",
    symptom="half of the turn, about an axis of the world, and the wrong one when both are large",
    seen=f"asked of {seen.LUCIDRAINS.split()[0]} (pull requests 2 and 10)",
)
def quaternions_added(q: Tensor, t: Tensor, q_update: Tensor, t_update: Tensor) -> tuple[Tensor, Tensor]:
    return normalise_quaternion(q + q_update), Rigid(quaternion_to_rotation(q), t).apply(t_update)


# --- the stack --------------------------------------------------------------------------------------------------------


@bug(
    "blocks.IPABlock.forward",
    wrong="s += IPA(s): the residual connection overwrites the tensor that the backward pass still needs",
    symptom="backward raises, and the caller's own s has changed",
    seen=seen.DECODED,
)
def residual_in_place(
    self: IPABlock,
    x: Tensor,
    pairwise_repr: Tensor | None = None,
    *,
    rotations: Tensor,
    translations: Tensor,
    mask: Tensor | None = None,
) -> Tensor:
    x += self.attention(x, pairwise_repr, rotations=rotations, translations=translations, mask=mask)
    x = self.attention_norm(self.attention_dropout(x))
    return self.transition_norm(self.transition_dropout(x + self.transition(x)))


@bug(
    "blocks.IPABlock.forward",
    wrong="the norm stands before each part, as in most transformers, and not after the sum, as in Algorithm 20",
    symptom="trains well, and gives other numbers with AlphaFold's weights",
    seen=seen.INVITED,
)
def norm_before_for_after(
    self: IPABlock,
    x: Tensor,
    pairwise_repr: Tensor | None = None,
    *,
    rotations: Tensor,
    translations: Tensor,
    mask: Tensor | None = None,
) -> Tensor:
    attended = self.attention(
        self.attention_norm(x), pairwise_repr, rotations=rotations, translations=translations, mask=mask
    )
    x = self.attention_dropout(x + attended)
    return self.transition_dropout(x + self.transition(self.transition_norm(x)))


@bug(
    "blocks.IPABlock.forward",
    wrong="x + LN(IPA(x)) for LN(x + IPA(x)): only what is added is normalised",
    symptom="the representation grows from layer to layer",
    seen=seen.INVITED,
)
def norm_of_the_addend(
    self: IPABlock,
    x: Tensor,
    pairwise_repr: Tensor | None = None,
    *,
    rotations: Tensor,
    translations: Tensor,
    mask: Tensor | None = None,
) -> Tensor:
    attended = self.attention(x, pairwise_repr, rotations=rotations, translations=translations, mask=mask)
    x = x + self.attention_norm(self.attention_dropout(attended))
    return x + self.transition_norm(self.transition_dropout(self.transition(x)))


@bug(
    "blocks.IPABlock.forward",
    wrong="IPA(x) for x + IPA(x): what the residue knew is thrown away",
    symptom="a fresh block, whose last layers are zero, returns the same for every residue",
    seen=seen.INVITED,
)
def residual_forgotten(
    self: IPABlock,
    x: Tensor,
    pairwise_repr: Tensor | None = None,
    *,
    rotations: Tensor,
    translations: Tensor,
    mask: Tensor | None = None,
) -> Tensor:
    x = self.attention_norm(
        self.attention_dropout(
            self.attention(x, pairwise_repr, rotations=rotations, translations=translations, mask=mask)
        )
    )
    return self.transition_norm(self.transition_dropout(self.transition(x)))


@bug(
    "blocks.IPABlock.forward",
    wrong="the norm of the attention is used for the transition as well: copied, and not changed",
    symptom="invisible in a fresh block, where both norms are the same; one of them never trains",
    seen=seen.INVITED,
)
def one_norm_for_both(
    self: IPABlock,
    x: Tensor,
    pairwise_repr: Tensor | None = None,
    *,
    rotations: Tensor,
    translations: Tensor,
    mask: Tensor | None = None,
) -> Tensor:
    attended = self.attention(x, pairwise_repr, rotations=rotations, translations=translations, mask=mask)
    x = self.attention_norm(self.attention_dropout(x + attended))
    return self.attention_norm(self.transition_dropout(x + self.transition(x)))


@bug(
    "blocks.IPATransformer.__init__",
    wrong="no stop-gradient on the rotations between layers",
    symptom="values are right, gradients are up to 470 % off AlphaFold's, and deep stacks are unstable",
    seen="several packages",
)
def gradient_through_rotations(
    self: IPATransformer,
    dim: int,
    depth: int,
    num_tokens: int | None = None,
    predict_points: bool = False,
    detach_rotations: bool = True,
    **block_options,
) -> None:
    sound_transformer_init(self, dim, depth, num_tokens, predict_points, detach_rotations=False, **block_options)


@bug(
    "structure_module.StructureModule.__init__",
    wrong="line 20 of Algorithm 20 is left out: no stop-gradient between iterations",
    symptom="values are right, gradients are 99 % off AlphaFold's",
    seen="several packages",
)
def line_20_left_out(self: StructureModule, *args, **options) -> None:
    sound_structure_module_init(self, *args, **(options | dict(stop_rotation_gradient=False)))
