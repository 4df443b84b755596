"""CoNLL-style columns: one token a line, blank lines between sentences; columns and tag scheme are found.

After Tjong Kim Sang and De Meulder (2003) and CoNLL-U: tab- or space-separated, perhaps a leading index and
trailing columns of no use, comment lines, `-DOCSTART-` lines between documents. A record is a sentence.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import BinaryIO

from elman.data.errors import BadInput
from elman.data.formats.records import Document, Quarantined, Sentence
from elman.data.formats.slices import Slice, SliceSize, blocks
from elman.data.text.tags import OUTSIDE, Scheme, detect_scheme, split_tag, to_iob2

DOCSTART = b"-DOCSTART-"
BLOCK = 50  # sentences in a document where the file marks none
_INDEX = re.compile(rb"\d+")
_RANGE = re.compile(rb"\d+[-.]\d+")  # a CoNLL-U multiword token or empty node: no token of its own
_COMMENT = b"#"


@dataclass(frozen=True)
class Layout:
    """How a file's rows are to be read; columns count from 0."""

    tabs: bool
    columns: int
    token: int
    tag: int | None  # None: unlabelled
    index: int | None
    scheme: Scheme

    def split(self, line: bytes) -> list[bytes]:
        """The columns of a row."""
        return _split(line, self.tabs)


