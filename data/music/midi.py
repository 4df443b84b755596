"""Writer of standard MIDI files, format 0 (RP-001, https://midi.org/standard-midi-files), by mido."""

import io
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
    import mido

    events = []
    for note in notes:
        on, off = (round(time * TICKS) for time in (note.start, note.start + note.duration))
        events.append((on, 1, mido.Message("note_on", note=note.pitch, velocity=VELOCITY)))
        events.append((max(off, on + 1), 0, mido.Message("note_off", note=note.pitch, velocity=0)))
    track, now = mido.MidiTrack(), 0
    if title:
        track.append(mido.MetaMessage("track_name", name=title))
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    for time, _, message in sorted(events, key=lambda event: event[:2]):  # ends before beginnings
        track.append(message.copy(time=time - now))
        now = time
    track.append(mido.MetaMessage("end_of_track"))
    out = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=TICKS, charset="utf-8", tracks=[track]).save(file=out)
    return out.getvalue()
