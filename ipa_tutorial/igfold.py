"""IgFold's trained weights, by its names and in its layout, loaded into our modules.

IgFold (Ruffolo et al., Nature Communications 14, 2023) predicts antibodies. A trunk makes a single and a pair
representation out of a sequence; then three blocks of invariant point attention move the residues from one point to
their places, and two more say how wrong each of them will be. Those five blocks are the module of this course, and
:func:`load_structure` and :func:`load_error` build them from the file of weights in the wheel ``igfold``. No code of
that package is imported. What a plain copy would get wrong:

* the output layer reads o | o⃗ | ‖o⃗‖ | õ; ours reads õ | o | o⃗ | ‖o⃗‖, as line 11 is written;
* its rotation matrices are made for columns, but its points are rows, ``points @ M``: our rotation is the transpose;
* so its update ``M → M M_U`` is ``R → Uᵀ R`` in our terms, on the *left*, where a global motion acts too. The stack is
  equivariant in no convention (lesson 10), and right for the one start it was trained from: every frame the identity;
* lengths are ångström, not nanometres.

**Licence.** The weights are © 2022 The Johns Hopkins University, for non-commercial use, by the JHU Academic Software
License Agreement that lies beside them. They are not part of this package.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor, nn

from .attention import InvariantPointAttention
from .blocks import BackboneUpdate, IPABlock
from .inputs import check_mask, require_tensor, silence_padding
from .rigid import Rigid

VERSION = "1.0.1"
FILE = "igfold/trained_models/IgFold/igfold_1.safetensors"  # the first of the wheel's four models
SHA256 = "b11ff874fa49d11e8477afcbe296bb07967693a4a59065a5e83247365ce79fc4"
INSTALL = f"pip install --no-deps igfold=={VERSION}"

# Where the atoms of a residue sit in its frame, Å, to the digits of IgFold's own float32.
ATOMS = {
    "N": (0.0, 0.0, -1.458),
    "CA": (0.0, 0.0, 0.0),
    "C": (-1.1932347, -0.76854074, 0.55126256),
    "CB": (0.0, 1.426, 0.531),
}

State = Mapping[str, Tensor]  # IgFold's names → tensors


# --- the file -------------------------------------------------------------------------------------------------------


def find_weights() -> Path:
    """The file of weights in the installed wheel, found without importing it.

    Raises:
        FileNotFoundError: the wheel, or the file in it, is not there.
    """
    try:
        wheel = metadata.distribution("igfold")
    except metadata.PackageNotFoundError:
        raise FileNotFoundError(
            f"the wheel 'igfold' {VERSION}, which holds the trained weights, is not installed: {INSTALL}"
        ) from None
    path = Path(wheel.locate_file(FILE))
    if not path.is_file():
        raise FileNotFoundError(f"igfold {VERSION} must hold {FILE}, the installed {wheel.version} does not: {INSTALL}")
    return path


def read_weights(path: str | Path | None = None) -> dict[str, Tensor]:
    """IgFold's names → float32 tensors, from a safetensors file: a header in JSON, then the numbers.

    Args:
        path: a copy of ``igfold_1.safetensors``; None: the one in the installed wheel.

    Raises:
        FileNotFoundError: no such file, or no such wheel.
        ValueError: it is another file, by its SHA-256.
    """
    path = find_weights() if path is None else Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"weights must be the path of a file, and there is none at '{path}'")
    content = path.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != SHA256:
        raise ValueError(
            f"'{path.name}' must be igfold_1.safetensors of igfold {VERSION}, SHA-256 {SHA256}, got {found}"
        )
    length = int.from_bytes(content[:8], "little")
    header, numbers = json.loads(content[8 : 8 + length]), bytearray(content[8 + length :])
    del header["__metadata__"]
    state = {}
    for name, entry in header.items():  # each of them float32: the sum above says so
        start, end = entry["data_offsets"]
        flat = torch.frombuffer(numbers, dtype=torch.float32, count=(end - start) // 4, offset=start)
        state[name] = flat.reshape(entry["shape"]).clone()
    return state


# --- one module at a time -------------------------------------------------------------------------------------------


def load_ipa(attention: InvariantPointAttention, state: State, prefix: str) -> None:
    """Copy one of IgFold's attentions into ``attention``, in place.

    Args:
        attention: of IgFold's sizes, textbook or fast. For the structure blocks: ``dim=64, heads=8,
            scalar_key_dim=16, scalar_value_dim=16, point_key_dim=4, point_value_dim=4``.
        state: as :func:`read_weights` gives it; extra entries are welcome.
        prefix: up to the attention's own names, for example ``"structure_ipa.layers.0.0.attn."``.

    IgFold has one bias in lines 1–4, the pair projection's. It adds one number to all logits of a query, which the
    softmax forgets: without a place for it (``bias=False``) it is left out. With ``bias=True`` the others become zero.

    Raises:
        TypeError: ``attention`` is not an InvariantPointAttention, or ``state`` no mapping to tensors.
        ValueError: an entry is missing or its shape does not fit. Nothing has been written then.
    """
    if not isinstance(attention, InvariantPointAttention):
        raise TypeError(f"attention must be an InvariantPointAttention, got {type(attention).__name__}")
    _copy(_attention_entries(attention, state, prefix))


def load_block(block: IPABlock, state: State, prefix: str) -> None:
    """Copy attention, transition and both norms of one of IgFold's blocks into ``block``, in place.

    Arguments and errors are those of :func:`load_ipa`, with a prefix such as ``"structure_ipa.layers.0.0."``.
    """
    if not isinstance(block, IPABlock):
        raise TypeError(f"block must be an IPABlock, got {type(block).__name__}")
    _copy(_block_entries(block, state, prefix))


def load_structure_blocks(structure: StructureBlocks, state: State, prefix: str = "structure_ipa.") -> None:
    """Copy the three blocks and their updates into ``structure``, in place. Errors are those of :func:`load_ipa`."""
    if not isinstance(structure, StructureBlocks):
        raise TypeError(f"structure must be a StructureBlocks, got {type(structure).__name__}")
    pairs = []
    for number, (block, update) in enumerate(zip(structure.blocks, structure.updates, strict=True)):
        pairs += _block_entries(block, state, f"{prefix}layers.{number}.0.")
        pairs += _layer_entries(update.to_update, state, f"{prefix}layers.{number}.1.")
    _copy(pairs)


# Each function below pairs parameters of ours with the tensors that belong there; all are checked before one is copied.
Pairs = list[tuple[nn.Parameter, Tensor]]


def _attention_entries(attention: InvariantPointAttention, state: State, prefix: str) -> Pairs:
    if attention.to_pair_bias is None:
        raise ValueError("attention must be built with require_pairwise_repr=True: IgFold's has a pair representation")
    names = {
        "to_scalar_q": attention.to_q,
        "to_scalar_k": attention.to_k,
        "to_scalar_v": attention.to_v,
        "to_point_q": attention.to_q_points,
        "to_point_k": attention.to_k_points,
        "to_point_v": attention.to_v_points,
        "to_pairwise_attn_bias.0": attention.to_pair_bias,
    }
    pairs = [(layer.weight, _entry(state, f"{prefix}{name}.weight", layer.weight)) for name, layer in names.items()]
    biases = {layer: torch.zeros_like(layer.bias) for layer in names.values() if layer.bias is not None}
    pair_bias = _entry(state, f"{prefix}to_pairwise_attn_bias.0.bias", attention.raw_gamma)
    pairs += [(layer.bias, pair_bias if layer is attention.to_pair_bias else zeros) for layer, zeros in biases.items()]
    pairs.append((attention.raw_gamma, _entry(state, f"{prefix}point_weights", attention.raw_gamma)))

    H = attention.heads
    scalars, points = attention.to_v.out_features, attention.to_v_points.out_features
    out = _entry(state, f"{prefix}to_out.weight", attention.to_out.weight)  # (dim, features)
    scalar, point, norm, pair = out.split([scalars, points, points // 3, H * attention.pairwise_repr_dim], dim=-1)
    pairs.append((attention.to_out.weight, torch.cat([pair, scalar, point, norm], dim=-1)))
    pairs.append((attention.to_out.bias, _entry(state, f"{prefix}to_out.bias", attention.to_out.bias)))
    return pairs


def _block_entries(block: IPABlock, state: State, prefix: str) -> Pairs:
    pairs = _attention_entries(block.attention, state, f"{prefix}attn.")
    pairs += _layer_entries(block.attention_norm, state, f"{prefix}attn_norm.")
    pairs += _layer_entries(block.transition_norm, state, f"{prefix}ff_norm.")
    for number, layer in enumerate(block.transition):
        if isinstance(layer, nn.Linear):
            pairs += _layer_entries(layer, state, f"{prefix}ff.{number}.")
    return pairs


def _layer_entries(layer: nn.Module, state: State, prefix: str) -> Pairs:
    return [(p, _entry(state, f"{prefix}{name}", p)) for name, p in layer.named_parameters()]


def _entry(state: State, name: str, like: Tensor) -> Tensor:
    if not isinstance(state, Mapping):
        raise TypeError(f"state must map IgFold's names to tensors, got {type(state).__name__}")
    if name not in state:
        raise ValueError(f"state must hold {name!r}, which is missing")
    if not isinstance(state[name], Tensor):
        raise TypeError(f"{name!r} must be a tensor, got {type(state[name]).__name__}")
    if state[name].shape != like.shape:
        raise ValueError(f"{name!r} must have shape {tuple(like.shape)}, got {tuple(state[name].shape)}")
    return state[name]


@torch.no_grad()
def _copy(pairs: Pairs) -> None:
    for parameter, tensor in pairs:
        parameter.copy_(tensor)


# --- the network ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fold:
    """What the structure blocks return; lengths are Å."""

    singles: list[Tensor]  # (*, L, 64) after each block
    rigids: list[Rigid]  # (*, L) after each block's update
    atoms: Tensor  # (*, L, 4, 3): N, CA, C, CB after the last


class StructureBlocks(nn.Module):
    """IgFold's three structure blocks: single and pair representation in, frames and atoms in ångström out.

    Args:
        attention: which form, the textbook's or :class:`~ipa_tutorial.fast.FastInvariantPointAttention`.
    """

    def __init__(self, attention: type[InvariantPointAttention] = InvariantPointAttention) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_block(heads=8, attention=attention) for _ in range(3))
        self.updates = nn.ModuleList(BackboneUpdate(64) for _ in range(3))

    def forward(self, single: Tensor, pair: Tensor, mask: Tensor | None = None) -> Fold:
        """Fold, with every frame at the identity at first.

        Args:
            single, pair: the trunk's outputs, ``(*, L, 64)`` and ``(*, L, L, 64)``, in the dtype of the parameters.
            mask: boolean ``(*, L)``, True = a real residue. Padding may hold anything, NaN included; what comes out
                for it is finite and means nothing.

        Raises:
            TypeError, ValueError: naming the argument, what was expected and what came.
        """
        s, z = _checked(single, pair, mask)
        T = Rigid.identity(s.shape[:-1], dtype=s.dtype, device=s.device)
        singles, rigids = [], []
        for block, update in zip(self.blocks, self.updates, strict=True):
            s = block(s, z, rotations=T.rotations, translations=T.translations, mask=mask)
            T = update_as_igfold(T, update(s))
            singles.append(s)
            rigids.append(T)
        return Fold(singles, rigids, place_atoms(T))


class ErrorBlocks(nn.Module):
    """IgFold's judge: two more blocks, which look at the finished fold and do not move it.

    Args:
        attention: which form, the textbook's or :class:`~ipa_tutorial.fast.FastInvariantPointAttention`.
    """

    def __init__(self, attention: type[InvariantPointAttention] = InvariantPointAttention) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_block(heads=4, attention=attention) for _ in range(2))
        self.to_error = nn.Linear(64, 4)

    def forward(self, single: Tensor, pair: Tensor, rigids: Rigid, mask: Tensor | None = None) -> Tensor:
        """How far from the truth N, CA, C and CB are expected to be: Å, ``(*, L, 4)``.

        Args:
            single, pair: what the trunk hands to the judge, ``(*, L, 64)`` and ``(*, L, L, 64)``.
            rigids: the finished fold, ``(*, L)``, Å.
            mask: boolean ``(*, L)``, True = a real residue.
        """
        s, z = _checked(single, pair, mask)
        for block in self.blocks:
            s = block(s, z, rotations=rigids.rotations, translations=rigids.translations, mask=mask)
        return self.to_error(s).relu()


def load_structure(
    weights: str | Path | None = None, attention: type[InvariantPointAttention] = InvariantPointAttention
) -> StructureBlocks:
    """The structure blocks with IgFold's trained weights, float32, ready to be used (``.double()`` for float64).

    Arguments and errors are those of :func:`read_weights` and :class:`StructureBlocks`.
    """
    structure = StructureBlocks(attention)
    load_structure_blocks(structure, read_weights(weights))
    return structure.eval()


def load_error(
    weights: str | Path | None = None, attention: type[InvariantPointAttention] = InvariantPointAttention
) -> ErrorBlocks:
    """The judge with IgFold's trained weights; arguments and errors as in :func:`load_structure`."""
    state, judge = read_weights(weights), ErrorBlocks(attention)
    for number, block in enumerate(judge.blocks):
        load_block(block, state, f"dev_ipa.layers.{number}.")
    _copy(_layer_entries(judge.to_error, state, "dev_linear."))
    return judge.eval()


