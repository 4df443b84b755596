"""What enters the cells for each symbol, computed once and kept, for the symbols met last.

A table of fixed size, so that memory does not grow with what is read; what is looked up has the same bits
whatever the table holds. A row that has not been used for long gives way to a new one: a hand goes round over
the rows, takes one from the count of each (each batch that uses a row adds one), and stops at the first whose
count is 0 (the generalised clock of Smith, 1978). A row that the batch itself needs stays.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Params
from elman.rnn.compute.batches import Bags, Batch
from elman.rnn.networks.architecture import Architecture

if TYPE_CHECKING:
    from elman.rnn.inference.prepared import PreparedNetwork


class InputCache:
    """The table.

    Args:
        network: computes rows.
        size: K, rows kept.
        names: symbols are named by numbers below it.
    """

    def __init__(self, network: "PreparedNetwork", size: int, names: int) -> None:
        self.network = network
        self._kept = [np.empty((size, width), np.float32) for width in network.widths]
        self._row_of, self._name_of = np.empty(names, np.int32), np.empty(size, np.int32)
        self._count = np.empty(size, np.uint8)
        self._age = 0
        self._forget(0)

    @classmethod
    def within(cls, network: "PreparedNetwork", nbytes: int, names: int) -> "InputCache":
        """A table of so many bytes, or of one row for each name."""
        return cls(network, min(max(nbytes // (4 * sum(network.widths)), 1), names), names)

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        numbers = self._row_of.nbytes + self._name_of.nbytes + self._count.nbytes
        return numbers + sum(array.nbytes for array in self._kept)

    def _forget(self, age: int) -> None:
        self._row_of.fill(-1)
        self._name_of.fill(-1)
        self._count.fill(0)
        self._hand, self._age = 0, age

    def logits(self, bags: Bags, names: Int32, age: int, batch: Batch) -> Floats:
        """Logits of a batch.

        Args:
            bags: of the symbols.
            names: (M,) what names each symbol, from batch to batch.
            age: of the names: with another one than that of the last batch they name other symbols.
            batch: N rows.
        """
        entered, rows = self._look_up(bags, names, age, batch.tokens)
        return self.network.logits(entered, rows, batch)

    def _look_up(self, bags: Bags, names: Int32, age: int, tokens: Int32) -> tuple[list[Floats], Int32]:
        """Arrays, and where the tokens' rows are in them."""
        from elman.rnn.inference import input_cache_kernels as kernels

        if age != self._age:
            self._forget(age)
        table = (self._row_of, self._name_of, self._count)
        rows, new, places, self._hand = kernels.place(tokens, names, *table, self._hand)
        done = False
        try:
            if len(rows) < len(tokens):
                distinct, which = np.unique(tokens, return_inverse=True)
                return self.network.first_inputs(bags, distinct), which.astype(np.int32)
            if len(new):
                for values, kept in zip(self.network.first_inputs(bags, new), self._kept, strict=True):
                    kernels.put(values, places, kept)
            done = True
        finally:
            if not done:  # rows that were given away are not filled in
                self._forget(age)
        return self._kept, rows


class KeyedCache(NamedTuple):
    """A cache kept from call to call, and what names the symbols of one call there; as of `InputCache.logits`."""

    rows: InputCache
    names: Int32
    age: int


def logits_function(
    config: Architecture, params: Params, bags: Bags, cache: KeyedCache | None = None
) -> Callable[[Batch], Floats]:
    """Logits without a way back.

    Args:
        config: the network.
        params: its weights.
        bags: which table rows each symbol has.
        cache: rows of this network that are kept; without, they are for as long as this is used.

    Returns:
        batch -> logits (N, S*G), as `config.forward` computes them.
    """
    from elman.rnn.inference.prepared import prepare

    network = cache.rows.network if cache else prepare(config, params)
    if network is None:
        return lambda batch: config.forward(params, bags, batch)[0]
    if cache is None:
        M = len(bags)
        cache = KeyedCache(InputCache(network, M, M), np.arange(M, dtype=np.int32), 0)
    rows, names, age = cache
    return lambda batch: rows.logits(bags, names, age, batch)
