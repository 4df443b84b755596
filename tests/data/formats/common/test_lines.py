"""Lines end with any of three line ends, whatever the blocks; one beyond the limit is refused by hash."""

import hashlib
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.errors import BadInput
from elman.data.formats.common import lines
from elman.data.formats.common.lines import LongLine, bounded_lines, lone_returns, universal_lines
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.common.slices import SliceSize
from elman.data.sources.reading import collect_sources, read
from elman.data.sources.splitting import read_slice, split_source
from elman.data.text.tokenizer import Tokenizer

OPTIONS = Options(tokenizer=Tokenizer())


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\xc3\xa9", b"\x0b"])), st.integers(1, 4))
def test_lines_are_those_of_a_regular_expression_for_every_block_size(parts, size):
    data = b"".join(parts)
    expected = [match[0] for match in re.finditer(rb"[^\r\n]*(?:\r?\r\n|\r|\n)|[^\r\n]+\Z", data)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK", size)
        assert list(universal_lines(io.BytesIO(data))) == expected


@pytest.mark.parametrize(
    ("head", "lone"),
    [(b"a\rb", True), (b"a\r\nb", False), (b"a\nb\rc", False), (b"a\r\r\nb", False), (b"a", False)],
)
def test_the_first_line_end_tells_whether_returns_stand_alone(head, lone):
    assert lone_returns(head) is lone


@pytest.fixture
def limit(monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_LINE", 1000)


@pytest.mark.parametrize("size", [999, 1000, 1001, 5000, 600_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\nmore\n"])
@pytest.mark.usefixtures("limit")
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
@pytest.mark.usefixtures("limit")
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


@pytest.mark.usefixtures("limit")
def test_a_long_row_of_conll_is_bad_input_with_the_name_of_its_file(tmp_path):
    (tmp_path / "a.conll").write_bytes(b"Ann\tB-PER\n\n" * 9 + b"x" * 600_000 + b"\tO\n\n")
    (source,), _ = collect_sources([tmp_path])
    with pytest.raises(BadInput, match=r"a\.conll: expected lines of at most 1000 bytes"):
        list(read(source, OPTIONS))
