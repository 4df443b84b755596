"""Answers of a tagger on the labelled sentences of a corpus, beside the right ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.encoding.encode import COLUMNS, tokens_of
from elman.data.store.dataset import Dataset
from elman.data.text.tags import OUTSIDE
from elman.rnn.inference.spans import Spans, spans_of
from elman.tasks.models.passport import CorpusOrigin
from elman.tasks.models.tag_set import tag_scheme
from elman.tasks.models.text_tagger import Tagged, Tagger
from elman.tasks.runtime.environment import home

_ENTITIES = pl.Schema(
    {
        "sequence": pl.Int64,  # number of the sentence in the evaluation
        "document": pl.String,
        "sentence": pl.Int32,
        "start": pl.Int64,  # tokens of the sentence, 0-based half-open
        "end": pl.Int64,
        "type": pl.String,
        "char_start": pl.Int64,  # into the document
        "char_end": pl.Int64,
        "text": pl.String,
        "unknown": pl.Float64,  # share of its tokens that the vocabulary does not have
        "surety": pl.Float64,  # predicted: its probability; gold: mean probability of the tags given to it
        "unscaled": pl.Float64,  # predicted: its probability as the network gives it
    }
)


@dataclass(frozen=True)
class LabelledPart:
    """Labelled sentences of one file of a corpus, and the answers to them.

    Attributes:
        frame: schema.TEXT without unused columns, n sentences.
        words: (N,) tokens.
        offsets: (n + 1,)
        tagged: answers.
    """

    frame: pl.DataFrame
    words: pl.Series
    offsets: np.ndarray
    tagged: Tagged


class LabelledParts:
    """The labelled sentences of a split, tagged file by file; counts the sentences without labels.

    Args as of `tasks.evaluation.text.evaluate_text`.

    Attributes:
        unlabelled: sentences left out so far.
    """

    def __init__(self, tagger: Tagger, corpus: Dataset, split: str, contents: Sequence[str]) -> None:
        self.tagger, self.corpus, self.split, self.contents = tagger, corpus, split, contents
        self.unlabelled = 0

    def __iter__(self) -> Iterator[LabelledPart]:
        """Parts with one labelled sentence or more."""
        dataset = self.corpus.made_of(self.contents) if self.contents else self.corpus
        for path in dataset.files("data"):
            frame = pl.read_parquet(path, columns=list(COLUMNS), glob=False)
            if self.split != "all":
                frame = frame.filter(pl.col("split") == self.split)
            self.unlabelled += frame["tags"].null_count()
            frame = frame.filter(pl.col("tags").is_not_null())
            if frame.height:
                words, offsets = tokens_of(frame)
                tagged = self.tagger.tag_flat(words, offsets, units=_units(self.tagger, frame))
                yield LabelledPart(frame, words, offsets, tagged)


@dataclass(frozen=True)
class Answers:
    """Entities of gold and predicted ones, as an error analysis takes them.

    Attributes:
        sentences: document, sentence and number of tokens, one row a sequence.
        gold, predicted: columns of _ENTITIES.
        texts: sequence, sentence_text, sentence_start of the sentences that have an entity.
    """

    sentences: pl.DataFrame
    gold: pl.DataFrame
    predicted: pl.DataFrame
    texts: pl.DataFrame

    @classmethod
    def of(cls, tagger: Tagger, part: LabelledPart) -> Self:
        """Answers of one part."""
        unknown = tagger.unknown_words(part.words, part.offsets)
        gold_spans, types = gold_entities(
            part.frame["tags"], part.offsets, tagger.tags if tagger.binary else ()
        )
        sure = [_mean(part.tagged.probability, part.offsets, gold_spans), part.tagged.spans.probability]
        unscaled = [None, _unscaled(tagger, part)]
        gold, predicted = (
            _entities(
                part.frame, part.offsets, spans, kinds, _mean(unknown, part.offsets, spans)
            ).with_columns(
                surety=pl.Series(sure[side], dtype=pl.Float64),
                unscaled=pl.Series(unscaled[side], dtype=pl.Float64) if side else pl.lit(None, pl.Float64),
            )
            for side, (spans, kinds) in enumerate(((gold_spans, types), (part.tagged.spans, tagger.types)))
        )
        some = np.union1d(gold["sequence"].to_numpy(), predicted["sequence"].to_numpy()).astype(np.int64)
        sentences = part.frame.select("document", "sentence", tokens=pl.col("tags").list.len().cast(pl.Int64))
        texts = part.frame.select(sentence_text="text", sentence_start="start")[some]
        return cls(sentences, gold, predicted, texts.with_columns(sequence=pl.Series(some, dtype=pl.Int64)))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Answers of several parts, one after the other.

        Raises:
            ValueError: no part.
        """
        first = ragged.offsets_of([part.sentences.height for part in parts])
        moved = [part._moved(int(by)) for part, by in zip(parts, first[:-1], strict=True)]
        names = ("sentences", "gold", "predicted", "texts")
        return cls(*(pl.concat([getattr(part, name) for part in moved]) for name in names))

    def _moved(self, by: int) -> Self:
        frames = {
            name: getattr(self, name).with_columns(pl.col("sequence") + by)
            for name in ("gold", "predicted", "texts")
        }
        return replace(self, **frames)


