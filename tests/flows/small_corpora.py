"""Small sources for tests of `elman ingest`, and the command on them."""

import random
from pathlib import Path

import polars as pl

from elman.data.store.dataset import Dataset
from elman.flows.ingest import IngestConfig, ingest
from elman.tasks.ingest.corpus_names import corpus_folder


def run(*sources: Path, name: str = "c", **options) -> dict:
    return ingest.fn(IngestConfig(sources=sources, name=name, **options)).to_json()


def corpus(name: str = "c") -> pl.DataFrame:
    return Dataset.open(corpus_folder(name)).scan().collect(engine="in-memory")


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def conll(first: int, count: int, docstart: int | None = None) -> str:
    """Sentences with numbers of their own; a document every `docstart` of them."""
    out = []
    for number in range(first, first + count):
        if docstart and (number - first) % docstart == 0:
            out.append("-DOCSTART- O\n\n")
        out.append(f"Name{number} B-PER\nmet O\nMary I-PER\nin O\nTown{number} B-LOC\n. O\n\n")
    return "".join(out)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def fasta(contigs: dict[str, int], seed: int = 0) -> str:
    draw = random.Random(seed)
    return "".join(f">{name}\n{''.join(draw.choices('ACGT', k=size))}\n" for name, size in contigs.items())
