"""Products of one-hot vectors and tables: rows are looked up, and gradients reach the touched rows only.

N rows, K touched table rows, D table width.
"""

from collections.abc import Callable

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, RowGradient, use_kernels
from elman.rnn.compute.batches import Bags
from elman.rnn.compute.ragged import take


class OneHot:
    """The one-hot features of N rows, side by side, as a sparse matrix that multiplies tables.

    Each distinct bag is a row of it and is multiplied once, however often it occurs.

    Attributes:
        touched: (K,) table rows that occur.
        which: (N,) number of each row's bag among the U distinct ones.
        features: (U, K) how often each distinct bag has each touched row, times the factors of `keep`.
    """

    def __init__(self, bags: Bags, tokens: Int32, keep: Callable[[int], Floats] | None = None) -> None:
        """Look the bags of `tokens` (N,) up; `keep` draws a factor for each of their R features (dropout)."""
        import scipy.sparse  # half a second: only where weights are trained

        distinct, self.which = np.unique(tokens, return_inverse=True)
        ends, entries = take(bags.offsets, distinct)
        self.touched, column = np.unique(bags.rows[entries], return_inverse=True)
        factors = np.ones(len(entries), np.float32) if keep is None else keep(len(entries))
        shape = (len(distinct), len(self.touched))
        self.features = scipy.sparse.csr_array((factors, column, ends), shape=shape)

    def times(self, table: Floats) -> tuple[Floats, Callable[[Floats], RowGradient]]:
        """One-hot times a matrix: for each row, the sum of the table rows in its bag.

        Args:
            table: (I, D)

        Returns:
            x (N, D), and backprop: dx (N, D) -> gradient of the touched rows (K, D).
        """
        (x,), backprop = self.cell_inputs(table, [np.zeros(table.shape[1], table.dtype)])
        return np.take(x, self.which, axis=0), lambda dx: backprop([dx])[0]

    def cell_inputs(
        self, table: Floats, biases: list[Floats]
    ) -> tuple[list[Floats], Callable[[list[Floats]], tuple[RowGradient, list[Floats]]]]:
        """Inputs of cells whose columns lie side by side in a table: the summed rows of each distinct bag.

        Args:
            table: (I, D), D columns of each cell.
            biases: for each cell, added to every row, (D,).

        Returns:
            x (U, D) of each cell, and backprop: dx (N, D) of each cell -> gradient of the touched rows, of
            each bias (D,).
        """
        features, U, N = (
            self.features.astype(table.dtype, copy=False),
            self.features.shape[0],
            len(self.which),
        )
        ends = np.cumsum([len(bias) for bias in biases])[:-1]

        def backprop(dx: list[Floats]) -> tuple[RowGradient, list[Floats]]:
            import scipy.sparse

            one = np.ones(N, table.dtype)
            once = scipy.sparse.csc_array((one, self.which, np.arange(N + 1)), shape=(U, N))
            totals = once @ np.hstack(dx)
            return RowGradient(self.touched, features.T @ totals), np.split(totals.sum(axis=0), ends)

        return np.split(features @ table[self.touched] + np.concatenate(biases), ends, axis=1), backprop


class CompiledOneHot(OneHot):
    """`OneHot` by kernels, float32 only."""

    def __init__(
        self, bags: Bags, tokens: Int32, rows: int, keep: Callable[[int], Floats] | None = None
    ) -> None:
        """Look the bags of `tokens` (N,) up among tables of `rows` rows."""
        from elman.rnn.layers import embedding_kernels as kernels

        tokens = np.ascontiguousarray(tokens)  # the kernel would be compiled again for others
        self.which, self.ends, self.column, self.touched = kernels.index(
            tokens, bags.rows, bags.offsets, rows
        )
        U, K, entries = len(self.ends) - 1, len(self.touched), len(self.column)
        self.factor = np.ones(entries, np.float32) if keep is None else keep(entries)
        # each bag is a row of its own, bag u row u; an empty bag beside one of two rows is not
        self.single = keep is None and U == K == entries and bool((np.diff(self.ends) == 1).all())

    def times(self, table: Floats) -> tuple[Floats, Callable[[Floats], RowGradient]]:
        """One-hot times a matrix, and backprop."""
        from elman.rnn.layers import embedding_kernels as kernels

        shape = (self.column, self.ends, self.factor)
        x = kernels.bag_inputs(table, 0, np.zeros(table.shape[1], table.dtype), self.touched, *shape)

        def backprop(dx: Floats) -> RowGradient:
            totals = np.zeros_like(x)
            kernels.accumulate(dx, self.which, totals, 0)
            return RowGradient(self.touched, self._of_rows(totals))

        return np.take(x, self.which, axis=0), backprop

    def _of_rows(self, totals: Floats) -> Floats:
        """Gradient of the touched rows (K, D), from that of the distinct bags (U, D)."""
        from elman.rnn.layers import embedding_kernels as kernels

        if self.single:
            return totals
        values: Floats = kernels.scatter(totals, len(self.touched), self.column, self.ends, self.factor)
        return values

    def cell_inputs(
        self, table: Floats, biases: list[Floats]
    ) -> tuple[list[Floats], Callable[[list[Floats]], tuple[RowGradient, list[Floats]]]]:
        """Inputs of cells whose weights lie side by side in a table, and backprop."""
        from elman.rnn.layers import embedding_kernels as kernels

        shape = (self.column, self.ends, self.factor)
        ends = np.cumsum([len(bias) for bias in biases])
        firsts = [int(end) - len(bias) for bias, end in zip(biases, ends, strict=True)]
        x = [
            kernels.bag_inputs(table, a, bias, self.touched, *shape)
            for a, bias in zip(firsts, biases, strict=True)
        ]

        def backprop(dx: list[Floats]) -> tuple[RowGradient, list[Floats]]:
            totals = np.zeros((len(self.ends) - 1, table.shape[1]), table.dtype)
            for d, first in zip(dx, firsts, strict=True):
                kernels.accumulate(d, self.which, totals, first)
            return RowGradient(self.touched, self._of_rows(totals)), np.split(totals.sum(axis=0), ends[:-1])

        return x, backprop


def one_hot(bags: Bags, tokens: Int32, table: Floats, keep: Callable[[int], Floats] | None = None) -> OneHot:
    """The one-hot features of some symbols, to multiply tables like `table` with; `keep` as for `OneHot`."""
    if not use_kernels(table.dtype):
        return OneHot(bags, tokens, keep)
    return CompiledOneHot(bags, tokens, len(table), keep)
