"""Polars expressions of the export formats: JSON strings and numbers, fixed decimals; columns to bytes."""

import json
from collections.abc import Callable

import numpy as np
import polars as pl

# Characters that JSON escapes, with their escapes as in `json.dumps(ensure_ascii=False)`.
_ESCAPES = {character: json.dumps(character)[1:-1] for character in ('"', "\\", *map(chr, range(32)))}
_ESCAPED = r'["\\\x00-\x1f]'
SMALLEST_PLAIN = 1e-4  # smaller numbers are written with an exponent


def to_utf8(lines: pl.Series) -> memoryview:
    """Concatenated UTF-8 bytes of a String column without nulls."""
    array = lines.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    at = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return memoryview(data or b"")[int(at[0]) : int(at[-1])]


def mapped(values: pl.Series, function: Callable[[str], str]) -> pl.Series:
    """Apply a function to the distinct values of a String column; null stays null."""
    distinct = values.unique().drop_nulls()
    results = pl.Series([function(value) for value in distinct], dtype=pl.String)
    return values.replace_strict(distinct, results, default=None, return_dtype=pl.String)


def json_escaped(values: pl.Series) -> pl.Series:
    """Content of JSON strings, without their quotes, as `json.dumps(ensure_ascii=False)` writes it."""
    return values.str.replace_many(_ESCAPES) if values.str.contains(_ESCAPED).any() else values


def json_strings(values: pl.Series) -> pl.Series:
    """JSON strings of a String column, as `json.dumps(ensure_ascii=False)` writes them; null is `null`."""
    quoted = pl.concat_str(pl.lit('"'), json_escaped(values), pl.lit('"'))
    return pl.select(quoted.fill_null("null")).to_series()


def json_numbers(values: pl.Series) -> pl.Series:
    """JSON numbers of a Float64 column, as `json.dumps` writes them; null is `null`."""
    plain = (values >= SMALLEST_PLAIN) & (values <= 1)
    text = values.cast(pl.String)
    if plain.all() and not values.null_count():
        return text
    others = (plain.fill_null(False)).not_().arg_true()
    return text.scatter(others, [json.dumps(value) for value in values.gather(others)])


def four_decimals(probability: pl.Expr) -> pl.Expr:
    """Float32 from 0 to 1 as `format(p, ".4f")`; "." for null.

    A Float32 times 10,000 is exact in Float64, so rounding half to even is that of `format`.
    """
    scaled = (probability.cast(pl.Float64) * 10_000).round(mode="half_to_even").cast(pl.Int64)
    decimals = (scaled % 10_000).cast(pl.String).str.zfill(4)
    return pl.concat_str((scaled // 10_000).cast(pl.String), pl.lit("."), decimals).fill_null(".")
