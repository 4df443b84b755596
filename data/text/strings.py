"""Arrays of strings as byte ranges of one buffer, without a Python object for each string."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from elman.data import ragged


@dataclass(frozen=True, eq=False)
class Strings:
    """Array of N strings: string i is `data[starts[i]:ends[i]]`; ranges may overlap and stand in any order.

    Attributes:
        data: (R,) uint8, UTF-8.
        starts, ends: (N,) int64, byte positions.
    """

    data: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def __post_init__(self) -> None:
        """Let none of the arrays be written: kernels would be compiled again for those that may be."""
        for name in ("data", "starts", "ends"):
            array = getattr(self, name).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def from_text(cls, text: str, starts: np.ndarray, ends: np.ndarray) -> "Strings":
        """Slices `text[a:b]` for each pair of starts and ends, (N,) in code points."""
        data = text.encode("utf-8")
        if len(data) > len(text):
            codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
            widths = (codes > 0x7F).astype(np.int64)
            widths += codes > 0x7FF
            widths += codes > 0xFFFF
            widths += 1
            places = ragged.offsets_of(widths)
            starts, ends = places[starts], places[ends]
        return cls(np.frombuffer(data, np.uint8), starts, ends)

    @classmethod
    def from_series(cls, series: pl.Series) -> "Strings":
        """Convert a String column without nulls."""
        array = series.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
        _, offsets, data = array.buffers()
        at = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        return cls(np.frombuffer(data or b"", np.uint8), at[:-1], at[1:])

    def __len__(self) -> int:
        return len(self.starts)

    def slice(self, a: int, b: int) -> "Strings":
        """Strings a to b, 0-based half-open."""
        return Strings(self.data, self.starts[a:b], self.ends[a:b])

    def series(self) -> pl.Series:
        """Convert to a String column."""
        from elman.data.text import string_kernels as kernels

        gathered, offsets = kernels.join(self.data, self.starts, self.ends)
        buffers = [pa.py_buffer(offsets), pa.py_buffer(gathered)]
        array = pa.LargeStringArray.from_buffers(len(self), *buffers)
        return pl.Series(pl.from_arrow(array), dtype=pl.String)


def substrings(text: str, starts: np.ndarray, ends: np.ndarray) -> pl.Series:
    """Slices `text[a:b]` for each pair of starts and ends, (N,) in code points, as a String column."""
    return Strings.from_text(text, starts, ends).series()
