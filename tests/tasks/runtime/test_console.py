"""Progress and messages are for a person, on a terminal or not."""

import pytest

from elman.tasks.runtime.console import format_amount, progress


@pytest.mark.parametrize(
    ("number", "unit", "shown"),
    [
        (65, "B", "65 B"),
        (1234.5, "B", "1.23 kB"),
        (64e6, "B", "64 MB"),
        (2.5e9, "B", "2.5 GB"),
        (3e13, "B", "30,000 GB"),
        (1234, "updates", "1,234 updates"),
        (0.31, "updates", "0.31 updates"),
    ],
)
def test_an_amount_reads_well(number, unit, shown):
    assert format_amount(number, unit) == shown


def test_a_finished_step_says_how_much_it_did(capsys):
    with progress("reading", 4096, "B", lambda: "1 of 1 files") as advance:
        advance(4096)
    line = capsys.readouterr().err
    assert line.startswith("reading: 4.1 kB of 4.1 kB, ")
    assert line.rstrip().endswith("/s, 1 of 1 files")


def test_nothing_to_do_is_nothing_to_say(capsys):
    with progress("reading", 0, "B"):
        pass
    assert capsys.readouterr().err == ""
