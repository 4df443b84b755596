"""Silver labels stand beside gold ones: what gold has is left out and compared, the rest is trained on."""

from pathlib import Path

import polars as pl
import pytest

from elman.data.corpus.silver import IN_GOLD, OTHER_TYPES, TAKEN, UNLABELLED, SilverCorpus
from elman.data.encoding.encode import SILVER
from elman.data.errors import BadInput
from elman.data.store import schema
from elman.data.store.dataset import Dataset
from elman.data.store.writer import DatasetWriter
from elman.data.text.tokenizer import Tokenizer

GOLD = [
    ("a", "train", "Sam/B-PER Li/I-PER met/O Tom/B-PER"),
    ("b", "train", "Rome/B-LOC is/O old/O"),
    ("c", "dev", "Bo/B-PER left/O"),
    ("d", "test", "Eva/B-PER stayed/O in/O Wien/B-LOC"),
]


@pytest.fixture
def silver_of(tmp_path, write_corpus):
    """A silver corpus beside GOLD, from sentences and scores by document."""
    gold = write_corpus(tmp_path / "gold", GOLD)

    def of(rows, scores=None, unit="word") -> SilverCorpus:
        folder = write_corpus(tmp_path / "silver", rows, unit)
        if scores:
            folder = with_scores(Dataset.open(folder), scores)
        return SilverCorpus(Dataset.open(gold), Dataset.open(folder))

    return of


def with_scores(dataset: Dataset, scores: dict[str, float]) -> Path:
    """The corpus with a table of scores, of the first sentence of each document."""
    data, folder = dataset.scan().collect(), dataset.folder.with_name("scored")
    rows = [(name, "all", 0, score) for name, score in scores.items()]
    table = pl.DataFrame(rows, schema=schema.SCORES, orient="row")
    with DatasetWriter(folder, kind="corpus-text", config={}) as writer:
        shard = writer.stage("all", "all", {"data": data, "scores": table}, counts={"records": 1}, source={})
        writer.commit([shard], meta={"unit": "word", "tokenizer": Tokenizer().to_json()})
    return folder


def test_each_sentence_is_trained_on_or_left_out_for_one_reason(silver_of):
    silver = silver_of(
        [
            ("s1", "train", "Anna/B-PER slept/O"),
            ("s2", "test", "Oslo/B-LOC is/O cold/O"),  # all splits count
            ("s3", "train", "Rome/O is/O old/O"),  # gold training has it
            ("s4", "train", "Eva/O stayed/O in/O Wien/O"),  # gold test has it
            ("s5", "train", "Sam/B-MISC slept/O"),
        ]
    )
    assert silver.counts == {TAKEN: 2, UNLABELLED: 0, IN_GOLD: 2, OTHER_TYPES: 1}
    frames = pl.concat(silver.frames())
    assert frames["text"].to_list() == ["Anna slept", "Oslo is cold"]
    assert frames["split"].unique().to_list() == [SILVER]
    assert frames["score"].to_list() == [1, 1]
    assert not set(frames["document"]) & {"s1", "s2"}  # gold documents may have these names
    assert silver.notes() == [
        "silver: 2 sentences of silver are trained on.",
        f"silver, left out: 2 {IN_GOLD}; 1 {OTHER_TYPES}.",
    ]


def test_scores_come_with_their_sentences(silver_of):
    rows = [(name, "train", f"{name.title()}/B-PER slept/O") for name in ("ada", "ben", "cy")]
    frames = pl.concat(silver_of(rows, {"ben": 0.25, "cy": 0.5}).frames())
    assert frames["score"].to_list() == [1, 0.25, 0.5]


def test_silver_labels_are_scored_on_gold_training_and_dev_sentences_but_not_on_test(silver_of):
    silver = silver_of(
        [
            ("s1", "train", "Sam/B-PER Li/I-PER met/O Tom/O"),
            ("s2", "train", "Rome/B-PER is/O old/O"),
            ("s3", "train", "Eva/O stayed/O in/O Wien/O"),
            ("s4", "train", "Ada/B-PER slept/O"),
        ]
    )
    agreement = silver.agreement()
    assert agreement is not None
    assert agreement.sentences == 2
    assert (agreement.overall.support, agreement.overall.predicted, agreement.overall.correct) == (3, 2, 1)
    assert agreement.per_type["PER"].recall == 0.5
    assert agreement.per_type["LOC"].recall == 0
    rows = agreement.disagreements
    assert rows.select("outcome", "gold_text", "predicted_text").rows() == [
        ("type", "Rome", "Rome"),
        ("missed", "Tom", None),
    ]


def test_sentences_are_the_same_whatever_their_spaces(silver_of):
    silver = silver_of([("s1", "train", "SamLi/B-PER met/O Tom/B-PER"), ("s2", "train", "Ada/B-PER left/O")])
    agreement = silver.agreement()
    assert agreement is not None
    assert (agreement.sentences, agreement.overall.correct) == (1, 2)


def test_without_a_common_sentence_nothing_is_compared(silver_of):
    assert silver_of([("s1", "train", "Ada/B-PER slept/O")]).agreement() is None


def test_a_silver_corpus_without_a_usable_sentence_is_refused_with_the_reasons(silver_of):
    with pytest.raises(BadInput, match=f"silver sentences to train on.*1 {IN_GOLD}"):
        silver_of([("s1", "train", "Rome/B-LOC is/O old/O")])


def test_a_silver_corpus_of_other_tokens_is_refused(silver_of):
    with pytest.raises(BadInput, match=r"tokenized by word.*tokenized by char"):
        silver_of([("s1", "train", "R/B-LOC")], unit="char")
