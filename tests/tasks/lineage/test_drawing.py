"""The drawing of a trace: every name escaped, long columns cut, what does not fit in red."""

import xml.etree.ElementTree as ET

from elman.tasks.lineage.checks import Problem
from elman.tasks.lineage.drawing import drawing
from elman.tasks.lineage.graph import MODEL, OUTPUT, SOURCE, Key
from elman.tasks.lineage.trace import Step, Trace

SVG = "{http://www.w3.org/2000/svg}"
TRACED = Key(MODEL, "m-s0-00000000")


def of(sources: int, state: str = "fits", problems: tuple[Problem, ...] = ()) -> ET.Element:
    up = [
        Step(key=Key(SOURCE, str(n)), name=f"<b>{n}&\x1b", relation="learnt from", by=TRACED, depth=1)
        for n in range(sources)
    ]
    out = Key(OUTPUT, "/tmp/out")
    down = [Step(key=out, name="out", relation="tagged by", by=TRACED, depth=1, state=state, sha256="0")]
    trace = Trace(keys=(TRACED,), names=("m",), facts={}, up=tuple(up), down=tuple(down), problems=problems)
    return ET.fromstring(drawing(trace))


def test_names_are_text():
    texts = [node.text for node in of(2).iter(f"{SVG}text")]
    assert "<b>1&\\x1b" in texts


def test_a_long_column_is_cut_and_says_so():
    texts = [node.text for node in of(500).iter(f"{SVG}text")]
    assert "and 489 more" in texts
    assert len(texts) < 40


def test_what_does_not_fit_is_red():
    def red(root: ET.Element) -> int:
        return sum("broken" in node.get("class", "") for node in root.iter(f"{SVG}rect"))

    assert red(of(1)) == 0
    assert red(of(1, state="broken")) == 1
    assert red(of(1, problems=(Problem("/home/models/m-s0-00000000/x", "..."),))) == 1
