"""Infrastructure gate: a packaged model works elsewhere as in training, fast enough and in little memory."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.store.dataset import Dataset
from elman.tasks.models import model_folder
from elman.tasks.models.api import load
from elman.tasks.retraining.gate import Check, Judgement
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import CHECKOUT, FIXED
from elman.tasks.runtime.orchestration import task
from elman.tasks.runtime.registry import INFRASTRUCTURE, PASSED

CANARY = 40  # texts of the corpus
ODD = ("", " ", "\u200b", "a" * 5000, "I saw 👩‍👩‍👧 in\r\nSão Tomé\u2028", "<b>&amp;</b> =1+1")
START_CODON = "ATG"
MOST_BASES = 20_000  # of one piece
TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class InfrastructureRules:
    """Limits of a packaged model.

    Attributes:
        characters_per_s: characters (bases) that it tags in a CPU second, at least.
        memory_mib: peak memory of a process that tags, at most.
    """

    characters_per_s: float = 5_000
    memory_mib: float = 1_024


def canary(corpus: Path) -> tuple[str, ...]:
    """Texts to compare answers on: sentences (pieces of DNA) spread over a corpus, and odd ones of text."""
    dataset = Dataset.open(corpus)
    dna = dataset.kind.endswith("dna")
    column, count = ("bases", 3) if dna else ("text", CANARY)
    paths = dataset.files("data")
    chosen = [paths[n * len(paths) // min(len(paths), count)] for n in range(min(len(paths), count))]
    texts: list[str] = []
    for path in chosen:
        frame = pl.read_parquet(path, columns=[column], glob=False)
        step = max(1, frame.height * len(chosen) // count)
        texts += frame[column].gather_every(step)[: count // len(chosen) + 1].to_list()
    texts = texts[:count]
    return tuple(text[:MOST_BASES] for text in texts) if dna else (*texts, *ODD)


def odd_texts(kind: str) -> tuple[str, ...]:
    """Canary texts where the corpus is not here any more."""
    return (START_CODON + "AAA" * 100, "") if kind == "dna" else ODD


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
    speed, memory = float(found["characters_per_s"]), float(found["peak_memory_mib"])
    return Judgement(
        checks=(
            loads,
            _same_answers(expected, found["answers"]),
            Check(
                name="speed",
                passed=speed >= limits.characters_per_s,
                why=f"{speed:,.0f} characters a CPU second, {limits.characters_per_s:,.0f} are needed",
                figures={"characters_per_s": speed},
            ),
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
    judgement = judge_infrastructure(Path(model), None, canary(corpus))
    if not judgement.passed:
        print_status(f"{Path(model).name} does not become champion: {judgement.why}.")
    return {INFRASTRUCTURE: PASSED if judgement.passed else judgement.why}


def answers_of(model: Path, texts: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Answers of a model folder in this process, as JSON gives them back."""
    model_folder.read(model)  # hashes first, for a message that names the file
    found = [[answer._asdict() for answer in answers] for answers in load(str(model)).tag_many(texts)]
    plain: list[list[dict[str, Any]]] = json.loads(json.dumps(found))
    return plain


def _same_answers(expected: Sequence[Any], got: Sequence[Any]) -> Check:
    wrong = [number for number, (one, other) in enumerate(zip(expected, got, strict=True)) if one != other]
    why = f"tags {len(expected)} canary texts exactly as in training"
    if wrong:
        why = f"tags {len(wrong)} of {len(expected)} canary texts otherwise than in training"
    return Check(
        name="canary", passed=not wrong, why=why, figures={"canary_texts_that_differ": float(len(wrong))}
    )


def _in_clean_process(folder: Path, of_mlflow: bool, texts: Sequence[str]) -> dict[str, Any] | str:
    """What a new process finds, or why it fails: the last line of its errors."""
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
