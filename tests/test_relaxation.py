"""Relaxing a chain: bonds and contacts are mended, the fold stays, and it turns with the world."""

import pytest
import torch
from torch.testing import assert_close

from ipa_tutorial import Rigid, kabsch_rmsd, load_protein, random_rigid
from ipa_tutorial.dreams.flow import centred, clash_loss, peptide_loss
from ipa_tutorial.dreams.measures import backbone_atoms, measure
from ipa_tutorial.dreams.relaxation import bonding_energy, relaxed
from ipa_tutorial.dreams.rotations import rotation_exp
from ipa_tutorial.proteins.dataset import backbones, batch
from ipa_tutorial.proteins.dssp import hydrogen_bonds

F64 = torch.float64


def shaken(T: Rigid, by=0.5, seed=0) -> Rigid:
    """Each frame turned and shifted by a little: Å, and radians a fifth of it."""
    turn, shift = torch.randn(2, *T.shape, 3, generator=torch.Generator().manual_seed(seed), dtype=T.dtype)
    return T @ Rigid(rotation_exp(0.2 * by * turn), 0.1 * by * shift)


@pytest.fixture
def bent():
    protein = load_protein("ubiquitin")
    return shaken(protein.rigids(F64)[None]), protein.mask[None]


def test_bonds_and_clashes_are_mended_and_the_fold_stays(bent):
    T, mask = bent
    T.translations[0, 60] = T.translations[0, 20] + 0.1  # nm: two residues of distant stretches, in each other
    before = measure(backbone_atoms(T[0]))
    assert before.clashes > 0 and not before.sound and before.bond.std() > 0.2
    after = relaxed(T, mask, progress=False)
    m = measure(backbone_atoms(after[0]))
    assert m.clashes == 0 and m.sound and m.bond.std() < 0.02
    assert kabsch_rmsd(10 * T.translations[0], 10 * after.translations[0]) < 2.0
    assert_close(torch.linalg.det(after.rotations), torch.ones(1, 76, dtype=F64))


def test_a_real_chain_moves_by_half_an_angstrom():
    protein = load_protein("crambin")
    T = protein.rigids()[None]
    after = relaxed(T, protein.mask[None], progress=False)
    assert kabsch_rmsd(10 * T.translations[0], 10 * after.translations[0]) < 0.8


def test_more_steps_come_further(bent):
    T, mask = bent
    found = [relaxed(T, mask, steps, progress=False) for steps in (1, 10, 100)]
    loss = [(peptide_loss(x, mask) + clash_loss(x, mask)).item() for x in (T, *found)]
    assert loss == sorted(loss, reverse=True) and loss[-1] < 0.2 * loss[0]


def test_it_turns_with_the_world_and_does_not_write_into_its_input(bent):
    T, mask = bent
    copy = Rigid(T.rotations.clone(), T.translations.clone())
    G = random_rigid((), torch.Generator().manual_seed(1), scale=5.0, dtype=F64)
    here, there = (relaxed(x, mask, 30, progress=False) for x in (T, G @ T))
    assert_close((G @ here).translations, there.translations, rtol=0, atol=1e-8)
    assert_close((G @ here).rotations, there.rotations, rtol=0, atol=1e-8)
    assert torch.equal(T.rotations, copy.rotations) and torch.equal(T.translations, copy.translations)
    assert not here.translations.requires_grad


def test_a_batch_is_its_chains_and_padding_stays():
    chains = batch([p for p in backbones("test") if len(p) < 60][:3])
    mask = chains.mask
    T = shaken(centred(chains.rigids.to(F64), mask))
    assert not mask.all()
    together = relaxed(T, mask, 20, progress=False)
    assert_close(together.translations[~mask], T.translations[~mask])
    for b, n in enumerate(chains.lengths.tolist()):
        alone = relaxed(T[b : b + 1, :n], mask[b : b + 1, :n], 20, progress=False)
        assert_close(together.translations[b, :n], alone.translations[0], rtol=0, atol=1e-9)


