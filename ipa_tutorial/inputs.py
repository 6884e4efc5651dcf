"""What the modules accept, said in words when it is not met; what padding may hold; how many digits there are."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.amp import is_autocast_available

from .rigid import Rigid


def check_inputs(
    attention: nn.Module,
    single_repr: Tensor,
    pairwise_repr: Tensor | None,
    rotations: Tensor,
    translations: Tensor,
    mask: Tensor | None,
) -> None:
    """Compare the arguments of an attention's ``forward`` with its sizes (``dim``, ``pairwise_repr_dim``).

    Raises:
        TypeError: something is not a tensor, not floating point, or the mask is not boolean.
        ValueError: a shape does not fit, the pair representation is missing or unwanted, or devices differ.
    """
    require_tensor("single_repr", single_repr)
    if single_repr.ndim < 2 or single_repr.shape[-1] != attention.dim or single_repr.shape[-2] == 0:
        raise ValueError(
            f"single_repr must have shape (*, L, {attention.dim}) with L >= 1, got {tuple(single_repr.shape)}"
        )
    weight = next(attention.parameters())
    kind = single_repr.device.type
    autocast = is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    if single_repr.dtype != weight.dtype and not autocast:
        raise TypeError(
            f"single_repr must have the dtype of the module's parameters, {weight.dtype}, got {single_repr.dtype}"
        )
    *batch, L, _ = single_repr.shape
    expected = {"rotations": (rotations, (*batch, L, 3, 3)), "translations": (translations, (*batch, L, 3))}
    pair_dim = attention.pairwise_repr_dim
    if pair_dim is None and pairwise_repr is not None:
        raise ValueError(
            "pairwise_repr was given, but this module was built with require_pairwise_repr=False and has no use for it"
        )
    if pair_dim is not None:
        if pairwise_repr is None:
            raise ValueError(
                f"pairwise_repr is missing: expected shape {(*batch, L, L, pair_dim)} "
                "(build the module with require_pairwise_repr=False to do without)"
            )
        expected["pairwise_repr"] = (pairwise_repr, (*batch, L, L, pair_dim))
    for name, (tensor, shape) in expected.items():
        require_tensor(name, tensor)
        if tuple(tensor.shape) != shape:
            raise ValueError(
                f"{name} must have shape {shape} to go with single_repr {tuple(single_repr.shape)}, "
                f"got {tuple(tensor.shape)}"
            )
    if rotations.dtype != translations.dtype:
        raise TypeError(
            f"rotations and translations must share a dtype, got {rotations.dtype} and {translations.dtype}"
        )
    if pair_dim is not None and pairwise_repr.dtype != single_repr.dtype and not autocast:
        raise TypeError(
            f"pairwise_repr must have the dtype of single_repr, {single_repr.dtype}, got {pairwise_repr.dtype}"
        )
    if mask is not None:
        check_mask(mask, (*batch, L))
    tensors = {name: tensor for name, (tensor, _) in expected.items()} | {"the module's parameters": weight}
    for name, tensor in (tensors if mask is None else tensors | {"mask": mask}).items():
        if tensor.device != single_repr.device:
            raise ValueError(f"single_repr is on {single_repr.device}, but {name} on {tensor.device}")


def check_mask(mask: Tensor, shape: tuple[int, ...], name: str = "mask") -> None:
    """A mask is a boolean tensor of exactly this shape: a float mask could be meant to be added, or upside down."""
    if not isinstance(mask, Tensor):
        raise TypeError(f"{name} must be a boolean torch.Tensor, got {type(mask).__name__}")
    if mask.dtype != torch.bool:
        raise TypeError(f"{name} must be boolean (True = real), got {mask.dtype}")
    if tuple(mask.shape) != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {tuple(mask.shape)}")


def require_tensor(name: str, tensor: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(tensor).__name__}")
    if not tensor.is_floating_point():
        raise TypeError(f"{name} must be floating point, got {tensor.dtype}")


def silence_padding(
    single_repr: Tensor, pairwise_repr: Tensor | None, frames: Rigid, mask: Tensor
) -> tuple[Tensor, Tensor | None, Rigid]:
    """Replace what is not finite in the rows of padding, or so large that its square might not be, by zero.

    An attention weight of zero is no protection from NaN, because 0 · NaN = NaN. Other padding is left alone: its
    weight of zero is enough.
    """
    s = tame_where_padded(single_repr, mask[..., None])
    real_pair = (mask[..., :, None] & mask[..., None, :])[..., None]  # (*, L, L, 1)
    z = None if pairwise_repr is None else tame_where_padded(pairwise_repr, real_pair)
    R = tame_where_padded(frames.rotations, mask[..., None, None])
    t = tame_where_padded(frames.translations, mask[..., None])
    return s, z, Rigid(R, t)


def tame_where_padded(x: Tensor, real: Tensor) -> Tensor:
    """``x``, with zeros for padding that is NaN, infinite, or so large that projecting and squaring it would overflow.

    Memory that nobody has written can hold any number, and an infinity on the way becomes NaN in the gradients.
    """
    largest = torch.finfo(x.dtype).max ** 0.25
    return torch.where(real | (x.abs() < largest), x, torch.zeros((), dtype=x.dtype, device=x.device))


def full_precision(device: torch.device) -> AbstractContextManager:
    """Within it, nothing on this device is cast to fewer digits; on a device without autocast that is so anyway."""
    return torch.autocast(device.type, enabled=False) if is_autocast_available(device.type) else nullcontext()


def has_float64(device: torch.device) -> bool:
    """Every device but Apple's GPU."""
    return device.type != "mps"


def to_double(x: Tensor) -> Tensor:
    """``x`` in float64: where it is, or on the CPU if its device has none."""
    return x.double() if has_float64(x.device) else x.cpu().double()
