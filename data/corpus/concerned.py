"""Documents that a reconciliation may change, found by 64-bit hashes in bounded memory.

Of many documents few share their id or content with another one. They are found here by hashes, one range of
hashes at a time, so that `data.corpus.reconcile` has to hold these alone.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from elman.data.corpus.shards import DOCUMENTS

MOST_ROWS = 1_000_000  # looked at together, some 100 bytes each; with more, the tables are read several times

Tables = Callable[[], Iterable[pl.DataFrame]]  # frames of DOCUMENTS, the same at each call


@dataclass(frozen=True)
class Concerned:
    """Result of `find_concerned`.

    ids, digests: hashes, distinct; a document with one of them is concerned.
    elsewhere: new documents, each of one split, whose content stands in another split of the new ones, too,
    and not in the corpus.
    """

    ids: pl.Series
    digests: pl.Series
    elsewhere: int

    def divide(self, tables: Tables, sources: Collection[str] = ()) -> tuple[pl.DataFrame, set[str]]:
        """Rows of the documents concerned and of these sources, and the splits of the other rows."""
        chosen, splits = [DOCUMENTS.to_frame()], set[str]()
        for frame, keys in _hashed(tables):
            inside = (
                keys["id"].is_in(self.ids.implode())
                | keys["digest"].is_in(self.digests.implode())
                | frame["source"].is_in(list(sources))
            )
            chosen.append(frame.filter(inside))
            splits.update(frame.filter(~inside)["split"].unique())
        return pl.concat(chosen), splits


def find_concerned(new: Tables, old: Tables) -> Concerned:
    """Find new documents whose id another source or the corpus has, or whose content the corpus has.

    Args:
        new: documents to be added.
        old: documents of the corpus.
    """
    rows = sum(frame.height for tables in (new, old) for frame in tables())
    parts = [_find(new, old, number, -(-rows // MOST_ROWS)) for number in range(-(-rows // MOST_ROWS))]
    none = pl.Series(dtype=pl.UInt64)
    return Concerned(
        pl.concat([none, *(part.ids for part in parts)]),
        pl.concat([none, *(part.digests for part in parts)]),
        sum(part.elsewhere for part in parts),
    )


def _find(new: Tables, old: Tables, number: int, count: int) -> Concerned:
    """Find those among the documents whose hashes have this remainder."""

    def gathered(tables: Tables, key: str, *others: str) -> pl.DataFrame:
        here = (keys.filter(pl.col(key) % count == number) for _, keys in _hashed(tables))
        return pl.concat([*(some.select(key, *others).unique() for some in here), _KEYS.select(key, *others)])

    ids = gathered(new, "id", "source").unique()
    known = gathered(old, "id").unique()
    shared = ids.filter(pl.col("id").is_duplicated()).select("id")
    ids = pl.concat([shared, ids.select("id").join(known, on="id", how="semi")]).unique()
    contents = gathered(new, "digest", "document", "split")
    known = gathered(old, "digest").unique()
    digests = contents.select("digest").join(known, on="digest", how="semi").unique()
    added = contents.join(known, on="digest", how="anti")
    several = added.group_by("digest").agg(pl.col("split").n_unique()).filter(pl.col("split") > 1)
    whole = added.join(several, on="digest", how="semi").group_by("document").agg(pl.col("split").n_unique())
    return Concerned(ids["id"], digests["digest"], whole.filter(pl.col("split") == 1).height)


def _hashed(tables: Tables) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Frames with the hashes of their rows: id, source, document (source and id), digest; and split."""
    for frame in tables():
        yield (
            frame,
            frame.select(
                id=pl.col("document").hash(1),
                source=pl.col("source").hash(2),
                document=pl.struct("source", "document").hash(3),
                digest=pl.col("digest").hash(4),
                split=pl.col("split"),
            ),
        )


_KEYS = pl.DataFrame(
    schema={
        "id": pl.UInt64,
        "source": pl.UInt64,
        "document": pl.UInt64,
        "digest": pl.UInt64,
        "split": pl.String,
    }
)
