"""Layout of CoNLL-style files, found from their rows: separator, columns, tag scheme."""

import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from elman.data.errors import BadInput
from elman.data.formats.common.lines import LinePart, universal_parts
from elman.data.formats.common.tag_styles import BARE, MOST_TYPES, TagStyle, style_of
from elman.data.formats.registry import HEAD_BYTES, Opener
from elman.data.formats.text.conll_columns import (
    ColumnNames,
    Wanted,
    are_chunks,
    is_tag,
    misc_tags,
    names_in_comment,
    names_in_row,
)
from elman.data.formats.text.conll_entities import NESTED, nested_attributes, type_field
from elman.data.formats.text.conll_rows import COMMENT, DOCSTART, Block, Layout, blocks, is_range
from elman.data.text.tags import OUTSIDE, scheme_of_pairs, split_tag

_SHOWN = 5  # types of a column in a message
_SHOWN_ROW = 40
_GLUED = re.compile(rb"[,;|](O|[BIESLUM]-\w+)$")


@dataclass(frozen=True)
class _TagColumn:
    """A column that can be that of the tags: its number from 0, and how it writes them."""

    column: int
    style: TagStyle = "prefix"
    name: str | None = None


class _Survey:
    """Counts over the rows of a file that decide its layout, for one separator."""

    def __init__(self, tabs: bool, wanted: Wanted) -> None:
        self.tabs, self.wanted = tabs, wanted
        self.names: ColumnNames | None = None
        self.header = False  # True if the first row names the columns
        self.begun = False  # True after the first row of the file
        self.rows = 0
        self.too_long = False  # True if a block is beyond the limit
        self.widths = Counter[int]()
        self.shortest: dict[int, int] = {}  # by width: columns of its shortest row, without empty last ones
        self.tags = Counter[int]()  # per column: values that are tags
        self.entities = Counter[int]()  # tags other than O
        self.types: dict[int, set[str]] = defaultdict(set)  # of these
        self.others: dict[int, set[bytes]] = defaultdict(set)  # values that are no tags, some of them
        self.misc: dict[tuple[int, str], int] = Counter()  # tags in attributes, by column and key
        self.nested: dict[tuple[int, str], TagStyle] = {}  # of entities in attributes, by column and key
        self.type_field: int | None = None  # of these
        self.glued = 0  # rows of token and tag with another separator
        self.glued_row = ""  # the last of them
        self.counting = Counter[int]()  # values that continue the index of the row before

    def add(self, block: Block) -> None:
        """Count the rows of a block."""
        self.too_long = self.too_long or block.digest is not None
        if not self.begun and self.names is None:
            self.names = names_in_comment(block.raw)
            if self.type_field is None:
                self.type_field = type_field(block.raw)
        sentence = block.rows(self.tabs)
        if sentence is None:
            return
        rows = sentence.rows
        if not self.begun:
            self.begun = True
            found = names_in_row(rows[0], self.wanted)
            if found is not None:
                self.names, self.header, rows = found, True, rows[1:]
        tokens = [row for row in rows if not is_range(row[0])]
        before: Sequence[bytes] | None = None
        for row in tokens:
            for column, value in enumerate(row):
                if value.isdigit() and _continues(value, before, column):
                    self.counting[column] += 1
            before = row
        self.rows += len(tokens)
        for row in tokens or rows:
            self._count(row)

    def _count(self, row: list[bytes]) -> None:
        width = len(row)
        self.widths[width] += 1
        if width == 1 and _GLUED.search(row[0]):
            self.glued, self.glued_row = self.glued + 1, row[0].decode("utf-8", "replace")[:_SHOWN_ROW]
        if not row[-1]:
            filled = max((n for n, value in enumerate(row, 1) if value), default=0)
            self.shortest[width] = min(filled, self.shortest.get(width, width))
        for column, value in enumerate(row):
            if is_tag(value):
                self.tags[column] += 1
                if value != b"O":
                    self.entities[column] += 1
                    if len(self.types[column]) <= MOST_TYPES:
                        self.types[column].add(split_tag(value.decode("utf-8", "replace"))[1])
            elif len(self.others[column]) <= MOST_TYPES:
                self.others[column].add(value)
            if b"=" in value:
                for key in misc_tags(value):
                    self.misc[column, key] += 1
                for key, style in nested_attributes(value):
                    self.nested.setdefault((column, key), style)

    def layout(self, source: str) -> Layout:
        """The layout but for the scheme; see `layout_of`."""
        if not self.widths and self.too_long:
            return Layout(self.tabs, 1, 0, None, None, "IOB2")
        if not self.widths:
            todo = "Give a file with one token a line."
            raise BadInput("rows of tokens", got="none", todo=todo, source=source)
        columns = self.widths.most_common(1)[0][0]
        index = next((c for c in range(columns - 1) if self.counting[c] >= 0.99 * self.rows > 0), None)
        names = self.names or ColumnNames.usual(columns)
        tag = self._tag_column(source, columns, index, names)
        token = names.find(self.wanted.token, source, "--token-column")
        if token is None:
            free = [c for c in range(columns) if c not in (index, tag and tag.column)]
            named = [c for c in names.tokens if c in free] if self.header else []
            token = next(iter(named or free), 0)
        at = None if tag is None else tag.column
        if token >= columns or (at is not None and (at >= columns or at == token)):
            raise BadInput(
                f"columns from 1 to {columns}, the tokens' and the tags' apart",
                got=f"token column {token + 1}, tag column {at if at is None else at + 1}",
                todo="Change --token-column or --tag-column.",
                source=source,
            )
        style, name = ("prefix", None) if tag is None else (tag.style, tag.name)
        least = self._least(columns, max(token, at or 0))
        field = self.type_field if style == "brackets" else None
        return Layout(self.tabs, columns, token, at, index, "IOB2", least, self.header, style, name, field)

    def _least(self, columns: int, needed: int) -> int | None:
        """Columns that a row may have, if some rows have fewer because their last columns are empty."""
        least = max(self.shortest.get(columns, columns), needed + 1)
        return least if any(least <= width < columns for width in self.widths) else None

    def _tag_column(
        self, source: str, columns: int, index: int | None, names: ColumnNames
    ) -> _TagColumn | None:
        """The column of tags, None if there is none to be found.

        Raises:
            BadInput: several, or none in a file that has other columns than that of the tokens.
        """
        if columns == 1 and self.wanted.labels and self.glued >= 0.5 * self.rows > 0:
            got, todo = f"rows as {self.glued_row!r}", "Put a tab between token and tag."
            raise BadInput("columns with tabs or spaces between", got=got, todo=todo, source=source)
        wanted = self.wanted.tag
        attributes = self._attributes()
        if isinstance(wanted, str) and not names.has(wanted):
            named = next((tag for tag in attributes if tag.name == wanted), None)
            if named is not None:
                return named
        column = names.find(wanted, source, "--tag-column")
        if column is not None:
            return self._styled(source, column)
        if columns == 1:
            return None
        likely = [c for c in range(1, columns) if self._likely(c) and c != index]
        found = [self._styled(source, c) for c in likely if self.entities[c]]
        if len(found) > 1:
            found = [t for t in found if not are_chunks(self.types[t.column])] or found[-1:]
        found = found or [styled for c in likely if (styled := self._styled(source, c)).style != "prefix"]
        found = found or attributes
        if len(found) > 1 and self.wanted.labels:
            raise self._several(source, found, names)
        if found or likely:
            return found[-1] if found else _TagColumn(likely[-1])
        if self.wanted.token is None and self.wanted.labels:
            raise BadInput(
                "a column of tags (O, B-PERSON, ...)",
                got=f"{columns} columns without one; the last has {self._some_of(columns - 1)}",
                todo="Name the columns with --token-column and --tag-column, counted from 1.",
                source=source,
            )
        return None

    def _some_of(self, column: int) -> str:
        """Some values of a column, for messages."""
        values = sorted(value.decode("utf-8", "replace")[:20] for value in self.others[column])
        return ", ".join(map(repr, values[:_SHOWN])) or "tags"

    def _likely(self, column: int) -> bool:
        """Return True if half the values of a column are tags, or all of them bare ones."""
        bare = 0 < len(self.others[column]) <= len(BARE) and _are_bare(self.others[column])
        return bool(self.tags[column] >= 0.5 * self.rows or bare)

    def _styled(self, source: str, column: int) -> _TagColumn:
        """A column with the way in which it writes tags.

        Raises:
            BadInput: prefixes without a type, or a type given for tags that have their own.
        """
        given, labels_used = self.wanted.entity_type, self.wanted.labels
        others = {value.decode("utf-8", "replace") for value in self.others[column]}
        types = self.types[column]
        try:
            style, name = style_of(types, others, given, labels_used, f" in column {column + 1}")
        except BadInput as error:
            raise BadInput(error.expected, got=error.got, todo=error.todo, source=source) from None
        attribute = next((tag for tag in self._attributes() if tag.column == column), None)
        if attribute is not None and not types and style != "bare":
            return attribute
        return _TagColumn(column, style, name)

    def _attributes(self) -> list[_TagColumn]:
        """Attributes of MISC that hold tags, then those that hold entities otherwise."""
        tags = [_TagColumn(column, "misc", key) for column, key in self.misc]
        entities = [place for place in self.nested if place not in self.misc]
        return [*tags, *(_TagColumn(place[0], self.nested[place], place[1]) for place in entities)]

    def _several(self, source: str, found: Sequence[_TagColumn], names: ColumnNames) -> BadInput:
        def described(tag: _TagColumn) -> str:
            if tag.style in ("misc", *NESTED):
                return f"{tag.name} (in column {tag.column + 1})"
            values = self.types[tag.column] or {
                value.decode("utf-8", "replace") for value in self.others[tag.column]
            }
            types = sorted(values)
            more = ", ..." if len(types) > _SHOWN else ""
            return f"{names.shown(tag.column)} ({', '.join(types[:_SHOWN])}{more})"

        return BadInput(
            "one column of tags",
            got=f"{len(found)}: {'; '.join(map(described, found))}",
            todo=f"Choose one with --tag-column, by number from 1 or by name: --tag-column "
            f"{found[0].name if found[0].style in ('misc', *NESTED) else found[0].column + 1}.",
            source=source,
        )


