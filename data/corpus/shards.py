"""Shards of a corpus: tables made from records, and the split of each document.

`text_shards`, `dna_shards`, `music_shards` (data/corpus/music_shards.py) and `speech_shards`
(data/corpus/speech_shards.py) divide a stream of records of any length into shards of about `SHARD_BYTES` of
input. `data.corpus.reconcile` then compares the documents of all shards, new and old.

Besides its rows a corpus has a table `documents`, whose digests show what it has already, and, where
documents have a label as a whole, a table `labels`.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from elman.data import ragged
from elman.data.corpus.contig_pieces import PIECE, pieces
from elman.data.formats.common.records import Document, Flat, Quarantined, Sentence
from elman.data.formats.common.slices import SeenIds
from elman.data.formats.registry import Record, text_format
from elman.data.genome.contigs import Contig
from elman.data.store import schema

SHARD_BYTES = 16 << 20
CHARACTERS_OF_TOKEN, CHARACTERS_OF_ROW = 5, 64  # a token, and a sentence, count as at least so many
TEXT, DNA, MUSIC, SPEECH = "corpus-text", "corpus-dna", "corpus-music", "corpus-speech"  # kinds of dataset

DOCUMENTS = pl.Schema(  # one row a document and split; rows stand in the shard where the document ends
    {
        "document": pl.String,  # or contig, piece or clip
        "source": pl.String,
        "split": pl.String,
        "records": pl.Int64,  # sentences of a CoNLL file, else 1
        "rows": pl.Int64,  # of the data table: sentences, or pieces of a contig; 1 for music and speech
        "digest": pl.String,  # sha256 of text and tags, bases and features, symbols or notes, sound and text
    }
)


@dataclass(frozen=True)
class SourceRecords:
    """The records of one source.

    kind: name of its format; split: of all records, or None where the hash of a document decides; label:
    class of all its documents that have none of their own.
    """

    source: str
    kind: str
    split: str | None
    records: Iterable[Record]
    label: str | None = None


@dataclass(frozen=True)
class PendingShard:
    """Content of one shard; `tables` makes the frames, without those that would be empty.

    records: number read for it, quarantined ones included; features: number of labelled intervals.
    """

    tables: Callable[[], dict[str, pl.DataFrame]]
    records: int
    features: int = 0


# --- splits -------------------------------------------------------------------------------------------------


def fraction(*parts: object) -> float:
    """A number in [0, 1), a hash of the parts."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def split_of(at: float) -> str:
    """Split of a fraction: 80 % train, 10 % dev, 10 % test."""
    return "train" if at < 0.8 else "dev" if at < 0.9 else "test"


def piece_split(contig: str, number: int) -> str:
    """Split of a piece of a contig: 10 % dev, the rest train."""
    return "dev" if fraction(contig, number) < 0.1 else "train"


# --- shards -------------------------------------------------------------------------------------------------


