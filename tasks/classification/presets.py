"""Presets of classifiers: features by unit, network, settings of training, length of a piece."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elman.data.encoding.features import FeatureTemplate
from elman.data.errors import UsageError
from elman.rnn.networks.classifier import ClassifierConfig
from elman.rnn.training.state import FitConfig
from elman.tasks.models.presets import ARTICLE_VOCABULARY

PIECES = {
    "word": 256,
    "char": 768,
    "base": 5_000,
}  # tokens or bases of a piece, which is classified at a time
SMALL, LARGE = 1_000, 20_000  # pieces of training: below the first many epochs, from the second on few


@dataclass(frozen=True, kw_only=True)
class ClassifierPreset:
    """One way of making a classifier.

    Attributes:
        blocks: feature templates by unit, `word` or `char`; bases have hexamers.
        network: fields of rnn.networks.classifier.ClassifierConfig; rows and classes follow from the corpus.
        fit: fields of rnn.training.state.FitConfig.
    """

    blocks: Mapping[str, tuple[FeatureTemplate, ...]]
    network: Mapping[str, Any]
    fit: Mapping[str, Any] = field(default_factory=dict)


def _templates(*names: str) -> tuple[FeatureTemplate, ...]:
    return tuple(FeatureTemplate(name=name, min_count=2) for name in names)


_ARTICLE = (FeatureTemplate(name="word", max_size=ARTICLE_VOCABULARY, rows=ARTICLE_VOCABULARY),)
_BLOCKS = {
    "word": _templates("word", "lower", "shape", "suffix2", "suffix3", "at-1+0"),
    "char": _templates("word", "at-1+0", "at-2+0"),
}
_FIT = {"learning_rate": 0.003, "decay": 0.05, "patience": 5, "dropout": 0.4, "blocks": 0.2, "unknown": 0.05}

PRESETS: Mapping[str, ClassifierPreset] = {
    # The article's network and its many to one: one Elman cell of 100 units, the last state decides.
    "article": ClassifierPreset(
        blocks={"word": _ARTICLE, "char": _ARTICLE},
        network={"hidden": 100, "cell": "elman", "bidirectional": False, "pooling": "last"},
        fit={**_FIT, "dropout": 0.2, "blocks": 0.0},
    ),
    "fast": ClassifierPreset(
        blocks=_BLOCKS,
        network={"hidden": 48, "cell": "elman", "embedding": 48, "pooling": "mean"},
        fit=_FIT,
    ),
    "default": ClassifierPreset(
        blocks=_BLOCKS, network={"hidden": 64, "cell": "gru", "embedding": 96, "pooling": "mean"}, fit=_FIT
    ),
}


def network_config(chosen: ClassifierPreset, rows: int, classes: int) -> ClassifierConfig:
    """The network of a preset for so many table rows and classes."""
    return ClassifierConfig(rows=rows, classes=classes, **chosen.network)


def fit_config(chosen: ClassifierPreset, overrides: Mapping[str, Any], pieces: int) -> FitConfig:
    """Settings of a training on so many pieces, with the user's overrides.

    Raises:
        UsageError: a value out of bounds.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    size = {"batch": 16, "epochs": 12} if pieces < LARGE else {"batch": 32, "epochs": 8}
    if pieces < SMALL:
        size = {"batch": 8, "epochs": 30}
    try:
        return FitConfig(**{**size, **chosen.fit, **given})
    except ValueError as error:
        raise UsageError(str(error)) from None
