"""Character encoder: a cell each way reads a word; its last states are added to the word's features.

The characters of a symbol are the rows of its bag that lie among the last L rows of the table, in the order
they are read, repeats and all; the rows before them are its other one-hot features. Each distinct symbol is
read once. Lample et al. (2016), section 4.1, with cells of a quarter of the embedding's units, so that both
ways side by side join the first half of it. Parameters, C = E / 4:

    letters.forward.Wx     (E, F*C), from a character's row into the cell
    letters.forward.Wh     (C, F*C)
    letters.forward.b      (F*C,); and what else the cell has
    letters.backward....   the same from the last character to the first
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from elman.rnn.compute import arrays
from elman.rnn.compute.arrays import Floats, Gradients, Int32, Int64, Params, RowGradient, use_kernels
from elman.rnn.compute.batches import Bags, Batch, Sequences, pack
from elman.rnn.compute.ragged import take
from elman.rnn.layers.dense import column_sums, product
from elman.rnn.layers.recurrent import Cell

DIRECTIONS = ("forward", "backward")
AT_ONCE = 1024  # words encoded in one batch when tagging


def parameters(cell: Cell, embedding: int) -> dict[str, tuple[int, ...]]:
    """Shape of every parameter, for rows of E = `embedding`."""
    shapes = cell.shapes(embedding, embedding // 4)
    return {f"letters.{way}.{name}": shape for way in DIRECTIONS for name, shape in shapes.items()}


def init(cell: Cell, rng: np.random.Generator, embedding: int) -> Params:
    """First weights, float32."""
    ways = {way: cell.init(rng, embedding, embedding // 4) for way in DIRECTIONS}
    return {f"letters.{way}.{name}": value for way, own in ways.items() for name, value in own.items()}


class PackedWords(NamedTuple):
    """Characters of words as a packed batch.

    Attributes:
        batch: B sequences, a word each; words without characters have none.
        words: (B,) which word each sequence is.
        ends: last row of each sequence, and first row.
    """

    batch: Batch
    words: Int64
    ends: tuple[Int64, Int64]


def pack_words(characters: Bags, symbols: Int32) -> PackedWords | None:
    """The characters of symbols (U,) as a batch; None if there are none."""
    if arrays.COMPILED:
        from elman.rnn.layers import characters_kernels

        *parts, words, last = characters_kernels.pack_words(characters.rows, characters.offsets, symbols)
        if not len(words):
            return None
        return PackedWords(Batch(*parts), words, (last, np.arange(len(words))))
    sizes = np.diff(characters.offsets)[symbols]
    spelt = np.flatnonzero(sizes)
    if not len(spelt):
        return None
    offsets, places = take(characters.offsets, symbols[spelt])
    batch = pack(Sequences(characters.rows[places], offsets), np.arange(len(spelt)))
    words, begins = spelt[batch.sequences], np.arange(len(spelt))  # longest first, as the first step's rows
    return PackedWords(batch, words, (batch.starts[sizes[words] - 1] + begins, begins))


def encode(
    params: Params, cell: Cell, characters: Bags, symbols: Int32
) -> tuple[Floats, Callable[[Floats, Gradients], RowGradient]]:
    """Encode the characters of symbols.

    Args:
        params: as `parameters`, and the table (I, E).
        cell: of both ways.
        characters: of each symbol, rows of the table; a symbol may have none.
        symbols: (U,)

    Returns:
        x (U, E / 2), zero for a symbol without characters; and backprop: dx, into the gradients of the cells'
        parameters, and the gradient of the characters' rows.
    """
    table = params["table"]
    C = table.shape[1] // 4
    out = np.zeros((len(symbols), 2 * C), table.dtype)
    packed = pack_words(characters, symbols)
    if packed is None:
        return out, lambda dout, gradients: _zero_gradients(params, gradients)
    batch, words, ends = packed
    rows, which = _distinct(batch.tokens)
    x = table[rows]  # of each character that occurs
    sides = []
    for direction, end, half in zip(DIRECTIONS, ends, (slice(0, C), slice(C, None)), strict=True):
        name = f"letters.{direction}"
        z = product(x, params[f"{name}.Wx"], params[f"{name}.b"])
        backward = direction == "backward"
        h, back = cell.run(z, cell.recurrent(params, name), batch, reverse=backward, rows=which)
        out[words, half] = h[end]
        sides.append((name, half, end, back))

    def backprop(dout: Floats, gradients: Gradients) -> RowGradient:
        dx = np.zeros_like(x)
        for name, half, end, back in sides:
            dh = np.zeros((len(which), C), x.dtype)
            dh[end] = dout[words, half]
            dh_characters, recurrent = back(dh)
            dz = summed(dh_characters, which, len(x))
            gradients.update({f"{name}.{key}": value for key, value in recurrent.items()})
            gradients[f"{name}.b"] = column_sums(dz)
            gradients[f"{name}.Wx"] = product(x.T, dz)
            dx += product(dz, params[f"{name}.Wx"].T)
        return RowGradient(rows.astype(np.int64), dx)

    return out, backprop


def _distinct(values: Int32) -> tuple[Int32, Int32]:
    """Distinct numbers in their order, and which of them each of the values (N,) is."""
    if arrays.COMPILED:
        from elman.rnn.layers import characters_kernels

        found: tuple[Int32, Int32] = characters_kernels.distinct(values)
        return found
    rows, which = np.unique(values, return_inverse=True)
    return rows, which.astype(np.int32)


def pack_tail(bags: Bags, symbols: Int32, first: int) -> list[PackedWords]:
    """The characters, rows from `first` on, of symbols (U,), in batches of AT_ONCE words."""
    from elman.rnn.layers import embedding_kernels

    batches: list[PackedWords] = []
    for begin in range(0, len(symbols), AT_ONCE):
        some = symbols[begin : begin + AT_ONCE]
        every = np.arange(len(some), dtype=np.int32)
        rows, offsets = embedding_kernels.bag_tails(bags.rows, bags.offsets, some, first)
        packed = pack_words(Bags(rows, offsets, every), every)
        if packed is not None:
            batches.append(packed._replace(words=begin + packed.words))
    return batches


class CharacterEncoder:
    """`encode` without backprop, by kernels, with weights packed for many calls."""

    def __init__(self, params: Params, cell: Cell, first: int) -> None:
        """As `encode`; the characters begin at row `first` of the table."""
        self.cell, self.first = cell, first
        x = params["table"][first:]
        self._width = x.shape[1] // 4
        self._inputs = [
            product(x, params[f"letters.{way}.Wx"], params[f"letters.{way}.b"]) for way in DIRECTIONS
        ]
        self._weights = [cell.pack(params, f"letters.{way}") for way in DIRECTIONS]

    def encode(self, batches: Sequence[PackedWords], words: int) -> Floats:
        """Encode what `pack_tail` gave of so many words: (U, E / 2)."""
        C, out = self._width, np.zeros((words, 2 * self._width), np.float32)
        for batch, numbers, ends in batches:
            rows = batch.tokens - np.int32(self.first)
            for d, way in enumerate(DIRECTIONS):
                h = self.cell.states(self._inputs[d], rows, self._weights[d], batch, way == "backward")
                out[numbers, d * C : (d + 1) * C] = h[ends[d]]
        return out


def spread(x: Floats, which: Int64) -> tuple[Floats, Callable[[Floats], Floats]]:
    """x[which] (N, E), every row of x being used; backprop sums the gradients over equal `which`."""
    return x[which], lambda dy: summed(dy, which, len(x))


def summed(values: Floats, which: npt.NDArray[np.integer], rows: int) -> Floats:
    """Sums (rows, E) of the values (N, E) with equal `which` (N,), all of 0 to rows - 1 among them."""
    if use_kernels(values.dtype):
        from elman.rnn.layers import embedding_kernels

        totals = np.zeros((rows, values.shape[1]), values.dtype)
        embedding_kernels.accumulate(values, which, totals, 0)
        return totals
    order = np.argsort(which, kind="stable")
    begins = np.searchsorted(which[order], np.arange(rows))
    sums: Floats = np.add.reduceat(values[order], begins, axis=0)
    return sums


def concatenated(one: RowGradient, other: RowGradient) -> RowGradient:
    """Two gradients of rows that do not overlap, as one."""
    return RowGradient(np.concatenate([one.rows, other.rows]), np.concatenate([one.values, other.values]))


def _zero_gradients(params: Params, gradients: Gradients) -> RowGradient:
    """The gradients where no word has characters."""
    for name, value in params.items():
        if name.startswith("letters."):
            gradients[name] = np.zeros_like(value)
    return RowGradient(np.empty(0, np.int64), params["table"][:0])
