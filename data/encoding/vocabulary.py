"""Vocabularies: symbols counted in training and their ids; independent of the order of the text."""

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import polars as pl

PAD, UNK = "<PAD>", "<UNK>"
PAD_ID, UNK_ID = 0, 1
SPECIALS = (PAD, UNK)


def count_symbols(frame: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Sum counts by symbol.

    Args:
        frame: `symbol` String (null: no symbol) and `count`, a symbol any number of times in any order.

    Returns:
        One row per symbol, sorted by count, highest first, ties by code point.
    """
    return (
        frame.lazy()
        .filter(pl.col("symbol").is_not_null())
        .group_by("symbol")
        .agg(pl.col("count").sum().cast(pl.Int64))
        .sort(["count", "symbol"], descending=[True, False])
        .collect()
    )


@dataclass(frozen=True)
class Vocabulary:
    """Symbols and their ids: `<PAD>` is 0, `<UNK>` is 1, then by count, ties by code point.

    The two specials are ids, not spellings: the word `<PAD>` in a text does not get id 0.
    """

    symbols: tuple[str, ...]  # from id 2 on
    counts: tuple[int, ...]  # of each symbol in training

    @classmethod
    def fit(
        cls,
        counts: pl.DataFrame | pl.LazyFrame,
        min_count: int = 1,
        max_size: int | None = None,
        more: pl.DataFrame | None = None,
    ) -> Self:
        """Fit a vocabulary to counts.

        Args:
            counts: `symbol` and `count`, as for `count_symbols`.
            min_count: a symbol with a lower count gets no id.
            max_size: most ids, the two specials included; the most frequent symbols are chosen.
            more: symbols of unlabelled text with their counts; they come last, with a count of 0.
        """
        known = count_symbols(counts).filter(pl.col("count") >= min_count)
        if more is not None:
            others = count_symbols(more).join(known, on="symbol", how="anti", maintain_order="left")
            known = pl.concat([known, others.with_columns(count=pl.lit(0, pl.Int64))])
        if max_size is not None:
            known = known.head(max(0, max_size - len(SPECIALS)))
        return cls(tuple(known["symbol"]), tuple(known["count"]))

    def __len__(self) -> int:
        return len(SPECIALS) + len(self.symbols)

    @cached_property
    def _ids(self) -> dict[str | None, int | None]:
        return {None: None} | dict(zip(self.symbols, itertools.count(len(SPECIALS)), strict=False))

    @cached_property
    def _counts(self) -> pl.Series:
        return pl.Series([0, 0, *self.counts], dtype=pl.Int64)

    def encode(self, symbols: pl.Series) -> pl.Series:
        """Ids of symbols, Int32: `<UNK>` for unknown symbols, null for null.

        A dict is faster than a cast to `pl.Enum`, which hashes all symbols of the vocabulary at each call.
        """
        return pl.Series([self._ids.get(symbol, UNK_ID) for symbol in symbols.to_list()], dtype=pl.Int32)

    def count_of(self, ids: pl.Series) -> pl.Series:
        """Count in training of the symbols of these ids, Int64; 0 for the specials."""
        return self._counts.gather(ids)

    def decode(self, ids: Sequence[int]) -> list[str]:
        """Symbols of ids."""
        table = (*SPECIALS, *self.symbols)
        return [table[i] for i in ids]

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; see `from_json`."""
        return {"symbols": list(self.symbols), "counts": list(self.counts)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Restore a vocabulary from `to_json`."""
        return cls(tuple(value["symbols"]), tuple(value["counts"]))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the symbols in order and their counts."""
        text = json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
