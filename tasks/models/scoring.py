"""Scores of predicted tags: one evaluator for dev during training and for any split afterwards."""

from collections.abc import Sequence
from dataclasses import replace

from elman.data.metrics.entities import EntityScores, Tags
from elman.data.metrics.registry import further_scores, main_score


def score_tags(gold: Tags, predicted: Tags, tags: Sequence[str], binary: bool) -> EntityScores:
    """Score predicted IOB2 tags with all registered scores of text.

    Args:
        gold: tags of each sentence.
        predicted: tags of each sentence, as many.
        tags: names that the model can predict.
        binary: True if gold tags of other types count as O, as for a model of one type.
    """
    if binary:
        known = set(tags)
        gold = [[tag if tag in known else "O" for tag in sentence] for sentence in gold]
    scores: EntityScores = main_score("text").compute(gold, predicted)
    more = {score.name: score.compute(gold, predicted) for score in further_scores("text")}
    return replace(scores, more=more)
