"""Copying: the longest run of symbols that a generated piece shares with a training piece."""

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from elman.rnn.compute.ragged import offsets_of

LARGEST = 20_000_000  # symbols of training that are looked through; of more, copying is not looked for
BYTES = 100  # of memory for each of them, at most
_KEPT = 4  # lengths of runs whose sorted hashes are kept
_AT_ONCE = 1 << 18  # pairs of places that are compared at a time
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2^64


class Copied(NamedTuple):
    """A copied run: its length in symbols, and the training piece it is of; 0 and None if there is none."""

    run: int
    source: str | None


class TrainingRuns:
    """The runs of the training pieces, found by rolling hashes modulo 2^64.

    Args:
        ids: of the training pieces.
        pieces: their symbols.
    """

    def __init__(self, ids: Sequence[str], pieces: Sequence[Sequence[Hashable]]) -> None:
        self.ids, self._numbers = ids, dict[Hashable, int]()
        self._offsets = offsets_of([len(piece) + 1 for piece in pieces])
        symbols = np.empty(int(self._offsets[-1]), np.int32)
        for place, piece in enumerate(pieces):
            begin, end = self._offsets[place], self._offsets[place + 1] - 1
            symbols[begin:end] = [
                self._numbers.setdefault(symbol, len(self._numbers) + 1) for symbol in piece
            ]
            symbols[end] = -1 - place  # between pieces stands what no piece has
        self._sums, self._inverse = _prefixes(symbols)
        self._sorted = lru_cache(_KEPT)(self._sort)
        self._likely = 16  # a power of 2: the run that the last piece had, or somewhat less

    def longest(self, piece: Sequence[Hashable]) -> Copied:
        """The longest run of a piece that a training piece has; of several the first in training."""
        symbols = np.array([self._numbers.get(symbol, 0) for symbol in piece], np.int32)
        own = _prefixes(symbols)
        # a run of 2n is copied only if one of n is, so the power of 2 below the longest is found first
        run, pairs = self._likely, self._pairs(own, self._likely)
        while run > 1 and not len(pairs[0]):
            run //= 2
            pairs = self._pairs(own, run)
        if not len(pairs[0]):
            return Copied(0, None)
        while len((further := self._pairs(own, 2 * run))[0]):
            run, pairs = 2 * run, further
        self._likely = run
        length, at = self._extended(own, run, *pairs)
        return Copied(length, self.ids[int(np.searchsorted(self._offsets, at, side="right")) - 1])

    def _pairs(self, own: tuple[np.ndarray, np.ndarray], run: int) -> tuple[np.ndarray, np.ndarray]:
        """Places in the piece and in training with the same run of this length."""
        known, order = self._sorted(run)
        grams = _grams(*own, run)
        low, high = np.searchsorted(known, grams), np.searchsorted(known, grams, side="right")
        counts = high - low
        places = np.repeat(np.arange(len(grams)), counts)
        within = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        return places, order[np.repeat(low, counts) + within].astype(np.int64)

    def _extended(
        self, own: tuple[np.ndarray, np.ndarray], run: int, places: np.ndarray, found: np.ndarray
    ) -> tuple[int, int]:
        """The longest run that begins with one of these, shorter than 2 * run, and its first place."""
        longest, first = 0, 0
        for begin in range(0, len(places), _AT_ONCE):
            here, there = places[begin : begin + _AT_ONCE], found[begin : begin + _AT_ONCE]
            length, more = np.full(len(here), run), run // 2
            while more:
                ends = length + more
                fits = (here + ends < len(own[0])) & (there + ends < len(self._sums))
                at, to = here[fits], there[fits]
                same = (own[0][at + ends[fits]] - own[0][at]) * own[1][at] == (
                    self._sums[to + ends[fits]] - self._sums[to]
                ) * self._inverse[to]
                length[np.flatnonzero(fits)[same]] += more
                more //= 2
            best = int(length.max())
            if best >= longest:
                place = int(there[length == best].min())
                first = min(first, place) if best == longest else place
                longest = best
        return longest, first

    def _sort(self, run: int) -> tuple[np.ndarray, np.ndarray]:
        grams = _grams(self._sums, self._inverse, run)
        order = np.argsort(grams, kind="stable").astype(np.int32)
        return grams[order], order


def _prefixes(symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of symbol i times BASE^i before each place, and BASE^-i, modulo 2^64."""
    powers = np.cumprod(np.append(np.uint64(1), np.full(len(symbols), _BASE)))
    inverse_base = np.uint64(pow(int(_BASE), -1, 1 << 64))
    inverse = np.cumprod(np.append(np.uint64(1), np.full(len(symbols), inverse_base)))
    # symbols are mixed first, or the hashes of small numbers would meet
    mixed = (symbols.astype(np.uint64) + np.uint64(0x632BE59BD9B4E019)) * np.uint64(0xD6E8FEB86659FD93)
    mixed ^= mixed >> np.uint64(32)
    return np.append(np.uint64(0), np.cumsum(mixed * powers[:-1])), inverse


def _grams(sums: np.ndarray, inverse: np.ndarray, run: int) -> np.ndarray:
    """Hash of each run of so many symbols."""
    count = len(sums) - run
    grams: np.ndarray = (sums[run:] - sums[:count]) * inverse[:count] if count > 0 else sums[:0]
    return grams
