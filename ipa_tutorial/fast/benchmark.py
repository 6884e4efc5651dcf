"""How fast, and in how much memory? The forms of invariant point attention side by side, in one interleaved run.

    python -m ipa_tutorial.fast.benchmark
    python -m ipa_tutorial.fast.benchmark --lengths 256 512 --rounds 9 --csv times.csv --plot times.png

In each round every candidate runs once, each round in another order, so that a busy machine is unfair to all of them
alike; six rounds are all orders of three. The first round does not count; the table has medians, and ratios to the
first candidate. That is the PyPI package invariant-point-attention when it is installed
(``pip install "ipa-tutorial[benchmark]"``), else the textbook form. Sizes are AlphaFold's: 384 and 128 channels,
12 heads, c = 16, 4 query and 8 value points.

On a CPU with one thread, time is the processor's; otherwise it is the clock on the wall. Memory is the largest number
of bytes alive at once beyond inputs and parameters: on a CPU of all tensors that PyTorch's operations return (not what
they use inside), on a GPU of the allocator.
"""

from __future__ import annotations

import argparse
import csv
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib.util import find_spec
from itertools import permutations

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary
from tqdm import tqdm

from ..attention import InvariantPointAttention
from ..rigid import random_rigid
from .attention import FastInvariantPointAttention

SIZES = dict(dim=384, heads=12, scalar_key_dim=16, scalar_value_dim=16, point_key_dim=4, point_value_dim=8)
PAIR_DIM = 128
PACKAGE = "invariant-point-attention"


@dataclass(frozen=True)
class Row:
    """One measured case."""

    candidate: str
    L: int
    pair: bool
    backward: bool
    milliseconds: float  # median
    time_ratio: float  # to the first candidate
    megabytes: float  # MiB, at the peak
    memory_ratio: float


def candidates(
    pair: bool, sizes: dict[str, int], pair_dim: int, device: str, dtype: torch.dtype
) -> dict[str, nn.Module]:
    """The forms to compare, the baseline first; with random weights, as speed does not depend on them."""
    options = sizes | dict(pairwise_repr_dim=pair_dim, require_pairwise_repr=pair)
    forms = {"textbook": InvariantPointAttention, "fast": FastInvariantPointAttention}
    if find_spec("invariant_point_attention"):
        from invariant_point_attention import InvariantPointAttention as Package

        forms = {PACKAGE: Package} | forms
    return {name: form(**options).to(device=device, dtype=dtype) for name, form in forms.items()}


def inputs(L: int, pair: bool, backward: bool, sizes: dict[str, int], pair_dim: int, device: str, dtype: torch.dtype):
    """One protein: s and z, which need a gradient for a backward pass, and frames in float32 or better."""
    frames = random_rigid((1, L)).to(torch.promote_types(dtype, torch.float32))
    s = torch.randn(1, L, sizes["dim"], device=device, dtype=dtype, requires_grad=backward)
    z = torch.randn(1, L, L, pair_dim, device=device, dtype=dtype, requires_grad=backward) if pair else None
    return s, z, frames.rotations.to(device), frames.translations.to(device)


def run(module: nn.Module, s: Tensor, z: Tensor | None, R: Tensor, t: Tensor, backward: bool) -> None:
    """One pass, gradients thrown away."""
    with torch.set_grad_enabled(backward):
        out = module(s, z, rotations=R, translations=t)
        if backward:
            out.sum().backward()
    for x in (s, z, *module.parameters()):
        if x is not None:
            x.grad = None


