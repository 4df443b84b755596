"""Registry of input formats: one module a format, found by listing the folders beside this module.

A format is one module of the folder `text`, `table`, `dna`, `music` or `speech` that registers a `Format`,
and a test. Detection, reading, slicing, the tables of docs/formats.md and the messages that list what can be
read are taken from here.
"""

import functools
import importlib
import itertools
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, ClassVar, Literal, Protocol

from elman.data import formats
from elman.data.audio.clips import SpokenClip
from elman.data.formats import readers
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Quarantined
from elman.data.formats.common.slices import EntryPattern, Slice, SliceSize
from elman.data.genome.contigs import Contig
from elman.data.music.pieces import Piece

Family = Literal["text", "dna", "table", "music", "speech"]
TaggedRecord = Document | Flat | Contig | Quarantined  # of what taggers read
Record = TaggedRecord | Piece | SpokenClip
Opener = readers.Opener
FAMILIES: tuple[Family, ...] = ("text", "dna", "table", "music", "speech")  # in the order of the documents

HEAD_BYTES = 1 << 16  # of a file that detection looks at


@dataclass(frozen=True)
class Head:
    """The first `HEAD_BYTES` of a file, decompressed, as UTF-8 without a byte order mark."""

    name: str  # lower case, without .gz, .zst, .bz2, .xz
    raw: bytes
    whole: bool  # True if this is all of the file

    @functools.cached_property
    def lines(self) -> list[str]:
        """Lines that are not blank; the last one, which may be incomplete, is left out."""
        lines = re.split(r"\r\n|\n|\r", self.raw.decode("utf-8", "replace"))
        return [line for line in (lines if self.whole else lines[:-1] or lines) if line.strip()]

    @property
    def first(self) -> str:
        """The first line that is not blank."""
        return next(iter(self.lines), "")

    @property
    def rows(self) -> list[list[str]]:
        """Columns, by tabs or else white space, of up to 200 lines; comments and document marks left out."""
        lines = [line for line in self.lines if not line.startswith(("#", "-DOCSTART-"))]
        return [line.split("\t") if "\t" in line else line.split() for line in lines[:200]]


class TextReader(Protocol):
    """Function that reads a source, or one of its slices, and yields its records in order."""

    def __call__(
        self, opener: Opener, source: str, options: Options, slice_: Slice | None = None
    ) -> Iterator[Document | Flat | Quarantined]:
        """Read records.

        Args:
            opener: opens the source; with a slice, that slice and `lookahead` bytes after it. May be called
                several times.
            source: name of the source, for records and messages.
            options: of reading.
            slice_: the slice, if only that is to be read; found by the `split` of the format.
        """
        ...


class TextSplitter(Protocol):
    """Function that finds the slices of a source that give together the records of the whole."""

    def __call__(
        self, opener: Opener, source: str, options: Options, size: SliceSize
    ) -> list[Slice] | Quarantined:
        """Find slices of about the given size, or the reason why the source cannot be read at all."""
        ...


def _no(head: Head) -> bool:
    return False


def _no_column(head: Head, name: str) -> bool:
    return False


def _no_columns(head: Head) -> Sequence[str]:
    return ()


def _no_reason(head: Head) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Format:
    """Fields common to all formats.

    name: as in manifests and plans, never changed; rank: formats are tried by ascending rank, and the first
    that matches is taken; matches: True if the beginning of a file shows the format.
    title, record, notes: of docs/formats.md: what it is called, what one record is, what is read of it.
    hint: as messages list it, None where it is not ingested or only beside another format.
    unfit: reason why a file of the format is no corpus, or None. binary: NUL bytes are no error.
    utf16: UTF-16 with a byte order mark can be read. matches_columns: True for a file that matches no other
    format but where the user has named the columns of tokens and tags.
    reasons: quarantine reason code -> meaning.
    """

    family: ClassVar[Family]

    name: str
    rank: int
    matches: Callable[[Head], bool]
    title: str
    record: str
    notes: str
    hint: str | None = None
    unfit: Callable[[Head], str | None] = _no_reason
    binary: bool = False
    utf16: bool = False
    matches_columns: Callable[[Head], bool] = _no
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TextFormat(Format):
    """A format of text.

    read: reader of a source or a slice; split: finds slices, None where a source is always read whole.
    passes: times that reading a whole source goes through it, for progress.
    lookahead: bytes after a slice that its reader needs to see.
    recode: makes the stream whose bytes slices count from the decompressed one; None if it is the same.
    own_ids: True if documents have ids of their own, so that two may have the same.
    one_document: True if a source is one document, which may come in parts.
    may_end: of one document: position at or behind the end of a sentence of a text where a slice may end,
        whatever follows, or None; from the text, the end, the options, and a slice of the source.
    sentence_records: True if a record is a sentence rather than a document.
    tokenised: True if the source gives the tokens, so that a tokenizer can be fitted to them.
    alone: format of its text where the labels beside it are not read.
    """

    family: ClassVar[Family] = "text"

    read: TextReader
    split: TextSplitter | None = None
    passes: int = 1
    lookahead: int = 0
    recode: Callable[[BinaryIO], BinaryIO] | None = None
    own_ids: bool = False
    one_document: bool = False
    may_end: Callable[[str, int, Options, Slice], int | None] | None = None
    sentence_records: bool = False
    tokenised: bool = False
    alone: str | None = None


