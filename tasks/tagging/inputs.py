"""What is to be tagged: files of text or DNA as `data.sources.reading` finds them, or corpora that were ingested.

`split_input` finds the slices that can be tagged apart, `records` turns one into a stream of sentences, contigs
and refused records. A record is a sentence (CoNLL, a corpus of text), a line (JSON lines), a file (plain
text), an entry (DNA).
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.corpus import shards as corpus
from elman.data.errors import BadInput, UsageError
from elman.data.formats import parquet
from elman.data.formats import records as text_records
from elman.data.formats.options import Options
from elman.data.formats.parquet import Columns
from elman.data.formats.records import Document, Flat, Quarantined, Sentence
from elman.data.formats.slices import SeenIds, Slice, SliceSize
from elman.data.genome.contigs import Contig
from elman.data.genome.spooled_sequence import SpooledSequence
from elman.data.sources.detect import Source
from elman.data.sources.reading import (
    HashedSource,
    check_unchanged,
    collect_parquet,
    collect_sources,
)
from elman.data.sources.splitting import read_slice, seekable, split_source
from elman.data.store.dataset import MANIFEST, Dataset
from elman.data.store.disk import key_of, sha256_file
from elman.data.text.scanner import thread_scanner
from elman.data.text.tokenizer import Tokenizer

FAMILIES = {corpus.TEXT: "text", corpus.DNA: "dna"}
_SPELT = {"text": "text", "dna": "DNA"}
NAMED = ("jsonl", "parquet")  # kinds whose documents have ids of their own
_ROWS = 10_000  # sentences of a corpus in memory at a time


@dataclass(frozen=True)
class Ingested:
    """Shards of an ingested corpus that are tagged as one source.

    Of text each shard is one, so that a corpus that has grown is tagged where it has; of DNA, whose contigs
    go on from shard to shard, all of them are.
    """

    path: Path  # of the corpus
    name: str
    corpus: str
    files: tuple[tuple[str, str], ...]  # path in the corpus and sha256
    size: int
    dna: bool
    kind: str = "corpus"

    @property
    def sha256(self) -> str:
        """Names its content."""
        return key_of(files=[sha256 for _, sha256 in self.files])

    def to_json(self) -> dict[str, Any]:
        """What a manifest says of it."""
        named = {"name": self.name, "kind": self.kind, "sha256": self.sha256, "corpus": self.corpus}
        return {**named, "bytes": self.size, "files": dict(self.files)}

    def named(self, name: str) -> "Ingested":
        """The same under another name."""
        return replace(self, name=name)

    def to_job(self) -> dict[str, Any]:
        """All of it as plain values, for a worker; `input_of` reads them."""
        return {**asdict(self), "path": str(self.path.absolute())}


@dataclass(frozen=True)
class File:
    """A file of text, or of sequences without what annotates them, or of Parquet with its columns."""

    item: HashedSource
    columns: Columns | None = None

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return self.item.name

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.item.files[0].path

    @property
    def kind(self) -> str:
        """As in data.sources.detect."""
        return self.item.kind

    @property
    def sha256(self) -> str:
        """Names its content."""
        return self.item.sha256

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self.item.size

    @property
    def dna(self) -> bool:
        """Whether it holds DNA."""
        return self.item.files[0].family == "dna"

    def to_json(self) -> dict[str, Any]:
        """What a manifest says of it."""
        return self.item.to_json()

    def named(self, name: str) -> "File":
        """The same under another name."""
        first, *others = self.item.files
        return replace(self, item=replace(self.item, files=(replace(first, name=name), *others)))

    def changed(self) -> bool:
        """Whether it is not what was hashed."""
        return tuple(sha256_file(source.path) for source in self.item.files) != self.item.hashes

    def to_job(self) -> dict[str, Any]:
        """All of it as plain values, for a worker; `input_of` reads them."""
        files = [{**asdict(source), "path": str(source.path.absolute())} for source in self.item.files]
        columns = None if self.columns is None else asdict(self.columns)
        return {"files": files, "hashes": self.item.hashes, "stats": self.item.stats, "columns": columns}


Input = File | Ingested


def input_of(job: Mapping[str, Any]) -> Input:
    """An input from what its `to_job` gave."""
    if "corpus" in job:
        files = tuple((path, sha256) for path, sha256 in job["files"])
        return Ingested(**{**job, "path": Path(job["path"]), "files": files})
    sources = tuple(Source(**{**source, "path": Path(source["path"])}) for source in job["files"])
    stats = tuple((size, time) for size, time in job["stats"])
    columns = job["columns"]
    if columns is not None:
        columns = Columns(columns["text"], columns["id"], tuple(columns["keep"]))
    return File(HashedSource(sources, (), None, tuple(job["hashes"]), stats), columns)


def split_input(each: Input, options: Options, size: SliceSize) -> list[Slice] | Quarantined:
    """The slices of a source, or why there is nothing to be had of it.

    Raises:
        BadInput: as `records`.
    """
    if isinstance(each, File) and each.columns is not None:
        return parquet.split(each.path, each.columns, size)
    return split_source(each.item, options, size) if isinstance(each, File) else [Slice(0, each.size)]


def in_place(each: Input) -> bool:
    """Whether slices of a source can be read where it lies."""
    return not isinstance(each, File) or each.columns is not None or seekable(each.item.files[0])


@dataclass(frozen=True)
class Part:
    """Sentences of one document in a row.

    Attributes:
        number: (n,) int32, of each sentence in the document.
        start: (n,) where each begins in the document.
        texts: of each.
        bounds: (n + 1,): sentence i is tokens bounds[i] to bounds[i + 1].
        token_start, token_end: (N,) in the document.
        each: whether every sentence is a record.
        begins: whether else a record begins with the first.
        line: of the source where the document begins, from 1; None where there are no lines.
        byte_offset: where in the source the record begins, or the slice it is in.
    """

    source: str
    document: str
    number: np.ndarray
    start: np.ndarray
    texts: list[str]
    bounds: np.ndarray
    token_start: np.ndarray
    token_end: np.ndarray
    each: bool = True
    begins: bool = True
    line: int | None = None
    byte_offset: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def records(self) -> int:
        """How many records begin in it."""
        return len(self) if self.each else int(self.begins)

    def slice(self, a: int, b: int) -> "Part":
        """Sentences a to b."""
        x, y = int(self.bounds[a]), int(self.bounds[b])
        return replace(
            self,
            number=self.number[a:b],
            start=self.start[a:b],
            texts=self.texts[a:b],
            bounds=self.bounds[a : b + 1] - x,
            token_start=self.token_start[x:y],
            token_end=self.token_end[x:y],
            begins=self.begins and a == 0,
        )


Record = Part | Contig | Quarantined


def find_inputs(
    paths: Sequence[Path], kind: str, folder: str, columns: Columns | None = None
) -> tuple[list[Input], list[tuple[str, str]]]:
    """Find what is to be tagged.

    Args:
        paths: files, folders of files, folders of ingested corpora.
        kind: of the model, "text" or "dna".
        folder: of the model, for messages.
        columns: of Parquet, if that is meant.

    Returns:
        sources under names of their own, sorted, and (path, reason) of what was skipped.

    Raises:
        BadInput: nothing there, or not of the model's kind.
    """
    inputs: list[Input] = []
    skipped: list[tuple[str, str]] = []
    raw = [Path(path) for path in paths]
    if columns is not None:
        found, others = collect_parquet(raw)
        types = [(item.files[0].path, parquet.check(item.files[0].path, columns)) for item in found]
        parquet.same_types(types)
        files = [File(item, columns) for item in found]
        return _named_apart(files), [(str(path), why) for path, why in others]
    for path in [path for path in raw if (path / MANIFEST).is_file()]:
        raw.remove(path)
        inputs += _ingested(path)
    if raw:
        items, others = _find(raw, kind)
        inputs += [File(_bare(item)) for item in items]
        skipped += [(str(path), why) for path, why in others]
    for each in inputs:
        if each.dna != (kind == "dna"):
            raise BadInput(
                f"{_SPELT[kind]}, as the model {Path(folder).name} was trained on",
                got="DNA" if each.dna else "text",
                todo="Name another model or other sources.",
                source=each.path,
            )
    return _named_apart(sorted(inputs, key=lambda each: (each.name, each.sha256))), skipped


def _find(paths: Sequence[Path], kind: str) -> tuple[list[HashedSource], list[tuple[Path, str]]]:
    """Files of the model's kind; of the other where there are only such."""
    try:
        return collect_sources(paths, family="dna" if kind == "dna" else "text")
    except BadInput as error:
        if "parquet" in error.got.lower():
            todo = "Name the column that holds the text: --text-column NAME."
            raise BadInput("text or DNA", got="Parquet", todo=todo, source=error.source) from None
        if f", not {kind}" in error.got:
            try:
                return collect_sources(paths)
            except BadInput:
                pass
        raise


