"""One-hot blocks looked up in tables, and the way back of the gradient to the touched rows only.

N rows, K touched table rows, D table width.
"""

from collections.abc import Callable

import numpy as np

from rnn.arrays import Floats, Int32, RowGradient
from rnn.batches import Bags


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
        x, backprop = self.sums(table)
        return np.take(x, self.which, axis=0), backprop

    def sums(self, table: Floats) -> tuple[Floats, Callable[[Floats], RowGradient]]:
        """`times` with one row for each distinct bag, (U, D); of N rows still is what its backprop takes."""
        blocks, N = self.blocks.astype(table.dtype, copy=False), len(self.which)
        x: Floats = blocks @ table[self.touched]

        def backprop(dx: Floats) -> RowGradient:
            import scipy.sparse

            one = np.ones(N, dx.dtype)
            once = scipy.sparse.csc_array((one, self.which, np.arange(N + 1)), shape=(blocks.shape[0], N))
            return RowGradient(self.touched, blocks.T @ (once @ dx))

        return x, backprop
