"""PubTator: abstracts with entities by character offsets.

Format (Wei et al., 2013): `ID|t|title`, `ID|a|abstract`, then `ID start end mention type [identifier]` by
tabs, and a blank line. The text is title and abstract joined by one character, as the offsets count; the
mention must stand at its offsets. Relations (`ID type id id`) are not read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from elman.data.formats.common import lines as line_limits
from elman.data.formats.common.encodings import NOT_UTF8
from elman.data.formats.common.lines import (
    LONGEST_RECORD,
    Digest,
    LongRecord,
    bounded_lines,
    ends_with_returns,
)
from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import NESTED_SPANS
from elman.data.formats.common.records import BadRecord, Document, Flat, Place, Quarantined
from elman.data.formats.common.slices import Slice
from elman.data.formats.common.span_documents import REASONS, checked_spans, document_of, outermost
from elman.data.formats.common.streams import BOM
from elman.data.formats.registry import Head, Opener, TextFormat, register

ADVICE = "Write ID|t|title, ID|a|abstract and lines of ID, start, end, mention and type, by tabs."
_DIVIDE = "Divide the document, or put blank lines between documents."
_PART = re.compile(rb"([^|\t\r\n]+)\|([ta])\|([^\r\n]*)")


@dataclass
class _Block:
    """Lines of one document.

    digest: of all of them, if they are beyond `LONGEST_RECORD` bytes together; long: what one line beyond it
    is in quarantine.
    """

    line: int
    byte_offset: int
    raw: list[bytes] = field(default_factory=list)
    size: int = 0
    digest: Digest | None = None
    long: Quarantined | None = None

    def add(self, raw: bytes) -> None:
        """Add a line."""
        self.size += len(raw)
        self.raw.append(raw)
        if self.size > line_limits.LONGEST_RECORD:
            self.digest = self.digest or Digest()
            for line in self.raw:
                self.digest.update(line)
            self.raw = []


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read the documents of a file; see `data.formats.registry.TextReader`."""
    with opener() as stream:
        returns = ends_with_returns(stream)
    with opener() as stream:
        block, offset = None, 0
        for number, raw in enumerate(bounded_lines(stream, returns), 1):
            if isinstance(raw, LongRecord):
                block = block or _Block(number, offset)
                limit = f"a line of at most {line_limits.LONGEST_RECORD} bytes"
                block.long = raw.refuse(Place(source, number, offset, b""), limit, _DIVIDE)
                offset += raw.size
                continue
            if not raw.strip():
                if block:
                    yield _read_block(block, source, options)
                block = None
            else:
                block = block or _Block(number, offset)
                block.add(raw)
            offset += len(raw)
        if block:
            yield _read_block(block, source, options)


def _read_block(block: _Block, source: str, options: Options) -> Document | Flat | Quarantined:
    place = Place(source, block.line, block.byte_offset, b"".join(block.raw))
    if block.long is not None:
        return block.long
    if block.digest is not None:
        limit = f"a document of at most {line_limits.LONGEST_RECORD} bytes"
        return block.digest.record().refuse(place, limit, _DIVIDE)
    try:
        return _document(block, place, options)
    except BadRecord as error:
        return place.refuse(error)


def _document(block: _Block, place: Place, options: Options) -> Document | Flat:
    try:
        first = block.raw[0] if block.byte_offset else block.raw[0].removeprefix(BOM)
        lines = [raw.decode("utf-8").rstrip("\r\n") for raw in (first, *block.raw[1:])]
    except UnicodeDecodeError as error:
        detail = f"expected UTF-8. Got byte {error.object[error.start]:#04x}"
        raise BadRecord("invalid-utf8", detail, NOT_UTF8) from None
    parts = [line.split("|", 2) for line in lines if _PART.fullmatch(line.encode())]
    kinds = [part[1] for part in parts]
    if kinds not in (["t"], ["t", "a"], ["a"]):
        raise BadRecord("no-text", f"expected a title and an abstract. Got {len(parts)} such lines", ADVICE)
    text = " ".join(part[2] for part in parts)
    given = []
    for line in lines[len(parts) :]:
        columns = line.split("\t")
        if len(columns) < 5:  # a relation
            continue
        try:
            start, end = int(columns[1]), int(columns[2])
        except ValueError:
            raise BadRecord("invalid-spans", f"expected offsets. Got {columns[1:3]}", ADVICE) from None
        if text[start:end] != columns[3]:
            detail = f"expected {columns[3]!r} at {start} to {end}. Got {text[start:end]!r}"
            raise BadRecord("span-outside", detail, "Count characters from the title's first, end excluded.")
        given.append((start, end, columns[4]))
    spans = checked_spans(outermost(given), text, ADVICE)
    if nested := len(set(given)) - len(spans):
        options.report.counts[NESTED_SPANS] += nested
    return document_of(place, parts[0][0], text, spans, options, ADVICE)


def _matches(head: Head) -> bool:
    return bool(_PART.fullmatch(head.first.encode())) and "|t|" in head.first


register(
    TextFormat(
        name="pubtator",
        rank=46,
        matches=_matches,
        read=read,
        own_ids=True,
        title="PubTator",
        record="a document",
        notes="title and abstract; of nested entities the outermost; relations are not read",
        hint="PubTator",
        reasons={**REASONS, "too-long": f"a document of more than {LONGEST_RECORD >> 20} MiB"},
    ),
)
