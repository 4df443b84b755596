"""The sample clips are what their README says, and the same when they are made again by espeak-ng."""

import io
import json
import shutil
import subprocess
import zipfile

import pytest

from elman.data.audio.reading import read_clip


@pytest.fixture
def archive(checkout):
    path = checkout / "data" / "samples" / "digits" / "digits.zip"
    assert path.stat().st_size < 1 << 20
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_there_are_ten_digits_of_each_voice_and_a_voice_has_one_split(archive):
    lines = [json.loads(line) for line in archive.read("digits.jsonl").splitlines()]
    assert {line["audio"] for line in lines} == set(archive.namelist()) - {"digits.jsonl"}
    assert len(lines) == 140
    voices = {(line["speaker"], line["split"]) for line in lines}
    assert sorted(split for _, split in voices) == ["dev", "test", *["train"] * 5]
    assert len({(line["speaker"], line["text"]) for line in lines}) == 70
    for line in lines[::20]:
        clip = read_clip(io.BytesIO(archive.read(line["audio"])))
        assert (clip.source_rate, clip.channels) == (8000, 1)
        assert 0.2 < clip.seconds < 1.2


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_the_script_makes_them(archive, script):
    version = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True, check=True).stdout
    if "1.51 " not in version:
        pytest.skip("another version of espeak-ng")
    module = script("speak_digits")
    made = module.spoken("seven", "en-us", *module.DELIVERIES[0])
    assert made == archive.read(f"clips/en-us-{module.DELIVERIES[0][0]}-seven.wav")
