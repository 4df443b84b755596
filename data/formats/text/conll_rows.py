"""Sentences of CoNLL-style files as rows of columns: line ends, comments, ranges, marks of documents."""

from collections.abc import Iterable, Iterator
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any

from elman.data.formats.common import lines as line_limits
from elman.data.formats.common.lines import Digest, LinePart, LongRecord
from elman.data.formats.common.tag_styles import TagStyle
from elman.data.formats.text.conll_columns import full_tag, is_tag
from elman.data.formats.text.conll_entities import NESTED, nested_tags
from elman.data.text.tags import Scheme

DOCSTART = b"-DOCSTART-"
COMMENT = b"#"
_LONGEST_BLANK = 12  # bytes of a line that may be white space beyond ASCII
MOST_ROWS = 1_000_000  # of a sentence
_KEPT = 1_000  # rows of a longer sentence that are kept, for the layout
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Layout:
    """Layout of a file's rows; columns count from 0.

    columns: of a row; least: columns that a row may have if the missing ones are empty in others, None where
    all are needed; tag: None if the file is unlabelled; header: True if the first row names the columns;
    style: how tags are written; name: type of bare tags, or key of the attribute of MISC; type_field: place
    of the type in a bracket, None where it follows the number.
    """

    tabs: bool
    columns: int
    token: int
    tag: int | None
    index: int | None
    scheme: Scheme
    least: int | None = None
    header: bool = False
    style: TagStyle = "prefix"
    name: str | None = None
    type_field: int | None = None

    @property
    def ranges(self) -> bool:
        """True if rows of CoNLL-U ranges ("3-4") and empty nodes ("3.1") are no tokens."""
        return self.index == 0

    def to_state(self) -> dict[str, Any]:
        """Plain values for the state of a slice, without those that are as usual."""
        usual = {field.name: field.default for field in fields(self)}
        return {
            name: value
            for name, value in asdict(self).items()
            if usual[name] is MISSING or value != usual[name]
        }

    def fitted(self, row: list[bytes]) -> list[bytes]:
        """A row without empty columns too many, and with the empty ones at its end that it may lack."""
        if len(row) > self.columns and not any(row[self.columns :]):
            return row[: self.columns]
        if self.least is not None and self.least <= len(row) < self.columns:
            return [*row, *[b""] * (self.columns - len(row))]
        return row

    def tag_of(self, row: list[bytes]) -> str:
        """The tag of a fitted row, as prefix and type.

        Raises:
            UnicodeDecodeError, ValueError: it is none.
        """
        assert self.tag is not None
        return full_tag(row[self.tag].decode("utf-8"), self.style, self.name)

    def tags_of(self, rows: list[list[bytes]]) -> list[str] | None:
        """The tags of a sentence of fitted rows whose entities may lie in one another; None of other styles.

        Raises:
            UnicodeDecodeError, BadEntities: there are none.
        """
        if self.tag is None or self.name is None or self.style not in NESTED:
            return None
        misc = [row[self.tag].decode("utf-8") for row in rows]
        return nested_tags(misc, self.style, self.name, self.type_field)

    def has_tag(self, row: list[bytes]) -> bool:
        """Return True if a fitted row has a tag where it should, or in any column after the first."""
        if self.tag is not None and self.style not in ("misc", *NESTED) and len(row) == self.columns:
            try:
                self.tag_of(row)
            except ValueError:
                pass
            else:
                return True
        return any(map(is_tag, row[1:]))


