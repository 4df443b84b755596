"""Numba kernels around the cells: one-hot products, the loss and Adam, all float32.

Tests compare each with its reference in embedding.py, dense.py and training/optimiser.py; shapes as there.
"""

from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32
from elman.rnn.compute.fast_math import exp
from elman.rnn.compute.jit import jit


@jit
def index(tokens: Any, rows: Any, offsets: Any, tables: int) -> Any:
    """Number the distinct bags, and their table rows, in the order they come."""
    bag_slot, row_slot = np.full(len(offsets) - 1, -1, np.int32), np.full(tables, -1, np.int32)
    which, distinct, U, E = np.empty(len(tokens), np.int32), np.empty(len(tokens), np.int32), 0, 0
    for i in range(len(tokens)):
        bag = tokens[i]
        if bag_slot[bag] < 0:
            bag_slot[bag] = U
            distinct[U] = bag
            U += 1
            E += offsets[bag + 1] - offsets[bag]
        which[i] = bag_slot[bag]
    ends, column, touched, K = np.zeros(U + 1, np.int32), np.empty(E, np.int32), np.empty(E, np.int32), 0
    e = 0
    for u in range(U):
        for r in range(offsets[distinct[u]], offsets[distinct[u] + 1]):
            row = rows[r]
            if row_slot[row] < 0:
                row_slot[row] = K
                touched[K] = row
                K += 1
            column[e] = row_slot[row]
            e += 1
        ends[u + 1] = e
    return which, ends, column, touched[:K].copy()


@jit
def bag_inputs(table: Any, first: int, start: Any, touched: Any, column: Any, ends: Any, factor: Any) -> Any:
    """start (D,) + the sums of the rows of each bag, in D columns from `first` on: (U, D)."""
    U, D = len(ends) - 1, len(start)
    sums = np.empty((U, D), table.dtype)
    for u in range(U):
        out = sums[u]
        if ends[u] == ends[u + 1]:
            out[:] = 0
        for e in range(ends[u], ends[u + 1]):
            f, row = factor[e], table[touched[column[e]]][first : first + D]
            if e == ends[u]:
                for j in range(D):
                    out[j] = f * row[j]
            else:
                for j in range(D):
                    out[j] += f * row[j]
        for j in range(D):
            out[j] += start[j]
    return sums


@jit
def bag_sums(table: Any, rows: Any, offsets: Any, symbols: Any, end: int) -> Any:
    """For each of the symbols (U,) the sum of the rows of its bag that lie before `end`: (U, D)."""
    D = table.shape[1]
    sums = np.zeros((len(symbols), D), table.dtype)
    for u in range(len(symbols)):
        out = sums[u]
        for e in range(offsets[symbols[u]], offsets[symbols[u] + 1]):
            if rows[e] < end:
                row = table[rows[e]]
                for j in range(D):
                    out[j] += row[j]
    return sums


@jit
def bag_tails(rows: Any, offsets: Any, symbols: Any, begin: int) -> Any:
    """For each of the symbols (U,) the rows of its bag from `begin` on: all in a row, and their offsets."""
    ends, E = np.zeros(len(symbols) + 1, np.int64), 0
    for u in range(len(symbols)):
        E += offsets[symbols[u] + 1] - offsets[symbols[u]]
    tails, n = np.empty(E, np.int32), 0
    for u in range(len(symbols)):
        for e in range(offsets[symbols[u]], offsets[symbols[u] + 1]):
            if rows[e] >= begin:
                tails[n] = rows[e]
                n += 1
        ends[u + 1] = n
    return tails[:n].copy(), ends


@jit
def accumulate(dx: Any, which: Any, totals: Any, first: int) -> None:
    """Sum the rows dx (N, D) of each distinct bag, in D columns of totals (U, .) from `first` on."""
    D = dx.shape[1]
    for i in range(len(which)):
        out, row = totals[which[i]][first : first + D], dx[i]
        for j in range(D):
            out[j] += row[j]


