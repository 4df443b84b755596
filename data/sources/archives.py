"""Members of zip and tar archives, copied one by one as regular files.

Links, devices and other special members, encrypted ones, and names that lead out of the archive are skipped
with a reason. An archive with more than `MOST_MEMBERS` members, or that unpacks to far more than its size,
is refused before the member that goes beyond the limit is copied.

Formats: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT and POSIX pax,
https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html.
"""

import contextlib
import errno
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, cast

from elman.data.errors import BadInput
from elman.data.formats.common.streams import BOMB_FROM, BOMB_RATIO, open_path
from elman.data.sources.copies import Copies

ArchiveKind = Literal["zip", "tar"]
MOST_MEMBERS = 100_000
_LARGEST_DIRECTORY = 256 * MOST_MEMBERS  # bytes of the table of contents of a zip archive
_LARGEST_HEADER = 1 << 20  # bytes of an extended header of a tar archive
_ENCRYPTED = 1  # bit of a zip member's flags
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ValueError,
    OverflowError,
    NotImplementedError,
)
# Members that tell documents of office programs, packages and models from archives of files.
_PACKAGES = {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF", "data.pkl", "RECORD"}
_EXTENDED = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_LONG_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


@dataclass(frozen=True)
class Archive:
    """An archive to read.

    path: of the file; given: as messages name it; name: in tables; compression: around it, or None.
    """

    kind: ArchiveKind
    path: Path
    given: Path
    name: str
    compression: str | None = None


@dataclass(frozen=True)
class Member:
    """A member of an archive: its name there, and its copy, or None and the reason why it is skipped.

    Without a name it stands for the archive itself.
    """

    name: str
    path: Path | None
    reason: str = ""


def archive_kind(raw: bytes) -> ArchiveKind | None:
    """The kind of archive that begins with these bytes, or None."""
    if raw.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    with contextlib.suppress(tarfile.HeaderError, ValueError):
        tarfile.TarInfo.frombuf(raw[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")  # has a checksum
        return "tar"
    return None


def copy_members(archive: Archive, copies: Copies) -> Iterator[Member]:
    """Copy the members of an archive in its order.

    Yields:
        regular files, each under a name of its own, and what is skipped.

    Raises:
        BadInput: the archive is damaged, or beyond a limit.
    """
    read = _zip_members if archive.kind == "zip" else _tar_members
    try:
        yield from read(archive, copies, _Budget(archive))
    except _DAMAGE as error:
        raise _damaged(archive, error) from None
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # EINVAL: a place before the beginning
            raise
        raise _damaged(archive, error) from None


def _damaged(archive: Archive, error: Exception) -> BadInput:
    got = f"one that is cut off or damaged ({str(error) or type(error).__name__})"
    return BadInput("a whole archive", got=got, todo="Fetch it again.", source=archive.given)


class _Budget:
    """Members and bytes that an archive may still have, and the names it has used."""

    def __init__(self, archive: Archive) -> None:
        self.archive, self.members, self.names = archive, 0, set[str]()
        self.bytes = max(BOMB_FROM, BOMB_RATIO * archive.path.stat().st_size)
        self.left = self.bytes

    def take(self, size: int) -> None:
        """Count a member of a size in bytes.

        Raises:
            BadInput: it is beyond a limit.
        """
        self.members += 1
        self.left -= size
        if self.members > MOST_MEMBERS:
            raise self.too_many()
        if self.left < 0:
            raise BadInput(
                f"at most {self.bytes:,} bytes when unpacked ({BOMB_RATIO} times its size, or 1 GiB)",
                got="more",
                todo="If it is to be read nevertheless, unpack it and name the folder.",
                source=self.archive.given,
            )

    def too_many(self) -> BadInput:
        """The error of an archive with too many members."""
        todo = (
            "Unpack it and name the folder, or put many documents into one file, as JSON lines for example."
        )
        return BadInput(
            f"at most {MOST_MEMBERS:,} members in an archive",
            got="more",
            todo=todo,
            source=self.archive.given,
        )

    def name(self, stored: str) -> tuple[str, str]:
        """The name of a member, and the reason why it is skipped or ""."""
        path = PurePosixPath(stored.replace("\\", "/"))
        parts = path.parts[1:] if path.is_absolute() else path.parts
        name = "/".join(parts) or stored
        if any(ord(character) < 32 or ord(character) == 127 for character in stored):
            return repr(stored)[1:-1], "a name with control characters"
        if ".." in parts or not parts:
            return stored, "a name that leads out of the archive"
        if any(part.startswith(".") for part in parts) or parts[0] == "__MACOSX":
            return name, "a hidden file"
        unique, number = name, 1
        while unique in self.names:
            number += 1
            unique = f"{name}~{number}"
        self.names.add(unique)
        return unique, ""


def _zip_members(archive: Archive, copies: Copies, budget: _Budget) -> Iterator[Member]:
    if archive.compression is not None:
        todo = "Unpack it, and name the zip archive inside."
        raise BadInput("a zip archive", got="one compressed once more", todo=todo, source=archive.given)
    _check_directory(archive, budget)
    with zipfile.ZipFile(archive.path) as opened:
        infos = opened.infolist()
        for info in infos:
            budget.take(info.file_size)
        if any(info.filename in _PACKAGES or info.filename.endswith("/data.pkl") for info in infos):
            yield Member("", None, "a document or package of a program, not an archive of files")
            return
        for info in infos:
            if info.is_dir():
                continue
            name, reason = budget.name(info.filename)
            reason = reason or _special_zip(info)
            if reason:
                yield Member(name, None, reason)
                continue
            try:
                stream = opened.open(info)
            except NotImplementedError:
                yield Member(name, None, f"compressed by method {info.compress_type}, which is not read")
                continue
            with stream:
                yield Member(name, copies.write(f"{archive.name}/{name}", cast(BinaryIO, stream)))


def _special_zip(info: zipfile.ZipInfo) -> str:
    """Reason why a member cannot be read; "" for a regular file."""
    if info.flag_bits & _ENCRYPTED:
        return "encrypted"
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "a link"
    return "no regular file" if stat.S_IFMT(mode) not in (0, stat.S_IFREG) else ""


def _check_directory(archive: Archive, budget: _Budget) -> None:
    """Check the size of a zip archive's table of contents before it is read into memory.

    Raises:
        BadInput: it is too large.
    """
    with archive.path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - (1 << 16) - 128, 0))
        tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise zipfile.BadZipFile("no table of contents at its end")
    members, table = struct.unpack("<HL", tail[end + 10 : end + 16])
    large = tail.rfind(b"PK\x06\x06", 0, end)
    if large >= 0 and len(tail) >= large + 48:
        members, table = struct.unpack("<QQ", tail[large + 32 : large + 48])
    if members > MOST_MEMBERS or table > _LARGEST_DIRECTORY:
        raise budget.too_many()


class _Header(tarfile.TarInfo):
    """Header of a tar member; a bad one is an error after the first, too, where tarfile would just end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        """Parse a block of 512 bytes.

        Raises:
            SubsequentHeaderError: it is damaged, or a header that would take too much memory.
        """
        try:
            header = super().frombuf(buf, encoding, errors)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]  # not in typeshed
            raise tarfile.SubsequentHeaderError(str(error)) from None  # type: ignore[attr-defined]  # not in typeshed
        if header.type in _EXTENDED + _LONG_NAMES and header.size > _LARGEST_HEADER:
            got = f"a header of {header.size} bytes"
            raise tarfile.SubsequentHeaderError(got)  # type: ignore[attr-defined]  # not in typeshed
        return header


def _tar_members(archive: Archive, copies: Copies, budget: _Budget) -> Iterator[Member]:
    with (
        open_path(archive.path, archive.compression) as stream,
        tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as opened,
    ):
        for info in opened:
            budget.take(info.size if info.isreg() else 0)
            if info.isdir():
                continue
            name, reason = budget.name(info.name)
            if not reason and not info.isreg():
                reason = "a link" if info.issym() or info.islnk() else "no regular file"
            if not reason and info.issparse():
                reason = "a sparse file"
            if reason:
                yield Member(name, None, reason)
                continue
            content = opened.extractfile(info)
            assert content is not None
            with content:
                path = copies.write(f"{archive.name}/{name}", cast(BinaryIO, content))
            if path.stat().st_size != info.size:
                raise tarfile.ReadError("unexpected end of data")
            yield Member(name, path)
