"""A file of sound to the record of a corpus: one channel of 16 bits, with its text, speaker and split.

A corpus keeps the sound itself. Rates up to `STORED_RATE` stay as they are; higher ones are brought to it,
which keeps what is below 8 kHz, where speech is.
"""

import io
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from elman.data.audio.clips import REASONS, BadAudio, Samples, SpokenClip, to_pcm
from elman.data.audio.pcm import Pcm, PcmFile
from elman.data.audio.reading import open_audio
from elman.data.audio.resampling import resample_blocks
from elman.data.errors import UsageError
from elman.data.formats.common.encodings import NOT_UTF8
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Place, Quarantined
from elman.data.formats.registry import Opener

STORED_RATE = 16_000  # samples a second, at most
LONGEST_S = 7_200  # of a clip in a corpus, which is in memory as a whole
LONGEST_IN_MEMORY = 16 << 20  # bytes of a clip that is not stored in a file, if there is a folder for it
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
        audio, rate = pcm_of(opener, Part(), options)
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


@dataclass(frozen=True)
class Part:
    """Part of a file that is a clip, in seconds; to the end if there is no length."""

    begin_s: float = 0.0
    length_s: float | None = None

    def check(self, seconds: float) -> None:
        """Check that a file of so many seconds has it.

        Raises:
            BadRecord: it has not.
        """
        begin, length = self.begin_s, self.length_s
        if not 0 <= begin < seconds or (length is not None and not 0 < length <= seconds - begin + 0.01):
            shown = "the rest" if length is None else f"{length:g} s"
            detail = f"expected a part of {seconds:g} s. Got {shown} from {begin:g} s on"
            raise BadRecord("invalid-part", detail, "Correct offset and duration.")

    def samples(self, rate: int) -> range:
        """Numbers of its samples, as far as the file has them."""
        begin = round(self.begin_s * rate)
        return range(begin, sys.maxsize if self.length_s is None else begin + round(self.length_s * rate))


def pcm_of(opener: Opener, part: Part, options: Options) -> tuple[Pcm, int]:
    """Sound of a file as a corpus keeps it, and its rate.

    Args:
        opener: of the file.
        part: that is wanted.
        options: see `Options.spool` and `any_length`.

    Raises:
        BadRecord: it cannot be read, is too long, or has no such part.
        UsageError: its format needs a package that is not installed.
    """
    try:
        with opener() as stream:
            return _pcm(stream, part, options)
    except BadAudio as error:
        raise BadRecord(error.reason, f"expected {error.expected}. Got {error.got}", error.todo) from None


def _pcm(stream: BinaryIO, part: Part, options: Options) -> tuple[Pcm, int]:
    with open_audio(stream) as audio:
        rate = min(audio.rate, STORED_RATE)
        seconds = audio.frames / audio.rate
        if seconds > LONGEST_S and not options.any_length:
            detail = f"expected at most {LONGEST_S:,} seconds. Got {seconds:,.0f}"
            raise BadRecord("too-long", detail, "Divide it where nobody speaks.")
        part.check(seconds)
        wanted = part.samples(rate)
        count = min(wanted.stop, math.ceil(seconds * rate)) - wanted.start
        if options.spool is not None and 2 * count > LONGEST_IN_MEMORY:
            long = PcmFile(options.spool)
            _write(long.append, resample_blocks(audio.blocks(), audio.rate, rate), wanted)
            return long, rate
        short = io.BytesIO()
        _write(short.write, resample_blocks(audio.blocks(), audio.rate, rate), wanted)
        return short.getvalue(), rate


def _write(write: Callable[[bytes], object], blocks: Iterable[Samples], wanted: range) -> None:
    """Write the wanted samples; all blocks are read, so that a damaged file is found."""
    at = 0
    for block in blocks:
        part = block[max(wanted.start - at, 0) : max(wanted.stop - at, 0)]
        if len(part):
            write(to_pcm(part))
        at += len(block)


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
