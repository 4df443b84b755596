"""Likely label errors, by cross-validated disagreement.

Labelled sentences are parted into folds, documents whole where there are enough of them. For each fold a
network of the `fast` preset is trained on the others and tags it. A sentence is listed where a tag differs
from the given one and its calibrated probability is at least CONFIDENT; the most probable first. After the
out-of-sample probabilities of confident learning (Northcutt, Jiang and Chuang, 2021, section 3).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import polars as pl

from elman.data.encoding.encode import COLUMNS, EncodeConfig, encode, tokens_of
from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.data.text.tags import Span, spans
from elman.rnn.inference.decode import Decoder
from elman.tasks.models.presets import RARE_SHARE, preset
from elman.tasks.runtime.console import print_status
from elman.tasks.training.fitting import calibrate, fit
from elman.tasks.training.text import architecture, fit_config
from elman.tasks.training.training_data import TrainingData

PRESET, SEED = "fast", 0
FOLDS = 5
CONFIDENT = 0.9
LEAST = 50  # labelled sentences
MOST = 100  # sentences listed
_GROUP = 10  # sentences held out together where there are too few documents


@dataclass(frozen=True)
class LikelyError:
    """A sentence whose labels a network disagrees with.

    at: byte of its record in the source, and its first character in the document; given, predicted: the
    entities that only one side has, as text and type; probability: the highest of a tag that differs,
    predicted without having seen the sentence.
    """

    source: str
    document: str
    sentence: int
    at: tuple[int, int]
    text: str
    given: tuple[str, ...]
    predicted: tuple[str, ...]
    probability: float

    def __str__(self) -> str:
        given, predicted = (", ".join(some) or "none" for some in (self.given, self.predicted))
        return f"given {given}; predicted {predicted} ({self.probability:.3f}): {self.text[:80]}"


@dataclass(frozen=True)
class LabelErrors:
    """Likely label errors of a corpus.

    found: the most probable, at most MOST; count: of all; sentences: that were tagged; seconds: it took.
    """

    found: tuple[LikelyError, ...]
    count: int
    sentences: int
    seconds: float


def likely_label_errors(dataset: Dataset) -> LabelErrors:
    """Find likely label errors of a corpus of text, in all its splits; takes the memory of a training.

    Raises:
        BadInput: fewer than LEAST labelled sentences, or no entities.
    """
    began = time.monotonic()
    sentences = _folded(dataset)
    if len(sentences) < LEAST:
        todo = "Label more of them, or check without --label-errors."
        raise BadInput(
            f"at least {LEAST} labelled sentences", got=str(len(sentences)), todo=todo, source=dataset.folder
        )
    parts = []
    for fold in sorted(sentences["fold"].unique()):
        parts.append(_disagreements(dataset, sentences, fold))
        print_status(f"label errors: fold {fold + 1} of {FOLDS}, {time.monotonic() - began:.0f} s")
    order = ["probability", "document", "sentence"]
    all_found = pl.concat(parts).sort(order, descending=[True, False, False])
    found = tuple(_described(dataset, all_found.head(MOST)))
    return LabelErrors(found, len(all_found), len(sentences), round(time.monotonic() - began, 1))


def _folded(dataset: Dataset) -> pl.DataFrame:
    """Columns document, sentence and fold of the labelled sentences."""
    labelled = pl.col("tags").list.len() > 0
    columns = ("document", "sentence")
    frames = (
        pl.scan_parquet(path, glob=False).filter(labelled).select(columns).collect()
        for path in dataset.files("data")
    )
    rows = pl.concat(frames)
    whole = rows["document"].n_unique() >= 2 * FOLDS
    unit = pl.lit(0) if whole else pl.col("sentence") // _GROUP
    rows = rows.with_columns(unit=pl.concat_str("document", unit.cast(pl.String), separator="\0"))
    units = rows.select(pl.col("unit").unique()).to_series()
    by_hash = sorted(units.to_list(), key=lambda name: (crc32(name.encode()), name))
    folds = pl.DataFrame({"unit": by_hash, "fold": [number % FOLDS for number in range(len(by_hash))]})
    return rows.join(folds, on="unit", how="left", maintain_order="left").drop("unit")


def _disagreements(dataset: Dataset, sentences: pl.DataFrame, fold: int) -> pl.DataFrame:
    """Sentences of a fold where confident predictions differ: document, sentence, probability, tags."""

    def frames() -> Iterator[pl.DataFrame]:
        for path in dataset.files("data"):
            rows = pl.read_parquet(path, columns=list(COLUMNS), glob=False).drop("split")
            yield rows.join(
                sentences, on=["document", "sentence"], how="inner", maintain_order="left"
            ).with_columns(
                split=pl.when(pl.col("fold") == fold).then(pl.lit("test")).otherwise(pl.lit("train"))
            )

    chosen, unit = preset(PRESET), dataset.meta["unit"]
    config = EncodeConfig(templates=chosen.blocks[unit], rare=chosen.rare[unit], rare_share=RARE_SHARE)
    data = TrainingData.of(encode(frames, config))
    network = architecture(data, PRESET)
    params = fit(data, network, fit_config(PRESET, {}, len(data.train)), SEED).params
    decoder = Decoder(network, params, data.scheme, temperature=calibrate(data, network, params))
    prediction = decoder.tag_with_probabilities(data.bags, data.sequences("test"))
    assert prediction.tag_probability is not None
    tags, offsets = data.predicted_tags(prediction), data.encoded.splits["test"].offsets
    surprise = np.where(tags != data.gold("test"), prediction.tag_probability, 0)
    highest = np.maximum.reduceat(surprise, offsets[:-1])
    names = pl.Series(data.by_sentence("test", tags), dtype=pl.List(pl.String))
    rows = data.encoded.splits["test"].keys.with_columns(
        probability=pl.Series(highest, dtype=pl.Float64), predicted=names
    )
    return rows.filter(pl.col("probability") >= CONFIDENT)


def _described(dataset: Dataset, rows: pl.DataFrame) -> Iterator[LikelyError]:
    """The sentences of some disagreements, in their order."""
    texts = pl.concat(
        pl.read_parquet(path, glob=False).join(
            rows.select("document", "sentence"), on=["document", "sentence"], how="semi"
        )
        for path in dataset.files("data")
    )
    found = rows.join(texts, on=["document", "sentence"], how="left", maintain_order="left")
    words, offsets = tokens_of(found)
    for number, row in enumerate(found.iter_rows(named=True)):
        tokens = words[int(offsets[number]) : int(offsets[number + 1])].to_list()
        given, predicted = set(spans(row["tags"])), set(spans(row["predicted"]))
        yield LikelyError(
            row["source"],
            row["document"],
            row["sentence"],
            (row["byte_offset"], row["start"]),
            row["text"],
            _named(tokens, given - predicted),
            _named(tokens, predicted - given),
            round(row["probability"], 4),
        )


def _named(tokens: list[str], entities: set[Span]) -> tuple[str, ...]:
    return tuple(f"{' '.join(tokens[start:end])} {kind}" for start, end, kind in sorted(entities))
