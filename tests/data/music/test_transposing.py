"""Tunes in other keys: all notes move by the same interval, and the way back leads to the tune itself."""

import pytest

from elman.data.music.abc import symbols_of
from elman.data.music.notes import notes_of_abc
from elman.data.music.transposing import tonic_of, transposed

TUNE = """\
X:1
M:6/8
K:Gmix
"G"G2B "Am/c"A3/2^f/|_B,2=C,d'|"D7/f+"(3cBA [GBd]2-[GBd]|
[K:C]"F#m"F^F=F|]
""".splitlines()


@pytest.mark.parametrize("tonic", ["C", "D", "F", "A", "Bb", "E", "F#"])
def test_all_notes_move_by_the_same_interval(tonic):
    symbols = symbols_of(TUNE)
    moved = transposed(symbols, tonic)
    assert len(moved) == len(symbols)
    before, after = notes_of_abc(symbols), notes_of_abc(moved)
    intervals = {b.pitch - a.pitch for a, b in zip(before, after, strict=True)}
    assert len(intervals) == 1
    assert abs(intervals.pop()) <= 6
    assert transposed(moved, "G") == symbols


def test_chords_and_later_keys_move_with_the_notes():
    moved = transposed(symbols_of(TUNE), "D")
    assert {"K:Dmix", '"D"', '"Em/g"', '"A7/c+"', "[K:G]", '"C#m"'} <= set(moved)
    assert transposed(symbols_of(TUNE), "F")[1:3] == ("K:Fmix", '"F"')


@pytest.mark.parametrize("body", ['"?"G', "__G", '"Fb"F'])
def test_what_cannot_be_moved_is_no_tune(body):
    assert transposed(symbols_of(["X:1", "M:4/4", "K:C", body]), "Gb") is None
    assert transposed(symbols_of(["X:1", "M:4/4", "K:none", body]), "D") is None


def test_tonics():
    assert [tonic_of(key) for key in ("F#m", "Bb", "Ador", "none", "")] == ["F#", "Bb", "A", None, None]
