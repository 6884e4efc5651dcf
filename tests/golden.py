"""Reads the golden files: inputs, parameters, outputs of AlphaFold 2's own code (see goldens/README.md)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from goldens.params import make_param
from numpy.typing import NDArray

GOLDENS = Path(__file__).parent / "goldens"
NOISE = json.loads((GOLDENS / "_f32_noise.json").read_text())

Arrays = dict[str, NDArray]


@dataclass(frozen=True)
class Golden:
    """One golden file. The keys of its dictionaries have lost their leading ``in/``, ``params/``, ``out/``."""

    name: str
    meta: Mapping
    inputs: Arrays
    params: Arrays  # AlphaFold's names and layouts, float32
    outputs: Arrays  # float64
    outputs32: Arrays  # the same code run in float32
    mid: Arrays  # intermediates of the float64 run, stored as float32
    grad: Arrays  # float64

    def noise(self, name: str = "output") -> float:
        """Largest |float32 run - float64 run| over all rows: what rounding alone does to this output."""
        return NOISE[f"{self.name}:{name}"]


def golden_names() -> list[str]:
    return sorted(path.stem for path in GOLDENS.glob("*.npz"))


def load_golden(name: str) -> Golden:
    """Read ``goldens/<name>.npz``; the parameters that the file leaves out are made again by their recipe."""
    with np.load(GOLDENS / f"{name}.npz") as file:
        meta = json.loads(str(file["meta"]))
        arrays = {key: file[key] for key in file.files if key != "meta"}

    def group(prefix: str) -> Arrays:
        return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}

    params = group("params/") if meta.get("params_stored", True) else make_params(meta)
    return Golden(name, meta, group("in/"), params, group("out/"), group("out32/"), group("mid/"), group("grad/"))


def make_params(meta: Mapping) -> Arrays:
    """The parameters of a file that does not store them, checked against the sums that it does store."""
    params = {}
    for key, shape in meta["param_shapes"].items():
        module, name = key.split("//")
        params[key] = make_param(module, name, tuple(shape), meta["seed"], meta["point_weight_mean"])
        total = np.sum(params[key], dtype=np.float64)
        if not np.isclose(total, meta["param_sum"][key], rtol=1e-12, atol=0):
            raise ValueError(f"{key}: made again, it sums to {total}; {meta['param_sum'][key]} is on record")
    return params
