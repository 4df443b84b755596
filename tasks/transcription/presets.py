"""Presets of models of speech; names as those of taggers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elman.data.audio.features import FeatureSettings
from elman.rnn.networks.acoustic import AcousticConfig
from elman.rnn.training.state import FitConfig
from elman.tasks.transcription.augmentation import Augmentation

PAD_S = 0.12  # seconds of silence before and after a sound, so that one cut close has frames for its text


@dataclass(frozen=True, kw_only=True)
class TranscriberPreset:
    """One way of making a model of speech.

    Attributes:
        network: fields of AcousticConfig; features and classes follow.
        fit: fields of FitConfig.
        features: settings.
        augmentation: how training sounds are changed.
    """

    network: Mapping[str, Any]
    fit: Mapping[str, Any] = field(default_factory=dict)
    features: FeatureSettings = field(default_factory=FeatureSettings)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def network_config(self, classes: int) -> AcousticConfig:
        """The network for so many classes."""
        return AcousticConfig(features=self.features.width, classes=classes, **self.network)

    def fit_config(self, overrides: Mapping[str, Any]) -> FitConfig:
        """Settings of a training with the user's overrides.

        Raises:
            ValueError: a value out of bounds.
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        return FitConfig(**{**_FIT, **self.fit, **given})


_FIT = {
    "epochs": 120,
    "batch": 8,
    "parts": 2,
    "learning_rate": 0.002,
    "decay": 0.03,
    "dropout": 0.0,
    "blocks": 0.0,
    "unknown": 0.0,
    "patience": 0,
    "average": 8,
}
PRESETS: Mapping[str, TranscriberPreset] = {
    "article": TranscriberPreset(  # the article's cell, one layer, both ways
        network={"cell": "elman", "hidden": 100, "layers": 1}
    ),
    "fast": TranscriberPreset(network={"hidden": 64, "layers": 1}, fit={"epochs": 60}),
    "default": TranscriberPreset(network={"hidden": 96, "layers": 2}),
}
