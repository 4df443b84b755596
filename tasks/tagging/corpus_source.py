"""Ingested corpora as sources of tagging."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.corpus import shards as corpus
from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.genome.contigs import Contig
from elman.data.genome.spooled_sequence import SpooledSequence
from elman.data.store.dataset import Dataset
from elman.data.store.disk import key_of
from elman.tasks.tagging.sentences import Passage, Passages, Record, Sentences, join_texts, split_characters

FAMILIES = {corpus.TEXT: "text", corpus.DNA: "dna"}
_ROWS = 10_000  # sentences in memory at a time
_PIECES = 100  # pieces of contigs in memory at a time


@dataclass(frozen=True)
class CorpusSource:
    """Shards of an ingested corpus that are tagged as one source.

    Each shard of text is a source of its own, so that of a corpus that has grown only new shards are
    tagged; of DNA, whose contigs go on from shard to shard, the whole corpus is one.
    """

    path: Path  # of the corpus
    name: str
    corpus: str
    files: tuple[tuple[str, str], ...]  # path in the corpus and sha256
    size: int
    dna: bool
    kind: str = "corpus"

    named_documents = documents_span_slices = False  # ids are unique, and there is but one slice
    sliceable_in_place = True

    @property
    def sha256(self) -> str:
        """Hash that names its content."""
        return key_of(files=[sha256 for _, sha256 in self.files])

    @property
    def unpacked_size(self) -> int:
        """Bytes on the disk."""
        return self.size

    def to_json(self) -> dict[str, Any]:
        """Return its entry in a manifest."""
        named = {"name": self.name, "kind": self.kind, "sha256": self.sha256, "corpus": self.corpus}
        return {**named, "bytes": self.size, "files": dict(self.files)}

    def to_job(self) -> dict[str, Any]:
        """Return plain values for a worker; `sources.source_from_job` reads them."""
        return {**asdict(self), "path": str(self.path.absolute())}

    @classmethod
    def from_job(cls, job: Mapping[str, Any]) -> Self:
        """Return a source from what its `to_job` gave."""
        files = tuple((path, sha256) for path, sha256 in job["files"])
        return cls(**{**job, "path": Path(job["path"]), "files": files})

    def renamed(self, name: str) -> Self:
        """Return the same source under another name."""
        return replace(self, name=name)

    def split(self, options: Options, size: SliceSize) -> list[Slice]:
        """Return the whole of it as one slice."""
        return [Slice(0, self.size)]

    def unpack(self, slices: list[Slice], folder: Path, wanted: list[bool]) -> NoReturn:
        """Not needed: Parquet is read where it lies."""
        raise AssertionError(f"expected to read {self.name} in place")

    def slice_text(self, slice: Slice, unpacked: Path | None, start: int) -> NoReturn:
        """Not there: of a document a corpus has the sentences alone."""
        raise AssertionError(f"expected sentences of {self.name}")

    def records(
        self,
        slice: Slice,
        options: Options,
        unpacked: Path | None = None,
        start: int = 0,
        texts: bool = False,
    ) -> Iterator[Record | Passage | pl.DataFrame]:
        """Read its sentences or contigs in order, see `TaggingSource`; memory does not grow with it.

        Raises:
            BadInput: pieces of a contig are missing.
        """
        return self.contigs(options) if self.dna else self._sentences(options, texts)

    def _sentences(self, options: Options, texts: bool) -> Iterator[Sentences | Passage]:
        passages = Passages()
        columns = ["source", "document", "sentence", "start", "text", "token_start", "token_end"]
        for frame in self._frames(columns, _ROWS):
            for (source, document), rows in frame.group_by("source", "document", maintain_order=True):
                sentences = _of_rows(str(source), str(document), rows)
                if texts:
                    yield passages.of(sentences)
                yield split_characters(sentences) if options.unit == "char" else sentences

    def contigs(self, options: Options, source: str | None = None) -> Iterator[Contig]:
        """Join contigs from their pieces, which stand in order; only those of one source if it is named.

        Raises:
            BadInput: pieces are missing.
        """
        columns = ["source", "contig", "contig_length", "start", "bases", "byte_offset", "circular"]
        sequence = SpooledSequence(options.spool)
        for frame in self._frames(columns, _PIECES, source):
            for source_name, contig, length, start, bases, offset, circular in frame.iter_rows():
                if start != len(sequence):
                    raise BadInput(
                        f"{contig} from base {len(sequence)}",
                        got=f"base {start}",
                        todo="Ingest its sources again.",
                        source=self.path,
                    )
                sequence.add(bases.encode("ascii"))
                if len(sequence) == length:
                    yield Contig(contig, sequence.text(), None, source_name, offset, 0, circular)
                    sequence = SpooledSequence(options.spool)

    def _frames(self, columns: Sequence[str], rows: int, only: str | None = None) -> Iterator[pl.DataFrame]:
        wanted = pl.lit(True) if only is None else pl.col("source") == only
        for path, _ in self.files:
            frame = pl.scan_parquet(self.path / path, glob=False).filter(wanted).select(columns).collect()
            yield from frame.iter_slices(rows)

    def unreadable(self, error: Exception) -> NoReturn:
        """Raise the error: a corpus that cannot be read is no fault of a record.

        Raises:
            the error.
        """
        raise error


def corpus_sources(folder: Path, *, whole_documents: bool = False) -> list[CorpusSource]:
    """Return the sources of a corpus, all hashes compared.

    Args:
        folder: of the corpus.
        whole_documents: True if no document may go on from source to source: shards of text that share one
            are a source together.

    Raises:
        BadInput: a dataset that is no corpus.
        IntegrityError: a file of it is missing or was changed.
    """
    dataset = Dataset.open(folder)
    if dataset.kind not in FAMILIES:
        raise BadInput(
            "a corpus made by `elman ingest`",
            got=f"a dataset of kind {dataset.kind}",
            todo="Name the corpus or the files it was made from.",
            source=folder,
        )
    dataset.files("data")  # compares all hashes
    name = folder.resolve().name
    shards = [(shard.id, shard.files["data"]) for shard in dataset.shards if "data" in shard.files]
    sources = [
        CorpusSource(folder, f"{name}/{id}", name, ((entry.path, entry.sha256),), entry.bytes, dna=False)
        for id, entry in shards
    ]
    if FAMILIES[dataset.kind] == "text":
        return _with_whole_documents(sources) if whole_documents else sources
    files = tuple(file for source in sources for file in source.files)
    return [CorpusSource(folder, name, name, files, sum(source.size for source in sources), dna=True)]


def _with_whole_documents(sources: Sequence[CorpusSource]) -> list[CorpusSource]:
    """Join neighbouring shards of text between which a document goes on."""
    joined = list[CorpusSource]()
    before: tuple[str, str] | None = None
    for source in sources:
        ((path, _),) = source.files
        keys = pl.scan_parquet(source.path / path, glob=False).select("source", "document")
        first, last = (keys.slice(at, 1).collect().row(0) for at in (0, -1))
        if joined and first == before:
            known = joined[-1]
            joined[-1] = replace(known, files=known.files + source.files, size=known.size + source.size)
        else:
            joined.append(source)
        before = last
    return joined


def _of_rows(source: str, document: str, rows: pl.DataFrame) -> Sentences:
    text, length, text_start = join_texts(rows["text"].to_list())
    token_start, bounds = ragged.of_lists(rows["token_start"])
    token_end, _ = ragged.of_lists(rows["token_end"])
    return Sentences(
        source,
        document,
        rows["sentence"].cast(pl.Int32).to_numpy(),
        rows["start"].cast(pl.Int64).to_numpy(),
        length,
        text,
        text_start,
        bounds,
        token_start.astype(np.int64),
        token_end.astype(np.int64),
    )
