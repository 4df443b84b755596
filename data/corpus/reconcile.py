"""Reconciliation of new documents with a corpus: duplicates, names that are taken, and small splits.

Shards are staged with the split that the hash of each document gives. `reconcile` compares all documents, new
and old, of which it holds those that a decision may concern; `apply` changes the few shards that one does.
Both serve text; DNA, where a document is a contig and a row a piece of it; and music and speech, where a
document is a piece or a clip, and never divided.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from elman.data.corpus.concerned import Tables, find_concerned
from elman.data.corpus.contig_pieces import PIECE
from elman.data.corpus.shards import DOCUMENTS, fraction, piece_split, split_of
from elman.data.store.schema import SPLITS

BLOCK = 50  # sentences that get one split together where there are too few documents
WHOLE = 1 << 40  # rows of a block where a document is one block
KEY = ["source", "document"]


@dataclass(frozen=True)
class Decisions:
    """Changes of staged shards.

    drop: source, document; names: source, document, name; splits: source, document, block, becomes.
    block: rows of the data table in a block; already: records dropped, by source; elsewhere: documents to be
    added whose content stands in another split too.
    """

    drop: pl.DataFrame
    names: pl.DataFrame
    splits: pl.DataFrame
    block: int
    already: dict[str, int]
    elsewhere: int

    def concerning(self, documents: pl.DataFrame) -> "Decisions":
        """The decisions about these documents."""
        drop, names, splits = (
            frame.join(documents.select(KEY), on=KEY, how="semi", maintain_order="left")
            for frame in (self.drop, self.names, self.splits)
        )
        return Decisions(drop, names, splits, self.block, {}, 0)

    @property
    def empty(self) -> bool:
        """True if nothing is to be changed."""
        return not any(map(len, (self.drop, self.names, self.splits)))

    def to_json(self) -> dict[str, Any] | None:
        """Plain JSON values, for a key; None if nothing is to be changed."""
        frames = {"drop": self.drop, "names": self.names, "splits": self.splits}
        if self.empty:
            return None
        return {"block": self.block, **{name: frame.rows() for name, frame in frames.items()}}


def reconcile(
    new: Tables,
    old: Tables,
    free: Collection[str],
    suffixes: Mapping[str, str],
    *,
    dna: bool = False,
) -> Decisions:
    """Decide about documents that are to be added.

    A document is a duplicate if the corpus has the same content in the same split, or in any split if its own
    is free. One whose id is taken gets a suffix; if its split is free, it gets that of its namesake. Where
    train, dev or test would be empty, free documents are assigned by the order of their hashes; if there are
    fewer than three, blocks of 50 sentences are, or smaller ones. Genomes need only train and dev.

    Args:
        new: rows of DOCUMENTS, staged, in the order of their sources.
        old: rows of DOCUMENTS, committed.
        free: sources whose split is not set.
        suffixes: source -> suffix of an id that is taken.
        dna: True if documents are contigs.
    """
    concerned = find_concerned(new, old)
    added, splits = concerned.divide(new)
    known, others = concerned.divide(old)
    if not (splits | others >= ({"dev"} if dna else set(SPLITS))):  # free documents may have to be assigned
        added, splits = concerned.divide(new, free)
    return _decide(added, known, free, suffixes, splits | others, concerned.elsewhere, dna)


def _decide(
    new: pl.DataFrame,
    old: pl.DataFrame,
    free: Collection[str],
    suffixes: Mapping[str, str],
    present: set[str],
    elsewhere: int,
    dna: bool,
) -> Decisions:
    """Decide about the documents concerned; see `reconcile`.

    Args:
        new: rows to be added, of all documents that a decision may concern.
        old: committed rows, likewise.
        free: sources whose split is not set.
        suffixes: source -> suffix of an id that is taken.
        present: splits of the other documents.
        elsewhere: documents to be added whose content another split has, too, and the corpus has not.
        dna: True if documents are contigs.
    """
    new = new.with_columns(free=pl.col("source").is_in(list(free)))
    known = old.select("digest").unique().with_columns(anywhere=True)
    same_split = old.select("digest", "split").unique().with_columns(here=True)
    new = new.join(known, on="digest", how="left", maintain_order="left").join(
        same_split, on=["digest", "split"], how="left", maintain_order="left"
    )
    duplicate = pl.when("free").then("anywhere").otherwise("here").fill_null(False)
    drop = new.filter(duplicate).select(KEY).unique(maintain_order=True)
    dropped = new.join(drop, on=KEY, how="semi", maintain_order="left")
    added = new.join(drop, on=KEY, how="anti", maintain_order="left")
    already = dict(dropped.group_by("source").agg(pl.col("records").sum()).sort("source").rows())
    documents = added.group_by(KEY, maintain_order=True).agg(
        pl.col("rows").sum(), pl.col("split").unique(maintain_order=True), pl.col("free").first()
    )
    taken = documents.join(old.select("document").unique(), on="document", how="semi").select(KEY)
    again = documents.filter(~pl.col("document").is_first_distinct()).select(KEY)
    names = documents.join(pl.concat([taken, again]).unique(), on=KEY, how="semi", maintain_order="left")
    names = names.select(
        *KEY,
        name=pl.concat_str(
            "document", pl.lit("~"), pl.col("source").replace_strict(suffixes, return_dtype=pl.String)
        ),
    )
    present = present | {*old["split"]}
    block, rows = _assigned_dna(documents, present) if dna else _assigned(documents, old, present)
    schema = {"source": pl.String, "document": pl.String, "block": pl.Int64, "becomes": pl.String}
    splits = pl.DataFrame(rows, schema=schema, orient="row")
    return Decisions(drop, names, splits, block, already, elsewhere + _elsewhere(added, old))


def _elsewhere(added: pl.DataFrame, old: pl.DataFrame) -> int:
    """Number of documents, each of one split, whose content the corpus has in another split."""
    both = pl.concat([added.select("digest", "split"), old.select("digest", "split")]).unique()
    several = both.group_by("digest").len().filter(pl.col("len") > 1)
    several = several.join(old.select("digest"), on="digest", how="semi")
    spread = added.group_by(KEY).agg(pl.col("digest").first(), pl.col("split").n_unique())
    whole = spread.filter(pl.col("split") == 1)
    return whole.join(several, on="digest", how="semi").height


Assigned = tuple[int, list[tuple[str, str, int, str]]]


def _assigned(documents: pl.DataFrame, old: pl.DataFrame, present: set[str]) -> Assigned:
    """Rows of a block, and (source, document, block, split) where the split is not that of the hash.

    `present`: splits of the corpus and of the documents that are not listed here.
    """
    namesakes = old.group_by("document").agg(pl.col("split").unique()).filter(pl.col("split").list.len() == 1)
    free = documents.filter("free").with_columns(pl.col("split").list.first())
    free = free.join(
        namesakes.select("document", heir=pl.col("split").list.first()),
        on="document",
        how="left",
        maintain_order="left",
    ).with_columns(becomes=pl.coalesce("heir", "split"))
    present = present | {*documents.filter(~pl.col("free"))["split"].explode(), *free["becomes"]}
    if present >= set(SPLITS) or not free.height:
        moved = free.filter(pl.col("becomes") != pl.col("split"))
        return WHOLE, [
            (source, name, 0, split) for source, name, split in moved.select(*KEY, "becomes").rows()
        ]
    units = free.filter(pl.col("heir").is_null()).select(*KEY, "rows").rows()
    block = WHOLE
    if len(units) < len(SPLITS):
        block = min(BLOCK, max(1, sum(rows for *_, rows in units) // 10))
    places = {
        (source, name, number): fraction(name, number)
        for source, name, rows in units
        for number in range(-(-rows // block))
    }
    splits = {place: split_of(at) for place, at in places.items()}
    if not {*splits.values(), *present} >= set(SPLITS) or block == WHOLE:
        order = sorted(places, key=lambda place: (places[place], place))
        share = max(1, round(len(order) / 10)) if len(order) >= len(SPLITS) else 0
        splits = dict.fromkeys(order, "train")
        splits |= dict.fromkeys(order[len(order) - max(share, len(order) > 1) :], "test")
        splits |= dict.fromkeys(order[len(order) - 2 * share : len(order) - share], "dev")
    heirs = free.filter(pl.col("heir").is_not_null())
    for source, name, rows, split in heirs.select(*KEY, "rows", "heir").rows():
        splits |= {(source, name, number): split for number in range(-(-rows // block))}
    return block, [(*place, split) for place, split in splits.items()]


def _assigned_dna(documents: pl.DataFrame, present: set[str]) -> Assigned:
    """One piece for dev, if dev is empty and there are two pieces or more."""
    if "dev" in present | {*documents["split"].explode()}:
        return 1, []
    units = documents.filter("free").select(*KEY, "rows").rows()
    places = [(source, name, number) for source, name, rows in units for number in range(rows)]
    if len(places) < 2:
        return 1, []
    return 1, [(*min(places, key=lambda place: (fraction(*place[1:]), place)), "dev")]


def apply(decisions: Decisions, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Apply decisions to the tables of a shard; a table that becomes empty is left out."""
    out = dict(tables)
    if "data" in out:
        out["data"] = _apply_to_data(decisions, out["data"])
    if "documents" in out:
        out["documents"] = _apply_to_documents(decisions, out["documents"])
    for name in {"labels", "scores"} & out.keys():
        out[name] = _apply_to_documents_of(decisions, out[name])
    return {name: frame for name, frame in out.items() if frame.height}


