"""String table of fixed size: interns strings, so that memory does not grow with the input."""

import numpy as np
import numpy.typing as npt

DEFAULT_STRINGS = 1 << 16  # capacity of a string table
INPUT_CACHE_BYTES = 64 << 20  # size of a network's input cache for these strings


class StringTable:
    """Hash table of strings; the key is the code points (or bytes) and a mark of one byte.

    Args:
        size: capacity, in strings.
        arena: capacity, in code points or bytes of all strings together.
        longest: code points or bytes of the longest string that is stored.
        dtype: uint32 for code points, uint8 for bytes.
    """

    def __init__(self, size: int, arena: int, longest: int, dtype: npt.DTypeLike) -> None:
        self.longest = longest
        self._slots = np.empty(1 << (2 * size - 1).bit_length(), np.int32)
        self.arena = np.empty(max(arena, longest), dtype)
        self.places, self.lengths = np.empty(size, np.int64), np.empty(size, np.int64)
        self.marks = np.empty(size, np.uint8)
        self.clear()

    def clear(self) -> None:
        """Remove all strings."""
        self.known = 0
        self._slots.fill(-1)

    @property
    def nbytes(self) -> int:
        """Size of the table in bytes."""
        arrays = (self._slots, self.arena, self.places, self.lengths, self.marks)
        return sum(array.nbytes for array in arrays)

    def number(
        self, codes: np.ndarray, starts: np.ndarray, ends: np.ndarray, marks: np.ndarray, first: int = 0
    ) -> tuple[np.ndarray, int]:
        """Look up or insert the strings `codes[starts[i]:ends[i]]` with `marks[i]`, from i = `first` on.

        Returns:
            ids (m,) int32, filled in from `first` on, -1 for a string longer than `longest`; and the index
            after the last string that was looked up: less than m if the table is full.
        """
        from elman.data.text import scanner_kernels as kernels

        ids = np.empty(len(starts), np.int32)
        upto, self.known = kernels.look_up(
            codes, starts, ends, marks, first, self.longest,
            self._slots, self.arena, self.places, self.lengths, self.marks, self.known, ids,
        )  # fmt: skip
        return ids, upto
