"""Layers on packed batches (rnn/batches.py), each returning its output and the way back of a gradient.

N rows, D table width, H hidden units, G classes, K touched table rows.
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse

from rnn.arrays import Floats, Int32, Int64, RowGradient
from rnn.batches import Bags, Batch


def gather_sum(
    table: Floats, bags: Bags, tokens: Int32, keep: Callable[[int], Floats] | None = None
) -> tuple[Floats, Callable[[Floats], RowGradient]]:
    """One-hot blocks times a matrix: for each row, the sum of the table rows in its bag.

    The bags of a batch, as a sparse 0/1 matrix, times the table; each distinct bag is summed once.

    Args:
        table: (I, D)
        bags: which table rows each symbol has.
        tokens: (N,) the bag of each row.
        keep: draws a factor for each of R entries of the distinct bags: dropout of single blocks.

    Returns:
        x (N, D), and backprop: dx (N, D) -> gradient of the touched rows (K, D).
    """
    distinct, which = np.unique(tokens, return_inverse=True)
    sizes = bags.offsets[distinct + 1] - bags.offsets[distinct]
    ends = np.concatenate([[0], np.cumsum(sizes)])
    entries = np.repeat(bags.offsets[distinct] - ends[:-1], sizes) + np.arange(ends[-1])
    touched, column = np.unique(bags.rows[entries], return_inverse=True)
    ones = np.ones(len(entries), table.dtype) if keep is None else keep(len(entries))
    blocks = scipy.sparse.csr_array((ones, column, ends), shape=(len(distinct), len(touched)))
    x: Floats = (blocks @ table[touched])[which]

    def backprop(dx: Floats) -> RowGradient:
        unit = np.ones(len(tokens), dx.dtype)
        once = scipy.sparse.csc_array(
            (unit, which, np.arange(len(tokens) + 1)), shape=(len(distinct), len(tokens))
        )
        return RowGradient(touched, blocks.T @ (once @ dx))

    return x, backprop


def elman(
    x: Floats, Wh: Floats, batch: Batch, reverse: bool = False
) -> tuple[Floats, Callable[[Floats], tuple[Floats, Floats]]]:
    """The recurrent cell of the article: h[t] = tanh(x[t] + h[t-1] @ Wh), h before the first step being 0.

    Args:
        x: (N, H) what enters each step, bias included.
        Wh: (H, H)
        batch: which rows follow which.
        reverse: run from the last step to the first.

    Returns:
        h (N, H), and backprop: dh (N, H) -> dx (N, H), dWh (H, H).
    """
    h = np.empty_like(x)
    for here, there in _steps(batch, reverse):
        z = h[here]
        z[:] = x[here]
        z[: there.stop - there.start] += h[there] @ Wh
        np.tanh(z, out=z)

    def backprop(dh: Floats) -> tuple[Floats, Floats]:
        dx = dh.copy()
        for here, there in reversed(_steps(batch, reverse)):
            dz = dx[here]
            dz *= 1 - h[here] ** 2
            dx[there] += dz[: there.stop - there.start] @ Wh.T
        source, target = _edges(batch, reverse)
        return dx, h[source].T @ dx[target]

    return h, backprop


def _steps(batch: Batch, reverse: bool) -> list[tuple[slice, slice]]:
    """For each step in the order of running: its rows, and the rows their state comes from.

    The state of row i comes from row i of the other slice; rows beyond it begin from zero.
    """
    at = batch.starts.tolist()
    T = len(at) - 1
    if reverse:
        return [
            (slice(at[t], at[t + 1]), slice(at[t + 1], at[t + 2]) if t + 1 < T else slice(at[t], at[t]))
            for t in reversed(range(T))
        ]
    return [
        (slice(at[t], at[t + 1]), slice(at[t - 1], at[t - 1] + at[t + 1] - at[t]) if t else slice(0, 0))
        for t in range(T)
    ]


def _edges(batch: Batch, reverse: bool) -> tuple[Int64 | slice, Int64 | slice]:
    """All pairs of rows (from, to) between which a state is handed on."""
    later = slice(int(batch.starts[1]), None)
    return (later, batch.before) if reverse else (batch.before, later)


def linear(
    x: Floats, W: Floats, b: Floats | None = None
) -> tuple[Floats, Callable[[Floats], tuple[Floats, Floats, Floats]]]:
    """Y = x @ W + b.

    Returns:
        y (N, O), and backprop: dy (N, O) -> dx (N, I), dW (I, O), db (O,).
    """
    y = x @ W
    if b is not None:
        y += b

    def backprop(dy: Floats) -> tuple[Floats, Floats, Floats]:
        return dy @ W.T, x.T @ dy, dy.sum(axis=0)

    return y, backprop


def dropout(
    x: Floats, rate: float, batch: Batch, rng: np.random.Generator
) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Silence units with probability `rate`, the same ones at every step of a sequence; scale the rest.

    Variational dropout of Gal and Ghahramani (2016), section 4.

    Returns:
        y (N, H), and backprop: dy -> dx.
    """
    mask = (rng.random((len(batch.sequences), x.shape[1]), np.float32) >= rate) / (1 - rate)
    rows = mask.astype(x.dtype)[batch.member]
    return x * rows, lambda dy: dy * rows


def softmax_cross_entropy(
    logits: Floats, targets: Int32, class_weights: Floats | None = None
) -> tuple[float, float, Floats]:
    """Sum of -w[y] log softmax(logits)[y] over the rows whose target y is not -1.

    Args:
        logits: (N, G)
        targets: (N,)
        class_weights: (G,) w; 1 when absent.

    Returns:
        the sum, the number of rows counted, and the gradient of the sum (N, G).
    """
    known = targets >= 0
    y = np.where(known, targets, 0)
    w = known.astype(logits.dtype) if class_weights is None else known * class_weights[y].astype(logits.dtype)
    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    total = p.sum(axis=1, keepdims=True)
    every = np.arange(len(y))
    loss = w * (np.log(total[:, 0]) - shifted[every, y])
    p /= total
    p[every, y] -= 1
    return float(loss.sum(dtype=np.float64)), float(known.sum()), p * w[:, None]


def sigmoid_cross_entropy(
    logits: Floats, targets: Int32, class_weights: Floats | None = None
) -> tuple[float, float, Floats]:
    """Sum of -w[y] log p(y) over the rows whose target is not -1, p(1) = 1 / (1 + exp(-logit)).

    Args:
        logits: (N, 1)
        targets: (N,) 0 for no, 1 for yes, -1 for unknown.
        class_weights: (2,) w of no and yes; 1 when absent.

    Returns:
        the sum, the number of rows counted, and the gradient of the sum (N, 1).
    """
    known = targets >= 0
    y = np.where(known, targets, 0)
    z = logits[:, 0]
    w = known.astype(z.dtype) if class_weights is None else known * class_weights[y].astype(z.dtype)
    loss = w * (np.logaddexp(z.dtype.type(0), z) - y * z)
    dz = w * (sigmoid(z) - y.astype(z.dtype))
    return float(loss.sum(dtype=np.float64)), float(known.sum()), dz[:, None]


def sigmoid(z: Floats) -> Floats:
    """1 / (1 + exp(-z)), without overflow."""
    half: Floats = np.tanh(z * z.dtype.type(0.5))
    return half * z.dtype.type(0.5) + z.dtype.type(0.5)
