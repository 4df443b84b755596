"""Two snapshots of a small dataset, and a disk that fails at a chosen call."""

import os
from pathlib import Path

import polars as pl

from elman.data.store.dataset import Dataset
from elman.data.store.disk import disk
from elman.data.store.writer import DatasetWriter

FIRST, SECOND = range(3), range(1, 5)  # numbers of the shards of two snapshots


def frame(number: int) -> pl.DataFrame:
    return pl.DataFrame({"number": [number] * 5, "text": [f"line {number}.{row}" for row in range(5)]})


def build(folder: Path, numbers, made: list[int] | None = None) -> Dataset:
    """Make or change a dataset so that it holds these shards; what is there is not made again."""
    with DatasetWriter(folder, kind="test", config={"a": 1}) as writer:
        shards = []
        for number in numbers:
            shard = writer.staged(f"key {number}")
            if shard is None:
                tables = {"data": frame(number), "quarantine": frame(number).head(number)}
                shard = writer.stage(f"s{number}", f"key {number}", tables, counts={"rows": 5})
                if made is not None:
                    made.append(number)
            shards.append(shard)
        export = writer.scratch("all.txt")
        export.write_text(" ".join(map(str, numbers)))
        exports = {"all.txt": export, f"each/{len(numbers)}.txt": writer.scratch(f"each/{len(numbers)}.txt")}
        exports[f"each/{len(numbers)}.txt"].write_text(str(len(numbers)))
        return writer.commit(shards, sources=[{"name": "x"}], meta={"m": 1}, exports=exports)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


def numbers_in(folder: Path) -> list[int]:
    return sorted(Dataset.open(folder).scan().select("number").unique().collect()["number"].to_list())


class Fault:
    """Let the n-th call that changes the disk fail; with `dead`, all later ones too, as after a kill.

    The fsyncs are counted but not done, for speed.
    """

    def __init__(self, monkeypatch, n: int, code: int, dead: bool):
        self.calls, self.n, self.code, self.dead = 0, n, code, dead
        for name in ("write", "fsync", "rename", "mkdir", "remove"):
            monkeypatch.setattr(disk, name, self._failing(getattr(disk, name), name))

    def _failing(self, real, name):
        def call(*args):
            self.calls += 1
            if self.calls == self.n or (self.dead and self.calls > self.n):
                if name == "write":
                    real(args[0], args[1][: len(args[1]) // 2])
                raise OSError(self.code, os.strerror(self.code))
            return None if name == "fsync" else real(*args)

        return call
