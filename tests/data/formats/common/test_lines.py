"""Lines end with any of three line ends, whatever the blocks; one beyond the limit is refused by hash."""

import hashlib
import io
import json
import re
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.formats.common import lines
from elman.data.formats.common.lines import LongRecord, bounded_lines, lone_returns, universal_lines
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.common.slices import SliceSize
from elman.data.formats.registry import all_formats
from elman.data.formats.text import conll_rows
from elman.data.sources.reading import collect_sources, read
from elman.data.sources.splitting import read_slice, split_source
from elman.data.text.tokenizer import Tokenizer

OPTIONS = Options(tokenizer=Tokenizer())
all_formats()  # loaded before a test changes the limits, which stand in their descriptions


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
    monkeypatch.setattr(lines, "LONGEST_RECORD", 1000)


@pytest.mark.parametrize("size", [999, 1000, 1001, 5000, 600_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\nmore\n"])
@pytest.mark.usefixtures("limit")
def test_lines_up_to_the_limit_come_whole(size, end):
    raw = b"x" * size + end
    first, *rest = bounded_lines(io.BytesIO(raw))
    line = raw.split(b"\n")[0] + end[:1]
    if size > 1000:
        assert isinstance(first, LongRecord)
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


GOOD = b"Ann\tB-PER\r\nleft\tO\r\n\r\n"
LONG = b"Bo\tB-PER\n" + b"x" * 600_000 + b"\tO\r\n.\tO\r\n"


LONG_ROWS = {
    "among others": LONG,
    "alone": b"x" * 600_000 + b"\n",
    "a comment": b"#" * 300_000 + b"\n",
    "a mark": b"-DOCSTART- " + b" " * 300_000 + b"\n",
    "blank": b" " * 300_000 + b"\n",
}


@pytest.mark.parametrize("kind", LONG_ROWS)
@pytest.mark.parametrize("before", [0, 3, 60])
@pytest.mark.usefixtures("limit")
def test_a_long_row_of_conll_costs_its_sentence(tmp_path, kind, before):
    """The sentence is refused once, by its bytes and their hash, also where the file is read in slices."""
    long = LONG_ROWS[kind]
    (tmp_path / "a.conll").write_bytes(GOOD * before + long + b"\n" + GOOD * 60)
    (source,), _ = collect_sources([tmp_path])
    records = list(read(source, OPTIONS))
    (refused,) = (record for record in records if isinstance(record, Quarantined))
    begin = before * len(GOOD)
    assert (refused.reason, refused.byte_offset) == ("too-long", begin)
    assert refused.line == 3 * before + 1 + (long is LONG)
    assert f"bytes {begin} to {begin + len(long)} of" in refused.detail
    assert hashlib.sha256(long).hexdigest() in refused.detail
    assert long.startswith(refused.raw)
    sentences = [s for record in records if isinstance(record, Document) for s in record.sentences]
    assert len(sentences) == before + 60
    assert {sentence.tags for sentence in sentences} == {("B-PER", "O")}
    assert [s.line for s in sentences[before:]] == [
        3 * before + long.count(b"\n") + 2 + 3 * n for n in range(60)
    ]
    sliced = []
    for slice_ in split_source(source, OPTIONS, SliceSize.of(500)):
        sliced += read_slice(source, slice_, OPTIONS)
    assert sliced == records


def test_a_sentence_of_too_many_rows_is_refused_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(conll_rows, "MOST_ROWS", 40)
    long = b"a\tO\n" * 41
    (tmp_path / "a.conll").write_bytes(GOOD + b"a\tO\n" * 40 + b"\n" + long + b"\n" + GOOD)
    (source,), _ = collect_sources([tmp_path])
    one, refused = sorted(read(source, OPTIONS), key=lambda record: isinstance(record, Quarantined))
    assert [len(sentence.token_start) for sentence in one.sentences] == [2, 40, 2]
    assert (refused.line, hashlib.sha256(long).hexdigest() in refused.detail) == (3 + 41 + 41, True)


def test_a_file_of_one_long_sentence_is_one_record_in_quarantine(tmp_path, limit):
    (tmp_path / "a.conll").write_bytes(b"x" * 600_000)
    (source,), _ = collect_sources([tmp_path])
    (refused,) = read(source, OPTIONS)
    assert (refused.reason, refused.line, refused.byte_offset) == ("too-long", 1, 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["jsonl", "conll"])
def test_a_row_of_70_mib_costs_itself_alone(tmp_path, kind):
    good = GOOD if kind == "conll" else b'{"text": "Ann left."}\n'
    long = b"x" * (70 << 20)
    long = long + b"\tO\n" if kind == "conll" else b'{"text": "' + long + b'"}\n'
    (tmp_path / f"a.{kind}").write_bytes(good * 3 + long + b"\n" + good)
    (source,), _ = collect_sources([tmp_path])
    tracemalloc.start()
    records = list(read(source, OPTIONS))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (refused,) = (record for record in records if isinstance(record, Quarantined))
    assert (refused.reason, refused.byte_offset) == ("too-long", 3 * len(good))
    assert hashlib.sha256(long).hexdigest() in refused.detail
    assert sum(len(record.sentences) for record in records if isinstance(record, Document)) == 4
    assert peak < 200 << 20


LONE = {
    "jsonl": [b'{"text": "Ann left."}', b"broken", b"", b'{"text": "Caf\xc3\xa9.", "spans": []}'],
    "token_jsonl": [b'{"tokens": ["Ann"], "ner_tags": ["PER"]}', b"broken", b"", b'{"tokens": ["Bo"]}'],
    "pubtator": [b"1|t|Ann left.", b"1\t0\t3\tAnn\tPER", b"", b"2|t|Bo.", b"", b"broken"],
}


@pytest.mark.parametrize("kind", LONE)
@pytest.mark.parametrize("end", [b"\r", b"\r\r", b""])
def test_files_of_lone_returns_are_read_as_those_of_line_feeds(tmp_path, kind, end):
    records = []
    for name, line_end in (("a", b"\n"), ("b", b"\r")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.txt").write_bytes(line_end.join(LONE[kind]) + end.replace(b"\r", line_end))
        (source,), _ = collect_sources([folder])
        assert source.kind == kind
        records.append(
            [replace(r, raw=b"") if isinstance(r, Quarantined) else r for r in read(source, OPTIONS)]
        )
        for size in (1, 30, 1000):
            slices = split_source(source, OPTIONS, SliceSize.of(size))
            sliced = [r for slice_ in slices for r in read_slice(source, slice_, OPTIONS)]
            assert [(r.line, r.byte_offset) for r in sliced] == [(r.line, r.byte_offset) for r in records[0]]
    assert records[0] == records[1]
    assert [r.reason for r in records[0] if isinstance(r, Quarantined)] == [
        "no-text" if kind == "pubtator" else "invalid-json"
    ]


@given(
    st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\xc3\xa9", b"xx"])),
    st.integers(1, 4),
    st.integers(1, 9),
)
def test_bounded_lines_hold_all_bytes_whatever_the_blocks_and_the_limit(parts, block, limit):
    data = b"".join(parts)
    for returns in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lines, "_BLOCK", block)
            patch.setattr(lines, "LONGEST_RECORD", limit)
            found = list(bounded_lines(io.BytesIO(data), returns))
        whole = [*universal_lines(io.BytesIO(data))] if returns else [*io.BytesIO(data)]
        sizes = [line.size if isinstance(line, LongRecord) else len(line) for line in found]
        assert sizes == [*map(len, whole)]
        for line, expected in zip(found, whole, strict=True):
            if isinstance(line, LongRecord):
                assert (len(expected) > limit, line.sha256) == (True, hashlib.sha256(expected).hexdigest())
            else:
                assert line == expected
