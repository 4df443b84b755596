"""JSON lines of tokens with tags: `{"tokens": [...], "ner_tags": [...]}`, a sentence a line (Hugging Face).

GLiNER's training data, `{"tokenized_text": [...], "ner": [[first, last, type]]}`, is read alike; the last
token is part of the entity (https://github.com/urchade/GLiNER).

Tags are names, or numbers whose names stand in `label_names` of the first line; a file of numbers alone is
refused, since nothing tells what they mean. Tags without type or without prefix are read as those of CoNLL
columns; see `data.formats.common.tag_styles`. The text of a sentence is its tokens joined by a space.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from elman.data.formats.common.lines import TOO_LONG, LongRecord, bounded_lines, ends_with_returns, long_line
from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import ILLEGAL_TAGS, ReportedPlace
from elman.data.formats.common.records import BadRecord, Document, Place, Quarantined
from elman.data.formats.common.slices import Slice
from elman.data.formats.common.tag_styles import Tagging
from elman.data.formats.common.token_rows import (
    ENTITY_REASONS,
    NAMES,
    document_of_tokens,
    full_tags,
    has_words,
    tokens_and_tags,
)
from elman.data.formats.registry import Head, Opener, TextFormat, register
from elman.data.formats.text.jsonl import json_value
from elman.data.text.tags import illegal_places


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Quarantined]:
    """Read the sentences of a file; see `data.formats.registry.TextReader`."""
    with opener() as stream:
        returns = ends_with_returns(stream)
    tagging = Tagging.of(_all_tags(opener, returns), options.entity_type, options.labels_used)
    names: list[str] | None = None
    with opener() as stream:
        offset = 0
        for number, raw in enumerate(bounded_lines(stream, returns), 1):
            if isinstance(raw, LongRecord):
                yield long_line(raw, source, number, offset)
                offset += raw.size
                continue
            content = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            if content.strip():
                place = Place(source, number, offset, raw)
                try:
                    value = json_value(content)
                    names = names_in(value) or names
                    yield document_of_value(value, names, tagging, place, options)
                except BadRecord as error:
                    yield place.refuse(error)
            offset += len(raw)


def document_of_value(
    value: Any, names: list[str] | None, tagging: Tagging, place: Place, options: Options
) -> Document:
    """The sentence of a JSON object; `names` of numbered tags, if they are known.

    Raises:
        BadRecord: it has no tokens, or tags that are none.
    """
    tokens, tags = tokens_and_tags(value, names, options.report)
    full = None if tags is None else full_tags(tags, tagging)
    iob2 = None if full is None else tagging.iob2(full)
    for at in illegal_places(full or (), tagging.scheme):
        where = f"tag {at + 1} of {len(full or ())}"
        options.report.count(ILLEGAL_TAGS, ReportedPlace(place.source, place.line, where))
    return document_of_tokens(place, value.get("id"), tokens, iob2, options)


def _all_tags(opener: Opener, returns: bool) -> Iterator[Sequence[str]]:
    """Tags of all sentences that can be read."""
    names: list[str] | None = None
    with opener() as stream:
        for raw in bounded_lines(stream, returns):
            if isinstance(raw, LongRecord):
                continue
            try:
                value = json_value(raw.removeprefix(b"\xef\xbb\xbf"))
                names = names_in(value) or names
                _, tags = tokens_and_tags(value, names)
            except BadRecord:
                continue
            if tags is not None:
                yield tags


def names_in(value: Any) -> list[str] | None:
    """Names of numbered tags that a JSON object gives, or None."""
    names = value.get(NAMES) if isinstance(value, dict) else None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _matches(head: Head) -> bool:
    try:
        value = json.loads(head.first)
    except (ValueError, RecursionError):
        return False
    return has_words(value) or (
        isinstance(value, dict) and isinstance(value.get("tokens"), list) and "text" not in value
    )


register(
    TextFormat(
        name="token_jsonl",
        rank=48,
        matches=_matches,
        read=read,
        passes=2,
        own_ids=True,
        tokenised=True,
        title="JSON lines of tokens",
        record="a line",
        notes='`{"tokens", "ner_tags"}` as Hugging Face exports them, or `words` and `ner`; GLiNER\'s '
        '`{"tokenized_text", "ner": [[first, last, type]]}`, the last token included; numbers for '
        "tags need `label_names` in the first line; `B`, `I`, `O` and types without prefixes as in CoNLL "
        "columns",
        hint="JSON lines of `tokens` and `ner_tags`",
        reasons={
            "invalid-json": "a line that is not one JSON object",
            "no-tokens": "a line without tokens",
            "wrong-columns": "another number of tags than of tokens",
            "unknown-tag": "a tag without a known prefix, or a number without a name",
            **ENTITY_REASONS,
            "invalid-utf8": "bytes that are not UTF-8",
            **TOO_LONG,
        },
    ),
)
