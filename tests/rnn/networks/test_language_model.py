"""The language model trains the table and the first layer, which initialise a tagger."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.compute.ragged import offsets_of, positions_of
from elman.rnn.networks.architecture import Noise, init
from elman.rnn.networks.language_model import EXCLUDED, LanguageModelConfig, initialise
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Data, Trainer

WORDS = 12


def config(words=WORDS, drawn=4, **fields):
    below = NetworkConfig(rows=words, classes=3, hidden=8, embedding=6, **fields)
    counts = np.arange(words, 0, -1) * 10
    return LanguageModelConfig(
        network=below, counts=counts, word_of=np.arange(words, dtype=np.int32), drawn=drawn
    )


def in_circles(sentences, words=WORDS, seed=0):
    """Sentences in which each word is followed by the next one."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 9, sentences)
    offsets = offsets_of(lengths)
    tokens = (np.repeat(rng.integers(0, words, sentences), lengths) + positions_of(offsets)) % words
    return tokens.astype(np.int32), offsets


def test_each_direction_predicts_its_neighbour_and_nothing_beyond_the_ends():
    some = config(drawn=WORDS)
    tokens, offsets = np.array([3, 4, 5, 7], np.int32), np.array([0, 3, 4], np.int64)
    train = some.sequences(tokens, offsets)
    assert train.targets.reshape(-1, 2).tolist() == [[0, -1], [0, 0], [-1, 0], [-1, -1]]
    batch = pack(train, np.arange(2))
    logits = some.build().forward(init(some, 0), Bags.single(WORDS), batch)[0].reshape(4, 2, -1)
    at = {int(place): row for row, place in enumerate(batch.places)}
    closed = {
        (place, d): np.flatnonzero(logits[at[place], d, 1:] == EXCLUDED).tolist()
        for place in range(3)
        for d in (0, 1)
    }
    assert closed == {(0, 0): [4], (0, 1): [], (1, 0): [5], (1, 1): [3], (2, 0): [], (2, 1): [4]}


def test_a_word_that_cannot_be_predicted_is_no_target():
    word_of = np.array([0, 1, -1, 2], np.int32)
    some = LanguageModelConfig(
        network=NetworkConfig(rows=4, classes=2, hidden=3),
        counts=np.array([3, 2, 1]),
        word_of=word_of,
        drawn=2,
    )
    train = some.sequences(np.array([0, 2, 3], np.int32), np.array([0, 3], np.int64))
    assert train.targets.reshape(-1, 2).tolist() == [[-1, -1], [0, 0], [-1, -1]]


def test_frequent_words_are_sampled_more_often():
    some = config(words=4, drawn=3)
    noise, model = Noise(np.random.default_rng(0)), some.build()
    drawn = np.bincount(np.concatenate([model.sample(noise) for _ in range(4000)]), minlength=4)
    shares = some.counts**0.75 / (some.counts**0.75).sum()
    np.testing.assert_allclose(drawn / drawn.sum(), shares, atol=0.02)


def test_a_word_that_always_follows_is_predicted():
    some = config()
    tokens, offsets = in_circles(300)
    how = FitConfig(epochs=12, batch=8, learning_rate=0.01, dropout=0, blocks=0, unknown=0, patience=0)
    result = Trainer(some, how, Data(Bags.single(WORDS), some.sequences(tokens, offsets))).run()
    first, last = result.history[0]["loss"], result.history[-1]["loss"]
    assert last < 0.05 < first


def test_pretrained_weights_replace_first_weights_but_for_rows_that_never_occurred():
    some = config()
    network = some.network
    pretrained = init(some, 1)
    pretrained["table"][5] = 0  # occurs nowhere
    params, fresh = init(network, 0), init(network, 0)
    initialise(params, network, pretrained)
    np.testing.assert_array_equal(params["table"][4], pretrained["table"][4])
    np.testing.assert_array_equal(params["table"][5], fresh["table"][5])
    np.testing.assert_array_equal(params["0.backward.Wh"], pretrained["0.backward.Wh"])
    np.testing.assert_array_equal(params["head.Wy"], fresh["head.Wy"])


def test_a_network_of_another_shape_is_refused():
    other = NetworkConfig(rows=WORDS, classes=3, hidden=9, embedding=6)
    with pytest.raises(ValueError, match=r"pretrained: 0.forward.Wh must have shape"):
        initialise(init(other, 0), other, {"0.forward.Wh": init(config(), 0)["0.forward.Wh"]})


def test_two_workers_end_with_the_bytes_of_one():
    some = config()
    tokens, offsets = in_circles(60)
    how = FitConfig(epochs=2, batch=8, parts=2)
    one, two = (
        Trainer(some, how, Data(Bags.single(WORDS), some.sequences(tokens, offsets)), workers=n).run().params
        for n in (1, 2)
    )
    assert {name: value.tobytes() for name, value in one.items()} == {
        name: value.tobytes() for name, value in two.items()
    }


def test_sequences_of_one_symbol_have_no_targets():
    some = config()
    train = some.sequences(np.array([1], np.int32), np.array([0, 1], np.int64))
    assert isinstance(train, Sequences)
    with pytest.raises(ValueError, match="at least one sequence with a target"):
        Data(Bags.single(WORDS), train)
