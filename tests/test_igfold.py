"""Agreement with the numbers of IgFold's own code, and the loader of its trained weights.

The weights may not be shipped. They are in a wheel that `make test` installs; without it what needs them is skipped.
"""

import hashlib
import json
import math
from functools import cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from golden import GOLDENS
from PIL import Image
from slug import PROJECT
from trained_weights import missing, pytest_collection_modifyitems

from ipa_tutorial import FastInvariantPointAttention, InvariantPointAttention, Rigid, igfold, kabsch_rmsd
from ipa_tutorial.quaternion import quaternion_to_rotation

DATA = files("ipa_tutorial") / "data/igfold"
DOMAINS = ["6APO_A", "1WT5_D", "4HGM_A"]
FORMS = [InvariantPointAttention, FastInvariantPointAttention]
F64 = torch.float64
SIZES = dict(dim=64, heads=8, scalar_key_dim=16, scalar_value_dim=16, point_key_dim=4, point_value_dim=4)


@pytest.fixture(scope="module")
def state():
    if reason := missing():
        pytest.skip(reason)
    return igfold.read_weights()


def built(state, network=igfold.StructureBlocks, attention=InvariantPointAttention, dtype=F64):
    """A network with trained weights, without reading the file again."""
    if network is igfold.StructureBlocks:
        structure = igfold.StructureBlocks(attention)
        igfold.load_structure_blocks(structure, state)
        return structure.to(dtype)
    return igfold.load_error(attention=attention).to(dtype)


@cache
def inputs(name, dtype=F64):
    with np.load(DATA / f"{name}.npz") as file:
        return {key: torch.tensor(file[key]).to(dtype) for key in file.files if key != "sequence"}


def golden(name):
    with np.load(GOLDENS / "igfold" / f"{name}.npz") as file:
        return {key: torch.tensor(file[key]) for key in file.files}


def close(got, expected, tolerance=1e-9):
    torch.testing.assert_close(got.detach(), expected, rtol=tolerance, atol=tolerance)


# --- the same numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attention", FORMS)
@pytest.mark.parametrize("name", DOMAINS)
def test_every_block_equals_igfold_in_float64(state, name, attention):
    data, expected = inputs(name), golden(name)
    fold = built(state, attention=attention)(data["single"], data["pair"])
    close(torch.stack(fold.singles), expected["blocks"])
    close(fold.rigids[-1].translations, expected["translations"])
    close(fold.rigids[-1].rotations, quaternion_to_rotation(expected["quaternions"]).mT)
    close(fold.atoms, expected["coords_N_CA_C_CB_O"][:, :4])


@pytest.mark.parametrize("name", DOMAINS)
def test_the_judge_equals_igfold_in_float64(state, name):
    data, expected = inputs(name), golden(name)
    T = Rigid(quaternion_to_rotation(expected["quaternions"]).mT, expected["translations"])
    for attention in FORMS:
        judge = built(state, igfold.ErrorBlocks, attention)
        close(judge(data["error_single"], data["error_pair"], T), expected["predicted_error"])


@pytest.mark.parametrize("attention", FORMS)
@pytest.mark.parametrize("name", DOMAINS)
def test_float32_stays_within_a_few_times_igfolds_own_noise(state, name, attention):
    data, expected = inputs(name, torch.float32), golden(name)
    fold = built(state, attention=attention, dtype=torch.float32)(data["single"], data["pair"])
    assert fold.atoms.dtype == torch.float32
    difference = (fold.atoms.detach().double() - expected["coords_N_CA_C_CB_O"][:, :4]).abs().max()
    assert difference <= 3 * expected["noise"]


def test_the_folds_are_as_near_to_the_crystals_as_the_lesson_says(state):
    found = {}
    for name in DOMAINS:
        data = inputs(name)
        fold = built(state)(data["single"], data["pair"])
        found[name] = kabsch_rmsd(fold.atoms[:, 1], data["true"][:, 1]).item()
    assert found == pytest.approx({"6APO_A": 1.172, "1WT5_D": 0.841, "4HGM_A": 3.914}, abs=1e-3)


def test_started_turned_it_is_as_wrong_as_igfold_is(state):
    """The update is on the side of a global motion: only this order gives IgFold's numbers, and they are not ours."""
    structure, half = built(state), torch.full((4,), 0.5, dtype=F64)
    for name in DOMAINS:
        data = inputs(name)
        s, L = data["single"], len(data["single"])
        T = Rigid(quaternion_to_rotation(half).mT.expand(L, 3, 3), torch.zeros(L, 3, dtype=F64))
        for block, update in zip(structure.blocks, structure.updates, strict=True):
            s = block(s, data["pair"], rotations=T.rotations, translations=T.translations)
            T = igfold.update_as_igfold(T, update(s))
        close(igfold.place_atoms(T), golden(name)["coords_when_started_turned"][:, :4])
        assert kabsch_rmsd(T.translations, data["true"][:, 1]) > 6


