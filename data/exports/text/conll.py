"""Export to CoNLL columns: one token per line with its IOB2 tag."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from elman.data.exports.expressions import to_utf8
from elman.data.exports.registry import Chunk, Export, Tables, register

_KEY = ("source", "document", "sentence")
_ENDS = r"[\t\n\r]"


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """Lines token TAB tag; a blank line after each sentence, `-DOCSTART-` before each document.

    Tabs and line ends in a token or a type, which would end a column or a line, become `_`.

    Args:
        tables: tokens (schema.TOKENS), in order.
        config: of the tagged dataset, unused.
    """
    before: tuple[Any, ...] | None = None  # source, document and sentence of the last token
    for (tokens,) in tables("tokens"):
        if not len(tokens):
            continue
        source, document, sentence = before or (None, None, None)
        same_document = (pl.col("source") == pl.col("source").shift(1, fill_value=source)) & (
            pl.col("document") == pl.col("document").shift(1, fill_value=document)
        )
        same_sentence = pl.col("sentence") == pl.col("sentence").shift(1, fill_value=sentence)
        start = pl.lit("\n-DOCSTART-\tO\n\n")
        head = (
            pl.when(same_document.fill_null(False))
            .then(pl.when(same_sentence.fill_null(False)).then(pl.lit("")).otherwise(pl.lit("\n")))
            .otherwise(start)
        )
        token, tag = (pl.col(name).str.replace_all(_ENDS, "_") for name in ("text", "tag"))
        lines = pl.concat_str(head, token, pl.lit("\t"), tag, pl.lit("\n"))
        text = to_utf8(tokens.select(lines=lines).to_series())
        yield text if before else text[1:]  # no blank line before the first document
        before = tokens.select(_KEY).row(-1)
    yield b"\n" if before else b""


register(
    Export(
        name="conll",
        family="text",
        tables=("tokens",),
        description="CoNLL columns, one token per line with its IOB2 tag",
        write=write,
    )
)
