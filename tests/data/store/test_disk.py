"""Files are written whole or not at all, and keys depend on values."""

import errno

import pytest

from elman.data.store.disk import atomic_write, key_of
from tests.data.store.snapshots import Fault, tree


def test_no_temporary_file_is_left_when_the_disk_is_full(tmp_path, monkeypatch):
    atomic_write(tmp_path / "file", b"old")
    Fault(monkeypatch, 1, errno.ENOSPC, dead=False)
    with pytest.raises(OSError, match="No space left") as caught:
        atomic_write(tmp_path / "file", b"new" * 1000)
    assert caught.value.filename == str(tmp_path / "file")
    assert tree(tmp_path) == {"file": b"old"}


def test_keys_depend_on_values_and_not_on_their_order():
    assert key_of(a=1, b="x") == key_of(b="x", a=1) != key_of(a=1, b="y")
