"""Finds corpus files among the given paths by inspecting their content.

The formats that a file may have are those of `data.formats.registry`.
"""

import errno
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from elman.data.errors import BadInput
from elman.data.formats.common.encodings import recoded, recoded_head
from elman.data.formats.common.streams import BROKEN, COMPRESSED_NAME, COMPRESSIONS, open_path
from elman.data.formats.registry import (
    HEAD_BYTES,
    Family,
    Format,
    Head,
    SidecarFormat,
    SpeechFormat,
    all_formats,
    detect,
    format_of,
    supported,
)
from elman.data.sources.archives import Archive, archive_kind, copy_members
from elman.data.sources.copies import STANDARD_INPUT, STDIN_NAME, Copies
from elman.data.sources.skipped_names import reason_to_skip
from elman.data.sources.unfit import UTF16_MARKS, table_as_text, unreadable, wide_encoding


@dataclass(frozen=True)
class Source:
    """A file to read.

    name: as in tables, the file's name, or its path in the folder that was given; kind: name of its format;
    compression: "gz", "zst", "bz2", "xz" or None; split: as its name gives it, or None; size: bytes on the
    disk; given: what the user has, where `path` is a temporary copy of it; encoding: stated by the user, of
    text alone, or UTF-16 by a byte order mark; None for UTF-8.
    """

    path: Path
    name: str
    kind: str
    compression: str | None
    split: str | None
    size: int
    given: Path | None = None
    encoding: str | None = None

    @property
    def shown(self) -> Path:
        """Path for messages."""
        return self.given or self.path

    @property
    def format(self) -> Format:
        """Format of the file."""
        return format_of(self.kind)

    @property
    def family(self) -> Family:
        """ "text", "dna", "table", "music" or "speech"."""
        return self.format.family


def discover(
    paths: Sequence[Path],
    *,
    family: Family | None = None,
    columns: bool = False,
    copies: Copies | None = None,
    encoding: str | None = None,
    text_column: str | None = None,
) -> tuple[list[Source], list[tuple[Path, str]]]:
    """Find the files to read.

    A file that is named itself has to be a corpus; in a folder, other files are skipped.

    Args:
        paths: files and folders.
        family: "text", "dna", "music" or "speech" to take only such files; beside speech text, too.
        columns: True if the user has named the columns of tokens and tags, so that tables are corpora.
        copies: where members of archives and standard input (the path `-`) are copied to; without it
            archives are no corpora.
        encoding: of text; UTF-8 (or UTF-16, by its byte order mark) if None.
        text_column: of tables, which are then text, if the user has named one.

    Returns:
        sources with different names, sorted by name, and (path, reason) of what was skipped.

    Raises:
        BadInput: a file is missing or empty, a file named is no corpus, or nothing at all is one.
    """
    finder = _Finder(_Wanted(family, columns, encoding, text_column), copies)
    for root in map(Path, paths):
        for file, reason in _walk(root, copies):
            finder.add(file, reason)
    sources, skipped = list(finder.sources.values()), finder.skipped
    if not sources:
        raise BadInput("a corpus", got=_listed(skipped), todo=supported(), source=", ".join(map(str, paths)))
    return sorted(_distinct(sources), key=lambda source: source.name), skipped


def _listed(skipped: Sequence[tuple[Path, str]]) -> str:
    """Skipped files, for messages."""
    return "; ".join(f"{path.name}: {reason}" for path, reason in skipped[:10]) or "no file"


@dataclass(frozen=True)
class _File:
    """A file found: its path, name for tables, what the user has, and True if the user has named it itself.

    archive: True for a member of an archive.
    """

    path: Path
    name: str
    given: Path
    named: bool = False
    archive: bool = False


@dataclass(frozen=True)
class _Wanted:
    """Options of the user about files; see `discover`."""

    family: Family | None
    columns: bool
    encoding: str | None
    text_column: str | None

    def takes(self, family: Family) -> bool:
        """Return True for files of a family that are wanted."""
        table_as_text = family == "table" and self.family == "text" and self.text_column is not None
        transcript = family == "text" and self.family == "speech"
        return self.family in (None, family) or table_as_text or transcript


