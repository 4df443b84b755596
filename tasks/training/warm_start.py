"""Beginning a training with the weights of an earlier model, whose words and types keep their places."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from elman.data.encoding.features import Features
from elman.data.errors import UsageError
from elman.data.text.tags import tag_set
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.growth import EarlierNetwork
from elman.rnn.networks.weights import from_bytes
from elman.tasks.models import model_folder
from elman.tasks.models.model_folder import Model
from elman.tasks.models.presets import preset
from elman.tasks.training.training_data import TrainingData

_FROM_THE_CORPUS = ("rows", "classes", "letters")  # sizes of a network that may grow


@dataclass(frozen=True)
class EarlierTagger:
    """A tagger of text that a training begins with.

    Attributes:
        model: its folder, whose files have been checked.
        features: its feature templates and vocabularies.
    """

    model: Model
    features: Features

    @classmethod
    def open(cls, folder: Path, preset_name: str, unit: str | None = None) -> Self:
        """Read the model folder.

        Args:
            folder: of the model.
            preset_name: of the training.
            unit: of the tokens of the corpus, `word` or `char`, if it is known.

        Raises:
            BadInput, IntegrityError: no model of text, or a damaged one.
            UsageError: its preset, templates or tokens are others than those of the training.
        """
        model = model_folder.read(folder)
        passport = model.of_text
        if passport.preset != preset_name:
            raise _refused(model, f"preset {preset_name}", f"preset {passport.preset}")
        if unit not in (None, passport.unit):
            raise _refused(model, f"tokens of unit {unit}, as the corpus has", passport.unit)
        templates = [template.name for template in preset(preset_name).blocks[passport.unit]]
        if list(passport.templates) != templates:
            raise _refused(model, f"feature templates {', '.join(templates)}", ", ".join(passport.templates))
        return cls(model, Features.from_json(json.loads(model.files[model_folder.VOCABULARY][:])))

    def network(self, data: TrainingData, architecture: Architecture) -> EarlierNetwork:
        """Its network, as the first weights of a new one that knows at least as many words.

        The bias of `O`, which is tuned after each training, is taken back to what training had left.

        Args:
            data: training data of the new network.
            architecture: of the new network.

        Raises:
            UsageError: the networks differ in shape, or the one type of a yes/no model is another.
        """
        passport = self.model.of_text
        if passport.binary != data.binary:
            wanted, got = (
                f"the one type {of}" if of else "all types" for of in (data.binary, passport.binary)
            )
            raise _refused(self.model, wanted, got)
        params, before, _ = from_bytes(self.model.files[model_folder.WEIGHTS])
        mine, its = _shape(architecture), _shape(before)
        for name in sorted(mine.keys() | its.keys()):
            if mine.get(name) != its.get(name):
                raise _refused(self.model, f"a network of {name} {mine.get(name)}", f"{name} {its.get(name)}")
        sign = 1 if architecture.classes == 1 else -1
        for name, value in params.items():
            if name.endswith("head.by"):
                value[..., 0] -= sign * np.float32(passport.bias_reduction)
        tags = tag_set(passport.types)
        numbers = {tag: number for number, tag in enumerate(tags)}
        known = [0] if data.binary else [numbers.get(tag, -1) for tag in data.encoded.tags]
        rows = data.encoded.features.rows_in(self.features)
        return EarlierNetwork(params=params, rows=rows, classes=np.array(known, np.int64))

    def notes(self, data: TrainingData) -> Sequence[str]:
        """Lines for the user: table rows and types that the new network adds, and types that it drops."""
        new = int((data.encoded.features.rows_in(self.features) < 0).sum())
        old, types = set(self.model.of_text.types), set(data.types)
        lines = [f"Training begins with the weights of {self.model.version}; {new:,} table rows are new."]
        if types - old:
            lines.append(f"New types: {', '.join(sorted(types - old))}.")
        if old - types:
            lines.append(f"Types that the training split has no more: {', '.join(sorted(old - types))}.")
        return lines


def _shape(architecture: Architecture) -> dict[str, object]:
    """Settings of a network but for the sizes that follow from the corpus."""
    if isinstance(architecture, EnsembleConfig):
        return {"members": architecture.members, **_shape(architecture.member)}
    fields = architecture.to_dict()
    return {name: value for name, value in fields.items() if name not in _FROM_THE_CORPUS}


def _refused(model: Model, expected: str, got: str) -> UsageError:
    return UsageError(
        f"expected --warm-start with a model of {expected}. Got {got} ({model.version}). "
        "Train without --warm-start, or with the options of that model."
    )
