"""Words are encoded character by character; another order of characters is another word."""

import numpy as np
import pytest

from elman.rnn.compute import arrays
from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.input_cache import logits_function
from elman.rnn.layers import characters
from elman.rnn.layers.recurrent import cell_named, cell_names
from elman.rnn.networks.tagger import NetworkConfig

FIRST, ROWS = 3, 8
WORDS = ([0, 3, 4], [1], [2, 4, 3], [0, 5, 5, 6])  # rows from FIRST on are characters
BAGS = Bags(
    np.concatenate(WORDS).astype(np.int32),
    offsets_of([len(word) for word in WORDS]),
    np.arange(4, dtype=np.int32),
)


def config(cell, hidden=3):
    return NetworkConfig(rows=ROWS, classes=2, hidden=hidden, embedding=8, letters=ROWS - FIRST, cell=cell)


def random(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def test_bags_are_split_into_features_and_characters_in_their_order():
    blocks, spelling = BAGS.split_at(FIRST)
    assert [blocks.rows[a:b].tolist() for a, b in zip(blocks.offsets, blocks.offsets[1:], strict=False)] == [
        [0],
        [1],
        [2],
        [0],
    ]
    assert spelling.rows.tolist() == [3, 4, 4, 3, 5, 5, 6]
    assert BAGS.split_at(FIRST)[0] is blocks


@pytest.mark.parametrize("cell", cell_names())
def test_a_word_is_encoded_as_the_last_states_of_a_cell_each_way(cell):
    params = random(config(cell).parameters())
    symbols = np.arange(4, dtype=np.int32)
    encoded, _ = characters.encode(params, cell_named(cell), BAGS.split_at(FIRST)[1], symbols)
    for number, word in enumerate(WORDS):
        spelt = np.array(word[1:], np.int32)
        if not len(spelt):
            assert not encoded[number].any()
            continue
        alone = pack(Sequences(spelt, np.array([0, len(spelt)], np.int64)), np.arange(1))
        for d, (direction, last) in enumerate((("forward", -1), ("backward", 0))):
            own = {
                k: params[f"letters.{direction}.{k}"] for k in ("Wx", "Wh", "b", "bh")[: 3 + (cell == "gru")]
            }
            z = params["table"][spelt] @ own["Wx"] + own["b"]
            h, _ = cell_named(cell).run(z, own, alone, reverse=direction == "backward")
            np.testing.assert_allclose(encoded[number, 2 * d : 2 * d + 2], h[last], rtol=1e-12)
    assert not np.allclose(encoded[0], encoded[2])


@pytest.mark.parametrize("cell", cell_names())
def test_kernels_encode_as_the_reference_and_tagging_as_training(cell, monkeypatch):
    network = config(cell)
    params = {k: v.astype(np.float32) for k, v in random(network.parameters(), 1).items()}
    tokens = np.array([0, 1, 2, 3, 2, 0], np.int32)
    batch = pack(Sequences(tokens, np.array([0, 4, 6], np.int64)), np.arange(2))
    ours, backprop = network.build().forward(params, BAGS, batch)
    gradients = backprop(np.ones_like(ours))
    np.testing.assert_allclose(logits_function(network, params, BAGS)(batch), ours, rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(arrays, "COMPILED", False)
    reference, back = network.build().forward(params, BAGS, batch)
    np.testing.assert_allclose(ours, reference, rtol=1e-4, atol=1e-5)
    for name, expected in back(np.ones_like(ours)).items():
        if name.startswith("letters."):
            np.testing.assert_allclose(gradients[name], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("fields", [{"embedding": 6}, {"embedding": 0}, {"letters": 8}, {"letters": -1}])
def test_letters_without_an_even_embedding_or_blocks_are_refused(fields):
    with pytest.raises(ValueError, match="letters must be"):
        NetworkConfig(**{"rows": 8, "classes": 2, "embedding": 4, "letters": 3, **fields})


def test_kernels_pack_words_and_number_characters_as_numpy_does(monkeypatch):
    bags = Bags(
        np.array([7, 5, 5, 3, 4, 6, 3], np.int32), np.array([0, 2, 2, 3, 7]), np.arange(4, dtype=np.int32)
    )
    for symbols in ([1, 0, 3, 2], [1], [3, 3, 1]):
        monkeypatch.setattr(arrays, "COMPILED", True)
        some = np.array(symbols, np.int32)
        ours = characters.pack_words(bags, some)
        found = ours and characters._distinct(ours.batch.tokens)
        monkeypatch.setattr(arrays, "COMPILED", False)
        plain = characters.pack_words(bags, some)
        if ours is None or plain is None:
            assert ours is plain
            continue
        for name in ("sequences", "starts", "places", "tokens"):
            np.testing.assert_array_equal(getattr(ours.batch, name), getattr(plain.batch, name), strict=True)
        for a, b in zip((ours.words, *ours.ends), (plain.words, *plain.ends), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
        for a, b in zip(found, characters._distinct(plain.batch.tokens), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