def _bare(item: HashedSource) -> HashedSource:
    """Sequences without what annotates them."""
    count = len(item.files)
    return replace(item, annotations=(), hashes=item.hashes[:count], stats=item.stats[:count])


def _ingested(folder: Path) -> list[Input]:
    dataset = Dataset.open(folder)
    if dataset.kind not in FAMILIES:
        raise BadInput(
            "a corpus made by `elman ingest`",
            got=f"a dataset of kind {dataset.kind}",
            todo="Name the corpus or the files it was made from.",
            source=folder,
        )
    dataset.files("data")  # all hashes compared
    name = folder.resolve().name
    shards = [(shard.id, shard.files["data"]) for shard in dataset.shards if "data" in shard.files]
    parts = [
        Ingested(folder, f"{name}/{id}", name, ((entry.path, entry.sha256),), entry.bytes, dna=False)
        for id, entry in shards
    ]
    if FAMILIES[dataset.kind] == "text":
        return list(parts)
    files = tuple(file for part in parts for file in part.files)
    return [Ingested(folder, name, name, files, sum(part.size for part in parts), dna=True)]


def _named_apart(inputs: Sequence[Input]) -> list[Input]:
    """Sources whose names differ: of equal names, all but the first get a part of their content's hash."""
    seen: set[str] = set()
    out: list[Input] = []
    for each in inputs:
        for suffix in itertools.chain([""], (f"@{each.sha256[:n]}" for n in range(8, 65))):
            if each.name + suffix not in seen:
                seen.add(each.name + suffix)
                out.append(each.named(each.name + suffix))
                break
        # else: the same name and content a second time
    return out


