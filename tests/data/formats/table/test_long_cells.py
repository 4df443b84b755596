"""A cell beyond the limit costs its row alone, in tables of every format, ingested or tagged."""

import csv
import hashlib
import io
import tracemalloc

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from elman.data.formats.common import lines
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Quarantined
from elman.data.formats.common.slices import SliceSize, SliceStream
from elman.data.formats.registry import all_formats, table_format, text_format
from elman.data.formats.table import arrow_rows
from elman.data.formats.table import parquet as parquet_format
from elman.data.formats.table.batches import Columns, documents
from elman.data.text.scanner import thread_scanner
from elman.data.text.tokenizer import Tokenizer

all_formats()  # loaded before a test changes the limits, which stand in their descriptions
LONG = 'Long, "text"\n' * 50_000  # 650 kB
TEXTS = ["Ann left.", "Bo ran.", LONG, "Di sat.", "El won."]


def as_csv(texts: list[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["body"], *([text] for text in texts)])
    return out.getvalue().encode()


def as_parquet(texts: list[str], type_: pa.DataType | None = None) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.table({"body": pa.array(texts).cast(type_ or pa.string())}), out, row_group_size=2)
    return out.getvalue()


def as_arrow(texts: list[str], *, stream: bool) -> bytes:
    out, table = io.BytesIO(), pa.table({"body": texts})
    with (ipc.new_stream if stream else ipc.new_file)(out, table.schema) as writer:
        writer.write_table(table, 2)
    return out.getvalue()


FILES = {
    "csv": ("delimited", as_csv),
    "parquet": ("parquet", as_parquet),
    "dictionary": ("parquet", lambda texts: as_parquet(texts, pa.dictionary(pa.int8(), pa.string()))),
    "view": ("parquet", lambda texts: as_parquet(texts, pa.string_view())),
    "arrow file": ("arrow", lambda texts: as_arrow(texts, stream=False)),
    "arrow stream": ("arrow", lambda texts: as_arrow(texts, stream=True)),
}


@pytest.fixture
def limit(monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_RECORD", 600_000)
    monkeypatch.setattr(arrow_rows, "_LARGE", 100_000)


def tagged(name: str, data: bytes, size: int) -> list[Document | Flat | Quarantined]:
    """Records as tagging reads them, in slices of about a size."""
    format_, columns = table_format(name), Columns("body")
    found: list[Document | Flat | Quarantined] = []
    for slice_ in format_.split_table(lambda: io.BytesIO(data), columns, SliceSize.of(size)):

        def opener(slice_=slice_) -> io.BufferedIOBase:
            stream = io.BytesIO(data)
            if format_.row_slices:
                return stream
            stream.seek(slice_.begin)
            return io.BufferedReader(SliceStream(stream, slice_.end - slice_.begin))

        batches = format_.batches(opener, "f", columns, slice_)
        found += documents(batches, "f", columns, thread_scanner(Tokenizer(), Options().strings))
    return found


def read(name: str, data: bytes) -> list:
    """Records as ingest reads them."""
    return list(text_format(name).read(lambda: io.BytesIO(data), "f", Options(text_column="body")))


def texts_of(records: list[Document | Flat | Quarantined]) -> list[str]:
    return [record.text for record in records if not isinstance(record, Quarantined)]


@pytest.mark.parametrize("size", [None, 1, 700_000, 1 << 30])
@pytest.mark.parametrize("kind", FILES)
@pytest.mark.usefixtures("limit")
def test_a_long_cell_costs_its_row_alone(kind, size):
    name, write = FILES[kind]
    data = write(TEXTS)
    records = read(name, data) if size is None else tagged(name, data, size)
    (refused,) = (record for record in records if isinstance(record, Quarantined))
    assert records.index(refused) == 2
    assert texts_of(records) == [text for text in TEXTS if text != LONG]
    assert refused.reason == "too-long"
    if name == "delimited":
        row = as_csv([LONG]).partition(b"\r\n")[2]
        begin = data.index(row)
        assert (refused.line, refused.byte_offset) == (4, begin)
        assert f"bytes {begin} to {begin + len(row)} of the file" in refused.detail
        assert hashlib.sha256(row).hexdigest() in refused.detail
    else:
        assert refused.line == 3
        assert f"Got {len(LONG)} in body of row 3, sha256 {hashlib.sha256(LONG.encode()).hexdigest()}" in (
            refused.detail
        )
    assert len(refused.raw) <= 1 << 16


@pytest.mark.parametrize("kind", FILES)
def test_cells_up_to_the_limit_come_whole(kind, monkeypatch):
    monkeypatch.setattr(arrow_rows, "_LARGE", 100_000)
    name, write = FILES[kind]
    assert texts_of(tagged(name, write(TEXTS), 1 << 20)) == TEXTS


def test_large_cells_of_parquet_are_read_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(parquet_format, "LARGEST", 2 * len(LONG))
    texts, read_batch, sizes = (
        [*["Ann left."] * 500, *[LONG] * 5, "Bo ran."],
        parquet_format.rows_of_batch,
        [],
    )
    out = io.BytesIO()
    with parquet.ParquetWriter(out, pa.schema({"body": pa.string()}), use_dictionary=False) as writer:
        for part in (texts[:500], texts[500:505], texts[505:]):
            writer.write_table(pa.table({"body": part}))

    def noting(batch, *rest):
        sizes.append(batch.num_rows)
        return read_batch(batch, *rest)

    monkeypatch.setattr(parquet_format, "rows_of_batch", noting)
    documents = read("parquet", out.getvalue())
    assert [document.line for document in documents] == list(range(1, 507))
    assert sizes == [256, 244, *[1] * 5, 1]


@pytest.mark.usefixtures("limit")
def test_a_list_of_tokens_beyond_the_limit_is_refused():
    table = pa.table({"body": [["Ann"], ["x" * 1000] * 700, ["Bo"]]})
    out = io.BytesIO()
    parquet.write_table(table, out)
    one, refused, two = read("parquet", out.getvalue())
    assert (one.sentences[0].text, two.sentences[0].text) == ("Ann", "Bo")
    assert hashlib.sha256(b"x" * 700_000).hexdigest() in refused.detail


@pytest.mark.usefixtures("limit")
def test_a_quote_that_is_never_closed_costs_the_rows_behind_it_as_one_record():
    data = b"body\nAnn left.\n" + b'"open\n' + b"Bo ran.\n" * 100_000
    one, refused = tagged("delimited", data, 1 << 30)
    assert one.text == "Ann left."
    assert (refused.reason, refused.line, refused.byte_offset) == ("too-long", 3, 15)
    assert f"bytes 15 to {len(data)} of" in refused.detail


def test_a_cell_that_is_not_utf8_costs_its_row_alone():
    data = as_parquet(["Ann left.", "Bo r\u00e9n.", "Di sat."]).replace("r\u00e9n".encode(), b"r\xff\xffn")
    for records in (read("parquet", data), tagged("parquet", data, 1 << 20)):
        assert [getattr(record, "reason", None) for record in records] == [None, "invalid-utf8", None]
        assert records[1].line == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
def test_a_cell_of_70_mib_costs_its_row_alone(kind):
    name, write = FILES[kind]
    data = write(["Ann left.", "x" * (70 << 20), "Bo ran."])
    tracemalloc.start()
    for records in (tagged(name, data, 1 << 20), read(name, data)):
        assert [isinstance(record, Quarantined) for record in records] == [False, True, False]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 256 << 20
