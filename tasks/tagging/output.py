"""Output of tagging: its settings, and the commit of all shards with their exports."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from elman.data.errors import UsageError
from elman.data.exports import registry as exports_registry
from elman.data.exports.staged_tables import shards_by_source, staged_tables
from elman.data.formats.table.batches import Columns
from elman.data.genome.masks import Masks
from elman.data.redaction.export_tables import redacted_tables
from elman.data.redaction.operators import Redactor
from elman.data.redaction.patterns import Patterns
from elman.data.redaction.text_files import write_texts
from elman.data.store import schema
from elman.data.store.dataset import MANIFEST, STAGING, Dataset, Shard
from elman.data.store.disk import key_of
from elman.data.store.writer import DatasetWriter
from elman.tasks.models.model_folder import Model
from elman.tasks.models.passport import CLASSIFIER
from elman.tasks.models.precision import TypeThreshold, thresholds_of
from elman.tasks.runtime.console import print_status
from elman.tasks.tagging.model_choice import passport_hash
from elman.tasks.tagging.plan import PlannedSource, read_plan
from elman.tasks.tagging.shard import BINS, TEXTS
from elman.tasks.tagging.sources import TaggingSource

TOKENS = "tokens"  # table of `--tokens`
_REDACTED = {"data", "documents", TEXTS}  # tables that exports get without what is taken out
KINDS = {"text": "tagged-text", "dna": "tagged-dna"}  # of a tagger's output
CLASSES = {"text": "tagged-documents", "dna": "tagged-sequences"}  # of a classifier's
_OF_TEXT = (KINDS["text"], CLASSES["text"])


@dataclass(frozen=True, kw_only=True)
class TagSettings:
    """Settings of a run, beside the model and the sources.

    Attributes:
        formats: of files.
        tokens: of text: True for a table of all tokens.
        min_probability: entities and intervals below it are left out.
        precision: of text: wanted of every type; what is below the threshold that had it on dev is left out.
        genetic_code: of DNA; the model's own if None.
        masks: of DNA: intervals of each contig that no gene may lie on.
        columns: of tables.
        reading: fields of `Options` of reading text that the user has named.
        reuse: True to tag equal sentences once.
        patterns: of text: found beside the model's entities.
        redactor: of text: takes entities out of it.
    """

    formats: tuple[str, ...] = (exports_registry.PARQUET,)
    tokens: bool = False
    min_probability: float = 0.0
    genetic_code: int | None = None
    masks: Masks | None = None
    columns: Columns | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    reuse: bool = True
    patterns: Patterns | None = None
    redactor: Redactor | None = None
    precision: float | None = None

    def least(self, model: Model) -> dict[str, float | None] | None:
        """Threshold of each type for `precision`; None for a type without one, or if it is not asked for."""
        if self.precision is None:
            return None
        return {name: of.dev.threshold for name, of in thresholds_of(model, self.precision).items()}

    def tables_for(self, model: Model) -> tuple[str, ...]:
        """Names of the tables that workers stage for the formats, beside those always staged."""
        tokens = {TOKENS} if self.tokens else set()
        originals = {TEXTS} if self.redactor else set()
        needed = exports_registry.needed_tables(self.formats, _exports_of(_kind_of(model)))
        return tuple(sorted((needed | tokens) - originals))


def _kind_of(model: Model) -> str:
    return (CLASSES if model.kind == CLASSIFIER else KINDS)[model.family]


def _exports_of(kind: str) -> exports_registry.Family:
    """Family of the export formats of an output of a kind."""
    return "classes" if kind in CLASSES.values() else "text" if kind == KINDS["text"] else "dna"


def output_writer(out: Path, model: Model, settings: TagSettings) -> DatasetWriter:
    """Return the writer of a tagged dataset.

    Raises:
        UsageError: a format or option that the model's kind does not have, or a folder that holds something
            else.
        BadInput: the model is no tagger.
    """
    if model.kind not in ("dna", CLASSIFIER):
        _ = model.of_text
    family = _exports_of(_kind_of(model))
    known = exports_registry.names(family)
    wrong = [name for name in settings.formats if name not in known]
    if wrong:
        kind = f"a model of {'DNA' if family == 'dna' else family}"
        raise UsageError(f"expected --format of {', '.join(known)} for {kind}. Got {', '.join(wrong)}.")
    _check_folder(out)
    config: dict[str, Any] = {
        "model": model.version,
        "passport": passport_hash(model.folder),
        "formats": sorted({exports_registry.PARQUET, *settings.formats}),
    }
    if model.kind == CLASSIFIER:
        _check_classes(settings)
    elif settings.tokens and model.kind == "dna":
        raise UsageError("expected --tokens for a model of text only. Got a model of DNA.")
    config |= {"tokens": True} if settings.tokens else {}
    if (columns := settings.columns) is not None:
        _check_passthrough(columns, model.kind == CLASSIFIER)
        config["columns"] = {"text": columns.text, "id": columns.id, "keep": list(columns.keep)}
    config.update(settings.reading)
    config |= {"min_probability": settings.min_probability} if settings.min_probability > 0 else {}
    if settings.precision is not None:
        _check_precision(model, settings)
        config["precision"] = settings.precision
    config |= _redaction_config(model, settings)
    if model.kind == "dna":
        from elman.tasks.models.gene_finder import load_model

        config["genetic_code"] = load_model(model).of_code(settings.genetic_code).config.decode.code
        config |= {} if settings.masks is None else {"mask": key_of(masks=settings.masks)}
    elif settings.genetic_code is not None or settings.masks is not None:
        name = "--mask" if settings.genetic_code is None else "--genetic-code"
        raise UsageError(f"expected {name} for a model of DNA only. Got a model of text.")
    return DatasetWriter(out, kind=_kind_of(model), config=config)


def _check_classes(settings: TagSettings) -> None:
    """Raise UsageError if an option of entities or genes is given for a classifier."""
    given = {
        "--tokens": settings.tokens,
        "--precision": settings.precision is not None,
        "--patterns": settings.patterns is not None,
        "--redact": settings.redactor is not None,
        "--genetic-code": settings.genetic_code is not None,
    }
    if wrong := [option for option, is_given in given.items() if is_given]:
        raise UsageError(f"expected {', '.join(wrong)} for a tagger only. Got a model that classifies.")


def _check_precision(model: Model, settings: TagSettings) -> None:
    """Check that `--precision` can be held.

    Raises:
        UsageError: a model of DNA, or redaction, which would leave in the text what is not sure enough.
        BadInput: the model has no threshold that stands.
    """
    if model.kind == "dna":
        raise UsageError(
            "expected --precision for a model of text only. Got a model of DNA, of which no precision by "
            "threshold is measured. Say --min-probability."
        )
    if settings.redactor is not None:
        raise UsageError(
            "expected --redact without --precision. Got both: what is below the threshold would stay in the "
            "text. Say --redact alone, or --min-probability if that is meant."
        )
    assert settings.precision is not None
    for name, of in thresholds_of(model, settings.precision).items():
        if of.dev.threshold is None:
            print_status(
                f"{name}: no threshold for a precision of {settings.precision:g}: {of.dev.why} on dev. "
                "All its entities are left out, and counted."
            )


def _redaction_config(model: Model, settings: TagSettings) -> dict[str, Any]:
    """Entries of the config of patterns and redaction, where they are used.

    Raises:
        UsageError: a model of DNA, types that are never found, or tables with the text as it was.
    """
    patterns, redactor = settings.patterns, settings.redactor
    if patterns is None and redactor is None:
        return {}
    if model.kind == "dna":
        raise UsageError("expected --redact and --patterns for a model of text only. Got a model of DNA.")
    config: dict[str, Any] = {}
    types = model.of_text.types
    if patterns is not None:
        config["patterns"] = patterns.to_json()
        types = (*types, *patterns.types)
    if redactor is not None:
        unknown = sorted(set(redactor.types) - set(types))
        if unknown:
            raise UsageError(
                f"expected --redact-types of {', '.join(sorted(set(types)))}. Got {', '.join(unknown)}. "
                "Types of patterns need --patterns."
            )
        if whole := _with_text(settings):
            raise UsageError(
                "expected --redact without options that write the tokens of the text as it was. "
                f"Got {', '.join(whole)}. Take the redacted text from redacted/ and redacted-text/ of the "
                "output, with its spans from another --format, such as jsonl."
            )
        config["redact"] = redactor.config
    return config


def _with_text(settings: TagSettings) -> list[str]:
    """Options, as the user gives them, whose tables hold the tokens of the text as it was."""
    formats = [
        f"--format {name}"
        for name in settings.formats
        if exports_registry.needed_tables([name], "text") - _REDACTED
    ]
    return [*(["--tokens"] if settings.tokens else []), *formats]


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: expected a folder, or nothing yet. Got a file. Choose another --out.")
    if out.is_dir() and any(out.iterdir()) and not any((out / name).exists() for name in (MANIFEST, STAGING)):
        raise UsageError(f"{out}: expected a folder that is empty or tagged output. Choose another --out.")


def _check_passthrough(columns: Columns, classes: bool) -> None:
    own = {*schema.CLASSIFIED} if classes else {*schema.ENTITIES, *schema.TOKENS}
    taken = {*own, *schema.TAGGED_DOCUMENTS} & set(columns.keep)
    if taken:
        names = ", ".join(sorted(taken))
        raise UsageError(f"expected --keep of columns that tagged tables do not have. Got {names}.")


def check_compatible(writer: DatasetWriter, sources: Sequence[TaggingSource], retag: bool) -> None:
    """Check that the output was made, or begun, by the same model with the same settings.

    Raises:
        UsageError: names the difference; nothing is overwritten.
    """
    if writer.dataset and retag:
        if writer.dataset.manifest["config"] == writer.config:
            return
        others = [entry["name"] for entry in filter(_unrelated(sources), writer.dataset.sources)]
        if others:
            raise UsageError(
                f"{writer.folder}: expected all its sources, to tag them again. Got none called "
                f"{', '.join(others[:5])}. Name them too, or choose another --out."
            )
    elif writer.dataset:
        todo = "choose another --out, or say --retag"
        _check_config("output", writer, writer.dataset.manifest["config"], todo)
    elif plan := read_plan(writer.folder):
        todo = "run it again as it was, or remove that folder"
        _check_config("an unfinished run", writer, plan["config"], todo)


def _check_config(what: str, writer: DatasetWriter, config: Mapping[str, Any], todo: str) -> None:
    for name in sorted({*writer.config, *config}):
        made, wanted = config.get(name), writer.config.get(name)
        if made != wanted:
            raise UsageError(
                f"{writer.folder}: expected {what} made with {name} {made}, as it was. Got {wanted}. "
                f"Nothing is overwritten: {todo}."
            )


def _unrelated(sources: Sequence[TaggingSource]) -> Callable[[Mapping[str, Any]], bool]:
    """Return a test of manifest entries: True if one is of none of the sources, nor of their corpora."""
    names = {source.name for source in sources}
    corpora = {source.corpus for source in sources if source.corpus is not None}
    return lambda entry: entry["name"] not in names and entry.get("corpus") not in corpora


def commit_tags(
    writer: DatasetWriter,
    plan: Sequence[PlannedSource],
    new: Sequence[Shard],
    model_uri: str,
    thresholds: Mapping[str, TypeThreshold] | None = None,
) -> Dataset:
    """Commit shards beside those of other sources, and write the exports.

    Args:
        writer: of the output.
        plan: the sources.
        new: all their shards.
        model_uri: the model as the user named it; recorded if it is a registered name, which may move.
        thresholds: of `--precision`, by type.
    """
    sources = [planned.source for planned in plan]
    unrelated = _unrelated(sources)
    others = [shard for shard in writer.committed if unrelated(shard.source)]
    entries = list(filter(unrelated, writer.dataset.sources)) if writer.dataset else []
    entries += [source.to_json() for source in sources]
    entries = sorted(entries, key=lambda entry: str(entry["name"]))
    shards = sorted([*others, *new], key=lambda shard: shard.id)
    exports = _write_exports(writer, shards, several=len(entries) > 1)
    if "redact" in writer.config:
        exports |= write_texts(writer, entries, shards)
    summary = summarize(shards)
    if thresholds is not None:
        summary["precision"] = precision_summary(shards, thresholds)
    meta = {"summary": summary, "asked": model_uri if model_uri.startswith("models:/") else None}
    return writer.commit(shards, sources=entries, meta=meta, exports=exports)


def summarize(shards: Iterable[Shard]) -> dict[str, Any]:
    """Add up the counts that show whether later input is like this.

    Returns:
        for text sentences, tokens and unknown (tokens the vocabulary does not have), for DNA bases; rows;
        types (or labels): rows of each; probability: rows in each of equally wide bins from 0 to 1.
    """
    sums: dict[str, int] = {}
    for shard in shards:
        for name, count in shard.counts.items():
            sums[name] = sums.get(name, 0) + count
    bins = [sums.get(f"probability {number:02}", 0) for number in range(BINS)]
    kinds = {
        name.split(" ", 1)[1]: count for name, count in sums.items() if name.startswith(("type ", "label "))
    }
    plain = ("records", "quarantined", "sentences", "tokens", "unknown", "bases", "rows", "below", "replaced")
    return {
        **{name: sums[name] for name in plain if name in sums},
        "types": dict(sorted(kinds.items())),
        "probability": bins,
    }


def precision_summary(
    shards: Iterable[Shard], thresholds: Mapping[str, TypeThreshold]
) -> dict[str, dict[str, Any]]:
    """Threshold of each type on dev, what it reaches on test, and the entities below it that are left out."""
    below = Counter[str]()
    for shard in shards:
        below.update({name: count for name, count in shard.counts.items() if name.startswith("below ")})
    return {name: {**of.to_json(), "left_out": below[f"below {name}"]} for name, of in thresholds.items()}


def _write_exports(writer: DatasetWriter, shards: Sequence[Shard], several: bool) -> dict[str, Path]:
    """Write the exports of all shards; return their paths by name.

    Args:
        writer: of the output.
        shards: all, sorted.
        several: True if there are several sources.
    """
    exports: dict[str, Path] = {}
    family = _exports_of(writer.kind)
    formats = [exports_registry.find(name, family) for name in writer.config["formats"] if name != "parquet"]
    by_source = shards_by_source(writer.staging, shards) if any(e.by_source for e in formats) else {}
    for export in formats:
        apart = export.by_source and (several or len(by_source) > 1)
        parts: Iterable[tuple[str | None, Sequence[Shard]]] = by_source.items() if apart else [(None, shards)]
        for source, some in parts:
            name = export.file(source)
            exports[name] = writer.scratch(name)
            with exports[name].open("wb") as out:
                tables = staged_tables(writer.staging, some, source)
                if "redact" in writer.config:
                    tables = redacted_tables(tables)
                out.writelines(export.write(tables, writer.config))
    return exports


@dataclass(frozen=True, kw_only=True)
class TagCounts:
    """Numbers of records in and rows out; sentences and tokens of text only, bases of DNA only.

    replaced: spans taken out by `--redact`.
    """

    records: int
    quarantined: int
    sentences: int | None = None
    tokens: int | None = None
    bases: int | None = None
    rows: int
    replaced: int | None = None

    @classmethod
    def of(cls, kind: str, shards: Sequence[Shard]) -> "TagCounts":
        """Add up the counts of the shards of a dataset of a kind."""
        kinds = ("sentences", "tokens") if kind in _OF_TEXT else ("bases",)
        redacted = any("replaced" in shard.counts for shard in shards)
        names = ("records", "quarantined", *kinds, "rows", *(["replaced"] if redacted else []))
        return cls(**{name: sum(shard.counts.get(name, 0) for shard in shards) for name in names})

    def to_json(self) -> dict[str, int]:
        """Return the counts that apply."""
        return {name: count for name, count in asdict(self).items() if count is not None}

    def metrics(self, summary: Mapping[str, Any], seconds: float) -> dict[str, float]:
        """Return metrics of a run: counts, throughput, share of tokens unknown to the vocabulary."""
        total = self.bases or 0 if self.tokens is None else self.tokens
        metrics = {**self.to_json(), "seconds": seconds, "rate_per_s": total / max(seconds, 1e-3)}
        if summary.get("tokens"):
            metrics["unknown_share"] = summary.get("unknown", 0) / summary["tokens"]
        return metrics
