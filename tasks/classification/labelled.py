"""Labelled documents of a corpus, and pieces of labelled contigs, encoded for training and scoring."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from elman.data.corpus.contig_pieces import stretches_of
from elman.data.corpus.shards import DNA, TEXT
from elman.data.encoding.encode import tokens_of
from elman.data.encoding.features import Features, FeatureTemplate, bag_ids, contexts, distinct, reach_of
from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.compute.ragged import offsets_of
from elman.tasks.classification.hexamers import Hexamers, joined_bags
from elman.tasks.classification.presets import PIECES

HELD_OUT = 0.1  # share of the training documents that judge where a corpus has no dev split
_ADVICE = (
    "Ingest documents with labels: JSON lines with `label`, --label-column of a table, or "
    "--label-from folder of files."
)
_COLUMNS = ("document", "source", "split", "text", "start", "token_start", "token_end")


@dataclass(frozen=True)
class Labelled:
    """Labelled documents of one split, as sequences.

    Attributes:
        ids: of the documents; of DNA CONTIG:START.
        labels: of each.
        sequences: n of them, one a document.
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    sequences: Sequences

    def classes(self, known: Sequence[str]) -> np.ndarray:
        """Class of each document, (n,) int32; -1 for a label that is not known."""
        numbers = {label: number for number, label in enumerate(known)}
        return np.array([numbers.get(label, -1) for label in self.labels], np.int32)

    def of_labels(self, known: Sequence[str]) -> "Labelled":
        """The documents with one of these labels."""
        chosen = np.flatnonzero(self.classes(known) >= 0)
        return self.take(chosen)

    def take(self, chosen: np.ndarray) -> "Labelled":
        """Some of the documents, in this order."""
        ids, labels = (tuple(values[n] for n in chosen) for values in (self.ids, self.labels))
        return Labelled(ids, labels, self.sequences.take(chosen))


@dataclass(frozen=True)
class LabelledCorpus:
    """Labelled documents of a corpus by split, with the symbols they are made of.

    Attributes:
        symbols: Features of text, Hexamers of DNA.
        bags: of all symbols; the feature bags of text, a bag for each step of DNA.
        splits: by name.
    """

    symbols: Features | Hexamers
    bags: Bags
    splits: dict[str, Labelled] = field(default_factory=dict)


def labels_of(dataset: Dataset) -> pl.DataFrame:
    """Labels of the documents of a corpus (schema.LABELS).

    Raises:
        BadInput: it is neither text nor DNA, or has no labels.
    """
    of_labels = any("labels" in shard.files for shard in dataset.shards)
    if dataset.kind not in (TEXT, DNA) or not of_labels:
        got = "none" if dataset.kind in (TEXT, DNA) else f"a dataset of kind {dataset.kind}"
        raise BadInput("a corpus whose documents have labels", got=got, todo=_ADVICE, source=dataset.folder)
    return dataset.scan("labels").collect()


def read_labelled(
    dataset: Dataset,
    splits: Sequence[str],
    templates: Sequence[FeatureTemplate] = (),
    symbols: Features | Hexamers | None = None,
) -> LabelledCorpus:
    """Read and encode the labelled documents of some splits.

    Args:
        dataset: the corpus.
        splits: names; `all` for every document.
        templates: of text, of features that are fitted to the split `train` if no `symbols` are given.
        symbols: of a model.

    Raises:
        BadInput: the corpus has no labels, or is of another kind than the symbols.
    """
    labels = labels_of(dataset)
    of_dna = dataset.kind == DNA
    if symbols is not None and of_dna != isinstance(symbols, Hexamers):
        raise BadInput(
            f"a corpus of {'text' if of_dna else 'DNA'}, as the model was trained on",
            got="DNA" if of_dna else "text",
            todo="Name another corpus or model.",
            source=dataset.folder,
        )
    if of_dna:
        return _of_dna(dataset, labels, splits)
    assert not isinstance(symbols, Hexamers)
    return _of_text(dataset, labels, splits, templates, symbols)


