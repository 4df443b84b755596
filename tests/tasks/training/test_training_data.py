"""Training data says the same as the corpus."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from elman.data.encoding import encoded_corpus
from elman.data.errors import UsageError
from elman.data.metrics.entities import entity_scores
from elman.rnn.inference.decode import Prediction
from elman.rnn.networks.weights import from_bytes
from elman.rnn.training.state import FitResult
from elman.tasks.models.model_folder import WEIGHTS
from elman.tasks.training.fitting import BIAS_REDUCTIONS, predict, scorer, tune_outside_bias
from elman.tasks.training.text import encode_corpus
from elman.tasks.training.training_data import TrainingData

LINES = (
    ("a", "train", "Anna/B-PER met/O Bo/B-PER Li/I-PER in/O Rome/B-LOC"),
    ("a", "train", "Bo/B-PER Li/B-PER left/O"),
    ("b", "dev", "Bo/B-PER left/O Acme/B-ORG Li/B-PER Li/I-PER"),
    ("b", "dev", "Anna/B-PER Bo/B-PER"),
)


@pytest.fixture
def corpus(home, write_corpus):
    folder = write_corpus(home / "corpora" / "tiny", LINES)
    return encoded_corpus.read(Path(encode_corpus(str(folder), "default")))


def test_targets_are_the_tags_of_training(corpus):
    training_data = TrainingData.of(corpus)
    assert training_data.types == ("LOC", "PER")
    assert [training_data.tags[t] for t in training_data.train.targets] == [
        tag.rsplit("/", 1)[1] for line in LINES[:2] for tag in line[2].split()
    ]


def test_yes_and_no_ask_about_one_type(corpus):
    training_data = TrainingData.of(corpus, "PER")
    assert (training_data.classes, training_data.output) == (1, "sigmoid")
    assert training_data.train.targets.tolist() == [1, 0, 1, 1, 0, 0, 1, 1, 0]
    assert training_data.by_sentence("dev", training_data.gold("dev")) == [
        ["B-PER", "O", "O", "B-PER", "I-PER"],
        ["B-PER", "B-PER"],
    ]


def test_a_type_that_training_has_not_cannot_be_asked_about(corpus):
    with pytest.raises(UsageError, match=r"LOC, PER\. Got 'ORG'"):
        TrainingData.of(corpus, "ORG")


def test_weights_of_types_are_those_of_their_tags_and_of_no_and_yes(corpus):
    assert TrainingData.of(corpus).class_weights is None
    weights = {"PER": 2.0, "O": 0.5}
    of_tag = dict(zip(corpus.tags, TrainingData.of(corpus, None, weights).class_weights, strict=True))
    assert of_tag == {"O": 0.5, "B-LOC": 1, "I-LOC": 1, "B-PER": 2, "I-PER": 2}
    assert TrainingData.of(corpus, "PER", weights).class_weights.tolist() == [0.5, 2]
    with pytest.raises(UsageError, match=r"LOC, PER\. Got 'ORG'"):
        TrainingData.of(corpus, None, {"ORG": 2.0})


@pytest.mark.parametrize("binary", [None, "PER"])
def test_the_score_of_an_epoch_is_that_of_the_scorer(corpus, binary):
    training_data = TrainingData.of(corpus, binary)
    offsets = training_data.encoded.splits["dev"].offsets
    gold = training_data.by_sentence("dev", training_data.gold("dev"))
    rng = np.random.default_rng(5)
    judge = scorer(training_data, "dev")
    for _ in range(50):
        answers = rng.integers(0, max(training_data.classes, 2), offsets[-1]).astype(np.int32)
        prediction = Prediction(answers, offsets)
        said = training_data.by_sentence("dev", training_data.predicted_tags(prediction))
        assert judge(prediction) == pytest.approx(entity_scores(gold, said).f1, abs=1e-12)


def test_entities_of_types_unseen_in_training_count_as_missed(corpus):
    training_data = TrainingData.of(corpus)
    gold, offsets = training_data.gold("dev"), training_data.encoded.splits["dev"].offsets
    best = np.where(gold < len(corpus.tags), gold, 0).astype(np.int32)
    f1 = scorer(training_data, "dev")(Prediction(best, offsets))
    assert f1 == pytest.approx(2 * 4 / (4 + 5))
    assert scorer(training_data, "dev")(replace(Prediction(best, offsets), tags=np.zeros_like(best))) == 0.0


@pytest.mark.parametrize("binary", [None, "PER"])
def test_a_network_that_predicts_too_few_entities_gets_a_lower_outside_bias(
    names, train_in, tmp_path, binary
):
    fitted = train_in(tmp_path, names, preset="fast", binary=binary)
    training_data = TrainingData.of(encoded_corpus.read(Path(fitted["encoded"])), binary)
    params, network, _ = from_bytes((Path(fitted["model"]) / WEIGHTS).read_bytes())
    judge, shy, score = scorer(training_data, "dev"), dict(params), 1.0
    while score > fitted["dev"].f1 - 0.1:
        shy["head.by"] = shy["head.by"] + np.array(
            [-1 if binary else 1] + [0] * (network.classes - 1), np.float32
        )
        score = judge(predict(training_data, network, shy, "dev"))
    result, reduction = tune_outside_bias(training_data, network, FitResult(shy, [], 1, score))
    assert 0 < reduction <= max(BIAS_REDUCTIONS)
    assert result.best_score > score + 0.05
    assert judge(predict(training_data, network, result.params, "dev")) == result.best_score
