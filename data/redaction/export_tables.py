"""Tables of redacted text as the export formats read them: the new texts, and spans with offsets into these.

A span is what was taken out, at the place of what stands there now, or an entity of a type that stays. Of
entities that overlap what was taken out nothing is told; sentences in quarantine are no entities.
"""

from collections.abc import Iterator
from typing import Literal

import polars as pl

from elman.data.exports.registry import Tables
from elman.data.redaction.operators import QUARANTINED
from elman.data.store import schema

_KEY = ("source", "document")


def redacted_tables(tables: Tables) -> Tables:
    """Return the tables with redacted texts in place of `texts`, and `data` with its offsets into these.

    Formats that ask for no texts get the tables as they are, with offsets into the original.

    Args:
        tables: staged; data (schema.ENTITIES), redacted (schema.REDACTED) and redactions (schema.REDACTIONS)
            among them.
    """

    def redacted(*names: str, optional: tuple[str, ...] = ()) -> Iterator[tuple[pl.DataFrame, ...]]:
        if "texts" not in (*names, *optional):
            yield from tables(*names, optional=optional)
            return
        position = _Position()
        for data, *others in tables("data", optional=("documents", "redacted", "redactions")):
            documents, texts, replaced = others
            found = {"documents": documents, "data": data, "texts": pl.DataFrame()}
            if texts.width:
                if not replaced.width:
                    replaced = pl.DataFrame(schema=schema.REDACTIONS)
                rows = position.placed(texts, replaced)
                found["texts"] = rows.select(*_KEY, pl.col("at").alias("start"), "text")
                found["data"] = _spans(rows, data, replaced)
            yield tuple(found[name] for name in (*names, *optional))

    return redacted


class _Position:
    """Place in the last document, which may go on in the next shard."""

    def __init__(self) -> None:
        self._key: tuple[str, str] | None = None
        self._end = self._new_end = 0  # of its text so far, in the document and in the redacted one

    def placed(self, texts: pl.DataFrame, replaced: pl.DataFrame) -> pl.DataFrame:
        """Add to the texts of a shard `row`, and `at`, where each begins in its redacted document."""
        rows = texts.select(*_KEY, "start", "text").with_row_index("row").with_columns(at=pl.col("start"))
        first, last = rows.row(0, named=True), rows.row(-1, named=True)
        if self._key == (first["source"], first["document"]):
            at = self._new_end + first["start"] - self._end
            rows = rows.with_columns(at=pl.when(pl.col("row") == 0).then(at).otherwise("at"))
            last = rows.row(-1, named=True)
        self._key = last["source"], last["document"]
        own = replaced.filter(source=last["source"], document=last["document"])
        taken = int((own["end"] - own["start"]).sum())
        put = int((own["redacted_end"] - own["redacted_start"]).sum())
        self._end = last["start"] + len(last["text"]) + taken - put
        self._new_end = last["at"] + len(last["text"])
        return rows


def _spans(rows: pl.DataFrame, data: pl.DataFrame, replaced: pl.DataFrame) -> pl.DataFrame:
    """Spans of the redacted texts (schema.ENTITIES), in the order of the texts.

    Args:
        rows: source, document, start, at, text and row of each text.
        data: entities (schema.ENTITIES), with offsets into the original.
        replaced: schema.REDACTIONS.
    """
    place = rows.select(*_KEY, "row", "at", pl.col("start").alias("begin"))
    new = replaced.filter(pl.col("type") != QUARANTINED.type).join(place, on=_KEY, maintain_order="left")
    texts = rows["text"].to_list()
    bounds = new.select("row", "redacted_start", "redacted_end").iter_rows()
    stand_ins = new.with_columns(
        sentence=pl.lit(None, pl.Int32),
        start=pl.col("at") + pl.col("redacted_start"),
        end=pl.col("at") + pl.col("redacted_end"),
        text=pl.Series([texts[row][a:b] for row, a, b in bounds], dtype=pl.String),
    )
    columns = ("row", *schema.ENTITIES)
    kept = _kept(data.join(place, on=_KEY, maintain_order="left"), replaced)
    return pl.concat([stand_ins.select(columns), kept.select(columns)]).sort("row", "start").drop("row")


def _kept(data: pl.DataFrame, replaced: pl.DataFrame) -> pl.DataFrame:
    """Entities that touch nothing that was taken out, with their offsets into the redacted document."""
    edges = replaced.select(
        *_KEY,
        "start",
        last=pl.col("end"),
        next=pl.col("start"),
        shift=pl.col("redacted_end") - (pl.col("end") - pl.col("text_start")),
    ).sort("start")
    rows = data.sort("start")
    before = edges.select(*_KEY, "start", "last", "shift")
    after = edges.select(*_KEY, "start", "next")
    sides: tuple[tuple[pl.DataFrame, Literal["backward", "forward"]], ...]
    sides = (before, "backward"), (after, "forward")
    for edge, strategy in sides:
        rows = rows.join_asof(edge, on="start", by=_KEY, strategy=strategy, check_sortedness=False)
    free = (pl.col("last").fill_null(0) <= pl.col("start")) & (
        pl.col("next").is_null() | (pl.col("next") >= pl.col("end"))
    )
    move = pl.col("at") - pl.col("begin") + pl.col("shift").fill_null(0)
    return rows.filter(free).with_columns(pl.col("start") + move, pl.col("end") + move)
