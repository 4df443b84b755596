"""Datasets: a folder of Parquet files and one manifest that lists each file with its sha256.

    data/*.parquet, quarantine/*.parquet, ...    one file a table and shard
    manifest.json                                what is committed; written last, replaced in one step
    tags.gff3, gff3/GENOME.gff3, ...             exports, if any
    .staging/                                    only while a run is unfinished

The hash of a file is checked before it is read: Polars reads bit-flipped Parquet without an error.
"""

import json
import sys
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from elman.data.errors import BadInput, IntegrityError
from elman.data.store.disk import sha256_bytes, sha256_file
from elman.data.store.schema import QUARANTINE

FORMAT = 1
MANIFEST = "manifest.json"
STAGING = ".staging"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One Parquet file: path relative to the dataset's folder, sha256, size in bytes, rows."""

    path: str
    sha256: str
    bytes: int
    rows: int

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.path).parts
        if len(parts) != 2 or ".." in parts or self.path.startswith("/") or "\\" in self.path:
            raise ValueError(f"expected the path TABLE/FILE in a manifest. Got {self.path!r}")


@dataclass(frozen=True, slots=True)
class Shard:
    """One unit of committed work.

    id: its name in the dataset, which orders shards; key: hash of its input and options;
    files: one a table; counts: of its rows and records; source: where it came from.
    """

    id: str
    key: str
    files: dict[str, FileEntry]
    counts: dict[str, int]
    source: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; those of `counts` and `source` are not copied."""
        files = {table: asdict(entry) for table, entry in self.files.items()}
        return {"id": self.id, "key": self.key, "files": files, "counts": self.counts, "source": self.source}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Shard":
        """Undo `to_json`."""
        files = {table: FileEntry(**entry) for table, entry in value["files"].items()}
        counts = {sys.intern(name): count for name, count in value["counts"].items()}  # of many shards alike
        return cls(value["id"], value["key"], files, counts, value["source"])


def checked_export(name: str) -> str:
    """Return the name of an export: FILE, or FOLDER/FILE.

    Raises:
        ValueError: it is neither, and might lie outside the folder of its dataset.
    """
    parts = name.split("/")
    if not 1 <= len(parts) <= 2 or any(part in ("", ".", "..") or "\\" in part for part in parts):
        raise ValueError(f"expected the name of an export, FILE or FOLDER/FILE. Got {name!r}")
    return name


_SHARD = {field.name for field in fields(Shard)}


def _compact(value: dict[str, Any]) -> dict[str, Any] | Shard:
    """Make a shard while the JSON is parsed: its plain values take twice the memory."""
    return Shard.from_json(value) if value.keys() == _SHARD else value


@dataclass(frozen=True)
class Dataset:
    """A committed snapshot. Open it with `Dataset.open`.

    manifest: content of manifest.json without shards; digest: sha256 of manifest.json; shards: sorted by id.
    """

    folder: Path
    manifest: dict[str, Any]
    digest: str
    shards: tuple[Shard, ...]
    _checked: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def open(cls, folder: Path) -> "Dataset":
        """Read the manifest of a dataset.

        Raises:
            BadInput: there is no manifest, or the run that makes it has not finished.
            IntegrityError: the manifest cannot be parsed.
        """
        path = Path(folder) / MANIFEST
        try:
            raw = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            if (path.parent / STAGING).is_dir():
                raise BadInput(
                    "a finished dataset",
                    got="one whose run was stopped or is still going",
                    todo="Run the same command again: it goes on where it stopped.",
                    source=folder,
                ) from None
            raise BadInput(
                f"a dataset (a folder with {MANIFEST})",
                got="none",
                todo="Look at the name, or make it with `elman ingest`.",
                source=folder,
            ) from None
        digest = sha256_bytes(raw)
        try:
            text = raw.decode()
            del raw  # a manifest of many shards is large
            manifest = json.loads(text, object_hook=_compact)
            if manifest["format"] != FORMAT:
                raise BadInput(
                    f"a dataset of format {FORMAT}",
                    got=f"format {manifest['format']}",
                    todo="Read it with the version of Elman that wrote it, or make it again.",
                    source=path,
                )
            shards = tuple(manifest.pop("shards"))
            if not all(isinstance(shard, Shard) for shard in shards):
                raise ValueError("a shard with other fields")
            for name in manifest["exports"]:
                checked_export(name)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(
                f"{path}: expected a manifest. Got something else ({error!r}). {_RESTORE}"
            ) from None
        return cls(path.parent, manifest, digest, shards)

    @property
    def kind(self) -> str:
        """Kind of dataset: "corpus-text", "encoded", ..."""
        return str(self.manifest["kind"])

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Entries of the sources."""
        return list(self.manifest["sources"])

    @property
    def names(self) -> set[str]:
        """All files of the manifest, relative to the folder."""
        return {entry.path for shard in self.shards for entry in shard.files.values()} | set(
            self.manifest["exports"]
        )

    @property
    def meta(self) -> dict[str, Any]:
        """Values that describe the dataset as a whole."""
        return dict(self.manifest["meta"])

    def made_of(self, contents: Collection[str]) -> "Dataset":
        """The dataset with only the shards read from these contents, given by sha256 as in `sources`."""
        shards = tuple(s for s in self.shards if set(s.source.get("sources", ())) <= set(contents))
        return replace(self, shards=shards)

    def files(self, table: str) -> list[Path]:
        """The Parquet files of a table, in shard order, each compared with its hash before its first use.

        Raises:
            IntegrityError: one is missing or has another hash than in the manifest.
        """
        entries = [shard.files[table] for shard in self.shards if table in shard.files]
        self._check((entry.path, entry.sha256) for entry in entries)
        return [self.folder / entry.path for entry in entries]

    def export(self, name: str) -> Path:
        """The path of an export, compared with its hash before its first use."""
        self._check([(name, self.manifest["exports"][name]["sha256"])])
        return self.folder / name

    def scan(self, table: str = "data") -> pl.LazyFrame:
        """A table as a lazy frame, after its files are checked."""
        paths = self.files(table)
        if paths:
            frame = pl.scan_parquet(paths, glob=False)
        elif table == "quarantine":
            frame = pl.LazyFrame(schema=QUARANTINE)
        else:
            tables = sorted({name for shard in self.shards for name in shard.files})
            raise BadInput(
                f"one of the tables {', '.join(tables)}",
                got=repr(table),
                todo="Name one of these.",
                source=self.folder,
            )
        return frame

    def _check(self, files: Iterable[tuple[str, str]]) -> None:
        for name, sha256 in files:
            if name in self._checked:
                continue
            path = self.folder / name
            got = sha256_file(path) if path.is_file() else "no file"
            if got != sha256:
                raise IntegrityError(f"{path}: expected the sha256 {sha256}. Got {got}. {_RESTORE}")
            self._checked.add(name)


_RESTORE = (
    "It was changed, damaged or removed after it was written: put back a copy, "
    "or delete the whole folder and run again the command that made it."
)
