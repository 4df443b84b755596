"""Tables of redaction: entities of patterns beside a model's, redacted texts, what was taken out of them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from elman.data.redaction.operators import QUARANTINED, Redactor, Replaced
from elman.data.redaction.overlaps import Span, without_overlaps
from elman.data.redaction.patterns import rank_of
from elman.data.store import schema

Key = tuple[str, str]  # source and document
_KEY = ("source", "document")
GAP = "\n"  # for each character between sentences, of a source that keeps none of them


def join_patterns(entities: pl.DataFrame, patterns: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Join the entities of a model and of patterns in the order of the text, without overlaps.

    See `overlaps.precedence`.

    Args:
        entities, patterns: schema.ENTITIES.
        documents: schema.TAGGED_DOCUMENTS, in order.
    """
    if not patterns.height:
        return entities
    order = documents.select(_KEY).unique(maintain_order=True).with_row_index("order")
    both = pl.concat([entities, patterns]).join(order, on=_KEY, how="left", maintain_order="left")
    place = ("order", "sentence")
    both = both.sort(*place, "start", maintain_order=True).with_row_index("row")
    new = both["model"].is_in(patterns["model"].unique().implode())
    beside = both.join(both.filter(new).select(place).unique(), on=place, how="semi", maintain_order="left")
    sentences: dict[tuple[int, int], list[Span]] = {}
    for *sentence, start, end, kind, model, row in beside.select(
        *place, "start", "end", "type", "model", "row"
    ).iter_rows():
        sentences.setdefault((sentence[0], sentence[1]), []).append(
            Span(start, end, kind, rank_of(model), row)
        )
    kept = {span.row for spans in sentences.values() for span in without_overlaps(spans)}
    lost = [row for row in beside["row"] if row not in kept]
    return both.filter(~pl.col("row").is_in(lost)).select(entities.columns)


@dataclass
class _Text:
    """Text of a document as far as it is read: `start` is where it begins, in characters."""

    start: int
    parts: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, start: int, text: str) -> None:
        """Add the text from a character of the document on; what lies between is a gap."""
        gap = GAP * (start - self.start - self.length)
        self.parts += [gap, text]
        self.length += len(gap) + len(text)


class Redaction:
    """Redaction of the documents of a shard: collects their texts, then takes the entities out.

    Args:
        redactor: how.
    """

    def __init__(self, redactor: Redactor) -> None:
        self.redactor = redactor
        self.texts: dict[Key, _Text] = {}
        self.skipped: dict[Key, list[Span]] = {}
        self.entities: list[pl.DataFrame] = []

    def add_text(self, source: str, document: str, start: int, text: str) -> None:
        """Add text of a document that begins at a character; texts of one document come in order."""
        self.texts.setdefault((source, document), _Text(start)).add(start, text)

    def skip(self, source: str, document: str, start: int, end: int) -> None:
        """Take out characters of a document that were not tagged but quarantined."""
        span = QUARANTINED._replace(start=start, end=end)
        self.skipped.setdefault((source, document), []).append(span)

    def add_entities(self, *tables: pl.DataFrame) -> None:
        """Add entities (schema.ENTITIES), which may overlap."""
        self.entities += [table.select(_COLUMNS) for table in tables]

    def tables(self, documents: pl.DataFrame, data: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Make the tables, and the entities with what stands in their place now.

        Args:
            documents: schema.TAGGED_DOCUMENTS; those with text that are not there were quarantined whole.
            data: schema.ENTITIES.

        Returns:
            redacted (schema.REDACTED), a row a document; redactions (schema.REDACTIONS), where there are
            any; data.
        """
        found = pl.concat(self.entities)
        spans: dict[Key, list[Span]] = {}
        for row, (source, document, *place) in enumerate(found.drop("probability").iter_rows()):
            start, end, kind, model = place
            spans.setdefault((source, document), []).append(Span(start, end, kind, rank_of(model), row))
        texts, replacements = list[tuple[object, ...]](), list[tuple[object, ...]]()
        tagged = set(data.select(_KEY).unique().iter_rows())
        shown: dict[Key, _Shown] = {}
        chances, models = found["probability"], found["model"]
        for source, document, line in documents.select(*_KEY, "line").iter_rows():
            key = str(source), str(document)
            text = self.texts[key]
            own = [
                span._replace(start=span.start - text.start, end=span.end - text.start)
                for span in (*spans.get(key, ()), *self.skipped.get(key, ()))
            ]
            new, replaced = self.redactor.redact("".join(text.parts), own)
            texts.append((source, document, line, text.start, new))
            replacements += self._rows(key, text.start, replaced, chances, models)
            if key in tagged:
                shown[key] = _Shown(text.start, new, replaced)
        return {
            "redacted": pl.DataFrame(texts, schema=schema.REDACTED, orient="row"),
            "redactions": pl.DataFrame(replacements, schema=schema.REDACTIONS, orient="row"),
            "data": _with_stand_ins(data, shown),
        }

    def _rows(
        self, key: Key, begin: int, replaced: Iterable[Replaced], chances: pl.Series, models: pl.Series
    ) -> Iterable[tuple[object, ...]]:
        """Rows of schema.REDACTIONS."""
        for span, start, end in replaced:
            tagged = span.rank != QUARANTINED.rank
            found = (chances[span.row], models[span.row]) if tagged else (None, None)
            place = (span.start + begin, span.end + begin, begin, start, end)
            yield (*key, *place, span.type, self.redactor.operator, *found)


_COLUMNS = (*_KEY, "start", "end", "type", "probability", "model")


@dataclass
class _Shown:
    """A redacted text that begins at character `start` of its document."""

    start: int
    text: str
    replaced: Sequence[Replaced]

    def between(self, start: int, end: int) -> str:
        """The new text in place of characters start to end of the document."""
        start, end = start - self.start, end - self.start
        return self.text[self._moved(start, first=True) : self._moved(end, first=False)]

    def _moved(self, at: int, first: bool) -> int:
        """Place of a boundary in the redacted text; inside of a stand-in its begin or its end."""
        side = bisect_right if first else bisect_left
        number = side(self.replaced, at, key=lambda one: one.span.start) - 1
        if number < 0:
            return at
        span, start, end = self.replaced[number]
        if at < span.end:
            return start if first else end
        return end + at - span.end


def _with_stand_ins(data: pl.DataFrame, shown: dict[Key, _Shown]) -> pl.DataFrame:
    """Entities with the redacted text at their place instead of the one that was there."""
    places = data.select(*_KEY, "start", "end").iter_rows()
    texts = [shown[source, document].between(start, end) for source, document, start, end in places]
    return data.with_columns(text=pl.Series(texts, dtype=pl.String))
