"""`elman tag`: tag text or DNA in bulk into Parquet and exports."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from annotated_types import Ge, Interval

from elman.data.errors import BadInput, UsageError
from elman.data.exports import registry as exports
from elman.data.formats.common.encodings import known_encoding
from elman.data.formats.common.options import Options
from elman.data.formats.table.batches import Columns
from elman.data.genome.genetic_code import GENETIC_CODES
from elman.data.genome.masks import read_masks
from elman.data.redaction.operators import OPERATORS, Redactor, read_key
from elman.data.redaction.patterns import Patterns
from elman.data.sources.copies import Copies
from elman.data.store.dataset import MANIFEST, Dataset
from elman.data.store.disk import atomic_write, to_bytes
from elman.data.store.writer import DatasetWriter
from elman.flows.arguments import ColumnOption, Config, Description, Model, Sources
from elman.tasks.execution.engine import engine_names
from elman.tasks.execution.launch import Forecast, execute, forecast
from elman.tasks.execution.memory import Resources, parse_size
from elman.tasks.execution.run import TaggingRun
from elman.tasks.models import model_folder
from elman.tasks.models.passport import CLASSIFIER
from elman.tasks.models.precision import thresholds_of
from elman.tasks.runtime import mlflow_sync
from elman.tasks.runtime.artifacts import publish_table
from elman.tasks.runtime.orchestration import flow
from elman.tasks.runtime.quarantine import report_quarantine
from elman.tasks.runtime.source_copies import source_copies
from elman.tasks.tagging.discovery import find_sources
from elman.tasks.tagging.model_choice import choose_model
from elman.tasks.tagging.output import (
    TagCounts,
    TagSettings,
    check_compatible,
    commit_tags,
    output_writer,
)
from elman.tasks.tagging.plan import plan_sources, write_plan
from elman.tasks.tagging.sources import TaggingSource, options_of

AUTO = "auto"  # of --genetic-code: found by a test

if TYPE_CHECKING:
    EngineName = str
    GeneticCode = int | str
    RedactOperator = str
else:
    GeneticCode = Literal[*GENETIC_CODES, AUTO]  # of --genetic-code
    EngineName = Literal[*engine_names()]  # the choices of --engine
    RedactOperator = Literal[*OPERATORS]  # of --redact


def _formats_help() -> str:
    """Return the help of --format."""
    text, dna = (", ".join(exports.names(family)[1:]) for family in ("text", "dna"))
    return f"and, comma-separated, {text} (text) or {dna} (DNA)"


Formats = Annotated[str, tyro.conf.arg(help=_formats_help()), Description(_formats_help())]


@dataclass(frozen=True, kw_only=True)
class TagConfig(Config):
    """Tag text or DNA with a model; what the output has of these sources already is reused."""

    model: Model
    """a folder, models:/NAME@alias, models:/NAME/VERSION or a run id"""
    sources: Sources
    """files, archives, folders, or - for standard input; of text or of DNA as the model"""
    out: Path
    """folder of the tagged dataset"""
    format: Formats = exports.PARQUET
    tokens: bool = False
    """of text: every token with its tag and probability, too"""
    min_probability: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    """leave out what is less likely"""
    precision: Annotated[float, Interval(gt=0, lt=1)] | None = None
    """of text: leave out what is below the threshold that reached it on dev, by type (docs/bulk.md)"""
    token_column: ColumnOption = None
    """of CoNLL rows: a number from 1 or a name; found from the rows if not given"""
    tag_column: ColumnOption = None
    """of CoNLL rows: the column that is not read, if it is to tell which one is of tokens"""
    sentence_per_line: bool = False
    """of plain text: every line is a sentence"""
    encoding: str | None = None
    """of text that is not UTF-8: latin-1, cp1252, shift_jis, gb18030 or another that Python knows"""
    text_column: str | None = None
    """of tables (Parquet, Arrow, CSV, TSV), whose rows are documents"""
    id_column: str | None = None
    """of tables: names a document; SOURCE#ROW if not given"""
    keep: str = ""
    """of tables: comma-separated columns that go through to the output"""
    engine: EngineName = "local"
    """processes of this machine, or a Ray cluster (docs/cluster.md)"""
    workers: Annotated[int, Ge(0)] | None = None
    """processes; as many as there are cores if not given; 0: in this process"""
    memory: str = "1GiB"
    """for all processes together"""
    shard_size: str | None = None
    """bytes in a unit of committed work, 1 to 64 MiB; found from the input"""
    no_reuse: bool = False
    """tag equal sentences each time they come"""
    genetic_code: GeneticCode | None = None
    """of DNA: NCBI's number, such as 4, or auto (11, 4 or 25 by a test); the model's own (11) if not given"""
    mask: Path | None = None
    """of DNA: BED or GFF3 of bases that no gene may lie on, such as tRNA, rRNA and repeats"""
    patterns: str = ""
    """of text: comma-separated, entities of a checkable form, too: mail, phone, card, iban, url"""
    phone_region: str = ""
    """of --patterns phone: countries, such as GB or DE,AT, whose numbers count without +, too"""
    redact: RedactOperator | None = None
    """of text: write it with its entities taken out (docs/redaction.md)"""
    redact_types: str = ""
    """comma-separated entity types to take out; all that are found if not given"""
    redact_key_file: Path | None = None
    """of --redact hash and pseudonym: a file with the key, of 16 bytes or more"""
    plan: bool = False
    """say what would be done, and do nothing"""
    retag: bool = False
    """all of an output made with another model; swapped in at the end"""

    def __post_init__(self) -> None:
        """Check what depends on more than one option beside the bounds."""
        super().__post_init__()
        if not self.sources:
            raise UsageError("expected files or folders to tag. Got none.")
        wrong = [name for name in self.formats if name not in exports.names()]
        if wrong:
            raise UsageError(f"expected --format of {', '.join(exports.names())}. Got {', '.join(wrong)}.")
        if self.workers == 0 and self.engine == "ray":
            raise UsageError("expected --workers of 1 or more for --engine ray. Got 0.")
        if self.text_column is None and (self.id_column or self.keep):
            raise UsageError("expected --text-column beside --id-column and --keep. Got none.")
        known_encoding(self.encoding or "utf-8")
        if self.redact is None and (self.redact_types or self.redact_key_file):
            raise UsageError("expected --redact beside --redact-types and --redact-key-file. Got none.")
        if self.phone_region and not self.patterns:
            raise UsageError("expected --patterns phone beside --phone-region. Got none.")
        if self.patterns:
            _patterns(self)
        for size in (self.memory, self.shard_size or "1"):
            parse_size(size)

    @property
    def formats(self) -> tuple[str, ...]:
        """Requested formats."""
        return _names(self.format)

    @property
    def columns(self) -> Columns | None:
        """Columns of tables; None if no text column is named."""
        if self.text_column is None:
            return None
        return Columns(self.text_column, self.id_column, _names(self.keep))

    @property
    def reading(self) -> dict[str, Any]:
        """Options of reading text that are given, by their name in `Options`, and the encoding."""
        encoding = known_encoding(self.encoding) if self.encoding else None
        columns = Options(
            token_column=self.token_column,
            tag_column=self.tag_column,
            sentence_per_line=self.sentence_per_line,
        ).named
        return {**columns, **({"encoding": encoding} if encoding else {})}

    @property
    def settings(self) -> TagSettings:
        """Settings of the output."""
        return TagSettings(
            formats=self.formats,
            tokens=self.tokens,
            min_probability=self.min_probability,
            genetic_code=None if isinstance(self.genetic_code, str) else self.genetic_code,
            masks=read_masks(self.mask) if self.mask else None,
            columns=self.columns,
            reading=self.reading,
            reuse=not self.no_reuse,
            patterns=_patterns(self) if self.patterns else None,
            redactor=_redactor(self),
            precision=self.precision,
        )

    @property
    def resources(self) -> Resources:
        """Engine, workers and memory."""
        return Resources(self.engine, self.workers, parse_size(self.memory))

    @property
    def slice_bytes(self) -> int | None:
        """Bytes of a slice; None if the size of the input decides."""
        return parse_size(self.shard_size) if self.shard_size else None


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _patterns(config: TagConfig) -> Patterns:
    return Patterns(_names(config.patterns), _names(config.phone_region))


