"""Pytest plugin that writes the table of expensive tests in docs/testing.md from the run it watches.

    python -m pytest -p tests.costs -n 2 --dist loadgroup -m "not slow"

One row per file and marker, with the wall seconds of its tests; rows of tests that did not run stay as they
are.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

MARKERS = ("servers", "ray", "kills", "heavy")
CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = CHECKOUT / "docs" / "testing.md"
ROW = re.compile(r"^\| `(?P<file>tests/[\w/]+\.py)` \| `(?P<marker>\w+)` \| .* \| (?P<seconds>\d+) \|$", re.M)
BLOCK = re.compile(r"(<!-- costs -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = "\n| file | marker | tests that | seconds |\n| --- | --- | --- | ---: |\n"

_seconds = Counter[tuple[str, str]]()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add the time of a phase of a test; with pytest-xdist the controller sees those of all workers."""
    file = report.nodeid.partition("::")[0]
    for marker in MARKERS:
        if marker in report.keywords and not report.skipped:
            _seconds[file, marker] += report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table, in the process that saw all tests."""
    if hasattr(session.config, "workerinput") or not _seconds:
        return
    page = PAGE.read_text("utf-8")
    rows = {(row["file"], row["marker"]): int(row["seconds"]) for row in ROW.finditer(page)}
    rows |= {key: max(1, round(seconds)) for key, seconds in _seconds.items()}
    rows = {key: seconds for key, seconds in rows.items() if key in marked()}
    ordered = sorted(rows.items(), key=lambda row: (MARKERS.index(row[0][1]), row[0]))
    table = HEAD + "".join(
        f"| `{file}` | `{marker}` | {summary_of(file)} | {seconds} |\n" for (file, marker), seconds in ordered
    )
    PAGE.write_text(BLOCK.sub(lambda block: f"{block[1]}{table}\n{block[2]}", page), "utf-8")


def marked() -> set[tuple[str, str]]:
    """Test files, and the markers of cost they carry."""
    mark = re.compile(rf"pytest\.mark\.({'|'.join(MARKERS)})\b")
    return {
        (path.relative_to(CHECKOUT).as_posix(), marker)
        for path in (CHECKOUT / "tests").rglob("test_*.py")
        for marker in mark.findall(path.read_text("utf-8"))
    }


def summary_of(file: str) -> str:
    """The first line of a test file's docstring."""
    first = (CHECKOUT / file).read_text("utf-8").partition("\n")[0]
    return first.strip('"').rstrip(".").replace("|", "/")
