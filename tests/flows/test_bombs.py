"""Files and archives that unpack to far more than they are end at a limit, and leave nothing behind."""

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from elman.data.formats.common import streams
from elman.data.sources import archives
from elman.flows import cli

TEXT = b"Anna left Oslo on Monday.\n"
COMMANDS = ["ingest", "check", "tag"]
TOO_LARGE = "when unpacked"
TOO_MANY = "members in an archive"


def tree(folder: Path) -> dict[Path, bytes | None]:
    """All paths of a folder, links as such; the content of files."""
    paths = folder.rglob("*")
    return {path: path.read_bytes() if path.is_file() and not path.is_symlink() else None for path in paths}


def write_bomb(path: Path, size: int) -> Path:
    """Write a file that unpacks to about `size` bytes of text, by the ending of its name."""
    chunk = TEXT * (1 << 15)
    count = size // len(chunk)
    if path.suffix == ".zip":
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("a.txt", "w", force_zip64=True) as member,
        ):
            for _ in range(count):
                member.write(chunk)
    elif path.name.endswith(".tar.gz"):
        with tarfile.open(path, "w:gz") as tar:
            info = tarfile.TarInfo("a.txt")
            info.size = count * len(chunk)
            tar.addfile(info, _Repeated(chunk, count))
    else:
        write = {".gz": _gz, ".bz2": _bz2, ".xz": _xz, ".zst": _zst}[path.suffix]
        write(path, chunk, count)
    return path


class _Repeated(io.RawIOBase):
    """A chunk repeated, as a stream."""

    def __init__(self, chunk: bytes, count: int) -> None:
        self.chunk, self.left = chunk, count * len(chunk)

    def read(self, size: int = -1) -> bytes:
        some = self.chunk[: min(size, self.left)]
        self.left -= len(some)
        return some


def _gz(path: Path, chunk: bytes, count: int) -> None:
    with gzip.open(path, "wb") as out:
        for _ in range(count):
            out.write(chunk)


