"""Flow matching on frames: the way, the losses, the walk, and that all of it turns with the world."""

import math

import pytest
import torch
from cases import partial_mask, randomise
from torch.testing import assert_close

from ipa_tutorial import Rigid, kabsch_rmsd, load_protein, random_rigid
from ipa_tutorial.dreams.flow import (
    aligned,
    centred,
    dream,
    interpolate,
    noise,
    renewed,
    step_towards,
)
from ipa_tutorial.dreams.losses import (
    ROOM,
    all_losses,
    atom_distances,
    atom_losses,
    flow_loss,
    mean,
    peptide_distances,
    peptide_loss,
)
from ipa_tutorial.dreams.model import FlowModel, neighbour_poses, pair_poses
from ipa_tutorial.dreams.rotations import rotation_exp
from ipa_tutorial.proteins.ideal import backbone_atoms

SMALL = dict(dim=12, pair_dim=5, depth=2, heads=2)
F64 = torch.float64


def frames(shape, seed=0, scale=1.0) -> Rigid:
    return random_rigid(shape, torch.Generator().manual_seed(seed), scale=scale, dtype=F64)


def ends_with_padding(L=9, batch=3) -> torch.Tensor:
    return torch.arange(L) < torch.tensor([L, L - 2, 3])[:batch, None]


def small_model(seed=0) -> FlowModel:
    model = FlowModel(**SMALL).double()
    randomise(model, seed, scale=0.7)
    return model


def assert_same_frames(a: Rigid, b: Rigid, mask=None, atol=1e-10):
    mask = torch.ones(a.shape, dtype=torch.bool) if mask is None else mask
    assert_close(a.rotations[mask], b.rotations[mask], rtol=0, atol=atol)
    assert_close(a.translations[mask], b.translations[mask], rtol=0, atol=atol)


# ------------------------------------------------------------------------------------------------------- the way


def test_the_way_begins_at_the_noise_and_ends_at_the_protein():
    start, end = frames((2, 5), 1), frames((2, 5), 2)
    assert_same_frames(interpolate(start, end, 0.0), start)
    assert_same_frames(interpolate(start, end, 1.0), end)
    t = torch.tensor([[0.25], [0.75]], dtype=F64)
    assert_same_frames(interpolate(start, end, t)[1], interpolate(start[1], end[1], 0.75))
    assert_close(interpolate(start, end, 0.25).translations, 0.75 * start.translations + 0.25 * end.translations)


def test_the_way_turns_with_the_world():
    start, end, G = frames(6, 1), frames(6, 2), frames((), 3)
    assert_same_frames(interpolate(G @ start, G @ end, 0.3), G @ interpolate(start, end, 0.3))


def test_noise_is_uniform_in_rotation_and_gaussian_in_place():
    T = noise(torch.ones(400, 20, dtype=torch.bool), torch.Generator().manual_seed(0))
    assert_close(T.rotations.mean((0, 1)), torch.zeros(3, 3), rtol=0, atol=0.03)
    assert_close(T.translations.mean(1), torch.zeros(400, 3), rtol=0, atol=1e-6)
    assert T.translations.var().item() == pytest.approx(1 - 1 / 20, rel=0.03)  # one of 20 degrees is the middle's


def test_centring_counts_real_residues_only():
    mask, T = ends_with_padding(), frames((3, 9), 1, scale=50.0)
    T.translations[~mask] = math.nan
    c = centred(T, mask)
    assert_close(c.translations.sum(-2), torch.zeros(3, 3, dtype=F64), rtol=0, atol=1e-10)
    assert (c.translations[~mask] == 0).all()
    assert_close(c.translations[0] - c.translations[0, 0], T.translations[0] - T.translations[0, 0])


