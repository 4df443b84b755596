"""Sources of an ingest: found, with the options to read them, and without those the corpus has already."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from elman.data.corpus.shards import DNA, MUSIC, SPEECH, TEXT
from elman.data.errors import UsageError
from elman.data.formats.common.options import Misaligned, OffsetUnit, Options
from elman.data.formats.registry import Family
from elman.data.genome.annotation_rules import CODING, AnnotationRule, parse_rules
from elman.data.sources.copies import Copies
from elman.data.sources.reading import HashedSource, by_name, collect_sources, unit_by_script
from elman.data.store.dataset import MANIFEST, Dataset
from elman.data.store.writer import DatasetWriter
from elman.data.text.tokenizer import Tokenizer, Unit
from elman.tasks.runtime.orchestration import task

MOST_TASKS = 200
_SHOWN: dict[Family, str] = {"text": "text", "dna": "DNA", "music": "music", "speech": "speech"}


@dataclass(frozen=True)
class FoundSources:
    """Sources to ingest, and (path, reason) of the files that are skipped."""

    family: Family
    sources: tuple[HashedSource, ...]
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Requested:
    """Options of reading that the user has named; None where they are to be found.

    kind: family to take alone; encoding: by Python's name, None for UTF-8; clip_names: of speech, see
    `data.formats.common.options.Options`; labels: rules of DNA; label_from: where the class of all documents
    of a source is taken from.
    """

    kind: Family | None = None
    unit: Unit | None = None
    token_column: int | str | None = None
    tag_column: int | str | None = None
    entity_type: str | None = None
    text_column: str | None = None
    labels_column: str | None = None
    id_column: str | None = None
    label_column: str | None = None
    label_from: Literal["folder"] | None = None
    misaligned: Misaligned | None = None
    offsets: OffsetUnit | None = None
    sentence_per_line: bool = False
    encoding: str | None = None
    clip_names: str | None = None
    labels: Sequence[str] = ()

    @property
    def columns_named(self) -> bool:
        """True if columns of tokens or tags are named, so that tables are corpora."""
        return self.token_column is not None or self.tag_column is not None

    @property
    def of_text(self) -> Options:
        """Options of reading text but for the unit."""
        return Options(
            token_column=self.token_column,
            tag_column=self.tag_column,
            entity_type=self.entity_type,
            text_column=self.text_column,
            labels_column=self.labels_column,
            id_column=self.id_column,
            label_column=self.label_column,
            label_from=self.label_from,
            misaligned=self.misaligned,
            offsets=self.offsets,
            sentence_per_line=self.sentence_per_line,
        )


@task(task_run_name="find sources in {paths}", tags=("ingest",))
def find_sources(
    paths: Sequence[Path], split: str | None, requested: Requested, copies: Copies | None = None
) -> FoundSources:
    """Find and hash the sources to ingest; see `data.sources.reading.collect_sources`.

    Raises:
        UsageError: an encoding is stated, of DNA.
    """
    sources, skipped = collect_sources(
        paths,
        family=requested.kind,
        columns=requested.columns_named,
        copies=copies,
        encoding=requested.encoding,
        text_column=requested.text_column,
        sentence_per_line=requested.sentence_per_line,
    )
    family = sources[0].files[0].family
    family = "text" if family == "table" else family
    if requested.encoding is not None and family == "dna":
        raise UsageError("expected --encoding for text only. Got DNA.")
    if requested.label_from is not None:
        sources = sorted((source.labelled_by_folder() for source in sources), key=by_name)
    if split is not None:
        sources = sorted((replace(source, split=split) for source in sources), key=by_name)
    return FoundSources(family, tuple(sources), tuple((str(path), reason) for path, reason in skipped))


def corpus_options(folder: Path, found: FoundSources, requested: Requested) -> Options:
    """Options to read sources into a corpus: with its unit, tokenizer and labels if it is there already.

    Raises:
        UsageError: the corpus has another unit or other labels than requested, or an option is requested that
            the family of the sources does not have.
    """
    meta = Dataset.open(folder).meta if (folder / MANIFEST).exists() else {}
    of_text = {*requested.of_text.named} - ({"label_from"} if found.family == "dna" else set())
    if found.family != "text" and (requested.unit or of_text):
        named = ["unit"] * bool(requested.unit) + sorted(of_text)
        options = " and ".join("--" + name.replace("_", "-") for name in named)
        raise UsageError(f"expected {options} for text only. Got {_SHOWN[found.family]}.")
    if found.family != "speech" and requested.clip_names:
        raise UsageError(f"expected --clip-names for speech only. Got {_SHOWN[found.family]}.")
    if found.family == "dna":
        rules = parse_rules(requested.labels)
        known = tuple(map(AnnotationRule.from_json, meta["labels"])) if "labels" in meta else CODING
        if not meta:
            known = rules
        if requested.labels and rules != known:
            raise UsageError(
                f"{folder}: expected the --label the corpus has. Got others. Use another --name."
            )
        return Options(labels=known, label_from=requested.label_from)
    if requested.labels:
        got = "text, whose labels stand in it" if found.family == "text" else found.family
        raise UsageError(f"expected --label for DNA only. Got {got}.")
    if found.family == "music":
        return Options()
    if found.family == "speech":
        return Options(clip_names=requested.clip_names)
    unit = requested.unit
    if unit and meta.get("unit", unit) != unit:
        raise UsageError(
            f"{folder}: expected --unit {meta['unit']}, which the corpus has. Got --unit {unit}."
        )
    unit = unit or meta.get("unit") or unit_by_script(found.sources[0], requested.of_text)
    fitted = Tokenizer.from_json(meta["tokenizer"]) if "tokenizer" in meta else Tokenizer(unit=unit)
    return replace(requested.of_text, unit=unit, tokenizer=fitted)


def corpus_writer(folder: Path, family: Family, options: Options) -> DatasetWriter:
    """The writer of a corpus."""
    if family != "text":
        kind = {"dna": DNA, "music": MUSIC, "speech": SPEECH}[family]
        return DatasetWriter(folder, kind=kind, config={})
    return DatasetWriter(folder, kind=TEXT, config={"unit": options.unit})


def new_sources(
    before: Dataset | None, sources: Sequence[HashedSource], options: Options
) -> list[HashedSource]:
    """Sources that the corpus does not have yet, without duplicates.

    Raises:
        UsageError: a source of the corpus was read with other columns.
    """
    entries = before.sources if before else []
    known = {(entry["sha256"], entry["split"], entry.get("label")): entry for entry in entries}
    contents = {(entry["sha256"], entry["split"]): entry for entry in entries}
    new: dict[tuple[str, str | None, str | None], HashedSource] = {}
    for source in sources:
        key = (source.sha256, source.split, source.label)
        entry = known.get(key) or contents.get(key[:2])
        if entry is None:
            new.setdefault(key, source)
        elif entry.get("label") != source.label and source.label is not None:
            raise UsageError(
                f"{source.name}: expected the label it was read with, {entry.get('label', 'none')}, for it "
                f"is in the corpus already. Got {source.label}. Use another --name."
            )
        elif entry.get("encoding") != source.encoding:
            raise UsageError(
                f"{source.name}: expected the encoding it was read by, {entry.get('encoding', 'utf-8')}, "
                f"for it is in the corpus already. Got {source.encoding or 'utf-8'}. Use another --name."
            )
        elif options.named and entry["columns"] != options.named:
            raise UsageError(
                f"{source.name}: expected the columns it was read by, "
                f"{entry['columns'] or 'found from rows'}, "
                f"for it is in the corpus already. Got {options.named}. Use another --name."
            )
    return list(new.values())


def grouped(sources: Sequence[HashedSource]) -> list[tuple[HashedSource, ...]]:
    """One source a task; neighbours together where there are more sources than tasks allowed."""
    if len(sources) <= MOST_TASKS:
        return [(source,) for source in sources]
    target = sum(source.size for source in sources) / (MOST_TASKS // 2 - 1)
    groups: list[list[HashedSource]] = [[]]
    size = 0
    for source in sources:
        if groups[-1] and size + source.size > target:
            groups.append([])
            size = 0
        groups[-1].append(source)
        size += source.size
    return [tuple(group) for group in groups]
