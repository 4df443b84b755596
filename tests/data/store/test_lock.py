"""A lock counts while its file is at its place and its holder lives."""

import fcntl
from pathlib import Path

import pytest

from elman.data.errors import Locked
from elman.data.store.writer import DatasetWriter


def test_a_folder_that_cannot_be_made_is_an_error_at_once():
    with (
        pytest.raises(OSError, match="/proc/elman"),
        DatasetWriter(Path("/proc/elman/d"), kind="t", config={}),
    ):
        pass


def test_a_lock_on_a_file_that_the_last_holder_removed_does_not_count(tmp_path, monkeypatch):
    real, calls = fcntl.flock, []

    def flock(fd, how):
        calls.append(fd)
        if len(calls) == 1:  # the holder ends between our opening of the file and our lock on it
            (tmp_path / "d" / ".staging" / "lock").unlink()
        return real(fd, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with DatasetWriter(tmp_path / "d", kind="test", config={}):
        assert len(calls) == 2
        with pytest.raises(Locked):
            DatasetWriter(tmp_path / "d", kind="test", config={}).__enter__()
