"""The recipe of every random parameter in the goldens: a function of (module, name, shape, seed) alone."""

import zlib

import numpy as np
from numpy.typing import NDArray

GAIN = {
    "q_scalar": 1.5,
    "kv_scalar": 1.5,
    "attention_2d": 2.0,
    "q_scalar_projection": 1.5,
    "k_scalar_projection": 1.5,
}


def float16_exact(x: NDArray) -> NDArray[np.float32]:
    """Round to values that float16 can hold: they are the same number in every precision."""
    return np.asarray(x, np.float16).astype(np.float32)


def make_param(
    module: str, name: str, shape: tuple[int, ...], seed: int, point_weight_mean: float = 0.5
) -> NDArray[np.float32]:
    """One parameter of a Haiku module, float32, AlphaFold's layout (``weights`` is [in, out])."""
    state = np.random.RandomState((zlib.crc32(f"{module}//{name}".encode()) + 7919 * seed) % 2**32)
    noise = state.standard_normal(shape)
    if name == "weights":
        layer = module.split("/")[-1].rstrip("0123456789").rstrip("_")
        value = noise * GAIN.get(layer, 1.0) / np.sqrt(shape[0])
    elif name == "bias":
        value = 0.3 * noise
    elif name == "trainable_point_weights":
        value = point_weight_mean + 0.8 * noise
    else:
        raise KeyError(f"no recipe for a parameter called {name!r} (in {module})")
    return float16_exact(value)