def update_as_igfold(T: Rigid, U: Rigid) -> Rigid:
    """What IgFold does with an update, in our terms: pushed along the residue's axes, but turned about the world's.

    Our own would be ``T @ U``. In IgFold's rows: t + u M, and M M_U, with M = Rᵀ.
    """
    return Rigid(U.rotations.mT @ T.rotations, T.apply(U.translations))


def place_atoms(T: Rigid) -> Tensor:
    """Frames ``(*, L)`` in Å → N, CA, C, CB, ``(*, L, 4, 3)`` in Å."""
    local = torch.tensor(list(ATOMS.values()), dtype=torch.float32)  # (4, 3)
    return T[..., None].apply(local.to(T.translations))


def _block(heads: int, attention: type[InvariantPointAttention]) -> IPABlock:
    return IPABlock(64, attention=attention, heads=heads, scalar_key_dim=16, scalar_value_dim=16, point_key_dim=4,
                    point_value_dim=4)  # fmt: skip


def _checked(single: Tensor, pair: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """The two representations as they may go into the blocks: of the right shapes, and with harmless padding."""
    require_tensor("single", single)
    require_tensor("pair", pair)
    if single.ndim < 2 or single.shape[-1] != 64 or single.shape[-2] == 0:
        raise ValueError(f"single must have shape (*, L, 64) with L >= 1, got {tuple(single.shape)}")
    *batch, L, _ = single.shape
    if tuple(pair.shape) != (*batch, L, L, 64):
        raise ValueError(f"pair must have shape {(*batch, L, L, 64)}, got {tuple(pair.shape)}")
    if mask is None:
        return single, pair
    check_mask(mask, (*batch, L))
    nowhere = Rigid.identity((*batch, L), dtype=single.dtype, device=single.device)
    single, pair, _ = silence_padding(single, pair, nowhere, mask)
    return single, pair
