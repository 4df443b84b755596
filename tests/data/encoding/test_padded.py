"""Padded batches and their one-hot rows equal flat ids and table look-ups."""

import numpy as np
import polars as pl
import pytest

from elman.data.encoding.padded import one_hot, pad_batch
from elman.data.encoding.vocabulary import PAD_ID

LENGTHS = (3, 1, 5, 2)
V = 9


@pytest.fixture
def sequences():
    random = np.random.default_rng(3)
    ids = [random.integers(2, V, length).tolist() for length in LENGTHS]
    tags = [random.integers(0, 3, length).tolist() for length in LENGTHS]
    return pl.Series(ids, dtype=pl.List(pl.Int32)), pl.Series(tags, dtype=pl.List(pl.Int32))


def test_a_batch_is_time_first_and_padded_to_its_longest(sequences):
    ids, tags = sequences
    batch = pad_batch(ids, tags)
    assert batch.shape == batch.ids.shape == batch.mask.shape == batch.tags.shape == (5, 4)
    assert batch.lengths.tolist() == list(LENGTHS)
    assert batch.mask.sum(axis=0).tolist() == list(LENGTHS)
    for b, length in enumerate(LENGTHS):
        assert batch.ids[:, b].tolist() == ids[b].to_list() + [PAD_ID] * (5 - length)
        assert batch.tags[:, b].tolist() == tags[b].to_list() + [-1] * (5 - length)


def test_sequences_without_tags_have_none(sequences):
    assert (pad_batch(sequences[0]).tags == -1).all()


def test_one_hot_times_a_matrix_equals_the_table_look_up(sequences):
    batch = pad_batch(sequences[0])
    W = np.random.default_rng(0).normal(size=(V, 4)).astype(np.float32)
    rows = batch.one_hot(V)
    assert (rows.shape, rows.dtype) == ((5, 4, V), np.float32)
    assert (rows.sum(axis=-1) == 1).all()
    assert (rows.argmax(axis=-1) == batch.ids).all()
    np.testing.assert_array_equal(rows @ W, W[batch.ids])


def test_padding_without_an_id_is_an_all_zero_row(sequences):
    batch = pad_batch(sequences[0], pad=None)
    assert (batch.one_hot(V).sum(axis=-1) == batch.mask).all()


def test_unknown_symbols_are_all_zero_and_the_batch_stays_as_wide():
    batch = pad_batch(pl.Series([[0, None, 3]], dtype=pl.List(pl.Int32)), pad=None)
    assert batch.mask.all()
    assert batch.one_hot(4)[:, 0].tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]


def test_one_hot_is_a_polars_column_of_arrays():
    frame = pl.DataFrame({"id": [2, 0]}, schema={"id": pl.Int32}).select(one_hot("id", 3))
    assert frame["one_hot"].dtype == pl.Array(pl.Float32, 3)
    assert frame["one_hot"].to_list() == [[0, 0, 1], [1, 0, 0]]