def interleaved(functions: dict[str, Callable[[], None]], rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """Median seconds of each, over ``rounds`` rounds after one that does not count.

    Each round runs in another order, so that nobody always finds the memory as the same one has left it.
    """
    seconds = {name: [] for name in functions}
    orders = list(permutations(functions))
    for k in range(rounds + 1):
        for name in orders[k % len(orders)]:
            start = clock()
            functions[name]()
            seconds[name].append(clock() - start)
    return {name: statistics.median(times[1:]) for name, times in seconds.items()}


class PeakMemory(TorchDispatchMode):
    """The largest number of bytes alive at once, of all that operations return while this is active."""

    def __init__(self) -> None:
        super().__init__()
        self.peak, self.alive = 0, WeakIdKeyDictionary()  # storage → bytes, forgotten when it dies

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        for x in tree_leaves((args, kwargs)):
            if isinstance(x, Tensor):
                self.alive.setdefault(x.untyped_storage(), 0)  # was there before
        out = function(*args, **(kwargs or {}))
        for x in tree_leaves(out):
            if isinstance(x, Tensor):
                self.alive.setdefault(x.untyped_storage(), x.untyped_storage().nbytes())
        self.peak = max(self.peak, sum(self.alive.values()))
        return out


def peak_bytes(function: Callable[[], None], device: str) -> int:
    """Bytes beyond what was there before."""
    if device == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        function()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with PeakMemory() as memory:
        function()
    return memory.peak


def clock_of(device: str, threads: int) -> tuple[Callable[[], float], str]:
    """A clock in seconds, and its name."""
    if device == "cuda":
        return lambda: (torch.cuda.synchronize(), time.perf_counter())[1], "wall clock, synchronised"
    return (time.process_time, "processor time") if threads == 1 else (time.perf_counter, "wall clock")


def compare(
    L: int,
    pair: bool,
    backward: bool,
    rounds: int,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    sizes: dict[str, int] = SIZES,
    pair_dim: int = PAIR_DIM,
) -> list[Row]:
    """All candidates on one case."""
    torch.manual_seed(0)
    modules = candidates(pair, sizes, pair_dim, device, dtype)
    arguments = inputs(L, pair, backward, sizes, pair_dim, device, dtype)
    functions = {name: lambda module=module: run(module, *arguments, backward) for name, module in modules.items()}
    times = interleaved(functions, rounds, clock_of(device, torch.get_num_threads())[0])
    peaks = {name: peak_bytes(function, device) for name, function in functions.items()}
    first = next(iter(modules))
    return [
        Row(n, L, pair, backward, 1e3 * times[n], times[n] / times[first], peaks[n] / 2**20, peaks[n] / peaks[first])
        for n in modules
    ]


# --- what people see --------------------------------------------------------------------------------------------------


def machine(device: str, dtype: torch.dtype) -> str:
    """What it was measured on, and how."""
    if device == "cuda":
        name = torch.cuda.get_device_name()
    else:
        try:
            with open("/proc/cpuinfo", encoding="utf-8") as file:
                name = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
        except (OSError, StopIteration):
            name = platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    clock = clock_of(device, threads)[1]
    return f"{name}, {threads} thread(s), {dtype}, torch {torch.__version__}, {clock}".replace("torch.", "", 1)


def table(rows: list[Row]) -> str:
    """Aligned text, one line a case."""
    lines = [f"{'L':>5}  {'pair':4}  {'pass':18}  {'candidate':26}{'ms':>10}{'ratio':>8}{'MiB':>10}{'ratio':>8}"]
    for r in rows:
        case = f"{r.L:5}  {'yes' if r.pair else 'no':4}  {'forward + backward' if r.backward else 'forward':18}"
        numbers = f"{r.milliseconds:10.1f}{r.time_ratio:8.3f}{r.megabytes:10.1f}{r.memory_ratio:8.3f}"
        lines.append(f"{case}  {r.candidate:26}{numbers}")
    return "\n".join(lines)


def write_csv(rows: list[Row], path: str, about: str) -> None:
    """The rows, below one line of comment that says where they come from."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(f"# {about}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Row))
        for row in rows:
            values = (getattr(row, field.name) for field in fields(Row))
            writer.writerow(f"{value:.4g}" if isinstance(value, float) else value for value in values)


def read_csv(path: str) -> tuple[list[Row], str]:
    """The rows that :func:`write_csv` wrote, and what it said about them."""
    with open(path, newline="", encoding="utf-8") as file:
        about = file.readline().removeprefix("# ").rstrip("\n")
        kinds = {"candidate": str, "L": int, "pair": "True".__eq__, "backward": "True".__eq__}
        rows = [Row(**{name: kinds.get(name, float)(x) for name, x in line.items()}) for line in csv.DictReader(file)]
    return rows, about


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m ipa_tutorial.fast.benchmark", description=__doc__.split("\n")[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=[64, 256, 512], metavar="L", help="residues")
    parser.add_argument("--rounds", type=int, default=6, help="that count")
    parser.add_argument("--pair", choices=["with", "without", "both"], default="both", help="pair representation")
    parser.add_argument("--passes", choices=["forward", "backward", "both"], default="both")
    parser.add_argument("--dtype", choices=["float32", "float64", "bfloat16"], default="float32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="on the CPU")
    parser.add_argument("--csv", metavar="FILE", help="write the table there")
    options = parser.parse_args(arguments)
    if min(*options.lengths, options.rounds, options.threads, 10**9) < 1:
        parser.error("--lengths, --rounds and --threads must be at least 1")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: PyTorch sees no GPU here")
    torch.set_num_threads(options.threads)
    dtype = getattr(torch, options.dtype)
    about = machine(options.device, dtype)
    print(about)
    if not find_spec("invariant_point_attention"):
        print(f'{PACKAGE} is not installed (pip install "ipa-tutorial[benchmark]"): ratios are to the textbook form.')
    pairs = {"with": [True], "without": [False], "both": [True, False]}[options.pair]
    passes = {"forward": [False], "backward": [True], "both": [False, True]}[options.passes]
    cases = [(L, pair, backward) for pair in pairs for backward in passes for L in options.lengths]
    rows = []
    for case in tqdm(cases, desc="cases", disable=len(cases) == 1):
        rows += compare(*case, options.rounds, options.device, dtype)
    print(table(rows))
    if options.csv:
        write_csv(rows, options.csv, about)


if __name__ == "__main__":
    main()
