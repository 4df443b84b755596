"""Sources from paths to records: files found, paired and hashed, each read by the reader of its format."""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from elman.data.errors import BadInput, Changed
from elman.data.formats.common.encodings import in_original
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document
from elman.data.formats.common.streams import BROKEN, COMPRESSED_NAME
from elman.data.formats.registry import (
    HEAD_BYTES,
    AnnotationFormat,
    Family,
    MusicFormat,
    Record,
    SpeechFormat,
    TextFormat,
    text_format,
)
from elman.data.sources.clips import pair_clips
from elman.data.sources.copies import STDIN_NAME, Copies
from elman.data.sources.detect import (
    SPLIT_NAMES,
    Source,
    discover,
    open_bytes,
    open_original,
    printable_name,
)
from elman.data.sources.genomes import Genome, pair, read_genome
from elman.data.sources.standoff import pair_texts
from elman.data.store.disk import key_of, sha256_file
from elman.data.text.tokenizer import Unit, unit_of

OnRead = Callable[[float], None]
SHOWN: dict[Family, str] = {"text": "text", "dna": "DNA", "music": "music", "speech": "speech"}
_LISTED = 5  # files of a family in a message


@dataclass(frozen=True)
class HashedSource:
    """A source with the hashes of its files: a text with its labels, a genome with its annotations, a clip
    with its transcript, or a list of transcripts with its clips.

    split: set by the user or the file name, else None; hashes: sha256 of files, then of annotations; stats:
    size and time of change of each when it was hashed; label: class of all its documents, if there is one.
    """

    files: tuple[Source, ...]
    annotations: tuple[Source, ...]
    split: str | None
    hashes: tuple[str, ...]
    stats: tuple[tuple[int, int], ...]
    label: str | None = None

    @property
    def name(self) -> str:
        """Name in tables."""
        return self.files[0].name

    @property
    def kind(self) -> str:
        """Name of the format of its first file."""
        return self.files[0].kind

    @property
    def encoding(self) -> str | None:
        """Encoding that the user has stated; see `data.sources.detect.Source`."""
        return self.files[0].encoding

    @property
    def sha256(self) -> str:
        """Hash of its content: of its file, or of the hashes of all its files."""
        return self.hashes[0] if len(self.hashes) == 1 else key_of(hashes=self.hashes)

    @property
    def key(self) -> str:
        """Hash of its content, its split, and its encoding and label if there are any."""
        encoding = {"encoding": self.encoding} if self.encoding else {}
        label = {} if self.label is None else {"label": self.label}
        return key_of(sha256=self.sha256, split=self.split, **encoding, **label)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All its files, annotations last."""
        return (*self.files, *self.annotations)

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(source.size for source in self.sources)

    def to_json(self) -> dict[str, Any]:
        """Entry of a manifest."""
        hashes = dict(zip((source.name for source in self.sources), self.hashes, strict=True))
        return {
            "name": self.name,
            "kind": self.kind,
            "sha256": self.sha256,
            "split": self.split,
            "bytes": self.size,
            "files": hashes,
            **({"encoding": self.encoding} if self.encoding else {}),
            **({} if self.label is None else {"label": self.label}),
        }

    def labelled_by_folder(self) -> "HashedSource":
        """The source with the name of its folder as label, of the nearest that is not called as a split.

        Raises:
            BadInput: it lies in no folder, as standard input does.
        """
        shown = self.files[0].shown
        folders = [] if shown == Path(STDIN_NAME) else [parent.name for parent in shown.absolute().parents]
        label = next((name for name in folders if name and name.lower() not in SPLIT_NAMES), None)
        if label is None:
            todo = "Put it into a folder named as its label, or leave --label-from out."
            raise BadInput("a file in a folder named as its label", got="none", todo=todo, source=shown)
        return replace(self, label=printable_name(label))


def collect_sources(
    paths: Sequence[Path],
    *,
    family: Family | None = None,
    columns: bool = False,
    copies: Copies | None = None,
    encoding: str | None = None,
    text_column: str | None = None,
    sentence_per_line: bool = False,
) -> tuple[list[HashedSource], list[tuple[Path, str]]]:
    """Find, pair and hash the files to read.

    Args:
        paths: files and folders.
        family: "text", "dna", "music" or "speech"; found by content if None.
        columns: True if the user has named the columns of tokens and tags.
        copies, encoding, text_column: see `data.sources.detect.discover`.
        sentence_per_line: True for plain text whose lines are sentences.

    Returns:
        sources sorted by name, and (path, reason) of what was skipped.

    Raises:
        BadInput: a file is missing, empty or no corpus; or there are files of two kinds.
    """
    sources, skipped = discover(
        paths, family=family, columns=columns, copies=copies, encoding=encoding, text_column=text_column
    )
    tables = [source for source in sources if source.family == "table"]
    others = [source for source in sources if source.family != "table"]
    if text_column is None:
        sources = others
        skipped += [(s.shown, f"{s.format.title}, which is read with --text-column") for s in tables]
    else:
        sources = tables
        skipped += [(s.shown, f"no table with a column {text_column}") for s in others]
    clips, without_clip = pair_clips(sources)
    if family == "speech":
        skipped += [
            (s.shown, f"{s.kind}, not speech, and no transcript of a clip beside it") for s in without_clip
        ]
        without_clip = []
    sources = [*(clip.list_or_clip for clip in clips), *without_clip]
    sources, beside = _without_notes(sources, paths)
    skipped += beside
    first = _one_family(sources, paths)
    if sentence_per_line:
        sources = [replace(s, kind="sentence_lines") if s.kind == "plain" else s for s in sources]
    texts, without_text = pair_texts(sources)
    skipped += without_text
    genomes = [Genome((labelled.text,), labelled.labels) for labelled in texts]
    if "speech" in first:
        genomes = [Genome((clip.list_or_clip,), clip.beside) for clip in clips]
    if "dna" in first:
        annotations = [source for source in sources if isinstance(source.format, AnnotationFormat)]
        sequences = [source for source in sources if source not in annotations]
        genomes, unpaired = pair(sequences, annotations, open_bytes)
        skipped += unpaired
    if not genomes:
        got = "; ".join(f"{path.name}: {reason}" for path, reason in skipped[:10])
        todo = "Give text, or sequences (FASTA, GenBank) beside the annotation."
        raise BadInput("a corpus", got=got, todo=todo, source=paths[0])
    hashed = list(map(_hashed, genomes))
    return sorted(hashed, key=by_name), skipped


def _without_notes(
    sources: list[Source], paths: Sequence[Path]
) -> tuple[list[Source], list[tuple[Path, str]]]:
    """Leave out plain text in a folder of DNA or music, logs and reports, unless there is more of it.

    Returns:
        the rest, and (path, reason) of what was left out.
    """
    notes = [s for s in sources if s.kind == "plain" and s.shown not in paths]
    others = [source for source in sources if source not in notes]
    families = {source.family for source in others}
    texts = sum(COMPRESSED_NAME.sub("", note.name).endswith(".txt") for note in notes)
    if len(families) != 1 or families & {"text", "table", "speech"} or texts > len(others):
        return sources, []
    reason = f"text beside {SHOWN[next(iter(families))]}; --kind text reads it"
    return others, [(note.shown, reason) for note in notes]


def _one_family(sources: Sequence[Source], paths: Sequence[Path]) -> dict[Family, str]:
    """The family of the sources, with the name of one.

    Raises:
        BadInput: they are of several, which are listed.
    """
    names: dict[Family, list[str]] = {}
    for source in sources:
        names.setdefault(source.family, []).append(source.name)
    if len(names) > 1:
        kinds = [name for name in SHOWN if name in names]
        listed = {kind: ", ".join(names[kind][:_LISTED]) for kind in kinds}
        more = {kind: ", ..." if len(names[kind]) > _LISTED else "" for kind in kinds}
        got = " and ".join(f"{listed[kind]}{more[kind]} ({SHOWN[kind]})" for kind in kinds)
        expected = f"either {' or '.join(SHOWN[kind] for kind in kinds)}"
        todo = f"Say {' or '.join(f'--kind {kind}' for kind in kinds)}."
        raise BadInput(expected, got=got, todo=todo, source=paths[0])
    return {family: some[-1] for family, some in names.items()}


def by_name(source: HashedSource) -> tuple[str, str]:
    """Key by which sources are sorted."""
    return source.name, source.key


def collect_tables(
    paths: Sequence[Path], text_column: str, copies: Copies | None = None, encoding: str | None = None
) -> tuple[list[HashedSource], list[tuple[Path, str]]]:
    """Find and hash tables; as `collect_sources`.

    Raises:
        BadInput: a file is missing, or none is a table.
    """
    sources, skipped = discover(paths, copies=copies, encoding=encoding, text_column=text_column)
    skipped += [(s.shown, f"no table with a column {text_column}") for s in sources if s.family != "table"]
    tables = [source for source in sources if source.family == "table"]
    if not tables:
        got = "; ".join(f"{path.name}: {reason}" for path, reason in skipped[:10])
        todo = "Name a column that the first row of CSV has, or leave --text-column out for other files."
        raise BadInput("a table, for a text column was named", got=got, todo=todo, source=paths[0])
    return [_hashed(Genome((source,))) for source in tables], skipped


def _hashed(genome: Genome) -> HashedSource:
    files = (*genome.sequences, *genome.annotations)
    stats = tuple(map(_stat, files))  # before the hashes: a change while they are made is seen later
    hashes = tuple(sha256_file(file.path) for file in files)
    return HashedSource(genome.sequences, genome.annotations, genome.sequences[0].split, hashes, stats)


def _stat(source: Source) -> tuple[int, int]:
    stat = source.path.stat()
    return stat.st_size, stat.st_mtime_ns


def read(source: HashedSource, options: Options, on_read: OnRead = lambda amount: None) -> Iterator[Record]:
    """Read the records of a source in bounded memory.

    Args:
        source: as found.
        options: of reading.
        on_read: called with the number of bytes done, of `source.size` in all, now and then.

    Raises:
        BadInput: a file is cut off, damaged, or has changed since it was hashed.
    """
    left = float(source.size)
    file = source.files[0]
    format_ = file.format
    passes = format_.passes if isinstance(format_, TextFormat) else 1

    def advance(amount: float) -> None:
        nonlocal left
        amount = min(amount / passes, left)
        left -= amount
        on_read(amount)

    def opened(file: Source) -> BinaryIO:
        return open_bytes(file, advance)

    try:
        if isinstance(format_, TextFormat):
            options = replace(options, sidecars=_sidecars(source, opened))
            records = format_.read(partial(opened, file), file.name, options)
            yield from in_original(records, partial(open_original, file), file.encoding, format_.one_document)
        elif isinstance(format_, MusicFormat | SpeechFormat):
            options = replace(options, sidecars=_sidecars(source, opened))
            yield from format_.read(partial(opened, file), file.name, options)
        else:
            yield from read_genome(Genome(source.files, source.annotations), opened, options)
    except BROKEN as error:
        raise damaged(file, error) from None
    except BadInput as error:
        raise with_name(file, error) from None
    check_unchanged(source)
    on_read(left)


def _sidecars(
    source: HashedSource, opened: Callable[[Source], BinaryIO]
) -> tuple[tuple[str, Callable[[], BinaryIO]], ...]:
    return tuple((beside.name, partial(opened, beside)) for beside in source.annotations)


def damaged(file: Source, error: Exception) -> Exception:
    """Translate an error of reading a damaged file; an error of the disk is returned as it is."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    got = f"one that is cut off or damaged ({error})"
    return BadInput("a whole file", got=got, todo="Fetch it again.", source=file.shown)