@dataclass
class _ShardRows:
    """Columns of the rows gathered for one shard."""

    document: list[str] = field(default_factory=list)
    sentence: list[int] = field(default_factory=list)
    split: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    byte_offset: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    unlabelled: list[bool] = field(default_factory=list)
    token_start: "array[int]" = field(default_factory=lambda: array("q"))
    token_end: "array[int]" = field(default_factory=lambda: array("q"))
    tags: "array[int]" = field(default_factory=lambda: array("i"))  # numbers in `kinds`
    kinds: dict[str, int] = field(default_factory=dict)
    frames: list[pl.DataFrame] = field(default_factory=list)  # of DNA
    documents: list[tuple[Any, ...]] = field(default_factory=list)
    labels: list[tuple[str, str, str]] = field(default_factory=list)
    scores: list[tuple[str, str, int, float]] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    bytes: int = 0  # characters, bases, and bytes of quarantined records
    records: int = 0
    features: int = 0

    @property
    def size(self) -> int:
        """Size of the shard: its `bytes`, or as many as its tokens or rows count for, if these are more."""
        return max(
            self.bytes, CHARACTERS_OF_TOKEN * len(self.token_start), CHARACTERS_OF_ROW * len(self.document)
        )

    def add(self, sentence: Sentence, document: "_OpenDocument", source: str) -> None:
        """Add a sentence."""
        self.document.append(document.id)
        self.sentence.append(document.rows)
        self.split.append(document.split)
        self.text.append(sentence.text)
        self.start.append(sentence.start)
        self.source.append(source)
        self.byte_offset.append(sentence.byte_offset)
        self.lengths.append(len(sentence.token_start))
        self.unlabelled.append(sentence.tags is None)
        self.token_start.extend(sentence.token_start)
        self.token_end.extend(sentence.token_end)
        kinds = self.kinds
        self.tags.extend([kinds.setdefault(tag, len(kinds)) for tag in sentence.tags or ()])
        self.bytes += len(sentence.text)
        if sentence.score is not None:
            self.scores.append((document.id, source, document.rows, sentence.score))
        document.rows += 1
        document.digest.update(sentence.text.encode() + b"\n")
        document.digest.update(" ".join(sentence.tags or ()).encode() + b"\n")

    def end(self, document: "_OpenDocument", source: str, by_sentence: bool) -> None:
        """Add the row of a document that is over, and its label if it has one."""
        self.documents.append(document.row(source, by_sentence))
        if document.label is not None:
            self.labels.append((document.id, source, document.label))

    def quarantine(self, record: Quarantined) -> None:
        """Add a quarantined record."""
        self.quarantined.append(record)
        self.records += 1
        self.bytes += len(record.raw)

    def pending(self) -> PendingShard:
        """The rows as a shard to be staged."""
        return PendingShard(self._tables, self.records, self.features)

    def _tables(self) -> dict[str, pl.DataFrame]:
        tables = {
            "data": pl.concat(self.frames) if self.frames else self._text(),
            "documents": pl.DataFrame(self.documents, schema=DOCUMENTS, orient="row"),
            "labels": pl.DataFrame(self.labels, schema=schema.LABELS, orient="row"),
            "scores": pl.DataFrame(self.scores, schema=schema.SCORES, orient="row"),
            "quarantine": quarantine_table(self.quarantined),
        }
        return {name: frame for name, frame in tables.items() if frame.height}

    def _text(self) -> pl.DataFrame:
        offsets = ragged.offsets_of(self.lengths)
        missing = np.array(self.unlabelled, bool)
        labelled = ragged.offsets_of(np.where(missing, 0, np.diff(offsets)))

        tags = pa.array(list(self.kinds), pa.large_string()).take(pa.array(np.array(self.tags, np.int32)))

        def lists(at: np.ndarray, values: pa.Array, mask: pa.Array | None = None) -> pl.Series:
            return pl.Series(pa.LargeListArray.from_arrays(pa.array(at), values, mask=mask))

        return pl.DataFrame(
            {
                "document": self.document,
                "sentence": self.sentence,
                "split": self.split,
                "text": self.text,
                "start": self.start,
                "token_start": lists(offsets, pa.array(np.frombuffer(self.token_start, np.int64))),
                "token_end": lists(offsets, pa.array(np.frombuffer(self.token_end, np.int64))),
                "tags": lists(labelled, tags, pa.array(missing)),
                "source": self.source,
                "byte_offset": self.byte_offset,
            },
            schema=schema.TEXT,
        )


def quarantine_table(records: Iterable[Quarantined]) -> pl.DataFrame:
    """Quarantined records as rows of schema.QUARANTINE."""
    rows = [(r.source, r.line, r.byte_offset, r.reason, r.detail, r.todo, r.raw) for r in records]
    return pl.DataFrame(rows, schema=schema.QUARANTINE, orient="row")


class _OpenDocument:
    """A document that may go on."""

    def __init__(self, id: str, split: str, label: str | None) -> None:
        self.id, self.split, self.label, self.rows = id, split, label, 0
        self.digest = hashlib.sha256(_of_label(label))

    def row(self, source: str, by_sentence: bool) -> tuple[Any, ...]:
        """The row of DOCUMENTS; each sentence is a record if `by_sentence`."""
        records = self.rows if by_sentence else 1
        return (self.id, source, self.split, records, self.rows, self.digest.hexdigest())


def text_shards(sources: Iterable[SourceRecords], limit: int = SHARD_BYTES) -> Iterator[PendingShard]:
    """Gather sentences into shards of about `limit` characters, fewer where tokens or sentences are short.

    A document may go on in the next shard.

    Of documents with the same id in one source the later ones get the line added to theirs.
    """
    rows = _ShardRows()
    for source in sources:
        format_ = text_format(source.kind)
        by_sentence = format_.sentence_records
        current: _OpenDocument | None = None
        seen = SeenIds()
        for record in source.records:
            if rows.size >= limit:
                yield rows.pending()
                rows = _ShardRows()
            if isinstance(record, Quarantined):
                rows.quarantine(record)
                continue
            if not isinstance(record, Document | Flat):
                raise TypeError(f"expected text in {source.source}. Got {type(record).__name__}")
            document = record.document() if isinstance(record, Flat) else record
            if current is None or not format_.one_document:
                if current is not None:
                    rows.end(current, source.source, by_sentence)
                id = document.id if seen.is_new(document.id) else f"{document.id}~{document.line}"
                label = document.label or source.label
                current = _OpenDocument(id, source.split or split_of(fraction(id)), label)
                rows.records += not by_sentence
            for sentence in document.sentences:
                if rows.size >= limit:
                    yield rows.pending()
                    rows = _ShardRows()
                rows.records += by_sentence
                rows.add(sentence, current, source.source)
        if current is not None:
            rows.end(current, source.source, by_sentence)
    if rows.records or rows.documents:
        yield rows.pending()


