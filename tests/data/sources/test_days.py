"""Folders of days are found by their names, at any depth, within a range."""

from datetime import date
from pathlib import Path

import pytest

from elman.data.errors import BadInput
from elman.data.sources.days import days_between, folders_by_day

FIRST, LAST = date(2026, 2, 27), date(2026, 3, 1)


def folders(root: Path, *names: str) -> None:
    for name in names:
        (root / name).mkdir(parents=True)


def test_days_of_the_range_come_oldest_first_with_all_their_folders(tmp_path):
    folders(tmp_path, "eu/dt=2026-03-01", "eu/dt=2026-02-27", "us/dt=2026-03-01", "us/dt=2026-03-02", "dt")
    found = folders_by_day(tmp_path, FIRST, LAST)
    assert list(found) == [date(2026, 2, 27), date(2026, 3, 1)]
    assert found[LAST] == (tmp_path / "eu/dt=2026-03-01", tmp_path / "us/dt=2026-03-01")


def test_a_folder_of_a_day_may_be_named_itself_and_what_lies_below_is_its_own(tmp_path):
    folders(tmp_path, "dt=2026-03-01/dt=2026-02-27")
    assert folders_by_day(tmp_path / "dt=2026-03-01", FIRST, LAST) == {LAST: (tmp_path / "dt=2026-03-01",)}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dt=2026-02-30", "a day of the calendar"),
        ("2026-03-01", r"expected folders dt=YYYY-MM-DD\. Got none"),
        ("dt=2026-3-1", "Got none"),
    ],
)
def test_a_name_that_is_no_day_is_an_error_or_no_day_at_all(tmp_path, name, message):
    folders(tmp_path, name)
    with pytest.raises(BadInput, match=message):
        folders_by_day(tmp_path, FIRST, LAST)


def test_a_missing_folder_says_so(tmp_path):
    with pytest.raises(BadInput, match="Got no folder"):
        folders_by_day(tmp_path / "none", FIRST, LAST)


def test_both_ends_belong_to_the_range():
    assert [day.day for day in days_between(FIRST, LAST)] == [27, 28, 1]
