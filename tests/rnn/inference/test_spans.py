"""Spans are those of conlleval's rule, and their F1 is seqeval's."""

import numpy as np
import pytest
from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities

from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.spans import TagScheme, span_f1, spans_of

TAGS = ["O", "B-X", "I-X", "B-Y", "I-Y"]
SCHEME = TagScheme(np.array([False, True, False, True, False]), np.array([-1, 0, 0, 1, 1], np.int32))


def tagged(seed, n=5):
    """Offsets of n sequences, and two arrays of random tags, some illegal."""
    rng = np.random.default_rng(seed)
    offsets = offsets_of(rng.integers(1, 12, n))
    return offsets, *rng.integers(0, 5, (2, offsets[-1])).astype(np.int32)


def names(tags, offsets):
    return [[TAGS[t] for t in part] for part in np.split(tags, offsets[1:-1])]


@pytest.mark.parametrize("seed", range(20))
def test_spans_and_f1_are_seqevals_on_legal_and_illegal_tags(seed):
    offsets, gold, predicted = tagged(seed)
    spans = spans_of(gold, offsets, SCHEME)
    ours = [
        (s, "XY"[kind], start, end - 1)
        for s, start, end, kind in zip(*(column.tolist() for column in spans[:4]), strict=True)
    ]
    theirs = [(s, *entity) for s, tags in enumerate(names(gold, offsets)) for entity in get_entities(tags)]
    assert ours == theirs
    expected = f1_score(names(gold, offsets), names(predicted, offsets))
    assert abs(span_f1(gold, offsets, SCHEME)(predicted) - expected) < 1e-12


def test_f1_of_nothing_is_1():
    none = np.zeros(3, np.int32)
    assert span_f1(none, np.array([0, 3]), SCHEME)(none) == 1


def test_spans_of_some_sequences_are_renumbered():
    offsets, tags, _ = tagged(0, 8)
    which = np.array([3, 3, 0, 7, 1])
    parts = [tags[offsets[i] : offsets[i + 1]] for i in which]
    expected = spans_of(np.concatenate(parts), offsets_of([len(part) for part in parts]), SCHEME)
    for ours, theirs in zip(spans_of(tags, offsets, SCHEME).take(which, 8)[:4], expected[:4], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_begin_tags_runs_are_spans():
    scheme = TagScheme(np.zeros(2, bool), np.array([-1, 0], np.int32))
    spans = spans_of(np.array([1, 1, 0, 1, 1], np.int32), np.array([0, 4, 5]), scheme)
    assert [column.tolist() for column in spans[:3]] == [[0, 0, 1], [0, 3, 0], [2, 4, 1]]
