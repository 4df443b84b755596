"""Numba kernel of the temperature: the sum over all tag sequences, at each temperature that is tried."""

from typing import Any

import numpy as np

from elman.rnn.compute.jit import strict


@strict
def log_partition(emission: Any, starts: Any, scale: Any, first: Any, A: Any, last: Any, floor: Any) -> float:
    """Log of the sum over all paths, of all sequences of a packed batch together, in float64.

    Args:
        emission: (N, G) log weights, which are multiplied by `scale`; in a row none is taken as less than the
            largest and `floor`.
        starts: (T + 1,) rows of each step, see rnn/compute/batches.py.
        scale: of the emissions alone.
        first, A, last: (G,), (G, G), (G,) exponentials of the scaled weights of starts, transitions, ends.
        floor: as crf.FLOOR.
    """
    G = emission.shape[1]
    T, B = len(starts) - 1, starts[1]
    before, now, total = np.empty((B, G)), np.empty(G), 0.0
    for t in range(T):
        a, n = starts[t], starts[t + 1] - starts[t]
        m = starts[t + 2] - starts[t + 1] if t + 1 < T else 0
        for i in range(n):
            row, best, mass = emission[a + i], emission[a + i, 0], 0.0
            for j in range(1, G):
                best = max(best, row[j])
            for j in range(G):
                way = 0.0
                if t:
                    for k in range(G):
                        way += before[i, k] * A[k, j]
                else:
                    way = first[j]
                now[j] = way * np.exp(max((np.float64(row[j]) - best) * scale, floor))
                mass += now[j]
            total += best * scale + np.log(mass)
            for j in range(G):
                before[i, j] = now[j] / mass
        for i in range(m, n):
            ending = 0.0
            for j in range(G):
                ending += before[i, j] * last[j]
            total += np.log(ending)
    return float(total)