def _of_dna(dataset: Dataset, labels: pl.DataFrame, splits: Sequence[str]) -> LabelledCorpus:
    """Pieces of 5,000 bases; every piece is a document here."""
    known = {(document, source): label for document, source, label in labels.iter_rows()}
    hexamers, found, first, out = Hexamers(), list[Bags](), 0, dict[str, Labelled]()
    for split in splits:
        ids, own, lengths = list[str](), list[str](), list[int]()
        for stretch in stretches_of(dataset.folder, split):
            label = known.get((stretch.contig, stretch.source))
            for at in range(0, len(stretch) if label is not None else 0, PIECES["base"]):
                bags = hexamers.bags(stretch.bases[at : at + PIECES["base"]])
                found.append(bags)
                ids.append(f"{stretch.contig}:{stretch.start + at}")
                own.append(str(label))
                lengths.append(len(bags))
        if ids:
            total = sum(lengths)
            tokens = np.arange(first, first + total, dtype=np.int32)
            out[split] = Labelled(tuple(ids), tuple(own), Sequences(tokens, offsets_of(lengths)))
            first += total
    return LabelledCorpus(hexamers, joined_bags(found) if found else Bags.single(1), out)


def _of_text(
    dataset: Dataset,
    labels: pl.DataFrame,
    splits: Sequence[str],
    templates: Sequence[FeatureTemplate],
    features: Features | None,
) -> LabelledCorpus:
    reach = features.reach if features is not None else reach_of(templates)

    def rows() -> Iterator[tuple[str, pl.DataFrame]]:
        for path in dataset.files("data"):
            frame = pl.read_parquet(path, columns=list(_COLUMNS), glob=False)
            frame = frame.join(labels, on=["document", "source"], how="inner", maintain_order="left")
            if "all" in splits:
                yield "all", frame
                continue
            for (split,), part in frame.group_by("split", maintain_order=True):
                if split in splits:
                    yield str(split), part

    keys: pl.DataFrame | None = None
    for split, part in rows():
        seen = distinct(contexts(*tokens_of(part), reach))
        if split != "train":
            seen = seen.with_columns(count=pl.lit(0, pl.Int64))
        keys = seen if keys is None else distinct(pl.concat([keys, seen]))
    if keys is None:
        return LabelledCorpus(features or Features.fit(_NO_KEYS, templates), Bags.single(1))
    if features is None:
        features = Features.fit(keys.filter(pl.col("count") > 0), templates)
    gathered: dict[str, _Gathered] = {}
    for split, part in rows():
        words, offsets = tokens_of(part)
        bags = bag_ids(contexts(words, offsets, reach), keys)
        gathered.setdefault(split, _Gathered()).add(part, bags, np.diff(offsets))
    made = features.bags(keys)
    found = {split: own.labelled() for split, own in gathered.items()}
    return LabelledCorpus(features, Bags(made.rows, made.offsets, made.unknown), found)


_NO_KEYS = pl.DataFrame(schema={"w+0": pl.String, "count": pl.Int64})


class _Gathered:
    """Sentences of a split, joined to documents as they come."""

    def __init__(self) -> None:
        self.keys, self.labels = list[tuple[str, str]](), list[str]()
        self.lengths, self.bags = list[int](), list[np.ndarray]()

    def add(self, rows: pl.DataFrame, bags: np.ndarray, lengths: np.ndarray) -> None:
        """Add sentences: their rows, the bags of all their tokens, and the tokens of each."""
        self.bags.append(bags)
        named = rows.select("document", "source", "label").iter_rows()
        for (document, source, label), length in zip(named, lengths.tolist(), strict=True):
            if not self.keys or self.keys[-1] != (document, source):
                self.keys.append((document, source))
                self.labels.append(label)
                self.lengths.append(0)
            self.lengths[-1] += length

    def labelled(self) -> Labelled:
        """The documents."""
        ids = tuple(document for document, _ in self.keys)
        tokens = np.concatenate(self.bags).astype(np.int32)
        return Labelled(ids, tuple(self.labels), Sequences(tokens, offsets_of(self.lengths)))


def with_dev(corpus: LabelledCorpus) -> tuple[LabelledCorpus, int]:
    """The corpus with a dev split: a tenth of the training documents by hash where it has none; how many."""
    train = corpus.splits.get("train")
    if "dev" in corpus.splits or train is None or len(train.ids) < 2:
        return corpus, 0
    order = np.argsort([hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest() for id in train.ids])
    count = max(round(HELD_OUT * len(order)), 1)
    held, kept = np.sort(order[:count]), np.sort(order[count:])
    splits = {**corpus.splits, "train": train.take(kept), "dev": train.take(held)}
    return LabelledCorpus(corpus.symbols, corpus.bags, splits), count
