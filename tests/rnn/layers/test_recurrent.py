"""Every cell computes its equations on packed rows, and its gradients are right."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.layers import recurrent

LENGTHS = [[4, 1, 3], [1], [1, 1], [5, 5]]
H = 5
RUNS = pytest.mark.parametrize(
    ("cell", "reverse", "dropped"),
    [
        (cell, reverse, dropped)
        for cell in recurrent.CELLS
        for reverse in (False, True)
        for dropped in (False, True)
    ],
)


def case(cell, lengths, dropped):
    rng = np.random.default_rng(len(lengths))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    batch = pack(Sequences(np.zeros(offsets[-1], np.int32), offsets), np.arange(len(lengths)))
    F = recurrent.GATES[cell]
    weights = {"Wh": rng.standard_normal((H, F * H))}
    if cell == "gru":
        weights["bh"] = rng.standard_normal(H)
    keep = rng.integers(0, 2, (len(lengths), H)) * 2.0 if dropped else None
    return batch, rng.standard_normal((len(batch.places), F * H)), weights, keep, rng


def assert_derivative(function, at, gradient, rng):
    """A step along a random direction changes the loss by the gradient's dot product."""
    direction, eps = rng.standard_normal(at.shape), 1e-6
    numeric = (function(at + eps * direction) - function(at - eps * direction)) / (2 * eps)
    np.testing.assert_allclose(np.vdot(gradient, direction), numeric, rtol=1e-6, atol=1e-9)


@RUNS
@pytest.mark.parametrize("lengths", LENGTHS)
def test_gradients(cell, reverse, dropped, lengths):
    batch, x, weights, keep, rng = case(cell, lengths, dropped)

    def run(x, weights):
        return recurrent.CELLS[cell](x, weights, batch, reverse=reverse, keep=keep)

    h, backprop = run(x, weights)
    dh = rng.standard_normal(h.shape)
    dx, gradients = backprop(dh)
    assert gradients.keys() == weights.keys()
    assert_derivative(lambda at: np.vdot(run(at, weights)[0], dh), x, dx, rng)
    for name, gradient in gradients.items():
        at = weights[name]
        assert_derivative(
            lambda at, name=name: np.vdot(run(x, {**weights, name: at})[0], dh), at, gradient, rng
        )


def test_a_wrong_gradient_fails_the_check():
    batch, x, weights, _, rng = case("elman", [4, 1, 3], False)
    h, backprop = recurrent.elman(x, weights, batch)
    dh = rng.standard_normal(h.shape)
    wrong = dh * (1 - h**2)  # nothing comes back through time
    assert not np.allclose(wrong, backprop(dh)[0])
    with pytest.raises(AssertionError):
        assert_derivative(lambda at: np.vdot(recurrent.elman(at, weights, batch)[0], dh), x, wrong, rng)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def one_step(cell, x, weights, h, handed, c):
    """The equations, one sequence and one step at a time."""
    u = handed @ weights["Wh"]
    if cell == "elman":
        return np.tanh(x + u), c
    if cell == "relu":
        return np.maximum(x + u, 0), c
    if cell == "gru":
        r, z = sigmoid(x[:H] + u[:H]), sigmoid(x[H : 2 * H] + u[H : 2 * H])
        n = np.tanh(x[2 * H :] + r * (u[2 * H :] + weights["bh"]))
        return (1 - z) * n + z * h, c
    i, f, g, o = np.split(x + u, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


@RUNS
def test_packed_rows_give_what_each_sequence_gives_alone(cell, reverse, dropped):
    batch, x, weights, keep, _ = case(cell, [4, 1, 3], dropped)
    h, _ = recurrent.CELLS[cell](x, weights, batch, reverse=reverse, keep=keep)
    for m in range(3):
        rows = np.flatnonzero(batch.member == m)
        state, c = np.zeros(H), np.zeros(H)
        for row in rows[::-1] if reverse else rows:
            handed = state if keep is None else state * keep[m]
            state, c = one_step(cell, x[row], weights, state, handed, c)
            np.testing.assert_allclose(h[row], state, rtol=1e-12, atol=1e-12)
