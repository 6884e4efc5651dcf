"""What the live pages compute: the course's own modules behind a few plain tensors, ready to be exported.

    Turn    atoms, as the reader has turned them → two attention maps: IPA's, and that of naive attention
    Start   random numbers → the frames that a dream begins with
    Step    one step of a dream: network, update of the frames, atoms
    Judge   the atoms of a chain → its torsions, and what is wrong with it

There is no attention, no geometry and no network here, only calls of them, so that the pages show the course's code.
Turn counts in float32, as networks do. A dream counts in float64: it is chaotic, and what differs in the last digit of
a float32 differs by ångströms fifty steps later.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ipa_tutorial import InvariantPointAttention, Rigid, load_protein, rigid_from_3_points
from ipa_tutorial.dreams import aligned, backbone_atoms, centred, load_flow_model, step_towards
from ipa_tutorial.dreams.measures import (
    CONTACT,
    PLANAR,
    Map,
    bend_map,
    count_near,
    phi_psi_map,
    torsions,
    trace_angles,
)
from ipa_tutorial.dreams.model import FlowModel

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


class Turn(nn.Module):
    """Lesson 00's attention on ubiquitin, with its random weights, and its naive attention on coordinates."""

    def __init__(self) -> None:
        super().__init__()
        sequence = load_protein("ubiquitin").sequence
        letters = torch.tensor([LETTERS.index(letter) for letter in sequence])
        along = torch.arange(len(letters))[:, None] - torch.arange(len(letters))[None, :]
        with torch.random.fork_rng(devices=[]):  # in the lesson's order, and in its float64
            torch.manual_seed(0)
            before = torch.get_default_dtype()
            torch.set_default_dtype(torch.float64)
            s, z = torch.randn(20, 64)[letters], torch.randn(17, 16)[along.clamp(-8, 8) + 8]
            self.ipa = InvariantPointAttention(dim=64, heads=12, pairwise_repr_dim=16)
            embed, to_qk = torch.randn(3, 64), torch.randn(64, 2 * 16) / 16
            torch.set_default_dtype(before)
        for name, x in dict(s=s, z=z, embed=embed, to_qk=to_qk).items():
            self.register_buffer(name, x)

    def forward(self, atoms: Tensor, unit: Tensor, terms: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The weights of all heads ``(H, L, L)``, their mean ``(L, L)``, and the naive ones ``(L, L)``.

        Args:
            atoms: N, CA, C of each residue, ``(L, 3, 3)``, Å.
            unit: the length of an ångström in the unit that the models count in, ``()``: 0.1 for nm.
            terms: ``(3,)``, 1 or 0: is the scalar term there, the pair term, the point term?
            gamma: γ, the weight of the point term, the same in all heads, ``()``, not negative.
        """
        T = rigid_from_3_points(*(atoms * unit).unbind(1))  # (L,)
        scalar, pair, point = terms
        gamma = (gamma * point).clamp(min=1e-30)
        weights = {
            "to_q.weight": scalar * self.ipa.to_q.weight,
            "to_pair_bias.weight": pair * self.ipa.to_pair_bias.weight,
            "raw_gamma": gamma.expm1().log().expand(self.ipa.heads),  # softplus of it is γ
        }
        geometry = dict(rotations=T.rotations, translations=T.translations, return_parts=True)
        _, parts = functional_call(self.ipa, weights, (self.s, self.z), geometry)
        return parts.weights, parts.weights.mean(0), self.naive(T)

    def naive(self, T: Rigid) -> Tensor:
        """Plain attention on ``s`` plus embedded coordinates, as in lesson 00. ``(L, L)``."""
        q, k = ((self.s + T.translations @ self.embed) @ self.to_qk).split(16, dim=-1)  # (L, 16) each
        return (q @ k.mT / 4).softmax(-1)


class Start(nn.Module):
    """Noise, from the random numbers that the page draws."""

    def forward(self, arrows: Tensor, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames, nm, and atoms ``(L, 4, 3)``, Å, from Gaussian ``arrows (2, L, 3)`` and ``places (L, 3)``."""
        x, y = arrows
        rotations = rigid_from_3_points(y, torch.zeros_like(x), x, eps=0.0).rotations  # as in random_rigid
        T = centred(Rigid(rotations, places), all_real(places))
        return T.rotations, T.translations, backbone_atoms(T)


class Step(nn.Module):
    """One step of :func:`ipa_tutorial.dreams.dream`, or of lesson 17's ``dream_the_rest``, for one chain."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Remembering()
        self.model.load_state_dict(load_flow_model().state_dict())

    def forward(
        self,
        rotations: Tensor,
        translations: Tensor,
        goal_rotations: Tensor,
        goal_translations: Tensor,
        known: Tensor,
        t: Tensor,
        after: Tensor,
        fresh: Tensor,
        held: Tensor,
        true_rotations: Tensor,
        true_translations: Tensor,
    ) -> tuple[Tensor, ...]:
        """From time ``t`` to ``after``: frames, the network's goal, and the atoms of both.

        Args:
            rotations, translations: the frames now, ``(L, 3, 3)`` and ``(L, 3)``, nm; the goal is the last answer.
            known: ``()``, boolean: is there a last answer yet?
            t, after: times, ``(1,)``.
            fresh: new noise, Gaussian, ``(L, 3)``.
            held: boolean ``(L,)``, True = a residue at the beginning that is held where ``true_…`` says.

        Returns:
            rotations, translations, goal's rotations and translations, and atoms N, CA, C, O ``(L, 4, 3)``, Å, of the
            frames and of the goal.
        """
        frames, guess = Rigid(rotations, translations), Rigid(goal_rotations, goal_translations)
        truth = Rigid(true_rotations, true_translations)
        real = all_real(translations)
        goal = self.model(frames[None], t, real[None], (guess[None], known))[0]
        goal = either(held.any(), hold(goal, truth, held, t), centred(goal, real))
        walked = step_towards(goal, frames, t, after - t)
        noise = aligned(centred(Rigid(rotations, fresh), real), goal)
        renewed = Rigid(walked.rotations, torch.lerp(noise.translations, goal.translations, after))
        frames = either(after[0] == 1, goal, renewed)
        atoms, goal_atoms = backbone_atoms(frames), backbone_atoms(goal)
        return frames.rotations, frames.translations, goal.rotations, goal.translations, atoms, goal_atoms


class Remembering(FlowModel):
    """The network, with one form for both cases: with a last answer, and at the very first step, without."""

    def pairs(self, frames: Rigid, guess: tuple[Rigid, Tensor]) -> Tensor:
        answer, known = guess
        return torch.where(known, super().pairs(frames, answer), super().pairs(frames, None))


def hold(goal: Rigid, truth: Rigid, held: Tensor, t: Tensor) -> Rigid:
    """The goal ``(L,)``, laid onto the held residues of the truth, which then take their places: see lesson 17.

    In the first half of the walk all of them say how it is laid, later the last one alone: there the bond must fit.
    """
    a, b = centred(goal, held), centred(truth, held)
    first, last = held.long().argmax(), held.sum().clamp(min=1) - 1
    onto_all = at(truth, first) @ at(b, first).inverse() @ at(aligned(a, b), first) @ at(goal, first).inverse()
    onto_last = at(truth, last) @ at(goal, last).inverse()
    return either(held, truth, either(t[0] < 0.5, onto_all, onto_last) @ goal)


def at(T: Rigid, index: Tensor) -> Rigid:
    """The frame of one residue, ``(1,)``."""
    return Rigid(T.rotations.index_select(0, index[None]), T.translations.index_select(0, index[None]))


def either(condition: Tensor, a: Rigid, b: Rigid) -> Rigid:
    """a where the condition, ``()`` or one for each residue ``(L,)``, holds, else b."""
    rotations = torch.where(condition[..., None, None], a.rotations, b.rotations)
    return Rigid(rotations, torch.where(condition[..., None], a.translations, b.translations))


def all_real(translations: Tensor) -> Tensor:
    """The mask ``(L,)`` of a chain without padding."""
    return torch.ones_like(translations[:, 0], dtype=torch.bool)


class Judge(nn.Module):
    """The measures of lesson 17 for one chain of atoms N, CA, C, O ``(L, 4, 3)``, Å."""

    def __init__(self) -> None:
        super().__init__()
        for name, known in dict(common_torsions=phi_psi_map(), common_bends=bend_map()).items():
            self.register_buffer(name, known.density)
            self.register_buffer(f"{name}_height", torch.tensor(known.height, dtype=torch.float64))

    def forward(self, atoms: Tensor) -> tuple[Tensor, ...]:
        """φ and ψ ``(L−2,)``, degrees, which of them are outliers, the shares of outliers, bends, ω off; contacts."""
        phi, psi, omega = torsions(atoms)
        outliers = Map(self.common_torsions, self.common_torsions_height).is_rare(phi, psi)
        bends = Map(self.common_bends, self.common_bends_height).is_rare(*trace_angles(atoms[:, 1]))
        twisted = torch.minimum(omega.abs(), 180 - omega.abs()) > PLANAR
        shares = torch.stack([x.double().mean() for x in (outliers, bends, twisted)])
        return phi, psi, outliers, shares, count_near(atoms, CONTACT)
