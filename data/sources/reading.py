"""From paths to records: sources found, paired and hashed, each read by the reader of its kind."""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from elman.data.errors import BadInput, Changed
from elman.data.formats import conll, jsonl, plaintext
from elman.data.formats.options import Options
from elman.data.formats.records import Document, Flat, Quarantined, by_character
from elman.data.formats.slices import BROKEN
from elman.data.genome.contigs import Contig
from elman.data.sources.detect import HEAD, Family, Source, discover, open_bytes
from elman.data.sources.genomes import Genome, pair, read_genome
from elman.data.store.disk import key_of, sha256_file
from elman.data.text.scanner import thread_scanner
from elman.data.text.tokenizer import Tokenizer, Unit, unit_of

PASSES = {"conll": 4, "plain": 2}  # how often a reader goes through a file, for progress

OnRead = Callable[[float], None]
Read = Document | Contig | Quarantined


@dataclass(frozen=True)
class HashedSource:
    """What is read as one: a file of text, or a genome's sequences and annotations.

    split: set by the user or the name, else None; hashes: sha256 of files, then of annotations; stats: size
    and time of change of each when it was hashed.
    """

    files: tuple[Source, ...]
    annotations: tuple[Source, ...]
    split: str | None
    hashes: tuple[str, ...]
    stats: tuple[tuple[int, int], ...]

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return self.files[0].name

    @property
    def kind(self) -> str:
        """As in data.sources.detect."""
        return self.files[0].kind

    @property
    def sha256(self) -> str:
        """Names its content: the hash of its file, or of the hashes of all of them."""
        return self.hashes[0] if len(self.hashes) == 1 else key_of(hashes=self.hashes)

    @property
    def key(self) -> str:
        """Names its content and its split."""
        return key_of(sha256=self.sha256, split=self.split)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All its files."""
        return (*self.files, *self.annotations)

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(source.size for source in self.sources)

    def to_json(self) -> dict[str, Any]:
        """What a manifest says of it."""
        hashes = dict(zip((source.name for source in self.sources), self.hashes, strict=True))
        return {
            "name": self.name,
            "kind": self.kind,
            "sha256": self.sha256,
            "split": self.split,
            "bytes": self.size,
            "files": hashes,
        }


def collect_sources(
    paths: Sequence[Path], *, family: Family | None = None, split: str | None = None, columns: bool = False
) -> tuple[list[HashedSource], list[tuple[Path, str]]]:
    """Find, pair and hash what is to be read.

    Args:
        paths: files and folders.
        family: "text" or "dna"; judged by content if None.
        split: of everything; where None names set it.
        columns: whether the user named the columns of tokens and tags.

    Returns:
        items sorted by name, and (path, reason) of what was skipped.

    Raises:
        BadInput: a file is missing, empty or no corpus; or there are both text and DNA.
    """
    sources, skipped = discover(paths, family=family, columns=columns)
    skipped += [
        (s.path, "Parquet, which is not ingested but tagged, with --text-column")
        for s in sources
        if s.family == "table"
    ]
    sources = [source for source in sources if source.family != "table"]
    first = {source.family: source.name for source in sources}
    if len(first) > 1:
        got = f"{first['text']} (text) and {first['dna']} (DNA)"
        raise BadInput("either text or DNA", got=got, todo="Say --kind text or --kind dna.", source=paths[0])
    genomes = [Genome((source,)) for source in sources]
    if "dna" in first:
        sequences = [source for source in sources if source.kind != "gff3"]
        annotations = [source for source in sources if source.kind == "gff3"]
        genomes, unpaired = pair(sequences, annotations, open_bytes)
        skipped += unpaired
    if not genomes:
        got = "; ".join(f"{path.name}: {reason}" for path, reason in skipped[:10])
        todo = "Give text, or sequences (FASTA, GenBank) beside the annotation."
        raise BadInput("a corpus", got=got, todo=todo, source=paths[0])
    items = [_item(genome, split) for genome in genomes]
    return sorted(items, key=lambda item: (item.name, item.key)), skipped


def collect_parquet(paths: Sequence[Path]) -> tuple[list[HashedSource], list[tuple[Path, str]]]:
    """Find and hash Parquet files; as `collect_sources`.

    Raises:
        BadInput: a file is missing, or none is Parquet.
    """
    sources, skipped = discover(paths)
    skipped += [(source.path, "no Parquet") for source in sources if source.family != "table"]
    tables = [source for source in sources if source.family == "table"]
    if not tables:
        got = "; ".join(f"{path.name}: {reason}" for path, reason in skipped[:10])
        todo = "Leave --text-column out for other files."
        raise BadInput("Parquet, for a text column was named", got=got, todo=todo, source=paths[0])
    return [_item(Genome((source,)), None) for source in tables], skipped


def _item(genome: Genome, split: str | None) -> HashedSource:
    files = cast(tuple[Source, ...], genome.sequences)
    annotations = cast(tuple[Source, ...], genome.annotations)
    both = (*files, *annotations)
    stats = tuple(map(_stat, both))  # before the hashes: a change while they are made is seen later
    hashes = tuple(sha256_file(source.path) for source in both)
    return HashedSource(files, annotations, split or files[0].split, hashes, stats)


def _stat(source: Source) -> tuple[int, int]:
    stat = source.path.stat()
    return stat.st_size, stat.st_mtime_ns


def read(item: HashedSource, options: Options, on_read: OnRead = lambda amount: None) -> Iterator[Read]:
    """Read the records of an item; memory does not grow with it.

    Args:
        item: as found.
        options: how.
        on_read: told how many of `item.size` bytes are done, now and then; in the end of all.

    Raises:
        BadInput: a file is cut off, damaged, or was changed since it was hashed.
    """
    for record in read_flat(item, options, on_read, flat=False):
        assert not isinstance(record, Flat)
        yield record


def read_flat(
    item: HashedSource, options: Options, on_read: OnRead = lambda amount: None, flat: bool = True
) -> Iterator[Read | Flat]:
    """As `read`, but documents without labels come flat where their reader can do that."""
    left = float(item.size)

    def advance(amount: float) -> None:
        nonlocal left
        amount = min(amount / PASSES.get(item.kind, 1), left)
        left -= amount
        on_read(amount)

    def opened(source: Source) -> BinaryIO:
        return open_bytes(source, advance)

    source = item.files[0]
    try:
        if source.family == "dna":
            genome = Genome(item.files, item.annotations)
            yield from read_genome(genome, opened, options.labels, options.spool)
        else:
            yield from _text(source, options, partial(opened, source), flat)
    except BROKEN as error:
        raise damaged(source, error) from None
    check_unchanged(item)
    on_read(left)


def damaged(source: Source, error: Exception) -> Exception:
    """What a file is to a user that cannot be read to its end; an error of the disk as it is."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    got = f"one that is cut off or damaged ({error})"
    return BadInput("a whole file", got=got, todo="Fetch it again.", source=source.path)


