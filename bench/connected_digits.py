"""Isolated and connected digits of the Free Spoken Digit Dataset, as clips and a list for `elman ingest`.

    python -m bench.connected_digits fsdd_0-29.zip OUT [--leave-out SPEAKER] [--seed 0]
    elman ingest OUT/digits.jsonl --name digits

OUT has the clips as they are (`isolated/`) and 1 to 7 clips of one speaker joined with pauses of 50 to 300 ms
(`connected/`; each clip twice in training, once in test), with their texts spelled out. The split is that of
the set: recordings 0 to 4 of each digit and speaker are test; with --leave-out all those of that speaker, and
no other. The set: https://github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0.
"""

import argparse
import io
import json
import re
import wave
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from elman.data.audio.clips import SpokenClip, to_pcm
from elman.data.audio.connected import ConnectedSettings, connected
from elman.data.audio.pcm import pcm_bytes
from elman.data.audio.reading import read_clip

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")
_TRAINING_PASSES = 2


def isolated(archive: Path, left_out: str | None = None) -> Iterator[SpokenClip]:
    """The clips of the set, by name.

    Args:
        archive: a zip of the set's WAV files.
        left_out: a speaker whose clips are test, all others training.

    Raises:
        SystemExit: the archive has no clip of that speaker, or none at all.
    """
    speakers = set()
    with zipfile.ZipFile(archive) as opened:
        for member in sorted(opened.namelist()):
            name = member.rpartition("/")[2]
            found = _NAME.fullmatch(name)
            if found is None:
                continue
            digit, speaker, index = found.groups()
            speakers.add(speaker)
            test = speaker == left_out if left_out else int(index) < 5
            clip = read_clip(io.BytesIO(opened.read(member)), rate=None)
            yield SpokenClip(
                f"isolated/{name}",
                archive.name,
                to_pcm(clip.samples),
                clip.rate,
                WORDS[int(digit)],
                speaker,
                "test" if test else "train",
            )
    if not speakers or (left_out and left_out not in speakers):
        raise SystemExit(f"{archive}: expected clips of {left_out or 'digits'}. Got {sorted(speakers)}.")


def digits(archive: Path, left_out: str | None = None, seed: int = 0) -> list[SpokenClip]:
    """Isolated clips, then connected ones."""
    alone = list(isolated(archive, left_out))
    joined: list[SpokenClip] = []
    for split, passes in (("train", _TRAINING_PASSES), ("test", 1)):
        own = [clip for clip in alone if clip.split == split]
        joined += connected(own, ConnectedSettings(passes=passes, seed=seed))
    return [*alone, *joined]


def write(clips: Sequence[SpokenClip], out: Path) -> Path:
    """Write clips as WAV files, and the list of their texts, which is returned."""
    lines = []
    for clip in clips:
        name = clip.id if clip.id.endswith(".wav") else f"{clip.id}.wav"
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, clip.sample_rate, clip.samples, "NONE", ""))
            file.writeframes(pcm_bytes(clip.audio))
        lines.append({"audio": name, "text": clip.text, "speaker": clip.speaker, "split": clip.split})
    list_ = out / "digits.jsonl"
    list_.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return list_


def main() -> None:
    """Write the clips."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--leave-out", metavar="SPEAKER")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    clips = digits(arguments.archive, arguments.leave_out, arguments.seed)
    print(f"{write(clips, arguments.out)}: {len(clips):,} clips")


if __name__ == "__main__":
    main()