@dataclass
class _Rows:
    """The rows of one sentence as they were read."""

    line: int
    byte_offset: int
    rows: list[list[bytes]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    first: list[int] = field(default_factory=list)  # line of each row
    starts_document: bool = False


def _split(line: bytes, tabs: bool) -> list[bytes]:
    return [part.strip(b" ") for part in line.split(b"\t")] if tabs else line.split()


def _sentences(
    stream: BinaryIO, tabs: bool, columns: int | None, ranges: bool, before: int = 0, byte_offset: int = 0
) -> Iterator[_Rows]:
    """Cut a file into sentences; comments, document marks and, where `ranges`, CoNLL-U ranges are no rows."""
    current: _Rows | None = None
    fresh = False  # a -DOCSTART- has come
    offset = byte_offset
    for number, raw in enumerate(stream, before + 1):
        line = raw.rstrip(b"\r\n")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            if current:
                yield current
                current = None
        elif line.startswith(DOCSTART):
            if current:
                yield current
                current = None
            fresh = True
        else:
            row = _split(line, tabs)
            comment = line.startswith(_COMMENT) and current is None and _is_comment(row, columns)
            if not comment and not (ranges and _RANGE.fullmatch(row[0])):
                if current is None:
                    current = _Rows(number, offset, starts_document=fresh)
                    fresh = False
                current.rows.append(row)
                current.raw.append(raw)
                current.first.append(number)
        offset += len(raw)
    if current:
        yield current


def _is_comment(row: Sequence[bytes], columns: int | None) -> bool:
    """A line that opens with # before a sentence's first row, unless it reads as the token # or #tag."""
    has_tag = any(map(_is_tag, row[1:]))
    if columns is None:
        return not has_tag and (len(row) > 1 or b" " in row[0])
    return len(row) != columns or (columns > 1 and not has_tag)


def _is_tag(value: bytes) -> bool:
    try:
        split_tag(value.decode("utf-8", "replace"))
    except ValueError:
        return False
    return True


def layout_of(
    opener: Callable[[], BinaryIO],
    source: str,
    *,
    token_column: int | None = None,
    tag_column: int | None = None,
) -> Layout:
    """Find how a file is to be read, from all of its rows.

    The separator is the tab where most rows have one. The index column counts from 0 or 1 in every sentence;
    the tag column is the last whose values are mostly O or a prefix and a type; the token column is the first
    of the others.

    Args:
        opener: opens the decompressed file.
        source: its name, for messages.
        token_column: from 1, where the user knows better.
        tag_column: likewise.

    Raises:
        BadInput: no rows, or no column that can be the tokens.
    """
    with opener() as stream:
        tabs = _has_tabs(stream)
    widths = Counter[int]()
    tags, filled, counted, rows = Counter[int](), Counter[int](), Counter[int](), 0
    with opener() as stream:
        for sentence in _sentences(stream, tabs, None, ranges=False):
            counting = [row for row in sentence.rows if not _RANGE.fullmatch(row[0])]
            for before, row in zip([None, *counting], counting, strict=False):
                for column, value in enumerate(row):
                    counted[column] += _counts_on(value, before, column)
            rows += len(counting)
            for row in counting or sentence.rows:
                widths[len(row)] += 1
                for column, value in enumerate(row):
                    if _is_tag(value):
                        tags[column] += 1
                        filled[column] += value != b"O"
    if not widths:
        raise BadInput("rows of tokens", got="none", todo="Give a file with one token a line.", source=source)
    columns = widths.most_common(1)[0][0]
    index = next((c for c in range(columns - 1) if counted[c] >= 0.99 * rows > 0), None)
    tag = None if tag_column is None else tag_column - 1
    if tag is None and columns > 1:
        likely = [c for c in range(1, columns) if tags[c] >= 0.5 * rows and c != index]
        tag = next((c for c in reversed(likely) if filled[c]), likely[-1] if likely else None)
        if tag is None and token_column is None:
            raise BadInput(
                "a column of tags (O, B-PERSON, ...)",
                got=f"{columns} columns without one",
                todo="Name the columns with --token-column and --tag-column, counted from 1.",
                source=source,
            )
    token = 0 if token_column is None else token_column - 1
    if token_column is None:
        token = next((c for c in range(columns) if c not in (index, tag)), 0)
    if token >= columns or (tag is not None and (tag >= columns or tag == token)):
        raise BadInput(
            f"columns from 1 to {columns}, the tokens' and the tags' apart",
            got=f"token column {token + 1}, tag column {tag if tag is None else tag + 1}",
            todo="Change --token-column or --tag-column.",
            source=source,
        )
    with opener() as stream:
        scheme = _scheme(stream, tabs, columns, tag, ranges=index == 0)
    return Layout(tabs, columns, token, tag, index, scheme)


def _has_tabs(stream: BinaryIO) -> bool:
    with_tab = without = 0
    for line in stream:
        if line.strip() and not line.startswith((_COMMENT, DOCSTART)):
            with_tab += b"\t" in line.strip()
            without += b"\t" not in line.strip()
    return with_tab > without


def _counts_on(value: bytes, before: Sequence[bytes] | None, column: int) -> bool:
    """Whether a value goes on counting from the row before, or begins with 0 or 1."""
    if not _INDEX.fullmatch(value):
        return False
    if before is None:
        return value in (b"0", b"1")
    return (
        column < len(before)
        and bool(_INDEX.fullmatch(before[column]))
        and int(value) == int(before[column]) + 1
    )


def _scheme(stream: BinaryIO, tabs: bool, columns: int, tag: int | None, ranges: bool) -> Scheme:
    if tag is None:
        return "IOB2"

    def tags() -> Iterator[list[str]]:
        for sentence in _sentences(stream, tabs, columns, ranges):
            values = [row[tag] for row in sentence.rows if len(row) == columns]
            yield [value.decode("utf-8", "replace") for value in values if _is_tag(value)]

    return detect_scheme(tags())


def read(
    opener: Callable[[], BinaryIO],
    source: str,
    *,
    token_column: int | None = None,
    tag_column: int | None = None,
    piece: Slice | None = None,
) -> Iterator[Document | Quarantined]:
    """Read a file, or a slice of it, a document at a time.

    Documents are what `-DOCSTART-` lines part, else blocks of 50 sentences; their ids are SOURCE#NUMBER. The
    text of a sentence is its tokens joined by a space, that of a document its sentences joined by line ends.

    Args:
        opener: opens the decompressed file; called several times.
        source: its name.
        token_column: from 1; found from the rows if None.
        tag_column: likewise.
        piece: found by `cut`, if the stream is that slice alone.

    Yields:
        documents and refused sentences in the order they end.

    Raises:
        BadInput: the columns cannot be found.
    """
    if piece is None:
        layout = layout_of(opener, source, token_column=token_column, tag_column=tag_column)
        piece = Slice(0, 0, {"line": 0, "document": 0, "marked": False})
    else:
        layout = Layout(**piece.state["layout"])
    marked, document, line = (piece.state[name] for name in ("marked", "document", "line"))
    met, at = 0, 0
    ready: list[Sentence] = []

    def whole() -> Document:
        return Document(f"{source}#{document}", source, tuple(ready), ready[0].byte_offset, ready[0].line)

    with opener() as stream:
        for rows in _sentences(stream, layout.tabs, layout.columns, layout.index == 0, line, piece.begin):
            marked = marked or rows.starts_document
            if rows.starts_document or (not marked and met == BLOCK):
                if ready:
                    yield whole()
                document, met, at, ready = document + (met > 0), 0, 0, []
            met += 1
            sentence = _sentence(rows, layout, source, at)
            if isinstance(sentence, Quarantined):
                yield sentence
                continue
            ready.append(sentence)
            at = sentence.end + 1
    if ready:
        yield whole()


def split(
    opener: Callable[[], BinaryIO],
    source: str,
    size: SliceSize,
    *,
    token_column: int | None = None,
    tag_column: int | None = None,
) -> list[Slice]:
    """Find slices of whole documents; arguments and errors as of `read`.

    Returns:
        slices with state: line, lines before; document, the number of the first; marked, whether a
        `-DOCSTART-` has come; layout.
    """
    layout = layout_of(opener, source, token_column=token_column, tag_column=tag_column)
    state = {"line": 0, "document": 0, "marked": False, "layout": asdict(layout)}
    slices: list[Slice] = []
    begin, marked, document, met = 0, False, 0, 0
    with opener() as stream:
        for rows in _sentences(stream, layout.tabs, layout.columns, ranges=layout.index == 0):
            marked = marked or rows.starts_document
            if rows.starts_document or (not marked and met == BLOCK):
                document, met = document + (met > 0), 0
                if rows.byte_offset - begin >= size(len(slices)):
                    slices.append(Slice(begin, rows.byte_offset, state))
                    state = {**state, "line": rows.line - 1, "document": document, "marked": marked}
                    begin = rows.byte_offset
            met += 1
    with opener() as stream:
        end = sum(map(len, blocks(stream)))
    return [*slices, Slice(begin, end, state)]


def _sentence(rows: _Rows, layout: Layout, source: str, start: int) -> Sentence | Quarantined:
    def refused(row: int, reason: str, detail: str, todo: str) -> Quarantined:
        return Quarantined(
            source, rows.first[row], rows.byte_offset, reason, detail, todo, b"".join(rows.raw)
        )

    for number, row in enumerate(rows.rows):
        if len(row) != layout.columns:
            detail = f"expected {layout.columns} columns as in most rows. Got {len(row)}"
            return refused(
                number, "wrong-columns", detail, "Mend the row: one token a line, every column there."
            )
        if not row[layout.token]:
            return refused(number, "empty-token", "expected a token. Got none", "Fill the token in.")
    tokens, tags = [], []
    for number, row in enumerate(rows.rows):
        try:
            tokens.append(row[layout.token].decode("utf-8"))
            tags.append(OUTSIDE if layout.tag is None else row[layout.tag].decode("utf-8"))
        except UnicodeDecodeError as error:
            detail = f"expected UTF-8. Got byte {error.object[error.start]:#04x}"
            return refused(number, "invalid-utf8", detail, "Save the file as UTF-8.")
        try:
            split_tag(tags[-1])
        except ValueError as error:
            return refused(
                number, "unknown-tag", str(error), "Mend the tag, or name its column with --tag-column."
            )
    starts, ends, at = [], [], start
    for token in tokens:
        starts.append(at)
        ends.append(at + len(token))
        at += len(token) + 1
    return Sentence(
        start,
        ends[-1],
        " ".join(tokens),
        tuple(starts),
        tuple(ends),
        None if layout.tag is None else tuple(to_iob2(tags, layout.scheme)),
        rows.byte_offset,
        rows.line,
    )
