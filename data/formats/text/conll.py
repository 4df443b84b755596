"""CoNLL-style columns: one token a line, blank lines between sentences; columns and tag scheme are detected.

After Tjong Kim Sang and De Meulder (2003) and CoNLL-U (https://universaldependencies.org/format.html): tab-
or space-separated, perhaps a row of column names, a leading index and trailing columns of no use, comment
lines, `-DOCSTART-` lines between documents. Lines end with `\\n`, `\\r\\n` or `\\r`. A record is a sentence.

A file is read twice, for its layout and for its rows: the tag scheme may be decided by the last line.
"""

import re
from collections.abc import Iterator
from typing import Any

from elman.data.formats.common.encodings import NOT_UTF8
from elman.data.formats.common.lines import LONGEST_RECORD, LongRecord, universal_parts
from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import ILLEGAL_TAGS, ReadingReport, ReportedPlace
from elman.data.formats.common.records import BadRecord, Document, Place, Quarantined, Sentence, by_character
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.formats.common.tag_styles import BARE, STYLE_NAMES
from elman.data.formats.registry import Head, Opener, TextFormat, register
from elman.data.formats.text.conll_columns import Wanted, misc_tags
from elman.data.formats.text.conll_entities import NESTED, BadEntities, nested_attributes
from elman.data.formats.text.conll_layout import layout_of
from elman.data.formats.text.conll_rows import MOST_ROWS, Layout, Rows, sentences
from elman.data.text.tags import OUTSIDE, Scheme, illegal_places, to_iob2

BLOCK = 50  # sentences in a document where the file marks none


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Quarantined]:
    """Read a file, or a slice of it, a document at a time; see `data.formats.registry.TextReader`.

    Documents are separated by `-DOCSTART-` lines, else they are blocks of 50 sentences; their ids are
    SOURCE#NUMBER. The text of a sentence is its tokens joined by a space, that of a document its sentences
    joined by line ends.

    Yields:
        documents and quarantined sentences in the order they end.

    Raises:
        BadInput: the columns cannot be found.
    """
    if slice_ is None:
        layout = layout_of(opener, source, _wanted(options))
        options.report.columns[source] = _described(layout)
        slice_ = Slice(0, 0, {"line": 0, "document": 0, "marked": False})
    else:
        layout = Layout(**slice_.state["layout"])
    marked, document, line = (slice_.state[name] for name in ("marked", "document", "line"))
    count, at = 0, 0
    ready: list[Sentence] = []

    def whole() -> Document:
        return Document(f"{source}#{document}", source, tuple(ready), ready[0].byte_offset, ready[0].line)

    with opener() as stream:
        for rows in sentences(universal_parts(stream), layout, line, slice_.begin):
            marked = marked or rows.starts_document
            if rows.starts_document or (not marked and count == BLOCK):
                if ready:
                    yield whole()
                document, count, at, ready = document + (count > 0), 0, 0, []
            count += 1
            if rows.long is not None:
                yield _too_long(rows.long, Place(source, rows.lines[0], rows.byte_offset, b""))
                continue
            try:
                sentence, tags = _sentence(rows, layout, at)
            except _BadRow as error:
                place = Place(source, rows.lines[error.row], rows.byte_offset, b"".join(rows.raw))
                yield place.refuse(error)
                continue
            if tags and options.labels_used and (layout.scheme != "IOB2" or (*tags,) != sentence.tags):
                _report_illegal(rows, tags, layout.scheme, source, options.report)
            at = sentence.end + 1
            ready.append(by_character(sentence) if options.unit == "char" else sentence)
    if ready:
        yield whole()


def split(opener: Opener, source: str, options: Options, size: SliceSize) -> list[Slice]:
    """Find slices of whole documents; see `data.formats.registry.TextSplitter`.

    Returns:
        slices with state: line, lines before; document, the number of the first; marked, True if a
        `-DOCSTART-` line has come; layout.

    Raises:
        BadInput: the columns cannot be found.
    """
    layout = layout_of(opener, source, _wanted(options))
    state = {"line": 0, "document": 0, "marked": False, "layout": layout.to_state()}
    slices: list[Slice] = []
    begin, end, marked, document, count = 0, 0, False, 0, 0

    def lines() -> Iterator[bytes]:
        nonlocal end
        with opener() as stream:
            for line in universal_parts(stream):
                end += len(line)
                yield line

    for rows in sentences(lines(), layout):
        marked = marked or rows.starts_document
        if rows.starts_document or (not marked and count == BLOCK):
            document, count = document + (count > 0), 0
            if rows.byte_offset - begin >= size(len(slices)):
                slices.append(Slice(begin, rows.byte_offset, state))
                state = {**state, "line": rows.line - 1, "document": document, "marked": marked}
                begin = rows.byte_offset
        count += 1
    return [*slices, Slice(begin, end, state)]


def _wanted(options: Options) -> Wanted:
    return Wanted(options.token_column, options.tag_column, options.entity_type, options.labels_used)


def _described(layout: Layout) -> dict[str, Any]:
    """Columns and tag scheme of a file, for the summary of an ingest; columns count from 1."""
    if layout.tag is None:
        return {"token_column": layout.token + 1}
    described = {
        "token_column": layout.token + 1,
        "tag_column": layout.tag + 1,
        "tags": STYLE_NAMES[layout.style],
        "scheme": "IO" if layout.style == "io" else layout.scheme,
    }
    return described | ({"name": layout.name} if layout.name else {})


class _BadRow(BadRecord):
    """A sentence with a row that cannot be used; `row` is its number, from 0."""

    def __init__(self, row: int, reason: str, detail: str, todo: str) -> None:
        super().__init__(reason, detail, todo)
        self.row = row


