"""Places in a source are known by their line, whatever its line ends."""

import gzip
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.sources import line_numbers as module
from elman.data.sources.line_numbers import line_numbers
from elman.data.sources.reading import collect_sources


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\xc3\xa9"])), st.integers(1, 4))
def test_lines_are_counted_in_blocks_of_any_size(parts, size):
    data = b"".join(parts)
    ends = [match.end() for match in re.finditer(rb"\r?\r\n|\n|\r", data)]
    starts = [0, *ends]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", size)
        stream = io.BytesIO(data)
        found = module._lines_at(stream.read, starts, b"\r", b"\n")
    assert found == {start: number for number, start in enumerate(starts, 1)}


def test_plain_text_is_counted_in_characters_and_records_in_bytes(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("\ufeffé𝔸.\r\nTwo.\rThree.".encode()))
    (tmp_path / "b.jsonl").write_bytes('{"text": "é"}\n{"text": "b"}\n'.encode())
    (plain, lines), _ = collect_sources([tmp_path])
    assert line_numbers(plain.files[0], [(0, 0), (0, 5), (0, 10)]) == {(0, 0): 1, (0, 5): 2, (0, 10): 3}
    assert line_numbers(lines.files[0], [(15, 0), (0, 0)]) == {(0, 0): 1, (15, 0): 2}
