"""Quality checks of a text corpus, a frame of sentences at a time.

Memory is bounded: of sentences hashes are kept, on disk where there are many; of words and entities counts,
without the rarest where there are more than `counts.MOST_KEYS`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from elman.data.encoding.encode import tokens_of
from elman.data.quality.characters import CharacterChecks
from elman.data.quality.counts import Counts
from elman.data.quality.entity_strings import EntityStrings, Tokens
from elman.data.quality.findings import Example, Finding, FindingBuilder, Severity, by_severity
from elman.data.quality.sentence_table import SentenceTable
from elman.data.quality.similar_sentences import SIMILAR, SimilarSentences
from elman.data.store.schema import SPLITS

_SEED = 11  # of the hashes of words
SHOWN = 80  # characters of a sentence shown
VOCABULARY = 10_000  # words of the article's vocabulary
LONG = 10  # tokens from which equal sentences are no chance
RARE_TYPE = 10  # entities in training below which a type is called rare
BINS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # tokens; lower edges of the histogram of lengths


class _Check(NamedTuple):
    code: str
    severity: Severity
    detail: str
    todo: str


@dataclass
class TextChecks:
    """Statistics and findings of a text corpus; `check_text` makes them."""

    splits: dict[str, dict[str, int]] = field(default_factory=dict)
    lengths: dict[str, list[int]] = field(default_factory=dict)
    characters: CharacterChecks = field(default_factory=CharacterChecks)
    _words: Counts = field(
        default_factory=lambda: Counts(pl.Schema([("split", pl.Enum(SPLITS)), ("word", pl.UInt64())]))
    )
    _entities: EntityStrings = field(default_factory=EntityStrings)
    _sentences: SentenceTable = field(default_factory=SentenceTable)
    _similar: SimilarSentences = field(default_factory=lambda: SimilarSentences(LONG))
    _repeated: list[Finding] = field(default_factory=list)

    @property
    def types(self) -> dict[str, dict[str, int]]:
        """Entities by type and split."""
        return self._entities.types

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
        owner = split.cast(pl.Enum(SPLITS)).gather(np.repeat(np.arange(len(lengths)), lengths))
        hashes = words.hash(_SEED)
        self._words.add(pl.DataFrame({"split": owner, "word": hashes}))
        self._entities.add(_labelled(frame, words, hashes.to_numpy(), offsets))
        self._similar.add(frame, _lower(words), offsets, self._sentences.rows)
        self._sentences.add(frame, lengths)
        self.characters.add(frame)

    def add_again(self, frame: pl.DataFrame) -> None:
        """Take a frame once more, after `add` has taken all."""
        words, offsets = tokens_of(frame)
        self._entities.add_outside(_labelled(frame, words, words.hash(_SEED).to_numpy(), offsets))
        self._similar.add_training(frame, _lower(words), offsets)

    def find_repeated(self, frames: Callable[[], Iterable[pl.DataFrame]]) -> None:
        """Find repeated sentences, whose examples are looked up in the frames."""
        found: list[tuple[_Check, int | None, int, list[int]]] = [
            (check, None, *self._sentences.select(key, query)) for check, key, query in _SENTENCE_CHECKS
        ]
        for check, (count, of, rows) in (
            (_SIMILAR_ACROSS, self._similar.across()),
            (_SIMILAR, self._similar.within()),
        ):
            found.append((check, of, count, rows))
        places = _look_up(frames, {row for *_, rows in found for row in rows})
        for check, total, count, rows in found:
            builder = FindingBuilder(check.code, check.severity, "sentences", check.detail, check.todo)
            builder.add((places[row] for row in rows), count)
            if (finding := builder.finding(total)) is not None:
                self._repeated.append(finding)

    def vocabulary(self) -> dict[str, dict[str, float]]:
        """Share of unknown words by split.

        Returns:
            by split: unseen, share of tokens whose word does not occur in training; beyond_vocabulary, share
            outside of the 10,000 most frequent words of training.
        """
        words = self._words.table()
        train = words.filter(pl.col("split") == "train").sort(["count", "word"], descending=[True, False])
        out = {}
        for name in SPLITS:
            own = words.filter(pl.col("split") == name)
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
            *self._repeated,
            self._entities.several_types(),
            self._entities.sometimes_unlabelled(),
            self._rare_types(),
            self._missing_splits(),
        ]
        return by_severity(finding for finding in found if finding)

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


def _lower(words: pl.Series) -> np.ndarray:
    """(N,) uint64, hashes of words in lower case."""
    hashes: np.ndarray = words.str.to_lowercase().hash(_SEED).to_numpy()
    return hashes


def _labelled(frame: pl.DataFrame, words: pl.Series, hashes: np.ndarray, offsets: np.ndarray) -> Tokens:
    """The tokens of the labelled sentences of a frame."""
    lengths = np.diff(offsets)
    chosen = np.repeat(frame["tags"].is_not_null().to_numpy(), lengths)
    tags = frame["tags"].list.explode(empty_as_null=False, keep_nulls=False)
    sentence = np.repeat(np.arange(frame.height), lengths)[chosen]
    return Tokens(words.filter(pl.Series(chosen)), hashes[chosen], tags, sentence, frame["split"])


def _look_up(frames: Callable[[], Iterable[pl.DataFrame]], rows: set[int]) -> dict[int, Example]:
    """Sentences by their number in the corpus."""
    found: dict[int, Example] = {}
    first = 0
    for frame in frames() if rows else ():
        here = [row - first for row in sorted(rows) if first <= row < first + frame.height]
        columns = pl.col("text").str.slice(0, SHOWN), "source", "document", "byte_offset", "start"
        for row, (text, source, document, *at) in zip(
            here, frame.select(columns)[here].iter_rows(), strict=True
        ):
            found[first + row] = Example(text, source, document, at=(at[0], at[1]))
        first += frame.height
        if len(found) == len(rows):
            break
    return found


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


_SENTENCE_CHECKS: tuple[tuple[_Check, str, Callable[[pl.DataFrame], pl.DataFrame]], ...] = (
    (
        _Check(
            "duplicate-across-splits",
            "warning",
            "sentences of dev or test that occur in training, too",
            "Split by document or source, or remove them: they make test scores too high.",
        ),
        "exact",
        _also_in_training("exact", LONG // 2),
    ),
    (
        _Check(
            "near-duplicate-across-splits",
            "warning",
            "sentences of dev or test that differ from one of training in case, digits or punctuation alone",
            "Keep sentences made from one template in one split.",
        ),
        "near",
        _also_in_training("near", LONG),
    ),
    (
        _Check(
            "duplicate",
            "note",
            f"sentences of {LONG} and more tokens that occur in their split already",
            "Remove repeated documents, unless the repetition is real.",
        ),
        "exact",
        _repeated,
    ),
    (
        _Check(
            "conflicting-sentence-labels",
            "warning",
            "sentences labelled differently in different places",
            "Label them alike.",
        ),
        "exact",
        _labelled_differently,
    ),
)
_ALIKE = f"share most word pairs (estimated Jaccard similarity {SIMILAR} and more)"
_SIMILAR_ACROSS = _Check(
    "similar-across-splits",
    "warning",
    f"long sentences of dev or test that {_ALIKE} with one of training",
    "Keep versions of one text in one split.",
)
_SIMILAR = _Check(
    "similar",
    "note",
    f"long sentences that {_ALIKE} with an earlier one of their split",
    "Remove other versions of a text, unless they are meant.",
)


def check_text(frames: Callable[[], Iterable[pl.DataFrame]]) -> TextChecks:
    """Check a text corpus.

    Args:
        frames: returns the corpus in frames of schema.TEXT, the same at each call; it is read three times.
    """
    checks = TextChecks()
    for frame in frames():
        checks.add(frame)
    for frame in frames():
        checks.add_again(frame)
    checks.find_repeated(frames)
    return checks
