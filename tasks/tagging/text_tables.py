"""Tables of a window of tagged text: entities, documents and tokens."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.redaction.patterns import MODEL, Patterns
from elman.data.store import schema
from elman.data.text.strings import Strings, substrings
from elman.tasks.tagging.sentences import Sentences
from elman.tasks.tagging.windows import Window

if TYPE_CHECKING:
    from elman.tasks.models.text_tagger import Tagged, Tagger

Made = tuple[dict[str, pl.DataFrame], dict[str, int]]  # tables by name, counts
MakeTables = Callable[[Window], Iterator[Made]]  # of a window, perhaps part by part


@runtime_checkable
class Finishing(Protocol):
    """A function that makes tables and has more to give after the last window of a slice."""

    def finish(self) -> Iterator[Made]:
        """Yield the tables of what is left."""
        ...


@dataclass(frozen=True)
class FlatSentences:
    """All sentences of a window in flat arrays.

    Attributes:
        parts: the sentences by document.
        part: (n,) index in `parts` of each sentence.
        number: (n,) int32, of each in its document.
        offsets: (n + 1,): sentence i is tokens offsets[i] to offsets[i + 1].
        start, end: (N,) of the tokens in their document.
        text: the texts of all parts, joined.
        text_start, text_end: (N,) of the tokens in `text`.
    """

    parts: list[Sentences]
    part: np.ndarray
    number: np.ndarray
    offsets: np.ndarray
    start: np.ndarray
    end: np.ndarray
    text: str
    text_start: np.ndarray
    text_end: np.ndarray

    @classmethod
    def of(cls, parts: list[Sentences]) -> "FlatSentences":
        """Join sentences of several documents."""
        counts = _joined([np.diff(part.bounds) for part in parts])
        offsets = ragged.offsets_of(counts)
        before = ragged.offsets_of([len(part.text) for part in parts])
        moved = [part.text_start - part.start + at for part, at in zip(parts, before, strict=False)]
        shift = ragged.spread(_joined(moved), offsets)
        start = _joined([part.token_start for part in parts])
        end = _joined([part.token_end for part in parts])
        return cls(
            parts,
            np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
            _joined([part.number for part in parts], np.int32),
            offsets,
            start,
            end,
            "".join([part.text for part in parts]),
            start + shift,
            end + shift,
        )

    @property
    def document(self) -> np.ndarray:
        """Number of the document of each sentence, (n,); parts of one that follow each other count as one."""
        keys = [(part.source, part.document) for part in self.parts]
        new = [a != b for a, b in itertools.pairwise(keys)]
        number: np.ndarray = np.cumsum([0, *new])[self.part]
        return number

    def words(self) -> Strings:
        """Return the tokens."""
        return Strings.from_text(self.text, self.text_start, self.text_end)

    def key_columns(self, sentence: np.ndarray) -> dict[str, Any]:
        """Return the columns source, document and sentence of rows that belong to these sentences."""
        sources = pl.Series([part.source for part in self.parts], dtype=pl.String)
        documents = pl.Series([part.document for part in self.parts], dtype=pl.String)
        owner = self.part[sentence]
        named = {"source": sources.gather(owner), "document": documents.gather(owner)}
        return {**named, "sentence": self.number[sentence]}


def _joined(arrays: Sequence[np.ndarray], dtype: type = np.int64) -> np.ndarray:
    return np.concatenate(arrays).astype(dtype, copy=False) if arrays else np.empty(0, dtype)


def entity_tables(
    tagger: "Tagger",
    names: Sequence[str],
    reuse: bool = True,
    patterns: Patterns | None = None,
    thresholds: Mapping[str, float | None] | None = None,
) -> MakeTables:
    """Return a function that makes the tables of a window.

    Args:
        tagger: tags the sentences.
        names: of tables beside entities and documents: "tokens" or none.
        reuse: True to tag equal sentences once; see `Tagger.tag_flat`.
        patterns: found beside; their entities are a table of their own, "patterns".
        thresholds: of the probability by type; what is below is left out and counted as "below TYPE". None:
            all of the type.
    """
    least = None if thresholds is None else _least(tagger.types, thresholds)

    def tables(window: Window) -> Iterator[Made]:
        flat = FlatSentences.of(window.sentences)
        words = flat.words()
        units = tagger.units(flat.document, flat.number)
        tagged = tagger.tag_flat(words, flat.offsets, reuse, units)
        counts = {"sentences": len(flat.number), "tokens": len(words), "unknown": tagged.unknown}
        if least is not None:
            whole, tagged = tagged, tagged.above(least, flat.offsets)
            numbers = [np.bincount(of.spans.kind, minlength=len(least)) for of in (whole, tagged)]
            left_out = (numbers[0] - numbers[1]).tolist()
            counts |= {f"below {name}": n for name, n in zip(tagger.types, left_out, strict=True)}
        frames = {"data": _entity_rows(flat, tagged, tagger), "documents": document_rows(window.sentences)}
        if patterns is not None:
            frames["patterns"] = _pattern_rows(flat, patterns)
        if "tokens" in names:
            frames["tokens"] = _token_rows(flat, tagged, tagger, words)
        yield frames, counts

    return tables


def _least(types: Sequence[str], thresholds: Mapping[str, float | None]) -> np.ndarray:
    """Least probability of each type, float32 as probabilities are; that of a type without is infinite."""
    least = [thresholds.get(name) for name in types]
    return np.array([np.inf if threshold is None else threshold for threshold in least], np.float32)


def _entity_rows(flat: FlatSentences, tagged: "Tagged", tagger: "Tagger") -> pl.DataFrame:
    spans = tagged.spans
    order = np.lexsort((spans.start, spans.sequence))
    sequence = spans.sequence[order]
    begin = flat.offsets[sequence] + spans.start[order]
    last = flat.offsets[sequence] + spans.end[order] - 1
    columns = {
        **flat.key_columns(sequence),
        "start": flat.start[begin],
        "end": flat.end[last],
        "text": substrings(flat.text, flat.text_start[begin], flat.text_end[last]),
        "type": pl.Series(tagger.types, dtype=pl.String).gather(spans.kind[order]),
        "probability": np.asarray(spans.probability, np.float32)[order],
        "model": pl.repeat(tagger.version, len(order), dtype=pl.String, eager=True),
    }
    return pl.DataFrame(columns, schema=schema.ENTITIES)


def _pattern_rows(flat: FlatSentences, patterns: Patterns) -> pl.DataFrame:
    """Entities of patterns (schema.ENTITIES); their probability is 1, their model pattern:NAME."""
    first, last = flat.offsets[:-1], flat.offsets[1:] - 1
    begins, ends = flat.text_start[first].tolist(), flat.text_end[last].tolist()
    found = [
        (sentence, span)
        for sentence, (a, b) in enumerate(zip(begins, ends, strict=True))
        for span in patterns.find(flat.text[a:b])
    ]
    sequence = np.array([sentence for sentence, _ in found], np.int64)
    start = np.array([span.start for _, span in found], np.int64)
    end = np.array([span.end for _, span in found], np.int64)
    in_document, in_text = flat.start[first][sequence], flat.text_start[first][sequence]
    columns = {
        **flat.key_columns(sequence),
        "start": start + in_document,
        "end": end + in_document,
        "text": substrings(flat.text, start + in_text, end + in_text),
        "type": pl.Series([span.type for _, span in found], dtype=pl.String),
        "probability": np.ones(len(found), np.float32),
        "model": pl.Series([MODEL + span.type.lower() for _, span in found], dtype=pl.String),
    }
    return pl.DataFrame(columns, schema=schema.ENTITIES)


def document_rows(parts: Sequence[Sentences]) -> pl.DataFrame:
    """Rows of schema.TAGGED_DOCUMENTS of consecutive sentences."""
    rows = []
    for key, group in itertools.groupby(parts, key=lambda part: (part.source, part.document, part.line)):
        counts = [(len(part), len(part.token_start)) for part in group]
        rows.append((*key, *map(sum, zip(*counts, strict=True))))
    return pl.DataFrame(rows, schema=schema.TAGGED_DOCUMENTS, orient="row")


def _token_rows(flat: FlatSentences, tagged: "Tagged", tagger: "Tagger", words: Strings) -> pl.DataFrame:
    owner, chance = ragged.rows_of(flat.offsets), pl.Series(tagged.probability)
    return pl.DataFrame(
        {
            **flat.key_columns(owner),
            "start": flat.start,
            "end": flat.end,
            "text": words.series(),
            "tag": pl.Series(tagger.tags, dtype=pl.String).gather(tagged.tags),
            "probability": chance.fill_nan(None) if chance.is_nan().any() else chance,  # see `Tagged.above`
            "model": pl.repeat(tagger.version, len(words), dtype=pl.String, eager=True),
        },
        schema=schema.TOKENS,
    )
