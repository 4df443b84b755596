"""A text and its labels beside it are one document; what BRAT holds beside entities is counted."""

import hashlib
import io

import pytest

from elman.data.errors import BadInput
from elman.data.formats.common import lines
from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import NESTED_SPANS
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.text import brat
from elman.data.sources.reading import collect_sources
from elman.data.sources.reading import read as read_source
from elman.data.text.tags import spans

TEXT = "Anna met the old\r\nand new \U0001f600 Oslo club."


def records(text: str | bytes, *labels: str, options: Options | None = None):
    raw = text if isinstance(text, bytes) else text.encode()
    sidecars = tuple((f"a.{n}", lambda s=s: io.BytesIO(s.encode())) for n, s in enumerate(labels))
    options = options or Options()
    options = Options(sidecars=sidecars, report=options.report)
    return list(brat.read(lambda: io.BytesIO(raw), "a.txt", options))


def entities(document: Document) -> list[tuple[str, str]]:
    out = []
    for sentence in document.sentences:
        for first, last, kind in spans(sentence.tags):
            a, b = sentence.token_start[first] - sentence.start, sentence.token_end[last - 1] - sentence.start
            out.append((sentence.text[a:b], kind))
    return out


def test_entities_stand_at_their_offsets():
    (document,) = records(TEXT, "T1\tPER 0 4\tAnna\nT2\tLOC 28 32\tOslo\n")
    assert document.id == "a.txt"
    assert entities(document) == [("Anna", "PER"), ("Oslo", "LOC")]


def test_other_annotations_are_counted_and_no_entities():
    options = Options()
    labels = (
        "T1\tPER 0 4\tAnna\nR1\tKnows Arg1:T1 Arg2:T1\nE1\tMeet:T1\nA1\tX T1\n#1\tNote T1\thm\n*\tEquiv T1\n"
    )
    (document,) = records(TEXT, labels, options=options)
    assert entities(document) == [("Anna", "PER")]
    assert options.report.counts == {brat.OTHERS: 5, brat.WIDENED: 0, NESTED_SPANS: 0}


def test_a_discontinuous_entity_is_widened_and_of_nested_ones_the_outermost_is_kept():
    options = Options()
    labels = "T1\tCLUB 9 16;33 37\tthe old club\nT2\tLOC 28 32\tOslo\n"
    (document,) = records(TEXT, labels, options=options)
    assert entities(document) == [(TEXT[9:37], "CLUB")]
    assert (options.report.counts[brat.WIDENED], options.report.counts[NESTED_SPANS]) == (1, 1)


@pytest.mark.parametrize("labels", ["", "\n"])
def test_an_empty_file_of_labels_means_no_entities(labels):
    (document,) = records(TEXT, labels)
    assert {tag for sentence in document.sentences for tag in sentence.tags} == {"O"}


def test_several_files_of_labels_are_read_together():
    (document,) = records(TEXT, "T1\tPER 0 4\tAnna\n", "T2\tLOC 28 32\tOslo\n")
    assert len(entities(document)) == 2


def test_offsets_of_tools_that_count_line_ends_as_one_or_a_mark_are_understood():
    expected = [("Anna", "PER"), ("Oslo", "LOC")]
    (document,) = records(TEXT, "T1\tPER 0 4\tAnna\nT2\tLOC 27 31\tOslo\n")
    assert entities(document) == expected
    (document,) = records("\ufeff" + TEXT, "T1\tPER 1 5\tAnna\nT2\tLOC 29 33\tOslo\n")
    assert entities(document) == expected


@pytest.mark.parametrize(
    ("labels", "reason", "line"),
    [
        ("T1\tPER 0 4\tAnna\nT2\tLOC 1 5\tOslo\n", "span-outside", 2),
        ("T1\tPER 0 99\tAnna\n", "span-outside", 1),
        ("T1\tPER 0 8\tAnna met\nT2\tX 5 12\tmet the\n", "spans-overlap", 1),
        ("T1 PER 0 4 Anna\n", "invalid-spans", 1),
        ("\nhello\n", "invalid-spans", 2),
    ],
)
def test_a_bad_line_quarantines_its_document_and_is_named(labels, reason, line):
    (refused,) = records(TEXT, labels)
    assert isinstance(refused, Quarantined)
    assert (refused.reason, refused.source, refused.line) == (reason, "a.0", line)


def test_files_are_paired_by_name_and_labels_are_never_a_text(tmp_path):
    for name, content in {
        "x/a.txt": "Anna.",
        "x/a.ann": "T1\tPER 0 4\tAnna\n",
        "y/a.txt": "Oslo.",
        "y/a.ann": "",
        "y/b.txt": "No labels here.",
        "y/c.ann": "T1\tPER 0 4\tAnna\n",
        "annotation.conf": "PER\nLOC\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    sources, skipped = collect_sources([tmp_path])
    found = [(source.name, source.kind, len(source.annotations)) for source in sources]
    assert found == [("x/a.txt", "brat", 1), ("y/a.txt", "brat", 1), ("y/b.txt", "plain", 0)]
    assert {path.name: reason for path, reason in skipped} == {
        "annotation.conf": "no prose (.conf)",
        "c.ann": "labels of a text that is not there, c.txt",
    }
    labelled = [next(iter(read_source(source, Options()))) for source in sources]
    assert [document.sentences[0].tags for document in labelled] == [("B-PER", "O"), ("O", "O"), None]
    with pytest.raises(BadInput, match=r"labels of a text that is not there, c\.txt"):
        collect_sources([tmp_path / "y" / "c.ann"])


def test_a_text_or_a_line_of_labels_beyond_the_limit_is_quarantined(monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_RECORD", 1000)
    text, good = "x" * 1001, "T1\tPER 0 4\tAnna\n"
    (refused,) = records(text, good)
    assert (refused.source, refused.reason, refused.byte_offset) == ("a.txt", "too-long", 0)
    assert (
        f"bytes 0 to 1001 of the file, sha256 {hashlib.sha256(text.encode()).hexdigest()}" in refused.detail
    )
    long = "#1\tNote T1\t" + "y" * 300_000 + "\n"
    (refused,) = records(TEXT, good + long)
    assert (refused.source, refused.line, refused.byte_offset) == ("a.0", 2, len(good))
    assert f"bytes {len(good)} to {len(good + long)} of the file" in refused.detail
    assert hashlib.sha256(long.encode()).hexdigest() in refused.detail
