"""Slices of a source, and the records of a slice: `data.sources.reading` for many workers at once.

for slice_ in split_source(source, options, SliceSize.of(1 << 22)):
    for record in read_slice(source, slice_, options): ...
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from elman.data.audio.clips import SpokenClip
from elman.data.errors import BadInput
from elman.data.formats.common.encodings import in_original
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Flat, Quarantined
from elman.data.formats.common.slices import Slice, SliceSize, SliceStream, split_entries
from elman.data.formats.common.streams import BROKEN
from elman.data.formats.registry import SequenceFormat, TaggedRecord, TextFormat, table_format
from elman.data.formats.table.batches import Columns, check_columns, documents
from elman.data.music.pieces import Piece
from elman.data.sources.detect import Source, open_bytes, open_original
from elman.data.sources.reading import HashedSource, check_unchanged, damaged, read, with_name
from elman.data.sources.unit_slices import of_whole_units
from elman.data.text.scanner import Scanner


def open_whole(file: Source) -> BinaryIO:
    """A file from its beginning as slices count its bytes: decompressed, and text in UTF-8."""
    stream = open_bytes(file)
    format_ = file.format
    return format_.recode(stream) if isinstance(format_, TextFormat) and format_.recode else stream


def seekable(file: Source) -> bool:
    """Return True if a slice can be read without all the bytes before it."""
    if file.compression is not None or file.encoding is not None:
        return False
    with file.path.open("rb") as stream:
        format_ = file.format
        recode = format_.recode if isinstance(format_, TextFormat) else None
        return recode is None or recode(stream) is stream


def split_source(source: HashedSource, options: Options, size: SliceSize) -> list[Slice] | Quarantined:
    """Find the slices of a source in bounded memory, or the reason why it cannot be read at all.

    Raises:
        BadInput: it is damaged, or has changed since it was hashed.
    """
    file = source.files[0]
    format_ = file.format
    opener = partial(open_bytes, file)
    slices: list[Slice] | Quarantined = [Slice(0, file.size)]  # read whole
    with _named_errors(file):
        if isinstance(format_, SequenceFormat):
            with opener() as stream:
                if format_.entries is not None:
                    slices = split_entries(stream, size, format_.entries)
                elif format_.split is not None:
                    slices = format_.split(stream, size)
        elif isinstance(format_, TextFormat) and format_.split is not None:
            slices = format_.split(opener, file.name, options, size)
            if format_.may_end and options.unit_sentences and not isinstance(slices, Quarantined):
                slices = of_whole_units(slices, partial(format_.read, opener, file.name), options, format_)
            if isinstance(slices, Quarantined):
                (slices,) = in_original([slices], partial(open_original, file), file.encoding, whole=True)
    check_unchanged(source)
    return slices


def read_slice(
    source: HashedSource, slice_: Slice, options: Options, unpacked: Path | None = None, start: int = 0
) -> Iterator[TaggedRecord]:
    """Read the records of a slice, of text or DNA, in order; unlabelled documents come as arrays.

    Args:
        source: as found.
        slice_: one of its slices.
        options: those it was split with.
        unpacked: a file that holds the slice, and the bytes its reader needs to see after it, of a source
            that is not `seekable`.
        start: position of that file in the source, in bytes.

    Raises:
        BadInput: the source has changed since it was hashed.
    """
    file = source.files[0]
    format_ = file.format
    options = replace(options, flat=True)

    opened = partial(_open_slice, unpacked or file.path, slice_, start)
    if isinstance(format_, SequenceFormat):
        with opened() as stream:
            yield from format_.read(
                stream,
                file.name,
                options,
                byte_offset=slice_.begin,
                line=slice_.state["line"] + 1,
                seen=set(slice_.state.get("seen", ())),
            )
    elif isinstance(format_, TextFormat) and format_.split is not None:
        records = format_.read(partial(opened, format_.lookahead), file.name, options, slice_)
        yield from in_original(records, partial(open_original, file), file.encoding, format_.one_document)
    else:
        yield from (record for record in read(source, options) if not isinstance(record, Piece | SpokenClip))
        return
    check_unchanged(source)


def _open_slice(path: Path, slice_: Slice, start: int, lookahead: int = 0) -> BinaryIO:
    """The bytes of a slice, of a file that begins at byte `start` of the source, and some after them."""
    stream = path.open("rb")
    stream.seek(slice_.begin - start)
    part = SliceStream(stream, slice_.end + lookahead - slice_.begin, slice_.state.get("broken"))
    return cast(BinaryIO, io.BufferedReader(part, 1 << 20))


def table_columns(source: HashedSource, columns: Columns) -> pl.Schema:
    """Types of the passthrough columns of a table.

    Raises:
        BadInput: it is damaged, a column is missing, or the text column does not hold text.
    """
    file = source.files[0]
    with _named_errors(file):
        schema = table_format(file.kind).schema(partial(open_bytes, file), columns)
        return check_columns(schema, columns, file.shown)


def split_table(source: HashedSource, columns: Columns, size: SliceSize) -> list[Slice]:
    """Find the slices of a table in bounded memory.

    Raises:
        BadInput: it is damaged, or has changed since it was hashed.
    """
    file = source.files[0]
    with _named_errors(file):
        slices = table_format(file.kind).split_table(partial(open_bytes, file), columns, size)
    check_unchanged(source)
    return slices


def read_table(
    source: HashedSource,
    slice_: Slice,
    columns: Columns,
    scanner: Scanner,
    unpacked: Path | None = None,
    start: int = 0,
) -> Iterator[Flat | Quarantined | pl.DataFrame]:
    """Read the rows of a slice of a table in order; see `data.formats.table.batches.documents`.

    Args:
        source: as found.
        slice_: one of `split_table`.
        columns: those it was split with.
        scanner: finds sentences and tokens.
        unpacked, start: see `read_slice`.

    Raises:
        BadInput: it is damaged, or has changed since it was hashed.
    """
    file = source.files[0]
    format_ = table_format(file.kind)
    opener = partial(open_bytes, file)
    if not format_.row_slices:
        opener = partial(_open_slice, unpacked or file.path, slice_, start)
    with _named_errors(file):
        rows = documents(format_.batches(opener, file.name, columns, slice_), file.name, columns, scanner)
        yield from in_original(rows, partial(open_original, file), file.encoding, whole=False)
    check_unchanged(source)


@contextmanager
def _named_errors(file: Source) -> Iterator[None]:
    """Errors of readers as errors of a file."""
    try:
        yield
    except BROKEN as error:
        raise damaged(file, error) from None
    except BadInput as error:
        raise with_name(file, error) from None


def unpack(file: Source, slices: list[Slice], folder: Path, wanted: list[bool]) -> Iterator[Path | None]:
    """Write the slices of a file that is not `seekable` to files of their own, one by one, in order.

    Args:
        file: the file.
        slices: its slices.
        folder: of the new files, named by number; the caller removes them.
        wanted: True for each slice to write; the others are read past and yield None.
    """
    format_ = file.format
    lookahead = format_.lookahead if isinstance(format_, TextFormat) else 0
    held = b""
    with open_whole(file) as stream:
        stream.read(slices[0].begin)
        for number, slice_ in enumerate(slices):
            out = (folder / f"{number:06}").open("wb") if wanted[number] else None
            left = slice_.end - slice_.begin
            while left > 0 and (some := held or _some(stream, slice_)):
                held = some[left:]
                if out:
                    out.write(some[:left])
                left -= len(some[:left])
            if out:
                while len(held) < lookahead and number + 1 < len(slices) and (more := _some(stream, slice_)):
                    held += more
                out.write(held[:lookahead])
                out.close()
            yield folder / f"{number:06}" if out else None


def _some(stream: BinaryIO, slice_: Slice) -> bytes:
    """The next bytes; none where a source that is known to be damaged ends."""
    try:
        return cast(bytes, stream.read1(1 << 20))  # type: ignore[attr-defined]  # of BufferedReader
    except BROKEN:
        if "broken" in slice_.state:
            return b""
        raise
