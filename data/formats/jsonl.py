"""JSON lines with character spans: `{"id", "text", "spans": [{"start", "end", "label"}]}`, a document a line.

Offsets count code points of `text`, 0-based half-open. Without `spans` a document is unlabelled; without `id`
it is named by its line. A span that begins or ends inside a token cuts the token there, and a sentence never
ends inside a span, so that every label counts as it was given.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, BinaryIO

from elman.data.formats.records import Document, Flat, Quarantined, Sentence
from elman.data.text.scanner import Scanner
from elman.data.text.tags import from_spans
from elman.data.text.tokenizer import Tokenizer

FIELDS = 'Write {"id": "...", "text": "...", "spans": [{"start": 0, "end": 3, "label": "PERSON"}]} a line.'


class _BadLine(Exception):
    """Why a line cannot be used: reason, detail, what to do."""


def read(
    opener: Callable[[], BinaryIO],
    source: str,
    tokenizer: Tokenizer,
    scanner: Scanner | None = None,
    *,
    byte_offset: int = 0,
    line: int = 0,
) -> Iterator[Document | Flat | Quarantined]:
    """Read a file, a line at a time.

    Args:
        opener: opens the decompressed file, or a slice of it.
        source: its name.
        tokenizer: cuts `text` into sentences and tokens.
        scanner: does so in its place where a document has no labels.
        byte_offset: where the stream stands in the file.
        line: lines before that.

    Yields:
        a document or a refused line for every line that is not blank.
    """
    offset = byte_offset
    with opener() as stream:
        for number, raw in enumerate(stream, line + 1):
            content = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            if content.strip():
                try:
                    yield _document(content, source, number, offset, tokenizer, scanner)
                except _BadLine as refused:
                    reason, detail, todo = refused.args
                    yield Quarantined(source, number, offset, reason, detail, todo, raw)
            offset += len(raw)


def _document(
    line: bytes, source: str, number: int, offset: int, tokenizer: Tokenizer, scanner: Scanner | None
) -> Document | Flat:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        detail = (
            f"expected UTF-8. Got byte {error.object[error.start]:#04x} at byte {error.start} of the line"
        )
        raise _BadLine("invalid-utf8", detail, "Save the file as UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise _BadLine("invalid-json", f"expected one JSON object a line. Got {error}", FIELDS) from None
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text.strip():
        got = f"{type(text).__name__}" if not isinstance(text, str) else "no visible character"
        raise _BadLine("no-text", f'expected a string "text". Got {got}', FIELDS)
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise _BadLine(
            "invalid-utf8", "expected text. Got a lone surrogate", "Mend the escape \\ud800-\\udfff."
        )
    name = value.get("id")
    if name is not None and not isinstance(name, str | int):
        raise _BadLine("invalid-id", f"expected a string or a number as id. Got {name!r}", FIELDS)
    spans = _spans(value.get("spans"), text)
    document = f"{source}#{number}" if name is None else str(name)
    if scanner is not None and spans is None:
        return Flat(document, source, 0, text, *scanner.sentences(text), offset, number)
    sentences = tuple(_sentences(text, spans, tokenizer, number, offset))
    return Document(document, source, sentences, offset, number)


def _spans(given: Any, text: str) -> list[tuple[int, int, str]] | None:
    """The checked spans in order, or None where there are none to be had."""
    if given is None:
        return None
    if not isinstance(given, list):
        raise _BadLine("invalid-spans", f"expected a list of spans. Got {type(given).__name__}", FIELDS)
    spans = []
    for span in given:
        fields = [span.get(name) if isinstance(span, dict) else None for name in ("start", "end", "label")]
        start, end, label = fields
        if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label.strip():
            raise _BadLine("invalid-spans", f"expected start, end and label. Got {span!r}", FIELDS)
        if not 0 <= start < end <= len(text):
            detail = f"expected a span inside the {len(text)} characters of its text. Got {start} to {end}"
            raise _BadLine("span-outside", detail, "Count code points of the text, from 0, end excluded.")
        if not text[start:end].strip():
            raise _BadLine(
                "span-blank", f"expected a visible character at {start} to {end}", "Move the span."
            )
        spans.append((start, end, label))
    spans.sort()
    for (_, end, label), (start, _, other) in pairwise(spans):
        if start < end:
            detail = f"expected spans apart from each other. Got {label} and {other} both at {start}"
            raise _BadLine("spans-overlap", detail, "Keep one of the two.")
    return spans


def _sentences(
    text: str, spans: list[tuple[int, int, str]] | None, tokenizer: Tokenizer, line: int, offset: int
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
            here = spans[bisect_right(lasts, start) : bisect_left(firsts, end)]
            places = [(bisect_left(ends, a + 1), bisect_left(starts, b), label) for a, b, label in here]
            tags = tuple(from_spans(len(starts), places))
        return Sentence(start, end, text[start:end], tuple(starts), tuple(ends), tags, offset, line)

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
