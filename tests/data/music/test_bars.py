"""Places in the bars of tunes, as counted by hand."""

from fractions import Fraction

import pytest

from elman.data.music.abc import symbols_of
from elman.data.music.bars import BarCounter


def counted(body, head="M:4/4\nL:1/4\nK:C"):
    counter = BarCounter()
    for symbol in symbols_of(f"X:1\n{head}\n{body}\n".splitlines()):
        counter.add(symbol)
    return counter


@pytest.mark.parametrize(
    ("body", "quarters"),
    [
        ("CDE", 3),
        ("C2D/2E//", Fraction(11, 4)),
        ("C>D", 2),
        ("C<D2", Fraction(1, 2) + 3),
        ("(3CDE", 2),
        ("(3C/2D/2E/2F", 2),
        ("{ag}C", 1),
        ("[CEG]2", 2),
        ("z3/2x", Fraction(5, 2)),
        ('"G7"C!trill!D', 2),
        ("C-C|D", 1),
        ("CDEF|", 0),
        ("[M:3/4]C", 1),
        ("2/2]}CD", 2),
        ("L:1/8", 0),
        ("[L:1/8]CD", 1),
    ],
)
def test_time_since_the_bar_line(body, quarters):
    assert counted(body).at == Fraction(quarters) / 4


def test_the_unit_follows_from_the_metre():
    assert counted("CD", "M:6/8\nK:C").at == Fraction(1, 4)
    assert counted("CD", "M:2/4\nK:C").at == Fraction(1, 8)
    assert counted("CD", "M:6/8\nK:C").left == Fraction(1, 2)
    assert counted("CD", "M:none\nK:C").left is None


def test_the_last_bar_lacks_the_pickup_and_the_next_section_begins_with_what_it_lacks():
    pickup = counted("C|DEFG|A")
    assert (pickup.pickup, pickup.bars) == (Fraction(1, 4), 1)
    assert pickup.places() == ("at 1/4", "left 3/4", "closing 1/2", "opening None", "bar 1")
    section = counted("C|DEFG|ABc::")
    assert (section.pickup, section.owed, section.bars) == (0, Fraction(1, 4), 0)
    assert section.places()[3] == "opening 1/4"
    assert counted("C|DEFG|ABc::d").places()[3] == "opening 0"
    assert counted("C|DEFG|ABc::d|e").places()[2:] == ("closing 1/2", "opening None", "bar 0")


def test_a_later_ending_ends_the_section_it_is_of():
    ending = counted("C|DEFG|[1ABc:|[2A")
    assert (ending.pickup, ending.bars) == (Fraction(1, 4), 1)


def test_bars_are_counted_from_the_last_double_bar():
    assert counted("CDEF|CDEF|CDEF|").bars == 3
    assert counted("CDEF|CDEF||CDEF|").bars == 1
    assert counted("CDEF|" * 40).places()[-1] == "bar 32"
