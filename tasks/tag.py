"""Tagging in bulk: sources cut into shards at fixed places, each tagged and staged, then committed together.

Where shards end depends on the source and the shard size alone, so rows do not depend on batches, order or
what was interrupted. A shard is reused when source, model, code and what is asked for are the same. The model
is pinned in the plan of an unfinished run: running again goes on with it, even if an alias has moved.
"""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from data.disk import to_bytes
from data.errors import BadInput, ElmanError, UsageError
from data.export import conll_lines, jsonl_lines
from data.export_dna import bed_lines, faa_lines, gff3_lines
from data.manifest import MANIFEST, STAGING
from data.reading import OnRead, Options
from data.records import Refused
from data.store import Dataset, DatasetWriter, Shard, Staging, atomic_write, key_of, sha256_file
from data.tokenizer import Tokenizer
from tasks import model
from tasks.dna import load_model
from tasks.orchestration import task
from tasks.tag_sources import File, Input, Part, Record, find_inputs, outside, records
from tasks.tag_tables import Cut, Tables, cuts, entities, genes, with_quarantine
from tasks.tagger import Tagger

TEXT_FORMATS, DNA_FORMATS = ("parquet", "jsonl", "conll"), ("parquet", "gff3", "bed", "faa")
SHARD_SIZE = 1 << 20  # characters or bases
KINDS = {"text": "tagged-text", "dna": "tagged-dna"}
PLAN = "plan.json"
_RAW = 1 << 16  # bytes of a file that cannot be read, kept in quarantine


# --- before anything is tagged ------------------------------------------------------------------------------


def pinned_model(out: Path, asked: str) -> Path:
    """The folder of the model: what an unfinished run of the same MODEL began with, else what it means now.

    Raises:
        BadInput: there is no such model.
    """
    plan = _plan(out)
    if plan and plan["asked"] == asked:
        folder = Path(plan["folder"])
        if (folder / model.PASSPORT).is_file() and _passport(folder) == plan["config"]["passport"]:
            return folder
    return model.resolve(asked)


def _plan(out: Path) -> dict[str, Any] | None:
    """What an unfinished run set out to do, if there is one."""
    try:
        plan: dict[str, Any] = json.loads((out / STAGING / PLAN).read_bytes())
    except (OSError, ValueError):
        return None
    return plan


def _passport(folder: Path) -> str:
    return sha256_file(folder / model.PASSPORT)


@task
def find_input(
    paths: Sequence[Path], kind: str, folder: str, out: Path
) -> tuple[list[Input], list[tuple[str, str]]]:
    """Find what is to be tagged; see `tasks.tag_sources.find_inputs`."""
    outside(out, paths)
    return find_inputs(paths, kind, folder)


def tag_writer(
    out: Path, folder: str, formats: Sequence[str], shard_size: int, genetic_code: int | None = None
) -> DatasetWriter:
    """The writer of a tagged dataset; `genetic_code`, of DNA, is the model's own if not given.

    Raises:
        UsageError: a format or option that the model's kind does not have, or a folder that holds something
            else.
    """
    loaded = model.read(Path(folder))
    known = TEXT_FORMATS if loaded.kind == "text" else DNA_FORMATS
    wrong = [name for name in formats if name not in known]
    if wrong:
        of = "text" if loaded.kind == "text" else "DNA"
        raise UsageError(
            f"expected --format of {', '.join(known)} for a model of {of}. Got {', '.join(wrong)}."
        )
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: expected a folder, or nothing yet. Got a file. Choose another --out.")
    if out.is_dir() and any(out.iterdir()) and not any((out / name).exists() for name in (MANIFEST, STAGING)):
        raise UsageError(f"{out}: expected a folder that is empty or tagged output. Choose another --out.")
    config = {
        "model": loaded.version,
        "passport": _passport(Path(folder)),
        "formats": sorted({"parquet", *formats}),
        "shard_size": shard_size,
    }
    if loaded.kind == "dna":
        config["genetic_code"] = load_model(loaded).of_code(genetic_code).config.decode.code
    elif genetic_code is not None:
        raise UsageError("expected --genetic-code for a model of DNA only. Got a model of text.")
    return DatasetWriter(out, kind=KINDS[loaded.kind], config=config)


