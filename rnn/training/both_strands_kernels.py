"""Numba kernels of rnn/training/both_strands.py: the loss of a batch, and Adam with a running mean.

Numbers that are not finite stay so, lest a training that diverges go on.
"""

from typing import Any

import numpy as np
from numba import njit

_FAST: dict[str, Any] = {"fastmath": {"reassoc", "contract", "arcp", "nsz", "afn"}, "error_model": "numpy"}


@njit(cache=True, nogil=True, **_FAST)
def loss(logits, classes, starts, start_weight, d):
    """Sum of the cross entropies of classes and of start sites; see `both_strands.loss`.

    logits (N, 9); classes (N,); starts (N, 2); d (N, 9) set to the gradient of the sum.
    """
    zero, one, total = np.float32(0), np.float32(1), 0.0
    for i in range(len(logits)):
        z, g, y = logits[i], d[i], classes[i]
        best, below = z[0], zero
        for j in range(1, 8):
            if j != 4:
                best = max(best, z[j])
        for j in range(8):
            g[j] = np.exp(z[j] - best)
        g[4] = 0
        for j in range(8):
            below += g[j]
        share = one / below if y >= 0 else zero
        for j in range(8):
            g[j] *= share
        if y >= 0:
            right = y + (y >= 4)
            total += np.log(below) - (z[right] - best)
            g[right] -= one
        g[8] = 0
        for side in range(2):
            truth = starts[i, side]
            if truth >= 0:
                x = z[4 + 4 * side]
                total += start_weight * (max(x, zero) - truth * x + np.log1p(np.exp(-abs(x))))
                g[4 + 4 * side] = start_weight * (one / (one + np.exp(-x)) - np.float32(truth))
    return total


@njit(cache=True, nogil=True, **_FAST)
def add(parts):
    """Sum the rows of parts (., P) into the first, in order; return the sum of the squares."""
    total = 0.0
    for k in range(1, len(parts)):
        for i in range(parts.shape[1]):
            parts[0, i] += parts[k, i]
    for i in range(parts.shape[1]):
        total += np.float64(parts[0, i]) * np.float64(parts[0, i])
    return total


@njit(cache=True, nogil=True, **_FAST)
def adam(p, g, factor, m, v, rate, mean, keep):
    """One step of Adam on flat float32 arrays, in place, with its usual constants.

    g times `factor` is the gradient; `rate` includes the bias corrections; of the running mean of p, `keep`
    is kept.
    """
    beta1, beta2, epsilon, one = np.float32(0.9), np.float32(0.999), np.float32(1e-8), np.float32(1)
    for i in range(len(p)):
        d = factor * g[i]
        m[i] = beta1 * m[i] + (one - beta1) * d
        v[i] = beta2 * v[i] + (one - beta2) * d * d
        p[i] -= rate * m[i] / (np.sqrt(v[i]) + epsilon)
        mean[i] = keep * mean[i] + (one - keep) * p[i]
