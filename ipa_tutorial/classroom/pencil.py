"""The example that can be followed with a pencil: three residues, flat on a sheet of paper, every number a fraction.

IPA in one sitting works it out; lessons 03 to 08 come back to it, each for the line that it builds. There is one head,
one query and key point, one value point and one pair channel; scalars have two channels, places lie in the plane z = 0.
All tensors are float64, lengths nanometres.
"""

from __future__ import annotations

import math

import torch
from torch.nn.functional import pad

from ..attention import InvariantPointAttention, inverse_softplus
from ..rigid import Rigid


def _numbers(*rows) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


# --------------------------------------------------------------------------------------------------- what goes in

s = _numbers((1, 0), (0, 1), (1, 1))  # (3, 2): what each residue is
z = _numbers((0, 0, 3), (1, 0, 0), (0, 0, 0))[..., None]  # (3, 3, 1): row i is what i is told of 1, 2, 3
T = Rigid(  # (3,) frames: turned not at all, by 180° and by 90°
    torch.stack([_numbers((c, -s_, 0), (s_, c, 0), (0, 0, 1)) for c, s_ in ((1, 0), (-1, 0), (0, 1))]),
    _numbers((0, 0, 0), (0, 1, 0), (1, 0, 0)),
)

# Lines 2 and 3, in each residue's own frame: (1 head, 3 residues, 1 point, 3). The query points are s itself.
q_points = pad(s, (0, 1))[None, :, None]
k_points = pad(s.sum(-1, keepdim=True), (1, 1))[None, :, None]  # (0, s₁ + s₂)
v_points = pad(s[:, :1], (1, 1))[None, :, None]  # (0, s₁)

# ------------------------------------------------------------------------------------------------- what comes out

alike = _numbers((1, 0, 1), (0, 1, 1), (1, 1, 2))  # (3, 3): s_i · s_j
squares = _numbers((2, 1, 4), (1, 0, 1), (0, 1, 2))  # (3, 3): query point i to key point j in the world, nm²
n = _numbers((-1, -1, 0), (0, 1, 0), (1, 0, 0))  # (3, 3): alike + z − squares; the softmax is given n ln 2
weights = _numbers((1, 1, 2), (1, 2, 1), (2, 1, 1))[None] / 4  # (1 head, 3, 3), line 7
out = _numbers((9, 7), (3, 5), (6, 11)) / 4  # (3, 2), line 12


def module(eps: float = 0.0) -> InvariantPointAttention:
    """Algorithm 22 with the layers of the example: ``module()(s, z, rotations=…, translations=…)`` is ``out``.

    The layers of q and b and the weight γ are so long that the constants of lines 5 to 7 leave n ln 2 for the softmax:
    √⅓ · q·k/√2 · √6 ln 2 = q·k ln 2, √⅓ · √3 ln 2 · b = b ln 2, and √⅓ · ½ √(2/9) γ = ln 2 for γ = 3√6 ln 2.
    With AlphaFold's ε, ``eps=1e-8``, the lengths of line 11 differ in the eighth digit.
    """
    ln_2, identity = math.log(2), ((1, 0), (0, 1))
    layers = {
        "to_q": math.sqrt(6) * ln_2 * _numbers(*identity),
        "to_k": _numbers(*identity),
        "to_v": _numbers(*identity),
        "to_q_points": _numbers((1, 0), (0, 1), (0, 0)),
        "to_k_points": _numbers((0, 0), (1, 1), (0, 0)),
        "to_v_points": _numbers((0, 0), (1, 0), (0, 0)),
        "to_pair_bias": math.sqrt(3) * ln_2 * _numbers((1,)),
        "to_out": _numbers((1, 1, 0, 1, 0, 0, 0), (0, 0, 1, 0, 1, 0, 1)),  # of õ, o, o⃗ and ‖o⃗‖ two sums
    }
    attention = InvariantPointAttention(2, 1, 2, 2, 1, 1, pairwise_repr_dim=1, eps=eps).double()
    with torch.no_grad():
        for name, weight in layers.items():
            getattr(attention, name).weight.copy_(weight)
        attention.to_out.bias.zero_()
        attention.raw_gamma.fill_(inverse_softplus(3 * math.sqrt(6) * ln_2))
    return attention
