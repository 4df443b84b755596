"""Each entity is aligned with one other at most, and every mistake has its kind."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from elman.data.metrics.alignment import SPAN, align, confusion
from elman.data.text.tags import spans

SCHEMA = {"sequence": pl.Int64, "start": pl.Int64, "end": pl.Int64, "type": pl.String}
TAGS = st.lists(
    st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), min_size=9, max_size=9), max_size=4
)


def frame(*sentences: str) -> pl.DataFrame:
    rows = [(number, *span) for number, tags in enumerate(sentences) for span in spans(tags.split())]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def outcomes(gold: pl.DataFrame, predicted: pl.DataFrame) -> list[str]:
    return align(gold, predicted)["outcome"].to_list()


def test_every_kind_of_mistake_has_its_name():
    gold = frame("B-A O", "B-A O", "B-A I-A", "B-A I-A", "B-A O", "O O")
    predicted = frame("B-A O", "B-B O", "B-A O", "B-B O", "O O", "O B-A")
    assert outcomes(gold, predicted) == [
        "correct",
        "type",
        "boundary",
        "type and boundary",
        "spurious",
        "missed",
    ]


def test_an_equal_span_is_aligned_before_a_larger_overlap():
    gold, predicted = frame("B-A I-A I-A B-B"), frame("B-B I-B O B-B")
    assert outcomes(gold, predicted) == ["type and boundary", "correct"]


def test_of_two_that_overlap_the_one_of_the_same_type_is_aligned():
    gold, predicted = frame("B-A I-A B-B O"), frame("B-B I-B I-B I-B")
    found = align(gold, predicted)
    assert found.rows() == [(1, 0, "boundary"), (0, None, "missed")]


def test_confusion_counts_missed_and_spurious():
    gold, predicted = frame("B-A O", "B-A O", "B-A O"), frame("B-B O", "O B-B", "B-B O")
    table = confusion(gold, predicted, align(gold, predicted))
    assert table.rows() == [("A", "B", "type", 2), ("", "B", "spurious", 1), ("A", "", "missed", 1)]


@given(TAGS, TAGS)
def test_every_entity_stands_once(one, other):
    other = [*other, *([["O"] * 9] * len(one))][: len(one)]
    gold, predicted = (frame(*(" ".join(tags) for tags in side)) for side in (one, other))
    found = align(gold, predicted)
    assert sorted(found["gold"].drop_nulls()) == list(range(gold.height))
    assert sorted(found["predicted"].drop_nulls()) == list(range(predicted.height))
    exact = set(gold.select(SPAN).rows()) & set(predicted.select(SPAN).rows())
    assert found.filter(outcome="correct").height == len(exact)
    assert confusion(gold, predicted, found)["count"].sum() == found.height
