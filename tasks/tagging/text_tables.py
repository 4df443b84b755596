"""Shards of tagged text and DNA: where sources are cut, and the tables of what is found in each cut."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from elman.data.formats.records import Quarantined
from elman.data.genome.contigs import Contig
from elman.data.store import schema
from elman.data.text.strings import Strings, substrings
from elman.tasks.tagging.inputs import Part, Record

if TYPE_CHECKING:
    from elman.tasks.models.text_tagger import Tagged, Tagger


@dataclass
class Cut:
    """What goes into one shard.

    records: those that begin in it, refused ones included; size: characters or bases; last: of its source.
    """

    parts: list[Part] = field(default_factory=list)
    contigs: list[Contig] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    records: int = 0
    size: int = 0
    last: bool = False


Tables = Callable[[Cut], tuple[dict[str, pl.DataFrame], dict[str, int]]]


def cuts(records: Iterable[Record], shard_size: int) -> Iterator[Cut]:
    """Cut the records of a source into shards of about `shard_size` characters or bases, the same always.

    A shard ends after the record, or sentence, that fills it.
    """
    cut = Cut()
    for record in records:
        if isinstance(record, Part):
            ends = np.cumsum([len(text) + 1 for text in record.texts])
            done = 0
            while done < len(record):
                if cut.size >= shard_size:
                    yield cut
                    cut = Cut()
                before = int(ends[done - 1]) if done else 0
                upto = int(np.searchsorted(ends, before + shard_size - cut.size)) + 1
                upto = min(upto, len(record))
                part = record.slice(done, upto)
                cut.parts.append(part)
                cut.records += part.records
                cut.size += int(ends[upto - 1]) - before
                done = upto
            continue
        if cut.size >= shard_size:
            yield cut
            cut = Cut()
        cut.records += 1
        if isinstance(record, Contig):
            cut.contigs.append(record)
            cut.size += len(record.bases)
        else:
            cut.quarantined.append(record)
            cut.size += len(record.raw)
    cut.last = True
    yield cut


@dataclass(frozen=True)
class Flattened:
    """The sentences of a shard in a row.

    Attributes:
        part: (n,) which part each sentence is of.
        number: (n,) int32, of each in its document.
        offsets: (n + 1,): sentence i is tokens offsets[i] to offsets[i + 1].
        start, end: (N,) of the tokens in their document.
        text: the texts of all sentences, one after the other.
        at, until: (N,) where the tokens stand in `text`.
    """

    parts: list[Part]
    part: np.ndarray
    number: np.ndarray
    offsets: np.ndarray
    start: np.ndarray
    end: np.ndarray
    text: str
    at: np.ndarray
    until: np.ndarray

    @classmethod
    def of(cls, parts: list[Part]) -> "Flattened":
        """The sentences of some parts."""
        texts = [text for part in parts for text in part.texts]
        counts = _joined([np.diff(part.bounds) for part in parts], np.int64)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        lengths = np.array([len(text) for text in texts], np.int64)
        moved = np.cumsum(lengths) - lengths - _joined([part.start for part in parts], np.int64)
        shift = np.repeat(moved, counts)
        start = _joined([part.token_start for part in parts], np.int64)
        end = _joined([part.token_end for part in parts], np.int64)
        owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        number = _joined([part.number for part in parts], np.int32)
        return cls(parts, owner, number, offsets, start, end, "".join(texts), start + shift, end + shift)

    def words(self) -> Strings:
        """The tokens."""
        return Strings.from_text(self.text, self.at, self.until)

    def named(self, sentence: np.ndarray) -> dict[str, Any]:
        """The columns source, document and sentence of rows that belong to these sentences."""
        sources = pl.Series([part.source for part in self.parts], dtype=pl.String)
        documents = pl.Series([part.document for part in self.parts], dtype=pl.String)
        owner = self.part[sentence]
        named = {"source": sources.gather(owner), "document": documents.gather(owner)}
        return {**named, "sentence": self.number[sentence]}


def _joined(arrays: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(arrays).astype(dtype, copy=False) if arrays else np.empty(0, dtype)


def entities(tagger: "Tagger", formats: Sequence[str], reuse: bool = True) -> Tables:
    """Tables of tagged text: entities, documents and, for CoNLL, tokens; `reuse` as of tag_flat."""

    def tables(cut: Cut) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
        flat = Flattened.of(cut.parts)
        words = flat.words()
        tagged = tagger.tag_flat(words, flat.offsets, reuse)
        frames = {"data": _entity_rows(flat, tagged, tagger), "documents": _document_rows(cut.parts)}
        if {"conll", "tokens"} & set(formats):
            frames["tokens"] = _token_rows(flat, tagged, tagger, words)
        counts = {"sentences": len(flat.number), "tokens": len(words), "unknown": tagged.unknown}
        counts["rows"] = frames["data"].height
        return frames, counts

    return tables


def _entity_rows(flat: Flattened, tagged: "Tagged", tagger: "Tagger") -> pl.DataFrame:
    spans = tagged.spans
    order = np.lexsort((spans.start, spans.sequence))
    sequence = spans.sequence[order]
    begin = flat.offsets[sequence] + spans.start[order]
    last = flat.offsets[sequence] + spans.end[order] - 1
    columns = {
        **flat.named(sequence),
        "start": flat.start[begin],
        "end": flat.end[last],
        "text": substrings(flat.text, flat.at[begin], flat.until[last]),
        "type": pl.Series(tagger.types, dtype=pl.String).gather(spans.kind[order]),
        "probability": np.asarray(spans.probability, np.float32)[order],
        "model": pl.repeat(tagger.version, len(order), dtype=pl.String, eager=True),
    }
    return pl.DataFrame(columns, schema=schema.ENTITIES)


def _document_rows(parts: Sequence[Part]) -> pl.DataFrame:
    rows = []
    for place, group in itertools.groupby(parts, key=lambda part: (part.source, part.document, part.line)):
        counts = [(len(part), len(part.token_start)) for part in group]
        rows.append((*place, *map(sum, zip(*counts, strict=True))))
    return pl.DataFrame(rows, schema=schema.TAGGED_DOCUMENTS, orient="row")


def _token_rows(flat: Flattened, tagged: "Tagged", tagger: "Tagger", words: Strings) -> pl.DataFrame:
    owner = np.repeat(np.arange(len(flat.number)), np.diff(flat.offsets))
    return pl.DataFrame(
        {
            **flat.named(owner),
            "start": flat.start,
            "end": flat.end,
            "text": words.series(),
            "tag": pl.Series(tagger.tags, dtype=pl.String).gather(tagged.tags),
            "probability": tagged.probability,
            "model": pl.repeat(tagger.version, len(words), dtype=pl.String, eager=True),
        },
        schema=schema.TOKENS,
    )