def _sentence(rows: Rows, layout: Layout, start: int) -> tuple[Sentence, list[str]]:
    """The sentence of some rows, which begins at character `start` of its document, and its tags as written.

    Raises:
        _BadRow: a row cannot be used.
    """
    fitted = list(map(layout.fitted, rows.rows))
    for number, row in enumerate(fitted):
        if len(row) != layout.columns:
            detail = f"expected {layout.columns} columns as in most rows. Got {len(row)}"
            todo = "Mend the row: one token a line, every column there."
            raise _BadRow(number, "wrong-columns", detail, todo)
        if not row[layout.token]:
            raise _BadRow(number, "empty-token", "expected a token. Got none", "Fill the token in.")
    tokens, tags, nested = [], list[str](), layout.style in NESTED
    for number, row in enumerate(fitted):
        try:
            tokens.append(row[layout.token].decode("utf-8"))
            tags.append(OUTSIDE if layout.tag is None or nested else layout.tag_of(row))
        except UnicodeDecodeError as error:
            detail = f"expected UTF-8. Got byte {error.object[error.start]:#04x}"
            raise _BadRow(number, "invalid-utf8", detail, NOT_UTF8) from None
        except ValueError as error:
            todo = "Mend the tag, or name its column with --tag-column."
            raise _BadRow(number, "unknown-tag", str(error), todo) from None
    try:
        tags = layout.tags_of(fitted) or tags
    except UnicodeDecodeError as error:
        detail = f"expected UTF-8. Got byte {error.object[error.start]:#04x}"
        raise _BadRow(0, "invalid-utf8", detail, NOT_UTF8) from None
    except BadEntities as error:
        todo = "Mend the brackets or numbers, or name another attribute with --tag-column."
        raise _BadRow(error.token, "unknown-tag", str(error), todo) from None
    starts, ends, at = [], [], start
    for token in tokens:
        starts.append(at)
        ends.append(at + len(token))
        at += len(token) + 1
    sentence = Sentence(
        start,
        ends[-1],
        " ".join(tokens),
        tuple(starts),
        tuple(ends),
        None if layout.tag is None else tuple(to_iob2(tags, layout.scheme)),
        rows.byte_offset,
        rows.line,
    )
    return sentence, [] if layout.tag is None else tags


def _too_long(record: LongRecord, place: Place) -> Quarantined:
    limit = f"a sentence of at most {LONGEST_RECORD} bytes and {MOST_ROWS:,} rows"
    return record.refuse(place, limit, "Put blank lines between sentences, or divide the row.")


def _report_illegal(rows: Rows, tags: list[str], scheme: Scheme, source: str, report: ReadingReport) -> None:
    """Report tags that may not follow the tag before them."""
    for place in illegal_places(tags, scheme):
        before = tags[place - 1] if place else "the beginning of a sentence"
        tag, row = (tags[place], place) if place < len(tags) else ("the end of the sentence", place - 1)
        report.count(ILLEGAL_TAGS, ReportedPlace(source, rows.lines[row], f"{tag} after {before}"))


_TAG = re.compile(r"O|[A-Za-z]-\S+")
_BEGINNINGS = {"B", "S", "U"}
_ENDINGS = (".conll", ".conllu", ".iob", ".iob2", ".bio", ".iobes", ".bilou")


def _matches(head: Head) -> bool:
    """Return True if most rows have, in one and the same column after the first, what looks like a tag."""
    if head.name.endswith(_ENDINGS):
        return True
    rows = head.rows
    width = max(map(len, rows), default=0)
    tagged = (sum(len(row) > at and bool(_TAG.fullmatch(row[at])) for row in rows) for at in range(1, width))
    if max(tagged, default=0) >= max(0.5 * len(rows), 1):
        return True
    return any(_bare({row[at] for row in rows if len(row) > at}) for at in range(1, width)) or any(
        len(row) == 10 and (misc_tags(misc := row[9].encode()) or any(nested_attributes(misc)))
        for row in rows
    )


def _bare(values: set[str]) -> bool:
    """Return True for the values of a column of tags without types."""
    return values <= BARE | {OUTSIDE} and OUTSIDE in values and bool(values & _BEGINNINGS)


register(
    TextFormat(
        name="conll",
        rank=60,
        matches=_matches,
        matches_columns=lambda head: any(len(row) > 1 for row in head.rows),
        read=read,
        split=split,
        passes=2,
        sentence_records=True,
        tokenised=True,
        title="CoNLL columns",
        record="a sentence",
        notes="tab or space; token and tag columns are found from the rows, or given with `--token-column` "
        "and `--tag-column` (a number from 1, or a name from the first row, from `# global.columns` or of "
        "CoNLL-U), which has to be given where several columns hold entities; leading index, trailing unused "
        "columns, `#` comments, `-DOCSTART-`; IOB1, IOB2, IOBES and BILOU become IOB2; `B`, `I`, `O` need "
        "`--entity-type`; of types without prefixes neighbours of one type are one entity; CoNLL-U's MISC "
        "may hold tags as `name=`, `NER=`, `NE=` or `Entity=`, or entities as brackets (GUM, CorefUD: "
        "`Entity=(1-person-...`) or numbers (NameTag: `NE=P_1`), of which the outermost are read",
        hint="CoNLL columns (with --token-column and --tag-column if they are not found)",
        reasons={
            "wrong-columns": "a line without the columns of the format, or of the other lines",
            "empty-token": "a row without a token",
            "unknown-tag": "a row whose tag is none",
            "invalid-utf8": "bytes that are not UTF-8",
            "too-long": f"a sentence of more than {LONGEST_RECORD >> 20} MiB or {MOST_ROWS:,} rows",
        },
    )
)