class _Finder:
    """Collects sources and what is skipped, archives opened."""

    def __init__(self, wanted: "_Wanted", copies: Copies | None) -> None:
        self.wanted, self.copies = wanted, copies
        self.sources: dict[Path, Source] = {}
        self.skipped: list[tuple[Path, str]] = []
        self.seen: set[Path] = set()

    def add(self, file: _File, reason: str | None = None) -> None:
        """Add a file or its members, unless there is a reason to skip it.

        Raises:
            BadInput: a file that the user has named is no corpus.
        """
        real = Path(os.path.realpath(file.path))  # of a link to itself, too
        if real in self.seen:
            return
        self.seen.add(real)
        found = reason or _inspect(file, self.wanted)
        if isinstance(found, Archive):
            found = self._open(found, file)
        if isinstance(found, Source):
            self.sources[real] = found
        elif found and file.named:
            raise BadInput("a corpus", got=found, todo=supported(), source=file.given)
        elif found:
            self.skipped.append((file.given, found))

    def _open(self, archive: Archive, file: _File) -> str:
        """Add the members of an archive; the reason if that is not done, or none is a source, else ""."""
        if file.archive:
            return f"a {archive.kind} archive inside an archive, which is to be unpacked first"
        if self.copies is None:
            return f"a {archive.kind} archive"
        before, skipped = len(self.sources), len(self.skipped)
        for member in copy_members(archive, self.copies):
            given = archive.given / printable_name(member.name)
            if not member.name:
                return member.reason
            if member.path is None:
                self.skipped.append((given, member.reason))
            else:
                self.add(
                    _File(member.path, f"{file.name}/{printable_name(member.name)}", given, archive=True)
                )
        if len(self.sources) > before or (len(self.skipped) > skipped and not file.named):
            return ""
        return f"an archive without a corpus ({_listed(self.skipped[skipped:])})"


def _walk(root: Path, copies: Copies | None) -> Iterator[tuple[_File, str | None]]:
    """Files at or below a path, and the reason why one is skipped or None."""
    if root == STANDARD_INPUT and copies is not None:
        yield _File(copies.of_standard_input(), STDIN_NAME, Path(STDIN_NAME), named=True), None
        return
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
        if not stat.S_ISREG(mode):
            raise BadInput(
                "a file or folder",
                got="a pipe" if stat.S_ISFIFO(mode) else "a device or socket",
                todo="Give - for standard input, or write it to a file first.",
                source=root,
            )
        yield _File(root, printable_name(root.name), root, named=True), None
        return
    for path, name, reason in _walk_folder(root, root, {os.path.realpath(root)}):
        yield _File(path, name, path), reason


def _walk_folder(root: Path, folder: Path, visited: set[str]) -> Iterator[tuple[Path, str, str | None]]:
    """Files below a folder, those of linked folders too; each real folder is visited once."""
    paths = sorted(folder.iterdir(), key=lambda path: path.name)
    folders = []
    for path in paths:
        name = printable_name(path.relative_to(root).as_posix())
        if path.is_dir():
            if path.name.startswith("."):
                yield path, "", "a hidden folder"
            else:
                folders.append(path)
        elif path.name.startswith("."):
            yield path, name, "a hidden file"
        else:
            yield path, name, None if path.is_file() else "no regular file"
    for path in folders:
        real = os.path.realpath(path)
        if real not in visited:
            visited.add(real)
            yield from _walk_folder(root, path, visited)
        elif path.is_symlink():
            yield path, "", "a link to a folder that is read already"


