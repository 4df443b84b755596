"""Labels by offsets as tools give them, made into spans of code points.

Tools count differently: most in code points, those in JavaScript or Java in units of UTF-16, some in bytes
of UTF-8. Which it is cannot be told where all offsets lie within the text, so that the user says it. Where
labels come with their text (`{"start": 0, "end": 4, "text": "Anna"}`), that text has to stand there.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import accumulate
from typing import Any, Literal, NamedTuple

from elman.data.formats.common.options import OffsetUnit, Options
from elman.data.formats.common.reading_report import (
    NESTED_SPANS,
    OTHER_OFFSETS,
    UNUSABLE_SCORES,
    ReportedPlace,
)
from elman.data.formats.common.records import BadRecord, Document, Flat, Place, Sentence
from elman.data.formats.common.span_documents import Span, checked_spans

_UNITS: tuple[OffsetUnit, ...] = ("utf-16", "utf-8")
_MOST_DIGITS = 18
Way = Literal["code points"] | OffsetUnit


class GivenSpan(NamedTuple):
    """A label as it is given, unchecked: start, end, type, and the text it stands for and score, or None."""

    start: Any
    end: Any
    kind: Any
    text: Any = None
    score: Any = None


def spans_of(given: Iterable[GivenSpan], text: Any, place: Place, options: Options, todo: str) -> list[Span]:
    """Check labels and make them spans of code points; of nested ones the outermost is kept, and counted.

    Args:
        given: labels.
        text: they belong to.
        place: of the record.
        options: of reading.
        todo: advice for values that are no span.

    Raises:
        BadRecord: as `checked_spans`; or the text of a label is another than that at its offsets.
    """
    if not isinstance(text, str):
        return []  # `document_of` refuses it
    labels = _whole(given)
    unit: Way = options.offsets or "code points"
    counted = _counted(labels, text, unit)
    try:
        spans = checked_spans(_without_nested(counted), text, todo)
        if options.labels_used:
            _check_texts(counted, text)
    except BadRecord as error:
        reason, detail, advice = error.args
        others = [other for other in _UNITS if other != unit and _fits(labels, text, other)]
        if reason not in ("span-outside", "span-text") or not others:
            raise
        advice = (
            f"Counted as {others[0].upper()} they fit: if the tool counts so, give --offsets {others[0]}."
        )
        raise BadRecord(reason, detail, advice) from None
    if nested := len({label[:3] for label in counted}) - len(spans):
        options.report.counts[NESTED_SPANS] += nested
    if unit == "code points" and options.labels_used:
        _report_other_unit(labels, spans, text, place, options)
    return spans


def whole_number(value: Any) -> Any:
    """A whole number, which tools of tables write as a float or a string, too; else the value."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS:
        return int(value)
    return value


def with_scores(
    document: Document | Flat, labels: Iterable[GivenSpan], text: Any, options: Options
) -> Document | Flat:
    """The document with a score for each sentence in which a label begins that has one.

    Args:
        document: made of these labels.
        labels: as given; scores that are no number from 0 to 1 are reported.
        text: they belong to.
        options: of reading.
    """
    scored = [label for label in labels if label.score is not None] if options.labels_used else []
    scores = sorted(
        (label.start, float(label.score))
        for label in _counted(_whole(scored), text, options.offsets or "code points")
        if _is_score(label.score)
    )
    if unusable := len(scored) - len(scores):
        options.report.counts[UNUSABLE_SCORES] += unusable
    if not scores or not isinstance(document, Document):
        return document
    starts = [start for start, _ in scores]

    def of_sentence(sentence: Sentence) -> Sentence:
        inside = scores[bisect_left(starts, sentence.start) : bisect_left(starts, sentence.end)]
        return replace(sentence, score=min(score for _, score in inside)) if inside else sentence

    return replace(document, sentences=tuple(map(of_sentence, document.sentences)))


