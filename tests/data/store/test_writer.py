"""The store: all or nothing, exactly once, whatever fails and when."""

import contextlib
import errno
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from elman.data.errors import BadInput, Locked
from elman.data.store.code_hash import code_hash
from elman.data.store.dataset import Dataset
from elman.data.store.disk import disk, sha256_file
from elman.data.store.writer import DatasetWriter
from tests.data.store.snapshots import FIRST, SECOND, Fault, build, frame, numbers_in, tree


@pytest.mark.parametrize(("code", "dead"), [(errno.EIO, False), (errno.EIO, True), (errno.ENOSPC, False)])
def test_whatever_call_fails_the_old_snapshot_is_readable_and_running_again_converges(
    tmp_path, monkeypatch, code, dead
):
    build(tmp_path / "old", FIRST)
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    names = build(tmp_path / "new", SECOND).names
    expected = tree(tmp_path / "new")
    assert set(expected) == {*names, "manifest.json", "data", "quarantine", "each"}
    for n in itertools.count(1):
        folder = tmp_path / f"fault{n}"
        shutil.copytree(tmp_path / "old", folder)
        with monkeypatch.context() as patch:
            fault = Fault(patch, n, code, dead)
            with contextlib.suppress(OSError):
                build(folder, SECOND)
        if fault.calls < n:
            break
        assert numbers_in(folder) in (list(FIRST), list(SECOND))
        build(folder, SECOND)
        assert tree(folder) == expected, f"call {n} failed"
        shutil.rmtree(folder)
    assert n > 30
    assert tree(folder) == expected


class PowerFailure(Exception):
    pass


class Power:
    """Content of a folder after a power failure: names in folders and bytes in files as last fsynced.

    With `names`, all names survive too, as where the file system happened to write them in time.
    """

    def __init__(self, monkeypatch, folder: Path, n: int, names: bool):
        self.folder, self.calls, self.n, self.names = folder, 0, n, names
        self.contents: dict[int, bytes] = {}
        self.entries: dict[int, dict[str, tuple[int, bool]]] = {}  # name -> inode, whether it is a folder
        self.held: list[int] = []  # open, so that no inode number is used again
        for path in (folder, *folder.rglob("*")):
            self._keep(path)
        real = {name: getattr(disk, name) for name in ("write", "fsync", "rename", "mkdir", "remove")}
        for name, call in real.items():
            monkeypatch.setattr(disk, name, self._counting(call, name))

    def _keep(self, path: Path) -> None:
        self.held.append(os.open(path, os.O_RDONLY))
        if path.is_dir():
            self.entries[path.stat().st_ino] = self._listed(path)
        else:
            self.contents[path.stat().st_ino] = path.read_bytes()

    @staticmethod
    def _listed(folder: Path) -> dict[str, tuple[int, bool]]:
        return {path.name: (path.stat().st_ino, path.is_dir()) for path in folder.iterdir()}

    def _counting(self, real, name):
        def call(*args):
            self.calls += 1
            if self.calls >= self.n:
                raise PowerFailure
            if name == "fsync":
                return self._keep(Path(f"/proc/self/fd/{args[0]}").resolve())
            return real(*args)

        return call

    def after(self, to: Path) -> None:
        """Write what survived."""
        self._write(self.folder, self.folder.stat().st_ino, to)
        for fd in self.held:
            os.close(fd)

    def _write(self, place: Path, inode: int, to: Path) -> None:
        to.mkdir()
        entries = self.entries.get(inode, {})
        if self.names and place.is_dir():
            entries = self._listed(place)
        for name, (child, is_folder) in entries.items():
            if is_folder:
                self._write(place / name, child, to / name)
            else:
                (to / name).write_bytes(self.contents.get(child, b""))


