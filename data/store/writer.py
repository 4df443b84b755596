"""Writer of datasets: all or nothing, exactly once, even if processes are killed at any moment.

Any process may stage a shard: written, fsynced, renamed into `.staging/`, and its receipt likewise. The one
writer that holds the lock then moves shards to their places and replaces manifest.json. Before that the
dataset is the old one, afterwards the new one. A run that is started again finds shards that are staged by
their keys.
"""

import contextlib
import io
import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from elman.data.errors import BadInput, IntegrityError
from elman.data.store import lock
from elman.data.store.code_hash import code_hash
from elman.data.store.dataset import FORMAT, MANIFEST, STAGING, Dataset, FileEntry, Shard, checked_export
from elman.data.store.disk import (
    disk,
    fsync,
    key_of,
    make_folder,
    sha256_bytes,
    sha256_file,
    to_bytes,
    to_chunks,
    write_whole,
)
from elman.data.store.growing_table import GrowingTable

ROW_GROUP = 1 << 16  # rows; fixed, so that equal frames give equal files
LARGE, LARGE_ROW = 1 << 26, 1 << 20  # bytes of a table, and of its rows on average, that is written to a file
RECEIPTS, EXPORTS, LOCK, OBSOLETE = "receipts", "exports", "lock", "obsolete.json"


