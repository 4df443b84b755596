"""States of bars of tunes, as counted by hand."""

from fractions import Fraction

import pytest

from elman.data.music.abc import symbols_of
from elman.data.music.bar_states import BarStates
from elman.data.music.bars import BarCounter

HEAD = "M:4/4\nL:1/4\nK:C"


def counted(body, head=HEAD):
    counter = BarStates()
    for symbol in symbols_of(f"X:1\n{head}\n{body}\n".splitlines()):
        counter.add(symbol)
    return counter


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", "field"),
        ("[M:3/4]", "field"),
        ("C", "note"),
        ("z", "note"),
        ("C/", "length"),
        ('C"G7"', "name"),
        ("C|", "bar"),
        ("C:|", "double"),
        ("C::", "double"),
        ("C:|2", "ending"),
        ("C|[1", "ending"),
        ("(3", "tuplet"),
        ("C>", "broken"),
        ("C2-", "tie"),
        ("[CE", "inside"),
        ("[CE]", "note"),
        ("{c", "inside"),
        ("{c}", "other"),
        ("!trill!", "other"),
    ],
)
def test_kind_of_the_last_symbol(body, kind):
    assert counted(body).kind == kind


def test_places_of_the_counter_of_bars_come_first():
    plain = BarCounter()
    for symbol in symbols_of(f"X:1\n{HEAD}\nC|DE".splitlines()):
        plain.add(symbol)
    assert counted("C|DE").places() == (*plain.places(), "state note 2 0", "kind note 0", "end -  False")


def test_a_state_has_what_is_due_in_units_and_what_is_begun():
    assert counted("CD").places()[5] == "state note 2 0o"
    assert counted("CD", "M:4/4\nL:1/8\nK:C").places()[5] == "state note 6 0o"
    assert counted("C|DE(3F").places()[5] == "state note 4/3 2"
    assert counted("C|D>").places()[5] == "state broken 5/2 0b"
    assert counted("C|DEF").places()[5:] == ("state note 1 0c", "kind note 0", "end 0 c False")
    assert counted("CDEF|CDEF|").places()[7] == "end -  True"
    assert counted("CDEF|CDEF").places()[7] == "end 1  False"
    assert counted("CD", "M:none\nK:C").places()[5:] == ("state note", "kind note 0", "end ?")


def test_a_bar_goes_on_over_a_repeat_until_it_is_full():
    assert counted("C|DEFG|ABc:|").due == Fraction(1, 4)
    assert counted("C|DEFG|ABc:|d").due == 0
    assert counted("C|DEFG|ABc:|d|").due == 1
    assert counted("C|:").due == 1
    assert counted("C|DEFG|ABcd:|").due == 1


def test_a_second_ending_goes_on_where_the_first_began():
    assert counted("C|DEFG|[1ABc:|[2").due == 1
    assert counted("C|DEFG|1ABc:|2A").due == Fraction(3, 4)


def test_the_upbeat_of_a_tune_may_close_a_section_that_has_none():
    assert counted("C|:DEFG|ABc").places()[5] == "state note 1 0c"
    assert counted("CDEF|GAB").places()[5] == "state note 1 0"
