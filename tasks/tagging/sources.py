"""Sources of tagging: the files of text or DNA, tables and ingested corpora that the user named."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, Self

import polars as pl

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.genome.contigs import Contig
from elman.data.text.tokenizer import Tokenizer, Unit
from elman.tasks.models.model_folder import Model
from elman.tasks.models.passport import CLASSIFIER
from elman.tasks.tagging.corpus_source import CorpusSource
from elman.tasks.tagging.file_source import FileSource
from elman.tasks.tagging.sentences import Passage, Record


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
        self,
        slice: Slice,
        options: Options,
        unpacked: Path | None = None,
        start: int = 0,
        texts: bool = False,
    ) -> Iterator[Record | Passage | pl.DataFrame]:
        """Read the records of a slice in order; memory does not grow with it.

        With `texts` the text of sentences comes before them.

        Raises:
            BadInput: the source is damaged, or was changed since it was hashed.
        """
        ...

    def slice_text(self, slice: Slice, unpacked: Path | None, start: int) -> str:
        """Read all the text of a slice, of a source whose documents span slices; arguments of `records`."""
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


def options_of(loaded: Model) -> Options:
    """Return how sources are read for a model."""
    if loaded.family == "dna":
        return Options()
    passport = loaded.of_classification if loaded.kind == CLASSIFIER else loaded.of_text
    tokenizer = Tokenizer.from_json(passport.tokenizer)
    unit: Unit = "char" if passport.unit == "char" else "word"
    window = 0 if loaded.kind == CLASSIFIER else loaded.of_text.document_window
    return Options(unit=unit, tokenizer=tokenizer, labels_used=False, unit_sentences=window)
