"""The terminal shows tables, a histogram of lengths, and findings; control characters are made visible."""

from elman.data.quality.findings import Example, Finding
from elman.flows.check import Checked
from elman.tasks.inspection.check_text import text_of
from elman.tasks.inspection.corpus_check import CheckReport

FINDING = Finding(
    "duplicate", "note", 2, "sentences", "twice", "Remove it.", (Example("a\x1b[1mb", "f.conll"),)
)


def shown(statistics, *findings):
    return text_of(Checked(CheckReport("letters", "text", statistics, findings), 0)).splitlines()


def test_lengths_are_a_histogram_without_empty_bins():
    lines = shown({"lengths": {"lower_edges": [1, 2, 4], "train": [0, 5, 10, 0], "dev": [0, 0, 5, 0]}})
    assert lines[2:5] == [
        "sentences by tokens",
        f"       1  {'#' * 10:<30}  train 5  dev 0",
        f"  2 to 3  {'#' * 30}  train 10  dev 5",
    ]


def test_a_finding_has_its_place_and_advice_and_no_control_characters():
    text = "\n".join(shown({}, FINDING))
    assert "note: 2 sentences: twice (duplicate)\n  f.conll: " in text
    assert "\x1b" not in text
    assert text.endswith("Remove it.\n\n0 errors, 0 warnings, 1 notes")
