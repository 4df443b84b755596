"""Entity scores equal seqeval's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report

from elman.data.metrics.entities import entity_scores

TAGS = st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"])
PAIRS = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=8), min_size=1, max_size=6)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=200, deadline=None)
@given(PAIRS)
def test_scores_equal_seqeval_on_any_tags_legal_or_not(sentences):
    gold = [[a for a, _ in s] for s in sentences]
    guess = [[b for _, b in s] for s in sentences]
    ours = entity_scores(gold, guess).to_json()
    if not ours["support"] and not ours["predicted"]:
        assert (ours["precision"], ours["recall"], ours["f1"], ours["per_type"]) == (0.0, 0.0, 0.0, {})
        return
    theirs = classification_report(gold, guess, output_dict=True, zero_division=0)
    for name, scores in [*ours["per_type"].items(), ("micro avg", ours)]:
        for figure, key in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            assert scores[figure] == pytest.approx(theirs[name][key], abs=1e-12)
        assert scores["support"] == theirs[name]["support"]
    assert ours["macro_f1"] == pytest.approx(theirs["macro avg"]["f1-score"], abs=1e-12)


def test_a_span_with_another_end_or_type_is_wrong():
    gold = [["B-A", "I-A", "O", "B-B"]]
    assert entity_scores(gold, [["B-A", "O", "O", "B-A"]]).correct == 0
    assert entity_scores(gold, gold).f1 == 1.0


def test_sentences_of_different_length_are_an_error_that_names_the_sentence():
    with pytest.raises(ValueError, match="sentence 1: expected 1"):
        entity_scores([["O"], ["O"]], [["O"], ["O", "O"]])
