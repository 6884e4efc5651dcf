"""Frames: Algorithm 21, acting on points, composing, random frames for tests, units."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...proteins.files import Protein
from ...rigid import Rigid, random_rigid, rigid_from_3_points
from . import seen
from .registry import bug

sound_rigids = Protein.rigids

# --- Algorithm 21 -----------------------------------------------------------------------------------------------------


@bug(
    "rigid.rigid_from_3_points",
    wrong="N and C exchanged: the x axis points along Cα→N",
    symptom="every frame is turned by the angle N–Cα–C, and lies on its back; invisible to a test of equivariance",
    seen=seen.INVITED,
)
def atoms_in_another_order(n: Tensor, ca: Tensor, c: Tensor, eps: float = 1e-8) -> Rigid:
    return rigid_from_3_points(c, ca, n, eps)


@bug(
    "rigid.rigid_from_3_points",
    wrong="x along C→Cα: the first of three points lies on the negative x axis in one package, on the positive in ours",
    symptom="every frame is turned by 180°; invisible to a test of equivariance",
    seen=f"the order of arguments of {seen.OPENFOLD}'s from_3_points",
)
def x_axis_away_from_C(n: Tensor, ca: Tensor, c: Tensor, eps: float = 1e-8) -> Rigid:
    return rigid_from_3_points(n, ca, 2 * ca - c, eps)


@bug(
    "rigid.rigid_from_3_points",
    wrong="the centre of N, Cα and C as origin, where Algorithm 21 puts Cα",
    symptom="frames 0.56 Å beside Cα",
    seen=seen.JULIA,
)
def origin_at_the_centroid(n: Tensor, ca: Tensor, c: Tensor, eps: float = 1e-8) -> Rigid:
    return Rigid(rigid_from_3_points(n, ca, c, eps).rotations, (n + ca + c) / 3)


@bug(
    "rigid.rigid_from_3_points",
    wrong="Gram–Schmidt without ε: 0/0 for atoms on top of each other",
    symptom="NaN for residues with missing or coincident atoms",
    seen="several packages",
)
def gram_schmidt_without_eps(n: Tensor, ca: Tensor, c: Tensor, eps: float = 1e-8) -> Rigid:
    return rigid_from_3_points(n, ca, c, eps=0.0)


@bug(
    "rigid.rigid_from_3_points",
    wrong="the axes as rows of R where they are its columns: that is Rᵀ, the way from world to frame",
    symptom="points are turned the wrong way round",
    seen=seen.INVITED,
)
def axes_as_rows(n: Tensor, ca: Tensor, c: Tensor, eps: float = 1e-8) -> Rigid:
    T = rigid_from_3_points(n, ca, c, eps)
    return Rigid(T.rotations.mT, T.translations)


@bug(
    "rigid.rigid_from_3_points",
    wrong="z = y × x for z = x × y: a left hand, det R = −1",
    symptom="the network is shown the mirror image",
    seen=seen.INVITED,
)
def left_handed_axes(n: Tensor, ca: Tensor, c: Tensor, eps: float = 1e-8) -> Rigid:
    T = rigid_from_3_points(n, ca, c, eps)
    return Rigid(T.rotations * T.rotations.new_tensor([1, 1, -1]), T.translations)


# --- acting and composing ---------------------------------------------------------------------------------------------


@bug(
    "rigid.Rigid.apply",
    wrong="R x without + t: points are turned but not moved",
    symptom="all residues propose their points around the origin; who is near whom is lost",
    seen=seen.INVITED,
)
def turned_but_not_moved(self: Rigid, points: Tensor) -> Tensor:
    R, _ = self._spread_over(points)
    return (R * points[..., None, :]).sum(-1)


@bug(
    "rigid.Rigid.apply",
    wrong="points @ R for points @ R.mT: on rows, a column rotation is multiplied transposed",
    symptom="right for identity frames; otherwise invariance is lost",
    seen=f"{seen.LUCIDRAINS}, {seen.KERAS}: rows in one place, columns in another",
)
def points_times_R(self: Rigid, points: Tensor) -> Tensor:
    R, t = self._spread_over(points)
    return (R.mT * points[..., None, :]).sum(-1) + t


@bug(
    "rigid.Rigid.invert_apply",
    wrong="Rᵀ x − t for Rᵀ (x − t): first turned, then shifted, as if it were the way out",
    symptom="there and back again does not lead home",
    seen=seen.INVITED,
)
def turned_before_shifted(self: Rigid, points: Tensor) -> Tensor:
    R, t = self._spread_over(points)
    return (R.mT * points[..., None, :]).sum(-1) - t


@bug(
    "rigid.Rigid.invert_apply",
    wrong="R (x − t) for Rᵀ (x − t): the inverse of the rotation is forgotten",
    symptom="right for identity frames and for half turns, wrong for every other rotation",
    seen="a question of many: where is the inverse rotation in that einsum?",
)
def turned_once_more(self: Rigid, points: Tensor) -> Tensor:
    R, t = self._spread_over(points)
    return (R * (points - t)[..., None, :]).sum(-1)


@bug(
    "rigid.Rigid.__matmul__",
    wrong="T @ U is read as 'first T, then U': composition applies the right factor first",
    symptom="a local update moves the residue about the world's origin",
    seen=f"a question asked of {seen.OPENFOLD} (issue 220)",
)
def composition_backwards(self: Rigid, other: Rigid) -> Rigid:
    return Rigid(other.rotations @ self.rotations, other.apply(self.translations))


@bug(
    "rigid.Rigid.inverse",
    wrong="(Rᵀ, −t) for (Rᵀ, −Rᵀ t): the way back is turned as well",
    symptom="T⁻¹ T is not the identity as soon as rotation and translation are both there",
    seen=seen.INVITED,
)
def inverse_without_turning_t(self: Rigid) -> Rigid:
    return Rigid(self.rotations.mT, -self.translations)


# --- random frames, on which a test stands or falls -------------------------------------------------------------------

Shape = int | Sequence[int]


@bug(
    "rigid.random_rigid",
    wrong="random numbers in place of a rotation: RᵀR is not 1",
    symptom="no module can pass, so the tolerance is loosened until all do",
    seen=f"{seen.FLASH}'s README, the tests of {seen.DECODED} and of {seen.OPENFOLD}",
)
def random_matrices_as_rotations(
    shape: Shape = (), generator: torch.Generator | None = None, scale: float = 1.0, dtype: torch.dtype | None = None
) -> Rigid:
    T = random_rigid(shape, generator, scale, dtype)
    return Rigid(torch.randn(T.rotations.shape, generator=generator).to(T.dtype), T.translations)


@bug(
    "rigid.random_rigid",
    wrong="O(3) for SO(3): half of these matrices are reflections, det R = −1",
    symptom="the test of invariance fails now and then, and for the right reason",
    seen="the ortho_group of geometric-gnn-dojo",
)
def reflections_among_rotations(
    shape: Shape = (), generator: torch.Generator | None = None, scale: float = 1.0, dtype: torch.dtype | None = None
) -> Rigid:
    T = random_rigid(shape, generator, scale, dtype)
    sign = 1 - 2 * torch.randint(2, T.translations.shape, generator=generator).to(T.dtype)  # of each axis
    return Rigid(T.rotations * sign[..., None, :], T.translations)


@bug(
    "rigid.random_rigid",
    wrong="one rotation shared by all residues: R_i and R_j can then be exchanged unnoticed",
    symptom="the key's frame in place of the query's passes the test",
    seen="the tests of several packages",
)
def one_rotation_for_all(
    shape: Shape = (), generator: torch.Generator | None = None, scale: float = 1.0, dtype: torch.dtype | None = None
) -> Rigid:
    T = random_rigid(shape, generator, scale, dtype)
    one = random_rigid((), generator, dtype=dtype).rotations
    return Rigid(one.expand_as(T.rotations).clone(), T.translations)


@bug(
    "rigid.random_rigid",
    wrong="rotations without translations: a forgotten − t_i leaves no trace",
    symptom="a module that is invariant to rotations alone passes",
    seen="the tests of several packages",
)
def frames_all_at_the_origin(
    shape: Shape = (), generator: torch.Generator | None = None, scale: float = 1.0, dtype: torch.dtype | None = None
) -> Rigid:
    return random_rigid(shape, generator, 0.0, dtype)


# --- units ------------------------------------------------------------------------------------------------------------


@bug(
    "proteins.protein.Protein.rigids",
    wrong="ångström in a model that counts in nanometres: distances ten, their squares a hundred times too large",
    symptom="on ubiquitin the point logits spread by 84 where 1.7 belongs: attention is frozen on one residue",
    seen="everybody, once",
)
def angstrom_in_a_nanometre_model(self: Protein, dtype: torch.dtype = torch.float32) -> Rigid:
    return sound_rigids(self, dtype).scale_translations(10.0)
