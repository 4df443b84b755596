"""Presets of next-symbol models by the unit of their symbols; names as those of taggers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elman.rnn.networks.next_symbol import NextSymbolConfig
from elman.rnn.training.next_symbol import SECTION
from elman.rnn.training.state import FitConfig


@dataclass(frozen=True, kw_only=True)
class GeneratorPreset:
    """One way of making a next-symbol model.

    Attributes:
        network: fields of NextSymbolConfig; rows and output follow from the corpus.
        fit: fields of FitConfig.
        truncation: steps that a gradient reaches back.
        places: of tunes, feed in the place in the bar beside each symbol.
        states: with places, the state of the bar as a whole, too (data/music/bar_states.py).
        transpose: train on rolls and tunes in other keys, too. Rolls need more epochs for it: with as many
            as without it, the JSB Chorales come out worse (8.7 to 9.0 nats a step instead of 8.4 to 8.6).
    """

    network: Mapping[str, Any]
    fit: Mapping[str, Any] = field(default_factory=dict)
    truncation: int = 256
    places: bool = False
    states: bool = False
    transpose: bool = False


FEW, FEW_BATCH = 200, 4  # sections of training, and how many of these are trained together
UPDATES, MOST_EPOCHS = 400, 60  # updates wanted, and most epochs that are trained for their sake
_FIT = {"blocks": 0.0, "unknown": 0.0, "decay": 0.02, "patience": 0}
_ARTICLE = {"hidden": 100, "cell": "elman"}  # of the article: one Elman cell on one-hot input
PRESETS: Mapping[str, Mapping[str, GeneratorPreset]] = {
    "article": {
        "keys": GeneratorPreset(network=_ARTICLE, fit={"epochs": 40, "dropout": 0.1, "learning_rate": 0.003}),
        "": GeneratorPreset(network=_ARTICLE, fit={"epochs": 10, "dropout": 0.0, "learning_rate": 0.003}),
    },
    "fast": {
        "keys": GeneratorPreset(
            network={"hidden": 96, "start": True}, fit={"epochs": 30, "dropout": 0.2, "learning_rate": 0.006}
        ),
        "": GeneratorPreset(
            network={"hidden": 96, "embedding": 32, "start": True},
            fit={"epochs": 8, "dropout": 0.1, "learning_rate": 0.006},
            places=True,
        ),
    },
    "default": {
        "keys": GeneratorPreset(
            network={"hidden": 320, "embedding": 192, "start": True},
            fit={"epochs": 100, "batch": 8, "dropout": 0.55, "learning_rate": 0.003},
        ),
        "abc": GeneratorPreset(
            network={"hidden": 256, "embedding": 128, "direct": True, "start": True},
            fit={"epochs": 8, "dropout": 0.3, "learning_rate": 0.004, "average": 2},
            places=True,
            states=True,
            transpose=True,
        ),
        "": GeneratorPreset(
            network={"hidden": 256, "embedding": 64, "start": True},
            fit={"epochs": 20, "dropout": 0.3, "learning_rate": 0.004},
        ),
    },
}


def preset(name: str, unit: str) -> GeneratorPreset:
    """The preset of a name for symbols of a unit."""
    of_units = PRESETS[name]
    return of_units.get(unit, of_units[""])


def network_config(chosen: GeneratorPreset, unit: str, rows: int, context: int) -> NextSymbolConfig:
    """The network of a preset for so many rows, the last of which are a context."""
    output = "sigmoid" if unit == "keys" else "softmax"
    return NextSymbolConfig(rows=rows, output=output, context=context, **chosen.network)


def fit_config(chosen: GeneratorPreset, overrides: Mapping[str, Any], lengths: Sequence[int]) -> FitConfig:
    """Settings of a training with the user's overrides.

    Fewer than FEW sections are trained FEW_BATCH at a time, and epochs are as many as the preset has, or more
    until there are UPDATES, at most MOST_EPOCHS: a few dozen tunes teach nothing in eight passes.

    Args:
        chosen: preset.
        overrides: fields of FitConfig; None where the preset decides.
        lengths: steps of each piece of training.

    Raises:
        ValueError: a value out of bounds.
    """
    sections = sum(-(-length // SECTION) for length in lengths)
    wanted = {"batch": 16, **_FIT, **chosen.fit}
    if sections < FEW:
        wanted["batch"] = FEW_BATCH
    wanted |= {name: value for name, value in overrides.items() if value is not None}
    if overrides.get("epochs") is None:
        mean = sum(lengths) / max(sections, 1)
        updates = max(sections / wanted["batch"], 1) * max(mean / chosen.truncation, 1)
        wanted["epochs"] = max(wanted["epochs"], min(math.ceil(UPDATES / updates), MOST_EPOCHS))
    return FitConfig(**wanted)