def _are_bare(values: Iterable[bytes]) -> bool:
    return {value.decode("utf-8", "replace") for value in values} <= BARE


def _continues(value: bytes, before: Sequence[bytes] | None, column: int) -> bool:
    """Return True if a number continues the count of the row before, or begins it with 0 or 1."""
    if before is None:
        return value in (b"0", b"1")
    return column < len(before) and before[column].isdigit() and int(value) == int(before[column]) + 1


class _TagPairs:
    """Distinct pairs of neighbouring tags of a file in the order of their first occurrence."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.header = layout.header
        self.pairs: dict[tuple[str, str], None] = {}

    def add(self, block: Block) -> None:
        """Note the tags of a block."""
        layout = self.layout
        if layout.tag is None:
            return
        sentence = block.rows(layout.tabs, layout)
        if sentence is None:
            return
        rows = sentence.rows[1:] if self.header else sentence.rows
        self.header = False
        fitted = (row for row in map(layout.fitted, rows) if len(row) == layout.columns)
        tags = [tag for row in fitted if (tag := _tag_or_none(layout, row)) is not None]
        self.pairs.update(dict.fromkeys(pairwise([OUTSIDE, *tags])))


def _tag_or_none(layout: Layout, row: list[bytes]) -> str | None:
    assert layout.tag is not None
    if layout.style in NESTED:  # IOB2 when they are read
        return OUTSIDE
    if layout.style == "prefix":  # whose values are remembered
        return row[layout.tag].decode("utf-8", "replace") if is_tag(row[layout.tag]) else None
    try:
        return layout.tag_of(row)
    except ValueError:
        return None


def layout_of(opener: Opener, source: str, wanted: Wanted | None = None) -> Layout:
    """Find the layout of a file from all of its rows, in one pass after a look at its first bytes.

    The separator is the tab where most rows have one. The index column counts from 0 or 1 in every sentence;
    the tag column is the one whose values are mostly O or a prefix and a type, columns of phrase types
    (chunks) left aside; the token column is the first of the others. Without such a column, one whose values
    are O and prefixes, O and types, or attributes of CoNLL-U's MISC is taken. The scheme is that of all tags
    in the tag column.

    The layout of the first bytes is assumed while the pass counts. Where the whole file decides otherwise, it
    is read again: once for the columns if the separator is another one, and once for the scheme.

    Args:
        opener: opens the decompressed file.
        source: its name, for messages.
        wanted: what the user has named.

    Raises:
        BadInput: no rows, no column that can be the tokens, or several that can be the tags.
    """
    wanted = wanted or Wanted()
    with opener() as stream:
        head, size = list[bytes](), 0
        for line in universal_parts(stream):
            head.append(line)
            size += len(line)
            if size >= HEAD_BYTES:
                break
        else:  # all of the file
            opener = partial(io.BytesIO, b"".join(head))
    separators = _Separators()
    begin = list(blocks(separators.counted(head)))
    guess = _Survey(separators.tabs, wanted)
    for block in begin:
        guess.add(block)
    try:
        assumed = guess.layout(source)
    except BadInput:  # the rest of the file may be better
        assumed = Layout(guess.tabs, 0, 0, None, None, "IOB2")
    separators, survey, pairs = _Separators(), _Survey(assumed.tabs, wanted), _TagPairs(assumed)
    with opener() as stream:
        for block in blocks(separators.counted(universal_parts(stream))):
            survey.add(block)
            pairs.add(block)
    if separators.tabs != survey.tabs:
        survey = _Survey(separators.tabs, wanted)
        with opener() as stream:
            for block in blocks(universal_parts(stream)):
                survey.add(block)
    layout = survey.layout(source)
    if layout != assumed:
        pairs = _TagPairs(layout)
        with opener() as stream:
            for block in blocks(universal_parts(stream)):
                pairs.add(block)
    return replace(layout, scheme=scheme_of_pairs(pairs.pairs))


class _Separators:
    """Counts rows with a tab against those without one."""

    def __init__(self) -> None:
        self.balance = 0

    def counted(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The lines, counted as they pass."""
        for line in lines:
            content = b"" if isinstance(line, LinePart) else line.strip()
            if content and not line.startswith((COMMENT, DOCSTART)):
                self.balance += 1 if b"\t" in content else -1
            yield line

    @property
    def tabs(self) -> bool:
        """True if most rows have a tab."""
        return self.balance > 0
