"""Infrastructure gate: a packaged model works elsewhere as in training, fast enough and in little memory."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.audio.reading import open_audio
from elman.data.audio.wav import to_wav
from elman.data.corpus.shards import SPEECH
from elman.data.store.dataset import Dataset
from elman.data.text.invisible import is_blank
from elman.tasks.models import model_folder
from elman.tasks.models.api import load
from elman.tasks.models.passport import CLASSIFIER
from elman.tasks.retraining.clean_process import plain
from elman.tasks.retraining.gate import Check, Judgement
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import CHECKOUT, FIXED, temporary_parent
from elman.tasks.runtime.mlflow_models import python_model
from elman.tasks.runtime.orchestration import task
from elman.tasks.runtime.registry import INFRASTRUCTURE, PASSED

CANARY, CLIPS = 40, 5  # texts of the corpus, clips
ODD_RATE = 16_000  # samples a second of sounds that are no clips of the corpus
ODD = ("", " ", "\u200b", "a" * 5000, "I saw 👩‍👩‍👧 in\r\nSão Tomé\u2028", "<b>&amp;</b> =1+1")
START_CODON = "ATG"
MOST_BASES = 20_000  # of one piece
TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class InfrastructureRules:
    """Limits of a packaged model.

    Attributes:
        characters_per_s: characters (bases) that it tags in a CPU second, at least.
        symbols_per_s: symbols that it draws in a CPU second, at least, of one that generates.
        clip_seconds_per_s: seconds of clips that it transcribes in a CPU second, at least, of one of speech.
        memory_mib: peak memory of a process that tags, at most.
    """

    characters_per_s: float = 5_000
    symbols_per_s: float = 200
    clip_seconds_per_s: float = 10
    memory_mib: float = 1_024


def canary(corpus: Path, kind: str, scratch: Path) -> tuple[str, ...]:
    """Texts, bases or sounds to compare answers on, spread over a corpus.

    Args:
        corpus: its folder.
        kind: of the model.
        scratch: folder for sound files.

    Returns:
        Sentences and odd texts (a classifier takes none without words), pieces of DNA, sound files of speech;
        of a model that generates, nothing to begin from.
    """
    dataset = Dataset.open(corpus)
    if kind == "generator":
        return odd_texts(kind, scratch)
    if dataset.kind == SPEECH:
        rows = dataset.scan().select("audio", "sample_rate").head(CLIPS).collect().iter_rows()
        return _written([(np.frombuffer(audio, "<i2"), rate) for audio, rate in rows], scratch)
    if dataset.kind.endswith("dna"):
        return tuple(bases[:MOST_BASES] for bases in _spread(dataset, "bases", 3))
    texts = [*_spread(dataset, "text", CANARY), *ODD]
    return tuple(text for text in texts if kind != CLASSIFIER or not is_blank(text))


def _spread(dataset: Dataset, column: str, count: int) -> list[Any]:
    """Values of a column, from rows spread over the corpus."""
    paths = dataset.files("data")
    chosen = [paths[n * len(paths) // min(len(paths), count)] for n in range(min(len(paths), count))]
    values: list[Any] = []
    for path in chosen:
        frame = pl.read_parquet(path, columns=[column], glob=False)
        step = max(1, frame.height * len(chosen) // count)
        values += frame[column].gather_every(step)[: count // len(chosen) + 1].to_list()
    return values[:count]


def _written(sounds: Sequence[tuple[npt.NDArray[np.int16], int]], scratch: Path) -> tuple[str, ...]:
    """Paths of sound files of samples and their rate, written into a folder."""
    paths = [scratch / f"clip-{number}.wav" for number in range(len(sounds))]
    for path, (samples, rate) in zip(paths, sounds, strict=True):
        path.write_bytes(to_wav(samples, rate))
    return tuple(map(str, paths))


def odd_texts(kind: str, scratch: Path, family: str = "text") -> tuple[str, ...]:
    """Texts (sounds) to compare answers on where the corpus is not here any more.

    Args:
        kind: of the model.
        scratch: folder for sound files: a second of silence, of a tone and of noise.
        family: of a classifier, `text` or `dna`.
    """
    if kind == "generator":
        return ("",) * 3
    if kind == "transcriber":
        tone = np.sin(np.arange(ODD_RATE) * (2 * np.pi * 440 / ODD_RATE))
        noise = np.random.default_rng(0).uniform(-1, 1, ODD_RATE)
        loud = [(0.3 * 32767 * sound).astype(np.int16) for sound in (np.zeros(ODD_RATE), tone, noise)]
        return _written([(sound, ODD_RATE) for sound in loud], scratch)
    if "dna" in (kind, family):
        return (START_CODON + "AAA" * 100, "") if kind == "dna" else (START_CODON + "AAA" * 100,)
    return tuple(text for text in ODD if kind != CLASSIFIER or not is_blank(text))


def judge_infrastructure(
    model: Path, packaged: Path | None, texts: Sequence[str], rules: InfrastructureRules | None = None
) -> Judgement:
    """Judge a packaged model.

    Args:
        model: folder of the model as training wrote it, whose answers here are what is expected.
        packaged: folder that MLflow logged; None takes the model folder itself.
        texts: canary texts.
        rules: limits.
    """
    limits = rules or InfrastructureRules()
    expected = answers_of(model, texts)
    found = _in_clean_process(model if packaged is None else packaged, packaged is not None, texts)
    if isinstance(found, str):
        why = f"the packaged model does not load in a clean process: {found}"
        return Judgement(checks=(Check(name="loads", passed=False, why=why, figures={}),))
    loads = Check(name="loads", passed=True, why="loads in a clean process without pickle", figures={})
    memory = float(found["peak_memory_mib"])
    return Judgement(
        checks=(
            loads,
            _same_answers(expected, found["answers"]),
            _fast_enough(model_folder.read(model).kind, texts, found, limits),
            Check(
                name="memory",
                passed=memory <= limits.memory_mib,
                why=f"{memory:,.0f} MiB at peak, {limits.memory_mib:,.0f} are allowed",
                figures={"packaged_peak_memory_mib": memory},
            ),
        )
    )


@task(task_run_name="check that {model} works elsewhere", tags=("evaluation",))
def infrastructure_tags(model: str, corpus: Path) -> dict[str, str]:
    """Tag of a version about to be registered: whether it works in a process of its own, or why not.

    Args:
        model: folder of the model.
        corpus: folder of the corpus it was trained on.
    """
    kind = model_folder.read(Path(model)).kind
    with tempfile.TemporaryDirectory(dir=temporary_parent(), prefix="canary-") as scratch:
        judgement = judge_infrastructure(Path(model), None, canary(corpus, kind, Path(scratch)))
    if not judgement.passed:
        print_status(f"{Path(model).name} does not become champion: {judgement.why}.")
    return {INFRASTRUCTURE: PASSED if judgement.passed else judgement.why}


def answers_of(model: Path, texts: Sequence[str]) -> list[Any]:
    """Answers of a model folder in this process, as JSON gives them back."""
    kind = model_folder.read(model).kind  # hashes first, for a message that names the file
    if kind not in ("text", "dna"):
        return list(plain(python_model(model).predict(None, list(texts))))
    found = [[answer._asdict() for answer in answers] for answers in load(str(model)).tag_many(texts)]
    return list(plain(found))


def _fast_enough(
    kind: str, texts: Sequence[str], found: Mapping[str, Any], limits: InfrastructureRules
) -> Check:
    """Check the rate of a model, in the unit of its kind a CPU second."""
    done, unit, least = float(sum(map(len, texts))), "characters", limits.characters_per_s
    if kind == "generator":
        done, unit = sum(len(answer.split()) for answer in found["answers"]), "symbols"
        least = limits.symbols_per_s
    elif kind == "transcriber":
        done, unit, least = sum(map(_seconds, texts)), "clip seconds", limits.clip_seconds_per_s
    speed = done * float(found["times_per_s"])
    return Check(
        name="speed",
        passed=speed >= least,
        why=f"{speed:,.0f} {unit} a CPU second, {least:,.0f} are needed",
        figures={f"{unit.replace(' ', '_')}_per_s": speed},
    )


def _seconds(path: str) -> float:
    with open_audio(Path(path)) as audio:
        return audio.frames / audio.rate


def _same_answers(expected: Sequence[Any], got: Sequence[Any]) -> Check:
    wrong = [number for number, (one, other) in enumerate(zip(expected, got, strict=True)) if one != other]
    why = f"tags {len(expected)} canary texts exactly as in training"
    if wrong:
        why = f"tags {len(wrong)} of {len(expected)} canary texts otherwise than in training"
    return Check(
        name="canary", passed=not wrong, why=why, figures={"canary_texts_that_differ": float(len(wrong))}
    )


def _in_clean_process(folder: Path, of_mlflow: bool, texts: Sequence[str]) -> dict[str, Any] | str:
    """Findings of a new process, or why it fails: the last line of its errors."""
    command = [sys.executable, "-m", "elman.tasks.retraining.clean_process", str(folder)]
    command += ["--mlflow"] if of_mlflow else []
    env = {**os.environ, **FIXED, "PYTHONPATH": str(CHECKOUT)}
    try:
        done = subprocess.run(
            command,
            input=json.dumps(list(texts)),
            capture_output=True,
            text=True,
            env=env,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {TIMEOUT_S:.0f} s"
    if done.returncode:
        return done.stderr.strip().rsplit("\n", 1)[-1] or f"exit code {done.returncode}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found