def test_hydrogen_bonds_count_until_they_are_made_and_only_between_real_residues():
    protein = load_protein("GB1")
    T, mask = protein.rigids(F64)[None], protein.mask[None].clone()
    assert mask.all()
    bonds = hydrogen_bonds(backbone_atoms(T[0]), mask[0], ~mask[0]).sum().item()
    energy = bonding_energy(T, mask).item() * mask.sum().item()
    assert -2.5 * bonds < energy < -1.5 * bonds  # near −2 kcal/mol each
    assert bonding_energy(Rigid(T.rotations, 3 * T.translations), mask).abs().item() < 0.1  # torn apart
    mask[0, 10:] = False
    few = bonding_energy(T, mask).item()
    assert few == pytest.approx(bonding_energy(T[:, :10], mask[:, :10]).item())
    nan = torch.where(mask[..., None], T.translations, 77.0)
    assert bonding_energy(Rigid(T.rotations, nan), mask).item() == pytest.approx(few)
    assert bonding_energy(T, torch.zeros_like(mask)).item() == 0


def test_hydrogen_bonds_outlive_the_relaxation():
    protein = load_protein("GB1")
    T, mask = shaken(protein.rigids(F64)[None], 0.35), protein.mask[None]
    before, after = (measure(backbone_atoms(x[0])) for x in (T, relaxed(T, mask, progress=False)))
    assert after.helix + after.strand > before.helix + before.strand
    assert after.sound


@pytest.mark.parametrize("n", [25, 35])
def test_padding_neither_moves_nor_says_anything_even_at_the_last_oxygen(n):
    """Residue n − 1 would put its oxygen after the residue behind it, which is padding."""
    protein = load_protein("ubiquitin")
    T, mask = protein.rigids(F64)[None], (torch.arange(76) < n)[None]
    T = Rigid(T.rotations, torch.where(mask[..., None], T.translations, 0))
    alone, together = relaxed(T[:, :n], mask[:, :n], 20, progress=False), relaxed(T, mask, 20, progress=False)
    assert bonding_energy(T, mask).item() == pytest.approx(bonding_energy(T[:, :n], mask[:, :n]).item(), abs=1e-12)
    assert_close(together.translations[:, :n], alone.translations, rtol=0, atol=1e-9)
    assert_close(together.translations[:, n:], T.translations[:, n:], rtol=0, atol=0)
    hole = torch.ones(1, 76, dtype=torch.bool)
    hole[0, 30] = False
    T = protein.rigids(F64)[None]
    U = Rigid(T.rotations, T.translations.clone())
    U.translations[0, 30] += 0.3
    assert bonding_energy(T, hole).item() == pytest.approx(bonding_energy(U, hole).item(), abs=1e-12)
    assert torch.equal(relaxed(U, hole, 20, progress=False).translations[0, 30], U.translations[0, 30])


def test_frames_with_a_gradient_are_relaxed_and_keep_theirs(bent):
    T, mask = bent
    leaf = T.translations.clone().requires_grad_()
    moved = Rigid(T.rotations, 2 * (leaf / 2))  # as a network hands them out
    after = relaxed(moved, mask, 3, progress=False)
    assert not after.translations.requires_grad and leaf.grad is None
    assert_close(after.translations, relaxed(T, mask, 3, progress=False).translations)
    with torch.inference_mode():
        inner = relaxed(Rigid(T.rotations.clone(), T.translations.clone()), mask, 3, progress=False)
    assert_close(inner.translations, after.translations)


def test_it_works_where_gradients_are_off(bent):
    T, mask = bent
    with torch.no_grad():
        quiet = relaxed(T, mask, 3, progress=False)
    assert_close(quiet.translations, relaxed(T, mask, 3, progress=False).translations)


def test_bad_input_is_named(bent):
    T, mask = bent
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        relaxed(T, mask, 0)
    with pytest.raises(ValueError, match="mask"):
        relaxed(T, mask[:, :-1])
    hole = Rigid(T.rotations, T.translations.clone())
    hole.translations[0, 3] = float("nan")
    with pytest.raises(ValueError, match="frames must be finite"):
        relaxed(hole, mask)
