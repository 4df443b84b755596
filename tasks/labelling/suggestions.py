"""Suggestions as a dataset: a table of the chosen documents, and tasks for an annotation tool."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.exports import registry as exports
from elman.data.store import schema
from elman.data.store.dataset import Dataset, Shard
from elman.data.store.disk import key_of
from elman.data.store.writer import DatasetWriter
from elman.tasks.labelling.choice import SPARE, Candidates, Choice, choose, doubts_of

KIND = "suggestions"
_KEY = ("source", "document")


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """Result of `elman suggest`.

    Attributes:
        out: folder of the suggestions.
        tasks: file for the annotation tool.
        model: version that tagged.
        documents: suggested.
        of: documents that were looked at.
        sources: that the suggested come from.
        expected_errors: in all suggested documents.
        digest: sha256 of the manifest.
    """

    out: str
    tasks: str
    model: str
    documents: int
    of: int
    sources: int
    expected_errors: float
    digest: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def suggest_from(tagged: Path, out: Path, count: int, per_string: int, format_: str) -> Suggested:
    """Choose documents of a tagged output, and write them as tasks.

    Args:
        tagged: output of `tag` with tokens and texts.
        out: folder of the suggestions.
        count: documents at most.
        per_string: documents at most that are chosen for one string.
        format_: of the tasks, a name of `data.exports`.
    """
    dataset, kept = Dataset.open(tagged), Candidates(SPARE * count, per_string)
    for shard in dataset.shards:
        tokens, entities = (_frame(dataset, shard, name) for name in ("tokens", "data"))
        if tokens is not None and entities is not None:
            kept.add(doubts_of(tokens, entities))
    chosen = choose(kept.all(), count, per_string)
    export = exports.find(format_)
    name = f"tasks.{export.suffix or export.name}"
    config = {**dataset.manifest["config"], "count": count, "per_string": per_string, "formats": [format_]}
    names = {choice.candidate.source for choice in chosen}
    with DatasetWriter(out, kind=KIND, config=config) as writer:
        tables, counts = {"data": _table(dataset, chosen)}, {"documents": len(chosen)}
        staged = writer.stage("suggestions", key_of(tagged=dataset.digest), tables, counts=counts)
        path = writer.scratch(name)
        with path.open("wb") as file:
            file.writelines(export.write(_tables(dataset, chosen), dataset.manifest["config"]))
        sources = [entry for entry in dataset.sources if entry["name"] in names]
        made = writer.commit([staged], sources=sources, exports={name: path})
    return Suggested(
        out=str(out),
        tasks=str(out / name),
        model=str(dataset.manifest["config"]["model"]),
        documents=len(chosen),
        of=kept.documents,
        sources=len(names),
        expected_errors=round(sum(choice.candidate.errors for choice in chosen), 3),
        digest=made.digest,
    )


def _frame(dataset: Dataset, shard: Shard, table: str) -> pl.DataFrame | None:
    """A table of one shard, its hash checked; None if it has none."""
    if table not in shard.files:
        return None
    one = Dataset(dataset.folder, dataset.manifest, dataset.digest, (shard,))
    return one.scan(table).collect()


def _table(dataset: Dataset, chosen: Sequence[Choice]) -> pl.DataFrame:
    """One row a suggested document, the best first."""
    found = _rows(dataset, "data", chosen).group_by(_KEY).len().rows()
    counts = {(source, document): number for source, document, number in found}
    rows = []
    for choice in chosen:
        of, number = choice.candidate, counts.get((choice.candidate.source, choice.candidate.document), 0)
        rows.append((of.document, of.source, of.tokens, of.errors, list(choice.reasons), number))
    return pl.DataFrame(rows, schema=schema.SUGGESTIONS, orient="row")


def _rows(dataset: Dataset, table: str, chosen: Sequence[Choice]) -> pl.DataFrame:
    """Rows of the chosen documents, in their order."""
    wanted = pl.DataFrame(
        [(of.candidate.source, of.candidate.document, rank) for rank, of in enumerate(chosen)],
        schema={"source": pl.String, "document": pl.String, "rank": pl.Int64},
        orient="row",
    )
    frames = (_frame(dataset, shard, table) for shard in dataset.shards)
    found = [frame.join(wanted, on=_KEY, maintain_order="left") for frame in frames if frame is not None]
    if not found:
        return wanted.clear().drop("rank")
    return pl.concat(found).sort("rank", maintain_order=True).drop("rank")


def _tables(dataset: Dataset, chosen: Sequence[Choice]) -> exports.Tables:
    """Tables of the chosen documents alone, as one shard."""

    def tables(*names: str, optional: tuple[str, ...] = ()) -> Iterator[tuple[pl.DataFrame, ...]]:
        if chosen:
            yield tuple(_rows(dataset, name, chosen) for name in (*names, *optional))

    return tables
