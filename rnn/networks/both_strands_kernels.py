"""Numba kernels of rnn/networks/both_strands.py: table rows of the slots, and tagging in one call.

T time steps, K columns, H hidden, S slots, E width. float32, one thread. Columns beyond the end of their
sequence are computed too, and their results ignored.

Tagging has a tanh and compiler flags of its own, and multiplies by BLAS: with those of rnn/compute the last
bits of the probabilities of earlier models would differ.
"""

from typing import Any

import numpy as np
from numba import njit

_FAST: dict[str, Any] = {"fastmath": {"reassoc", "contract", "arcp", "nsz", "afn"}, "error_model": "numpy"}


@njit(inline="always", **_FAST)
def _tanh(x):
    """Rational approximation with an error below 1e-6, as in Eigen's `generic_fast_tanh_float`."""
    x = min(max(x, np.float32(-7.9)), np.float32(7.9))
    q = x * x
    p = q * np.float32(-2.76076847742355e-16) + np.float32(2.00018790482477e-13)
    p = p * q + np.float32(-8.60467152213735e-11)
    p = p * q + np.float32(5.12229709037114e-08)
    p = p * q + np.float32(1.48572235717979e-05)
    p = p * q + np.float32(6.37261928875436e-04)
    p = p * q + np.float32(4.89352455891786e-03)
    d = q * np.float32(1.19825839466702e-06) + np.float32(1.18534705686654e-04)
    d = d * q + np.float32(2.26843463243900e-03)
    d = d * q + np.float32(4.89352518554385e-03)
    return x * p / d


@njit(inline="always", **_FAST)
def _sigmoid(x):
    return np.float32(0.5) * _tanh(np.float32(0.5) * x) + np.float32(0.5)


@njit(cache=True, nogil=True, **_FAST)
def gather(table, rows, out):
    """Table rows (I, E) of the slots (N, S), concatenated -> out (N, S*E)."""
    N, S = rows.shape
    E = table.shape[1]
    for i in range(N):
        for s in range(S):
            r = rows[i, s]
            for e in range(E):
                out[i, s * E + e] = table[r, e]


@njit(cache=True, nogil=True, **_FAST)
def scatter(dx, rows, out):
    """Undo `gather` for gradients: dx (N, S*E) is added to out (I, E)."""
    N, S = rows.shape
    E = out.shape[1]
    for i in range(N):
        for s in range(S):
            r = rows[i, s]
            for e in range(E):
                out[r, e] += dx[i, s * E + e]


@njit(cache=True, nogil=True, **_FAST)
def tag(table, rows, Wh, bn, Wy, lengths, logits):
    """`gather`, `gru` and the head for inference.

    table (I, 3H) its rows already times Wx, bias included; rows (T, 2B, S); Wy (2H, Y); lengths (B,);
    logits (B, T, Y) holds the bias and is added to.
    """
    T, K, S = rows.shape
    B = K // 2
    H3 = Wh.shape[1]
    H = H3 // 3
    Y = Wy.shape[1]
    a = np.empty(H3, np.float32)
    m = np.empty((K, H3), np.float32)
    h = np.zeros((K, H), np.float32)
    y = np.empty((B, Y), np.float32)
    for t in range(T):
        np.dot(h, Wh, m)
        for k in range(K):
            x = table[rows[t, k, 0]]
            for j in range(H3):
                a[j] = x[j]
            for s in range(1, S):
                x = table[rows[t, k, s]]
                for j in range(H3):
                    a[j] += x[j]
            for j in range(H):
                r = _sigmoid(a[j] + m[k, j])
                z = _sigmoid(a[H + j] + m[k, H + j])
                n = _tanh(a[2 * H + j] + r * (m[k, 2 * H + j] + bn[j]))
                h[k, j] = n + z * (h[k, j] - n)
        np.dot(h[:B], Wy[:H], y)
        for b in range(B):
            if t < lengths[b]:
                for j in range(Y):
                    logits[b, t, j] += y[b, j]
        np.dot(h[B:], Wy[H:], y)
        for b in range(B):
            if t < lengths[b]:
                for j in range(Y):
                    logits[b, lengths[b] - 1 - t, j] += y[b, j]