# --- batches and padding, with random weights ------------------------------------------------------------------------


def random_state(seed=0):
    """IgFold's names and shapes, other numbers."""
    generator, state = torch.Generator().manual_seed(seed), {}

    def put(name, *shape):
        state[name] = torch.randn(shape, generator=generator, dtype=F64) / math.sqrt(shape[-1])

    for number in range(3):
        block = f"structure_ipa.layers.{number}.0."
        put(f"{block}attn.point_weights", 8)
        for letter in "qkv":
            put(f"{block}attn.to_scalar_{letter}.weight", 128, 64)
            put(f"{block}attn.to_point_{letter}.weight", 96, 64)
        for name, out, into in (("attn.to_pairwise_attn_bias.0", 8, 64), ("attn.to_out", 64, 768),
                                *((f"ff.{n}", 64, 64) for n in (0, 2, 4))):  # fmt: skip
            put(f"{block}{name}.weight", out, into), put(f"{block}{name}.bias", out)
        for norm in ("attn_norm", "ff_norm"):
            put(f"{block}{norm}.weight", 64), put(f"{block}{norm}.bias", 64)
        put(f"structure_ipa.layers.{number}.1.weight", 6, 64), put(f"structure_ipa.layers.{number}.1.bias", 6)
    return state


@pytest.mark.parametrize("attention", FORMS)
def test_a_padded_batch_gives_each_chain_what_it_gets_alone(attention):
    structure = built(random_state(), attention=attention)
    single, pair = torch.randn(2, 3, 7, 64, dtype=F64), torch.randn(2, 3, 7, 7, 64, dtype=F64)
    mask = torch.arange(7) < torch.tensor([[7, 4, 1], [6, 2, 5]])[..., None]
    single = single.masked_fill(~mask[..., None], torch.nan)
    pair = pair.masked_fill(~(mask[..., :, None] & mask[..., None, :])[..., None], torch.inf)
    together = structure(single, pair, mask)
    assert together.atoms.shape == (2, 3, 7, 4, 3) and together.atoms.isfinite().all()
    for i in range(2):
        for j in range(3):
            L = int(mask[i, j].sum())
            alone = structure(single[i, j, :L], pair[i, j, :L, :L])
            close(together.atoms[i, j, :L], alone.atoms.detach())
            for a, b in zip(together.singles, alone.singles, strict=True):
                close(a[i, j, :L], b.detach())


def test_the_judge_does_not_see_padding_either():
    judge = igfold.ErrorBlocks().double()
    for p in judge.parameters():
        torch.nn.init.normal_(p, std=0.3)
    s, z, L = torch.randn(6, 64, dtype=F64), torch.randn(6, 6, 64, dtype=F64), 4
    T = Rigid(quaternion_to_rotation(torch.randn(6, 4, dtype=F64)), torch.randn(6, 3, dtype=F64))
    real = torch.arange(6) < L
    together = judge(s.masked_fill(~real[:, None], torch.nan), z, T, real)
    assert together.isfinite().all() and (together >= 0).all() and together.any()
    close(together[:L], judge(s[:L], z[:L, :L], T[:L]).detach())


def test_an_error_below_zero_is_zero():
    judge = igfold.ErrorBlocks().double()
    torch.nn.init.constant_(judge.to_error.bias, -1000.0)
    inputs = torch.randn(6, 64, dtype=F64), torch.randn(6, 6, 64, dtype=F64)
    assert not judge(*inputs, Rigid.identity((6,), dtype=F64)).any()


def test_the_atoms_sit_in_the_frames():
    n, ca, c, cb = igfold.place_atoms(Rigid.identity(dtype=F64))
    batch = igfold.place_atoms(Rigid.identity((2, 3), dtype=F64))
    assert batch.shape == (2, 3, 4, 3) and torch.equal(batch, torch.stack([n, ca, c, cb]).expand(2, 3, 4, 3))
    for (a, b), length in {(n, ca): 1.458, (ca, c): 1.523, (ca, cb): 1.522}.items():
        assert (a - b).norm().item() == pytest.approx(length, abs=2e-3)
    left_handed = torch.linalg.det(torch.stack([n - ca, c - ca, cb - ca])) < 0
    assert not left_handed  # an L amino acid, as all in proteins are