@dataclass(frozen=True)
class Staging:
    """Staging area of a dataset, a plain value for any process. `salt` is mixed into every key."""

    folder: Path  # of the dataset
    salt: str

    def staged(self, key: str) -> Shard | None:
        """The staged shard of a key, if all its files are there and have their hashes."""
        try:
            shard = Shard.from_json(json.loads(self._receipt(self.full_key(key)).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return shard if self.holds(shard) else None

    def stage(
        self,
        id: str,
        key: str,
        tables: Mapping[str, pl.DataFrame | GrowingTable],
        *,
        counts: Mapping[str, int] | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> Shard:
        """Write a shard into the staging area; the dataset does not change yet.

        A second shard of the same key replaces the first.

        Args:
            id: its name in the dataset: letters, digits and `.-_` only.
            key: hash of its input; kind, config and code are mixed in.
            tables: rows of each table, written to one Parquet file; its bytes do not depend on whether they
                are all in memory.
            counts: of its rows and records; the manifest has their sums.
            source: where it came from, plain values.
        """
        return self._stage(id, self.full_key(key), tables, dict(counts or {}), dict(source or {}))

    def replace(self, shard: Shard, tables: Mapping[str, pl.DataFrame], source: Mapping[str, Any]) -> Shard:
        """Stage other tables instead of those of a staged shard."""
        return self._stage(shard.id, shard.key, tables, shard.counts, dict(source))

    def _stage(
        self,
        id: str,
        full_key: str,
        tables: Mapping[str, pl.DataFrame | GrowingTable],
        counts: dict[str, int],
        source: dict[str, Any],
    ) -> Shard:
        files = {}
        for table, rows in tables.items():
            if isinstance(rows, GrowingTable):
                files[table] = self._stage_rows(table, id, rows)
                continue
            if rows.estimated_size() > max(LARGE, rows.height * LARGE_ROW):
                files[table] = self._stage_rows(table, id, GrowingTable.of(rows), statistics=False)
                continue
            buffer = io.BytesIO()
            rows.write_parquet(buffer, compression="zstd", row_group_size=ROW_GROUP)
            data = buffer.getvalue()
            files[table] = _entry(table, id, sha256_bytes(data), len(data), rows.height)
            self._write(self.folder / STAGING / files[table].path, data)
        shard = Shard(id, full_key, files, counts, source)
        self._write(self._receipt(shard.key), to_bytes(shard.to_json()))
        return shard

    def _stage_rows(self, table: str, id: str, rows: GrowingTable, *, statistics: bool = True) -> FileEntry:
        """Write one table of a shard without holding the file in memory; statistics copy large cells."""
        temp = self.temporary_folder() / f".{table}-{id}.{os.getpid()}-{threading.get_ident()}.tmp"
        try:
            rows.scan().sink_parquet(
                temp,
                compression="zstd",
                statistics=statistics,
                row_group_size=ROW_GROUP,
                maintain_order=True,
            )
            fsync(temp)
            entry = _entry(table, id, sha256_file(temp), temp.stat().st_size, rows.height)
            make_folder((self.folder / STAGING / entry.path).parent)
            disk.rename(temp, self.folder / STAGING / entry.path)
        finally:
            with contextlib.suppress(OSError):
                temp.unlink(missing_ok=True)
        return entry

    def scan(self, shard: Shard, table: str) -> pl.LazyFrame | None:
        """A table of a staged or committed shard; None if it has no such table."""
        entry = shard.files.get(table)
        return None if entry is None else pl.scan_parquet(self.find(entry), glob=False)

    def find(self, entry: FileEntry) -> Path:
        """Path of a file: staged, or already at its place."""
        staged = self.folder / STAGING / entry.path
        return staged if staged.exists() else self.folder / entry.path

    def holds(self, shard: Shard) -> bool:
        """Return True if all files of a shard exist and have their hashes."""
        try:
            return all(sha256_file(self.find(entry)) == entry.sha256 for entry in shard.files.values())
        except OSError:
            return False

    def temporary_folder(self) -> Path:
        """Make and return a folder for temporary files, removed with the staging area."""
        make_folder(self.folder / STAGING)
        return self.folder / STAGING

    def full_key(self, key: str) -> str:
        """The key with the salt."""
        return key_of(key=key, salt=self.salt)

    def _receipt(self, full_key: str) -> Path:
        return self.folder / STAGING / RECEIPTS / f"{full_key}.json"

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        make_folder(path.parent)
        write_whole(path, data)


def _entry(table: str, id: str, sha256: str, size: int, rows: int) -> FileEntry:
    # The hash in the name keeps a new snapshot from writing over a file of the old one.
    return FileEntry(f"{table}/{id}.{sha256[:16]}.parquet", sha256, size, rows)


class DatasetWriter:
    """The only writer of a dataset while its `with` block runs.

    Without `commit` the dataset does not change. After an exception staged shards stay for the next run, else
    they are removed.

    Args:
        folder: of the dataset; made if it does not exist.
        kind: "corpus-text", ...; a folder with a dataset of another kind is refused.
        config: plain values that decide the content; part of every key and of the manifest.

    Raises:
        Locked: another run is writing the dataset.
        BadInput: the folder holds a dataset of another kind.
    """

    def __init__(self, folder: Path, *, kind: str, config: Mapping[str, Any]) -> None:
        self.folder, self.kind, self.config = Path(folder), kind, dict(config)
        self.staging = Staging(self.folder, key_of(kind=kind, config=self.config, code=code_hash()))
        self.stage = self.staging.stage
        self.dataset: Dataset | None = None  # as committed
        self._by_key: dict[str, Shard] = {}
        self._lock = -1

    def __enter__(self) -> "DatasetWriter":
        self._lock = lock.take(self.folder / STAGING / LOCK, self.folder)
        try:
            if (self.folder / MANIFEST).exists():
                self.dataset = Dataset.open(self.folder)
                if self.dataset.kind != self.kind:
                    raise BadInput(
                        f"a dataset of kind {self.kind}, or none",
                        got=f"one of kind {self.dataset.kind}",
                        todo="Choose another name.",
                        source=self.folder,
                    )
                self._by_key = {shard.key: shard for shard in self.dataset.shards}
        except BaseException:
            self._unlock()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._clean()
        finally:
            self._unlock()

    @property
    def committed(self) -> tuple[Shard, ...]:
        """Shards of the dataset as committed."""
        return self.dataset.shards if self.dataset else ()

    def staged(self, key: str) -> Shard | None:
        """The shard of a key if it is staged or committed and its files have their hashes."""
        shard = self._by_key.get(self.staging.full_key(key))
        return shard if shard and self.staging.holds(shard) else self.staging.staged(key)

    def scratch(self, name: str) -> Path:
        """Path for writing an export before it is committed under this name: FILE, or FOLDER/FILE.

        Raises:
            ValueError: the name would leave the folder of the dataset.
        """
        path = self.folder / STAGING / EXPORTS / checked_export(name)
        make_folder(path.parent)
        return path

    def commit(
        self,
        shards: Sequence[Shard],
        *,
        sources: Sequence[Mapping[str, Any]] = (),
        meta: Mapping[str, Any] | None = None,
        exports: Mapping[str, Path] | None = None,
    ) -> Dataset:
        """Make the dataset consist of these shards and exports, in one step.

        Args:
            shards: all of the dataset, unchanged ones of `committed` included.
            sources: entries of the sources, plain values.
            meta: values that describe the dataset as a whole.
            exports: name, FILE or FOLDER/FILE -> file made at `scratch(name)`.
        """
        shards = sorted(shards, key=lambda shard: shard.id)
        if len({shard.id for shard in shards}) < len(shards):
            raise ValueError("expected shards with different ids. Got the same id twice.")
        staging = self.folder / STAGING
        noted = {}
        for name, path in (exports or {}).items():
            fsync(path)
            noted[name] = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
        manifest = {
            "format": FORMAT,
            "kind": self.kind,
            "config": self.config,
            "code": code_hash(),
            "sources": list(sources),
            "shards": shards,
            "exports": noted,
            "totals": _totals(shards),
            "meta": dict(meta or {}),
        }
        names = {entry.path for shard in shards for entry in shard.files.values()}
        write_whole(staging / MANIFEST, to_chunks(manifest))
        obsolete = (_made(staging) | (self.dataset.names if self.dataset else set())) - names - set(noted)
        write_whole(staging / OBSOLETE, to_bytes(sorted(obsolete)))
        make_folder(staging / RECEIPTS)
        for folder in (staging, staging / RECEIPTS):  # from here on it is known what may have to be removed
            fsync(folder)
        for name in sorted(names):
            self._place(staging / name, self.folder / name)
        for parent in sorted({(self.folder / name).parent for name in names}):
            fsync(parent)
        for name, path in (exports or {}).items():
            self._place(path, self.folder / name)
        for parent in sorted({(self.folder / name).parent for name in noted} - {self.folder}):
            fsync(parent)
        self._place(staging / MANIFEST, self.folder / MANIFEST)
        fsync(self.folder)
        del manifest["shards"]
        plain = json.loads(to_bytes(manifest))
        self.dataset = Dataset(self.folder, plain, sha256_file(self.folder / MANIFEST), tuple(shards))
        self._clean()
        return self.dataset

    def _place(self, staged: Path, place: Path) -> None:
        """Move a staged file to its place, unless it is there already."""
        if staged.exists():
            make_folder(place.parent)
            disk.rename(staged, place)
        elif not place.exists():
            raise IntegrityError(f"{place}: expected a staged file. Got none. Run the same command again.")

    def _clean(self) -> None:
        """Remove files of this run or an earlier one that are not in the manifest."""
        staging = self.folder / STAGING
        keep = self.dataset.names if self.dataset else set()
        for name in sorted(_made(staging) - keep):
            disk.remove(self.folder / name)
            with contextlib.suppress(OSError):
                (self.folder / name).parent.rmdir()
        for path in sorted(staging.iterdir()):
            if path.name != LOCK:
                disk.remove(path)

    def _unlock(self) -> None:
        """Free the lock; remove its file and empty folders if nothing is staged."""
        staging = self.folder / STAGING
        try:
            if [path.name for path in staging.iterdir()] == [LOCK]:
                disk.remove(staging / LOCK)
                for folder in (staging, self.folder):
                    with contextlib.suppress(OSError):
                        folder.rmdir()
        finally:
            os.close(self._lock)


def _made(staging: Path) -> set[str]:
    """Names of files that may lie in the dataset's folder, by receipts and by a commit that was stopped."""
    made = set[str]()
    for path in sorted((staging / RECEIPTS).glob("*.json")):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            made |= {entry.path for entry in Shard.from_json(json.loads(path.read_bytes())).files.values()}
    if (staging / OBSOLETE).exists():
        with contextlib.suppress(ValueError):
            made |= set(json.loads((staging / OBSOLETE).read_bytes()))
    return {name for name in made if ".." not in name and not name.startswith("/")}


def _totals(shards: Iterable[Shard]) -> dict[str, Any]:
    """Bytes and rows of each table, and the sums of the shards' counts."""
    size, rows, counts = 0, dict[str, int](), dict[str, int]()
    for shard in shards:
        for table, entry in shard.files.items():
            size += entry.bytes
            rows[table] = rows.get(table, 0) + entry.rows
        for name, count in shard.counts.items():
            counts[name] = counts.get(name, 0) + count
    return {"bytes": size, "rows": rows, "counts": counts}