@pytest.mark.parametrize("names", [False, True])
def test_a_power_failure_at_any_moment_leaves_the_old_snapshot_or_the_new_one(tmp_path, monkeypatch, names):
    build(tmp_path / "old", FIRST)
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    build(tmp_path / "new", SECOND)
    expected = tree(tmp_path / "new")
    seen = set()
    for n in itertools.count(1):
        before, after = tmp_path / f"before{n}", tmp_path / f"after{n}"
        shutil.copytree(tmp_path / "old", before)
        with monkeypatch.context() as patch:
            power = Power(patch, before, n, names)
            with contextlib.suppress(PowerFailure):
                build(before, SECOND)
        power.after(after)
        if power.calls < n:
            break
        numbers = numbers_in(after)
        assert numbers in (list(FIRST), list(SECOND)), f"call {n}"
        seen.add(len(numbers))
        build(after, SECOND)
        assert tree(after) == expected, f"call {n}"
        shutil.rmtree(before)
        shutil.rmtree(after)
    assert seen == {len(FIRST), len(SECOND)}


def test_a_first_run_that_fails_anywhere_leaves_nothing_that_passes_for_a_dataset(tmp_path, monkeypatch):
    build(tmp_path / "good", FIRST)
    for n in itertools.count(1):
        folder = tmp_path / f"fault{n}"
        with monkeypatch.context() as patch:
            fault = Fault(patch, n, errno.EIO, dead=False)
            try:
                build(folder, FIRST)
            except OSError:
                if not (folder / "manifest.json").exists():
                    with pytest.raises(BadInput):
                        Dataset.open(folder)
        if fault.calls < n:
            break
        build(folder, FIRST)
        assert tree(folder) == tree(tmp_path / "good")


def test_two_undisturbed_runs_give_the_same_bytes_and_only_the_dataset(tmp_path):
    for name in "ab":
        build(tmp_path / name, FIRST)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    names = {name.split(".")[0] for name in tree(tmp_path / "a")}
    shards = {f"{table}/s{number}" for table in ("data", "quarantine") for number in FIRST}
    assert names == {"data", "quarantine", "manifest", "all", "each", "each/3", *shards}


def test_a_large_frame_is_written_the_same_each_time(tmp_path):
    large = pl.DataFrame({"a": range(300_000), "b": [["x", None, "é"]] * 300_000})
    for name in "ab":
        with DatasetWriter(tmp_path / name, kind="test", config={}) as writer:
            writer.commit([writer.stage("s", "k", {"data": large})])
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert_frame_equal(Dataset.open(tmp_path / "a").scan().collect(engine="in-memory"), large)


def test_a_run_that_goes_on_makes_only_what_is_missing(tmp_path):
    made: list[int] = []

    def stop():
        raise KeyboardInterrupt

    with (  # noqa: PT012
        pytest.raises(KeyboardInterrupt),
        DatasetWriter(tmp_path / "d", kind="test", config={"a": 1}) as writer,
    ):
        tables = {"data": frame(1), "quarantine": frame(1).head(1)}
        writer.stage("s1", "key 1", tables, counts={"rows": 5})
        stop()
    build(tmp_path / "d", FIRST, made)
    assert made == [0, 2]
    build(tmp_path / "fresh", FIRST)
    assert tree(tmp_path / "d") == tree(tmp_path / "fresh")
    build(tmp_path / "d", FIRST, made)
    assert made == [0, 2]
    assert tree(tmp_path / "d") == tree(tmp_path / "fresh")


@pytest.mark.parametrize("change", ["config", "damage"])
def test_what_was_staged_with_another_config_or_is_damaged_is_not_used(tmp_path, change):
    staging = DatasetWriter(tmp_path, kind="test", config={"a": 1}).staging
    shard = staging.stage("s", "k", {"data": frame(1)})
    assert staging.staged("k") == shard
    if change == "config":
        staging = DatasetWriter(tmp_path, kind="test", config={"a": 2}).staging
    else:
        path = staging.find(shard.files["data"])
        path.write_bytes(path.read_bytes()[:-1])
    assert staging.staged("k") is None


def test_leaving_without_a_commit_leaves_no_trace(tmp_path):
    with DatasetWriter(tmp_path / "d", kind="test", config={}) as writer:
        writer.stage("s", "k", {"data": frame(1)})
    assert tree(tmp_path) == {}


