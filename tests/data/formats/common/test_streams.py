"""Compressed files are read to their end or refused: nothing behind a damage is left out without a word."""

import bz2
import gzip
import lzma

import pyarrow as pa
import pytest

from elman.data.formats.common.streams import BROKEN, open_path

TEXT = b"Anna went to Oslo.\n" * 5000
PACKED = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda raw: pa.compress(raw, codec="zstd", asbytes=True),
}


def read(tmp_path, compression: str, raw: bytes) -> bytes:
    path = tmp_path / "t"
    path.write_bytes(raw)
    with open_path(path, compression) as stream:
        return stream.read()


@pytest.mark.parametrize("compression", PACKED)
def test_several_streams_are_one_text(tmp_path, compression):
    assert read(tmp_path, compression, PACKED[compression](TEXT) * 3) == TEXT * 3


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_padding_by_nul_bytes_is_no_damage(tmp_path, compression):
    packed = PACKED[compression](TEXT)
    assert read(tmp_path, compression, packed + b"\0" * 70000 + packed + b"\0" * 4) == TEXT * 2


@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize("behind", ["garbage", "damaged", "cut"])
def test_what_is_no_stream_behind_the_first_is_a_damage(tmp_path, compression, behind):
    packed = PACKED[compression](TEXT)
    more = {"garbage": b"GARBAGE", "damaged": b"X" + packed[1:], "cut": packed[:-3]}[behind]
    with pytest.raises(BROKEN):
        read(tmp_path, compression, packed + more)
