"""WAV of all sizes of samples is read as it was written; a header that lies costs the file, with a reason."""

import io
import struct

import numpy as np
import pytest
from scipy.io import wavfile

from elman.data.audio.clips import BadAudio
from elman.data.audio.reading import clip_blocks, read_clip
from elman.data.audio.wav import WavFile

RAMP = np.linspace(-0.9, 0.9, 4001)


def wav(samples: np.ndarray, rate: int = 8000) -> bytes:
    out = io.BytesIO()
    wavfile.write(out, rate, samples)
    return out.getvalue()


def raw_wav(
    data: bytes, *, bits: int, tag: int = 1, channels: int = 1, rate: int = 8000, order: str = "<"
) -> bytes:
    align = channels * (-(-bits // 8))
    form = struct.pack(f"{order}HHIIHH", tag, channels, rate, rate * align, align, bits)
    body = b"WAVEfmt " + struct.pack(f"{order}I", 16) + form + b"data" + struct.pack(f"{order}I", len(data))
    body += data
    return (b"RIFF" if order == "<" else b"RIFX") + struct.pack(f"{order}I", len(body)) + body


def refused(raw: bytes) -> tuple[str, str]:
    with pytest.raises(BadAudio) as error:
        read_clip(io.BytesIO(raw))
    return error.value.reason, str(error.value)


@pytest.mark.parametrize(
    ("raw", "tolerance"),
    [
        (wav(np.round(RAMP * 128 + 128).astype(np.uint8)), 2**-7),
        (wav(np.round(RAMP * 32768).astype(np.int16)), 2**-15),
        (wav(np.round(RAMP * 2**31).astype(np.int32)), 2**-23),
        (wav(RAMP.astype(np.float32)), 0),
        (wav(RAMP), 2**-24),
        (wav(np.round(RAMP * 32768).astype(">i2")), 2**-15),
        (
            raw_wav(b"".join(int(x * 2**23).to_bytes(3, "little", signed=True) for x in RAMP), bits=24),
            2**-22,
        ),
    ],
    ids=["8", "16", "32", "float32", "float64", "big-endian", "24"],
)
def test_samples_are_read_whatever_their_size(raw, tolerance):
    clip = read_clip(io.BytesIO(raw))
    assert (clip.samples.dtype, len(clip.samples), clip.rate) == (np.float32, len(RAMP), 8000)
    np.testing.assert_allclose(clip.samples, RAMP.astype(np.float32), rtol=0, atol=tolerance)


def test_channels_are_mixed_down_to_their_mean():
    both = np.stack([np.full(900, 16384, np.int16), np.full(900, -8192, np.int16)], axis=1)
    clip = read_clip(io.BytesIO(wav(both)))
    assert clip.channels == 2
    assert np.array_equal(clip.samples, np.full(900, 0.125, np.float32))


def test_full_scale_stays_and_floats_beyond_it_are_limited():
    assert read_clip(io.BytesIO(wav(np.array([-32768, 32767], np.int16)))).samples.tolist() == [
        -1,
        32767 / 32768,
    ]
    assert read_clip(io.BytesIO(wav(np.array([-1.5, 1.25], np.float32)))).samples.tolist() == [-1, 1]


@pytest.mark.parametrize("value", [np.nan, np.inf, 32767.0])
def test_floats_in_another_unit_and_no_numbers_are_refused(value):
    reason, message = refused(wav(np.array([0, value], np.float32)))
    assert reason == "invalid-audio"
    assert "Scale them to -1 to 1" in message


def test_a_file_cut_off_anywhere_is_refused():
    whole = wav(np.round(RAMP * 32768).astype(np.int16))
    reasons = [refused(whole[:size])[0] for size in range(1, len(whole), 97)]
    assert set(reasons) == {"truncated", "no-audio"}
    assert reasons[1:] == ["truncated"] * (len(reasons) - 1)
    assert refused(b"")[0] == "empty-file"
    assert refused(whole[:44])[0] == "truncated"


@pytest.mark.parametrize("stated", [0xFFFFFFFF, 0x7FFFF000, 0])
def test_sound_of_a_length_that_was_never_stated_goes_to_the_end(stated):
    whole = wav(np.round(RAMP * 32768).astype(np.int16))
    riff = min(stated + 36, 0xFFFFFFFF) if stated else 0
    piped = whole[:4] + struct.pack("<I", riff) + whole[8:40] + struct.pack("<I", stated) + whole[44:]
    assert np.array_equal(read_clip(io.BytesIO(piped)).samples, read_clip(io.BytesIO(whole)).samples)
    assert refused(piped[:-1])[0] == "truncated"


def test_sound_after_the_stated_end_is_never_dropped():
    whole = wav(np.round(RAMP * 32768).astype(np.int16))
    shorter = whole[:40] + struct.pack("<I", 2000) + whole[44:]
    assert refused(shorter)[0] == "invalid-audio"


def test_other_chunks_around_the_sound_are_passed_over():
    whole = wav(np.array([1, 2, 3], np.int16))
    note = b"LIST" + struct.pack("<I", 5) + b"notes\0"
    with_notes = whole[:12] + note + whole[12:] + note
    assert len(read_clip(io.BytesIO(with_notes)).samples) == 3


def test_a_header_without_samples_is_no_audio():
    assert refused(wav(np.zeros(0, np.int16)))[0] == "no-audio"
    assert refused(b"this is a text, not a sound")[0] == "no-audio"


def test_encodings_that_are_not_read_are_named():
    assert "mu-law" in refused(raw_wav(bytes(90), bits=8, tag=7))[1]
    assert refused(raw_wav(bytes(90), bits=8, tag=7))[0] == "unknown-encoding"
    assert refused(raw_wav(bytes(90), bits=16, tag=3))[0] == "unknown-encoding"


@pytest.mark.parametrize("rate", [0, 3, 4_000_000_000])
def test_a_rate_that_no_recorder_has_is_refused(rate):
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate & 0xFFFFFFFF, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", 8) + bytes(8)
    assert refused(b"RIFF" + struct.pack("<I", len(body)) + body)[0] == "invalid-audio"


def test_a_long_file_comes_in_blocks_that_are_its_samples(monkeypatch):
    samples = np.random.default_rng(1).integers(-30000, 30000, (5000, 2)).astype(np.int16)
    raw = wav(samples)
    whole = read_clip(io.BytesIO(raw)).samples
    monkeypatch.setattr("elman.data.audio.wav.BLOCK_BYTES", 700)
    blocks = list(clip_blocks(io.BytesIO(raw)))
    assert len(blocks) > 20
    assert np.array_equal(np.concatenate(blocks), whole)


def test_big_files_with_long_sizes_are_read():
    whole = wav(np.array([1, 2, 3], np.int16))
    sizes = b"ds64" + struct.pack("<IQQQI", 28, len(whole) + 28, 6, 3, 0)
    rf64 = b"RF64" + b"\xff" * 4 + b"WAVE" + sizes + whole[12:40] + b"\xff" * 4 + whole[44:]
    assert WavFile(io.BytesIO(rf64)).frames == 3
    assert refused(rf64[:-2])[0] == "truncated"
