"""The article's equations on one-hot columns equal the network's forward pass; shapes are the article's."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.networks.architecture import init
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import article
from elman.tasks.inspection.article import forward, shapes_of, standard, untrained

SHAPES = {
    "Waa": (100, 100),
    "Wax": (100, 10_000),
    "Wa": (100, 10_100),
    "Wya": (3, 100),
    "ba": (100, 1),
    "by": (3, 1),
}


def test_the_preset_has_the_shapes_of_the_article():
    config, matrices = untrained(3)
    assert shapes_of(matrices) == SHAPES
    assert config.size() == 100 * 10_100 + 100 + 3 * 100 + 3


@pytest.mark.parametrize(("output", "classes"), [("softmax", 4), ("sigmoid", 1)])
def test_the_equations_equal_the_networks_forward_pass(output, classes):
    config = NetworkConfig(rows=20, classes=classes, hidden=6, bidirectional=False, output=output)
    params = init(config, 3)
    tokens = np.array([3, 0, 19, 3, 7], np.int32)
    logits, _ = config.build().forward(
        params, Bags.single(20), pack(Sequences(tokens, np.array([0, 5])), np.arange(1))
    )
    steps = forward(article(params, config), np.eye(20, dtype=np.float32)[tokens], output)
    assert steps.a.shape == (6, 6)
    assert not steps.a[0].any()
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(
        steps.y, expected if output == "softmax" else 1 / (1 + np.exp(-logits)), atol=1e-6
    )


def test_the_standard_network_is_as_large_as_its_padded_input():
    sizes = standard(10_000, 3, 8, "the longest sentence here")
    assert (sizes.inputs, sizes.hidden, sizes.outputs) == (80_000, 100, 24)
    assert sizes.parameters == 8 * 10_000 * 100 + 100 + 8 * 100 * 3 + 8 * 3