def _redactor(config: TagConfig) -> Redactor | None:
    if config.redact is None:
        return None
    key = b"" if config.redact_key_file is None else read_key(config.redact_key_file)
    return Redactor(config.redact, _names(config.redact_types), key)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Model, sources and output of a run.

    Attributes:
        out: folder of the output.
        model: version of the model.
        newer: version that the model's name means now, if the output is of an older one.
        skipped: path and reason of files that are no sources.
    """

    out: Path
    model: str
    newer: str | None
    skipped: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        skipped = [{"path": path, "reason": reason} for path, reason in self.skipped]
        moved = {"moved": self.newer} if self.newer else {}
        return {"out": str(self.out), "model": self.model, **moved, "skipped": skipped}


@dataclass(frozen=True, kw_only=True)
class Tagged:
    """Result of a run.

    Attributes:
        counts: numbers of records and rows.
        shards: number of them; `reused`: how many of these an earlier run made.
        seconds: wall time.
        inputs: model and output.
        digest: sha256 of the manifest.
        precision: of `--precision`, as `tasks.tagging.output.precision_summary` gives it.
    """

    counts: TagCounts
    shards: int
    reused: int
    seconds: float
    inputs: Inputs
    digest: str
    precision: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def exit_code(self) -> int:
        """Exit code of the command: that of bad data if records were quarantined."""
        return BadInput.exit_code if self.counts.quarantined else 0

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        shards = {"shards": self.shards, "reused": self.reused, "seconds": self.seconds}
        end = {"digest": self.digest, "exit_code": self.exit_code}
        asked = {} if self.precision is None else {"precision": self.precision}
        return {**self.counts.to_json(), **shards, **self.inputs.to_json(), **asked, **end}


@dataclass(frozen=True, kw_only=True)
class TagPlan:
    """Result of `--plan`: what a run would do."""

    forecast: Forecast
    inputs: Inputs

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**self.forecast.to_json(), **self.inputs.to_json()}


@flow
def tag(config: TagConfig) -> Tagged | TagPlan:
    """Find the model and the sources, tag what is new shard by shard, and commit all of it at once."""
    with source_copies() as copies:
        return _tag(config, copies)


def _tag(config: TagConfig, copies: Copies) -> Tagged | TagPlan:
    begun, settings = time.monotonic(), config.settings
    folder, newer = choose_model(config.out, config.model, config.retag)
    model = model_folder.read(folder)
    writer = output_writer(config.out, model, settings)
    where = (config.sources, model.family, str(folder), config.out)
    whole = model.kind == CLASSIFIER
    sources, skipped = find_sources(*where, config.columns, copies, config.reading, whole_documents=whole)
    if config.genetic_code == AUTO:
        settings = replace(settings, genetic_code=_genetic_code(model, sources))
        writer = output_writer(config.out, model, settings)
    inputs = Inputs(out=config.out, model=model.version, newer=newer, skipped=tuple(skipped))
    if config.plan:
        if (config.out / MANIFEST).is_file():
            writer.dataset = Dataset.open(config.out)
        run = _prepare(config, writer, model, sources)
        return TagPlan(forecast=forecast(run, model, config.resources), inputs=inputs)
    params = {"model": model.version, "asked": config.model, "out": config.out, "format": config.format}
    with mlflow_sync.record_run("tag", f"{config.out.name} by {model.version}", params) as recorder, writer:
        run = _prepare(config, writer, model, sources)
        write_plan(writer, config.model, folder, run.plan)
        execute(run, model, settings, config.resources, config.sources, recorder.run.folder)
        shards = run.shards()
        publish_table("shards", run.by_state(), f"Shards of {config.out.name} by state")
        wanted = config.precision
        thresholds = None if wanted is None else thresholds_of(model, wanted)
        dataset = commit_tags(writer, run.plan, shards, config.model, thresholds)
        counts = TagCounts.of(writer.kind, shards)
        if counts.quarantined:
            report_quarantine(dataset)
        seconds = round(time.monotonic() - begun, 3)
        summary = dataset.manifest["meta"]["summary"]
        recorder.log_metrics({**counts.metrics(summary, seconds), **run.counts()}, 0)
        atomic_write(recorder.run.artifacts / "summary.json", to_bytes(summary))
        output = str(config.out.absolute())
        tags = {"elman.model": model.version, "elman.manifest": dataset.digest, "elman.output": output}
        recorder.run.add_tags(tags)
    return Tagged(
        counts=counts,
        **run.counts(),
        seconds=seconds,
        inputs=inputs,
        digest=dataset.digest,
        precision=summary.get("precision"),
    )


def _genetic_code(model: model_folder.Model, sources: Sequence[TaggingSource]) -> int:
    """Find the genetic code of the sources.

    Raises:
        UsageError: the model is none of genes, or the sources differ.
    """
    if model.kind != "dna":
        raise UsageError("expected --genetic-code for a model that finds genes only.")
    from elman.tasks.models.gene_finder import load_model
    from elman.tasks.tagging.genome_tables import find_genetic_code

    return find_genetic_code(load_model(model), sources)


def _prepare(
    config: TagConfig, writer: DatasetWriter, model: model_folder.Model, sources: Sequence[TaggingSource]
) -> TaggingRun:
    """Check the output and plan the sources."""
    check_compatible(writer, sources, config.retag)
    plan = plan_sources(
        writer, sources, options_of(model), config.slice_bytes, whole_documents=model.kind == CLASSIFIER
    )
    return TaggingRun(writer, plan)