def _apply_to_data(decisions: Decisions, data: pl.DataFrame) -> pl.DataFrame:
    if "contig" in data.columns:
        id, row = "contig", pl.col("start") // PIECE
    elif "piece" in data.columns:
        id, row = "piece", pl.lit(0)
    elif "clip" in data.columns:
        id, row = "clip", pl.lit(0)
    else:
        id, row = "document", pl.col("sentence")
    frame = data.rename({id: "document"}).with_columns(block=(row // decisions.block).cast(pl.Int64))
    frame = frame.join(decisions.drop, on=KEY, how="anti", maintain_order="left")
    frame = frame.join(decisions.splits, on=[*KEY, "block"], how="left", maintain_order="left")
    frame = frame.join(decisions.names, on=KEY, how="left", maintain_order="left")
    frame = frame.with_columns(
        pl.coalesce("becomes", "split").alias("split"), pl.coalesce("name", "document").alias("document")
    )
    return frame.rename({"document": id}).select(data.columns)


def _apply_to_documents_of(decisions: Decisions, table: pl.DataFrame) -> pl.DataFrame:
    """Drop and rename the documents of a table that stands beside `data`."""
    frame = table.join(decisions.drop, on=KEY, how="anti", maintain_order="left")
    frame = frame.join(decisions.names, on=KEY, how="left", maintain_order="left")
    return frame.with_columns(pl.coalesce("name", "document").alias("document")).select(table.columns)


def _apply_to_documents(decisions: Decisions, documents: pl.DataFrame) -> pl.DataFrame:
    becomes: dict[tuple[str, str], dict[int, str]] = {}
    for source, name, block, split in decisions.splits.rows():
        becomes.setdefault((source, name), {})[block] = split
    frame = documents.join(decisions.drop, on=KEY, how="anti", maintain_order="left")
    rows = []
    for (source, name), part in frame.group_by(KEY, maintain_order=True):
        moved = becomes.get((str(source), str(name)))
        rows += part.rows() if moved is None else _recounted(part, moved, decisions.block)
    frame = pl.DataFrame(rows, schema=DOCUMENTS, orient="row")
    frame = frame.join(decisions.names, on=KEY, how="left", maintain_order="left")
    return frame.with_columns(pl.coalesce("name", "document").alias("document")).select(documents.columns)


def _recounted(part: pl.DataFrame, becomes: Mapping[int, str], block: int) -> list[tuple[Any, ...]]:
    """The rows of one document, one a split, when some of its blocks have another split."""
    name, source, split, _, _, digest = part.row(0)
    rows, records = int(part["rows"].sum()), int(part["records"].sum())
    sizes: dict[str, int] = {}
    for number in range(-(-rows // block)):
        own = split if part.height == 1 else piece_split(name, number)
        now = becomes.get(number, own)
        sizes[now] = sizes.get(now, 0) + min(block, rows - number * block)
    out = []
    for number, (now, size) in enumerate(sizes.items()):
        count = size if records == rows else records * (number == 0)
        out.append((name, source, now, count, size, digest))
    return out
