"""Lines are sentences, whatever stands in them, with offsets into the file; slices give the same."""

import random

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import SliceSize
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