def printable_name(name: str) -> str:
    """A file name as valid Unicode, which not every file name is."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _may_be_empty(name: str) -> bool:
    """Return True for the name of a file of labels; or of a clip, which is then quarantined."""
    named = (format_ for format_ in all_formats() if isinstance(format_, SidecarFormat | SpeechFormat))
    return any(format_.matches(Head(name, b"", True)) for format_ in named)


def _inspect(file: _File, wanted: _Wanted) -> Source | Archive | str:
    """A file as a source or archive, or the reason why it is skipped."""
    path, encoding = file.path, wanted.encoding
    with path.open("rb") as stream:
        raw = stream.read(HEAD_BYTES)
    compression = next((name for name, begins in COMPRESSIONS.items() if begins.match(raw)), None)
    plain_name = path.name.lower()
    if compression:
        plain_name = COMPRESSED_NAME.sub("", plain_name)
    if not file.named and (reason := reason_to_skip(file.name, plain_name)):
        return reason
    if compression:
        raw = _beginning(file, compression)
    if kind := archive_kind(raw):
        return Archive(kind, path, file.given, file.name, compression)
    blank = not raw.strip() and len(raw) < HEAD_BYTES
    if blank and not _may_be_empty(plain_name):
        what = "an empty file, white space alone" if raw else "an empty file"
        if not file.named:
            return what
        raise BadInput("a corpus", got=what, todo="Fetch it again, or leave it out.", source=file.given)
    if any(begins.match(raw) for begins in COMPRESSIONS.values()) and compression:
        return f"a file compressed twice; unpack {file.given.name} once"
    whole = len(raw) < HEAD_BYTES
    marked = raw.startswith(UTF16_MARKS)
    if encoding:
        raw = recoded_head(raw, encoding)
    if reason := wide_encoding(raw):
        return reason
    utf16 = raw.startswith(UTF16_MARKS)
    text = raw.decode("utf-16", "ignore").encode() if utf16 else raw.removeprefix(b"\xef\xbb\xbf")
    head = Head(plain_name, text, whole)
    if reason := unreadable(head):
        return reason
    format_ = detect(head, wanted.columns, wanted.text_column, as_text=wanted.family == "text")
    if not wanted.takes(format_.family):
        return f"{format_.name}, not {wanted.family}"
    if utf16 and format_.family == "music":
        return f"{format_.name} in UTF-16, which is to be saved as UTF-8"
    if reason := format_.unfit(head):
        return table_as_text(head, wanted.text_column) or reason
    given = file.given if file.given != path else None
    if format_.binary or format_.family == "dna":  # whose encoding is no choice of the user
        encoding = "utf-16" if marked else None
    elif utf16 and not format_.utf16:
        encoding = "utf-16"
    return Source(
        path, file.name, format_.name, compression, _split_of(file.name), path.stat().st_size, given, encoding
    )


SPLIT_NAMES = {
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
    """Split that a path names, its last part first; None if that names none or two."""
    for part in reversed(Path(name.lower()).parts):
        splits = {SPLIT_NAMES[word] for word in re.findall(r"[a-z]+", part) if word in SPLIT_NAMES}
        if splits:
            return splits.pop() if len(splits) == 1 else None
    return None


def _distinct(sources: list[Source]) -> list[Source]:
    """Sources with different names: equal names get the folders above in front until they differ."""
    depth = dict.fromkeys(sources, 0)
    while True:
        named = [replace(source, name=_longer(source, depth[source])) for source in sources]
        times = Counter(source.name for source in named)
        equal = [old for old, new in zip(sources, named, strict=True) if times[new.name] > 1]
        if not equal:
            return named
        for source in equal:
            depth[source] += 1
            if depth[source] > len(source.shown.absolute().parts):
                raise BadInput(
                    "files with different names",
                    got="the same twice",
                    todo="Rename one.",
                    source=source.shown,
                )


def _longer(source: Source, folders: int) -> str:
    """Name of a source with the given number of further folders above it in front."""
    parts = source.shown.absolute().parts
    own = source.name.count("/") + 1
    return "/".join(
        [*map(printable_name, parts[max(len(parts) - own - folders, 1) : len(parts) - own]), source.name]
    )


def open_bytes(source: Source, on_read: Callable[[int], None] | None = None) -> BinaryIO:
    """Open a source for reading, decompressed and as UTF-8; see `data.formats.common.streams.open_path`."""
    return recoded(open_path(source.path, source.compression, on_read), source.encoding)


def open_original(source: Source) -> BinaryIO:
    """Open a source decompressed, in its own encoding."""
    return open_path(source.path, source.compression)


def _beginning(file: _File, compression: str) -> bytes:
    """First bytes of a compressed file; of a damaged one, those before the damage.

    Raises:
        BadInput: it is damaged before its first byte.
    """
    raw = b""
    try:
        with open_path(file.path, compression) as stream:
            while len(raw) < HEAD_BYTES and (more := stream.raw.read(4096)):  # type: ignore[attr-defined]  # of BufferedReader
                raw += more
    except BROKEN as error:
        if not raw:
            got = f"one that is cut off or damaged ({error})"
            raise BadInput("a whole file", got=got, todo="Fetch it again.", source=file.given) from None
    return raw[:HEAD_BYTES]
