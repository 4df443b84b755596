"""Sentences that share most of their word pairs with another one, found by MinHash in bounded memory.

The signature of a sentence is the least of its hashed word pairs under each of HASHES hash functions; the
share of equal places of two signatures estimates the Jaccard similarity of their pairs (Broder, 1997).
Sentences whose signatures agree in a band of BAND places are compared (locality-sensitive hashing: Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, section 3.4).
"""

import numpy as np
import polars as pl

from elman.data.quality.findings import EXAMPLES

HASHES, BAND = 24, 3
SIMILAR = 0.6  # estimated Jaccard similarity
MOST_COMPARED = 250_000  # sentences of dev, of test, and of training that are kept; some 150 bytes each
_KEYS = [f"band{number}" for number in range(HASHES // BAND)]
_RANDOM = np.random.default_rng(7)
_FACTORS = _RANDOM.integers(1, 1 << 63, HASHES, np.uint64) | np.uint64(1)
_SUMMANDS = _RANDOM.integers(0, 1 << 63, HASHES, np.uint64)
_MIX = np.uint64(0x9E3779B97F4A7C15)


class SimilarSentences:
    """Finds similar sentences over a corpus, which is read twice.

    `add` takes all of it and keeps the first MOST_COMPARED long sentences of each split; sentences within a
    split are compared among these. `add_training` takes the training sentences again: each is compared with
    the kept ones of dev and test.
    """

    def __init__(self, least_tokens: int) -> None:
        self.least_tokens = least_tokens
        self._kept: dict[str, list[pl.DataFrame]] = {}
        self._rows: dict[str, int] = {}
        self._others: pl.DataFrame | None = None
        self._found = np.empty(0, bool)

    def add(self, frame: pl.DataFrame, hashes: np.ndarray, offsets: np.ndarray, first_row: int) -> None:
        """Keep long sentences.

        Args:
            frame: of schema.TEXT.
            hashes: (N,) uint64, of the words of all sentences in lower case.
            offsets: (n + 1,) ragged offsets of the sentences.
            first_row: number of the first sentence in the corpus.
        """
        for split in frame["split"].unique(maintain_order=True).to_list():
            room = MOST_COMPARED - self._rows.get(split, 0)
            long = (np.diff(offsets) >= self.least_tokens) & (frame["split"] == split).to_numpy()
            chosen = np.flatnonzero(long)[:room]
            if len(chosen):
                table = _signed(frame, hashes, offsets, chosen, first_row)
                self._kept.setdefault(split, []).append(table)
                self._rows[split] = self._rows.get(split, 0) + table.height

    def add_training(self, frame: pl.DataFrame, hashes: np.ndarray, offsets: np.ndarray) -> None:
        """Compare the training sentences of a frame with those kept of dev and test; see `add`."""
        if self._others is None:
            kept = [table for split, tables in self._kept.items() if split != "train" for table in tables]
            self._others = pl.concat(kept).sort("row") if kept else pl.DataFrame()
            self._found = np.zeros(self._others.height, bool)
        long = (np.diff(offsets) >= self.least_tokens) & (frame["split"] == "train").to_numpy()
        chosen = np.flatnonzero(long)
        if len(chosen) and self._others.height:
            self._found |= _similar(self._others, _signed(frame, hashes, offsets, chosen, 0), earlier=False)

    def across(self) -> tuple[int, int, list[int]]:
        """Sentences of dev and test similar to one of training: how many, of how many, the first rows."""
        others = self._others if self._others is not None else pl.DataFrame()
        rows = others.filter(pl.Series(self._found))["row"].to_list() if others.height else []
        return len(rows), others.height, rows[:EXAMPLES]

    def within(self) -> tuple[int, int, list[int]]:
        """Sentences similar to an earlier one of their split: how many, of how many, the first rows."""
        count, compared, first = 0, 0, list[int]()
        for tables in self._kept.values():
            table = pl.concat(tables)
            rows = table.filter(pl.Series(_similar(table, table, earlier=True)))["row"].to_list()
            count, compared = count + len(rows), compared + table.height
            first = sorted([*first, *rows[:EXAMPLES]])[:EXAMPLES]
        return count, compared, first


def _signed(
    frame: pl.DataFrame, hashes: np.ndarray, offsets: np.ndarray, chosen: np.ndarray, first_row: int
) -> pl.DataFrame:
    """Columns row, near, signature and the keys of the bands of some sentences."""
    lengths = np.diff(offsets)[chosen]
    starts = np.cumsum(lengths) - lengths
    words = hashes[np.repeat(offsets[chosen] - starts, lengths) + np.arange(lengths.sum())]
    pairs = words[:-1] * _MIX + words[1:]
    inside = np.ones(len(pairs), bool)
    inside[starts[1:] - 1] = False  # the last word of a sentence and the first of the next
    pairs, starts = pairs[inside], starts - np.arange(len(starts))
    signature = np.empty((len(chosen), HASHES), np.uint64)
    for number, (factor, summand) in enumerate(zip(_FACTORS, _SUMMANDS, strict=True)):
        mixed = pairs * factor + summand
        signature[:, number] = np.minimum.reduceat(mixed ^ (mixed >> np.uint64(29)), starts)
    bands = signature.reshape(len(chosen), -1, BAND)
    keys = (bands[:, :, 0] * _MIX + bands[:, :, 1]) * _MIX + bands[:, :, 2]
    near = frame["text"].gather(chosen).str.to_lowercase().str.replace_all(r"\P{L}+", " ").hash(2)
    return pl.DataFrame(
        {
            "row": pl.Series(first_row + chosen, dtype=pl.UInt32),
            "near": near,
            "signature": pl.Series((signature >> np.uint64(40)).astype(np.uint16)),
            **{name: keys[:, number] for number, name in enumerate(_KEYS)},
        }
    )


def _similar(queries: pl.DataFrame, table: pl.DataFrame, earlier: bool) -> np.ndarray:
    """(n,) True for queries with a similar sentence in a table; with `earlier`, one of a lower row.

    Of the sentences of the table with one key, a query is compared with the first; equal sentences, but for
    case, digits and punctuation, do not count.
    """
    own, theirs = (frame["signature"].to_numpy() for frame in (queries, table))
    found = np.zeros(queries.height, bool)
    left = queries.select("near", "row", *_KEYS).with_row_index("own")
    distinct = table.select("near", "row", *_KEYS).with_row_index("their").unique("near", maintain_order=True)
    for key in _KEYS:
        pairs = left.select("own", "near", "row", key).join(
            distinct.select("their", "near", "row", key).unique(key, keep="first", maintain_order=True),
            on=key,
            suffix="_their",
        )
        pairs = pairs.filter(pl.col("near") != pl.col("near_their"))
        if earlier:
            pairs = pairs.filter(pl.col("row") > pl.col("row_their"))
        at, partner = pairs["own"].to_numpy(), pairs["their"].to_numpy()
        found[at[(own[at] == theirs[partner]).mean(1) >= SIMILAR]] = True
    return found
