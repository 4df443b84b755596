"""Strings met before, numbered, in a table of fixed size: memory does not grow with what is read."""

import numpy as np
import numpy.typing as npt

DEFAULT_STRINGS = 1 << 16  # strings, where nothing else is said
INPUT_CACHE_BYTES = 64 << 20  # bytes of what a network keeps of them, likewise


class StringTable:
    """A table of strings, told apart by their code points (or bytes) and a mark of one byte each.

    Args:
        size: strings kept.
        arena: code points or bytes of all of them.
        longest: those of a string that is kept.
        dtype: uint32 for code points, uint8 for bytes.
    """

    def __init__(self, size: int, arena: int, longest: int, dtype: npt.DTypeLike) -> None:
        self.longest = longest
        self._slots = np.empty(1 << (2 * size - 1).bit_length(), np.int32)
        self.arena = np.empty(max(arena, longest), dtype)
        self.places, self.lengths = np.empty(size, np.int64), np.empty(size, np.int64)
        self.marks = np.empty(size, np.uint8)
        self.forget()

    def forget(self) -> None:
        """Start anew."""
        self.known = 0
        self._slots.fill(-1)

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        arrays = (self._slots, self.arena, self.places, self.lengths, self.marks)
        return sum(array.nbytes for array in arrays)

    def number(
        self, codes: np.ndarray, starts: np.ndarray, ends: np.ndarray, marks: np.ndarray, first: int = 0
    ) -> tuple[np.ndarray, int]:
        """Number the strings `codes[starts[i]:ends[i]]` from i = `first` on, those of equal marks alike.

        Returns:
            numbers (m,) int32, filled in from `first` on, -1 for a string that is too long to be kept; and
            the string after the last that was numbered: the table is full unless that is m.
        """
        from elman.data.text import scanner_kernels as kernels

        ids = np.empty(len(starts), np.int32)
        upto, self.known = kernels.look_up(
            codes, starts, ends, marks, first, self.longest,
            self._slots, self.arena, self.places, self.lengths, self.marks, self.known, ids,
        )  # fmt: skip
        return ids, upto