def test_an_error_before_anything_is_staged_leaves_no_trace(tmp_path):
    with pytest.raises(BadInput), DatasetWriter(tmp_path / "d", kind="test", config={}):
        raise BadInput("a", got="b", todo="c")
    assert tree(tmp_path) == {}


def run(code: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)])


STAGE = """
import sys, pathlib, polars as pl
from elman.data.store.writer import Staging
staging = Staging(pathlib.Path(sys.argv[1]), sys.argv[2])
staging.stage("s1", "key 1", {"data": pl.DataFrame({"number": [1]})})
"""


def test_other_processes_may_stage(tmp_path):
    with DatasetWriter(tmp_path / "d", kind="test", config={}) as writer:
        assert run(STAGE, tmp_path / "d", writer.staging.salt).wait(60) == 0
        writer.commit([writer.staged("key 1")])
    assert numbers_in(tmp_path / "d") == [1]


def test_a_second_writer_is_refused_and_told_who_holds_the_lock(tmp_path):
    with DatasetWriter(tmp_path / "d", kind="test", config={}):  # noqa: SIM117
        with pytest.raises(Locked, match=f"process {os.getpid()} on "):
            DatasetWriter(tmp_path / "d", kind="test", config={}).__enter__()
    with DatasetWriter(tmp_path / "d", kind="test", config={}):
        pass
    assert tree(tmp_path) == {}


RACE = """
import sys, pathlib, polars as pl
from elman.data.errors import Locked
from elman.data.store.writer import DatasetWriter
won = 0
while won < 10:
    try:
        with DatasetWriter(pathlib.Path(sys.argv[1]), kind="test", config={}) as writer:
            n = len(writer.committed)
            shard = writer.stage(f"s{n:03}", str(n), {"data": pl.DataFrame({"number": [n]})})
            writer.commit([*writer.committed, shard])
            won += 1
    except Locked:
        pass
"""


def test_writers_that_race_lose_nothing_of_each_other(tmp_path):
    racers = [run(RACE, tmp_path / "d") for _ in range(3)]
    assert [racer.wait(120) for racer in racers] == [0, 0, 0]
    assert numbers_in(tmp_path / "d") == list(range(30))
    assert not (tmp_path / "d" / ".staging").exists()


def test_a_damaged_shard_is_made_again_by_a_rerun(tmp_path):
    build(tmp_path, FIRST)
    expected = tree(tmp_path)
    path = Dataset.open(tmp_path).files("data")[1]
    path.write_bytes(b"")
    build(tmp_path, FIRST)
    assert tree(tmp_path) == expected


def test_no_dataset_an_unfinished_one_and_another_kind_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(BadInput, match="elman ingest"):
        Dataset.open(tmp_path / "none")
    with DatasetWriter(tmp_path / "d", kind="test", config={}):  # noqa: SIM117
        with pytest.raises(BadInput, match="Run the same command again"):
            Dataset.open(tmp_path / "d")
    build(tmp_path / "d", FIRST)
    with pytest.raises(BadInput, match="kind other"), DatasetWriter(tmp_path / "d", kind="other", config={}):
        pass
    assert not (tmp_path / "d" / ".staging").exists()


def test_the_manifest_says_what_went_in_and_what_came_out(tmp_path):
    dataset = build(tmp_path, FIRST)
    assert dataset.digest == sha256_file(tmp_path / "manifest.json")
    assert dataset.manifest["code"] == code_hash()
    assert dataset.sources == [{"name": "x"}]
    assert dataset.meta == {"m": 1}
    assert dataset.manifest["totals"]["rows"] == {"data": 15, "quarantine": 3}
    assert dataset.manifest["totals"]["counts"] == {"rows": 15}
    assert [shard.id for shard in dataset.shards] == ["s0", "s1", "s2"]


def test_equal_ids_in_one_snapshot_are_refused(tmp_path):
    with DatasetWriter(tmp_path, kind="test", config={}) as writer:
        shards = [writer.stage("s", key, {"data": frame(1)}) for key in "ab"]
        with pytest.raises(ValueError, match="the same id twice"):
            writer.commit(shards)