def outside(out: Path, paths: Sequence[Path]) -> None:
    """Refuse an output folder that is, or lies in, one of the sources: it would be tagged in its turn.

    Raises:
        UsageError: names both.
    """
    for path in paths:
        if Path(path).is_dir() and out.resolve().is_relative_to(Path(path).resolve()):
            raise UsageError(f"expected --out outside of the sources. Got {out}, which lies in {path}.")


# --- records ------------------------------------------------------------------------------------------------


def records(
    each: Input, piece: Slice, options: Options, unpacked: Path | None = None, start: int = 0
) -> Iterator[Record | pl.DataFrame]:
    """The records of a slice in order, refused ones included; memory does not grow with it.

    Where columns are kept, frames of them come in between; see `data.formats.parquet.read`.

    Args:
        each: the source.
        piece: of `split_input`.
        options: how it was cut.
        unpacked, start: as of `data.sources.splitting.read_slice`.

    Raises:
        BadInput: the file is cut off, damaged, or was changed since it was hashed.
    """
    if isinstance(each, Ingested):
        return of_contigs(each, options) if each.dna else _of_corpus(each, options)
    return _of_file(each, piece, options, unpacked, start)


def _of_file(
    file: File, piece: Slice, options: Options, unpacked: Path | None, start: int
) -> Iterator[Record | pl.DataFrame]:
    met = SeenIds()
    id, number = "", 0
    plain = file.kind == "plain"
    for record in _read(file, piece, options, unpacked, start):
        if not isinstance(record, Document | Flat):
            yield record
            continue
        if not (plain and record.id == id):
            again = file.kind in NAMED and not met.is_new(record.id)
            id, number = f"{record.id}~{record.line}" if again else record.id, 0
        part = _part(file.name, id, number, record, file.kind == "conll")
        if plain and piece.state["char"]:  # the record began in an earlier slice
            part = replace(part, begins=False)
        if len(part):
            number += len(part)
            yield part
        elif not number:
            yield _nothing(record)


def _read(
    file: File, piece: Slice, options: Options, unpacked: Path | None, start: int
) -> Iterator[Document | Flat | Contig | Quarantined | pl.DataFrame]:
    if file.columns is None:
        yield from read_slice(file.item, piece, options, unpacked, start)
        return
    scanner = thread_scanner(options.tokenizer or Tokenizer(unit=options.unit), options.strings)
    yield from parquet.read(file.path, file.name, file.columns, piece, scanner)
    check_unchanged(file.item)


