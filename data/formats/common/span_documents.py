"""Documents from a text with character spans: spans checked, sentences and tokens fitted to them.

Offsets count code points of the text, 0-based half-open. A span that begins or ends inside a token splits the
token there, and a sentence never ends inside a span, so that every label counts as it was given. Where the
user says so, such a span is widened to whole tokens, left out, or its document refused.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import (
    DROPPED_SPANS,
    MISALIGNED_SPANS,
    WIDENED_SPANS,
    ReportedPlace,
)
from elman.data.formats.common.records import BadRecord, Document, Flat, Place, Sentence
from elman.data.text.invisible import is_blank
from elman.data.text.scanner import thread_scanner
from elman.data.text.tags import from_spans
from elman.data.text.tokenizer import Tokenizer

Span = tuple[int, int, str]  # first character, one past the last, type

REASONS = {
    "no-text": "a record without text",
    "invalid-id": "an `id` that is neither a string nor a number",
    "invalid-spans": "labels that are not a list of start, end and type",
    "span-outside": "a span that lies outside its text",
    "span-text": "a span whose text is another than it says",
    "span-blank": "a span of white space alone",
    "spans-overlap": "two spans that overlap",
    "misaligned": "a span that begins or ends inside of a word, with `--misaligned refuse`",
    "invalid-utf8": "bytes that are not UTF-8",
}


def document_of(
    place: Place, name: Any, text: Any, spans: list[Span] | None, options: Options, todo: str
) -> Document | Flat:
    """Make a document of a record.

    Args:
        place: of the record.
        name: id of the document; None: its source and line.
        text: of the document.
        spans: as `checked_spans` gives them; None for an unlabelled document.
        options: of reading.
        todo: advice for a record without text.

    Raises:
        BadRecord: an id or text that is none; misaligned spans that are to be refused, or that overlap others
            when they are widened.
    """
    if not isinstance(text, str) or is_blank(text):
        got = f"{type(text).__name__}" if not isinstance(text, str) else "no visible character"
        raise BadRecord("no-text", f'expected a string "text". Got {got}', todo)
    check_unicode(text, name)
    if name is not None and not isinstance(name, str | int):
        raise BadRecord("invalid-id", f"expected a string or a number as id. Got {name!r}", todo)
    document = f"{place.source}#{place.line}" if name is None else str(name)
    tokenizer = options.tokenizer_in_use
    if options.flat and spans is None:
        scanner = thread_scanner(tokenizer, options.strings)
        return Flat(document, place.source, 0, text, *scanner.sentences(text), place.byte_offset, place.line)
    cut: list[tuple[int, int]] = []
    sentences = tuple(_sentences(text, spans, tokenizer, place, cut))
    if cut and options.labels_used:
        wrong = _misaligned(text, spans or [], cut)
        mended = _mended(text, spans or [], wrong, place, options)
        if mended != spans:
            sentences = tuple(_sentences(text, mended, tokenizer, place, []))
    return Document(document, place.source, sentences, place.byte_offset, place.line, text)


def check_unicode(*values: object) -> None:
    """Check that strings can be written in UTF-8, which escapes of JSON may prevent; other values pass.

    Raises:
        BadRecord: one has half a surrogate pair.
    """
    for value in values:
        if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
            detail = "expected text. Got a lone surrogate"
            raise BadRecord("invalid-utf8", detail, "Mend the escape \\ud800-\\udfff.")


def checked_spans(given: Iterable[tuple[Any, Any, Any]], text: Any, todo: str) -> list[Span]:
    """Check spans and sort them.

    Args:
        given: start, end and type of each.
        text: they belong to.
        todo: advice for values that are no span.

    Raises:
        BadRecord: values that are no span, spans outside the text, blank or overlapping.
    """
    if not isinstance(text, str):
        return []  # `document_of` refuses it
    spans = []
    for start, end, label in given:
        if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label.strip():
            got = f"{start!r}, {end!r}, {label!r}"
            raise BadRecord("invalid-spans", f"expected start, end and label. Got {got}", todo)
        check_unicode(label)
        if not 0 <= start < end <= len(text):
            detail = f"expected a span inside the {len(text)} characters of its text. Got {start} to {end}"
            raise BadRecord("span-outside", detail, "Count code points of the text, from 0, end excluded.")
        if is_blank(text[start:end]):
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


def outermost(spans: Iterable[Span]) -> list[Span]:
    """Spans that lie in no longer one, each once."""
    out: list[Span] = []
    for span in sorted(set(spans), key=lambda span: (span[0], -span[1])):
        if not out or span[1] > out[-1][1]:
            out.append(span)
    return out


def _misaligned(text: str, spans: list[Span], cut: list[tuple[int, int]]) -> dict[Span, Span]:
    """Spans that begin or end inside of tokens, with the same widened to whole tokens.

    Args:
        text: of the document.
        spans: sorted.
        cut: start and end of each token that a span splits.
    """
    begins = [begin for begin, _ in cut]
    found = {}
    for start, end, label in spans:
        wide = list[int]()
        for edge in (start, end):
            number = bisect_left(begins, edge) - 1
            inside = number >= 0 and edge < cut[number][1] and not is_blank(text[edge : cut[number][1]])
            wide.append(cut[number][edge == end] if inside else edge)
        if wide != [start, end]:
            found[start, end, label] = (wide[0], wide[1], label)
    return found


def _mended(
    text: str, spans: list[Span], wrong: dict[Span, Span], place: Place, options: Options
) -> list[Span]:
    """Spans as the user wants misaligned ones to be read; what is done is reported with the better offsets.

    Raises:
        BadRecord: misaligned spans that are to be refused, or that overlap others when they are widened.
    """
    advice = {span: _advice(text, span, better) for span, better in wrong.items()}
    if wrong and options.misaligned == "refuse":
        detail = f"expected labels of whole words. Got {'; '.join(advice.values())}"
        raise BadRecord("misaligned", detail, "Move them as shown, or give --misaligned widen.")
    done = {"widen": WIDENED_SPANS, "drop": DROPPED_SPANS}.get(options.misaligned or "", MISALIGNED_SPANS)
    for said in advice.values():
        options.report.count(done, ReportedPlace(place.source, place.line, said))
    if done == DROPPED_SPANS:
        return [span for span in spans if span not in wrong]
    if done == WIDENED_SPANS:
        return checked_spans([wrong.get(span, span) for span in spans], text, "Move the labels.")
    return spans


def _advice(text: str, span: Span, better: Span) -> str:
    (start, end, label), (first, last, _) = span, better
    return (
        f"{label} {start} to {end}, {text[start:end][:40]!r}: {first} to {last} is {text[first:last][:60]!r}"
    )


def _sentences(
    text: str, spans: list[Span] | None, tokenizer: Tokenizer, place: Place, cut: list[tuple[int, int]]
) -> Iterator[Sentence]:
    """Sentences with tags; start and end of each token that a span splits are added to `cut`."""
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
            if cuts:
                cut.append((a, b))
            starts += [a, *cuts]
            ends += [*cuts, b]
        begun = bisect_left(firsts, last)  # spans that begin before the end of this sentence
        if begun and lasts[begun - 1] > last:
            continue  # the last of them goes on beyond it
        yield sentence(last)
        start = -1
    if start >= 0:
        yield sentence(ends[-1])
