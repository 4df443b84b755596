"""Items: found, paired, hashed and read whole."""

import subprocess
import sys
from dataclasses import replace

import pytest

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document
from elman.data.sources.reading import collect_sources, read, unit_by_script
from elman.data.text.tokenizer import Tokenizer

CONLL = "John\tB-PER\nsleeps\tO\n.\tO\n\n"


@pytest.mark.parametrize("name", ["a.conll", "a.txt", "a.jsonl", "a.fna"])
def test_progress_adds_up_to_the_size(tmp_path, name):
    text = {
        "a.conll": CONLL * 9000,
        "a.txt": "Tom ran home.\n" * 40_000,
        "a.jsonl": '{"text": "Tom ran."}\n' * 9000,
        "a.fna": ">x\n" + "ACGT" * 9000 + "\n",
    }[name]
    (tmp_path / name).write_text(text)
    (item,), _ = collect_sources([tmp_path])
    done: list[float] = []
    assert sum(1 for _ in read(item, Options(), done.append))
    assert sum(done) == pytest.approx(item.size)
    assert min(done) >= 0


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text(CONLL * 2)
    (item,), _ = collect_sources([path])
    path.write_text(CONLL * 3)
    with pytest.raises(BadInput, match="expected a file that does not change during the run"):
        list(read(item, Options()))


def test_a_name_for_content_does_not_depend_on_where_it_lies(tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.fna").write_text(">x\nACGT\n")
        (tmp_path / folder / "x.gff3").write_text("##gff-version 3\n")
    (one,), _ = collect_sources([tmp_path / "a"])
    (two,), _ = collect_sources([tmp_path / "b"])
    assert one.to_json() == two.to_json()
    assert [source.name for source in one.sources] == ["x.fna", "x.gff3"]
    (alone,), _ = collect_sources([tmp_path / "a" / "x.fna"])
    assert alone.sha256 != one.sha256
    assert replace(one, split="test").key != one.key


def test_an_annotation_alone_is_no_corpus(tmp_path):
    (tmp_path / "x.gff3").write_text("##gff-version 3\nc\tt\tCDS\t1\t30\t.\t+\t0\tID=a\n")
    with pytest.raises(BadInput, match=r"x\.gff3.*beside the annotation"):
        collect_sources([tmp_path])


def test_parquet_is_skipped(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and so on")
    (tmp_path / "a.conll").write_text(CONLL)
    items, skipped = collect_sources([tmp_path])
    assert [item.name for item in items] == ["a.conll"]
    assert "Parquet" in skipped[0][1]


@pytest.mark.parametrize(
    ("name", "text", "unit"),
    [
        ("a.conll", CONLL, "word"),
        ("b.conll", "台\tB-GPE\n北\tI-GPE\n\n", "char"),
        ("c.txt", "台北今天下雨，Tom 沒有來。\n", "char"),
        ("d.txt", "It rained in 台北.\n", "word"),
        ("e.jsonl", '{"text": "東京は雨です。"}\n', "char"),
        ("f.conll", "broken\n", "word"),
    ],
)
def test_the_script_tells_the_unit(tmp_path, name, text, unit):
    (tmp_path / name).write_text(text)
    (item,), _ = collect_sources([tmp_path])
    assert unit_by_script(item, Options()) == unit


def test_the_tokenizer_given_cuts_the_text(tmp_path):
    (tmp_path / "a.txt").write_text("Tom ran.\n")
    (item,), _ = collect_sources([tmp_path])
    counts = {"word": 0, "char": 0}
    for unit in counts:
        for document in read(item, Options(tokenizer=Tokenizer(unit=unit))):
            assert isinstance(document, Document)
            counts[unit] += sum(len(sentence.token_start) for sentence in document.sentences)
    assert counts == {"word": 3, "char": 7}


PEAK = """
import resource, sys
from pathlib import Path
from elman.data.corpus.shards import SourceRecords, text_shards
from elman.data.formats.common.options import Options
from elman.data.sources.reading import collect_sources, read
(item,), _ = collect_sources([Path(sys.argv[1])])
for cut in text_shards([SourceRecords(item.name, item.kind, None, read(item, Options()))], 4 << 20):
    cut.tables()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_one_long_text(tmp_path):
    peaks = []
    for count in (1, 3):
        path = tmp_path / f"{count}.txt"
        with path.open("w") as out:
            for number in range(count * 150_000):
                out.write(f"This is sentence number {number} of a text that goes on and on for ever.\n\n")
        peaks.append(int(subprocess.check_output([sys.executable, "-c", PEAK, path])))
    assert peaks[1] < 1.2 * peaks[0]
