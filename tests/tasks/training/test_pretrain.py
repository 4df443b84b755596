"""Learning from unlabelled text first: kept by content, exact when killed, and of use to what follows."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from elman.data.encoding import encoded_corpus
from elman.data.encoding.features import Features
from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.data.store.writer import DatasetWriter
from elman.rnn.networks.ensemble import members_of
from elman.rnn.networks.weights import from_bytes
from elman.tasks.models import model_folder
from elman.tasks.training.pretrain import load_pretrained, pretrain
from elman.tasks.training.text import TrainRequest, encode_corpus, fit_tagger

pytestmark = pytest.mark.heavy


@pytest.fixture
def text(home, write_corpus, invented_rows) -> Path:
    """A corpus without labels, of names that the labelled one lacks."""
    lines = [("old", "train", "the gnarled tree met the wind")] * 6
    lines += [
        (document, "train", " ".join(pair.rsplit("/", 1)[0] for pair in line.split()))
        for document, _, line in invented_rows(800, 2)
    ]
    return write_corpus(home / "corpora" / "raw", lines)


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr("elman.tasks.models.presets.PRETRAINING_TOKENS", 20_000)


def learn(text: Path, names: Path, **options) -> tuple[str, Dataset]:
    encoded = encode_corpus(str(names), "default", str(text))
    return encoded, Dataset.open(Path(pretrain(str(text), str(names), encoded, "default", **options)))


def test_the_same_text_is_learnt_once_and_gives_the_same_bytes(text, names, short, monkeypatch, tmp_path):
    _, first = learn(text, names)
    assert learn(text, names)[1].folder == first.folder
    monkeypatch.setenv("ELMAN_HOME", str(tmp_path / "other"))
    assert learn(text, names)[1].digest == first.digest


def test_its_loss_falls(text, names, short):
    _, dataset = learn(text, names)
    losses = dataset.scan().collect()["loss"].to_list()
    assert losses[-1] < losses[0]


def word_rows(features: Features, words: list[str]) -> list[int]:
    return features.vocabularies[0].encode(pl.Series(words)).to_list()


def test_words_that_only_the_unlabelled_text_has_are_known(text, names, short):
    encoded, _ = learn(text, names)
    assert "gnarled" in encoded_corpus.read(Path(encoded)).features.vocabularies[0].symbols
    plain = encoded_corpus.read(Path(encode_corpus(str(names), "default"))).features
    assert "gnarled" not in plain.vocabularies[0].symbols


def test_a_tagger_begins_with_what_was_learnt_and_its_passport_says_so(text, names, short):
    encoded, dataset = learn(text, names)
    request = TrainRequest(
        corpus=names,
        encoded=Path(encoded),
        preset="default",
        overrides={"epochs": 2},
        pretrained=dataset.folder,
    )
    read = model_folder.read(Path(fit_tagger(request).model))
    digest = Dataset.open(text).digest
    assert read.of_text.pretrained == [{"corpus": digest, "name": "raw", "sources": []}]
    params, network, _ = from_bytes(read.files[model_folder.WEIGHTS])
    tables = [member.params["table"] for member in members_of(network, params)]
    features = encoded_corpus.read(Path(encoded)).features
    (unlabelled_only,) = word_rows(features, ["gnarled"])
    before = load_pretrained(dataset)["table"]
    assert before[unlabelled_only].any()
    (both,) = word_rows(features, ["met"])
    assert len(tables) == 2
    for table in tables:
        np.testing.assert_array_equal(table[unlabelled_only], before[unlabelled_only])
        assert (table[both] != before[both]).any()


def test_a_corpus_of_dna_teaches_no_words(home, names):
    with DatasetWriter(home / "corpora" / "genome", kind="corpus-dna", config={}) as writer:
        writer.commit([])
    with pytest.raises(BadInput, match=r"expected a corpus of text\. Got one of DNA\. Ingest text"):
        encode_corpus(str(names), "default", str(home / "corpora" / "genome"))


def test_text_without_two_words_in_a_row_is_refused(home, names, write_corpus):
    alone = write_corpus(home / "corpora" / "alone", [("d", "train", "word"), ("d", "train", "word")])
    with pytest.raises(BadInput, match="two words in a row"):
        learn(alone, names)
    assert not list((home / "pretrained").glob("*/manifest.json"))
