"""Rows of documents do not depend on windows: pieces are cut from the beginning of each document."""

import numpy as np
import polars as pl
import pytest

from elman.data.encoding.features import Features, FeatureTemplate, contexts, distinct
from elman.data.formats.common.records import Document, Sentence
from elman.data.genome.contigs import Contig
from elman.data.text.tokenizer import Tokenizer
from elman.rnn.networks.architecture import init
from elman.rnn.networks.classifier import ClassifierConfig
from elman.tasks.classification.classifier import Classifier
from elman.tasks.classification.hexamers import Hexamers
from elman.tasks.classification.tables import ContigClasses, DocumentClasses
from elman.tasks.models.passport import ClassifierPassport, CorpusOrigin
from elman.tasks.tagging.sentences import Sentences
from elman.tasks.tagging.windows import windows

WORDS = [f"w{n}" for n in range(30)]
LABELS = ("a", "b", "c")


def classifier(symbols, *, piece=7, bases=0):
    network = ClassifierConfig(rows=symbols.rows, classes=3, hidden=8, embedding=8)
    passport = ClassifierPassport(
        corpus=CorpusOrigin(name="c", digest="", sources=()),
        preset="fast",
        seed=0,
        family="dna" if bases else "text",
        unit="base" if bases else "word",
        tokenizer=Tokenizer().to_json(),
        labels=LABELS,
        templates=(),
        vocabulary=symbols.sha256,
        network=network.to_dict(),
        fit={},
        piece=piece,
        bases=bases,
        best_epoch=1,
        temperature=0.01,  # so that probabilities differ
        dev=None,
    )
    return Classifier("m", passport, LABELS, network, init(network, 1), symbols)


def features():
    """Features of WORDS and of pairs of these."""
    keys = distinct(contexts(pl.Series(WORDS), np.array([0, len(WORDS)]), 1))
    templates = (FeatureTemplate(name="word"), FeatureTemplate(name="at-1+0"))
    return Features.fit(keys, templates)


@pytest.fixture(scope="module")
def of_text():
    return classifier(features())


def document(name, lengths, seed):
    """A document of sentences of so many tokens."""
    rng, sentences, at = np.random.default_rng(seed), [], 0
    for length in lengths:
        words = [str(word) for word in rng.choice(WORDS, length)]
        starts = np.cumsum([0] + [len(word) + 1 for word in words[:-1]]) + at
        ends = starts + [len(word) for word in words]
        text = " ".join(words)
        sentences.append(Sentence(at, at + len(text), text, tuple(starts.tolist()), tuple(ends.tolist())))
        at += len(text) + 1
    return Sentences.of("s", name, 0, Document(name, "s", tuple(sentences)), False)


DOCUMENTS = [
    document("d0", [3, 9, 2], 0),  # 14 tokens: two pieces, none cut off
    document("d1", [1], 1),
    document("d2", [20, 1, 30, 4], 2),
    document("d3", [7], 3),
    document("d4", [2, 2], 4),
]


def rows(model, documents, most):
    tables, frames, counted = DocumentClasses(model), [], 0
    for window in windows(documents, most):
        ((made, counts),) = tables(window)
        frames.append(made["data"])
        counted += counts["unknown"]
    ((made, _),) = tables.finish()
    return pl.concat([*frames, made["data"]])


def test_rows_are_the_same_for_all_windows_and_for_a_document_alone(of_text):
    whole = rows(of_text, DOCUMENTS, 1 << 20)
    assert whole["document"].to_list() == ["d0", "d1", "d2", "d3", "d4"]
    assert whole["probability"].n_unique() > 3
    for most in (1, 7, 40, 100):
        again = rows(of_text, DOCUMENTS, most)
        assert again.drop("probability").equals(whole.drop("probability"))
        np.testing.assert_allclose(again["probability"], whole["probability"], atol=1e-4)
    alone = pl.concat([rows(of_text, [one], 30) for one in DOCUMENTS])
    np.testing.assert_allclose(alone["probability"], whole["probability"], atol=1e-4)


def test_nothing_gives_no_row(of_text):
    assert rows(of_text, [], 10).height == 0


def test_a_contig_is_a_row_whatever_its_length_and_letters():
    model = classifier(Hexamers(), piece=4, bases=48)
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 1000))
    contigs = [
        Contig("x", bases, None, "g", 0, 1),
        Contig("n", "NNNN", None, "g", 9, 2),
        Contig("a", "A", None, "g", 9, 3),
    ]
    (window,) = windows(contigs, 1 << 20)
    ((made, counts),) = ContigClasses(model)(window)
    assert made["data"]["document"].to_list() == ["x", "n", "a"]
    assert made["contigs"]["length"].to_list() == [1000, 4, 1]
    assert counts == {"bases": 1005}


def test_texts_are_classified_as_their_documents(of_text):
    text = "w1 w2 w3 w4 w5 w6 w7 w8 w9."
    ((label, probability),) = of_text.classify_texts([text])
    (sentence,) = Tokenizer().sentences(text)
    starts, ends = map(tuple, sentence[2:])
    record = Document("d", "s", (Sentence(0, len(text), text, starts, ends),))
    row = rows(of_text, [Sentences.of("s", "d", 0, record, False)], 100).row(0, named=True)
    assert row["label"] == label
    np.testing.assert_allclose(row["probability"], probability, atol=1e-5)
