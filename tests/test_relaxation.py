"""Relaxing a chain: bonds and contacts are mended, the fold stays, and it turns with the world."""

import pytest
import torch
from torch.testing import assert_close

from ipa_tutorial import Rigid, kabsch_rmsd, load_protein, random_rigid
from ipa_tutorial.dreams.controls import moved
from ipa_tutorial.dreams.flow import centred
from ipa_tutorial.dreams.losses import atom_losses, peptide_loss
from ipa_tutorial.dreams.measures import measure, torsions
from ipa_tutorial.dreams.relaxation import bonding_energy, clash_loss, relaxed, relaxed_for_the_score, twist
from ipa_tutorial.dreams.rotations import rotation_exp
from ipa_tutorial.proteins.dataset import backbones, batch
from ipa_tutorial.proteins.dssp import hydrogen_bonds
from ipa_tutorial.proteins.ideal import atoms_of, backbone_atoms

F64 = torch.float64


def shaken(T: Rigid, by=0.5, seed=0) -> Rigid:
    """Each frame turned and shifted by a little: Å, and radians a fifth of it."""
    turn, shift = torch.randn(2, *T.shape, 3, generator=torch.Generator().manual_seed(seed), dtype=T.dtype)
    return T @ Rigid(rotation_exp(0.2 * by * turn), 0.1 * by * shift)


@pytest.fixture
def bent():
    protein = load_protein("ubiquitin")
    return shaken(protein.rigids(F64)[None]), protein.mask[None]


def test_a_real_chain_relaxed_stays_real():
    """The control that the first version failed, see the next test; the lesson's tables have all 19 such chains."""
    chains = batch([p for p in backbones("test") if 50 <= len(p) <= 80][::4])
    after = relaxed(chains.rigids, chains.mask, progress=False)
    assert moved(chains.rigids, after, chains.mask) < 0.2
    before, found = ([measure(atoms) for atoms in atoms_of(T, chains.mask)] for T in (chains.rigids, after))
    for name in ("phi_psi", "twisted"):
        assert torch.cat([getattr(m, name) for m in found]).double().mean() <= 0.02
    assert sum(m.contacts for m in found) <= sum(m.contacts for m in before)


def test_relaxed_for_the_score_the_score_is_perfect_and_the_chain_is_not():
    chains = batch([p for p in backbones("test") if 50 <= len(p) <= 54])
    found = [measure(a) for a in atoms_of(relaxed_for_the_score(chains.rigids, chains.mask, False), chains.mask)]
    assert all(m.passes for m in found)
    assert torch.cat([m.phi_psi for m in found]).double().mean() > 0.15
    assert sum(m.contacts for m in found) > 10 * len(found)


def test_bonds_are_straightened_and_crowded_atoms_part(bent):
    T, mask = bent
    T.translations[0, 60] = T.translations[0, 20] + 0.1  # nm: two residues of distant stretches, in each other
    after = relaxed(T, mask, progress=False)
    before, found = measure(backbone_atoms(T[0])), measure(backbone_atoms(after[0]))
    assert found.bond.std() < 0.6 * before.bond.std()
    assert found.contacts < 0.7 * before.contacts
    assert kabsch_rmsd(10 * T.translations[0], 10 * after.translations[0]) < 2.0
    assert_close(torch.linalg.det(after.rotations), torch.ones(1, 76, dtype=F64))


def test_clashes_are_counted_between_real_residues_that_are_no_neighbours():
    T = Rigid.identity((1, 4), dtype=F64)
    T.translations[0, :, 0] = torch.tensor([0.0, 0.3, 0.1, 5.0])  # nm: residues 0 and 2 are 1 Å apart, 0 and 1 3 Å
    mask = torch.ones(1, 4, dtype=torch.bool)
    assert clash_loss(T, mask).item() == pytest.approx((4 - 1) / 4, rel=1e-3)
    mask[0, 2] = False
    assert clash_loss(T, mask).item() == 0


def test_planes_are_flat_when_trans_or_cis_and_only_real_bonds_count():
    """Against the torsion itself, on frames that are shaken."""
    T, mask = shaken(load_protein("crambin").rigids(F64)[None], 0.5), torch.ones(1, 46, dtype=torch.bool)
    omega = torsions(backbone_atoms(T[0]))[2].deg2rad()
    assert_close(twist(T, mask)[0], omega.sin().square().mean())
    mask[0, 20:] = False
    assert_close(twist(T, mask)[0], omega[:19].sin().square().mean())


def test_more_steps_come_further(bent):
    T, mask = bent
    found = [relaxed(T, mask, steps, progress=False) for steps in (1, 10, 100)]
    loss = [(peptide_loss(x, mask) + 20 * (twist(x, mask) + sum(atom_losses(x, T, mask)))).item() for x in (T, *found)]
    assert loss == sorted(loss, reverse=True) and loss[-1] < 0.8 * loss[0]


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