@dataclass(frozen=True, kw_only=True)
class SidecarFormat(Format):
    """A format of labels that stand beside a text, in a file of the same name; it is never read as a text.

    text_endings: of the name of that text; pair: format of both together.
    """

    family: ClassVar[Family] = "text"

    text_endings: tuple[str, ...]
    pair: str


@dataclass(frozen=True, kw_only=True)
class SequenceFormat(Format):
    """A format of DNA sequences.

    read: reader of entries; entries: boundaries between which slices end; split: finds slices where no
    pattern does; has_features: True if entries come with their features, so that no file of annotation
    belongs to them.
    """

    family: ClassVar[Family] = "dna"

    read: readers.ContigReader
    entries: EntryPattern | None = None
    split: Callable[[BinaryIO, SliceSize], list[Slice]] | None = None
    has_features: bool = False


@dataclass(frozen=True, kw_only=True)
class AnnotationFormat(Format):
    """A format of features of sequences that stand in other files, or after them in the same file.

    read: reader of the whole file.
    """

    family: ClassVar[Family] = "dna"

    read: readers.AnnotationReader


@dataclass(frozen=True, kw_only=True)
class MusicFormat(Format):
    """A format of music.

    read: reader of a source.
    """

    family: ClassVar[Family] = "music"

    read: readers.MusicReader


@dataclass(frozen=True, kw_only=True)
class SpeechFormat(Format):
    """A format of speech.

    read: reader of a source.
    """

    family: ClassVar[Family] = "speech"

    read: readers.SpeechReader


@dataclass(frozen=True, kw_only=True)
class TableFormat(TextFormat):
    """A format of tables whose columns the user names.

    has_column: True for a file that no content tells as a table, if it has the column of text named.
    columns_by_name: names of the columns of a file whose name alone tells it as a table, else none.
    schema, split_table, batches: what tagging reads of the columns, slices and rows. row_slices: True if
    slices count rows, and each is read from the file itself; False if they are ranges of its bytes.
    """

    family: ClassVar[Family] = "table"

    own_ids: bool = True
    schema: readers.TableSchema
    split_table: readers.TableSplitter
    batches: readers.BatchReader
    row_slices: bool = False
    has_column: Callable[[Head, str], bool] = _no_column
    columns_by_name: Callable[[Head], Sequence[str]] = _no_columns


_registered: dict[str, Format] = {}


def register(format_: Format) -> Format:
    """Add a format.

    Raises:
        ValueError: another format has its name or its rank.
    """
    for other in _registered.values():
        if other is not format_ and (other.name == format_.name or other.rank == format_.rank):
            got = f"{format_.name!r} of rank {format_.rank}, which is taken by {other.name!r}"
            raise ValueError(f"expected a new name and rank of a format. Got {got}")
    _registered[format_.name] = format_
    return format_


@functools.cache
def _load() -> None:
    """Import every module below this folder, so that it registers its format."""
    for module in pkgutil.walk_packages(formats.__path__, f"{formats.__name__}."):
        importlib.import_module(module.name)


def all_formats() -> list[Format]:
    """All formats in the order in which they are tried."""
    _load()
    return sorted(_registered.values(), key=lambda format_: format_.rank)


def format_of(name: str) -> Format:
    """The format of a name.

    Raises:
        KeyError: no format has it.
    """
    _load()
    return _registered[name]


def text_format(name: str) -> TextFormat:
    """The text format of a name.

    Raises:
        TypeError: the format is none of text.
    """
    format_ = format_of(name)
    if not isinstance(format_, TextFormat):
        raise TypeError(f"expected a format of text. Got {name}")
    return format_


def table_format(name: str) -> TableFormat:
    """The format of tables of a name.

    Raises:
        TypeError: the format is none of tables.
    """
    format_ = format_of(name)
    if not isinstance(format_, TableFormat):
        raise TypeError(f"expected a format of tables. Got {name}")
    return format_


def detect(
    head: Head, columns: bool = False, text_column: str | None = None, *, as_text: bool = False
) -> Format:
    """The first format that the beginning of a file matches; plain text, the last one, matches any.

    Args:
        head: the beginning.
        columns: True if the user has named the columns of tokens and tags; a file that no other format
            matches is then read by the format that has such columns, if it can be.
        text_column: that the user has named, of tables.
        as_text: True where only text is wanted, so that music written as text and transcripts are text.
    """
    *formats_, last = all_formats()
    if as_text:
        others = MusicFormat | SpeechFormat
        formats_ = [format_ for format_ in formats_ if not isinstance(format_, others) or format_.binary]
    tables = (format_ for format_ in formats_ if isinstance(format_, TableFormat) and text_column)
    return next(
        itertools.chain(
            (format_ for format_ in tables if format_.has_column(head, text_column or "")),
            (format_ for format_ in formats_ if format_.matches(head)),
            (format_ for format_ in formats_ if columns and format_.matches_columns(head)),
            [last],
        )
    )


def documented() -> list[Format]:
    """Formats by family and title, the order of the documents; those of a pair are one."""
    formats_ = [format_ for format_ in all_formats() if not isinstance(format_, SidecarFormat)]
    return sorted(formats_, key=lambda format_: (FAMILIES.index(format_.family), format_.title.lower()))


def supported() -> str:
    """Sentence that lists what can be ingested."""
    hints = [format_.hint for format_ in documented() if format_.hint]
    packed = "each may be .gz, .zst, .bz2 or .xz, or in a .zip or .tar"
    return f"Give {', '.join(hints[:-1])} or {hints[-1]}; {packed}."
