"""Notes of standard MIDI files, formats 0 and 1 (RP-001, https://midi.org/standard-midi-files)."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from elman.data.music.notes import Note

DRUMS = 9  # channel of percussion, whose numbers are no pitches


class BadMidi(ValueError):
    """Bytes that are no MIDI file; the message says what was expected."""


@dataclass
class _Bytes:
    """Bytes that are read one after the other."""

    raw: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        part = self.raw[self.at : self.at + count]
        if len(part) < count:
            raise BadMidi(f"expected {count} bytes at byte {self.at}. Got {len(part)}")
        self.at += count
        return part

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def quantity(self) -> int:
        """A quantity of variable length, four bytes at most."""
        value = 0
        for _ in range(4):
            (byte,) = self.take(1)
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise BadMidi(f"expected a quantity of at most four bytes before byte {self.at}. Got a longer one")


def notes_of_midi(raw: bytes) -> list[list[Note]]:
    """Notes of each track and channel that has any, without drums; times in quarter notes.

    A note that is not ended lasts to the end of its track.

    Raises:
        BadMidi: no MIDI file of format 0 or 1, or one that is cut off.
    """
    file = _Bytes(raw)
    if file.take(4) != b"MThd" or (size := file.number(4)) < 6:
        raise BadMidi("expected a MIDI file, which begins with MThd")
    kind, tracks, division = (file.number(2) for _ in range(3))
    file.take(size - 6)
    if kind > 1 or division >= 0x8000 or not division:
        raise BadMidi(f"expected format 0 or 1, times in parts of a quarter note. Got {kind}, {division}")
    voices = list[list[Note]]()
    for _ in range(tracks):
        while file.take(4) != b"MTrk":  # chunks of other kinds are passed over
            file.take(file.number(4))
        voices += _voices(_Bytes(file.take(file.number(4))), division)
    return voices


def _voices(track: _Bytes, division: int) -> list[list[Note]]:
    """Notes of each channel of a track."""
    begun: dict[tuple[int, int], int] = {}
    ended: dict[int, list[Note]] = {}

    def end(channel: int, pitch: int, now: int) -> None:
        first = begun.pop((channel, pitch), None)
        if first is not None and now > first and channel != DRUMS:
            note = Note(Fraction(first, division), Fraction(now - first, division), pitch)
            ended.setdefault(channel, []).append(note)

    now = 0
    for now, status, pitch, velocity in _events(track):
        kind, channel = status & 0xF0, status & 0x0F
        if kind in (0x80, 0x90):
            end(channel, pitch, now)
        if kind == 0x90 and velocity:
            begun[channel, pitch] = now
    for channel, pitch in list(begun):
        end(channel, pitch, now)
    return [sorted(ended[channel]) for channel in sorted(ended)]


def _events(track: _Bytes) -> Iterator[tuple[int, int, int, int]]:
    """Time in ticks, status and two data bytes of each event; the last one is the end of the track."""
    now = status = 0
    while track.at < len(track.raw):
        now += track.quantity()
        (byte,) = track.take(1)
        if byte < 0x80:  # the status of the event before holds
            if not 0x80 <= status < 0xF0:
                raise BadMidi(f"expected a status at byte {track.at - 1} of a track. Got {byte}")
            track.at -= 1
        else:
            status = byte
        if status == 0xFF:
            kind, _ = track.number(1), track.take(track.quantity())
            if kind == 0x2F:
                break
        elif status in (0xF0, 0xF7):
            track.take(track.quantity())
        elif status >= 0xF0:
            raise BadMidi(f"expected an event at byte {track.at - 1} of a track. Got {status:#04x}")
        else:
            first = track.number(1)
            second = 0 if status & 0xE0 == 0xC0 else track.number(1)
            if max(first, second) > 0x7F:
                raise BadMidi(f"expected data below 128 before byte {track.at} of a track. Got more")
            yield now, status, first, second
    yield now, 0, 0, 0
