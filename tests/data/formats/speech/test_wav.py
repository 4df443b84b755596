"""WAV, FLAC and OGG are told by content or name; a file is a clip, whatever its bytes."""

import io
import random
from functools import partial

import pytest
import soundfile

from elman.data.audio.clips import SpokenClip
from elman.data.audio.pcm import PcmFile, pcm_bytes
from elman.data.formats import registry
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Quarantined
from elman.data.formats.registry import Head
from elman.data.formats.speech import clip_records
from elman.data.formats.speech.clip_records import Part, pcm_of, read_file
from tests.small_clips import tone, wav


def encoded(format_: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, tone(440), 8000, format=format_)
    return out.getvalue()


def read_bytes(raw: bytes) -> SpokenClip | Quarantined:
    (record,) = read_file(partial(io.BytesIO, raw), "a.wav", Options())
    return record


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("x", wav(tone(440)), "wav"),
        ("x", encoded("FLAC"), "flac"),
        ("x", encoded("OGG"), "ogg"),
        ("x.wav", b"some text", "wav"),
        ("x.opus", b"", "ogg"),
    ],
    ids=["WAV", "FLAC", "OGG", "named as WAV", "named as Opus"],  # OGG has a random number in its bytes
)
def test_it_is_told_by_content_or_name(name, raw, expected):
    assert registry.detect(Head(name, raw, True)).name == expected


def test_a_long_clip_is_refused_and_high_rates_are_brought_down(monkeypatch):
    clip = read_bytes(wav(tone(440, rate=48_000), 48_000))
    assert isinstance(clip, SpokenClip)
    assert (clip.sample_rate, clip.samples) == (16_000, 3200)
    monkeypatch.setattr(clip_records, "LONGEST_S", 0.1)
    record = read_bytes(wav(tone(440)))
    assert isinstance(record, Quarantined)
    assert record.reason == "too-long"


def test_any_bytes_are_a_clip_or_quarantined_with_a_known_reason():
    draw = random.Random(4)
    files = [wav(tone(440, 0.01)), wav(tone(440, 0.01).reshape(-1, 2)), encoded("FLAC")[:900], encoded("OGG")]
    heads = [
        wav(tone(440, 0.01))[:44],
        b"RIFF\0\0\0\0WAVE",
        b"RIFX",
        b"RF64\xff\xff\xff\xffWAVEds64",
        b"fLaC",
        b"",
    ]
    counts = {SpokenClip: 0, Quarantined: 0}
    for _ in range(500):
        if draw.random() < 0.6:
            raw = bytearray(draw.choice(files))
            for _ in range(draw.randint(1, 4)):
                raw[draw.randrange(min(len(raw), draw.choice([50, 5000])))] = draw.randrange(256)
            raw = raw[: draw.randint(1, len(raw))] if draw.random() < 0.3 else raw
        else:
            raw = bytearray(draw.choice(heads) + draw.randbytes(draw.randint(0, 60)))
        record = read_bytes(bytes(raw))
        counts[type(record)] += 1
        if isinstance(record, Quarantined):
            assert record.reason in clip_records.CLIP_REASONS
    assert min(counts.values()) > 20


def test_a_long_clip_is_stored_in_the_folder_and_may_be_of_any_length_where_no_corpus_keeps_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(clip_records, "LONGEST_S", 0.1)
    monkeypatch.setattr(clip_records, "LONGEST_IN_MEMORY", 100)
    opener, part = partial(io.BytesIO, wav(tone(440, 0.5))), Part(0.1, 0.2)
    options = Options(spool=tmp_path, any_length=True)
    for some, first, count in ((Part(), 0, 4000), (part, 800, 1600)):
        stored, rate = pcm_of(opener, some, options)
        assert isinstance(stored, PcmFile)
        assert pcm_bytes(stored) == tone(440, 0.5)[first : first + count].tobytes()
        assert rate == 8000
        assert pcm_of(opener, some, Options(any_length=True))[0] == pcm_bytes(stored)
    with pytest.raises(BadRecord, match="too-long"):
        pcm_of(opener, part, Options(spool=tmp_path))
