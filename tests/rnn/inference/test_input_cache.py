"""The input cache changes no bit of the logits, and keeps the rows that are used."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.inference.input_cache import InputCache, KeyedCache, logits_function
from elman.rnn.inference.prepared import PreparedTagger, prepare
from elman.rnn.networks.architecture import init
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.tagger import NetworkConfig

M = 40
BAGS = Bags(
    np.random.default_rng(0).integers(0, 30, 6 * M).astype(np.int32),
    np.arange(0, 6 * M + 1, 6, dtype=np.int64),
    np.arange(M, dtype=np.int32),
)
MEMBER = NetworkConfig(rows=30, classes=3, hidden=5, cell="lstm", embedding=8, letters=10)
ENSEMBLE = EnsembleConfig(member=MEMBER)
NAMES = np.random.default_rng(1).permutation(M).astype(np.int32)


def batches(count=12):
    """Batches of 9, 5 and 5 symbols, the small numbers more often."""
    rng = np.random.default_rng(2)
    tokens = np.minimum(rng.geometric(0.1, (count, 19)) - 1, M - 1).astype(np.int32)
    return [pack(Sequences(row, np.array([0, 9, 14, 19])), np.arange(3)) for row in tokens]


def batch_of(symbols):
    return pack(Sequences(np.array(symbols, np.int32), np.array([0, len(symbols)])), np.arange(1))


class Counting(PreparedTagger):
    """A network that records the symbols it computes inputs for."""

    def __init__(self, config, params):
        super().__init__(config, params)
        self.computed = []

    def first_inputs(self, bags, symbols, words=None):
        self.computed.append(sorted(symbols.tolist()))
        return super().first_inputs(bags, symbols, words)


@pytest.fixture
def counting():
    return Counting(MEMBER, init(MEMBER, 0))


@pytest.mark.parametrize("size", [1, 12, 19, M])
def test_no_bit_depends_on_the_size_or_content_of_the_cache(size):
    params = init(ENSEMBLE, 0)
    expected = [logits_function(ENSEMBLE, params, BAGS)(batch) for batch in batches()]
    rows = InputCache(prepare(ENSEMBLE, params), size, M)
    ours = logits_function(ENSEMBLE, params, BAGS, KeyedCache(rows, NAMES, 0))
    for order in (range(12), range(11, -1, -1)):  # a cold table, then a warm one
        for number in order:
            np.testing.assert_array_equal(ours(batches()[number]), expected[number])


def test_a_symbol_is_computed_once_while_the_cache_holds_it(counting):
    ours = logits_function(MEMBER, {}, BAGS, KeyedCache(InputCache(counting, 4, M), NAMES, 0))
    for symbols in ([3, 1, 3], [1, 2], [3, 2, 1]):
        ours(batch_of(symbols))
    assert counting.computed == [[1, 3], [2]]


def test_rows_used_often_are_kept_and_rows_used_once_are_replaced(counting):
    ours = logits_function(MEMBER, {}, BAGS, KeyedCache(InputCache(counting, 4, M), NAMES, 0))
    for rare in range(10, 20):
        ours(batch_of([0, 1, rare]))
    assert counting.computed == [[0, 1, 10], *([rare] for rare in range(11, 20))]


def test_a_batch_larger_than_the_cache_is_computed_beside_it(counting):
    ours = logits_function(MEMBER, {}, BAGS, KeyedCache(InputCache(counting, 2, M), NAMES, 0))
    ours(batch_of([5, 4, 6, 4]))
    ours(batch_of([4, 5]))
    assert counting.computed == [[4, 5, 6], [4, 5]]


def test_keys_of_another_generation_are_of_other_symbols():
    params = init(ENSEMBLE, 0)
    rows, swapped = InputCache(prepare(ENSEMBLE, params), M, M), NAMES[::-1].copy()
    for age, names in ((0, NAMES), (1, swapped), (2, NAMES)):
        for batch in batches(3):
            ours = logits_function(ENSEMBLE, params, BAGS, KeyedCache(rows, names, age))(batch)
            np.testing.assert_array_equal(ours, logits_function(ENSEMBLE, params, BAGS)(batch))


def test_rows_whose_computation_failed_are_not_used(counting):
    rows = InputCache(counting, 4, M)
    ours, batch = logits_function(MEMBER, {}, BAGS, KeyedCache(rows, NAMES, 0)), batch_of([1, 2])
    expected, params = ours(batch), counting.params
    counting.params = {}
    with pytest.raises(KeyError):
        ours(batch_of([2, 3]))
    counting.params = params
    np.testing.assert_array_equal(ours(batch), expected)
    assert counting.computed == [[1, 2], [3], [1, 2]]


def test_a_cache_takes_the_bytes_it_is_given(counting):
    row = 4 * sum(counting.widths)
    table = InputCache.within(counting, 30 * row + 1, M)
    assert table.nbytes == 30 * row + 30 * 5 + M * 4
    assert InputCache.within(counting, 1 << 30, M).nbytes == M * (row + 5 + 4)
