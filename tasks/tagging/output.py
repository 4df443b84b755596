"""Tagging in bulk: what a run may do with its output, and how what was tagged is committed together.

Which model: that of an unfinished run of the same command, whatever its alias means by now; that of the
output, where the alias has moved since; a new snapshot with another model is made when that is asked for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.errors import UsageError
from elman.data.exports.genes import bed_lines, codons_lines, faa_lines, gff3_lines
from elman.data.exports.text import conll_lines, jsonl_lines
from elman.data.formats.parquet import Columns
from elman.data.store import schema
from elman.data.store.dataset import MANIFEST, STAGING, Dataset, Shard
from elman.data.store.disk import sha256_file
from elman.data.store.writer import DatasetWriter, Staging
from elman.tasks.models import model_folder
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import home
from elman.tasks.runtime.orchestration import task
from elman.tasks.tagging.inputs import File, Input, find_inputs, outside
from elman.tasks.tagging.plan import Planned, read_plan
from elman.tasks.tagging.shard import BINS

TEXT_FORMATS, DNA_FORMATS = ("parquet", "jsonl", "conll"), ("parquet", "gff3", "bed", "faa", "codons")
KINDS = {"text": "tagged-text", "dna": "tagged-dna"}


# --- before anything is tagged ------------------------------------------------------------------------------


def pinned_model(out: Path, asked: str, retag: bool = False) -> tuple[Path, str | None]:
    """The model of a run.

    Args:
        out: the output.
        asked: what the user named.
        retag: whether the output may become one of another model.

    Returns:
        the folder: of what an unfinished run of the same MODEL began with; else, where a registered name
        means another model than when the output was made, of the output's; else of what is meant now. And
        what a name means now, if that is another.

    Raises:
        BadInput: there is no such model.
        UsageError: the model of the output is gone.
    """
    plan = read_plan(out)
    if plan and plan["asked"] == asked and _is(Path(plan["folder"]), plan["config"]["passport"]):
        return Path(plan["folder"]), None
    folder = model_folder.resolve(asked)
    if retag or not (out / MANIFEST).is_file():
        return folder, None
    manifest = Dataset.open(out).manifest
    passport = manifest["config"].get("passport")
    if manifest["meta"].get("asked") != asked or _is(folder, passport):
        return folder, None
    before = home() / "models" / str(manifest["config"]["model"])
    if not _is(before, passport):
        raise UsageError(
            f"{out}: expected {before.name}, the model it was made with, in {before.parent}, for {asked} now "
            f"means {folder.name}. Got none. Say --retag to tag all of it with {folder.name}."
        )
    print_status(
        f"{asked} now means {folder.name}. {out} was tagged with {before.name}, and new sources are, too. "
        "Say --retag to tag all of it with the newer one."
    )
    return before, folder.name


def _is(folder: Path, passport: str | None) -> bool:
    return (folder / model_folder.PASSPORT).is_file() and _passport(folder) == passport


def _passport(folder: Path) -> str:
    return sha256_file(folder / model_folder.PASSPORT)


@task
def find_input(
    paths: Sequence[Path], kind: str, folder: str, out: Path, columns: Columns | None = None
) -> tuple[list[Input], list[tuple[str, str]]]:
    """Find what is to be tagged; see `tasks.tagging.inputs.find_inputs`."""
    outside(out, paths)
    if columns is not None and kind == "dna":
        raise UsageError("expected --text-column for a model of text only. Got a model of DNA: give FASTA.")
    return find_inputs(paths, kind, folder, columns)


def tag_writer(
    out: Path,
    folder: str,
    formats: Sequence[str],
    genetic_code: int | None = None,
    tokens: bool = False,
    min_probability: float = 0.0,
    columns: Columns | None = None,
) -> DatasetWriter:
    """The writer of a tagged dataset; `genetic_code`, of DNA, is the model's own if not given.

    Raises:
        UsageError: a format or option that the model's kind does not have, or a folder that holds something
            else.
    """
    loaded = model_folder.read(Path(folder))
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
    config: dict[str, Any] = {
        "model": loaded.version,
        "passport": _passport(Path(folder)),
        "formats": sorted({"parquet", *formats}),
    }
    if tokens and loaded.kind == "dna":
        raise UsageError("expected --tokens for a model of text only. Got a model of DNA.")
    if tokens:
        config["tokens"] = True
    if columns is not None:
        taken = {*schema.ENTITIES, *schema.TOKENS, *schema.TAGGED_DOCUMENTS} & set(columns.keep)
        if taken:
            names = ", ".join(sorted(taken))
            raise UsageError(f"expected --keep of columns that tagged tables do not have. Got {names}.")
        config["columns"] = {"text": columns.text, "id": columns.id, "keep": list(columns.keep)}
    if min_probability > 0:
        config["min_probability"] = min_probability
    if loaded.kind == "dna":
        from elman.tasks.models.gene_finder import load_model

        config["genetic_code"] = load_model(loaded).of_code(genetic_code).config.decode.code
    elif genetic_code is not None:
        raise UsageError("expected --genetic-code for a model of DNA only. Got a model of text.")
    return DatasetWriter(out, kind=KINDS[loaded.kind], config=config)


def allow(writer: DatasetWriter, inputs: Sequence[Input], retag: bool) -> None:
    """Refuse a folder that another model or other settings have filled or begun to fill.

    Raises:
        UsageError: names what differs; nothing is overwritten.
    """
    if writer.dataset and retag:
        names = {each.name for each in inputs}
        corpora = {each.corpus for each in inputs if not isinstance(each, File)}
        left = [source["name"] for source in writer.dataset.sources if source["name"] not in names]
        left = [name for name in left if name.split("/")[0] not in corpora]
        same = writer.dataset.manifest["config"] == writer.config
        if left and not same:
            raise UsageError(
                f"{writer.folder}: expected all its sources, to tag them again. Got none called "
                f"{', '.join(left[:5])}. Name them too, or choose another --out."
            )
    elif writer.dataset:
        todo = "choose another --out, or say --retag"
        _same("output", writer, writer.dataset.manifest["config"], todo)
    elif plan := read_plan(writer.folder):
        todo = "run it again as it was, or remove that folder"
        _same("an unfinished run", writer, plan["config"], todo)


def _same(what: str, writer: DatasetWriter, config: Mapping[str, Any], todo: str) -> None:
    for name in sorted({*writer.config, *config}):
        made, wanted = config.get(name), writer.config.get(name)
        if made != wanted:
            raise UsageError(
                f"{writer.folder}: expected {what} made with {name} {made}, as it was. Got {wanted}. "
                f"Nothing is overwritten: {todo}."
            )


# --- committing ---------------------------------------------------------------------------------------------


def commit_tags(writer: DatasetWriter, plan: Sequence[Planned], new: Sequence[Shard], asked: str) -> Dataset:
    """Commit what was tagged beside what the dataset has of other sources, and write the exports.

    Args:
        writer: of the output.
        plan: the sources.
        new: all their shards.
        asked: what the user named as the model; kept if it is a registered name, which may move.
    """
    inputs = [planned.each for planned in plan]
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
    meta = {"summary": summary(shards), "asked": asked if asked.startswith("models:/") else None}
    sources = sorted(sources, key=lambda entry: str(entry["name"]))
    return writer.commit(shards, sources=sources, meta=meta, exports=exports)


def summary(shards: Iterable[Shard]) -> dict[str, Any]:
    """What shows whether the next input is like this one.

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
    plain = ("records", "quarantined", "sentences", "tokens", "unknown", "bases", "rows", "below")
    return {
        **{name: sums[name] for name in plain if name in sums},
        "types": dict(sorted(kinds.items())),
        "probability": bins,
    }


