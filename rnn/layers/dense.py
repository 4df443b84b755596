"""Dense layers, dropout and losses on packed batches, each with its backward pass.

N rows, D table width, H hidden units, G classes. The recurrent cells are in rnn/layers/recurrent.py.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, use_kernels
from elman.rnn.compute.batches import Batch


def linear(
    x: Floats, W: Floats, b: Floats | None = None
) -> tuple[Floats, Callable[[Floats], tuple[Floats, Floats, Floats]]]:
    """Y = x @ W + b.

    Returns:
        y (N, O), and backprop: dy (N, O) -> dx (N, I), dW (I, O), db (O,).
    """

    def backprop(dy: Floats) -> tuple[Floats, Floats, Floats]:
        return product(dy, W.T), product(x.T, dy), column_sums(dy)

    return product(x, W, b), backprop


def product(a: Floats, W: Floats, start: Floats | None = None) -> Floats:
    """A @ W, or `start` (N,) + a @ W in every row."""
    if use_kernels(a.dtype):
        return _product()(a, W, start)
    out: Floats = a @ W
    if start is not None:
        out += start
    return out


@cache
def _product() -> Callable[[Floats, Floats, Floats | None], Floats]:
    """The product of kernels, loaded at its first use."""
    from elman.rnn.compute import matmul

    return matmul.product


def column_sums(x: Floats) -> Floats:
    """The sum of all rows (N, H), as a product with ones, which is quicker than `sum(axis=0)`."""
    sums: Floats = np.ones(len(x), x.dtype) @ x
    return sums


def dropout(
    x: Floats, rate: float, batch: Batch, rng: np.random.Generator
) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Zero units with probability `rate`, the same ones at every step of a sequence; scale the rest.

    Variational dropout of Gal and Ghahramani (2016), section 4.

    Returns:
        y (N, H), and backprop: dy -> dx.
    """
    factors = dropout_mask((len(batch.sequences), x.shape[1]), rate, rng, x.dtype)
    if use_kernels(x.dtype):
        from elman.rnn.layers import embedding_kernels

        return embedding_kernels.scaled_rows(
            x, factors, batch.columns
        ), lambda dy: embedding_kernels.scaled_rows(dy, factors, batch.columns)
    rows = factors[batch.columns]
    return x * rows, lambda dy: dy * rows


def dropout_mask(
    shape: tuple[int, ...], rate: float, rng: np.random.Generator, dtype: np.dtype[Any]
) -> Floats:
    """Factors of dropout: 0 with probability `rate`, else 1 / (1 - rate)."""
    factors = (rng.random(shape, np.float32) >= rate).astype(dtype)
    factors /= dtype.type(1 - rate)
    return factors


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
    if use_kernels(logits.dtype):
        from elman.rnn.layers import embedding_kernels

        return embedding_kernels.softmax_cross_entropy(logits, targets, class_weights)
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
