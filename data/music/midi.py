"""Standard MIDI files of notes: format 0, one track (RP-001, https://midi.org/standard-midi-files)."""

from collections.abc import Sequence

from elman.data.music.notes import Note

TICKS = 480  # of a quarter note
VELOCITY = 80
TEMPO = 120  # quarter notes a minute, if nothing else is said


def midi_file(notes: Sequence[Note], tempo: int = TEMPO, title: str = "") -> bytes:
    """A MIDI file.

    Args:
        notes: in quarter notes.
        tempo: quarter notes a minute.
        title: name of the track.
    """
    events = [(0, 0, b"\xff\x03" + _text(title))] if title else []
    events.append((0, 0, b"\xff\x51\x03" + round(60_000_000 / tempo).to_bytes(3, "big")))
    for note in notes:
        on, off = (round(time * TICKS) for time in (note.start, note.start + note.duration))
        events.append((on, 2, bytes([0x90, note.pitch, VELOCITY])))
        events.append((max(off, on + 1), 1, bytes([0x80, note.pitch, 0])))
    track, now = bytearray(), 0
    for time, _, event in sorted(events, key=lambda event: event[:2]):  # ends before beginnings
        track += _number(time - now) + event
        now = time
    track += b"\x00\xff\x2f\x00"
    head = b"MThd" + (6).to_bytes(4, "big") + b"".join(n.to_bytes(2, "big") for n in (0, 1, TICKS))
    return head + b"MTrk" + len(track).to_bytes(4, "big") + bytes(track)


def _number(value: int) -> bytes:
    """A quantity of variable length: seven bits a byte, the highest bit set on all but the last."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | (value & 0x7F))
    return bytes(reversed(out))


def _text(text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    return _number(len(raw)) + raw
