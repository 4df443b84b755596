"""Renumbering of sentences and repeated document ids over shards."""

import json


def test_documents_with_the_same_id_are_told_apart_whatever_the_shards(
    run, committed, tmp_path, lines, write_jsonl
):
    source = write_jsonl(tmp_path / "a.jsonl", lines[:3], id="same")
    assert run(source, format="jsonl", shard_size="1", out="cut")["shards"] == 3
    assert committed("documents", "cut")["document"].to_list() == ["same", "same~2", "same~3"]
    run(source, format="jsonl")
    assert committed().drop("probability").equals(committed(out="cut").drop("probability"))
    assert committed("documents")["document"].to_list() == ["same", "same~2", "same~3"]
    lines = [json.loads(line) for line in (tmp_path / "out" / "tags.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == ["same", "same~2", "same~3"]
    assert sum(len(line["spans"]) for line in lines) == committed().height
