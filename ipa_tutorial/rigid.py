"""Rigid transforms ("frames") and how to read them off three atoms (Algorithm 21).

A frame ``T = (R, t)`` is a place and an orientation in space. It acts on column vectors,

    T ∘ x = R x + t,

so a point given in the frame's own coordinates comes out in the coordinates of the world. Two habits, kept
everywhere in this package:

* a **global** motion of the whole world acts on the left, ``T → G ∘ T`` (``G @ T``);
* a **local** nudge, given in the frame's own axes, acts on the right, ``T → T ∘ U`` (``T @ U``).

Rotating is written as a sum of scaled columns rather than as a matrix product: automatic mixed precision and TF32
round matrix products to a few digits, which would move atoms, but leave sums alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NM_TO_ANGSTROM = 10.0  # nanometres inside every model, ångström in files and in what biologists read


@dataclass(frozen=True, eq=False)
class Rigid:
    """A tensor of frames: rotations ``(*, 3, 3)`` and translations ``(*, 3)``, any leading shape ``*`` (even none).

    The translations carry the unit (nanometres inside every model). Rotations are taken as they come: that they are
    proper, ``RᵀR = 1`` and ``det R = +1``, is the caller's promise.

    Raises:
        TypeError: not tensors, not floating point, or two different dtypes.
        ValueError: shapes that do not fit, or two different devices.
    """

    rotations: Tensor
    translations: Tensor

    def __post_init__(self) -> None:
        R, t = self.rotations, self.translations
        for name, tensor in (("rotations", R), ("translations", t)):
            _require_floating(name, tensor)
        if R.ndim < 2 or R.shape[-2:] != (3, 3):
            raise ValueError(f"rotations must have shape (*, 3, 3), got {tuple(R.shape)}")
        if t.ndim < 1 or t.shape[-1] != 3:
            raise ValueError(f"translations must have shape (*, 3), got {tuple(t.shape)}")
        if R.shape[:-2] != t.shape[:-1]:
            raise ValueError(
                "rotations (*, 3, 3) and translations (*, 3) must agree in their leading shape, "
                f"got {tuple(R.shape)} and {tuple(t.shape)}"
            )
        if R.dtype != t.dtype:
            raise TypeError(f"rotations and translations must share a dtype, got {R.dtype} and {t.dtype}")
        if R.device != t.device:
            raise ValueError(f"rotations and translations must share a device, got {R.device} and {t.device}")

    @staticmethod
    def identity(
        shape: int | Sequence[int] = (),
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> Rigid:
        """Frames that do nothing: the axes of the world at its origin, leading shape ``shape``."""
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        rotations = torch.eye(3, dtype=dtype, device=device).repeat(*shape, 1, 1)  # (*, 3, 3)
        return Rigid(rotations, rotations.new_zeros(*shape, 3))

    # --- acting on points -------------------------------------------------------------------------------------------

    def apply(self, points: Tensor) -> Tensor:
        """Local → world: ``R x + t``, which is ``points @ R.mT + t`` on points stored as rows.

        ``points`` is ``(*, 3)``, one point for each frame, or ``(*, P, …, 3)``, many points for each frame: the first
        axes line up with the frames' shape ``*`` (sizes of one broadcast), and every further axis rides along.
        Points with fewer axes than the frames, such as a single ``(3,)``, are handed to every frame.
        So ``G.apply(x)`` with a single motion ``G`` moves any ``(…, 3)``.

        Returns world coordinates of the broadcast shape ``(*, P, …, 3)``, in the unit of the translations.
        """
        R, t = self._spread_over(points)
        return _rotate(R, points) + t

    def invert_apply(self, points: Tensor) -> Tensor:
        """World → local: ``Rᵀ (x − t)``, the inverse of :meth:`apply`, same shapes."""
        R, t = self._spread_over(points)
        return _rotate(R.mT, points - t)

    def _spread_over(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Give the frames one axis of size 1 for each trailing axis P, … of the points."""
        _require_floating("points", points)
        if points.ndim < 1 or points.shape[-1] != 3:
            raise ValueError(f"points must have shape (*, 3) or (*, P, …, 3), got {tuple(points.shape)}")
        batch = self.shape
        lead = points.shape[:-1][: len(batch)] if points.ndim > len(batch) else points.shape[:-1]
        if any(n != m and 1 not in (n, m) for n, m in zip(batch[::-1], lead[::-1], strict=False)):
            raise ValueError(
                f"points of shape {tuple(points.shape)} do not fit frames of shape {tuple(batch)}: "
                "their first axes must be the frames' axes"
            )
        ones = (1,) * (points.ndim - 1 - len(batch))
        return self.rotations.reshape(*batch, *ones, 3, 3), self.translations.reshape(*batch, *ones, 3)

    # --- combining frames -------------------------------------------------------------------------------------------

    def __matmul__(self, other: Rigid) -> Rigid:
        """Composition ``self ∘ other`` (first ``other``, then ``self``); leading shapes broadcast as in NumPy."""
        if not isinstance(other, Rigid):
            return NotImplemented
        R, t = self.rotations, self.translations
        rotations = (R[..., :, :, None] * other.rotations[..., None, :, :]).sum(-2)  # (*, 3, 3)
        translations = _rotate(R, other.translations) + t  # (*, 3)
        return Rigid(rotations, translations)

    def inverse(self) -> Rigid:
        """``T⁻¹ = (Rᵀ, −Rᵀ t)``, so that ``T.inverse() @ T`` is the identity."""
        return Rigid(self.rotations.mT, -_rotate(self.rotations.mT, self.translations))

    def scale_translations(self, factor: float) -> Rigid:
        """The same frames in another unit of length: a factor of 10 goes from nm to Å."""
        return Rigid(self.rotations, self.translations * factor)

    # --- behaving like a tensor -------------------------------------------------------------------------------------

    @property
    def shape(self) -> torch.Size:
        """The leading shape ``*``."""
        return self.translations.shape[:-1]

    @property
    def dtype(self) -> torch.dtype:
        return self.translations.dtype

    @property
    def device(self) -> torch.device:
        return self.translations.device

    def __getitem__(self, index) -> Rigid:
        """Index the leading shape like a tensor: ``T[0]``, ``T[..., i]``, ``T[:, None]``, ``T[mask]``."""
        index = index if isinstance(index, tuple) else (index,)
        if not any(item is Ellipsis for item in index):
            index = (*index, Ellipsis)
        return Rigid(self.rotations[(*index, slice(None), slice(None))], self.translations[(*index, slice(None))])

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a single frame (leading shape ()) has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Rigid(shape={tuple(self.shape)}, dtype={self.dtype}, device={self.device})"

    def detach(self) -> Rigid:
        """The same frames, cut off from the gradient."""
        return Rigid(self.rotations.detach(), self.translations.detach())

    def to(self, *args, **kwargs) -> Rigid:
        """Move or convert both parts; takes what :meth:`torch.Tensor.to` takes."""
        return Rigid(self.rotations.to(*args, **kwargs), self.translations.to(*args, **kwargs))


