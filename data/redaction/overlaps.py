"""Overlapping entities, as those of a model and of patterns: which one stays, or what all of them cover."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """An entity: characters start to end (0-based, half-open) and its type.

    rank: of what found it: 0 of a model, 1 and more of patterns.
    row: of its table, or any other number of the caller's.
    """

    start: int
    end: int
    type: str
    rank: int = 0
    row: int = 0


def precedence(span: Span) -> tuple[bool, int, int, int, str]:
    """Sort key: of overlapping spans those of patterns come first, then the longest, then the lowest rank."""
    return span.rank == 0, span.start - span.end, span.rank, span.start, span.type


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those left out that overlap one that comes first by `precedence`."""
    kept: list[Span] = []
    for span in sorted(spans, key=precedence):
        at = bisect_left(kept, span.start, key=lambda other: other.start)
        free = at == len(kept) or span.end <= kept[at].start
        if free and (not at or kept[at - 1].end <= span.start):
            kept.insert(at, span)
    return kept


def merged(spans: Iterable[Span]) -> list[Span]:
    """Runs of overlapping spans in order, each one span: all they cover, else as the first by `precedence`.

    Adjacent spans stay apart.
    """
    runs: list[tuple[int, int, Span]] = []
    for span in sorted(spans):
        if runs and span.start < runs[-1][1]:
            start, end, first = runs[-1]
            runs[-1] = (start, max(end, span.end), min(first, span, key=precedence))
        elif span.start < span.end:
            runs.append((span.start, span.end, span))
    return [first._replace(start=start, end=end) for start, end, first in runs]
