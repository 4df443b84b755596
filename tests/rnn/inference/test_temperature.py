"""The temperature found by kernels is that of the reference."""

import numpy as np
import pytest

from elman.rnn.compute import arrays
from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.decode import calibrate_emissions
from elman.rnn.inference.temperature_kernels import log_partition
from elman.rnn.layers import crf

G = 3
TRANSITION = np.array([[0.3, -0.2, -np.inf], [0.1, -1.0, 0.5], [-0.4, 0.2, 0.0]])
WEIGHTS = crf.Weights(np.array([0.2, -0.1, -np.inf]), TRANSITION, np.array([0.0, -0.3, 0.4]))


def sentences(seed=0, longest=9):
    rng = np.random.default_rng(seed)
    offsets = offsets_of(rng.integers(1, longest, 30))
    tags = rng.integers(0, 2, offsets[-1]).astype(np.int32)  # legal: none of them is the third
    emissions = rng.normal(size=(offsets[-1], G)).astype(np.float32) * 4
    return emissions, Sequences(np.zeros(offsets[-1], np.int32), offsets, tags)


@pytest.mark.parametrize("scale", [0.2, 1.0, 7.0])
def test_the_sum_over_all_paths_is_that_of_the_reference(scale):
    emissions, dev = sentences()
    batch = pack(dev, np.arange(len(dev)))
    scaled = crf.Weights(*(w * scale for w in WEIGHTS))
    packed = emissions[batch.places]
    reference = crf.forward_backward(packed.astype(np.float64) * scale, batch.starts, scaled).log_z.sum()
    found = log_partition(packed, batch.starts, scale, *map(np.exp, scaled), crf.FLOOR)
    np.testing.assert_allclose(found, reference, rtol=1e-9)


@pytest.mark.parametrize("longest", [2, 9])
def test_kernels_find_the_temperature_of_the_reference(monkeypatch, longest):
    emissions, dev = sentences(1, longest)
    by_kernels = calibrate_emissions(emissions, dev, WEIGHTS)
    monkeypatch.setattr(arrays, "COMPILED", False)
    assert calibrate_emissions(emissions, dev, WEIGHTS) == by_kernels
