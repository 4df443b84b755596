"""Silver labels stand beside gold ones: what gold has is left out and compared, the rest is trained on."""

import polars as pl
import pytest

from elman.data.corpus.silver import IN_GOLD, OTHER_TYPES, TAKEN
from elman.data.encoding.encode import SILVER
from elman.data.errors import BadInput


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
    assert silver.count() == {TAKEN: 2, IN_GOLD: 2, OTHER_TYPES: 1}
    frames = pl.concat(silver.frames())
    assert frames["text"].to_list() == ["Anna slept", "Oslo is cold"]
    assert frames["split"].unique().to_list() == [SILVER]
    assert frames["score"].to_list() == [1, 1]
    assert not set(frames["document"]) & {"s1", "s2"}  # gold documents may have these names


def test_scores_come_with_their_sentences(silver_of):
    rows = [(name, "train", f"{name.title()}/B-PER slept/O") for name in ("ada", "ben", "cy")]
    frames = pl.concat(silver_of(rows, {"ben": 0.25, "cy": 0.5}).frames())
    assert frames["score"].to_list() == [1, 0.25, 0.5]


def test_a_silver_corpus_without_a_usable_sentence_is_refused_with_the_reasons(silver_of):
    with pytest.raises(BadInput, match=f"silver sentences to train on.*1 {IN_GOLD}"):
        silver_of([("s1", "train", "Rome/B-LOC is/O old/O")]).count()


def test_a_silver_corpus_of_other_tokens_is_refused(silver_of):
    with pytest.raises(BadInput, match=r"tokenized by word.*tokenized by char"):
        silver_of([("s1", "train", "R/B-LOC")], unit="char")
