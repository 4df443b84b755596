"""A line beyond the limit is one quarantine row with its bytes and hash; the lines beside it are read."""

import hashlib
import io
import json

import pytest

from elman.data.errors import BadInput
from elman.data.formats.common import lines, long_lines
from elman.data.formats.common.long_lines import LongLine, bounded_lines
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.common.slices import SliceSize
from elman.data.sources.reading import collect_sources, read
from elman.data.sources.splitting import read_slice, split_source
from elman.data.text.tokenizer import Tokenizer

OPTIONS = Options(tokenizer=Tokenizer())


@pytest.fixture(autouse=True)
def limit(monkeypatch):
    for module in (lines, long_lines):
        monkeypatch.setattr(module, "LONGEST_LINE", 1000)


@pytest.mark.parametrize("size", [999, 1000, 1001, 5000, 600_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\nmore\n"])
def test_lines_up_to_the_limit_come_whole(size, end):
    raw = b"x" * size + end
    first, *rest = bounded_lines(io.BytesIO(raw))
    line = raw.split(b"\n")[0] + end[:1]
    if size > 1000:
        assert isinstance(first, LongLine)
        assert (first.size, first.sha256) == (len(line), hashlib.sha256(line).hexdigest())
    else:
        assert first == line
    assert rest == ([b"more\n"] if len(end) > 1 else [])


@pytest.mark.parametrize("kind", ["jsonl", "token_jsonl"])
def test_a_long_line_is_refused_with_its_place(tmp_path, kind):
    row = {"tokens": ["Ann"], "ner_tags": ["B-PER"]} if kind == "token_jsonl" else {"text": "Ann left."}
    good = json.dumps(row).encode() + b"\n"
    key = "tokens" if kind == "token_jsonl" else "text"
    long = json.dumps({key: ["x" * 2000] if key == "tokens" else "x" * 2000}).encode() + b"\n"
    (tmp_path / "a.jsonl").write_bytes(good + long + good)
    (source,), _ = collect_sources([tmp_path])
    assert source.kind == kind
    one, refused, two = read(source, OPTIONS)
    assert isinstance(one, Document)
    assert isinstance(two, Document)
    assert isinstance(refused, Quarantined)
    assert (refused.reason, refused.line, refused.byte_offset) == ("too-long", 2, len(good))
    assert hashlib.sha256(long).hexdigest() in refused.detail
    assert f"bytes {len(good)} to {len(good) + len(long)}" in refused.detail
    assert two.line == 3
    sliced = []
    for slice_ in split_source(source, OPTIONS, SliceSize.of(10)):
        sliced += read_slice(source, slice_, OPTIONS)
    assert [record for record in sliced if isinstance(record, Quarantined)] == [refused]


def test_a_long_row_of_conll_is_bad_input_with_the_name_of_its_file(tmp_path):
    (tmp_path / "a.conll").write_bytes(b"Ann\tB-PER\n\n" * 9 + b"x" * 600_000 + b"\tO\n\n")
    (source,), _ = collect_sources([tmp_path])
    with pytest.raises(BadInput, match=r"a\.conll: expected lines of at most 1000 bytes"):
        list(read(source, OPTIONS))
