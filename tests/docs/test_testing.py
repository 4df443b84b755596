"""The table of expensive tests in docs/testing.md agrees with the markers in the tests."""

import re

from tests.costs import CHECKOUT, MARKERS, PAGE, ROW, marked

KILLS = re.compile(r"os\.kill(pg)?\(|SIGKILL|\.kill\(\)|send_signal\(|marked_worker")


def test_the_table_and_the_markers_agree():
    """A new marked file gets its row when it is run with `-p tests.costs`."""
    assert {(row["file"], row["marker"]) for row in ROW.finditer(PAGE.read_text("utf-8"))} == marked()


def test_every_marker_is_explained_and_left_out_of_the_daily_loop():
    page, makefile = PAGE.read_text("utf-8"), (CHECKOUT / "Makefile").read_text("utf-8")
    (fast,) = re.findall(r"^FAST := (.*)$", makefile, re.MULTILINE)
    assert set(fast.replace("not ", "").split(" and ")) == {*MARKERS, "slow"}
    assert [marker for marker in (*MARKERS, "slow") if f"| `{marker}` |" not in page] == []


def test_tests_that_kill_processes_carry_a_marker():
    expensive = {file for file, _ in marked()}
    kill = [
        path.relative_to(CHECKOUT).as_posix()
        for path in sorted((CHECKOUT / "tests").rglob("test_*.py"))
        if path.name != "test_testing.py" and KILLS.search(path.read_text("utf-8"))
    ]
    assert [file for file in kill if file not in expensive] == []
