"""The infrastructure gate: a model that works elsewhere passes; a slow, large or damaged one does not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from elman.data.audio.reading import open_audio
from elman.tasks.retraining.infrastructure import (
    ODD,
    InfrastructureRules,
    _fast_enough,
    _in_clean_process,
    _same_answers,
    canary,
    judge_infrastructure,
    odd_texts,
)

pytestmark = pytest.mark.heavy


@pytest.fixture
def model(trained) -> Path:
    return Path(trained["model"])


def test_canary_texts_are_spread_over_the_corpus_and_odd_ones(names, tmp_path):
    texts = canary(names, "text", tmp_path)
    assert len(texts) == len(set(texts)) == 40 + len(ODD)
    assert texts == canary(names, "text", tmp_path)
    words = canary(names, "classifier", tmp_path)
    assert (len(words), set(texts) - set(words)) == (40 + len(ODD) - 3, {"", " ", "\u200b"})
    assert canary(names, "generator", tmp_path) == ("", "", "")


def test_where_the_corpus_is_gone_there_are_sounds_to_transcribe_and_texts_to_tag(tmp_path):
    paths = odd_texts("transcriber", tmp_path)
    lengths = []
    for path in paths:
        with open_audio(Path(path)) as sound:
            lengths.append(sound.frames / sound.rate)
    assert lengths == [1, 1, 1]
    assert len({Path(path).read_bytes() for path in paths}) == 3
    assert odd_texts("text", tmp_path) == ODD
    assert odd_texts("classifier", tmp_path, "dna") == odd_texts("dna", tmp_path)[:1]


def test_a_model_that_does_nothing_is_not_fast_enough():
    found = {"answers": ["", ""], "times_per_s": 10.0}
    check = _fast_enough("generator", ("", ""), found, InfrastructureRules())
    assert (check.passed, check.why) == (False, "0 symbols a CPU second, 200 are needed")


def test_a_model_passes_and_one_that_is_slow_and_large_does_not(model, names, tmp_path):
    rules = InfrastructureRules(characters_per_s=1e12, memory_mib=1)
    judgement = judge_infrastructure(model, None, canary(names, "text", tmp_path), rules)
    assert [(check.name, check.passed) for check in judgement.checks] == [
        ("loads", True),
        ("canary", True),
        ("speed", False),
        ("memory", False),
    ]
    figures = judgement.metrics()
    limits = InfrastructureRules()
    assert figures["characters_per_s"] > limits.characters_per_s
    assert 1 < figures["packaged_peak_memory_mib"] < limits.memory_mib
    assert "MiB at peak, 1 are allowed" in judgement.why


def test_a_damaged_copy_does_not_load(model, tmp_path):
    copy = tmp_path / model.name
    shutil.copytree(model, copy)
    weights = copy / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "expected sha256" in str(_in_clean_process(copy, False, ODD))


def test_what_mlflow_did_not_log_does_not_load(model, tmp_path):
    judgement = judge_infrastructure(model, tmp_path, ODD)
    assert not judgement.passed
    assert judgement.why.startswith("the packaged model does not load in a clean process: ")


def test_other_answers_than_in_training_are_counted():
    check = _same_answers([[{"a": 1}], [], []], [[{"a": 1}], [{"a": 2}], []])
    assert (check.passed, check.why) == (False, "tags 1 of 3 canary texts otherwise than in training")


def test_unpickling_is_refused(checkout):
    code = (
        "from elman.tasks.retraining.clean_process import refuse_pickle\n"
        "refuse_pickle()\n"
        "import collections, pickle\n"
        "pickle.loads(pickle.dumps({'plain': [1]}))\n"
        "pickle.loads(pickle.dumps(collections.OrderedDict()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "PickleRefused: unpickling collections.OrderedDict is refused" in done.stderr