def gold_entities(
    tags: pl.Series, offsets: np.ndarray, known: Sequence[str] = ()
) -> tuple[Spans, tuple[str, ...]]:
    """Entities of labelled sentences, and their types, which `kind` numbers.

    Args:
        tags: (n,) lists of IOB2 tags.
        offsets: (n + 1,) of the tokens.
        known: tags of a yes/no model; others count as O.
    """
    flat = tags.list.explode(empty_as_null=False)
    if known:
        flat = flat.set(~flat.is_in(list(known)), OUTSIDE)
    names = [OUTSIDE, *sorted(set(flat.unique()) - {OUTSIDE})]
    codes = flat.cast(pl.Enum(names)).to_physical().cast(pl.Int32).to_numpy()
    types = tuple(sorted({name[2:] for name in names if name != OUTSIDE}))
    return spans_of(codes, offsets, tag_scheme(names, False)), types


def training_entities(origin: CorpusOrigin, corpus: Dataset) -> pl.DataFrame | None:
    """Text and type of the entities that a model was trained on; None if its corpus is not as it was.

    Args:
        origin: of the model.
        corpus: the one evaluated; it, or the corpus of the origin's name in the home folder, is read.
    """
    for folder in (corpus.folder, home() / "corpora" / origin.name):
        if not (folder / "manifest.json").is_file():
            continue
        dataset = Dataset.open(folder)
        if dataset.digest == origin.digest:
            return pl.concat(list(_training_parts(dataset))).unique(maintain_order=True)
    return None


def _training_parts(dataset: Dataset) -> Iterator[pl.DataFrame]:
    yield pl.DataFrame(schema={"text": pl.String, "type": pl.String})
    for path in dataset.files("data"):
        frame = pl.read_parquet(path, columns=list(COLUMNS), glob=False)
        frame = frame.filter(pl.col("tags").is_not_null(), split="train")
        if frame.height:
            offsets = ragged.offsets_of(frame["tags"].list.len())
            spans, types = gold_entities(frame["tags"], offsets)
            none = np.zeros(len(spans.sequence))
            yield (
                _entities(frame, offsets, spans, types, none)
                .select("text", "type")
                .unique(maintain_order=True)
            )


def _entities(
    frame: pl.DataFrame, offsets: np.ndarray, spans: Spans, types: Sequence[str], unknown: np.ndarray
) -> pl.DataFrame:
    starts, _ = ragged.of_lists(frame["token_start"])
    ends, _ = ragged.of_lists(frame["token_end"])
    first = offsets[spans.sequence]
    rows = frame.select("document", "sentence", "text", sentence_start="start")[spans.sequence]
    out = rows.with_columns(
        sequence=pl.Series(spans.sequence, dtype=pl.Int64),
        start=pl.Series(spans.start, dtype=pl.Int64),
        end=pl.Series(spans.end, dtype=pl.Int64),
        type=pl.Series(np.asarray(types, object)[spans.kind].tolist(), dtype=pl.String),
        char_start=pl.Series(starts[first + spans.start], dtype=pl.Int64),
        char_end=pl.Series(ends[first + spans.end - 1], dtype=pl.Int64),
        unknown=pl.Series(unknown, dtype=pl.Float64),
        surety=pl.lit(None, pl.Float64),
        unscaled=pl.lit(None, pl.Float64),
    )
    inside = pl.col("char_start") - pl.col("sentence_start"), pl.col("char_end") - pl.col("char_start")
    return out.with_columns(text=pl.col("text").str.slice(*inside)).select(list(_ENTITIES))


def _mean(values: np.ndarray, offsets: np.ndarray, spans: Spans) -> np.ndarray:
    """Mean of the values (N,) of each entity's tokens."""
    upto = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    first = offsets[spans.sequence]
    mean: np.ndarray = (upto[first + spans.end] - upto[first + spans.start]) / (spans.end - spans.start)
    return mean


def _units(tagger: Tagger, frame: pl.DataFrame) -> np.ndarray | None:
    """Units of the sentences of a part, as `Tagger.tag_flat` takes them."""
    return tagger.units(frame["document"].rle_id().to_numpy(), frame["sentence"].to_numpy())


def _unscaled(tagger: Tagger, part: LabelledPart) -> np.ndarray:
    """Probabilities of the predicted entities without scaling, (E,); scaling changes no tag."""
    spans = part.tagged.spans
    assert spans.probability is not None
    if not tagger.scaled or not len(spans.sequence):
        return spans.probability
    if tagger.passport.document_window:  # sentences without entities are evidence, too
        again = tagger.unscaled().tag_flat(part.words, part.offsets, units=_units(tagger, part.frame)).spans
    else:
        at, offsets = ragged.places(part.offsets, np.unique(spans.sequence))
        again = tagger.unscaled().tag_flat(part.words.gather(at), offsets).spans
    assert again.probability is not None
    return again.probability