def dna_shards(sources: Iterable[SourceRecords], limit: int = SHARD_BYTES) -> Iterator[PendingShard]:
    """Gather pieces of contigs into shards of about `limit` bases; a contig may go on in the next."""
    rows = _ShardRows()
    for source in sources:
        for record in source.records:
            if rows.size >= limit:
                yield rows.pending()
                rows = _ShardRows()
            if isinstance(record, Quarantined):
                rows.quarantine(record)
                continue
            if not isinstance(record, Contig):
                raise TypeError(f"expected DNA in {source.source}. Got a document")
            rows.records += 1
            count = -(-record.length // PIECE)
            splits = [source.split or piece_split(record.id, number) for number in range(count)]
            rows.features += len(record.features or ())
            step = max(limit // PIECE, 1)
            for at in range(0, count, step):
                if rows.size >= limit:
                    yield rows.pending()
                    rows = _ShardRows()
                part = pieces(record, splits, numbers=range(at, min(at + step, count)))
                rows.frames.append(part)
                rows.bytes += part.height * PIECE
            digest = _digest(record, source.label)
            if source.label is not None:
                rows.labels.append((record.id, record.source, source.label))
            for split in dict.fromkeys(splits):
                some = (record.id, record.source, split, int(split == splits[0]), splits.count(split))
                rows.documents.append((*some, digest))
    if rows.records or rows.documents:
        yield rows.pending()


def _of_label(label: str | None) -> bytes:
    """Part of a document's digest that is its label: the same text with another label is another document."""
    return b"" if label is None else f"label {label}\n".encode()


def _digest(contig: Contig, label: str | None) -> str:
    """sha256 of the bases and features of a contig, and of its label if it has one."""
    digest = hashlib.sha256(_of_label(label))
    for at in range(0, contig.length, PIECE):
        digest.update(contig.bases[at : at + PIECE].encode())
    digest.update(repr(contig.features).encode())
    return digest.hexdigest()


def describe(tables: Mapping[str, pl.DataFrame]) -> tuple[dict[str, int], list[str]]:
    """Counts of a shard, and the types of its labels, sorted."""
    data, documents = tables.get("data"), tables.get("documents")
    counts = {"quarantined": tables["quarantine"].height if "quarantine" in tables else 0}
    types: set[str] = set()
    if documents is not None:
        counts["records"] = int(documents["records"].sum())
        counts["documents"] = documents.unique(["source", "document"]).height
    if "labels" in tables:
        counts["labelled_documents"] = tables["labels"].height
    if data is not None and "clip" in data.columns:
        for split, part in _by_split(data.select("split", seconds=pl.col("samples") / pl.col("sample_rate"))):
            counts |= {f"{split}_clips": part.height, f"{split}_seconds": round(part["seconds"].sum())}
    elif data is not None and "text" in data.columns:
        tokens = data.select("split", tokens=pl.col("token_start").list.len().cast(pl.Int64))
        for split, part in _by_split(tokens):
            counts |= {f"{split}_sentences": part.height, f"{split}_tokens": int(part["tokens"].sum())}
        tags = data["tags"].drop_nulls().list.explode(empty_as_null=False).unique()
        types = {tag[2:] for tag in tags if tag != "O"}
    elif data is not None and "piece" in data.columns:
        for split, part in _by_split(data.select("split", "piece", "step").unique(maintain_order=True)):
            counts |= {f"{split}_pieces": part["piece"].n_unique(), f"{split}_steps": part.height}
    elif data is not None:
        for split, part in _by_split(data.select("split", bases=pl.col("bases").str.len_bytes())):
            counts |= {f"{split}_pieces": part.height, f"{split}_bases": int(part["bases"].sum())}
        features = data["features"].drop_nulls().list.explode(empty_as_null=False)
        types = set(features.struct.field("label").unique()) if len(features) else set()
    return dict(sorted(counts.items())), sorted(types)


def _by_split(frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    for (split,), part in frame.group_by("split", maintain_order=True):
        yield str(split), part