# --- the loader -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attention", FORMS)
def test_the_output_layer_reads_the_features_in_igfolds_order(attention):
    state, prefix = random_state(), "structure_ipa.layers.1.0.attn."
    module = attention(**SIZES).double()
    igfold.load_ipa(module, state, prefix)
    s, z, t = torch.randn(5, 64, dtype=F64), torch.randn(5, 5, 64, dtype=F64), torch.randn(5, 3, dtype=F64)
    R = quaternion_to_rotation(torch.randn(5, 4, dtype=F64))
    out, parts = module(s, z, rotations=R, translations=t, return_parts=True)
    outputs = parts.scalar_out, parts.point_out.flatten(-2), parts.point_norms, parts.pair_out
    features = torch.cat([o.transpose(0, 1).flatten(1) for o in outputs], dim=-1)
    close(out, features @ state[prefix + "to_out.weight"].mT + state[prefix + "to_out.bias"])
    close(parts.gamma, state[prefix + "point_weights"].exp().log1p())
    close(parts.pair_logits[3], z @ state[prefix + "to_pairwise_attn_bias.0.weight"][3])


def test_a_module_with_biases_computes_the_same():
    state, prefix = random_state(), "structure_ipa.layers.0.0.attn."
    without, having = InvariantPointAttention(**SIZES).double(), InvariantPointAttention(**SIZES, bias=True).double()
    torch.nn.init.ones_(having.to_v.bias)  # left over from something else
    for module in (without, having):
        igfold.load_ipa(module, state, prefix)
    s, z = torch.randn(5, 64, dtype=F64), torch.randn(5, 5, 64, dtype=F64)
    T = Rigid.identity(5, dtype=F64)
    one, two = (m(s, z, rotations=T.rotations, translations=T.translations) for m in (without, having))
    close(one, two.detach())
    assert torch.equal(having.to_pair_bias.bias, state[prefix + "to_pairwise_attn_bias.0.bias"])


def test_every_entry_is_needed_and_what_does_not_fit_writes_nothing():
    structure, state = igfold.StructureBlocks().double(), random_state()
    before = {key: value.clone() for key, value in structure.state_dict().items()}
    for name in state:
        missing = {other: tensor for other, tensor in state.items() if other != name}
        with pytest.raises(ValueError, match=f"must hold '{name}', which is missing"):
            igfold.load_structure_blocks(structure, missing)
        with pytest.raises(ValueError, match=rf"'{name}' must have shape \(\d+.*\), got \(\d+.*\)"):
            igfold.load_structure_blocks(structure, state | {name: state[name][..., :-1]})
    assert all(torch.equal(before[key], value) for key, value in structure.state_dict().items())
    igfold.load_structure_blocks(structure, state | {"more": torch.zeros(3)})


def test_wrong_types_and_sizes_are_named():
    state, prefix = random_state(), "structure_ipa.layers.0.0.attn."
    with pytest.raises(TypeError, match="attention must be an InvariantPointAttention, got Linear"):
        igfold.load_ipa(torch.nn.Linear(2, 2), state, prefix)
    with pytest.raises(TypeError, match="block must be an IPABlock, got Linear"):
        igfold.load_block(torch.nn.Linear(2, 2), state, prefix)
    with pytest.raises(TypeError, match="structure must be a StructureBlocks, got Linear"):
        igfold.load_structure_blocks(torch.nn.Linear(2, 2), state)
    with pytest.raises(TypeError, match="state must map IgFold's names to tensors, got list"):
        igfold.load_ipa(InvariantPointAttention(**SIZES), [1], prefix)
    with pytest.raises(TypeError, match=r"'.*point_weights' must be a tensor, got list"):
        igfold.load_ipa(InvariantPointAttention(**SIZES), state | {f"{prefix}point_weights": [1.0] * 8}, prefix)
    with pytest.raises(ValueError, match="require_pairwise_repr=True"):
        igfold.load_ipa(InvariantPointAttention(**SIZES, require_pairwise_repr=False), state, prefix)
    with pytest.raises(ValueError, match=r"to_point_v.weight' must have shape \(192, 64\), got \(96, 64\)"):
        igfold.load_ipa(InvariantPointAttention(**SIZES | dict(point_value_dim=8)), state, prefix)
    with pytest.raises(ValueError, match="must hold 'nowhere.to_scalar_q.weight'"):
        igfold.load_ipa(InvariantPointAttention(**SIZES), state, "nowhere.")


def test_wrong_inputs_are_named():
    structure = igfold.StructureBlocks()
    s, z = torch.randn(5, 64), torch.randn(5, 5, 64)
    for error, message, arguments in (
        (TypeError, "single must be a torch.Tensor, got list", ([1], z)),
        (TypeError, "pair must be a torch.Tensor, got NoneType", (s, None)),
        (ValueError, r"single must have shape \(\*, L, 64\) with L >= 1, got \(5, 63\)", (s[:, 1:], z)),
        (ValueError, r"pair must have shape \(5, 5, 64\), got \(5, 4, 64\)", (s, z[:, 1:])),
        (ValueError, r"mask must have shape \(5,\), got \(4,\)", (s, z, torch.ones(4, dtype=torch.bool))),
        (TypeError, "mask must be boolean", (s, z, torch.ones(5))),
        (TypeError, "dtype of the module's parameters, torch.float32, got torch.float64", (s.double(), z.double())),
    ):
        with pytest.raises(error, match=message):
            structure(*arguments)


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_missing_wheel_is_said_with_the_way_to_get_it(monkeypatch):
    def nothing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", nothing)
    with pytest.raises(FileNotFoundError, match="not installed: pip install --no-deps igfold==1.0.1"):
        igfold.load_structure()


