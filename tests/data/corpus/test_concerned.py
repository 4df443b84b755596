"""The documents that a decision may concern are found by ranges of hashes, and decide as all of them do."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.corpus import concerned
from elman.data.corpus.concerned import find_concerned
from elman.data.corpus.reconcile import _decide, reconcile
from elman.data.corpus.shards import DOCUMENTS
from elman.data.store.schema import SPLITS

EMPTY = DOCUMENTS.to_frame()
DIGESTS, IDS = st.sampled_from("uvwxyz"), st.sampled_from("abcdefgh")


@st.composite
def tables(draw, sources: str) -> pl.DataFrame:
    """Documents of one split each; an id occurs once in a source."""
    keys = draw(st.lists(st.tuples(IDS, st.sampled_from(sources)), max_size=12, unique=True))
    rows = [(id, source, draw(st.sampled_from(SPLITS)), 1, 2, draw(DIGESTS)) for id, source in keys]
    return pl.DataFrame(sorted(rows, key=lambda row: row[1]), schema=DOCUMENTS, orient="row")


def in_slices(frame: pl.DataFrame):
    return lambda: frame.iter_slices(3)


def elsewhere(new: pl.DataFrame, old: pl.DataFrame) -> int:
    """Documents to be added whose content stands in another split, one by one."""
    places = {(row[-1], row[2]) for row in [*new.rows(), *old.rows()]}
    return sum(any((row[-1], split) in places for split in SPLITS if split != row[2]) for row in new.rows())


@pytest.mark.parametrize("most", [1, 4, 1000])
@settings(max_examples=60)
@given(new=tables("PQR"), old=tables("ST"), free=st.sets(st.sampled_from("PQR")))
def test_decisions_are_those_about_all_documents(most, new, old, free):
    suffixes = {"P": "p", "Q": "q", "R": "r"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(concerned, "MOST_ROWS", most)
        found = reconcile(in_slices(new), in_slices(old), free, suffixes)
    whole = _decide(new, old, free, suffixes, set(), 0, False)
    assert found.to_json() == whole.to_json()
    assert found.already == whole.already
    dropped = found.drop.select("source", "document")
    left = new.join(dropped, on=["source", "document"], how="anti", maintain_order="left")
    assert found.elsewhere == elsewhere(left, old)


def test_documents_of_their_own_concern_no_decision():
    rows = [(f"d{n}", "P", SPLITS[n % 3], 1, 1, f"h{n}") for n in range(100)]
    new = pl.DataFrame(rows, schema=DOCUMENTS, orient="row")
    found = find_concerned(in_slices(new), in_slices(EMPTY))
    assert (len(found.ids), len(found.digests), found.elsewhere) == (0, 0, 0)
    assert found.divide(in_slices(new))[0].height == 0
