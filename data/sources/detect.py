"""Finds corpus files among the given paths by inspecting their content.

The formats that a file may have are those of `data.formats.registry`.
"""

import errno
import os
import re
import stat
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from elman.data.errors import BadInput
from elman.data.formats.common.streams import open_path
from elman.data.formats.registry import (
    HEAD_BYTES,
    Family,
    Format,
    Head,
    all_formats,
    detect,
    format_of,
    supported,
)


@dataclass(frozen=True)
class Source:
    """A file to read.

    name: as in tables, the file's name, or its path in the folder that was given; kind: name of its format;
    compression: "gz", "zst" or None; split: as its name gives it, or None; size: bytes on the disk.
    """

    path: Path
    name: str
    kind: str
    compression: str | None
    split: str | None
    size: int

    @property
    def format(self) -> Format:
        """Format of the file."""
        return format_of(self.kind)

    @property
    def family(self) -> Family:
        """ "text", "dna" or "table"."""
        return self.format.family


_COMPRESSIONS = (("gz", b"\x1f\x8b"), ("zst", b"\x28\xb5\x2f\xfd"))
_ARCHIVES = (
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
)
_ABOUT = re.compile(r"(readme|licen[cs]e|copying|notice|changelog|citation|authors)\b.*|.*\.(md|rst)")


def _unreadable(head: Head) -> str | None:
    """Reason why a file cannot be read at all, or None."""
    for magic, what in _ARCHIVES:
        if head.raw.startswith(magic):
            return what
    if head.raw[257:262] == b"ustar":
        return "a tar archive"
    if any(format_.binary and format_.matches(head) for format_ in all_formats()):
        return None
    return "binary data" if head.raw.count(0) > len(head.raw) // 100 else None


def discover(
    paths: Sequence[Path], *, family: Family | None = None, columns: bool = False
) -> tuple[list[Source], list[tuple[Path, str]]]:
    """Find the files to read.

    A file that is named itself has to be a corpus; in a folder, other files are skipped.

    Args:
        paths: files and folders.
        family: "text" or "dna" to take only such files.
        columns: True if the user has named the columns of tokens and tags, so that tables are corpora.

    Returns:
        sources with different names, sorted by name, and (path, reason) of what was skipped.

    Raises:
        BadInput: a file is missing or empty, a file named is no corpus, or nothing at all is one.
    """
    sources: dict[Path, Source] = {}
    skipped: list[tuple[Path, str]] = []
    for root in map(Path, paths):
        for path, name, reason in _walk(root):
            real = Path(os.path.realpath(path))  # of a link to itself, too
            if real in sources:
                continue
            source = reason or _inspect(path, name, inside=path != root, family=family, columns=columns)
            if isinstance(source, Source):
                sources[real] = source
            elif path != root:
                skipped.append((path, source))
            else:
                raise BadInput("a corpus", got=source, todo=supported(), source=path)
    if not sources:
        what = "; ".join(f"{path.name}: {reason}" for path, reason in skipped[:10]) or "no file"
        raise BadInput("a corpus", got=what, todo=supported(), source=", ".join(map(str, paths)))
    return sorted(_distinct(list(sources.values())), key=lambda source: source.name), skipped


def _walk(root: Path) -> Iterator[tuple[Path, str, str | None]]:
    """Files at or below a path: path, name for tables, and the reason why it is skipped or None."""
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
    yield from _walk_folder(root, root, {os.path.realpath(root)})


def _walk_folder(root: Path, folder: Path, visited: set[str]) -> Iterator[tuple[Path, str, str | None]]:
    """Files below a folder, those of linked folders too; each real folder is visited once."""
    paths = sorted(folder.iterdir(), key=lambda path: path.name)
    folders = []
    for path in paths:
        name = _printable(path.relative_to(root).as_posix())
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


def _printable(name: str) -> str:
    """A file name as valid Unicode, which not every file name is."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _inspect(path: Path, name: str, *, inside: bool, family: Family | None, columns: bool) -> Source | str:
    """A file as a source, or the reason why it is skipped."""
    with path.open("rb") as file:
        raw = file.read(HEAD_BYTES)
    compression = next((name for name, magic in _COMPRESSIONS if raw.startswith(magic)), None)
    plain_name = re.sub(r"\.(gz|bgz|zst)$", "", path.name.lower()) if compression else path.name.lower()
    if inside and _ABOUT.fullmatch(plain_name):
        return "about the corpus, not of it"
    if compression:
        raw = _beginning(path, compression)
    if not raw.strip() and len(raw) < HEAD_BYTES:
        what = "an empty file, white space alone" if raw else "an empty file"
        if inside:
            return what
        raise BadInput("a corpus", got=what, todo="Fetch it again, or leave it out.", source=path)
    utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = raw.decode("utf-16", "ignore").encode() if utf16 else raw.removeprefix(b"\xef\xbb\xbf")
    head = Head(plain_name, text, len(raw) < HEAD_BYTES)
    if reason := _unreadable(head):
        return reason
    format_ = detect(head, columns)
    if family not in (None, format_.family):
        return f"{format_.name}, not {family}"
    if utf16 and not format_.utf16:
        return f"{format_.name} in UTF-16, which is to be saved as UTF-8"
    if reason := format_.unfit(head):
        return reason
    return Source(path, name, format_.name, compression, _split_of(name), path.stat().st_size)


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
    """Split that a path names, its last part first; None if that names none or two."""
    for part in reversed(Path(name.lower()).parts):
        splits = {_SPLITS[word] for word in re.findall(r"[a-z]+", part) if word in _SPLITS}
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
            if depth[source] > len(source.path.absolute().parts):
                raise BadInput(
                    "files with different names", got="the same twice", todo="Rename one.", source=source.path
                )


def _longer(source: Source, folders: int) -> str:
    """Name of a source with the given number of further folders above it in front."""
    parts = source.path.absolute().parts
    own = source.name.count("/") + 1
    return "/".join(
        [*map(_printable, parts[max(len(parts) - own - folders, 1) : len(parts) - own]), source.name]
    )


def open_bytes(source: Source, on_read: Callable[[int], None] | None = None) -> BinaryIO:
    """Open a source for reading, decompressed; see `data.formats.common.streams.open_path`."""
    return open_path(source.path, source.compression, on_read)


def _beginning(path: Path, compression: str) -> bytes:
    """First bytes of a compressed file; of a damaged one, those before the damage."""
    raw = b""
    try:
        with open_path(path, compression) as stream:
            while len(raw) < HEAD_BYTES and (more := stream.raw.read(4096)):  # type: ignore[attr-defined]  # of BufferedReader
                raw += more
    except (EOFError, OSError, zlib.error):
        pass
    return raw[:HEAD_BYTES]
