"""Numba kernels of rnn/networks/both_strands.py: whole sequences in one call.

T time steps, K columns, H hidden, S slots, E width. float32, one thread, matrix products by BLAS. `a` holds
the gates before the recurrent part, [r z n] side by side. Columns beyond the end of their sequence are
computed too, and their results ignored.

These kernels have a tanh, compiler flags and an Adam of their own. With those of rnn/compute and rnn/layers
the last bits differ (tanh is clamped at 7.9 here and at 8.0 there; `jit` assumes finite numbers), so the same
seed
would give other weights, and nothing is gained: a forward and backward pass of 200 steps, 32 columns takes
15.3 ms here and 16.0 ms there, tagging 16 windows of 1500 steps 79 ms and 73 ms, 20 updates of 400,000
numbers 5.7 ms and 6.2 ms, on one core.
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
def gru(a, Wh, bn, h, u):
    """Gated recurrent unit over all time steps.

    a (T, K, 3H) before the recurrent part, replaced by r, z and n; Wh (H, 3H); bn (H,);
    h (T + 1, K, H), h[0] given, filled; u (T, K, H) filled with h[t-1] @ Wh_n + bn.
    """
    T, K, H3 = a.shape
    H = H3 // 3
    m = np.empty((K, H3), a.dtype)
    for t in range(T):
        np.dot(h[t], Wh, m)
        for k in range(K):
            for j in range(H):
                un = m[k, 2 * H + j] + bn[j]
                r = _sigmoid(a[t, k, j] + m[k, j])
                z = _sigmoid(a[t, k, H + j] + m[k, H + j])
                n = _tanh(a[t, k, 2 * H + j] + r * un)
                u[t, k, j] = un
                a[t, k, j] = r
                a[t, k, H + j] = z
                a[t, k, 2 * H + j] = n
                h[t + 1, k, j] = n + z * (h[t, k, j] - n)


@njit(cache=True, nogil=True, **_FAST)
def gru_back(gates, Whr, h, u, dh, dm):
    """Backward pass of `gru`.

    gates, h, u: as left by `gru`; Whr (3H, H) the transposed Wh; dh (T, K, H) gradient of h[1:];
    dm (T, K, 3H) filled with the gradient of the recurrent product. `gates` becomes the gradient of `a`.
    """
    T, K, H3 = gates.shape
    H = H3 // 3
    carry = np.zeros((K, H), gates.dtype)
    back = np.zeros((K, H), gates.dtype)
    one = np.float32(1)
    for t in range(T - 1, -1, -1):
        for k in range(K):
            for j in range(H):
                r, z, n = gates[t, k, j], gates[t, k, H + j], gates[t, k, 2 * H + j]
                d = dh[t, k, j] + carry[k, j] + back[k, j]
                dn = d * (one - z) * (one - n * n)
                dz = d * (h[t, k, j] - n) * z * (one - z)
                dr = dn * u[t, k, j] * r * (one - r)
                gates[t, k, j] = dr
                gates[t, k, H + j] = dz
                gates[t, k, 2 * H + j] = dn
                dm[t, k, j] = dr
                dm[t, k, H + j] = dz
                dm[t, k, 2 * H + j] = dn * r
                carry[k, j] = d * z
        np.dot(dm[t], Whr, back)


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


@njit(cache=True, nogil=True, **_FAST)
def adam(p, g, m, v, rate, beta1, beta2, epsilon):
    """One step of Adam on flat arrays, in place; `rate` includes the bias corrections."""
    one = np.float32(1)
    for i in range(p.size):
        m[i] = beta1 * m[i] + (one - beta1) * g[i]
        v[i] = beta2 * v[i] + (one - beta2) * g[i] * g[i]
        p[i] -= rate * m[i] / (np.sqrt(v[i]) + epsilon)
