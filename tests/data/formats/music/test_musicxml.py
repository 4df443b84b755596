"""MusicXML: notes of parts and voices, chords, backups; bombs and broken files are quarantined."""

import io
from functools import partial

import pytest

from elman.data.formats import registry
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.music.musicxml import read
from elman.data.formats.registry import Head

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC '
    '"-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)


def note(step, octave, duration, more="", voice=1, alter=""):
    return (
        f"<note>{more}<pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch>"
        f"<duration>{duration}</duration><voice>{voice}</voice></note>"
    )


def score(*parts, root="score-partwise"):
    inside = "".join(
        f'<part id="P{k}"><measure><attributes><divisions>2</divisions></attributes>{part}</measure></part>'
        for k, part in enumerate(parts)
    )
    return f"{HEAD}<{root}><part-list/>{inside}</{root}>".encode()


def pieces(raw):
    return list(read(partial(io.BytesIO, raw), "a.musicxml", Options()))


def test_parts_and_voices_are_voices_and_chords_sound_together():
    sharp = "<alter>1</alter>"
    first = (
        note("C", 4, 1, "<!-- an eighth -->")
        + note("F", 4, 1, alter=sharp)
        + note("A", 4, 1, "<chord/>")
        + "<backup><duration>2</duration></backup>"
        + note("C", 3, 2, voice=2)
    )
    second = "<forward><duration>1</duration></forward>" + note("E", 5, 1) + note("D", 5, 1, "<grace/>")
    (piece,) = pieces(score(first, second))
    assert piece.voices == (
        ((60,), (60,), (66, 69), (66, 69)),
        ((48,),) * 4,
        ((), (), (76,), (76,)),
    )


def test_a_rest_takes_its_time():
    rest = "<note><rest/><duration>2</duration></note>"
    (piece,) = pieces(score(note("C", 4, 1) + rest + note("D", 4, 1)))
    assert piece.voices == (((60,), (60,), (), (), (), (), (62,), (62,)),)


BOMB = score(note("C", 4, 1)).replace(
    b'partwise.dtd">', b'partwise.dtd" [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (BOMB, "invalid-musicxml"),
        (score(note("C", 4, 1))[:-20], "invalid-musicxml"),
        (score(note("C", 4, "x")), "invalid-musicxml"),
        (score(note("C", 4, "1e9999999")), "invalid-musicxml"),
        (score(note("C", 4, 1)).replace(b"divisions>2", b"divisions>0"), "invalid-musicxml"),
        (score(note("C", 4, 1), root="score-timewise"), "invalid-musicxml"),
        (b"\xff<score-partwise>", "invalid-musicxml"),
        (score("<note><rest/><duration>2</duration></note>"), "no-notes"),
        (score(note("C", 4, 1) + note("C", 4, "9" * 12)), "too-long"),
        (score(note("C", "9" * 12, 1)), "no-notes"),
    ],
)
def test_what_cannot_be_read_is_quarantined(raw, reason):
    (refused,) = pieces(raw)
    assert isinstance(refused, Quarantined)
    assert refused.reason == reason


def test_detection():
    assert registry.detect(Head("a.xml", score(note("C", 4, 1)), whole=True)).name == "musicxml"
