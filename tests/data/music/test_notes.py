"""Times and pitches of notes, from rolls and from ABC."""

from fractions import Fraction

import pytest

from elman.data.music.abc import symbols_of
from elman.data.music.notes import key_signature, notes_of_abc, notes_of_roll


def played(head, body):
    """Start and length in quarter notes, and pitch."""
    notes = notes_of_abc(symbols_of(["X:1", *head, body]))
    return [(float(note.start), float(note.duration), note.pitch) for note in notes]


def test_a_key_that_sounds_at_steps_in_a_row_is_held():
    notes = notes_of_roll([(60, 64), (60,), (), (60,)], 2)
    assert [(float(n.start), float(n.duration), n.pitch) for n in notes] == [
        (0.0, 0.5, 64),
        (0.0, 1.0, 60),
        (1.5, 0.5, 60),
    ]


def test_lengths_rests_and_chords():
    assert played(["L:1/4", "K:C"], "C2 z/ [EG]3/2 c'") == [
        (0.0, 2.0, 60),
        (2.5, 1.5, 64),
        (2.5, 1.5, 67),
        (4.0, 1.0, 84),
    ]


def test_the_unit_of_length_follows_from_the_metre():
    assert played(["M:6/8", "K:C"], "C")[0][1] == 0.5
    assert played(["M:2/4", "K:C"], "C")[0][1] == 0.25
    assert played(["M:2/4", "L:1/8", "K:C"], "C")[0][1] == 0.5


def test_accidentals_hold_for_the_bar_and_the_key_for_the_tune():
    assert [p for *_, p in played(["K:G"], "F =F F f | F")] == [66, 65, 65, 78, 66]
    assert [p for *_, p in played(["K:F"], "B ^B _B")] == [70, 72, 70]


@pytest.mark.parametrize(
    ("key", "signature"),
    [("D", {"F": 1, "C": 1}), ("Bb", {"B": -1, "E": -1}), ("Am", {}), ("Edor", {"F": 1, "C": 1}), ("?", {})],
)
def test_key_signatures(key, signature):
    assert key_signature(key) == signature


def test_tuplets_broken_rhythm_and_ties():
    assert [d for _, d, _ in played(["L:1/4", "K:C"], "(3CDE F")] == pytest.approx([2 / 3] * 3 + [1])
    assert [d for _, d, _ in played(["L:1/4", "K:C"], "C>D E<F")] == [1.5, 0.5, 0.5, 1.5]
    assert played(["L:1/4", "K:C"], "C-C-|C D") == [(0.0, 3.0, 60), (3.0, 1.0, 62)]


def test_grace_notes_and_names_of_chords_take_no_time():
    assert played(["L:1/4", "K:C"], '"G7"{ab}C D') == [(0.0, 1.0, 60), (1.0, 1.0, 62)]


@pytest.mark.parametrize(
    "symbols", [["["], ["{", "a"], ["]", "-", ">", "(9"], ["a", "0/0"], ["M:0/0", "L:1/0", "K:"]]
)
def test_what_makes_no_sense_is_passed_over(symbols):
    assert all(note.duration > 0 for note in notes_of_abc(symbols))


def test_times_are_exact():
    notes = notes_of_abc(symbols_of(["X:1", "L:1/8", "K:C", "(3CDE" * 300]))
    assert notes[-1].start + notes[-1].duration == Fraction(300)
