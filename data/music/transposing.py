"""Tunes in other keys: their notes and chord names moved by the same interval, the mode kept.

A note moves by as many letters as the tonic, and stays as much sharper or flatter than the key signature
says: accidentals stay few. Chord names are `F#m7`, or with a bass note `D7/f+`, `G/b`, `Bb/d`.
"""

import re
from collections.abc import Sequence

from elman.data.music.abc import NOTE
from elman.data.music.notes import FIFTHS, key_signature

LETTERS = "CDEFGAB"
_KEY = re.compile(r"([A-G])([#b]?)(.*)")
_CHORD = re.compile(r'"\(?([A-G])([#b]?)([^/"()]*)(?:/([A-Ga-g])([#b+]?))?\)?"')
_SIGNS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}
_SUFFIXES = {-1: "b", 0: "", 1: "#"}


def tonic_of(key: str) -> str | None:
    """The tonic of a key as in `K:`, `F#` of `F#m`; None where it has none."""
    found = _KEY.fullmatch(key.strip())
    return found[1] + found[2] if found else None


def transposed(symbols: Sequence[str], tonic: str) -> tuple[str, ...] | None:
    """A tune with another tonic, by the nearest interval; later changes of key move by the same.

    Args:
        symbols: as of `data.music.abc.symbols_of`.
        tonic: such as `G` or `Bb`.

    Returns:
        its symbols; None if it has no key, or a key, note or chord that cannot be moved.
    """
    first = next((symbol[2:] for symbol in symbols if symbol.startswith("K:")), "")
    own = tonic_of(first)
    if own is None:
        return None
    letters = (LETTERS.index(tonic[0]) - LETTERS.index(own[0]) + 3) % 7 - 3
    fifths = _fifths(tonic) - _fifths(own)
    out, before, after = list[str](), dict[str, int](), dict[str, int]()
    for symbol in symbols:
        moved: str | None = symbol
        head, key = ("K:", symbol[2:]) if symbol.startswith("K:") else ("[K:", symbol[3:-1])
        if symbol.startswith(("K:", "[K:")):
            moved = _key(key, letters, fifths)
            if moved is not None:
                before, after = key_signature(key), key_signature(moved)
                moved = head + moved + "]" * (head == "[K:")
        elif NOTE.fullmatch(symbol):
            moved = _note(symbol, letters, before, after)
        elif symbol.startswith('"'):
            moved = _chord(symbol, letters, fifths)
        if moved is None:
            return None
        out.append(moved)
    return tuple(out)


def _fifths(name: str) -> int:
    return FIFTHS[name[0]] + {"#": 7, "b": -7, "+": 7, "": 0}[name[1:]]


def _moved_name(name: str, letters: int, fifths: int) -> tuple[str, int]:
    """Letter and semitones of a note's name, such as F#, moved."""
    letter = LETTERS[(LETTERS.index(name[0]) + letters) % 7]
    return letter, (_fifths(name) + fifths - FIFTHS[letter]) // 7


def _key(key: str, letters: int, fifths: int) -> str | None:
    found = _KEY.fullmatch(key.strip())
    if not found:
        return None
    letter, sharp = _moved_name(found[1] + found[2], letters, fifths)
    return letter + _SUFFIXES[sharp] + found[3] if sharp in _SUFFIXES else None


def _note(symbol: str, letters: int, before: dict[str, int], after: dict[str, int]) -> str | None:
    found = NOTE.fullmatch(symbol)
    assert found
    accidental, letter, marks = found.groups()
    octave = marks.count("'") - marks.count(",") + letter.islower()
    place = LETTERS.index(letter.upper()) + 7 * octave + letters
    new, octave = LETTERS[place % 7], place // 7
    sign = ""
    if accidental:
        sharp = 0 if "=" in accidental else accidental.count("^") - accidental.count("_")
        moved = _SIGNS.get(sharp - before.get(letter.upper(), 0) + after.get(new, 0))
        if moved is None:
            return None
        sign = moved
    return sign + (new.lower() + "'" * (octave - 1) if octave > 0 else new + "," * -octave)


def _chord(symbol: str, letters: int, fifths: int) -> str | None:
    found = _CHORD.fullmatch(symbol)
    if not found:
        return None
    root, sharp = _moved_name(found[1] + found[2], letters, fifths)
    if sharp not in _SUFFIXES:
        return None
    text = root + _SUFFIXES[sharp] + found[3]
    if found[4]:
        bass, sharp = _moved_name(found[4].upper() + found[5], letters, fifths)
        if sharp not in _SUFFIXES:
            return None
        plus = "+" if found[5] == "+" or "#" not in symbol else "#"
        text += "/" + (bass.lower() if found[4].islower() else bass) + {1: plus}.get(sharp, _SUFFIXES[sharp])
    return f'"{text}"'