@pytest.mark.parametrize("mirrored", [False, True])
def test_aligned_noise_is_the_noise_turned_to_lie_best(mirrored):
    mask = ends_with_padding()
    end = centred(frames((3, 9), 1), mask)
    start = centred(frames((3, 9), 2), mask)
    if mirrored:  # then the best orthogonal map is a mirror image, which is no turn
        start = Rigid(start.rotations, -end.translations)
    turned = aligned(start, end)
    assert_close(torch.linalg.det(turned.rotations), torch.ones(3, 9, dtype=F64))
    away = (turned.translations - end.translations).square().sum(-1)
    assert_close(mean(away, mask).sqrt(), kabsch_rmsd(start.translations, end.translations, mask))
    relative = start.inverse()[:, :1] @ start
    assert_same_frames(turned.inverse()[:, :1] @ turned, relative)  # turned as one body
    G = frames(3, 5)
    G = Rigid(G.rotations, torch.zeros(3, 3, dtype=F64))
    assert_same_frames(aligned(G[:, None] @ start, end), turned, mask)  # however it came


# ----------------------------------------------------------------------------------------------------- the losses


def test_the_flow_loss_is_the_squared_error_of_the_speed():
    truth, now, mask = frames((3, 9), 1), frames((3, 9), 2), ends_with_padding()
    t = torch.tensor([0.0, 0.5, 0.97], dtype=F64)
    push, turn = flow_loss(truth, truth, now, t, mask)
    assert_close(push + turn, torch.zeros(3, dtype=F64), rtol=0, atol=1e-18)
    wrong = Rigid(truth.rotations, truth.translations + torch.tensor([0.0, 0.3, 0.4], dtype=F64))
    push, turn = flow_loss(wrong, truth, now, t, mask)
    assert_close(push, 0.25 * torch.tensor([1.0, 4.0, 100.0], dtype=F64))  # stops growing at t = 0.9
    assert (turn == 0).all()


def test_the_rotations_error_is_measured_from_where_they_are():
    now, mask = Rigid.identity((1, 4), dtype=F64), torch.ones(1, 4, dtype=torch.bool)
    a, b = torch.tensor([0.3, 0.0, 0.0], dtype=F64), torch.tensor([0.0, 0.0, 0.4], dtype=F64)
    goal = [Rigid(rotation_exp(v).expand(1, 4, 3, 3), now.translations) for v in (a, b)]
    G = frames((), 3)
    for move in (lambda T: T, lambda T: G @ T):
        _, turn = flow_loss(move(goal[0]), move(goal[1]), move(now), torch.zeros(1, dtype=F64), mask)
        assert turn.item() == pytest.approx(0.25)


def test_a_real_chain_has_next_to_no_peptide_loss_and_a_broken_one_has():
    protein = load_protein("ubiquitin")
    T, mask = protein.rigids(F64)[None], protein.mask[None]
    assert_close(
        peptide_distances(T).mean((0, 1)), torch.tensor([1.33, 2.43, 2.43, 3.80], dtype=F64), rtol=0, atol=0.03
    )
    whole = peptide_loss(T, mask).item()
    assert whole < 2.0
    broken = Rigid(T.rotations, T.translations.clone())
    broken.translations[:, 40:, 0] += 0.5  # nm: one bond of 75 is torn
    assert peptide_loss(broken, mask).item() > 3 * whole
    for k in (39, 40):
        apart = mask.clone()
        apart[:, k] = False  # what is not real is not torn, on either side of the gap
        assert peptide_loss(broken, apart).item() < 2.0


def test_the_peptide_loss_is_small_near_ideal_and_linear_far_away():
    line = Rigid.identity((1, 2), dtype=F64)
    mask = torch.ones(1, 2, dtype=torch.bool)

    def loss(gap):
        return peptide_loss(Rigid(line.rotations, torch.tensor([[[0.0, 0, 0], [gap, 0, 0]]], dtype=F64)), mask).item()

    assert loss(30.0) - loss(20.0) == pytest.approx(loss(20.0) - loss(10.0), rel=1e-3)
    moved = torch.tensor([[[0.0, 0, 0], [0.38, 0, 0]]], dtype=F64, requires_grad=True)
    peptide_loss(Rigid(line.rotations, moved), mask).sum().backward()
    assert moved.grad.isfinite().all()


