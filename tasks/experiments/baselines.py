"""Baselines of a tagger: train and predict with other networks on the same data."""

import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from elman.rnn.compute.arrays import Params
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference.decode import Prediction
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.baselines import PaddedConfig, WindowConfig, most_frequent
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.training.state import FitConfig, FitResult
from elman.rnn.training.trainer import Callbacks
from elman.tasks.models.presets import preset
from elman.tasks.models.scoring import score_tags
from elman.tasks.runtime.environment import cores
from elman.tasks.training import fitting
from elman.tasks.training.text import network_config
from elman.tasks.training.training_data import TrainingData

RATES = (0.0005, 0.002, 0.008)  # learning rates of the search


@dataclass(frozen=True)
class SplitScores:
    """Entity scores and token accuracy on a split, 0 to 1."""

    precision: float
    recall: float
    f1: float
    accuracy: float


@dataclass(frozen=True)
class Baseline:
    """One network of a comparison, or a rule, with its predictions.

    Attributes:
        name: in tables.
        parameters: number of parameters.
        seconds: of training; of the best rate alone.
        rate: learning rate; None for a rule.
        predictions: by split, (N,) indices of the training data's tags.
        tokens_s: tokens tagged per second.
    """

    name: str
    parameters: int
    seconds: float
    rate: float | None
    predictions: dict[str, np.ndarray]
    tokens_s: float


def article(training_data: TrainingData, **changed: object) -> NetworkConfig:
    """The article's Elman network over the words of a corpus, with some fields changed."""
    return network_config(training_data, {**preset("article").network, **changed})


def window(training_data: TrainingData) -> WindowConfig:
    """Feed-forward network over two neighbours to each side."""
    return WindowConfig(
        rows=training_data.encoded.features.rows, classes=training_data.classes, output=training_data.output
    )


def padded(training_data: TrainingData) -> PaddedConfig:
    """Standard network of the article: sentences padded to the longest of training."""
    rows, classes = training_data.encoded.features.rows, max(training_data.classes, 2)
    return PaddedConfig.of(training_data.bags, training_data.train, rows=rows, classes=classes)


def splits_of(training_data: TrainingData) -> list[str]:
    """Splits to score on: dev and test, if the corpus has them."""
    return [split for split in ("dev", "test") if training_data.has(split)]


def evaluated(
    name: str,
    network: Architecture,
    params: Params,
    training_data: TrainingData,
    *,
    seconds: float,
    rate: float,
) -> Baseline:
    """Predict dev and test with a trained network."""
    began = time.perf_counter()
    predictions = {
        split: training_data.predicted_tags(fitting.predict(training_data, network, params, split))
        for split in splits_of(training_data)
    }
    took = time.perf_counter() - began
    return _baseline(name, network.size(), seconds, rate, predictions, took)


def trained(
    name: str,
    network: Architecture,
    training_data: TrainingData,
    how: FitConfig,
    seed: int,
    start: Params | None = None,
    tune_outside_bias: bool = False,
) -> tuple[Baseline, float]:
    """Train one network, from pre-trained `start` if given, and tune its outside bias if requested.

    Returns:
        the baseline, and its score on dev; NaN if dev has no entity that can be found.
    """
    began = time.perf_counter()
    result = fitting.fit(training_data, network, how, seed, start=start)
    if tune_outside_bias:
        result, _ = fitting.tune_outside_bias(training_data, network, result)
    seconds, rate = time.perf_counter() - began, how.learning_rate
    baseline = evaluated(name, network, result.params, training_data, seconds=seconds, rate=rate)
    return baseline, result.best_score


def trained_at_best_rate(
    name: str,
    network: Architecture,
    training_data: TrainingData,
    how: FitConfig,
    seed: int,
) -> Baseline:
    """Train one network at each of RATES, side by side; the best on dev, or the middle rate without dev.

    Its seconds are those of the processor, which the trainings beside it do not change.
    """
    stopped = threading.Event()

    def go_on(_: int) -> None:
        if stopped.is_set():
            raise CancelledError

    def fit(rate: float) -> tuple[float, FitResult, float]:
        began, config = time.thread_time(), replace(how, learning_rate=rate)
        result = fitting.fit(training_data, network, config, seed, Callbacks(on_update=go_on), workers=1)
        return rate, result, time.thread_time() - began

    def merit(tried: tuple[float, FitResult, float]) -> float:
        rate, result, _ = tried
        return result.best_score if training_data.dev_can_score else -abs(float(np.log(rate / RATES[1])))

    with single_threaded(), ThreadPoolExecutor(min(cores(), len(RATES))) as pool:
        try:
            tried = list(pool.map(fit, RATES))
        except BaseException:  # an interruption, too, ends the trainings that still run
            stopped.set()
            raise
    rate, result, seconds = max(tried, key=merit)
    return evaluated(name, network, result.params, training_data, seconds=seconds, rate=rate)


def most_frequent_tag(training_data: TrainingData) -> Baseline:
    """Baseline rule: the most frequent tag of each word."""
    began = time.perf_counter()
    classes = max(training_data.classes, 2)
    tags = most_frequent(training_data.train, symbols=len(training_data.bags), classes=classes)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    predictions = {}
    for split in splits_of(training_data):
        sequences = training_data.sequences(split)
        predictions[split] = training_data.predicted_tags(
            Prediction(tags[sequences.tokens], sequences.offsets)
        )
    took = time.perf_counter() - began
    return _baseline(
        "most frequent tag", len(np.unique(training_data.train.tokens)), seconds, None, predictions, took
    )


def scores(baseline: Baseline, training_data: TrainingData, split: str) -> SplitScores:
    """Scores of a baseline on a split."""
    gold = training_data.by_sentence(split, training_data.gold(split))
    predicted = training_data.by_sentence(split, baseline.predictions[split])
    entities = score_tags(gold, predicted, training_data.tags, training_data.binary is not None)
    return SplitScores(entities.precision, entities.recall, entities.f1, entities.accuracy)


def _baseline(
    name: str,
    parameters: int,
    seconds: float,
    rate: float | None,
    predictions: dict[str, np.ndarray],
    took: float,
) -> Baseline:
    tokens = sum(len(tags) for tags in predictions.values())
    return Baseline(name, parameters, seconds, rate, predictions, tokens / max(took, 1e-9))
