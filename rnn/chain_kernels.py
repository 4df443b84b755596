"""Numba kernels of the linear chain; reference in chain.py.

Arrays lie tag by tag, (G, N), so that the inner loops run along the sequences of a step.
"""

from typing import Any

import numpy as np

from rnn.arrays import Floats, Int32, Int64
from rnn.jit import jit


@jit
def _viterbi(emission: Any, starts: Any, start: Any, transition: Any, end: Any) -> Any:
    """chain.viterbi on transposed emissions (G, N); closed weights are very low, not infinite."""
    G, N = emission.shape
    T, B = len(starts) - 1, starts[1]
    back, tags = np.empty((G, N), np.int32), np.empty(N, np.int32)
    score, best = np.empty((G, B), emission.dtype), np.empty((G, B), emission.dtype)
    final = np.empty(B, np.int32)
    for j in range(G):
        for i in range(B):
            score[j, i] = emission[j, i] + start[j]
    for t in range(T):
        a, n = starts[t], starts[t + 1] - starts[t]
        m = starts[t + 2] - starts[t + 1] if t + 1 < T else 0
        for i in range(m, n):
            top = 0
            for j in range(1, G):
                if score[j, i] + end[j] > score[top, i] + end[top]:
                    top = j
            final[i] = top
        if m:
            b = a + n
            for j in range(G):
                w = transition[0, j]
                for i in range(m):
                    best[j, i] = score[0, i] + w
                    back[j, b + i] = 0
                for k in range(1, G):
                    w = transition[k, j]
                    for i in range(m):
                        value = score[k, i] + w
                        better = value > best[j, i]
                        best[j, i] = value if better else best[j, i]
                        back[j, b + i] = np.int32(k) if better else back[j, b + i]
                for i in range(m):
                    best[j, i] += emission[j, b + i]
            score, best = best, score
    for t in range(T - 1, -1, -1):
        a, n = starts[t], starts[t + 1] - starts[t]
        m = starts[t + 2] - starts[t + 1] if t + 1 < T else 0
        for i in range(m):
            final[i] = back[final[i], a + n + i]
        for i in range(n):
            tags[a + i] = final[i]
    return tags


@jit
def _forward_backward(weight: Any, starts: Any, first: Any, A: Any, last: Any) -> Any:
    """chain.forward_backward on transposed exponentials: alpha, beta (G, N), scale (N,), total (B,)."""
    G, N = weight.shape
    T, B = len(starts) - 1, starts[1]
    alpha, beta, scale = np.empty((G, N)), np.empty((G, N)), np.zeros(N)
    total, v = np.zeros(B), np.empty((G, B))
    for t in range(T):
        a, n = starts[t], starts[t + 1] - starts[t]
        for j in range(G):
            if t:
                b = starts[t - 1]
                for i in range(n):
                    alpha[j, a + i] = 0.0
                for k in range(G):
                    w = A[k, j]
                    if w != 0.0:
                        for i in range(n):
                            alpha[j, a + i] += alpha[k, b + i] * w
            else:
                for i in range(n):
                    alpha[j, a + i] = first[j]
            for i in range(n):
                alpha[j, a + i] *= weight[j, a + i]
                scale[a + i] += alpha[j, a + i]
        for j in range(G):
            for i in range(n):
                alpha[j, a + i] /= scale[a + i]
    for t in range(T - 1, -1, -1):
        a, n = starts[t], starts[t + 1] - starts[t]
        m = starts[t + 2] - starts[t + 1] if t + 1 < T else 0
        b = a + n
        for j in range(G):
            for i in range(m):
                v[j, i] = weight[j, b + i] * beta[j, b + i] / scale[b + i]
        for k in range(G):
            for i in range(m, n):
                beta[k, a + i] = last[k]
                total[i] += alpha[k, a + i] * last[k]
            for i in range(m):
                beta[k, a + i] = 0.0
            for j in range(G):
                w = A[k, j]
                if w != 0.0:
                    for i in range(m):
                        beta[k, a + i] += v[j, i] * w
    return alpha, beta, scale, total


LOW = np.float32(-1e30)


def viterbi(emission: Floats, starts: Int64, start: Floats, transition: Floats, end: Floats) -> Int32:
    """chain.viterbi, by kernels."""
    finite = [np.maximum(w, LOW).astype(np.float32) for w in (start, transition, end)]
    tags: Int32 = _viterbi(np.ascontiguousarray(emission.T), starts, *finite)
    return tags


def forward_backward(
    emission: Floats, starts: Int64, start: Floats, transition: Floats, end: Floats, floor: float
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """chain.forward_backward, by kernels: marginals, alpha, beta, step (N, G), log_z (B,)."""
    columns = np.ascontiguousarray(emission.T)
    best = columns.max(axis=0)
    columns -= best
    np.maximum(columns, np.float32(floor), out=columns)
    np.exp(columns, out=columns)
    alpha, beta, scale, total = _forward_backward(
        columns, starts, np.exp(start), np.exp(transition), np.exp(end)
    )
    marginals = alpha * beta
    marginals /= marginals.sum(axis=0)
    logs = np.log(scale) + best
    member = np.arange(len(best)) - np.repeat(starts[:-1], np.diff(starts))
    log_z = np.bincount(member, logs) + np.log(total)
    return marginals.T, alpha.T, beta.T, (columns / scale).T, log_z
