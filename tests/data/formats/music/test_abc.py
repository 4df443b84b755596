"""ABC files: tunes with their place; what is no tune is quarantined with its reason."""

import io
from functools import partial

import pytest

from elman.data.formats import registry
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.music.abc import read
from elman.data.formats.registry import Head

TUNES = (
    "\ufeffThese are tunes.\n\nX:1\nT:One\nM:4/4\nK:C\nCDEF|\n\nbetween\n"
    "X: 2 % two\nM:3/4\nK:G\nGAB|\nX:3\nM:3/4\nK:D\nd3|"
)


def pieces(raw):
    return list(read(partial(io.BytesIO, raw), "a.abc", Options()))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_tune_ends_with_an_empty_line_or_where_the_next_begins(end):
    raw = TUNES.replace("\n", end).encode()
    found = pieces(raw)
    assert [piece.id for piece in found] == ["a.abc#3", "a.abc#10", "a.abc#14"]
    assert [piece.symbols[-2:] for piece in found] == [("F", "|"), ("B", "|"), ("3", "|")]
    assert [raw[piece.byte_offset :][:2] for piece in found] == [b"X:"] * 3


@pytest.mark.parametrize(
    ("tune", "reason"),
    [
        (b"X:1\nM:4/4\nCDE|\n", "no-key"),
        (b"X:1\nK:C\nCDE|\n", "no-metre"),
        (b"X:1\nM:4/4\nK:C\nz4|\n", "no-notes"),
        (b"X:1\nM:4/4\nK:C\n", "no-notes"),
        (b"X:1\nT:\xff\nM:4/4\nK:C\nC|\n", "invalid-utf8"),
        (b"X:1\nM:4/4\nK:C\n" + b"C|\n" * 400_000, "too-long"),
    ],
)
def test_what_is_no_tune_is_quarantined(tune, reason):
    bad, good = pieces(tune + b"\nX:2\nM:4/4\nK:C\nC4|\n")
    assert isinstance(bad, Quarantined)
    assert bad.reason == reason
    assert reason in registry.format_of("abc").reasons
    assert good.symbols[-3:] == ("C", "4", "|")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (TUNES.encode(), "abc"),
        (b"X:1\nT:a\nM:4/4\nK:C\nC|\n", "abc"),
        (b"X marks the spot.\nK: no.\n", "plain"),
        (b"Dear X: 1 thing.\n", "plain"),
    ],
)
def test_detection(raw, kind):
    assert registry.detect(Head("a", raw, whole=True)).name == kind


def test_where_text_is_wanted_a_tune_is_text():
    assert registry.detect(Head("a.abc", TUNES.encode(), whole=True), as_text=True).name == "plain"
