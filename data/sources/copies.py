"""Temporary copies of sources that cannot be read where they are: standard input, members of archives."""

import io
import re
import shutil
import sys
from pathlib import Path, PurePosixPath
from typing import BinaryIO

STANDARD_INPUT = Path("-")
STDIN_NAME = "stdin"  # as the source is called in tables
_CHUNK = 1 << 20
_PLAIN_NAME = re.compile(r"\w[\w.+ ()=@-]{0,119}", re.ASCII)
_SUFFIXES = re.compile(r"(\.\w{1,8}){1,2}", re.ASCII)


class Copies:
    """A folder of copies, made with the first of them.

    No name of a member is used as a path: a copy lies in a folder with a number, one for each folder of its
    archive, and has the member's own last name only where that is a plain one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folders: dict[str, Path] = {}
        self.count = 0

    def path(self, name: str) -> Path:
        """A new path for the copy of a member, given its name with that of its archive."""
        self.count += 1
        member = PurePosixPath(name)
        key = str(member.parent)
        if key not in self.folders:
            self.folders[key] = self.folder / f"{len(self.folders):06}"
            self.folders[key].mkdir(parents=True)
        plain = member.name
        if not _PLAIN_NAME.fullmatch(plain):
            suffix = _SUFFIXES.search(plain[-20:])
            plain = f"member{self.count:06}" + (suffix[0] if suffix and plain.endswith(suffix[0]) else "")
        path = self.folders[key] / plain
        return path if not path.exists() else path.with_name(f"{self.count:06}-{plain}")

    def of_standard_input(self) -> Path:
        """Copy standard input to its end."""
        stream = io.BytesIO() if sys.stdin is None else sys.stdin.buffer  # None: closed before we began
        return self.write(STDIN_NAME, stream)

    def write(self, name: str, stream: BinaryIO) -> Path:
        """Copy a stream to its end; see `path`."""
        path = self.path(name)
        with path.open("xb") as out:
            shutil.copyfileobj(stream, out, _CHUNK)
        return path

    def remove(self) -> None:
        """Remove all copies."""
        shutil.rmtree(self.folder, ignore_errors=True)