def _is_score(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _whole(labels: Iterable[GivenSpan]) -> list[GivenSpan]:
    """Labels whose offsets are whole numbers, where they are written as such."""
    return [label._replace(start=whole_number(label.start), end=whole_number(label.end)) for label in labels]


def _counted(labels: Iterable[GivenSpan], text: str, unit: Way) -> list[GivenSpan]:
    """Labels with offsets in code points; one that lies inside of a character becomes -1."""
    if unit == "code points":
        return list(labels)
    place_of = _places(text, unit)
    return [
        label._replace(start=place_of(label.start), end=place_of(label.end))
        if type(label.start) is type(label.end) is int
        else label
        for label in labels
    ]


def _places(text: str, unit: OffsetUnit) -> Callable[[int], int]:
    """Function from an offset in a unit to code points, -1 where no character begins or ends."""
    if text.isascii():
        return lambda offset: offset
    edges = [0, *accumulate(_width(character, unit) for character in text)]

    def place_of(offset: int) -> int:
        at = bisect_left(edges, offset)
        return at if at < len(edges) and edges[at] == offset else -1

    return place_of


def _width(character: str, unit: OffsetUnit) -> int:
    """Units of a character."""
    code = ord(character)
    if unit == "utf-16":
        return 1 + (code > 0xFFFF)
    return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)


def _without_nested(labels: Iterable[GivenSpan]) -> list[tuple[Any, Any, Any]]:
    """Start, end and type of each label, each once, without those that lie in a longer one.

    Labels of the same place and different types stay, as do values that are no span.
    """
    triples = [label[:3] for label in labels]
    if not all(type(a) is type(b) is int and isinstance(kind, str) for a, b, kind in triples):
        return triples
    kept: list[tuple[Any, Any, Any]] = []
    for triple in sorted(set(triples), key=lambda t: (t[0], -t[1], t[2])):
        inside = kept and triple[1] <= kept[-1][1] and triple[:2] != kept[-1][:2]
        if not inside or triple[0] >= triple[1]:
            kept.append(triple)
    return kept


def _check_texts(labels: Iterable[GivenSpan], text: str) -> None:
    """Check that labels that come with their text stand where that is.

    Raises:
        BadRecord: the text there is another.
    """
    for start, end, _, said, _ in labels:
        if isinstance(said, str) and _bare(said) != _bare(text[start:end]):
            detail = f"expected {said[:80]!r} at {start} to {end}. Got {text[start:end][:80]!r}"
            raise BadRecord("span-text", detail, "Count code points of the text, from 0, end excluded.")


def _bare(text: str) -> str:
    """A text without white space, which tools write in several ways, line ends as `\\n` in two characters."""
    return "".join(text.replace("\\n", "").split())


def _fits(labels: Iterable[GivenSpan], text: str, unit: OffsetUnit) -> bool:
    """Return True if all labels are right where offsets count in a unit."""
    counted = _counted(labels, text, unit)
    try:
        checked_spans(_without_nested(counted), text, "")
        _check_texts(counted, text)
    except BadRecord:
        return False
    return True


def _report_other_unit(
    labels: list[GivenSpan], spans: list[Span], text: str, place: Place, options: Options
) -> None:
    """Report a document whose labels cut words, and would cut none in units of UTF-16."""
    if not spans or max(text) <= "\uffff" or not _cut_words(spans, text):
        return
    if not _fits(labels, text, "utf-16"):
        return
    others = [label[:3] for label in _counted(labels, text, "utf-16")]
    if _cut_words(others, text):
        return
    (start, end, kind), (first, last, _) = spans[0], min(others)
    said = f"{kind} {start} to {end}, {text[start:end][:40]!r}: as UTF-16 it is {text[first:last][:40]!r}"
    options.report.count(OTHER_OFFSETS, ReportedPlace(place.source, place.line, said))


def _cut_words(spans: Iterable[tuple[Any, Any, Any]], text: str) -> bool:
    """Return True if a span begins or ends between two letters or digits."""
    edges = {edge for start, end, _ in spans for edge in (start, end)}
    return any(text[edge - 1 : edge + 1].isalnum() for edge in edges if 0 < edge < len(text))
