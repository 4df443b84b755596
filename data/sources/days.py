"""Folders of days, `dt=YYYY-MM-DD`, as Hive and Spark partition tables, anywhere below a folder."""

import os
import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from elman.data.errors import BadInput

_DAY = re.compile(r"dt=(\d{4}-\d{2}-\d{2})")


def folders_by_day(root: Path, first: date, last: date) -> dict[date, tuple[Path, ...]]:
    """Folders of the days of a range, by day, oldest first; a day may have several, as of several regions.

    Args:
        root: folder that holds them at any depth, or one of them; links to folders are not followed.
        first, last: of the range, both inclusive.

    Raises:
        BadInput: no such folder, no folder of a day in it, or one that names a day that the calendar lacks.
    """
    if not root.is_dir():
        raise BadInput(
            "a folder with folders dt=YYYY-MM-DD", got="no folder", todo="Name another.", source=root
        )
    found: dict[date, list[Path]] = {}
    for place, folders, _ in os.walk(root):
        match = _DAY.fullmatch(Path(place).name)
        if match is None:
            folders.sort()
            continue
        folders.clear()  # what lies below belongs to the day
        found.setdefault(_date(match[1], place), []).append(Path(place))
    if not found:
        raise BadInput("folders dt=YYYY-MM-DD", got="none", todo="Name the folder above them.", source=root)
    return {day: tuple(found[day]) for day in sorted(found) if first <= day <= last}


def days_between(first: date, last: date) -> Sequence[date]:
    """All days of a range, both ends inclusive."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _date(text: str, place: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(
            "a day of the calendar, dt=YYYY-MM-DD", got=f"dt={text}", todo="Rename the folder.", source=place
        ) from None