def with_name(file: Source, error: BadInput) -> BadInput:
    """An error of a reader, which does not know the path of its file, with that path."""
    if error.source is not None:
        return error
    return BadInput(error.expected, got=error.got, todo=error.todo, source=file.shown, line=error.line)


def check_unchanged(source: HashedSource) -> None:
    """Check that the files of a source are as they were when they were hashed.

    Raises:
        Changed: one has another size or time of change.
    """
    for file, stat in zip(source.sources, source.stats, strict=True):
        if _stat(file) != stat:
            got = "another size or time of change than before"
            todo = "Run the same command again when nothing writes it."
            raise Changed("a file that does not change during the run", got=got, todo=todo, source=file.shown)


def unit_by_script(source: HashedSource, options: Options) -> Unit:
    """Unit of the beginning of a text: "char" if most letters are Han or Kana, else "word"."""
    file = source.files[0]
    words = replace(options, unit="word", flat=False)
    text = ""
    with contextlib.suppress(BadInput, *BROKEN):  # reported when the whole file is read
        opener: Callable[[], BinaryIO] = partial(open_bytes, file)
        if file.family != "table":  # whose rows may stand behind its head
            with opener() as stream:
                opener = partial(io.BytesIO, b"".join(stream.readlines(HEAD_BYTES)))
        for record in text_format(file.kind).read(opener, file.name, words):
            if isinstance(record, Document):
                text += "\n".join(sentence.text for sentence in record.sentences)
            if len(text) >= HEAD_BYTES:
                break
    return unit_of(text)
