"""Numba kernels that decode the linear-chain CRF: best tags, entities and their probabilities.

Arrays lie tag by tag, as in crf_kernels.py; results for a sequence have the same bits whatever sequences are
beside it.
"""

from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Bools, Floats, Int32, Int64
from elman.rnn.compute.fast_math import exp
from elman.rnn.compute.jit import strict
from elman.rnn.layers.crf_kernels import LOW, viterbi

FLOOR = np.float32(-60)  # as crf.FLOOR, within the range of float32


@strict
def _forward(emission: Any, coldness: Any, starts: Any, first: Any, A: Any) -> Any:
    """Scaled forward probabilities of emissions (N, G) times `coldness`, 1 / temperature.

    Returns:
        alpha and step as in crf.Posterior, flat: those of step t lie tag by tag, (G, n), at G * starts[t].
    """
    N, G = emission.shape
    T, B = len(starts) - 1, starts[1]
    alpha, step = np.empty(N * G, np.float32), np.empty(N * G, np.float32)
    top, scale = np.empty(B, np.float32), np.empty(B, np.float32)
    before = alpha[:0].reshape((G, 0))
    for t in range(T):
        a, b, n = starts[t], starts[t + 1], starts[t + 1] - starts[t]
        now, weight = alpha[a * G : b * G].reshape((G, n)), step[a * G : b * G].reshape((G, n))
        for j in range(G):
            if t:
                now[j] = 0
                for k in range(G):
                    w = A[k, j]
                    if w != 0:
                        for i in range(n):
                            now[j, i] += before[k, i] * w
            else:
                now[j] = first[j]
            for i in range(n):
                weight[j, i] = emission[a + i, j] * coldness if now[j, i] > 0 else LOW
        for i in range(n):  # an assignment of slices compiles the text of its error, for seconds
            top[i] = weight[0, i]
        for j in range(1, G):
            for i in range(n):
                top[i] = max(top[i], weight[j, i])
        scale[:n] = 0
        for j in range(G):
            for i in range(n):
                weight[j, i] = exp(max(weight[j, i] - top[i], FLOOR))
                now[j, i] *= weight[j, i]
                scale[i] += now[j, i]
        for i in range(n):
            scale[i] = np.float32(1) / scale[i]
        for j in range(G):
            for i in range(n):
                now[j, i] *= scale[i]
                weight[j, i] *= scale[i] if now[j, i] > 0 else np.float32(0)
        before = now
    return alpha, step


@strict
def _step_back(weight: Any, n: Any, A: Any, last: Any, beta: Any, v: Any) -> Any:
    """Backward probabilities `beta` (G, B) of one step from those of the step after it, in place.

    Args:
        weight: (G, m) of `_forward`, of the m sequences that have a step after this one.
        n: sequences that have this step; the n - m last ones end with it.
        v: (G, B) filled with weight times beta of the step after.
    """
    G, m = weight.shape
    for j in range(G):
        for i in range(m):
            v[j, i] = weight[j, i] * beta[j, i]
    for k in range(G):
        beta[k, :m] = 0
        beta[k, m:n] = last[k]
        for j in range(G):
            w = A[k, j]
            if w != 0:
                for i in range(m):
                    beta[k, i] += v[j, i] * w


@strict
def _backward(
    best: Any,
    alpha: Any,
    step: Any,
    starts: Any,
    A: Any,
    last: Any,
    stops: Any,
    kind: Any,
    follow: Any,
    inner: Any,
) -> Any:
    """Probability of the tags `best` (N,), and of the entities they are, from right to left."""
    G, N = len(last), len(best)
    T, B = len(starts) - 1, starts[1]
    probability = np.empty(N, np.float32)
    member, begin, end = np.empty(N, np.int32), np.empty(N, np.int32), np.empty(N, np.int32)
    type_, exact, K = np.empty(N, np.int32), np.empty(N, np.float32), 0
    beta, v, norm = np.empty((G, B), np.float32), np.empty((G, B), np.float32), np.empty(B, np.float32)
    ended, carry = np.empty(B, np.int32), np.empty(B)
    for t in range(T - 1, -1, -1):
        a, n = starts[t], starts[t + 1] - starts[t]
        b, m = a + n, starts[t + 2] - starts[t + 1] if t + 1 < T else 0
        now = alpha[a * G : b * G].reshape((G, n))
        weight = step[b * G : (b + m) * G].reshape((G, m))
        _step_back(weight, n, A, last, beta, v)
        norm[:n] = 0
        for k in range(G):
            for i in range(n):
                norm[i] += now[k, i] * beta[k, i]
        for i in range(n):
            tag = best[a + i]
            probability[a + i] = now[tag, i] * beta[tag, i] / norm[i]
            if kind[tag] < 0:
                continue
            following = best[b + i] if i < m else tag
            if i < m and follow[tag, following]:
                carry[i] *= A[tag, following] * weight[following, i]
            else:
                ended[i], carry[i] = t + 1, last[tag]
                if i < m:
                    carry[i] = 0
                    for j in range(G):
                        carry[i] += stops[tag, j] * v[j, i]
            if t == 0 or not follow[best[starts[t - 1] + i], tag]:
                member[K], begin[K], end[K], type_[K] = i, t, ended[i], kind[tag]
                exact[K] = now[tag, i] * carry[i] / norm[i]
                if t and inner[tag]:  # less the paths in which the entity began earlier
                    first, c = np.float32(0), a - starts[t - 1]
                    for j in range(G):
                        first += alpha[starts[t - 1] * G + j * c + i] * stops[j, tag]
                    exact[K] = first * step[a * G + tag * n + i] * carry[i] / norm[i]
                K += 1
    return probability, member[:K], begin[:K], end[:K], type_[:K], exact[:K]


