"""The networks a tagger is compared with, each trained on the same data and ready to be scored."""

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

RATES = (0.0005, 0.002, 0.008)  # learning rates tried where the best on dev is taken


@dataclass(frozen=True)
class Baseline:
    """One network of a comparison, or a rule.

    Attributes:
        name: what tables call it.
        parameters: how many numbers it is.
        seconds: of training.
        rate: learning rate; None for a rule.
        answers: by split, (N,) indices of the material's tags.
        tokens_s: tokens tagged a second.
    """

    name: str
    parameters: int
    seconds: float
    rate: float | None
    answers: dict[str, np.ndarray]
    tokens_s: float


def article(material: Material, **changed: object) -> NetworkConfig:
    """The article's Elman network over the words of a corpus, or one that differs from it."""
    return network_config(material, {**preset("article").network, **changed})


def window(material: Material) -> WindowConfig:
    """A feed-forward network over two neighbours to each side."""
    return WindowConfig(rows=material.encoded.features.rows, classes=material.classes, output=material.output)


def padded(material: Material) -> PaddedConfig:
    """The standard network: whole sentences padded to the longest of training."""
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
    """A trained network with its answers to some splits."""
    began = time.perf_counter()
    answers = {split: material.said(material.predict(params, network, split)) for split in splits}
    took = time.perf_counter() - began
    return _baseline(name, network.size(), seconds, rate, answers, took)


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
    """Train one network, from what was learnt without labels if that is given; see `Material.eager`.

    Returns:
        the rung, and its score on dev; NaN where that cannot tell.
    """
    began = time.perf_counter()
    result = material.fit(network, how, seed, start=start)
    if eager:
        result, _ = material.eager(result, network)
    seconds, rate = time.perf_counter() - began, how.learning_rate
    rung = evaluated(name, network, result.params, material, splits, seconds=seconds, rate=rate)
    return rung, result.best_score


def trained_at_best_rate(
    name: str, network: Architecture, material: Material, how: FitConfig, splits: Sequence[str], seed: int
) -> Baseline:
    """Train one network at each of RATES and keep the one that is best on dev, the middle one without dev."""

    def merit(tried: tuple[Baseline, float]) -> float:
        rung, score = tried
        return score if material.judged else -abs(float(np.log((rung.rate or 1) / RATES[1])))

    rates = [replace(how, learning_rate=rate) for rate in RATES]
    return max((trained(name, network, material, each, splits, seed) for each in rates), key=merit)[0]


def most_frequent_tag(material: Material, splits: Sequence[str]) -> Baseline:
    """The most frequent tag of each word."""
    began = time.perf_counter()
    classes = max(material.classes, 2)
    tags = most_frequent(material.train, symbols=len(material.bags), classes=classes)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    answers = {}
    for split in splits:
        sequences = material.sequences(split)
        answers[split] = material.said(Prediction(tags[sequences.tokens], sequences.offsets))
    took = time.perf_counter() - began
    return _baseline("most frequent tag", len(np.unique(material.train.tokens)), seconds, None, answers, took)


def scores(rung: Baseline, material: Material, split: str) -> dict[str, float]:
    """Entity scores of a rung on a split, and the accuracy of its tokens."""
    gold = material.by_sentence(split, material.gold(split))
    found = entity_scores(gold, material.by_sentence(split, rung.answers[split]))
    return {key: found[key] for key in ("precision", "recall", "f1", "accuracy")}


def _baseline(
    name: str,
    parameters: int,
    seconds: float,
    rate: float | None,
    answers: dict[str, np.ndarray],
    took: float,
) -> Baseline:
    tokens = sum(len(tags) for tags in answers.values())
    return Baseline(name, parameters, seconds, rate, answers, tokens / max(took, 1e-9))
