"""Each source has its file of redacted text, whatever the names."""

import json

import polars as pl

from elman.data.redaction.text_files import write_texts
from elman.data.store import schema
from elman.data.store.writer import DatasetWriter

ODD = '\U0001f600 "quoted" \\ \x01\r\n\u2028e\u0301'


def test_plain_text_comes_out_as_it_is_and_other_sources_as_json_lines(tmp_path):
    kinds = {"a.txt": "plain", "a": "jsonl", "a.jsonl": "jsonl", "../b": "plain", "none": "plain"}
    with DatasetWriter(tmp_path / "out", kind="tagged-text", config={}) as writer:
        shards = []
        for number, name in enumerate([*kinds][:-1]):
            rows = [(name, f"d{n}", 1, 0, text) for n, text in enumerate((ODD, "two"))]
            frame = pl.DataFrame(rows, schema=schema.REDACTED, orient="row")
            shards.append(writer.stage(f"s{number}", name, {"redacted": frame}, source={"name": name}))
        sources = [{"name": name, "kind": kind} for name, kind in sorted(kinds.items())]
        files = {
            name: path.read_bytes().decode() for name, path in write_texts(writer, sources, shards).items()
        }
    plain, lines = f"{ODD}two", [{"id": "d0", "text": ODD}, {"id": "d1", "text": "two"}]
    assert files.pop("redacted-text/a.txt") == plain
    for name in ("redacted-text/a.jsonl", "redacted-text/a.jsonl.jsonl"):
        assert [json.loads(line) for line in files.pop(name).split("\n")[:-1]] == lines
    ((name, text),) = files.items()
    assert name.startswith("redacted-text/")
    assert name.count("/") == 1
    assert text == plain