@dataclass(slots=True)
class Rows:
    """Rows of one sentence.

    line, byte_offset: of the first row; raw: bytes of each row; lines: number of each, from 1;
    starts_document: True if a `-DOCSTART-` line stands between it and the sentence before; long: all of a
    sentence beyond the limit, which has no rows; `lines` is the one where it passed the limit.
    """

    line: int
    byte_offset: int
    rows: list[list[bytes]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    starts_document: bool = False
    long: LongRecord | None = None


@dataclass(slots=True)
class Block:
    """Lines between blank lines or `-DOCSTART-` lines; marked: True if such a mark stands before it.

    size: bytes of the lines; digest, long_line: of a block beyond `LONGEST_RECORD` bytes or `MOST_ROWS` lines
    all of its bytes, and the line where it passed the limit; `raw` then holds the first lines alone.
    """

    line: int
    byte_offset: int
    marked: bool
    raw: list[bytes] = field(default_factory=list)
    read: tuple[bool, Rows] | None = None  # what `rows` has returned for a separator, if nothing else matters
    size: int = 0
    digest: Digest | None = None
    long_line: int = 0

    def add(self, raw: bytes, number: int) -> None:
        """Add a line, or a part of one, by its number."""
        self.size += len(raw)
        if self.digest is not None:
            self.digest.update(raw)
        elif (
            isinstance(raw, LinePart) or self.size > line_limits.LONGEST_RECORD or len(self.raw) >= MOST_ROWS
        ):
            self.digest, self.long_line = Digest([*self.raw, raw]), number
            del self.raw[_KEPT:]
        else:
            self.raw.append(raw)

    def rows(self, tabs: bool, layout: Layout | None = None) -> Rows | None:
        """The sentence of the block without comments; None if it has no row.

        The layout, if it is known, helps to tell comments from tokens, and says whether CoNLL-U ranges are
        left out.
        """
        ranges = layout is not None and layout.ranges
        if self.read is not None and self.read[0] is tabs:
            known = self.read[1]
            if not (ranges and any(is_range(row[0]) for row in known.rows)):
                return known
        sentence = self._rows(tabs, layout, ranges)
        if sentence is not None and not ranges and self.line > 1 and not self.raw[0].startswith(COMMENT):
            self.read = tabs, sentence
        return sentence

    def _rows(self, tabs: bool, layout: Layout | None, ranges: bool) -> Rows | None:
        sentence: Rows | None = None
        offset = self.byte_offset
        for number, raw in enumerate(self.raw, self.line):
            line = raw.rstrip(b"\r\n")
            if number == self.line:  # of the file, or of one that was put behind another
                line = line.removeprefix(_BOM)
            row = [part.strip(b" ") for part in line.split(b"\t")] if tabs else line.split()
            comment = sentence is None and line.startswith(COMMENT) and _is_comment(row, layout)
            if not comment and not (ranges and is_range(row[0])):
                if sentence is None:
                    sentence = Rows(number, offset)
                sentence.rows.append(row)
                sentence.raw.append(raw)
                sentence.lines.append(number)
            offset += len(raw)
        return sentence


def blocks(lines: Iterable[bytes], before: int = 0, byte_offset: int = 0) -> Iterator[Block]:
    """Blocks of lines that follow `before` lines and `byte_offset` bytes of the file.

    Args:
        lines: whole ones, and the parts of those beyond the limit; see `common.lines.universal_parts`.
        before: lines before them.
        byte_offset: of the first of them.
    """
    block = Block(0, 0, False)
    marked, number = False, before + 1
    for raw in lines:
        line = raw.removeprefix(_BOM)
        part = isinstance(raw, LinePart)
        mark = line.startswith(DOCSTART) and not part
        if mark or not (part or _is_visible(line)):
            if block.size:
                yield block
                block, marked = Block(0, 0, False), False
            marked = marked or mark
        else:
            if not block.size:
                block = Block(number, byte_offset, marked)
            block.add(raw, number)
        byte_offset += len(raw)
        number += not part or raw.endswith((b"\n", b"\r"))
    if block.size:
        yield block


def _is_visible(line: bytes) -> bool:
    """Return True for a line that is more than white space, of ASCII or not."""
    content = line.strip()
    wide = content[:1] >= b"\x80" and len(content) <= _LONGEST_BLANK
    return bool(content.decode("utf-8", "replace").strip()) if wide else bool(content)


def sentences(
    lines: Iterable[bytes], layout: Layout, before: int = 0, byte_offset: int = 0
) -> Iterator[Rows]:
    """Sentences of a file, or of the lines that follow `before` lines and `byte_offset` bytes of it.

    A row that names the columns is left out.
    """
    marked, header = False, layout.header and not before
    for block in blocks(lines, before, byte_offset):
        marked = marked or block.marked
        rows = block.rows(layout.tabs, layout)
        if rows is not None and header:
            header = False
            rows = _without_first(rows)
        if block.digest is not None:
            long, first = block.digest.record(), (block.line, block.byte_offset)
            rows = Rows(*first, lines=[block.long_line], long=long)
        if rows is not None:
            rows.starts_document, marked = marked, False
            yield rows


def _without_first(rows: Rows) -> Rows | None:
    """Rows without the first; None if that was all."""
    if len(rows.rows) == 1:
        return None
    offset = rows.byte_offset + len(rows.raw[0])
    return Rows(rows.lines[1], offset, rows.rows[1:], rows.raw[1:], rows.lines[1:])


def is_range(value: bytes) -> bool:
    """Return True for the index of a CoNLL-U multiword token ("3-4") or empty node ("3.1")."""
    if not value[:1].isdigit():
        return False
    for separator in (b"-", b"."):
        first, found, last = value.partition(separator)
        if found and first.isdigit() and last.isdigit():
            return True
    return False


def _is_comment(row: list[bytes], layout: Layout | None) -> bool:
    """Return True for a line with # before the first row, unless it reads as the token # or #tag."""
    if layout is None or not layout.columns:
        return not any(map(is_tag, row[1:])) and (len(row) > 1 or b" " in row[0])
    row = layout.fitted(row)
    return len(row) != layout.columns or (layout.columns > 1 and not layout.has_tag(row))
