"""Classifiers ready for use from Python, as `elman.load` returns them: `ClassifierModel`."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from elman.data.errors import UsageError
from elman.data.text.invisible import is_blank
from elman.tasks.models.api import BATCH, string_of, strings, strings_of

if TYPE_CHECKING:
    from elman.tasks.classification.classifier import Classifier

COLUMNS = {"label": pl.String(), "probability": pl.Float64()}


class Class(NamedTuple):
    """The class of a document or sequence, and how probable it is."""

    label: str
    probability: float


class ClassifierModel:
    """A model that gives one class to a whole text or DNA sequence.

    Attributes:
        version: name of the model, the same wherever its folder lies.
        labels: classes that it knows, by code point.
    """

    def __init__(self, classifier: "Classifier") -> None:
        self._classifier = classifier
        self.version, self.labels = classifier.version, classifier.labels

    def __repr__(self) -> str:
        return f"ClassifierModel({self.version}: {', '.join(self.labels)})"

    def tag(self, text: str) -> Class:
        """The likeliest class of a text; of DNA, of a sequence of bases, whose white space is removed.

        Raises:
            UsageError: it is no string, or has no visible character.
        """
        return next(self.tag_many([string_of(text)]))

    def tag_many(self, texts: Iterable[str], batch_size: int = BATCH) -> Iterator[Class]:
        """The likeliest class of many texts, lazily and in order; the results are those of `tag`.

        Args:
            texts: any iterable; `batch_size` of them are read before the first result.
            batch_size: texts classified together.

        Raises:
            UsageError: a text is no string, or has no visible character.
        """
        if batch_size < 1:
            raise UsageError(f"expected batch_size of 1 or more. Got {batch_size}.")
        rest = strings(texts)
        while batch := list(islice(rest, batch_size)):
            yield from map(Class._make, self._classifier.classify_texts(batch))

    def probabilities(self, text: str) -> dict[str, float]:
        """The probability of every class, the likeliest first; they sum to 1.

        Raises:
            UsageError: it is no string, or has no visible character.
        """
        (row,) = self._classifier.probabilities(self._classifier.logits([string_of(text)])).tolist()
        return dict(sorted(zip(self.labels, row, strict=True), key=lambda item: -item[1]))

    def tag_frame(self, frame: pl.DataFrame, text_column: str = "text") -> pl.DataFrame:
        """Add the columns `label` and `probability` to a frame; null where the text is null or blank.

        Raises:
            UsageError: no such column, or one of the new columns already.
        """
        texts = strings_of(frame, text_column, *COLUMNS)
        given = [text if text is None or not is_blank(text) else None for text in texts]
        found = self.tag_many(text for text in given if text is not None)
        classes = [None if text is None else next(found) for text in given]
        return frame.with_columns(
            pl.Series(name, [one and one[at] for one in classes], dtype=kind)
            for at, (name, kind) in enumerate(COLUMNS.items())
        )