def rigid_from_3_points(n: Tensor, ca: Tensor, c: Tensor, eps: float = 1e-8) -> Rigid:
    """Frames from backbone atoms N, Cα, C: Algorithm 21 (rigidFrom3Points) with x₁, x₂, x₃ = N, Cα, C.

    The origin is Cα, the x axis points along Cα→C, N lies in the xy plane with y > 0, and z completes a right hand.

    Args:
        n, ca, c: atom positions ``(*, 3)``; leading shapes broadcast. Units in = units out.
        eps: added under each square root, as AlphaFold's code does and the paper does not (in squared units, and meant
            for ångström). It bends a sound frame by some 1e-9 and keeps a degenerate one, with atoms on top of each
            other or in a line, finite in value and gradient: its rotation then shrinks towards zero instead of
            becoming NaN.

    Returns:
        A :class:`Rigid` of shape ``*``.
    """
    if not eps >= 0:
        raise ValueError(f"eps must be at least 0, got {eps}")
    for name, atom in (("n", n), ("ca", ca), ("c", c)):
        _require_floating(name, atom)
        if atom.ndim < 1 or atom.shape[-1] != 3:
            raise ValueError(f"{name} must have shape (*, 3), got {tuple(atom.shape)}")
    v1 = c - ca  # (*, 3)                      line 1
    v2 = n - ca  # (*, 3)                      line 2
    rotations = _gram_schmidt(v1, v2, eps)  # (*, 3, 3)  lines 3–7
    return Rigid(rotations, ca.expand(rotations.shape[:-1]))


def _gram_schmidt(v1: Tensor, v2: Tensor, eps: float) -> Tensor:
    """The rotation whose x axis is along ``v1`` and whose xy plane holds ``v2``: lines 3–7 of Algorithm 21."""
    e1 = _normalise(v1, eps)  # (*, 3)                                  line 3
    u2 = v2 - e1 * (e1 * v2).sum(-1, keepdim=True)  # (*, 3)            line 4
    e2 = _normalise(u2, eps)  # (*, 3)                                  line 5
    e3 = torch.linalg.cross(e1, e2)  # (*, 3)                           line 6
    return torch.stack(torch.broadcast_tensors(e1, e2, e3), dim=-1)  # (*, 3, 3), the axes are its columns: line 7


def random_rigid(
    shape: int | Sequence[int] = (),
    generator: torch.Generator | None = None,
    scale: float = 1.0,
    dtype: torch.dtype | None = None,
) -> Rigid:
    """Random frames: rotations uniform over all proper rotations, translations normal with deviation ``scale``.

    Two Gaussian arrows have no preferred direction, so the frame that Gram–Schmidt builds from them has none either:
    that is the uniform distribution on SO(3). Reproducible with a seeded ``generator``.

    Returns:
        A :class:`Rigid` of leading shape ``shape``, on the CPU, in ``dtype`` (default: torch's default dtype).
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    v1, v2, t = torch.randn(3, *shape, 3, generator=generator, dtype=torch.float64, device="cpu")  # three times (*, 3)
    dtype = dtype or torch.get_default_dtype()
    return Rigid(_gram_schmidt(v1, v2, eps=0.0), scale * t).to(dtype)


def _rotate(rotations: Tensor, points: Tensor) -> Tensor:
    """``R x`` as the sum of R's columns, each times one coordinate of x."""
    e_x, e_y, e_z = rotations.unbind(-1)  # (*, 3) each
    x, y, z = points[..., None].unbind(-2)  # (*, 1) each
    return e_x * x + e_y * y + e_z * z


def _normalise(v: Tensor, eps: float) -> Tensor:
    return v / (v.square().sum(-1, keepdim=True) + eps).sqrt()


def _require_floating(name: str, tensor: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(tensor).__name__}")
    if not tensor.is_floating_point():
        raise TypeError(f"{name} must be floating point, got {tensor.dtype}")
