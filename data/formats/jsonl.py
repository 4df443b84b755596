"""JSON lines with character spans: `{"id", "text", "spans": [{"start", "end", "label"}]}`, a document a line.

Offsets count code points of `text`, 0-based half-open. Without `spans` a document is unlabelled; without `id`
it is named after its line. A span that begins or ends inside a token splits the token there, and a sentence
never ends inside a span, so that every label counts as it was given.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from elman.data.formats.options import Options
from elman.data.formats.records import BadRecord, Document, Flat, Place, Quarantined, Sentence
from elman.data.formats.registry import Head, Opener, TextFormat, register
from elman.data.formats.slices import Slice, SliceSize, split_lines
from elman.data.text.scanner import Scanner, thread_scanner
from elman.data.text.tags import from_spans
from elman.data.text.tokenizer import Tokenizer

FIELDS = 'Write {"id": "...", "text": "...", "spans": [{"start": 0, "end": 3, "label": "PERSON"}]} a line.'


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read a file or a slice; see `data.formats.registry.TextReader`.

    Yields:
        a document or a quarantined line for every line that is not blank.
    """
    tokenizer = options.tokenizer_in_use
    scanner = thread_scanner(tokenizer, options.strings) if options.flat else None
    line, offset = (0, 0) if slice_ is None else (slice_.state["line"], slice_.begin)
    with opener() as stream:
        for number, raw in enumerate(stream, line + 1):
            content = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            if content.strip():
                place = Place(source, number, offset, raw)
                try:
                    yield _document(content, place, tokenizer, scanner)
                except BadRecord as error:
                    yield place.refuse(error)
            offset += len(raw)


def split(opener: Opener, source: str, options: Options, size: SliceSize) -> list[Slice]:
    """Slices of whole lines; see `data.formats.slices.split_lines`."""
    with opener() as stream:
        return split_lines(stream, size)


def _document(line: bytes, place: Place, tokenizer: Tokenizer, scanner: Scanner | None) -> Document | Flat:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        detail = (
            f"expected UTF-8. Got byte {error.object[error.start]:#04x} at byte {error.start} of the line"
        )
        raise BadRecord("invalid-utf8", detail, "Save the file as UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise BadRecord("invalid-json", f"expected one JSON object a line. Got {error}", FIELDS) from None
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text.strip():
        got = f"{type(text).__name__}" if not isinstance(text, str) else "no visible character"
        raise BadRecord("no-text", f'expected a string "text". Got {got}', FIELDS)
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise BadRecord(
            "invalid-utf8", "expected text. Got a lone surrogate", "Mend the escape \\ud800-\\udfff."
        )
    name = value.get("id")
    if name is not None and not isinstance(name, str | int):
        raise BadRecord("invalid-id", f"expected a string or a number as id. Got {name!r}", FIELDS)
    spans = _spans(value.get("spans"), text)
    document = f"{place.source}#{place.line}" if name is None else str(name)
    if scanner is not None and spans is None:
        return Flat(document, place.source, 0, text, *scanner.sentences(text), place.byte_offset, place.line)
    sentences = tuple(_sentences(text, spans, tokenizer, place))
    return Document(document, place.source, sentences, place.byte_offset, place.line)


def _spans(given: Any, text: str) -> list[tuple[int, int, str]] | None:
    """The spans, checked and sorted; None for an unlabelled document."""
    if given is None:
        return None
    if not isinstance(given, list):
        raise BadRecord("invalid-spans", f"expected a list of spans. Got {type(given).__name__}", FIELDS)
    spans = []
    for span in given:
        fields = [span.get(name) if isinstance(span, dict) else None for name in ("start", "end", "label")]
        start, end, label = fields
        if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label.strip():
            raise BadRecord("invalid-spans", f"expected start, end and label. Got {span!r}", FIELDS)
        if not 0 <= start < end <= len(text):
            detail = f"expected a span inside the {len(text)} characters of its text. Got {start} to {end}"
            raise BadRecord("span-outside", detail, "Count code points of the text, from 0, end excluded.")
        if not text[start:end].strip():
            raise BadRecord(
                "span-blank", f"expected a visible character at {start} to {end}", "Move the span."
            )
        spans.append((start, end, label))
    spans.sort()
    for (_, end, label), (start, _, other) in pairwise(spans):
        if start < end:
            detail = f"expected spans apart from each other. Got {label} and {other} both at {start}"
            raise BadRecord("spans-overlap", detail, "Keep one of the two.")
    return spans


def _sentences(
    text: str, spans: list[tuple[int, int, str]] | None, tokenizer: Tokenizer, place: Place
) -> Iterator[Sentence]:
    firsts = [start for start, _, _ in spans or ()]
    lasts = [end for _, end, _ in spans or ()]
    edges = sorted({*firsts, *lasts})
    start = -1
    starts: list[int] = []
    ends: list[int] = []

    def sentence(end: int) -> Sentence:
        tags = None
        if spans is not None:
            inside = spans[bisect_right(lasts, start) : bisect_left(firsts, end)]
            entities = [(bisect_left(ends, a + 1), bisect_left(starts, b), label) for a, b, label in inside]
            tags = tuple(from_spans(len(starts), entities))
        tokens = tuple(starts), tuple(ends)
        return Sentence(start, end, text[start:end], *tokens, tags, place.byte_offset, place.line)

    for first, last, token_starts, token_ends in tokenizer.sentences(text):
        if start < 0:
            start, starts, ends = first, [], []
        for a, b in zip(token_starts, token_ends, strict=True):
            cuts = edges[bisect_left(edges, a + 1) : bisect_left(edges, b)]
            starts += [a, *cuts]
            ends += [*cuts, b]
        begun = bisect_left(firsts, last)  # spans that begin before the end of this sentence
        if begun and lasts[begun - 1] > last:
            continue  # the last of them goes on beyond it
        yield sentence(last)
        start = -1
    if start >= 0:
        yield sentence(ends[-1])


def _matches(head: Head) -> bool:
    def has_text(line: str) -> bool:
        try:
            value = json.loads(line)
        except ValueError:
            return False
        return isinstance(value, dict) and "text" in value

    if not head.first.startswith("{"):
        return False
    return head.name.endswith((".jsonl", ".ndjson")) or any(map(has_text, head.lines[:20]))


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
        "half-open; `id` and `spans` may be missing",
        hint="JSON lines with a `text`",
        reasons={
            "invalid-json": "a line that is not one JSON object",
            "no-text": "a record without text",
            "invalid-id": "an `id` that is neither a string nor a number",
            "invalid-spans": "`spans` that are not a list of start, end and label",
            "span-outside": "a span that lies outside its text",
            "span-blank": "a span of white space alone",
            "spans-overlap": "two spans that overlap",
            "invalid-utf8": "bytes that are not UTF-8",
        },
    )
)
