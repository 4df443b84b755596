"""Tagged text as files of one piece: JSON lines of documents with character spans, and CoNLL columns."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import polars as pl


def jsonl_lines(parts: Iterable[tuple[pl.DataFrame, pl.DataFrame]]) -> Iterator[str]:
    """One line a document: `{"id", "source", "spans": [{"start", "end", "label", "text", "probability"}]}`.

    Args:
        parts: in order, documents (source, document) and the entities (schema.ENTITIES) found in them; a
            document may go on in the next part.
    """

    def pieces() -> Iterator[tuple[tuple[str, str], list[dict[str, Any]]]]:
        for documents, entities in parts:
            found = entities.partition_by("source", "document", as_dict=True, maintain_order=True)
            for key in documents.select("source", "document").iter_rows():
                here = found.get(key)
                yield key, [] if here is None else here.select(_SPAN).to_dicts()

    for (source, document), group in groupby(pieces(), key=lambda piece: piece[0]):
        spans = [span for _, piece in group for span in piece]
        line = {"id": document, "source": source, "spans": spans}
        yield json.dumps(line, ensure_ascii=False) + "\n"


_SPAN = [
    pl.col("start"),
    pl.col("end"),
    pl.col("type").alias("label"),
    pl.col("text"),
    pl.col("probability").cast(pl.Float64).round(6),
]


def conll_lines(parts: Iterable[pl.DataFrame]) -> Iterator[str]:
    """One line a token, token TAB tag; a blank line after each sentence, `-DOCSTART-` before each document.

    Args:
        parts: tokens (schema.TOKENS) in order.
    """
    document: tuple[str, str] | None = None
    sentence: int | None = None
    for part in parts:
        columns = part.select("source", "document", "sentence", "text", "tag")
        for source, name, number, token, tag in columns.iter_rows():
            if (source, name) != document:
                yield "\n" if document else ""
                yield "-DOCSTART-\tO\n\n"
                document, sentence = (source, name), number
            elif number != sentence:
                yield "\n"
                sentence = number
            yield f"{token}\t{tag}\n"
    if document:
        yield "\n"
