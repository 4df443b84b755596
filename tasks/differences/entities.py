"""Entities of two taggings of the same sentences: F1 differences with significance, sentences that differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.errors import BadInput
from elman.data.metrics.intervals import units_of
from elman.data.metrics.paired_bootstrap import ENTITY, Difference, entity_counts, paired_bootstrap
from elman.data.metrics.rates import rates
from elman.data.store.dataset import Dataset
from elman.tasks.evaluation.answers import Answers, LabelledParts
from elman.tasks.models import model_folder
from elman.tasks.models.text_tagger import Tagger

ALL = "all types"
SURE = 0.025  # a difference is significant if fewer draws than this lie on the other side of nothing


@dataclass(frozen=True, kw_only=True)
class TypeDifference:
    """F1 of one type by two models on the same sentences.

    Attributes:
        type: of the entities, or ALL.
        gold: entities of it.
        a, b: F1 of each, 0 to 1.
        difference: of b over a, with its interval.
    """

    type: str
    gold: int
    a: float
    b: float
    difference: Difference

    @property
    def significant(self) -> bool:
        """True if the difference is not likely chance: less than SURE of the draws on the other side."""
        return min(self.difference.p, 1 - self.difference.p) < SURE and self.difference.difference != 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        scores = {"type": self.type, "gold": self.gold, "a": self.a, "b": self.b}
        return {**scores, **self.difference.to_json(), "significant": self.significant}


@dataclass(frozen=True, kw_only=True)
class DifferingSentence:
    """A sentence that two taggings differ in.

    Attributes:
        document: its id.
        sentence: number in the document.
        text: of it; "" where only entities are known.
        gold, a, b: entities as "TYPE: text"; gold is None where nothing is labelled.
    """

    document: str
    sentence: int
    text: str
    gold: tuple[str, ...] | None
    a: tuple[str, ...]
    b: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        gold = {} if self.gold is None else {"gold": list(self.gold)}
        place = {"document": self.document, "sentence": self.sentence, "text": self.text}
        return {**place, **gold, "a": list(self.a), "b": list(self.b)}


@dataclass(frozen=True, kw_only=True)
class ScoredDifference:
    """Two models on the labelled sentences of a split.

    Attributes:
        corpus, split: what was tagged.
        sentences: number of them.
        drawn: units of the bootstrap, as "120 documents".
        types: differences, ALL first.
        differing: number of sentences with different entities.
        shown: some of them.
    """

    corpus: str
    split: str
    sentences: int
    drawn: str
    types: tuple[TypeDifference, ...]
    differing: int
    shown: tuple[DifferingSentence, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "corpus": self.corpus,
            "split": self.split,
            "sentences": self.sentences,
            "drawn": self.drawn,
            "types": [of.to_json() for of in self.types],
            "differing": self.differing,
            "differing_sentences": [of.to_json() for of in self.shown],
        }


def compare_models(a: Path, b: Path, corpus: Path, split: str, most: int) -> ScoredDifference:
    """Tag a split with two models of text, and compare their entities with the labels and each other.

    Args:
        a, b: folders of the models.
        corpus: folder of the corpus.
        split: train, dev, test or all.
        most: sentences to show.

    Raises:
        BadInput: a model of DNA, or nothing is labelled in the split.
    """
    dataset = Dataset.open(corpus)
    answers = [_answers(folder, dataset, split) for folder in (a, b)]
    first, second = answers
    gold = pl.concat([of.gold for of in answers]).unique([*ENTITY], maintain_order=True)
    units = units_of(first.sentences)
    types = []
    for name in (ALL, *sorted(gold["type"].unique())):
        frames = [
            frame if name == ALL else frame.filter(type=name)
            for frame in (gold, first.predicted, second.predicted)
        ]
        counts = [entity_counts(units, frames[0], frames[side]) for side in (1, 2)]
        f1 = [float(rates(of.sum(axis=0))[..., 2]) for of in counts]
        drawn = paired_bootstrap(counts[0][None], counts[1][None])
        types.append(TypeDifference(type=name, gold=frames[0].height, a=f1[0], b=f1[1], difference=drawn))
    differing = _differing(first.predicted, second.predicted)
    return ScoredDifference(
        corpus=corpus.name,
        split=split,
        sentences=first.sentences.height,
        drawn=f"{units.count:,} {units.name}",
        types=tuple(types),
        differing=len(differing),
        shown=tuple(_shown(first, second, gold, differing[:most])),
    )


def _answers(folder: Path, dataset: Dataset, split: str) -> Answers:
    tagger = Tagger.of(model_folder.read(folder))
    if dataset.meta.get("unit") != tagger.passport.unit:
        raise BadInput(
            f"a corpus of text tokenized by {tagger.passport.unit}, as {tagger.version} was trained",
            got=f"a {dataset.kind} tokenized by {dataset.meta.get('unit')}",
            todo="Name another with --on.",
            source=dataset.folder,
        )
    parts = [Answers.of(tagger, part) for part in LabelledParts(tagger, dataset, split, ())]
    if not parts:
        raise BadInput(
            f"labelled sentences in the {split} split",
            got="none",
            todo="Name another --split, or another corpus with --on.",
            source=dataset.folder,
        )
    return Answers.join(parts)


def _differing(a: pl.DataFrame, b: pl.DataFrame) -> list[int]:
    """Sequences with an entity that only one of two frames has, in order."""
    only = [x.join(y, on=list(ENTITY), how="anti")["sequence"] for x, y in ((a, b), (b, a))]
    return sorted({*only[0], *only[1]})


def _shown(first: Answers, second: Answers, gold: pl.DataFrame, some: Sequence[int]) -> Iterator[Any]:
    texts = pl.concat([first.texts, second.texts]).unique("sequence")
    known = dict(texts.select("sequence", "sentence_text").rows())
    frames = [
        frame.filter(pl.col("sequence").is_in(list(some)))
        for frame in (gold, first.predicted, second.predicted)
    ]
    for sequence in some:
        document, number, _ = first.sentences.row(int(sequence))
        named = [_named(frame.filter(sequence=sequence)) for frame in frames]
        text = str(known.get(sequence, ""))
        yield DifferingSentence(
            document=document, sentence=int(number), text=text, gold=named[0], a=named[1], b=named[2]
        )


def _named(entities: pl.DataFrame) -> tuple[str, ...]:
    rows = entities.sort("start", "end", "type").select("type", "text").rows()
    return tuple(f"{kind}: {text}" for kind, text in rows)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Entities of one type in two outputs.

    Attributes:
        type: of them, or ALL.
        both: with the same place and type in both.
        only_a, only_b: the others.
    """

    type: str
    both: int
    only_a: int
    only_b: int

    @property
    def f1(self) -> float:
        """Agreement as F1 of one by the other, 0 to 1; 1 where neither has any."""
        of = np.array([self.both, self.both + self.only_a, self.both + self.only_b])
        return float(rates(of)[..., 2]) if of.any() else 1.0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        counts = {"both": self.both, "only_a": self.only_a, "only_b": self.only_b}
        return {"type": self.type, **counts, "agreement_f1": self.f1}


