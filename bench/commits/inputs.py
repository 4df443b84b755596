"""Input of a comparison of commits, the same for both."""

import gzip
import json
import os
import random
from pathlib import Path

BOOK_BYTES, GENOME_BASES = 300_000, 1_000_000


def make_inputs(
    folder: Path, old: Path, book: Path | None, genome: Path | None, corpora: Path | None
) -> None:
    """Copy or make what both sides read, so that neither depends on where a checkout keeps its samples."""
    samples = next(path for path in old.rglob("samples/english") if ".venv" not in path.parts).parent
    folders = {"english": samples / "english", "chinese": samples / "chinese"}
    if corpora:
        folders["ncbi-disease"] = corpora / "text" / "ncbi-disease"
    for name, source in folders.items():
        for path in sorted(each for each in source.iterdir() if each.is_file()):
            put(folder / name / path.name, path.read_bytes())
    for path in (old / "tests" / "fixtures").glob("ecoli_100kb.*.gz"):
        put(folder / path.name, path.read_bytes())
    put(folder / "book.txt", book.read_bytes() if book else written_book(folder / "english").encode())
    if genome is None:
        whole = corpora / "dna" / "ecoli_k12_mg1655" / "ecoli_k12_mg1655.fna.gz" if corpora else None
        genome = whole or folder / "ecoli_100kb.fna.gz"
    put(folder / "genome.fna", beginning_of(genome, GENOME_BASES).encode())


def put(path: Path, data: bytes) -> None:
    """Write a file whole, and only if it is not there as it is: another run may be reading it."""
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.with_name(f".{path.name}.{os.getpid()}")
    temp.write_bytes(data)
    temp.replace(path)


def written_book(samples: Path) -> str:
    """Text of BOOK_BYTES: sentences of the samples in random order, some words replaced by invented ones."""
    draw, lines, size = random.Random(0), list[str](), 0  # noqa: S311
    documents = (json.loads(line) for path in sorted(samples.glob("*.jsonl")) for line in path.open("rb"))
    sentences = [part for each in documents for part in each["text"].split("\n") if part.strip()]
    while size < BOOK_BYTES:
        words = draw.choice(sentences).split()
        if draw.random() < 0.5:
            words[draw.randrange(len(words))] = invented(draw)
        lines.append(" ".join(words) + ("\n\n" if draw.random() < 0.2 else ""))
        size += len(lines[-1].encode()) + 1
    return "\n".join(lines)


def invented(draw: random.Random) -> str:
    """A word that can be said."""
    word = "".join(draw.choice("bdfgklmnprstv") + draw.choice("aeiou") for _ in range(draw.randint(2, 4)))
    return word.title() if draw.random() < 0.6 else word


def beginning_of(fasta: Path, bases: int) -> str:
    """The first bases of a FASTA file, as FASTA."""
    lines, size = list[str](), 0
    with gzip.open(fasta, "rt") if fasta.suffix == ".gz" else fasta.open() as file:
        for line in file:
            lines.append(line)
            size += 0 if line.startswith(">") else len(line) - 1
            if size >= bases:
                break
    return "".join(lines)
