"""MIDI files: the notes that sound at each sixteenth; what is damaged is quarantined."""

import io
from functools import partial

import mido
import pytest

from elman.data.formats import registry
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.music import midi
from elman.data.formats.music.midi import read
from elman.data.formats.registry import Head
from elman.data.music.midi import midi_file
from elman.data.music.notes import notes_of_roll

STEPS = [(60, 64), (60,), (), (67, 72), (67,)]
FILE = midi_file(notes_of_roll(STEPS, 4))


def file(*events, kind=0, division=480, tracks=1):
    """A file of tracks with the same events, given as bytes."""
    body = b"".join(events)
    head = b"MThd\0\0\0\6" + b"".join(n.to_bytes(2, "big") for n in (kind, tracks, division))
    return head + (b"MTrk" + len(body).to_bytes(4, "big") + body) * tracks


def pieces(raw):
    return list(read(partial(io.BytesIO, raw), "a.mid", Options()))


def test_what_we_write_is_read_back():
    (piece,) = pieces(FILE)
    assert piece.voices == (tuple(STEPS),)
    assert (piece.id, piece.steps_per_quarter) == ("a.mid", 4)


def test_running_status_note_on_of_velocity_0_and_tracks_as_voices():
    raw = file(
        b"\0\x90\x3c\x40\x83\x60\x3c\0",  # a quarter note, ended by velocity 0 without a status
        b"\0\xf0\2\1\xf7\0\xff\1\1x",  # system exclusive, text
        b"\0\xc0\5\0\x91\x40\x40\x81\x70\x81\x40\0",  # programme, another channel, an eighth
        b"\0\x99\x23\x40\0\x90\x3e\x40\x78\xff\x2f\0",  # drums; a note that is not ended
        kind=1,
        tracks=2,
    )
    (piece,) = pieces(raw)
    first = ((60,), (60,), (60,), (60,), (), (), (62,))
    second = ((), (), (), (), (64,), (64,), ())
    assert piece.voices == (first, second, first, second)


def test_silence_before_the_first_note_is_left_out_and_no_note_is_lost():
    (piece,) = pieces(file(b"\x8f\0\x90\x3c\x40\1\x3c\0"))
    assert piece.voices == (((60,),),)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (FILE[:-9], "invalid-midi"),
        (FILE[:10], "invalid-midi"),
        (file(b"\0\x90\x3c\x40", kind=2), "invalid-midi"),
        (file(b"\0\x90\x3c\x40", division=0xE728), "invalid-midi"),
        (file(b"\0\x3c\x40"), "invalid-midi"),
        (file(b"\0\x90\x3c\x90"), "invalid-midi"),
        (file(b"\xff\xff\xff\xff\xff\0"), "invalid-midi"),
        (file(b"\0\xff\x2f\0"), "no-notes"),
        (file(b"\0\x90\x05\x40\x60\x05\0"), "no-notes"),
        (file(b"\0\x90\x3c\x40\x60\x3c\0" + b"\xff\xff\xff\x7f\x3e\x40\1\x3e\0", division=1), "too-long"),
    ],
)
def test_what_cannot_be_read_is_quarantined(raw, reason):
    (refused,) = pieces(raw)
    assert isinstance(refused, Quarantined)
    assert refused.reason == reason


def test_a_large_file_is_quarantined(monkeypatch):
    monkeypatch.setattr(midi, "LARGEST", 20)
    (refused,) = pieces(FILE)
    assert refused.reason == "too-long"


def test_detection():
    assert registry.detect(Head("a", FILE, whole=True)).name == "midi"


def test_files_of_another_writer_are_read():
    track = mido.MidiTrack(
        [
            mido.Message("note_on", note=60, velocity=90, time=0),
            mido.Message("note_off", note=60, time=240),
            mido.MetaMessage("end_of_track"),
        ]
    )
    out = io.BytesIO()
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(file=out)
    (piece,) = pieces(out.getvalue())
    assert piece.voices == (((60,), (60,)),)
