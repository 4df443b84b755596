"""Finds the sources of a tagging run among the paths that the user named."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from elman.data.errors import BadInput, UsageError
from elman.data.formats.registry import Family, TableFormat, TextFormat, all_formats
from elman.data.formats.table.batches import Columns
from elman.data.sources.copies import Copies
from elman.data.sources.detect import Source
from elman.data.sources.reading import HashedSource, collect_sources, collect_tables
from elman.data.store.dataset import MANIFEST
from elman.tasks.runtime.orchestration import task
from elman.tasks.tagging.corpus_source import corpus_sources
from elman.tasks.tagging.file_source import FileSource, TableSource, same_columns
from elman.tasks.tagging.sources import TaggingSource

_FAMILY_NAMES = {"text": "text", "dna": "DNA"}


@task(task_run_name="find sources in {paths}", tags=("tagging",))
def find_sources(
    paths: Sequence[Path],
    kind: str,
    folder: str,
    out: Path,
    columns: Columns | None = None,
    copies: Copies | None = None,
    reading: Mapping[str, Any] | None = None,
    *,
    whole_documents: bool = False,
) -> tuple[list[TaggingSource], list[tuple[str, str]]]:
    """Find what is to be tagged.

    Args:
        paths: files, folders of files, folders of ingested corpora.
        kind: of the model, "text" or "dna".
        folder: of the model, for messages.
        out: folder of the output, which may not lie in a source.
        columns: of tables; None if none are named.
        copies: of members of archives and of standard input; see `data.sources.detect.discover`.
        reading: fields of `Options` of reading text that the user has named, and the `encoding`.
        whole_documents: True if no document of a corpus may go on from source to source.

    Returns:
        sources under names of their own, sorted, and (path, reason) of skipped files.

    Raises:
        BadInput: there is nothing to tag, or not of the model's kind.
        UsageError: `out` lies in a source, or columns are named for a model of DNA.
    """
    check_outside(out, paths)
    reading = reading or {}
    if kind == "dna":
        _check_no_text_options(reading, columns)
    raw = [Path(path) for path in paths]
    if columns is not None:
        items, others = collect_tables(raw, columns.text, copies, reading.get("encoding"))
        tables = [TableSource(item=item, columns=columns) for item in items]
        same_columns(tables)
        return _unique_names(tables), [(str(path), why) for path, why in others]
    sources: list[TaggingSource] = []
    skipped: list[tuple[str, str]] = []
    for path in [path for path in raw if (path / MANIFEST).is_file()]:
        raw.remove(path)
        sources += corpus_sources(path, whole_documents=whole_documents)
    if raw:
        items, others = _find(raw, kind, copies, reading)
        columns_named = {name: value for name, value in reading.items() if name != "encoding"}
        sources += [FileSource(_without_annotation(item), columns_named) for item in items]
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


def _check_no_text_options(reading: Mapping[str, Any], columns: Columns | None) -> None:
    """Check that no option of reading text is given for a model of DNA.

    Raises:
        UsageError: one is.
    """
    if reading:
        options = " and ".join("--" + name.replace("_", "-") for name in reading)
        raise UsageError(f"expected {options} for a model of text only. Got a model of DNA.")
    if columns is not None:
        raise UsageError("expected --text-column for a model of text only. Got a model of DNA: give FASTA.")


def _find(
    paths: Sequence[Path], kind: str, copies: Copies | None, reading: Mapping[str, Any]
) -> tuple[list[HashedSource], list[tuple[Path, str]]]:
    """Find files of the model's kind; of the other kind where there are no others."""
    try:
        family: Family = "dna" if kind == "dna" else "text"
        encoding = reading.get("encoding")
        columns = bool({"token_column", "tag_column"} & reading.keys())
        return collect_sources(
            paths,
            family=family,
            columns=columns,
            copies=copies,
            encoding=encoding,
            sentence_per_line="sentence_per_line" in reading,
        )
    except BadInput as error:
        tables = [f"{format_.name}, not" for format_ in all_formats() if isinstance(format_, TableFormat)]
        if any(told in error.got for told in ["--text-column", *tables]):
            todo = "Name the column that holds the text: --text-column NAME."
            raise BadInput("text or DNA", got="a table", todo=todo, source=error.source) from None
        if f", not {kind}" in error.got:
            try:
                return collect_sources(paths, columns=columns, copies=copies)
            except BadInput:
                pass
        raise


def _without_annotation(item: HashedSource) -> HashedSource:
    count = len(item.files)
    files = tuple(replace(file, kind=_alone(file)) for file in item.files)
    return replace(item, files=files, annotations=(), hashes=item.hashes[:count], stats=item.stats[:count])


def _alone(file: Source) -> str:
    """Format of a file whose labels are not read."""
    format_ = file.format
    return (format_.alone if isinstance(format_, TextFormat) else None) or file.kind


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
