"""A small two-strand network and batches for it, which several tests use."""

import numpy as np

from elman.rnn.networks.both_strands import StrandConfig
from elman.rnn.training.both_strands import TrainingBatch

CONFIG = StrandConfig(rows=39, slots=3, embedding=4, hidden=8)


def batch_of(seed, T=7, B=3):
    rng = np.random.default_rng(seed)
    rows = (rng.integers(0, 13, (2, T, B, 3)) + 13 * np.arange(3)).astype(np.int32)
    return TrainingBatch(
        rows[0],
        rows[1],
        rng.integers(-1, 7, (T, B, 3)).astype(np.int8),
        rng.integers(-1, 2, (T, B, 3, 2)).astype(np.int8),
    )