def test_a_wheel_without_the_file_is_said(monkeypatch, tmp_path):
    class Old:
        version = "1.0.0"

        def locate_file(self, path):
            return tmp_path / path

    monkeypatch.setattr(metadata, "distribution", lambda name: Old())
    with pytest.raises(FileNotFoundError, match="igfold 1.0.1 must hold .*, the installed 1.0.0 does not"):
        igfold.load_error()


def test_another_file_is_told_by_its_sum(tmp_path):
    other = tmp_path / "igfold_1.safetensors"
    other.write_bytes(b"something else")
    with pytest.raises(
        ValueError, match=f"SHA-256 {igfold.SHA256}, got {hashlib.sha256(b'something else').hexdigest()}"
    ):
        igfold.load_structure(other)
    with pytest.raises(FileNotFoundError, match="weights must be the path of a file, and there is none at"):
        igfold.load_structure(tmp_path / "none")


def test_a_safetensors_file_is_read_as_it_was_written(monkeypatch, tmp_path):
    numbers = {"a.weight": torch.randn(3, 5), "b": torch.randn(4), "c": torch.tensor(2.0)}
    header, blob = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in numbers.items():
        start = len(blob)
        blob += tensor.numpy().tobytes()
        header[name] = dict(dtype="F32", shape=list(tensor.shape), data_offsets=[start, len(blob)])
    text = json.dumps(header).encode()
    content = len(text).to_bytes(8, "little") + text + blob
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    monkeypatch.setattr(igfold, "SHA256", hashlib.sha256(content).hexdigest())
    read = igfold.read_weights(path)
    assert read.keys() == numbers.keys() and all(torch.equal(read[name], numbers[name]) for name in numbers)


def test_a_path_and_the_wheel_give_the_same_network(state):
    structure, again = igfold.load_structure(), igfold.load_structure(str(igfold.find_weights()))
    assert not structure.training
    for (name, one), two in zip(structure.state_dict().items(), again.state_dict().values(), strict=True):
        assert one.dtype == torch.float32 and torch.equal(one, two), name


def test_without_the_weights_only_lesson_18_is_skipped_and_on_ci_nothing(monkeypatch):
    def marked():
        items = [Notebook(Path(name)) for name in ("notebooks/17_a.ipynb", "notebooks/18_b.ipynb", "tests/18_c.py")]
        pytest_collection_modifyitems(items)
        return [[mark.kwargs["reason"] for mark in item.marks] for item in items]

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(igfold, "FILE", "igfold/elsewhere")
    nothing, (reason,), nothing_either = marked()
    assert "pip install --no-deps igfold==1.0.1" in reason and nothing == nothing_either == []
    monkeypatch.setenv("CI", "true")
    assert marked() == [[], [], []]


class Notebook:
    """As much of a collected item as the plugin looks at."""

    def __init__(self, path):
        self.path, self.marks = path, []

    def add_marker(self, mark):
        self.marks.append(mark)


# --- the data -------------------------------------------------------------------------------------------------------


def test_the_data_are_the_recorded_ones():
    sums = dict(line.split()[::-1] for line in (DATA / "SHA256SUMS").read_text().splitlines())
    assert {path.name for path in DATA.iterdir()} - {"README.md", "SHA256SUMS"} == set(sums)
    for name, checksum in sums.items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == checksum, name
    assert (DATA / "6APO_A_by_igfold.npz").read_bytes() == (GOLDENS / "igfold/6APO_A.npz").read_bytes()


@pytest.mark.parametrize("name", DOMAINS)
def test_the_data_are_what_their_readme_says(name):
    with np.load(DATA / f"{name}.npz") as file:
        L = len(str(file["sequence"]))
        for key, shape in (("single", (L, 64)), ("pair", (L, L, 64)), ("true", (L, 4, 3))):
            assert file[key].shape == shape
        assert {file[key].dtype for key in ("single", "pair", "error_single", "error_pair")} == {np.dtype("f2")}
        assert file["error_single"].shape == (L, 64) and file["error_pair"].shape == (L, L, 64)


def test_the_picture_of_the_readme_moves_and_is_small():
    path = PROJECT / "asset/attending.gif"
    assert path.stat().st_size < 1_000_000
    with Image.open(path) as picture:
        assert picture.n_frames >= 30
