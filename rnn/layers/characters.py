"""A word read letter by letter: its last states of a cell each way join the sum of its blocks.

The letters of a symbol are the rows of its bag that lie among the last L rows of the table, in the order they
are read, repeats and all; the rows before them are its one-hot blocks. Each distinct symbol is read once.
Lample et al. (2016), section 4.1, with cells of a quarter of the embedding's units, so that both ways side by
side join the first half of it. Parameters, C = E / 4:

    letters.forward.Wx     (E, F*C), from a letter's row into the cell
    letters.forward.Wh     (C, F*C)
    letters.forward.b      (F*C,); letters.forward.bh (C,), GRU only
    letters.backward....   the same from the last letter to the first
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Int64, Params, RowGradient
from elman.rnn.compute.batches import Bags, Batch, Sequences, pack
from elman.rnn.layers.dense import column_sums, product
from elman.rnn.layers.recurrent import GATES, Cell

DIRECTIONS = ("forward", "backward")
AT_ONCE = 1024  # words read in one batch when tagging


def parameters(cell: str, embedding: int) -> dict[str, tuple[int, ...]]:
    """Shape of every parameter, for rows of E = `embedding`."""
    C, F = embedding // 4, GATES[cell]
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
        cell: one of rnn.layers.recurrent.CELLS, or its kernel.
        spelling: letters of each symbol, rows of the table; a symbol may have none.
        words: (U,) the symbols to read.

    Returns:
        x (U, E / 2), zero for a symbol without letters; and backprop: dx, into the gradients of the cells'
        parameters, and the gradient of the letters' rows.
    """
    table = params["table"]
    C = table.shape[1] // 4
    out = np.zeros((len(words), 2 * C), table.dtype)
    batch, owner, ends = _packed(spelling, words)
    if batch is None:
        return out, lambda dout, gradients: _nothing(params, gradients)
    rows, which = np.unique(batch.tokens, return_inverse=True)
    x = table[rows]  # of each letter that occurs
    sides = []
    for direction, end, half in zip(DIRECTIONS, ends, (slice(0, C), slice(C, None)), strict=True):
        name = f"letters.{direction}"
        z, spread_back = shared(product(x, params[f"{name}.Wx"], params[f"{name}.b"]), which)
        h, back = cell(z, _recurrent(params, name), batch, reverse=direction == "backward")
        out[owner, half] = h[end]
        sides.append((name, half, end, back, spread_back))

    def backprop(dout: Floats, gradients: Gradients) -> RowGradient:
        dx = np.zeros_like(x)
        for name, half, end, back, spread_back in sides:
            dh = np.zeros((len(which), C), x.dtype)
            dh[end] = dout[owner, half]
            dspread, recurrent = back(dh)
            dz = spread_back(dspread)
            gradients.update({f"{name}.{key}": value for key, value in recurrent.items()})
            gradients[f"{name}.b"] = column_sums(dz)
            gradients[f"{name}.Wx"] = product(x.T, dz)
            dx += product(dz, params[f"{name}.Wx"].T)
        return RowGradient(rows.astype(np.int64), dx)

    return out, backprop


class Spelling(NamedTuple):
    """Letters of up to AT_ONCE words as a batch, and whose its sequences are, last and first rows."""

    batch: Batch
    owner: Int64
    ends: tuple[Int64, Int64]


def spell(bags: Bags, words: Int32, first: int) -> list[Spelling]:
    """The letters, rows from `first` on, of the symbols `words` (U,): what all members read."""
    from elman.rnn.layers import embedding_kernels

    found: list[Spelling] = []
    for begin in range(0, len(words), AT_ONCE):
        some = words[begin : begin + AT_ONCE]
        every = np.arange(len(some), dtype=np.int32)
        rows, offsets = embedding_kernels.bag_ends(bags.rows, bags.offsets, some, first)
        batch, owner, ends = _packed(Bags(rows, offsets, every), every)
        if batch is not None:
            found.append(Spelling(batch, begin + owner, ends))
    return found


class Speller:
    """`read` without a way back, by kernels, ready for many calls."""

    def __init__(self, params: Params, cell: str, first: int) -> None:
        """As `read`; the letters begin at row `first` of the table."""
        from elman.rnn.layers import recurrent_kernels

        self.cell, self.first = cell, first
        x = params["table"][first:]
        self._width = x.shape[1] // 4
        self._entering = [
            product(x, params[f"letters.{name}.Wx"], params[f"letters.{name}.b"]) for name in DIRECTIONS
        ]
        self._weights = [recurrent_kernels.recurrent(params, f"letters.{name}") for name in DIRECTIONS]

    def read(self, spelt: Sequence[Spelling], words: int) -> Floats:
        """What `spell` gave of so many words: (U, E / 2)."""
        from elman.rnn.layers import recurrent_kernels

        C, out = self._width, np.zeros((words, 2 * self._width), np.float32)
        for batch, owner, ends in spelt:
            rows = batch.tokens - np.int32(self.first)
            for d, name in enumerate(DIRECTIONS):
                entering, weights = self._entering[d], self._weights[d]
                h = recurrent_kernels.states(self.cell, entering, rows, weights, batch, name == "backward")
                out[owner, d * C : (d + 1) * C] = h[ends[d]]
        return out


def _packed(spelling: Bags, words: Int32) -> tuple[Batch | None, Int64, tuple[Int64, Int64]]:
    """The letters of words as a batch; whose its sequences are, and their last and first rows."""
    sizes = np.diff(spelling.offsets)[words]
    spelt = np.flatnonzero(sizes)
    if not len(spelt):
        return None, spelt, (spelt, spelt)
    bounds = np.concatenate([[0], np.cumsum(sizes[spelt])])
    places = np.repeat(spelling.offsets[words[spelt]] - bounds[:-1], sizes[spelt]) + np.arange(bounds[-1])
    batch = pack(Sequences(spelling.rows[places], bounds), np.arange(len(spelt)))
    owner, begins = spelt[batch.sequences], np.arange(len(spelt))  # longest first, as the first step's rows
    return batch, owner, (batch.starts[sizes[owner] - 1] + begins, begins)


def _recurrent(params: Params, name: str) -> Params:
    return {k: params[f"{name}.{k}"] for k in ("Wh", "bh") if f"{name}.{k}" in params}


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
