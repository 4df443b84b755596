"""Tables as sources of tagging: Parquet, Arrow, CSV and TSV give the same rows, wherever they are cut."""

import gzip

import polars as pl
import pyarrow as pa
import pytest

from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.flows.cli import main

TEXT = "Badeson met Gorubson in Tinakburg ."
HOW = {"text_column": "body", "id_column": "name", "keep": "price", "tokens": True}


def frame(rows: int = 40) -> pl.DataFrame:
    """Rows whose texts hold quotes, separators and line ends."""
    texts = [f'  "{TEXT}"\r\n\nThen, {"x" * (n % 7)};\t{TEXT} é𝔸' for n in range(rows)]
    return pl.DataFrame(
        {"name": [f"row {n}" for n in range(rows)], "body": texts, "price": [f"{n},5" for n in range(rows)]}
    )


def arrow_stream(path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)


def write(rows: pl.DataFrame, path) -> None:
    """Write a table in the format of a name."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".csv"):
        raw = rows.write_csv(line_terminator="\r\n").encode()
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    elif name.endswith(".tsv"):
        rows.write_csv(path, separator="\t")
    elif name.endswith(".feather"):
        rows.write_ipc(path, compression="lz4", record_batch_size=16)
    elif name.endswith(".arrow"):
        arrow_stream(path, rows.to_arrow())
    else:
        dictionaries = rows.with_columns(pl.col("body").cast(pl.Categorical)).to_arrow()
        arrow_stream(path, dictionaries)


@pytest.fixture
def expected(run, committed, tmp_path):
    """Tables of the same rows as Parquet."""
    frame().write_parquet(tmp_path / "a.parquet")
    run(tmp_path / "a.parquet", out="parquet", **HOW)
    return {name: plain(committed(name, out="parquet")) for name in ("data", "documents", "tokens")}


def plain(table: pl.DataFrame) -> pl.DataFrame:
    """A table without what names its file or depends on its format."""
    return table.drop("source", "line", strict=False).sort(
        "document", *[name for name in ("start",) if name in table.columns]
    )


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv", "a.feather", "a.arrow", "a.arrows"])
def test_a_table_gives_the_entities_and_passthrough_columns_that_parquet_gives(
    run, committed, expected, tmp_path, name
):
    write(frame(), tmp_path / name)
    summary = run(tmp_path / name, shard_size="400", **HOW)
    assert (summary["records"], summary["quarantined"], summary["exit_code"]) == (40, 0, 0)
    assert summary["shards"] > 4
    for table, rows in expected.items():
        found = plain(committed(table))
        assert found.drop("probability", strict=False).equals(rows.drop("probability", strict=False)), table
    assert run(tmp_path / name, shard_size="400", **HOW)["reused"] == summary["shards"]


def test_offsets_count_characters_of_the_cell(run, committed, tmp_path):
    write(frame(3), tmp_path / "a.csv")
    run(tmp_path / "a.csv", text_column="body")
    cells = frame(3)["body"]
    found = committed()
    assert found["document"].unique().sort().to_list() == ["a.csv#2", "a.csv#5", "a.csv#8"]
    number = {"a.csv#2": 0, "a.csv#5": 1, "a.csv#8": 2}
    assert found.height > 6
    for row in found.iter_rows(named=True):
        assert cells[number[row["document"]]][row["start"] : row["end"]] == row["text"]


def test_bad_rows_are_quarantined_with_their_line_wherever_the_file_is_cut(run, committed, tmp_path):
    rows = [f'{n},"{TEXT}\n"\n' for n in range(20)]
    rows[3] = f"3,{TEXT},more\n"
    rows[9] = "9,\n"
    raw = ("name,body\n" + "".join(rows)).encode() + b"20,caf\xe9\n" + b'21,"open\nend'
    (tmp_path / "a.csv").write_bytes(raw)
    for size in ("1", "100", "1MiB"):
        summary = run(tmp_path / "a.csv", out=size, text_column="body", shard_size=size)
        assert (summary["records"], summary["quarantined"], summary["exit_code"]) == (22, 4, 3)
        bad = committed("quarantine", out=size).sort("line")
        assert bad.select("line", "reason").rows() == [
            (8, "wrong-columns"),
            (19, "no-text"),
            (40, "invalid-utf8"),
            (41, "invalid-row"),
        ]
        offsets = bad["byte_offset"].to_list()
        assert [raw[at : at + 3] for at in offsets] == [b"3,B", b"9,\n", b"20,", b"21,"]
        assert committed(out=size)["document"].n_unique() == 18


def test_another_encoding_is_read_and_refused_rows_have_the_bytes_of_the_file(run, committed, tmp_path):
    texts = [f"café é {TEXT}" for _ in range(12)]
    raw = ("body;name\n" + "".join(f"{text};é{n}\n" for n, text in enumerate(texts)) + "é;é;é\n").encode(
        "latin-1"
    )
    (tmp_path / "a.csv").write_bytes(raw)
    how = {"text_column": "body", "id_column": "name", "encoding": "latin-1", "shard_size": "100"}
    assert run(tmp_path / "a.csv", **how)["quarantined"] == 1
    assert sorted(committed("documents")["document"]) == sorted(f"é{n}" for n in range(12))
    assert committed("quarantine").select("line", "byte_offset").rows() == [(14, len(raw) - 6)]


@pytest.mark.heavy
def test_workers_write_the_same_bytes_however_many_they_are(run, tmp_path):
    write(frame(), tmp_path / "a.csv")
    digests = {
        run(tmp_path / "a.csv", out=f"of{workers}", shard_size="500", workers=workers, **HOW)["digest"]
        for workers in (1, 2)
    }
    assert len(digests) == 1


def test_a_damaged_arrow_file_is_an_error_that_names_it(run, tmp_path):
    write(frame(), tmp_path / "a.feather")
    raw = (tmp_path / "a.feather").read_bytes()
    (tmp_path / "a.feather").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(BadInput, match=r"a\.feather: expected a whole Arrow file"):
        run(tmp_path / "a.feather", text_column="body")


def test_a_table_without_a_named_column_of_text_is_refused_with_the_option_to_give(run, tmp_path):
    write(frame(3), tmp_path / "a.feather")
    with pytest.raises(BadInput, match=r"Got a table.*--text-column"):
        run(tmp_path / "a.feather")


def test_the_command_tags_a_column_of_a_folder_of_tables(trained, home, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    write(frame(4), tmp_path / "in" / "a.csv")
    write(frame(4), tmp_path / "in" / "b.arrow")
    out = tmp_path / "out"
    options = ["--out", str(out), "--text-column", "body", "--keep", "price", "--workers", "0"]
    assert main(["tag", str(trained["model"]), str(tmp_path / "in"), *options]) == 0
    found = Dataset.open(out).scan("documents").collect()
    assert sorted(found["source"].unique()) == ["a.csv", "b.arrow"]
    assert found["price"].to_list() == [f"{n},5" for n in range(4)] * 2
