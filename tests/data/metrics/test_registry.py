"""Scores register themselves; the main one of each family is reported, others are added under their names."""

from dataclasses import replace

import pytest

from elman.data.metrics import registry
from elman.data.metrics.entities import entity_scores


def test_main_scores_of_both_families_are_registered():
    assert (registry.main_score("text").name, registry.main_score("text").headline) == ("entities", "f1")
    assert (registry.main_score("dna").name, registry.main_score("dna").headline) == ("genes", "mcc")
    assert registry.further_scores("text") == registry.further_scores("dna") == []


def test_a_further_score_is_added_under_its_name(monkeypatch):
    def share_of_sentences(gold, predicted):
        return {"share": sum(a == b for a, b in zip(gold, predicted, strict=True)) / len(gold)}

    exact = registry.Score(
        name="sentences_exact", family="text", compute=share_of_sentences, headline="share"
    )
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    registry.register(exact)
    assert registry.further_scores("text") == [exact]
    scores = replace(entity_scores([["O"]], [["O"]]), more={exact.name: exact.compute([["O"]], [["O"]])})
    assert scores.to_json()["sentences_exact"] == {"share": 1.0}


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="taken"):
        registry.register(replace(registry.main_score("text"), headline="recall"))
