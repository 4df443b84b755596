"""Plans of tagging runs."""

import json

import pytest

from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import Slice
from elman.tasks.tagging.corpus_source import CorpusSource
from elman.tasks.tagging.plan import LARGEST, SMALLEST, PlannedSource, slice_size


def source(size: int, **fields) -> CorpusSource:
    return CorpusSource("corpora/names", "names", "names", (("data/a.parquet", "0" * 64),), size, dna=False)


@pytest.mark.parametrize(
    ("size", "expected"),
    [(1000, SMALLEST), (1 << 27, 1 << 21), (1 << 33, 1 << 22), (1 << 37, 1 << 23), (1 << 50, LARGEST)],
)
def test_slices_are_1_to_64_mib_and_grow_with_the_input(size, expected):
    assert slice_size([source(size // 2), source(size // 2)]) == expected


def test_a_planned_source_is_read_back_as_it_was_written():
    record = Quarantined("a.txt", 3, 0, "unreadable", "expected text. Got none", "Mend it.", b"\x00\xff")
    for planned in (
        PlannedSource(source(9), [Slice(0, 5, {"line": 0}), Slice(5, 9, {"line": 2})]),
        PlannedSource(source(9), [Slice(0, 0)], record),
    ):
        written = json.loads(json.dumps(planned.to_json()))
        assert PlannedSource.from_json(planned.source, written) == planned
        assert list(written) == ["sha256", "pieces", "refused"]  # the keys of the first versions


def test_the_origin_of_a_shard_names_its_slice_and_whether_it_is_the_last():
    planned = PlannedSource(source(9), [Slice(0, 5), Slice(5, 9)])
    origins = [planned.origin(number) for number in range(2)]
    assert [(origin.begin, origin.end, origin.last) for origin in origins] == [(0, 5, False), (5, 9, True)]
    assert origins[0].corpus == "names"
