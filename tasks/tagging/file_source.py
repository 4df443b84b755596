"""Files as sources of tagging: text, sequences without their annotation, or a column of texts in a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import polars as pl

from elman.data.errors import BadInput, Changed
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Quarantined
from elman.data.formats.common.slices import SeenIds, Slice, SliceSize
from elman.data.formats.common.streams import BOM
from elman.data.formats.registry import TableFormat, TextFormat, table_format
from elman.data.formats.table.batches import Columns, same_types
from elman.data.genome.contigs import Contig
from elman.data.sources.detect import Source
from elman.data.sources.reading import HashedSource, read
from elman.data.sources.splitting import (
    read_slice,
    read_table,
    seekable,
    split_source,
    split_table,
    table_columns,
    unpack,
)
from elman.data.store.disk import key_of, sha256_file
from elman.data.text.scanner import thread_scanner
from elman.tasks.tagging.sentences import Passage, Passages, Record, Sentences, without_text

_UNPACKED = 4  # estimated ratio of unpacked to compressed bytes
_RAW = 1 << 16  # bytes of an unreadable file that go to quarantine


@dataclass(frozen=True)
class FileSource:
    """A file of text, or of sequences without what annotates them.

    Attributes:
        item: the file.
        reading: fields of `Options` that the user has named.
        corpus: name of the ingested corpus, of which a file is none.
    """

    item: HashedSource
    reading: Mapping[str, Any] = field(default_factory=dict)
    corpus = None

    @property
    def name(self) -> str:
        """Name in tables."""
        return self.item.name

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self.item.files[0].path

    @property
    def kind(self) -> str:
        """Format, as in `data.sources.detect`."""
        return self.item.kind

    @property
    def sha256(self) -> str:
        """Hash that names its content, and how it is decoded if that is stated."""
        encoding = self.item.encoding
        return key_of(sha256=self.item.sha256, encoding=encoding) if encoding else self.item.sha256

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self.item.size

    @property
    def unpacked_size(self) -> int:
        """Bytes when decompressed, estimated."""
        return self.size * (1 if self.item.files[0].compression is None else _UNPACKED)

    @property
    def dna(self) -> bool:
        """True if it holds DNA."""
        return self.item.files[0].family == "dna"

    @property
    def named_documents(self) -> bool:
        """True if its documents bring ids, which may repeat."""
        format_ = self.item.files[0].format
        return isinstance(format_, TextFormat | TableFormat) and format_.own_ids

    @property
    def documents_span_slices(self) -> bool:
        """True if a document goes on from slice to slice, as plain text does."""
        format_ = self.item.files[0].format
        return isinstance(format_, TextFormat) and format_.one_document

    @property
    def _records_are_sentences(self) -> bool:
        format_ = self.item.files[0].format
        return isinstance(format_, TextFormat) and format_.sentence_records

    @property
    def sliceable_in_place(self) -> bool:
        """True if slices can be read where the file lies."""
        return seekable(self.item.files[0])

    def to_json(self) -> dict[str, Any]:
        """Return its entry in a manifest."""
        return self.item.to_json()

    def to_job(self) -> dict[str, Any]:
        """Return plain values for a worker; `sources.source_from_job` reads them."""
        files = [
            {
                **asdict(source),
                "path": str(source.path.absolute()),
                "given": None if source.given is None else str(source.given),
            }
            for source in self.item.files
        ]
        job = {"files": files, "hashes": self.item.hashes, "stats": self.item.stats, "columns": None}
        return {**job, "reading": dict(self.reading)} if self.reading else job

    @classmethod
    def from_job(cls, job: Mapping[str, Any]) -> "FileSource":
        """Return a file, or a table of texts, from what its `to_job` gave."""
        files = tuple(
            Source(
                **{
                    **source,
                    "path": Path(source["path"]),
                    "given": None if source["given"] is None else Path(source["given"]),
                }
            )
            for source in job["files"]
        )
        stats = tuple((size, time) for size, time in job["stats"])
        item = HashedSource(files, (), None, tuple(job["hashes"]), stats)
        columns = job["columns"]
        if columns is None:
            return FileSource(item, job.get("reading", {}))
        return TableSource(item, columns=Columns(columns["text"], columns["id"], tuple(columns["keep"])))

    def renamed(self, name: str) -> Self:
        """Return the same source under another name."""
        first, *others = self.item.files
        return replace(self, item=replace(self.item, files=(replace(first, name=name), *others)))

    def split(self, options: Options, size: SliceSize) -> list[Slice] | Quarantined:
        """Find its slices; a quarantined record where it cannot be read.

        Raises:
            BadInput: it is damaged, or was changed since it was hashed.
        """
        return split_source(self.item, replace(options, **self.reading), size)

    def unpack(self, slices: list[Slice], folder: Path, wanted: list[bool]) -> Iterator[Path | None]:
        """Decompress slices to files; see `data.sources.splitting.unpack`."""
        return unpack(self.item.files[0], slices, folder, wanted)

    def records(
        self,
        slice: Slice,
        options: Options,
        unpacked: Path | None = None,
        start: int = 0,
        texts: bool = False,
    ) -> Iterator[Record | Passage | pl.DataFrame]:
        """Read the records of a slice in order; memory does not grow with it.

        Where columns pass through, frames of them come in between; see
        `data.formats.table.batches.documents`.

        Args:
            slice: of `split`.
            options: of `split`.
            unpacked, start: see `data.sources.splitting.read_slice`.
            texts: True for the text of sentences before them.

        Raises:
            BadInput: the file is cut off, damaged, or was changed since it was hashed.
        """
        seen, passages = SeenIds(), Passages()
        id, number = "", 0
        plain = self.documents_span_slices
        for record in self._read(slice, options, unpacked, start):
            if not isinstance(record, Document | Flat):
                yield record
                continue
            if not (plain and record.id == id):
                repeated = self.named_documents and not seen.is_new(record.id)
                id, number = f"{record.id}~{record.line}" if repeated else record.id, 0
            sentences = Sentences.of(self.name, id, number, record, self._records_are_sentences)
            if plain and slice.state.get("char"):  # the record began in an earlier slice
                sentences = replace(sentences, begins_record=False)
            if len(sentences):
                number += len(sentences)
                if texts:
                    yield passages.of(sentences, record)
                yield sentences
            elif not number:
                yield without_text(record)

    def _read(
        self, slice: Slice, options: Options, unpacked: Path | None, start: int
    ) -> Iterator[Document | Flat | Contig | Quarantined | pl.DataFrame]:
        return read_slice(self.item, slice, replace(options, **self.reading), unpacked, start)

    def slice_text(self, slice: Slice, unpacked: Path | None, start: int) -> str:
        """Read all the text of a slice, of a source whose documents span slices; arguments of `records`."""
        with (unpacked or self.path).open("rb") as stream:
            stream.seek(slice.begin - start)
            raw = stream.read(slice.end - slice.begin)
        # The mark is no part of the text; slices of plain text begin behind it.
        marked = slice.begin == 0 and self.kind != "plain"
        return (raw.removeprefix(BOM) if marked else raw).decode("utf-8")

    def contigs(self, options: Options, source: str) -> Iterator[Contig]:
        """Read its contigs from the beginning; `source` is its own name."""
        return (record for record in read(self.item, options) if isinstance(record, Contig))

    def unreadable(self, error: Exception) -> Quarantined:
        """Quarantine the whole file, which cannot be read to its end.

        Raises:
            the error: it is not the file's fault.
        """
        if not isinstance(error, BadInput) or isinstance(error, Changed) or self._changed():
            raise error
        with self.path.open("rb") as stream:
            raw = stream.read(_RAW)
        detail = f"expected {error.expected}. Got {error.got}"
        return Quarantined(self.name, error.line, 0, "unreadable", detail, error.todo, raw)

    def _changed(self) -> bool:
        return tuple(sha256_file(source.path) for source in self.item.files) != self.item.hashes


@dataclass(frozen=True, kw_only=True)
class TableSource(FileSource):
    """A table whose rows are documents."""

    columns: Columns

    @property
    def sliceable_in_place(self) -> bool:
        """True if slices can be read where the file lies."""
        return table_format(self.kind).row_slices or super().sliceable_in_place

    def to_job(self) -> dict[str, Any]:
        """Return plain values for a worker."""
        return {**super().to_job(), "columns": asdict(self.columns)}

    def split(self, options: Options, size: SliceSize) -> list[Slice]:
        """Find slices of rows.

        Raises:
            BadInput: the file is damaged, or was changed since it was hashed.
        """
        return split_table(self.item, self.columns, size)

    def _read(
        self, slice: Slice, options: Options, unpacked: Path | None, start: int
    ) -> Iterator[Document | Flat | Contig | Quarantined | pl.DataFrame]:
        scanner = thread_scanner(options.tokenizer_in_use, options.strings)
        yield from read_table(self.item, slice, self.columns, scanner, unpacked, start)


def same_columns(tables: Sequence[TableSource]) -> None:
    """Check that the columns of all tables exist and have the same types.

    Raises:
        BadInput: names the file that differs.
    """
    same_types([(table.path, table_columns(table.item, table.columns)) for table in tables])
