"""What of the files and folders somebody names is a corpus, judged by content, and how to open it.

A new kind of input is one more row of `KINDS`.
"""

import errno
import json
import os
import re
import stat
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

from elman.data.errors import BadInput
from elman.data.formats.streams import open_path

Family = Literal["text", "dna", "table"]

HEAD = 1 << 16  # bytes of a file that are looked at


@dataclass(frozen=True)
class Source:
    """A file to read.

    name: what it is called in tables: the file's name, or its path in the folder that was given;
    kind: one of `KINDS`; compression: "gz", "zst" or None; split: what its name says, or None;
    size: bytes on the disk.
    """

    path: Path
    name: str
    kind: str
    compression: str | None
    split: str | None
    size: int

    @property
    def family(self) -> Family:
        """ "text", "dna" or "table"."""
        return next(kind.family for kind in KINDS if kind.name == self.kind)


@dataclass(frozen=True)
class Head:
    """The beginning of a file, decompressed."""

    name: str  # lower case, without .gz or .zst
    raw: bytes
    whole: bool  # whether this is all of it

    @property
    def lines(self) -> list[str]:
        """Lines that are not blank; the last, which may be cut, left out."""
        lines = self.raw.decode("utf-8", "replace").splitlines()
        return [line for line in (lines if self.whole else lines[:-1] or lines) if line.strip()]

    @property
    def first(self) -> str:
        """The first line that is not blank."""
        return next(iter(self.lines), "")


@dataclass(frozen=True)
class Kind:
    """One kind of input, the family it belongs to, and how its first bytes show it."""

    name: str
    family: Family
    matches: Callable[[Head], bool]


_TAG = re.compile(r"O|[A-Za-z]-\S+")
_SEQUENCE = re.compile(r"[A-Za-z*.\-\s]+")
_BASES = re.compile(r"[ACGTUNacgtun\s]{20,}")
_CONLL_ENDINGS = (".conll", ".conllu", ".iob", ".iob2", ".bio", ".iobes", ".bilou")
_FASTA_ENDINGS = (".fa", ".fna", ".ffn", ".fasta")


def _fasta(head: Head) -> bool:
    lines = head.lines
    if head.first.startswith(">"):
        return head.name.endswith(_FASTA_ENDINGS) or all(map(_SEQUENCE.fullmatch, lines[1:2]))
    return head.name.endswith(_FASTA_ENDINGS) or bool(_BASES.fullmatch("".join(lines)))


def _gff3(head: Head) -> bool:
    if head.first.startswith("##gff-version"):
        return True
    rows = [line.split("\t") for line in head.lines if not line.startswith("#")][:20]
    return bool(rows) and all(
        len(row) == 9 and row[3].isdigit() and row[4].isdigit() and row[6] in "+-.?" for row in rows
    )


def _jsonl(head: Head) -> bool:
    def has_text(line: str) -> bool:
        try:
            value = json.loads(line)
        except ValueError:
            return False
        return isinstance(value, dict) and "text" in value

    if not head.first.startswith("{"):
        return False
    return head.name.endswith((".jsonl", ".ndjson")) or any(map(has_text, head.lines[:20]))


def _rows(head: Head) -> list[list[str]]:
    lines = [line for line in head.lines if not line.startswith(("#", "-DOCSTART-"))]
    return [line.split("\t") if "\t" in line else line.split() for line in lines[:200]]


def _conll(head: Head) -> bool:
    """Whether most rows have, in one and the same column after the first, what looks like a tag."""
    if head.name.endswith(_CONLL_ENDINGS):
        return True
    rows = _rows(head)
    width = max(map(len, rows), default=0)
    tagged = (sum(len(row) > at and bool(_TAG.fullmatch(row[at])) for row in rows) for at in range(1, width))
    return max(tagged, default=0) >= max(0.5 * len(rows), 1)


KINDS = (
    Kind("parquet", "table", lambda head: head.raw.startswith(b"PAR1")),
    Kind("genbank", "dna", lambda head: bool(re.match(r"LOCUS\s", head.first))),
    Kind("gff3", "dna", _gff3),
    Kind("fasta", "dna", _fasta),
    Kind("jsonl", "text", _jsonl),
    Kind("conll", "text", _conll),
    Kind("plain", "text", lambda head: True),
)

