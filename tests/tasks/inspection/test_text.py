"""A text is shown as its corpus or model sees it: the article's arrays, steps and tags are the real ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from elman.data.errors import UsageError
from elman.data.text.tokenizer import Tokenizer
from elman.rnn.compute.batches import Bags, pack
from elman.rnn.compute.batches import Sequences as Flat
from elman.rnn.networks.weights import from_bytes
from elman.tasks.inspection import text
from elman.tasks.models.model_folder import WEIGHTS, read
from elman.tasks.models.text_tagger import Tagger

SENTENCE = "Tomson met Lison in Basburg ."
COLUMNS = {"Waa": (100, 100), "Wax": (100, 10_000), "Wa": (100, 10_100), "Wya": (5, 100)}


@pytest.fixture(scope="module")
def article_model(tmp_path_factory, names, train_in):
    """A model of preset `article` of the small corpus of names."""
    fitted = train_in(tmp_path_factory.mktemp("article"), names, preset="article", overrides={"epochs": 2})
    return read(Path(fitted["model"]))


@pytest.fixture
def shown(names, home):
    return text.of_corpus(names, SENTENCE)


def test_a_corpus_shows_tokens_with_their_ids_and_marks_unknown_ones(shown):
    first = shown.sentences[0]
    assert first.tokens == SENTENCE.split()
    assert first.unknown == [True, False, True, False, True, False]
    assert [first.ids[i] for i in (0, 2, 4)] == [1, 1, 1]
    assert (shown.size, first.tags) == (10_000, None)


def test_a_corpus_shows_the_gold_tags_of_one_of_its_sentences(shown):
    gold = shown.sentences[1]
    assert gold.origin.startswith("gold, ")
    assert len(gold.tags) == len(gold.tokens)
    assert {tag for tag in gold.tags if tag != "O"} <= {"B-PER", "I-PER", "B-LOC"}
    assert not any(gold.unknown)


def test_the_batch_is_padded_and_its_one_hot_rows_are_the_ids(shown):
    T, B = shown.batch.shape
    rows = shown.batch.one_hot(shown.size)
    assert rows.shape == (T, B, 10_000)
    for b, sentence in enumerate(shown.sentences):
        assert rows[: len(sentence.ids), b].argmax(axis=1).tolist() == sentence.ids
        assert shown.batch.mask[:, b].sum() == len(sentence.ids)


def test_a_corpus_shows_the_articles_shapes_and_the_padded_standard_network(shown, names):
    shapes = shown.article.shapes
    assert {name: shapes[name] for name in COLUMNS} == COLUMNS
    assert shown.standard.inputs == shown.standard.steps * 10_000
    assert not shown.steps.a[0].any()


def test_the_steps_of_an_article_model_are_its_forward_pass(article_model):
    shown = text.of_model(article_model, SENTENCE)
    assert {name: shown.article.shapes[name] for name in COLUMNS} == COLUMNS
    params, network, _ = from_bytes(article_model.files[WEIGHTS])
    ids = np.array(shown.sentences[0].ids, np.int32)
    batch = pack(Flat(ids, np.array([0, len(ids)])), np.arange(1))
    bags = Bags.single(network.rows)
    logits, _ = network.build().forward(params, bags, batch)
    states, _ = network.build().states(params, bags, batch, None, 1)
    np.testing.assert_allclose(shown.steps.a[1:], states, atol=1e-5)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(shown.steps.y, shares / shares.sum(1, keepdims=True), atol=1e-5)


def test_a_model_shows_its_tags_with_probabilities(article_model):
    tagged = Tagger.of(article_model).tag([SENTENCE.split()])[0]
    first, second = text.of_model(article_model, SENTENCE).sentences
    assert (first.tags, first.probabilities) == (tagged.tags, tagged.probabilities)
    assert second.tokens == first.tokens[:3]


def test_several_sentences_are_one_batch(article_model):
    shown = text.of_model(article_model, "Tomson met Lison. It rained.")
    assert [sentence.tokens for sentence in shown.sentences] == [
        ["Tomson", "met", "Lison", "."],
        ["It", "rained", "."],
    ]
    assert shown.batch.mask.sum(axis=0).tolist() == [4, 3]


def test_a_model_with_features_shows_its_own_arrays_beside_the_articles(trained):
    model = read(Path(trained["model"]))
    shown = text.of_model(model, SENTENCE)
    assert shown.steps is None
    assert {name: shown.article.shapes[name] for name in COLUMNS} == COLUMNS
    assert shown.own.shapes == {name: value.shape for name, value in Tagger.of(model).params.items()}
    assert "elman cells of 100 both ways, crf" in shown.own.name
    assert [token["word"][0][0] for token in shown.templates] == ["<UNK>", "met", "<UNK>", "in", "<UNK>", "."]
    assert shown.templates[1]["shape"][0][0] == "xx"


def test_everything_shown_has_a_json_form(shown, article_model, trained):
    for each in (
        shown,
        text.of_model(article_model, None),
        text.of_model(read(Path(trained["model"])), None),
    ):
        value = json.loads(json.dumps(each.to_json()))
        assert value["batch"]["shape"] == [*each.batch.shape, each.size]
        assert value["article"]["shapes"]["Wa"] == [100, 10_100]


@pytest.mark.parametrize("bad", ["", "  \n", "x" * (text.MOST_CHARACTERS + 1)])
def test_a_text_without_tokens_or_too_long_is_a_usage_error(bad):
    with pytest.raises(UsageError, match="expected a TEXT"):
        text.cut(bad, Tokenizer(unit="word").to_json())


def test_without_a_text_the_articles_sentence_is_shown():
    tokens = text.cut(None, Tokenizer(unit="word").to_json())
    assert tokens == [["Sam", "Li", "and", "Tom", "date", "on", "Tuesday", "."]]
