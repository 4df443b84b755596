"""Spans and F1 of the fast path in rnn equal the reference in data, for any tag sequences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import ragged
from elman.data.metrics.entities import entity_scores
from elman.data.text.tags import spans
from elman.rnn.inference.spans import span_f1, spans_of
from elman.tasks.models.tag_set import by_sentence, tag_scheme

TAGS = ("O", "B-A", "I-A", "B-B", "I-B")
TYPES = ("A", "B")
SENTENCES = st.lists(
    st.lists(st.tuples(*[st.integers(0, len(TAGS) - 1)] * 2), min_size=1, max_size=9), min_size=1, max_size=6
)
SCHEME = tag_scheme(TAGS, False)


def flat(sentences, which):
    tags = np.array([pair[which] for sentence in sentences for pair in sentence], np.int32)
    return tags, ragged.offsets_of([len(sentence) for sentence in sentences])


@settings(max_examples=300, deadline=None)
@given(SENTENCES)
def test_spans_equal_the_reference(sentences):
    tags, offsets = flat(sentences, 0)
    fast = spans_of(tags, offsets, SCHEME)
    ours = list(zip(*(column.tolist() for column in fast[:4]), strict=True))
    lists = by_sentence(TAGS, tags, offsets)
    expected = [(i, a, b, TYPES.index(kind)) for i, names in enumerate(lists) for a, b, kind in spans(names)]
    assert ours == expected


@settings(max_examples=300, deadline=None)
@given(SENTENCES)
def test_f1_equals_the_reference(sentences):
    (gold, offsets), (predicted, _) = flat(sentences, 0), flat(sentences, 1)
    scores = entity_scores(by_sentence(TAGS, gold, offsets), by_sentence(TAGS, predicted, offsets))
    fast = span_f1(gold, offsets, SCHEME)(predicted)
    expected = scores.f1 if scores.support or scores.predicted else 1.0  # for training, nothing to find is 1
    assert fast == pytest.approx(expected, abs=1e-12)