def _lines(name: str, staging: Staging, shards: Sequence[Shard], code: int | None) -> Iterable[str]:
    def parts(table: str) -> Iterator[pl.DataFrame]:
        for shard in shards:
            frame = staging.scan(shard, table)
            if frame is not None:
                yield frame.collect()

    def pairs(table: str) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        for shard in shards:
            about, found = staging.scan(shard, table), staging.scan(shard, "data")
            if about is not None and found is not None:
                yield about.collect(), found.collect()

    if name == "jsonl":
        return jsonl_lines(pairs("documents"))
    if name == "conll":
        return conll_lines(parts("tokens"))
    if name == "faa":
        return faa_lines(parts("proteins"))
    if name == "bed":
        return bed_lines(pairs("contigs"))
    if name == "codons":
        return codons_lines(pairs("contigs"))
    return gff3_lines(lambda: parts("contigs"), parts("data"), code)


def count_tags(kind: str, shards: Sequence[Shard]) -> dict[str, int]:
    """Sum up what went in and came out.

    Returns:
        records, quarantined, sentences and tokens or bases, rows.
    """
    kinds = ("sentences", "tokens") if kind == KINDS["text"] else ("bases",)
    names = ("records", "quarantined", *kinds, "rows")
    return {name: sum(shard.counts.get(name, 0) for shard in shards) for name in names}
