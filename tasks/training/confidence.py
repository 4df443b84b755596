"""Confidence of a trained tagger: temperature and scaling fitted on dev, precision by threshold."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from elman.data.metrics.calibration import EntityScaling
from elman.rnn.compute.arrays import Bools, Params
from elman.rnn.inference.decode import Decoder, Prediction
from elman.rnn.inference.spans import Spans, spans_of
from elman.rnn.networks.architecture import Architecture
from elman.tasks.models import precision
from elman.tasks.models.tag_set import tag_scheme
from elman.tasks.training.fitting import calibrate
from elman.tasks.training.pooling import PooledTagger
from elman.tasks.training.training_data import TrainingData


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """Calibration of a model, and its precision by threshold.

    Attributes:
        temperature: of the network.
        scaling: of the probabilities of entities.
        curves: content of precision.json; None without dev sentences.
    """

    temperature: float
    scaling: EntityScaling = field(default_factory=EntityScaling)
    curves: bytes | None = None


@dataclass(frozen=True)
class _Judged:
    """Predicted entities of a split.

    Attributes:
        spans: E entities.
        correct: (E,)
        gold: entities to find by type.
    """

    spans: Spans
    correct: Bools
    gold: Counter[str]

    @property
    def tokens(self) -> np.ndarray:
        """(E,) length of each."""
        length: np.ndarray = self.spans.end - self.spans.start
        return length


def measure_confidence(
    data: TrainingData, network: Architecture, params: Params, pooled: PooledTagger | None = None
) -> Confidence:
    """Fit temperature and scaling on dev, and measure precision by threshold on dev and test.

    Test sentences decide nothing: their curve is kept to be shown beside that of dev.

    Args:
        data: the corpus.
        network: of the model.
        params: its weights.
        pooled: tags where words are pooled within documents.
    """
    temperature = calibrate(data, network, params, None if pooled is None else pooled.emissions("dev"))
    if not data.has("dev"):
        return Confidence(temperature=temperature)
    decoder = Decoder(network, params, data.scheme, temperature=temperature)

    def predict(split: str) -> Prediction:
        if pooled is not None:
            return pooled.predict(split, temperature)
        return decoder.tag_with_probabilities(data.bags, data.sequences(split))

    judged = {split: _judge(data, predict(split), split) for split in ("dev", "test") if data.has(split)}
    dev = judged["dev"]
    assert dev.spans.probability is not None
    scaling = EntityScaling.fit(dev.spans.probability, dev.tokens, dev.spans.kind, data.types, dev.correct)
    curves = {}
    for split, of in judged.items():
        assert of.spans.probability is not None
        chance = scaling.scale(of.spans.probability, of.tokens, of.spans.kind, data.types)
        by_type = precision.curves_by_type(data.types, of.spans.kind, chance, of.correct, of.gold)
        curves[split] = by_type, of.gold
    return Confidence(temperature=temperature, scaling=scaling, curves=precision.to_bytes(curves))


def _judge(data: TrainingData, prediction: Prediction, split: str) -> _Judged:
    spans = prediction.spans
    assert spans is not None
    gold = spans_of(data.gold(split), data.encoded.splits[split].offsets, tag_scheme(data.tags, False))
    names = sorted({tag[2:] for tag in data.tags if tag != "O"})  # types that only this split has, too
    number = np.array([names.index(name) for name in data.types], np.int64)
    wanted = set(zip(*(column.tolist() for column in gold[:4]), strict=True))
    found = zip(
        *(column.tolist() for column in (*spans[:3], number[spans.kind])),
        strict=True,
    )
    counts = Counter(names[kind] for kind in gold.kind.tolist())
    return _Judged(spans, np.array([entity in wanted for entity in found], bool), counts)
