"""A spaCy component that sets `doc.ents` from a model of Elman, with a score for each entity.

    import spacy, spacy_component
    nlp = spacy.blank("en")
    nlp.add_pipe("elman", config={"model": "models:/names@champion"})
    [(entity.text, entity.label_, entity._.score) for entity in nlp("Sam Li and Tom date on Tuesday.").ents]

spaCy's tokens may be longer than Elman's: an entity is widened to whole tokens (`alignment_mode="expand"`);
of two that then share a token the more probable is kept. Its own offsets stay in `entity._.characters`.
"""

from collections.abc import Iterable, Iterator
from itertools import tee

from spacy.language import Language
from spacy.tokens import Doc, Span

import elman


class ElmanComponent:
    """Sets the entities of documents.

    Args:
        model: folder of a model, or a registered name.
    """

    def __init__(self, model: str) -> None:
        loaded = elman.load(model)
        if not isinstance(loaded, elman.TextModel):
            raise TypeError(f"expected a model of text. Got one of DNA, {model}.")
        self.model = loaded

    def __call__(self, doc: Doc) -> Doc:
        """Tag a document."""
        return _with_entities(doc, self.model.tag(doc.text))

    def pipe(self, stream: Iterable[Doc], batch_size: int = 256) -> Iterator[Doc]:
        """Tag many documents, `batch_size` of them together."""
        docs, same = tee(stream)
        found = self.model.tag_many((doc.text for doc in same), batch_size)
        for entities, doc in zip(found, docs, strict=True):
            yield _with_entities(doc, entities)


def _with_entities(doc: Doc, entities: Iterable[elman.Entity]) -> Doc:
    spans: list[Span] = []
    for entity in sorted(entities, key=lambda entity: -entity.probability):
        span = doc.char_span(entity.start, entity.end, entity.type, alignment_mode="expand")
        if span is not None and not any(span.start < other.end and other.start < span.end for other in spans):
            span._.score, span._.characters = entity.probability, (entity.start, entity.end)
            spans.append(span)
    doc.ents = spans
    return doc


for _name in ("score", "characters"):
    if not Span.has_extension(_name):
        Span.set_extension(_name, default=None)


@Language.factory("elman", assigns=["doc.ents", "span._.score"])
def make(nlp: Language, name: str, model: str) -> ElmanComponent:
    """Make the component; `model` is its setting."""
    return ElmanComponent(model)