def test_atoms_need_room_if_their_residues_are_real_and_no_neighbours():
    """Three residues far apart, then the third set beside the first: as deep as the table says, pair by pair."""
    T = Rigid.identity((1, 4), dtype=F64)
    T.translations[0, :, 0] = torch.tensor([0.0, 3.0, 6.0, 9.0])  # nm
    mask = torch.ones(1, 4, dtype=torch.bool)
    assert atom_losses(T, T, mask)[1].item() == 0
    T.translations[0, 2] = torch.tensor([0.0, 0.0, 0.3])  # 3 Å above the first
    first, third = backbone_atoms(T, mask)[0, [0, 2]]
    expected = (torch.tensor(ROOM, dtype=F64) - torch.cdist(first, third)).relu().sum() / 4
    assert expected > 0.5
    assert_close(atom_losses(T, T, mask)[1][0], expected)
    mask[0, 2:] = False
    assert atom_losses(T, T, mask)[1].item() == 0
    T.translations[0, 1] = T.translations[0, 0]  # neighbours may: their bond is somebody else's business
    assert atom_losses(T, T, mask)[1].item() == 0


def test_real_chains_are_not_crowded():
    crowded = [atom_losses(T, T, torch.ones(1, T.shape[1], dtype=torch.bool))[1].item() for T in real_frames(20)]
    assert sum(crowded) / len(crowded) < 0.01  # Å a residue


def real_frames(count):
    from ipa_tutorial.proteins import backbones

    return [protein.rigids(F64)[None] for protein in backbones("test")[:count]]


def test_distances_are_taught_where_atoms_are_near_in_truth():
    protein = load_protein("GB1")
    T, mask = protein.rigids(F64)[None], protein.mask[None]
    atoms = backbone_atoms(T, mask)[0].flatten(0, 1)
    true = (atoms[:, None] - atoms).norm(dim=-1)
    assert_close(atom_distances(T, mask)[0], true, rtol=1e-9, atol=1e-9)
    assert atom_losses(T, T, mask)[0].item() == 0
    wider = Rigid(T.rotations, T.translations * 1.1)
    residue = torch.arange(len(protein)).repeat_interleave(4)
    near = (true < 6) & (residue[:, None] < residue)
    expected = (atom_distances(wider, mask)[0] - true).abs()[near].mean()
    assert_close(atom_losses(wider, T, mask)[0][0], expected)
    far = Rigid(T.rotations, T.translations.clone())
    far.translations[0, 30:] += 5.0  # nm: the loss looks at what touches in truth, wherever it is now
    assert atom_losses(far, T, mask)[0] > 1 > atom_losses(T, far, mask)[0]
    apart = mask.clone()
    apart[0, 30:] = False
    assert atom_losses(far[:, :30], T[:, :30], apart[:, :30])[0].item() == 0
    other = Rigid(far.rotations, torch.where(apart[..., None], far.translations, 77.0))
    assert atom_losses(other, T, apart)[0].item() < 0.2  # all but the oxygen at the cut
    together = Rigid(T.rotations, torch.zeros_like(T.translations).requires_grad_())
    sum(loss.sum() for loss in atom_losses(together, T, mask)).backward()
    assert together.translations.grad.isfinite().all()


def test_all_losses_stay_when_everything_moves_and_padding_has_no_say():
    mask, t = ends_with_padding(), torch.tensor([0.1, 0.6, 0.99], dtype=F64)
    predicted, truth, now = (frames((3, 9), seed, scale=0.3) for seed in (1, 2, 3))
    terms = all_losses(predicted, truth, now, t, mask)
    assert set(terms) == {"translations", "rotations", "fape", "peptide", "distances", "crowding"}
    assert all(loss.shape == (3,) and loss[1:].sum() > 0 for loss in terms.values())
    late = ("fape", "peptide", "distances", "crowding")
    assert all(terms[name][0] == 0 for name in late)  # too early to speak of a protein
    G = frames((), 4, scale=5.0)
    for name, loss in all_losses(G @ predicted, G @ truth, G @ now, t, mask).items():
        assert_close(loss, terms[name], rtol=1e-9, atol=1e-12)
    other = [Rigid(T.rotations, torch.where(mask[..., None], T.translations, 77.0)) for T in (predicted, truth, now)]
    for name, loss in all_losses(*other, t, mask).items():
        assert_close(loss, terms[name], rtol=1e-9, atol=1e-12)


# ------------------------------------------------------------------------------------------------------ the network