_COMPRESSIONS = (("gz", b"\x1f\x8b"), ("zst", b"\x28\xb5\x2f\xfd"))
_ARCHIVES = (
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
)
_ABOUT = re.compile(r"(readme|licen[cs]e|copying|notice|changelog|citation|authors)\b.*|.*\.(md|rst)")
_NOT_PROSE = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".html", ".xml", ".css", ".js", ".py", ".sh")


def _not_a_corpus(head: Head) -> str | None:
    """Why a file cannot be read at all, or None."""
    for magic, what in _ARCHIVES:
        if head.raw.startswith(magic):
            return what
    if head.raw[257:262] == b"ustar":
        return "a tar archive"
    if head.raw.startswith(b"PAR1"):
        return None
    return "binary data" if head.raw.count(0) > len(head.raw) // 100 else None


def _not_prose(head: Head) -> str | None:
    """Why a file without marks of another kind is no plain text to learn from, or None."""
    if head.first[:1] in "{[" and (head.name.endswith(".json") or head.first.rstrip()[-1:] in "{[}],"):
        return "JSON, but not lines with a `text` each"
    if re.match(r"<(\?xml|!doctype|html)", head.first, re.IGNORECASE):
        return "markup"
    if head.name.endswith(_NOT_PROSE):
        return f"no prose ({Path(head.name).suffix})"
    rows = [line.split("\t") for line in head.lines[:200]]
    table = len(rows) > 1 and len(rows[0]) > 1 and len({len(row) for row in rows}) == 1
    return "a table without a column of tags" if table or head.name.endswith((".tsv", ".csv")) else None


def discover(
    paths: Sequence[Path], *, family: Family | None = None, columns: bool = False
) -> tuple[list[Source], list[tuple[Path, str]]]:
    """Find what is to be read.

    A file that is named itself has to be a corpus; in a folder, what is none is skipped.

    Args:
        paths: files and folders.
        family: "text" or "dna" if only such files are meant.
        columns: whether the user said which columns hold tokens and tags, so that tables are corpora.

    Returns:
        sources with different names, sorted by name, and (path, reason) of what was skipped.

    Raises:
        BadInput: a file is missing or empty, a file named is no corpus, or nothing at all is one.
    """
    found: dict[Path, Source] = {}
    skipped: list[tuple[Path, str]] = []
    for root in map(Path, paths):
        for path, name, reason in _walk(root):
            real = Path(os.path.realpath(path))  # of a link to itself, too
            if real in found:
                continue
            judged = reason or _judge(path, name, inside=path != root, family=family, columns=columns)
            if isinstance(judged, Source):
                found[real] = judged
            elif path != root:
                skipped.append((path, judged))
            else:
                raise BadInput("a corpus", got=judged, todo=_SUPPORTED, source=path)
    if not found:
        what = "; ".join(f"{path.name}: {reason}" for path, reason in skipped[:10]) or "no file"
        raise BadInput("a corpus", got=what, todo=_SUPPORTED, source=", ".join(map(str, paths)))
    return sorted(_distinct(list(found.values())), key=lambda source: source.name), skipped


_SUPPORTED = (
    "Give CoNLL columns (with --token-column and --tag-column if they are not found), JSON lines with "
    "a `text`, plain text in UTF-8, FASTA, GFF3 or GenBank; each may be .gz or .zst."
)


def _walk(root: Path) -> Iterator[tuple[Path, str, str | None]]:
    """Each regular file at or below a path, with its name for tables and why it is skipped, if it is."""
    try:
        mode = root.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(
            "a file or folder", got="nothing there", todo="Look at the path.", source=root
        ) from None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        got = "a link that leads to itself"
        raise BadInput("a file or folder", got=got, todo="Look at the path.", source=root) from None
    if not stat.S_ISDIR(mode):
        yield root, _printable(root.name), None if stat.S_ISREG(mode) else "no regular file"
        return
    for folder, folders, files in os.walk(root):
        for name in sorted(folders):
            if name.startswith("."):
                yield Path(folder, name), "", "a hidden folder"
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            reason = None
            if name.startswith("."):
                reason = "a hidden file"
            elif not path.is_file():
                reason = "no regular file"
            yield path, _printable(path.relative_to(root).as_posix()), reason


