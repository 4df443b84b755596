"""Files and Parquet tables as sources of tagging."""

import gzip
import json
import os

import polars as pl
import pytest

from elman.data.errors import BadInput, UsageError


def test_rows_of_parquet_are_documents_and_passthrough_columns_are_copied(
    run, committed, tmp_path, lines, write_jsonl
):
    source = write_jsonl(tmp_path / "a.jsonl", lines)
    ids = [f"row {n % 30}" for n in range(40)]  # ten of them come again
    prices = pl.Series([n / 4 for n in range(40)], dtype=pl.Float32)
    table = pl.DataFrame({"name": ids, "body": lines, "price": prices})
    table.write_parquet(tmp_path / "a.parquet", row_group_size=25)
    how = {"text_column": "body", "id_column": "name", "keep": "price", "tokens": True}
    summary = run(tmp_path / "a.parquet", shard_size="400", **how)
    assert summary["shards"] > 4
    run(source, out="raw")
    names = [id if n < 30 else f"{id}~{n + 1}" for n, id in enumerate(ids)]
    documents = committed("documents").sort("line")
    assert documents["document"].to_list() == names
    assert documents["price"].to_list() == prices.to_list()
    columns = ["start", "end", "text", "type"]
    found = committed().sort("price", "start")
    raw = committed(out="raw").with_columns(line=pl.col("document").str.extract(r"#(\d+)").cast(pl.Int64))
    assert found.select(columns).equals(raw.sort("line", "start").select(columns))
    of = dict(zip(names, prices, strict=True))
    assert all(of[row["document"]] == row["price"] for row in found.iter_rows(named=True))
    assert committed("tokens").height == summary["tokens"]
    assert committed("tokens")["price"].null_count() == 0
    assert run(tmp_path / "a.parquet", shard_size="400", **how)["reused"] == summary["shards"]


def test_wrong_parquet_columns_are_an_error_that_names_them(run, tmp_path, lines, write_jsonl):
    pl.DataFrame({"name": ["a"], "body": [lines[0]]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="--text-column"):
        run(tmp_path / "a.parquet")
    with pytest.raises(BadInput, match=r"expected the columns text\. Got name, body"):
        run(tmp_path / "a.parquet", text_column="text")
    with pytest.raises(
        UsageError, match=r"expected --keep of columns that tagged tables do not have\. Got text"
    ):
        run(tmp_path / "a.parquet", text_column="body", keep="name,text")
    with pytest.raises(BadInput, match="expected a table, for a text column was named"):
        run(write_jsonl(tmp_path / "a.jsonl", lines), text_column="text")


def test_a_damaged_file_is_quarantined_whole_and_the_others_are_tagged(
    run, committed, tmp_path, lines, write_jsonl
):
    good = write_jsonl(tmp_path / "a.jsonl", lines)
    bad = tmp_path / "b.jsonl.gz"
    text = "".join(json.dumps({"text": f"{line} {os.urandom(20).hex()}"}) + "\n" for line in lines * 50)
    packed = gzip.compress(text.encode())
    bad.write_bytes(packed[: len(packed) // 2])
    summary = run(good, bad, shard_size="1000")
    assert (summary["records"], summary["quarantined"], summary["exit_code"]) == (41, 1, 3)
    assert committed("quarantine").select("source", "reason").rows() == [("b.jsonl.gz", "unreadable")]
    assert committed()["source"].unique().to_list() == ["a.jsonl"]
    assert run(good, bad, shard_size="1000")["reused"] == summary["shards"]
    bad.write_bytes(packed)
    mended = run(good, bad, shard_size="1000")
    assert (mended["records"], mended["quarantined"], mended["exit_code"]) == (40 + 2000, 0, 0)
