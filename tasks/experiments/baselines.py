"""Baselines of a tagger: train and predict with other networks on the same data."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from elman.data.metrics.entities import entity_scores
from elman.rnn.compute.arrays import Params
from elman.rnn.inference.decode import Prediction
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.baselines import PaddedConfig, WindowConfig, most_frequent
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.training.state import FitConfig
from elman.tasks.models.presets import preset
from elman.tasks.training.text import network_config
from elman.tasks.training.training_data import Material

RATES = (0.0005, 0.002, 0.008)  # learning rates of the search


@dataclass(frozen=True)
class Baseline:
    """One network of a comparison, or a rule, with its predictions.

    Attributes:
        name: in tables.
        parameters: number of parameters.
        seconds: of training.
        rate: learning rate; None for a rule.
        predictions: by split, (N,) indices of the material's tags.
        tokens_s: tokens tagged per second.
    """

    name: str
    parameters: int
    seconds: float
    rate: float | None
    predictions: dict[str, np.ndarray]
    tokens_s: float


def article(material: Material, **changed: object) -> NetworkConfig:
    """The article's Elman network over the words of a corpus, with some fields changed."""
    return network_config(material, {**preset("article").network, **changed})


def window(material: Material) -> WindowConfig:
    """Feed-forward network over two neighbours to each side."""
    return WindowConfig(rows=material.encoded.features.rows, classes=material.classes, output=material.output)


def padded(material: Material) -> PaddedConfig:
    """Standard network of the article: sentences padded to the longest of training."""
    rows, classes = material.encoded.features.rows, max(material.classes, 2)
    return PaddedConfig.of(material.bags, material.train, rows=rows, classes=classes)


def evaluated(
    name: str,
    network: Architecture,
    params: Params,
    material: Material,
    splits: Sequence[str],
    *,
    seconds: float,
    rate: float,
) -> Baseline:
    """Predict some splits with a trained network."""
    began = time.perf_counter()
    predictions = {split: material.said(material.predict(params, network, split)) for split in splits}
    took = time.perf_counter() - began
    return _baseline(name, network.size(), seconds, rate, predictions, took)


def trained(
    name: str,
    network: Architecture,
    material: Material,
    how: FitConfig,
    splits: Sequence[str],
    seed: int,
    start: Params | None = None,
    eager: bool = False,
) -> tuple[Baseline, float]:
    """Train one network, from pre-trained parameters `start` if given; for `eager` see `Material.eager`.

    Returns:
        the baseline, and its score on dev; NaN if dev has no entity that can be found.
    """
    began = time.perf_counter()
    result = material.fit(network, how, seed, start=start)
    if eager:
        result, _ = material.eager(result, network)
    seconds, rate = time.perf_counter() - began, how.learning_rate
    baseline = evaluated(name, network, result.params, material, splits, seconds=seconds, rate=rate)
    return baseline, result.best_score


def trained_at_best_rate(
    name: str, network: Architecture, material: Material, how: FitConfig, splits: Sequence[str], seed: int
) -> Baseline:
    """Train one network at each of RATES; the best on dev, or the middle rate without dev."""

    def merit(tried: tuple[Baseline, float]) -> float:
        baseline, score = tried
        return score if material.judged else -abs(float(np.log((baseline.rate or 1) / RATES[1])))

    configs = [replace(how, learning_rate=rate) for rate in RATES]
    return max((trained(name, network, material, config, splits, seed) for config in configs), key=merit)[0]


def most_frequent_tag(material: Material, splits: Sequence[str]) -> Baseline:
    """Baseline rule: the most frequent tag of each word."""
    began = time.perf_counter()
    classes = max(material.classes, 2)
    tags = most_frequent(material.train, symbols=len(material.bags), classes=classes)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    predictions = {}
    for split in splits:
        sequences = material.sequences(split)
        predictions[split] = material.said(Prediction(tags[sequences.tokens], sequences.offsets))
    took = time.perf_counter() - began
    return _baseline(
        "most frequent tag", len(np.unique(material.train.tokens)), seconds, None, predictions, took
    )


def scores(baseline: Baseline, material: Material, split: str) -> dict[str, float]:
    """Entity scores and token accuracy of a baseline on a split."""
    gold = material.by_sentence(split, material.gold(split))
    all_scores = entity_scores(gold, material.by_sentence(split, baseline.predictions[split]))
    return {key: all_scores[key] for key in ("precision", "recall", "f1", "accuracy")}


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
