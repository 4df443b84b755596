"""A classifier learns what only the order of its steps tells, and its best epoch is chosen on dev."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.classify import classify
from elman.rnn.layers.pooling import POOLINGS
from elman.rnn.networks.classifier import ClassifierConfig
from elman.rnn.networks.weights import to_bytes
from elman.rnn.training.classifier import ClassifierTrainer, with_classes
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Data

BAGS = Bags.single(8)


def ordered(n, seed):
    """Class 1 if a 6 comes before a 7, class 0 if after it; other symbols around them."""
    rng = np.random.default_rng(seed)
    classes, parts = rng.integers(2, size=n).astype(np.int32), []
    for y in classes:
        part = rng.integers(0, 6, rng.integers(2, 9))
        first, last = sorted(rng.choice(len(part), 2, replace=False))
        part[first], part[last] = (6, 7) if y else (7, 6)
        parts.append(part)
    return with_classes(
        Sequences(np.concatenate(parts).astype(np.int32), offsets_of([len(part) for part in parts])), classes
    ), classes


TRAIN, _ = ordered(400, 0)
DEV, CLASSES = ordered(100, 1)


def fit(pooling, workers=1, epochs=8):
    config = ClassifierConfig(rows=8, classes=2, hidden=16, pooling=pooling)
    how = FitConfig(epochs=epochs, batch=16, learning_rate=0.01, dropout=0.1, parts=2)
    trainer = ClassifierTrainer(
        config,
        how,
        Data(BAGS, TRAIN, DEV),
        lambda z: float((z.argmax(axis=1) == CLASSES).mean()),
        workers=workers,
    )
    return config, trainer.run()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_it_learns_the_order_of_two_symbols(pooling):
    config, result = fit(pooling)
    assert result.best_score > 0.95
    right = classify(config, result.params, BAGS, DEV).argmax(axis=1) == CLASSES
    assert right.mean() == result.best_score


def test_the_weights_do_not_depend_on_the_number_of_workers():
    (config, one), (_, two) = fit("mean", epochs=2), fit("mean", workers=2, epochs=2)
    assert to_bytes(one.params, config) == to_bytes(two.params, config)
