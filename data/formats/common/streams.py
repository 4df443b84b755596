"""Files as streams of decompressed bytes."""

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from elman.data.errors import BadInput

BROKEN = (EOFError, zlib.error, lzma.LZMAError, OSError)  # of a damaged file; an OSError then has no number
COMPRESSIONS = {  # name, which stands in manifests -> how a file begins
    "gz": re.compile(rb"\x1f\x8b"),
    "zst": re.compile(rb"\x28\xb5\x2f\xfd"),
    "bz2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\x00"),
}
COMPRESSED_NAME = re.compile(r"\.(gz|bgz|zst|bz2|xz)$", re.IGNORECASE)
BOM = b"\xef\xbb\xbf"  # byte order mark of UTF-8, which belongs to no record
_COMPRESSED = 1 << 16  # bytes of a compressed file that are read at once
BOMB_RATIO, BOMB_FROM = 200, 1 << 30  # no corpus shrinks this much; bytes from which the limit counts


def open_path(path: Path, compression: str | None, on_read: Callable[[int], None] | None = None) -> BinaryIO:
    """Open a file for reading, decompressed.

    Args:
        path: the file.
        compression: a name of `COMPRESSIONS`, or None.
        on_read: called with the number of bytes of the file read, for progress.

    Raises, while the stream is read:
        one of BROKEN, an OSError without a number: the file is cut off or damaged.
        BadInput: the file unpacks to far more than any corpus does.
    """
    file: BinaryIO = cast(BinaryIO, io.BufferedReader(_Watched(path, on_read), 1 << 20))
    if compression is None:
        return file
    if compression == "gz":
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))
    elif compression == "bz2":
        stream = cast(BinaryIO, _Streams(file, bz2.BZ2Decompressor))
    elif compression == "xz":
        stream = cast(BinaryIO, _Streams(file, lzma.LZMADecompressor))
    else:
        import pyarrow as pa

        stream = pa.input_stream(pa.PythonFile(file, "r"), compression="zstd")
    return cast(BinaryIO, io.BufferedReader(_Unpacked(stream, file, path), 1 << 20))


class _Watched(io.FileIO):
    """A file that reports how much of it is read."""

    def __init__(self, path: Path, on_read: Callable[[int], None] | None) -> None:
        super().__init__(path, "rb")
        self.on_read = on_read

    def readinto(self, buffer: Any) -> int | None:
        count = super().readinto(buffer)
        if self.on_read is not None and count:
            self.on_read(count)
        return count


class WrappedStream(io.RawIOBase):
    """A stream read from another one, `stream`, which is closed with it."""

    stream: BinaryIO

    def readable(self) -> bool:
        """Always True."""
        return True

    def close(self) -> None:
        """Close the inner stream, too."""
        if not self.closed:
            self.stream.close()
        super().close()


class _Streams(WrappedStream):
    """Decompressed bytes of the compressed streams of a file, NUL bytes between and behind them left out.

    Python's own readers take a damaged stream behind the first for the end of the file.
    """

    def __init__(self, file: BinaryIO, new: Callable[[], Any]) -> None:
        self.stream, self.new, self.current = file, new, new()

    def readinto(self, buffer: Any) -> int:
        while True:
            raw = b""
            if self.current.eof:
                raw = self.current.unused_data.lstrip(b"\0")
                while not raw:
                    if not (block := self.stream.read(_COMPRESSED)):
                        return 0
                    raw = block.lstrip(b"\0")
                self.current = self.new()
            elif self.current.needs_input and not (raw := self.stream.read(_COMPRESSED)):
                raise EOFError("Compressed file ended before the end-of-stream marker was reached")
            if data := self.current.decompress(raw, len(buffer)):
                buffer[: len(data)] = data
                return len(data)


class _Unpacked(WrappedStream):
    """A decompressed stream that fails where it is far larger than its file."""

    def __init__(self, stream: BinaryIO, file: BinaryIO, path: Path) -> None:
        self.stream, self.file, self.path = stream, file, path
        self.size, self.read_so_far = path.stat().st_size, 0

    def readinto(self, buffer: Any) -> int:
        # readinto1 returns what gzip has decompressed so far, so that nothing before the damage is lost
        stream: Any = self.stream
        count: int = getattr(stream, "readinto1", stream.readinto)(buffer) or 0
        self.read_so_far += count
        if self.read_so_far > max(BOMB_FROM, BOMB_RATIO * self.size):
            raise BadInput(
                f"at most {BOMB_RATIO} times the size of the file when unpacked",
                got="more",
                todo="Unpack it first if it is to be read nevertheless.",
                source=self.path,
            )
        return count

    def close(self) -> None:
        super().close()
        self.file.close()
