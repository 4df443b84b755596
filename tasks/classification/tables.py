"""Tables of `elman tag` with a classifier: a row for each document or contig, with its class.

A document is read in windows and cut into pieces from its beginning; the piece that a window cuts off waits
for the next one, so that the answer does not depend on windows. A source is never cut within a document
(tasks/tagging/plan.py).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from elman.data.formats.common.options import Options
from elman.data.store import schema
from elman.data.store.writer import Staging
from elman.rnn.compute.arrays import Floats
from elman.rnn.compute.ragged import offsets_of
from elman.tasks.classification.classifier import Classifier
from elman.tasks.models.model_folder import Model
from elman.tasks.tagging.sentences import Sentences
from elman.tasks.tagging.shard import ShardTagger, WorkerRequest
from elman.tasks.tagging.sources import TaggingSource
from elman.tasks.tagging.text_tables import FlatSentences, Made, MakeTables, document_rows
from elman.tasks.tagging.windows import Window

Key = tuple[str, str]  # source and document


def load(request: WorkerRequest, loaded: Model, staging: Staging, options: Options) -> ShardTagger:
    """The worker's tagger of a run with a classifier."""
    classifier = Classifier.of(loaded, request.table_entries, request.input_cache)

    def tables_of(source: TaggingSource, whole: bool) -> MakeTables:
        return ContigClasses(classifier) if source.dna else DocumentClasses(classifier)

    return ShardTagger(request, staging, tables_of, options)


def class_rows(classifier: Classifier, keys: Sequence[Key], logits: Floats) -> pl.DataFrame:
    """Rows of schema.CLASSIFIED: the likeliest class of each document."""
    p = classifier.probabilities(logits)
    best = p.argmax(axis=1)
    return pl.DataFrame(
        {
            "source": pl.Series([source for source, _ in keys], dtype=pl.String),
            "document": pl.Series([document for _, document in keys], dtype=pl.String),
            "label": pl.Series(classifier.labels, dtype=pl.String).gather(best),
            "probability": p[np.arange(len(p)), best].astype(np.float32),
            "model": pl.repeat(classifier.version, len(keys), dtype=pl.String, eager=True),
        },
        schema=schema.CLASSIFIED,
    )


class ContigClasses:
    """Tables of windows of contigs."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def __call__(self, window: Window) -> Iterator[Made]:
        """Yield the rows of the contigs of a window."""
        contigs = window.contigs
        keys = [(contig.source, contig.id) for contig in contigs]
        logits = self.classifier.dna_logits([contig.bases for contig in contigs])
        lengths = [(contig.source, contig.id, contig.length, contig.circular) for contig in contigs]
        frames = {
            "data": class_rows(self.classifier, keys, logits),
            "contigs": pl.DataFrame(lengths, schema=schema.TAGGED_CONTIGS, orient="row"),
        }
        yield frames, {"bases": sum(contig.length for contig in contigs)}


class DocumentClasses:
    """Tables of windows of text, of one slice; `finish` comes after its last window."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self._key: Key | None = None  # of the document that may go on
        self._sums, self._steps = np.zeros(len(classifier.labels)), 0
        self._held = list[Sentences]()  # sentences of it with tokens of no piece yet
        self._done = 0  # tokens of these that are part of a piece

    def __call__(self, window: Window) -> Iterator[Made]:
        """Yield the rows of the documents that end in a window."""
        yield self._make(window.sentences, last=False)

    def finish(self) -> Iterator[Made]:
        """Yield the row of the last document."""
        yield self._make([], last=True)

    def _make(self, sentences: list[Sentences], last: bool) -> Made:
        parts = [*self._held, *sentences]
        tokens = sum(len(part.token_start) for part in sentences)
        counts = {"sentences": sum(map(len, sentences)), "tokens": tokens, "unknown": 0}
        closed, logits = list[Key](), list[Floats]()
        if parts:
            flat = FlatSentences.of(parts)
            bounds = offsets_of([len(part.token_start) for part in parts])
            chosen, pieces, owners = self._cut(parts, bounds, last)
            found: Floats = np.empty((0, len(self.classifier.labels)))
            if len(chosen):
                found, counts["unknown"] = self.classifier.text_logits(
                    flat.words(), flat.offsets, chosen, pieces
                )
            sizes = np.diff(pieces)
            for n, key in enumerate(owners):
                if key != self._key:
                    self._close(closed, logits)
                    self._key = key
                self._sums += found[n].astype(np.float64) * sizes[n]
                self._steps += int(sizes[n])
            if self._key != _key_of(parts[-1]):  # of the last document no piece is full yet
                self._close(closed, logits)
                self._key = _key_of(parts[-1])
            self._hold(parts, bounds, int(chosen[-1]) + 1 if len(chosen) else self._done)
        if last:
            self._close(closed, logits)
        stacked = np.stack(logits) if logits else np.empty((0, len(self.classifier.labels)))
        frames = {"data": class_rows(self.classifier, closed, stacked), "documents": document_rows(sentences)}
        return frames, counts

    def _cut(
        self, parts: Sequence[Sentences], bounds: np.ndarray, last: bool
    ) -> tuple[np.ndarray, np.ndarray, list[Key]]:
        """Pieces of the documents; of the last one only full pieces, unless it is `last` of all.

        Returns:
            numbers of the tokens in pieces (M,), ragged offsets of the pieces, document of each piece.
        """
        longest, chosen, sizes, owners = self.classifier.piece, list[np.ndarray](), list[int](), list[Key]()
        n = 0
        while n < len(parts):
            key, end = _key_of(parts[n]), n
            while end < len(parts) and _key_of(parts[end]) == key:
                end += 1
            first = int(bounds[n]) + (self._done if n == 0 else 0)
            count = int(bounds[end]) - first
            if end == len(parts) and not last:
                count -= count % longest
            own = [longest] * (count // longest) + ([count % longest] if count % longest else [])
            chosen.append(np.arange(first, first + count))
            sizes += own
            owners += [key] * len(own)
            n = end
        return np.concatenate(chosen), offsets_of(sizes), owners

    def _hold(self, parts: Sequence[Sentences], bounds: np.ndarray, end: int) -> None:
        """Keep the sentences with tokens from number `end` on, all of the last document."""
        self._held, self._done = [], 0
        for n, part in enumerate(parts):
            if bounds[n + 1] <= end or _key_of(part) != self._key:
                continue
            inside = max(end - int(bounds[n]), 0)
            sentence = int(np.searchsorted(part.bounds, inside, side="right")) - 1
            if not self._held:
                self._done = inside - int(part.bounds[sentence])
                part = part.slice(sentence, len(part))  # noqa: PLW2901
            self._held.append(part)

    def _close(self, closed: list[Key], logits: list[Floats]) -> None:
        """Add the document that is over, if it has a piece."""
        if self._key is not None and self._steps:
            closed.append(self._key)
            logits.append(self._sums / self._steps)
        self._key, self._sums, self._steps = None, np.zeros(len(self.classifier.labels)), 0


def _key_of(part: Sentences) -> Key:
    return part.source, part.document