def _bz2(path: Path, chunk: bytes, count: int) -> None:
    step = max(count // 16, 1)  # a file may be of several streams
    path.write_bytes(bz2.compress(chunk * step) * (count // step))


def _xz(path: Path, chunk: bytes, count: int) -> None:
    step = max(count // 16, 1)
    path.write_bytes(lzma.compress(chunk * step, preset=0) * (count // step))


def _zst(path: Path, chunk: bytes, count: int) -> None:
    with path.open("wb") as file, pa.CompressedOutputStream(file, "zstd") as out:
        for _ in range(count):
            out.write(chunk)


def write_members(path: Path, count: int) -> Path:
    """Write an archive with many tiny members."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(count):
                archive.writestr(f"{number}.txt", TEXT)
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
            for number in range(count):
                info = tarfile.TarInfo(f"{number}.txt")
                info.size = len(TEXT)
                tar.addfile(info, io.BytesIO(TEXT))
    return path


def arguments(command: str, source: Path, out: Path, model: str) -> list[str]:
    """The command line of a command that reads a source."""
    if command == "tag":
        return ["tag", model, str(source), "--out", str(out), "--workers", "0"]
    return [command, str(source)] + (["--name", str(out)] if command == "ingest" else [])


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("ending", [".zip", ".tar.gz", ".gz", ".bz2", ".xz", ".zst"])
def test_a_bomb_ends_with_3_and_leaves_nothing(home, tmp_path, monkeypatch, capsys, trained, command, ending):
    for module in (streams, archives):
        monkeypatch.setattr(module, "BOMB_FROM", 1 << 20)
    source = write_bomb(tmp_path / f"in.txt{ending}", 1 << 23)
    assert source.stat().st_size < 1 << 15
    before = tree(tmp_path)
    assert cli.main(arguments(command, source, tmp_path / "out", trained["model"])) == 3
    said = capsys.readouterr().err
    assert TOO_LARGE in said
    assert source.name in said
    assert_nothing_is_left(tmp_path, home, before)
    assert (tmp_path / "out").exists() == (command == "tag" and ending not in (".zip", ".tar.gz"))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz"])
def test_very_many_members_end_with_3(home, tmp_path, monkeypatch, capsys, trained, command, ending):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 50)
    source = write_members(tmp_path / f"in{ending}", 51)
    before = tree(tmp_path)
    assert cli.main(arguments(command, source, tmp_path / "out", trained["model"])) == 3
    assert TOO_MANY in capsys.readouterr().err
    assert_nothing_is_left(tmp_path, home, before)


def hostile_members() -> list[tarfile.TarInfo]:
    """Members of names that lead elsewhere, and of kinds that are no files; all are empty but `ok.conll`."""
    names = ["../x", "a/../../y", "/tmp/elman-abs", "-rf", "n" * 300, "d/" + "m" * 300, "a\0b", "..", "~"]
    members = [tarfile.TarInfo(name) for name in ["ok.conll", *names]]
    for name, target, kind in (
        ("l1", "/etc/passwd", tarfile.SYMTYPE),
        ("l2", "ok.conll", tarfile.LNKTYPE),
        ("l3", "..", tarfile.SYMTYPE),
        ("l3/z", "", tarfile.REGTYPE),
        ("dev", "", tarfile.CHRTYPE),
        ("block", "", tarfile.BLKTYPE),
        ("fifo", "", tarfile.FIFOTYPE),
    ):
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        members.append(member)
    return members


CONLL = b"Ann\tB-PER\nleft\tO\n\n"


def write_hostile(path: Path) -> Path:
    """Write an archive of hostile members around a corpus."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for member in hostile_members():
                info = zipfile.ZipInfo("x")
                info.filename = member.name  # the constructor cuts a name at NUL
                mode = {tarfile.SYMTYPE: 0o120777, tarfile.CHRTYPE: 0o020666, tarfile.FIFOTYPE: 0o010666}
                info.external_attr = mode.get(member.type, 0o100644) << 16
                archive.writestr(info, member.linkname.encode() if member.issym() else CONLL)
    else:
        with tarfile.open(path, "w") as tar:
            for member in hostile_members():
                member.size = len(CONLL) if member.isreg() else 0
                tar.addfile(member, io.BytesIO(CONLL))
    return path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_hostile_members_write_nothing_outside(home, tmp_path, monkeypatch, trained, command, kind):
    """Working directory, its parent and the source are as before but for what the command itself makes."""
    (tmp_path / "work" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work" / "deep")
    source = write_hostile(tmp_path / "work" / f"in.{kind}")
    before = tree(tmp_path)
    assert cli.main(arguments(command, source, tmp_path / "out", trained["model"])) == 0
    after = {
        path: content
        for path, content in tree(tmp_path).items()
        if not path.is_relative_to(home) and not path.is_relative_to(tmp_path / "out")
    }
    assert after == before
    made = [*home.rglob("*"), *(tmp_path / "out").rglob("*")]
    assert not any(path.is_symlink() or path.is_fifo() or path.is_block_device() for path in made)
    assert not Path("/tmp/elman-abs").exists()
    assert_copies_are_gone(home)


def assert_nothing_is_left(folder: Path, home: Path, before: dict[Path, bytes | None]) -> None:
    """Check that a folder is as before but for home and output, and the copies are gone.

    Tagging commits what is good, and sets a file aside that cannot be read to its end.
    """
    made = (home, folder / "out") if (folder / "out" / "manifest.json").is_file() else (home,)
    after = {
        path: content for path, content in tree(folder).items() if not any(map(path.is_relative_to, made))
    }
    assert {path: content for path, content in after.items() if path.is_file()} == {
        path: content for path, content in before.items() if path.is_file()
    }
    assert_copies_are_gone(home)


def assert_copies_are_gone(home: Path) -> None:
    """Check that no copy of a member is left."""
    assert not (home / "tmp").exists() or list((home / "tmp").iterdir()) == []


FULL, MEMORY_MIB = 10 << 30, 700
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_maxrss >> 10, used.ru_utime + used.ru_stime)
"""  # in a process that is small itself: a child's peak is that of its parent at least


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["zip", "tar.gz", "gz", "bz2", "xz", "zst", "million.zip", "million.tar", "million.tar.gz"]
)
def test_full_size_bombs_end_with_3_in_bounded_memory(checkout, home, tmp_path, kind):
    """10 MB or less that unpack to 10 GB, and a million members, through a process of its own."""
    path = tmp_path / f"in.txt.{kind}"
    many = kind.startswith("million")
    source = write_members(path, 1_000_000) if many else write_bomb(path, FULL)
    command = [sys.executable, "-m", "elman.flows.cli", *arguments("ingest", source, tmp_path / "out", "")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        check=True,
    )
    code, memory_mib, cpu_s = map(float, done.stdout.split()[-3:])
    print(f"{kind}: {source.stat().st_size:,} bytes, {memory_mib:.0f} MiB, {cpu_s:.0f} CPU s")
    assert code == 3, done.stderr
    assert (TOO_MANY if many else TOO_LARGE) in done.stderr
    assert memory_mib < MEMORY_MIB
    assert_copies_are_gone(home)
