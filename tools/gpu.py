"""What a GPU makes of it: first the tests of both attentions on it, then the benchmark, then the memory's share.

    python tools/gpu.py                                      on a machine with an NVIDIA GPU
    python tools/gpu.py --device cpu --lengths 64 --rounds 1     to see that this script works

Writes gpu-float32.csv and gpu-bfloat16.csv (``ipa_tutorial.fast.benchmark``) into --out, and prints which part of each
time a single reading of z would take at the speed with which this machine copies memory: no form can do with less.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import torch

from ipa_tutorial.fast import benchmark

TESTS = Path(__file__).parent.parent / "tests" / "test_gpu.py"
LARGE = 2**28  # bytes: far more than any cache


def bytes_per_second(device: str, rounds: int = 20) -> float:
    """The speed of memory: bytes read and written by the best of some copies of a quarter of a gigabyte."""
    a = torch.zeros(LARGE // 4, device=device)
    b, clock, best = torch.empty_like(a), benchmark.clock_of(device, 0)[0], float("inf")
    for _ in range(rounds):
        start = clock()
        b.copy_(a)
        best = min(best, clock() - start)
    return 2 * LARGE / best


def share_of_one_reading(row: benchmark.Row, dtype: torch.dtype, speed: float) -> float:
    """Which part of the measured time the memory needs to hand over z ``(L, L, 128)`` once."""
    return row.L**2 * benchmark.PAIR_DIM * dtype.itemsize / speed / (row.milliseconds / 1e3)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--lengths", type=int, nargs="+", default=[256, 512, 1024, 2048], metavar="L")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for the tables")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("PyTorch sees no GPU here")
    subprocess.run([sys.executable, "-m", "pytest", "-q", TESTS], check=True)
    speed = bytes_per_second(options.device)
    print(f"memory: {speed / 1e9:.0f} GB/s, read and written")
    for name in ("float32", "bfloat16"):
        table = options.out / f"gpu-{name}.csv"
        lengths = list(map(str, options.lengths))
        command = ["--device", options.device, "--dtype", name, "--pair", "with", "--rounds", str(options.rounds)]
        benchmark.main([*command, "--csv", str(table), "--lengths", *lengths])
        for row in benchmark.read_csv(table)[0]:
            share = share_of_one_reading(row, getattr(torch, name), speed)
            way = "forward + backward" if row.backward else "forward"
            print(f"{row.L:5} {way:18} {row.candidate:26} one reading of z: {share:.1%} of the time")
    print(f"{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
