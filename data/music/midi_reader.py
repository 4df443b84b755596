"""Notes of standard MIDI files, formats 0 and 1 (RP-001, https://midi.org/standard-midi-files), by mido."""

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from elman.data.music.notes import Note

DRUMS = 9  # channel of percussion, whose numbers are no pitches


class BadMidi(ValueError):
    """Bytes that are no MIDI file; the message says what was expected."""


def notes_of_midi(raw: bytes) -> list[list[Note]]:
    """Notes of each track and channel that has any, without drums; times in quarter notes.

    A note that is not ended lasts to the end of its track.

    Raises:
        BadMidi: no MIDI file of format 0 or 1, or one that is cut off.
    """
    import mido

    try:
        file = mido.MidiFile(file=io.BytesIO(raw))
    except (EOFError, OSError, ValueError, LookupError, ArithmeticError, mido.KeySignatureError) as error:
        raise BadMidi(
            f"expected a MIDI file that is whole. Got: {error or 'an end within a message'}"
        ) from None
    if file.type > 1 or not 0 < file.ticks_per_beat < 0x8000:
        raise BadMidi(
            "expected format 0 or 1, times in parts of a quarter note. "
            f"Got {file.type}, {file.ticks_per_beat}"
        )
    return [voice for track in file.tracks for voice in _voices(track, file.ticks_per_beat)]


def _voices(track: Any, division: int) -> list[list[Note]]:
    """Notes of each channel of a track."""
    begun: dict[tuple[int, int], int] = {}
    ended: dict[int, list[Note]] = {}

    def end(channel: int, pitch: int, now: int) -> None:
        first = begun.pop((channel, pitch), None)
        if first is not None and now > first and channel != DRUMS:
            note = Note(Fraction(first, division), Fraction(now - first, division), pitch)
            ended.setdefault(channel, []).append(note)

    now = 0
    for now, message in _timed(track):
        if message.type in ("note_on", "note_off"):
            end(message.channel, message.note, now)
            if message.type == "note_on" and message.velocity:
                begun[message.channel, message.note] = now
    for channel, pitch in list(begun):
        end(channel, pitch, now)
    return [sorted(ended[channel]) for channel in sorted(ended)]


def _timed(track: Any) -> Iterator[tuple[int, Any]]:
    """Messages of a track with their time in ticks."""
    now = 0
    for message in track:
        now += message.time
        yield now, message
