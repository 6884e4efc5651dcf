"""The thousand backbones: whole, well-formed, properly split, and cut and stacked without losing a residue."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter

import pytest
import torch

from ipa_tutorial import Protein, load_protein, proteins
from ipa_tutorial.proteins.dataset import FILE, Backbone, backbones, batch, crop

TRAIN, TEST = backbones("train"), backbones("test")
ALL = TRAIN + TEST


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ------------------------------------------------------------------------------------------------------------ the data


def test_the_file_is_the_one_that_was_described():
    checksum, name = (FILE.parent / "SHA256SUMS").read_text().split()
    assert name == FILE.name
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == checksum
    assert {path.name for path in FILE.parent.iterdir()} == {name, "SHA256SUMS", "README.md"}
    assert "CC0" in (FILE.parent / "README.md").read_text(encoding="utf-8")


def test_the_split_is_every_tenth_chain():
    assert (len(TRAIN), len(TEST)) == (900, 100)
    ids = sorted(f"{chain.name}_{chain.chain}" for chain in ALL)
    assert [f"{chain.name}_{chain.chain}" for chain in TEST] == ids[::10]  # the file is in alphabetical order
    assert sum(map(len, ALL)) == 95_545


def test_no_chain_is_in_both_parts():
    def pieces(chain):
        return {chain.sequence[i : i + 12] for i in range(len(chain) - 11)}

    assert len({(chain.name, chain.chain) for chain in ALL}) == 1000
    assert len({chain.sequence for chain in ALL}) == 1000
    seen = set().union(*map(pieces, TRAIN))
    assert not [chain.name for chain in TEST if pieces(chain) & seen]  # not even a dozen residues in a row
    shared = {chain.name for chain in TRAIN} & {chain.name for chain in TEST}
    assert shared == {"1vqo"}  # one ribosome, with different proteins: as the README beside the data says


def test_each_chain_is_a_whole_protein():
    for chain in ALL:
        L = len(chain)
        assert isinstance(chain, Backbone) and isinstance(chain, Protein)
        assert 40 <= L <= 128
        assert chain.coordinates.shape == (L, 4, 3) and chain.coordinates.dtype == torch.float32
        assert chain.atom_mask.shape == (L, 4) and chain.atom_mask.all() and chain.mask.all()
        assert chain.residue_index.tolist() == list(range(1, L + 1))
        assert len(chain.residue_labels) == len(chain.secondary_structure) == L
        assert set(chain.sequence) <= set("ACDEFGHIKLMNPQRSTVWY")
        assert set(chain.secondary_structure) <= set("HGIEBTSC")
        assert chain.ca.mean(0).norm() < 0.02


def test_bonds_have_the_lengths_of_bonds():
    """In ångström, of all chains together: a wrong unit, atom order or offset fails at once."""
    n, ca, c, o = torch.cat([chain.coordinates for chain in ALL]).unbind(1)
    next_n = torch.cat([chain.coordinates[1:, 0] for chain in ALL])
    last_c = torch.cat([chain.coordinates[:-1, 2] for chain in ALL])
    steps = torch.cat([chain.ca.diff(dim=0) for chain in ALL]).norm(dim=-1)
    for a, b, length in ((n, ca, 1.46), (ca, c, 1.525), (c, o, 1.23), (last_c, next_n, 1.33)):
        bond = (a - b).norm(dim=-1)
        assert bond.mean().item() == pytest.approx(length, abs=0.01)
        assert bond.std() < 0.02
        assert bond.min() > 0.9 and bond.max() < 1.7
    assert steps.mean().item() == pytest.approx(3.80, abs=0.01)
    assert steps.min() > 2.7 and steps.max() < 4.3  # 2.9 across a cis peptide bond


def test_helices_wind_to_the_right():
    """The one thing that a mirror image would change: four Cα atoms of a helix turn by about +50°."""
    turns = []
    for chain in ALL[:100]:
        b1, b2, b3 = (chain.ca.diff(dim=0)[i : len(chain) - 3 + i] for i in range(3))  # (L − 3, 3) each
        first, second = torch.linalg.cross(b1, b2), torch.linalg.cross(b2, b3)
        turn = torch.atan2((torch.linalg.cross(first, second) * b2).sum(-1) / b2.norm(dim=-1), (first * second).sum(-1))
        helix = [chain.secondary_structure[i : i + 4] == "HHHH" for i in range(len(chain) - 3)]
        turns.append(turn[torch.tensor(helix)].rad2deg())
    assert torch.cat(turns).median().item() == pytest.approx(50, abs=3)


def test_reading_takes_less_than_a_second_and_waits_until_it_is_asked():
    code = (
        "import time, ipa_tutorial.proteins.dataset as p; assert p._read.cache_info().misses == 0;"
        "start = time.process_time(); p.backbones('test'); print(time.process_time() - start)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(out) < 1


def test_the_list_is_the_callers_own():
    first = backbones("test")
    first.clear()
    assert len(proteins.backbones("test")) == 100


@pytest.mark.parametrize("split", ["valid", "Train", ""])
def test_there_is_no_other_split(split):
    with pytest.raises(ValueError, match=f"'train' or 'test', got '{split}'"):
        backbones(split)


def test_a_split_is_a_word():
    with pytest.raises(TypeError, match="split must be a string.*int"):
        backbones(0)


# ------------------------------------------------------------------------------------------------------- crop and batch


def test_a_crop_is_a_run_of_neighbours():
    chain = TEST[3]
    generator = seeded()
    for _ in range(50):
        piece = crop(chain, 30, generator)
        i = int(piece.residue_index[0]) - 1
        assert isinstance(piece, Backbone) and len(piece) == 30
        assert piece.sequence == chain.sequence[i : i + 30]
        assert piece.secondary_structure == chain.secondary_structure[i : i + 30]
        assert piece.residue_labels == chain.residue_labels[i : i + 30]
        assert torch.equal(piece.residue_index, torch.arange(i + 1, i + 31))
        assert torch.equal(piece.coordinates, chain.coordinates[i : i + 30])
        assert piece.atom_mask.shape == (30, 4)


def test_every_start_is_drawn_and_equally_often():
    chain, generator = load_protein("crambin"), seeded()
    starts = Counter(int(crop(chain, len(chain) - 3, generator).residue_index[0]) for _ in range(800))
    assert sorted(starts) == [1, 2, 3, 4]
    assert min(starts.values()) > 150


def test_a_short_chain_is_not_cropped():
    chain = TEST[0]
    assert crop(chain, len(chain)) is chain
    assert crop(chain, 500) is chain


def test_crops_are_reproducible():
    first, second = ([int(crop(c, 40, g).residue_index[0]) for c in TEST] for g in (seeded(5), seeded(5)))
    assert first == second
    assert first != [int(crop(c, 40, seeded(6)).residue_index[0]) for c in TEST]


def test_a_batch_holds_every_chain_and_nothing_else():
    chains = [TEST[4], load_protein("crambin"), TEST[7]]
    together = batch(chains)
    longest = max(map(len, chains))
    assert len(together) == 3 and together.rigids.shape == (3, longest)
    assert together.lengths.tolist() == list(map(len, chains))
    for i, chain in enumerate(chains):
        L, alone = len(chain), chain.rigids()
        assert together.mask[i].tolist() == [True] * L + [False] * (longest - L)
        assert torch.equal(together.rigids.rotations[i, :L], alone.rotations)
        assert torch.equal(together.rigids.translations[i, :L], alone.translations)  # nm
        assert torch.equal(together.rigids.rotations[i, L:], torch.eye(3).expand(longest - L, 3, 3))
        assert not together.rigids.translations[i, L:].any()
        assert torch.equal(together.residue_index[i, :L], chain.residue_index)
        assert (together.residue_types[i, L:] == 20).all() and (together.residue_types[i, :L] < 20).all()
    assert batch(chains, torch.float64).rigids.dtype == torch.float64


def test_a_residue_without_a_frame_is_masked():
    holed = load_protein("crambin")
    holed.atom_mask[5, 2] = False
    together = batch([holed, TEST[0]])
    assert not together.mask[0, 5] and together.mask[0, :5].all()
    assert torch.equal(together.rigids.rotations[0, 5], torch.eye(3))


def test_what_cannot_be_cut_or_stacked_is_refused():
    with pytest.raises(ValueError, match="length must be a whole number of at least 1, got 0"):
        crop(TEST[0], 0)
    with pytest.raises(TypeError, match="length must be a whole number, got float"):
        crop(TEST[0], 12.5)
    with pytest.raises(TypeError, match="protein must be a Protein, got str"):
        crop("1acf", 5)
    with pytest.raises(ValueError, match="at least one chain"):
        batch([])
    with pytest.raises(TypeError, match="list with str"):
        batch([TEST[0], "1acf"])
    with pytest.raises(TypeError, match="got Backbone"):
        batch(TEST[0])
