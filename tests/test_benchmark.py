"""The benchmark command: it runs, counts and divides rightly, and says what it compares with. No time is tested."""

import csv
import sys
import types

import pytest
import torch

from ipa_tutorial import InvariantPointAttention
from ipa_tutorial.fast import benchmark
from ipa_tutorial.pictures.curves import benchmark_curves

TINY = dict(dim=8, heads=2, scalar_key_dim=3, scalar_value_dim=3, point_key_dim=2, point_value_dim=2)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Small sizes, and no other package installed, whatever there is on this machine."""
    threads = torch.get_num_threads()
    monkeypatch.setattr(benchmark, "find_spec", lambda name: None)
    monkeypatch.setattr(benchmark.compare, "__defaults__", (*benchmark.compare.__defaults__[:2], TINY, 5))
    yield
    torch.set_num_threads(threads)


def test_the_command_prints_a_table_and_writes_files(tmp_path, capsys):
    table = tmp_path / "times.csv"
    benchmark.main(["--lengths", "6", "9", "--rounds", "2", "--csv", str(table)])
    printed = capsys.readouterr().out
    assert "1 thread(s), float32" in printed and "processor time" in printed
    assert "invariant-point-attention is not installed" in printed
    comment, *lines = table.read_text().splitlines()
    assert comment.startswith("# ") and "torch" in comment
    rows = list(csv.DictReader(lines))
    assert len(rows) == 2 * 2 * 2 * 2  # lengths, pair, passes, candidates
    assert {(r["candidate"], r["L"]) for r in rows} == {(c, L) for c in ("textbook", "fast") for L in ("6", "9")}
    assert all(float(r["milliseconds"]) > 0 and float(r["megabytes"]) > 0 for r in rows)
    assert all(float(r["time_ratio"]) == 1 == float(r["memory_ratio"]) for r in rows if r["candidate"] == "textbook")
    again, about = benchmark.read_csv(table)
    assert comment == f"# {about}" and [(r.candidate, r.L, r.pair) for r in again] == [
        (r["candidate"], int(r["L"]), r["pair"] == "True") for r in rows
    ]
    assert [r.backward for r in again] == [r["backward"] == "True" for r in rows]
    assert len(benchmark_curves(again, about).axes) == 4
    assert sum(line.split()[0] in ("6", "9") for line in printed.splitlines() if line.split()) == 16


def test_only_what_is_asked_for(capsys):
    benchmark.main(["--lengths", "6", "--rounds", "1", "--pair", "without", "--passes", "forward", "--threads", "2"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("    6")]
    assert len(rows) == 2 and all(" no " in row and "backward" not in row for row in rows)
    assert torch.get_num_threads() == 2


def test_the_other_package_is_the_baseline_where_it_is_installed(monkeypatch, capsys):
    stub = types.ModuleType("invariant_point_attention")
    stub.InvariantPointAttention = InvariantPointAttention
    monkeypatch.setitem(sys.modules, "invariant_point_attention", stub)
    monkeypatch.setattr(benchmark, "find_spec", lambda name: name == "invariant_point_attention")
    rows = benchmark.compare(6, True, True, rounds=1)
    assert [row.candidate for row in rows] == ["invariant-point-attention", "textbook", "fast"]
    benchmark.main(["--lengths", "6", "--rounds", "1"])
    assert "not installed" not in capsys.readouterr().out


def test_medians_leave_the_first_round_out_and_rounds_are_interleaved():
    calls, now = [], [0.0]
    seconds = {"a": iter([100, 1, 5, 2]), "b": iter([100, 7, 7, 30])}

    def candidate(name):
        def run():
            calls.append(name)
            now[0] += next(seconds[name])

        return run

    medians = benchmark.interleaved({name: candidate(name) for name in "ab"}, rounds=3, clock=lambda: now[0])
    assert medians == {"a": 2, "b": 7} and calls == list("abbaabba")  # all orders in turn


def test_ratios_are_to_the_first_candidate(monkeypatch):
    monkeypatch.setattr(benchmark, "interleaved", lambda functions, *_: dict(zip(functions, (4.0, 1.0), strict=True)))
    sizes = iter([2**22, 2**20])
    monkeypatch.setattr(benchmark, "peak_bytes", lambda function, device: next(sizes))
    first, second = benchmark.compare(6, True, False, rounds=1)
    assert (first.milliseconds, first.megabytes, first.time_ratio, first.memory_ratio) == (4000, 4, 1, 1)
    assert (second.milliseconds, second.megabytes, second.time_ratio, second.memory_ratio) == (1000, 1, 0.25, 0.25)


def test_peak_memory_counts_what_is_alive_at_once():
    x = torch.ones(1000)  # float32: 4000 bytes, there before
    with benchmark.PeakMemory() as memory:
        y = x + 1  # 4000
        y = y + 1  # 4000 more, while the first is still there
        y = y.view(10, 100) + 1  # the first has gone
        del y
        x.add_(1)
    assert memory.peak == 8000
    with benchmark.PeakMemory() as memory:
        kept = [x + 1 for _ in range(5)]
    assert memory.peak == 20_000 and len(kept) == 5


def test_gradients_are_made_only_in_a_backward_pass():
    seen = []

    class Module(torch.nn.Module):
        def forward(self, s, z, rotations, translations):
            seen.append(torch.is_grad_enabled())
            return s * 2

    arguments = benchmark.inputs(5, True, True, TINY, 5, "cpu", torch.float32)
    assert arguments[0].requires_grad and arguments[1].shape == (1, 5, 5, 5)
    for backward in (False, True):
        benchmark.run(Module(), *arguments, backward)
    assert seen == [False, True] and arguments[0].grad is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--lengths", "0"], "must be at least 1"),
        (["--rounds", "0"], "must be at least 1"),
        (["--device", "cuda"], "no GPU"),
        (["--dtype", "int8"], "invalid choice"),
    ],
)
def test_bad_options_are_refused_in_words(arguments, words, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit):
        benchmark.main(arguments)
    assert words in capsys.readouterr().err


def test_half_precision_and_a_gpus_clock(monkeypatch, capsys):
    benchmark.main(["--lengths", "6", "--rounds", "1", "--dtype", "bfloat16"])
    assert "bfloat16" in capsys.readouterr().out
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waited.append(1))
    clock, name = benchmark.clock_of("cuda", 1)
    assert clock() > 0 and waited and "wall clock" in name
    assert benchmark.clock_of("cpu", 2)[1] == "wall clock"
