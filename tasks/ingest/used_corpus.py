"""Corpora that a run used, as its record and MLflow name them: the whole, and the splits that it scored."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from elman.data.corpus.about import about_in
from elman.data.store.dataset import Dataset
from elman.tasks.ingest.result import split_counts
from elman.tasks.runtime.run_record import RunRecord, UsedDataset

ALL_SPLITS = "all"
_CONTEXTS = {"train": "training", "dev": "validation"}


def log_corpus(run: RunRecord, folder: Path, context: str = "", splits: Sequence[str] = ()) -> None:
    """Tie a run to a corpus and to splits of it.

    Args:
        run: the record.
        folder: of the corpus.
        context: what the whole corpus was used for; without it only the splits are named.
        splits: train, dev, test or all, as far as the corpus has them. A split's digest is that of its own
            shards, so that it stays when another split grows.
    """
    corpus = Dataset.open(folder)
    sizes = split_counts(corpus)
    whole = UsedDataset(
        name=folder.name,
        folder=str(corpus.folder),
        digest=corpus.digest,
        context=context,
        counts=corpus.manifest["totals"]["counts"],
        kind=corpus.kind,
        about=about_in(corpus.meta),
    )
    if context:
        run.log_dataset(whole)
    for split in splits:
        part = replace(whole, name=f"{folder.name} {split}", split=split)
        if split == ALL_SPLITS:
            run.log_dataset(replace(part, context="test"))
        elif split in sizes:
            as_used = _CONTEXTS.get(split, split)
            run.log_dataset(
                replace(part, digest=_digest(corpus, split), context=as_used, counts=sizes[split])
            )


def _digest(corpus: Dataset, split: str) -> str:
    """sha256 of the hashes of the shards that hold a split."""
    shards = (
        shard.files["data"].sha256
        for shard in corpus.shards
        if any(name.startswith(f"{split}_") for name in shard.counts)
    )
    return hashlib.sha256("\n".join(sorted(shards)).encode()).hexdigest()
