"""Labels in JSON records as annotation tools export them.

`spans`, `entities`, `label` or `labels` hold them: lists `[start, end, type]` (doccano, spaCy), objects with
start, end and label or type (Elman, Prodigy), or start_offset and end_offset (doccano with relations).
An example that was rejected or ignored in review (Prodigy's `answer`, Label Studio's `was_cancelled`) is not
gold: it is read without labels, and counted. What doccano exports is gold: whether an example is approved
does not stand in its files, unless only approved ones are exported.
"""

import warnings
from collections.abc import Iterator
from typing import Any

from elman.data.formats.common.reading_report import UNUSABLE_LABELS, UNUSABLE_SCORES, ReadingReport
from elman.data.formats.common.records import BadRecord, Place
from elman.data.text.invisible import is_blank

KEYS = ("spans", "entities", "label", "labels")
SCORES = ("score", "probability")  # of a span
STARTS, ENDS, TYPES = ("start", "start_offset"), ("end", "end_offset"), ("label", "type", "labels")
REJECTED = ("reject", "ignore")
NOT_GOLD = "records rejected, ignored or cancelled in review read without labels"
_OTHER_KEYS = {"relations", "Comments", "comments", "cats", "meta", "tokens", "options"}  # no spans of text


def labels_of(value: dict[str, Any], place: Place, todo: str) -> list[tuple[Any, Any, Any]] | None:
    """Labels of a record: start, end and type of each, unchecked; None for an unlabelled record.

    Warns of a key that is not read and looks like labels.

    Raises:
        BadRecord: labels under several keys, or that are no list.
    """
    used = [key for key in KEYS if value.get(key) is not None and not _of_the_document(key, value[key])]
    filled = [key for key in used if value[key]]
    if len(filled) > 1:
        detail = f"expected labels under one key. Got {' and '.join(filled)}"
        raise BadRecord("invalid-spans", detail, todo)
    if not used:
        _warn_of_other_keys(value, place)
        return None
    given = value[(filled or used)[0]]
    if not isinstance(given, list):
        detail = f"expected a list of spans. Got {type(given).__name__}"
        raise BadRecord("invalid-spans", detail, todo)
    if value.get("answer") in REJECTED:
        return None
    return list(map(_triple, given))


def _triple(span: Any) -> tuple[Any, Any, Any]:
    """Start, end and type of a span in any of the forms; None for what it lacks."""
    if isinstance(span, list) and len(span) >= 3:
        return span[0], span[1], span[2]
    if not isinstance(span, dict):
        return None, None, span
    start, end, kind = (next((span[k] for k in keys if k in span), None) for keys in (STARTS, ENDS, TYPES))
    if isinstance(kind, list) and len(kind) == 1:
        kind = kind[0]
    return start, end, kind


def scores_of(value: dict[str, Any], report: ReadingReport) -> list[tuple[int, float]]:
    """Starts and scores of the spans of a record that have one, ascending; unusable scores are reported."""
    filled = (value[key] for key in KEYS if isinstance(value.get(key), list) and value[key])
    scores = []
    for span in next(filled, []):
        given = [span[key] for key in SCORES if key in span] if isinstance(span, dict) else []
        score = given[0] if given else None
        if score is None:
            continue
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
            report.counts[UNUSABLE_SCORES] += 1
        elif type(start := _triple(span)[0]) is int:
            scores.append((start, float(score)))
    return sorted(scores)


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
    """True for a list of pairs or triples with two whole numbers, in lists or in objects."""
    if not isinstance(given, list) or not given:
        return False
    numbers = [
        sum(type(part) is int for part in (span.values() if isinstance(span, dict) else span))
        if isinstance(span, dict | list)
        else 0
        for span in given
    ]
    return all(number >= 2 for number in numbers)


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
