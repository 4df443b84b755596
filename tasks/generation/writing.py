"""Files of generated pieces: ABC, MIDI, sound, text, FASTA, and a picture of a piano roll."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from elman.data.music.abc import text_of
from elman.data.music.midi import midi_file
from elman.data.music.notes import Note, notes_of_abc, notes_of_roll
from elman.data.music.pieces import Step
from elman.data.music.sound import wav_file

PLAYED = ("abc", "keys")  # units that sound


def steps_of(symbols: Sequence[str]) -> list[Step]:
    """Steps of a roll from the symbols of a row: `60 64 67` is three keys."""
    return [tuple(map(int, symbol.split())) for symbol in symbols]


def notes_of(unit: str, symbols: Sequence[str], steps_per_quarter: int) -> list[Note]:
    """Notes of a piece."""
    if unit == "keys":
        return notes_of_roll(steps_of(symbols), steps_per_quarter)
    return notes_of_abc(symbols)


def piece_files(
    unit: str, name: str, symbols: Sequence[str], steps_per_quarter: int, *, sound: bool
) -> Iterator[tuple[str, bytes]]:
    """Files of one piece, FOLDER/FILE and content: `midi/NAME.mid`, and `wav/NAME.wav` if wanted."""
    if unit not in PLAYED:
        return
    notes = notes_of(unit, symbols, steps_per_quarter)
    yield f"midi/{name}.mid", midi_file(notes, title=f"piece {name}")
    if sound:
        yield f"wav/{name}.wav", wav_file(notes)


def collection(unit: str, pieces: Iterator[tuple[str, Sequence[str]]]) -> tuple[str, Iterator[bytes]] | None:
    """The file that holds all pieces: `pieces.abc`, `pieces.txt` or `pieces.fasta`; None for rolls.

    Args:
        unit: of the symbols.
        pieces: name and symbols of each.
    """
    if unit == "abc":
        lines = (f"{text_of(symbols, int(name) + 1, f'Piece {name}')}\n" for name, symbols in pieces)
        return "pieces.abc", (line.encode("utf-8", "replace") for line in lines)
    if unit == "base":
        return "pieces.fasta", (f">piece_{name}\n{''.join(symbols)}\n".encode() for name, symbols in pieces)
    if unit == "character":
        lines = (f"{''.join(symbols)}\n\n" for _, symbols in pieces)
        return "pieces.txt", (line.encode("utf-8", "replace") for line in lines)
    return None


def draw_roll(notes: Sequence[Note], title: str, path: Path) -> None:
    """Draw notes over time as a piano roll."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots()
    for note in notes:
        axes.broken_barh(
            [(float(note.start), max(float(note.duration) - 0.04, 0.02))],
            (note.pitch - 0.4, 0.8),
            color="#2a6f97",
        )
    axes.set(xlabel="quarter notes", ylabel="MIDI number", title=title)
    figure.savefig(path, dpi=100)
