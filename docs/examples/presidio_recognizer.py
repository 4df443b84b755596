"""A Presidio recognizer that finds entities with a model of Elman.

    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    registry = RecognizerRegistry(recognizers=[ElmanRecognizer("models:/names@champion")])
    AnalyzerEngine(registry=registry, nlp_engine=NoNlp()).analyze("Sam Li is in Oslo.", language="en")

Presidio needs an NLP engine for the context words of its own recognizers; `NoNlp` is one that does nothing,
where this recognizer is alone or with those of patterns.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

import elman

NAMES = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}  # types as Presidio calls them


class ElmanRecognizer(EntityRecognizer):
    """Finds the entities of a model; their probability is the score.

    Args:
        model: folder of a model, or a registered name.
        names: Presidio's name of each type; a type that is not named keeps its own.
        language: that the model was trained for.
    """

    def __init__(self, model: str, names: Mapping[str, str] = NAMES, language: str = "en") -> None:
        loaded = elman.load(model)
        if not isinstance(loaded, elman.TextModel):
            raise TypeError(f"expected a model of text. Got one of DNA, {model}.")
        self.model, self.names = loaded, dict(names)
        entities = [self.names.get(kind, kind) for kind in loaded.types]
        super().__init__(
            supported_entities=entities,
            name="ElmanRecognizer",
            supported_language=language,
            version=loaded.version,
        )

    def load(self) -> None:
        """Do nothing: the model was loaded at once."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Find entities of the wanted kinds."""
        found = [(self.names.get(entity.type, entity.type), entity) for entity in self.model.tag(text)]
        return [
            RecognizerResult(
                entity_type=kind,
                start=entity.start,
                end=entity.end,
                score=entity.probability,
                recognition_metadata={
                    RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
                    RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                },
            )
            for kind, entity in found
            if kind in entities
        ]


class NoNlp(NlpEngine):
    """NLP engine without tokens, lemmas or entities.

    Args:
        language: of the recognizer.
    """

    def __init__(self, language: str = "en") -> None:
        self.language = language

    def load(self) -> None:
        """Do nothing."""

    def is_loaded(self) -> bool:
        """Return True."""
        return True

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Return empty artifacts."""
        return NlpArtifacts([], [], [], [], self, language)  # type: ignore[arg-type]  # tokens are spaCy's

    def process_batch(
        self, texts: Iterable[Any], language: str, batch_size: int = 1, n_process: int = 1, **kwargs: Any
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """Return empty artifacts of each text."""
        for text in texts:
            yield text, self.process_text(text, language)

    def is_stopword(self, word: str, language: str) -> bool:
        """Return False."""
        return False

    def is_punct(self, word: str, language: str) -> bool:
        """Return False."""
        return False

    def get_supported_entities(self) -> list[str]:
        """Return none."""
        return []

    def get_supported_languages(self) -> list[str]:
        """Return that of the recognizer."""
        return [self.language]
