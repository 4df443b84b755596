"""Word cache: feature bags of distinct words, in a table of fixed size.

A word's bag depends on the word alone (if no template reads neighbours), so after a while a bulk run sees few
new words. Results depend on the requested words alone, not on the content of the cache.
"""

import threading
from typing import NamedTuple

import numpy as np

from elman.data.encoding.features import Bags, Features, bag_ids, contexts, distinct
from elman.data.text import string_kernels as kernels
from elman.data.text.string_table import StringTable
from elman.data.text.strings import Strings

DEFAULT_WORDS = 1 << 16  # capacity of the cache
WORD_BYTES, WORD_ROWS = 16, 32  # reserved per word: bytes of its string, rows of its bag
LONGEST = 1 << 10  # bytes of the longest word that is cached
AT_ONCE = 1 << 12  # new words whose bags are computed at a time


class CacheSlots(NamedTuple):
    """Slots of words in a cache, keys for further caches.

    Attributes:
        slots: (U,) int32, below the capacity.
        generation: number of times the cache has been cleared; slots of another generation hold other words.
    """

    slots: np.ndarray
    generation: int


class WordCache:
    """Looks up the feature bags of words, with one table per thread.

    Args:
        features: compute the bags.
        size: capacity in words; a request with more distinct words bypasses the cache.
    """

    def __init__(self, features: Features, size: int = DEFAULT_WORDS) -> None:
        self.features = features
        self._size = size
        self._local = threading.local()  # one table per thread

    def bags(self, words: Strings, offsets: np.ndarray) -> tuple[np.ndarray, Bags, CacheSlots | None]:
        """Bag ids of words in context, and the bags.

        Args:
            words: (N,) tokens of all sentences.
            offsets: (n + 1,) ragged offsets of the sentences.

        Returns:
            ids (N,) int32, by first occurrence if a bag depends on the word alone; the bags, without
            replacements; and the slot of each id in this thread's table, if all words are in it.
        """
        table: _Table | None = getattr(self._local, "table", None)
        if table is None:
            table = self._local.table = _Table(self.features, self._size)
        cached = None if self.features.reach else table.look_up(words)
        if cached is not None:
            return cached
        frame = contexts(words.series(), offsets, self.features.reach)
        keys = distinct(frame)
        return bag_ids(frame, keys), self.features.bags(keys, stand_ins=False), None


class _Table:
    def __init__(self, features: Features, size: int) -> None:
        self.features = features
        self.strings = StringTable(size, WORD_BYTES * size, LONGEST, np.uint8)
        self.rows, self.offsets = np.empty(WORD_ROWS * size, np.int32), np.zeros(size + 1, np.int64)
        self.generation = 0

    def clear(self) -> None:
        self.strings.clear()
        self.generation += 1

    def look_up(self, words: Strings) -> tuple[np.ndarray, Bags, CacheSlots] | None:
        """Bag ids, bags and slots; None if the table cannot hold all of the words at once."""
        marks = np.zeros(len(words), np.uint8)
        before = self.strings.known
        ids, upto = self.strings.number(words.data, words.starts, words.ends, marks)
        if upto < len(words):
            self.clear()
            before = 0
            ids, upto = self.strings.number(words.data, words.starts, words.ends, marks)
        if upto < len(words) or (len(ids) and ids.min() < 0):
            self.clear()
            return None
        if not self._add_bags(before):
            self.clear()
            return None
        numbers, order = kernels.renumber(ids, self.strings.known)
        rows, offsets = kernels.gather_bags(self.rows, self.offsets, order)
        bags = Bags(rows, offsets, np.arange(len(order), dtype=np.int32), len(order))
        return numbers, bags, CacheSlots(order, self.generation)

    def _add_bags(self, before: int) -> bool:
        """Compute the bags of the words numbered from `before` on; False if the table is too small."""
        for first in range(before, self.strings.known, AT_ONCE):
            new = slice(first, min(first + AT_ONCE, self.strings.known))
            starts = self.strings.places[new]
            series = Strings(self.strings.arena, starts, starts + self.strings.lengths[new]).series()
            bags = self.features.bags(contexts(series, np.array([0, len(series)]), 0), stand_ins=False)
            begin = self.offsets[first]
            if begin + len(bags.rows) > len(self.rows):
                return False
            self.rows[begin : begin + len(bags.rows)] = bags.rows
            self.offsets[first + 1 : new.stop + 1] = begin + bags.offsets[1:]
        return True


def equal_sentences(numbers: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct sentences, and the distinct sentence that each sentence equals.

    Args:
        numbers: (N,) bag ids of the tokens of all sentences.
        offsets: (n + 1,) ragged offsets of the sentences.

    Returns:
        indices of the first occurrences (u,), and for each sentence an index into these (n,).
    """
    first = kernels.first_equal(numbers, offsets)
    chosen = np.flatnonzero(first == np.arange(len(first)))
    return chosen, np.searchsorted(chosen, first)
