"""Signatures of the readers of contigs, annotation, music, speech and tables; of text, see the registry."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, Protocol

from elman.data.audio.clips import SpokenClip
from elman.data.formats.common.annotations import Annotation
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.genome.annotation_rules import AnnotationRule
from elman.data.genome.contigs import Contig
from elman.data.music.pieces import Piece

if TYPE_CHECKING:  # polars is slow to import
    import polars as pl

    from elman.data.formats.table.batches import Columns, RowBatch

Opener = Callable[[], BinaryIO]  # opens a source, or a slice of one, decompressed


class TableSchema(Protocol):
    """Function that reads the names and types of the columns of a table."""

    def __call__(self, opener: Opener, columns: "Columns") -> "pl.Schema":
        """Read the names and types of all columns; `columns` are those that the user has named."""
        ...


class TableSplitter(Protocol):
    """Function that finds the slices of a table that give together its rows."""

    def __call__(self, opener: Opener, columns: "Columns", size: SliceSize) -> list[Slice]:
        """Find slices of about the given size, of rows or of bytes; see `TableFormat.row_slices`."""
        ...


class BatchReader(Protocol):
    """Function that reads the rows of a slice of a table."""

    def __call__(
        self, opener: Opener, source: str, columns: "Columns", slice_: Slice
    ) -> "Iterator[RowBatch | Quarantined]":
        """Read rows in order, and quarantine those that cannot be read.

        Args:
            opener: opens the table from its beginning, or the bytes of the slice; see
                `TableFormat.row_slices`.
            source: name of the source, for quarantined rows.
            columns: that are wanted.
            slice_: found by the `split_table` of the format.
        """
        ...


class ContigReader(Protocol):
    """Function that reads the sequence entries of a stream."""

    def __call__(
        self,
        stream: BinaryIO,
        source: str,
        options: Options,
        *,
        byte_offset: int = 0,
        line: int = 1,
        seen: set[str] | None = None,
    ) -> Iterator[Contig | Quarantined]:
        """Read entries, one in memory at a time.

        Args:
            stream: decompressed bytes, from the beginning of an entry.
            source: name of the source, for records and messages.
            options: of reading.
            byte_offset: position of the stream in its source.
            line: number of its first line, from 1.
            seen: ids of earlier entries, quarantined ones included; an entry with one of them is
                quarantined. The ids read are added.
        """
        ...


class MusicReader(Protocol):
    """Function that reads the pieces of a source."""

    def __call__(self, opener: Opener, source: str, options: Options) -> Iterator[Piece | Quarantined]:
        """Read pieces in order, one in memory at a time; see `TextReader`."""
        ...


class SpeechReader(Protocol):
    """Function that reads the clips of a source."""

    def __call__(self, opener: Opener, source: str, options: Options) -> Iterator[SpokenClip | Quarantined]:
        """Read clips in order, one in memory at a time; see `TextReader`.

        `options.sidecars` are the file of text beside a clip, or the clips that a list of transcripts names.
        """
        ...


class AnnotationReader(Protocol):
    """Function that reads a file of annotation."""

    def __call__(self, stream: BinaryIO, source: str, rules: Sequence[AnnotationRule] = ...) -> Annotation:
        """Read labelled features.

        Args:
            stream: decompressed bytes.
            source: name of the source, for messages.
            rules: which features become labels.
        """
        ...
