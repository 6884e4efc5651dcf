"""FAPE (Algorithm 28), superposition, and the loss of the training loop."""

from __future__ import annotations

import torch
from torch import Tensor

from ...losses import fape, kabsch_rmsd, sights
from ...rigid import NM_TO_ANGSTROM, Rigid
from ...structure_module import Structure
from . import seen
from .registry import bug

# --- FAPE, line by line -----------------------------------------------------------------------------------------------


@bug(
    "losses.sights",
    wrong="Rᵀ x for Rᵀ (x − t): points are turned into the frame's axes but seen from the world's origin",
    symptom="what a frame sees of its neighbours changes when all are pushed together",
    seen=seen.INVITED,
)
def sights_from_the_origin(rigids: Rigid, points: Tensor) -> Tensor:
    return sights(Rigid(rigids.rotations, torch.zeros_like(rigids.translations)), points)


@bug(
    "losses.sights",
    wrong="x − t for Rᵀ (x − t): points are seen from the frame's place, but along the axes of the world",
    symptom="what a frame sees changes when everything is turned, and stays when it alone turns on the spot",
    seen=seen.INVITED,
)
def sights_along_the_worlds_axes(rigids: Rigid, points: Tensor) -> Tensor:
    return points[..., None, :, :] - rigids.translations[..., None, :]


@bug(
    "losses.sights",
    wrong="R (x − t) for Rᵀ (x − t)",
    symptom="right for half turns; otherwise what a frame sees changes when everything is turned",
    seen=seen.INVITED,
)
def sights_with_R_for_its_transpose(rigids: Rigid, points: Tensor) -> Tensor:
    return sights(Rigid(rigids.rotations.mT, rigids.translations), points)


@bug(
    "losses.sights",
    wrong="points as they lie in the world: no frame has looked at them, and each must see them from its own place",
    symptom="what is seen changes with every motion of the world, and a turn of a frame is never noticed",
    seen="a question asked of AlphaFold (issue 833): why judge atom j from frame i?",
)
def sights_without_frames(rigids: Rigid, points: Tensor) -> Tensor:
    return points[..., None, :, :].expand(*rigids.shape, *points.shape[-2:])


@bug(
    "losses.smooth_length",
    wrong="√(‖gap‖²) + ε for √(‖gap‖² + ε): outside the root ε protects nothing",
    symptom="NaN gradient for a perfect prediction",
    seen=seen.INVITED,
)
def eps_outside_the_root(gap: Tensor, eps: float) -> Tensor:
    return gap.square().sum(-1).sqrt() + eps


@bug(
    "losses.smooth_length",
    wrong="‖gap‖² for ‖gap‖: line 3 takes the root",
    symptom="far points rule the loss, and the result is in Å² where Å is meant",
    seen=seen.INVITED,
)
def distance_left_squared(gap: Tensor, eps: float) -> Tensor:
    return gap.square().sum(-1) + eps


@bug(
    "losses.clamp_distance",
    wrong="clamp = 0 is read as 'clamp to zero', where AlphaFold's code reads it as 'no clamp'",
    symptom="a silent loss of zero",
    seen=seen.PORTING,
)
def clamp_zero_taken_literally(distance: Tensor, clamp: float | None) -> Tensor:
    return distance if clamp is None else distance.clamp(max=clamp)


@bug(
    "losses.clamp_distance",
    wrong="the clamp is accepted and never used",
    symptom="a few lost residues rule the loss",
    seen=seen.INVITED,
)
def clamp_never_used(distance: Tensor, clamp: float | None) -> Tensor:
    return distance


@bug(
    "losses.fape",
    wrong="the result is not divided by Z, 10 Å: it is in ångström",
    symptom="a loss ten times too large, which drowns the others",
    seen=seen.INVITED,
)
def fape_without_length_scale(
    predicted_rigids: Rigid,
    true_rigids: Rigid,
    predicted_points: Tensor,
    true_points: Tensor,
    frames_mask: Tensor | None = None,
    points_mask: Tensor | None = None,
    clamp: float | None = None,
    length_scale: float = 10.0,
    eps: float = 1e-4,
) -> Tensor:
    inputs = predicted_rigids, true_rigids, predicted_points, true_points
    return fape(*inputs, frames_mask, points_mask, clamp, length_scale=1.0, eps=eps)


@bug(
    "losses.fape",
    wrong="the masks are accepted and never used",
    symptom="padding counts, and dilutes or rules the loss",
    seen=seen.INVITED,
)
def fape_of_the_padding(
    predicted_rigids: Rigid,
    true_rigids: Rigid,
    predicted_points: Tensor,
    true_points: Tensor,
    frames_mask: Tensor | None = None,
    points_mask: Tensor | None = None,
    clamp: float | None = None,
    length_scale: float = 10.0,
    eps: float = 1e-4,
) -> Tensor:
    inputs = predicted_rigids, true_rigids, predicted_points, true_points
    return fape(*inputs, None, None, clamp, length_scale, eps)


# --- superposition ----------------------------------------------------------------------------------------------------


@bug(
    "losses.kabsch_rmsd",
    wrong="the best orthogonal matrix for the best rotation: the sign of the determinant is not looked at",
    symptom="a mirror image scores as a perfect prediction",
    seen=seen.INVITED,
)
def superposed_by_reflection(a: Tensor, b: Tensor, mask: Tensor | None = None) -> Tensor:
    mirror = a.new_tensor([1, 1, -1])
    return torch.minimum(kabsch_rmsd(a, b, mask), kabsch_rmsd(a * mirror, b, mask))


# --- the training loop ------------------------------------------------------------------------------------------------


@bug(
    "training.backbone_loss",
    wrong="FAPE is clamped at 10 Å from the first step: what is far away feels no force",
    symptom="a toy fold freezes at 3 to 6 Å, in four runs of five",
    seen=seen.INVITED,
)
def clamped_too_early(structure: Structure, truth: Rigid, mask: Tensor, clamp: float | None = None) -> Tensor:
    every = [rigids.scale_translations(NM_TO_ANGSTROM) for rigids in structure.rigids]
    losses = [fape(T, truth, T.translations, truth.translations, mask, mask, clamp=10.0) for T in every]
    return torch.stack(losses).mean()


@bug(
    "training.backbone_loss",
    wrong="RMSD as the loss: it judges where the Cα atoms are and not how the residues stand",
    symptom="rotations never learn; written with distances alone, it is blind to mirror images as well",
    seen=seen.INVITED,
)
def rmsd_as_the_loss(structure: Structure, truth: Rigid, mask: Tensor, clamp: float | None = None) -> Tensor:
    places = [rigids.translations * NM_TO_ANGSTROM for rigids in structure.rigids]
    return torch.stack([kabsch_rmsd(place, truth.translations, mask) for place in places]).mean()


@bug(
    "training.backbone_loss",
    wrong="nanometres are compared with ångström: the factor of ten between model and file is forgotten",
    symptom="the fold comes out ten times too large",
    seen="everybody, once",
)
def nanometres_against_angstrom(structure: Structure, truth: Rigid, mask: Tensor, clamp: float | None = None) -> Tensor:
    losses = [fape(T, truth, T.translations, truth.translations, mask, mask, clamp) for T in structure.rigids]
    return torch.stack(losses).mean()
