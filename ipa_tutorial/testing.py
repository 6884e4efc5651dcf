"""Invariance and equivariance as assertions that can fail, and that say what broke.

A function is **invariant** if moving everything leaves its answer alone, ``f(G ∘ T) = f(T)``, and **equivariant** if
the answer moves along, ``f(G ∘ T) = G ∘ f(T)``. G is a random proper rotation *and* a translation, acting on the left.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .rigid import Rigid, random_rigid

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4, torch.bfloat16: 5e-2, torch.float16: 1e-2}

Movable = Rigid | Tensor  # frames, or points (*, 3)
Output = Movable | tuple


def assert_invariant(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    """Assert that ``function(*inputs)`` does not notice when all inputs are moved together.

        assert_invariant(lambda T: attention(s, z, rotations=T.rotations, translations=T.translations), frames)

    Args:
        function: takes what is in ``inputs``; returns a tensor, a Rigid, or a tuple of them. Each is compared as it is.
        inputs: frames (:class:`Rigid`) or points ``(*, 3)``, which the same global motion moves.
        trials: how many random motions to try; each is also tried without its translation and without its rotation, so
            that the message can tell which of the two is noticed.
        scale: standard deviation of the random translation, in the unit of the inputs.
        tolerance: largest allowed deviation, relative to the largest number in the output (and at least to 1);
            None: by dtype, 1e-10 in float64, 1e-4 in float32.
        seed: of the random motions.

    Raises:
        AssertionError: with the largest deviation, where it is, and what was noticed.
        TypeError, ValueError: inputs or outputs that cannot be moved or compared.
    """
    _assert_moves(function, inputs, lambda _, output: output, "invariant", trials, scale, tolerance, seed)


def assert_equivariant(
    function: Callable[..., Output],
    *inputs: Movable,
    trials: int = 3,
    scale: float = 1.0,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    """Assert that the output of ``function(*inputs)`` moves along when all inputs are moved together.

        assert_equivariant(lambda T: block_update(T), frames)

    The output is a :class:`Rigid`, which must become ``G ∘ T``, or points ``(*, 3)``, which must become ``R x + t``, or
    a tuple of these. Everything else is as in :func:`assert_invariant`.
    """
    _assert_moves(function, inputs, move, "equivariant", trials, scale, tolerance, seed)


def move(motion: Rigid, thing: Movable) -> Movable:
    """Apply one global motion (a Rigid of shape ``()``) on the left: to frames ``(*)``, or to points ``(*, 3)``."""
    if isinstance(thing, Rigid):
        return motion.to(thing.dtype).to(thing.device) @ thing
    if isinstance(thing, Tensor) and thing.ndim >= 1 and thing.shape[-1] == 3:
        return motion.to(thing.dtype).to(thing.device).apply(thing)
    what = f"a tensor of shape {tuple(thing.shape)}" if isinstance(thing, Tensor) else type(thing).__name__
    raise TypeError(f"only frames (Rigid) and points (*, 3) can be moved, got {what}")


def _assert_moves(function, inputs, expected, adjective, trials, scale, tolerance, seed) -> None:
    if not inputs:
        raise ValueError(f"nothing to move: give frames or points as inputs, assert_{adjective}(function, frames)")
    before = _as_tuple(function(*inputs))
    _compare(_as_tuple(function(*inputs)), before, "reproducible", "two calls on the same inputs", tolerance)

    generator = torch.Generator().manual_seed(seed)
    for _ in range(trials):
        G = random_rigid(generator=generator, scale=scale, dtype=torch.float64)
        still = Rigid.identity(dtype=torch.float64)
        motions = {
            "a rotation alone": Rigid(G.rotations, still.translations),
            "a translation alone": Rigid(still.rotations, G.translations),
            "a rotation and a translation": G,
        }
        for description, motion in motions.items():
            after = _as_tuple(function(*(move(motion, thing) for thing in inputs)))
            target = tuple(expected(motion, output) for output in before)
            _compare(after, target, adjective, description, tolerance)


def _compare(got: tuple, expected: tuple, adjective: str, description: str, tolerance: float | None) -> None:
    if len(got) != len(expected):
        raise AssertionError(f"not {adjective}: {len(expected)} outputs became {len(got)} under {description}")
    for number, (a, b) in enumerate(zip(_tensors(got), _tensors(expected), strict=True)):
        if a.shape != b.shape:
            raise AssertionError(f"not {adjective}: shape {tuple(b.shape)} became {tuple(a.shape)} under {description}")
        allowed = TOLERANCE[a.dtype] if tolerance is None else tolerance
        a, b = a.detach().cpu().double(), b.detach().cpu().double()
        for side in (a, b):
            if not side.isfinite().all():
                raise AssertionError(f"output {number} holds NaN or infinity ({description})")
        if a.numel() == 0:
            raise ValueError(f"output {number} is empty, shape {tuple(a.shape)}: nothing to compare")
        deviation = (a - b).abs()
        worst, limit = deviation.max().item(), allowed * max(1.0, b.abs().max().item())
        if not worst <= limit:
            where = tuple((deviation == worst).nonzero()[0].tolist())
            raise AssertionError(
                f"not {adjective} under {description}: output {number} deviates by {worst:.3g} "
                f"(allowed {limit:.1g}) at index {where}: expected {b[where]:.6g}, got {a[where]:.6g}"
            )


def _as_tuple(output: Output) -> tuple:
    return output if isinstance(output, tuple) else (output,)


def _tensors(outputs: tuple) -> list[Tensor]:
    """Rigids taken apart into rotations and translations, everything else checked to be a floating tensor."""
    tensors = []
    for output in outputs:
        parts = (output.rotations, output.translations) if isinstance(output, Rigid) else (output,)
        for part in parts:
            if not isinstance(part, Tensor) or not part.is_floating_point():
                raise TypeError(f"the function must return floating tensors or Rigids, got {type(part).__name__}")
            tensors.append(part)
    return tensors
