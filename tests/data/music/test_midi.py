"""MIDI files, by their bytes and as another parser reads them."""

import io
from fractions import Fraction

import mido

from elman.data.music.midi import midi_file
from elman.data.music.notes import Note, notes_of_roll

NOTES = notes_of_roll([(60, 64, 67)] * 4 + [(62,)] + [()] * 200 + [(108,)], 4)


def test_another_parser_finds_the_notes():
    (track,) = mido.MidiFile(file=io.BytesIO(midi_file(NOTES, 90, "piece"))).tracks
    now, begun, found = 0, {}, []
    for message in track:
        now += message.time
        if message.type == "note_on":
            begun[message.note] = now
        elif message.type == "note_off":
            first = begun.pop(message.note)
            found.append(Note(Fraction(first, 480), Fraction(now - first, 480), message.note))
    assert sorted(found) == NOTES
    assert next(m.tempo for m in track if m.type == "set_tempo") == round(60_000_000 / 90)


def test_the_format_by_its_bytes():
    file = midi_file([Note(Fraction(0), Fraction(1), 60)])
    assert file[:14] == b"MThd\0\0\0\x06\0\0\0\x01\x01\xe0"
    assert file[22:] == b"\0\xff\x51\x03\x07\xa1\x20\0\x90\x3c\x50\x83\x60\x80\x3c\0\0\xff\x2f\0"
