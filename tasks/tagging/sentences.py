"""Sentences of a document as arrays, and the records that tagging reads from a slice."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from elman.data import ragged
from elman.data.formats import records as text_records
from elman.data.formats.records import Document, Flat, Quarantined, Sentence
from elman.data.genome.contigs import Contig


@dataclass(frozen=True)
class Sentences:
    """Consecutive sentences of one document.

    Attributes:
        number: (n,) int32, of each sentence in the document, from 0.
        start: (n,) offset of each in the document, in code points.
        texts: of each.
        bounds: (n + 1,): sentence i is tokens bounds[i] to bounds[i + 1].
        token_start, token_end: (N,) offsets in the document, 0-based half-open.
        sentence_records: True if every sentence is a record of its own (CoNLL, corpora).
        begins_record: True if, where the document is the record, it begins with the first sentence.
        line: of the source where the document begins, from 1; None where there are no lines.
        byte_offset: of the record, or of the slice it is in, in the source.
    """

    source: str
    document: str
    number: np.ndarray
    start: np.ndarray
    texts: list[str]
    bounds: np.ndarray
    token_start: np.ndarray
    token_end: np.ndarray
    sentence_records: bool = True
    begins_record: bool = True
    line: int | None = None
    byte_offset: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def records(self) -> int:
        """Number of records that begin here."""
        return len(self) if self.sentence_records else int(self.begins_record)

    def slice(self, a: int, b: int) -> "Sentences":
        """Return sentences a to b."""
        x, y = int(self.bounds[a]), int(self.bounds[b])
        return replace(
            self,
            number=self.number[a:b],
            start=self.start[a:b],
            texts=self.texts[a:b],
            bounds=self.bounds[a : b + 1] - x,
            token_start=self.token_start[x:y],
            token_end=self.token_end[x:y],
            begins_record=self.begins_record and a == 0,
        )

    @classmethod
    def of(
        cls, source: str, id: str, number: int, record: Document | Flat, sentence_records: bool
    ) -> "Sentences":
        """Convert a document that a reader gave; its sentences are numbered from `number` on."""
        if isinstance(record, Flat):
            start, texts, bounds = record.first, record.texts(), record.bounds
            token_start, token_end = record.starts, record.ends
        else:
            sentences = record.sentences
            start = np.array([sentence.start for sentence in sentences], np.int64)
            texts = [sentence.text for sentence in sentences]
            bounds = ragged.offsets_of([len(sentence.token_start) for sentence in sentences])
            token_start = _flat(sentence.token_start for sentence in sentences)
            token_end = _flat(sentence.token_end for sentence in sentences)
        return cls(
            source,
            id,
            np.arange(number, number + len(texts), dtype=np.int32),
            start,
            texts,
            bounds,
            token_start,
            token_end,
            sentence_records=sentence_records,
            begins_record=number == 0,
            line=record.line,
            byte_offset=record.byte_offset,
        )


Record = Sentences | Contig | Quarantined


def split_characters(sentences: Sentences) -> Sentences:
    """Replace tokens by their visible characters; see `data.formats.records.by_character`."""
    split = []
    rows = zip(
        sentences.start.tolist(), sentences.texts, itertools.pairwise(sentences.bounds.tolist()), strict=True
    )
    for start, text, (a, b) in rows:
        spans = tuple(sentences.token_start[a:b].tolist()), tuple(sentences.token_end[a:b].tolist())
        split.append(text_records.by_character(Sentence(start, start + len(text), text, *spans)))
    document = Document(sentences.document, sentences.source, tuple(split))
    made = Sentences.of(sentences.source, sentences.document, 0, document, sentence_records=True)
    return replace(made, number=sentences.number)


def without_text(document: Document | Flat) -> Quarantined:
    """Quarantine a record that has no token."""
    detail, todo = "expected tokens. Got nothing visible", "Fill the record, or leave it out."
    raw = document.id.encode("utf-8", "replace")
    return Quarantined(document.source, document.line, document.byte_offset, "no-text", detail, todo, raw)


def _flat(values: Iterable[Iterable[int]]) -> np.ndarray:
    return np.fromiter(itertools.chain.from_iterable(values), np.int64)
