"""One-hot products: sums of table rows, their gradients, and the kernels that compute them."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Bags
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.layers import embedding


def bags_of(symbols=6, rows=9, seed=3):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 4, symbols)  # an empty bag is among them
    sizes[0] = 0
    offsets = offsets_of(sizes)
    picked = rng.integers(0, rows, offsets[-1]).astype(np.int32)
    return Bags(picked, offsets, np.arange(symbols, dtype=np.int32))


def assert_derivative(function, at, gradient, rng):
    """A step along a random direction changes the loss by the gradient's dot product."""
    direction = rng.standard_normal(at.shape)
    eps = 1e-6
    numeric = (function(at + eps * direction) - function(at - eps * direction)) / (2 * eps)
    np.testing.assert_allclose(np.vdot(gradient, direction), numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 8, 30])
def test_a_one_hot_product_is_the_sum_of_the_gathered_rows_and_its_gradient_is_right(count):
    rng = np.random.default_rng(count)
    tokens = rng.integers(0, 6, count).astype(np.int32)
    bags = bags_of()
    onehot = np.zeros((6, 9))
    for m in range(6):
        np.add.at(onehot[m], bags.rows[bags.offsets[m] : bags.offsets[m + 1]], 1)
    table = rng.standard_normal((9, 5))
    x, backprop = embedding.OneHot(bags, tokens).times(table)
    np.testing.assert_allclose(x, onehot[tokens] @ table, rtol=1e-12, atol=1e-12)
    dx = rng.standard_normal(x.shape)
    rows, values = backprop(dx)
    gradient = np.zeros_like(table)
    gradient[rows] = values
    assert len(set(rows.tolist())) == len(rows)
    assert_derivative(
        lambda at: np.vdot(embedding.OneHot(bags, tokens).times(at)[0], dx), table, gradient, rng
    )


@pytest.mark.parametrize("dropped", [False, True])
def test_the_kernels_compute_the_reference(dropped):
    rng = np.random.default_rng(3)
    sizes = np.array([0, 3, 1, 2, 4, 0])
    offsets = offsets_of(sizes)
    bags = Bags(rng.integers(0, 9, 10).astype(np.int32), offsets, np.arange(6, dtype=np.int32))
    tokens = rng.integers(0, 6, 40).astype(np.int32)
    table = rng.standard_normal((9, 7), np.float32)
    slow = embedding.OneHot(bags, tokens)
    fast = embedding.CompiledOneHot(bags, tokens, 9)
    if dropped:  # the two draw for their entries in another order: make the factors follow the entry
        distinct, first = np.unique(tokens, return_index=True)
        factor = {int(b): rng.integers(0, 2, sizes[b]) * 2.0 for b in distinct}
        come = [int(tokens[i]) for i in np.sort(first)]
        slow = embedding.OneHot(bags, tokens, lambda n: np.concatenate([factor[int(b)] for b in distinct]))
        fast = embedding.CompiledOneHot(
            bags, tokens, 9, lambda n: np.concatenate([factor[b] for b in come]).astype(np.float32)
        )
    x, backprop = slow.times(table)
    x_fast, backprop_fast = fast.times(table)
    np.testing.assert_allclose(x_fast, x, atol=1e-5)
    dx = rng.standard_normal(x.shape, np.float32)
    dense = []
    for rows, values in (backprop(dx), backprop_fast(dx)):
        assert len(np.unique(rows)) == len(rows)
        whole = np.zeros_like(table)
        whole[rows] = values
        dense.append(whole)
    np.testing.assert_allclose(dense[1], dense[0], atol=1e-5)
