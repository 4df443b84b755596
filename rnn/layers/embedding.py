"""One-hot blocks looked up in tables, and the way back of the gradient to the touched rows only.

N rows, K touched table rows, D table width.
"""

from collections.abc import Callable

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, RowGradient
from elman.rnn.compute.batches import Bags


class OneHot:
    """The one-hot blocks of N rows, side by side, as a sparse matrix that tables are multiplied with.

    Each distinct bag is a row of it and is multiplied once, however often it occurs.

    Attributes:
        touched: (K,) table rows that occur.
        which: (N,) number of each row's bag among the U distinct ones.
        blocks: (U, K) how often each distinct bag has each touched row, times the factors of `keep`.
    """

    def __init__(self, bags: Bags, tokens: Int32, keep: Callable[[int], Floats] | None = None) -> None:
        """Look the bags of `tokens` (N,) up; `keep` draws a factor for each of their R blocks (dropout)."""
        import scipy.sparse  # half a second: only where weights are trained

        distinct, self.which = np.unique(tokens, return_inverse=True)
        sizes = bags.offsets[distinct + 1] - bags.offsets[distinct]
        ends = np.concatenate([[0], np.cumsum(sizes)])
        entries = np.repeat(bags.offsets[distinct] - ends[:-1], sizes) + np.arange(ends[-1])
        self.touched, column = np.unique(bags.rows[entries], return_inverse=True)
        factors = np.ones(len(entries), np.float32) if keep is None else keep(len(entries))
        shape = (len(distinct), len(self.touched))
        self.blocks = scipy.sparse.csr_array((factors, column, ends), shape=shape)

    def times(self, table: Floats) -> tuple[Floats, Callable[[Floats], RowGradient]]:
        """One-hot times a matrix: for each row, the sum of the table rows in its bag.

        Args:
            table: (I, D)

        Returns:
            x (N, D), and backprop: dx (N, D) -> gradient of the touched rows (K, D).
        """
        (x,), backprop = self.sums(table, [np.zeros(table.shape[1], table.dtype)])
        return np.take(x, self.which, axis=0), lambda dx: backprop([dx])[0]

    def sums(
        self, table: Floats, starts: list[Floats]
    ) -> tuple[list[Floats], Callable[[list[Floats]], tuple[RowGradient, list[Floats]]]]:
        """What enters cells that lie side by side in a table: for each distinct bag the sum of its rows.

        Args:
            table: (I, D), D columns of each cell.
            starts: for each cell, what is added to every row, (D,).

        Returns:
            x (U, D) of each cell, and backprop: dx (N, D) of each cell -> gradient of the touched rows, of
            each start (D,).
        """
        blocks, U, N = self.blocks.astype(table.dtype, copy=False), self.blocks.shape[0], len(self.which)
        ends = np.cumsum([len(start) for start in starts])[:-1]

        def backprop(dx: list[Floats]) -> tuple[RowGradient, list[Floats]]:
            import scipy.sparse

            one = np.ones(N, table.dtype)
            once = scipy.sparse.csc_array((one, self.which, np.arange(N + 1)), shape=(U, N))
            totals = once @ np.hstack(dx)
            return RowGradient(self.touched, blocks.T @ totals), np.split(totals.sum(axis=0), ends)

        return np.split(blocks @ table[self.touched] + np.concatenate(starts), ends, axis=1), backprop
