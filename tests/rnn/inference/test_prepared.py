"""What enters the cells for a symbol depends on its bag alone, to the last bit."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Bags
from elman.rnn.inference.prepared import prepare
from elman.rnn.layers.recurrent import CELLS
from elman.rnn.networks.architecture import init
from elman.rnn.networks.ensemble import Ensemble
from elman.rnn.networks.tagger import NetworkConfig

BLOCKS, LETTERS = 60, 30


def bags(symbols=1100, seed=0):
    """Some blocks and up to 19 letters each."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 20, symbols)
    lists = [
        np.append(rng.integers(0, BLOCKS, 5), rng.integers(BLOCKS, BLOCKS + LETTERS, size)) for size in sizes
    ]
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64)
    return Bags(np.concatenate(lists).astype(np.int32), offsets, np.arange(symbols, dtype=np.int32))


def network(cell="lstm", **fields):
    wanted = {"embedding": 20, "letters": LETTERS, "hidden": 13, **fields}
    return NetworkConfig(rows=BLOCKS + LETTERS, classes=3, cell=cell, output="crf", **wanted)


NETWORKS = [
    *(network(cell) for cell in CELLS),
    network(embedding=0, letters=0, direct=3),
    Ensemble(member=network(hidden=37)),
]


@pytest.mark.parametrize("config", NETWORKS, ids=range(len(NETWORKS)))
def test_what_enters_for_a_symbol_has_the_same_bits_whatever_is_computed_beside_it(config):
    symbols, made = bags(), prepare(config, init(config, 0))
    order = np.random.default_rng(1).permutation(len(symbols)).astype(np.int32)
    together = made.first_inputs(symbols, order)
    assert [array.shape for array in together] == [(len(order), width) for width in made.widths]
    for some in (order[:1], order[1:3], order[3:90], order[90:][::-1]):
        places = np.argsort(order)[some]
        for whole, part in zip(together, made.first_inputs(symbols, some), strict=True):
            np.testing.assert_array_equal(whole[places], part)


def test_without_kernels_there_is_no_reader(monkeypatch):
    params = init(NETWORKS[0], 0)
    monkeypatch.setenv("ELMAN_KERNELS", "numpy")
    assert prepare(NETWORKS[0], params) is None
