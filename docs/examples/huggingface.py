"""Entities in the form of a Hugging Face token classification pipeline, for code written for one.

    tagger = Pipeline("models:/names@champion")
    tagger("Sam Li and Tom date on Tuesday.")
    [{"entity_group": "PERSON", "score": 0.98, "word": "Sam Li", "start": 0, "end": 6}, ...]

The form is that of `pipeline("ner", aggregation_strategy="simple")`
(https://huggingface.co/docs/transformers/main_classes/pipelines#transformers.TokenClassificationPipeline):
a list of dicts for a text, a list of such lists for a list of texts.
"""

from collections.abc import Iterable
from typing import TypedDict, overload

import elman


class Group(TypedDict):
    """An entity; offsets are of characters, 0-based half-open."""

    entity_group: str
    score: float
    word: str
    start: int
    end: int


class Pipeline:
    """Tags texts with a model.

    Args:
        model: folder of a model, or a registered name.
    """

    def __init__(self, model: str) -> None:
        loaded = elman.load(model)
        if not isinstance(loaded, elman.TextModel):
            raise TypeError(f"expected a model of text. Got one of DNA, {model}.")
        self.model = loaded

    @overload
    def __call__(self, texts: str) -> list[Group]: ...
    @overload
    def __call__(self, texts: Iterable[str]) -> list[list[Group]]: ...
    def __call__(self, texts: str | Iterable[str]) -> list[Group] | list[list[Group]]:
        """Find the entities of a text, or of each of many."""
        if isinstance(texts, str):
            return [_group(entity) for entity in self.model.tag(texts)]
        return [[_group(entity) for entity in found] for found in self.model.tag_many(texts)]


def _group(entity: elman.Entity) -> Group:
    return Group(
        entity_group=entity.type,
        score=entity.probability,
        word=entity.text,
        start=entity.start,
        end=entity.end,
    )
