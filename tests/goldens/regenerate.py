"""Computes the goldens of the attention and of the frames again, with DeepMind's own code: check the referee.

In an environment of its own (no torch is needed):

    pip install --no-deps alphafold-colabfold==2.3.13
    pip install jax jaxlib dm-haiku ml_collections dm-tree numpy scipy
    python tests/goldens/regenerate.py --compare           the largest difference to each committed array
    python tests/goldens/regenerate.py --write FOLDER      the files themselves

Each case runs twice, in a process of its own: in float64 (out/, mid/, grad/) and in float32 (out32/).
"""

import argparse
import importlib.metadata
import json
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
PACKAGES = ("jax", "jaxlib", "dm-haiku", "numpy")


def computed_in(*, x64: bool, names: list[str]) -> dict:
    """{name: {key: array}}, computed in a fresh process, because jax fixes its precision when it is imported."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "arrays.pickle"
        environment = {**os.environ, "JAX_ENABLE_X64": str(int(x64)), "JAX_PLATFORMS": "cpu"}
        subprocess.run([sys.executable, __file__, "--worker", path, *names], env=environment, check=True)
        return pickle.loads(path.read_bytes())


def merged(double: dict, single: dict) -> dict:
    """One file's arrays: everything of the float64 run, and out32/ from the float32 run."""
    out32 = {key.replace("out/", "out32/", 1): value for key, value in single.items() if key.startswith("out/")}
    mid = {key: np.asarray(value, np.float32) for key, value in double.items() if key.startswith("mid/")}
    return {**double, **out32, **mid}


def float32_noise(arrays: dict) -> dict[str, float]:
    outputs = [key.removeprefix("out/") for key in arrays if key.startswith("out/")]
    return {key: float(np.abs(arrays[f"out/{key}"] - arrays[f"out32/{key}"]).max()) for key in outputs}


def compare(name: str, arrays: dict) -> None:
    """Print, for each array of the committed file, the largest difference to the one just computed."""
    with np.load(HERE / f"{name}.npz") as committed:
        keys = [key for key in committed.files if key != "meta"]
        missing = sorted(set(keys) ^ set(arrays) - {"meta"})
        print(f"\n{name}" + (f"   NOT IN BOTH: {missing}" if missing else ""))
        equal = [key for key in keys if key in arrays and np.array_equal(committed[key], arrays[key])]
        print(f"  {len(equal)} of {len(keys)} arrays are equal to the last bit")
        for key in keys:
            if key in arrays and key not in equal:
                a, b = np.asarray(committed[key], np.float64), np.asarray(arrays[key], np.float64)
                print(f"  {key:45s} {np.abs(a - b).max():8.1e}  (largest value {np.abs(a).max():.1e})")


def write(name: str, arrays: dict, folder: Path) -> None:
    meta = json.loads(arrays["meta"])
    meta["versions"] = {package: importlib.metadata.version(package) for package in PACKAGES}
    np.savez_compressed(folder / f"{name}.npz", **{**arrays, "meta": np.array(json.dumps(meta))})
    print(f"{name}.npz   float32 noise {float32_noise(arrays)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="for example ipa_base; all when none is given")
    parser.add_argument("--compare", action="store_true", help="compare with the committed files")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the files to this folder")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        from referee import compute  # needs jax and alphafold, in the precision that the parent has chosen

        arguments.worker.write_bytes(pickle.dumps(compute(arguments.names)))
        return
    if not (arguments.compare or arguments.write):
        parser.error("say --compare or --write FOLDER")
    double, single = (computed_in(x64=x64, names=arguments.names) for x64 in (True, False))
    for name in double:
        arrays = merged(double[name], single[name])
        if arguments.compare:
            compare(name, arrays)
        if arguments.write:
            arguments.write.mkdir(parents=True, exist_ok=True)
            write(name, arrays, arguments.write)


if __name__ == "__main__":
    main()