def _part(source: str, id: str, number: int, record: Document | Flat, each: bool) -> Part:
    """The sentences of a document, numbered from `number` on."""
    if isinstance(record, Flat):
        start, texts, bounds = record.first, record.texts(), record.bounds
        token_start, token_end = record.starts, record.ends
    else:
        sentences = record.sentences
        start = np.array([sentence.start for sentence in sentences], np.int64)
        texts = [sentence.text for sentence in sentences]
        bounds = _bounds([len(sentence.token_start) for sentence in sentences])
        token_start = _flat(sentence.token_start for sentence in sentences)
        token_end = _flat(sentence.token_end for sentence in sentences)
    numbers = np.arange(number, number + len(texts), dtype=np.int32)
    return Part(
        source,
        id,
        numbers,
        start,
        texts,
        bounds,
        token_start,
        token_end,
        each=each,
        begins=number == 0,
        line=record.line,
        byte_offset=record.byte_offset,
    )


def _bounds(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _flat(values: Iterable[Iterable[int]]) -> np.ndarray:
    return np.fromiter(itertools.chain.from_iterable(values), np.int64)


def _nothing(document: Document | Flat) -> Quarantined:
    detail, todo = "expected tokens. Got nothing visible", "Fill the record, or leave it out."
    raw = document.id.encode("utf-8", "replace")
    return Quarantined(document.source, document.line, document.byte_offset, "no-text", detail, todo, raw)


def _frames(
    each: Ingested, columns: Sequence[str], rows: int, only: str | None = None
) -> Iterator[pl.DataFrame]:
    wanted = pl.lit(True) if only is None else pl.col("source") == only
    for path, _ in each.files:
        frame = pl.scan_parquet(each.path / path, glob=False).filter(wanted).select(columns).collect()
        yield from frame.iter_slices(rows)


def _of_corpus(each: Ingested, options: Options) -> Iterator[Part]:
    columns = ["source", "document", "sentence", "start", "text", "token_start", "token_end"]
    for frame in _frames(each, columns, _ROWS):
        for (source, document), rows in frame.group_by("source", "document", maintain_order=True):
            part = _of_rows(str(source), str(document), rows)
            yield by_character(part) if options.unit == "char" else part


def _of_rows(source: str, document: str, rows: pl.DataFrame) -> Part:
    def flat(name: str) -> np.ndarray:
        return rows[name].explode(empty_as_null=False).cast(pl.Int64).to_numpy()

    return Part(
        source,
        document,
        rows["sentence"].cast(pl.Int32).to_numpy(),
        rows["start"].cast(pl.Int64).to_numpy(),
        rows["text"].to_list(),
        _bounds(rows["token_start"].list.len().to_numpy()),
        flat("token_start"),
        flat("token_end"),
    )


def by_character(part: Part) -> Part:
    """The same with a token for each visible character that is in one; see `text_records.by_character`."""
    sentences = []
    places = zip(part.start.tolist(), part.texts, itertools.pairwise(part.bounds.tolist()), strict=True)
    for start, text, (a, b) in places:
        spans = tuple(part.token_start[a:b].tolist()), tuple(part.token_end[a:b].tolist())
        sentences.append(text_records.by_character(Sentence(start, start + len(text), text, *spans)))
    made = _part(part.source, part.document, 0, Document(part.document, part.source, tuple(sentences)), True)
    return replace(made, number=part.number)


def of_contigs(each: Ingested, options: Options, only: str | None = None) -> Iterator[Contig]:
    """Contigs joined of their pieces, which stand in order; of one source only, if that is named.

    Raises:
        BadInput: pieces are missing.
    """
    columns = ["source", "contig", "contig_length", "start", "bases", "byte_offset", "circular"]
    held = SpooledSequence(options.spool)
    for frame in _frames(each, columns, 100, only):
        for source, contig, length, start, bases, offset, circular in frame.iter_rows():
            if start != len(held):
                todo = "Ingest its sources again."
                raise BadInput(
                    f"{contig} from base {len(held)}", got=f"base {start}", todo=todo, source=each.path
                )
            held.add(bases.encode("ascii"))
            if len(held) == length:
                yield Contig(contig, held.text(), None, source, offset, 0, circular)
                held = SpooledSequence(options.spool)
