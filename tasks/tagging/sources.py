"""Sources of tagging: the files of text or DNA, tables and ingested corpora that the user named."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, Self

import polars as pl

from elman.data.errors import BadInput, UsageError
from elman.data.formats.options import Options
from elman.data.formats.parquet import Columns
from elman.data.formats.records import Quarantined
from elman.data.formats.slices import Slice, SliceSize
from elman.data.genome.contigs import Contig
from elman.data.sources.reading import HashedSource, collect_parquet, collect_sources
from elman.data.store.dataset import MANIFEST
from elman.tasks.runtime.orchestration import task
from elman.tasks.tagging.corpus_source import CorpusSource, corpus_sources
from elman.tasks.tagging.file_source import FileSource, TableSource, same_columns
from elman.tasks.tagging.sentences import Record

_FAMILY_NAMES = {"text": "text", "dna": "DNA"}


class TaggingSource(Protocol):
    """A source under a name of its own: `FileSource`, `TableSource` or `CorpusSource`."""

    @property
    def name(self) -> str:
        """Name in tables."""
        ...

    @property
    def path(self) -> Path:
        """Path of the file or corpus."""
        ...

    @property
    def kind(self) -> str:
        """Format, or "corpus"."""
        ...

    @property
    def corpus(self) -> str | None:
        """Name of the ingested corpus it is of, if any."""
        ...

    @property
    def sha256(self) -> str:
        """Hash that names its content."""
        ...

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        ...

    @property
    def unpacked_size(self) -> int:
        """Bytes when decompressed, estimated."""
        ...

    @property
    def dna(self) -> bool:
        """True if it holds DNA."""
        ...

    @property
    def named_documents(self) -> bool:
        """True if its documents bring ids, which may repeat."""
        ...

    @property
    def documents_span_slices(self) -> bool:
        """True if a document goes on from slice to slice."""
        ...

    @property
    def sliceable_in_place(self) -> bool:
        """True if slices can be read where the source lies; else `unpack` comes first."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return its entry in a manifest."""
        ...

    def to_job(self) -> dict[str, Any]:
        """Return plain values for a worker; `source_from_job` reads them."""
        ...

    def renamed(self, name: str) -> Self:
        """Return the same source under another name."""
        ...

    def split(self, options: Options, size: SliceSize) -> list[Slice] | Quarantined:
        """Find its slices; a quarantined record where it cannot be read.

        Raises:
            BadInput: it is damaged, or was changed since it was hashed.
        """
        ...

    def unpack(self, slices: list[Slice], folder: Path, wanted: list[bool]) -> Iterator[Path | None]:
        """Write the wanted slices to files, one by one, in order; None for the others."""
        ...

    def records(
        self, slice: Slice, options: Options, unpacked: Path | None = None, start: int = 0
    ) -> Iterator[Record | pl.DataFrame]:
        """Read the records of a slice in order; memory does not grow with it.

        Raises:
            BadInput: the source is damaged, or was changed since it was hashed.
        """
        ...

    def contigs(self, options: Options, source: str) -> Iterator[Contig]:
        """Read the contigs of one of the files it was made from, from the beginning."""
        ...

    def unreadable(self, error: Exception) -> Quarantined:
        """Quarantine all of it.

        Raises:
            the error: it is not the source's fault.
        """
        ...


def source_from_job(job: Mapping[str, Any]) -> TaggingSource:
    """Return a source from what its `to_job` gave."""
    return CorpusSource.from_job(job) if "corpus" in job else FileSource.from_job(job)


@task
def find_sources(
    paths: Sequence[Path], kind: str, folder: str, out: Path, columns: Columns | None = None
) -> tuple[list[TaggingSource], list[tuple[str, str]]]:
    """Find what is to be tagged.

    Args:
        paths: files, folders of files, folders of ingested corpora.
        kind: of the model, "text" or "dna".
        folder: of the model, for messages.
        out: folder of the output, which may not lie in a source.
        columns: of Parquet files; None if there are none.

    Returns:
        sources under names of their own, sorted, and (path, reason) of skipped files.

    Raises:
        BadInput: there is nothing to tag, or not of the model's kind.
        UsageError: `out` lies in a source, or columns are named for a model of DNA.
    """
    check_outside(out, paths)
    raw = [Path(path) for path in paths]
    if columns is not None:
        if kind == "dna":
            raise UsageError(
                "expected --text-column for a model of text only. Got a model of DNA: give FASTA."
            )
        items, others = collect_parquet(raw)
        tables = [TableSource(item, columns) for item in items]
        same_columns(tables)
        return _unique_names(tables), [(str(path), why) for path, why in others]
    sources: list[TaggingSource] = []
    skipped: list[tuple[str, str]] = []
    for path in [path for path in raw if (path / MANIFEST).is_file()]:
        raw.remove(path)
        sources += corpus_sources(path)
    if raw:
        items, others = _find(raw, kind)
        sources += [FileSource(_without_annotation(item)) for item in items]
        skipped += [(str(path), why) for path, why in others]
    for source in sources:
        if source.dna != (kind == "dna"):
            raise BadInput(
                f"{_FAMILY_NAMES[kind]}, as the model {Path(folder).name} was trained on",
                got="DNA" if source.dna else "text",
                todo="Name another model or other sources.",
                source=source.path,
            )
    return _unique_names(sorted(sources, key=lambda source: (source.name, source.sha256))), skipped


def _find(paths: Sequence[Path], kind: str) -> tuple[list[HashedSource], list[tuple[Path, str]]]:
    """Find files of the model's kind; of the other kind where there are no others."""
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


def _without_annotation(item: HashedSource) -> HashedSource:
    count = len(item.files)
    return replace(item, annotations=(), hashes=item.hashes[:count], stats=item.stats[:count])


def _unique_names(sources: Sequence[TaggingSource]) -> list[TaggingSource]:
    """Rename all but the first of equal names, by part of their content's hash; drop exact duplicates."""
    seen: set[str] = set()
    out: list[TaggingSource] = []
    for source in sources:
        for suffix in itertools.chain([""], (f"@{source.sha256[:n]}" for n in range(8, 65))):
            if source.name + suffix not in seen:
                seen.add(source.name + suffix)
                out.append(source.renamed(source.name + suffix))
                break
        # else: the same name and content a second time
    return out


def check_outside(out: Path, paths: Sequence[Path]) -> None:
    """Check that the output folder lies in no source, where it would be tagged by the next run.

    Raises:
        UsageError: names both.
    """
    for path in paths:
        if Path(path).is_dir() and out.resolve().is_relative_to(Path(path).resolve()):
            raise UsageError(f"expected --out outside of the sources. Got {out}, which lies in {path}.")
