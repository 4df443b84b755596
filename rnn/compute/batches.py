"""Sequences of symbols, and the packed time-major batches the network runs on.

A packed batch holds B sequences sorted by length, longest first. Its N rows are ordered by time: time step t
is the rows `starts[t]:starts[t + 1]`, one for each sequence that has such a step, so no padding is stored or
computed. Row i of step t + 1 follows row i of step t.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from elman.rnn.compute import arrays
from elman.rnn.compute.arrays import Int32, Int64
from elman.rnn.compute.ragged import offsets_of, positions_of, rows_of, take


@dataclass(frozen=True)
class Bags:
    """Feature bags: for every symbol, the table rows that are summed for it.

    Attributes:
        rows: (R,) table rows, bag m being `rows[offsets[m]:offsets[m + 1]]`.
        offsets: (M + 1,)
        unknown: (M,) the bag used when the word of m is dropped to <UNK> in training; m itself if never.
    """

    rows: Int32
    offsets: Int64
    unknown: Int32

    def __post_init__(self) -> None:
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.rows) or (np.diff(self.offsets) < 0).any():
            raise ValueError(
                f"bag offsets must rise from 0 to {len(self.rows)}. "
                f"Got {self.offsets[0]} to {self.offsets[-1]}"
            )
        if len(self.unknown) != len(self):
            raise ValueError(f"unknown must have shape ({len(self)},). Got {self.unknown.shape}")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def split_at(self, first: int) -> tuple["Bags", "Bags"]:
        """Bags of the rows below `first`, and bags of the rows from it on; computed once."""
        cached: dict[int, tuple[Bags, Bags]] = self.__dict__.setdefault("_split", {})
        if first not in cached:
            low = self.rows < first
            below = offsets_of(low)[self.offsets]
            cached[first] = (
                Bags(self.rows[low], below, self.unknown),
                Bags(self.rows[~low], self.offsets - below, self.unknown),
            )
        return cached[first]

    @classmethod
    def single(cls, rows: int, unknown: int | None = None) -> "Bags":
        """Bags of one row each, as in the article: symbol m is row m; dropped words become row `unknown`."""
        every = np.arange(rows, dtype=np.int32)
        swap = every if unknown is None else np.full(rows, unknown, np.int32)
        return cls(every, np.arange(rows + 1, dtype=np.int64), swap)


@dataclass(frozen=True)
class Sequences:
    """Sequences of symbols, flat.

    Attributes:
        tokens: (N,) the bag of each time step.
        offsets: (n + 1,) sequence i is `tokens[offsets[i]:offsets[i + 1]]`; none is empty.
        targets: (N * S,) class of each of the S outputs of a step, -1 where it is unknown; or None.
        flags: (N,) set of flags of each time step, see rnn/layers/flags.py; or None.
    """

    tokens: Int32
    offsets: Int64
    targets: Int32 | None = None
    flags: Int32 | None = None

    def __post_init__(self) -> None:
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.tokens) or (np.diff(self.offsets) <= 0).any():
            raise ValueError(
                f"sequence offsets must rise strictly from 0 to {len(self.tokens)}, as no sequence is empty. "
                f"Got {len(self)} from {self.offsets[0]} to {self.offsets[-1]}"
            )
        if self.targets is not None and len(self.targets) % max(len(self.tokens), 1):
            raise ValueError(
                f"targets must be S for each of {len(self.tokens)} steps. Got {len(self.targets)}"
            )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> Int64:
        """Steps of each sequence, (n,)."""
        return np.diff(self.offsets)

    def take(self, chosen: Int64) -> "Sequences":
        """The sequences of these numbers, in this order."""
        offsets, steps = take(self.offsets, chosen)
        flags = None if self.flags is None else self.flags[steps]
        if self.targets is None:
            return Sequences(self.tokens[steps], offsets, flags=flags)
        S = len(self.targets) // max(len(self.tokens), 1)
        targets = self.targets.reshape(-1, S)[steps].reshape(-1) if S else self.targets
        return Sequences(self.tokens[steps], offsets, targets, flags)


@dataclass(frozen=True)
class Batch:
    """A packed batch, time-major.

    Attributes:
        sequences: (B,) numbers of the sequences, longest first.
        starts: (T + 1,) step t is rows `starts[t]:starts[t + 1]`.
        places: (N,) index of each row in `Sequences.tokens`.
        tokens: (N,) the bag of each row.
        flags: (N,) set of flags of each row; or None.
    """

    sequences: Int64
    starts: Int64
    places: Int64
    tokens: Int32
    flags: Int32 | None = None

    @cached_property
    def counts(self) -> Int64:
        """Rows of each step, (T,)."""
        return np.diff(self.starts)

    @cached_property
    def steps(self) -> Int64:
        """Time step of each row, (N,)."""
        return rows_of(self.starts)

    @cached_property
    def columns(self) -> Int64:
        """Which of the B sequences each row belongs to, (N,)."""
        if arrays.COMPILED:
            from elman.rnn.compute import batches_kernels

            columns: Int64 = batches_kernels.columns(self.starts)
            return columns
        return positions_of(self.starts)

    @cached_property
    def previous(self) -> Int64:
        """The row one step earlier, for each row after the first step, (N - B,)."""
        return previous_rows(self.starts)

    def split(self, parts: int) -> tuple[Int64, Int64]:
        """Cut every step into S finer steps.

        Returns:
            starts (T * S + 1,) of the finer steps, and the finer row of output s of row r, (N, S).
        """
        if parts == 1:
            return self.starts, np.arange(len(self.places))[:, None]
        starts = offsets_of(np.repeat(self.counts, parts))
        first = starts[self.steps[:, None] * parts + np.arange(parts)]
        return starts, first + self.columns[:, None]

    def finer_order(self, parts: int) -> tuple[Int64, Int64]:
        """Starts as of `split`, and the order (N * S,) in which the outputs of all rows become finer rows."""
        starts, fine = self.split(parts)
        order = np.empty(fine.size, np.int64)
        order[fine.reshape(-1)] = np.arange(fine.size)
        return starts, order


def previous_rows(starts: Int64) -> Int64:
    """The row one step earlier, for each row after the first step."""
    if arrays.COMPILED:
        from elman.rnn.compute import batches_kernels

        found: Int64 = batches_kernels.previous_rows(starts)
        return found
    counts = np.diff(starts)
    rows: Int64 = np.arange(starts[1], starts[-1]) - np.repeat(counts[:-1], counts[1:])
    return rows


def last_rows(starts: Int64) -> Int64:
    """The last row of each sequence, the shortest sequences first."""
    counts = np.diff(starts)
    following = np.append(counts[1:], 0)
    ended = [np.arange(a + n, b) for a, b, n in zip(starts[:-1], starts[1:], following, strict=True)]
    rows: Int64 = np.concatenate(ended)
    return rows


def pack(sequences: Sequences, chosen: Int64, first: int = 0, last: int | None = None) -> Batch:
    """Pack the sequences of these numbers, longest first, ties in the order given.

    Args:
        sequences: all of them.
        chosen: numbers of those to pack.
        first, last: only time steps `first` to `last` of each, 0-based half-open; a sequence without such a
            step is left out. One at least has to have some.
    """
    whole = first == 0 and last is None
    if arrays.COMPILED and whole:
        from elman.rnn.compute import batches_kernels

        chosen = np.ascontiguousarray(chosen)  # the kernel would be compiled again for another
        return _flagged(Batch(*batches_kernels.pack(sequences.offsets, sequences.tokens, chosen)), sequences)
    lengths = sequences.lengths[chosen]
    if not whole:
        lengths = (lengths if last is None else np.minimum(lengths, last)) - first
        chosen, lengths = chosen[lengths > 0], lengths[lengths > 0]
    order = np.argsort(-lengths, kind="stable")
    chosen, lengths = chosen[order], lengths[order]
    starts = offsets_of(np.searchsorted(-lengths, -np.arange(1, lengths[0] + 1), side="right"))
    places = sequences.offsets[chosen][positions_of(starts)] + rows_of(starts) + first
    return _flagged(Batch(chosen, starts, places, sequences.tokens[places]), sequences)


def _flagged(batch: Batch, sequences: Sequences) -> Batch:
    return batch if sequences.flags is None else replace(batch, flags=sequences.flags[batch.places])


def shuffled(lengths: Int64, batch: int, rng: np.random.Generator, window: int = 16) -> list[Int64]:
    """Cut sequences into batches of like length: shuffle, sort inside windows, shuffle the batches.

    Args:
        lengths: (n,) steps of each sequence.
        batch: sequences in a batch.
        rng: decides the order.
        window: batches in a window; 1 is a plain shuffle.

    Returns:
        numbers of the sequences of each batch.
    """
    order = rng.permutation(len(lengths))
    batches = []
    for first in range(0, len(order), batch * window):
        some = order[first : first + batch * window]
        some = some[np.argsort(-lengths[some], kind="stable")]
        batches += [some[i : i + batch] for i in range(0, len(some), batch)]
    return [batches[i] for i in rng.permutation(len(batches))]


def by_length(lengths: Int64, steps: int) -> Iterator[Int64]:
    """Cut all sequences, longest first, into batches of at most `steps` steps (or one sequence)."""
    order = np.argsort(-lengths, kind="stable")
    ends = np.cumsum(lengths[order])
    first = done = 0
    while first < len(order):
        last = max(int(np.searchsorted(ends, done + steps, side="right")), first + 1)
        yield order[first:last]
        first, done = last, int(ends[last - 1])
