"""JSON arrays of records as JSON lines have them, of any layout: `[{"text", "spans"}, ...]`.

A record may have tokens and tags instead (`{"tokens", "ner_tags"}`), or be a pair of a text and
`{"entities": [[start, end, type], ...]}`, as spaCy's training data was before version 3. Objects that follow
one another without an array, each over several lines, are read alike.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from elman.data.formats.common.json_array import BrokenArray, documents_of_array, objects
from elman.data.formats.common.lines import LONGEST_RECORD, LongRecord
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Document, Flat, Place, Quarantined
from elman.data.formats.common.slices import Slice
from elman.data.formats.common.span_documents import REASONS
from elman.data.formats.common.tag_styles import Tagging
from elman.data.formats.common.token_rows import has_words, tokens_and_tags
from elman.data.formats.registry import Head, Opener, TextFormat, register
from elman.data.formats.text import jsonl, token_jsonl
from elman.data.formats.text.jsonl import json_value

_KEY = re.compile(rb'"(text|tokens|words|tokenized_text)"\s*:')
_TOKENS = re.compile(rb'"(tokens|words|tokenized_text)"')
_PAIR = re.compile(rb'\[\s*\[\s*"')
_ENTITIES = re.compile(rb'"entities"\s*:')


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read the records of a file; see `data.formats.registry.TextReader`."""
    tagging = Tagging.of(_tags(opener), options.entity_type, options.labels_used)
    names: list[str] | None = None

    def document_of(place: Place) -> Document | Flat:
        nonlocal names
        value = _value(place.raw)
        if has_words(value) or (isinstance(value, dict) and "text" not in value and "tokens" in value):
            names = token_jsonl.names_in(value) or names
            return token_jsonl.document_of_value(value, names, tagging, place, options)
        return jsonl.document_of_value(value, place, options)

    yield from documents_of_array(opener, source, document_of, "record")


def _value(raw: bytes) -> Any:
    """The value of a record; of a pair the object of its second part, with the text.

    Raises:
        BadRecord: no JSON.
    """
    value = json_value(raw)
    match value:
        case [str(text), dict(labels)]:
            return {**labels, "text": text}
    return value


def _tags(opener: Opener) -> Iterator[Sequence[str]]:
    """Tags of all records of tokens that can be read."""
    names: list[str] | None = None
    with opener() as stream, suppress(BrokenArray):  # which is reported when it is read
        for _, _, raw in objects(stream):
            if isinstance(raw, LongRecord) or _TOKENS.search(raw) is None:
                continue
            with suppress(BadRecord):
                value = json_value(raw)
                names = token_jsonl.names_in(value) or names
                _, tags = tokens_and_tags(value, names)
                if tags is not None:
                    yield tags


def _matches(head: Head) -> bool:
    raw = head.raw.lstrip()
    if raw[:1] == b"[" and raw[1:].lstrip()[:1] == b"{":
        return _KEY.search(raw) is not None
    if _PAIR.match(raw):
        return _ENTITIES.search(raw) is not None
    return (
        raw[:1] == b"{" and len(head.lines) > 1 and not _is_json(head.first) and _KEY.search(raw) is not None
    )


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


register(
    TextFormat(
        name="json_records",
        rank=47,
        matches=_matches,
        read=read,
        passes=2,
        own_ids=True,
        title="JSON records",
        record="an object",
        notes="an array of objects as of JSON lines, with a text or tokens, in any layout; pairs of a text "
        'and `{"entities": [[start, end, type]]}` (spaCy before version 3); objects over several lines one '
        "after the other",
        hint="a JSON array of objects with a `text`",
        reasons={
            "invalid-json": "a file that is no JSON array of objects to its end",
            "too-long": f"an object of more than {LONGEST_RECORD >> 20} MiB",
            "no-tokens": "a line without tokens",
            "wrong-columns": "another number of tags than of tokens",
            "unknown-tag": "a tag without a known prefix, or a number without a name",
            **REASONS,
        },
    )
)