def test_the_model_turns_and_moves_with_the_world():
    model, mask, t = small_model(), ends_with_padding(), torch.tensor([0.0, 0.4, 1.0], dtype=F64)
    T, guess, G = frames((3, 9), 1, 0.5), frames((3, 9), 2, 0.5), frames((), 3, scale=10.0)
    here = model(T, t, mask, guess)
    assert (here.translations - T.translations)[mask].abs().max() > 0.1  # it does something
    assert_same_frames(model(G @ T, t, mask, G @ guess), G @ here, mask)
    away = frames((), 4)  # the guess is seen through its distances alone
    assert_same_frames(model(T, t, mask, away @ guess), here, mask)


def test_time_guess_and_neighbours_all_matter():
    model, mask, T = small_model(), torch.ones(1, 9, dtype=torch.bool), frames((1, 9), 1, 0.5)
    t = torch.tensor([0.4], dtype=F64)
    here = model(T, t, mask).translations
    for other in (model(T, t + 0.1, mask), model(T, t, mask, T), model(T, t, mask, frames((1, 9), 2))):
        assert (other.translations - here).abs().max() > 1e-4


def test_a_residue_knows_how_far_it_is_from_both_ends():
    model, t = small_model(), torch.tensor([0.5, 0.5, 0.5], dtype=F64)
    s = model.singles(t, ends_with_padding())  # (3, 9, dim), chains of 9, 7 and 3
    assert (s[0, 0] - s[1, 0]).abs().max() > 1e-3  # the same place, another length
    assert (s[0, 8] - s[1, 6]).abs().max() > 1e-3  # both the last, another place


def test_padding_has_no_say_and_a_batch_is_its_chains():
    model, mask, t = small_model(), ends_with_padding(), torch.tensor([0.2, 0.5, 0.8], dtype=F64)
    T, guess = frames((3, 9), 1, 0.5), frames((3, 9), 2, 0.5)
    together = model(T, t, mask, guess)
    for b, n in enumerate(mask.sum(-1).tolist()):
        alone = model(T[b, :n], t[b], mask[b, :n], guess[b, :n])
        assert_same_frames(alone, together[b, :n])


def test_neighbours_are_seen_in_the_residues_own_axes():
    T, mask, G = frames((2, 6), 1, 0.3), partial_mask(6, (2,)), frames((), 2)
    poses = neighbour_poses(T, mask)
    assert poses.shape == (2, 6, 24)
    assert_close(neighbour_poses(G @ T, mask), poses)
    whole = torch.ones(2, 6, dtype=torch.bool)
    poses = neighbour_poses(T, whole)
    after = (T[0, 2].inverse() @ T[0, 3]).rotations.flatten()
    before = (T[0, 2].inverse() @ T[0, 1]).translations
    assert_close(poses[0, 2, 12:21], after)
    assert_close(poses[0, 2, 9:12], 10 * before.clamp(-1, 1))
    assert (poses[:, 0, :12] == 0).all() and (poses[:, -1, 12:] == 0).all()
    whole[0, 3] = False
    assert (neighbour_poses(T, whole)[0, 2, 12:] == 0).all() and (neighbour_poses(T, whole)[0, 4, :12] == 0).all()


def test_every_residue_sees_every_other_in_its_own_axes():
    T, G = frames((2, 6), 1), frames((), 2, scale=5.0)
    poses = pair_poses(T)
    assert poses.shape == (2, 6, 6, 12)
    assert_close(pair_poses(G @ T), poses)
    seen = T[1, 2].inverse() @ T[1, 4]
    assert_close(poses[1, 2, 4, :9], seen.rotations.flatten())
    length = seen.translations.norm()
    assert_close(poses[1, 2, 4, 9:], seen.translations / (length + 0.3), rtol=1e-5, atol=1e-6)
    assert_close(poses[0].diagonal()[9:], torch.zeros(3, 6, dtype=F64))
    assert poses.isfinite().all()


# -------------------------------------------------------------------------------------------------------- the walk


