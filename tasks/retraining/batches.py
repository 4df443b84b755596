"""Batches of new data: looked at before they are ingested, and held apart if they would harm a challenger.

A batch is what one retraining finds new. It is held apart if it has other entity types than the corpus, words
that the champion does not know (another language) or labels that contradict it (shuffled ones, say). What is
normal is learned from the champion's answers to its own test documents, drawn again and again at the batch's
size. A batch of DNA is held apart if its annotation has hardly any genes, or genes that cannot be read;
genomes unlike those of the corpus are welcome.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.corpus.contig_pieces import Stretch, stretches_of
from elman.data.genome.annotation_rules import CDS
from elman.data.genome.nucleotides import reverse_complement_text
from elman.data.metrics.intervals import units_of
from elman.data.metrics.paired_bootstrap import entity_counts
from elman.data.metrics.rates import rates
from elman.data.sources.reading import HashedSource
from elman.data.store.dataset import MANIFEST, Dataset
from elman.tasks.evaluation.answers import Answers, LabelledParts
from elman.tasks.ingest.commit import commit
from elman.tasks.ingest.sources import Requested, corpus_options, corpus_writer, find_sources
from elman.tasks.ingest.staging import bad_records, stage_sources
from elman.tasks.models.text_tagger import Tagger
from elman.tasks.retraining.held import held_batches
from elman.tasks.retraining.score_gate import AGREEMENT, OTHER_LABELS, UNKNOWN_RISE, draws_of
from elman.tasks.runtime.source_copies import source_copies

FEWEST = 20  # entities in gold from which labels are judged
CODING_SHARE = 0.25  # of the corpus' coding share, below which annotated genomes are held apart
UNREADABLE = 0.2  # share of coding intervals with stop codons in every frame, from which they are
SHORTEST = 150  # bases of a coding interval that is read
STOPS = ({"TAA", "TAG"}, {"TGA"})  # no genetic code of genomes we know reads both kinds as amino acids


@dataclass(frozen=True, kw_only=True)
class Batch:
    """New sources of a retraining, read into a corpus of their own."""

    folder: Path
    sources: tuple[HashedSource, ...]


def read_batch(
    sources: Sequence[Path], split: str | None, requested: Requested, corpus: Path, into: Path
) -> Batch | None:
    """Read what a corpus lacks, and what is not held apart, into a corpus of its own; None if nothing is new.

    Args:
        sources: files and folders.
        split: of all of it; None for the usual rules.
        requested: options of reading.
        corpus: folder of the corpus that is to grow.
        into: folder of the new one; replaced.
    """
    known = {held["sha256"] for batch in held_batches(corpus.name) for held in batch.sources}
    if (corpus / MANIFEST).exists():
        known |= {entry["sha256"] for entry in Dataset.open(corpus).sources}
    shutil.rmtree(into, ignore_errors=True)
    with source_copies() as copies:
        found = find_sources(sources, split, requested, copies)
        new = tuple({of.sha256: of for of in found.sources if of.sha256 not in known}.values())
        if not new:
            return None
        options = corpus_options(corpus, found, requested)
        with corpus_writer(into, found.family, options) as writer:
            shards = stage_sources(writer.staging, new, options)
            if bad_records(writer.staging, shards) is None:  # else the ingest says what is bad, and ends
                commit(writer, new, shards, options)
    return Batch(folder=into, sources=new) if (into / MANIFEST).exists() else None


def why_hold(batch: Path, corpus: Path, champion: Path, frozen: Sequence[str]) -> str:
    """The reason to hold a batch of text apart; "" if there is none.

    Args:
        batch: folder of the corpus it was read into.
        corpus: folder of the corpus that is to grow.
        champion: folder of the champion.
        frozen: sha256 of the sources of its test documents.
    """
    dataset, whole = Dataset.open(batch), Dataset.open(corpus)
    tagger = Tagger.load(champion)
    new = _Answered.of(tagger, dataset, "all", ())
    if new is None:
        return ""
    reason = _other_types(new.gold, tuple(whole.meta.get("types", ())))
    normal = None if reason else _Answered.of(tagger, whole, "test", frozen)
    return reason if normal is None else _other_language(new, normal) or _other_labels(new, normal)


def why_hold_genes(batch: Path, corpus: Path) -> str:
    """The reason to hold a batch of DNA apart; "" if there is none, or nothing of it is annotated.

    Args:
        batch: folder of the corpus it was read into.
        corpus: folder of the corpus that is to grow.
    """
    new = _Coding.of(batch, read=True)
    if not new.bases:
        return ""
    usual = _Coding.of(corpus, read=False)
    if new.share < CODING_SHARE * usual.share:
        return (
            f"genomes without genes: {100 * new.share:.1f} % of their annotated bases are coding, of the "
            f"corpus {100 * usual.share:.1f} %"
        )
    broken = min(new.unreadable)
    if broken >= max(UNREADABLE * new.intervals, 1):
        return (
            f"labels that contradict the sequence: {broken:,} of {new.intervals:,} coding intervals have "
            "stop codons in every frame"
        )
    return ""


@dataclass
class _Coding:
    """Coding bases of an annotation, and its coding intervals of SHORTEST bases or more.

    Attributes:
        bases, coding: annotated, and of these in coding intervals.
        intervals: whose frames were read.
        unreadable: of them, those with a stop codon of each set of STOPS in every frame.
    """

    bases: int = 0
    coding: int = 0
    intervals: int = 0
    unreadable: tuple[int, ...] = (0,) * len(STOPS)

    @property
    def share(self) -> float:
        """Coding share of the annotated bases."""
        return min(self.coding / max(self.bases, 1), 1.0)

    @classmethod
    def of(cls, corpus: Path, *, read: bool) -> Self:
        """Count the coding bases of the annotated stretches of a corpus, and read their frames."""
        found = cls()
        for stretch in stretches_of(corpus, "all"):
            if stretch.features is not None:
                found._add(stretch, stretch.features, read)
        return found

    def _add(self, stretch: Stretch, features: pl.DataFrame, read: bool) -> None:
        self.bases += len(stretch)
        inside = features.filter(pl.col("label") == CDS).select(
            start=(pl.col("start") - stretch.start).clip(0, len(stretch)),
            end=(pl.col("end") - stretch.start).clip(0, len(stretch)),
            strand="strand",
        )
        self.coding += int((inside["end"] - inside["start"]).sum())
        long = inside.filter(read, pl.col("end") - pl.col("start") >= SHORTEST)
        for start, end, strand in long.iter_rows():
            bases = stretch.bases[start:end]
            frames = _codons(bases.upper() if strand == "+" else reverse_complement_text(bases))
            self.intervals += 1
            broken = (all(not stops.isdisjoint(frame) for frame in frames) for stops in STOPS)
            self.unreadable = tuple(n + one for n, one in zip(self.unreadable, broken, strict=True))


def _codons(bases: str) -> list[set[str]]:
    """Codons of the three frames of an interval, without the last two: its own stop is no mistake."""
    inner = bases[:-6]
    return [{inner[at : at + 3] for at in range(frame, len(inner) - 2, 3)} for frame in range(3)]


@dataclass(frozen=True)
class _Answered:
    """Answers of the champion to labelled sentences.

    Attributes:
        gold: entities.
        units: (U, 5) of each document or block: tokens, unknown ones; entities correct, predicted, gold.
    """

    gold: pl.DataFrame
    units: npt.NDArray[np.int64]

    @classmethod
    def of(cls, tagger: Tagger, corpus: Dataset, split: str, contents: Sequence[str]) -> Self | None:
        """Answers to a split of the sources of these contents; None if nothing is labelled there."""
        parts, unknown = [], []
        for part in LabelledParts(tagger, corpus, split, contents):
            parts.append(Answers.of(tagger, part))
            flags = tagger.unknown_words(part.words, part.offsets)
            total = np.concatenate([[0], np.cumsum(flags)])
            unknown.append(total[part.offsets[1:]] - total[part.offsets[:-1]])
        if not parts:
            return None
        answers = Answers.join(parts)
        units = units_of(answers.sentences)
        words = [answers.sentences["tokens"].to_numpy(), np.concatenate(unknown)]
        sizes = [np.bincount(units.of_sentence, of, units.count).astype(np.int64) for of in words]
        counts = entity_counts(units, answers.gold, answers.predicted)
        return cls(answers.gold, np.column_stack([*sizes, counts]))

    @property
    def unknown(self) -> float:
        """Share of tokens that the vocabulary lacks."""
        return float(_unknown(self.units.sum(axis=0)))

    @property
    def f1(self) -> float:
        """Entity F1."""
        return float(rates(self.units.sum(axis=0)[2:])[2])


def _unknown(sums: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    share: npt.NDArray[np.float64] = sums[..., 1] / np.maximum(sums[..., 0], 1)
    return share


def _other_types(gold: pl.DataFrame, known: Sequence[str]) -> str:
    other = gold.filter(~pl.col("type").is_in(list(known)))
    if not known or other.height <= OTHER_LABELS * gold.height:
        return ""
    listed = ", ".join(sorted(other["type"].unique())[:10])
    return (
        f"another tag scheme: {other.height:,} of {gold.height:,} entities have types that the corpus lacks "
        f"({listed}); it has {', '.join(known)}"
    )


def _other_language(new: _Answered, normal: _Answered) -> str:
    usual = float(_unknown(draws_of(normal.units, new.units[:, 0].sum())).max())
    if new.unknown <= usual + UNKNOWN_RISE:
        return ""
    return (
        f"another language or subject: {100 * new.unknown:.0f} % of its words are unknown to the champion, "
        f"of its test documents {100 * usual:.0f} % at most"
    )


def _other_labels(new: _Answered, normal: _Answered) -> str:
    if new.gold.height < FEWEST:
        return ""
    usual = float(rates(draws_of(normal.units, new.units[:, 0].sum())[:, 2:])[:, 2].min())
    if new.f1 >= AGREEMENT * usual:
        return ""
    return (
        f"labels that contradict the champion: its F1 against them is {100 * new.f1:.1f}, on its test "
        f"documents {100 * usual:.1f} at least"
    )
