"""Every cell: its gradients are right, its kernels compute the reference, packing changes no sequence."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.layers import recurrent
from elman.rnn.layers.recurrent import Cell, cell_named, cell_names

LENGTHS = [[4, 1, 3], [1], [1, 1], [5, 5]]
H = 5
CELLS = pytest.mark.parametrize("cell", [cell_named(name) for name in cell_names()], ids=cell_names())
REVERSE = pytest.mark.parametrize("reverse", [False, True])


def batch_of(lengths):
    offsets = offsets_of(lengths)
    return pack(Sequences(np.zeros(offsets[-1], np.int32), offsets), np.arange(len(lengths)))


def case(cell, lengths, hidden=H):
    rng = np.random.default_rng(len(lengths))
    batch = batch_of(lengths)
    shapes = cell.shapes(0, hidden)
    weights = {name: rng.standard_normal(shape) for name, shape in shapes.items() if name != "b"}
    return batch, rng.standard_normal((len(batch.places), len(cell.gates) * hidden)), weights, rng


def assert_derivative(function, at, gradient, rng):
    """A step along a random direction changes the loss by the gradient's dot product."""
    direction, eps = rng.standard_normal(at.shape), 1e-6
    numeric = (function(at + eps * direction) - function(at - eps * direction)) / (2 * eps)
    np.testing.assert_allclose(np.vdot(gradient, direction), numeric, rtol=1e-6, atol=1e-9)


@CELLS
@REVERSE
@pytest.mark.parametrize("lengths", LENGTHS)
def test_gradients(cell, reverse, lengths):
    batch, x, weights, rng = case(cell, lengths)

    def run(x, weights):
        return cell.run(x, weights, batch, reverse=reverse)

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
    cell = cell_named("elman")
    batch, x, weights, rng = case(cell, [4, 1, 3])
    h, backprop = cell.run(x, weights, batch)
    dh = rng.standard_normal(h.shape)
    wrong = dh * (1 - h**2)  # without backpropagation through time
    assert not np.allclose(wrong, backprop(dh)[0])
    with pytest.raises(AssertionError):
        assert_derivative(lambda at: np.vdot(cell.run(at, weights, batch)[0], dh), x, wrong, rng)


@CELLS
@REVERSE
def test_packed_rows_equal_each_sequence_alone(cell, reverse):
    batch, x, weights, _ = case(cell, [4, 1, 3])
    h, _ = cell.run(x, weights, batch, reverse=reverse)
    for column in range(3):
        rows = np.flatnonzero(batch.columns == column)
        alone, _ = cell.run(x[rows], weights, batch_of([len(rows)]), reverse=reverse)
        np.testing.assert_allclose(h[rows], alone, rtol=1e-12, atol=1e-12)


@CELLS
@REVERSE
@pytest.mark.parametrize("lengths", [[9, 1, 4, 4], [1, 1], [3]])
def test_kernels_compute_the_reference(cell, reverse, lengths):
    batch, x, weights, rng = case(cell, lengths, 13)
    x = x.astype(np.float32)
    weights = {name: (value * 0.3).astype(np.float32) for name, value in weights.items()}
    wide = rng.standard_normal((len(x), 2 * 13)).astype(np.float32)
    rows = rng.permutation(len(x)).astype(np.int32)
    h, backprop = cell.forward(x[rows], weights, batch, reverse)
    fast, fast_backprop = cell.run(x, weights, batch, reverse=reverse, rows=rows)
    np.testing.assert_allclose(fast, h, atol=2e-6)
    (dx, gradients), (fast_dx, fast_gradients) = (back(wide[:, 13:]) for back in (backprop, fast_backprop))
    np.testing.assert_allclose(fast_dx, dx, atol=2e-5)
    assert fast_gradients.keys() == gradients.keys()
    for name, value in gradients.items():
        np.testing.assert_allclose(fast_gradients[name], value, atol=1e-4)
    packed = cell.pack({f"0.{name}": value for name, value in weights.items()}, "0")
    np.testing.assert_array_equal(cell.states(x, rows, packed, batch, reverse), fast)


@CELLS
def test_first_weights_are_those_of_the_shapes(cell):
    for inputs in (0, 3):
        params = cell.init(np.random.default_rng(0), inputs, H)
        assert {name: value.shape for name, value in params.items()} == cell.shapes(inputs, H)
        assert all(value.dtype == np.float32 for value in params.values())
        squares = np.split(params["Wh"].astype(np.float64), len(cell.gates), axis=1)
        assert all(np.allclose(Q.T @ Q, np.eye(H), atol=1e-6) for Q in squares)


def test_a_cell_is_known_by_the_name_of_its_module_or_once_registered(monkeypatch):
    monkeypatch.setattr(recurrent, "_registered", dict(recurrent._registered))
    assert cell_names() == ["elman", "gru", "lstm"]
    with pytest.raises(ValueError, match=r"cell must be one of elman, gru, lstm\. Got 'transformer'"):
        cell_named("transformer")

    class Copy(type(cell_named("elman"))):
        name = "copy"

    recurrent.register(Copy())
    assert isinstance(cell_named("copy"), Cell)
    assert "copy" in cell_names()
