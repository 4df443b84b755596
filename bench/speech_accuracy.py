"""Word error rate of isolated and connected digits, of models trained on the Free Spoken Digit Dataset.

    python -m bench.speech_accuracy fsdd_0-29.zip OUT [--seeds 0 1 2] [--dev] [--leave-out SPEAKER ...]

A model learns the isolated clips of training and is scored on the isolated clips of test and on these joined
1 to 7 with pauses (bench/connected_digits.py, seed 0). Split: that of the set, recordings 0 to 4 are test.
With --dev recordings 5 to 9 are scored instead, test is not read, and 10 on are learned: to choose settings
by. With --leave-out a model is trained for each speaker named, on the clips of all others, and scored on
theirs. OUT keeps the models, the corpora and results.jsonl, a line a model.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.connected_digits import isolated, write
from elman.data.audio.clips import SpokenClip
from elman.data.audio.connected import ConnectedSettings, connected

if TYPE_CHECKING:
    from elman.tasks.learning.registry import TaskScores

_DEV = range(5, 10)


def split_clips(archive: Path, dev: bool, left_out: str | None) -> list[SpokenClip]:
    """Isolated clips, those that are scored as test; with `dev` the set's own test clips are left out."""
    clips = list(isolated(archive, left_out))
    if not dev:
        return clips
    recording = {clip.id: int(clip.id.removesuffix(".wav").rpartition("_")[2]) for clip in clips}
    kept = [clip for clip in clips if recording[clip.id] >= _DEV.start]
    return [replace(clip, split="test" if recording[clip.id] in _DEV else "train") for clip in kept]


def write_corpora(clips: Sequence[SpokenClip], out: Path) -> dict[str, Path]:
    """Ingest the isolated clips, and the connected ones of test; return the folders of both corpora."""
    from elman.flows.ingest import IngestConfig, ingest

    test = [clip for clip in clips if clip.split == "test"]
    folders = {}
    for name, some in (("isolated", clips), ("connected", list(connected(test, ConnectedSettings())))):
        list_ = write(some, out / "clips" / name)
        folders[name] = out / "corpora" / name
        ingest.fn(IngestConfig(sources=(list_,), name=str(folders[name])))
    return folders


def trained(
    corpora: Mapping[str, Path], preset: str, seed: int, overrides: Mapping[str, int | float]
) -> Iterator[tuple[str, float | str]]:
    """Train and score a model; yield what is to be printed by name."""
    from elman.tasks.learning.registry import TaskTraining
    from elman.tasks.transcription.evaluation import evaluate_transcriber
    from elman.tasks.transcription.training import train_transcriber

    cpu, wall = time.process_time(), time.monotonic()
    request = TaskTraining(corpus=corpora["isolated"], preset=preset, seed=seed, overrides=overrides)
    fitted = train_transcriber(request)
    yield "training_cpu_s", round(time.process_time() - cpu, 1)
    yield "training_wall_s", round(time.monotonic() - wall, 1)
    for name, corpus in corpora.items():
        scores: TaskScores = evaluate_transcriber(fitted.model, str(corpus), "test")
        yield f"{name}_words", float(scores.counts["words"])
        yield f"{name}_word_error_rate", round(scores.values["word_error_rate"], 4)
        yield f"{name}_exact_share", round(scores.values["exact_share"], 4)
    yield "model", fitted.model


def main() -> None:
    """Train and score."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--leave-out", nargs="+", metavar="SPEAKER", default=[None])
    parser.add_argument("--preset", default="default")
    parser.add_argument("--epochs", type=int)
    arguments = parser.parse_args()
    os.environ["ELMAN_HOME"] = str(arguments.out / "home")
    overrides = {} if arguments.epochs is None else {"epochs": arguments.epochs}
    for left_out in arguments.leave_out:
        clips = split_clips(arguments.archive, arguments.dev, left_out)
        corpora = write_corpora(clips, arguments.out / (left_out or ("dev" if arguments.dev else "test")))
        for seed in arguments.seeds:
            known = {"seed": seed, "left_out": left_out, "dev": arguments.dev, "preset": arguments.preset}
            line = {**known, **overrides, **dict(trained(corpora, arguments.preset, seed, overrides))}
            print(json.dumps(line), flush=True)
            with (arguments.out / "results.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
