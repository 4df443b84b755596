"""Strings that are entities: their types, and where they are not labelled."""

from typing import NamedTuple

import numpy as np
import polars as pl

from elman.data.quality.counts import Counts
from elman.data.quality.findings import EXAMPLES, Example, Finding, FindingBuilder
from elman.data.store.schema import SPLITS

LONGEST_ENTITY = 4  # tokens of an entity looked for where it is not labelled
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # of the hash of a token sequence, a polynomial in it
_FILTER_BITS = 22


class Tokens(NamedTuple):
    """Tokens of the labelled sentences of a frame.

    words, hashes (uint64), tags (IOB2) and sentence, the number of its sentence, are (N,); splits: of each
    sentence of the frame.
    """

    words: pl.Series
    hashes: np.ndarray
    tags: pl.Series
    sentence: np.ndarray
    splits: pl.Series


class EntityStrings:
    """Counts of entities by string and type over a corpus, which is read twice.

    `add` takes all of it; then `add_outside` takes it again, and counts where strings that are entities stand
    among tokens tagged O. Strings are compared by 64-bit hashes.
    """

    def __init__(self) -> None:
        self.types: dict[str, dict[str, int]] = {}
        self._counts = Counts(
            pl.Schema({"key": pl.UInt64, "type": pl.String}), pl.Schema({"text": pl.String})
        )
        self._known: np.ndarray | None = None  # keys looked for outside, ascending
        self._outside = np.empty(0, np.int64)
        self._filter = np.empty(0, bool)

    def add(self, tokens: Tokens) -> None:
        """Count the entities of a frame."""
        prefix = tokens.tags.str.slice(0, 1).to_numpy()
        starts = np.flatnonzero(prefix == "B")
        if not len(starts):
            return
        inside = np.append(prefix == "I", False)
        ends = starts + 1
        while (going := inside[ends]).any():
            ends = ends + going
        kinds = tokens.tags.gather(starts).str.slice(2)
        keys = tokens.hashes[starts]
        for step in range(1, int((ends - starts).max())):
            longer = ends - starts > step
            keys[longer] = keys[longer] * _FACTOR + tokens.hashes[starts[longer] + step]
        counted = (
            pl.DataFrame({"key": keys, "type": kinds, "at": np.arange(len(starts))})
            .group_by("key", "type", maintain_order=True)
            .agg(pl.col("at").first(), pl.len().alias("count"))
        )
        at = counted["at"].to_numpy()
        self._counts.add(counted.with_columns(text=_joined(tokens.words, starts[at], ends[at])))
        by_split = pl.DataFrame({"split": tokens.splits.gather(tokens.sentence[starts]), "type": kinds})
        for name, kind, count in by_split.group_by("split", "type", maintain_order=True).len().iter_rows():
            self.types.setdefault(kind, dict.fromkeys(SPLITS, 0))[name] += count

    def add_outside(self, tokens: Tokens) -> None:
        """Count strings of O tokens that are entities somewhere in the corpus."""
        if self._known is None:
            self._look_for()
        assert self._known is not None
        if not len(self._known):
            return
        prefix, last = tokens.tags.str.slice(0, 1).to_numpy(), len(tokens.hashes)
        at = np.flatnonzero(prefix == "O")
        outside, keys = prefix == "O", tokens.hashes[at]
        for length in range(1, LONGEST_ENTITY + 1):
            if length > 1:
                end = at + length - 1
                goes_on = end < last
                goes_on[goes_on] &= outside[end[goes_on]]
                goes_on[goes_on] &= tokens.sentence[end[goes_on]] == tokens.sentence[at[goes_on]]
                at, keys = at[goes_on], keys[goes_on]
                keys = keys * _FACTOR + tokens.hashes[at + length - 1]
            some = keys[self._filter[(keys >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)]]
            place = np.searchsorted(self._known, some)
            hit = self._known[np.minimum(place, len(self._known) - 1)] == some
            np.add.at(self._outside, place[hit], 1)

    def _look_for(self) -> None:
        table = self._counts.table().group_by("key").agg(pl.col("count").sum())
        self._known = table.filter(pl.col("count") >= 2)["key"].sort().to_numpy()
        self._outside = np.zeros(len(self._known), np.int64)
        self._filter = np.zeros(1 << _FILTER_BITS, bool)
        self._filter[(self._known >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)] = True

    def several_types(self) -> Finding | None:
        """Strings that are entities of several types."""
        table = self._counts.table()
        several = (
            table.group_by("key")
            .agg(
                pl.col("text").first(),
                pl.col("count").sum(),
                pl.col("type").sort_by("count", "type", descending=[True, False]),
                pl.col("count").sort(descending=True).alias("counts"),
            )
            .filter(pl.col("type").list.len() > 1)
            .sort("count", "text", descending=[True, False])
        )
        builder = FindingBuilder(
            "several-types",
            "note",
            "strings",
            "strings that are entities of several types",
            "Right for some names (Paris); look at the rarer type of each.",
        )
        builder.add(
            (
                Example(
                    f"{text}: " + ", ".join(f"{kind} {n:,}" for kind, n in zip(kinds, counts, strict=True))
                )
                for _, text, _, kinds, counts in several.head(EXAMPLES).iter_rows()
            ),
            several.height,
        )
        return builder.finding(table["key"].n_unique())

    def sometimes_unlabelled(self) -> Finding | None:
        """Strings that are mostly an entity and in some places are not labelled."""
        often = self._counts.table().group_by("key").agg(pl.col("text").first(), pl.col("count").sum())
        known = np.empty(0, np.uint64) if self._known is None else self._known
        outside = pl.DataFrame({"key": known, "outside": self._outside})
        both = (
            often.join(outside, on="key")
            .filter(pl.col("outside") > 0, pl.col("outside") < pl.col("count"))
            .sort("outside", "text", descending=[True, False])
        )
        builder = FindingBuilder(
            "sometimes-unlabelled",
            "warning",
            "strings",
            "strings that are mostly an entity and in some places are not labelled",
            "Look at the unlabelled places: a label may be missing.",
        )
        rows = both.head(EXAMPLES).select("text", "count", "outside").iter_rows()
        builder.add((Example(f"{text}: {a:,} labelled, {b:,} not") for text, a, b in rows), both.height)
        return builder.finding(len(often))


def _joined(words: pl.Series, starts: np.ndarray, ends: np.ndarray) -> pl.Series:
    """Token sequences starts[i] to ends[i] as strings, tokens joined by a space."""
    lengths = ends - starts
    owner = np.repeat(np.arange(len(starts)), lengths)
    at = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    frame = pl.DataFrame({"owner": owner, "word": words.gather(at)})
    joined = frame.group_by("owner", maintain_order=True).agg(pl.col("word").str.join(" "))
    return joined["word"]