def check_unchanged(item: HashedSource) -> None:
    """Compare the files of an item with what they were when they were hashed.

    Raises:
        Changed: one has another size or time of change.
    """
    for source, stat in zip(item.sources, item.stats, strict=True):
        if _stat(source) != stat:
            got = "another size or time of change than before"
            todo = "Run the same command again when nothing writes it."
            raise Changed(
                "a file that does not change during the run", got=got, todo=todo, source=source.path
            )


def _text(
    source: Source, options: Options, opener: Callable[[], BinaryIO], flat: bool = False
) -> Iterator[Document | Flat | Quarantined]:
    tokenizer = options.tokenizer or Tokenizer(unit=options.unit)
    if source.kind == "jsonl":
        yield from jsonl.read(opener, source.name, tokenizer, thread_scanner(tokenizer) if flat else None)
    elif source.kind == "plain":
        parts = plaintext.read(opener, source.name, thread_scanner(tokenizer))
        yield from parts if flat else (p.document() if isinstance(p, Flat) else p for p in parts)
    else:
        for record in conll.read(
            opener, source.name, token_column=options.token_column, tag_column=options.tag_column
        ):
            if options.unit == "char" and isinstance(record, Document):
                yield replace(record, sentences=tuple(map(by_character, record.sentences)))
            else:
                yield record


def unit_by_script(item: HashedSource, options: Options) -> Unit:
    """The unit that the beginning of a text tells: "char" where most of it is Han or Kana, else "word"."""
    text = ""
    with contextlib.suppress(BadInput, *BROKEN):  # what is wrong comes to light when all of it is read
        with open_bytes(item.files[0]) as stream:
            head = b"".join(stream.readlines(HEAD))
        for record in _text(item.files[0], replace(options, unit="word"), partial(io.BytesIO, head)):
            if isinstance(record, Document):
                text += "\n".join(sentence.text for sentence in record.sentences)
    return unit_of(text)
