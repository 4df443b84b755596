"""Atomic writes, folders and hashes of files; every change of the disk goes through `Disk`."""

import contextlib
import errno
import hashlib
import json
import operator
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


class Disk:
    """All calls that change a disk; tests inject failures here."""

    def write(self, fd: int, data: memoryview) -> int:
        """Write some of the bytes and return their number."""
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        """Wait until a file or folder is on the disk."""
        os.fsync(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Move a file to its place and replace the file there."""
        old.replace(new)

    def mkdir(self, path: Path) -> None:
        """Make a folder and its parents."""
        path.mkdir(parents=True, exist_ok=True)

    def remove(self, path: Path) -> None:
        """Remove a file or a folder with its content; it need not exist."""
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


disk = Disk()


def atomic_write(path: Path, data: bytes) -> None:
    """Write a whole file or nothing: temporary file beside it, fsync, rename, fsync of the folder."""
    write_whole(path, data)
    fsync(path.parent)


def write_whole(path: Path, data: bytes | Iterable[bytes]) -> None:
    """As `atomic_write`, also in chunks, but the new name may be lost in a power failure."""
    temp = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with _naming(path):
            fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            try:
                for chunk in [data] if isinstance(data, bytes) else data:
                    left = memoryview(chunk)
                    while left:
                        left = left[disk.write(fd, left) :]
                disk.fsync(fd)
            finally:
                os.close(fd)
            disk.rename(temp, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temp.unlink(missing_ok=True)
        raise


def fsync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        with _naming(path):
            disk.fsync(fd)
    finally:
        os.close(fd)


def make_folder(path: Path) -> None:
    """Make a folder that survives a power failure.

    Raises:
        OSError: it cannot be made; the message names a link that leads nowhere.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in missing:
        if folder.is_symlink():
            message = f"no such folder: a link to {folder.readlink()}, which does not exist"
            raise FileNotFoundError(errno.ENOENT, message, str(folder))
    if missing:
        disk.mkdir(path)
    for folder in missing:
        fsync(folder.parent)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Add the name of the file to an OSError of its descriptor."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def sha256_file(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_bytes(data: bytes) -> str:
    """The sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def to_bytes(value: Any) -> bytes:
    """JSON with the same bytes for equal values: sorted keys, fixed white space, UTF-8."""
    return b"".join(to_chunks(value))


def to_chunks(value: Any) -> Iterator[bytes]:
    """As `to_bytes`, in chunks; `to_json` of an object is called when it is written."""
    out = bytearray()
    for chunk in _JSON.iterencode(value):  # all chunks at once take ten times the memory
        out += chunk.encode()
        if len(out) >= _CHUNK:
            yield bytes(out)
            out.clear()
    yield bytes(out + b"\n")


_JSON = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, indent=1, default=operator.methodcaller("to_json")
)


def key_of(**parts: Any) -> str:
    """The sha256 of plain values, as a name of work that depends on them."""
    return sha256_bytes(to_bytes(parts))
