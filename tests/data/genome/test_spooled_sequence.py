"""Long sequences lie in a file, short ones in memory; what is read of them is the same."""

import random

import pytest

from elman.data.genome import spooled_sequence
from elman.data.genome.spooled_sequence import SequenceFile, SpooledSequence


@pytest.fixture
def letters(monkeypatch, tmp_path) -> tuple[str, SpooledSequence]:
    """Some that came in piece by piece, most of them written."""
    monkeypatch.setattr(spooled_sequence, "MEMORY_LIMIT", 100)
    monkeypatch.setattr(spooled_sequence, "_WRITE_SIZE", 10)
    text = "".join(random.Random(0).choices("ACGTn", k=1234))
    held = SpooledSequence(tmp_path)
    for at in range(0, 1234, 7):
        held.add(text[at : at + 7].encode())
    return text, held


def test_slices_are_those_of_the_string(letters):
    text, held = letters
    assert held[90:300] == text[90:300].encode()
    spooled = held.text()
    assert isinstance(spooled, SequenceFile)
    assert len(spooled) == 1234
    for part in (slice(0, 5), slice(99, 101), slice(1200, 2000), slice(7, 3), slice(None), slice(-4, None)):
        assert spooled[part] == text[part]


def test_the_file_has_no_name(letters, tmp_path):
    letters[1].text()
    assert not list(tmp_path.iterdir())


def test_few_letters_and_those_without_a_folder_are_a_string(monkeypatch, tmp_path):
    monkeypatch.setattr(spooled_sequence, "MEMORY_LIMIT", 3)
    for folder, text in ((None, "ACGTACGT"), (tmp_path, "AC")):
        held = SpooledSequence(folder)
        held.add(text.encode())
        assert len(held) == len(text)
        assert held.text() == text
