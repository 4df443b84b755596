"""Baselines beyond the data of training; their gradients are among those of test_tagger.py."""

import numpy as np

from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.networks.architecture import init
from elman.rnn.networks.baselines import PaddedConfig, most_frequent


def test_the_padded_network_gives_class_0_beyond_the_longest_sentence_of_training():
    train = Sequences(np.array([1, 2, 3], np.int32), np.array([0, 2, 3]), np.array([1, 1, 1], np.int32))
    bags = Bags.single(5)
    config = PaddedConfig.of(bags, train, rows=5, classes=2, hidden=3)
    assert config.longest == 2
    assert config.size() == 2 * 5 * 3 + 3 + 2 * 3 * 2 + 2 * 2
    longer = Sequences(np.array([1, 2, 3, 4], np.int32), np.array([0, 4]))
    params = {k: v + 1 for k, v in init(config, 0).items()}
    logits, _ = config.build().forward(params, bags, pack(longer, np.arange(1)))
    assert (logits[2:].argmax(axis=1) == 0).all()


def test_the_rule_takes_the_most_frequent_class_and_0_for_the_unseen():
    train = Sequences(
        np.array([1, 1, 1, 2, 2], np.int32), np.array([0, 5]), np.array([2, 2, 0, 1, -1], np.int32)
    )
    assert most_frequent(train, symbols=4, classes=3).tolist() == [0, 2, 1, 0]
