"""Windows of the records of a slice."""

import numpy as np
import pytest

from elman.data.genome.contigs import Contig
from elman.data.ragged import offsets_of
from elman.tasks.tagging.sentences import Sentences
from elman.tasks.tagging.windows import SUSPECT_PARTS, numbered_windows, windows


def document(name: str, count: int) -> Sentences:
    """A document of sentences "aa bb", each of 5 characters and 2 tokens."""
    start = 6 * np.arange(count)
    return Sentences(
        "a.txt",
        name,
        np.arange(count, dtype=np.int32),
        start,
        np.full(count, 5),
        "aa bb " * count,
        start,
        offsets_of([2] * count),
        np.stack([start, start + 3], axis=1).ravel(),
        np.stack([start + 2, start + 5], axis=1).ravel(),
        sentence_records=False,
    )


def contig(name: str, length: int) -> Contig:
    return Contig(name, "A" * length, None, "g.fna", 0, 0, False)


def sentences_in(window) -> list[tuple[str, int]]:
    return [(part.document, int(n)) for part in window.sentences for n in part.number]


RECORDS = [document("one", 40), document("two", 3), document("three", 100)]
ALL = [(part.document, n) for part in RECORDS for n in range(len(part))]


@pytest.mark.parametrize("most", [1, 5, 60, 61, 1000])
def test_windows_hold_every_sentence_once_in_order_and_no_more_than_they_may(most):
    made = list(windows(RECORDS, most))
    assert [sentence for window in made for sentence in sentences_in(window)] == ALL
    assert all(window.size < most + 6 for window in made)
    assert [window.last for window in made] == [False] * (len(made) - 1) + [True]


def test_a_document_that_fills_several_windows_is_one_record():
    made = list(windows([document("one", 40)], 60))
    assert len(made) > 1
    assert sum(part.records for window in made for part in window.sentences) == 1


def test_contigs_are_not_divided():
    made = list(windows([contig("a", 50), contig("b", 500), contig("c", 5)], 100))
    assert [[contig.id for contig in window.contigs] for window in made] == [["a", "b"], ["c"]]


@pytest.mark.parametrize("suspect", [None, (0, 143), (30, 44), (7, 8), (100, 143)])
def test_suspect_records_come_in_small_windows_and_all_records_once(suspect):
    made = list(numbered_windows(RECORDS, 300, suspect))
    assert [sentence for _, window in made for sentence in sentences_in(window)] == ALL
    firsts = [first for first, _ in made]
    assert firsts == [sum(len(window) for _, window in made[:n]) for n in range(len(made))]
    if suspect is not None:
        low, high = suspect
        lengths = [len(window) for first, window in made if low <= first < high]
        assert max(lengths) <= max(-(-(high - low) // SUSPECT_PARTS), 1)


@pytest.mark.parametrize("most", [1, 30, 61])
def test_windows_end_at_units_of_documents(most):
    parts = [part.slice(a, min(a + 7, len(part))) for part in RECORDS for a in range(0, len(part), 7)]
    made = list(windows(parts, most, unit=10))
    assert [sentence for window in made for sentence in sentences_in(window)] == ALL
    assert len(made) > 3
    assert all(sentences_in(window)[0][1] % 10 == 0 for window in made)


def test_suspect_records_of_units_come_in_probes_and_then_as_they_are_without():
    usual = [sentences_in(window) for _, window in numbered_windows(RECORDS, 300, None, 10)]
    made = list(numbered_windows(RECORDS, 300, (30, 44), 10))
    assert [sentences_in(window) for _, window in made if not window.probe] == usual
    probes = [(first, len(window)) for first, window in made if window.probe and 30 <= first < 44]
    assert probes == [(first, 1) for first in range(30, 44)]
    assert any(window.probed for _, window in made)
