"""Export formats against row-by-row writers on the same frames: MB/s, and the ratio of times.

    python -m bench.exports [--documents 20000]

The row-by-row writers build one Python string per line, as Elman did before its exports were column
expressions. Both must give the same bytes. Best of ROUNDS, interleaved, in one process.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import polars as pl

from elman.data.exports import registry
from elman.data.store import schema

ROUNDS, SHARDS = 5, 4
Shard = dict[str, pl.DataFrame]


def text_shard(documents: int, seed: int) -> Shard:
    """A shard of tagged text: 8 entities, 60 tokens and 330 characters per document."""
    rng = np.random.default_rng(seed)
    words = pl.Series(["Sam", "Li", "date", 'the "Times"', "Zürich", "東京", "on", "Tuesday", "back\\slash"])
    names = pl.Series([f"doc{seed}-{number}" for number in range(documents)])

    def rows(each: int, columns: list[str], **values: pl.Series | np.ndarray) -> pl.DataFrame:
        owner = np.repeat(np.arange(documents), each)
        size = len(owner)
        start = rng.integers(0, 10_000, size)
        shared = {
            "source": pl.repeat("books/emma.txt", size, eager=True),
            "document": names.gather(owner),
            "sentence": np.tile(np.arange(each) // 12, documents).astype(np.int32),
            "start": start,
            "end": start + 5,
            "text": words.gather(rng.integers(0, len(words), size)),
            "probability": rng.random(size, np.float32),
            "model": pl.repeat("text-default-s0-0123abcd", size, eager=True),
        }
        kinds = {name: series.gather(rng.integers(0, len(series), size)) for name, series in values.items()}
        return pl.DataFrame({**shared, **kinds}).select(columns)

    texts = pl.DataFrame({"document": names, "start": 0, "text": " ".join(words[:8]) * 7})
    counts = {"line": None, "sentences": 5, "tokens": 60}
    documents_table = pl.DataFrame({"source": pl.repeat("books/emma.txt", documents, eager=True)})
    return {
        "documents": documents_table.with_columns(names.alias("document"), **counts),
        "data": rows(8, list(schema.ENTITIES), type=pl.Series(["PER", "LOC", "ORG"])),
        "texts": texts.select(pl.lit("books/emma.txt").alias("source"), pl.all()),
        "tokens": rows(60, list(schema.TOKENS), tag=pl.Series(["O", "B-PER", "I-PER"])),
    }


def dna_shard(genes: int, seed: int) -> Shard:
    """A shard of tagged DNA: one circular contig whose last gene crosses the origin."""
    rng = np.random.default_rng(seed)
    start = np.arange(genes) * 1000
    contig = f"NC_{seed:06}.1"
    return {
        "contigs": pl.DataFrame(
            [("x.fna", contig, genes * 1000, True)], schema=schema.TAGGED_CONTIGS, orient="row"
        ),
        "data": pl.DataFrame(
            {
                "source": pl.repeat("x.fna", genes, eager=True),
                "contig": pl.repeat(contig, genes, eager=True),
                "start": start,
                "end": start + rng.integers(300, 1500, genes),
                "strand": pl.Series(["+", "-"]).gather(rng.integers(0, 2, genes)),
                "phase": pl.repeat(0, genes, eager=True, dtype=pl.Int8),
                "label": pl.repeat("CDS", genes, eager=True),
                "partial": pl.repeat(0, genes, eager=True, dtype=pl.Int8),
                "probability": rng.random(genes, np.float32),
                "model": pl.repeat("dna-default-s0-0123abcd", genes, eager=True),
            },
            schema=schema.INTERVALS,
        ),
    }


def jsonl_rows(shards: Iterable[Shard]) -> Iterator[str]:
    """JSON lines, one `json.dumps` per document."""
    span = [
        *map(pl.col, ("start", "end")),
        pl.col("type").alias("label"),
        pl.col("text"),
        pl.col("probability").cast(pl.Float64).round(6),
    ]
    for shard in shards:
        entities = shard["data"].partition_by("source", "document", as_dict=True, maintain_order=True)
        for source, name, text in shard["texts"].select("source", "document", "text").iter_rows():
            own = entities.get((source, name))
            spans = [] if own is None else own.select(span).to_dicts()
            line = {"id": name, "source": source, "text": text, "spans": spans}
            yield json.dumps(line, ensure_ascii=False) + "\n"


def conll_rows(shards: Iterable[Shard]) -> Iterator[str]:
    """CoNLL columns, token by token."""
    document: tuple[str, str] | None = None
    sentence = -1
    for shard in shards:
        columns = shard["tokens"].select("source", "document", "sentence", "text", "tag")
        for source, name, number, token, tag in columns.iter_rows():
            if (source, name) != document:
                yield "\n" if document else ""
                yield "-DOCSTART-\tO\n\n"
            elif number != sentence:
                yield "\n"
            document, sentence = (source, name), number
            yield f"{token}\t{tag}\n"
    yield "\n"


def bed_rows(shards: Iterable[Shard]) -> Iterator[str]:
    """BED, interval by interval."""
    for shard in shards:
        lengths = dict(shard["contigs"].select("contig", "length").iter_rows())
        for row in shard["data"].iter_rows(named=True):
            start, end, size = row["start"], row["end"], lengths[row["contig"]]
            places = [(start, end)]
            if end > size:
                places = [(start, size), (0, end - size)][:: 1 if row["strand"] == "+" else -1]
            score = round(1000 * min(max(row["probability"], 0.0), 1.0))
            for a, b in places:
                yield f"{row['contig']}\t{a}\t{b}\t{row['label']}\t{score}\t{row['strand']}\n"


def measure(name: str, rows: Callable[[Iterable[Shard]], Iterator[str]], shards: list[Shard]) -> None:
    """Print one line of the table for a format."""

    def tables(*wanted: str, optional: tuple[str, ...] = ()) -> Iterator[tuple[pl.DataFrame, ...]]:
        for shard in shards:
            yield tuple(shard[table] for table in (*wanted, *optional))

    def by_columns() -> bytes:
        return b"".join(registry.find(name).write(tables, {}))

    def by_rows() -> bytes:
        return "".join(rows(shards)).encode()

    assert by_columns() == by_rows(), f"{name}: the writers differ"
    seconds: dict[Callable[[], bytes], list[float]] = {by_rows: [], by_columns: []}
    for _ in range(ROUNDS):
        for writer, times in seconds.items():
            began = time.perf_counter()
            writer()
            times.append(time.perf_counter() - began)
    old, new = (min(times) for times in seconds.values())
    size = len(by_rows()) / 1e6
    print(f"| {name} | {size:.1f} | {size / old:.1f} | {size / new:.1f} | {old / new:.1f} |")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=20_000, help="documents, or genes times 5")
    documents = parser.parse_args().documents // SHARDS
    print("| format | MB | by rows, MB/s | by columns, MB/s | ratio |\n| --- | ---: | ---: | ---: | ---: |")
    text = [text_shard(documents, seed) for seed in range(SHARDS)]
    dna = [dna_shard(5 * documents, seed) for seed in range(SHARDS)]
    measure("jsonl", jsonl_rows, text)
    measure("conll", conll_rows, text)
    measure("bed", bed_rows, dna)


if __name__ == "__main__":
    main()
