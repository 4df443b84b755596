"""Documents from the rows of a table: a column of text, perhaps one of labels and one of ids.

Labels are a list of spans (`start`, `end`, `label`), as values of the table or as JSON in a string; or, where
the column of text holds lists of tokens, a list of tags. A row without labels (null, an empty string) is
unlabelled; an empty list says that there are none. A further column may hold the class of each document.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from elman.data.errors import BadInput
from elman.data.formats.common.given_spans import spans_of, with_scores
from elman.data.formats.common.json_labels import label_of, labels_of
from elman.data.formats.common.lines import LONGEST_RECORD
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Document, Flat, Place, Quarantined
from elman.data.formats.common.span_documents import REASONS, document_of
from elman.data.formats.common.tag_styles import Tagging
from elman.data.formats.common.token_rows import document_of_tokens, full_tags, tokens_and_tags

ADVICE = 'Labels are [{"start": 0, "end": 3, "label": "PERSON"}], or tags where the text is a list of tokens.'
ROW_REASONS = {
    **REASONS,
    "no-tokens": "a line without tokens",
    "wrong-columns": "another number of tags than of tokens",
    "unknown-tag": "a tag without a known prefix, or a number without a name",
}
_LONGEST_LITERAL = 1 << 20  # characters of a list as Python writes it
_JOINED = re.compile(r"""['"]\s+['"]""")
LONG_CELL = {"too-long": f"a cell of more than {LONGEST_RECORD >> 20} MiB"}


@dataclass(frozen=True)
class Row:
    """Values of a row by column, and its place; `names`: of tags by number, of each column that has them."""

    place: Place
    values: dict[str, Any]
    names: dict[str, list[str]] = field(default_factory=dict)


Rows = Callable[[Sequence[str]], Iterator[Row | Quarantined]]  # rows of a table, of the columns wanted


def read_rows(rows: Rows, source: str, options: Options) -> Iterator[Document | Flat | Quarantined]:
    """Documents of the rows of a table.

    Args:
        rows: reads the table from its beginning; may be called several times.
        source: its name.
        options: of reading; `text_column` is set.

    Raises:
        BadInput: no column of text is named, or the table lacks a column.
    """
    if options.text_column is None:
        todo = "Name the column that holds the text: --text-column NAME."
        raise BadInput("a column of text", got="none named", todo=todo, source=source)
    wanted = [options.text_column, options.labels_column, options.id_column, options.label_column]
    columns = list(dict.fromkeys(name for name in wanted if name is not None))
    options.report.columns[source] = {k: v for k, v in options.named.items() if k.endswith("_column")}
    tagging = _tagging(rows, columns, options)
    for row in rows(columns):
        if isinstance(row, Quarantined):
            yield row
            continue
        try:
            document = _document(row, tagging, options)
            label = _document_label(row, options)
            yield document if label is None else replace(document, label=label)
        except BadRecord as error:
            yield row.place.refuse(error)


def missing_columns(wanted: Sequence[str], columns: Sequence[str], source: str) -> None:
    """Check that a table has each of the columns wanted once.

    Raises:
        BadInput: names those it has.
    """
    todo = "Name columns the file has, with --text-column, --labels-column, --label-column and --id-column."
    if not {*wanted} <= {*columns}:
        raise BadInput(
            f"the columns {', '.join(wanted)}",
            got=", ".join(columns) or "none",
            todo=todo,
            source=source,
        )
    if repeated := [name for name in wanted if columns.count(name) > 1]:
        raise BadInput(
            f"one column called {repeated[0]}",
            got=f"{columns.count(repeated[0])} of that name",
            todo="Rename one of them: it is not known which is meant.",
            source=source,
        )


def _tagging(rows: Rows, columns: Sequence[str], options: Options) -> Tagging:
    """Notation of the tags of a table of tokens; of another table only the first row is looked at."""
    if options.labels_column is None:
        return Tagging()

    def tags() -> Iterator[Sequence[str]]:
        for row in rows(columns):
            if isinstance(row, Quarantined) or _text(row, options) is None:
                continue
            if not isinstance(_text(row, options), list):
                return
            try:
                _, found = _tokens(row, options)
            except BadRecord:
                continue
            if found is not None:
                yield found

    return Tagging.of(tags(), options.entity_type, options.labels_used)


def _text(row: Row, options: Options) -> Any:
    """The text of a row, or its list of tokens, which may be written as JSON."""
    assert options.text_column is not None
    value = row.values[options.text_column]
    if options.labels_column is not None and isinstance(value, str) and value.startswith(('["', "['")):
        parsed = _parsed(value, value)
        value = parsed if isinstance(parsed, list) else value
    return value


def _parsed(value: str, otherwise: Any) -> Any:
    """A value written as JSON, or as Python writes lists (`[(0, 4, 'PER')]`), which pandas leaves in CSV."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    if len(value) > _LONGEST_LITERAL or _JOINED.search(value):  # as NumPy writes arrays, without commas
        return otherwise
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return otherwise


def _labels(row: Row, options: Options) -> Any:
    """The labels of a row; None if it has none."""
    value = None if options.labels_column is None else row.values[options.labels_column]
    if isinstance(value, str):
        if not value.strip():
            return None
        parsed = _parsed(value, value)
        if not isinstance(parsed, list):
            raise BadRecord("invalid-spans", f"expected a list in JSON. Got {value[:80]!r}", ADVICE)
        return parsed
    return value


def _document_label(row: Row, options: Options) -> str | None:
    """Class of the document of a row; None if it has none."""
    column = options.label_column
    if column is None:
        return None
    return label_of(row.values[column], options.report, row.names.get(column))


def _tokens(row: Row, options: Options) -> tuple[list[str], list[str] | None]:
    value = {"tokens": _text(row, options), "ner_tags": _labels(row, options)}
    return tokens_and_tags(value, row.names.get(options.labels_column or ""))


def _document(row: Row, tagging: Tagging, options: Options) -> Document | Flat:
    id = None if options.id_column is None else row.values[options.id_column]
    if isinstance(id, float) and id.is_integer():
        id = int(id)
    name = None if id is None else str(id)
    text = _text(row, options)
    if isinstance(text, list):
        tokens, tags = _tokens(row, options)
        iob2 = None if tags is None else tagging.iob2(full_tags(tags, tagging))
        return document_of_tokens(row.place, name, tokens, iob2, options)
    given = _labels(row, options)
    labels = None if given is None else labels_of({"spans": given}, row.place, ADVICE) or []
    spans = None if labels is None else spans_of(labels, text, row.place, options, ADVICE)
    document = document_of(row.place, name, text, spans, options, "Fill it, or leave the row out.")
    return with_scores(document, labels, text, options) if labels else document
