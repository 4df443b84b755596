"""Layout of CoNLL-style files (separator, columns, tag scheme), and their sentences as rows."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import pairwise

from elman.data.errors import BadInput
from elman.data.formats.registry import HEAD_BYTES, Opener
from elman.data.text.tags import OUTSIDE, Scheme, scheme_of_pairs, split_tag

DOCSTART = b"-DOCSTART-"
_COMMENT = b"#"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Layout:
    """How a file's rows are to be read; columns count from 0."""

    tabs: bool
    columns: int
    token: int
    tag: int | None  # None: unlabelled
    index: int | None
    scheme: Scheme

    @property
    def ranges(self) -> bool:
        """True if rows of CoNLL-U ranges ("3-4") and empty nodes ("3.1") are no tokens."""
        return self.index == 0


@dataclass(slots=True)
class Rows:
    """Rows of one sentence.

    line, byte_offset: of the first row; raw: bytes of each row; lines: number of each, from 1;
    starts_document: True if a `-DOCSTART-` line stands between it and the sentence before.
    """

    line: int
    byte_offset: int
    rows: list[list[bytes]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    starts_document: bool = False


@dataclass(slots=True)
class _Block:
    """Lines between blank lines or `-DOCSTART-` lines; marked: True if such a mark stands before it."""

    line: int
    byte_offset: int
    marked: bool
    raw: list[bytes] = field(default_factory=list)
    read: tuple[bool, Rows] | None = None  # what `rows` has returned for a separator, if nothing else matters

    def rows(self, tabs: bool, columns: int | None, ranges: bool) -> Rows | None:
        """The sentence of the block without comments and, if `ranges`, CoNLL-U ranges; None if it has no row.

        `columns` is the number of columns of a row, if it is known; it helps to tell comments from tokens.
        """
        if self.read is not None and self.read[0] is tabs:
            known = self.read[1]
            if not (ranges and any(_is_range(row[0]) for row in known.rows)):
                return known
        sentence = self._rows(tabs, columns, ranges)
        if sentence is not None and not ranges and self.line > 1 and not self.raw[0].startswith(_COMMENT):
            self.read = tabs, sentence
        return sentence

    def _rows(self, tabs: bool, columns: int | None, ranges: bool) -> Rows | None:
        sentence: Rows | None = None
        offset = self.byte_offset
        for number, raw in enumerate(self.raw, self.line):
            line = raw.rstrip(b"\r\n")
            if number == 1:
                line = line.removeprefix(_BOM)
            row = [part.strip(b" ") for part in line.split(b"\t")] if tabs else line.split()
            comment = sentence is None and line.startswith(_COMMENT) and _is_comment(row, columns)
            if not comment and not (ranges and _is_range(row[0])):
                if sentence is None:
                    sentence = Rows(number, offset)
                sentence.rows.append(row)
                sentence.raw.append(raw)
                sentence.lines.append(number)
            offset += len(raw)
        return sentence


def _blocks(lines: Iterable[bytes], before: int = 0, byte_offset: int = 0) -> Iterator[_Block]:
    """Blocks of lines that follow `before` lines and `byte_offset` bytes of the file."""
    block = _Block(0, 0, False)
    marked = False
    for number, raw in enumerate(lines, before + 1):
        line = raw.removeprefix(_BOM) if number == 1 else raw
        mark = line.startswith(DOCSTART)
        if mark or not line.strip():
            if block.raw:
                yield block
                block, marked = _Block(0, 0, False), False
            marked = marked or mark
        else:
            if not block.raw:
                block = _Block(number, byte_offset, marked)
            block.raw.append(raw)
        byte_offset += len(raw)
    if block.raw:
        yield block


def sentences(
    lines: Iterable[bytes], layout: Layout, before: int = 0, byte_offset: int = 0
) -> Iterator[Rows]:
    """Sentences of a file, or of the lines that follow `before` lines and `byte_offset` bytes of it."""
    marked = False
    for block in _blocks(lines, before, byte_offset):
        marked = marked or block.marked
        rows = block.rows(layout.tabs, layout.columns, layout.ranges)
        if rows is not None:
            rows.starts_document, marked = marked, False
            yield rows


def _is_range(value: bytes) -> bool:
    """Return True for the index of a CoNLL-U multiword token ("3-4") or empty node ("3.1")."""
    if not value[:1].isdigit():
        return False
    for separator in (b"-", b"."):
        first, found, last = value.partition(separator)
        if found and first.isdigit() and last.isdigit():
            return True
    return False


def _is_comment(row: Sequence[bytes], columns: int | None) -> bool:
    """Return True for a line with # before the first row, unless it reads as the token # or #tag."""
    has_tag = any(map(is_tag, row[1:]))
    if columns is None:
        return not has_tag and (len(row) > 1 or b" " in row[0])
    return len(row) != columns or (columns > 1 and not has_tag)


@lru_cache(maxsize=1 << 16)
def is_tag(value: bytes) -> bool:
    """Return True for O or a known prefix with a type."""
    try:
        split_tag(value.decode("utf-8", "replace"))
    except ValueError:
        return False
    return True


class _Survey:
    """Counts over the rows of a file that decide its layout, for one separator."""

    def __init__(self, tabs: bool) -> None:
        self.tabs = tabs
        self.rows = 0
        self.widths = Counter[int]()
        self.tags = Counter[int]()  # per column: values that are tags
        self.entities = Counter[int]()  # tags other than O
        self.counting = Counter[int]()  # values that continue the index of the row before

    def add(self, block: _Block) -> None:
        """Count the rows of a block."""
        sentence = block.rows(self.tabs, None, ranges=False)
        if sentence is None:
            return
        tokens = [row for row in sentence.rows if not _is_range(row[0])]
        before: Sequence[bytes] | None = None
        for row in tokens:
            for column, value in enumerate(row):
                if value.isdigit() and _continues(value, before, column):
                    self.counting[column] += 1
            before = row
        self.rows += len(tokens)
        for row in tokens or sentence.rows:
            self.widths[len(row)] += 1
            for column, value in enumerate(row):
                if is_tag(value):
                    self.tags[column] += 1
                    self.entities[column] += value != b"O"

    def layout(self, source: str, token_column: int | None, tag_column: int | None) -> Layout:
        """The layout but for the scheme; see `layout_of`."""
        if not self.widths:
            todo = "Give a file with one token a line."
            raise BadInput("rows of tokens", got="none", todo=todo, source=source)
        columns = self.widths.most_common(1)[0][0]
        index = next((c for c in range(columns - 1) if self.counting[c] >= 0.99 * self.rows > 0), None)
        tag = None if tag_column is None else tag_column - 1
        if tag is None and columns > 1:
            likely = [c for c in range(1, columns) if self.tags[c] >= 0.5 * self.rows and c != index]
            tag = next((c for c in reversed(likely) if self.entities[c]), likely[-1] if likely else None)
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
        return Layout(self.tabs, columns, token, tag, index, "IOB2")


def _continues(value: bytes, before: Sequence[bytes] | None, column: int) -> bool:
    """Return True if a number continues the count of the row before, or begins it with 0 or 1."""
    if before is None:
        return value in (b"0", b"1")
    return column < len(before) and before[column].isdigit() and int(value) == int(before[column]) + 1


class _TagPairs:
    """Distinct pairs of neighbouring tags of a file in the order of their first occurrence."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.pairs: dict[tuple[str, str], None] = {}

    def add(self, block: _Block) -> None:
        """Note the tags of a block."""
        layout = self.layout
        if layout.tag is None:
            return
        sentence = block.rows(layout.tabs, layout.columns, layout.ranges)
        if sentence is None:
            return
        values = [row[layout.tag] for row in sentence.rows if len(row) == layout.columns]
        tags = [value.decode("utf-8", "replace") for value in values if is_tag(value)]
        self.pairs.update(dict.fromkeys(pairwise([OUTSIDE, *tags])))


def layout_of(
    opener: Opener, source: str, *, token_column: int | None = None, tag_column: int | None = None
) -> Layout:
    """Find the layout of a file from all of its rows, in one pass after a look at its first bytes.

    The separator is the tab where most rows have one. The index column counts from 0 or 1 in every sentence;
    the tag column is the last whose values are mostly O or a prefix and a type; the token column is the first
    of the others. The scheme is that of all tags in the tag column.

    The layout of the first bytes is assumed while the pass counts. Where the whole file decides otherwise, it
    is read again: once for the columns if the separator is another one, and once for the scheme.

    Args:
        opener: opens the decompressed file.
        source: its name, for messages.
        token_column: column of the tokens from 1, if the user has named it.
        tag_column: column of the tags, likewise.

    Raises:
        BadInput: no rows, or no column that can be the tokens.
    """

    with opener() as stream:
        head = stream.readlines(HEAD_BYTES)
        if not stream.read(1):  # all of the file
            opener = partial(io.BytesIO, b"".join(head))
    separators = _Separators()
    blocks = list(_blocks(separators.counted(head)))
    guess = _Survey(separators.tabs)
    for block in blocks:
        guess.add(block)
    try:
        assumed = guess.layout(source, token_column, tag_column)
    except BadInput:  # the rest of the file may be better
        assumed = Layout(guess.tabs, 0, 0, None, None, "IOB2")
    separators, survey, pairs = _Separators(), _Survey(assumed.tabs), _TagPairs(assumed)
    with opener() as stream:
        for block in _blocks(separators.counted(stream)):
            survey.add(block)
            pairs.add(block)
    if separators.tabs != survey.tabs:
        survey = _Survey(separators.tabs)
        with opener() as stream:
            for block in _blocks(stream):
                survey.add(block)
    layout = survey.layout(source, token_column, tag_column)
    if layout != assumed:
        pairs = _TagPairs(layout)
        with opener() as stream:
            for block in _blocks(stream):
                pairs.add(block)
    return replace(layout, scheme=scheme_of_pairs(pairs.pairs))


class _Separators:
    """Counts rows with a tab against those without one."""

    def __init__(self) -> None:
        self.balance = 0

    def counted(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The lines, counted as they pass."""
        for line in lines:
            content = line.strip()
            if content and not line.startswith((_COMMENT, DOCSTART)):
                self.balance += 1 if b"\t" in content else -1
            yield line

    @property
    def tabs(self) -> bool:
        """True if most rows have a tab."""
        return self.balance > 0
