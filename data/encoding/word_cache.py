"""The bags of words, looked up once for each word and kept in a table of fixed size.

A word's bag depends on the word alone (where no block looks at neighbours), so a bulk run meets few new words
after a while. What is returned depends on the words asked for alone, not on what the table held before.
"""

import threading
from typing import NamedTuple

import numpy as np

from elman.data.encoding.features import Bags, Features, bag_ids, contexts, distinct
from elman.data.text import string_kernels as kernels
from elman.data.text.string_table import StringTable
from elman.data.text.strings import Strings

DEFAULT_WORDS = 1 << 16  # kept
WORD_BYTES, WORD_ROWS = 16, 32  # of the table for each of them: bytes, and rows of their bags
LONGEST = 1 << 10  # bytes of a word that is kept
AT_ONCE = 1 << 12  # new words looked up at a time


class CacheSlots(NamedTuple):
    """What the table calls the words it was asked for.

    Attributes:
        names: (U,) int32, below the table's size.
        age: how often the table has been filled anew: names of another age are of other words.
    """

    names: np.ndarray
    age: int


class WordCache:
    """Looks up the bags of words.

    Args:
        features: whose bags.
        size: words kept; where more different ones are asked for at once, they are looked up without it.
    """

    def __init__(self, features: Features, size: int = DEFAULT_WORDS) -> None:
        self.features = features
        self._size = size
        self._own = threading.local()  # a table for each thread

    def bags(self, words: Strings, offsets: np.ndarray) -> tuple[np.ndarray, Bags, CacheSlots | None]:
        """Number the contexts of words, and find the bag of each number.

        Args:
            words: (N,) of all sentences in a row.
            offsets: (n + 1,) where sentences begin and the last ends.

        Returns:
            numbers (N,) int32, counted in the order they come where a bag depends on the word alone; the
            bags, without stand-ins; and what this thread's table calls each number, if it has them all.
        """
        table: _Table | None = getattr(self._own, "table", None)
        if table is None:
            table = self._own.table = _Table(self.features, self._size)
        found = None if self.features.reach else table.look_up(words)
        if found is not None:
            return found
        frame = contexts(words.series(), offsets, self.features.reach)
        keys = distinct(frame)
        return bag_ids(frame, keys), self.features.bags(keys, stand_ins=False), None


class _Table:
    def __init__(self, features: Features, size: int) -> None:
        self.features = features
        self.strings = StringTable(size, WORD_BYTES * size, LONGEST, np.uint8)
        self.rows, self.offsets = np.empty(WORD_ROWS * size, np.int32), np.zeros(size + 1, np.int64)
        self.age = 0

    def forget(self) -> None:
        self.strings.forget()
        self.age += 1

    def look_up(self, words: Strings) -> tuple[np.ndarray, Bags, CacheSlots] | None:
        """Numbers, bags and names; None if the table cannot hold all of the words at once."""
        marks = np.zeros(len(words), np.uint8)
        before = self.strings.known
        ids, upto = self.strings.number(words.data, words.starts, words.ends, marks)
        if upto < len(words):
            self.forget()
            before = 0
            ids, upto = self.strings.number(words.data, words.starts, words.ends, marks)
        if upto < len(words) or (len(ids) and ids.min() < 0):
            self.forget()
            return None
        if not self._learn(before):
            self.forget()
            return None
        numbers, order = kernels.renumber(ids, self.strings.known)
        rows, offsets = kernels.gather_bags(self.rows, self.offsets, order)
        bags = Bags(rows, offsets, np.arange(len(order), dtype=np.int32), len(order))
        return numbers, bags, CacheSlots(order, self.age)

    def _learn(self, before: int) -> bool:
        """Look up the bags of the words numbered from `before` on; says whether there is room for all."""
        for first in range(before, self.strings.known, AT_ONCE):
            new = slice(first, min(first + AT_ONCE, self.strings.known))
            starts = self.strings.places[new]
            series = Strings(self.strings.arena, starts, starts + self.strings.lengths[new]).series()
            found = self.features.bags(contexts(series, np.array([0, len(series)]), 0), stand_ins=False)
            begin = self.offsets[first]
            if begin + len(found.rows) > len(self.rows):
                return False
            self.rows[begin : begin + len(found.rows)] = found.rows
            self.offsets[first + 1 : new.stop + 1] = begin + found.offsets[1:]
        return True


def equal_sentences(numbers: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sentences that are worth looking at, and for each sentence which of these it equals.

    Args:
        numbers: (N,) of the contexts of all sentences in a row.
        offsets: (n + 1,) where sentences begin and the last ends.

    Returns:
        numbers of the sentences that come for the first time (u,), and (n,) places in these.
    """
    first = kernels.first_equal(numbers, offsets)
    chosen = np.flatnonzero(first == np.arange(len(first)))
    return chosen, np.searchsorted(chosen, first)
