"""Cells and their gradients equal PyTorch's, whose numbers golden/make_golden.py wrote down."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.layers.recurrent import cell_named, cell_names

GOLDEN = load_file(Path(__file__).with_name("golden") / "golden.safetensors")
H = 4


@pytest.mark.parametrize("cell", cell_names())
@pytest.mark.parametrize("reverse", [False, True])
def test_cell_and_gradients_equal_pytorch(cell, reverse):
    lengths = GOLDEN["lengths"]
    offsets = offsets_of(lengths)
    batch = pack(Sequences(np.zeros(offsets[-1], np.int32), offsets), np.arange(len(lengths)))
    side = slice(H, None) if reverse else slice(0, H)

    def theirs(name, gradient=""):
        return GOLDEN[f"{cell}.{gradient}{name}_l0{'_reverse' if reverse else ''}"]

    def bias_of(b_ih, b_hh):
        return np.concatenate([(b_ih + b_hh)[: 2 * H], b_ih[2 * H :]]) if cell == "gru" else b_ih + b_hh

    weights = {"Wh": theirs("weight_hh").T}
    if cell == "gru":
        weights["bh"] = theirs("bias_hh")[2 * H :]
    x = GOLDEN[f"{cell}.x"]
    z = x @ theirs("weight_ih").T + bias_of(theirs("bias_ih"), theirs("bias_hh"))
    h, backprop = cell_named(cell).run(z, weights, batch, reverse=reverse)
    np.testing.assert_allclose(h, GOLDEN[f"{cell}.h"][:, side], rtol=1e-12, atol=1e-14)
    dz, gradients = backprop(GOLDEN[f"{cell}.dh"][:, side])
    np.testing.assert_allclose(gradients["Wh"].T, theirs("weight_hh", "d"), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dz.T @ x, theirs("weight_ih", "d"), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dz.sum(axis=0), theirs("bias_ih", "d"), rtol=1e-10, atol=1e-12)
    if cell == "gru":
        np.testing.assert_allclose(gradients["bh"], theirs("bias_hh", "d")[2 * H :], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cell", cell_names())
def test_the_gradient_of_the_input_is_the_sum_over_both_directions(cell):
    lengths = GOLDEN["lengths"]
    offsets = offsets_of(lengths)
    batch = pack(Sequences(np.zeros(offsets[-1], np.int32), offsets), np.arange(len(lengths)))
    total = 0
    for reverse, end in ((False, "_l0"), (True, "_l0_reverse")):
        p = {k: GOLDEN[f"{cell}.{k}{end}"] for k in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        weights, bias = {"Wh": p["weight_hh"].T}, p["bias_ih"] + p["bias_hh"]
        if cell == "gru":
            weights["bh"] = p["bias_hh"][2 * H :]
            bias[2 * H :] = p["bias_ih"][2 * H :]
        _, backprop = cell_named(cell).run(
            GOLDEN[f"{cell}.x"] @ p["weight_ih"].T + bias, weights, batch, reverse=reverse
        )
        dh = GOLDEN[f"{cell}.dh"][:, H:] if reverse else GOLDEN[f"{cell}.dh"][:, :H]
        total = total + backprop(dh)[0] @ p["weight_ih"]
    np.testing.assert_allclose(total, GOLDEN[f"{cell}.dx"], rtol=1e-10, atol=1e-12)