def begin(writer: DatasetWriter, asked: str, folder: str, inputs: Sequence[Input]) -> None:
    """Refuse a folder that another model or other settings have filled or begun to fill; then pin the plan.

    Raises:
        UsageError: names what differs; nothing is overwritten.
    """
    plan = _plan(writer.folder)
    if writer.dataset:
        _same("output", writer, writer.dataset.manifest["config"], "choose another --out")
    elif plan:
        todo = "run it again as it was, or remove that folder"
        _same("an unfinished run", writer, plan["config"], todo)
    sources = {each.name: each.sha256 for each in inputs}
    wanted = {"asked": asked, "folder": str(Path(folder).resolve()), "config": writer.config}
    atomic_write(writer.folder / STAGING / PLAN, to_bytes({**wanted, "sources": sources}))


def _same(what: str, writer: DatasetWriter, config: Mapping[str, Any], todo: str) -> None:
    for name, wanted in writer.config.items():
        made = config.get(name)
        if made != wanted:
            raise UsageError(
                f"{writer.folder}: expected {what} made with {name} {made}, as it was. Got {wanted}. "
                f"Nothing is overwritten: {todo}."
            )


# --- tagging ------------------------------------------------------------------------------------------------


@task
def tag_items(
    staging: Staging,
    inputs: Sequence[Input],
    folder: str,
    formats: Sequence[str],
    shard_size: int,
    on_read: OnRead,
    committed: Sequence[Shard] = (),
    genetic_code: int | None = None,
) -> list[dict[str, Any]]:
    """Tag some sources and stage them as shards, or find those that an earlier run staged or committed.

    Args:
        staging: where shards go.
        inputs: what to tag.
        folder: of the model.
        formats: what is asked for.
        shard_size: characters or bases in a shard.
        on_read: told how many bytes of the sources are done.
        committed: shards the dataset has already.
        genetic_code: of DNA; the model's own if not given.

    Returns:
        a line a source: name, shards (as plain values), reused (how many were there already).
    """
    loaded = model.read(Path(folder))
    if loaded.kind == "dna":
        tables = genes(load_model(loaded).of_code(genetic_code), formats)
    else:
        tables = entities(Tagger.of(loaded), formats)
    options = _options(loaded)
    by_key = {shard.key: shard for shard in committed}

    def there(key: str) -> Shard | None:
        shard = by_key.get(staging.full_key(key))
        return shard if shard and staging.holds(shard) else staging.staged(key)

    return [_tag(staging, there, each, tables, options, shard_size, on_read) for each in inputs]


def _options(loaded: model.Model) -> Options:
    if loaded.kind == "dna":
        return Options()
    tokenizer = Tokenizer.from_json(loaded.passport["tokenizer"])
    return Options(unit=loaded.passport["unit"], tokenizer=tokenizer)


def _tag(
    staging: Staging,
    there: Callable[[str], Shard | None],
    each: Input,
    tables: Tables,
    options: Options,
    shard_size: int,
    on_read: OnRead,
) -> dict[str, Any]:
    """Tag one source; a file that cannot be read to its end is refused whole."""
    source = key_of(name=each.name, sha256=each.sha256)
    parts = (there(key_of(source=source, part=part)) for part in itertools.count())
    shards = [shard for shard in itertools.takewhile(lambda shard: shard is not None, parts) if shard]
    reused, done = len(shards), 0.0

    def advance(amount: float) -> None:
        nonlocal done
        done += amount
        on_read(amount)

    def stage(part: int | str, cut: Cut) -> Shard:
        frames, counts = with_quarantine(cut, tables)
        about = {"name": each.name, "sha256": each.sha256, "part": part, "last": cut.last}
        if not isinstance(each, File):
            about["corpus"] = each.corpus
        name = f"{part:05}" if isinstance(part, int) else part
        key = key_of(source=source, part=part)
        return staging.stage(f"{source[:16]}-{name}", key, frames, counts=counts, source=about)

    refused = there(key_of(source=source, part="refused"))
    if refused:
        shards, reused = [refused], 1
    elif not (shards and shards[-1].source["last"]):
        seen = Counter[str]()
        try:
            for part, cut in enumerate(cuts(_counted(records(each, options, advance), seen), shard_size)):
                if part >= reused:
                    shards.append(stage(part, cut))
            _check(each, seen, shards)
        except BadInput as error:
            if not isinstance(each, File) or each.changed():
                raise
            shards, reused = [stage("refused", _refused(each, error))], 0
    on_read(each.size - done)
    return {"name": each.name, "shards": [shard.to_json() for shard in shards], "reused": reused}


