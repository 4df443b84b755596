"""Export to BRAT standoff: a zip archive with a text and its annotations for each document.

Format: https://brat.nlplab.org/standoff.html. `NAME.txt` is the text as it was read, `NAME.ann` has a line
for each entity, and its probability in a note. An entity over line ends is written in fragments, as the
format asks for; white space in a type becomes `_`, as its types cannot hold it. `annotation.conf` lists the
types, `documents.json` has source and id of the document of each text.
"""

import json
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from typing import IO, Any

import polars as pl

from elman.data.exports.expressions import four_decimals
from elman.data.exports.registry import Chunk, Export, Tables, file_stem, register

_KEY = ("source", "document")
_TABLES = ("documents", "data", "texts")
_IN_MEMORY = 1 << 22  # bytes of what waits for its place in the archive
_COPIED = 1 << 20
_LEVEL = 1  # of compression: the text passes once, as fast as it can
_LINE_END = re.compile(r"[\r\n]+")
_CONTROL = r"[\t\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029]"  # would end a line or column of annotations


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """Bytes of the archive; its members stand in the order of the documents.

    Args:
        tables: data (schema.ENTITIES) and texts (schema.DOCUMENT_TEXTS); a document may continue in the next
            shard.
        config: of the tagged dataset, unused.
    """
    sink = _Sink()
    types = set[str]()
    with (
        tempfile.SpooledTemporaryFile(_IN_MEMORY) as lines,
        tempfile.SpooledTemporaryFile(_IN_MEMORY) as listed,
        zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive,
    ):
        members = _Members(archive, lines, listed)
        for entities, texts in tables("data", optional=("texts",)):
            types.update(entities["type"].unique())
            annotations = _annotations(entities, members.number_of_last())
            for source, document, text in texts.select(*_KEY, "text").iter_rows() if texts.width else ():
                members.add((source, document), text, annotations.pop((source, document), None))
                yield sink.taken()
        members.end()
        listed.write(b"\n}\n")
        members.copy("documents.json", listed)
        archive.writestr(_info("annotation.conf"), _settings(types))
        yield sink.taken()
    yield sink.taken()


class _Sink:
    """Stream that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        """Keep bytes."""
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: what is held is taken by the caller."""

    def close(self) -> None:
        """Do nothing, likewise."""

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        data = bytes(self._held)
        self._held.clear()
        return data


class _Members:
    """Members of the archive; those of the last document may go on.

    Args:
        archive: to write to.
        lines: temporary file of the annotations of one document.
        listed: temporary file of names.
    """

    def __init__(self, archive: zipfile.ZipFile, lines: IO[bytes], listed: IO[bytes]) -> None:
        self._archive, self._lines, self._listed = archive, lines, listed
        self._listed.write(b"{")
        self._key: tuple[str, str] | None = None
        self._text: IO[bytes] | None = None
        self._numbers = 0

    def number_of_last(self) -> tuple[tuple[str, str] | None, int]:
        """Return the last document, and how many annotations it has."""
        return self._key, self._numbers

    def add(self, key: tuple[str, str], text: str, annotations: tuple[int, str] | None) -> None:
        """Add text, and number and lines of annotations, to a document."""
        if key != self._key:
            self.end()
            self._key, self._numbers = key, 0
            self._text = self._archive.open(_info(f"{_stem(*key)}.txt"), "w", force_zip64=True)
        assert self._text is not None
        self._text.write(text.encode())
        if annotations is not None:
            self._numbers += annotations[0]
            self._lines.write(annotations[1].encode())

    def end(self) -> None:
        """End the last document: its annotations follow its text."""
        if self._key is None or self._text is None:
            return
        self._text.close()
        name = _stem(*self._key)
        self.copy(f"{name}.ann", self._lines)
        source, document = self._key
        entry = json.dumps({"source": source, "id": document}, ensure_ascii=False)
        first = self._listed.tell() == 1
        self._listed.write(f"{'' if first else ','}\n{json.dumps(f'{name}.txt')}: {entry}".encode())

    def copy(self, name: str, content: IO[bytes]) -> None:
        """Make a temporary file a member and empty it."""
        content.seek(0)
        with self._archive.open(_info(name), "w", force_zip64=True) as member:
            while some := content.read(_COPIED):
                member.write(some)
        content.seek(0)
        content.truncate()


def _info(name: str) -> zipfile.ZipInfo:
    """Member of a fixed date, so that equal content gives an equal archive."""
    info = zipfile.ZipInfo(name)
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return info


def _stem(source: str, document: str) -> str:
    """Name of a document's files: that of a text file of a plain name, else with a hash of source and id."""
    plain = document == source and source.endswith(".txt")
    return file_stem(source[: -len(".txt")]) if plain else file_stem(f"{source}\0{document}")


def _annotations(
    entities: pl.DataFrame, last: tuple[tuple[str, str] | None, int]
) -> dict[tuple[str, str], tuple[int, str]]:
    """Number and lines of the annotations of each document; those of the `last` one are numbered on."""
    if not len(entities):
        return {}
    over = entities["text"].str.contains(r"[\r\n]")
    where = pl.select(pl.format("{} {}", entities["start"], entities["end"])).to_series()
    mention = entities["text"].str.replace_all(_CONTROL, " ")
    if over.any():
        at = over.arg_true()
        pieces = [_fragments(*row) for row in entities[at].select("start", "text").iter_rows()]
        where = where.scatter(at, [piece for piece, _ in pieces])
        mention = mention.scatter(at, [text for _, text in pieces])
    key, count = last
    same = pl.struct(_KEY) == pl.lit(dict(zip(_KEY, key or ("", ""), strict=True)))
    number = pl.int_range(1, pl.len() + 1).over(_KEY) + pl.when(same).then(count).otherwise(0)
    lines = pl.format(
        "T{}\t{} {}\t{}\n#{}\tAnnotatorNotes T{}\tprobability {}\n",
        "number", pl.col("type").str.replace_all(r"\s", "_"), where, mention, "number", "number",
        four_decimals(pl.col("probability")),
    )  # fmt: skip
    rows = (
        entities.with_columns(number=number)
        .select(*_KEY, lines=lines)
        .group_by(_KEY, maintain_order=True)
        .agg(pl.len(), pl.col("lines").str.join(""))
    )
    return {(source, document): (count, lines) for source, document, count, lines in rows.iter_rows()}


def _fragments(start: int, text: str) -> tuple[str, str]:
    """Offsets of the fragments of a mention between its line ends, and their texts joined by spaces."""
    pieces, at = list[tuple[int, int]](), 0
    for match in (*_LINE_END.finditer(text), None):
        end = len(text) if match is None else match.start()
        if text[at:end].strip():
            pieces.append((at, end))
        at = end if match is None else match.end()
    where = ";".join(f"{start + a} {start + b}" for a, b in pieces)
    return where, " ".join(re.sub(_CONTROL, " ", text[a:b]) for a, b in pieces)


def _settings(types: set[str]) -> str:
    """The configuration that BRAT asks for."""
    names = "".join(f"{re.sub(chr(92) + 's', '_', name)}\n" for name in sorted(types))
    return f"[entities]\n{names}\n[relations]\n\n[events]\n\n[attributes]\n"


register(
    Export(
        name="brat",
        suffix="brat.zip",
        family="text",
        tables=_TABLES,
        description="BRAT standoff, a zip archive with `.txt` and `.ann` of each document",
        write=write,
    )
)
