"""Prepared networks give the logits of the forward pass; first inputs of a symbol depend on its bag alone."""

import numpy as np
import pytest

from elman.rnn.compute import arrays
from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.input_cache import logits_function
from elman.rnn.inference.prepared import prepare
from elman.rnn.layers.recurrent import cell_names
from elman.rnn.networks.architecture import init
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.tagger import NetworkConfig

BLOCKS, LETTERS = 60, 30


def bags(symbols=1100, seed=0):
    """Some features and up to 19 characters for every symbol."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 20, symbols)
    lists = [
        np.append(rng.integers(0, BLOCKS, 5), rng.integers(BLOCKS, BLOCKS + LETTERS, size)) for size in sizes
    ]
    offsets = offsets_of([len(rows) for rows in lists])
    return Bags(np.concatenate(lists).astype(np.int32), offsets, np.arange(symbols, dtype=np.int32))


def network(cell="lstm", **fields):
    wanted = {"embedding": 20, "letters": LETTERS, "hidden": 13, **fields}
    return NetworkConfig(rows=BLOCKS + LETTERS, classes=3, cell=cell, output="crf", **wanted)


NETWORKS = [
    *(network(cell) for cell in cell_names()),
    network(embedding=0, letters=0),
    EnsembleConfig(member=network(hidden=37)),
]


@pytest.mark.parametrize("config", NETWORKS, ids=range(len(NETWORKS)))
def test_first_inputs_of_a_symbol_have_the_same_bits_whatever_is_computed_beside_it(config):
    symbols, made = bags(), prepare(config, init(config, 0))
    order = np.random.default_rng(1).permutation(len(symbols)).astype(np.int32)
    together = made.first_inputs(symbols, order)
    assert [array.shape for array in together] == [(len(order), width) for width in made.widths]
    for some in (order[:1], order[1:3], order[3:90], order[90:][::-1]):
        places = np.argsort(order)[some]
        for whole, part in zip(together, made.first_inputs(symbols, some), strict=True):
            np.testing.assert_array_equal(whole[places], part)


def test_without_kernels_no_network_is_prepared(monkeypatch):
    params = init(NETWORKS[0], 0)
    monkeypatch.setattr(arrays, "COMPILED", False)
    assert prepare(NETWORKS[0], params) is None


@pytest.mark.parametrize("cell", cell_names())
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"bidirectional": False},
        {"embedding": 4},
        {"layers": 3, "outputs_per_step": 2},
        {"layers": 2, "bidirectional": False, "embedding": 3},
    ],
)
def test_a_prepared_network_gives_the_logits_of_the_forward_pass(cell, fields):
    config = NetworkConfig(**{"rows": 9, "classes": 3, "hidden": 6, "cell": cell, **fields})
    lengths = [9, 1, 4, 4]
    tokens = np.random.default_rng(0).integers(0, 6, sum(lengths)).astype(np.int32)
    batch = pack(Sequences(tokens, offsets_of(lengths)), np.arange(4))
    sizes = np.array([0, 3, 1, 2, 4, 0])
    offsets = offsets_of(sizes)
    some = Bags(np.arange(10, dtype=np.int32) % 9, offsets, np.arange(6, dtype=np.int32))
    params = {name: value + np.float32(0.05) for name, value in init(config, 0).items()}
    slow, _ = config.build().forward({k: v.astype(np.float64) for k, v in params.items()}, some, batch)
    np.testing.assert_allclose(logits_function(config, params, some)(batch), slow, atol=1e-5)
    np.testing.assert_allclose(config.build().forward(params, some, batch)[0], slow, atol=1e-5)


@pytest.mark.parametrize("config", [network(flags=3), EnsembleConfig(member=network(hidden=37, flags=3))])
def test_flags_add_to_the_inputs_as_in_the_forward_pass_with_the_same_bits_in_any_batch(config):
    rng, symbols = np.random.default_rng(4), bags()
    offsets = offsets_of(rng.integers(1, 12, 40))
    tokens, flags = (rng.integers(0, top, offsets[-1]).astype(np.int32) for top in (50, 8))
    sequences = Sequences(tokens, offsets, flags=flags)
    params = init(config, 0)
    for name, value in params.items():
        if name.endswith("flags.table"):
            value[:] = rng.standard_normal(value.shape)
    logits = logits_function(config, params, symbols)
    batch = pack(sequences, np.arange(40))
    together = logits(batch)
    np.testing.assert_allclose(
        together, config.build().forward(params, symbols, batch)[0], rtol=1e-4, atol=1e-5
    )
    for some in (np.array([3]), np.arange(7, 20)):
        part = pack(sequences, some)
        rows = np.argsort(batch.places)[np.searchsorted(np.sort(batch.places), part.places)]
        np.testing.assert_array_equal(logits(part), together[rows])
    unmarked = pack(Sequences(tokens, offsets), np.arange(40))
    with pytest.raises(ValueError, match="flags of each symbol"):
        logits(unmarked)
