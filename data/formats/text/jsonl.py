"""JSON lines with character spans: `{"id", "text", "spans": [{"start", "end", "label"}]}`, a document a line.

Without `spans` a document is unlabelled; without `id` it is named after its line. Labels may stand under the
keys and in the forms of annotation tools, too: see `data.formats.common.json_labels`. A span may have the
`score` or `probability` of the tagger that gave it. A string or whole number under `label` is the class of
the document.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from elman.data.formats.common.encodings import NOT_UTF8
from elman.data.formats.common.given_spans import spans_of, with_scores
from elman.data.formats.common.json_labels import NOT_GOLD, REJECTED, document_label, labels_of
from elman.data.formats.common.lines import TOO_LONG, LongRecord, bounded_lines, ends_with_returns, long_line
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Document, Flat, Place, Quarantined
from elman.data.formats.common.slices import Slice, SliceSize, split_lines, split_sizes
from elman.data.formats.common.span_documents import REASONS, document_of
from elman.data.formats.common.streams import BOM
from elman.data.formats.registry import Head, Opener, TextFormat, register

_TEXT_KEY = re.compile(r'[{,]\s*"text"\s*:\s*"')  # of a line longer than the head of the file
TEXT_KEYS = ("data", "content", "sentence")  # of a text in a record without "text"
_SHOWN_KEYS = 10
_AROUND = b" \t\r\n\x1e"  # white space, and the separator of RFC 7464
FIELDS = 'Write {"id": "...", "text": "...", "spans": [{"start": 0, "end": 3, "label": "PERSON"}]} a line.'


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read a file or a slice; see `data.formats.registry.TextReader`.

    Yields:
        a document or a quarantined line for every line that is not blank.
    """
    if slice_ is None:
        with opener() as stream:
            line, offset, returns = 0, 0, ends_with_returns(stream)
    else:
        line, offset, returns = slice_.state["line"], slice_.begin, slice_.state.get("returns", False)
    with opener() as stream:
        for number, raw in enumerate(bounded_lines(stream, returns), line + 1):
            if isinstance(raw, LongRecord):
                yield long_line(raw, source, number, offset)
                offset += raw.size
                continue
            content = raw.strip(_AROUND).removeprefix(BOM)
            if content.strip():
                place = Place(source, number, offset, raw)
                try:
                    yield document_of_value(json_value(content), place, options)
                except BadRecord as error:
                    yield place.refuse(error)
            offset += len(raw)


def split(opener: Opener, source: str, options: Options, size: SliceSize) -> list[Slice]:
    """Slices of whole lines; see `data.formats.common.slices.split_lines`.

    state: line, and returns, which is True in a file of lone returns and absent in others.
    """
    with opener() as stream:
        returns = ends_with_returns(stream)
    with opener() as stream:
        if not returns:
            return split_lines(stream, size)
        lines = bounded_lines(stream, returns)
        sizes = (line.size if isinstance(line, LongRecord) else len(line) for line in lines)
        return split_sizes(sizes, size, {"returns": True})


def document_of_value(value: Any, place: Place, options: Options) -> Document | Flat:
    """The document of a JSON object.

    Raises:
        BadRecord: it has no text, or labels that are none.
    """
    if not isinstance(value, dict):
        raise BadRecord("no-text", f'expected a string "text". Got {type(value).__name__}', FIELDS)
    text = value.get("text")
    if "text" not in value:
        text = next((value[key] for key in TEXT_KEYS if isinstance(value.get(key), str)), None)
        if text is None:
            got = f"an object of {', '.join(map(repr, [*value][:_SHOWN_KEYS])) or 'nothing'}"
            raise BadRecord("no-text", f'expected a string "text". Got {got}', FIELDS)
    labels = labels_of(value, place, FIELDS)
    if value.get("answer") in REJECTED:
        options.report.counts[NOT_GOLD] += 1
    spans = None if labels is None else spans_of(labels, text, place, options, FIELDS)
    document = document_of(place, value.get("id"), text, spans, options, FIELDS)
    if labels:
        document = with_scores(document, labels, text, options)
    label = document_label(value, options.report) if options.labels_used else None
    return document if label is None else replace(document, label=label)


def json_value(line: bytes) -> Any:
    """The value of a line.

    Raises:
        BadRecord: no UTF-8, or no JSON.
    """
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        detail = (
            f"expected UTF-8. Got byte {error.object[error.start]:#04x} at byte {error.start} of the line"
        )
        raise BadRecord("invalid-utf8", detail, NOT_UTF8) from None
    except (ValueError, RecursionError) as error:
        raise BadRecord("invalid-json", f"expected one JSON object a line. Got {error}", FIELDS) from None


def _matches(head: Head) -> bool:
    def has_text(line: str) -> bool:
        try:
            value = json.loads(line.strip(_AROUND.decode()).removeprefix("\ufeff"))
        except (ValueError, RecursionError):
            return False
        return isinstance(value, dict) and "text" in value

    if not head.first.lstrip("\x1e").startswith("{"):
        some = head.lines[1:20]  # behind a comment, which is quarantined
        return 2 * sum(map(has_text, some)) > len(some)
    if head.name.endswith((".jsonl", ".ndjson")) or any(map(has_text, head.lines[:20])):
        return True
    return not head.whole and len(head.lines) == 1 and _TEXT_KEY.search(head.first) is not None


register(
    TextFormat(
        name="jsonl",
        rank=50,
        matches=_matches,
        read=read,
        split=split,
        own_ids=True,
        title="JSON lines",
        record="a line",
        notes='`{"id", "text", "spans": [{"start", "end", "label"}]}`; offsets in code points, 0-based '
        "half-open; `id` and `spans` may be missing; a string under `label` is the class of the document",
        hint="JSON lines with a `text`",
        reasons={"invalid-json": "a line that is not one JSON object", **REASONS, **TOO_LONG},
    )
)
