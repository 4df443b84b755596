"""Tagging in bulk: sources cut into shards at fixed places, each tagged and staged, then committed together.

Where shards end depends on the source and the shard size alone, so rows do not depend on batches, order or
what was interrupted. A shard is reused when source, model, code and what is asked for are the same.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from data import schema
from data.contigs import Contig
from data.errors import BadInput, ElmanError, UsageError
from data.export import conll_lines, jsonl_lines
from data.export_dna import bed_lines, gff3_lines
from data.reading import Item, OnRead, Options, find, read
from data.records import Document, Refused, Sentence
from data.store import Dataset, DatasetWriter, Shard, Staging, key_of, sha256_file
from data.tokenizer import Tokenizer
from tasks import model
from tasks.dna import GeneFinder, load_model
from tasks.orchestration import task
from tasks.tagger import Tagged, Tagger

TEXT_FORMATS, DNA_FORMATS = ("parquet", "jsonl", "conll"), ("parquet", "gff3", "bed")
SHARD_SIZE = 1 << 20  # characters or bases
KINDS = {"text": "tagged-text", "dna": "tagged-dna"}


@dataclass
class _Cut:
    """What goes into one shard."""

    sentences: list[tuple[str, int, Sentence]] = field(default_factory=list)  # document, number, sentence
    contigs: list[Contig] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    records: int = 0
    size: int = 0  # characters or bases
    last: bool = False


@task
def find_input(paths: Sequence[Path], kind: str, folder: str) -> tuple[list[Item], list[tuple[str, str]]]:
    """Find what is to be tagged; annotations beside sequences are left aside.

    Returns:
        items, each under a name of its own, and (path, reason) of what was skipped.

    Raises:
        BadInput: nothing there, or not of the model's kind.
    """
    items, skipped = find(paths)
    family = items[0].files[0].family
    if family != kind:
        of = {"text": "text", "dna": "DNA"}
        raise BadInput(
            f"{of[kind]}, as the model {Path(folder).name} was trained on",
            got=of[family],
            todo="Name another model or other sources.",
            source=items[0].files[0].path,
        )
    bare = [
        replace(
            item, annotations=(), hashes=item.hashes[: len(item.files)], stats=item.stats[: len(item.files)]
        )
        for item in items
    ]
    return _named_apart(bare), [(str(path), why) for path, why in skipped]


def _named_apart(items: Sequence[Item]) -> list[Item]:
    """Items whose names differ: of equal names, all but the first get a part of their content's hash."""
    seen: set[str] = set()
    out = []
    for item in items:
        name = item.name
        for suffix in itertools.chain([""], (f"@{item.sha256[:n]}" for n in range(8, 65))):
            if name + suffix not in seen:
                break
        else:
            continue  # the same name and content a second time
        seen.add(name + suffix)
        first = replace(item.files[0], name=name + suffix)
        out.append(replace(item, files=(first, *item.files[1:])))
    return out


def tag_writer(out: Path, folder: str, formats: Sequence[str], shard_size: int) -> DatasetWriter:
    """The writer of a tagged dataset.

    Raises:
        UsageError: a format that the model's kind does not have.
    """
    loaded = model.read(Path(folder))
    known = TEXT_FORMATS if loaded.kind == "text" else DNA_FORMATS
    wrong = [name for name in formats if name not in known]
    if wrong:
        of = "text" if loaded.kind == "text" else "DNA"
        raise UsageError(
            f"expected --format of {', '.join(known)} for a model of {of}. Got {', '.join(wrong)}."
        )
    config = {
        "model": loaded.version,
        "passport": sha256_file(Path(folder) / model.PASSPORT),
        "formats": sorted({"parquet", *formats}),
        "shard_size": shard_size,
    }
    return DatasetWriter(out, kind=KINDS[loaded.kind], config=config)


def check_output(writer: DatasetWriter) -> None:
    """Refuse a folder that another model, or the same with other settings, has filled.

    Raises:
        UsageError: names what differs; nothing is overwritten.
    """
    before = writer.dataset
    if before is None:
        return
    for name, wanted in writer.config.items():
        made = before.manifest["config"].get(name)
        if made != wanted:
            raise UsageError(
                f"{writer.folder}: expected output made with {name} {made}, as it was. Got {wanted}. "
                "Nothing is overwritten: choose another --out."
            )


@task
def tag_items(
    staging: Staging,
    items: Sequence[Item],
    folder: str,
    formats: Sequence[str],
    shard_size: int,
    on_read: OnRead,
    committed: Sequence[Shard] = (),
) -> list[dict[str, Any]]:
    """Tag some sources and stage them as shards, or find those that an earlier run staged or committed.

    Args:
        staging: where shards go.
        items: what to tag.
        folder: of the model.
        formats: what is asked for.
        shard_size: characters or bases in a shard.
        on_read: told how many bytes of the sources are done.
        committed: shards the dataset has already.

    Returns:
        a line an item: name, shards (as plain values), reused (how many were there already).
    """
    loaded = model.read(Path(folder))
    tables = _genes(load_model(loaded)) if loaded.kind == "dna" else _entities(Tagger.of(loaded), formats)
    options = _options(loaded)
    by_key = {shard.key: shard for shard in committed}

    def there(key: str) -> Shard | None:
        shard = by_key.get(staging.full_key(key))
        return shard if shard and staging.holds(shard) else staging.staged(key)

    return [_tag_item(staging, there, item, tables, options, shard_size, on_read) for item in items]


