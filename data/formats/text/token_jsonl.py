"""JSON lines of tokens with tags: `{"tokens": [...], "ner_tags": [...]}`, a sentence a line (Hugging Face).

Tags are names, or numbers whose names stand in `label_names` of the first line; a file of numbers alone is
refused, since nothing tells what they mean. The text of a sentence is its tokens joined by a space.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import ILLEGAL_TAGS, ReportedPlace
from elman.data.formats.common.records import BadRecord, Document, Place, Quarantined, Sentence, by_character
from elman.data.formats.common.slices import Slice
from elman.data.formats.registry import Head, Opener, TextFormat, register
from elman.data.formats.text.jsonl import json_value
from elman.data.text.tags import detect_scheme, illegal_places, split_tag, to_iob2

TODO = 'Write {"tokens": ["Sam", "slept"], "ner_tags": ["B-PERSON", "O"]} a line.'
TAG_KEYS = ("ner_tags", "tags", "labels")
_NAMES = "label_names"


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Quarantined]:
    """Read the sentences of a file; see `data.formats.registry.TextReader`."""
    scheme = detect_scheme(_all_tags(opener))
    names: list[str] | None = None
    with opener() as stream:
        offset = 0
        for number, raw in enumerate(stream, 1):
            content = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            if content.strip():
                place = Place(source, number, offset, raw)
                try:
                    value = json_value(content)
                    names = _names_in(value) or names
                    tokens, tags = _row(value, names)
                    iob2 = None if tags is None else tuple(to_iob2(tags, scheme))
                    for at in illegal_places(tags or (), scheme):
                        where = f"tag {at + 1} of {len(tags or ())}"
                        options.report.count(ILLEGAL_TAGS, ReportedPlace(source, number, where))
                    yield _document(place, value.get("id"), tokens, iob2, options)
                except BadRecord as error:
                    yield place.refuse(error)
            offset += len(raw)


def _all_tags(opener: Opener) -> Iterator[Sequence[str]]:
    """Tags of all sentences that can be read, for the scheme."""
    names: list[str] | None = None
    with opener() as stream:
        for raw in stream:
            try:
                value = json_value(raw.removeprefix(b"\xef\xbb\xbf"))
                names = _names_in(value) or names
                _, tags = _row(value, names)
            except BadRecord:
                continue
            if tags is not None:
                yield tags


def _names_in(value: Any) -> list[str] | None:
    names = value.get(_NAMES) if isinstance(value, dict) else None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _row(value: Any, names: list[str] | None) -> tuple[list[str], list[str] | None]:
    """Tokens and tags of a line; None for an unlabelled one."""
    tokens = value.get("tokens") if isinstance(value, dict) else None
    if (
        not isinstance(tokens, list)
        or not tokens
        or not all(isinstance(t, str) and t.strip() for t in tokens)
    ):
        raise BadRecord(
            "no-tokens", "expected a list of tokens, none of them blank. Got something else", TODO
        )
    given = next((value[key] for key in TAG_KEYS if value.get(key) is not None), None)
    if given is None:
        return tokens, None
    if not isinstance(given, list) or len(given) != len(tokens):
        got = len(given) if isinstance(given, list) else type(given).__name__
        raise BadRecord("wrong-columns", f"expected {len(tokens)} tags, one a token. Got {got}", TODO)
    tags = [_named(tag, names) for tag in given]
    for tag in tags:
        try:
            split_tag(tag)
        except ValueError as error:
            raise BadRecord("unknown-tag", str(error), TODO) from None
    return tokens, tags


def _named(tag: Any, names: list[str] | None) -> str:
    if isinstance(tag, str):
        return tag
    if type(tag) is int and names is not None and 0 <= tag < len(names):
        return names[tag]
    todo = f'Add "{_NAMES}": ["O", "B-PERSON", ...] to the first line, or write names for numbers.'
    raise BadRecord("unknown-tag", f"expected the name of a tag. Got {tag!r}", todo)


def _document(
    place: Place, name: Any, tokens: Sequence[str], tags: tuple[str, ...] | None, options: Options
) -> Document:
    if any("\ud800" <= c <= "\udfff" for token in tokens for c in token):
        raise BadRecord("invalid-utf8", "expected text. Got a lone surrogate", "Mend the escape.")
    starts, at = [], 0
    for token in tokens:
        starts.append(at)
        at += len(token) + 1
    ends = tuple(start + len(token) for start, token in zip(starts, tokens, strict=True))
    text = " ".join(tokens)
    sentence = Sentence(0, len(text), text, tuple(starts), ends, tags, place.byte_offset, place.line)
    if options.unit == "char":
        sentence = by_character(sentence)
    document = f"{place.source}#{place.line}" if name is None else str(name)
    return Document(document, place.source, (sentence,), place.byte_offset, place.line)


def _matches(head: Head) -> bool:
    try:
        value = json.loads(head.first)
    except ValueError:
        return False
    return isinstance(value, dict) and isinstance(value.get("tokens"), list) and "text" not in value


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
        notes='`{"tokens", "ner_tags"}` as Hugging Face exports them; numbers for tags need `label_names` in '
        "the first line",
        hint="JSON lines of `tokens` and `ner_tags`",
        reasons={
            "invalid-json": "a line that is not one JSON object",
            "no-tokens": "a line without tokens",
            "wrong-columns": "another number of tags than of tokens",
            "unknown-tag": "a tag without a known prefix, or a number without a name",
            "invalid-utf8": "bytes that are not UTF-8",
        },
    ),
)
