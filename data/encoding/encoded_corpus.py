"""Encoded corpus: ragged integer arrays of a labelled corpus, stored as a dataset.

Tables of the dataset:
    data       bag, tag: one row per token, one shard per split
    sentences  document, sentence, length: one row per sentence, in the order of the tokens
    rows       row: the rows of all bags, concatenated
    bags       length, unknown: one row per bag
and `vocabulary.json`. The manifest's meta holds the tags and counts of what was left out.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.encoding.features import Bags, Features
from elman.data.store.dataset import Dataset
from elman.data.store.disk import atomic_write
from elman.data.store.writer import DatasetWriter

KIND = "encoded"
VOCABULARY = "vocabulary.json"


@dataclass(frozen=True)
class EncodedSentences:
    """Sentences of one split, as ragged arrays.

    tokens (N,) int32: the bag of each token; tags (N,) int32: its tag, an index of `EncodedCorpus.all_tags`;
    offsets (n + 1,) int64: ragged offsets of the sentences; keys: document, sentence, and of silver sentences
    score, one row per sentence.
    """

    tokens: np.ndarray
    tags: np.ndarray
    offsets: np.ndarray
    keys: pl.DataFrame

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True, kw_only=True)
class EncodingNotes:
    """Counts of what was left out of an encoded corpus or held out of its training split.

    types_unseen_in_training: types that stand in other splits only, sorted; silver: silver sentences by what
    became of them, see `data.corpus.silver`, written if there are some.
    """

    unlabelled_sentences: int
    held_out_sentences: int = 0
    types_unseen_in_training: tuple[str, ...] = ()
    silver: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, in the order of passport.json."""
        plain = {**asdict(self), "types_unseen_in_training": list(self.types_unseen_in_training)}
        return plain if self.silver else {name: value for name, value in plain.items() if name != "silver"}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "EncodingNotes":
        """Read what `to_json` gave."""
        return cls(**{**value, "types_unseen_in_training": tuple(value["types_unseen_in_training"])})


@dataclass(frozen=True)
class EncodedCorpus:
    """Encoded corpus in memory.

    tags: classes of the network, `O` and the tags of the types in the training split;
    all_tags: these, then the tags of types that occur in other splits only, which no prediction can match;
    notes: counts of what was left out or held out.
    """

    features: Features
    bags: Bags
    tags: tuple[str, ...]
    all_tags: tuple[str, ...]
    splits: dict[str, EncodedSentences]
    notes: EncodingNotes


def write(
    folder: Path, encoded: EncodedCorpus, config: Mapping[str, Any], sources: list[dict[str, Any]]
) -> Dataset:
    """Write an encoded corpus as a dataset.

    Args:
        folder: of the dataset.
        encoded: the corpus.
        config: options it was encoded with, plain values.
        sources: corpora it was made from, with their digests.
    """
    with DatasetWriter(folder, kind=KIND, config=config) as writer:
        bags = encoded.bags
        tables = {
            "rows": pl.DataFrame({"row": bags.rows}),
            "bags": pl.DataFrame({"length": np.diff(bags.offsets), "unknown": bags.unknown}),
        }
        shards = [writer.stage("bags", "bags", tables)]
        for split, part in encoded.splits.items():
            tables = {
                "data": pl.DataFrame({"bag": part.tokens, "tag": part.tags}),
                "sentences": part.keys.with_columns(length=pl.Series(np.diff(part.offsets))),
            }
            counts = {"sentences": len(part), "tokens": len(part.tokens)}
            shards.append(writer.stage(split, split, tables, counts=counts))
        vocabulary = writer.scratch(VOCABULARY)
        atomic_write(vocabulary, encoded.features.to_bytes())
        meta = {
            "tags": list(encoded.tags),
            "all_tags": list(encoded.all_tags),
            "contexts": bags.contexts,
            "notes": encoded.notes.to_json(),
        }
        return writer.commit(shards, sources=sources, meta=meta, exports={VOCABULARY: vocabulary})


def read(folder: Path) -> EncodedCorpus:
    """Read an encoded corpus and verify the hash of every file.

    Raises:
        BadInput, IntegrityError: as `Dataset`.
    """
    dataset = Dataset.open(folder)
    features = Features.from_json(json.loads(dataset.export(VOCABULARY).read_bytes()))
    meta = dataset.meta
    shards = {shard.id: shard for shard in dataset.shards}

    # All arrays are writable, as Numba compiles kernels anew for read-only ones.
    def table(shard: str, name: str) -> pl.DataFrame:
        dataset.files(name)  # compares the hashes
        return pl.read_parquet(folder / shards[shard].files[name].path, glob=False)

    per_bag = table("bags", "bags")
    bags = Bags(
        table("bags", "rows")["row"].to_numpy(writable=True),
        ragged.offsets_of(per_bag["length"]),
        per_bag["unknown"].to_numpy(writable=True),
        meta["contexts"],
    )
    splits = {}
    for split in sorted(set(shards) - {"bags"}):
        tokens, sentences = table(split, "data"), table(split, "sentences")
        splits[split] = EncodedSentences(
            tokens["bag"].to_numpy(writable=True),
            tokens["tag"].to_numpy(writable=True),
            ragged.offsets_of(sentences["length"]),
            sentences.drop("length"),
        )
    tags = tuple(meta["tags"]), tuple(meta["all_tags"])
    return EncodedCorpus(features, bags, *tags, splits, EncodingNotes.from_json(meta["notes"]))
