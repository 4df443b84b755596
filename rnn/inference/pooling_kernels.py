"""Numba kernel of pooling; tests compare it with the formula in pooling.py."""

from math import log
from typing import Any

import numpy as np

from elman.rnn.compute.jit import strict


@strict
def evidence(
    posterior: Any,
    words: Any,
    defined: Any,
    units: Any,
    known: Any,
    equal: Any,
    definition: Any,
    floors: Any,
    least: Any,
) -> Any:
    """pooling.evidence; words are numbered below `known`.

    Sums are taken over a unit alone, in its order, so that no bit depends on what is beside it.
    """
    N, K = posterior.shape
    near, far = floors  # of words and of definitions
    out = np.zeros((N, K - 1), np.float32)
    unit_of, slot_of = np.full(known, -1, np.int32), np.empty(known, np.int32)
    longest = 1
    for u in range(len(units) - 1):
        longest = max(longest, units[u + 1] - units[u])
    sums, before = np.empty((longest, K)), np.empty((longest, K))
    count, explained = np.empty(longest, np.int32), np.empty(longest, np.int32)
    top = np.empty(longest, np.float32)
    for u in range(len(units) - 1):
        used = 0
        for t in range(units[u], units[u + 1]):
            w = words[t]
            if w < 0:
                continue
            if unit_of[w] != u:
                unit_of[w], slot_of[w] = u, used
                sums[used], before[used] = 0.0, 0.0
                count[used], explained[used], top[used] = 0, 0, 0
                used += 1
            s = slot_of[w]
            count[s] += 1
            top[s] = max(top[s], 1 - posterior[t, 0])
            for k in range(K):
                sums[s, k] += posterior[t, k]
            if defined[t]:
                explained[s] += 1
                top[s] = max(top[s], 1 - posterior[t - 2, 0])
                for k in range(K):
                    before[s, k] += posterior[t - 2, k]
        for t in range(units[u], units[u + 1]):
            if words[t] < 0:
                continue
            s = slot_of[words[t]]
            n, d = count[s], explained[s]
            if top[s] < least or (n < 2 and not d):
                continue
            for k in range(1, K):
                value = 0.0
                if n > 1:
                    own = log((posterior[t, k] + near) / (posterior[t, 0] + near))
                    others = (sums[s, k] - posterior[t, k]) / (n - 1) + near
                    others /= (sums[s, 0] - posterior[t, 0]) / (n - 1) + near
                    value += equal * (n - 1) / n * (log(others) - own)
                if d:
                    own = log((posterior[t, k] + far) / (posterior[t, 0] + far))
                    value += definition * (log((before[s, k] / d + far) / (before[s, 0] / d + far)) - own)
                out[t, k - 1] = value
    return out