@dataclass(frozen=True, kw_only=True)
class OutputDifference:
    """Two outputs: entities or intervals of the sources that both have.

    Attributes:
        sources: names of these.
        types: agreement, ALL first.
        differing: number of sentences, or intervals of DNA, that differ.
        shown: some of the sentences.
    """

    sources: int
    types: tuple[Agreement, ...]
    differing: int
    shown: tuple[DifferingSentence, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "sources": self.sources,
            "types": [of.to_json() for of in self.types],
            "differing": self.differing,
            "differing_sentences": [of.to_json() for of in self.shown],
        }


def compare_outputs(a: Path, b: Path, common: Sequence[str], most: int) -> OutputDifference:
    """Compare the entities of two outputs of text, in the sources that both have.

    Args:
        a, b: folders of the outputs.
        common: names of these sources.
        most: sentences to show.
    """
    place = ["source", "document", "sentence", "start", "end", "type"]
    frames = [
        Dataset.open(folder).scan().filter(pl.col("source").is_in(list(common))).select(*place, "text")
        for folder in (a, b)
    ]
    x, y = (frame.collect() for frame in frames)
    only_x, only_y = x.join(y, on=place, how="anti"), y.join(x, on=place, how="anti")
    both = x.join(y, on=place, how="semi")
    counts = [dict(frame["type"].value_counts().rows()) for frame in (both, only_x, only_y)]
    total = Agreement(type=ALL, both=both.height, only_a=only_x.height, only_b=only_y.height)
    types = [
        Agreement(type=name, both=of[0], only_a=of[1], only_b=of[2])
        for name in sorted({*counts[0], *counts[1], *counts[2]})
        for of in [[count.get(name, 0) for count in counts]]
    ]
    sentence = place[:3]
    differing = pl.concat([only_x, only_y]).select(sentence).unique().sort(sentence)
    shown = []
    for source, document, number in differing.head(most).rows():
        named = [_named(frame.filter(source=source, document=document, sentence=number)) for frame in (x, y)]
        shown.append(
            DifferingSentence(document=document, sentence=number, text="", gold=None, a=named[0], b=named[1])
        )
    return OutputDifference(
        sources=len(common), types=(total, *types), differing=differing.height, shown=tuple(shown)
    )
