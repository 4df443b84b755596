"""A word read letter by letter: its last states of a cell each way join the sum of its blocks.

The letters of a symbol are the rows of its bag that lie among the last L rows of the table, in the order they
are read, repeats and all; the rows before them are its one-hot blocks. Each distinct symbol is read once.
Lample et al. (2016), section 4.1, with cells of E / 2 units, so that both ways side by side are as wide as a
block's row. Parameters, C = E / 2:

    letters.forward.Wx     (E, F*C), from a letter's row into the cell
    letters.forward.Wh     (C, F*C)
    letters.forward.b      (F*C,); letters.forward.bh (C,), GRU only
    letters.backward....   the same from the last letter to the first
"""

from collections.abc import Callable

import numpy as np

from rnn.arrays import Floats, Gradients, Int32, Int64, Params, RowGradient
from rnn.batches import Bags, Sequences, pack
from rnn.cells import GATES, Cell
from rnn.layers import column_sums

DIRECTIONS = ("forward", "backward")


def parameters(cell: str, embedding: int) -> dict[str, tuple[int, ...]]:
    """Shape of every parameter, for rows of E = `embedding`."""
    C, F = embedding // 2, GATES[cell]
    shapes: dict[str, tuple[int, ...]] = {}
    for direction in DIRECTIONS:
        shapes[f"letters.{direction}.Wx"] = (embedding, F * C)
        shapes[f"letters.{direction}.Wh"] = (C, F * C)
        shapes[f"letters.{direction}.b"] = (F * C,)
        if cell == "gru":
            shapes[f"letters.{direction}.bh"] = (C,)
    return shapes


def read(
    params: Params, cell: Cell, spelling: Bags, words: Int32
) -> tuple[Floats, Callable[[Floats, Gradients], RowGradient]]:
    """Read words.

    Args:
        params: as `parameters`, and the table (I, E).
        cell: one of rnn.cells.CELLS, or its kernel.
        spelling: letters of each symbol, rows of the table; a symbol may have none.
        words: (U,) the symbols to read.

    Returns:
        x (U, E), zero for a symbol without letters; and backprop: dx, into the gradients of the cells'
        parameters, and the gradient of the letters' rows.
    """
    table = params["table"]
    sizes = np.diff(spelling.offsets)[words]
    spelt = np.flatnonzero(sizes)
    out = np.zeros((len(words), table.shape[1]), table.dtype)
    if not len(spelt):
        return out, lambda dout, gradients: _nothing(params, gradients)
    bounds = np.concatenate([[0], np.cumsum(sizes[spelt])])
    places = np.repeat(spelling.offsets[words[spelt]] - bounds[:-1], sizes[spelt]) + np.arange(bounds[-1])
    batch = pack(Sequences(spelling.rows[places], bounds), np.arange(len(spelt)))
    owner = spelt[batch.sequences]  # longest first, as the rows of the first step
    rows, which = np.unique(batch.tokens, return_inverse=True)
    x = table[rows]  # of each letter that occurs
    C = table.shape[1] // 2
    ends = {
        "forward": batch.starts[sizes[owner] - 1] + np.arange(len(owner)),
        "backward": np.arange(len(owner)),
    }
    sides = []
    for d, direction in enumerate(DIRECTIONS):
        name, half = f"letters.{direction}", slice(d * C, (d + 1) * C)
        weights = {k: params[f"{name}.{k}"] for k in ("Wh", "bh") if f"{name}.{k}" in params}
        z, spread_back = shared(x @ params[f"{name}.Wx"] + params[f"{name}.b"], which)
        h, back = cell(z, weights, batch, reverse=direction == "backward")
        out[owner, half] = h[ends[direction]]
        sides.append((name, half, ends[direction], back, spread_back))

    def backprop(dout: Floats, gradients: Gradients) -> RowGradient:
        dx = np.zeros_like(x)
        for name, half, end, back, spread_back in sides:
            dh = np.zeros((len(which), C), x.dtype)
            dh[end] = dout[owner, half]
            dspread, recurrent = back(dh)
            dz = spread_back(dspread)
            gradients.update({f"{name}.{key}": value for key, value in recurrent.items()})
            gradients[f"{name}.b"] = column_sums(dz)
            gradients[f"{name}.Wx"] = x.T @ dz
            dx += dz @ params[f"{name}.Wx"].T
        return RowGradient(rows.astype(np.int64), dx)

    return out, backprop


def shared(x: Floats, which: Int64) -> tuple[Floats, Callable[[Floats], Floats]]:
    """x[which] (N, E), every row of x being used, and the way back: the sums over equal `which`."""

    def backprop(dy: Floats) -> Floats:
        order = np.argsort(which, kind="stable")
        begins = np.searchsorted(which[order], np.arange(len(x)))
        sums: Floats = np.add.reduceat(dy[order], begins, axis=0)
        return sums

    return x[which], backprop


def joined(one: RowGradient, other: RowGradient) -> RowGradient:
    """Two gradients of rows that do not overlap, as one."""
    return RowGradient(np.concatenate([one.rows, other.rows]), np.concatenate([one.values, other.values]))


def _nothing(params: Params, gradients: Gradients) -> RowGradient:
    """The gradients where no word has letters."""
    for name, value in params.items():
        if name.startswith("letters."):
            gradients[name] = np.zeros_like(value)
    return RowGradient(np.empty(0, np.int64), params["table"][:0])
