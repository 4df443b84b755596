"""Of overlapping entities that of a pattern or the longest stays; what is taken out is all they cover."""

from hypothesis import given
from hypothesis import strategies as st

from elman.data.redaction.overlaps import Span, merged, without_overlaps

SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 9), st.sampled_from("ABC"), st.integers(0, 2)).map(
        lambda v: Span(v[0], v[0] + v[1], v[2], v[3])
    ),
    max_size=12,
)


def covered(spans: list[Span]) -> set[int]:
    return {at for span in spans for at in range(span.start, span.end)}


def test_what_a_pattern_found_stays_then_the_longest_then_the_first():
    assert without_overlaps([Span(0, 12, "PER"), Span(3, 9, "MAIL", 2)]) == [Span(3, 9, "MAIL", 2)]
    assert without_overlaps([Span(0, 4, "CARD", 4), Span(0, 9, "PHONE", 5)]) == [Span(0, 9, "PHONE", 5)]
    assert without_overlaps([Span(0, 4, "PHONE", 5), Span(0, 4, "CARD", 4)]) == [Span(0, 4, "CARD", 4)]
    assert without_overlaps([Span(2, 6, "A"), Span(0, 4, "B")]) == [Span(0, 4, "B")]
    assert without_overlaps([Span(0, 4, "A"), Span(4, 6, "B")]) == [Span(0, 4, "A"), Span(4, 6, "B")]


def test_overlapping_entities_are_taken_out_as_one_and_adjacent_ones_apart():
    spans = [Span(0, 6, "A"), Span(4, 11, "B"), Span(11, 12, "C")]
    assert merged(spans) == [Span(0, 11, "B"), Span(11, 12, "C")]


@given(SPANS)
def test_what_is_kept_overlaps_nothing_and_what_is_left_out_overlaps_it(spans):
    kept = without_overlaps(spans)
    assert sum(span.end - span.start for span in kept) == len(covered(kept))
    assert all(covered([span]) & covered(kept) for span in spans)


@given(SPANS)
def test_merging_covers_the_same_characters(spans):
    runs = merged(spans)
    assert covered(runs) == covered(spans)
    assert sum(span.end - span.start for span in runs) == len(covered(spans))
