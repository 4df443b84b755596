"""Lines end with any of the three line ends, mixed or not, whatever the blocks."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.formats.common import lines
from elman.data.formats.common.lines import lone_returns, universal_lines


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\xc3\xa9", b"\x0b"])), st.integers(1, 4))
def test_lines_are_those_of_a_regular_expression_for_every_block_size(parts, size):
    data = b"".join(parts)
    expected = [match[0] for match in re.finditer(rb"[^\r\n]*(?:\r?\r\n|\r|\n)|[^\r\n]+\Z", data)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK", size)
        assert list(universal_lines(io.BytesIO(data))) == expected


@pytest.mark.parametrize(
    ("head", "lone"),
    [(b"a\rb", True), (b"a\r\nb", False), (b"a\nb\rc", False), (b"a\r\r\nb", False), (b"a", False)],
)
def test_the_first_line_end_tells_whether_returns_stand_alone(head, lone):
    assert lone_returns(head) is lone
