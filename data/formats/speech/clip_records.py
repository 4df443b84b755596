"""A file of sound to the record of a corpus: one channel of 16 bits, with its text, speaker and split.

A corpus keeps the sound itself. Rates up to `STORED_RATE` stay as they are; higher ones are brought to it,
which keeps what is below 8 kHz, where speech is.
"""

import io
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from elman.data.audio.clips import REASONS, BadAudio, SpokenClip, to_pcm
from elman.data.audio.reading import open_audio
from elman.data.audio.resampling import resample_blocks
from elman.data.errors import UsageError
from elman.data.formats.common.encodings import NOT_UTF8
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Place, Quarantined
from elman.data.formats.registry import Opener

STORED_RATE = 16_000  # samples a second, at most
LONGEST_S = 7_200  # of a clip in a corpus, which is in memory as a whole
SPLITS = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "valid": "dev",
    "validation": "dev",
    "val": "dev",
    "test": "test",
}
GROUPS = ("text", "speaker", "train", "dev", "test")  # of `Options.clip_names`
CLIP_REASONS = {
    **REASONS,
    "too-long": f"a clip of more than {LONGEST_S // 3600} hours, or of a line or text beyond 64 MiB",
    "invalid-utf8": "a transcript that is not UTF-8",
}


def read_file(opener: Opener, source: str, options: Options) -> Iterator[SpokenClip | Quarantined]:
    """Read the one clip of a file; see `data.formats.readers.SpeechReader`."""
    with opener() as stream:
        place = Place(source, None, 0, stream.read(1024))
    try:
        known = named(source, options.clip_names)
        if options.sidecars:
            ((_, beside),) = options.sidecars
            known = {**known, "text": _transcript(beside)}
        audio, rate = pcm_of(opener)
    except BadRecord as error:
        yield place.refuse(error)
        return
    yield SpokenClip(
        source,
        source,
        audio,
        rate,
        text=known.get("text"),
        speaker=known.get("speaker"),
        split=next((name for name in ("train", "dev", "test") if known.get(name) is not None), None),
    )


def pcm_of(opener: Opener, begin_s: float = 0.0, length_s: float | None = None) -> tuple[bytes, int]:
    """Sound of a file as a corpus keeps it, and its rate.

    Args:
        opener: of the file.
        begin_s, length_s: the part that is wanted, in seconds; to the end if there is no length.

    Raises:
        BadRecord: it cannot be read, is too long, or has no such part.
        UsageError: its format needs a package that is not installed.
    """
    try:
        with opener() as stream:
            return _pcm(stream, begin_s, length_s)
    except BadAudio as error:
        raise BadRecord(error.reason, f"expected {error.expected}. Got {error.got}", error.todo) from None


def _pcm(stream: BinaryIO, begin_s: float, length_s: float | None) -> tuple[bytes, int]:
    with open_audio(stream) as audio:
        rate = min(audio.rate, STORED_RATE)
        seconds = audio.frames / audio.rate
        if seconds > LONGEST_S:
            detail = f"expected at most {LONGEST_S:,} seconds. Got {seconds:,.0f}"
            raise BadRecord("too-long", detail, "Divide it where nobody speaks.")
        if not 0 <= begin_s < seconds or (
            length_s is not None and not 0 < length_s <= seconds - begin_s + 0.01
        ):
            length = "the rest" if length_s is None else f"{length_s:g} s"
            detail = f"expected a part of {seconds:g} s. Got {length} from {begin_s:g} s on"
            raise BadRecord("invalid-part", detail, "Correct offset and duration.")
        whole = io.BytesIO()
        for block in resample_blocks(audio.blocks(), audio.rate, rate):
            whole.write(to_pcm(block))
    whole.seek(2 * round(begin_s * rate))
    return whole.read(-1 if length_s is None else 2 * round(length_s * rate)), rate


def named(source: str, pattern: str | None) -> Mapping[str, str | None]:
    """Groups of the last part of a file's name, as far as it matches; see `GROUPS`."""
    found = re.search(pattern, source.rpartition("/")[2]) if pattern else None
    return found.groupdict() if found else {}


def checked_pattern(pattern: str) -> str:
    """A pattern of names of clips.

    Raises:
        UsageError: it is no expression, or has none of the groups.
    """
    try:
        groups = set(re.compile(pattern).groupindex)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"expected a regular expression as --clip-names. Got {pattern!r}: {error}."
        ) from None
    if not groups or not groups <= set(GROUPS):
        got = ", ".join(sorted(groups)) or "none"
        raise UsageError(f"expected groups among {', '.join(GROUPS)} in --clip-names. Got {got}.")
    return pattern


def _transcript(opener: Opener) -> str:
    """Text of a file beside a clip; its lines are joined by a space."""
    with opener() as stream:
        raw = stream.read((64 << 20) + 1)
    if len(raw) > 64 << 20:
        raise BadRecord("too-long", "expected a transcript of at most 64 MiB", "Divide the clip.")
    try:
        return " ".join(raw.decode("utf-8-sig").split())
    except UnicodeDecodeError as error:
        detail = f"expected UTF-8. Got byte {raw[error.start]:#04x} at byte {error.start} of the transcript"
        raise BadRecord("invalid-utf8", detail, NOT_UTF8) from None
