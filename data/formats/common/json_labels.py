"""Labels in JSON records as annotation tools export them.

`spans`, `entities`, `label` or `labels` hold them: lists `[start, end, type]` (doccano, spaCy), objects with
start, end and label or type (Elman, Prodigy), or start_offset and end_offset (doccano with relations); or an
object of lists (Hugging Face).
An example that was rejected or ignored in review (Prodigy's `answer`, Label Studio's `was_cancelled`) is not
gold: it is read without labels, and counted. What doccano exports is gold: whether an example is approved
does not stand in its files, unless only approved ones are exported.
"""

import warnings
from collections.abc import Iterator
from typing import Any

from elman.data.formats.common.given_spans import GivenSpan
from elman.data.formats.common.reading_report import UNUSABLE_LABELS, ReadingReport
from elman.data.formats.common.records import BadRecord, Place
from elman.data.text.invisible import is_blank

KEYS = ("spans", "entities", "label", "labels")
SCORES = ("score", "probability")  # of a span
STARTS, ENDS = ("start", "start_offset", "start_char", "begin"), ("end", "end_offset", "end_char")
TYPES = ("label", "type", "labels", "entity_group", "entity_type")
_DEPTH = 4  # of lists and objects in which offsets are looked for
REJECTED = ("reject", "ignore")
NOT_GOLD = "records rejected, ignored or cancelled in review read without labels"
_OTHER_KEYS = {"relations", "Comments", "comments", "cats", "meta", "tokens", "options"}  # no spans of text


def labels_of(value: dict[str, Any], place: Place, todo: str) -> list[GivenSpan] | None:
    """Labels of a record, unchecked; None for an unlabelled record.

    Warns of a key that is not read and looks like labels.

    Raises:
        BadRecord: labels under several keys, or that are no list.
    """
    used = [key for key in KEYS if value.get(key) is not None and not _of_the_document(key, value[key])]
    filled = [key for key in used if value[key]]
    if len(filled) > 1 and any(_spans(value[key]) != _spans(value[filled[0]]) for key in filled):
        detail = f"expected labels under one key. Got {' and '.join(filled)}"
        raise BadRecord("invalid-spans", detail, todo)
    if not used:
        _warn_of_other_keys(value, place)
        return None
    given = value[(filled or used)[0]]
    labels = _spans(given)
    if labels is None:
        detail = f"expected a list of spans. Got {type(given).__name__}"
        raise BadRecord("invalid-spans", detail, todo)
    return None if value.get("answer") in REJECTED else labels


def _spans(given: Any) -> list[GivenSpan] | None:
    """Labels in a list, or in an object of lists; None for another value."""
    if isinstance(given, dict):
        lists = list(given.values())
        if not lists or not all(isinstance(some, list) and len(some) == len(lists[0]) for some in lists):
            return None
        given = [dict(zip(given, values, strict=True)) for values in zip(*lists, strict=True)]
    return list(map(_span, given)) if isinstance(given, list) else None


def _span(span: Any) -> GivenSpan:
    """A label in any of the forms; None for what it lacks."""
    if isinstance(span, list | tuple) and len(span) >= 3:
        return GivenSpan(*span[:3])
    if not isinstance(span, dict):
        return GivenSpan(None, None, span)
    start, end, kind = (next((span[k] for k in keys if k in span), None) for keys in (STARTS, ENDS, TYPES))
    if isinstance(kind, list) and len(kind) == 1:
        kind = kind[0]
    score = next((span[key] for key in SCORES if key in span), None)
    return GivenSpan(start, end, kind, span.get("text"), score)


def document_label(value: dict[str, Any], report: ReadingReport) -> str | None:
    """Class of a document, under `label` or `labels`; None if it has none or was rejected in review."""
    keys = (key for key in ("label", "labels") if _of_the_document(key, value.get(key)))
    given = next((value[key] for key in keys), None)
    return None if value.get("answer") in REJECTED else label_of(given, report)


def label_of(given: Any, report: ReadingReport, names: list[str] | None = None) -> str | None:
    """Class of a document from a value; None if it is no text or whole number, which is reported.

    Args:
        given: a string, a number, True or False; or a list of one of these.
        report: of reading.
        names: of classes by number.
    """
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if given is None or given == [] or (isinstance(given, str) and is_blank(given)):
        return None
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, int):
        return names[given] if names and 0 <= given < len(names) else str(given)
    if isinstance(given, str) and not any("\ud800" <= c <= "\udfff" for c in given):
        return given.strip()
    report.counts[UNUSABLE_LABELS] += 1
    return None


def _of_the_document(key: str, given: Any) -> bool:
    """True for a category of the whole text, or a list of them, under a key that may also hold spans."""
    if key not in ("label", "labels") or given is None:
        return False
    return not isinstance(given, list) or any(not isinstance(item, list | dict) for item in given)


def _like_spans(given: Any) -> bool:
    """True for a list of lists or objects with two whole numbers each, themselves or in what they hold."""
    return isinstance(given, list) and bool(given) and all(_whole_numbers(span) >= 2 for span in given)


def _whole_numbers(value: Any, depth: int = 0) -> int:
    """Whole numbers in a list or an object, and in those it holds."""
    if not isinstance(value, dict | list) or depth == _DEPTH:
        return int(depth > 0 and type(value) is int)
    parts = value.values() if isinstance(value, dict) else value
    return sum(_whole_numbers(part, depth + 1) for part in parts)


def _warn_of_other_keys(value: dict[str, Any], place: Place) -> None:
    for key in _suspicious(value):
        warnings.warn(
            f"{place.source}:{place.line}: the key {key!r} looks like labels and is not read. Name it one of "
            f"{', '.join(KEYS)}.",
            stacklevel=2,
        )


def _suspicious(value: dict[str, Any]) -> Iterator[str]:
    for key, given in value.items():
        if key not in _OTHER_KEYS and _like_spans(given):
            yield key