@jit
def scatter(totals: Any, K: int, column: Any, ends: Any, factor: Any) -> Any:
    """Gradient of the K touched rows, from that of the bags (U, D)."""
    U, D = totals.shape
    values = np.zeros((K, D), totals.dtype)
    for u in range(U):
        for e in range(ends[u], ends[u + 1]):
            f, out = factor[e], values[column[e]]
            for j in range(D):
                out[j] += f * totals[u, j]
    return values


@jit
def scaled_rows(x: Any, factors: Any, which: Any) -> Any:
    """x (N, H), each row times the row `which` (N,) of the factors (B, H)."""
    N, H = x.shape
    out = np.empty((N, H), x.dtype)
    for i in range(N):
        row, f, o = x[i], factors[which[i]], out[i]
        for j in range(H):
            o[j] = row[j] * f[j]
    return out


@jit
def adam_dense(ps: Any, ms: Any, vs: Any, gs: Any, rate: Any, beta1: Any, beta2: Any, epsilon: Any) -> None:
    """One step of Adam in place: tuples of flat arrays, one of each parameter; all scalars float32.

    Compiled again for every other length of the tuples.
    """
    one = np.float32(1)
    for k in range(len(ps)):
        p, m, v, g = ps[k], ms[k], vs[k], gs[k]
        for i in range(len(p)):
            m[i] = beta1 * m[i] + (one - beta1) * g[i]
            v[i] = beta2 * v[i] + (one - beta2) * g[i] * g[i]
            p[i] -= rate * m[i] / (np.sqrt(v[i]) + epsilon)


@jit
def adam_rows(
    p: Any, m: Any, v: Any, rows: Any, g: Any, rate: Any, beta1: Any, beta2: Any, epsilon: Any
) -> None:
    """One step of Adam on some rows of a table, in place."""
    one = np.float32(1)
    for k in range(len(rows)):
        a, b, c, d = p[rows[k]], m[rows[k]], v[rows[k]], g[k]
        for j in range(g.shape[1]):
            b[j] = beta1 * b[j] + (one - beta1) * d[j]
            c[j] = beta2 * c[j] + (one - beta2) * d[j] * d[j]
            a[j] -= rate * b[j] / (np.sqrt(c[j]) + epsilon)


@jit
def argmax_rows(logits: Any) -> Any:
    """The class of the largest logit of each row (N, G), the first of equals."""
    best = np.empty(len(logits), np.int32)
    for i in range(len(logits)):
        row, top, most = logits[i], 0, logits[i, 0]
        for j in range(1, logits.shape[1]):
            top, most = (j, row[j]) if row[j] > most else (top, most)
        best[i] = top
    return best


@jit
def _cross_entropy(logits: Any, targets: Any, weights: Any) -> Any:
    """dense.softmax_cross_entropy; `weights` is empty where there are none."""
    N, G = logits.shape
    gradient, total, seen = np.empty_like(logits), 0.0, 0
    for i in range(N):
        row, p, top, y = logits[i], gradient[i], logits[i, 0], targets[i]
        for j in range(1, G):
            top = max(top, row[j])
        for j in range(G):
            p[j] = row[j] - top
        if y >= 0:
            total -= (weights[y] if len(weights) else np.float32(1)) * p[y]
    every = gradient.reshape(N * G)
    for k in range(N * G):  # one long loop, as rows are too short to vectorise
        every[k] = exp(every[k])
    for i in range(N):
        p, y = gradient[i], targets[i]
        if y < 0:
            p[:] = 0
            continue
        mass = np.float32(0)
        for j in range(G):
            mass += p[j]
        w = weights[y] if len(weights) else np.float32(1)
        seen += 1
        total += w * np.log(mass)
        scale = w / mass
        for j in range(G):
            p[j] *= scale
        p[y] -= w
    return total, seen, gradient


def softmax_cross_entropy(
    logits: Floats, targets: Int32, class_weights: Floats | None
) -> tuple[float, float, Floats]:
    """dense.softmax_cross_entropy, by kernels."""
    weights = np.empty(0, np.float32) if class_weights is None else class_weights.astype(np.float32)
    total, seen, gradient = _cross_entropy(logits, targets, weights)
    return float(total), float(seen), gradient