def _options(loaded: model.Model) -> Options:
    if loaded.kind == "dna":
        return Options()
    tokenizer = Tokenizer.from_json(loaded.passport["tokenizer"])
    return Options(unit=loaded.passport["unit"], tokenizer=tokenizer)


Tables = Callable[[str, _Cut], tuple[dict[str, pl.DataFrame], dict[str, int]]]


def _tag_item(
    staging: Staging,
    there: Callable[[str], Shard | None],
    item: Item,
    tables: Tables,
    options: Options,
    shard_size: int,
    on_read: OnRead,
) -> dict[str, Any]:
    source = key_of(name=item.name, sha256=item.sha256)
    parts = (there(key_of(source=source, part=part)) for part in itertools.count())
    shards = [shard for shard in itertools.takewhile(lambda shard: shard is not None, parts) if shard]
    reused = len(shards)
    if shards and shards[-1].source["last"]:
        on_read(float(item.size))
    else:
        for part, cut in enumerate(_cuts(item, options, shard_size, on_read)):
            if part < reused:
                continue
            frames, counts = tables(item.name, cut)
            if cut.refused:
                frames["quarantine"] = pl.DataFrame(cut.refused, schema=schema.QUARANTINE, orient="row")
            counts |= {"records": cut.records, "quarantined": len(cut.refused)}
            shards.append(
                staging.stage(
                    f"{source[:16]}-{part:05}",
                    key_of(source=source, part=part),
                    {table: frame for table, frame in frames.items() if frame.height or table == "data"},
                    counts=counts,
                    source={"name": item.name, "sha256": item.sha256, "part": part, "last": cut.last},
                )
            )
    return {"name": item.name, "shards": [shard.to_json() for shard in shards], "reused": reused}


def _cuts(item: Item, options: Options, shard_size: int, on_read: OnRead) -> Iterator[_Cut]:
    """Cut the records of a source into shards of about `shard_size` characters or bases."""
    cut, ready = _Cut(), None
    document, number = "", 0
    for record in read(item, options, on_read):
        if isinstance(record, Document):
            if record.id != document:
                document, number = record.id, 0
            for sentence in record.sentences:
                if cut.size >= shard_size:
                    if ready:
                        yield ready
                    cut, ready = _Cut(), cut
                cut.sentences.append((document, number, sentence))
                cut.size += len(sentence.text) + 1
                number += 1
            if item.kind != "plain":
                cut.records += len(record.sentences) if item.kind == "conll" else 1
        elif isinstance(record, Contig):
            if cut.size >= shard_size:
                if ready:
                    yield ready
                cut, ready = _Cut(), cut
            cut.contigs.append(record)
            cut.size += len(record.bases)
            cut.records += 1
        else:
            cut.refused.append(record)
            cut.records += 1
    if item.kind == "plain":
        cut.records = 1
    if ready:
        yield ready
    cut.last = True
    yield cut


def _entities(tagger: Tagger, formats: Sequence[str]) -> Tables:
    """Tables of tagged text: entities, documents and, for CoNLL, tokens."""

    def tables(source: str, cut: _Cut) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
        lengths = [len(sentence.token_start) for _, _, sentence in cut.sentences]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        starts, ends = _flat(cut, "token_start"), _flat(cut, "token_end")
        tokens = [
            sentence.text[a - sentence.start : b - sentence.start]
            for _, _, sentence in cut.sentences
            for a, b in zip(sentence.token_start, sentence.token_end, strict=True)
        ]
        words = pl.Series("text", tokens, dtype=pl.String)
        tagged = tagger.tag_flat(words, offsets)
        frames = {"data": _entity_rows(source, cut, tagged, tagger, offsets, starts, ends)}
        frames["documents"] = _document_rows(source, cut, lengths)
        if "conll" in formats:
            frames["tokens"] = _token_rows(source, cut, tagged, tagger, offsets, starts, ends, words)
        counts = {"sentences": len(lengths), "tokens": len(tokens), "rows": frames["data"].height}
        return frames, counts

    return tables


def _flat(cut: _Cut, name: str) -> np.ndarray:
    values = itertools.chain.from_iterable(getattr(sentence, name) for _, _, sentence in cut.sentences)
    return np.fromiter(values, np.int64)


