"""Lines are sentences, whatever stands in them, with offsets into the file; slices give the same."""

import hashlib
import random

import pytest

from elman.data.formats.common import lines
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import SliceSize
from elman.data.formats.text import sentence_lines
from elman.data.sources.reading import collect_sources, read
from elman.data.sources.splitting import open_whole, read_slice, seekable, split_source, unpack


def source_of(path, raw: bytes):
    path.write_bytes(raw)
    (source,), _ = collect_sources([path], sentence_per_line=True)
    return source


def sentences(records):
    return [
        (s.start, s.text, s.token_start, s.token_end)
        for record in records
        for s in (record if hasattr(record, "sentences") else record.document()).sentences
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_line_is_a_sentence(tmp_path, end, encoding):
    lines = ["Mr. Lee left. He ran.", "", "no full stop", "\U0001f600 Oslo"]
    text = end.join(lines)
    source = source_of(tmp_path / "a.txt", text.encode(encoding))
    found = sentences(read(source, Options()))
    assert [line for _, line, _, _ in found] == ["Mr. Lee left. He ran.", "no full stop", "\U0001f600 Oslo"]
    assert all(text[start : start + len(line)] == line for start, line, _, _ in found)


def test_long_lines_are_divided_as_long_sentences_are(tmp_path):
    source = source_of(tmp_path / "a.txt", b"x " * 2500 + b"\nend\n")
    assert [len(starts) for _, _, starts, _ in sentences(read(source, Options()))] == [1000, 1000, 500, 1]


@pytest.mark.parametrize("seed", range(4))
def test_a_line_beyond_the_limit_has_the_sentences_it_has_below_it(tmp_path, monkeypatch, seed):
    draw = random.Random(seed)
    words = [
        "word",
        "Mr.",
        "J.",
        "Lee",
        "can't",
        "tea-tray",
        "3,000",
        "\u00e9\U0001f600",
        "end.",
        ":)",
        "\u200d",
    ]
    text = "".join(draw.choice(words) + draw.choice([" ", " ", " ", "\t ", ""]) for _ in range(90_000))
    source = source_of(tmp_path / "a.txt", b"one\r\n" + text.encode() + b"\r\nlast")
    whole = sentences(read(source, Options()))
    monkeypatch.setattr(lines, "LONGEST_RECORD", 100_000)
    monkeypatch.setattr(sentence_lines, "_LONG_PART", 20_000)
    assert sentences(read(source, Options())) == whole
    sliced = [
        sentence
        for slice_ in split_source(source, Options(), SliceSize.of(500))
        for sentence in sentences(read_slice(source, slice_, Options()))
    ]
    assert sliced == whole


def test_a_line_without_white_space_beyond_the_limit_quarantines_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_RECORD", 1000)
    for before in (b"", b"white space here, "):
        long = before + b"x" * 600_000 + b"\n"
        source = source_of(tmp_path / "a.txt", b"fine\n" + long + b"fine\n")
        (refused,) = read(source, Options())
        assert (refused.reason, refused.line, refused.byte_offset) == ("too-long", 2, 5)
        assert f"bytes 5 to {5 + len(long)} of the file" in refused.detail
        assert hashlib.sha256(long).hexdigest() in refused.detail


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b"a\nb\xff\n", "invalid-utf8"), (b" \n\n  ", "no-text"), (b"\xff\xfea\x00b", "invalid-utf8")],
)
def test_a_file_that_is_no_text_is_quarantined(tmp_path, raw, reason):
    (tmp_path / "b.txt").write_text("fine\n")
    source = source_of(tmp_path / "a.txt", b"fine\n")
    (tmp_path / "a.txt").write_bytes(raw)
    format_ = source.files[0].format
    (refused,) = format_.read(lambda: (tmp_path / "a.txt").open("rb"), "a.txt", Options())
    assert isinstance(refused, Quarantined)
    assert refused.reason == reason


@pytest.mark.parametrize("seed", range(9))
def test_slices_give_the_sentences_of_the_whole(tmp_path, seed):
    draw = random.Random(seed)
    text = "".join(draw.choices(["word ", "Mr. ", "\n", "\r\n", "\u00e9\U0001f600 ", "end.\n", "  "], k=3000))
    source = source_of(tmp_path / "a.txt", text.encode(["utf-8", "utf-8-sig", "utf-16"][seed % 3]))
    options = Options()
    slices = split_source(source, options, SliceSize.of(500))
    assert len(slices) > 5
    files = [None] * len(slices)
    if not seekable(source.files[0]):
        (tmp_path / "unpacked").mkdir()
        files = list(unpack(source.files[0], slices, tmp_path / "unpacked", [True] * len(slices)))
    parts = []
    for slice_, file in zip(slices, files, strict=True):
        parts += read_slice(source, slice_, options, file, slice_.begin if file else 0)
    assert sentences(parts) == sentences(read(source, options))
    with open_whole(source.files[0]) as stream:
        assert slices[-1].end == len(stream.read())