def _printable(name: str) -> str:
    """A file name as valid Unicode, which not every file name is."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _judge(path: Path, name: str, *, inside: bool, family: Family | None, columns: bool) -> Source | str:
    """A file as a source, or why it is none."""
    with path.open("rb") as file:
        raw = file.read(HEAD)
    compression = next((name for name, magic in _COMPRESSIONS if raw.startswith(magic)), None)
    plain_name = re.sub(r"\.(gz|bgz|zst)$", "", path.name.lower()) if compression else path.name.lower()
    if inside and _ABOUT.fullmatch(plain_name):
        return "about the corpus, not of it"
    if compression:
        raw = _beginning(path, compression)
    if not raw.strip() and len(raw) < HEAD:
        what = "an empty file, white space alone" if raw else "an empty file"
        raise BadInput("a corpus", got=what, todo="Fetch it again, or leave it out.", source=path)
    utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = raw.decode("utf-16", "ignore").encode() if utf16 else raw.removeprefix(b"\xef\xbb\xbf")
    head = Head(plain_name, text, len(raw) < HEAD)
    if reason := _not_a_corpus(head):
        return reason
    kind = next(kind for kind in KINDS if kind.matches(head))
    if kind.name == "plain" and columns and any(len(row) > 1 for row in _rows(head)):
        kind = next(kind for kind in KINDS if kind.name == "conll")
    if family not in (None, kind.family):
        return f"{kind.name}, not {family}"
    if utf16 and kind.name != "plain":
        return f"{kind.name} in UTF-16, which is to be saved as UTF-8"
    if kind.name == "plain" and (reason := _not_prose(head)):
        return reason
    return Source(path, name, kind.name, compression, _split_of(name), path.stat().st_size)


_SPLITS = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "devel": "dev",
    "valid": "dev",
    "val": "dev",
    "validation": "dev",
    "test": "test",
}


def _split_of(name: str) -> str | None:
    """What a path says about the split, its last part first; None if it says nothing or two things."""
    for part in reversed(Path(name.lower()).parts):
        said = {_SPLITS[word] for word in re.findall(r"[a-z]+", part) if word in _SPLITS}
        if said:
            return said.pop() if len(said) == 1 else None
    return None


def _distinct(sources: list[Source]) -> list[Source]:
    """Sources with different names: equal ones are led by the folders above until they differ."""
    depth = dict.fromkeys(sources, 0)
    while True:
        named = [replace(source, name=_longer(source, depth[source])) for source in sources]
        times = Counter(source.name for source in named)
        equal = [old for old, new in zip(sources, named, strict=True) if times[new.name] > 1]
        if not equal:
            return named
        for source in equal:
            depth[source] += 1
            if depth[source] > len(source.path.absolute().parts):
                raise BadInput(
                    "files with different names", got="the same twice", todo="Rename one.", source=source.path
                )


def _longer(source: Source, folders: int) -> str:
    """The name of a source with so many more of the folders above it."""
    parts = source.path.absolute().parts
    own = source.name.count("/") + 1
    return "/".join(
        [*map(_printable, parts[max(len(parts) - own - folders, 1) : len(parts) - own]), source.name]
    )


def open_bytes(source: Source, on_read: Callable[[int], None] | None = None) -> BinaryIO:
    """Open a source for reading, decompressed; see `data.formats.streams.open_path`."""
    return open_path(source.path, source.compression, on_read)


def _beginning(path: Path, compression: str) -> bytes:
    """The first bytes of a compressed file, as many as can be had of a damaged one."""
    raw = b""
    try:
        with open_path(path, compression) as stream:
            while len(raw) < HEAD and (more := stream.raw.read(4096)):  # type: ignore[attr-defined]
                raw += more
    except (EOFError, OSError, zlib.error):
        pass
    return raw[:HEAD]
