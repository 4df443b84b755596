"""Sound in a file is the same as sound in memory."""

import pytest

from elman.data.audio import pcm
from elman.data.audio.pcm import PcmFile, pcm_blocks, pcm_bytes


@pytest.mark.parametrize("size", [0, 2, 10, 20, 21])
def test_a_file_gives_the_blocks_that_bytes_give(tmp_path, monkeypatch, size):
    monkeypatch.setattr(pcm, "BLOCK_BYTES", 10)
    sound, stored = bytes(range(size)), PcmFile(tmp_path)
    for first in range(0, size, 7):
        stored.append(sound[first : first + 7])
    assert len(stored) == size
    assert list(pcm_blocks(stored)) == list(pcm_blocks(sound))
    assert pcm_bytes(stored) == pcm_bytes(sound) == sound
    assert not list(tmp_path.iterdir())  # the file has no name
