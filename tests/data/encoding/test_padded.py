"""Padded batches and one-hot views equal ragged ids and gathers."""

import numpy as np
import polars as pl
import pytest

from elman.data.encoding.features import Features, FeatureTemplate, bag_ids, contexts, distinct
from elman.data.encoding.padded import many_hot, one_hot, pad_batch, pad_batches
from elman.data.encoding.vocabulary import PAD_ID

LENGTHS = (3, 1, 5, 2)


@pytest.fixture
def flat():
    random = np.random.default_rng(3)
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.int64)
    return random.integers(2, 9, offsets[-1]).astype(np.int32), offsets, random.integers(0, 3, offsets[-1])


def test_a_batch_is_time_first_and_padded_to_its_longest(flat):
    ids, offsets, tags = flat
    batch = pad_batch(ids, offsets, tags, np.array([1, 2]))
    assert batch.ids.shape == batch.mask.shape == batch.tags.shape == (5, 2)
    assert batch.lengths.tolist() == [1, 5]
    assert batch.ids[:, 1].tolist() == ids[4:9].tolist()
    assert batch.ids[:, 0].tolist() == [ids[3], PAD_ID, PAD_ID, PAD_ID, PAD_ID]
    assert batch.mask.sum(axis=0).tolist() == [1, 5]
    assert (batch.tags[~batch.mask] == -1).all()
    assert batch.tags[:, 1].tolist() == tags[4:9].tolist()


def test_batches_hold_every_token_once(flat):
    ids, offsets, tags = flat
    batches = list(pad_batches(ids, offsets, tags, size=3, order=np.array([2, 0, 3, 1])))
    assert [len(batch.lengths) for batch in batches] == [3, 1]
    assert sum(int(batch.mask.sum()) for batch in batches) == len(ids)
    assert sorted(np.concatenate([b.ids[b.mask] for b in batches])) == sorted(ids)


def test_one_hot_times_a_matrix_is_the_gather(flat):
    ids, offsets, tags = flat
    batch = pad_batch(ids, offsets, tags, np.arange(4))
    W = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    view = one_hot(batch.ids, 9)
    assert view.shape == (5, 4, 9)
    assert (view.sum(axis=-1) == 1).all()
    np.testing.assert_array_equal(view @ W, W[batch.ids])


def test_many_hot_times_a_table_is_the_sum_of_the_bags_rows():
    words = pl.Series(["Anna", "met", "Hanna", "in", "Vienna", ",", "then", "Anna", "left"])
    offsets = np.array([0, 5, 9])
    frame = contexts(words, offsets, 0)
    keys = distinct(frame)
    features = Features.fit(
        keys, [FeatureTemplate(name=name) for name in ("word", "shape", "prefix4", "ngram2")]
    )
    bags = features.bags(keys)
    batch = pad_batch(bag_ids(frame, keys), offsets, None, np.arange(2), pad=-1)
    table = np.random.default_rng(0).normal(size=(features.rows, 4)).astype(np.float32)
    x = many_hot(batch.ids, bags.rows, bags.offsets, features.rows)
    summed = np.stack(
        [table[bags.rows[a:b]].sum(0) for a, b in zip(bags.offsets, bags.offsets[1:], strict=False)]
    )
    np.testing.assert_allclose((x @ table)[batch.mask], summed[batch.ids[batch.mask]], rtol=1e-5, atol=1e-6)
    assert not x[~batch.mask].any()