def _counted(stream: Iterable[Record], seen: Counter[str]) -> Iterator[Record]:
    """Count what is read, to be compared with what is written."""
    for record in stream:
        if isinstance(record, Part):
            seen["sentences"] += len(record)
            seen["records"] += record.records
        else:
            seen["records"] += 1
            seen["quarantine" if isinstance(record, Refused) else "contigs"] += 1
        yield record


def _check(each: Input, seen: Mapping[str, int], shards: Sequence[Shard]) -> None:
    """Compare what was read of a source with what stands in its shards.

    Raises:
        ElmanError: something was lost or doubled.
    """
    for name in ("sentences", "records"):
        written = sum(shard.counts.get(name, 0) for shard in shards)
        if written != seen[name]:
            raise ElmanError(f"{each.name}: expected {seen[name]} {name}, as read. Got {written} written.")
    for table in ("quarantine", "contigs"):
        written = sum(shard.files[table].rows for shard in shards if table in shard.files)
        if written != seen[table]:
            raise ElmanError(f"{each.name}: expected {seen[table]} rows of {table}. Got {written} written.")


def _refused(file: File, error: BadInput) -> Cut:
    """A file that cannot be read, as a record refused."""
    with file.path.open("rb") as stream:
        raw = stream.read(_RAW)
    detail = f"expected {error.expected}. Got {error.got}"
    refused = Refused(file.name, error.line, 0, "unreadable", detail, error.todo, raw)
    return Cut(refused=[refused], records=1, last=True)


# --- committing ---------------------------------------------------------------------------------------------


def commit_tags(
    writer: DatasetWriter, inputs: Sequence[Input], tagged: Sequence[Mapping[str, Any]]
) -> Dataset:
    """Commit what was tagged beside what the dataset has of other sources, and write the exports."""
    new = [Shard.from_json(dict(shard)) for line in tagged for shard in line["shards"]]
    names = {each.name for each in inputs}
    corpora = {each.corpus for each in inputs if not isinstance(each, File)}

    def other(about: Mapping[str, Any]) -> bool:
        return about["name"] not in names and about.get("corpus") not in corpora

    kept = [shard for shard in writer.committed if other(shard.source)]
    before = writer.dataset.sources if writer.dataset else []
    sources = [entry for entry in before if other(entry)] + [each.to_json() for each in inputs]
    shards = sorted([*kept, *new], key=lambda shard: shard.id)
    exports = {}
    for name in writer.config["formats"]:
        if name != "parquet":
            path = writer.scratch(f"tags.{name}")
            with path.open("w", encoding="utf-8", newline="") as out:
                out.writelines(_lines(name, writer.staging, shards, writer.config.get("genetic_code")))
            exports[path.name] = path
    return writer.commit(shards, sources=sorted(sources, key=lambda entry: entry["name"]), exports=exports)


def _lines(name: str, staging: Staging, shards: Sequence[Shard], code: int | None) -> Iterable[str]:
    def parts(table: str) -> Iterator[pl.DataFrame]:
        for shard in shards:
            frame = staging.scan(shard, table)
            if frame is not None:
                yield frame.collect()

    def both() -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        for shard in shards:
            documents, entities = staging.scan(shard, "documents"), staging.scan(shard, "data")
            if documents is not None and entities is not None:
                yield documents.collect(), entities.collect()

    if name == "jsonl":
        return jsonl_lines(both())
    if name == "conll":
        return conll_lines(parts("tokens"))
    if name == "faa":
        return faa_lines(parts("proteins"))
    contigs = [row for frame in parts("contigs") for row in frame.iter_rows(named=True)]
    lengths = {row["contig"]: row["length"] for row in contigs}
    if name == "bed":
        return bed_lines(parts("data"), lengths)
    circular = {row["contig"] for row in contigs if row["circular"]}
    return gff3_lines(parts("data"), lengths, circular, code)


def count_tags(writer: DatasetWriter, tagged: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Sum up what went in and came out.

    Returns:
        records, quarantined, sentences and tokens or bases, rows, shards, reused.
    """
    shards = [shard for line in tagged for shard in line["shards"]]
    kinds = ("sentences", "tokens") if writer.kind == KINDS["text"] else ("bases",)
    counts = {
        name: sum(shard["counts"].get(name, 0) for shard in shards)
        for name in ("records", "quarantined", *kinds, "rows")
    }
    return {**counts, "shards": len(shards), "reused": sum(line["reused"] for line in tagged)}
