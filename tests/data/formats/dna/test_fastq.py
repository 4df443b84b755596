"""FASTQ: ids and bases of reads; what is not four lines a read is refused without the reads beside it."""

import gzip
import io
import random

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import SliceSize
from elman.data.formats.dna.fastq import read_fastq, split_fastq
from elman.data.formats.registry import Head, detect
from elman.data.genome.contigs import Contig
from elman.data.sources.reading import collect_sources
from elman.data.sources.reading import read as read_source


def read(raw: bytes):
    return list(read_fastq(io.BytesIO(raw), "x.fq", Options()))


def entry(name: str, bases: str = "ACGTN", quality: str = "", end: str = "\n") -> str:
    return end.join([f"@{name}", bases, "+", quality or "I" * len(bases), ""])


def test_a_read_is_a_contig_of_its_id_and_bases():
    (one, two) = read((entry("r1 1:N:0", "ACgtN") + entry("r2/2", quality="@+@>I")).encode())
    assert one == Contig("r1", "ACgtN", None, "x.fq", 0, 1)
    assert (two.id, two.byte_offset, two.line) == ("r2/2", 24, 5)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_is_read_and_the_last_may_be_missing(end):
    raw = (entry("a", end=end) + entry("b", end=end)).removesuffix(end)
    assert [(r.id, r.bases) for r in read(raw.encode())] == [("a", "ACGTN"), ("b", "ACGTN")]


def test_the_id_may_stand_after_the_plus_and_blank_lines_between_reads():
    raw = b"\xef\xbb\xbf@a\nAC\n+a\nII\n\n\n@b\nACG\n+b\n@II\n"
    assert [(r.id, r.bases) for r in read(raw)] == [("a", "AC"), ("b", "ACG")]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("@m\nACGT\nACGT\n+\nIIII\nIIII\n", "bad-fastq"),
        ("@m\nACGT\n+\nIII\n", "bad-fastq"),
        ("@m\n@x\nACGT\n+\nIIII\n", "bad-fastq"),
        ("junk\n", "bad-fastq"),
        ("@ \nACGT\n+\nIIII\n", "no-id"),
        ("@p\nMKLE\n+\nIIII\n", "not-dna"),
        ("@e\n\n+\n\n", "empty-record"),
        ("@a\nAC\n+\nII\n", "duplicate-id"),
    ],
)
def test_a_bad_read_costs_only_itself(bad, reason):
    records = read((entry("a") + bad + entry("b") + entry("c")).encode())
    good = [record.id for record in records if isinstance(record, Contig)]
    (first, *_) = [record for record in records if isinstance(record, Quarantined)]
    assert first.reason == reason
    assert (good[0], good[-2:]) == ("a", ["b", "c"])


def test_a_file_that_breaks_off_gives_the_reads_before():
    raw = (entry("a") + entry("b")).encode()
    records = read(raw[: len(raw) - 4])
    assert [getattr(record, "id", None) or record.reason for record in records] == ["a", "truncated"]


def random_file(seed: int) -> bytes:
    draw = random.Random(seed)
    out = []
    for number in range(60):
        bases = "".join(draw.choices("ACGT", k=draw.randint(1, 90)))
        quality = "".join(draw.choices("@+>IJK#", k=len(bases)))
        out.append(entry(f"r{number % 50} x", bases, quality, draw.choice(["\n", "\r\n"])))
        if draw.random() < 0.1:
            out.append(draw.choice(["junk\n", "\n", "@m\nACGT\nACGT\n+\nIIII\n@III\n", "@q\nAC\n+\nI\n"]))
    return "".join(out).encode()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("size", [1, 200, 2000])
def test_slices_give_the_reads_of_the_whole(seed, size):
    raw = random_file(seed)
    slices = split_fastq(io.BytesIO(raw), SliceSize.of(size))
    records = []
    for slice_ in slices:
        records += read_fastq(
            io.BytesIO(raw[slice_.begin : slice_.end]),
            "x.fq",
            Options(),
            byte_offset=slice_.begin,
            line=slice_.state["line"] + 1,
            seen=set(slice_.state.get("seen", ())),
        )
    assert slices[-1].end == len(raw)
    assert records == read(raw)


@pytest.mark.parametrize("name", ["r.fastq.gz", "reads"])
def test_it_is_known_by_its_content(tmp_path, name):
    raw = entry("a").encode() * 1
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    (source,), _ = collect_sources([tmp_path])
    assert source.kind == "fastq"
    assert [record.id for record in read_source(source, Options())] == ["a"]


MULTI_LINE = "@r1 x\nACGT\nACGT\n+r1\nIIII\n@III\n@r2\nAC\n+\nII\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.fq", MULTI_LINE),
        ("a.dat", MULTI_LINE),
        ("a.fastq", "@r1\n\n+\n\n" + entry("r2")),
        ("a.fq", "@r1\nACGT\n"),
    ],
)
def test_fastq_with_a_malformed_first_read_is_no_text(name, content):
    assert detect(Head(name, content.encode(), True)).name == "fastq"