def _entity_rows(
    source: str,
    cut: _Cut,
    tagged: Tagged,
    tagger: Tagger,
    offsets: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
) -> pl.DataFrame:
    spans = tagged.spans
    first = offsets[spans.sequence]
    start, end = starts[first + spans.start], ends[first + spans.end - 1]
    order = np.argsort(first + spans.start, kind="stable")
    places = [cut.sentences[i] for i in spans.sequence[order].tolist()]
    texts = [
        sentence.text[a - sentence.start : b - sentence.start]
        for (_, _, sentence), a, b in zip(places, start[order].tolist(), end[order].tolist(), strict=True)
    ]
    columns: dict[str, Any] = {
        "source": [source] * len(places),
        "document": [document for document, _, _ in places],
        "sentence": [number for _, number, _ in places],
        "start": start[order],
        "end": end[order],
        "text": texts,
        "type": [tagger.types[kind] for kind in spans.kind[order].tolist()],
        "probability": np.asarray(spans.probability, np.float32)[order],
        "model": [tagger.version] * len(places),
    }
    return pl.DataFrame(columns, schema=schema.ENTITIES)


def _document_rows(source: str, cut: _Cut, lengths: Sequence[int]) -> pl.DataFrame:
    rows = []
    pairs = zip(cut.sentences, lengths, strict=True)
    for document, group in itertools.groupby(pairs, key=lambda pair: pair[0][0]):
        counts = [length for _, length in group]
        rows.append((source, document, len(counts), sum(counts)))
    return pl.DataFrame(rows, schema=schema.TAGGED_DOCUMENTS, orient="row")


def _token_rows(
    source: str,
    cut: _Cut,
    tagged: Tagged,
    tagger: Tagger,
    offsets: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    words: pl.Series,
) -> pl.DataFrame:
    lengths = np.diff(offsets)
    documents = pl.Series([document for document, _, _ in cut.sentences], dtype=pl.String)
    numbers = np.array([number for _, number, _ in cut.sentences], np.int32)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    return pl.DataFrame(
        {
            "source": pl.repeat(source, len(words), eager=True),
            "document": documents.gather(owner),
            "sentence": numbers[owner],
            "start": starts,
            "end": ends,
            "text": words,
            "tag": pl.Series(tagger.tags, dtype=pl.String).gather(tagged.tags),
            "probability": tagged.probability,
            "model": pl.repeat(tagger.version, len(words), eager=True),
        },
        schema=schema.TOKENS,
    )


def _genes(finder: GeneFinder) -> Tables:
    """Tables of tagged DNA: intervals and contigs."""

    def tables(source: str, cut: _Cut) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
        found = finder.tag_contigs((source, contig.id, contig.bases) for contig in cut.contigs)
        data = pl.concat([schema.INTERVALS.to_frame(), *found])
        lengths = [(source, contig.id, len(contig.bases)) for contig in cut.contigs]
        contigs = pl.DataFrame(lengths, schema=schema.TAGGED_CONTIGS, orient="row")
        return {"data": data, "contigs": contigs}, {"bases": cut.size, "rows": data.height}

    return tables


def commit_tags(writer: DatasetWriter, items: Sequence[Item], tagged: Sequence[Mapping[str, Any]]) -> Dataset:
    """Commit what was tagged beside what the dataset has of other sources, and write the exports."""
    new = [Shard.from_json(dict(shard)) for line in tagged for shard in line["shards"]]
    names = {item.name for item in items}
    kept = [shard for shard in writer.committed if shard.source["name"] not in names]
    before = writer.dataset.sources if writer.dataset else []
    sources = [entry for entry in before if entry["name"] not in names] + [item.to_json() for item in items]
    shards = sorted([*kept, *new], key=lambda shard: shard.id)
    exports = {}
    for name in writer.config["formats"]:
        if name != "parquet":
            path = writer.scratch(f"tags.{name}")
            with path.open("w", encoding="utf-8", newline="") as out:
                out.writelines(_lines(name, writer.staging, shards))
            exports[path.name] = path
    return writer.commit(shards, sources=sorted(sources, key=lambda entry: entry["name"]), exports=exports)


def _lines(name: str, staging: Staging, shards: Sequence[Shard]) -> Iterable[str]:
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
    if name == "bed":
        return bed_lines(parts("data"))
    lengths = {
        row["contig"]: row["length"] for frame in parts("contigs") for row in frame.iter_rows(named=True)
    }
    return gff3_lines(parts("data"), lengths)


def count_tags(writer: DatasetWriter, tagged: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Sum up what went in and came out.

    Returns:
        records, quarantined, sentences and tokens or bases, rows, shards, reused.

    Raises:
        ElmanError: rows staged are not rows counted.
    """
    shards = [shard for line in tagged for shard in line["shards"]]
    kinds = ("sentences", "tokens") if writer.kind == KINDS["text"] else ("bases",)
    counts = {
        name: sum(shard["counts"].get(name, 0) for shard in shards)
        for name in ("records", "quarantined", *kinds, "rows")
    }
    refused = sum(shard["files"].get("quarantine", {}).get("rows", 0) for shard in shards)
    if refused != counts["quarantined"]:
        raise ElmanError(f"expected {counts['quarantined']} records in quarantine. Got {refused}.")
    return {**counts, "shards": len(shards), "reused": sum(line["reused"] for line in tagged)}