def test_a_model_that_knows_the_goal_gets_there():
    mask = ends_with_padding()
    goal = centred(frames((3, 9), 1), mask)
    asked = []

    def knows(T, t, mask, guess):
        asked.append((t[0].item(), guess is None))
        return goal

    path = dream(knows, frames((3, 9), 2), mask, steps=8, progress=False)
    assert len(path) == 9
    assert_same_frames(path[-1], goal, mask)
    times, first = zip(*asked, strict=True)
    assert times == pytest.approx(torch.linspace(0.01, 1, 9)[:-1].tolist())
    assert first == (True, *[False] * 7)  # from then on it is told what it said last


def test_the_chain_stays_in_the_middle_all_the_way():
    mask = ends_with_padding()
    goal = frames((3, 9), 1)
    far = Rigid(goal.rotations, goal.translations + 20.0)
    for T in dream(lambda *_: far, frames((3, 9), 2), mask, steps=5, progress=False):
        middle = (T.translations * mask[..., None]).sum(-2)
        assert_close(middle, torch.zeros(3, 3, dtype=F64), rtol=0, atol=1e-9)


def test_a_step_covers_its_share_of_what_is_left_and_rotations_more():
    start, goal = frames((2, 5), 1), frames((2, 5), 2)
    t, dt = torch.tensor([[0.5], [0.2]], dtype=F64), torch.tensor([[0.1], [0.02]], dtype=F64)
    after = step_towards(goal, start, t, dt)
    share = torch.tensor([0.2, 0.025], dtype=F64)[:, None, None]
    assert_close(after.translations, start.translations + share * (goal.translations - start.translations))
    assert_close(after.rotations[0], goal.rotations[0])  # ten times a tenth: all of the turn
    assert_close(after.rotations[1], interpolate(start[1], goal[1], 0.2).rotations)


def test_renewed_noise_is_new_and_as_large_as_the_time_says():
    mask = torch.ones(50, 20, dtype=torch.bool)
    goal = centred(frames((50, 20), 1), mask)
    generator = torch.Generator().manual_seed(0)
    first, second = (renewed(goal, goal, torch.tensor(0.7, dtype=F64), mask, generator) for _ in range(2))
    for T in (first, second):
        assert torch.equal(T.rotations, goal.rotations)
        left = T.translations - 0.7 * goal.translations
        assert left.square().mean().sqrt().item() == pytest.approx(0.3 * math.sqrt(19 / 20), rel=0.05)
    assert (first.translations - second.translations).abs().mean() > 0.1
    assert_close(renewed(first, goal, torch.tensor(1.0, dtype=F64), mask).translations, goal.translations)


def test_the_same_start_gives_the_same_dream_unless_other_noise_is_asked_for():
    model, mask = small_model(), ends_with_padding()
    start = centred(frames((3, 9), 1), mask)
    one, two = (dream(model, start, mask, 4, progress=False)[-1] for _ in range(2))
    assert torch.equal(one.translations, two.translations)
    other = dream(model, start, mask, 4, progress=False, generator=torch.Generator().manual_seed(1))[-1]
    assert (other.translations - one.translations)[mask].abs().max() > 1e-3


def test_a_whole_dream_turns_with_its_noise():
    model, mask = small_model(), ends_with_padding()
    start, G = centred(frames((3, 9), 1), mask), frames((), 2, scale=3.0)
    path = dream(model, start, mask, steps=6, progress=False)  # the renewed noise is turned along
    turned = dream(model, G @ start, mask, steps=6, progress=False)
    turn = Rigid(G.rotations, torch.zeros(3, dtype=F64))  # where the noise was does not matter: dreams are centred
    for T, U in zip(path, turned, strict=True):
        assert_same_frames(turn @ T, U, mask, atol=1e-8)
    assert (path[-1].translations - path[0].translations)[mask].abs().max() > 0.1


def test_a_dream_wants_at_least_one_step_and_a_mask_that_fits():
    model, T = small_model(), frames((2, 4))
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        dream(model, T, torch.ones(2, 4, dtype=torch.bool), steps=0)
    with pytest.raises(ValueError, match="mask"):
        dream(model, T, torch.ones(2, 5, dtype=torch.bool))
    with pytest.raises(TypeError, match="mask"):
        dream(model, T, torch.ones(2, 4))
