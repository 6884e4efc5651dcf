"""Algorithm 22 once more, by triple loops over plain Python and NumPy: slow, and sharing no line with the package.

It reads a module's weights and works one query, one key, one head and one point at a time, in float64.
"""

import math

import numpy as np


def ipa_by_loops(attention, s, z, R, t, mask=None):
    """``s (L, dim)``, ``z (L, L, c_z)`` or None, ``R (L, 3, 3)``, ``t (L, 3)``, ``mask (L,)``, NumPy → ``(L, dim)``."""
    L, H = len(s), attention.heads
    mask = np.ones(L, bool) if mask is None else mask

    def linear(layer, x):
        weight = layer.weight.detach().double().numpy()
        bias = 0.0 if layer.bias is None else layer.bias.detach().double().numpy()
        return np.array([sum(weight[o, i] * x[i] for i in range(len(x))) for o in range(len(weight))]) + bias

    def channels(layer, i, head):
        y = linear(layer, s[i])
        size = len(y) // H
        return y[head * size : (head + 1) * size]

    def points(layer, i, head):
        flat = channels(layer, i, head)
        return [flat[3 * p : 3 * p + 3] for p in range(len(flat) // 3)]

    def world(i, x):
        return np.array([sum(R[i][row][col] * x[col] for col in range(3)) + t[i][row] for row in range(3)])

    def local(i, x):
        return np.array([sum(R[i][row][col] * (x[row] - t[i][row]) for row in range(3)) for col in range(3)])

    raw = attention.raw_gamma.detach().double().numpy()
    output_rows = []
    for i in range(L):
        pair_part, scalar_part, point_part, norm_part = [], [], [], []
        for h in range(H):
            gamma = math.log(1 + math.exp(raw[h]))
            q, q_points = channels(attention.to_q, i, h), points(attention.to_q_points, i, h)
            logits = []
            for j in range(L):
                k, k_points = channels(attention.to_k, j, h), points(attention.to_k_points, j, h)
                total = sum(a * b for a, b in zip(q, k, strict=True)) / math.sqrt(len(q))
                squared = 0.0
                for a, b in zip(q_points, k_points, strict=True):
                    squared += ((world(i, a) - world(j, b)) ** 2).sum()
                w_C = math.sqrt(2 / (9 * len(q_points)))
                total -= gamma * w_C / 2 * squared
                if z is None:
                    total *= math.sqrt(1 / 2)
                else:
                    total = math.sqrt(1 / 3) * (total + linear(attention.to_pair_bias, z[i][j])[h])
                logits.append(total if mask[j] or not mask[i] else -math.inf)
            largest = max(logits)
            unnormalised = [math.exp(x - largest) for x in logits]
            a = [x / sum(unnormalised) for x in unnormalised]

            if z is not None:
                pair_part += [sum(a[j] * z[i][j][c] for j in range(L)) for c in range(z.shape[-1])]
            v = [channels(attention.to_v, j, h) for j in range(L)]
            scalar_part += [sum(a[j] * v[j][c] for j in range(L)) for c in range(len(v[0]))]
            v_points = [points(attention.to_v_points, j, h) for j in range(L)]
            for p in range(len(v_points[0])):
                mean = sum(a[j] * world(j, v_points[j][p]) for j in range(L))
                home = local(i, mean)
                point_part += list(home)
                norm_part.append(math.sqrt((home**2).sum() + attention.eps))
        output_rows.append(linear(attention.to_out, np.array(pair_part + scalar_part + point_part + norm_part)))
    return np.array(output_rows)
