"""Many short strings out of a long one, without a Python object for each."""

import numpy as np
import polars as pl
import pyarrow as pa


def substrings(text: str, starts: np.ndarray, ends: np.ndarray) -> pl.Series:
    """`text[a:b]` for each pair of starts and ends, (N,) in code points."""
    data = text.encode("utf-8")
    if len(data) > len(text):
        codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        widths = 1 + (codes > 0x7F) + (codes > 0x7FF) + (codes > 0xFFFF).astype(np.int64)
        places = np.concatenate([[0], np.cumsum(widths)])
        starts, ends = places[starts], places[ends]
    lengths = ends - starts
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    index = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    gathered = np.frombuffer(data, np.uint8)[index]
    buffers = [pa.py_buffer(offsets), pa.py_buffer(gathered)]
    array = pa.LargeStringArray.from_buffers(len(lengths), *buffers)
    return pl.Series(pl.from_arrow(array), dtype=pl.String)
