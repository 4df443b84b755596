"""Copying: the longest run of symbols that a generated piece shares with a training piece."""

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from elman.rnn.compute.ragged import offsets_of

LARGEST = 20_000_000  # symbols of training that are looked through; of more, copying is not looked for
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
        flat = list[int]()
        for place, piece in enumerate(pieces):
            flat += [self._numbers.setdefault(symbol, len(self._numbers) + 1) for symbol in piece]
            flat.append(-1 - place)  # between pieces stands what no piece has
        self._symbols = np.array(flat, np.int64)
        self._offsets = offsets_of([len(piece) + 1 for piece in pieces])
        self._sums, self._inverse = _prefixes(self._symbols)
        self._sorted = lru_cache(64)(self._sort)

    def longest(self, piece: Sequence[Hashable]) -> Copied:
        """The longest run of a piece that a training piece has; of several the first in training."""
        symbols = np.array([self._numbers.get(symbol, 0) for symbol in piece], np.int64)
        sums, inverse = _prefixes(symbols)
        low, high, found = 0, len(symbols), -1
        while low < high:  # if a run of n is copied, so is one of n - 1
            run = (low + high + 1) // 2
            at = self._find(_grams(sums, inverse, run), run)
            if at >= 0:
                low, found = run, at
            else:
                high = run - 1
        if low == 0:
            return Copied(0, None)
        return Copied(low, self.ids[int(np.searchsorted(self._offsets, found, side="right")) - 1])

    def _find(self, grams: np.ndarray, run: int) -> int:
        """First place in training of any of these runs; -1 if there is none."""
        known, order = self._sorted(run)
        if not len(known):
            return -1
        at = np.minimum(np.searchsorted(known, grams), len(known) - 1)
        places = order[at[known[at] == grams]]
        return int(places.min()) if len(places) else -1

    def _sort(self, run: int) -> tuple[np.ndarray, np.ndarray]:
        grams = _grams(self._sums, self._inverse, run)
        order = np.argsort(grams, kind="stable")
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
