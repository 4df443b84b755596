"""Packed batches hold every sequence once; their rows follow one another in time."""

import numpy as np
import pytest

from elman.rnn.compute import arrays
from elman.rnn.compute.batches import Bags, Sequences, by_length, last_rows, pack, shuffled
from elman.rnn.compute.ragged import offsets_of

SEQUENCES = Sequences(np.arange(9, dtype=np.int32) + 10, offsets_of([2, 4, 1, 2]))


def test_rows_of_a_packed_batch_are_time_major_longest_sequence_first():
    batch = pack(SEQUENCES, np.array([0, 1, 2]))
    assert batch.sequences.tolist() == [1, 0, 2]
    assert batch.tokens.tolist() == [12, 10, 16, 13, 11, 14, 15]
    assert batch.starts.tolist() == [0, 3, 5, 6, 7]
    assert batch.columns.tolist() == [0, 1, 2, 0, 1, 0, 0]
    assert batch.steps.tolist() == [0, 0, 0, 1, 1, 2, 3]
    assert batch.tokens[batch.previous].tolist() == [12, 10, 13, 14]
    assert batch.tokens[last_rows(batch.starts)].tolist() == [16, 11, 15]


def test_finer_steps_follow_one_another_in_each_sequence():
    batch = pack(SEQUENCES, np.array([0, 1]))
    starts, fine = batch.split(2)
    assert starts.tolist() == [0, 2, 4, 6, 8, 9, 10, 11, 12]
    assert fine.tolist() == [[0, 2], [1, 3], [4, 6], [5, 7], [8, 9], [10, 11]]
    _, order = batch.finer_order(2)
    np.testing.assert_array_equal(fine.reshape(-1)[order], np.arange(12))


def test_taken_sequences_come_in_the_order_asked_for_with_their_targets():
    some = Sequences(SEQUENCES.tokens, SEQUENCES.offsets, np.arange(18, dtype=np.int32)).take(
        np.array([2, 0])
    )
    assert some.tokens.tolist() == [16, 10, 11]
    assert some.targets.tolist() == [12, 13, 0, 1, 2, 3]


@pytest.mark.parametrize(
    "fields",
    [
        {"tokens": np.zeros(3, np.int32), "offsets": np.array([0, 1, 1, 3])},
        {"tokens": np.zeros(3, np.int32), "offsets": np.array([0, 2])},
        {"tokens": np.zeros(2, np.int32), "offsets": np.array([0, 2]), "targets": np.zeros(3, np.int32)},
    ],
)
def test_sequences_that_are_empty_or_do_not_fit_are_refused(fields):
    with pytest.raises(ValueError, match="Got"):
        Sequences(**fields)


def test_bags_that_do_not_fit_are_refused():
    for offsets, unknown in (([0, 2], [0, 1]), ([0, 3], [0]), ([1, 2], [0])):
        with pytest.raises(ValueError, match="Got"):
            Bags(np.zeros(2, np.int32), np.array(offsets), np.array(unknown, np.int32))


def test_batches_of_an_epoch_hold_every_sequence_once_in_an_order_of_the_seed():
    lengths = np.random.default_rng(2).integers(1, 9, 120)
    drawn = [shuffled(lengths, 8, np.random.default_rng(s)) for s in (0, 0, 1)]
    for some in drawn:
        assert sorted(np.concatenate(some).tolist()) == list(range(len(lengths)))
    assert all((a == b).all() for a, b in zip(drawn[0], drawn[1], strict=True))
    assert any((a != b).any() for a, b in zip(drawn[0], drawn[2], strict=True) if len(a) == len(b))


def test_batches_hold_every_sequence_once_and_keep_to_their_size():
    lengths = np.random.default_rng(0).integers(1, 50, 300)
    batches = list(by_length(lengths, 100))
    assert sorted(np.concatenate(batches).tolist()) == list(range(300))
    assert all(lengths[some].sum() <= 100 for some in batches)
    assert [len(some) for some in by_length(np.array([500, 1]), 100)] == [1, 1]


@pytest.mark.parametrize("count", [1, 7, 60])
def test_the_kernel_packs_as_numpy_does(count, monkeypatch):
    rng = np.random.default_rng(count)
    offsets = offsets_of(rng.integers(1, 12, 80))
    sequences = Sequences(rng.integers(0, 9, offsets[-1]).astype(np.int32), offsets)
    chosen = rng.permutation(80)[:count]
    compiled = pack(sequences, chosen)
    ours = {name: getattr(compiled, name) for name in ("columns", "previous")}
    monkeypatch.setattr(arrays, "COMPILED", False)
    plain = pack(sequences, chosen)
    for name in ("sequences", "starts", "places", "tokens"):
        np.testing.assert_array_equal(getattr(compiled, name), getattr(plain, name), strict=True)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, getattr(plain, name), strict=True)
