"""Tags one slice into a staged shard: the work of a worker, whatever engine runs it.

A worker loads the model once (`ShardTagger.load`) and then takes jobs, which are plain values. What is
staged depends on the slice, the model and the request alone, not on the worker or the time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.corpus.shards import quarantine_table
from elman.data.errors import ElmanError
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import Slice
from elman.data.genome.masks import Masks
from elman.data.redaction.operators import Redactor
from elman.data.redaction.patterns import Patterns
from elman.data.redaction.tables import Redaction, join_patterns
from elman.data.store import schema
from elman.data.store.dataset import Shard
from elman.data.store.growing_table import GrowingTable
from elman.data.store.writer import Staging
from elman.data.text.string_table import DEFAULT_STRINGS, INPUT_CACHE_BYTES
from elman.tasks.models import model_folder
from elman.tasks.models.passport import CLASSIFIER
from elman.tasks.tagging.origin import ShardOrigin
from elman.tasks.tagging.renumber import renumbered
from elman.tasks.tagging.sentences import Passage, Record, Sentences
from elman.tasks.tagging.sources import TaggingSource, options_of, source_from_job
from elman.tasks.tagging.text_tables import Finishing, MakeTables, entity_tables
from elman.tasks.tagging.windows import Window, numbered_windows

WINDOW = 1 << 20  # characters or bases; rows do not depend on it, the last bits of probabilities may
TEXTS = "texts"  # table of the text of documents
BINS = 20  # of the histogram of probabilities
_CLASSIFIED = "elman.tasks.classification.tables"  # loaded for such models alone

Announce = Callable[[int, int], None]  # called with the range of records that is tried next


@dataclass(frozen=True, kw_only=True)
class WorkerRequest:
    """Settings that all shards of a run have in common.

    Attributes:
        model: folder.
        out: folder of the dataset.
        salt: of its keys.
        tables: names of tables to stage beside those always staged.
        min_probability: entities and intervals below it are left out.
        genetic_code: of DNA; the model's own if None.
        masks: of DNA: intervals of each contig that no gene may lie on.
        reuse: True to tag equal sentences once.
        patterns: of text: found beside the model's entities.
        redactor: of text: takes entities out of it.
        thresholds: of text: of `--precision`, by type; a type without one is left out. None: not asked for.
        table_entries: words, and stretches between white space, in the tables of a worker.
        input_cache: bytes of the input cache of a worker.
    """

    model: str
    out: str
    salt: str
    tables: tuple[str, ...]
    min_probability: float = 0.0
    genetic_code: int | None = None
    masks: Masks | None = None
    reuse: bool = True
    patterns: Patterns | None = None
    redactor: Redactor | None = None
    thresholds: Mapping[str, float | None] | None = None
    table_entries: int = DEFAULT_STRINGS
    input_cache: int = INPUT_CACHE_BYTES

    def to_json(self) -> dict[str, Any]:
        """Return plain values, the key of a redaction among them."""
        patterns = self.patterns and self.patterns.to_json()
        redactor = self.redactor and self.redactor.to_job()
        return {**asdict(self), "patterns": patterns, "redactor": redactor}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "WorkerRequest":
        """Return the request that `to_json` gave."""
        patterns = value["patterns"] and Patterns.from_json(value["patterns"])
        redactor = value["redactor"] and Redactor.from_job(value["redactor"])
        return cls(**{**value, "tables": tuple(value["tables"]), "patterns": patterns, "redactor": redactor})


@dataclass(frozen=True, kw_only=True)
class Job:
    """One attempt at a shard.

    Attributes:
        source: `to_job` of the source.
        origin: names the shard, and its slice.
        unpacked, start: see `data.sources.splitting.read_slice`.
        skip: reason and detail by number of the records that are not tried again.
        suspect: range of records that are tried in small windows, each announced.
    """

    source: dict[str, Any]
    origin: ShardOrigin
    unpacked: str | None = None
    start: int = 0
    skip: dict[int, tuple[str, str]] = field(default_factory=dict)
    suspect: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "origin": self.origin.to_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Job":
        """Return the job that `to_json` gave."""
        skip = {int(number): (why[0], why[1]) for number, why in value["skip"].items()}
        suspect = None if value["suspect"] is None else (value["suspect"][0], value["suspect"][1])
        origin = ShardOrigin.from_json(value["origin"])
        return cls(**{**value, "origin": origin, "skip": skip, "suspect": suspect})


class ShardTagger:
    """A loaded model that tags slices and stages their shards.

    Args:
        request: of the run.
        staging: where shards are staged.
        tables_of: gives, for a source and True if it has but one slice, a function from windows to tables.
        options: how sources are read.
    """

    def __init__(
        self,
        request: WorkerRequest,
        staging: Staging,
        tables_of: Callable[[TaggingSource, bool], MakeTables],
        options: Options,
    ) -> None:
        self.request, self.staging, self.tables_of, self.options = request, staging, tables_of, options

    @classmethod
    def load(cls, request: WorkerRequest) -> "ShardTagger":
        """Load the model of a request.

        Raises:
            BadInput, IntegrityError: see `tasks.models.model_folder.read`.
        """
        loaded = model_folder.read(Path(request.model))
        staging = Staging(Path(request.out), request.salt)
        if loaded.kind == CLASSIFIER:
            of_text = replace(options_of(loaded), strings=request.table_entries)
            options = of_text if loaded.family == "text" else Options(spool=staging.temporary_folder())
            made: ShardTagger = import_module(_CLASSIFIED).load(request, loaded, staging, options)
            return made
        if loaded.kind == "dna":
            from elman.tasks.models.gene_finder import load_model
            from elman.tasks.tagging.genome_tables import GenomeTables

            finder = replace(load_model(loaded).of_code(request.genetic_code), masks=request.masks or {})
            options = Options(spool=staging.temporary_folder())
            return cls(request, staging, GenomeTables(finder, request.tables, staging), options)
        from elman.tasks.models.text_tagger import Tagger

        tagger = Tagger.of(loaded, request.table_entries, request.input_cache)
        tables = entity_tables(tagger, request.tables, request.reuse, request.patterns, request.thresholds)
        options = replace(options_of(loaded), strings=request.table_entries)
        return cls(request, staging, lambda source, whole: tables, options)

    def tag(self, job: Job, announce: Announce = lambda begin, end: None) -> Shard:
        """Tag a slice and stage its shard.

        Raises:
            BadInput: the source was changed or cannot be read.
            OSError: the disk is full, for example.
        """
        source, origin = source_from_job(job.source), job.origin
        slice = Slice(origin.begin, origin.end, origin.state)
        unpacked = Path(job.unpacked) if job.unpacked else None
        make_tables = self.tables_of(source, origin.last and origin.number == 0)
        passthrough, passages = list[pl.DataFrame](), list[Passage]()
        redaction = Redaction(self.request.redactor) if self.request.redactor else None
        in_slices = source.documents_span_slices
        if redaction and in_slices:
            text = source.slice_text(slice, unpacked, job.start)
            redaction.add_text(source.name, source.name, slice.state["char"], text)
        texts = TEXTS in self.request.tables or (redaction is not None and not in_slices)
        records = source.records(slice, self.options, unpacked, job.start, texts)
        stream = _records_alone(records, passthrough, passages)
        counted = Counter[str]()
        growing: dict[str, GrowingTable] = {}
        quarantined: list[Quarantined] = []
        tried = _without_skipped(_count_read(stream, counted), job.skip, quarantined, redaction)
        counted_from = numbered_windows(tried, WINDOW, job.suspect, max(self.options.unit_sentences, 1))
        for first, window in _with_end(counted_from, make_tables):
            if isinstance(window, Window):
                announce(first, first if window.probed else first + len(window))
                if window.probe:
                    _ = list(make_tables(window))
                    continue
                quarantined += window.quarantined
            if redaction:
                for passage in passages:
                    redaction.add_text(passage.source, passage.document, passage.start, passage.text)
            elif passages:
                growing.setdefault(TEXTS, GrowingTable()).add(_text_rows(passages))
            passages.clear()
            parts = make_tables(window) if isinstance(window, Window) else window.finish()
            for part, counts in parts:
                counted.update(counts)
                for name, frame in self._filter_and_count(part, counted, redaction).items():
                    growing.setdefault(name, GrowingTable(self.options.spool)).add(frame)
        large = {name: rows for name, rows in growing.items() if not rows.in_memory}  # of DNA alone
        tables = {name: _join_windows(name, rows) for name, rows in growing.items() if name not in large}
        if TEXTS in tables and not in_slices:  # none of a document that is all quarantined
            keys = ["source", "document"]
            tables[TEXTS] = tables[TEXTS].join(
                tables["documents"], on=keys, how="semi", maintain_order="left"
            )
        if redaction:
            tables |= redaction.tables(tables["documents"], tables["data"])
            counted["replaced"] = tables["redactions"].height
        if passthrough:
            _join_passthrough(tables, pl.concat(passthrough))
        tables["quarantine"] = quarantine_table(quarantined)
        heights = {name: table.height for name, table in (tables | large).items()}
        _check_complete(source.name, counted, heights, len(job.skip))
        counted["quarantined"], counted["rows"] = len(quarantined), heights["data"]
        counts = {name: int(n) for name, n in sorted(counted.items()) if not name.startswith("read ")}
        staged = {name: frame.rechunk() for name, frame in tables.items() if frame.height or name == "data"}
        if origin.base:
            staged = {name: renumbered(frame, origin.base, {}) for name, frame in staged.items()}
        rows: dict[str, pl.DataFrame | GrowingTable] = {**staged, **large}
        return self.staging.stage(origin.id, origin.key, rows, counts=counts, source=origin.to_json())

    def _filter_and_count(
        self, tables: dict[str, pl.DataFrame], counted: Counter[str], redaction: Redaction | None
    ) -> dict[str, pl.DataFrame]:
        """Drop rows of too low a probability, add those of patterns; count types and probabilities."""
        data = tables["data"]
        if self.request.min_probability > 0:
            probable = data["probability"] >= self.request.min_probability
            counted["below"] += data.height - int(probable.sum())
            data = data.filter(probable)
        patterns = tables.pop("patterns", None)
        if redaction:
            redaction.add_entities(*([data] if patterns is None else [data, patterns]))
        if patterns is not None:
            data = join_patterns(data, patterns, tables["documents"])
        kind = "type" if "type" in data.columns else "label"
        for name, count in data[kind].value_counts().iter_rows():
            counted[f"{kind} {name}"] += count
        bins = np.minimum((data["probability"].to_numpy() * BINS).astype(np.int64), BINS - 1)
        for number, count in enumerate(np.bincount(bins, minlength=BINS).tolist()):
            counted[f"probability {number:02}"] += count
        return {**tables, "data": data}


def _with_end(
    windows: Iterator[tuple[int, Window]], make_tables: MakeTables
) -> Iterator[tuple[int, Window | Finishing]]:
    """Yield windows, and then what makes the tables if it has more to give."""
    yield from windows
    if isinstance(make_tables, Finishing):
        yield 0, make_tables


def _records_alone(
    stream: Iterable[Record | Passage | pl.DataFrame],
    passthrough: list[pl.DataFrame],
    passages: list[Passage],
) -> Iterator[Record]:
    """Yield records alone; collect the frames of passthrough columns and the text of documents."""
    for record in stream:
        if isinstance(record, pl.DataFrame):
            passthrough.append(record)
        elif isinstance(record, Passage):
            passages.append(record)
        else:
            yield record


def _text_rows(passages: Sequence[Passage]) -> pl.DataFrame:
    columns = {name: [getattr(passage, name) for passage in passages] for name in schema.DOCUMENT_TEXTS}
    return pl.DataFrame(columns, schema=schema.DOCUMENT_TEXTS)


def _join_passthrough(tables: dict[str, pl.DataFrame], passthrough: pl.DataFrame) -> None:
    """Add to all rows of a document the passthrough columns of the row it came from."""
    documents = tables["documents"].join(passthrough, on="line", how="left", maintain_order="left")
    tables["documents"] = documents
    columns = documents.select("document", pl.exclude(schema.TAGGED_DOCUMENTS.names()))
    for name in ("data", "tokens", "redacted"):
        if name in tables:
            tables[name] = tables[name].join(columns, on="document", how="left", maintain_order="left")


def _count_read(stream: Iterable[Record], counted: Counter[str]) -> Iterator[Record]:
    """Count records, and what `_check_complete` compares with the tables."""
    for record in stream:
        if isinstance(record, Sentences):
            counted["read sentences"] += len(record)
            counted["records"] += record.records
        else:
            counted["records"] += 1
            counted["read quarantine" if isinstance(record, Quarantined) else "read contigs"] += 1
        yield record


def _check_complete(name: str, counted: Counter[str], heights: dict[str, int], skipped: int) -> None:
    """Compare what was read with what is to be written, the rows of tables.

    Raises:
        ElmanError: something was lost or doubled.
    """
    written = {
        "sentences": counted["sentences"],
        "contigs": heights.get("contigs", 0),
        "quarantine": heights["quarantine"],
    }
    read = sum(counted[f"read {table}"] for table in written)
    if sum(written.values()) != read or written["quarantine"] != counted["read quarantine"] + skipped:
        raise ElmanError(
            f"{name}: expected {read} sentences, contigs and quarantined records. Got {written}."
        )


def _without_skipped(
    stream: Iterable[Record],
    skip: dict[int, tuple[str, str]],
    quarantined: list[Quarantined],
    redaction: Redaction | None,
) -> Iterator[Record]:
    """Yield records without those to be skipped, which are quarantined, and taken out of redacted texts."""
    if not skip:
        yield from stream
        return
    done = 0
    for record in stream:
        length = _skippable(record)
        skipped = sorted(number - done for number in skip if done <= number < done + length)
        if not skipped:
            yield record
        elif isinstance(record, Sentences):
            at = 0
            for number in skipped:
                if number > at:
                    yield record.slice(at, number)
                one = record.slice(number, number + 1)
                quarantined.append(_quarantine(one, *skip[done + number]))
                if redaction:
                    start = int(one.start[0])
                    redaction.skip(one.source, one.document, start, start + int(one.length[0]))
                at = number + 1
            if at < length:
                yield record.slice(at, length)
        else:
            quarantined.append(_quarantine(record, *skip[done]))
        done += length


def _skippable(record: Record) -> int:
    """Return how many records can be skipped: sentences, contigs."""
    return len(record) if isinstance(record, Sentences) else 0 if isinstance(record, Quarantined) else 1


_ADVICE = "Look at the record: tagging it ended its worker. Shorten or mend it, and tag it again."
_RAW = 1 << 20  # bases of a contig that go to quarantine


def _quarantine(record: Record, reason: str, detail: str) -> Quarantined:
    assert not isinstance(record, Quarantined)
    if isinstance(record, Sentences):
        where = f"sentence at character {int(record.start[0])} of {record.document}"
        raw = record.texts()[0].encode("utf-8", "surrogatepass")
    else:
        where, raw = f"contig {record.id}", record.bases[:_RAW].encode("latin-1", "replace")
    detail = f"expected a worker to tag the {where}. Got {detail}"
    return Quarantined(record.source, record.line, record.byte_offset, reason, detail, _ADVICE, raw)


def _join_windows(name: str, rows: GrowingTable) -> pl.DataFrame:
    """Join the rows of all windows; a document that goes on in the next window has one row."""
    frame = rows.frame()
    if name != "documents" or rows.parts == 1:
        return frame
    documents = frame.group_by("source", "document", maintain_order=True)
    return documents.agg(pl.col("line").first(), pl.col("sentences", "tokens").sum()).select(frame.columns)
