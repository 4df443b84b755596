"""Numba kernels of the linear-chain CRF; tests compare them with the reference in crf.py.

Arrays lie tag by tag, (G, N), so that the inner loops run along the sequences of a step. Results for a
sequence have the same bits whatever sequences are beside it.
"""

from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Int64
from elman.rnn.compute.fast_math import exp
from elman.rnn.compute.jit import strict
from elman.rnn.compute.ragged import positions_of

LOW = np.float32(-1e30)


@strict
def _viterbi(emission: Any, starts: Any, start: Any, transition: Any, end: Any) -> Any:
    """crf.viterbi; forbidden weights are very low, not infinite.

    The forward pass keeps scores alone, which vectorises; predecessors are K on the best path only.
    """
    N, G = emission.shape
    T, B = len(starts) - 1, starts[1]
    scores, tags, final = np.empty(N * G, emission.dtype), np.empty(N, np.int32), np.empty(B, np.int32)
    before = scores[:0].reshape((G, 0))
    for t in range(T):
        a, b, n = starts[t], starts[t + 1], starts[t + 1] - starts[t]
        now = scores[a * G : b * G].reshape((G, n))
        for j in range(G):
            o = now[j]
            if t:
                for k in range(G):
                    w, e = transition[k, j], before[k]
                    if k:
                        for i in range(n):
                            o[i] = max(o[i], e[i] + w)
                    else:
                        for i in range(n):
                            o[i] = e[i] + w
            else:
                o[:] = start[j]
            for i in range(n):
                o[i] += emission[a + i, j]
        before = now
    for t in range(T - 1, -1, -1):
        a, b = starts[t], starts[t + 1]
        m = starts[t + 2] - b if t + 1 < T else 0
        now = scores[a * G : b * G].reshape((G, b - a))
        for i in range(b - a):
            onward = transition[:, final[i]] if i < m else end
            top, best = 0, now[0, i] + onward[0]
            for k in range(1, G):
                value = now[k, i] + onward[k]
                top, best = (k, value) if value > best else (top, best)
            tags[a + i] = final[i] = top
    return tags


@strict
def _forward_backward(weight: Any, starts: Any, first: Any, A: Any, last: Any) -> Any:
    """crf.forward_backward on transposed exponentials: alpha, beta (G, N), scale (N,), total (B,)."""
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


@strict
def _likelihood(
    emission: Any, starts: Any, tags: Any, start: Any, transition: Any, end: Any, floor: Any
) -> Any:
    """crf.negative_log_likelihood of known tags (N,); weights float64, its gradients by them float64."""
    N, G = emission.shape
    T, B = len(starts) - 1, starts[1]
    weight, total = np.empty((G, N), np.float32), 0.0
    for i in range(N):
        best = emission[i, 0]
        for j in range(1, G):
            best = max(best, emission[i, j])
        total += best - emission[i, tags[i]]
        for j in range(G):
            weight[j, i] = max(emission[i, j] - best, floor)
    every = weight.reshape(G * N)
    for k in range(G * N):
        every[k] = exp(every[k])
    A = np.exp(transition)
    alpha, beta, scale, mass = _forward_backward(weight, starts, np.exp(start), A, np.exp(end))
    gradient, into = np.empty((N, G), np.float32), np.empty((G, N))
    for i in range(N):
        norm = 0.0
        for j in range(G):
            norm += alpha[j, i] * beta[j, i]
        for j in range(G):
            gradient[i, j] = alpha[j, i] * beta[j, i] / norm
            into[j, i] = weight[j, i] * beta[j, i] / (scale[i] * norm)
        gradient[i, tags[i]] -= np.float32(1)
        total += np.log(scale[i])
    starting, moving, ending = np.zeros(G), np.zeros((G, G)), np.zeros(G)
    for i in range(B):
        total += np.log(mass[i]) - start[tags[i]]
        for j in range(G):
            starting[j] += gradient[i, j]
    for t in range(T):
        a, n = starts[t], starts[t + 1] - starts[t]
        m = starts[t + 2] - starts[t + 1] if t + 1 < T else 0
        b = a + n
        for i in range(m, n):
            total -= end[tags[a + i]]
            for j in range(G):
                ending[j] += gradient[a + i, j]
        for k in range(G):
            for j in range(G):
                pair = 0.0
                for i in range(m):
                    pair += alpha[k, a + i] * into[j, b + i]
                moving[k, j] += pair
        for i in range(m):
            total -= transition[tags[a + i], tags[b + i]]
    for k in range(G):
        for j in range(G):
            moving[k, j] *= A[k, j]
    for t in range(T - 1):
        a, b = starts[t], starts[t + 1]
        for i in range(starts[t + 2] - b):
            moving[tags[a + i], tags[b + i]] -= 1
    return total, gradient, starting, moving, ending


def viterbi(emission: Floats, starts: Int64, start: Floats, transition: Floats, end: Floats) -> Int32:
    """crf.viterbi, by kernels."""
    finite = [np.maximum(w, LOW).astype(np.float32) for w in (start, transition, end)]
    tags: Int32 = _viterbi(emission, starts, *finite)
    return tags


def forward_backward(
    emission: Floats, starts: Int64, start: Floats, transition: Floats, end: Floats, floor: float
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """crf.forward_backward, by kernels: marginals, alpha, beta, step (N, G), log_z (B,)."""
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
    log_z = np.bincount(positions_of(starts), logs) + np.log(total)
    return marginals.T, alpha.T, beta.T, (columns / scale).T, log_z


def negative_log_likelihood(
    emission: Floats, starts: Int64, tags: Int32, start: Floats, transition: Floats, end: Floats, floor: float
) -> tuple[float, Floats, Floats, Floats, Floats]:
    """crf.negative_log_likelihood of known tags, by kernels: the loss, gradients by emissions and weights."""
    first, between, last = (np.maximum(w, np.float64(LOW)) for w in (start, transition, end))
    total, *gradients = _likelihood(emission, starts, tags, first, between, last, np.float32(floor))
    return float(total), gradients[0], gradients[1], gradients[2], gradients[3]
