"""Input cache: first-layer inputs of the symbols used last, a row each, with clock eviction.

Its size is fixed, so that memory does not grow with the text; inputs have the same bits whatever it holds. A
hand goes round over the rows, takes one from the count of each (a batch that uses a row adds one),
and a new symbol replaces the first row whose count is 0 (the generalised clock of Smith, 1978). Rows that the
batch itself needs are not replaced.
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
    """Rows of first-layer inputs.

    Args:
        network: computes rows.
        size: K, rows.
        keys: symbols are known by numbers below it.
    """

    def __init__(self, network: "PreparedNetwork", size: int, keys: int) -> None:
        self.network = network
        self._inputs = [np.empty((size, width), np.float32) for width in network.widths]
        self._row_of, self._key_of = np.empty(keys, np.int32), np.empty(size, np.int32)
        self._count = np.empty(size, np.uint8)
        self._generation = 0
        self._clear(0)

    @classmethod
    def within(cls, network: "PreparedNetwork", nbytes: int, keys: int) -> "InputCache":
        """A cache of so many bytes, or of one row for each key."""
        return cls(network, min(max(nbytes // (4 * sum(network.widths)), 1), keys), keys)

    @property
    def nbytes(self) -> int:
        """Bytes of the cache."""
        numbers = self._row_of.nbytes + self._key_of.nbytes + self._count.nbytes
        return numbers + sum(array.nbytes for array in self._inputs)

    def _clear(self, generation: int) -> None:
        self._row_of.fill(-1)
        self._key_of.fill(-1)
        self._count.fill(0)
        self._hand, self._generation = 0, generation

    def logits(self, bags: Bags, keys: Int32, generation: int, batch: Batch) -> Floats:
        """Logits of a batch.

        Args:
            bags: of the symbols.
            keys: (M,) key of each symbol, the same from batch to batch.
            generation: of the keys: those of another one than the last batch's are of other symbols.
            batch: N rows.
        """
        inputs, rows = self._look_up(bags, keys, generation, batch.tokens)
        return self.network.logits(inputs, rows, batch)

    def _look_up(self, bags: Bags, keys: Int32, generation: int, tokens: Int32) -> tuple[list[Floats], Int32]:
        """Arrays of inputs, and the row of each token in them."""
        from elman.rnn.inference import input_cache_kernels as kernels

        if generation != self._generation:
            self._clear(generation)
        table = (self._row_of, self._key_of, self._count)
        rows, new, places, self._hand = kernels.place(tokens, keys, *table, self._hand)
        filled = False
        try:
            if len(rows) < len(tokens):
                distinct, which = np.unique(tokens, return_inverse=True)
                return self.network.first_inputs(bags, distinct), which.astype(np.int32)
            if len(new):
                for values, cached in zip(self.network.first_inputs(bags, new), self._inputs, strict=True):
                    kernels.put(values, places, cached)
            filled = True
        finally:
            if not filled:  # rows that were assigned hold no inputs
                self._clear(generation)
        return self._inputs, rows


class KeyedCache(NamedTuple):
    """A cache kept from call to call, and the keys of one call's symbols; as for `InputCache.logits`."""

    cache: InputCache
    keys: Int32
    generation: int


def logits_function(
    architecture: Architecture, params: Params, bags: Bags, cache: KeyedCache | None = None
) -> Callable[[Batch], Floats]:
    """The quickest function from a batch to its logits (N, S*G), without backprop.

    Args:
        architecture: settings of the network.
        params: its weights.
        bags: feature bags of all symbols.
        cache: first-layer inputs of this network; without, they are cached as long as the function is used.
    """
    from elman.rnn.inference.prepared import prepare

    if cache is None:
        prepared = prepare(architecture, params)
        if prepared is None:
            network = architecture.build()
            return lambda batch: network.forward(params, bags, batch)[0]
        M = len(bags)
        cache = KeyedCache(InputCache(prepared, M, M), np.arange(M, dtype=np.int32), 0)
    inputs, keys, generation = cache
    return lambda batch: inputs.logits(bags, keys, generation, batch)
