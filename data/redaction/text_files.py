"""Redacted texts as files, one a source: of plain text the text itself, of other sources JSON lines.

They lie in `redacted-text/` under the names of their sources, as `file_stem` of the exports writes them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.exports.expressions import json_strings, to_utf8
from elman.data.exports.registry import file_stem
from elman.data.formats import registry
from elman.data.store.dataset import Shard
from elman.data.store.writer import DatasetWriter

FOLDER = "redacted-text"


def write_texts(
    writer: DatasetWriter, sources: Sequence[Mapping[str, Any]], shards: Sequence[Shard]
) -> dict[str, Path]:
    """Write the redacted text of each source that has any.

    Args:
        writer: of the tagged dataset.
        sources: entries of the manifest, sorted by name.
        shards: all of the dataset, in order.

    Returns:
        name of each export and where it is written, for `DatasetWriter.commit`.
    """
    by_source: dict[str, list[Shard]] = {}
    for shard in shards:
        if "redacted" in shard.files:
            by_source.setdefault(shard.source["name"], []).append(shard)
    exports: dict[str, Path] = {}
    for entry in sources:
        name = str(entry["name"])
        if name not in by_source:
            continue
        plain = _one_document(str(entry["kind"]))
        stem, suffix = file_stem(name), ".txt" if plain else ".jsonl"
        file = f"{FOLDER}/{stem}" + ("" if stem.endswith(suffix) else suffix)
        while file in exports:  # a.jsonl, and JSON lines called "a"
            file += suffix
        path = exports[file] = writer.scratch(file)
        with path.open("wb") as out:
            for shard in by_source[name]:
                frame = writer.staging.scan(shard, "redacted")
                assert frame is not None
                out.writelines(_chunks(frame.collect(), plain))
    return exports


def _one_document(kind: str) -> bool:
    formats = (format_ for format_ in registry.all_formats() if format_.name == kind)
    return any(isinstance(format_, registry.TextFormat) and format_.one_document for format_ in formats)


def _chunks(redacted: pl.DataFrame, plain: bool) -> Iterator[memoryview]:
    """The texts themselves, or lines `{"id", "text"}`."""
    if plain:
        yield to_utf8(redacted["text"])
        return
    id_, text = json_strings(redacted["document"]), json_strings(redacted["text"])
    line = pl.concat_str(pl.lit('{"id": '), id_, pl.lit(', "text": '), text, pl.lit("}\n"))
    yield to_utf8(redacted.select(line=line).to_series())
