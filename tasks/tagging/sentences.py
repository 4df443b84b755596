"""Sentences of a document as arrays, and the records that tagging reads from a slice."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.data import ragged
from elman.data.formats.common.records import Document, Flat, Quarantined
from elman.data.genome.contigs import Contig

_MAX_GAPS = 2  # code points of text for each one in a sentence; texts with larger gaps are joined anew


@dataclass(frozen=True)
class Sentences:
    """Consecutive sentences of one document.

    Attributes:
        number: (n,) int32, of each sentence in the document, from 0.
        start: (n,) offset of each in the document, in code points.
        length: (n,) code points of each.
        text: holds all of them in order; there may be other text between them.
        text_start: (n,) offset of each in `text`.
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
    length: np.ndarray
    text: str
    text_start: np.ndarray
    bounds: np.ndarray
    token_start: np.ndarray
    token_end: np.ndarray
    sentence_records: bool = True
    begins_record: bool = True
    line: int | None = None
    byte_offset: int = 0

    def __len__(self) -> int:
        return len(self.number)

    @property
    def records(self) -> int:
        """Number of records that begin here."""
        return len(self) if self.sentence_records else int(self.begins_record)

    def texts(self) -> list[str]:
        """Return the text of each sentence."""
        ends = self.text_start + self.length
        return [self.text[a:b] for a, b in zip(self.text_start.tolist(), ends.tolist(), strict=True)]

    def slice(self, a: int, b: int) -> "Sentences":
        """Return sentences a to b, of which there is one at least."""
        if (a, b) == (0, len(self)):
            return self
        x, y = int(self.bounds[a]), int(self.bounds[b])
        low, high = int(self.text_start[a]), int(self.text_start[b - 1] + self.length[b - 1])
        return replace(
            self,
            number=self.number[a:b],
            start=self.start[a:b],
            length=self.length[a:b],
            text=self.text[low:high],
            text_start=self.text_start[a:b] - low,
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
            start, bounds, token_start, token_end = record.first, record.bounds, record.starts, record.ends
            length, text, text_start = record.last - start, record.text, start - record.at
            if len(text) > _MAX_GAPS * int(length.sum()):
                text, _, text_start = join_texts(record.texts())
        else:
            sentences = record.sentences
            start = np.array([sentence.start for sentence in sentences], np.int64)
            text, length, text_start = join_texts([sentence.text for sentence in sentences])
            bounds = ragged.offsets_of([len(sentence.token_start) for sentence in sentences])
            token_start = _flat(sentence.token_start for sentence in sentences)
            token_end = _flat(sentence.token_end for sentence in sentences)
        return cls(
            source,
            id,
            np.arange(number, number + len(start), dtype=np.int32),
            start,
            length,
            text,
            text_start,
            bounds,
            token_start,
            token_end,
            sentence_records=sentence_records,
            begins_record=number == 0,
            line=record.line,
            byte_offset=record.byte_offset,
        )


Record = Sentences | Contig | Quarantined


@dataclass(frozen=True)
class Passage:
    """Text of a document as it was read, or the next part of it; `start` is its place in the document."""

    source: str
    document: str
    start: int
    text: str


class Passages:
    """Takes the text of documents from their records, part after part without gaps or overlaps.

    Where a source has sentences alone (CoNLL, corpora), line ends stand between them.
    """

    def __init__(self) -> None:
        self._key = ("", "")
        self._end = 0  # of the text so far

    def of(self, sentences: Sentences, record: Document | Flat | None = None) -> Passage:
        """Return the text of the next sentences, which were made of this record."""
        key = (sentences.source, sentences.document)
        if isinstance(record, Flat):
            text, at = record.text, record.at
        elif record is not None and record.text is not None:
            text, at = record.text, 0
        else:
            text, at = _spaced(sentences), int(sentences.start[0])
        if key != self._key:
            whole = not isinstance(record, Flat) and sentences.number[0] == 0
            self._key, self._end = key, 0 if whole else at
        begin = self._end
        text = "\n" * (at - begin) + text[max(begin - at, 0) :]
        self._end += len(text)
        return Passage(*key, begin, text)


def _spaced(sentences: Sentences) -> str:
    """Text of sentences, with line ends for the characters between them."""
    gaps = sentences.start[1:] - (sentences.start + sentences.length)[:-1]
    texts = sentences.texts()
    return "".join([text + "\n" * gap for text, gap in zip(texts, [*gaps.tolist(), 0], strict=True)])


def join_texts(texts: Sequence[str]) -> tuple[str, np.ndarray, np.ndarray]:
    """Join texts; return with the length and offset of each in the whole, (n,)."""
    lengths = np.array([len(text) for text in texts], np.int64)
    return "".join(texts), lengths, np.cumsum(lengths) - lengths


def split_characters(sentences: Sentences) -> Sentences:
    """Replace tokens by their visible characters, each a token, as `records.by_character` does."""
    sizes = sentences.token_end - sentences.token_start
    owner = ragged.rows_of(sentences.bounds)
    split = np.bincount(owner, sizes > 1, len(sentences)) > 0  # sentences with tokens of several characters
    offsets = ragged.offsets_of(sizes)
    at = ragged.spread(sentences.token_start, offsets) + ragged.positions_of(offsets)
    of = ragged.spread(owner, offsets)
    codes = np.frombuffer(sentences.text.encode("utf-32-le", "surrogatepass"), np.uint32)
    distinct, which = np.unique(codes, return_inverse=True)
    visible = np.array([not chr(code).isspace() for code in distinct], bool)[which]
    wanted = visible[at - sentences.start[of] + sentences.text_start[of]] | ~split[of]
    at, of = at[wanted], of[wanted]
    bounds = ragged.offsets_of(np.bincount(of, minlength=len(sentences)))
    return replace(sentences, bounds=bounds, token_start=at, token_end=at + 1)


def without_text(document: Document | Flat) -> Quarantined:
    """Quarantine a record that has no token."""
    detail, todo = "expected tokens. Got nothing visible", "Fill the record, or leave it out."
    raw = document.id.encode("utf-8", "replace")
    return Quarantined(document.source, document.line, document.byte_offset, "no-text", detail, todo, raw)


def _flat(values: Iterable[Iterable[int]]) -> np.ndarray:
    return np.fromiter(itertools.chain.from_iterable(values), np.int64)