@strict
def _kind_posterior(alpha: Any, step: Any, starts: Any, A: Any, last: Any, kind: Any, kinds: Any) -> Any:
    """Probability of each kind of tag, that of kind -1 first, (N, kinds + 1), from right to left."""
    G = len(last)
    N, T, B = len(alpha) // G, len(starts) - 1, starts[1]
    out, beta = np.zeros((N, kinds + 1), np.float32), np.empty((G, B), np.float32)
    v, norm = np.empty((G, B), np.float32), np.empty(B, np.float32)
    for t in range(T - 1, -1, -1):
        a, n = starts[t], starts[t + 1] - starts[t]
        b, m = a + n, starts[t + 2] - starts[t + 1] if t + 1 < T else 0
        now = alpha[a * G : b * G].reshape((G, n))
        weight = step[b * G : (b + m) * G].reshape((G, m))
        _step_back(weight, n, A, last, beta, v)
        norm[:n] = 0
        for k in range(G):
            for i in range(n):
                both = now[k, i] * beta[k, i]
                norm[i] += both
                out[a + i, kind[k] + 1] += both
        for i in range(n):
            for k in range(kinds + 1):
                out[a + i, k] /= norm[i]
    return out


def decode(
    emission: Floats,
    starts: Int64,
    weights: tuple[Floats, Floats, Floats],
    temperature: float,
    begin: Bools,
    kind: Int32,
    loose: bool = False,
) -> tuple[Int32, Floats, tuple[Int32, Int32, Int32, Int32, Floats]]:
    """Best path, the probability of each of its tags, and its entities with theirs, float32, one batch.

    As crf.viterbi, crf.forward_backward and crf.span_probability give them. Entities are those of
    rnn/inference/spans.py.

    Args:
        emission: (N, G)
        starts: (T + 1,)
        weights: start, transition, end of the CRF.
        temperature: they and the emissions are divided by it before probabilities are taken.
        begin: (G,) true if the tag begins an entity even after one of its kind.
        kind: (G,) -1 for none.
        loose: see `rnn.inference.spans.TagScheme`.

    Returns:
        tags (N,), their probability (N,), and of each entity: sequence of the batch, first step, step after
        the last, kind, probability.
    """
    best = viterbi(emission, starts, *weights)
    start, A, end = (np.exp(w / temperature).astype(np.float32) for w in weights)
    alpha, step = _forward(emission, np.float32(1 / temperature), starts, start, A)
    follow = (kind[None, :] == kind[:, None]) & ~begin[None, :]
    stops = np.where(follow, np.float32(0), A)
    inner = follow.any(axis=0) & (not loose)
    probability, *spans = _backward(best, alpha, step, starts, A, end, stops, kind, follow, inner)
    return best, probability, tuple(spans)


def kind_posterior(
    emission: Floats, starts: Int64, weights: tuple[Floats, Floats, Floats], temperature: float, kind: Int32
) -> Floats:
    """Marginal probability of each kind of tag, that of kind -1 first, (N, K + 1); arguments of `decode`."""
    start, A, end = (np.exp(w / temperature).astype(np.float32) for w in weights)
    alpha, step = _forward(emission, np.float32(1 / temperature), starts, start, A)
    posterior: Floats = _kind_posterior(alpha, step, starts, A, end, kind, int(kind.max()) + 1)
    return posterior
