"""JSON lines that name clips and give their texts: `{"audio": path, "text": "..."}`, a clip a line.

`audio_filepath` may stand for `audio`, as in manifests of NVIDIA NeMo
(https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/asr/datasets.html), and `offset` and
`duration` in seconds then name a part of the file. `text`, `speaker` and `split` may be missing. A path is
relative to the folder of the list; in an archive it names a member.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from elman.data.audio.clips import SpokenClip
from elman.data.formats.common.encodings import NOT_UTF8
from elman.data.formats.common.lines import LongRecord, bounded_lines, ends_with_returns, long_line
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Place, Quarantined
from elman.data.formats.registry import Head, Opener, SpeechFormat, register
from elman.data.formats.speech.clip_records import CLIP_REASONS, SPLITS, Part, pcm_of

KEYS = ("audio", "audio_filepath")
_FIELDS = 'Write {"audio": "clips/1.wav", "text": "...", "speaker": "...", "split": "train"} a line.'


@dataclass(frozen=True)
class _Line:
    """Fields of a line; see `SpokenClip`."""

    audio: str
    text: str | None
    speaker: str | None
    split: str | None
    begin_s: float
    length_s: float | None


def read(opener: Opener, source: str, options: Options) -> Iterator[SpokenClip | Quarantined]:
    """Read clips; see `data.formats.readers.SpeechReader`."""
    openers = dict(options.sidecars)
    for place in places(opener, source):
        if isinstance(place, Quarantined):
            yield place
            continue
        try:
            yield _clip(place, openers, options)
        except BadRecord as error:
            yield place.refuse(error)


def places(opener: Opener, source: str) -> Iterator[Place | Quarantined]:
    """Lines that are not blank."""
    with opener() as stream:
        returns = ends_with_returns(stream)
    offset = 0
    with opener() as stream:
        for number, raw in enumerate(bounded_lines(stream, returns), 1):
            if isinstance(raw, LongRecord):
                yield long_line(raw, source, number, offset)
                offset += raw.size
                continue
            if raw.removeprefix(b"\xef\xbb\xbf").strip():
                yield Place(source, number, offset, raw)
            offset += len(raw)


def audio_of(place: Place) -> str:
    """Path that a line gives.

    Raises:
        BadRecord: it gives none.
    """
    return _path(_object(place))


def sidecar_name(source: str, audio: str) -> str:
    """Name of a clip among the sidecars of a list."""
    return f"{source}#{audio}"


def _clip(place: Place, openers: Mapping[str, Opener], options: Options) -> SpokenClip:
    line = _line(_object(place))
    opener = openers.get(sidecar_name(place.source, line.audio))
    if opener is None:
        detail = f"expected the file {line.audio!r}, relative to the list or in its archive. Got none"
        raise BadRecord("missing-audio", detail, "Correct the path, or leave the line out.")
    try:
        audio, rate = pcm_of(opener, Part(line.begin_s, line.length_s), options)
    except BadRecord as error:
        reason, detail, todo = error.args
        raise BadRecord(reason, f"{line.audio}: {detail}", todo) from None
    id = line.audio if line.begin_s == 0 else f"{line.audio}@{line.begin_s:g}"
    return SpokenClip(
        id, place.source, audio, rate, line.text, line.speaker, line.split, place.byte_offset, place.line
    )


def _object(place: Place) -> dict[str, Any]:
    try:
        value = json.loads(place.raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        detail = f"expected UTF-8. Got byte {place.raw[error.start]:#04x} at byte {error.start} of the line"
        raise BadRecord("invalid-utf8", detail, NOT_UTF8) from None
    except (ValueError, RecursionError) as error:
        detail = f"expected one JSON object a line. Got {str(error)[:200]}"
        raise BadRecord("invalid-json", detail, _FIELDS) from None
    if not isinstance(value, dict):
        raise BadRecord(
            "invalid-json", f"expected one JSON object a line. Got {type(value).__name__}", _FIELDS
        )
    return value


def _path(value: Mapping[str, Any]) -> str:
    for key in KEYS:
        if key in value:
            return _text(value[key], key)
    raise BadRecord("no-audio-path", 'expected "audio" or "audio_filepath". Got neither', _FIELDS)


def _text(value: Any, key: str) -> str:
    try:
        if isinstance(value, str):
            value.encode()
            return value
    except UnicodeEncodeError:
        detail = f'expected Unicode text as "{key}". Got half of a surrogate pair'
        raise BadRecord("invalid-field", detail, "Write the whole character.") from None
    raise BadRecord("invalid-field", f'expected a string as "{key}". Got {str(value)[:80]!r}', _FIELDS)


def _seconds(value: Mapping[str, Any], key: str) -> float | None:
    number = value.get(key)
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < math.inf:
        detail = f'expected seconds, 0 or more, as "{key}". Got {str(number)[:80]!r}'
        raise BadRecord("invalid-field", detail, _FIELDS)
    return float(number)


def _line(value: Mapping[str, Any]) -> _Line:
    text, speaker, split = (value.get(key) for key in ("text", "speaker", "split"))
    if split is not None and (not isinstance(split, str) or split not in SPLITS):
        detail = f'expected {", ".join(SPLITS)} as "split". Got {str(split)[:80]!r}'
        raise BadRecord("invalid-field", detail, _FIELDS)
    if isinstance(speaker, int) and not isinstance(speaker, bool):
        speaker = str(speaker)
    begin_s = _seconds(value, "offset")
    return _Line(
        audio=_path(value),
        text=None if text is None else _text(text, "text"),
        speaker=None if speaker is None else _text(speaker, "speaker"),
        split=None if split is None else SPLITS[split],
        begin_s=begin_s or 0.0,
        length_s=None if begin_s is None else _seconds(value, "duration"),
    )


def _matches(head: Head) -> bool:
    try:
        value = json.loads(head.first)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and any(isinstance(value.get(key), str) for key in KEYS)


register(
    SpeechFormat(
        name="transcripts",
        rank=38,
        matches=_matches,
        read=read,
        title="JSON lines of transcripts",
        record="a line",
        notes='`{"audio": path, "text": ..., "speaker": ..., "split": ...}`, all but `audio` optional; '
        "`audio_filepath` (NeMo) is the same, and with `offset` and `duration` names a part; paths are "
        "relative to the list, in an archive they name members",
        hint="JSON lines that name clips",
        reasons={
            **CLIP_REASONS,
            "invalid-json": "a line that is not one JSON object",
            "no-audio-path": 'a line without "audio" and "audio_filepath"',
            "missing-audio": "a line whose clip is not there",
            "invalid-field": "a field of another type, or no known split",
            "invalid-part": "an offset or duration beyond the end of the file",
        },
    )
)
