"""Quality checks of a text corpus, a frame of sentences at a time.

Memory is bounded: sentences and documents are remembered as 8-byte hashes, words and entities as counts that
are pruned to the most frequent once there are more than `MOST_KEYS`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from elman.data.encoding.encode import tokens_of
from elman.data.quality.characters import CharacterChecks
from elman.data.quality.findings import EXAMPLES, Example, Finding, FindingBuilder, Severity, by_severity
from elman.data.quality.sentence_table import SentenceTable
from elman.data.store.schema import SPLITS

MOST_KEYS = 4_000_000  # distinct words, entities or hashes counted exactly
VOCABULARY = 10_000  # words of the article's vocabulary
LONG = 10  # tokens from which equal sentences are no chance
RARE_TYPE = 10  # entities in training below which a type is called rare
LONGEST_ENTITY = 4  # tokens of an entity looked for where it is not labelled
BINS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # tokens; lower edges of the histogram of lengths


@dataclass
class TextChecks:
    """Statistics and findings of a text corpus; `add` takes its frames, `findings` judges the whole."""

    splits: dict[str, dict[str, int]] = field(default_factory=dict)
    types: dict[str, dict[str, int]] = field(default_factory=dict)
    lengths: dict[str, list[int]] = field(default_factory=dict)
    characters: CharacterChecks = field(default_factory=CharacterChecks)
    _words: pl.DataFrame = field(default_factory=lambda: _empty("split", "word"))
    _entities: pl.DataFrame = field(default_factory=lambda: _empty("text", "type"))
    _grams: pl.DataFrame = field(default_factory=lambda: _empty("text"))
    _sentences: SentenceTable = field(default_factory=SentenceTable)

    def add(self, frame: pl.DataFrame) -> None:
        """Take sentences, rows of schema.TEXT."""
        words, offsets = tokens_of(frame)
        lengths = np.diff(offsets)
        split = frame["split"]
        for name in split.unique().to_list():
            own = (split == name).to_numpy()
            some = frame.filter(pl.Series(own))
            counts = self.splits.setdefault(name, dict.fromkeys(("sentences", "tokens", "labelled"), 0))
            counts["sentences"] += some.height
            counts["tokens"] += int(lengths[own].sum())
            counts["labelled"] += some.height - some["tags"].null_count()
            bins = np.bincount(np.searchsorted(BINS, lengths[own], "right"), minlength=len(BINS) + 1)
            before = np.array(self.lengths.get(name, [0] * (len(BINS) + 1)))
            self.lengths[name] = (before + bins).tolist()
        self._words = _counted(
            self._words,
            pl.DataFrame({"split": split.gather(np.repeat(np.arange(len(lengths)), lengths)), "word": words}),
        )
        self._add_entities(frame, words, offsets)
        self._sentences.add(frame, lengths)
        self.characters.add(frame)

    def _add_entities(self, frame: pl.DataFrame, words: pl.Series, offsets: np.ndarray) -> None:
        """Count entities by type and split, and token sequences by whether they are labelled."""
        labelled = frame["tags"].is_not_null().to_numpy()
        tags = frame["tags"].list.explode(empty_as_null=False, keep_nulls=False)
        chosen = np.repeat(labelled, np.diff(offsets))
        words = words.filter(pl.Series(chosen))
        sentence = np.repeat(np.arange(frame.height), np.diff(offsets))[chosen]
        if not len(words):
            return
        prefix = tags.str.slice(0, 1).to_numpy()
        starts = np.flatnonzero(prefix == "B")
        inside = np.append(prefix == "I", False)
        ends = starts + 1
        while (going := inside[ends]).any():
            ends = ends + going
        kinds = tags.gather(starts).str.slice(2)
        texts = _joined(words, starts, ends)
        self._entities = _counted(self._entities, pl.DataFrame({"text": texts, "type": kinds}))
        by_split = pl.DataFrame({"split": frame["split"].gather(sentence[starts]), "type": kinds})
        for name, kind, count in by_split.group_by("split", "type").len().iter_rows():
            counts = self.types.setdefault(kind, dict.fromkeys(SPLITS, 0))
            counts[name] += count
        outside = np.flatnonzero(prefix == "O")
        for length in range(1, LONGEST_ENTITY + 1):
            at = outside[outside + length <= len(prefix)]
            whole = np.ones(len(at), bool)
            for step in range(1, length):
                whole &= (prefix[at + step] == "O") & (sentence[at + step] == sentence[at])
            at = at[whole]
            known = _joined(words, at, at + length)
            grams = pl.DataFrame({"text": known}).join(
                self._entities.select("text").unique(), on="text", how="semi"
            )
            self._grams = _counted(self._grams, grams)

    def vocabulary(self) -> dict[str, dict[str, float]]:
        """Share of unknown words by split.

        Returns:
            by split: unseen, share of tokens whose word does not occur in training; beyond_vocabulary, share
            outside of the 10,000 most frequent words of training.
        """
        train = self._words.filter(pl.col("split") == "train").sort(
            ["count", "word"], descending=[True, False]
        )
        out = {}
        for name in SPLITS:
            own = self._words.filter(pl.col("split") == name)
            total = _sum(own)
            if name != "train" and total:
                unseen = _sum(own.join(train, on="word", how="anti"))
                beyond = _sum(own.join(train.head(VOCABULARY - 2), on="word", how="anti"))
                out[name] = {"unseen": unseen / total, "beyond_vocabulary": beyond / total}
        return out

    def findings(self) -> list[Finding]:
        """All findings, the gravest first."""
        found = [
            *(builder.finding() for builder in self.characters.builders),
            *self._sentence_findings(),
            self._conflicting_strings(),
            self._unlabelled_strings(),
            self._rare_types(),
            self._missing_splits(),
        ]
        return by_severity(finding for finding in found if finding)

    def _sentence_findings(self) -> Iterator[Finding | None]:
        for code, severity, key, query, detail, todo in _SENTENCE_CHECKS:
            builder = FindingBuilder(code, severity, "sentences", detail, todo)
            count, rows = self._sentences.select(key, query)
            if count:
                some = rows.select("text", "source", "document").iter_rows()
                builder.add((Example(text, source, document) for text, source, document in some), count)
            yield builder.finding()

    def _conflicting_strings(self) -> Finding | None:
        several = (
            self._entities.group_by("text")
            .agg(
                pl.len().alias("types"),
                pl.col("count").sum(),
                pl.col("type").sort_by("count", descending=True),
                pl.col("count").sort(descending=True).alias("counts"),
            )
            .filter(pl.col("types") > 1)
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
                for text, _, _, kinds, counts in several.head(EXAMPLES).iter_rows()
            ),
            several.height,
        )
        return builder.finding(self._entities["text"].n_unique())

    def _unlabelled_strings(self) -> Finding | None:
        often = self._entities.group_by("text").agg(pl.col("count").sum())
        both = (
            often.join(self._grams, on="text", suffix="_outside")
            .filter(
                (pl.col("count_outside") > 0)
                & (pl.col("count") >= 2)
                & (pl.col("count_outside") < pl.col("count"))
            )
            .sort("count_outside", "text", descending=[True, False])
        )
        builder = FindingBuilder(
            "sometimes-unlabelled",
            "warning",
            "strings",
            "strings that are mostly an entity and in some places are not labelled",
            "Look at the unlabelled places: a label may be missing.",
        )
        builder.add(
            (Example(f"{text}: {a:,} labelled, {b:,} not") for text, a, b in both.head(EXAMPLES).iter_rows()),
            both.height,
        )
        return builder.finding(len(often))

    def _rare_types(self) -> Finding | None:
        rare = {kind: counts["train"] for kind, counts in self.types.items() if counts["train"] < RARE_TYPE}
        builder = FindingBuilder(
            "rare-type",
            "warning",
            "types",
            f"types with fewer than {RARE_TYPE} entities in training",
            "Label more of them, or leave the type out.",
        )
        builder.add(Example(f"{kind}: {count}") for kind, count in sorted(rare.items()))
        return builder.finding(len(self.types))

    def _missing_splits(self) -> Finding | None:
        builder = FindingBuilder(
            "no-labels",
            "warning",
            "splits",
            "splits without a labelled sentence",
            "Give labelled data for it, or let it be split off (no --as).",
        )
        empty = [name for name in SPLITS if not self.splits.get(name, {}).get("labelled")]
        builder.add(Example(name) for name in empty)
        return builder.finding(len(SPLITS))

    def to_json(self) -> dict[str, Any]:
        """Statistics as plain values."""
        return {
            "splits": self.splits,
            "types": self.types,
            "lengths": {"lower_edges": list(BINS), **self.lengths},
            "unknown_words": self.vocabulary(),
        }


def _sum(counts: pl.DataFrame) -> int:
    return int(counts["count"].sum())


def _empty(*columns: str) -> pl.DataFrame:
    return pl.DataFrame(schema={**dict.fromkeys(columns, pl.String), "count": pl.Int64})


def _counted(known: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Add the rows of a frame to counts; beyond MOST_KEYS the rarest are dropped."""
    keys = [name for name in known.columns if name != "count"]
    new = more.group_by(keys).agg(pl.len().cast(pl.Int64).alias("count"))
    total = pl.concat([known, new.select(known.columns)]).group_by(keys).agg(pl.col("count").sum())
    if total.height > MOST_KEYS:
        total = total.sort("count", *keys, descending=[True, *[False] * len(keys)]).head(MOST_KEYS // 2)
    return total.select(known.columns)


def _joined(words: pl.Series, starts: np.ndarray, ends: np.ndarray) -> pl.Series:
    """Token sequences starts[i] to ends[i] as strings, tokens joined by a space."""
    lengths = ends - starts
    owner = np.repeat(np.arange(len(starts)), lengths)
    at = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    frame = pl.DataFrame({"owner": owner, "word": words.gather(at)})
    joined = frame.group_by("owner", maintain_order=True).agg(pl.col("word").str.join(" "))
    return joined["word"]


def _also_in_training(key: str, least_tokens: int) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Query of the sentences of dev and test whose hash occurs in training, too."""

    def query(rows: pl.DataFrame) -> pl.DataFrame:
        rows = rows.filter(pl.col("tokens") >= least_tokens)
        train = rows.filter(pl.col("split") == "train").select(key, seen="exact").unique()
        others = rows.filter(pl.col("split") != "train")
        matches = others.join(train.select(key).unique(), on=key, how="semi", maintain_order="left")
        if key == "near":  # equal sentences are counted by the other check
            matches = matches.join(
                train.select(exact="seen").unique(), on="exact", how="anti", maintain_order="left"
            )
        return matches

    return query


def _repeated(rows: pl.DataFrame) -> pl.DataFrame:
    """Sentences that occur before in the same split."""
    rows = rows.filter(pl.col("tokens") >= LONG)
    return rows.filter(~pl.struct("split", "exact").is_first_distinct())


def _labelled_differently(rows: pl.DataFrame) -> pl.DataFrame:
    """One sentence for each way in which equal sentences are labelled, where there are several ways."""
    ways = rows.filter("labelled").unique(["exact", "labels"], maintain_order=True)
    return ways.filter(pl.col("exact").is_duplicated())


_SENTENCE_CHECKS: tuple[tuple[str, Severity, str, Callable[[pl.DataFrame], pl.DataFrame], str, str], ...] = (
    (
        "duplicate-across-splits",
        "warning",
        "exact",
        _also_in_training("exact", LONG // 2),
        "sentences of dev or test that occur in training, too",
        "Split by document or source, or remove them: they make test scores too high.",
    ),
    (
        "near-duplicate-across-splits",
        "warning",
        "near",
        _also_in_training("near", LONG),
        "sentences of dev or test that differ from one of training in case, digits or punctuation alone",
        "Keep sentences made from one template in one split.",
    ),
    (
        "duplicate",
        "note",
        "exact",
        _repeated,
        f"sentences of {LONG} and more tokens that occur in their split already",
        "Remove repeated documents, unless the repetition is real.",
    ),
    (
        "conflicting-sentence-labels",
        "warning",
        "exact",
        _labelled_differently,
        "sentences labelled differently in different places",
        "Label them alike.",
    ),
)


def check_text(frames: Iterable[pl.DataFrame]) -> TextChecks:
    """Check a text corpus given in frames of schema.TEXT."""
    checks = TextChecks()
    for frame in frames:
        checks.add(frame)
    return checks
