"""Make the sample clips of spoken digits by espeak-ng: `.venv/bin/python docs/speak_digits.py`.

Writes data/samples/digits/digits.zip: the ten digits by `SPEAKERS`, which are voices of espeak-ng 1.51
(https://github.com/espeak-ng/espeak-ng) at two rates and pitches, as WAV of 8 kHz and 16 bits without the
digital silence at their ends, and digits.jsonl with their texts, speakers and splits. The same program gives
the same bytes.
"""

import io
import json
import shutil
import subprocess
import wave
import zipfile
from pathlib import Path

import numpy as np

from elman.data.audio.clips import to_pcm
from elman.data.audio.reading import read_clip

FILE = Path(__file__).resolve().parents[1] / "data" / "samples" / "digits" / "digits.zip"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RATE = 8_000
SPEAKERS = {  # voice of espeak-ng -> split
    "en-us": "train",
    "en-us+f2": "train",
    "en-gb": "train",
    "en-gb+f4": "train",
    "en-gb-scotland": "train",
    "en-us+f3": "dev",
    "en-gb-x-rp": "test",
}
DELIVERIES = ((140, 45), (175, 55))  # words a minute, pitch of 0 to 99
_EPOCH = (1980, 1, 1, 0, 0, 0)


def spoken(word: str, voice: str, speed: int, pitch: int) -> bytes:
    """A word as WAV of `RATE`."""
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", word]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    samples = np.trim_zeros(read_clip(io.BytesIO(raw), RATE).samples, "b")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, RATE, len(samples), "NONE", ""))
        file.writeframes(to_pcm(samples))
    return out.getvalue()


def members() -> dict[str, bytes]:
    """Files of the archive by name."""
    files, lines = {}, []
    for voice, split in SPEAKERS.items():
        for speed, pitch in DELIVERIES:
            for word in WORDS:
                name = f"clips/{voice}-{speed}-{word}.wav"
                files[name] = spoken(word, voice, speed, pitch)
                lines.append({"audio": name, "text": word, "speaker": voice, "split": split})
    listed = "".join(json.dumps(line) + "\n" for line in lines)
    return {"digits.jsonl": listed.encode(), **files}


def main() -> None:
    """Write the archive.

    Raises:
        SystemExit: espeak-ng is not installed.
    """
    if shutil.which("espeak-ng") is None:
        raise SystemExit(
            "expected espeak-ng. Got none. Run: apt-get install --no-install-recommends espeak-ng"
        )
    FILE.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(FILE, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, raw in members().items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, raw)
    print(f"{FILE}: {FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
