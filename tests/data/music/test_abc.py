"""ABC: symbols of tunes, and tunes written from symbols."""

import pytest

from elman.data.music.abc import cues_of, symbols_of, text_of

TUNE = """\
X: 12
T:No tune of anybody
M:6/8
L:1/8
K:Gmix % the key
|:"G"G2B "D"A3/2^f/|"G"z3 [GBd]2-[GBd]:|[1 e>f {ab}g (3abc'|\\
M:3/4
[2 _B,2 =c,,//||
"""


def test_symbols_are_the_music_alone():
    symbols = symbols_of(TUNE.splitlines())
    assert symbols[:3] == ("M:6/8", "L:1/8", "K:Gmix")
    assert symbols[3:13] == ("|:", '"G"', "G", "2", "B", '"D"', "A", "3/2", "^f", "/")
    assert " ".join(symbols[13:]) == (
        '| "G" z 3 [ G B d ] 2 - [ G B d ] :| [1 e > f { a b } g (3 a b c\' | [M:3/4] [2 _B, 2 =c,, // ||'
    )


def test_a_tune_written_from_symbols_has_the_same_symbols():
    symbols = symbols_of(TUNE.splitlines())
    text = text_of(symbols, 3, "Piece 2")
    assert text.startswith("X:3\nT:Piece 2\nM:6/8\nL:1/8\nK:Gmix\n|:")
    assert symbols_of(text.splitlines()) == symbols


def test_a_head_is_written_in_the_order_of_the_standard():
    assert text_of(("K:C", "M:4/4", "C", "|"), 1, "x") == "X:1\nT:x\nM:4/4\nK:C\nC|\n"


def test_a_line_has_four_bars():
    text = text_of(("M:4/4", "K:C", *["C", "4", "|"] * 9), 1, "x")
    assert text.splitlines()[4:] == ["C4|C4|C4|C4|", "C4|C4|C4|C4|", "C4|"]


@pytest.mark.parametrize(
    ("line", "symbols"),
    [
        ("|1 A", ["|", "1", "A"]),
        ("A::B", ["A", "::", "B"]),
        ("A:||:B", ["A", ":||:", "B"]),
        ("A2/3|]", ["A", "2/3", "|]"]),
        ("!trill!A ~B", ["!trill!", "A", "~", "B"]),
        ('"Am7"[K:Am]A', ['"Am7"', "[K:Am]", "A"]),
    ],
)
def test_what_belongs_together_is_one_symbol(line, symbols):
    assert list(symbols_of(["X:1", "K:C", line])[1:]) == symbols


def test_cues_are_metre_key_and_first_note():
    assert cues_of(symbols_of(TUNE.splitlines())) == ("M:6/8", "K:Gmix", "G")
    assert cues_of(("z", "2")) == ()
