"""Sets of ids of any size."""

from elman.data.formats.common.slices import SeenIds


def test_ids_are_remembered_whatever_their_number():
    seen = SeenIds()
    assert all(seen.is_new(str(n)) for n in range(200_000))
    assert len(seen.older) > 100_000
    assert not any(seen.is_new(str(n)) for n in range(0, 200_000, 997))
