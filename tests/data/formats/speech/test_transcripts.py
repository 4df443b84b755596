"""Lists of transcripts: what stands in a line is read, and what cannot be is refused with its line."""

import io
import json
from functools import partial

import pytest

from elman.data.audio.clips import SpokenClip
from elman.data.formats import registry
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.registry import Head
from elman.data.formats.speech.transcripts import read
from tests.small_clips import tone, wav

SIDECARS = (("list.jsonl#a.wav", partial(io.BytesIO, wav(tone(440)))),)


def read_lines(*lines: bytes) -> list[SpokenClip | Quarantined]:
    opener = partial(io.BytesIO, b"\n".join(lines))
    return list(read(opener, "list.jsonl", Options(sidecars=SIDECARS)))


def one(**fields: object) -> SpokenClip | Quarantined:
    (record,) = read_lines(json.dumps({"audio": "a.wav", **fields}).encode())
    return record


def test_a_line_is_a_clip():
    clip = one(text="one", speaker="jo", split="val", unknown=3)
    assert isinstance(clip, SpokenClip)
    assert (clip.id, clip.text, clip.speaker, clip.split, clip.samples) == ("a.wav", "one", "jo", "dev", 1600)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"audio": 5}, "invalid-field"),
        ({"audio": "b.wav"}, "missing-audio"),
        ({"audio": "\0"}, "missing-audio"),
        ({"text": ["one"]}, "invalid-field"),
        ({"text": "\ud800"}, "invalid-field"),
        ({"speaker": True}, "invalid-field"),
        ({"split": "all"}, "invalid-field"),
        ({"offset": -1}, "invalid-field"),
        ({"offset": float("nan")}, "invalid-field"),
        ({"offset": 0.3}, "invalid-part"),
        ({"offset": 0.1, "duration": 0.2}, "invalid-part"),
    ],
)
def test_a_bad_field_costs_its_line(fields, reason):
    record = one(**fields)
    assert isinstance(record, Quarantined)
    assert (record.line, record.reason) == (1, reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"audio": ', "invalid-json"),
        (b"[" * 100_000, "invalid-json"),
        (b'"a.wav"', "invalid-json"),
        (b'{"text": "one"}', "no-audio-path"),
        (b'{"audio": "\xff"}', "invalid-utf8"),
    ],
)
def test_a_bad_line_costs_itself_alone(line, reason):
    first, bad, last = read_lines(b'\xef\xbb\xbf{"audio": "a.wav"}', line, b"", b'{"audio": "a.wav"}')
    assert isinstance(first, SpokenClip)
    assert isinstance(last, SpokenClip)
    assert isinstance(bad, Quarantined)
    assert (bad.line, bad.reason) == (2, reason)
    assert last.line == 4


def test_it_is_told_from_other_json_lines():
    def kind(line: str, **options: bool) -> str:
        return registry.detect(Head("list.jsonl", line.encode(), True), **options).name

    assert kind('{"audio": "a.wav", "text": "one"}') == "transcripts"
    assert kind('{"audio_filepath": "a.wav"}') == "transcripts"
    assert kind('{"audio": "a.wav", "text": "one"}', as_text=True) == "jsonl"
    assert kind('{"text": "one"}') == "jsonl"
