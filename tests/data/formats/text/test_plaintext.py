"""A file of any length is one document, read in blocks that leave no trace."""

import codecs
import gzip
import io
import random

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.text import plaintext

STORY = (
    "Sam left. Tom stayed, “for now”.\r\nThe café closed at 3.50!\n\nA title\n\n他說：「好。」然後走了。\n"
)


def read(raw, tokenizer=None):
    return list(plaintext.read(lambda: io.BytesIO(raw), "f.txt", Options(tokenizer=tokenizer)))


def sentences(parts):
    return [s for part in parts for s in part.sentences]


def decoded(text):
    return [(s.start, s.end, s.text) for s in sentences(read(text.encode()))]


def test_offsets_point_into_the_untouched_text():
    assert [STORY[a:b] for a, b, _ in decoded(STORY)] == [t for _, _, t in decoded(STORY)]
    assert "A title" in [t for _, _, t in decoded(STORY)]


@pytest.mark.parametrize(
    "raw", [codecs.BOM_UTF8 + STORY.encode(), codecs.BOM_UTF16_LE + STORY.encode("utf-16-le")]
)
def test_a_byte_order_mark_is_no_part_of_the_text(raw):
    assert [(s.start, s.text) for s in sentences(read(raw))] == [(a, t) for a, _, t in decoded(STORY)]


def in_blocks(monkeypatch, raw, size, wrapped):
    with monkeypatch.context() as patch:
        patch.setattr(plaintext, "wraps_lines", lambda _: wrapped)
        patch.setattr(plaintext, "PROBED", 0)
        patch.setattr(plaintext, "BLOCK", size)
        return read(raw)


@pytest.mark.parametrize("size", [1 << 10, (1 << 10) + 1, 1 << 13])
def test_the_size_of_blocks_changes_nothing(monkeypatch, size):
    text = "\n\n".join(f"{STORY} Number {i} of the story goes on. And on" for i in range(400))
    parts = in_blocks(monkeypatch, text.encode(), size, plaintext.wraps_lines(text))
    assert len(parts) > 3
    assert sentences(parts) == sentences(read(text.encode()))
    assert {part.id for part in parts} == {"f.txt"}


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_blocks_leave_no_trace_in_text_that_is_mostly_ends(monkeypatch, seed, wrapped):
    marks = random.Random(seed).choices(
        [
            *list("....!?  \n\r\t'\"”)。」aBé5字"),
            "Mr.",
            "\n\n",
            " " * 300,
            *("\u00ad\u200b\u200d\u200f"),
            "\u2060" * 300,
        ],
        k=3000,
    )
    raw = "".join(marks).encode()
    whole = in_blocks(monkeypatch, raw, 1 << 20, wrapped)
    assert sentences(in_blocks(monkeypatch, raw, 7, wrapped)) == sentences(whole)


def test_white_space_of_many_blocks_is_skipped():
    text = "Sam left.\n\n" + " " * (3 << 18) + "Tom stayed."
    assert decoded(text) == [(0, 9, "Sam left."), (len(text) - 11, len(text), "Tom stayed.")]


@pytest.mark.parametrize(
    ("raw", "reason", "offset"),
    [
        (b"Sam left.\n" * 3 + b"\xff", "invalid-utf8", 30),
        (b"abc\xe4\xb8", "invalid-utf8", 3),
        (b" \n\t\n", "no-text", 0),
        ("\u00ad \u200b\n\u200d".encode(), "no-text", 0),
        (b"a\x00b", "not-text", 0),
    ],
)
def test_a_file_that_is_no_text_is_quarantined_whole_with_the_byte(raw, reason, offset):
    (quarantined,) = read(raw)
    assert isinstance(quarantined, Quarantined)
    assert (quarantined.reason, quarantined.byte_offset) == (reason, offset)
    assert quarantined.line == (raw[:offset].count(b"\n") + 1 if reason == "invalid-utf8" else None)


def test_the_bad_byte_is_found_beyond_the_first_block(monkeypatch):
    monkeypatch.setattr(plaintext, "BLOCK", 7)
    (quarantined,) = read("é".encode() * 20 + b"\xff")
    assert isinstance(quarantined, Quarantined)
    assert (quarantined.byte_offset, quarantined.line) == (40, 1)


def test_a_novel_is_read_whole(corpora):
    path = corpora / "text" / "gutenberg100" / "11_alices_adventures_in_wonderland.txt.gz"
    raw = gzip.decompress(path.read_bytes())
    text = raw.decode()
    parts = read(raw)
    assert all(isinstance(part, Document) for part in parts)
    seen = 0
    for s in sentences(parts):
        assert text[seen : s.start].strip() == ""
        assert text[s.start : s.end] == s.text
        seen = s.end
    assert text[seen:].strip() == ""
