"""Every scheme converts to IOB2, and entities survive the round trip."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.text.tags import (
    detect_scheme,
    from_spans,
    illegal_places,
    legal_transitions,
    spans,
    tag_set,
    to_iob2,
)

ENTITIES = [(0, 2, "PER"), (2, 3, "PER"), (4, 7, "LOC")]
AS = {
    "IOB2": ["B-PER", "I-PER", "B-PER", "O", "B-LOC", "I-LOC", "I-LOC"],
    "IOB1": ["I-PER", "I-PER", "B-PER", "O", "I-LOC", "I-LOC", "I-LOC"],
    "IOBES": ["B-PER", "E-PER", "S-PER", "O", "B-LOC", "I-LOC", "E-LOC"],
    "BILOU": ["B-PER", "L-PER", "U-PER", "O", "B-LOC", "I-LOC", "L-LOC"],
}


@pytest.mark.parametrize("scheme", AS)
def test_every_scheme_is_detected_and_converted(scheme):
    assert detect_scheme([["O"], AS[scheme]]) == scheme
    assert to_iob2(AS[scheme], scheme) == AS["IOB2"]
    assert spans(to_iob2(AS[scheme], scheme)) == ENTITIES


@pytest.mark.parametrize("scheme", AS)
def test_a_legal_sequence_has_no_illegal_place(scheme):
    assert illegal_places(AS[scheme], scheme) == []


@pytest.mark.parametrize(
    ("tags", "scheme", "places"),
    [
        (["O", "I-A", "I-A"], "IOB2", [1]),
        (["B-A", "I-B", "I-A"], "IOB2", [1, 2]),
        (["I-A", "O"], "IOB1", []),
        (["B-A", "O", "E-A"], "IOBES", [1, 2]),
        (["B-A", "I-A"], "IOBES", [2]),
        (["S-A", "L-A", "U-A"], "BILOU", [1]),
    ],
)
def test_illegal_places_are_those_that_may_not_follow(tags, scheme, places):
    assert illegal_places(tags, scheme) == places


def test_adjacent_single_token_entities_of_one_type_stay_two():
    assert to_iob2(["S-A", "S-A", "B-A", "E-A", "E-A"], "IOBES") == ["B-A", "B-A", "B-A", "I-A", "B-A"]


def test_a_stray_inside_tag_opens_an_entity():
    assert to_iob2(["O", "I-A", "I-B", "I-B"]) == ["O", "B-A", "B-B", "I-B"]


def test_a_few_stray_inside_tags_do_not_make_iob2_into_iob1():
    assert detect_scheme([["O", "I-A"], ["B-A", "I-A", "O", "B-B"]]) == "IOB2"


@pytest.mark.parametrize("tag", ["X-PER", "PER", "B", "B-", "-PER", ""])
def test_an_unknown_prefix_is_an_error_that_names_the_tag(tag):
    with pytest.raises(ValueError, match=f"Got {tag!r}"):
        to_iob2(["O", tag])


@given(st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), max_size=12))
def test_spans_and_tags_survive_the_round_trip(tags):
    clean = to_iob2(tags)
    assert from_spans(len(clean), spans(clean)) == clean
    assert spans(tags) == spans(clean)


def test_overlapping_entities_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        from_spans(4, [(0, 2, "A"), (1, 3, "B")])


def test_the_tag_set_does_not_depend_on_the_order_of_types():
    assert tag_set(["B", "A", "B"]) == tag_set(["A", "B"]) == ["O", "B-A", "I-A", "B-B", "I-B"]


def test_inside_follows_only_its_own_type():
    tags = tag_set(["A", "B"])
    start, transition = legal_transitions(tags)
    assert [tag for tag, good in zip(tags, start, strict=True) if good] == ["O", "B-A", "B-B"]
    before_inside_b = transition[:, tags.index("I-B")]
    assert [tag for tag, good in zip(tags, before_inside_b, strict=True) if good] == ["B-B", "I-B"]
    assert np.all(transition[:, [tags.index(t) for t in ("O", "B-A", "B-B")]])


def test_equal_tags_are_one_object_however_many_tokens_have_them():
    first, second = (to_iob2(["I-" + "".join(["P", "ER"])], "IOB1") for _ in range(2))
    assert first[0] is second[0]
