"""Other people's Parquet is read in runs of rows, whatever its row groups."""

from functools import partial

import polars as pl
import pytest

from elman.data.errors import BadInput
from elman.data.formats.common.records import Flat, Quarantined
from elman.data.formats.common.slices import SliceSize
from elman.data.formats.table import parquet
from elman.data.formats.table.batches import Columns, check_columns, documents, same_types
from elman.data.text.scanner import Scanner
from elman.data.text.tokenizer import Tokenizer

COLUMNS = Columns("body", "key", ("price",))


def split(path, columns, size):
    return parquet.split_table(partial(open, path, "rb"), columns, size)


def check(path, columns):
    return check_columns(parquet.schema(partial(open, path, "rb"), columns), columns, path)


@pytest.fixture
def path(tmp_path):
    """Rows in two row groups, one of them without text."""
    rows = 500
    frame = pl.DataFrame(
        {
            "key": [f"k{n}" if n != 7 else None for n in range(rows)],
            "body": [f"Sam met Tom {n}. He left." if n != 9 else " " for n in range(rows)],
            "price": [n if n < 256 else None for n in range(rows)],
            "other": ["x" * 500] * rows,
        },
        schema_overrides={"price": pl.UInt8},
    )
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=300)
    return tmp_path / "a.parquet"


def rows_of(path, pieces, columns=COLUMNS):
    scanner = Scanner(Tokenizer())
    opener = partial(open, path, "rb")
    batches = [batch for piece in pieces for batch in parquet.batches(opener, "a", columns, piece)]
    found = list(documents(batches, "a", columns, scanner))
    kept = [record for record in found if isinstance(record, pl.DataFrame)]
    flat = [(r.id, r.text, r.line, r.bounds.tolist()) for r in found if isinstance(r, Flat)]
    return flat, pl.concat(kept), [record for record in found if isinstance(record, Quarantined)]


@pytest.mark.parametrize("size", [1, 900, 5000, 1 << 20])
def test_slices_give_each_row_once_with_its_id_and_what_is_kept(path, size):
    pieces = split(path, COLUMNS, SliceSize.of(size))
    assert (pieces[0].begin, pieces[-1].end) == (0, 500)
    flat, kept, quarantined = rows_of(path, pieces)
    rows = [n for n in range(500) if n != 9]
    assert [id for id, *_ in flat] == [f"k{n}" if n != 7 else "a#8" for n in rows]
    assert [line for *_, line, _ in flat] == [n + 1 for n in rows]
    assert kept.rows() == [(n + 1, n if n < 256 else None) for n in range(500)]
    assert [(r.line, r.reason) for r in quarantined] == [(10, "no-text")]


def test_only_columns_that_are_read_count_for_the_size_of_slices(path):
    assert len(split(path, COLUMNS, SliceSize(1 << 16, 1 << 16))) == 1
    assert len(split(path, Columns("other"), SliceSize(1 << 16, 1 << 16))) <= len(
        split(path, Columns("body"), SliceSize(1 << 10, 1 << 10))
    )


def test_a_missing_column_or_one_without_text_is_refused(path):
    with pytest.raises(
        BadInput, match=r"a\.parquet: expected the columns body, id.* Got key, body, price, other"
    ):
        check(path, Columns("body", "id"))
    with pytest.raises(BadInput, match="expected text in the column price"):
        check(path, Columns("price"))


def test_a_damaged_file_is_refused(path):
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(BadInput, match="expected a whole Parquet file"):
        split(path, COLUMNS, SliceSize.of(1000))
    with pytest.raises(BadInput, match="expected a whole Parquet file"):
        check(path, COLUMNS)


def test_kept_columns_have_one_type_in_all_files(path, tmp_path):
    pl.DataFrame({"key": ["a"], "body": ["b"], "price": ["dear"]}).write_parquet(tmp_path / "b.parquet")
    both = [(file, check(file, COLUMNS)) for file in (path, tmp_path / "b.parquet")]
    with pytest.raises(BadInput, match=r"b\.parquet: expected kept columns .*UInt8.* Got .*String"):
        same_types(both)
